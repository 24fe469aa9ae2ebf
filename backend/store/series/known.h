/* What is told of the series from memory, the same way by every engine: it says where it keeps
 * them, and has them up to date itself. Any thread. */
#ifndef SM_STORE_SERIES_KNOWN_H
#define SM_STORE_SERIES_KNOWN_H

#include "store/readings.h"
#include "store/series/series.h"

#include <pthread.h>

/* Borrowed of the store. */
typedef struct sm_known {
  pthread_rwlock_t *lock; /* guards the rest, and each series' last, first_ms, no */
  const sm_series_table *table;
  sm_series **const *list; /* those with a number, as they came; it moves when it grows */
  const size_t *count;
  const int64_t *newest_ms; /* the latest instant of all, INT64_MIN: there is none */
} sm_known;

/* The number of a series, 0 if it has none or no readings, and (may be NULL) its ends. */
int64_t sm_known_no(const sm_known *k, const char *device_id, uint8_t channel, int64_t *first_ms,
                    int64_t *last_ms);
/* As the functions of readings.h. */
SM_MUST_CHECK sm_err sm_known_latest(const sm_known *k, const char *device_id, uint8_t channel,
                                     sm_reading *reading);
SM_MUST_CHECK sm_err sm_known_first_ms(const sm_known *k, const char *device_id, uint8_t channel,
                                       int64_t *ts_ms);
SM_MUST_CHECK sm_err sm_known_last_ms(const sm_known *k, int64_t *ts_ms);
SM_MUST_CHECK sm_err sm_known_each(const sm_known *k, sm_readings_each_fn each, void *context);

#endif
