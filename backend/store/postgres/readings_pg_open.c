/* Opening, connections, and what is told from memory. */
#include "store/postgres/readings_pg.h"

#include "base/crypto.h"
#include "store/data_lock.h"
#include "store/postgres/postgres_schema.h"
#include "store/series/known.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sm_err connect_to(const pg_readings *store, bool read_only, sm_sql **db) {
  return sm_pg_open(&(sm_pg_options){.url = store->url,
                                     .schema = "smartmeter",
                                     .read_only = read_only,
                                     .lock_no = PG_LOCK_READINGS},
                    db);
}

/* ---- readers ---- */

/* An idle connection, else a place for a new one (*db NULL), else waits for either. */
static void pool_take(pg_readings *store, sm_sql **db) {
  *db = NULL;
  (void)pthread_mutex_lock(&store->pool_lock);
  while (store->idle_count == 0 && store->open_count == PG_READERS_MAX)
    (void)pthread_cond_wait(&store->pool_freed, &store->pool_lock);
  if (store->idle_count > 0)
    *db = store->idle[--store->idle_count];
  else
    store->open_count++;
  (void)pthread_mutex_unlock(&store->pool_lock);
}

static void pool_give(pg_readings *store, sm_sql *db) {
  (void)pthread_mutex_lock(&store->pool_lock);
  if (db != NULL)
    store->idle[store->idle_count++] = db;
  else
    store->open_count--;
  (void)pthread_cond_signal(&store->pool_freed);
  (void)pthread_mutex_unlock(&store->pool_lock);
}

sm_err pg_read_begin(pg_readings *store, sm_sql **out) {
  sm_sql *db;
  pool_take(store, &db);
  sm_err err = db == NULL ? connect_to(store, true, &db) : SM_OK;
  if (err == SM_OK) err = sm_sql_begin(db);
  if (err != SM_OK) {
    pool_give(store, db);
    return err;
  }
  *out = db;
  return SM_OK;
}

void pg_read_end(pg_readings *store, sm_sql *db) {
  sm_sql_rollback(db);
  pool_give(store, db);
}

/* ---- the writer ---- */

sm_err pg_write_begin(pg_readings *store) {
  sm_err err = sm_pg_begin_shared(store->db);
  if (err == SM_OK && store->behind) {
    err = pg_load_months(store, store->db);
    if (err == SM_OK) err = pg_load_horizon(store->db, &store->kept_from_ms);
    if (err == SM_OK) err = pg_rejects_measure(store);
    if (err != SM_OK) sm_sql_rollback(store->db);
    store->behind = err != SM_OK;
  }
  return err;
}

sm_err pg_take_turn(pg_readings *store, size_t series_count) {
  enum { FEW = 32 };
  return sm_sql_exec(store->db, series_count > FEW ? PG_LOCK_CROWD : PG_LOCK_FEW);
}

sm_err pg_upkeep_begin(pg_readings *store, bool *mine) {
  int64_t taken = 0;
  sm_err err = pg_write_begin(store);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(store->db, PG_TRY_UPKEEP, &taken);
  if (err != SM_OK || taken == 0) sm_sql_rollback(store->db);
  if (err == SM_OK) *mine = taken != 0;
  return err;
}

/* ---- told from memory ---- */

/* With what other servers have committed. */
static sm_known known(pg_readings *store) {
  pg_sync(store);
  return (sm_known){.lock = &store->lock,
                    .table = &store->table,
                    .list = &store->series,
                    .count = &store->series_count,
                    .newest_ms = &store->newest_ms};
}

int64_t pg_series_no(pg_readings *store, const char *device_id, uint8_t channel, int64_t *first_ms,
                     int64_t *last_ms) {
  const sm_known k = known(store);
  return sm_known_no(&k, device_id, channel, first_ms, last_ms);
}

sm_err pg_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading) {
  const sm_known k = known(pg_of(store));
  return sm_known_latest(&k, device_id, channel, reading);
}

