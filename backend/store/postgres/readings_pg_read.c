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
  sm_pg_binary(&q);
  sm_sql_bind_i64(&q, 1, series_no);
  sm_sql_bind_i64(&q, 2, from_ms);
  sm_sql_bind_i64(&q, 3, to_ms);
  sm_sql_bind_i64(&q, 4, limit_of(limit));
  while (sm_sql_row(&q)) add_reading(&q, 0, run);
  return sm_sql_end(&q);
}

/* ---- quarters ---- */

static sm_err put_quarter(sm_sql_stmt *q, size_t *cap, sm_quarter_list *list) {
  if (list->count == *cap) {
    size_t more = *cap == 0 ? 128 : *cap * 2;
    sm_quarter *item = realloc(list->item, more * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    *cap = more;
  }
  list->item[list->count++] = pg_take_quarter(q, 0);
  return SM_OK;
}

/* What no day's row tells: by their own rows, one span of time after the other. */
static sm_err rows_of_gaps(sm_sql *db, const pg_asked *asked, pg_days *days,
                           sm_quarter_list *list) {
  size_t cap = 0;
  if (days->gaps == 0) return SM_OK;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT " PG_QUARTER_COLUMNS " FROM unnest(CAST(?2 AS bigint[]), CAST(?3 AS bigint[])) "
          "g (from_ms, to_ms) CROSS JOIN LATERAL (SELECT * FROM quarter WHERE series_no = ?1 "
          "AND start_ms >= g.from_ms AND start_ms < g.to_ms ORDER BY start_ms LIMIT ?4) q "
          "ORDER BY q.start_ms LIMIT ?4");
  sm_pg_binary(&q);
  sm_sql_bind_i64(&q, 1, asked->series_no);
  pg_array_bind(&q, 2, &days->gap_from);
  pg_array_bind(&q, 3, &days->gap_to);
  sm_sql_bind_i64(&q, 4, limit_of(asked->limit));
  while (sm_sql_row(&q)) q.err = put_quarter(&q, &cap, list);
  return sm_sql_end(&q);
}

/* Those that are due, from raw. */
static sm_err due_quarters(sm_sql *db, const pg_asked *asked, sm_quarter_list *list) {
  sm_run run = {0};
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT " PG_READING_COLUMNS " FROM (SELECT start_ms FROM quarter_due "
          "WHERE series_no = ?1 AND start_ms >= ?2 AND start_ms < ?3 ORDER BY start_ms LIMIT ?4) d "
          "JOIN reading r ON r.series_no = ?1 AND r.ts_ms >= d.start_ms "
          "AND r.ts_ms < d.start_ms + 900000 ORDER BY r.ts_ms");
  sm_pg_binary(&q);
  sm_sql_bind_i64(&q, 1, asked->series_no);
  sm_sql_bind_i64(&q, 2, asked->from_ms);
  sm_sql_bind_i64(&q, 3, asked->to_ms);
  sm_sql_bind_i64(&q, 4, limit_of(asked->limit));
  while (sm_sql_row(&q)) add_reading(&q, 0, &run);
  sm_err err = sm_sql_end(&q);
  sm_quarter *item = err == SM_OK ? malloc((run.count + 1) * sizeof *item) : NULL;
  if (err == SM_OK && item == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK)
    *list = (sm_quarter_list){.item = item, .count = sm_quarters_of(run.item, run.count, item)};
  sm_run_fini(&run);
  return err;
}

/* Of two of one start the second list's counts. Takes the memory of the first if there is nothing
 * to put in. */
