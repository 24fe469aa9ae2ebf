/* Moving house, PostgreSQL's part (store/readings_move.h): days go in by COPY, quarters as they
 * are, so that none of them is due. */
#include "store/readings_move.h"

#include "store/postgres/readings_pg.h"
#include "store/series/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static sm_err read_course(sm_sql *db, int64_t series_no, int64_t from_ms, int64_t to_ms,
                          sm_reading_list *list) {
  sm_run run = {0};
  sm_sql_stmt q = sm_sql_use(db, "SELECT ts_ms, energy_wh FROM course WHERE series_no = ?1 "
                                 "AND ts_ms >= ?2 AND ts_ms < ?3 ORDER BY ts_ms");
  sm_sql_bind_i64(&q, 1, series_no);
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

sm_err pg_readings_course(sm_readings *base, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  sm_sql *db;
  int64_t no = pg_series_no(pg_of(base), device_id, channel, NULL, NULL);
  sm_err err = no != 0 ? pg_read_begin(pg_of(base), &db) : SM_OK;
  if (err != SM_OK || no == 0) return err;
  err = read_course(db, no, from_ms, to_ms, list);
  pg_read_end(pg_of(base), db);
  return err;
}

/* As it is stored: memory knows no sequences, which every commit reads anew. */
static sm_err take_series(sm_sql_stmt *q, sm_move_series *out) {
  size_t len = 0;
  const char *device_id = sm_sql_text(q, 1);
  if (device_id == NULL) return SM_ERR_CORRUPT;
  sm_series *s = sm_series_new(device_id, (uint8_t)sm_sql_i64(q, 2));
  if (s == NULL) return SM_ERR_NOMEM;
  const uint8_t *state = sm_sql_blob(q, 3, &len);
  sm_err err = state != NULL ? sm_state_decode(state, len, s) : SM_OK;
  if (err == SM_OK) {
    out->series_no = sm_sql_i64(q, 0);
    out->channel = s->channel;
    (void)snprintf(out->device_id, sizeof out->device_id, "%s", s->device_id);
    out->has_readings = s->has_last;
    out->first_ms = s->has_last ? s->first_ms : 0;
    out->last_ms = s->has_last ? s->last.ts_ms : 0;
    sm_state_encode(s, &out->state);
    err = out->state.err;
  }
  sm_series_free(s);
  return err;
}

static sm_err next_series(sm_sql *db, int64_t after_no, sm_move_series *out) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT series_no, device_id, channel, state FROM series "
                                 "WHERE series_no > ?1 ORDER BY series_no LIMIT 1");
  sm_sql_bind_i64(&q, 1, after_no);
  bool found = sm_sql_row(&q);
  sm_err err = found ? take_series(&q, out) : SM_ERR_NOT_FOUND;
  sm_err ended = sm_sql_end(&q);
  return ended != SM_OK ? ended : err;
}

sm_err pg_readings_move_series(sm_readings *base, int64_t after_no, sm_move_series *out) {
  sm_sql *db;
  *out = (sm_move_series){0};
  sm_buf_init(&out->state, 0);
  sm_err err = pg_read_begin(pg_of(base), &db);
  if (err != SM_OK) return err;
  err = next_series(db, after_no, out);
  pg_read_end(pg_of(base), db);
  if (err != SM_OK) sm_move_series_fini(out);
  return err;
}

/* ---- COPY ---- */

static sm_err copy_in(sm_sql *db, const char *sql, const sm_buf *rows) {
  PGconn *conn = sm_pg_handle(db);
  if (rows->err != SM_OK) return rows->err;
  if (rows->len == 0) return SM_OK;
  PGresult *result = PQexec(conn, sql);
  sm_err err = sm_pg_err(conn, result);
  PQclear(result);
  if (err != SM_OK) return err;
  enum { PIECE = 1 << 20 };
  bool sent = true;
  for (size_t at = 0; sent && at < rows->len; at += PIECE) {
    size_t len = rows->len - at < PIECE ? rows->len - at : PIECE;
    sent = PQputCopyData(conn, rows->data + at, (int)len) == 1;
  }
  if (PQputCopyEnd(conn, sent ? NULL : "broken off") != 1) err = SM_ERR_IO;
  int64_t copied = 0;
  return pg_copy_results(conn, err, &copied);
}

static void put_i64(sm_buf *out, int64_t value) {
  sm_buf_printf(out, "\t%lld", (long long)value);
}

