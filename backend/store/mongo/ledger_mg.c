/* The ledger on MongoDB: its logic is that of the embedded one, on a copy; here is what stands
 * around it. */
#include "store/mongo/ledger_mg.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LEASE_MS = 30000, WAIT_MS = 10000, FOLLOW_MS = 200 };

/* ---- the head's lock ---- */

/* A process of this data directory that is gone may have left the lock and an open transaction: as
 * the copy's lock is ours, whoever it was is gone. Processes that take turns name themselves anew.
 */
static sm_err take_over(mg_ledger *ledger) {
  mg_find find;
  if (mg_is_noted(&ledger->conn, ledger->session)) return SM_OK;
  mg_find_begin(&find, &ledger->conn, MG_LEDGER_META,
                BCON_NEW("_id", BCON_UTF8("head"), "holder", BCON_UTF8(ledger->me)), NULL);
  bool left = mg_find_next(&find) != NULL;
  sm_err err = mg_find_end(&find);
  if (err == SM_OK && left) err = mg_end_session(&ledger->conn, ledger->session);
  return err == SM_OK ? mg_note_session(&ledger->conn, ledger->session) : err;
}

/* *taken: it is ours now. */
static sm_err try_head(mg_ledger *ledger, bool *taken) {
  bson_t reply;
  int64_t now_ms = sm_clock_now_ms();
  bson_t *command =
      BCON_NEW("findAndModify", BCON_UTF8(MG_LEDGER_META), "query", "{", "_id", BCON_UTF8("head"),
               "$or", "[", "{", "holder", BCON_NULL, "}", "{", "holder", BCON_UTF8(ledger->me), "}",
               "{", "until", "{", "$lt", BCON_DATE_TIME(now_ms), "}", "}", "]", "}", "update", "{",
               "$set", "{", "holder", BCON_UTF8(ledger->me), "until",
               BCON_DATE_TIME(now_ms + LEASE_MS), "}", "}", "new", BCON_BOOL(true));
  sm_err err = mg_write(&ledger->conn, command, &reply);
  *taken = err == SM_OK && mg_has(&reply, "value._id");
  if (*taken) ledger->held_ms = sm_clock_steady_ms();
  bson_destroy(&reply);
  bson_destroy(command);
  return err;
}

sm_err mg_head_take(mg_ledger *ledger, int64_t wait_ms) {
  int64_t until_ms = sm_clock_steady_ms() + wait_ms;
  sm_err first = take_over(ledger);
  if (first != SM_OK) return first;
  for (;;) {
    bool taken = false;
    sm_err err = try_head(ledger, &taken);
    if (err != SM_OK && err != SM_ERR_CONFLICT) return err;
    ledger->held = taken;
    if (taken) return SM_OK;
    if (sm_clock_steady_ms() >= until_ms) return SM_ERR_BUSY;
    (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
}

sm_err mg_head_keep(mg_ledger *ledger) {
  bool taken = false;
  if (sm_clock_steady_ms() - ledger->held_ms < LEASE_MS / 6) return SM_OK;
  sm_err err = try_head(ledger, &taken);
  if (err == SM_OK && !taken) ledger->held = false;
  return err == SM_OK && !taken ? SM_ERR_BUSY : err;
}

void mg_head_give(mg_ledger *ledger) {
  if (!ledger->held) return;
  ledger->held = false;
  mg_bulk bulk;
  mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_META);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("head"), "holder", BCON_UTF8(ledger->me)),
                 BCON_NEW("$set", "{", "holder", BCON_NULL, "}"), false);
  if (mg_bulk_end(&bulk) != SM_OK) /* it is a lease, and ours to take again */
    sm_log(SM_LOG_WARN, "ledger.lock_not_given", SM_LOG_INT("lease_ms", LEASE_MS));
}

/* ---- the gate ---- */

/* Another process found it damaged or gone while this one had it open. */
static sm_err complain_replaced(const mg_ledger *ledger) {
  sm_log(SM_LOG_ERROR, "ledger.copy_replaced", SM_LOG_TEXT("file", ledger->path),
         SM_LOG_TEXT("message", "another process has made the copy anew: start this one again"));
  return SM_ERR_IO;
}

static sm_err enter(void *context) {
  mg_ledger *ledger = context;
  (void)pthread_mutex_lock(&ledger->lock);
  sm_err err = mg_copy_lock(ledger, WAIT_MS);
  if (err == SM_OK && !mg_copy_is_ours(ledger)) err = complain_replaced(ledger);
  if (err == SM_OK) err = mg_head_take(ledger, WAIT_MS);
  if (err == SM_OK) err = mg_follow(ledger);
  return err == SM_ERR_CORRUPT ? SM_ERR_IO : err;
}

