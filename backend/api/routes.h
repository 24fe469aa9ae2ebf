/* The table of all routes, and the handlers behind it. What each takes and gives is in
 * contracts/openapi.json; a test holds the two against each other. */
#ifndef SM_API_ROUTES_H
#define SM_API_ROUTES_H

#include "api/router.h"

const sm_route *sm_routes(size_t *count);

/* handlers_auth.c */
void sm_handle_login(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_refresh(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_logout(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_me.c */
void sm_handle_me(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_me_change(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_me_password(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_me_sessions(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_me_session_end(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_redeem(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_user.c */
void sm_handle_users(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_user(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_user_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_user_change(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_user_link(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_user_sessions(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_user_session_end(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_site.c */
void sm_handle_settings(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_settings_change(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_losses(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_device.c */
void sm_handle_devices(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_device_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_device_edit.c */
void sm_handle_device(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_device_change(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_device_revoke(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_device_replace(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_device_credentials(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_device_logins(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_firmware.c */
void sm_handle_firmware(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_firmware_devices(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_firmware_halt(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_firmware_resume(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_firmware_image(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_readings.c */
void sm_handle_readings(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_explain.c */
void sm_handle_explain(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_tariff_preview(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_coming.c */
void sm_handle_coming(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_landlord.c */
void sm_handle_account_import(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_utilities(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_utility_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_utility(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_utility_post(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_utility_reverse(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_utility_cancel(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_statement.c */
void sm_handle_statement(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_edit.c */
void sm_handle_edits(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_edit_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_edit_withdraw(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_billing.c */
void sm_handle_bill(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_invoices(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_invoice(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_print.c */
void sm_handle_invoice_pdf(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_invoices_find(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_run(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_run_begin(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_run_accounts(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_payment_import(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_invoices_zip(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_tariff.c */
void sm_handle_tariffs(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_tariff_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_account.c */
void sm_handle_accounts(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_account(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_account_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_account_change(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_entry.c */
void sm_handle_entries(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_payment(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_entry_reverse(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_correct.c */
void sm_handle_credit(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_issue(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_exceptions(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_exception_decide(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_dispute.c */
void sm_handle_disputes(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_dispute(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_dispute_open(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_dispute_resolve(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_audit.c */
void sm_handle_audit(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_person.c */
void sm_handle_person_export(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_person_erase(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_key.c */
void sm_handle_keys(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_key_add(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_key_rotate(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_key_revoke(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_alert.c */
void sm_handle_alerts(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_alert_acknowledge(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_thresholds(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_thresholds_set(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_notice.c */
void sm_handle_notifications(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_notifications_set(struct sm_api *api, const sm_request *request, sm_answer *answer);
/* handlers_ops.c */
void sm_handle_rejects(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_site(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_health(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_ready(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_docs(struct sm_api *api, const sm_request *request, sm_answer *answer);
void sm_handle_openapi(struct sm_api *api, const sm_request *request, sm_answer *answer);

#endif
