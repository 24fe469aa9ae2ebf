/* Opening, closing, and what is made at first. */
#include "store/mongo/readings_mg.h"

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "store/data_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1 };

/* ---- state ---- */

static sm_err no_backup(sm_readings *store, const char *path, sm_readings_progress_fn progress,
                        void *context) {
  (void)store;
  (void)path;
  (void)progress;
  (void)context;
  return SM_ERR_UNSUPPORTED;
}

/* Of the whole database: MongoDB tells of a collection's size, but not of a time series' alone. */
static uint64_t database_bytes(mg_readings *store) {
  mg_conn conn;
  bson_t reply;
  bson_t *command = BCON_NEW("dbStats", BCON_INT32(1));
  mg_take(store->pool, &conn);
  sm_err err = mg_command(&conn, command, &reply);
  uint64_t bytes = err == SM_OK ? (uint64_t)mg_i64(&reply, "totalSize") : 0;
  mg_give(&conn);
  bson_destroy(&reply);
  bson_destroy(command);
  return bytes;
}

static void get_stats(sm_readings *base, sm_readings_stats *stats) {
  mg_readings *store = mg_of(base);
  *stats = (sm_readings_stats){.commits = atomic_load(&store->commits),
                               .journal_readings = atomic_load(&store->pending),
                               .dropped_days = atomic_load(&store->dropped_days),
                               .bytes = database_bytes(store)};
  (void)pthread_rwlock_rdlock(&store->lock);
  stats->series = store->series_count;
  (void)pthread_rwlock_unlock(&store->lock);
}

static const char *client_id(sm_readings *store) {
  return mg_of(store)->client_id;
}

static void free_store(sm_readings *base) {
  mg_readings *store = mg_of(base);
  mg_give(&store->own);
  mg_pool_close(store->pool);
  sm_series_table_fini(&store->table);
  free(store->series);
  free(store->version);
  free(store->by_no);
  sm_verdicts_fini(&store->batch);
  (void)pthread_rwlock_destroy(&store->lock);
  (void)pthread_mutex_destroy(&store->fresh_lock);
  if (store->data_lock >= 0) (void)close(store->data_lock);
  free(store);
}

/* ---- what is made at first ---- */

static bson_t *index_on(const char *collection, const char *name, bson_t *keys, bool unique) {
  bson_t *command =
      BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key",
               BCON_DOCUMENT(keys), "name", BCON_UTF8(name), "unique", BCON_BOOL(unique), "}", "]");
  bson_destroy(keys);
  return command;
}

static bson_t *index_plain(const char *collection, const char *name, bson_t *keys) {
  bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key",
                             BCON_DOCUMENT(keys), "name", BCON_UTF8(name), "}", "]");
  bson_destroy(keys);
  return command;
}

static bson_t *place_keys(void) {
  return BCON_NEW("_id.device", BCON_INT32(1), "_id.channel", BCON_INT32(1), "_id.start",
                  BCON_INT32(1));
}

static sm_err make_indexes(mg_conn *conn) {
  bson_t *const wanted[] = {
      index_plain(MG_RAW, "device_ts", BCON_NEW("m.device", BCON_INT32(1), "ts", BCON_INT32(-1))),
      index_on(MG_SERIES, "no", BCON_NEW("no", BCON_INT32(1)), true),
      index_plain(MG_SERIES, "at", BCON_NEW("at", BCON_INT32(1))),
      index_plain(MG_JOURNAL, "s", BCON_NEW("s", BCON_INT32(1))),
      index_plain(MG_QUARTERS, "place", place_keys()),
      index_plain(MG_DUE, "place", place_keys()),
      index_plain(MG_DUE, "start", BCON_NEW("_id.start", BCON_INT32(1))),
      index_plain(MG_COURSE, "place", place_keys())};
  sm_err err = SM_OK;
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    if (err == SM_OK)
      err = mg_make(conn, wanted[i]);
    else
      bson_destroy(wanted[i]);
  }
  return err;
}

/* One that was made by an insert alone would take the same reading as often as it comes, by an
 * index that a town's history does not fit. */
static sm_err check_raw(mg_conn *conn) {
  bool there = false;
  bool timeseries = false;
  sm_err err = mg_has_collection(conn, MG_RAW, &there, &timeseries);
  if (err != SM_OK || (there && timeseries)) return err;
  sm_log(SM_LOG_ERROR, "readings.not_timeseries", SM_LOG_TEXT("collection", MG_RAW),
         SM_LOG_TEXT("message", "it is there and is no time-series collection: move what is in it "
                                "elsewhere and drop it"));
  return SM_ERR_CONFLICT;
}

/* A transaction does not make collections beside others that do. */
static sm_err make_collections(mg_conn *conn) {
  static const char *const names[] = {MG_SERIES, MG_JOURNAL, MG_QUARTERS, MG_DUE,
                                      MG_COURSE, MG_REJECTS, MG_META};
  sm_err err = mg_make(conn, BCON_NEW("create", BCON_UTF8(MG_RAW), "timeseries", "{", "timeField",
                                      BCON_UTF8("ts"), "metaField", BCON_UTF8("m"), "granularity",
                                      BCON_UTF8("seconds"), "}"));
  if (err == SM_OK) err = check_raw(conn);
  for (size_t i = 0; err == SM_OK && i < sizeof names / sizeof names[0]; i++)
    err = mg_make(conn, BCON_NEW("create", BCON_UTF8(names[i])));
  return err == SM_OK ? make_indexes(conn) : err;
}

