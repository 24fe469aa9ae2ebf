#include "invoicing/collect.h"

#include "base/checked.h"
#include "invoicing/thin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sm_month_span(const sm_zone *zone, int year, int month, int64_t *from_ms, int64_t *to_ms) {
  sm_date first = {.year = year, .month = month, .day = 1};
  *from_ms = sm_zone_day_start_ms(zone, first);
  *to_ms = sm_zone_day_start_ms(zone, sm_date_add_months(first, 1));
}

void sm_month_days_init(sm_month_days *days, const sm_zone *zone, int year, int month) {
  sm_date date = {.year = year, .month = month, .day = 1};
  sm_date next = sm_date_add_months(date, 1);
  *days = (sm_month_days){.count = 0};
  for (; sm_date_compare(date, next) <= 0; date = sm_date_add_days(date, 1))
    days->start_ms[days->count++] = sm_zone_day_start_ms(zone, date);
}

bool sm_meter_serves(const sm_account_meter *meter, int64_t from_ms, int64_t to_ms) {
  return meter->from_ms < to_ms && meter->to_ms > from_ms;
}

const sm_account_meter *sm_last_meter(const sm_account *account, int64_t from_ms, int64_t to_ms) {
  const sm_account_meter *last = NULL;
  int64_t last_end = 0;
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *meter = &account->meter[i];
    if (!sm_meter_serves(meter, from_ms, to_ms)) continue;
    int64_t end = meter->to_ms < to_ms ? meter->to_ms : to_ms;
    bool better =
        last == NULL || meter->sign > last->sign || (meter->sign == last->sign && end > last_end);
    if (!better) continue;
    last = meter;
    last_end = end;
  }
  return last;
}

void sm_collected_fini(sm_collected *collected) {
  if (collected == NULL) return;
  for (size_t i = 0; i < collected->count; i++) {
    sm_trace_fini(&collected->trace[i]);
    sm_meter_edits_fini(&collected->edits[i]);
    free(collected->shown[i]);
  }
  free(collected->trace);
  free(collected->edits);
  free(collected->shown);
  free(collected->meter);
  free(collected->schedule);
  *collected = (sm_collected){0};
}

/* ---- edits ---- */
static sm_err show_edits(const sm_meter_edits *edits, sm_billing_edit **shown) {
  sm_billing_edit *out = calloc(edits->count + 1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < edits->count; i++) {
    const sm_reading_edit *row = &edits->row[i];
    out[i] = (sm_billing_edit){.edit_no = row->edit_no,
                               .edit = edits->item[i],
                               .raw_wh = row->raw_wh,
                               .reason = row->reason,
                               .by = sm_edit_author(row->made_by),
                               .made_ms = row->made_ms};
  }
  *shown = out;
  return SM_OK;
}

/* ---- which points ---- */

static bool measures_inside_days(const sm_tariff *tariff) {
  return tariff->window_count > 0 || tariff->has_demand;
}

/* Whether entry i holds on a day of the month that the account has. Days before the first entry are
 * that entry's. */
static bool holds(const sm_subject *subject, const sm_billing_tariff *list, size_t count,
                  size_t i) {
  const sm_account *account = subject->account;
  sm_date from = {.year = subject->year, .month = subject->month, .day = 1};
  sm_date to = sm_date_add_months(from, 1);
  if (account != NULL && account->has_from && sm_date_compare(account->from, from) > 0)
    from = account->from;
  if (account != NULL && account->has_to && sm_date_compare(account->to, to) < 0) to = account->to;
  bool begun = i == 0 || sm_date_compare(list[i].from, to) < 0;
  return begun && (i + 1 == count || sm_date_compare(list[i + 1].from, from) > 0);
}

/* A tariff that measures inside days, or a month that is projected, wants all points. Tariffs of
 * other months say nothing: the points of an issued month stay the same, and so their hash. */
static bool wants_days_only(const sm_subject *subject, const sm_collected *c, int64_t to_ms) {
  const sm_billing_tariff *list = subject->by != NULL ? subject->by : c->schedule;
  size_t count = subject->by != NULL ? subject->by_count : c->input.tariff_count;
  if (subject->now_ms < to_ms || subject->whole) return false;
  for (size_t i = 0; i < count; i++)
    if (measures_inside_days(list[i].tariff) && holds(subject, list, count, i)) return false;
  return true;
}

static void add_instant(int64_t *list, size_t *count, int64_t at_ms) {
  size_t i = *count;
  if (at_ms == INT64_MIN || at_ms == INT64_MAX) return;
  while (i > 0 && list[i - 1] > at_ms) {
    list[i] = list[i - 1];
    i--;
  }
  list[i] = at_ms;
  (*count)++;
}

/* The days' starts and both ends of the meter's service. */
typedef struct instants {
  int64_t at_ms[SM_MONTH_DAYS_MAX + 3];
  size_t count;
} instants;

static void find_instants(const sm_subject *subject, const sm_account_meter *meter, instants *out) {
  out->count = subject->days->count;
  memcpy(out->at_ms, subject->days->start_ms, out->count * sizeof *out->at_ms);
  add_instant(out->at_ms, &out->count, meter->from_ms);
  add_instant(out->at_ms, &out->count, meter->to_ms);
}

