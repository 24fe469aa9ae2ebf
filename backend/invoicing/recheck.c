#include "invoicing/recheck.h"

#include "base/log.h"
#include "invoicing/differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, TRIES = 3 };

typedef struct look {
  const sm_invoicing *invoicing;
  sm_actor actor;
  sm_book book;
  int64_t now_ms;
  const sm_rebill *rebill; /* what is looked at; NULL: late data */
} look;

/* ---- opening ---- */

/* Whether the tenancy has a next invoice to put it on: it goes on, or its last month is not issued
 * yet. */
static sm_err goes_on(const look *l, const sm_past *past, bool *yes) {
  char month[16];
  sm_invoice last = {0};
  *yes = true;
  if (!past->account.has_to) return SM_OK;
  const sm_date day = sm_date_add_days(past->account.to, -1);
  (void)snprintf(month, sizeof month, "%04d-%02d", day.year, day.month);
  *yes = strcmp(month, past->invoice.month) > 0;
  if (!*yes) return SM_OK;
  sm_err err = sm_ledger_invoice_of(l->invoicing->ledger, past->account.account_id, month, &last);
  *yes = err == SM_ERR_NOT_FOUND;
  sm_invoice_fini(&last);
  return *yes ? SM_OK : err;
}

static sm_err by_itself(const look *l, const sm_past *past, int64_t total_minor, bool *yes) {
  const int64_t limit = l->invoicing->settings->true_up_limit_minor;
  *yes = false;
  if (l->rebill != NULL || total_minor > limit || total_minor < -limit ||
      sm_past_dismissed(past, NULL) || sm_past_has_open(past))
    return SM_OK;
  return goes_on(l, past, yes);
}

static sm_err open_exception(const look *l, const sm_past *past, const sm_made *made,
                             const sm_issued *difference, bool true_up, bool *opened) {
  int64_t no = 0;
  sm_buf body;
  sm_exception_tax *tax = calloc(difference->tax_count + 1, sizeof *tax);
  if (tax == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < difference->tax_count; i++)
    tax[i] = (sm_exception_tax){.name = difference->tax[i].name,
                                .percent_micro = difference->tax[i].percent_micro,
                                .base_minor = difference->tax[i].base_minor,
                                .amount_minor = difference->tax[i].amount_minor};
  sm_buf_init(&body, 0);
  sm_err err = sm_make_body(l->invoicing, made->bill, &body);
  const sm_exception_new e = {.invoice = past->invoice.number,
                              .cause = l->rebill != NULL ? "tariff" : "readings",
                              .readings_hash = made->hash,
                              .net_minor = difference->net_minor,
                              .tax = tax,
                              .tax_count = difference->tax_count,
                              .new_total_minor = made->bill->total_minor,
                              .body = sm_buf_text(&body),
                              .true_up = true_up,
                              .last_no = sm_past_last_no(past),
                              .rebill_tariff = l->rebill != NULL ? l->rebill->tariff : NULL,
                              .rebill_version = l->rebill != NULL ? l->rebill->version : 0};
  if (err == SM_OK) err = sm_ledger_exception_open(l->invoicing->ledger, l->actor, &e, &no);
  sm_buf_fini(&body);
  free(tax);
  if (err == SM_OK) *opened = no != 0;
  return err;
}

typedef struct outcome {
  bool opened;
  bool true_up;
} outcome;

static sm_err settle_difference(const look *l, const sm_past *past, const sm_made *made,
                                const sm_issued *difference, outcome *out) {
  int64_t total_minor = 0;
  sm_err err = sm_difference_total(difference, &total_minor);
  if (err != SM_OK) return err;
  bool nothing = difference->net_minor == 0 && difference->tax_count == 0;
  if (nothing && l->rebill == NULL && !sm_past_has_unsettled(past)) return SM_OK;
  if (!nothing && l->rebill == NULL && sm_past_dismissed(past, difference) &&
      !sm_past_has_unsettled(past))
    return SM_OK;
  if (l->rebill == NULL && sm_past_has_same(past, difference)) return SM_OK;
  bool true_up = false;
  if (!nothing) err = by_itself(l, past, total_minor, &true_up);
  if (err != SM_OK) return err;
  err = open_exception(l, past, made, difference, true_up, &out->opened);
  out->true_up = out->opened && true_up;
  return err;
}

static sm_err look_at_past(look *l, const sm_past *past, outcome *out) {
  sm_made made = {0};
  sm_issued difference = {0};
  sm_err err = sm_past_compute(l->invoicing, &l->book, past, l->rebill != NULL, l->now_ms, &made);
  bool seen = err == SM_OK && l->rebill == NULL && sm_past_has_hash(past, made.hash);
  if (err == SM_OK && !seen) {
    err = sm_past_difference(l->invoicing, past, made.bill, &difference);
    if (err == SM_OK) err = settle_difference(l, past, &made, &difference, out);
  }
  sm_issued_fini(&difference);
  sm_made_fini(&made);
  return err;
}

/* Takes the invoice over. */
static sm_err look_at(look *l, sm_invoice *invoice, outcome *out) {
  sm_past past = {0};
  sm_err err = sm_past_load(l->invoicing, invoice, &past);
  if (err == SM_OK) err = look_at_past(l, &past, out);
  sm_past_fini(&past);
  return err;
}

