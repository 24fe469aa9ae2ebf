/* Readings in buckets: how time is cut, and what is said of each piece. Pure.
 *
 * Buckets are cut on the clock of the deployment's zone: quarters and hours at its quarters and
 * hours, days and months at its midnights. A change of the clock by less than an hour ends an
 * hour's bucket where it happens. What was used in a bucket is the difference of the judged
 * register at its edges, interpolated as on a bill (billing/register.h), so that any cuts of a span
 * add up to it. */
#ifndef SM_API_AGGREGATE_H
#define SM_API_AGGREGATE_H

#include "base/jsonw.h"
#include "base/zone.h"
#include "billing/register.h"
#include "model/reading.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_agg {
  SM_AGG_RAW,
  SM_AGG_MINUTE,
  SM_AGG_QUARTER,
  SM_AGG_HOUR,
  SM_AGG_DAY,
  SM_AGG_MONTH
} sm_agg;

/* "raw", "1m", "15m", "1h", "1d", "1M"; SM_ERR_SYNTAX. */
SM_MUST_CHECK sm_err sm_agg_parse(const char *name, sm_agg *agg);
const char *sm_agg_name(sm_agg agg);

/* The start of the bucket that an instant lies in, and of the bucket after the one that starts at
 * `start_ms`. agg is not SM_AGG_RAW (asserted). */
int64_t sm_agg_start_ms(sm_agg agg, const sm_zone *zone, int64_t at_ms);
int64_t sm_agg_next_ms(sm_agg agg, const sm_zone *zone, int64_t start_ms);

typedef struct sm_bucket {
  int64_t start_ms; /* of the whole bucket, also where only a part of it was asked for */
  int64_t energy_wh;
  uint64_t count; /* readings; 0: of power and voltage nothing is known */
  int64_t power_sum_mw;
  int32_t power_max_mw;
  int64_t voltage_sum_mv;
  int32_t voltage_min_mv;
  int32_t voltage_max_mv;
} sm_bucket;

void sm_bucket_add_reading(sm_bucket *bucket, const sm_reading *reading);
void sm_bucket_add_quarter(sm_bucket *bucket, const sm_quarter *quarter);
/* Adds what the register counted between two totals of its course (sm_course_total), where a part
 * of the bucket opens and closes. SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_bucket_add_use(sm_bucket *bucket, int64_t opening_wh, int64_t closing_wh);
/* Whether there is nothing to say of it: no reading and no use. */
bool sm_bucket_is_empty(const sm_bucket *bucket);
/* The contract's row; means are rounded half away from zero. Rows by time share a stamp. */
void sm_bucket_write_json(sm_jsonw *w, const sm_bucket *bucket, sm_zone_stamp *stamp);

#endif
