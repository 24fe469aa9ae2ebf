#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

sm_err sm_block_load(sm_readings *store, sm_sql *db, int64_t key, sm_reading **readings,
                     size_t *count) {
  *readings = NULL;
  *count = 0;
  sm_sql_stmt q = sm_sql_use(db, "SELECT body FROM block WHERE block_key = ?1");
  sm_sql_bind_i64(&q, 1, key);
  sm_err err = SM_OK;
  if (sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 0, &len);
    err = body == NULL ? SM_ERR_CORRUPT : sm_block_decode(body, len, readings, count);
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED) {
    atomic_fetch_add(&store->damaged, 1);
    sm_log(SM_LOG_ERROR, "readings.block_damaged", SM_LOG_INT("key", key));
    return SM_ERR_CORRUPT;
  }
  return err != SM_OK ? err : end;
}

static sm_err keep_damaged(sm_sql *db, int64_t key) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO damaged(found_ms, kind, key, body)"
                                 " SELECT ?1, 'block', block_key, body FROM block"
                                 " WHERE block_key = ?2");
  sm_sql_bind_i64(&q, 1, sm_clock_now_ms());
  sm_sql_bind_i64(&q, 2, key);
  return sm_sql_run(&q);
}

static sm_err write_block(sm_sql *db, int64_t key, const sm_reading *readings, size_t count) {
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_block_encode(readings, count, &body);
  sm_err err = body.err;
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(db, "INSERT INTO block(block_key, body) VALUES(?1, ?2)"
                                   " ON CONFLICT(block_key) DO UPDATE SET body = excluded.body");
    sm_sql_bind_i64(&q, 1, key);
    sm_sql_bind_blob(&q, 2, body.data, body.len);
    err = sm_sql_run(&q);
  }
  sm_buf_fini(&body);
  return err;
}

static sm_err write_quarter(sm_sql *db, int64_t series_no, const sm_quarter *quarter) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT OR REPLACE INTO quarter(quarter_key, count, first_ms, first_wh, last_ms,"
          " last_wh, power_sum_mw, power_max_mw, voltage_sum_mv, voltage_min_mv, voltage_max_mv,"
          " gap_max_ms, step_max_w, fell)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
  const int64_t values[] = {sm_quarter_key(series_no, quarter->start_ms / SM_QUARTER_MS),
                            quarter->count,
                            quarter->first.ts_ms,
                            quarter->first.wh,
                            quarter->last.ts_ms,
                            quarter->last.wh,
                            quarter->power_sum_mw,
                            quarter->power_max_mw,
                            quarter->voltage_sum_mv,
                            quarter->voltage_min_mv,
                            quarter->voltage_max_mv,
                            quarter->gap_max_ms,
                            quarter->step_max_w,
                            quarter->fell};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    sm_sql_bind_i64(&q, (int)i + 1, values[i]);
  return sm_sql_run(&q);
}

static sm_err write_quarters(sm_sql *db, int64_t series_no, const sm_reading *readings,
                             size_t count) {
  sm_quarter *quarters = calloc(count, sizeof *quarters);
  if (quarters == NULL) return SM_ERR_NOMEM;
  size_t n = sm_quarters_of(readings, count, quarters);
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < n; i++) err = write_quarter(db, series_no, &quarters[i]);
  free(quarters);
  return err;
}

/* One hour of hot readings joins what is sealed of that hour. */
static sm_err seal_hour(sm_readings *store, int64_t series_no, const sm_reading *hot,
                        size_t hot_count) {
  int64_t key = sm_block_key(series_no, sm_hour_of(hot[0].ts_ms));
  sm_reading *old = NULL;
  size_t old_count = 0;
  sm_err err = sm_block_load(store, store->db, key, &old, &old_count);
  if (err == SM_ERR_CORRUPT) err = keep_damaged(store->db, key);
  if (err != SM_OK) return err;
  sm_reading *all = calloc(old_count + hot_count, sizeof *all);
  if (all == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK) {
    size_t count = sm_run_merge(old, old_count, hot, hot_count, all);
    err = write_block(store->db, key, all, count);
    if (err == SM_OK) err = write_quarters(store->db, series_no, all, count);
  }
  free(all);
  free(old);
  return err;
}