static void put_quarter(sm_buf *out, int64_t series_no, const sm_quarter *q) {
  sm_buf_printf(out, "%lld", (long long)series_no);
  for (size_t c = 0; c < PG_QUARTER_COLUMN_COUNT; c++) put_i64(out, pg_quarter_value(q, c));
  sm_buf_append_char(out, '\n');
}

static void put_course(sm_buf *out, int64_t series_no, const sm_reading *r) {
  sm_buf_printf(out, "%lld", (long long)series_no);
  put_i64(out, r->ts_ms);
  put_i64(out, r->energy_wh);
  sm_buf_append_char(out, '\n');
}

/* ---- putting ---- */

static sm_err put_series(sm_sql *db, const sm_move_series *series) {
  bool same = false;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO series (series_no, device_id, channel, state) VALUES (?1, ?2, ?3, ?4) "
          "ON CONFLICT (series_no) DO UPDATE SET state = excluded.state "
          "WHERE series.device_id = excluded.device_id AND series.channel = excluded.channel "
          "RETURNING series_no");
  sm_sql_bind_i64(&q, 1, series->series_no);
  sm_sql_bind_text(&q, 2, series->device_id);
  sm_sql_bind_i64(&q, 3, series->channel);
  sm_sql_bind_blob(&q, 4, series->state.data, series->state.len);
  while (sm_sql_row(&q)) same = true;
  sm_err err = sm_sql_end(&q);
  if (err == SM_ERR_EXISTS || (err == SM_OK && !same)) return SM_ERR_CONFLICT;
  return err;
}

static const char *const empty_sql[] = {
    "DELETE FROM reading WHERE series_no = ?1 AND ts_ms >= ?2 AND ts_ms < ?3",
    "DELETE FROM quarter WHERE series_no = ?1 AND start_ms >= ?2 AND start_ms < ?3",
    "DELETE FROM quarter_due WHERE series_no = ?1 AND start_ms >= ?2 AND start_ms < ?3",
    "DELETE FROM quarter_day WHERE series_no = ?1 AND day >= ?2 / 86400000 AND day < ?3 / 86400000",
    "DELETE FROM course WHERE series_no = ?1 AND ts_ms >= ?2 AND ts_ms < ?3"};

static sm_err empty_day(sm_sql *db, int64_t series_no, int64_t day) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < sizeof empty_sql / sizeof empty_sql[0]; i++) {
    sm_sql_stmt q = sm_sql_use(db, empty_sql[i]);
    sm_sql_bind_i64(&q, 1, series_no);
    sm_sql_bind_i64(&q, 2, day * DAY_MS);
    sm_sql_bind_i64(&q, 3, (day + 1) * DAY_MS);
    err = sm_sql_run(&q);
  }
  return err;
}

static sm_err empty_days(pg_readings *store, int64_t series_no, const sm_move_day *days,
                         size_t count) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    /* Ends with its month's: a day of UTC is in one. */
    if (days[i].raw.count > 0) err = pg_need_month(store, pg_month_of(days[i].day * DAY_MS));
    if (err == SM_OK && !days[i].fresh) err = empty_day(store->db, series_no, days[i].day);
  }
  return err;
}

typedef struct rows {
  sm_buf raw;
  sm_buf quarters;
  sm_buf course;
} rows;

static void add_day(rows *r, int64_t series_no, const sm_move_day *day) {
  for (size_t i = 0; i < day->raw.count; i++)
    pg_copy_reading(&r->raw, series_no, &day->raw.item[i]);
  for (size_t i = 0; i < day->quarters.count; i++)
    put_quarter(&r->quarters, series_no, &day->quarters.item[i]);
  for (size_t i = 0; i < day->course.count; i++)
    put_course(&r->course, series_no, &day->course.item[i]);
}

static sm_err write_days(pg_readings *store, int64_t series_no, const sm_move_day *days,
                         size_t count) {
  rows r;
  sm_buf_init(&r.raw, 0);
  sm_buf_init(&r.quarters, 0);
  sm_buf_init(&r.course, 0);
  pg_copy_begin(&r.raw);
  for (size_t i = 0; i < count; i++) add_day(&r, series_no, &days[i]);
  int64_t copied = 0;
  sm_err err = pg_copy_end(store, &r.raw, &copied);
  if (err == SM_OK)
    err = copy_in(store->db,
                  "COPY quarter (series_no, start_ms, first_ms, first_wh, last_ms, last_wh, count, "
                  "power_sum_mw, power_max_mw, voltage_sum_mv, voltage_min_mv, voltage_max_mv, "
                  "gap_max_ms, step_max_w, fell) FROM STDIN",
                  &r.quarters);
  if (err == SM_OK)
    err = copy_in(store->db, "COPY course (series_no, ts_ms, energy_wh) FROM STDIN", &r.course);
  sm_buf_fini(&r.raw);
  sm_buf_fini(&r.quarters);
  sm_buf_fini(&r.course);
  return err;
}

