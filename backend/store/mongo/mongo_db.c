#include "store/mongo/mongo_db.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/mongo/mongo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct mg_pool {
  mongoc_client_pool_t *clients;
  char database[64];
};

enum { SELECT_MS = 5000, CONNECT_MS = 5000, SOCKET_MS = 30000, COMMIT_MS = 15000 };

bool sm_mongo_is_here(void) {
  return true;
}

/* ---- the library ---- */

static void log_it(mongoc_log_level_t level, const char *domain, const char *message, void *data) {
  (void)data;
  /* A transaction that the server has ended already is no news. */
  if (strncmp(message, "Error in abortTransaction", 25) == 0) return;
  if (level <= MONGOC_LOG_LEVEL_WARNING)
    sm_log(SM_LOG_WARN, "store.mongodb", SM_LOG_TEXT("domain", domain),
           SM_LOG_TEXT("message", message));
}

static void start_library(void) {
  mongoc_log_set_handler(log_it, NULL);
  mongoc_init();
  (void)atexit(mongoc_cleanup);
}

/* ---- the pool ---- */

static void set_default(mongoc_uri_t *uri, const char *name, int32_t value) {
  if (!mongoc_uri_has_option(uri, name)) (void)mongoc_uri_set_option_as_int32(uri, name, value);
}

/* What this product stands on is not the URL's to weaken. */
static void configure(mongoc_uri_t *uri) {
  mongoc_write_concern_t *majority = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(majority, SOCKET_MS);
  (void)mongoc_write_concern_set_journal(majority, true);
  mongoc_uri_set_write_concern(uri, majority);
  mongoc_write_concern_destroy(majority);
  mongoc_read_concern_t *seen = mongoc_read_concern_new();
  (void)mongoc_read_concern_set_level(seen, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
  mongoc_uri_set_read_concern(uri, seen);
  mongoc_read_concern_destroy(seen);
  mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
  mongoc_uri_set_read_prefs_t(uri, primary);
  mongoc_read_prefs_destroy(primary);
  (void)mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
  (void)mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true);
  (void)mongoc_uri_set_appname(uri, "smartmeter");
  set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECT_MS);
  set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
  set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
}

sm_err mg_pool_open(const char *url, mg_pool **out) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  bson_error_t error;
  (void)pthread_once(&once, start_library);
  mongoc_uri_t *uri = mongoc_uri_new_with_error(url, &error);
  if (uri == NULL) {
    sm_log(SM_LOG_ERROR, "store.mongodb_url", SM_LOG_TEXT("message", error.message));
    return SM_ERR_INVALID;
  }
  const char *name = mongoc_uri_get_database(uri);
  mg_pool *pool = calloc(1, sizeof *pool);
  bool fits = name == NULL || strlen(name) < sizeof pool->database;
  if (pool != NULL && fits) {
    (void)snprintf(pool->database, sizeof pool->database, "%s",
                   name != NULL && name[0] != '\0' ? name : "smartmeter");
    configure(uri);
    pool->clients = mongoc_client_pool_new_with_error(uri, &error);
    if (pool->clients == NULL)
      sm_log(SM_LOG_ERROR, "store.mongodb_url", SM_LOG_TEXT("message", error.message));
    else
      (void)mongoc_client_pool_set_error_api(pool->clients, MONGOC_ERROR_API_VERSION_2);
  }
  mongoc_uri_destroy(uri);
  if (pool != NULL && pool->clients != NULL) {
    *out = pool;
    return SM_OK;
  }
  sm_err err = pool == NULL ? SM_ERR_NOMEM : SM_ERR_INVALID;
  free(pool);
  return err;
}

void mg_pool_close(mg_pool *pool) {
  if (pool == NULL) return;
  mongoc_client_pool_destroy(pool->clients);
  free(pool);
}

const char *mg_pool_database(const mg_pool *pool) {
  return pool->database;
}

