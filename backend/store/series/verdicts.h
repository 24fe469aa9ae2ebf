/* Judging a batch where other servers store readings too (PostgreSQL, MongoDB): which of its
 * readings are new, which are stored already, which are refused, and what its series are when it is
 * stored. Pure: what is stored is the caller's to find, and to hold still until the batch is
 * committed. The steps of a batch:
 *
 *   sm_verdicts_touch    its series, each once, and room for a verdict a reading
 *   (the caller)         latest_ms and no of each series, as they are stored
 *   sm_verdicts_first    what the latest readings alone can tell
 *   sm_verdicts_keys     the keys that must be looked up, if any
 *   (the caller)         sm_verdicts_found for what is stored under them
 *   sm_verdicts_late     what that tells
 *   sm_verdicts_count    how many are stored
 *   (the caller)         `next` of each series: a copy of what is stored
 *   sm_verdicts_settle   what it is with the batch
 *   sm_verdicts_tell     after the commit: verdicts and acks
 *   sm_verdicts_forget   the end, also of a batch that failed
 *
 * The embedded store judges in its own way: it is the only writer, and knows in memory what it
 * would have to look up. */
#ifndef SM_STORE_SERIES_VERDICTS_H
#define SM_STORE_SERIES_VERDICTS_H

#include "store/readings.h"
#include "store/series/series.h"

/* A series of the batch. */
typedef struct sm_verdict_series {
  sm_series *series;     /* the one in memory, borrowed; its `touched` is this one's index + 1 */
  const char *device_id; /* the batch's, for acks */
  int64_t no;            /* 0: there is none yet */
  int64_t latest_ms;     /* with what the batch has so far; INT64_MIN: nothing */
  bool stored;           /* something of the batch is */
  bool marked;           /* a mark of the batch names it */
  bool is_new;           /* the caller's: its number is of the running transaction */
  sm_series *next;       /* what is stored, and what it is when the batch is, too; owned */
} sm_verdict_series;

typedef struct sm_verdict_item { /* one a reading; then one a reject, where only `series` counts */
  uint32_t series;
  uint8_t verdict;
  bool late; /* must be looked up */
} sm_verdict_item;

typedef struct sm_verdict_found {
  int64_t series_no;
  sm_reading reading;
} sm_verdict_found;

/* By series of the batch, instant, and place in the batch. */
typedef struct sm_verdict_key {
  uint32_t series;
  uint32_t at;
  int64_t ts_ms;
} sm_verdict_key;

typedef struct sm_verdicts { /* zeros to begin with */
  sm_verdict_series *series;
  size_t series_count;
  size_t series_cap;
  sm_verdict_item *item;
  size_t item_cap;
  sm_verdict_found *found;
  size_t found_count;
  size_t found_cap;
  size_t stored;
  size_t late;
  size_t refused;
} sm_verdicts;

/* After sm_verdicts_forget. */
void sm_verdicts_fini(sm_verdicts *v);
void sm_verdicts_forget(sm_verdicts *v);

/* The series in memory, made if it is new; borrowed. */
typedef sm_err (*sm_verdicts_series_fn)(void *store, const char *device_id, uint8_t channel,
                                        sm_series **series);
/* SM_ERR_RANGE: a reading's instant is none of the store's; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_verdicts_touch(sm_verdicts *v, const sm_readings_batch *in,
                                       sm_verdicts_series_fn series, void *store);
/* Readings of before horizon_ms are refused. */
void sm_verdicts_first(sm_verdicts *v, const sm_readings_batch *in, int64_t horizon_ms);

/* The keys of all readings that are not refused, sorted, where one of them must be looked up; freed
 * by the caller. *keys NULL: none must. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_verdicts_keys(const sm_verdicts *v, const sm_readings_batch *in,
                                      sm_verdict_key **keys, size_t *count);
/* Something that is stored; the same may be told twice. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_verdicts_found(sm_verdicts *v, int64_t series_no,
                                       const sm_reading *reading);
void sm_verdicts_late(sm_verdicts *v, const sm_readings_batch *in, const sm_verdict_key *keys,
                      size_t count);
void sm_verdicts_count(sm_verdicts *v, const sm_readings_batch *in);

static inline bool sm_verdicts_is_stored(const sm_verdicts *v, size_t at) {
  return v->item[at].verdict == SM_VERDICT_STORED || v->item[at].verdict == SM_VERDICT_LATE;
}
static inline int64_t sm_verdicts_no(const sm_verdicts *v, size_t at) {
  return v->series[v->item[at].series].no;
}

/* Whether there is anything to keep: a batch of duplicates changes nothing. */
bool sm_verdicts_has_news(const sm_verdicts *v, const sm_readings_batch *in);
/* Brings each `next` to what it is with the batch. */
void sm_verdicts_settle(sm_verdicts *v, const sm_readings_batch *in);

/* Each refused reading as a reject; what `keep` returns other than SM_OK ends it. */
typedef sm_err (*sm_verdicts_reject_fn)(void *context, const sm_reject_in *reject);
SM_MUST_CHECK sm_err sm_verdicts_refused(const sm_verdicts *v, const sm_readings_batch *in,
                                         int64_t now_ms, sm_verdicts_reject_fn keep, void *context);

/* The batch's own verdicts and acks, once it is stored. */
void sm_verdicts_tell(const sm_verdicts *v, sm_readings_batch *in);

#endif
