#include "invoicing/fees.h"

#include "base/checked.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, PARTS_MAX = 1200, DISPUTES = SM_DISPUTES_MAX + 1 };

/* ---- days and amounts ---- */

sm_date sm_fee_day(sm_date due, int32_t grace_days, int64_t frozen_days, int32_t part) {
  const sm_date base = sm_date_add_days(due, grace_days + frozen_days);
  const sm_date first = sm_date_add_months(base, part - 1);
  const int64_t days = sm_date_days_between(first, sm_date_add_months(first, 1));
  return sm_date_add_days(first, (base.day < days ? base.day : days) - 1);
}

sm_err sm_fee_amount(int64_t owed_minor, int64_t percent_micro, int64_t flat_minor,
                     int64_t *fee_minor) {
  int64_t share;
  sm_err err = sm_mul_div_round(owed_minor, percent_micro, INT64_C(100000000), &share);
  return err == SM_OK ? sm_add_i64(share, flat_minor, fee_minor) : err;
}

int64_t sm_fee_frozen_days(const sm_zone *zone, sm_date due, sm_date until,
                           const sm_dispute *dispute, size_t count) {
  int64_t days = 0;
  sm_date next = due; /* the first day that is not counted yet */
  for (size_t i = 0; i < count; i++) {
    sm_date from = sm_zone_date(zone, dispute[i].opened_ms);
    sm_date to = until;
    if (dispute[i].resolved) to = sm_date_add_days(sm_zone_date(zone, dispute[i].resolved_ms), 1);
    if (sm_date_compare(to, until) > 0) to = until;
    if (sm_date_compare(from, next) < 0) from = next;
    if (sm_date_compare(from, to) >= 0) continue;
    days += sm_date_days_between(from, to);
    next = to;
  }
  return days;
}

/* ---- posting ---- */

typedef struct fees {
  const sm_invoicing *invoicing;
  sm_actor actor;
  sm_date today;
  sm_date since;
  int64_t now_ms;
  uint64_t posted;
} fees;

static bool has_fee(const sm_statement *s, int64_t invoice_no, int32_t part) {
  for (size_t i = 0; i < s->debit_count; i++)
    if (s->debit[i].fee && s->debit[i].invoice_no == invoice_no && s->debit[i].part == part)
      return true;
  return false;
}

/* What an invoice owes on the evening before a day, or when it was issued if that was later. */
static sm_err owed_before(const fees *f, const sm_statement *s, size_t at, sm_date day,
                          int64_t *settled, int64_t *owed_minor) {
  int64_t as_of_ms = sm_zone_day_start_ms(f->invoicing->zone, day) - 1;
  if (as_of_ms < s->debit[at].at_ms) as_of_ms = s->debit[at].at_ms;
  sm_err err = sm_statement_settle(s, as_of_ms, settled, NULL);
  if (err == SM_OK) *owed_minor = s->debit[at].amount_minor - settled[at];
  return err;
}

static sm_err post(fees *f, const sm_debit *debit, int32_t part, sm_date day, int64_t owed_minor) {
  char reason[120];
  char text[SM_DATE_MAX];
  int64_t fee_minor = 0;
  const sm_invoicing_settings *set = f->invoicing->settings;
  sm_err err =
      sm_fee_amount(owed_minor, set->late_fee_percent_micro, set->late_fee_flat_minor, &fee_minor);
  if (err != SM_OK || fee_minor <= 0) return err;
  (void)snprintf(reason, sizeof reason, "Overdue month %d of %s, from %s", part, debit->number,
                 sm_date_format(day, text));
  err = sm_ledger_fee_add(f->invoicing->ledger, f->actor, debit->number, part, fee_minor,
                          sm_zone_day_start_ms(f->invoicing->zone, day), reason);
  if (err == SM_OK) f->posted++;
  /* Posted by another, waived, disputed or taken back since it was read. */
  return err == SM_ERR_EXISTS || err == SM_ERR_CONFLICT ? SM_OK : err;
}

