#include "store/data_lock.h"
#include "store/embedded/embedded.h"
#include "store/embedded/readings_internal.h"
#include "store/sqlite/sql_migrate.h"

#include "base/crypto.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x534d5244 /* "SMRD" */, BUSY_TIMEOUT_MS = 10000, WRITER_CACHE_KIB = 8192 };

static const sm_sql_migration migrations[] = {
    {"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
     "CREATE TABLE series(series_no INTEGER PRIMARY KEY, site_id INTEGER NOT NULL DEFAULT 1,"
     "  device_id TEXT NOT NULL, channel INTEGER NOT NULL DEFAULT 0,"
     "  UNIQUE(device_id, channel)) STRICT;"
     /* one row a committed batch; AUTOINCREMENT: a number is never used again */
     "CREATE TABLE journal(journal_no INTEGER PRIMARY KEY AUTOINCREMENT,"
     "  committed_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
     /* block_key = series_no << 24 | hour since 1970 */
     "CREATE TABLE block(block_key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
     /* quarter_key = series_no << 26 | quarter since 1970 */
     "CREATE TABLE quarter(quarter_key INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
     "  first_ms INTEGER NOT NULL, first_wh INTEGER NOT NULL,"
     "  last_ms INTEGER NOT NULL, last_wh INTEGER NOT NULL,"
     "  power_sum_mw INTEGER NOT NULL, power_max_mw INTEGER NOT NULL,"
     "  voltage_sum_mv INTEGER NOT NULL, voltage_min_mv INTEGER NOT NULL,"
     "  voltage_max_mv INTEGER NOT NULL, gap_max_ms INTEGER NOT NULL,"
     "  step_max_w INTEGER NOT NULL, fell INTEGER NOT NULL) STRICT;"
     "CREATE TABLE reject(reject_no INTEGER PRIMARY KEY AUTOINCREMENT,"
     "  site_id INTEGER NOT NULL DEFAULT 1, received_ms INTEGER NOT NULL, topic BLOB NOT NULL,"
     "  device_id TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,"
     "  payload BLOB NOT NULL, payload_len_sent INTEGER NOT NULL) STRICT;"
     /* what failed its checksum and stood in the way, kept for a repair by hand */
     "CREATE TABLE damaged(damaged_no INTEGER PRIMARY KEY, found_ms INTEGER NOT NULL,"
     "  kind TEXT NOT NULL, key INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"},
    /* Block rows were hours, series by series: they become fresh rows. Quarters are made again when
     * their day is merged. */
    {"CREATE TABLE fresh(fresh_key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
     "INSERT INTO fresh(fresh_key, body)"
     "  SELECT ((block_key & 16777215) << 32) | (block_key >> 24), body FROM block ORDER BY 1;"
     "DELETE FROM block;"
     "DROP TABLE quarter;"
     /* day_key = series_no << 24 | day since 1970 */
     "CREATE TABLE quarter(quarter_key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
     /* the register's course of days that are not plain, when raw has been dropped */
     "CREATE TABLE course(course_key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
     /* first and last reading, sequence; NULL: nothing sealed, empty: to be found out */
     "ALTER TABLE series ADD COLUMN state BLOB;"
     "UPDATE series SET state = x'';"
     /* at most one row: the running seal has done journal rows up to journal_no for the series
      * below next_series */
     "CREATE TABLE seal(seal_no INTEGER PRIMARY KEY CHECK(seal_no = 1),"
     "  journal_no INTEGER NOT NULL, next_series INTEGER NOT NULL) STRICT;"},
};

static sm_err init_meta(sm_sql *db, void *context) {
  (void)context;
  uint8_t random[4];
  char hex[2 * sizeof random + 1];
  char id[32];
  sm_random_bytes(random, sizeof random);
  (void)snprintf(id, sizeof id, "smartmeter-%s", sm_hex(random, sizeof random, hex));
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO meta(key, value) VALUES('client_id', ?1)");
  sm_sql_bind_text(&q, 1, id);
  return sm_sql_run(&q);
}

/* ---- series ---- */