/* ---- meters ---- */

sm_billing_meter sm_meter_of(const sm_account_meter *from, const sm_trace *trace) {
  return (sm_billing_meter){.device_id = from->device_id,
                            .from_ms = from->from_ms,
                            .to_ms = from->to_ms,
                            .sign = from->sign,
                            .multiplier_milli = from->multiplier_milli,
                            .modulus_wh = from->modulus_wh,
                            .max_power_w = from->max_power_w,
                            .point = trace->point,
                            .point_count = trace->count};
}

/* The span of a meter that is asked for. */
typedef struct meter_span {
  const sm_account_meter *meter;
  int64_t from_ms;
  int64_t to_ms;
} meter_span;

static sm_err read_all(const sm_invoicing *invoicing, const meter_span *a, const sm_edits *edits,
                       sm_trace *trace) {
  return sm_readings_trace(invoicing->readings, a->meter->device_id, SM_CHANNEL_IMPORT, a->from_ms,
                           a->to_ms, sm_billing_step_limit_w(a->meter->max_power_w), edits, trace);
}

/* The store may leave points out at once. What it leaves is thinned as all of it would be, or not
 * at all: then all of it is wanted. */
static sm_err read_thin(const sm_invoicing *invoicing, const sm_subject *subject,
                        const meter_span *a, sm_trace *trace) {
  instants at;
  bool whole = false;
  const int64_t limit_w = sm_billing_step_limit_w(a->meter->max_power_w);
  find_instants(subject, a->meter, &at);
  sm_err err =
      sm_readings_outline(invoicing->readings, a->meter->device_id, SM_CHANNEL_IMPORT, a->from_ms,
                          a->to_ms, limit_w, at.at_ms, at.count, trace, &whole);
  if (err != SM_OK || sm_trace_thin(trace, limit_w, at.at_ms, at.count) || whole) return err;
  sm_trace_fini(trace);
  err = read_all(invoicing, a, NULL, trace);
  if (err == SM_OK) (void)sm_trace_thin(trace, limit_w, at.at_ms, at.count);
  return err;
}

/* A meter that went before the month is asked for its end only: it tells that the account had begun
 * to be measured. What is there at a failure goes with the rest. */
static sm_err collect_meter(const sm_invoicing *invoicing, const sm_subject *subject,
                            const sm_account_meter *from, int64_t from_ms, int64_t to_ms,
                            sm_collected *out) {
  bool edited = subject->candidate == NULL || subject->candidate->edited;
  bool days_only = wants_days_only(subject, out, to_ms);
  if (from->from_ms >= to_ms) return SM_OK;
  if (from->to_ms <= from_ms) from_ms = to_ms = from->to_ms;
  size_t i = out->count;
  sm_err err =
      edited ? sm_meter_edits_load(invoicing->ledger, from->device_id, &out->edits[i]) : SM_OK;
  if (err != SM_OK) return err;
  out->count++;
  const sm_edits edits = sm_meter_edits_list(&out->edits[i]);
  err = show_edits(&out->edits[i], &out->shown[i]);
  const meter_span a = {.meter = from, .from_ms = from_ms, .to_ms = to_ms};
  if (err == SM_OK)
    err = days_only && edits.count == 0 ? read_thin(invoicing, subject, &a, &out->trace[i])
                                        : read_all(invoicing, &a, &edits, &out->trace[i]);
  if (err != SM_OK) return err;
  out->meter[i] = sm_meter_of(from, &out->trace[i]);
  out->meter[i].edit = out->shown[i];
  out->meter[i].edit_count = edits.count;
  return SM_OK;
}

static sm_err collect_meters(const sm_invoicing *invoicing, const sm_subject *subject,
                             sm_collected *out) {
  sm_account_meter alone = {
      .from_ms = INT64_MIN, .to_ms = INT64_MAX, .sign = 1, .multiplier_milli = 1000};
  const sm_account_meter *meter = &alone;
  size_t count = 1;
  if (subject->account != NULL) {
    meter = subject->account->meter;
    count = subject->account->meter_count;
  } else {
    alone.device_id = subject->device->device_id;
    alone.modulus_wh = subject->device->modulus_wh;
    alone.max_power_w = subject->device->max_power_w;
  }
  out->trace = calloc(count + 1, sizeof *out->trace);
  out->edits = calloc(count + 1, sizeof *out->edits);
  out->shown = calloc(count + 1, sizeof(sm_billing_edit *));
  out->meter = calloc(count + 1, sizeof *out->meter);
  if (out->trace == NULL || out->edits == NULL || out->shown == NULL || out->meter == NULL)
    return SM_ERR_NOMEM;
  int64_t from_ms = subject->days->start_ms[0];
  int64_t to_ms = subject->days->start_ms[subject->days->count - 1];
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++)
    err = collect_meter(invoicing, subject, &meter[i], from_ms, to_ms, out);
  return err;
}

