/* What memory knows of the series: all at the start, then what the commits of other servers
 * touched.
 *
 * A commit notes its series under the number of its transaction. Numbers are given in one order and
 * committed in another, so what is asked for is everything since the oldest one that was still open
 * at the last look: something is read twice now and then, and nothing is missed. First and last
 * readings only ever move apart, so it does not matter in which order they are heard of. */
#include "store/postgres/readings_pg.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/series/state.h"

#include <stdlib.h>

enum { FAILED_MS = 1000 };

sm_err pg_add_series(pg_readings *store, const char *device_id, uint8_t channel, int64_t no,
                     sm_series **out) {
  sm_series *series = NULL;
  if (no > UINT32_MAX) return SM_ERR_FULL;
  sm_err err = sm_series_table_need(&store->table, device_id, channel, &series);
  if (err != SM_OK) return err;
  *out = series;
  if (series->no != 0) {
    series->no = (uint32_t)no; /* another one, where a standby that had not heard of it took over */
    return SM_OK;
  }
  if (store->series_count == store->series_cap) {
    size_t cap = store->series_cap == 0 ? 64 : store->series_cap * 2;
    sm_series **list = realloc(store->series, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    store->series = list;
    store->series_cap = cap;
  }
  series->no = (uint32_t)no;
  store->series[store->series_count++] = series;
  return SM_OK;
}

void pg_widen_series(pg_readings *store, sm_series *series, const sm_series *stored) {
  if (!stored->has_last) return;
  if (!series->has_last || stored->first_ms < series->first_ms) series->first_ms = stored->first_ms;
  if (!series->has_last || stored->last.ts_ms > series->last.ts_ms) series->last = stored->last;
  series->has_last = true;
  if (series->last.ts_ms > store->newest_ms) store->newest_ms = series->last.ts_ms;
}

sm_err pg_show_series(pg_readings *store, const char *device_id, uint8_t channel, int64_t no,
                      const void *state, size_t len) {
  sm_series *series = NULL;
  sm_series *stored = sm_series_new(device_id, channel);
  if (stored == NULL) return SM_ERR_NOMEM;
  sm_err err = state != NULL ? sm_state_decode(state, len, stored) : SM_OK;
  if (err == SM_OK) err = pg_add_series(store, device_id, channel, no, &series);
  if (err == SM_OK) pg_widen_series(store, series, stored);
  sm_series_free(stored);
  return err;
}

static sm_err take_series(pg_readings *store, sm_sql_stmt *q) {
  size_t len = 0;
  int64_t no = sm_sql_i64(q, 0);
  const char *device_id = sm_sql_text(q, 1);
  uint8_t channel = (uint8_t)sm_sql_i64(q, 2);
  const uint8_t *state = sm_sql_blob(q, 3, &len);
  if (device_id == NULL) return SM_ERR_CORRUPT;
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_err err = pg_show_series(store, device_id, channel, no, state, len);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

static sm_err take_all(pg_readings *store, sm_sql_stmt *q) {
  while (sm_sql_row(q)) {
    sm_err err = take_series(store, q);
    if (err != SM_OK) q->err = err;
  }
  return sm_sql_end(q);
}

/* All before it are over, and what they did is in this snapshot. */
static sm_err oldest_open(sm_sql *db, int64_t *transaction_no) {
  return sm_sql_query_i64(
      db, "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS INTEGER)",
      transaction_no);
}

static sm_err load_all(pg_readings *store, sm_sql *db) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT series_no, device_id, channel, state FROM series ORDER BY series_no");
  return take_all(store, &q);
}

sm_err pg_load_series(pg_readings *store, sm_sql *db) {
  int64_t no = 0;
  sm_err err = oldest_open(db, &no);
  if (err == SM_OK) err = load_all(store, db);
  (void)pthread_mutex_lock(&store->sync_lock);
  if (err == SM_OK) {
    store->sync_no = no;
    store->sync_timeline = sm_pg_timeline(db);
  }
  (void)pthread_mutex_unlock(&store->sync_lock);
  return err;
}

static sm_err load_changed(pg_readings *store, sm_sql *db) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT s.series_no, s.device_id, s.channel, s.state FROM series s WHERE "
                     "s.series_no IN (SELECT unnest(c.series) FROM series_change c "
                     "WHERE c.transaction_no >= ?1 AND c.server_no <> ?2) ORDER BY s.series_no");
  sm_sql_bind_i64(&q, 1, store->sync_no);
  sm_sql_bind_i64(&q, 2, store->self_no);
  return take_all(store, &q);
}

/* Whether what was noted since the last look is still there. */
static sm_err is_whole(pg_readings *store, sm_sql *db, bool *whole) {
  int64_t from = 0;
  sm_sql_stmt q = sm_sql_use(db, "SELECT value FROM readings_meta WHERE key = 'changes_from'");
  if (sm_sql_row(&q)) from = sm_sql_i64(&q, 0);
  sm_err err = sm_sql_end(&q);
  /* A standby that took over may give numbers again that its primary gave. */
  if (err == SM_OK) *whole = from <= store->sync_no && sm_pg_timeline(db) == store->sync_timeline;
  return err;
}

static sm_err look(pg_readings *store) {
  sm_sql *db;
  int64_t no = 0;
  bool whole = false;
  sm_err err = pg_read_begin(store, &db);
  if (err != SM_OK) return err;
  err = oldest_open(db, &no);
  if (err == SM_OK) err = is_whole(store, db, &whole);
  if (err == SM_OK) err = whole ? load_changed(store, db) : load_all(store, db);
  if (err == SM_OK) {
    store->sync_no = no;
    store->sync_timeline = sm_pg_timeline(db);
  }
  pg_read_end(store, db);
  return err;
}

static bool due(pg_readings *store) {
  return sm_clock_steady_ms() >= atomic_load(&store->sync_at_ms);
}

void pg_sync(pg_readings *store) {
  if (!due(store)) return;
  (void)pthread_mutex_lock(&store->sync_lock);
  if (due(store)) { /* else somebody else has just done it */
    sm_err err = look(store);
    atomic_store(&store->sync_at_ms,
                 sm_clock_steady_ms() + (err == SM_OK ? PG_SYNC_MS : FAILED_MS));
    if (err != SM_OK)
      sm_log(SM_LOG_WARN, "readings.not_heard_of_others", SM_LOG_TEXT("reason", sm_err_text(err)));
  }
  (void)pthread_mutex_unlock(&store->sync_lock);
}
