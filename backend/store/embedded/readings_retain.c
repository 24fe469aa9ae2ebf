/* Raw readings older than their retention go, their quarters stay. Where a day's register is not
 * plain (it fell, or stepped by more than COURSE_STEP_W), or a neighbouring day's is not, the
 * register's course of the whole day stays too, so that a trace still judges as if all readings
 * were there. */
#include "store/embedded/readings_internal.h"

#include "base/clock.h"

#include <stdlib.h>

/* What was taken before the horizon passed it is sealed and merged first: its quarters need all of
 * their readings. */
void sm_drop_after_seals(sm_readings *store) {
  bool unsealed = store->oldest_unsealed_ms != 0;
  store->drop_after_seals = store->seals + (store->sealing ? 1 : 0) + (unsealed ? 1 : 0);
}

int64_t sm_horizon_ms(sm_readings *store, int64_t now_ms) {
  if (store->retention_days > 0) {
    /* By both clocks: one that jumps must not drop what is kept. */
    int64_t sure_ms = now_ms < store->newest_ms ? now_ms : store->newest_ms;
    int64_t day = sure_ms > 0 ? sm_day_of(sure_ms) - store->retention_days : 0;
    if (day > store->horizon_day) {
      store->horizon_day = day;
      sm_drop_after_seals(store);
    }
  }
  return store->horizon_day * DAY_MS;
}

/* ---- what is not plain ---- */

static bool doubtful_step(sm_register_point from, sm_register_point to) {
  return to.wh < from.wh || sm_step_w(from, to) > COURSE_STEP_W;
}

static bool doubtful(const sm_quarter_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    const sm_quarter *q = &list->item[i];
    if (q->fell || q->step_max_w > COURSE_STEP_W || doubtful_step(q->first, q->last)) return true;
    if (i > 0 && doubtful_step(q[-1].last, q->first)) return true;
  }
  return false;
}

/* The quarters of the stored day next to one; empty if there is none. */
static sm_err neighbour(sm_readings *store, int64_t series_no, int64_t day, bool before,
                        sm_quarter_list *list) {
  static const char before_sql[] = "SELECT quarter_key FROM quarter WHERE quarter_key >= ?1"
                                   " AND quarter_key <= ?2 ORDER BY quarter_key DESC LIMIT 1";
  const char *sql = before ? before_sql : sm_quarter_next_sql;
  int64_t found = -1;
  int64_t max = sm_day_of(TS_MAX_MS);
  bool damaged = false;
  sm_err err = sm_day_next(store, store->db, sql, series_no, before ? 0 : day + 1,
                           before ? day - 1 : max, &found);
  if (err != SM_OK || found < 0) return err;
  return sm_day_quarter_row(store, store->db, series_no, found, list, &damaged);
}

static sm_err needs_course(sm_readings *store, int64_t series_no, int64_t day,
                           const sm_quarter_list *own, bool *needed) {
  sm_quarter_list before = {0};
  sm_quarter_list after = {0};
  sm_err err = neighbour(store, series_no, day, true, &before);
  if (err == SM_OK) err = neighbour(store, series_no, day, false, &after);
  if (err == SM_OK && own->count > 0) {
    const sm_quarter *first = &own->item[0];
    const sm_quarter *last = &own->item[own->count - 1];
    *needed =
        doubtful(own) || doubtful(&before) || doubtful(&after) ||
        (before.count > 0 && doubtful_step(before.item[before.count - 1].last, first->first)) ||
        (after.count > 0 && doubtful_step(last->last, after.item[0].first));
  }
  sm_quarter_list_fini(&before);
  sm_quarter_list_fini(&after);
  return err;
}

/* ---- dropping ---- */

static sm_err keep_course(sm_readings *store, int64_t key, const sm_run *raw) {
  sm_reading *bare = calloc(raw->count + 1, sizeof *bare);
  if (bare == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < raw->count; i++) {
    bare[i].ts_ms = raw->item[i].ts_ms;
    bare[i].energy_wh = raw->item[i].energy_wh;
  }
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_block_encode(bare, raw->count, &body);
  sm_err err = sm_row_write(store->db, DAMAGE_COURSE, key, &body);
  sm_buf_fini(&body);
  free(bare);
  return err;
}

