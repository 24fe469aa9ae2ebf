/* What the readings store holds in memory of its series (device and channel): what is known of
 * each without reading its history, and its "hot" readings, which are durable in the journal but
 * not sealed yet. A fleet is many series, so one is small: one allocation, the name inside. */
#ifndef SM_STORE_SERIES_SERIES_H
#define SM_STORE_SERIES_SERIES_H

#include "base/err.h"
#include "model/reading.h"
#include "model/sequence.h"
#include "store/series/packed.h"

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
/* Room for `more` readings, so that appends up to there cannot fail. */
SM_MUST_CHECK sm_err sm_run_reserve(sm_run *run, size_t more);
/* The first `sorted` readings ascend, what was put behind them is in any order: brings all in
 * order. `spare` has room for what is behind. */
void sm_run_settle(sm_run *run, size_t sorted, sm_reading *spare);
/* Merges two ascending arrays without common instants into `out` (room for both). Where an instant
 * stands in both, `a` wins. Returns how many were written. */
size_t sm_run_merge(const sm_reading *a, size_t a_count, const sm_reading *b, size_t b_count,
                    sm_reading *out);
/* Adds an ascending array to a run. SM_ERR_NOMEM: nothing was changed. */
SM_MUST_CHECK sm_err sm_run_join(sm_run *run, const sm_reading *readings, size_t count);

/* Unsealed readings of one series: those that came in order, and those that came too late for
 * that. */
typedef struct sm_hot {
  sm_packed packed;
  sm_run late;
} sm_hot;

size_t sm_hot_count(const sm_hot *hot); /* NULL has none */
size_t sm_hot_bytes(const sm_hot *hot); /* of memory, all in all */
void sm_hot_free(sm_hot *hot);          /* NULL is fine */
/* Puts all readings in [from_ms, to_ms) into `out`, which holds ascending ones of other places;
 * readings around the range may come along. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_hot_read(const sm_hot *hot, int64_t from_ms, int64_t to_ms, sm_run *out);

typedef struct sm_series {
  sm_hot *hot;    /* came since the running seal began; NULL: none */
  sm_hot *frozen; /* is being sealed */
  sm_reading last;
  int64_t first_ms; /* of all that was ever stored, if has_last */
  uint32_t no;      /* 0: not in the file yet */
  uint32_t hash;    /* of its name and channel */
  uint8_t channel;
  bool has_last;
  /* the writer's: */
  bool state_behind;   /* the file's state is older than what is here */
  bool unsure;         /* at the start: damage may hide its ends */
  uint32_t touched;    /* 1 + its index in the running batch; 0: not in it */
  int64_t gap_from_ms; /* nothing that is sealed lies in [gap_from_ms, gap_to_ms) */
  int64_t gap_to_ms;
  sm_sequence sequence;
  char device_id[];
} sm_series;

sm_series *sm_series_new(const char *device_id, uint8_t channel); /* NULL without memory */
void sm_series_free(sm_series *series);
/* Its first and last reading with one more. */
void sm_series_widen(sm_series *series, const sm_reading *reading);

/* All series by name. */
typedef struct sm_series_table {
  sm_series **slot;
  size_t size; /* a power of two, or 0 */
  size_t count;
} sm_series_table;

void sm_series_table_fini(sm_series_table *table); /* with the series */
sm_series *sm_series_table_get(const sm_series_table *table, const char *device_id,
                               uint8_t channel);
/* Takes a series that is not in it. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_series_table_add(sm_series_table *table, sm_series *series);
/* The series of that name, made if it is not there; borrowed. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_series_table_need(sm_series_table *table, const char *device_id,
                                          uint8_t channel, sm_series **series);

#endif