static sm_err seal_series(sm_readings *store, const sm_series *series) {
  const sm_run *hot = &series->hot;
  sm_err err = SM_OK;
  for (size_t from = 0; err == SM_OK && from < hot->count;) {
    int64_t hour = sm_hour_of(hot->item[from].ts_ms);
    size_t to = from + 1;
    while (to < hot->count && sm_hour_of(hot->item[to].ts_ms) == hour) to++;
    err = seal_hour(store, series->series_no, hot->item + from, to - from);
    from = to;
  }
  return err;
}

/* Rows that cannot be read are not in memory, so they must not go with the rest. */
static sm_err keep_damaged_journal(sm_readings *store) {
  if (atomic_load(&store->damaged) == 0) return SM_OK;
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT journal_no, body FROM journal");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    sm_journal_item *items = NULL;
    size_t count = 0;
    sm_err decoded = body == NULL ? SM_ERR_CORRUPT : sm_journal_decode(body, len, &items, &count);
    free(items);
    if (decoded == SM_OK) continue;
    sm_sql_stmt keep = sm_sql_use(store->db, "INSERT INTO damaged(found_ms, kind, key, body)"
                                             " VALUES(?1, 'journal', ?2, ?3)");
    sm_sql_bind_i64(&keep, 1, sm_clock_now_ms());
    sm_sql_bind_i64(&keep, 2, sm_sql_i64(&q, 0));
    sm_sql_bind_blob(&keep, 3, body, len);
    err = sm_sql_run(&keep);
  }
  sm_err end = sm_sql_end(&q);
  return err != SM_OK ? err : end;
}

static sm_err seal_all(sm_readings *store) {
  sm_err err = keep_damaged_journal(store);
  for (size_t i = 0; err == SM_OK && i < store->series_count; i++)
    if (store->series[i]->hot.count > 0) err = seal_series(store, store->series[i]);
  return err == SM_OK ? sm_sql_exec(store->db, "DELETE FROM journal") : err;
}

/* The commit and the emptying of memory are one step for readers: both under the lock. */
static sm_err commit_and_drop_hot(sm_readings *store) {
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_err err = sm_sql_commit(store->db);
  for (size_t i = 0; err == SM_OK && i < store->series_count; i++) {
    sm_run *hot = &store->series[i]->hot;
    if (hot->cap > 1024) sm_run_fini(hot); /* a backlog's memory is given back */
    hot->count = 0;
  }
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

sm_err sm_readings_maintain(sm_readings *store, bool force) {
  if (!store->writer) return SM_ERR_DENIED;
  uint64_t waiting = atomic_load(&store->journal_readings);
  bool due = waiting >= SEAL_READINGS ||
             (waiting > 0 && sm_clock_steady_ms() - store->oldest_unsealed_ms >= SEAL_AGE_MS);
  if (waiting == 0 || !(due || force)) return SM_OK;
  int64_t begun_ms = sm_clock_steady_ms();
  sm_err err = sm_sql_begin_immediate(store->db);
  if (err != SM_OK) return err;
  err = seal_all(store);
  if (err == SM_OK)
    err = commit_and_drop_hot(store);
  else
    sm_sql_rollback(store->db);
  if (err != SM_OK) {
    sm_log(SM_LOG_ERROR, "readings.seal_failed", SM_LOG_TEXT("reason", sm_err_text(err)));
    return err;
  }
  store->cached_block_key = 0;
  store->oldest_unsealed_ms = 0;
  atomic_fetch_sub(&store->journal_readings, waiting);
  atomic_fetch_add(&store->sealed_readings, waiting);
  sm_log(SM_LOG_INFO, "readings.sealed", SM_LOG_INT("readings", waiting),
         SM_LOG_INT("ms", sm_clock_steady_ms() - begun_ms));
  return SM_OK;
}
