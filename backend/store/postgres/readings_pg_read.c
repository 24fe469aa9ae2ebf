/* Raw readings, quarters, and the trace made from them. */
#include "store/postgres/readings_pg.h"

#include "store/series/trace.h"

#include <stdlib.h>
#include <string.h>

static int64_t limit_of(size_t limit) {
  return limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
}

static void add_reading(sm_sql_stmt *q, int column, sm_run *run) {
  sm_err err = sm_run_reserve(run, 1);
  if (err == SM_OK)
    run->item[run->count++] = pg_take_reading(q, column);
  else
    q->err = err;
}

sm_err pg_raw(sm_sql *db, int64_t series_no, int64_t from_ms, int64_t to_ms, size_t limit,
              sm_run *run) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT " PG_READING_COLUMNS " FROM reading r "
                                 "WHERE r.series_no = ?1 AND r.ts_ms >= ?2 AND r.ts_ms < ?3 "
                                 "ORDER BY r.ts_ms LIMIT ?4");
  sm_sql_bind_i64(&q, 1, series_no);
  sm_sql_bind_i64(&q, 2, from_ms);
  sm_sql_bind_i64(&q, 3, to_ms);
  sm_sql_bind_i64(&q, 4, limit_of(limit));
  while (sm_sql_row(&q)) add_reading(&q, 0, run);
  return sm_sql_end(&q);
}

/* ---- quarters ---- */

typedef struct span {
  int64_t series_no;
  int64_t from_ms;
  int64_t to_ms;
  size_t limit;
} span;

static void bind_span(sm_sql_stmt *q, const span *s) {
  sm_sql_bind_i64(q, 1, s->series_no);
  sm_sql_bind_i64(q, 2, s->from_ms);
  sm_sql_bind_i64(q, 3, s->to_ms);
  sm_sql_bind_i64(q, 4, limit_of(s->limit));
}

/* Those whose row knows all readings. */
static sm_err made_quarters(sm_sql *db, const span *s, sm_quarter_list *list) {
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT " PG_QUARTER_COLUMNS " FROM quarter q WHERE q.series_no = ?1 "
          "AND q.start_ms >= ?2 AND q.start_ms < ?3 AND NOT EXISTS (SELECT 1 FROM quarter_due d "
          "WHERE d.series_no = q.series_no AND d.start_ms = q.start_ms) "
          "ORDER BY q.start_ms LIMIT ?4");
  bind_span(&q, s);
  while (sm_sql_row(&q)) {
    if (list->count == cap) {
      cap = cap == 0 ? 128 : cap * 2;
      sm_quarter *item = realloc(list->item, cap * sizeof *item);
      if (item == NULL) {
        q.err = SM_ERR_NOMEM;
        break;
      }
      list->item = item;
    }
    list->item[list->count++] = pg_take_quarter(&q, 0);
  }
  return sm_sql_end(&q);
}

/* Those that are due, from raw. */
static sm_err due_quarters(sm_sql *db, const span *s, sm_quarter_list *list) {
  sm_run run = {0};
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT " PG_READING_COLUMNS " FROM (SELECT start_ms FROM quarter_due "
          "WHERE series_no = ?1 AND start_ms >= ?2 AND start_ms < ?3 ORDER BY start_ms LIMIT ?4) d "
          "JOIN reading r ON r.series_no = ?1 AND r.ts_ms >= d.start_ms "
          "AND r.ts_ms < d.start_ms + 900000 ORDER BY r.ts_ms");
  bind_span(&q, s);
  while (sm_sql_row(&q)) add_reading(&q, 0, &run);
  sm_err err = sm_sql_end(&q);
  sm_quarter *item = err == SM_OK ? malloc((run.count + 1) * sizeof *item) : NULL;
  if (err == SM_OK && item == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK)
    *list = (sm_quarter_list){.item = item, .count = sm_quarters_of(run.item, run.count, item)};
  sm_run_fini(&run);
  return err;
}

