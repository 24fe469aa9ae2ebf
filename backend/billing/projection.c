#include "billing/projection.h"

#include "base/checked.h"
#include "base/order.h"

#include <stdlib.h>

enum { DAYS_MAX = SM_PROJECTION_DAYS_MAX, DAY_MS = 86400000, LEAST_MS = 3600000 };

/* Use of the full local days between the first and the last reading of the period: the bill's days
 * but those that are cut. */
static size_t full_days(const sm_projection_input *in, const sm_bill *bill,
                        int64_t day_wh[DAYS_MAX]) {
  size_t count = 0;
  const int64_t *start_ms = &in->calendar->start_ms[1];
  for (size_t i = 0; i < bill->day_count && count < DAYS_MAX; i++)
    if (start_ms[i] >= in->from_ms && start_ms[i + 1] <= in->last_ms)
      day_wh[count++] = bill->day[i].use_wh;
  return count;
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

/* ---- the month to come ---- */
/* The segments as they will be, and what is known of the use so far. */
typedef struct coming {
  const sm_projection_input *in;
  int64_t so_far_wh;
  sm_price_segment *segment; /* windows are its own */
  sm_window_use **so_far;    /* of each segment's windows, over the whole period so far */
  size_t count;
} coming;

static void coming_fini(coming *c) {
  for (size_t i = 0; i < c->count; i++) {
    free(c->segment[i].window);
    free(c->so_far[i]);
  }
  free(c->segment);
  free(c->so_far);
}

/* Windows by segment i's tariff over the period so far. */
static sm_err look_back(coming *c, size_t i) {
  const sm_projection_input *in = c->in;
  const sm_tariff *tariff = c->segment[i].tariff;
  c->so_far[i] = calloc(tariff->window_count + 1, sizeof *c->so_far[i]);
  c->segment[i].window = calloc(tariff->window_count + 1, sizeof *c->segment[i].window);
  if (c->so_far[i] == NULL || c->segment[i].window == NULL) return SM_ERR_NOMEM;
  if (tariff->window_count == 0) return SM_OK;
  size_t end = 1;
  while (end + 1 < in->calendar->count && in->calendar->start_ms[end] < in->last_ms) end++;
  return sm_windows_measure(in->measures, in->calendar, tariff, 1, end, in->last_ms, c->so_far[i]);
}

static sm_err coming_init(coming *c, const sm_projection_input *in) {
  size_t count = in->price->segment_count;
  sm_demand_found highest = {0};
  *c = (coming){.in = in,
                .segment = calloc(count, sizeof *c->segment),
                .so_far = calloc(count, sizeof(sm_window_use *))};
  if (c->segment == NULL || c->so_far == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < count; i++) {
    sm_price_segment *segment = &c->segment[c->count++];
    *segment = in->price->segment[i];
    segment->window = NULL;
    if (!segment->demand.measured) segment->demand = highest;
    if (segment->demand.kw_centi >= highest.kw_centi) highest = segment->demand;
    sm_err err = look_back(c, i);
    if (err != SM_OK) return err;
  }
  return sm_measures_use(in->measures, in->last_ms, &c->so_far_wh);
}

/* A window's use to come is its part so far of the use to come. */
static sm_err fill_windows(coming *c, size_t i, int64_t more_wh) {
  const sm_price_segment *measured = &c->in->price->segment[i];
  sm_err err = SM_OK;
  for (size_t k = 0; k < measured->tariff->window_count && err == SM_OK; k++) {
    sm_window_use *window = &c->segment[i].window[k];
    int64_t part = 0;
    *window = measured->window[k];
    if (c->so_far_wh != 0)
      err = sm_mul_div_round(more_wh, c->so_far[i][k].use_wh, c->so_far_wh, &part);
    if (err == SM_OK) err = sm_add_i64(window->use_wh, part, &window->use_wh);
  }
  return err;
}

static sm_err fill_segment(coming *c, size_t i, int64_t rate_wh, int64_t rate_ms) {
  const sm_price_segment *measured = &c->in->price->segment[i];
  sm_price_segment *segment = &c->segment[i];
  int64_t more, use, measured_use;
  segment->start_wh = i > 0 ? c->segment[i - 1].end_wh : measured->start_wh;
  segment->end_wh = measured->end_wh;
  sm_err err = SM_OK;
  if (segment->to_ms > c->in->last_ms) {
    err = sm_mul_div_round(rate_wh, segment->to_ms - c->in->last_ms, rate_ms, &more);
    if (err == SM_OK) err = sm_add_i64(c->so_far_wh, more, &segment->end_wh);
  }
  if (err == SM_OK) err = sm_sub_i64(segment->end_wh, segment->start_wh, &use);
  if (err == SM_OK) err = sm_sub_i64(measured->end_wh, measured->start_wh, &measured_use);
  if (err == SM_OK) err = sm_sub_i64(use, measured_use, &more);
  return err == SM_OK ? fill_windows(c, i, more) : err;
}

/* The bill's total if every rate_ms from the last reading on uses rate_wh. */
static sm_err total_at(coming *c, int64_t rate_wh, int64_t rate_ms, int64_t *total_minor,
                       int64_t *use_wh) {
  sm_price_input price = *c->in->price;
  sm_bill *scratch = calloc(1, sizeof *scratch);
  sm_err err = scratch == NULL ? SM_ERR_NOMEM : SM_OK;
  for (size_t i = 0; i < c->count && err == SM_OK; i++) err = fill_segment(c, i, rate_wh, rate_ms);
  price.segment = c->segment;
  if (err == SM_OK) err = sm_price_month(&price, scratch);
  if (err == SM_OK) {
    *total_minor = scratch->total_minor;
    *use_wh = c->segment[c->count - 1].end_wh;
  }
  sm_bill_free(scratch);
  return err;
}

static void swap_if(int64_t *low, int64_t *high) {
  if (*low <= *high) return;
  int64_t kept = *low;
  *low = *high;
  *high = kept;
}

/* The least and the most that a coming day is thought to use. */
static sm_err day_range(const sm_projection_input *in, const sm_bill *bill, sm_bill_projection *p) {
  sm_err err;
  p->day_count = full_days(in, bill, p->day_wh);
  if (p->day_count >= 2)
    err = spread_of(p->day_wh, p->day_count, &p->spread_wh);
  else
    err = sm_mul_div_round(p->mean_wh < 0 ? -p->mean_wh : p->mean_wh, 1, 2, &p->spread_wh);
  if (err == SM_OK) err = sm_sub_i64(p->mean_wh, p->spread_wh, &p->low_day_wh);
  if (err == SM_OK) err = sm_add_i64(p->mean_wh, p->spread_wh, &p->high_day_wh);
  if (err == SM_OK && p->mean_wh >= 0 && p->low_day_wh < 0) p->low_day_wh = 0;
  return err;
}

static sm_err project(coming *c, sm_bill *bill) {
  const sm_projection_input *in = c->in;
  int64_t unused;
  sm_bill_projection p = {.so_far_wh = c->so_far_wh,
                          .passed_ms = sm_max_i64(in->last_ms - in->from_ms, LEAST_MS),
                          .rest_ms = in->to_ms - in->last_ms};
  sm_err err = sm_mul_div_round(c->so_far_wh, DAY_MS, p.passed_ms, &p.mean_wh);
  if (err == SM_OK) err = day_range(in, bill, &p);
  if (err == SM_OK) err = total_at(c, c->so_far_wh, p.passed_ms, &p.total_minor, &p.consumption_wh);
  if (err == SM_OK) err = total_at(c, p.low_day_wh, DAY_MS, &p.low_minor, &unused);
  if (err == SM_OK) err = total_at(c, p.high_day_wh, DAY_MS, &p.high_minor, &unused);
  if (err != SM_OK) return err;
  swap_if(&p.low_minor, &p.high_minor);
  p.low_minor = sm_min_i64(p.low_minor, p.total_minor);
  p.high_minor = sm_max_i64(p.high_minor, p.total_minor);
  bill->projection = p;
  bill->has_projection = true;
  return SM_OK;
}

sm_err sm_projection_make(const sm_projection_input *in, sm_bill *bill) {
  coming c;
  sm_err err = coming_init(&c, in);
  if (err == SM_OK) err = project(&c, bill);
  coming_fini(&c);
  return err;
}
