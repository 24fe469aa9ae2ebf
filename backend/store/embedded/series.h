/* What the readings store holds in memory of one series (device and channel): its latest reading,
 * the readings that are durable in the journal but not sealed yet ("hot"), and those of the batch
 * that is being committed ("pending"). */
#ifndef SM_STORE_EMBEDDED_SERIES_H
#define SM_STORE_EMBEDDED_SERIES_H

#include "base/err.h"
#include "model/reading.h"
#include "model/sequence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Readings ascending by instant, each instant once. */
typedef struct sm_run {
  sm_reading *item;
  size_t count;
  size_t cap;
} sm_run;

void sm_run_fini(sm_run *run);
/* The index of the first reading at or after an instant. */
size_t sm_run_find(const sm_run *run, int64_t ts_ms);
/* The reading at exactly this instant, or NULL. */
const sm_reading *sm_run_at(const sm_run *run, int64_t ts_ms);
/* Room for `more` readings, so that inserts up to there cannot fail. */
SM_MUST_CHECK sm_err sm_run_reserve(sm_run *run, size_t more);
/* Puts a reading in its place; room must have been reserved, and the instant must not be there. */
void sm_run_insert(sm_run *run, const sm_reading *reading);
/* Merges two ascending arrays without common instants into `out` (room for both). Where an instant
 * stands in both, `a` wins. Returns how many were written. */
size_t sm_run_merge(const sm_reading *a, size_t a_count, const sm_reading *b, size_t b_count,
                    sm_reading *out);

typedef struct sm_series {
  int64_t series_no; /* 0: not in the file yet */
  char device_id[SM_DEVICE_ID_MAX + 1];
  uint8_t channel;
  int64_t new_no; /* the writer's: its number if the running transaction commits, else 0 */
  bool has_last;
  bool touched;    /* the writer's: stands in the running batch */
  sm_reading last; /* if has_last */
  sm_run hot;
  sm_run pending;       /* the writer's */
  sm_sequence sequence; /* the writer's */
} sm_series;

sm_series *sm_series_new(const char *device_id, uint8_t channel); /* NULL without memory */
void sm_series_free(sm_series *series);

/* The key of a series in a map: "device_id/channel". */
enum { SM_SERIES_KEY_MAX = SM_DEVICE_ID_MAX + 8 };
char *sm_series_key(const char *device_id, uint8_t channel, char out[SM_SERIES_KEY_MAX]);

#endif
