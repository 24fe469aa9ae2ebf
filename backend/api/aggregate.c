#include "api/aggregate.h"

#include "base/checked.h"
#include "base/decimal.h"
#include "base/put.h"

#include <assert.h>
#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };

static const char *const names[] = {"raw", "1m", "15m", "1h", "1d", "1M"};

sm_err sm_agg_parse(const char *name, sm_agg *agg) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *agg = (sm_agg)i;
    return SM_OK;
  }
  return SM_ERR_SYNTAX;
}

const char *sm_agg_name(sm_agg agg) {
  return names[agg];
}

static int64_t floor_to(int64_t value, int64_t step) {
  int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

static int64_t offset_ms(const sm_zone *zone, int64_t at_ms) {
  return (int64_t)sm_zone_offset_s(zone, at_ms) * 1000;
}

/* The first second in (from_ms, to_ms] at which the offset is what it is at to_ms. */
static int64_t change_ms(const sm_zone *zone, int64_t from_ms, int64_t to_ms) {
  int64_t after = offset_ms(zone, to_ms);
  int64_t low = from_ms / 1000;
  int64_t high = to_ms / 1000;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (offset_ms(zone, middle * 1000) == after)
      high = middle;
    else
      low = middle;
  }
  return high * 1000;
}

static int64_t hour_start(const sm_zone *zone, int64_t at_ms) {
  int64_t offset = offset_ms(zone, at_ms);
  int64_t start = floor_to(at_ms + offset, HOUR_MS) - offset;
  bool broken = (offset_ms(zone, start) - offset) % HOUR_MS != 0;
  return broken ? change_ms(zone, start, at_ms) : start;
}

static int64_t hour_next(const sm_zone *zone, int64_t start_ms) {
  int64_t offset = offset_ms(zone, start_ms);
  int64_t next = floor_to(start_ms + offset, HOUR_MS) + HOUR_MS - offset;
  bool broken = (offset_ms(zone, next - 1) - offset) % HOUR_MS != 0;
  return broken ? change_ms(zone, start_ms, next - 1) : next;
}

int64_t sm_agg_start_ms(sm_agg agg, const sm_zone *zone, int64_t at_ms) {
  sm_date date;
  switch (agg) {
  case SM_AGG_MINUTE:
    return floor_to(at_ms, MINUTE_MS);
  case SM_AGG_QUARTER:
    return floor_to(at_ms, SM_QUARTER_MS);
  case SM_AGG_HOUR:
    return hour_start(zone, at_ms);
  case SM_AGG_DAY:
    return sm_zone_day_start_ms(zone, sm_zone_date(zone, at_ms));
  case SM_AGG_MONTH:
    date = sm_zone_date(zone, at_ms);
    return sm_zone_month_start_ms(zone, date.year, date.month);
  case SM_AGG_RAW:
    break;
  }
  assert(agg != SM_AGG_RAW);
  return at_ms;
}

int64_t sm_agg_next_ms(sm_agg agg, const sm_zone *zone, int64_t start_ms) {
  sm_date date;
  switch (agg) {
  case SM_AGG_MINUTE:
    return start_ms + MINUTE_MS;
  case SM_AGG_QUARTER:
    return start_ms + SM_QUARTER_MS;
  case SM_AGG_HOUR:
    return hour_next(zone, start_ms);
  case SM_AGG_DAY:
    return sm_zone_day_start_ms(zone, sm_date_add_days(sm_zone_date(zone, start_ms), 1));
  case SM_AGG_MONTH:
    date = sm_date_add_months(sm_zone_date(zone, start_ms), 1);
    return sm_zone_month_start_ms(zone, date.year, date.month);
  case SM_AGG_RAW:
    break;
  }
  assert(agg != SM_AGG_RAW);
  return start_ms + 1;
}