sm_err pg_readings_last_ms(sm_readings *store, int64_t *ts_ms) {
  const sm_known k = known(pg_of(store));
  return sm_known_last_ms(&k, ts_ms);
}

sm_err pg_readings_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms) {
  const sm_known k = known(pg_of(store));
  return sm_known_first_ms(&k, device_id, channel, ts_ms);
}

sm_err pg_readings_each(sm_readings *store, sm_readings_each_fn each, void *context) {
  const sm_known k = known(pg_of(store));
  return sm_known_each(&k, each, context);
}

/* ---- state ---- */

static sm_err no_backup(sm_readings *store, const char *path, sm_readings_progress_fn progress,
                        void *context) {
  (void)store;
  (void)path;
  (void)progress;
  (void)context;
  return SM_ERR_UNSUPPORTED;
}

static uint64_t disk_bytes(pg_readings *store) {
  sm_sql *db;
  int64_t bytes = 0;
  if (pg_read_begin(store, &db) != SM_OK) return 0;
  sm_err err =
      sm_sql_query_i64(db,
                       "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                       "WHERE relnamespace = 'smartmeter'::regnamespace AND relkind = 'r' "
                       "AND (relname LIKE 'reading\\_%' OR relname IN ('series', "
                       "'quarter', 'quarter_due', 'quarter_day', 'day_due', 'course', 'reject'))",
                       &bytes);
  pg_read_end(store, db);
  return err == SM_OK ? (uint64_t)bytes : 0;
}

static void get_stats(sm_readings *base, sm_readings_stats *stats) {
  pg_readings *store = pg_of(base);
  *stats = (sm_readings_stats){.commits = atomic_load(&store->commits),
                               .dropped_days = atomic_load(&store->dropped_days),
                               .bytes = disk_bytes(store)};
  (void)pthread_rwlock_rdlock(&store->lock);
  stats->series = store->series_count;
  (void)pthread_rwlock_unlock(&store->lock);
}

static const char *client_id(sm_readings *store) {
  return pg_of(store)->client_id;
}

static void free_store(sm_readings *base) {
  pg_readings *store = pg_of(base);
  assert(store->idle_count == store->open_count); /* nobody is in a call */
  for (size_t i = 0; i < store->idle_count; i++) sm_sql_close(store->idle[i]);
  sm_sql_close(store->db);
  sm_series_table_fini(&store->table);
  free(store->series);
  sm_verdicts_fini(&store->batch);
  free(store->month);
  (void)pthread_rwlock_destroy(&store->lock);
  (void)pthread_mutex_destroy(&store->sync_lock);
  (void)pthread_mutex_destroy(&store->pool_lock);
  (void)pthread_cond_destroy(&store->pool_freed);
  if (store->lock_fd >= 0) (void)close(store->lock_fd);
  free(store->url);
  free(store);
}

/* ---- opening ---- */

static const sm_readings_engine engine = {.commit = pg_readings_commit,
                                          .maintain = pg_readings_maintain,
                                          .raw = pg_readings_raw,
                                          .brief = pg_readings_raw,
                                          .latest = pg_readings_latest,
                                          .last_ms = pg_readings_last_ms,
                                          .first_ms = pg_readings_first_ms,
                                          .each = pg_readings_each,
                                          .quarters = pg_readings_quarters,
                                          .trace = pg_readings_trace,
                                          .outline = pg_readings_outline,
                                          .survey = pg_readings_survey,
                                          .rejects = pg_readings_rejects,
                                          .rejects_wanted = pg_readings_rejects_wanted,
                                          .backup = no_backup,
                                          .check = pg_readings_check,
                                          .course = pg_readings_course,
                                          .move_series = pg_readings_move_series,
                                          .move_put = pg_readings_move_put,
                                          .move_meta = pg_readings_move_meta,
                                          .move_set_meta = pg_readings_move_set_meta,
                                          .move_rejects = pg_readings_move_rejects,
                                          .stats_get = get_stats,
                                          .client_id = client_id,
                                          .close = free_store};