/* ---- tariffs ---- */
/* The account's tariffs; without any, the site's default from the beginning. */
static sm_err assignments(sm_book *book, const sm_account *account,
                          sm_billing_assignment **assignment, size_t *count) {
  bool none = account == NULL || account->tariff_count == 0;
  size_t n = none ? 1 : account->tariff_count;
  sm_billing_assignment *out = calloc(n, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  if (none) err = sm_book_default(book, &out[0].name);
  for (size_t i = 0; !none && i < n; i++)
    out[i] = (sm_billing_assignment){.name = account->tariff[i].name,
                                     .has_from = account->tariff[i].has_from,
                                     .from = account->tariff[i].from};
  for (size_t i = 0; i < n && err == SM_OK; i++) err = sm_book_load(book, out[i].name);
  if (err != SM_OK) {
    free(out);
    return err;
  }
  *assignment = out;
  *count = n;
  return SM_OK;
}

static sm_err collect_tariffs(sm_book *book, const sm_account *account, sm_collected *out) {
  sm_billing_assignment *assignment = NULL;
  size_t count = 0;
  sm_err err = assignments(book, account, &assignment, &count);
  if (err == SM_OK)
    err = sm_billing_schedule(assignment, count, (const sm_tariff *const *)book->item, book->count,
                              &out->schedule, &out->input.tariff_count);
  free(assignment);
  /* A missing tariff is a broken ledger, not an unknown meter. */
  return err == SM_ERR_NOT_FOUND ? SM_ERR_CORRUPT : err;
}

/* ---- the average ---- */

/* A day's use by the last three invoices that a reading of their month is in. */
static sm_err average_of(const sm_issue_candidate *candidate, sm_billing_input *in) {
  enum { INVOICES = 3 };
  int64_t use_wh = 0;
  int64_t days = 0;
  int found = 0;
  for (size_t i = 0; i < candidate->use_count && found < INVOICES; i++) {
    const sm_issue_use *use = &candidate->use[i];
    if (!use->measured || use->days <= 0 || use->use_wh < 0) continue;
    sm_err err = sm_add_i64(use_wh, use->use_wh, &use_wh);
    if (err != SM_OK) return err;
    days += use->days;
    found++;
  }
  in->has_average = found > 0;
  return found > 0 ? sm_mul_div_round(use_wh, 1, days, &in->average_wh_per_day) : SM_OK;
}

/* What a meter that falls silent goes on with, if that is how it is set. */
static sm_err find_average(const sm_invoicing *invoicing, const sm_subject *subject,
                           sm_billing_input *in) {
  char month[16];
  sm_issue_candidate asked;
  if (subject->account == NULL ||
      invoicing->settings->after_last_reading != SM_AFTER_LAST_READING_AVERAGE)
    return SM_OK;
  if (subject->candidate != NULL) return average_of(subject->candidate, in);
  (void)snprintf(month, sizeof month, "%04d-%02d", subject->year, subject->month);
  sm_err err =
      sm_ledger_issue_candidate(invoicing->ledger, subject->account->account_id, month, &asked);
  if (err != SM_OK) return err;
  err = average_of(&asked, in);
  sm_issue_candidate_fini(&asked);
  return err;
}

/* ---- the whole ---- */
static void fill_input(const sm_invoicing *invoicing, const sm_subject *subject,
                       sm_collected *out) {
  sm_billing_input *in = &out->input;
  in->zone = invoicing->zone;
  in->currency = invoicing->currency;
  in->year = subject->year;
  in->month = subject->month;
  in->now_ms = subject->now_ms;
  in->meter = out->meter;
  in->meter_count = out->count;
  in->tariff = out->schedule;
  in->device_id = subject->shown_device_id;
  const sm_account *account = subject->account;
  if (account == NULL) {
    in->device_id = subject->device->device_id;
    return;
  }
  in->account_id = account->account_id;
  in->has_from = account->has_from;
  in->from = account->from;
  in->has_to = account->has_to;
  in->to = account->to;
  in->sanctioned_load_w = account->sanctioned_load_w;
  if (in->device_id != NULL) return;
  const sm_account_meter *last = sm_last_meter(account, subject->days->start_ms[0],
                                               subject->days->start_ms[subject->days->count - 1]);
  in->device_id = last != NULL ? last->device_id : "";
}

sm_err sm_collect(const sm_invoicing *invoicing, sm_book *book, const sm_subject *subject,
                  sm_collected *collected) {
  sm_collected out = {0};
  sm_month_days days;
  sm_subject asked = *subject;
  if (asked.days == NULL) {
    sm_month_days_init(&days, invoicing->zone, asked.year, asked.month);
    asked.days = &days;
  }
  if (asked.days->start_ms[0] > asked.now_ms) return SM_ERR_RANGE;
  /* The tariffs first: they say which points are wanted. */
  sm_err err = collect_tariffs(book, asked.account, &out);
  if (err == SM_OK) err = collect_meters(invoicing, &asked, &out);
  if (err == SM_OK) err = find_average(invoicing, &asked, &out.input);
  if (err != SM_OK) {
    sm_collected_fini(&out);
    return err;
  }
  fill_input(invoicing, &asked, &out);
  *collected = out;
  return SM_OK;
}
