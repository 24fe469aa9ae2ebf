/* Moving house, the embedded store's part (store/readings_move.h): days are put as merged ones at
 * once, past the journal, since all of them are there already. */
#include "store/readings_move.h"
#include "store/embedded/readings_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

sm_err sm_embedded_course(sm_readings *store, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  reader r;
  sm_err err = sm_reader_begin(store, device_id, channel, from_ms, to_ms, &r);
  if (err != SM_OK) return err;
  err = sm_reader_course(&r, from_ms, to_ms, list);
  sm_reader_end(&r);
  return err;
}

static const sm_series *series_behind(const sm_readings *store, int64_t after_no) {
  size_t low = 0;
  size_t high = store->series_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (store->series[middle]->no <= after_no)
      low = middle + 1;
    else
      high = middle;
  }
  return low < store->series_count ? store->series[low] : NULL;
}

sm_err sm_embedded_move_series(sm_readings *store, int64_t after_no, sm_move_series *out) {
  *out = (sm_move_series){0};
  sm_buf_init(&out->state, 0);
  (void)pthread_rwlock_rdlock(&store->lock);
  const sm_series *s = series_behind(store, after_no);
  if (s != NULL) {
    out->series_no = s->no;
    out->channel = s->channel;
    (void)snprintf(out->device_id, sizeof out->device_id, "%s", s->device_id);
    out->has_readings = s->has_last;
    out->first_ms = s->has_last ? s->first_ms : 0;
    out->last_ms = s->has_last ? s->last.ts_ms : 0;
    sm_state_encode(s, &out->state);
  }
  (void)pthread_rwlock_unlock(&store->lock);
  sm_err err = s != NULL ? out->state.err : SM_ERR_NOT_FOUND;
  if (err != SM_OK) sm_move_series_fini(out);
  return err;
}

/* ---- putting ---- */

static sm_err delete_row(sm_readings *store, damage_kind kind, int64_t key) {
  const char *sql = "DELETE FROM block WHERE block_key = ?1";
  if (kind == DAMAGE_QUARTER) sql = "DELETE FROM quarter WHERE quarter_key = ?1";
  if (kind == DAMAGE_COURSE) sql = "DELETE FROM course WHERE course_key = ?1";
  sm_sql_stmt q = sm_sql_use(store->db, sql);
  sm_sql_bind_i64(&q, 1, key);
  return sm_sql_run(&q);
}

/* An empty body takes the row away. */
static sm_err put_row(sm_readings *store, damage_kind kind, int64_t key, sm_buf *body) {
  sm_err err = body->err;
  if (err == SM_OK)
    err = body->len > 0 ? sm_row_write(store->db, kind, key, body) : delete_row(store, kind, key);
  sm_buf_clear(body);
  return err;
}

static sm_err put_course(sm_readings *store, int64_t key, const sm_reading_list *course,
                         sm_buf *body) {
  sm_reading *bare = calloc(course->count + 1, sizeof *bare);
  if (bare == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < course->count; i++)
    bare[i] = (sm_reading){.ts_ms = course->item[i].ts_ms, .energy_wh = course->item[i].energy_wh};
  if (course->count > 0) sm_block_encode(bare, course->count, body);
  free(bare);
  return put_row(store, DAMAGE_COURSE, key, body);
}

static sm_err put_day(sm_readings *store, int64_t series_no, const sm_move_day *day) {
  int64_t key = sm_day_key(series_no, day->day);
  sm_buf body;
  sm_buf_init(&body, 0);
  if (day->raw.count > 0) sm_block_encode(day->raw.item, day->raw.count, &body);
  sm_err err = put_row(store, DAMAGE_BLOCK, key, &body);
  if (err == SM_OK) {
    if (day->quarters.count > 0)
      sm_quarter_block_encode(day->quarters.item, day->quarters.count, &body);
    err = put_row(store, DAMAGE_QUARTER, key, &body);
  }
  if (err == SM_OK) err = put_course(store, key, &day->course, &body);
  sm_buf_fini(&body);
  return err;
}

/* As the file has it now, inside the transaction that put it there. */
static sm_err check_day(sm_readings *store, int64_t series_no, const sm_move_day *day) {
  int64_t key = sm_day_key(series_no, day->day);
  sm_move_day got = {.day = day->day};
  sm_run raw = {0};
  sm_run course = {0};
  bool damaged[3] = {false};
  sm_err err = sm_rows_read(store, store->db, DAMAGE_BLOCK, key, &raw, &damaged[0]);
  if (err == SM_OK) err = sm_rows_read(store, store->db, DAMAGE_COURSE, key, &course, &damaged[1]);
  if (err == SM_OK)
    err = sm_day_quarter_row(store, store->db, series_no, day->day, &got.quarters, &damaged[2]);
  got.raw = (sm_reading_list){.item = raw.item, .count = raw.count};
  got.course = (sm_reading_list){.item = course.item, .count = course.count};
  bool same = sm_move_days_same(&got, day) && !damaged[0] && !damaged[1] && !damaged[2];
  sm_move_day_fini(&got);
  if (err != SM_OK) return err;
  return same ? SM_OK : SM_ERR_CORRUPT;
}

