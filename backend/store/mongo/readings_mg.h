/* The readings store on MongoDB from inside: what its files share. Nobody else includes this.
 *
 * A time-series collection has no unique key and no place in a transaction, so it cannot say what
 * is stored already. Therefore a batch is stored in ordinary collections by one transaction: its
 * readings as a document of `reading_journal`, and what is known of each series (its first and last
 * reading, its sequence) in `reading_series`. Maintenance moves what stands in the journal to
 * `meter_readings` and then drops it there; cut off in between, it does so again, and a reading
 * stands in `meter_readings` twice, the same both times. Readers look into the journal first, then
 * there, and take each instant once.
 *
 * Who decides whether a reading is new: the version of its series. A server judges a batch by what
 * it knows in memory and, for what is not newer than the last, by what is stored; the transaction
 * asks for the versions that it judged by, so that a batch of another server in between makes it
 * fail, and it is judged again.
 *
 * Quarters follow: a commit marks in `reading_quarters_due` those it touched, maintenance makes
 * their documents from raw, and takes the mark away in the same transaction if it is still the one
 * that it saw before it read. Until then readers make them from raw. */
#ifndef SM_STORE_READINGS_MG_H
#define SM_STORE_READINGS_MG_H

#include "base/buf.h"
#include "store/mongo/mongo.h"
#include "store/mongo/mongo_db.h"
#include "store/readings_engine.h"
#include "store/series/quarter.h"
#include "store/series/series.h"
#include "store/series/verdicts.h"

#include <pthread.h>
#include <stdatomic.h>

#define DAY_MS ((int64_t)86400000)

#define MG_RAW "meter_readings"
#define MG_JOURNAL "reading_journal"
#define MG_SERIES "reading_series"
#define MG_QUARTERS "reading_quarters"
#define MG_DUE "reading_quarters_due"
#define MG_COURSE "reading_course"
#define MG_REJECTS "reading_rejects"
#define MG_META "reading_meta"

typedef struct mg_readings {
  const sm_readings_engine *engine; /* first */
  bool writer;
  int data_lock; /* -1: none */
  mg_pool *pool;
  mg_conn own; /* the writer's */
  char client_id[32];
  char server[24];        /* of this open store: whose a journal document is */
  int64_t retention_days; /* 0: for ever */

  pthread_rwlock_t lock; /* guards table, series (the list), each one's last, first_ms, no */
  sm_series_table table;
  sm_series **series; /* those with a number, in the order in which they were met */
  size_t series_count;
  size_t series_cap;
  int64_t newest_ms; /* the latest instant of all readings */

  pthread_mutex_t fresh_lock; /* guards the members below, and one refreshing at a time */
  int64_t fresh_until_ms;     /* steady clock: what is in memory is new enough until then */

  /* the writer's, or under fresh_lock */
  int64_t *version;  /* of each series, by its number */
  sm_series **by_no; /* the series, NULL where none is known */
  size_t version_cap;
  int64_t top_no;     /* the highest number */
  int64_t changed_ms; /* the latest change of a series that was read */

  sm_verdicts batch;
  bool behind;            /* memory may not know all that is stored */
  int64_t kept_ms;        /* retention: quarters of before stand for themselves */
  size_t retain_at;       /* and it has got to this series of the list, for */
  int64_t retain_ms;      /* this horizon; 0: none is under way */
  int64_t maintain_at_ms; /* steady clock: not before */
  int64_t reject_bytes;

  atomic_uint_fast64_t commits;
  atomic_uint_fast64_t pending; /* stored by us, in the journal */
  atomic_uint_fast64_t dropped_days;
} mg_readings;

static inline mg_readings *mg_of(sm_readings *store) {
  return (mg_readings *)(void *)store;
}

/* ---- series (readings_mg_series.c) ---- */
/* Reads the series of a filter (taken) into memory. */
SM_MUST_CHECK sm_err mg_load_series(mg_readings *store, mg_conn *conn, bson_t *filter);
/* What other servers have stored, if nobody has looked for a while. */
SM_MUST_CHECK sm_err mg_refresh(mg_readings *store, mg_conn *conn);
SM_MUST_CHECK sm_err mg_version_room(mg_readings *store, int64_t no);
/* The number of a series, 0 if there is none, and (may be NULL) its ends. */
int64_t mg_series_no(mg_readings *store, const char *device_id, uint8_t channel, int64_t *first_ms,
                     int64_t *last_ms);
