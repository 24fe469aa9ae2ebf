#include "invoicing/invoicing.h"

#include "billing/billing.h"
#include "invoicing/subject.h"

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

sm_err sm_found_invoice(const sm_invoicing *invoicing, const sm_subject *subject,
                        sm_invoice *invoice) {
  char month[16];
  if (subject->account == NULL) return SM_ERR_NOT_FOUND;
  (void)snprintf(month, sizeof month, "%04d-%02d", subject->year, subject->month);
  return sm_ledger_invoice_of(invoicing->ledger, subject->account->account_id, month, invoice);
}

static sm_err name_invoice(const sm_invoicing *invoicing, const sm_subject *subject,
                           sm_bill *bill) {
  sm_invoice invoice = {0};
  sm_err err = sm_found_invoice(invoicing, subject, &invoice);
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
  if (err == SM_OK) err = name_invoice(invoicing, subject, out);
  sm_collected_fini(&collected);
  sm_book_fini(&book);
  if (err == SM_OK)
    *bill = out;
  else
    sm_bill_free(out);
  return err;
}

sm_err sm_found_init(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                     sm_found *found) {
  *found = (sm_found){.subject = {.shown_device_id = query->device_id,
                                  .year = query->year,
                                  .month = query->month,
                                  .now_ms = query->now_ms}};
  if (query->device_id == NULL && query->account_id == NULL) return SM_ERR_INVALID;
  sm_err err = find_account(invoicing, query, &found->account);
  if (err == SM_OK) {
    found->subject.account = &found->account;
  } else if (err == SM_ERR_NOT_FOUND && query->account_id == NULL && query->user_id == NULL) {
    err = sm_ledger_device(invoicing->ledger, query->device_id, &found->device);
    found->subject.device = &found->device;
  }
  return err;
}

void sm_found_fini(sm_found *found) {
  sm_account_fini(&found->account);
  sm_device_fini(&found->device);
}

sm_err sm_invoicing_bill(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                         sm_bill **bill) {
  sm_found found;
  sm_err err = sm_found_init(invoicing, query, &found);
  if (err == SM_OK) err = compute(invoicing, &found.subject, bill);
  sm_found_fini(&found);
  return err;
}
