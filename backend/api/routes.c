#include "api/routes.h"

static const sm_route table[] = {
    {"POST", "/api/auth/login", SM_ACCESS_OPEN, {0}, sm_handle_login},
    {"POST", "/api/auth/refresh", SM_ACCESS_COOKIE, {0}, sm_handle_refresh},
    {"POST", "/api/auth/logout", SM_ACCESS_COOKIE, {0}, sm_handle_logout},
    {"GET", "/api/site", SM_ACCESS_OPEN, {0}, sm_handle_site},
    {"GET", "/api/devices", SM_ACCESS_OWN, {0}, sm_handle_devices},
    {"POST", "/api/devices", SM_ACCESS_ADMIN, {0}, sm_handle_device_add},
    {"GET", "/api/devices/{id}/readings", SM_ACCESS_OWN, {SM_PARAM_DEVICE}, sm_handle_readings},
    {"GET", "/api/devices/{id}/edits", SM_ACCESS_OWN, {SM_PARAM_DEVICE}, sm_handle_edits},
    {"POST", "/api/devices/{id}/edits", SM_ACCESS_ADMIN, {SM_PARAM_DEVICE}, sm_handle_edit_add},
    {"POST",
     "/api/devices/{id}/edits/{no}/withdraw",
     SM_ACCESS_ADMIN,
     {SM_PARAM_DEVICE, SM_PARAM_NUMBER},
     sm_handle_edit_withdraw},
    {"GET", "/api/billing/{id}", SM_ACCESS_OWN, {SM_PARAM_DEVICE}, sm_handle_bill},
    {"GET", "/api/billing/{id}/explain", SM_ACCESS_OWN, {SM_PARAM_DEVICE}, sm_handle_explain},
    {"GET", "/api/tariffs", SM_ACCESS_OWN, {0}, sm_handle_tariffs},
    {"POST", "/api/tariffs", SM_ACCESS_ADMIN, {0}, sm_handle_tariff_add},
    {"POST", "/api/tariffs/preview", SM_ACCESS_ADMIN, {0}, sm_handle_tariff_preview},
    {"GET", "/api/invoices/{id}", SM_ACCESS_OWN, {SM_PARAM_DEVICE}, sm_handle_invoices},
    {"GET",
     "/api/invoices/{id}/{number}",
     SM_ACCESS_OWN,
     {SM_PARAM_DEVICE, SM_PARAM_NUMBER},
     sm_handle_invoice},
    {"GET", "/api/accounts", SM_ACCESS_OWN, {0}, sm_handle_accounts},
    {"POST", "/api/accounts", SM_ACCESS_ADMIN, {0}, sm_handle_account_add},
    {"GET", "/api/accounts/{id}", SM_ACCESS_OWN, {SM_PARAM_OPAQUE}, sm_handle_account},
    {"PATCH", "/api/accounts/{id}", SM_ACCESS_ADMIN, {SM_PARAM_OPAQUE}, sm_handle_account_change},
    {"GET", "/api/rejects", SM_ACCESS_ADMIN, {0}, sm_handle_rejects},
    {"GET", "/api/live", SM_ACCESS_OPEN, {0}, NULL},
    {"GET", "/api/openapi.json", SM_ACCESS_OPEN, {0}, sm_handle_openapi},
    {"GET", "/healthz", SM_ACCESS_OPEN, {0}, sm_handle_health},
    {"GET", "/readyz", SM_ACCESS_OPEN, {0}, sm_handle_ready},
};

const sm_route *sm_routes(size_t *count) {
  *count = sizeof table / sizeof table[0];
  return table;
}