sm_series *sm_readings_series(const sm_readings *store, const char *device_id, uint8_t channel) {
  return sm_series_table_get(&store->table, device_id, channel);
}

sm_series *sm_readings_series_by_no(const sm_readings *store, int64_t series_no) {
  size_t low = 0;
  size_t high = store->series_count;
  /* Mostly there are no holes in the numbers. */
  if (series_no >= 1 && (uint64_t)series_no <= high &&
      store->series[series_no - 1]->no == series_no)
    return store->series[series_no - 1];
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (store->series[middle]->no < series_no)
      low = middle + 1;
    else
      high = middle;
  }
  bool found = low < store->series_count && store->series[low]->no == series_no;
  return found ? store->series[low] : NULL;
}

sm_err sm_readings_series_reserve(sm_readings *store, size_t more) {
  size_t need = store->series_count + more;
  if (need <= store->series_cap) return SM_OK;
  size_t cap = store->series_cap + store->series_cap / 2 + 16;
  if (cap < need) cap = need;
  sm_series **list = realloc(store->series, cap * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  store->series = list;
  store->series_cap = cap;
  return SM_OK;
}

/* ---- open and close ---- */

static sm_err open_writer(sm_readings *store, const char *data_dir) {
  sm_err err = sm_data_lock(data_dir, &store->lock_fd);
  if (err != SM_OK) return err;
  const sm_sql_options options = {.path = store->path,
                                  .create = true,
                                  .busy_timeout_ms = BUSY_TIMEOUT_MS,
                                  .cache_kib = WRITER_CACHE_KIB,
                                  .fast_delete = true,
                                  .can_shrink = true};
  err = sm_sql_open(&options, &store->db);
  if (err == SM_OK)
    err = sm_sql_migrate(store->db, APPLICATION_ID, migrations,
                         sizeof migrations / sizeof migrations[0], init_meta, NULL);
  return err;
}

static sm_err check_version(sm_sql *db) {
  int64_t version = 0;
  sm_err err = sm_sql_query_i64(db, "PRAGMA user_version", &version);
  if (err != SM_OK) return err;
  const int64_t newest = sizeof migrations / sizeof migrations[0];
  /* An older one has been left by a program that did not come to migrate it yet. */
  if (version < newest) return SM_ERR_BUSY;
  return version > newest ? SM_ERR_UNSUPPORTED : SM_OK;
}

static sm_err open_snapshot(sm_readings *store) {
  const sm_sql_options options = {.path = store->path,
                                  .read_only = true,
                                  .busy_timeout_ms = BUSY_TIMEOUT_MS,
                                  .cache_kib = WRITER_CACHE_KIB};
  sm_err err = sm_sql_open(&options, &store->db);
  if (err == SM_OK) err = check_version(store->db);
  if (err == SM_OK) err = sm_readers_open_snapshot(store);
  return err;
}

/* A writer that waits goes before readers that come later: by default they would hold it up for as
 * long as they overlap. */
static void init_lock(pthread_rwlock_t *lock) {
  pthread_rwlockattr_t attr;
  (void)pthread_rwlockattr_init(&attr);
  (void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  (void)pthread_rwlock_init(lock, &attr);
  (void)pthread_rwlockattr_destroy(&attr);
}

static const sm_readings_engine engine = {.commit = sm_embedded_commit,
                                          .maintain = sm_embedded_maintain,
                                          .raw = sm_embedded_raw,
                                          .brief = sm_embedded_brief,
                                          .latest = sm_embedded_latest,
                                          .last_ms = sm_embedded_last_ms,
                                          .first_ms = sm_embedded_first_ms,
                                          .each = sm_embedded_each,
                                          .quarters = sm_embedded_quarters,
                                          .trace = sm_embedded_trace,
                                          .outline = sm_embedded_outline,
                                          .survey = sm_embedded_survey,
                                          .rejects = sm_embedded_rejects,
                                          .rejects_wanted = sm_embedded_rejects_wanted,
                                          .backup = sm_embedded_backup,
                                          .check = sm_embedded_check,
                                          .course = sm_embedded_course,
                                          .move_series = sm_embedded_move_series,
                                          .move_put = sm_embedded_move_put,
                                          .move_meta = sm_embedded_move_meta,
                                          .move_set_meta = sm_embedded_move_set_meta,
                                          .move_rejects = sm_embedded_move_rejects,
                                          .stats_get = sm_embedded_stats_get,
                                          .client_id = sm_embedded_client_id,
                                          .close = sm_embedded_close};

static sm_readings *new_store(const sm_embedded_options *options, bool writer) {
  sm_readings *store = calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  store->engine = &engine;
  store->writer = writer;
  store->lock_fd = -1;
  store->seal_slice_readings = SEAL_SLICE_READINGS;
  store->seal_slice_series = SEAL_SLICE_SERIES;
  store->merge_day = -1;
  store->merge_width = 16;
  store->hot_bytes_max = options->hot_bytes > 0 ? options->hot_bytes : SM_HOT_BYTES;
  store->retention_days = options->raw_retention_days;
  init_lock(&store->lock);
  (void)pthread_mutex_init(&store->damage_mutex, NULL);
  (void)pthread_mutex_init(&store->readers.mutex, NULL);
  (void)pthread_cond_init(&store->readers.free_again, NULL);
  store->path = sm_path_join(options->data_dir, "readings.db");
  if (store->path != NULL) return store;
  sm_embedded_close(store);
  return NULL;
}

sm_err sm_embedded_readings_open(const sm_embedded_options *options, bool writer,
                                 sm_readings **store) {
  sm_err err = writer ? sm_dir_make(options->data_dir) : SM_OK;
  if (err != SM_OK) return err;
  sm_readings *out = new_store(options, writer);
  if (out == NULL) return SM_ERR_NOMEM;
  err = writer ? open_writer(out, options->data_dir) : open_snapshot(out);
  if (err == SM_OK) err = sm_readings_load(out);
  if (err != SM_OK) {
    sm_embedded_close(out);
    return err;
  }
  *store = out;
  return SM_OK;
}

static void free_writers(sm_readings *store) {
  batch_memory *b = &store->batch;
  free(b->touched);
  free(b->item);
  free(b->late_slots);
  free(b->spare);
  sm_journal_writer_fini(&b->row);
  sm_find_fini(store);
  free(store->journal_damaged);
  free(store->fresh_lost);
  free(store->fresh_days);
}

void sm_embedded_close(sm_readings *store) {
  if (store == NULL) return;
  for (size_t i = 0; i < store->readers.idle_count; i++)
    if (store->readers.idle[i] != store->db) sm_sql_close(store->readers.idle[i]);
  sm_sql_close(store->db);
  free_writers(store);
  sm_series_table_fini(&store->table);
  free(store->series);
  free(store->damage);
  free(store->path);
  if (store->lock_fd >= 0) (void)close(store->lock_fd);
  (void)pthread_cond_destroy(&store->readers.free_again);
  (void)pthread_mutex_destroy(&store->readers.mutex);
  (void)pthread_mutex_destroy(&store->damage_mutex);
  (void)pthread_rwlock_destroy(&store->lock);
  free(store);
}

const char *sm_embedded_client_id(sm_readings *store) {
  return store->client_id;
}

void sm_embedded_stats_get(sm_readings *store, sm_readings_stats *stats) {
  (void)pthread_rwlock_rdlock(&store->lock);
  uint64_t series = store->series_count;
  (void)pthread_rwlock_unlock(&store->lock);
  *stats = (sm_readings_stats){
      .journal_readings = atomic_load(&store->journal_readings),
      .sealed_readings = atomic_load(&store->sealed_readings),
      .merged_readings = atomic_load(&store->merged_readings),
      .dropped_days = atomic_load(&store->dropped_days),
      .commits = atomic_load(&store->commits),
      .series = series,
      .damaged = atomic_load(&store->damaged),
      .hot_bytes = atomic_load(&store->hot_bytes) + atomic_load(&store->frozen_bytes),
      .bytes = sm_sql_file_bytes(store->path),
  };
}
