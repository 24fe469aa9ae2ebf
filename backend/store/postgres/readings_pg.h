/* The readings store on PostgreSQL from inside: what its files share. Nobody else includes this.
 *
 * Any number of servers write. A commit first locks the rows of the series that it touches, in the
 * order of their numbers, so that two commits wait for each other only where they are about the
 * same meters, and never in a circle. What it then reads there (`series.state`: first and last
 * reading, and what of the sequence is settled) is what it judges by: a reading newer than the last
 * needs no question, an older one is looked up, and nothing that this process remembers decides
 * anything. The primary key of `reading` stands behind all of that.
 *
 * What is told from memory (the first and last reading of each series) is brought up to date by
 * `series_change`, where each commit notes what it touched: at most PG_SYNC_MS behind the others'
 * commits, and never behind this process's own.
 *
 * Quarters follow: a commit writes down in `quarter_due` which ones it touched, maintenance makes
 * their rows, and until then readers make them from raw. */
#ifndef SM_STORE_READINGS_PG_H
#define SM_STORE_READINGS_PG_H

#include "base/buf.h"
#include "store/postgres/pg_sql.h"
#include "store/postgres/postgres.h"
#include "store/readings_engine.h"
#include "store/series/quarter.h"
#include "store/series/series.h"
#include "store/series/trace.h"
#include "store/series/verdicts.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  PG_READERS_MAX = 8,
  PG_LOCK_READINGS = 2, /* shared by commits; alone: who changes the schema, who drops a month */
  PG_SYNC_MS = 100
};

/* More advisory locks of transactions (0x534d, …), for what one server does at a time. */
#define PG_TRY_UPKEEP "SELECT pg_try_advisory_xact_lock(21325, 100)"
#define PG_LOCK_MONTHS "SELECT pg_advisory_xact_lock(21325, 101)"
#define PG_LOCK_CROWD "SELECT pg_advisory_xact_lock(21325, 102)"
#define PG_LOCK_FEW "SELECT pg_advisory_xact_lock_shared(21325, 102)"

#define DAY_MS ((int64_t)86400000)

typedef struct pg_readings {
  const sm_readings_engine *engine; /* first */
  bool writer;
  int lock_fd; /* the writer's data folder; -1: none */
  char *url;
  char client_id[32];
  int64_t retention_days; /* 0: for ever */
  sm_sql *db;             /* the writer's connection */

  pthread_rwlock_t lock; /* guards table, series (the list), each one's last, first_ms, no */
  sm_series_table table;
  sm_series **series; /* those with a number, ascending */
  size_t series_count;
  size_t series_cap;
  int64_t newest_ms; /* the latest instant of all readings */

  pthread_mutex_t sync_lock;  /* guards sync_no, sync_timeline */
  int64_t sync_timeline;      /* of the server that gave sync_no */
  int64_t sync_no;            /* all transactions before this one are known; 0: none */
  _Atomic int64_t sync_at_ms; /* steady clock: not before */
  int64_t self_no;            /* of this store among the servers: random */

  pthread_mutex_t pool_lock; /* guards the members below */
  pthread_cond_t pool_freed;
  sm_sql *idle[PG_READERS_MAX];
  size_t idle_count;
  size_t open_count;

  /* the writer's */
  sm_verdicts batch;
  bool look_up;   /* the numbers of all series, though memory has some */
  bool behind;    /* the months and the rejects are to be looked at again */
  int64_t *month; /* whose partitions are there: months since 1970 */
  size_t month_count;
  int64_t kept_from_ms;      /* raw of before has been dropped, here or before the house moved in */
  int64_t reject_bytes;      /* of its own count: another server's are found when it is measured */
  int64_t maintain_at_ms;    /* steady clock: not before */
  uint64_t maintain_commits; /* that there were then */
  int64_t forget_at_ms;      /* likewise */

  atomic_uint_fast64_t commits;
  atomic_uint_fast64_t dropped_days;
} pg_readings;

static inline pg_readings *pg_of(sm_readings *store) {
  return (pg_readings *)(void *)store;
}

/* ---- connections and series (readings_pg_open.c) ---- */
SM_MUST_CHECK sm_err pg_read_begin(pg_readings *store, sm_sql **db);
void pg_read_end(pg_readings *store, sm_sql *db);
/* A writer's transaction, beside those of other servers. */
SM_MUST_CHECK sm_err pg_write_begin(pg_readings *store);
/* Before the rows of so many series are locked. What is locked are the rows; this is so that two
 * servers whose batches hold the same few hundred meters, as a shared subscription deals them out,
 * wait for each other once, and not at each row in turn, which takes PostgreSQL ten times the work.
 * Batches of a few meters run side by side. */
SM_MUST_CHECK sm_err pg_take_turn(pg_readings *store, size_t series_count);
/* One for work that one server does at a time; *mine false: another one is at it, and there is no
 * transaction. */
