#include "store/series/quarter.h"

#include "base/checked.h"

static const int64_t hour_ms = 3600000;

static int64_t floor_to(int64_t value, int64_t unit) {
  int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

int64_t sm_quarter_start_ms(int64_t ts_ms) {
  return floor_to(ts_ms, SM_QUARTER_MS);
}

int64_t sm_hour_of(int64_t ts_ms) {
  return floor_to(ts_ms, hour_ms) / hour_ms;
}

/* By how much a register rose beyond its resolution, as far as that can be told. */
static int64_t risen_wh(sm_register_point from, sm_register_point to) {
  enum { RESOLUTION_WH = 2 };
  int64_t wh;
  if (to.wh <= from.wh) return 0;
  if (__builtin_sub_overflow(to.wh, from.wh, &wh)) return INT64_MAX;
  return wh > RESOLUTION_WH ? wh - RESOLUTION_WH : 0;
}

int64_t sm_step_w(sm_register_point from, sm_register_point to) {
  int64_t wh = risen_wh(from, to);
  int64_t ms = to.ts_ms - from.ts_ms;
  if (wh == 0) return 0;
  if (ms <= 0 || wh > INT64_MAX / hour_ms) return INT64_MAX;
  return (wh * hour_ms - 1) / ms + 1;
}

bool sm_step_within(sm_register_point from, sm_register_point to, int64_t limit_w) {
  int64_t wh = risen_wh(from, to);
  int64_t ms = to.ts_ms - from.ts_ms;
  if (wh == 0) return true;
  if (ms <= 0 || wh > INT64_MAX / hour_ms) return limit_w == INT64_MAX;
  return (sm_i128)wh * hour_ms <= (sm_i128)limit_w * ms;
}

static sm_register_point point_of(const sm_reading *r) {
  return (sm_register_point){.ts_ms = r->ts_ms, .wh = r->energy_wh};
}

static void begin(sm_quarter *q, const sm_reading *r) {
  *q = (sm_quarter){.start_ms = sm_quarter_start_ms(r->ts_ms),
                    .first = point_of(r),
                    .last = point_of(r),
                    .count = 1,
                    .power_sum_mw = r->power_mw,
                    .power_max_mw = r->power_mw,
                    .voltage_sum_mv = r->voltage_mv,
                    .voltage_min_mv = r->voltage_mv,
                    .voltage_max_mv = r->voltage_mv};
}

static void extend(sm_quarter *q, const sm_reading *r) {
  sm_register_point here = point_of(r);
  int64_t step_w = sm_step_w(q->last, here);
  int32_t gap_ms = (int32_t)(here.ts_ms - q->last.ts_ms);
  if (step_w > q->step_max_w) q->step_max_w = step_w;
  if (gap_ms > q->gap_max_ms) q->gap_max_ms = gap_ms;
  if (here.wh < q->last.wh) q->fell = true;
  q->last = here;
  q->count++;
  q->power_sum_mw += r->power_mw;
  q->voltage_sum_mv += r->voltage_mv;
  if (r->power_mw > q->power_max_mw) q->power_max_mw = r->power_mw;
  if (r->voltage_mv < q->voltage_min_mv) q->voltage_min_mv = r->voltage_mv;
  if (r->voltage_mv > q->voltage_max_mv) q->voltage_max_mv = r->voltage_mv;
}

size_t sm_quarters_of(const sm_reading *readings, size_t count, sm_quarter *out) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    if (n > 0 && out[n - 1].start_ms == sm_quarter_start_ms(readings[i].ts_ms))
      extend(&out[n - 1], &readings[i]);
    else
      begin(&out[n++], &readings[i]);
  }
  return n;
}
