/* A series' row: its state (state.h), and what is done where that is missing. */
#include "store/embedded/readings_internal.h"

#include "store/series/reading_column.h"
#include "store/series/varint.h"

#include <stdlib.h>
#include <string.h>

sm_err sm_state_write(sm_readings *store, sm_series *series) {
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_state_encode(series, &body);
  sm_err err = body.err;
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(store->db, "UPDATE series SET state = ?1 WHERE series_no = ?2");
    sm_sql_bind_blob(&q, 1, body.data, body.len);
    sm_sql_bind_i64(&q, 2, series->no);
    err = sm_sql_run(&q);
  }
  sm_buf_fini(&body);
  return err;
}

/* ---- when it is missing ---- */

static void take_bounds(sm_series *series, const sm_run *run) {
  if (run->count == 0) return;
  const sm_reading *last = &run->item[run->count - 1];
  if (!series->has_last || run->item[0].ts_ms < series->first_ms)
    series->first_ms = run->item[0].ts_ms;
  if (!series->has_last || last->ts_ms > series->last.ts_ms) series->last = *last;
  series->has_last = true;
}

static sm_err day_bounds(sm_readings *store, sm_series *series, int64_t day) {
  day_rows rows = {0};
  sm_err err = sm_day_load(store, store->db, series->no, day, false, &rows);
  if (err == SM_OK) {
    take_bounds(series, &rows.run);
    if (rows.block_damaged || rows.fresh_damaged) series->unsure = true;
  }
  sm_run_fini(&rows.run);
  return err;
}

/* Raw that was dropped has left its quarters. */
static sm_err quarter_bounds(sm_readings *store, sm_series *series) {
  int64_t day = -1;
  int64_t max = sm_day_of(TS_MAX_MS);
  sm_err err = sm_day_next(store, store->db, sm_quarter_next_sql, series->no, 0, max, &day);
  if (err != SM_OK || day < 0) return err;
  sm_quarter_list list = {0};
  bool damaged = false;
  err = sm_day_quarter_row(store, store->db, series->no, day, &list, &damaged);
  if (err == SM_OK && list.count > 0 &&
      (!series->has_last || list.item[0].first.ts_ms < series->first_ms))
    series->first_ms = list.item[0].first.ts_ms;
  sm_quarter_list_fini(&list);
  return err;
}

/* Everything of a series, day by day. */
static sm_err all_bounds(sm_readings *store, sm_series *series) {
  int64_t max = sm_day_of(TS_MAX_MS);
  int64_t day = 0;
  sm_err err = SM_OK;
  for (int64_t from = 0; err == SM_OK && from <= max; from = day + 1) {
    err = sm_day_next(store, store->db, sm_block_next_sql, series->no, from, max, &day);
    if (err != SM_OK || day < 0) break;
    err = day_bounds(store, series, day);
  }
  int64_t hour = 0;
  for (int64_t from = 0; err == SM_OK; from = (hour / DAY_HOURS + 1) * DAY_HOURS) {
    err = sm_fresh_next_hour(store, store->db, series->no, from, (max + 1) * DAY_HOURS, &hour);
    if (err != SM_OK || hour < 0) break;
    err = day_bounds(store, series, hour / DAY_HOURS);
  }
  return err;
}

/* The first and the last day of the blocks are enough. */
static sm_err block_bounds(sm_readings *store, sm_series *series) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT min(block_key), max(block_key) FROM block"
                                        " WHERE block_key BETWEEN ?1 AND ?2");
  int64_t from = sm_day_key(series->no, 0);
  sm_sql_bind_i64(&q, 1, from);
  sm_sql_bind_i64(&q, 2, sm_day_key(series->no + (int64_t)1, 0) - 1);
  bool found = sm_sql_row(&q) && !sm_sql_is_null(&q, 0);
  int64_t first = found ? sm_sql_i64(&q, 0) - from : 0;
  int64_t last = found ? sm_sql_i64(&q, 1) - from : 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK || !found) return err;
  err = day_bounds(store, series, first);
  return err == SM_OK && last != first ? day_bounds(store, series, last) : err;
}

sm_err sm_state_rebuild(sm_readings *store, sm_series *series, int64_t first_hour,
                        int64_t last_hour) {
  series->has_last = false;
  series->state_behind = true;
  sm_err err = block_bounds(store, series);
  if (err == SM_OK && first_hour >= 0) err = day_bounds(store, series, first_hour / DAY_HOURS);
  if (err == SM_OK && last_hour / DAY_HOURS > first_hour / DAY_HOURS)
    err = day_bounds(store, series, last_hour / DAY_HOURS);
  /* Damage at the ends hides them: then all is looked at. */
  if (err == SM_ERR_CORRUPT || (err == SM_OK && series->unsure)) {
    err = all_bounds(store, series);
  }
  return err == SM_OK ? quarter_bounds(store, series) : err;
}
