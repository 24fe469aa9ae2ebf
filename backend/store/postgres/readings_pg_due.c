/* Quarters follow their readings: what a commit has touched is made again from raw. */
#include "store/postgres/readings_pg.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
  /* How long one call works on what is due: where commits come in between, and where none does. */
  BUSY_MS = 20,
  IDLE_MS = 100,
  PAUSES = 4, /* of the same length behind a busy one: late readings mark the same quarters again */
  SLICE = 500, /* quarters of one transaction */
  /* A quarter gets its row when it is over and its meters have had time: until then it is made from
   * raw by who asks. */
  WAIT_MS = SM_QUARTER_MS + 60000,
  /* A day gets its row when it is over and most of what comes late has come. */
  DAY_WAIT_MS = 6 * 3600000,
  PAUSE_MS = 5000,
  FORGET_EVERY_MS = 60000
};

typedef struct due {
  sm_buf series; /* the quarters of this slice */
  sm_buf starts;
  size_t count;
} due;

/* No commit that touches these may be open meanwhile: what it adds would stay unknown to the row.
 * So their series are locked, as a commit does. */
static sm_err lock_series(pg_readings *store, const due *d) {
  sm_err turn = pg_take_turn(store, d->count);
  if (turn != SM_OK) return turn;
  sm_sql_stmt q =
      sm_sql_use(store->db, "SELECT series_no FROM series WHERE series_no = ANY("
                            "CAST(?1 AS bigint[])) ORDER BY series_no FOR NO KEY UPDATE");
  sm_sql_bind_text(&q, 1, d->series.data);
  while (sm_sql_row(&q)) continue;
  return sm_sql_end(&q);
}

static sm_err take_due(pg_readings *store, int64_t before_ms, due *d) {
  sm_sql_stmt q =
      sm_sql_use(store->db, "SELECT series_no, start_ms FROM quarter_due "
                            "WHERE start_ms < ?1 ORDER BY series_no, start_ms LIMIT ?2");
  sm_sql_bind_i64(&q, 1, before_ms);
  sm_sql_bind_i64(&q, 2, SLICE);
  while (sm_sql_row(&q)) {
    pg_array_i64(&d->series, sm_sql_i64(&q, 0));
    pg_array_i64(&d->starts, sm_sql_i64(&q, 1));
    d->count++;
  }
  sm_err err = sm_sql_end(&q);
  pg_array_end(&d->series);
  pg_array_end(&d->starts);
  return err;
}

typedef struct made {
  sm_buf column[PG_QUARTER_COLUMN_COUNT + 1]; /* the series' number first */
} made;

