#include "store/embedded/embedded.h"
#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x534d5244 /* "SMRD" */, BUSY_TIMEOUT_MS = 10000 };

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

/* One writer a store: a lock of the kernel, so that it is gone when the process is. */
static sm_err take_lock(sm_readings *store) {
  char *path = NULL;
  sm_buf name;
  sm_buf_init(&name, 0);
  sm_buf_printf(&name, "%s.lock", store->path);
  path = sm_buf_take(&name);
  if (path == NULL) return SM_ERR_NOMEM;
  store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  free(path);
  if (store->lock_fd < 0) return errno == ENOSPC ? SM_ERR_FULL : SM_ERR_IO;
  if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0) return SM_OK;
  return errno == EWOULDBLOCK ? SM_ERR_BUSY : SM_ERR_IO;
}

sm_series *sm_readings_series(const sm_readings *store, const char *device_id, uint8_t channel) {
  char key[SM_SERIES_KEY_MAX];
  return sm_strmap_get(store->series_by_key, sm_series_key(device_id, channel, key));
}

sm_err sm_readings_series_add(sm_readings *store, sm_series *series) {
  if (store->series_count == store->series_cap) {
    size_t cap = store->series_cap < 16 ? 16 : store->series_cap * 2;
    sm_series **list = realloc(store->series, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    store->series = list;
    store->series_cap = cap;
  }
  char key[SM_SERIES_KEY_MAX];
  sm_err err = sm_strmap_put(store->series_by_key,
                             sm_series_key(series->device_id, series->channel, key), series);
  if (err == SM_OK) store->series[store->series_count++] = series;
  return err;
}

static sm_err load_series_row(sm_readings *store, sm_sql_stmt *q) {
  const char *device_id = sm_sql_text(q, 1);
  sm_series *series = sm_series_new(device_id != NULL ? device_id : "", (uint8_t)sm_sql_i64(q, 2));
  if (series == NULL) return SM_ERR_NOMEM;
  series->series_no = sm_sql_i64(q, 0);
  sm_err err = sm_readings_series_add(store, series);
  if (err != SM_OK) sm_series_free(series);
  return err;
}

static sm_err load_series(sm_readings *store) {
  sm_sql_stmt q =
      sm_sql_use(store->db, "SELECT series_no, device_id, channel FROM series ORDER BY series_no");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) err = load_series_row(store, &q);
  sm_err end = sm_sql_end(&q);
  return err != SM_OK ? err : end;
}

/* The latest sealed reading of a series; a damaged block is passed over for the one before it. */
static sm_err load_last(sm_readings *store, sm_series *series) {
  int64_t below = sm_block_key(series->series_no + 1, 0);
  for (;;) {
    sm_sql_stmt q = sm_sql_use(store->db, "SELECT max(block_key) FROM block"
                                          " WHERE block_key >= ?1 AND block_key < ?2");
    sm_sql_bind_i64(&q, 1, sm_block_key(series->series_no, 0));
    sm_sql_bind_i64(&q, 2, below);
    int64_t key = sm_sql_row(&q) ? sm_sql_i64(&q, 0) : 0;
    sm_err err = sm_sql_end(&q);
    if (err != SM_OK || key == 0) return err;
    sm_reading *readings = NULL;
    size_t count = 0;
    err = sm_block_load(store, store->db, key, &readings, &count);
    if (err == SM_ERR_CORRUPT) {
      below = key;
      continue;
    }
    if (err == SM_OK && count > 0) {
      series->last = readings[count - 1];
      series->has_last = true;
    }
    free(readings);
    return err;
  }
}

static sm_series *series_by_no(const sm_readings *store, int64_t series_no) {
  size_t low = 0;
  size_t high = store->series_count;
  while (low < high) { /* loaded in the order of their numbers */
    size_t middle = low + (high - low) / 2;
    if (store->series[middle]->series_no < series_no)
      low = middle + 1;
    else
      high = middle;
  }
  bool found = low < store->series_count && store->series[low]->series_no == series_no;
  return found ? store->series[low] : NULL;
}

static sm_err add_hot(sm_readings *store, const sm_journal_item *item) {
  sm_series *series = series_by_no(store, item->series_no);
  if (series == NULL) return SM_ERR_CORRUPT;
  if (sm_run_at(&series->hot, item->reading.ts_ms) != NULL) return SM_OK;
  sm_err err = sm_run_reserve(&series->hot, 1);
  if (err != SM_OK) return err;
  sm_run_insert(&series->hot, &item->reading);
  if (!series->has_last || series->last.ts_ms < item->reading.ts_ms) series->last = item->reading;
  series->has_last = true;
  atomic_fetch_add(&store->journal_readings, 1);
  return SM_OK;
}

static sm_err load_journal_row(sm_readings *store, const uint8_t *body, size_t len) {
  sm_journal_item *items = NULL;
  size_t count = 0;
  sm_err err = sm_journal_decode(body, len, &items, &count);
  for (size_t i = 0; err == SM_OK && i < count; i++) err = add_hot(store, &items[i]);
  free(items);
  return err;
}