sm_err mg_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading);
sm_err mg_readings_last_ms(sm_readings *store, int64_t *ts_ms);
sm_err mg_readings_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms);
sm_err mg_readings_each(sm_readings *store, sm_readings_each_fn each, void *context);

/* ---- documents (readings_mg_doc.c) ---- */
bson_t *mg_raw_doc(const char *device_id, uint8_t channel, const sm_reading *reading);
sm_reading mg_take_raw(const bson_t *doc);
bson_t *mg_quarter_doc(const char *device_id, uint8_t channel, const sm_quarter *quarter);
sm_quarter mg_take_quarter(const bson_t *doc);
/* The _id of a quarter, of its mark, and of a day's course. */
bson_t *mg_place_id(const char *device_id, uint8_t channel, int64_t start_ms);
/* What asks for those of a series that start in [from_ms, to_ms). */
bson_t *mg_place_filter(const char *device_id, uint8_t channel, int64_t from_ms, int64_t to_ms);

/* ---- reading (readings_mg_read.c) ---- */
/* One series as the functions below are asked for it. */
typedef struct mg_which {
  int64_t no;
  const char *device_id;
  uint8_t channel;
} mg_which;
SM_MUST_CHECK sm_err mg_raw(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                            size_t limit, sm_run *run);
SM_MUST_CHECK sm_err mg_quarters(mg_conn *conn, const mg_which *which, int64_t from_ms,
                                 int64_t to_ms, size_t limit, sm_quarter_list *list);
/* The documents of the journal that a filter (taken) finds, entry by entry. */
typedef sm_err (*mg_journal_fn)(void *context, int64_t series_no, const sm_reading *reading);
SM_MUST_CHECK sm_err mg_journal_walk(mg_conn *conn, bson_t *filter, mg_journal_fn each,
                                     void *context);
SM_MUST_CHECK sm_err mg_journal_doc_walk(const bson_t *doc, mg_journal_fn each, void *context);

/* ---- rejects (readings_mg_reject.c), inside a transaction ---- */
SM_MUST_CHECK sm_err mg_rejects_write(mg_readings *store, mg_conn *conn,
                                      const sm_reject_in *rejects, size_t count);
/* And the oldest leave when they are too many, in one of its own. */
SM_MUST_CHECK sm_err mg_rejects_trim(mg_readings *store, mg_conn *conn);

/* ---- what follows (readings_mg_move.c, readings_mg_due.c, readings_mg_retain.c) ---- */
/* Each does a piece; *done: there was something. */
SM_MUST_CHECK sm_err mg_move(mg_readings *store, mg_conn *conn, bool all, bool *done);
SM_MUST_CHECK sm_err mg_make_due(mg_readings *store, mg_conn *conn, int64_t before_ms, bool *done);
SM_MUST_CHECK sm_err mg_retain(mg_readings *store, mg_conn *conn, int64_t now_ms, bool *done);
/* Readings of before are refused. */
int64_t mg_horizon_ms(const mg_readings *store, int64_t now_ms);

/* ---- the engine ---- */
sm_err mg_readings_commit(sm_readings *store, sm_readings_batch *batch);
sm_err mg_readings_maintain(sm_readings *store, bool force, bool *more);
sm_err mg_readings_raw(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list);
sm_err mg_readings_quarters(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list);
sm_err mg_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace);
sm_err mg_readings_outline(sm_readings *store, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole);
sm_err mg_readings_survey(sm_readings *store, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters);
sm_err mg_readings_rejects(sm_readings *store, int64_t from_ms, int64_t to_ms, int64_t after,
                           size_t limit, sm_reject_list *list);
sm_err mg_readings_rejects_wanted(sm_readings *store, const char *reason,
                                  sm_reject_wanted_fn wanted, void *context, int64_t after,
                                  size_t limit, sm_reject_list *list, int64_t *next);
sm_err mg_readings_check(sm_readings *store, sm_readings_finding_fn finding,
                         sm_readings_progress_fn progress, void *context,
                         sm_readings_check_result *result);

#endif