SM_MUST_CHECK sm_err pg_upkeep_begin(pg_readings *store, bool *mine);
/* Reads the numbers, first and last readings of all series into memory. */
SM_MUST_CHECK sm_err pg_load_series(pg_readings *store, sm_sql *db);
/* Takes a series of that number into memory, unless it is there. Under the lock, for writing. */
SM_MUST_CHECK sm_err pg_add_series(pg_readings *store, const char *device_id, uint8_t channel,
                                   int64_t no, sm_series **series);
/* Widens what memory knows of a series by what is stored of it. Under the lock, for writing. */
void pg_widen_series(pg_readings *store, sm_series *series, const sm_series *stored);
/* Hears of what other servers have committed, if that was not done a moment ago. A failure leaves
 * what is known, and is tried again a second later. */
void pg_sync(pg_readings *store);
/* A series and its state as they are stored, into memory; under the lock, for writing.
 * SM_ERR_CORRUPT. */
SM_MUST_CHECK sm_err pg_show_series(pg_readings *store, const char *device_id, uint8_t channel,
                                    int64_t no, const void *state, size_t len);
SM_MUST_CHECK sm_err pg_put_meta(sm_sql *db, const char *key, const char *value);
/* The number of a series, 0 if there is none, and (may be NULL) its ends. */
int64_t pg_series_no(pg_readings *store, const char *device_id, uint8_t channel, int64_t *first_ms,
                     int64_t *last_ms);

/* ---- rows and arrays (readings_pg_row.c) ---- */
#define PG_READING_COLUMNS                                                                         \
  "r.ts_ms, r.energy_wh, r.voltage_mv, r.current_ma, r.power_mw, r.frequency_mhz, r.seq, "         \
  "r.epoch, r.power_factor_milli, r.rssi_dbm, r.has"
enum { PG_READING_COLUMN_COUNT = 11 };
sm_reading pg_take_reading(sm_sql_stmt *q, int column);
#define PG_QUARTER_COLUMNS                                                                         \
  "q.start_ms, q.first_ms, q.first_wh, q.last_ms, q.last_wh, q.count, q.power_sum_mw, "            \
  "q.power_max_mw, q.voltage_sum_mv, q.voltage_min_mv, q.voltage_max_mv, q.gap_max_ms, "           \
  "q.step_max_w, q.fell"
enum { PG_QUARTER_COLUMN_COUNT = 14 };
sm_quarter pg_take_quarter(sm_sql_stmt *q, int column);
int64_t pg_quarter_value(const sm_quarter *q, size_t column);
/* An array's text, as it grows: each value, then its end. */
void pg_array_i64(sm_buf *array, int64_t value);
void pg_array_word(sm_buf *array, const char *word); /* of letters, digits, '-' and '_' */
void pg_array_bytes(sm_buf *array, const void *data, size_t len);
const char *pg_array_end(sm_buf *array); /* its text, borrowed */
/* Ends and binds it; buf->err is the statement's. */
void pg_array_bind(sm_sql_stmt *q, int index, sm_buf *array);

/* ---- many readings at once (readings_pg_copy.c) ---- */
/* Rows as COPY takes them: the head, and a reading of a series. rows->err sticks. */
void pg_copy_begin(sm_buf *rows);
void pg_copy_reading(sm_buf *rows, int64_t series_no, const sm_reading *reading);
/* Ends them and stores them, inside the writer's transaction: all, or it is lost. SM_ERR_EXISTS:
 * one of them is there already; SM_ERR_INVALID: no month takes one. */
SM_MUST_CHECK sm_err pg_copy_end(pg_readings *store, sm_buf *rows, int64_t *copied);
/* All results of the connection up to the last one, after a COPY: err, or else the first failure of
 * them; *copied is set by one that succeeded. */
SM_MUST_CHECK sm_err pg_copy_results(PGconn *conn, sm_err err, int64_t *copied);

/* ---- months (readings_pg_month.c) ---- */
int64_t pg_month_of(int64_t ts_ms); /* since 1970 */
int64_t pg_month_start_ms(int64_t month);
SM_MUST_CHECK sm_err pg_load_months(pg_readings *store, sm_sql *db);
bool pg_has_month(const pg_readings *store, int64_t month);
/* Makes the partition of a month unless it is known to be there, inside the writer's transaction.
 */
SM_MUST_CHECK sm_err pg_need_month(pg_readings *store, int64_t month);
/* Readings of before are refused, and their partitions dropped. */
int64_t pg_horizon_ms(pg_readings *store, int64_t now_ms);
/* What was dropped once stays refused, also when more is to be kept now: 0 if nothing was. */
SM_MUST_CHECK sm_err pg_load_horizon(sm_sql *db, int64_t *horizon_ms);
/* Drops one month that is over its retention, keeping what must be kept; *done: one was. */
SM_MUST_CHECK sm_err pg_drop_month(pg_readings *store, int64_t now_ms, bool *done);

