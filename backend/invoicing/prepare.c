#include "invoicing/prepare.h"

#include "billing/billing.h"
#include "invoicing/collect.h"
#include "invoicing/make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_REVISION = 1 };

/* One account in the making. */
typedef struct work {
  const sm_invoicing *invoicing;
  const sm_prepare_month *month;
  const sm_issue_candidate *candidate;
  sm_prepared *out;
  sm_collected collected;
  sm_true_ups true_ups; /* corrections that wait for this invoice */
  sm_bill *bill;
} work;

void sm_prepare_month_init(sm_prepare_month *out, const sm_zone *zone, int year, int month,
                           int64_t now_ms) {
  *out = (sm_prepare_month){.year = year, .month = month, .now_ms = now_ms};
  (void)snprintf(out->text, sizeof out->text, "%04d-%02d", year, month);
  sm_month_days_init(&out->days, zone, year, month);
  out->from_ms = out->days.start_ms[0];
  out->to_ms = out->days.start_ms[out->days.count - 1];
}

bool sm_prepare_concerns(const sm_zone *zone, const sm_prepare_month *month,
                         const sm_account *account, const char *device_id) {
  if (account->has_from && sm_zone_day_start_ms(zone, account->from) >= month->to_ms) return false;
  if (account->has_to && sm_zone_day_start_ms(zone, account->to) <= month->from_ms) return false;
  if (account->has_from && account->has_to && sm_date_compare(account->from, account->to) >= 0)
    return false;
  if (device_id == NULL) return true;
  for (size_t i = 0; i < account->meter_count; i++)
    if (strcmp(account->meter[i].device_id, device_id) == 0 &&
        sm_meter_serves(&account->meter[i], month->from_ms, month->to_ms))
      return true;
  return false;
}

sm_err sm_prepare_tariffs(sm_book *book, const sm_account *account) {
  const char *name = NULL;
  sm_err err = SM_OK;
  if (account->tariff_count == 0) {
    err = sm_book_default(book, &name);
    if (err == SM_OK) err = sm_book_load(book, name);
  }
  for (size_t i = 0; i < account->tariff_count && err == SM_OK; i++)
    err = sm_book_load(book, account->tariff[i].name);
  /* A missing tariff is a broken ledger. */
  return err == SM_ERR_NOT_FOUND ? SM_ERR_CORRUPT : err;
}

/* ---- results ---- */

static void skip(sm_prepared *p, const char *reason, const char *text) {
  p->result.outcome = SM_ISSUE_SKIPPED;
  p->result.reason = reason;
  (void)snprintf(p->text, sizeof p->text, "%s", text);
}

void sm_prepared_fail(sm_prepared *prepared, sm_err err) {
  prepared->result.outcome = SM_ISSUE_FAILED;
  prepared->result.err = err;
  prepared->result.number = NULL;
  (void)snprintf(prepared->text, sizeof prepared->text, "%s", sm_err_text(err));
}

void sm_prepared_fini(sm_prepared *prepared) {
  if (prepared == NULL) return;
  sm_invoice_fini(&prepared->item.invoice);
  *prepared = (sm_prepared){.result = {.outcome = SM_ISSUE_FAILED}};
}

/* What needs no bill to be told. */
static bool is_settled_without(work *w) {
  sm_prepared *p = w->out;
  const sm_account *account = &w->candidate->account;
  const sm_account_meter *last = sm_last_meter(account, w->month->from_ms, w->month->to_ms);
  p->result.account_id = account->account_id;
  p->result.device_id = last != NULL ? last->device_id : "";
  if (w->candidate->number != NULL) {
    p->result.outcome = SM_ISSUE_ALREADY;
    p->result.number = w->candidate->number;
    p->result.total_minor = w->candidate->total_minor;
    p->result.has_total = true;
    return true;
  }
  if (w->candidate->cancelled)
    skip(p, "cancelled", "The invoice of this month was cancelled; a new one is not made here.");
  else if (last == NULL)
    skip(p, "no_meter", "No meter serves this account in the month.");
  return w->candidate->cancelled || last == NULL;
}