/* Once the rows of their quarters have been found to be right. */
static sm_err write_day_rows(pg_readings *store, int64_t series_no, const sm_move_day *days,
                             size_t count) {
  pg_day_rows made;
  sm_err err = SM_OK;
  pg_day_rows_init(&made);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = pg_day_rows_add(&made, series_no, days[i].quarters.item, days[i].quarters.count);
  if (err == SM_OK) err = pg_day_rows_write(store, &made);
  pg_day_rows_fini(&made);
  return err;
}

/* What is there of all days from the first to the last, in three questions. */
typedef struct back {
  sm_run raw;
  sm_quarter_list quarters;
  sm_reading_list course;
  size_t raw_at; /* how far it has been compared */
  size_t quarters_at;
  size_t course_at;
} back;

static void back_fini(back *b) {
  sm_run_fini(&b->raw);
  sm_quarter_list_fini(&b->quarters);
  sm_reading_list_fini(&b->course);
}

static sm_err read_back(sm_sql *db, int64_t series_no, int64_t from_ms, int64_t to_ms, back *b) {
  sm_err err = pg_raw(db, series_no, from_ms, to_ms, SIZE_MAX, &b->raw);
  const pg_asked asked = {
      .series_no = series_no, .from_ms = from_ms, .to_ms = to_ms, .limit = SIZE_MAX};
  if (err == SM_OK) err = pg_quarters(db, &asked, &b->quarters);
  return err == SM_OK ? read_course(db, series_no, from_ms, to_ms, &b->course) : err;
}

/* Those of [from_ms, to_ms) in an ascending list, behind *at; *at is behind them then. */
static sm_reading_list cut(sm_reading *item, size_t count, size_t *at, int64_t from_ms,
                           int64_t to_ms) {
  while (*at < count && item[*at].ts_ms < from_ms) ++*at;
  size_t first = *at;
  while (*at < count && item[*at].ts_ms < to_ms) ++*at;
  return (sm_reading_list){.item = item + first, .count = *at - first};
}

static sm_quarter_list cut_quarters(back *b, int64_t from_ms, int64_t to_ms) {
  const sm_quarter_list *list = &b->quarters;
  while (b->quarters_at < list->count && list->item[b->quarters_at].start_ms < from_ms)
    b->quarters_at++;
  size_t first = b->quarters_at;
  while (b->quarters_at < list->count && list->item[b->quarters_at].start_ms < to_ms)
    b->quarters_at++;
  return (sm_quarter_list){.item = list->item + first, .count = b->quarters_at - first};
}

static bool is_back(back *b, const sm_move_day *day) {
  int64_t from_ms = day->day * DAY_MS;
  int64_t to_ms = from_ms + DAY_MS;
  const sm_move_day got = {.day = day->day,
                           .quarters = cut_quarters(b, from_ms, to_ms),
                           .raw = cut(b->raw.item, b->raw.count, &b->raw_at, from_ms, to_ms),
                           .course =
                               cut(b->course.item, b->course.count, &b->course_at, from_ms, to_ms)};
  return sm_move_days_same(&got, day);
}

/* As the server has them now, inside the transaction that put them there. */
static sm_err check_days(sm_sql *db, int64_t series_no, const sm_move_day *days, size_t count) {
  back b = {.raw_at = 0};
  if (count == 0) return SM_OK;
  sm_err err =
      read_back(db, series_no, days[0].day * DAY_MS, (days[count - 1].day + 1) * DAY_MS, &b);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    if (!is_back(&b, &days[i])) err = SM_ERR_CORRUPT;
  back_fini(&b);
  return err;
}

static sm_err put_all(pg_readings *store, const sm_move_series *series, const sm_move_day *days,
                      size_t count) {
  sm_err err = put_series(store->db, series);
  if (err == SM_OK) err = empty_days(store, series->series_no, days, count);
  if (err == SM_OK) err = write_days(store, series->series_no, days, count);
  if (err == SM_OK) err = check_days(store->db, series->series_no, days, count);
  return err == SM_OK ? write_day_rows(store, series->series_no, days, count) : err;
}