void mg_take(mg_pool *pool, mg_conn *conn) {
  *conn = (mg_conn){.pool = pool, .client = mongoc_client_pool_pop(pool->clients)};
}

void mg_give(mg_conn *conn) {
  if (conn->client == NULL) return;
  mg_abort(conn);
  mongoc_client_session_destroy(conn->session);
  mongoc_client_pool_push(conn->pool->clients, conn->client);
  *conn = (mg_conn){.client = NULL};
}

/* ---- errors ---- */

enum {
  UNAUTHORIZED = 13,
  AUTHENTICATION_FAILED = 18,
  WRITE_CONFLICT = 112,
  NO_SUCH_TRANSACTION = 251,
  OUT_OF_DISK_SPACE = 14031,
  NAMESPACE_EXISTS = 48,
  DUPLICATE_KEY = 11000
};

sm_err mg_err(const bson_error_t *error, const bson_t *reply) {
  bool ours = error->domain == MONGOC_ERROR_SERVER || error->domain == MONGOC_ERROR_COMMAND ||
              error->domain == MONGOC_ERROR_WRITE_CONCERN;
  if (error->code == DUPLICATE_KEY) return SM_ERR_EXISTS;
  if (reply != NULL && mongoc_error_has_label(reply, "TransientTransactionError"))
    return SM_ERR_CONFLICT;
  if (ours && (error->code == WRITE_CONFLICT || error->code == NO_SUCH_TRANSACTION))
    return SM_ERR_CONFLICT;
  sm_log(SM_LOG_ERROR, "store.mongodb", SM_LOG_TEXT("message", error->message),
         SM_LOG_INT("domain", error->domain), SM_LOG_INT("code", error->code));
  if (ours && error->code == OUT_OF_DISK_SPACE) return SM_ERR_FULL;
  if (ours && (error->code == UNAUTHORIZED || error->code == AUTHENTICATION_FAILED))
    return SM_ERR_DENIED;
  return SM_ERR_IO;
}

/* ---- transactions ---- */

/* opts: what a command or cursor of the running transaction is told. */
static void add_session(const mg_conn *conn, bson_t *opts) {
  bson_error_t error;
  if (conn->in_transaction || conn->in_snapshot)
    (void)mongoc_client_session_append(conn->session, opts, &error);
}

static sm_err start_session(mg_conn *conn) {
  bson_error_t error;
  if (conn->session != NULL) return SM_OK;
  mongoc_session_opt_t *opts = mongoc_session_opts_new();
  mongoc_session_opts_set_causal_consistency(opts, false);
  conn->session = mongoc_client_start_session(conn->client, opts, &error);
  mongoc_session_opts_destroy(opts);
  return conn->session != NULL ? SM_OK : mg_err(&error, NULL);
}

sm_err mg_snapshot(mg_conn *conn) {
  bson_error_t error;
  mongoc_session_opt_t *opts = mongoc_session_opts_new();
  mongoc_session_opts_set_snapshot(opts, true);
  conn->session = mongoc_client_start_session(conn->client, opts, &error);
  mongoc_session_opts_destroy(opts);
  conn->in_snapshot = conn->session != NULL;
  return conn->in_snapshot ? SM_OK : mg_err(&error, NULL);
}

