/* A device's buckets over a span of time, from the readings store, as far as somebody may see it.
 */
#ifndef SM_API_HISTORY_H
#define SM_API_HISTORY_H

#include "api/aggregate.h"
#include "base/err.h"
#include "base/zone.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_history_query {
  sm_readings *readings;
  const sm_zone *zone;
  const char *device_id;
  int64_t modulus_wh; /* the device's */
  int64_t max_power_w;
  const sm_edits *edits; /* of the register, those that hold; NULL: none */
  sm_agg agg;            /* not raw */
  int64_t from_ms;
  int64_t to_ms;
  const sm_interval *visible; /* by time, apart from each other: nothing outside counts */
  size_t visible_count;
  size_t limit; /* buckets; at least 1 */
} sm_history_query;

typedef struct sm_history {
  sm_bucket *bucket; /* by time, none empty */
  size_t count;      /* at most limit */
  bool more;         /* there may be more from next_ms on; count may be less than limit then, also
                        0: a long span is searched for so long only */
  int64_t next_ms;   /* the start of a bucket */
} sm_history;

/* SM_ERR_NOMEM, SM_ERR_OVERFLOW, and what the store gives. fini after success. */
SM_MUST_CHECK sm_err sm_history_get(const sm_history_query *query, sm_history *history);
void sm_history_fini(sm_history *history);

#endif