static sm_err delete_block(sm_readings *store, int64_t key) {
  sm_sql_stmt q = sm_sql_use(store->db, "DELETE FROM block WHERE block_key = ?1");
  sm_sql_bind_i64(&q, 1, key);
  return sm_sql_run(&q);
}

static sm_err drop_day(sm_readings *store, int64_t series_no, int64_t day) {
  int64_t key = sm_day_key(series_no, day);
  sm_quarter_list own = {0};
  bool damaged = false;
  sm_err err = sm_day_quarter_row(store, store->db, series_no, day, &own, &damaged);
  if (err == SM_OK && own.count == 0) {
    err = sm_quarters_rebuild(store, series_no, day);
    if (err == SM_OK) err = sm_day_quarter_row(store, store->db, series_no, day, &own, &damaged);
  }
  bool needed = false;
  if (err == SM_OK) err = needs_course(store, series_no, day, &own, &needed);
  sm_run raw = {0};
  bool block_damaged = false;
  if (err == SM_OK && needed)
    err = sm_rows_read(store, store->db, DAMAGE_BLOCK, key, &raw, &block_damaged);
  if (err == SM_OK && raw.count > 0) err = keep_course(store, key, &raw);
  if (err == SM_OK && block_damaged) err = sm_damage_keep(store, DAMAGE_BLOCK, key);
  if (err == SM_OK) err = delete_block(store, key);
  if (err == SM_OK) atomic_fetch_add(&store->dropped_days, 1);
  sm_run_fini(&raw);
  sm_quarter_list_fini(&own);
  return err;
}

static sm_err drop_series(sm_readings *store, const sm_series *series, size_t *rows) {
  int64_t day = 0;
  sm_err err = SM_OK;
  for (int64_t from = 0; err == SM_OK; from = day + 1) {
    err = sm_day_next(store, store->db, sm_block_next_sql, series->no, from, store->horizon_day - 1,
                      &day);
    if (err != SM_OK || day < 0) return err;
    err = drop_day(store, series->no, day);
    ++*rows;
  }
  return err;
}

static sm_err write_meta_day(sm_readings *store, const char *key, int64_t day) {
  sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO meta(key, value) VALUES(?1, CAST(?2 AS TEXT))"
                                        " ON CONFLICT(key) DO UPDATE SET value = excluded.value");
  sm_sql_bind_text(&q, 1, key);
  sm_sql_bind_i64(&q, 2, day);
  return sm_sql_run(&q);
}

static sm_err drop_some(sm_readings *store, size_t *next) {
  size_t rows = 0;
  sm_err err = SM_OK;
  if (store->drop_next == 0) err = write_meta_day(store, "horizon_day", store->horizon_day);
  for (*next = store->drop_next; err == SM_OK && *next < store->series_count; ++*next) {
    if (rows >= DROP_SLICE_ROWS || *next - store->drop_next >= 8 * (size_t)DROP_SLICE_ROWS) break;
    err = drop_series(store, store->series[*next], &rows);
  }
  if (err == SM_OK && *next == store->series_count)
    err = write_meta_day(store, "dropped_day", store->horizon_day);
  return err;
}

sm_err sm_drop_slice(sm_readings *store, bool *done) {
  (void)sm_horizon_ms(store, sm_clock_now_ms());
  /* What is still hour by hour is merged first. */
  bool waits = store->seals < store->drop_after_seals ||
               (store->fresh_day_count > 0 && store->fresh_days[0].day < store->horizon_day);
  *done = store->dropped_day < store->horizon_day && !waits;
  if (!*done) return SM_OK;
  int64_t goal_day = store->horizon_day;
  size_t next = 0;
  sm_err err = sm_slice_begin(store);
  if (err != SM_OK) return err;
  err = sm_slice_end(store, drop_some(store, &next));
  if (err != SM_OK) return err;
  store->drop_next = next;
  if (next < store->series_count) return SM_OK;
  store->dropped_day = goal_day;
  store->drop_next = 0;
  return SM_OK;
}