static mongoc_transaction_opt_t *how_to_commit(void) {
  mongoc_transaction_opt_t *how = mongoc_transaction_opts_new();
  mongoc_read_concern_t *snapshot = mongoc_read_concern_new();
  mongoc_write_concern_t *majority = mongoc_write_concern_new();
  (void)mongoc_read_concern_set_level(snapshot, MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
  mongoc_write_concern_set_wmajority(majority, SOCKET_MS);
  (void)mongoc_write_concern_set_journal(majority, true);
  mongoc_transaction_opts_set_read_concern(how, snapshot);
  mongoc_transaction_opts_set_write_concern(how, majority);
  mongoc_read_concern_destroy(snapshot);
  mongoc_write_concern_destroy(majority);
  return how;
}

sm_err mg_begin(mg_conn *conn) {
  bson_error_t error;
  sm_err err = start_session(conn);
  if (err != SM_OK) return err;
  mongoc_transaction_opt_t *how = how_to_commit();
  conn->in_transaction = mongoc_client_session_start_transaction(conn->session, how, &error);
  mongoc_transaction_opts_destroy(how);
  return conn->in_transaction ? SM_OK : mg_err(&error, NULL);
}

/* A commit whose answer was lost is asked for again, which says how the first one ended. */
static sm_err commit_until_known(mongoc_client_session_t *session) {
  int64_t until_ms = sm_clock_steady_ms() + COMMIT_MS;
  for (;;) {
    bson_t reply;
    bson_error_t error;
    if (mongoc_client_session_commit_transaction(session, &reply, &error)) {
      bson_destroy(&reply);
      return SM_OK;
    }
    bool unknown = mongoc_error_has_label(&reply, "UnknownTransactionCommitResult");
    bool again = unknown && sm_clock_steady_ms() < until_ms;
    sm_err err = again ? SM_OK : mg_err(&error, &reply);
    bson_destroy(&reply);
    if (!again) return err;
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  }
}

sm_err mg_commit(mg_conn *conn) {
  sm_err err = commit_until_known(conn->session);
  conn->in_transaction = false;
  return err;
}

void mg_abort(mg_conn *conn) {
  if (!conn->in_transaction) return;
  if (mongoc_client_session_in_transaction(conn->session))
    (void)mongoc_client_session_abort_transaction(conn->session, NULL);
  conn->in_transaction = false;
}

/* ---- the session of before ---- */

enum { SESSION_BYTES = 200 };

sm_err mg_end_session(mg_conn *conn, const char *path) {
  char *data = NULL;
  size_t len = 0;
  bson_t lsid;
  sm_err err = sm_file_read(path, SESSION_BYTES, &data, &len);
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  if (bson_init_static(&lsid, (const uint8_t *)data, len)) {
    bson_t *command = BCON_NEW("killSessions", "[", BCON_DOCUMENT(&lsid), "]");
    if (mg_command(conn, command, NULL) != SM_OK) /* some hosts forbid it: it ends by itself */
      sm_log(SM_LOG_WARN, "store.mongodb_session",
             SM_LOG_TEXT("message", "a transaction of before may hold writes up for a minute"));
    bson_destroy(command);
  }
  free(data);
  return SM_OK;
}

bool mg_is_noted(const mg_conn *conn, const char *path) {
  char *data = NULL;
  size_t len = 0;
  if (conn->session == NULL || sm_file_read(path, SESSION_BYTES, &data, &len) != SM_OK)
    return false;
  const bson_t *lsid = mongoc_client_session_get_lsid(conn->session);
  bool noted = len == lsid->len && memcmp(data, bson_get_data(lsid), len) == 0;
  free(data);
  return noted;
}

sm_err mg_note_session(mg_conn *conn, const char *path) {
  sm_err err = start_session(conn);
  if (err != SM_OK) return err;
  const bson_t *lsid = mongoc_client_session_get_lsid(conn->session);
  return sm_file_write_private(path, bson_get_data(lsid), lsid->len);
}

sm_err mg_keep_session(mg_conn *conn, const char *path) {
  sm_err err = mg_end_session(conn, path);
  return err == SM_OK ? mg_note_session(conn, path) : err;
}

/* ---- commands ---- */

sm_err mg_command(mg_conn *conn, const bson_t *command, bson_t *reply) {
  bson_error_t error;
  bson_t own;
  bson_t opts = BSON_INITIALIZER;
  bson_t *answer = reply != NULL ? reply : &own;
  add_session(conn, &opts);
  bool done = mongoc_client_command_with_opts(conn->client, conn->pool->database, command, NULL,
                                              &opts, answer, &error);
  sm_err err = done ? SM_OK : mg_err(&error, answer);
  if (reply == NULL) bson_destroy(&own);
  bson_destroy(&opts);
  return err;
}

sm_err mg_write(mg_conn *conn, const bson_t *command, bson_t *reply) {
  bson_error_t error;
  bson_t opts = BSON_INITIALIZER;
  add_session(conn, &opts);
  bool done = mongoc_client_write_command_with_opts(conn->client, conn->pool->database, command,
                                                    &opts, reply, &error);
  bson_destroy(&opts);
  return done ? SM_OK : mg_err(&error, reply);
}

sm_err mg_has_collection(mg_conn *conn, const char *name, bool *there, bool *timeseries) {
  bson_error_t error;
  mongoc_database_t *db = mongoc_client_get_database(conn->client, conn->pool->database);
  bson_t *opts = BCON_NEW("filter", "{", "name", BCON_UTF8(name), "}");
  mongoc_cursor_t *cursor = mongoc_database_find_collections_with_opts(db, opts);
  const bson_t *doc;
  bool found = mongoc_cursor_next(cursor, &doc);
  const char *type = found ? mg_text(doc, "type") : NULL;
  bool series = type != NULL && strcmp(type, "timeseries") == 0;
  bool failed = !found && mongoc_cursor_error(cursor, &error);
  mongoc_cursor_destroy(cursor);
  bson_destroy(opts);
  mongoc_database_destroy(db);
  if (failed) return mg_err(&error, NULL);
  *there = found;
  if (timeseries != NULL) *timeseries = series;
  return SM_OK;
}

sm_err mg_make(mg_conn *conn, bson_t *command) {
  bson_error_t error;
  bson_t reply;
  bool done = mongoc_client_write_command_with_opts(conn->client, conn->pool->database, command,
                                                    NULL, &reply, &error);
  sm_err err = done || error.code == NAMESPACE_EXISTS ? SM_OK : mg_err(&error, &reply);
  bson_destroy(&reply);
  bson_destroy(command);
  return err;
}

/* ---- writes in bulk ---- */

static void begin_bulk(mg_bulk *bulk, mg_conn *conn, const char *collection, bool ordered) {
  bson_t opts = BSON_INITIALIZER;
  BSON_APPEND_BOOL(&opts, "ordered", ordered);
  add_session(conn, &opts);
  *bulk = (mg_bulk){
      .conn = conn,
      .collection = mongoc_client_get_collection(conn->client, conn->pool->database, collection)};
  bulk->op = mongoc_collection_create_bulk_operation_with_opts(bulk->collection, &opts);
  bson_destroy(&opts);
}

void mg_bulk_begin(mg_bulk *bulk, mg_conn *conn, const char *collection) {
  begin_bulk(bulk, conn, collection, true);
}

void mg_bulk_begin_loose(mg_bulk *bulk, mg_conn *conn, const char *collection) {
  begin_bulk(bulk, conn, collection, false);
}

static void keep(mg_bulk *bulk, bool done, const bson_error_t *error) {
  if (done)
    bulk->count++;
  else if (bulk->err == SM_OK)
    bulk->err = mg_err(error, NULL);
}

void mg_bulk_insert(mg_bulk *bulk, bson_t *document) {
  bson_error_t error;
  keep(bulk, mongoc_bulk_operation_insert_with_opts(bulk->op, document, NULL, &error), &error);
  bson_destroy(document);
}

static bson_t *upserting(bool upsert) {
  return upsert ? BCON_NEW("upsert", BCON_BOOL(true)) : NULL;
}

void mg_bulk_update(mg_bulk *bulk, bson_t *filter, bson_t *update, bool upsert) {
  bson_error_t error;
  bson_t *opts = upserting(upsert);
  keep(bulk, mongoc_bulk_operation_update_one_with_opts(bulk->op, filter, update, opts, &error),
       &error);
  bson_destroy(opts);
  bson_destroy(filter);
  bson_destroy(update);
}

void mg_bulk_replace(mg_bulk *bulk, bson_t *filter, bson_t *document, bool upsert) {
  bson_error_t error;
  bson_t *opts = upserting(upsert);
  keep(bulk, mongoc_bulk_operation_replace_one_with_opts(bulk->op, filter, document, opts, &error),
       &error);
  bson_destroy(opts);
  bson_destroy(filter);
  bson_destroy(document);
}

void mg_bulk_delete(mg_bulk *bulk, bson_t *filter) {
  bson_error_t error;
  keep(bulk, mongoc_bulk_operation_remove_one_with_opts(bulk->op, filter, NULL, &error), &error);
  bson_destroy(filter);
}

void mg_bulk_delete_many(mg_bulk *bulk, bson_t *filter) {
  bson_error_t error;
  keep(bulk, mongoc_bulk_operation_remove_many_with_opts(bulk->op, filter, NULL, &error), &error);
  bson_destroy(filter);
}

sm_err mg_bulk_end(mg_bulk *bulk) {
  if (bulk->err == SM_OK && bulk->count > 0) {
    bson_t reply;
    bson_error_t error = {0};
    if (mongoc_bulk_operation_execute(bulk->op, &reply, &error) == 0)
      bulk->err = mg_err(&error, &reply);
    bulk->matched = mg_i64(&reply, "nMatched");
    bulk->removed = mg_i64(&reply, "nRemoved");
    bson_destroy(&reply);
  }
  mongoc_bulk_operation_destroy(bulk->op);
  mongoc_collection_destroy(bulk->collection);
  return bulk->err;
}

/* ---- reads ---- */

void mg_find_begin(mg_find *find, mg_conn *conn, const char *collection, bson_t *filter,
                   bson_t *opts) {
  if (opts == NULL) opts = bson_new();
  add_session(conn, opts);
  *find = (mg_find){
      .collection = mongoc_client_get_collection(conn->client, conn->pool->database, collection)};
  find->cursor = mongoc_collection_find_with_opts(find->collection, filter, opts, NULL);
  bson_destroy(filter);
  bson_destroy(opts);
}

const bson_t *mg_find_next(mg_find *find) {
  const bson_t *doc;
  bson_error_t error;
  const bson_t *reply;
  if (find->err != SM_OK) return NULL;
  if (mongoc_cursor_next(find->cursor, &doc)) return doc;
  if (mongoc_cursor_error_document(find->cursor, &error, &reply)) find->err = mg_err(&error, reply);
  return NULL;
}

sm_err mg_find_end(mg_find *find) {
  mongoc_cursor_destroy(find->cursor);
  mongoc_collection_destroy(find->collection);
  return find->err;
}

/* ---- members of documents ---- */

static bool find_member(const bson_t *doc, const char *path, bson_iter_t *member) {
  bson_iter_t iter;
  return bson_iter_init(&iter, doc) && bson_iter_find_descendant(&iter, path, member);
}

int64_t mg_i64(const bson_t *doc, const char *path) {
  bson_iter_t member;
  if (!find_member(doc, path, &member)) return 0;
  if (BSON_ITER_HOLDS_DATE_TIME(&member)) return bson_iter_date_time(&member);
  return bson_iter_as_int64(&member);
}

bool mg_has(const bson_t *doc, const char *path) {
  bson_iter_t member;
  return find_member(doc, path, &member);
}

const char *mg_text(const bson_t *doc, const char *path) {
  bson_iter_t member;
  if (!find_member(doc, path, &member) || !BSON_ITER_HOLDS_UTF8(&member)) return NULL;
  return bson_iter_utf8(&member, NULL);
}

const uint8_t *mg_bytes(const bson_t *doc, const char *path, size_t *len) {
  bson_iter_t member;
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *data = NULL;
  *len = 0;
  if (!find_member(doc, path, &member) || !BSON_ITER_HOLDS_BINARY(&member)) return NULL;
  bson_iter_binary(&member, &subtype, &size, &data);
  *len = size;
  return data;
}