static sm_err put_quarters(made *m, int64_t series_no, const sm_run *run) {
  sm_quarter *list = malloc((run->count + 1) * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  size_t count = sm_quarters_of(run->item, run->count, list);
  for (size_t i = 0; i < count; i++) {
    pg_array_i64(&m->column[0], series_no);
    for (size_t c = 0; c < PG_QUARTER_COLUMN_COUNT; c++)
      pg_array_i64(&m->column[c + 1], pg_quarter_value(&list[i], c));
  }
  free(list);
  return SM_OK;
}

/* Readings come by series and instant; a series' are put together when the next one begins. OFFSET
 * has them looked up by their key, one quarter after the other, whatever the planner believes of
 * tables that nobody has analysed yet: their series are locked meanwhile. */
static sm_err make_quarters(pg_readings *store, const due *d, made *m) {
  sm_run run = {0};
  int64_t series_no = 0;
  sm_sql_stmt q = sm_sql_use(
      store->db, "SELECT r.series_no, " PG_READING_COLUMNS
                 " FROM unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) d (no, start_ms)"
                 " CROSS JOIN LATERAL (SELECT * FROM reading WHERE series_no = d.no AND "
                 "ts_ms >= d.start_ms AND ts_ms < d.start_ms + 900000 OFFSET 0) r "
                 "ORDER BY r.series_no, r.ts_ms");
  sm_sql_bind_text(&q, 1, d->series.data);
  sm_sql_bind_text(&q, 2, d->starts.data);
  while (sm_sql_row(&q)) {
    if (sm_sql_i64(&q, 0) != series_no) {
      q.err = put_quarters(m, series_no, &run);
      run.count = 0;
      series_no = sm_sql_i64(&q, 0);
    }
    if (q.err == SM_OK) q.err = sm_run_reserve(&run, 1);
    if (q.err == SM_OK) run.item[run.count++] = pg_take_reading(&q, 1);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK) err = put_quarters(m, series_no, &run);
  sm_run_fini(&run);
  return err;
}

static sm_err write_quarters(pg_readings *store, made *m) {
  sm_sql_stmt q = sm_sql_use(
      store->db,
      "INSERT INTO quarter SELECT * FROM unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[]), "
      "CAST(?3 AS bigint[]), CAST(?4 AS bigint[]), CAST(?5 AS bigint[]), CAST(?6 AS bigint[]), "
      "CAST(?7 AS bigint[]), CAST(?8 AS bigint[]), CAST(?9 AS bigint[]), CAST(?10 AS bigint[]), "
      "CAST(?11 AS bigint[]), CAST(?12 AS bigint[]), CAST(?13 AS bigint[]), "
      "CAST(?14 AS bigint[]), CAST(?15 AS bigint[])) "
      "ON CONFLICT (series_no, start_ms) DO UPDATE SET first_ms = excluded.first_ms, "
      "first_wh = excluded.first_wh, last_ms = excluded.last_ms, last_wh = excluded.last_wh, "
      "count = excluded.count, power_sum_mw = excluded.power_sum_mw, "
      "power_max_mw = excluded.power_max_mw, voltage_sum_mv = excluded.voltage_sum_mv, "
      "voltage_min_mv = excluded.voltage_min_mv, voltage_max_mv = excluded.voltage_max_mv, "
      "gap_max_ms = excluded.gap_max_ms, step_max_w = excluded.step_max_w, "
      "fell = excluded.fell");
  for (int c = 0; c <= PG_QUARTER_COLUMN_COUNT; c++) pg_array_bind(&q, c + 1, &m->column[c]);
  return sm_sql_run(&q);
}

static sm_err drop_due(pg_readings *store, const due *d) {
  sm_sql_stmt q =
      sm_sql_use(store->db, "DELETE FROM quarter_due q USING unnest(CAST(?1 AS bigint[]), "
                            "CAST(?2 AS bigint[])) d (no, start_ms) "
                            "WHERE q.series_no = d.no AND q.start_ms = d.start_ms");
  sm_sql_bind_text(&q, 1, d->series.data);
  sm_sql_bind_text(&q, 2, d->starts.data);
  return sm_sql_run(&q);
}

static sm_err make_slice(pg_readings *store, int64_t before_ms, due *d, made *m) {
  sm_err err = take_due(store, before_ms, d);
  if (err != SM_OK || d->count == 0) return err;
  err = lock_series(store, d);
  if (err == SM_OK) err = make_quarters(store, d, m);
  if (err == SM_OK) err = write_quarters(store, m);
  if (err == SM_OK) err = pg_days_changed(store, d->series.data, d->starts.data);
  if (err == SM_OK) err = drop_due(store, d);
  return err == SM_OK ? sm_sql_commit(store->db) : err;
}

sm_err pg_make_due(pg_readings *store, int64_t before_ms, bool *done) {
  due d = {.count = 0};
  made m;
  bool mine = false;
  sm_err err = pg_upkeep_begin(store, &mine);
  if (err == SM_OK && !mine) *done = false;
  if (err != SM_OK || !mine) return err;
  sm_buf_init(&d.series, 0);
  sm_buf_init(&d.starts, 0);
  for (size_t c = 0; c <= PG_QUARTER_COLUMN_COUNT; c++) sm_buf_init(&m.column[c], 0);
  err = make_slice(store, before_ms, &d, &m);
  sm_sql_rollback(store->db);
  *done = d.count > 0;
  sm_buf_fini(&d.series);
  sm_buf_fini(&d.starts);
  for (size_t c = 0; c <= PG_QUARTER_COLUMN_COUNT; c++) sm_buf_fini(&m.column[c]);
  return err;
}

/* ---- maintenance ---- */

/* The partition of the next month is there before anybody needs it. */
static sm_err make_ahead(pg_readings *store, int64_t now_ms) {
  int64_t month = pg_month_of(now_ms);
  size_t before = store->month_count;
  if (pg_has_month(store, month) && pg_has_month(store, month + 1)) return SM_OK;
  sm_err err = pg_write_begin(store);
  if (err == SM_OK) err = pg_need_month(store, month);
  if (err == SM_OK) err = pg_need_month(store, month + 1);
  if (err == SM_OK && store->month_count != before) err = sm_sql_commit(store->db);
  if (err != SM_OK) store->behind = true;
  sm_sql_rollback(store->db);
  return err;
}

/* Servers that have not looked for so long read all series anew. */
static sm_err forget_changes(pg_readings *store) {
  bool mine = false;
  sm_err err = pg_upkeep_begin(store, &mine);
  if (err != SM_OK || !mine) return err;
  err = sm_sql_exec(store->db,
                    "WITH dropped AS (DELETE FROM series_change WHERE changed_at < now() - "
                    "interval '10 minutes' RETURNING transaction_no) "
                    "INSERT INTO readings_meta (key, value) SELECT 'changes_from', "
                    "(max(transaction_no) + 1)::text FROM dropped HAVING count(*) > 0 "
                    "ON CONFLICT (key) DO UPDATE SET value = "
                    "greatest(readings_meta.value::bigint, excluded.value::bigint)::text");
  if (err == SM_OK) err = sm_sql_commit(store->db);
  sm_sql_rollback(store->db);
  return err;
}

/* Slice by slice until none is left, or a time of the steady clock; *more: it was the time. */
static sm_err work_until(pg_readings *store, sm_err (*slice)(pg_readings *, int64_t, bool *),
                         int64_t before, int64_t until_ms, bool *more) {
  bool done = true;
  sm_err err = SM_OK;
  do {
    err = slice(store, before, &done);
  } while (err == SM_OK && done && sm_clock_steady_ms() < until_ms);
  if (err == SM_OK && done) *more = true;
  return err;
}

/* *more: there is more to do. */
static sm_err maintain_all(pg_readings *store, bool force, int64_t now_ms, int64_t until_ms,
                           bool *more) {
  bool done = true;
  int64_t before_ms = force ? INT64_MAX : now_ms - WAIT_MS;
  int64_t before_day = (force ? now_ms : now_ms - DAY_WAIT_MS) / DAY_MS;
  sm_err err = make_ahead(store, now_ms);
  if (err == SM_OK && sm_clock_steady_ms() >= store->forget_at_ms) {
    err = forget_changes(store);
    store->forget_at_ms = sm_clock_steady_ms() + FORGET_EVERY_MS;
  }
  if (err == SM_OK) err = work_until(store, pg_make_due, before_ms, until_ms, more);
  if (err == SM_OK) err = work_until(store, pg_days_pack, before_day, until_ms, more);
  while (err == SM_OK && done) err = pg_drop_month(store, now_ms, &done);
  return err;
}

sm_err pg_readings_maintain(sm_readings *base, bool force, bool *more) {
  pg_readings *store = pg_of(base);
  if (!store->writer) return SM_ERR_DENIED;
  int64_t begun_ms = sm_clock_steady_ms();
  if (!force && begun_ms < store->maintain_at_ms) return SM_OK;
  uint64_t commits = atomic_load(&store->commits);
  bool busy = commits != store->maintain_commits;
  int64_t until_ms = force ? INT64_MAX : begun_ms + (busy ? BUSY_MS : IDLE_MS);
  sm_err err = maintain_all(store, force, sm_clock_now_ms(), until_ms, more);
  int64_t end_ms = sm_clock_steady_ms();
  store->maintain_commits = commits;
  store->maintain_at_ms = end_ms + PAUSE_MS;
  if (err == SM_OK && *more)
    store->maintain_at_ms = busy ? end_ms + PAUSES * (end_ms - begun_ms) : end_ms;
  return err;
}