/* ---- reading (readings_pg_read.c) ---- */
SM_MUST_CHECK sm_err pg_raw(sm_sql *db, int64_t series_no, int64_t from_ms, int64_t to_ms,
                            size_t limit, sm_run *run);
/* Quarters that start in [from_ms, to_ms). */
typedef struct pg_asked {
  int64_t series_no;
  int64_t from_ms;
  int64_t to_ms;
  size_t limit;
  bool each;                /* by the rows of each quarter alone */
  bool brief;               /* the register's course alone (quarter_block.h) */
  sm_outline_days *outline; /* NULL: of no day */
} pg_asked;
SM_MUST_CHECK sm_err pg_quarters(sm_sql *db, const pg_asked *asked, sm_quarter_list *list);

/* ---- rejects (readings_pg_reject.c) ---- */
SM_MUST_CHECK sm_err pg_rejects_write(pg_readings *store, const sm_reject_in *rejects,
                                      size_t count);
SM_MUST_CHECK sm_err pg_rejects_measure(pg_readings *store);

/* ---- quarters that are due (readings_pg_due.c) ---- */
/* Makes the rows of some quarters that are due and began before an instant, in a transaction of its
 * own; *done false: there were none. */
SM_MUST_CHECK sm_err pg_make_due(pg_readings *store, int64_t before_ms, bool *done);

/* ---- days that are over (readings_pg_day.c) ---- */
/* What whole days tell of what is asked for, and where there is none: ascending spans of time, as
 * arrays of instants. */
typedef struct pg_days {
  sm_quarter_list list;
  sm_buf gap_from;
  sm_buf gap_to;
  size_t gaps;
  size_t rows;
  bool due; /* some of the quarters may be due: they are what raw readings say */
} pg_days;
/* fini in any case. */
SM_MUST_CHECK sm_err pg_days_read(sm_sql *db, const pg_asked *asked, pg_days *days);
void pg_days_fini(pg_days *days);
/* Rows as they are made: a day's quarters, ascending; then all are stored, in the writer's
 * transaction. */
typedef struct pg_day_rows {
  sm_buf series;
  sm_buf days;
  sm_buf bodies;
} pg_day_rows;
void pg_day_rows_init(pg_day_rows *rows);
void pg_day_rows_fini(pg_day_rows *rows);
SM_MUST_CHECK sm_err pg_day_rows_add(pg_day_rows *rows, int64_t series_no,
                                     const sm_quarter *quarters, size_t count);
SM_MUST_CHECK sm_err pg_day_rows_write(pg_readings *store, pg_day_rows *rows);
/* Inside the transaction that makes quarters again (arrays of series and starts): their days' rows
 * go, and are due. */
SM_MUST_CHECK sm_err pg_days_changed(pg_readings *store, const char *series, const char *starts);
/* Makes the rows of some days before one of UTC, in a transaction of its own; *done false: there
 * were none. */
SM_MUST_CHECK sm_err pg_days_pack(pg_readings *store, int64_t before_day, bool *done);

/* ---- the engine ---- */
sm_err pg_readings_commit(sm_readings *store, sm_readings_batch *batch);
sm_err pg_readings_maintain(sm_readings *store, bool force, bool *more);
sm_err pg_readings_raw(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list);
sm_err pg_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading);
sm_err pg_readings_last_ms(sm_readings *store, int64_t *ts_ms);
sm_err pg_readings_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms);
sm_err pg_readings_each(sm_readings *store, sm_readings_each_fn each, void *context);
sm_err pg_readings_quarters(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list);
sm_err pg_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace);
sm_err pg_readings_outline(sm_readings *store, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole);
sm_err pg_readings_survey(sm_readings *store, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters);
sm_err pg_readings_rejects(sm_readings *store, int64_t from_ms, int64_t to_ms, int64_t after,
                           size_t limit, sm_reject_list *list);
sm_err pg_readings_rejects_wanted(sm_readings *store, const char *reason,
                                  sm_reject_wanted_fn wanted, void *context, int64_t after,
                                  size_t limit, sm_reject_list *list, int64_t *next);
/* readings_move.h */
sm_err pg_readings_course(sm_readings *store, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, sm_reading_list *list);
sm_err pg_readings_move_series(sm_readings *store, int64_t after_no, sm_move_series *series);
sm_err pg_readings_move_put(sm_readings *store, const sm_move_series *series,
                            const sm_move_day *days, size_t count);
sm_err pg_readings_move_meta(sm_readings *store, sm_move_meta *meta);
sm_err pg_readings_move_set_meta(sm_readings *store, const sm_move_meta *meta);
sm_err pg_readings_move_rejects(sm_readings *store, const sm_reject_list *rejects);
sm_err pg_readings_check(sm_readings *store, sm_readings_finding_fn finding,
                         sm_readings_progress_fn progress, void *context,
                         sm_readings_check_result *result);

#endif