static sm_err pass(void *context, sm_sql *db, const void *changes, size_t len) {
  mg_ledger *ledger = context;
  mg_sequences risen = {.count = 0};
  int64_t at = 0;
  sm_err err = sm_sql_query_i64(db, "SELECT number FROM copy_state", &at);
  if (err == SM_OK) err = mg_copy_set(db, at + 1); /* with the transaction that waits here */
  if (err == SM_OK) err = mg_sequences_risen(db, &ledger->told, &risen);
  if (err == SM_OK) err = mg_write_change(ledger, at, changes, len, &risen);
  if (err == SM_OK) {
    ledger->held = false; /* it was given back by the change */
    sm_err learnt = mg_sequences_learn(&ledger->told, &risen);
    (void)learnt; /* else they are told again */
  }
  mg_sequences_free(&risen);
  return err;
}

static void leave(void *context) {
  mg_ledger *ledger = context;
  mg_head_give(ledger);
  mg_copy_unlock(ledger);
  (void)pthread_mutex_unlock(&ledger->lock);
}

/* ---- following ---- */

/* Other servers' changes, for those who only read here. While somebody here writes, nothing is to
 * be done: that one follows. */
static void follow_now(mg_ledger *ledger) {
  if (pthread_mutex_trylock(&ledger->lock) != 0) return;
  if (mg_copy_lock(ledger, 0) == SM_OK) {
    sm_err err = mg_copy_is_ours(ledger) ? mg_follow(ledger) : SM_ERR_CORRUPT;
    if (err != SM_OK && !ledger->behind) /* once */
      sm_log(SM_LOG_WARN, "ledger.not_followed", SM_LOG_TEXT("file", ledger->path),
             SM_LOG_TEXT("message", err == SM_ERR_UNSUPPORTED
                                        ? "the documents are of another version by now"
                                        : sm_err_text(err)));
    ledger->behind = err != SM_OK;
    mg_copy_unlock(ledger);
  }
  (void)pthread_mutex_unlock(&ledger->lock);
}

static struct timespec in_a_moment(void) {
  struct timespec at;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_nsec += FOLLOW_MS * 1000000L;
  at.tv_sec += at.tv_nsec / 1000000000L;
  at.tv_nsec %= 1000000000L;
  return at;
}

static void *follow(void *context) {
  mg_ledger *ledger = context;
  (void)pthread_mutex_lock(&ledger->stop_lock);
  while (!ledger->stop) {
    struct timespec at = in_a_moment();
    (void)pthread_cond_timedwait(&ledger->stopped, &ledger->stop_lock, &at);
    if (ledger->stop) break;
    (void)pthread_mutex_unlock(&ledger->stop_lock);
    follow_now(ledger);
    (void)pthread_mutex_lock(&ledger->stop_lock);
  }
  (void)pthread_mutex_unlock(&ledger->stop_lock);
  return NULL;
}

static void stop_following(mg_ledger *ledger) {
  if (!ledger->follows) return;
  (void)pthread_mutex_lock(&ledger->stop_lock);
  ledger->stop = true;
  (void)pthread_cond_signal(&ledger->stopped);
  (void)pthread_mutex_unlock(&ledger->stop_lock);
  (void)pthread_join(ledger->follower, NULL);
}

/* ---- the backing ---- */

static sm_err open_connection(void *context, bool writer, sm_sql **db) {
  mg_ledger *ledger = context;
  if (!writer) return sm_ledger_file_read(ledger->path, db);
  sm_err err = sm_ledger_file_write(ledger->path, ledger->schema, NULL, NULL, db);
  if (err == SM_OK) sm_sql_set_gate(*db, &ledger->gate);
  return err;
}

static uint64_t database_bytes(void *context) {
  mg_ledger *ledger = context;
  mg_conn conn;
  bson_t reply;
  bson_t *command = BCON_NEW("dbStats", BCON_INT32(1));
  mg_take(ledger->pool, &conn);
  sm_err err = mg_command(&conn, command, &reply);
  uint64_t bytes = err == SM_OK ? (uint64_t)mg_i64(&reply, "totalSize") : 0;
  mg_give(&conn);
  bson_destroy(&reply);
  bson_destroy(command);
  return bytes;
}

static void free_ledger(void *context) {
  mg_ledger *ledger = context;
  stop_following(ledger);
  sm_sql_close(ledger->follow);
  sm_copy_tables_free(ledger->tables, ledger->table_count);
  mg_sequences_free(&ledger->told);
  mg_give(&ledger->conn);
  mg_pool_close(ledger->pool);
  if (ledger->copy_lock >= 0) (void)close(ledger->copy_lock);
  (void)pthread_mutex_destroy(&ledger->lock);
  (void)pthread_mutex_destroy(&ledger->stop_lock);
  (void)pthread_cond_destroy(&ledger->stopped);
  free(ledger->path);
  free(ledger->session);
  free(ledger->data_dir);
  free(ledger);
}