static sm_err merge(const sm_quarter_list *a, const sm_quarter_list *b, size_t limit,
                    sm_quarter_list *out) {
  size_t i = 0;
  size_t j = 0;
  sm_quarter *item = malloc((a->count + b->count + 1) * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  while (n < limit && (i < a->count || j < b->count)) {
    bool first = j == b->count || (i < a->count && a->item[i].start_ms < b->item[j].start_ms);
    item[n++] = first ? a->item[i++] : b->item[j++];
  }
  *out = (sm_quarter_list){.item = item, .count = n};
  return SM_OK;
}

sm_err pg_quarters(sm_sql *db, int64_t series_no, int64_t from_ms, int64_t to_ms, size_t limit,
                   sm_quarter_list *list) {
  const span s = {.series_no = series_no, .from_ms = from_ms, .to_ms = to_ms, .limit = limit};
  sm_quarter_list made = {0};
  sm_quarter_list due = {0};
  sm_err err = made_quarters(db, &s, &made);
  if (err == SM_OK) err = due_quarters(db, &s, &due);
  if (err == SM_OK) err = merge(&made, &due, limit, list);
  sm_quarter_list_fini(&made);
  sm_quarter_list_fini(&due);
  return err;
}

/* ---- the contract's ---- */

sm_err pg_readings_raw(sm_readings *base, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list) {
  sm_sql *db;
  sm_run run = {0};
  int64_t no = pg_series_no(pg_of(base), device_id, channel, NULL, NULL);
  sm_err err = no != 0 ? pg_read_begin(pg_of(base), &db) : SM_OK;
  if (err != SM_OK) return err;
  if (no != 0) {
    err = pg_raw(db, no, from_ms, to_ms, limit, &run);
    pg_read_end(pg_of(base), db);
  }
  if (err == SM_OK)
    *list = (sm_reading_list){.item = run.item, .count = run.count};
  else
    sm_run_fini(&run);
  return err;
}

sm_err pg_readings_quarters(sm_readings *base, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list) {
  sm_sql *db;
  sm_quarter_list out = {0};
  int64_t no = pg_series_no(pg_of(base), device_id, channel, NULL, NULL);
  sm_err err = no != 0 ? pg_read_begin(pg_of(base), &db) : SM_OK;
  if (err != SM_OK) return err;
  if (no != 0) {
    err = pg_quarters(db, no, from_ms, to_ms, limit, &out);
    pg_read_end(pg_of(base), db);
  }
  if (err == SM_OK) *list = out;
  return err;
}

/* ---- the trace ---- */

typedef struct source {
  sm_sql *db;
  int64_t series_no;
  int64_t kept_day; /* the day that was read last; -1: none */
  sm_run kept;
} source;

static sm_err source_quarters(void *context, int64_t from_ms, int64_t to_ms,
                              sm_quarter_list *list) {
  const source *s = context;
  return pg_quarters(s->db, s->series_no, from_ms, to_ms, SIZE_MAX, list);
}

static sm_err source_day(void *context, int64_t day, const sm_run **run) {
  source *s = context;
  *run = &s->kept;
  if (s->kept_day == day) return SM_OK;
  s->kept_day = -1;
  s->kept.count = 0;
  sm_err err = pg_raw(s->db, s->series_no, day * DAY_MS, (day + 1) * DAY_MS, SIZE_MAX, &s->kept);
  if (err == SM_OK) s->kept_day = day;
  return err;
}

static sm_err source_course(void *context, int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  const source *s = context;
  sm_run run = {0};
  sm_sql_stmt q = sm_sql_use(s->db, "SELECT ts_ms, energy_wh FROM course WHERE series_no = ?1 "
                                    "AND ts_ms >= ?2 AND ts_ms < ?3 ORDER BY ts_ms");
  sm_sql_bind_i64(&q, 1, s->series_no);
  sm_sql_bind_i64(&q, 2, from_ms);
  sm_sql_bind_i64(&q, 3, to_ms);
  while (sm_sql_row(&q)) {
    q.err = sm_run_reserve(&run, 1);
    if (q.err == SM_OK)
      run.item[run.count++] =
          (sm_reading){.ts_ms = sm_sql_i64(&q, 0), .energy_wh = sm_sql_i64(&q, 1)};
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK)
    *list = (sm_reading_list){.item = run.item, .count = run.count};
  else
    sm_run_fini(&run);
  return err;
}

sm_err pg_readings_survey(sm_readings *base, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters) {
  const sm_trace_rule rule = {.step_limit_w = step_limit_w,
                              .edits = edits != NULL ? edits : &sm_trace_no_edits};
  source s = {.kept_day = -1};
  sm_trace_source from = {
      .quarters = source_quarters, .day = source_day, .course = source_course, .context = &s};
  /* Before a connection is taken: it may need one itself. */
  s.series_no = pg_series_no(pg_of(base), device_id, channel, &from.first_ms, &from.last_ms);
  sm_err err = pg_read_begin(pg_of(base), &s.db);
  if (err != SM_OK) return err;
  from.there = s.series_no != 0;
  from_ms = sm_trace_near(from_ms, 0);
  err = sm_trace_survey(&from, from_ms, sm_trace_near(to_ms, from_ms), &rule, trace, quarters);
  pg_read_end(pg_of(base), s.db);
  sm_run_fini(&s.kept);
  return err;
}

sm_err pg_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace) {
  return pg_readings_survey(store, device_id, channel, from_ms, to_ms, step_limit_w, edits, trace,
                            NULL);
}

/* Nothing is left out: the quarters are read by one query either way. */
sm_err pg_readings_outline(sm_readings *store, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole) {
  (void)instant_ms;
  (void)count;
  *whole = true;
  return pg_readings_trace(store, device_id, channel, from_ms, to_ms, step_limit_w, NULL, trace);
}
