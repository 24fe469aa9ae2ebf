#include "store/ledger.h"
#include "store/ledger_invoices.h"

#include <stdlib.h>
#include <string.h>

const char *sm_role_name(sm_role role) {
  return role == SM_ROLE_ADMIN ? "admin" : "consumer";
}

sm_err sm_role_parse(const char *name, sm_role *role) {
  if (strcmp(name, "admin") == 0) {
    *role = SM_ROLE_ADMIN;
  } else if (strcmp(name, "consumer") == 0) {
    *role = SM_ROLE_CONSUMER;
  } else {
    return SM_ERR_INVALID;
  }
  return SM_OK;
}

/* Every fini leaves a zeroed struct, so that a second one does no harm. */

void sm_site_fini(sm_site *site) {
  if (site == NULL) return;
  free(site->name);
  free(site->zone);
  free(site->currency);
  *site = (sm_site){0};
}

void sm_user_fini(sm_user *user) {
  if (user == NULL) return;
  free(user->user_id);
  free(user->email_sealed.data);
  free(user->name_sealed.data);
  free(user->password_hash);
  free(user->language);
  *user = (sm_user){0};
}

void sm_users_free(sm_user *users, size_t count) {
  for (size_t i = 0; i < count; i++) sm_user_fini(&users[i]);
  free(users);
}

void sm_device_fini(sm_device *device) {
  if (device == NULL) return;
  free(device->device_id);
  free(device->name);
  free(device->owner_user_id);
  free(device->owner_email_sealed.data);
  free(device->tariff);
  free(device->account_id);
  free(device->cohort);
  *device = (sm_device){0};
}

void sm_devices_free(sm_device *devices, size_t count) {
  for (size_t i = 0; i < count; i++) sm_device_fini(&devices[i]);
  free(devices);
}

void sm_account_fini(sm_account *account) {
  if (account == NULL) return;
  for (size_t i = 0; i < account->meter_count; i++) free(account->meter[i].device_id);
  for (size_t i = 0; i < account->tariff_count; i++) free(account->tariff[i].name);
  free(account->meter);
  free(account->tariff);
  free(account->account_id);
  free(account->user_id);
  free(account->person_sealed.data);
  free(account->place);
  *account = (sm_account){0};
}

void sm_accounts_free(sm_account *accounts, size_t count) {
  for (size_t i = 0; i < count; i++) sm_account_fini(&accounts[i]);
  free(accounts);
}

void sm_tariff_row_fini(sm_tariff_row *row) {
  if (row == NULL) return;
  free(row->name);
  free(row->body);
  *row = (sm_tariff_row){0};
}

void sm_tariff_rows_free(sm_tariff_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) sm_tariff_row_fini(&rows[i]);
  free(rows);
}

void sm_invoice_fini(sm_invoice *invoice) {
  if (invoice == NULL) return;
  free(invoice->number);
  free(invoice->account_id);
  free(invoice->device_id);
  free(invoice->kind);
  free(invoice->month);
  free(invoice->currency);
  free(invoice->status);
  free(invoice->body);
  free(invoice->snapshot);
  free(invoice->settles);
  *invoice = (sm_invoice){0};
}

void sm_invoices_free(sm_invoice *invoices, size_t count) {
  for (size_t i = 0; i < count; i++) sm_invoice_fini(&invoices[i]);
  free(invoices);
}

void sm_invoice_rows_fini(sm_invoice_rows *rows) {
  if (rows == NULL) return;
  for (size_t i = 0; i < rows->count; i++) {
    sm_invoice_fini(&rows->item[i].invoice);
    free(rows->item[i].place);
  }
  free(rows->item);
  *rows = (sm_invoice_rows){0};
}

void sm_reading_edit_fini(sm_reading_edit *edit) {
  if (edit == NULL) return;
  free(edit->reason);
  free(edit->made_by);
  free(edit->withdrawn_by);
  free(edit->withdrawn_reason);
  *edit = (sm_reading_edit){0};
}

void sm_reading_edits_free(sm_reading_edit *edits, size_t count) {
  for (size_t i = 0; i < count; i++) sm_reading_edit_fini(&edits[i]);
  free(edits);
}

void sm_audit_entries_free(sm_audit_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(entries[i].actor);
    free(entries[i].action);
    free(entries[i].subject);
    free(entries[i].detail);
  }
  free(entries);
}