/* ---- opening ---- */

/* What this data directory is called among the servers. */
static sm_err load_name(mg_ledger *ledger) {
  uint8_t random[16];
  char *data = NULL;
  size_t len = 0;
  char *path = sm_path_join(ledger->data_dir, "ledger.mongodb-server");
  if (path == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_file_read(path, sizeof ledger->me - 1, &data, &len);
  bool whole = err == SM_OK && len == sizeof ledger->me - 1;
  if (whole) (void)memcpy(ledger->me, data, len);
  free(data);
  if (!whole && (err == SM_OK || err == SM_ERR_NOT_FOUND)) {
    sm_random_bytes(random, sizeof random);
    (void)sm_hex(random, sizeof random, ledger->me);
    err = sm_file_write_private(path, ledger->me, sizeof ledger->me - 1);
  }
  free(path);
  return err;
}

static sm_err open_lock(mg_ledger *ledger) {
  char *path = sm_path_join(ledger->data_dir, "ledger-copy.lock");
  if (path == NULL) return SM_ERR_NOMEM;
  ledger->copy_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  free(path);
  return ledger->copy_lock >= 0 ? SM_OK : sm_write_err();
}

static sm_err open_locked(mg_ledger *ledger, const sm_mongo_options *options) {
  mg_head head;
  sm_err err = load_name(ledger);
  if (err == SM_OK) err = mg_head_read(&ledger->conn, &head);
  if (err == SM_ERR_NOT_FOUND && options->create) {
    err = mg_ledger_make(ledger, options);
    if (err == SM_OK || err == SM_ERR_EXISTS) err = mg_head_read(&ledger->conn, &head);
  }
  if (err == SM_OK && (head.schema != ledger->schema || head.upgrading)) {
    err = mg_upgrade(ledger);
    if (err == SM_OK) err = mg_head_read(&ledger->conn, &head);
  }
  return err == SM_OK ? mg_copy_make(ledger, &head) : err;
}

static sm_err open_all(mg_ledger *ledger, const sm_mongo_options *options) {
  enum { OPEN_WAIT_MS = 60000 };
  sm_err err = sm_dir_make(options->data_dir);
  if (err == SM_OK) err = open_lock(ledger);
  if (err == SM_OK) err = mg_pool_open(options->url, &ledger->pool);
  if (err != SM_OK) return err;
  mg_take(ledger->pool, &ledger->conn);
  err = mg_copy_lock(ledger, OPEN_WAIT_MS);
  if (err != SM_OK) return err;
  err = open_locked(ledger, options);
  mg_copy_unlock(ledger);
  if (err != SM_OK) return err;
  ledger->follows = pthread_create(&ledger->follower, NULL, follow, ledger) == 0;
  return ledger->follows ? SM_OK : SM_ERR_NOMEM;
}

static mg_ledger *new_ledger(const char *data_dir, int schema) {
  mg_ledger *ledger = calloc(1, sizeof *ledger);
  pthread_condattr_t steady;
  if (ledger == NULL) return NULL;
  ledger->copy_lock = -1;
  ledger->schema = schema;
  ledger->gate = (sm_sql_gate){.enter = enter, .pass = pass, .leave = leave, .context = ledger};
  (void)pthread_mutex_init(&ledger->lock, NULL);
  (void)pthread_mutex_init(&ledger->stop_lock, NULL);
  (void)pthread_condattr_init(&steady);
  (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&ledger->stopped, &steady);
  (void)pthread_condattr_destroy(&steady);
  ledger->data_dir = strdup(data_dir);
  ledger->path = sm_path_join(data_dir, "ledger-copy.db");
  ledger->session = sm_path_join(data_dir, "ledger.mongodb-session");
  if (ledger->data_dir != NULL && ledger->path != NULL && ledger->session != NULL) return ledger;
  free_ledger(ledger);
  return NULL;
}

sm_err sm_mongo_ledger_open(const sm_mongo_options *options, sm_ledger **ledger) {
  return mg_ledger_open_at(options, sm_ledger_schema_version(), ledger);
}

sm_err mg_ledger_open_at(const sm_mongo_options *options, int schema, sm_ledger **out) {
  mg_ledger *ledger = new_ledger(options->data_dir, schema);
  if (ledger == NULL) return SM_ERR_NOMEM;
  sm_err err = open_all(ledger, options);
  if (err != SM_OK) {
    free_ledger(ledger);
    return err;
  }
  const sm_ledger_backing backing = {.open = open_connection,
                                     .bytes = database_bytes,
                                     .free = free_ledger,
                                     .context = ledger,
                                     .data_dir = ledger->data_dir};
  return sm_ledger_open_on(&backing, out);
}