/* When it is no longer waited for a reading after the period. */
static int64_t deadline_ms(const work *w) {
  const sm_zone *zone = w->invoicing->zone;
  sm_date end = sm_zone_date(zone, w->bill->to_ms);
  return sm_zone_day_start_ms(zone, sm_date_add_days(end, w->invoicing->settings->settle_days));
}

static bool is_ready(work *w) {
  char until[40];
  sm_prepared *p = w->out;
  if (w->bill->days == 0) {
    skip(p, "no_readings", "No meter of this account had been read by the end of the month.");
    return false;
  }
  if (w->bill->settled) return true;
  int64_t until_ms = deadline_ms(w);
  if (w->month->now_ms >= until_ms) return true;
  skip(p, "not_settled", "");
  (void)snprintf(p->text, sizeof p->text,
                 "Not settled yet: there is no reading after the end of the period. It is issued "
                 "when there is one, or as estimated from %s.",
                 sm_zone_format(w->invoicing->zone, until_ms, until));
  return false;
}

/* ---- the invoice ---- */

static sm_err make_invoice(const work *w, sm_invoice *invoice) {
  sm_buf body;
  const sm_make_parts parts = {.candidate = w->candidate,
                               .collected = &w->collected,
                               .bill = w->bill,
                               .true_ups = &w->true_ups,
                               .now_ms = w->month->now_ms,
                               .revision = FIRST_REVISION};
  sm_buf_init(&body, 0);
  sm_err err = sm_make_body(w->invoicing, w->bill, &body);
  if (err == SM_OK) err = sm_make_invoice(w->invoicing, &parts, &body, invoice);
  sm_buf_fini(&body);
  return err;
}

/* ---- the whole ---- */

static sm_err compute(work *w, sm_book *book) {
  const sm_subject subject = {.account = &w->candidate->account,
                              .candidate = w->candidate,
                              .year = w->month->year,
                              .month = w->month->month,
                              .now_ms = w->month->now_ms,
                              .days = &w->month->days};
  sm_err err = sm_collect(w->invoicing, book, &subject, &w->collected);
  if (err == SM_OK && w->candidate->corrected)
    err = sm_true_ups_waiting(w->invoicing->ledger, w->candidate->account.account_id, &w->true_ups);
  w->collected.input.true_up = w->true_ups.item;
  w->collected.input.true_up_count = w->true_ups.count;
  return err == SM_OK ? sm_billing_compute(&w->collected.input, &w->bill) : err;
}

static sm_err prepare(work *w, sm_book *book, bool with_texts) {
  sm_prepared *p = w->out;
  sm_err err = compute(w, book);
  if (err != SM_OK) return err;
  p->result.has_total = true;
  p->result.total_minor = w->bill->total_minor;
  p->result.estimated = w->bill->estimated;
  p->result.has_look = true;
  p->result.look = sm_look_at(w->bill, w->candidate);
  if (!is_ready(w)) return SM_OK;
  p->result.outcome = SM_ISSUE_ISSUED;
  p->item.basis = w->candidate->basis;
  return with_texts ? make_invoice(w, &p->item.invoice) : SM_OK;
}

void sm_prepare(const sm_invoicing *invoicing, sm_book *book, const sm_prepare_month *month,
                const sm_issue_candidate *candidate, bool with_texts, sm_prepared *out) {
  work w = {.invoicing = invoicing, .month = month, .candidate = candidate, .out = out};
  *out = (sm_prepared){.result = {.device_id = ""}};
  if (!is_settled_without(&w)) {
    sm_err err = prepare(&w, book, with_texts);
    if (err != SM_OK) sm_prepared_fail(out, err);
  }
  sm_bill_free(w.bill);
  sm_collected_fini(&w.collected);
  sm_true_ups_fini(&w.true_ups);
}