/* The months of one invoice that have begun: up to the first one that found it paid. */
static sm_err post_months(fees *f, const sm_statement *s, size_t at, int64_t frozen_days,
                          int64_t *settled) {
  const sm_debit *debit = &s->debit[at];
  const sm_date due = sm_zone_date(f->invoicing->zone, debit->due_ms);
  const int32_t grace = f->invoicing->settings->late_fee_grace_days;
  for (int32_t part = 1; part <= PARTS_MAX; part++) {
    int64_t owed_minor = 0;
    const sm_date day = sm_fee_day(due, grace, frozen_days, part);
    if (sm_date_compare(day, f->today) > 0) return SM_OK;
    if (sm_date_compare(day, f->since) < 0 || has_fee(s, debit->invoice_no, part)) continue;
    sm_err err = owed_before(f, s, at, day, settled, &owed_minor);
    if (err != SM_OK || owed_minor <= 0) return err;
    err = post(f, debit, part, day, owed_minor);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

static bool is_open(const sm_dispute *dispute, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!dispute[i].resolved) return true;
  return false;
}

static sm_err post_invoice(fees *f, const sm_statement *s, size_t at, int64_t *settled) {
  const sm_debit *debit = &s->debit[at];
  const sm_dispute_query query = {.invoice = debit->number, .limit = DISPUTES};
  sm_dispute *disputes = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_disputes(f->invoicing->ledger, &query, &disputes, &count);
  if (err != SM_OK) return err;
  if (!is_open(disputes, count)) {
    const sm_date due = sm_zone_date(f->invoicing->zone, debit->due_ms);
    const sm_date until = sm_date_add_days(f->today, 1); /* a dispute of today counts */
    int64_t frozen = sm_fee_frozen_days(f->invoicing->zone, due, until, disputes, count);
    err = post_months(f, s, at, frozen, settled);
  }
  sm_disputes_free(disputes, count);
  return err;
}

/* Not asked of what was paid in time, which is nearly all: the fee's first day without a dispute.
 */
static sm_err was_late(const fees *f, const sm_statement *s, size_t at, int64_t *settled,
                       bool *late) {
  const sm_debit *debit = &s->debit[at];
  int64_t owed_minor = 0;
  *late = false;
  if (debit->fee || debit->number == NULL || debit->due_ms >= f->now_ms) return SM_OK;
  const sm_date due = sm_zone_date(f->invoicing->zone, debit->due_ms);
  const sm_date day = sm_fee_day(due, f->invoicing->settings->late_fee_grace_days, 0, 1);
  if (sm_date_compare(day, f->today) > 0) return SM_OK;
  sm_err err = owed_before(f, s, at, day, settled, &owed_minor);
  *late = owed_minor > 0;
  return err;
}

static sm_err post_account(fees *f, const sm_statement *s) {
  int64_t *settled = calloc(s->debit_count + 1, sizeof *settled);
  sm_err err = settled != NULL ? SM_OK : SM_ERR_NOMEM;
  for (size_t i = 0; err == SM_OK && i < s->debit_count; i++) {
    bool late = false;
    err = was_late(f, s, i, settled, &late);
    if (err == SM_OK && late) err = post_invoice(f, s, i, settled);
  }
  free(settled);
  return err;
}

static sm_err post_page(fees *f, int64_t *after, bool *more) {
  sm_statement *list = NULL;
  size_t count = 0;
  sm_err err =
      sm_ledger_statements(f->invoicing->ledger, f->now_ms, *after, PAGE, &list, &count, after);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    err = post_account(f, &list[i]);
    /* A fee beyond all sense is that account's trouble; the others go on. */
    if (err != SM_ERR_INVALID && err != SM_ERR_OVERFLOW) continue;
    sm_log(SM_LOG_ERROR, "fees.account_failed", SM_LOG_TEXT("account", list[i].account_id),
           SM_LOG_TEXT("reason", sm_err_text(err)));
    err = SM_OK;
  }
  *more = count == PAGE;
  sm_statements_free(list, count);
  return err;
}

sm_err sm_invoicing_late_fees(const sm_invoicing *invoicing, sm_actor actor, int64_t now_ms,
                              uint64_t *posted) {
  const sm_invoicing_settings *set = invoicing->settings;
  const bool on = set->late_fee_percent_micro > 0 || set->late_fee_flat_minor > 0;
  fees f = {.invoicing = invoicing,
            .actor = actor,
            .today = sm_zone_date(invoicing->zone, now_ms),
            .now_ms = now_ms};
  int64_t after = 0;
  *posted = 0;
  sm_err err = sm_ledger_late_fees_since(invoicing->ledger, on, f.today, &f.since);
  for (bool more = on; more && err == SM_OK;) err = post_page(&f, &after, &more);
  *posted = f.posted;
  return err;
}