static sm_err make_meta(mg_conn *conn) {
  uint8_t random[4];
  char hex[2 * sizeof random + 1];
  char id[32];
  mg_bulk bulk;
  sm_random_bytes(random, sizeof random);
  (void)snprintf(id, sizeof id, "smartmeter-%s", sm_hex(random, sizeof random, hex));
  mg_bulk_begin(&bulk, conn, MG_META);
  mg_bulk_update(
      &bulk, BCON_NEW("_id", BCON_UTF8("store")),
      BCON_NEW("$setOnInsert", "{", "format", BCON_INT64(FORMAT), "client_id", BCON_UTF8(id), "}"),
      true);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("rejects")),
                 BCON_NEW("$setOnInsert", "{", "last", BCON_INT64(0), "bytes", BCON_INT64(0), "}"),
                 true);
  sm_err err = mg_bulk_end(&bulk);
  return err == SM_ERR_EXISTS ? SM_OK : err; /* another server was first */
}

/* SM_ERR_NOT_FOUND: there is no store. */
static sm_err load_meta(mg_readings *store, mg_conn *conn) {
  mg_find find;
  bool found = false;
  mg_find_begin(&find, conn, MG_META, bson_new(), NULL);
  const bson_t *doc;
  while ((doc = mg_find_next(&find)) != NULL) {
    const char *id = mg_text(doc, "_id");
    const char *client = mg_text(doc, "client_id");
    if (id != NULL && strcmp(id, "rejects") == 0) store->reject_bytes = mg_i64(doc, "bytes");
    if (id != NULL && strcmp(id, "retention") == 0) store->kept_ms = mg_i64(doc, "kept");
    if (id == NULL || strcmp(id, "store") != 0 || client == NULL) continue;
    found = true;
    if (mg_i64(doc, "format") > FORMAT) find.err = SM_ERR_UNSUPPORTED;
    (void)snprintf(store->client_id, sizeof store->client_id, "%s", client);
  }
  sm_err err = mg_find_end(&find);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

/* ---- opening ---- */

static const sm_readings_engine engine = {.commit = mg_readings_commit,
                                          .maintain = mg_readings_maintain,
                                          .raw = mg_readings_raw,
                                          .brief = mg_readings_raw,
                                          .latest = mg_readings_latest,
                                          .last_ms = mg_readings_last_ms,
                                          .first_ms = mg_readings_first_ms,
                                          .each = mg_readings_each,
                                          .quarters = mg_readings_quarters,
                                          .trace = mg_readings_trace,
                                          .outline = mg_readings_outline,
                                          .survey = mg_readings_survey,
                                          .rejects = mg_readings_rejects,
                                          .rejects_wanted = mg_readings_rejects_wanted,
                                          .backup = no_backup,
                                          .check = mg_readings_check,
                                          .stats_get = get_stats,
                                          .client_id = client_id,
                                          .close = free_store};

static sm_err keep_session(mg_readings *store, const char *data_dir) {
  char *path = sm_path_join(data_dir, "readings.mongodb-session");
  sm_err err = path != NULL ? mg_keep_session(&store->own, path) : SM_ERR_NOMEM;
  free(path);
  return err;
}

static sm_err open_on(mg_readings *store, mg_conn *conn) {
  sm_err err = store->writer ? make_collections(conn) : SM_OK;
  if (err == SM_OK && store->writer) err = make_meta(conn);
  if (err == SM_OK) err = load_meta(store, conn);
  if (err == SM_OK && !store->writer) err = check_raw(conn);
  return err == SM_OK ? mg_load_series(store, conn, bson_new()) : err;
}

static sm_err open_store(mg_readings *store, const sm_mongo_options *options) {
  mg_conn conn;
  sm_err err = store->writer ? sm_dir_make(options->data_dir) : SM_OK;
  if (err == SM_OK && store->writer) err = sm_data_lock(options->data_dir, &store->data_lock);
  if (err == SM_OK) err = mg_pool_open(options->url, &store->pool);
  if (err != SM_OK) return err;
  mg_take(store->pool, &conn);
  err = open_on(store, &conn);
  mg_give(&conn);
  if (err != SM_OK || !store->writer) return err;
  mg_take(store->pool, &store->own);
  return keep_session(store, options->data_dir);
}

sm_err sm_mongo_readings_open(const sm_mongo_options *options, bool writer, sm_readings **out) {
  uint8_t random[8];
  mg_readings *store = calloc(1, sizeof *store);
  if (store == NULL) return SM_ERR_NOMEM;
  store->engine = &engine;
  store->writer = writer;
  store->data_lock = -1;
  store->retention_days = options->raw_retention_days;
  store->newest_ms = INT64_MIN;
  sm_random_bytes(random, sizeof random);
  (void)sm_hex(random, sizeof random, store->server);
  (void)pthread_rwlock_init(&store->lock, NULL);
  (void)pthread_mutex_init(&store->fresh_lock, NULL);
  sm_err err = open_store(store, options);
  if (err != SM_OK) {
    free_store((sm_readings *)(void *)store);
    return err;
  }
  *out = (sm_readings *)(void *)store;
  return SM_OK;
}
