#include "billing/billing.h"

#include "base/checked.h"
#include "base/order.h"
#include "billing/calendar.h"
#include "billing/compute.h"
#include "billing/days.h"
#include "billing/projection.h"
#include "billing/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The days that are billed, and the same as instants. */
typedef struct period {
  sm_date from;
  sm_date to; /* the day after the last */
  int64_t from_ms;
  int64_t to_ms;
  int32_t month_days;
  bool running;
  bool measured; /* a meter had begun before the period's end */
  bool begun_before;
  int64_t begin_ms; /* if measured: when */
} period;

/* One bill in the making. */
typedef struct work {
  const sm_billing_input *in;
  period period;
  sm_measures measures;
  sm_calendar calendar; /* the period's days, and one before and behind them */
  sm_price_segment *segment;
  int64_t *cut_ms;
  size_t segment_count;
  sm_bill *bill;
} work;

/* ---- the period ---- */
static sm_err find_period(const sm_billing_input *in, period *p) {
  sm_date first = {.year = in->year, .month = in->month, .day = 1};
  sm_date next = sm_date_add_months(first, 1);
  if (sm_zone_day_start_ms(in->zone, first) > in->now_ms) return SM_ERR_RANGE;
  period out = {.from = first, .to = next};
  out.month_days = (int32_t)sm_date_days_between(first, next);
  if (in->has_from && sm_date_compare(in->from, out.from) > 0) out.from = in->from;
  if (in->has_to && sm_date_compare(in->to, out.to) < 0) out.to = in->to;
  if (sm_date_compare(out.from, out.to) >= 0) return SM_ERR_NOT_FOUND;
  out.from_ms = sm_zone_day_start_ms(in->zone, out.from);
  out.to_ms = sm_zone_day_start_ms(in->zone, out.to);
  out.running = in->now_ms < out.to_ms;
  *p = out;
  return SM_OK;
}

/* A first month begins on the local day of the first reading. */
static void begin_period(work *w) {
  period *p = &w->period;
  p->measured = sm_measures_begin(&w->measures, &p->begin_ms) && p->begin_ms < p->to_ms;
  p->begun_before = p->measured && p->begin_ms <= p->from_ms;
  if (!p->measured || p->begun_before) return;
  p->from = sm_zone_date(w->in->zone, p->begin_ms);
  p->from_ms = sm_zone_day_start_ms(w->in->zone, p->from);
}

static void find_days(work *w) {
  const period *p = &w->period;
  sm_calendar_init(&w->calendar, w->in->zone, sm_date_add_days(p->from, -1),
                   (size_t)sm_date_days_between(p->from, p->to) + 2);
}

static int64_t day_start_ms(const work *w, sm_date date) {
  return w->calendar.start_ms[sm_calendar_index(&w->calendar, date)];
}

/* ---- segments ---- */
static const sm_billing_tariff *tariff_on(const sm_billing_input *in, sm_date date) {
  size_t at = 0;
  while (at + 1 < in->tariff_count && sm_date_compare(in->tariff[at + 1].from, date) <= 0) at++;
  return &in->tariff[at];
}

static sm_err add_segment(work *w, const sm_billing_tariff *version, sm_date from, sm_date to) {
  sm_price_segment *segment = &w->segment[w->segment_count];
  *segment = (sm_price_segment){.tariff = version->tariff,
                                .from_ms = day_start_ms(w, from),
                                .to_ms = day_start_ms(w, to),
                                .days = (int32_t)sm_date_days_between(from, to)};
  if (w->segment_count > 0) {
    w->cut_ms[w->segment_count - 1] = segment->from_ms;
    segment->start_wh = w->segment[w->segment_count - 1].end_wh;
  }
  w->segment_count++;
  return sm_measures_use(&w->measures, segment->to_ms, &segment->end_wh);
}

