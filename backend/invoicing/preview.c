#include "invoicing/preview.h"

#include "base/checked.h"
#include "billing/billing.h"
#include "invoicing/subject.h"
#include "invoicing/true_ups.h"

#include <stdlib.h>
#include <string.h>

typedef struct preview {
  const sm_invoicing *invoicing;
  const sm_preview_request *request;
  sm_preview_fn *each;
  void *context;
  sm_preview_sums sums;
  sm_book book;
  int64_t from_ms; /* the month */
  int64_t to_ms;
  bool stopped;
} preview;

/* ---- one account ---- */
/* The corrections that stand on an invoice are of other months. */
static sm_err subtract_corrections(preview *p, const char *number, int64_t *minor) {
  sm_true_ups of = {0};
  sm_err err = sm_true_ups_of(p->invoicing->ledger, number, &of);
  for (size_t i = 0; err == SM_OK && i < of.count; i++) {
    err = sm_sub_i64(*minor, of.exception[i].net_minor, minor);
    if (err == SM_OK) err = sm_sub_i64(*minor, of.exception[i].tax_minor, minor);
  }
  sm_true_ups_fini(&of);
  return err;
}

/* The month as it was billed, or would be. */
static sm_err old_total(preview *p, const sm_subject *subject, sm_collected *collected,
                        sm_invoice *invoice, sm_bill **bill, int64_t *minor) {
  sm_err err = sm_found_invoice(p->invoicing, subject, invoice);
  if (err == SM_OK) {
    *minor = invoice->total_minor;
    return subtract_corrections(p, invoice->number, minor);
  }
  if (err != SM_ERR_NOT_FOUND) return err;
  err = sm_billing_compute(&collected->input, bill);
  if (err == SM_OK) *minor = (*bill)->total_minor;
  return err;
}

static sm_err new_bill(preview *p, const sm_collected *collected, sm_bill **bill) {
  const sm_billing_tariff draft = {.from = p->request->tariff->effective_from,
                                   .tariff = p->request->tariff};
  sm_billing_input input = collected->input;
  input.tariff = &draft;
  input.tariff_count = 1;
  return sm_billing_compute(&input, bill);
}

static sm_err add_up(preview *p, sm_preview_result *r) {
  sm_preview_sums *sums = &p->sums;
  sums->accounts++;
  sums->invoiced += r->invoice != NULL;
  sm_err err = sm_sub_i64(r->new_bill->total_minor, r->old_minor, &r->difference_minor);
  if (err == SM_OK) err = sm_add_i64(sums->old_minor, r->old_minor, &sums->old_minor);
  if (err == SM_OK) err = sm_add_i64(sums->new_minor, r->new_bill->total_minor, &sums->new_minor);
  if (err == SM_OK)
    err = sm_add_i64(sums->difference_minor, r->difference_minor, &sums->difference_minor);
  return err;
}

static sm_err preview_subject(preview *p, const sm_subject *subject) {
  sm_collected collected = {0};
  sm_invoice invoice = {0};
  sm_bill *before = NULL;
  sm_bill *after = NULL;
  sm_preview_result r = {.account_id =
                             subject->account != NULL ? subject->account->account_id : NULL};
  sm_err err = sm_collect(p->invoicing, &p->book, subject, &collected);
  if (err == SM_OK) err = old_total(p, subject, &collected, &invoice, &before, &r.old_minor);
  if (err == SM_OK) err = new_bill(p, &collected, &after);
  r.device_id = collected.input.device_id != NULL ? collected.input.device_id : "";
  r.err = err;
  r.invoice = invoice.number;
  r.invoice_body = invoice.body;
  r.old_bill = before;
  r.new_bill = after;
  if (err == SM_OK)
    err = add_up(p, &r);
  else if (err != SM_ERR_NOMEM)
    p->sums.failed++, err = SM_OK;
  if (err == SM_OK) p->stopped = !p->each(p->context, &r);
  sm_invoice_fini(&invoice);
  sm_bill_free(before);
  sm_bill_free(after);
  sm_collected_fini(&collected);
  return err;
}

/* ---- which accounts ---- */
static bool has_days(const preview *p, const sm_account *account) {
  const sm_zone *zone = p->invoicing->zone;
  if (account->has_from && sm_zone_day_start_ms(zone, account->from) >= p->to_ms) return false;
  if (account->has_to && sm_zone_day_start_ms(zone, account->to) <= p->from_ms) return false;
  return !account->has_from || !account->has_to || sm_date_compare(account->from, account->to) < 0;
}

static bool is_on(const preview *p, const sm_account *account) {
  const char *wanted = p->request->on;
  bool on = wanted == NULL || (account->tariff_count == 0 && p->book.default_name != NULL &&
                               strcmp(p->book.default_name, wanted) == 0);
  for (size_t i = 0; i < account->tariff_count && !on; i++)
    on = strcmp(account->tariff[i].name, p->request->on) == 0;
  return on;
}

static bool concerned(const preview *p, const sm_account *account) {
  return has_days(p, account) && is_on(p, account) &&
         sm_last_meter(account, p->from_ms, p->to_ms) != NULL;
}

static sm_err preview_page(preview *p, char **next) {
  const sm_preview_request *q = p->request;
  sm_account *accounts = NULL;
  size_t count = 0;
  sm_err err =
      sm_ledger_accounts(p->invoicing->ledger, NULL, q->after, q->limit, &accounts, &count);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < count && err == SM_OK && !p->stopped; i++) {
    const sm_subject subject = {
        .account = &accounts[i], .year = q->year, .month = q->month, .now_ms = q->now_ms};
    if (concerned(p, &accounts[i])) err = preview_subject(p, &subject);
  }
  bool more = count == q->limit && count > 0 && !p->stopped;
  if (err == SM_OK && more) {
    *next = strdup(accounts[count - 1].account_id);
    if (*next == NULL) err = SM_ERR_NOMEM;
  }
  sm_accounts_free(accounts, count);
  return err;
}

static sm_err preview_one(preview *p) {
  const sm_preview_request *q = p->request;
  const sm_invoicing_query query = {.device_id = q->device_id,
                                    .account_id = q->account_id,
                                    .year = q->year,
                                    .month = q->month,
                                    .now_ms = q->now_ms};
  sm_found found;
  sm_err err = sm_found_init(p->invoicing, &query, &found);
  found.subject.whole = true;
  if (err == SM_OK) err = preview_subject(p, &found.subject);
  sm_found_fini(&found);
  return err;
}

sm_err sm_invoicing_preview(const sm_invoicing *invoicing, const sm_preview_request *request,
                            sm_preview_fn *each, void *context, sm_preview_sums *sums,
                            char **next) {
  preview p = {.invoicing = invoicing, .request = request, .each = each, .context = context};
  char *after = NULL;
  sm_month_span(invoicing->zone, request->year, request->month, &p.from_ms, &p.to_ms);
  if (p.to_ms > request->now_ms) return SM_ERR_RANGE;
  sm_book_init(&p.book, invoicing->ledger);
  bool one = request->device_id != NULL || request->account_id != NULL;
  sm_err err = request->on != NULL ? sm_book_load(&p.book, request->on) : SM_OK;
  if (err == SM_ERR_NOT_FOUND) err = SM_ERR_INVALID;
  const char *site_tariff;
  if (err == SM_OK && request->on != NULL) err = sm_book_default(&p.book, &site_tariff);
  if (err == SM_OK) err = one ? preview_one(&p) : preview_page(&p, &after);
  sm_book_fini(&p.book);
  if (err != SM_OK) {
    free(after);
    return err;
  }
  *sums = p.sums;
  *next = after;
  return SM_OK;
}