static sm_err init_meta(sm_sql *db, void *context) {
  (void)context;
  uint8_t random[4];
  char hex[2 * sizeof random + 1];
  char id[32];
  sm_random_bytes(random, sizeof random);
  (void)snprintf(id, sizeof id, "smartmeter-%s", sm_hex(random, sizeof random, hex));
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO readings_meta (key, value) VALUES ('client_id', ?1)");
  sm_sql_bind_text(&q, 1, id);
  return sm_sql_run(&q);
}

static sm_err load_client_id(pg_readings *store, sm_sql *db) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT value FROM readings_meta WHERE key = 'client_id'");
  bool found = sm_sql_row(&q);
  if (found) (void)snprintf(store->client_id, sizeof store->client_id, "%s", sm_sql_text(&q, 0));
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_CORRUPT : err;
}

static sm_err load_all(pg_readings *store) {
  sm_sql *db;
  sm_err err = pg_read_begin(store, &db);
  if (err != SM_OK) return err;
  err = load_client_id(store, db);
  if (err == SM_OK) err = pg_load_series(store, db);
  pg_read_end(store, db);
  return err;
}

/* The lock of the data folder: a folder is one server's, with its keys and its broker. */
static sm_err open_writer(pg_readings *store, const char *data_dir) {
  static const sm_pg_migration steps[] = {{sm_postgres_readings_1}};
  sm_err err = data_dir != NULL ? sm_data_lock(data_dir, &store->lock_fd) : SM_OK;
  if (err == SM_OK) err = connect_to(store, false, &store->db);
  if (err == SM_OK)
    err = sm_pg_migrate(store->db, "readings", steps, sizeof steps / sizeof steps[0], init_meta,
                        NULL);
  store->behind = true;
  return err == SM_OK ? load_all(store) : err;
}

static sm_err is_there(sm_sql *db) {
  int64_t there = 0;
  sm_err err =
      sm_sql_query_i64(db, "SELECT to_regclass('smartmeter.readings_meta') IS NOT NULL", &there);
  return err == SM_OK && there == 0 ? SM_ERR_NOT_FOUND : err;
}

static sm_err open_reader(pg_readings *store) {
  sm_sql *db;
  sm_err err = pg_read_begin(store, &db);
  if (err != SM_OK) return err;
  err = is_there(db);
  pg_read_end(store, db);
  return err == SM_OK ? load_all(store) : err;
}

static pg_readings *new_store(const sm_postgres_options *options, bool writer) {
  pg_readings *store = calloc(1, sizeof *store);
  char *url = strdup(options->url);
  if (store == NULL || url == NULL) {
    free(store);
    free(url);
    return NULL;
  }
  store->engine = &engine;
  store->writer = writer;
  store->lock_fd = -1;
  store->url = url;
  store->retention_days = options->raw_retention_days;
  store->newest_ms = INT64_MIN;
  sm_random_bytes(&store->self_no, sizeof store->self_no);
  (void)pthread_mutex_init(&store->sync_lock, NULL);
  (void)pthread_rwlock_init(&store->lock, NULL);
  (void)pthread_mutex_init(&store->pool_lock, NULL);
  (void)pthread_cond_init(&store->pool_freed, NULL);
  return store;
}

sm_err sm_postgres_readings_open(const sm_postgres_options *options, bool writer,
                                 sm_readings **out) {
  pg_readings *store = new_store(options, writer);
  if (store == NULL) return SM_ERR_NOMEM;
  sm_err err = writer ? open_writer(store, options->data_dir) : open_reader(store);
  if (err != SM_OK) {
    free_store((sm_readings *)(void *)store);
    return err;
  }
  *out = (sm_readings *)(void *)store;
  return SM_OK;
}