static void add(sm_bucket *bucket, const sm_bucket *more) {
  bool first = bucket->count == 0;
  bucket->count += more->count;
  bucket->power_sum_mw += more->power_sum_mw;
  bucket->voltage_sum_mv += more->voltage_sum_mv;
  if (first || more->power_max_mw > bucket->power_max_mw) bucket->power_max_mw = more->power_max_mw;
  if (first || more->voltage_min_mv < bucket->voltage_min_mv)
    bucket->voltage_min_mv = more->voltage_min_mv;
  if (first || more->voltage_max_mv > bucket->voltage_max_mv)
    bucket->voltage_max_mv = more->voltage_max_mv;
}

void sm_bucket_add_reading(sm_bucket *bucket, const sm_reading *reading) {
  add(bucket, &(sm_bucket){.count = 1,
                           .power_sum_mw = reading->power_mw,
                           .power_max_mw = reading->power_mw,
                           .voltage_sum_mv = reading->voltage_mv,
                           .voltage_min_mv = reading->voltage_mv,
                           .voltage_max_mv = reading->voltage_mv});
}

void sm_bucket_add_quarter(sm_bucket *bucket, const sm_quarter *quarter) {
  add(bucket, &(sm_bucket){.count = quarter->count,
                           .power_sum_mw = quarter->power_sum_mw,
                           .power_max_mw = quarter->power_max_mw,
                           .voltage_sum_mv = quarter->voltage_sum_mv,
                           .voltage_min_mv = quarter->voltage_min_mv,
                           .voltage_max_mv = quarter->voltage_max_mv});
}

sm_err sm_bucket_add_use(sm_bucket *bucket, int64_t opening_wh, int64_t closing_wh) {
  int64_t use;
  int64_t sum;
  sm_err err = sm_sub_i64(closing_wh, opening_wh, &use);
  if (err == SM_OK) err = sm_add_i64(bucket->energy_wh, use, &sum);
  if (err == SM_OK) bucket->energy_wh = sum;
  return err;
}

bool sm_bucket_is_empty(const sm_bucket *bucket) {
  return bucket->count == 0 && bucket->energy_wh == 0;
}

/* ---- a row ---- */

#define PUT(at, literal) sm_put_text((at), (literal), sizeof(literal) - 1)

static char *put_milli(char *at, int64_t value) {
  return sm_decimal_put(at, value, 3, 0);
}

static char *put_mean(char *at, int64_t sum, uint64_t count) {
  int64_t mean = 0; /* no larger than the largest reading: it always fits */
  if (sm_mul_div_round(sum, 1, (int64_t)count, &mean) != SM_OK) return PUT(at, "null");
  return put_milli(at, mean);
}

static char *put_known(char *at, const sm_bucket *bucket) {
  at = PUT(at, ",\"power_w_avg\":");
  at = put_mean(at, bucket->power_sum_mw, bucket->count);
  at = PUT(at, ",\"power_w_max\":");
  at = put_milli(at, bucket->power_max_mw);
  at = PUT(at, ",\"voltage_min\":");
  at = put_milli(at, bucket->voltage_min_mv);
  at = PUT(at, ",\"voltage_avg\":");
  at = put_mean(at, bucket->voltage_sum_mv, bucket->count);
  at = PUT(at, ",\"voltage_max\":");
  return put_milli(at, bucket->voltage_max_mv);
}

/* A month of quarters is three thousand rows: each goes into the answer in one piece. */
void sm_bucket_write_json(sm_jsonw *w, const sm_bucket *bucket, sm_zone_stamp *stamp) {
  char row[512]; /* keys and marks are 130 of these, the values below 250 */
  char *at = PUT(row, "{\"timestamp\":\"");
  at = sm_zone_stamp_put(stamp, bucket->start_ms, at);
  at = PUT(at, "\",\"energy_kwh\":");
  at = put_milli(at, bucket->energy_wh);
  if (bucket->count > 0)
    at = put_known(at, bucket);
  else
    at = PUT(at, ",\"power_w_avg\":null,\"power_w_max\":null,\"voltage_min\":null"
                 ",\"voltage_avg\":null,\"voltage_max\":null");
  at = PUT(at, ",\"count\":");
  at = sm_put_u64(at, bucket->count);
  *at++ = '}';
  sm_jsonw_raw(w, row, (size_t)(at - row));
}
