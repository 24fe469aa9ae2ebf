#include "invoicing/invoicing.h"

#include "billing/billing.h"
#include "invoicing/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_meter(const sm_account *account, const char *device_id) {
  for (size_t i = 0; i < account->meter_count; i++)
    if (strcmp(account->meter[i].device_id, device_id) == 0) return true;
  return false;
}

/* The account that is asked for. SM_ERR_NOT_FOUND also for one that is somebody else's. */
static sm_err find_account(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                           sm_account *account) {
  int64_t from_ms, to_ms;
  if (query->account_id == NULL) {
    sm_month_span(invoicing->zone, query->year, query->month, &from_ms, &to_ms);
    return sm_ledger_account_of_device(invoicing->ledger, query->device_id, query->user_id, from_ms,
                                       to_ms, account);
  }
  sm_err err = sm_ledger_account(invoicing->ledger, query->account_id, account);
  if (err != SM_OK) return err;
  bool theirs = query->user_id == NULL ||
                (account->user_id != NULL && strcmp(account->user_id, query->user_id) == 0);
  if (theirs && (query->device_id == NULL || has_meter(account, query->device_id))) return SM_OK;
  sm_account_fini(account);
  *account = (sm_account){0};
  return SM_ERR_NOT_FOUND;
}

static sm_err name_invoice(const sm_invoicing *invoicing, sm_bill *bill) {
  char month[16];
  sm_invoice invoice = {0};
  if (bill->account_id == NULL) return SM_OK;
  (void)snprintf(month, sizeof month, "%04d-%02d", bill->year, bill->month);
  sm_err err = sm_ledger_invoice_of(invoicing->ledger, bill->account_id, month, &invoice);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  bill->invoice = strdup(invoice.number);
  sm_invoice_fini(&invoice);
  return bill->invoice != NULL ? SM_OK : SM_ERR_NOMEM;
}

static sm_err compute(const sm_invoicing *invoicing, const sm_subject *subject, sm_bill **bill) {
  sm_book book;
  sm_collected collected = {0};
  sm_bill *out = NULL;
  sm_book_init(&book, invoicing->ledger);
  sm_err err = sm_collect(invoicing, &book, subject, &collected);
  if (err == SM_OK) err = sm_billing_compute(&collected.input, &out);
  if (err == SM_OK) err = name_invoice(invoicing, out);
  sm_collected_fini(&collected);
  sm_book_fini(&book);
  if (err == SM_OK)
    *bill = out;
  else
    sm_bill_free(out);
  return err;
}

sm_err sm_invoicing_bill(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                         sm_bill **bill) {
  sm_account account = {0};
  sm_device device = {0};
  sm_subject subject = {.shown_device_id = query->device_id,
                        .year = query->year,
                        .month = query->month,
                        .now_ms = query->now_ms};
  if (query->device_id == NULL && query->account_id == NULL) return SM_ERR_INVALID;
  sm_err err = find_account(invoicing, query, &account);
  if (err == SM_OK) {
    subject.account = &account;
  } else if (err == SM_ERR_NOT_FOUND && query->account_id == NULL && query->user_id == NULL) {
    err = sm_ledger_device(invoicing->ledger, query->device_id, &device);
    subject.device = &device;
  }
  if (err == SM_OK) err = compute(invoicing, &subject, bill);
  sm_account_fini(&account);
  sm_device_fini(&device);
  return err;
}