static sm_err end(pg_readings *store, sm_err err) {
  if (err == SM_OK) err = sm_sql_commit(store->db);
  sm_sql_rollback(store->db);
  if (err != SM_OK) store->behind = true;
  return err;
}

static sm_err begin(pg_readings *store) {
  return store->writer ? pg_write_begin(store) : SM_ERR_DENIED;
}

sm_err pg_readings_move_put(sm_readings *base, const sm_move_series *series,
                            const sm_move_day *days, size_t count) {
  pg_readings *store = pg_of(base);
  sm_err err = begin(store);
  if (err == SM_OK) err = end(store, put_all(store, series, days, count));
  if (err != SM_OK) return err;
  (void)pthread_rwlock_wrlock(&store->lock);
  err = pg_show_series(store, series->device_id, series->channel, series->series_no,
                       series->state.data, series->state.len);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

/* ---- the rest ---- */

sm_err pg_readings_move_meta(sm_readings *base, sm_move_meta *meta) {
  pg_readings *store = pg_of(base);
  sm_sql *db;
  (void)snprintf(meta->client_id, sizeof meta->client_id, "%s", store->client_id);
  sm_err err = pg_read_begin(store, &db);
  if (err != SM_OK) return err;
  err = pg_load_horizon(db, &meta->horizon_ms);
  pg_read_end(store, db);
  return err;
}

sm_err pg_put_meta(sm_sql *db, const char *key, const char *value) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO readings_meta (key, value) VALUES (?1, ?2) "
                                 "ON CONFLICT (key) DO UPDATE SET value = excluded.value");
  sm_sql_bind_text(&q, 1, key);
  sm_sql_bind_text(&q, 2, value);
  return sm_sql_run(&q);
}

/* Numbers were given, not taken: what takes the next ones goes on behind them. */
static sm_err set_next_numbers(sm_sql *db) {
  return sm_sql_exec(db, "SELECT setval(pg_get_serial_sequence('series', 'series_no'), "
                         "max(series_no)) FROM series HAVING count(*) > 0;"
                         "SELECT setval(pg_get_serial_sequence('reject', 'reject_no'), "
                         "max(reject_no)) FROM reject HAVING count(*) > 0");
}

sm_err pg_readings_move_set_meta(sm_readings *base, const sm_move_meta *meta) {
  pg_readings *store = pg_of(base);
  char horizon[24];
  (void)snprintf(horizon, sizeof horizon, "%lld", (long long)meta->horizon_ms);
  sm_err err = begin(store);
  if (err != SM_OK) return err;
  err = pg_put_meta(store->db, "client_id", meta->client_id);
  if (err == SM_OK) err = pg_put_meta(store->db, "horizon_ms", horizon);
  if (err == SM_OK) err = set_next_numbers(store->db);
  err = end(store, err);
  if (err != SM_OK) return err;
  (void)snprintf(store->client_id, sizeof store->client_id, "%s", meta->client_id);
  store->kept_from_ms = meta->horizon_ms;
  return SM_OK;
}

static sm_err put_reject(sm_sql *db, const sm_reject *r) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO reject (reject_no, received_ms, topic, device_id, "
                                 "reason, detail, payload, payload_len_sent) "
                                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  sm_sql_bind_i64(&q, 1, r->reject_no);
  sm_sql_bind_i64(&q, 2, r->received_ms);
  sm_sql_bind_blob(&q, 3, r->topic_len > 0 ? r->topic : "", r->topic_len);
  sm_sql_bind_blob(&q, 4, r->device_id, strlen(r->device_id));
  sm_sql_bind_text(&q, 5, r->reason);
  sm_sql_bind_blob(&q, 6, r->detail, strlen(r->detail));
  sm_sql_bind_blob(&q, 7, r->payload_len > 0 ? r->payload : "", r->payload_len);
  sm_sql_bind_i64(&q, 8, (int64_t)r->payload_len_sent);
  return sm_sql_run(&q);
}

sm_err pg_readings_move_rejects(sm_readings *base, const sm_reject_list *rejects) {
  pg_readings *store = pg_of(base);
  sm_err err = begin(store);
  if (err != SM_OK) return err;
  err = sm_sql_exec(store->db, "DELETE FROM reject");
  for (size_t i = 0; err == SM_OK && i < rejects->count; i++)
    err = put_reject(store->db, &rejects->item[i]);
  return end(store, err);
}