static sm_err merge(sm_quarter_list *a, const sm_quarter_list *b, size_t limit,
                    sm_quarter_list *out) {
  if (b->count == 0) {
    *out = (sm_quarter_list){.item = a->item, .count = a->count < limit ? a->count : limit};
    *a = (sm_quarter_list){0};
    return SM_OK;
  }
  size_t i = 0;
  size_t j = 0;
  sm_quarter *item = malloc((a->count + b->count + 1) * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  while (n < limit && (i < a->count || j < b->count)) {
    bool first = j == b->count || (i < a->count && a->item[i].start_ms < b->item[j].start_ms);
    if (!first && i < a->count && a->item[i].start_ms == b->item[j].start_ms) i++;
    item[n++] = first ? a->item[i++] : b->item[j++];
  }
  *out = (sm_quarter_list){.item = item, .count = n};
  return SM_OK;
}

/* A day with a quarter that is due is not what its row says: its outline would be wrong. */
static void drop_outline(const sm_quarter_list *due, sm_outline_days *outline) {
  for (size_t i = 0; outline != NULL && i < due->count; i++) {
    int64_t day = due->item[i].start_ms / DAY_MS;
    if (day >= outline->from_day && day < outline->to_day) outline->doubtful = true;
  }
}

sm_err pg_quarters(sm_sql *db, const pg_asked *asked, sm_quarter_list *list) {
  pg_days days;
  sm_quarter_list rows = {0};
  sm_quarter_list made = {0};
  sm_quarter_list due = {0};
  sm_err err = pg_days_read(db, asked, &days);
  if (err == SM_OK) err = rows_of_gaps(db, asked, &days, &rows);
  if (err == SM_OK) err = merge(&days.list, &rows, asked->limit, &made);
  if (err == SM_OK && days.due) err = due_quarters(db, asked, &due);
  drop_outline(&due, asked->outline);
  if (err == SM_OK) err = merge(&made, &due, asked->limit, list);
  pg_days_fini(&days);
  sm_quarter_list_fini(&rows);
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
    const pg_asked asked = {.series_no = no, .from_ms = from_ms, .to_ms = to_ms, .limit = limit};
    err = pg_quarters(db, &asked, &out);
    pg_read_end(pg_of(base), db);
  }
  if (err == SM_OK) *list = out;
  return err;
}

/* ---- the trace ---- */

typedef struct source {
  sm_sql *db;
  int64_t series_no;
  bool brief;
  sm_outline_days *outline; /* NULL: none */
  int64_t kept_day;         /* the day that was read last; -1: none */
  sm_run kept;
} source;

static sm_err source_quarters(void *context, int64_t from_ms, int64_t to_ms,
                              sm_quarter_list *list) {
  const source *s = context;
  const pg_asked asked = {.series_no = s->series_no,
                          .from_ms = from_ms,
                          .to_ms = to_ms,
                          .limit = SIZE_MAX,
                          .brief = s->brief,
                          .outline = s->outline};
  return pg_quarters(s->db, &asked, list);
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

/* Before a connection is taken, the series is asked for: that may need one itself. */
static sm_err open_source(pg_readings *store, const char *device_id, uint8_t channel, bool brief,
                          source *s, sm_trace_source *from) {
  *s = (source){.kept_day = -1, .brief = brief};
  *from = (sm_trace_source){.quarters = source_quarters,
                            .day = source_day,
                            .course = source_course,
                            .context = s,
                            .outline = &s->outline};
  s->series_no = pg_series_no(store, device_id, channel, &from->first_ms, &from->last_ms);
  from->there = s->series_no != 0;
  return pg_read_begin(store, &s->db);
}

static void close_source(pg_readings *store, source *s) {
  pg_read_end(store, s->db);
  sm_run_fini(&s->kept);
}

sm_err pg_readings_survey(sm_readings *base, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters) {
  const sm_trace_rule rule = {.step_limit_w = step_limit_w,
                              .edits = edits != NULL ? edits : &sm_trace_no_edits};
  source s;
  sm_trace_source from;
  sm_err err = open_source(pg_of(base), device_id, channel, quarters == NULL, &s, &from);
  if (err != SM_OK) return err;
  from_ms = sm_trace_near(from_ms, 0);
  err = sm_trace_survey(&from, from_ms, sm_trace_near(to_ms, from_ms), &rule, trace, quarters);
  close_source(pg_of(base), &s);
  return err;
}

sm_err pg_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace) {
  return pg_readings_survey(store, device_id, channel, from_ms, to_ms, step_limit_w, edits, trace,
                            NULL);
}

sm_err pg_readings_outline(sm_readings *base, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole) {
  const sm_outline_ask ask = {
      .step_limit_w = step_limit_w, .instant_ms = instant_ms, .instant_count = count};
  source s;
  sm_trace_source from;
  sm_err err = open_source(pg_of(base), device_id, channel, true, &s, &from);
  if (err != SM_OK) return err;
  from_ms = sm_trace_near(from_ms, 0);
  err = sm_trace_outline(&from, from_ms, sm_trace_near(to_ms, from_ms), &ask, trace, whole);
  close_source(pg_of(base), &s);
  return err;
}