static sm_err cut_segments(work *w) {
  const sm_billing_input *in = w->in;
  w->segment = calloc(in->tariff_count + 1, sizeof *w->segment);
  w->cut_ms = calloc(in->tariff_count + 1, sizeof *w->cut_ms);
  if (w->segment == NULL || w->cut_ms == NULL) return SM_ERR_NOMEM;
  const sm_billing_tariff *version = tariff_on(in, w->period.from);
  sm_date from = w->period.from;
  sm_err err = SM_OK;
  for (size_t i = 0; i < in->tariff_count && err == SM_OK; i++) {
    const sm_billing_tariff *next = &in->tariff[i];
    if (next <= version || sm_date_compare(next->from, from) <= 0) continue;
    if (sm_date_compare(next->from, w->period.to) >= 0) break;
    err = add_segment(w, version, from, next->from);
    from = next->from;
    version = next;
  }
  if (err == SM_OK) err = add_segment(w, version, from, w->period.to);
  /* Nothing was measured yet: no day is charged, and the lines say so. */
  if (err == SM_OK && !w->period.measured)
    for (size_t i = 0; i < w->segment_count; i++) w->segment[i].days = 0;
  return err;
}

static sm_err check_supported(const work *w) {
  for (size_t i = 0; i < w->segment_count; i++) {
    sm_problems problems = {0};
    sm_err err = sm_tariff_supported(w->segment[i].tariff, w->in->currency, &problems);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

/* ---- windows and demand ---- */
static sm_err measure_segment(work *w, sm_price_segment *segment, size_t first, size_t end) {
  const sm_tariff *tariff = segment->tariff;
  int64_t until_ms = sm_min_i64(segment->to_ms, w->bill->to_ms);
  segment->window = calloc(tariff->window_count + 1, sizeof *segment->window);
  if (segment->window == NULL) return SM_ERR_NOMEM;
  if (!w->period.measured) return SM_OK;
  sm_err err = SM_OK;
  if (tariff->window_count > 0)
    err = sm_windows_measure(&w->measures, &w->calendar, tariff, first, end, until_ms,
                             segment->window);
  if (err == SM_OK && tariff->has_demand)
    err = sm_demand_measure(&w->measures, &w->calendar, tariff->demand.window_minutes, first, end,
                            until_ms, &segment->demand);
  return err;
}

static sm_err measure(work *w) {
  sm_err err = SM_OK;
  size_t first = 1; /* of the calendar: the period's first day */
  for (size_t i = 0; i < w->segment_count && err == SM_OK; i++) {
    size_t end = first;
    while (w->calendar.start_ms[end] < w->segment[i].to_ms) end++;
    err = measure_segment(w, &w->segment[i], first, end);
    first = end;
  }
  if (err == SM_OK && w->period.measured)
    err = sm_days_add(&w->measures, &w->calendar, 1, w->bill->to_ms, w->bill);
  return err;
}

/* ---- the bill ---- */
static sm_err start_bill(work *w) {
  const sm_billing_input *in = w->in;
  sm_bill *bill = calloc(1, sizeof *bill);
  if (bill == NULL) return SM_ERR_NOMEM;
  w->bill = bill;
  bill->device_id = strdup(in->device_id);
  if (in->account_id != NULL) bill->account_id = strdup(in->account_id);
  if (bill->device_id == NULL || (in->account_id != NULL && bill->account_id == NULL))
    return SM_ERR_NOMEM;
  bill->year = in->year;
  bill->month = in->month;
  bill->running = w->period.running;
  bill->from_ms = w->period.from_ms;
  bill->to_ms = w->period.to_ms;
  for (size_t i = 0; i < w->segment_count; i++) bill->days += w->segment[i].days;
  (void)snprintf(bill->currency, sizeof bill->currency, "%s", in->currency);
  /* While the month runs, the bill reaches to the last reading. */
  int64_t last_ms = w->period.from_ms;
  if (bill->running && sm_measures_last(&w->measures, &last_ms) && last_ms > bill->from_ms)
    bill->to_ms = last_ms;
  else if (bill->running)
    bill->to_ms = bill->from_ms;
  return SM_OK;
}

static sm_err record(work *w) {
  const period *p = &w->period;
  sm_record_input record = {.measures = &w->measures,
                            .zone = w->in->zone,
                            .from_ms = p->from_ms,
                            .to_ms = p->to_ms,
                            .running = p->running,
                            .measured = p->measured,
                            .begin_ms = p->begin_ms,
                            .cut_ms = w->cut_ms,
                            .cut_count = w->segment_count - 1,
                            .average_wh_per_day = w->in->average_wh_per_day};
  sm_err err = sm_record_meters(&record, w->bill);
  for (size_t i = 0; i < w->segment_count && err == SM_OK; i++) {
    if (w->segment[i].end_wh >= 0) continue;
    return sm_record_reason(w->bill, SM_REASON_NEGATIVE_USE, NULL, w->segment[i].to_ms,
                            "The meters that count against this account counted more than its own: "
                            "no use is billed below zero.");
  }
  return err;
}

static sm_err price(work *w) {
  sm_price_input input = {.currency = w->in->currency,
                          .month_days = w->period.month_days,
                          .sanctioned_load_w = w->in->sanctioned_load_w,
                          .segment = w->segment,
                          .segment_count = w->segment_count,
                          .true_up = w->in->true_up,
                          .true_up_count = w->in->true_up_count};
  w->bill->consumption_wh = w->segment[w->segment_count - 1].end_wh;
  sm_err err = sm_price_month(&input, w->bill);
  if (err != SM_OK || !w->bill->running) return err;
  const period *p = &w->period;
  sm_projection_input projection = {.measures = &w->measures,
                                    .calendar = &w->calendar,
                                    .price = &input,
                                    .from_ms =
                                        p->measured && !p->begun_before ? p->begin_ms : p->from_ms,
                                    .last_ms = w->bill->to_ms,
                                    .to_ms = p->to_ms};
  return sm_projection_make(&projection, w->bill);
}

static sm_err check_input(const sm_billing_input *in) {
  if (in->tariff_count == 0 || in->month < 1 || in->month > 12 || in->year < 2000 ||
      in->year > 2199 || strlen(in->currency) != 3)
    return SM_ERR_INVALID;
  for (size_t i = 1; i < in->tariff_count; i++)
    if (sm_date_compare(in->tariff[i - 1].from, in->tariff[i].from) >= 0) return SM_ERR_INVALID;
  return SM_OK;
}

static sm_err show(const work *w, sm_computed_fn *see, void *context) {
  const sm_computed computed = {.input = w->in,
                                .measures = &w->measures,
                                .calendar = &w->calendar,
                                .segment = w->segment,
                                .segment_count = w->segment_count,
                                .cut_ms = w->cut_ms,
                                .from_ms = w->period.from_ms,
                                .to_ms = w->period.to_ms,
                                .month_days = w->period.month_days,
                                .bill = w->bill};
  return see != NULL ? see(context, &computed) : SM_OK;
}

sm_err sm_billing_compute(const sm_billing_input *input, sm_bill **bill) {
  return sm_billing_compute_seen(input, NULL, NULL, bill);
}

sm_err sm_billing_compute_seen(const sm_billing_input *input, sm_computed_fn *see, void *context,
                               sm_bill **bill) {
  work w = {.in = input};
  sm_err err = check_input(input);
  if (err == SM_OK) err = find_period(input, &w.period);
  if (err == SM_OK) err = sm_measures_init(&w.measures, input->meter, input->meter_count);
  if (err != SM_OK) goto cleanup;
  begin_period(&w);
  find_days(&w);
  sm_measures_clip(&w.measures, w.period.from_ms, w.period.to_ms);
  if (input->has_average && !w.period.running)
    err = sm_measures_extend(&w.measures, w.period.to_ms, input->average_wh_per_day);
  if (err == SM_OK) err = cut_segments(&w);
  if (err == SM_OK) err = check_supported(&w);
  if (err == SM_OK) err = start_bill(&w);
  if (err == SM_OK) err = record(&w);
  if (err == SM_OK) err = measure(&w);
  if (err == SM_OK) err = price(&w);
  if (err == SM_OK) err = show(&w, see, context);
  if (err != SM_OK) goto cleanup;
  *bill = w.bill;
  w.bill = NULL;
cleanup:
  sm_bill_free(w.bill);
  sm_measures_fini(&w.measures);
  for (size_t i = 0; i < w.segment_count; i++) free(w.segment[i].window);
  free(w.segment);
  free(w.cut_ms);
  return err;
}