/* What is wrong with one invoice does not keep the others from being looked at. */
static bool passes(sm_err err) {
  return err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED || err == SM_ERR_INVALID ||
         err == SM_ERR_NOT_FOUND || err == SM_ERR_OVERFLOW || err == SM_ERR_RANGE;
}

static void log_failure(const char *number, sm_err err) {
  sm_log(SM_LOG_ERROR, "recheck.failed", SM_LOG_TEXT("invoice", number),
         SM_LOG_TEXT("reason", sm_err_text(err)));
}

/* ---- late data ---- */

static sm_err recheck_page(look *l, const sm_recheck_request *request, int64_t *after, bool *more,
                           sm_recheck_summary *summary) {
  sm_invoice *list = NULL;
  size_t count = 0;
  sm_err err =
      sm_ledger_invoices_valid(l->invoicing->ledger, request->account_id, request->from_month,
                               request->to_month, *after, PAGE, &list, &count, after);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    outcome out = {0};
    char number[24];
    (void)snprintf(number, sizeof number, "%s", list[i].number);
    err = look_at(l, &list[i], &out);
    summary->checked++;
    summary->found += out.opened;
    summary->true_up += out.true_up;
    /* Decided or taken back meanwhile: the next look sees it as it is then. */
    if (err == SM_ERR_CONFLICT) err = SM_OK;
    if (!passes(err)) continue;
    log_failure(number, err);
    summary->failed++;
    err = SM_OK;
  }
  *more = count == PAGE;
  sm_invoices_free(list, count);
  return err;
}

sm_err sm_invoicing_recheck(const sm_invoicing *invoicing, const sm_recheck_request *request,
                            sm_recheck_summary *summary) {
  look l = {.invoicing = invoicing, .actor = request->actor, .now_ms = request->now_ms};
  int64_t after = 0;
  bool more = true;
  sm_err err = SM_OK;
  *summary = (sm_recheck_summary){0};
  sm_book_init(&l.book, invoicing->ledger);
  while (more && err == SM_OK) {
    err = recheck_page(&l, request, &after, &more, summary);
    if (err == SM_OK && request->go_on != NULL && !request->go_on(request->context))
      err = SM_ERR_CLOSED;
  }
  sm_book_fini(&l.book);
  return err;
}

bool sm_recheck_months(const sm_invoicing *invoicing, int64_t now_ms, char from_month[16],
                       char to_month[16]) {
  const sm_date today = sm_zone_date(invoicing->zone, now_ms);
  const int months = invoicing->settings->recheck_months;
  if (months == 0) return false;
  const sm_date from = sm_date_add_months(today, -months);
  const sm_date to = sm_date_add_months(today, -1);
  (void)snprintf(from_month, 16, "%04d-%02d", from.year, from.month);
  (void)snprintf(to_month, 16, "%04d-%02d", to.year, to.month);
  return true;
}

/* ---- a tariff billed again ---- */

static sm_err look_at_named(look *l, const char *number, uint64_t *opened) {
  sm_invoice invoice = {0};
  outcome out = {0};
  sm_err err = sm_ledger_invoice(l->invoicing->ledger, number, &invoice);
  if (err != SM_OK) return err;
  bool valid = strcmp(invoice.status, "cancelled") != 0;
  if (valid) err = look_at(l, &invoice, &out);
  sm_invoice_fini(&invoice);
  *opened += out.opened;
  return err;
}

static sm_err process_one(look *l, const sm_rebill *rebill, uint64_t *opened) {
  sm_err err = SM_ERR_CONFLICT;
  l->rebill = rebill;
  /* Decided or taken back meanwhile: it is looked at as it is then. */
  for (int tries = 0; err == SM_ERR_CONFLICT && tries < TRIES; tries++)
    err = look_at_named(l, rebill->invoice, opened);
  if (err == SM_ERR_CONFLICT) return SM_ERR_BUSY;
  if (passes(err)) {
    log_failure(rebill->invoice, err);
    err = SM_OK;
  }
  /* Without a word if it is done already, or could not be, or changes nothing. */
  return err == SM_OK ? sm_ledger_rebill_done(l->invoicing->ledger, rebill) : err;
}

sm_err sm_rebill_process(const sm_invoicing *invoicing, sm_actor actor, int64_t now_ms,
                         sm_go_on_fn *go_on, void *context, uint64_t *opened) {
  look l = {.invoicing = invoicing, .actor = actor, .now_ms = now_ms};
  sm_err err = SM_OK;
  *opened = 0;
  sm_book_init(&l.book, invoicing->ledger);
  for (size_t count = PAGE; err == SM_OK && count == PAGE;) {
    sm_rebill *list = NULL;
    err = sm_ledger_rebills(invoicing->ledger, PAGE, &list, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; err == SM_OK && i < count; i++) {
      if (go_on != NULL && !go_on(context)) err = SM_ERR_CLOSED;
      if (err == SM_OK) err = process_one(&l, &list[i], opened);
    }
    sm_rebills_free(list, count);
  }
  sm_book_fini(&l.book);
  return err;
}