static sm_err load_journal(sm_readings *store) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT journal_no, body FROM journal ORDER BY journal_no");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    err = load_journal_row(store, body, len);
    if (err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED) {
      /* Told and kept: the row is copied aside at the next seal, the rest goes on. */
      sm_log(SM_LOG_ERROR, "readings.journal_damaged", SM_LOG_INT("row", sm_sql_i64(&q, 0)));
      atomic_fetch_add(&store->damaged, 1);
      err = SM_OK;
    }
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  if (atomic_load(&store->journal_readings) > 0) store->oldest_unsealed_ms = sm_clock_steady_ms();
  return err;
}

static sm_err load_meta(sm_readings *store) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT value FROM meta WHERE key = 'client_id'");
  if (sm_sql_row(&q))
    (void)snprintf(store->client_id, sizeof store->client_id, "%s", sm_sql_text(&q, 0));
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  return sm_sql_query_i64(
      store->db, "SELECT coalesce(sum(length(payload) + length(topic) + 200), 0) FROM reject",
      &store->reject_bytes);
}

static sm_err load(sm_readings *store) {
  sm_err err = load_meta(store);
  if (err == SM_OK) err = load_series(store);
  for (size_t i = 0; err == SM_OK && i < store->series_count; i++)
    err = load_last(store, store->series[i]);
  return err == SM_OK ? load_journal(store) : err;
}

static sm_err open_writer(sm_readings *store) {
  sm_err err = take_lock(store);
  if (err != SM_OK) return err;
  const sm_sql_options options = {
      .path = store->path, .create = true, .busy_timeout_ms = BUSY_TIMEOUT_MS};
  err = sm_sql_open(&options, &store->db);
  if (err == SM_OK)
    err = sm_sql_migrate(store->db, APPLICATION_ID, migrations,
                         sizeof migrations / sizeof migrations[0], init_meta, NULL);
  return err;
}

static sm_err open_snapshot(sm_readings *store) {
  const sm_sql_options options = {
      .path = store->path, .read_only = true, .busy_timeout_ms = BUSY_TIMEOUT_MS};
  sm_err err = sm_sql_open(&options, &store->db);
  int64_t unused;
  if (err == SM_OK) err = sm_sql_begin(store->db);
  if (err == SM_OK)
    err = sm_sql_query_i64(store->db, "SELECT count(*) FROM meta", &unused); /* begins it */
  return err;
}

static sm_readings *new_store(const char *data_dir, bool writer) {
  sm_readings *store = calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  store->writer = writer;
  store->lock_fd = -1;
  (void)pthread_rwlock_init(&store->lock, NULL);
  (void)pthread_mutex_init(&store->readers.mutex, NULL);
  (void)pthread_cond_init(&store->readers.free_again, NULL);
  store->path = sm_path_join(data_dir, "readings.db");
  store->series_by_key = sm_strmap_new();
  if (store->path != NULL && store->series_by_key != NULL) return store;
  sm_readings_close(store);
  return NULL;
}

sm_err sm_embedded_readings_open(const sm_embedded_options *options, bool writer,
                                 sm_readings **store) {
  sm_err err = writer ? sm_dir_make(options->data_dir) : SM_OK;
  if (err != SM_OK) return err;
  sm_readings *out = new_store(options->data_dir, writer);
  if (out == NULL) return SM_ERR_NOMEM;
  err = writer ? open_writer(out) : open_snapshot(out);
  if (err == SM_OK) err = load(out);
  if (err != SM_OK) {
    sm_readings_close(out);
    return err;
  }
  *store = out;
  return SM_OK;
}

void sm_readings_close(sm_readings *store) {
  if (store == NULL) return;
  for (size_t i = 0; i < store->readers.idle_count; i++) sm_sql_close(store->readers.idle[i]);
  sm_sql_close(store->db);
  for (size_t i = 0; i < store->series_count; i++) sm_series_free(store->series[i]);
  free(store->series);
  sm_strmap_free(store->series_by_key);
  free(store->touched);
  free(store->cached);
  free(store->path);
  if (store->lock_fd >= 0) (void)close(store->lock_fd);
  (void)pthread_cond_destroy(&store->readers.free_again);
  (void)pthread_mutex_destroy(&store->readers.mutex);
  (void)pthread_rwlock_destroy(&store->lock);
  free(store);
}

const char *sm_readings_client_id(sm_readings *store) {
  return store->client_id;
}

static uint64_t size_of(const char *path, const char *suffix) {
  sm_buf name;
  sm_buf_init(&name, 0);
  sm_buf_printf(&name, "%s%s", path, suffix);
  struct stat st;
  uint64_t size = stat(sm_buf_text(&name), &st) == 0 ? (uint64_t)st.st_size : 0;
  sm_buf_fini(&name);
  return size;
}

void sm_readings_stats_get(sm_readings *store, sm_readings_stats *stats) {
  (void)pthread_rwlock_rdlock(&store->lock);
  uint64_t series = store->series_count;
  (void)pthread_rwlock_unlock(&store->lock);
  *stats = (sm_readings_stats){
      .journal_readings = atomic_load(&store->journal_readings),
      .sealed_readings = atomic_load(&store->sealed_readings),
      .commits = atomic_load(&store->commits),
      .series = series,
      .damaged = atomic_load(&store->damaged),
      .bytes = size_of(store->path, "") + size_of(store->path, "-wal"),
  };
}
