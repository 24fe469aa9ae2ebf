#include "billing/projection.h"

#include "base/checked.h"

#include <stdlib.h>

enum { DAYS_MAX = SM_PROJECTION_DAYS_MAX, DAY_MS = 86400000, LEAST_MS = 3600000 };

/* Use of the full local days between the first and the last reading of the period. */
static sm_err full_days(const sm_projection_input *in, int64_t day_wh[DAYS_MAX], size_t *count) {
  size_t n = 0;
  sm_date date = sm_zone_date(in->zone, in->from_ms);
  int64_t start_ms = sm_zone_day_start_ms(in->zone, date);
  if (start_ms < in->from_ms) date = sm_date_add_days(date, 1);
  start_ms = sm_zone_day_start_ms(in->zone, date);
  for (; n < DAYS_MAX; n++) {
    int64_t opening, closing;
    date = sm_date_add_days(date, 1);
    int64_t end_ms = sm_zone_day_start_ms(in->zone, date);
    if (end_ms > in->last_ms) break;
    sm_err err = sm_measures_use(in->measures, start_ms, &opening);
    if (err == SM_OK) err = sm_measures_use(in->measures, end_ms, &closing);
    if (err == SM_OK) err = sm_sub_i64(closing, opening, &day_wh[n]);
    if (err != SM_OK) return err;
    start_ms = end_ms;
  }
  *count = n;
  return SM_OK;
}

/* The average distance of the days from their average. */
static sm_err spread_of(const int64_t *day_wh, size_t count, int64_t *spread_wh) {
  sm_i128 sum = 0;
  sm_i128 distance = 0;
  int64_t mean;
  for (size_t i = 0; i < count; i++) sum += day_wh[i];
  sm_err err = sm_div_round_i128(sum, (int64_t)count, &mean);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < count; i++) {
    sm_i128 off = (sm_i128)day_wh[i] - mean;
    distance += off < 0 ? -off : off;
  }
  return sm_div_round_i128(distance, (int64_t)count, spread_wh);
}

/* The bill's total if every day from the last reading on uses so much. */
static sm_err total_at(const sm_projection_input *in, int64_t so_far_wh, int64_t rate_wh,
                       int64_t rate_ms, int64_t *total_minor, int64_t *use_wh) {
  size_t count = in->price->segment_count;
  sm_price_input price = *in->price;
  sm_bill *scratch = calloc(1, sizeof *scratch);
  sm_price_segment *segment = calloc(count, sizeof *segment);
  sm_err err = scratch == NULL || segment == NULL ? SM_ERR_NOMEM : SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    int64_t more;
    segment[i] = in->price->segment[i];
    if (i > 0) segment[i].start_wh = segment[i - 1].end_wh;
    if (segment[i].to_ms <= in->last_ms) continue;
    err = sm_mul_div_round(rate_wh, segment[i].to_ms - in->last_ms, rate_ms, &more);
    if (err == SM_OK) err = sm_add_i64(so_far_wh, more, &segment[i].end_wh);
  }
  price.segment = segment;
  if (err == SM_OK) err = sm_price_month(&price, scratch);
  if (err == SM_OK) {
    *total_minor = scratch->total_minor;
    *use_wh = segment[count - 1].end_wh;
  }
  sm_bill_free(scratch);
  free(segment);
  return err;
}

static void swap_if(int64_t *low, int64_t *high) {
  if (*low <= *high) return;
  int64_t kept = *low;
  *low = *high;
  *high = kept;
}

/* The least and the most that a coming day is thought to use. */
static sm_err day_range(const sm_projection_input *in, sm_bill_projection *p) {
  sm_err err = full_days(in, p->day_wh, &p->day_count);
  if (err == SM_OK && p->day_count >= 2)
    err = spread_of(p->day_wh, p->day_count, &p->spread_wh);
  else if (err == SM_OK)
    err = sm_mul_div_round(p->mean_wh < 0 ? -p->mean_wh : p->mean_wh, 1, 2, &p->spread_wh);
  if (err == SM_OK) err = sm_sub_i64(p->mean_wh, p->spread_wh, &p->low_day_wh);
  if (err == SM_OK) err = sm_add_i64(p->mean_wh, p->spread_wh, &p->high_day_wh);
  if (err == SM_OK && p->mean_wh >= 0 && p->low_day_wh < 0) p->low_day_wh = 0;
  return err;
}

sm_err sm_projection_make(const sm_projection_input *in, sm_bill *bill) {
  int64_t unused;
  sm_bill_projection p = {.passed_ms = in->last_ms - in->from_ms,
                          .rest_ms = in->to_ms - in->last_ms};
  if (p.passed_ms < LEAST_MS) p.passed_ms = LEAST_MS;
  sm_err err = sm_measures_use(in->measures, in->last_ms, &p.so_far_wh);
  if (err == SM_OK) err = sm_mul_div_round(p.so_far_wh, DAY_MS, p.passed_ms, &p.mean_wh);
  if (err == SM_OK) err = day_range(in, &p);
  if (err == SM_OK)
    err = total_at(in, p.so_far_wh, p.so_far_wh, p.passed_ms, &p.total_minor, &p.consumption_wh);
  if (err == SM_OK) err = total_at(in, p.so_far_wh, p.low_day_wh, DAY_MS, &p.low_minor, &unused);
  if (err == SM_OK) err = total_at(in, p.so_far_wh, p.high_day_wh, DAY_MS, &p.high_minor, &unused);
  if (err != SM_OK) return err;
  swap_if(&p.low_minor, &p.high_minor);
  if (p.total_minor < p.low_minor) p.low_minor = p.total_minor;
  if (p.total_minor > p.high_minor) p.high_minor = p.total_minor;
  bill->projection = p;
  bill->has_projection = true;
  return SM_OK;
}