static sm_err put_series(sm_readings *store, const sm_move_series *series) {
  const sm_series *known = sm_readings_series(store, series->device_id, series->channel);
  const sm_series *numbered = sm_readings_series_by_no(store, series->series_no);
  int64_t last_no = store->series_count > 0 ? store->series[store->series_count - 1]->no : 0;
  /* Those that are new come in the order of their numbers. */
  if (known != numbered || (known == NULL && series->series_no <= last_no)) return SM_ERR_CONFLICT;
  sm_sql_stmt q = sm_sql_use(
      store->db, "INSERT INTO series(series_no, device_id, channel, state) VALUES(?1, ?2, ?3, ?4)"
                 " ON CONFLICT(series_no) DO UPDATE SET state = excluded.state");
  sm_sql_bind_i64(&q, 1, series->series_no);
  sm_sql_bind_text(&q, 2, series->device_id);
  sm_sql_bind_i64(&q, 3, series->channel);
  sm_sql_bind_blob(&q, 4, series->state.data, series->state.len);
  return sm_sql_run(&q);
}

/* What the file has, in memory too. */
static sm_err show_series(sm_readings *store, const sm_move_series *series) {
  sm_series *s = sm_readings_series(store, series->device_id, series->channel);
  sm_err err = SM_OK;
  (void)pthread_rwlock_wrlock(&store->lock);
  if (s == NULL) {
    err = sm_readings_series_reserve(store, 1);
    s = err == SM_OK ? sm_series_new(series->device_id, series->channel) : NULL;
    if (err == SM_OK) err = s != NULL ? sm_series_table_add(&store->table, s) : SM_ERR_NOMEM;
    if (err == SM_OK) {
      s->no = (uint32_t)series->series_no;
      store->series[store->series_count++] = s;
    } else {
      sm_series_free(s);
    }
  }
  if (err == SM_OK)
    err = sm_state_decode((const uint8_t *)series->state.data, series->state.len, s);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

static sm_err put_all(sm_readings *store, const sm_move_series *series, const sm_move_day *days,
                      size_t count) {
  sm_err err = put_series(store, series);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = put_day(store, series->series_no, &days[i]);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = check_day(store, series->series_no, &days[i]);
  return err;
}

static sm_err begin(sm_readings *store) {
  if (!store->writer) return SM_ERR_DENIED;
  sm_err err = sm_sql_set_synced(store->db, true);
  return err == SM_OK ? sm_sql_begin_immediate(store->db) : err;
}

static sm_err end(sm_readings *store, sm_err err) {
  if (err == SM_OK) err = sm_sql_commit(store->db);
  if (err != SM_OK) sm_sql_rollback(store->db);
  if (err == SM_OK && sm_sql_wal_pages(store->db) >= WAL_PAGES) err = sm_sql_checkpoint(store->db);
  return err;
}

sm_err sm_embedded_move_put(sm_readings *store, const sm_move_series *series,
                            const sm_move_day *days, size_t count) {
  sm_err err = begin(store);
  if (err == SM_OK) err = end(store, put_all(store, series, days, count));
  return err == SM_OK ? show_series(store, series) : err;
}

/* ---- the rest ---- */

sm_err sm_embedded_move_meta(sm_readings *store, sm_move_meta *meta) {
  (void)snprintf(meta->client_id, sizeof meta->client_id, "%s", store->client_id);
  meta->horizon_ms = store->horizon_day * DAY_MS;
  return SM_OK;
}

static sm_err put_meta(sm_readings *store, const char *key, const char *value) {
  sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO meta(key, value) VALUES(?1, ?2)"
                                        " ON CONFLICT(key) DO UPDATE SET value = excluded.value");
  sm_sql_bind_text(&q, 1, key);
  sm_sql_bind_text(&q, 2, value);
  return sm_sql_run(&q);
}

/* A horizon inside of a day: what is left of that day is refused a little longer. */
sm_err sm_embedded_move_set_meta(sm_readings *store, const sm_move_meta *meta) {
  char day[24];
  (void)snprintf(day, sizeof day, "%lld", (long long)(meta->horizon_ms / DAY_MS));
  sm_err err = begin(store);
  if (err != SM_OK) return err;
  err = put_meta(store, "client_id", meta->client_id);
  if (err == SM_OK) err = put_meta(store, "horizon_day", day);
  if (err == SM_OK) err = put_meta(store, "dropped_day", day);
  err = end(store, err);
  if (err != SM_OK) return err;
  (void)snprintf(store->client_id, sizeof store->client_id, "%s", meta->client_id);
  store->horizon_day = store->dropped_day = meta->horizon_ms / DAY_MS;
  return SM_OK;
}

static sm_err put_reject(sm_readings *store, const sm_reject *r) {
  sm_sql_stmt q =
      sm_sql_use(store->db, "INSERT INTO reject(reject_no, received_ms, topic, device_id, reason,"
                            " detail, payload, payload_len_sent)"
                            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  sm_sql_bind_i64(&q, 1, r->reject_no);
  sm_sql_bind_i64(&q, 2, r->received_ms);
  sm_sql_bind_blob(&q, 3, r->topic_len > 0 ? r->topic : "", r->topic_len);
  sm_sql_bind_text(&q, 4, r->device_id);
  sm_sql_bind_text(&q, 5, r->reason);
  sm_sql_bind_text(&q, 6, r->detail);
  sm_sql_bind_blob(&q, 7, r->payload_len > 0 ? r->payload : "", r->payload_len);
  sm_sql_bind_i64(&q, 8, (int64_t)r->payload_len_sent);
  return sm_sql_run(&q);
}

sm_err sm_embedded_move_rejects(sm_readings *store, const sm_reject_list *rejects) {
  sm_err err = begin(store);
  if (err != SM_OK) return err;
  err = sm_sql_exec(store->db, "DELETE FROM reject");
  for (size_t i = 0; err == SM_OK && i < rejects->count; i++)
    err = put_reject(store, &rejects->item[i]);
  return end(store, err);
}
