#include "store/embedded/readings_internal.h"

#include <stdlib.h>

static sm_err open_connection(sm_readings *store, sm_sql **db) {
  const sm_sql_options options = {
      .path = store->path, .read_only = true, .busy_timeout_ms = 10000, .cache_kib = 512};
  return sm_sql_open(&options, db);
}

static sm_err take_connection(sm_readings *store, sm_sql **db) {
  reader_pool *pool = &store->readers;
  (void)pthread_mutex_lock(&pool->mutex);
  /* A read-only store has those that hold its snapshot, and no others. */
  while (pool->idle_count == 0 && (!store->writer || pool->open_count == READERS_MAX))
    (void)pthread_cond_wait(&pool->free_again, &pool->mutex);
  bool reuse = pool->idle_count > 0;
  if (reuse)
    *db = pool->idle[--pool->idle_count];
  else
    pool->open_count++;
  (void)pthread_mutex_unlock(&pool->mutex);
  if (reuse) return SM_OK;
  sm_err err = open_connection(store, db);
  if (err != SM_OK) {
    (void)pthread_mutex_lock(&pool->mutex);
    pool->open_count--;
    (void)pthread_cond_signal(&pool->free_again);
    (void)pthread_mutex_unlock(&pool->mutex);
  }
  return err;
}

static void give_connection(sm_readings *store, sm_sql *db) {
  reader_pool *pool = &store->readers;
  if (store->writer) sm_sql_rollback(db);
  (void)pthread_mutex_lock(&pool->mutex);
  pool->idle[pool->idle_count++] = db;
  (void)pthread_cond_signal(&pool->free_again);
  (void)pthread_mutex_unlock(&pool->mutex);
}

/* A read is what takes the snapshot, not BEGIN. */
static sm_err begin_reading(sm_sql *db) {
  int64_t unused;
  sm_err err = sm_sql_begin(db);
  return err == SM_OK ? sm_sql_query_i64(db, "SELECT count(*) FROM seal", &unused) : err;
}

static sm_err begin_snapshot(reader *r) {
  return r->store->writer ? begin_reading(r->db) : SM_OK;
}

/* ---- a read-only store's connections ---- */

static sm_err begin_all(sm_sql *const *db, size_t count) {
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    sm_sql_rollback(db[i]);
    err = begin_reading(db[i]);
  }
  return err;
}

/* Nothing was committed between two looks at the file's version: all that began meanwhile see the
 * same. A busy writer may not let that happen. */
static bool begin_same(sm_sql *watch, sm_sql *const *db, size_t count) {
  for (int i = 0; i < SNAPSHOT_TRIES; i++) {
    int64_t before = 0;
    int64_t after = 0;
    sm_err err = sm_sql_query_i64(watch, "PRAGMA data_version", &before);
    if (err == SM_OK) err = begin_all(db, count);
    if (err == SM_OK) err = sm_sql_query_i64(watch, "PRAGMA data_version", &after);
    if (err != SM_OK) return false;
    if (before == after) return true;
  }
  return false;
}

sm_err sm_readers_open_snapshot(sm_readings *store) {
  reader_pool *pool = &store->readers;
  sm_sql *db[SNAPSHOT_READERS] = {store->db};
  sm_sql *watch = NULL;
  size_t count = 1;
  sm_err err = open_connection(store, &watch);
  for (; err == SM_OK && count < SNAPSHOT_READERS; count += err == SM_OK)
    err = open_connection(store, &db[count]);
  bool same = err == SM_OK && begin_same(watch, db, count);
  sm_sql_close(watch);
  for (; !same && count > 1; count--) sm_sql_close(db[count - 1]);
  if (!same) err = begin_all(db, count);
  for (size_t i = 0; i < count; i++) pool->idle[pool->idle_count++] = db[i];
  pool->open_count = count;
  return err;
}

/* The day's start of an instant, and its end; the ends of time stay what they are. */
static int64_t day_start_ms(int64_t ts_ms) {
  if (ts_ms < 0) return INT64_MIN;
  return ts_ms > TS_MAX_MS ? INT64_MAX : sm_day_of(ts_ms) * DAY_MS;
}
static int64_t day_end_ms(int64_t ts_ms) {
  if (ts_ms < 0) return 0;
  return ts_ms > TS_MAX_MS ? INT64_MAX : (sm_day_of(ts_ms) + 1) * DAY_MS;
}

static void cut(sm_run *run, int64_t from_ms, int64_t to_ms) {
  size_t first = sm_run_find(run, from_ms);
  run->count = sm_run_find(run, to_ms);
  if (run->count < first) run->count = first;
  if (first == 0) return;
  for (size_t i = first; i < run->count; i++) run->item[i - first] = run->item[i];
  run->count -= first;
}

static sm_err copy_hot(reader *r, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms) {
  const sm_series *series = sm_readings_series(r->store, device_id, channel);
  if (series == NULL || series->no == 0 || !series->has_last) return SM_OK;
  r->series_no = series->no;
  r->first_ms = series->first_ms;
  r->last_ms = series->last.ts_ms;
  int64_t first_ms = day_start_ms(from_ms);
  int64_t end_ms = day_end_ms(to_ms);
  sm_err err = sm_hot_read(series->frozen, first_ms, end_ms, &r->hot);
  if (err == SM_OK) err = sm_hot_read(series->hot, first_ms, end_ms, &r->hot);
  if (err == SM_OK) cut(&r->hot, first_ms, end_ms);
  return err;
}

sm_err sm_reader_begin(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, reader *r) {
  reader out = {.store = store, .kept_day = -1};
  sm_err err = take_connection(store, &out.db);
  if (err != SM_OK) return err;
  (void)pthread_rwlock_rdlock(&store->lock);
  err = begin_snapshot(&out);
  if (err == SM_OK) err = copy_hot(&out, device_id, channel, from_ms, to_ms);
  (void)pthread_rwlock_unlock(&store->lock);
  if (err != SM_OK) {
    sm_reader_end(&out);
    return err;
  }
  *r = out;
  return SM_OK;
}

void sm_reader_end(reader *r) {
  give_connection(r->store, r->db);
  sm_run_fini(&r->hot);
  sm_run_fini(&r->kept);
}
