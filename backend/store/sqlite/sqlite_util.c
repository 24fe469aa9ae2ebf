#include "store/sqlite/sqlite_util.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/sql/driver.h"
#include "store/sqlite/sql_copy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct cached {
  const char *sql; /* the key is its address */
  sqlite3_stmt *stmt;
  bool in_use;
} cached;

/* A connection, as sql.h knows it and with what is SQLite's. */
typedef struct lite {
  sm_sql base;
  sqlite3 *handle;
  cached *cache;
  size_t count;
  size_t cap;
  sqlite3_stmt *rollback; /* made at the opening: without memory it must work too */
  bool rolled_back;       /* the last COMMIT has ended that way */
  bool begun;             /* and neither committed nor rolled back by us */
  bool unsynced;          /* commits are not synced just now */
  int wal_pages;
  const sm_sql_gate *gate;  /* NULL: none */
  bool entered;             /* and not left again */
  sqlite3_session *session; /* of the transaction behind it */
} lite;

static const sm_sql_driver driver;

static lite *of(sm_sql *db) {
  return (lite *)db;
}

static lite *its(const sm_sql_stmt *q) {
  return (lite *)q->db;
}

/* ---- result codes ---- */

static bool disk_is_full(sqlite3 *db) {
  int os = db != NULL ? sqlite3_system_errno(db) : 0;
  return os == ENOSPC || os == EDQUOT;
}

/* Of a file that could not be opened: another user's. */
static bool is_denied(sqlite3 *db, int result) {
  bool fresh = (result & 0xff) == SQLITE_CANTOPEN || (result & 0xff) == SQLITE_IOERR;
  int os = fresh && db != NULL ? sqlite3_system_errno(db) : 0;
  return os == EACCES || os == EPERM;
}

static sm_err constraint_err(int result) {
  switch (result) {
  case SQLITE_CONSTRAINT_UNIQUE:
  case SQLITE_CONSTRAINT_PRIMARYKEY:
  case SQLITE_CONSTRAINT_ROWID:
    return SM_ERR_EXISTS;
  case SQLITE_CONSTRAINT_CHECK:
  case SQLITE_CONSTRAINT_NOTNULL:
  case SQLITE_CONSTRAINT_DATATYPE:
    return SM_ERR_INVALID;
  default:
    return SM_ERR_CONFLICT;
  }
}

static sm_err plain_err(int result) {
  switch (result & 0xff) {
  case SQLITE_OK:
  case SQLITE_ROW:
  case SQLITE_DONE:
    return SM_OK;
  case SQLITE_NOMEM:
    return SM_ERR_NOMEM;
  case SQLITE_FULL:
    return SM_ERR_FULL;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return SM_ERR_BUSY;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return SM_ERR_CORRUPT;
  case SQLITE_CONSTRAINT:
    return constraint_err(result);
  case SQLITE_TOOBIG:
    return SM_ERR_RANGE;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return SM_ERR_IO;
  default:
    return SM_ERR_INTERNAL;
  }
}

sm_err sm_sql_err(sqlite3 *db, int result) {
  if (result == SQLITE_IOERR_NOMEM) return SM_ERR_NOMEM;
  sm_err err = plain_err(result);
  if (err == SM_ERR_IO && disk_is_full(db)) return SM_ERR_FULL;
  if (err == SM_ERR_IO && is_denied(db, result)) return SM_ERR_DENIED;
  if (err == SM_ERR_IO || err == SM_ERR_CORRUPT || err == SM_ERR_INTERNAL) {
    sm_log(SM_LOG_ERROR, "store.sqlite",
           SM_LOG_TEXT("message", db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(result)),
           SM_LOG_INT("code", result));
  }
  return err;
}

/* ---- connections ---- */

/* SQLite would make the file readable for all. O_EXCL, because closing a descriptor of a database
 * that this process has open would drop that connection's locks. */
static sm_err make_private(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) return close(fd) == 0 ? SM_OK : SM_ERR_IO;
  if (errno == EEXIST) return SM_OK;
  return sm_write_err();
}

static sm_err configure_handle(sqlite3 *handle, const sm_sql_options *options) {
  int result = sqlite3_extended_result_codes(handle, 1);
  if (result == SQLITE_OK) result = sqlite3_busy_timeout(handle, options->busy_timeout_ms);
  const int settings[][2] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                             {SQLITE_DBCONFIG_TRUSTED_SCHEMA, options->trust_schema},
                             {SQLITE_DBCONFIG_DQS_DML, 0},
                             {SQLITE_DBCONFIG_DQS_DDL, 0},
                             {SQLITE_DBCONFIG_ENABLE_FKEY, 1}};
  for (size_t i = 0; result == SQLITE_OK && i < sizeof settings / sizeof settings[0]; i++) {
    result = sqlite3_db_config(handle, settings[i][0], settings[i][1], (int *)NULL);
  }
  return sm_sql_err(handle, result);
}

static bool in_transaction(const lite *db) {
  return sqlite3_get_autocommit(db->handle) == 0;
}

/* Without memory or disk SQLite rolls back by itself. What its transaction's owner still does, not
 * knowing of it, must not be committed piece by piece. */
static bool transaction_is_lost(const lite *db) {
  return db->begun && !in_transaction(db);
}

static sm_err exec(lite *db, const char *sql) {
  if (transaction_is_lost(db)) return SM_ERR_INTERNAL;
  return sm_sql_err(db->handle, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* The change to WAL wants the file alone and does not wait by the busy time-out when two processes
 * try it at once, so it is tried until that time is over. */
static sm_err enter_wal(lite *db, int busy_timeout_ms) {
  int64_t deadline = sm_clock_steady_ms() + busy_timeout_ms;
  sm_err err;
  while ((err = exec(db, "PRAGMA journal_mode = WAL")) == SM_ERR_BUSY) {
    if (sm_clock_steady_ms() >= deadline) break;
    (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  return err;
}

static int keep_wal_pages(void *context, sqlite3 *handle, const char *name, int pages) {
  (void)handle;
  (void)name;
  ((lite *)context)->wal_pages = pages;
  return SQLITE_OK;
}

static sm_err configure_size(lite *db, const sm_sql_options *options) {
  char sql[64];
  (void)snprintf(sql, sizeof sql, "PRAGMA cache_size = -%d", options->cache_kib);
  sm_err err = options->cache_kib > 0 ? exec(db, sql) : SM_OK;
  if (err == SM_OK && options->wal_pages > 0 && !options->fast_delete)
    err = sm_sql_err(db->handle, sqlite3_wal_autocheckpoint(db->handle, options->wal_pages));
  if (err != SM_OK || !options->fast_delete) return err;
  (void)sqlite3_wal_hook(db->handle, keep_wal_pages, db); /* in the place of the automatic one */
  return exec(db, "PRAGMA secure_delete = FAST");
}

static sm_err configure_pragmas(lite *db, const sm_sql_options *options) {
  return exec(db, options->read_only
                      ? "PRAGMA query_only = ON; PRAGMA cell_size_check = ON"
                      : "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                        "PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 67108864");
}

static sm_err configure(lite *db, const sm_sql_options *options) {
  sm_err err = configure_handle(db->handle, options);
  /* Before anything is in the file; of no effect later. */
  if (err == SM_OK && options->can_shrink) err = exec(db, "PRAGMA auto_vacuum = INCREMENTAL");
  if (err == SM_OK && !options->read_only) err = enter_wal(db, options->busy_timeout_ms);
  if (err == SM_OK) err = configure_pragmas(db, options);
  return err == SM_OK ? configure_size(db, options) : err;
}

static void note_rollback(void *context) {
  ((lite *)context)->rolled_back = true;
}

static sm_err prepare_rollback(lite *db) {
  (void)sqlite3_rollback_hook(db->handle, note_rollback, db);
  return sm_sql_err(db->handle, sqlite3_prepare_v3(db->handle, "ROLLBACK", -1,
                                                   SQLITE_PREPARE_PERSISTENT, &db->rollback, NULL));
}

/* Asked before SQLite is, which opens what it may not write for reading alone and fails later. */
static sm_err find_file(const sm_sql_options *options) {
  sm_err err = options->create ? make_private(options->path) : sm_file_look(options->path);
  if (err != SM_OK) return err;
  return access(options->path, options->read_only ? R_OK : R_OK | W_OK) == 0 ? SM_OK
                                                                             : sm_open_err();
}

/* Before SQLite is used at all (later it would be refused, and nothing be lost): without its
 * account of memory, which nobody reads, threads do not wait for each other at every allocation. */
static void configure_memory(void) {
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void close_it(lite *db) {
  for (size_t i = 0; i < db->count; i++) {
    assert(!db->cache[i].in_use);
    (void)sqlite3_finalize(db->cache[i].stmt);
  }
  free(db->cache);
  (void)sqlite3_finalize(db->rollback);
  (void)sqlite3_close(db->handle);
  free(db);
}

sm_err sm_sql_open(const sm_sql_options *options, sm_sql **out) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, configure_memory);
  sm_err found = find_file(options);
  if (found != SM_OK) return found;
  lite *db = calloc(1, sizeof *db);
  if (db == NULL) return SM_ERR_NOMEM;
  db->base.driver = &driver;
  int result = sqlite3_open_v2(options->path, &db->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  sm_err err = sm_sql_err(db->handle, result);
  if (err == SM_OK) err = configure(db, options);
  if (err == SM_OK) err = prepare_rollback(db);
  if (err != SM_OK) {
    close_it(db);
    return err;
  }
  *out = &db->base;
  return SM_OK;
}

sqlite3 *sm_sql_handle(sm_sql *db) {
  return of(db)->handle;
}

/* ---- transactions ---- */

static void rollback(sm_sql *base);

static sm_err run_plain(lite *db, const char *sql) {
  sm_sql_stmt q = sm_sql_use(&db->base, sql);
  return sm_sql_run(&q);
}

/* ---- the gate (sql_copy.h) ---- */

void sm_sql_set_gate(sm_sql *base, const sm_sql_gate *gate) {
  of(base)->gate = gate;
}

static void leave_gate(lite *db) {
  if (db->session != NULL) sqlite3session_delete(db->session);
  db->session = NULL;
  if (db->entered) db->gate->leave(db->gate->context);
  db->entered = false;
}

static sm_err enter_gate(lite *db) {
  db->entered = true;
  sm_err err = db->gate->enter(db->gate->context);
  if (err != SM_OK) leave_gate(db);
  return err;
}

static sm_err watch_changes(lite *db) {
  int result = sqlite3session_create(db->handle, "main", &db->session);
  if (result == SQLITE_OK) result = sqlite3session_attach(db->session, NULL);
  return sm_sql_err(db->handle, result);
}

/* *passed: there were changes, and they are durable where they count. */
static sm_err pass_gate(lite *db, bool *passed) {
  int len = 0;
  void *changes = NULL;
  sm_err err = sm_sql_err(db->handle, sqlite3session_changeset(db->session, &len, &changes));
  if (err == SM_OK && len > 0) {
    err = db->gate->pass(db->gate->context, &db->base, changes, (size_t)len);
    *passed = err == SM_OK;
  }
  sqlite3_free(changes);
  return err;
}

/* ---- transactions, with it ---- */

static sm_err begin(sm_sql *base, bool immediate) {
  lite *db = of(base);
  bool gated = immediate && db->gate != NULL;
  db->begun = false;
  sm_err err = gated ? enter_gate(db) : SM_OK;
  if (err != SM_OK) return err;
  err = run_plain(db, immediate ? "BEGIN IMMEDIATE" : "BEGIN");
  db->begun = err == SM_OK;
  if (err == SM_OK && gated) err = watch_changes(db);
  if (err != SM_OK) rollback(base);
  return err;
}

static void rollback(sm_sql *base) {
  lite *db = of(base);
  db->begun = false;
  if (in_transaction(db)) {
    (void)sqlite3_step(db->rollback);
    (void)sqlite3_reset(db->rollback);
  }
  leave_gate(db);
}

/* COMMIT may run out of memory when all is written already: then the transaction is committed,
 * whatever SQLite returns. Only a rollback makes it nothing. */
static sm_err commit(sm_sql *base) {
  lite *db = of(base);
  bool passed = false;
  db->rolled_back = transaction_is_lost(db);
  sm_err err = db->rolled_back ? SM_ERR_INTERNAL : SM_OK;
  if (err == SM_OK && db->session != NULL) err = pass_gate(db, &passed);
  if (err == SM_OK) {
    err = run_plain(db, "COMMIT");
    if (err != SM_OK && !in_transaction(db) && !db->rolled_back) err = SM_OK;
  }
  rollback(base);
  return passed ? SM_OK : err;
}

sm_err sm_sql_set_synced(sm_sql *base, bool synced) {
  lite *db = of(base);
  if (db->unsynced == !synced) return SM_OK;
  sm_err err = exec(db, synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  if (err == SM_OK) db->unsynced = !synced;
  return err;
}

int sm_sql_wal_pages(const sm_sql *db) {
  return ((const lite *)db)->wal_pages;
}

sm_err sm_sql_checkpoint(sm_sql *db) {
  int result =
      sqlite3_wal_checkpoint_v2(of(db)->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  /* Busy: somebody else is at it, or a reader holds some back. */
  if ((result & 0xff) == SQLITE_BUSY) return SM_OK;
  return sm_sql_err(of(db)->handle, result);
}

/* ---- statements ---- */

static sm_err prepare(lite *db, const char *sql, size_t *slot) {
  if (db->count == db->cap) {
    size_t cap = db->cap == 0 ? 32 : db->cap * 2;
    cached *grown = realloc(db->cache, cap * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    db->cache = grown;
    db->cap = cap;
  }
  sqlite3_stmt *stmt = NULL;
  int result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
  if (result != SQLITE_OK) return sm_sql_err(db->handle, result);
  *slot = db->count;
  db->cache[db->count++] = (cached){.sql = sql, .stmt = stmt};
  return SM_OK;
}

static void use(sm_sql_stmt *q, const char *sql) {
  lite *db = its(q);
  for (q->slot = 0; q->slot < db->count && db->cache[q->slot].sql != sql;) q->slot++;
  if (q->slot == db->count) q->err = prepare(db, sql, &q->slot);
  if (q->err != SM_OK) return;
  assert(!db->cache[q->slot].in_use);
  db->cache[q->slot].in_use = true;
  q->stmt = db->cache[q->slot].stmt;
}

static void keep(sm_sql_stmt *q, int result) {
  if (q->err == SM_OK) q->err = sm_sql_err(its(q)->handle, result);
}

static void bind_i64(sm_sql_stmt *q, int index, int64_t value) {
  keep(q, sqlite3_bind_int64(q->stmt, index, value));
}

static void bind_text(sm_sql_stmt *q, int index, const char *text) {
  keep(q, sqlite3_bind_text(q->stmt, index, text, -1, SQLITE_STATIC));
}

static void bind_blob(sm_sql_stmt *q, int index, const void *data, size_t len) {
  /* A NULL pointer means NULL; an empty blob needs any address. */
  keep(q, sqlite3_bind_blob64(q->stmt, index, data, len, SQLITE_STATIC));
}

static void bind_null(sm_sql_stmt *q, int index) {
  keep(q, sqlite3_bind_null(q->stmt, index));
}

static bool row(sm_sql_stmt *q) {
  if (transaction_is_lost(its(q))) {
    q->err = SM_ERR_INTERNAL;
    return false;
  }
  int result = sqlite3_step(q->stmt);
  if (result == SQLITE_ROW) return true;
  keep(q, result);
  return false;
}

static int64_t column_i64(sm_sql_stmt *q, int column) {
  return sqlite3_column_int64(q->stmt, column);
}

static bool column_is_null(sm_sql_stmt *q, int column) {
  return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

static const char *column_text(sm_sql_stmt *q, int column) {
  return (const char *)sqlite3_column_text(q->stmt, column);
}

static const void *column_blob(sm_sql_stmt *q, int column, size_t *len) {
  const void *data = sqlite3_column_blob(q->stmt, column);
  *len = (size_t)sqlite3_column_bytes(q->stmt, column);
  return data;
}

static void again(sm_sql_stmt *q) {
  /* The result of a reset repeats that of the last step, which is kept already. */
  (void)sqlite3_reset(q->stmt);
}

static void end_use(sm_sql_stmt *q) {
  (void)sqlite3_reset(q->stmt);
  (void)sqlite3_clear_bindings(q->stmt); /* they borrow the caller's memory */
  its(q)->cache[q->slot].in_use = false;
}

/* ---- the engine ---- */

static void close_base(sm_sql *db) {
  close_it(of(db));
}

static sm_err exec_base(sm_sql *db, const char *sql) {
  return exec(of(db), sql);
}

static int64_t changes(sm_sql *db) {
  return sqlite3_changes64(of(db)->handle);
}

static int64_t last_insert_no(sm_sql *db) {
  return sqlite3_last_insert_rowid(of(db)->handle);
}

static const sm_sql_driver driver = {.engine = SM_SQL_SQLITE,
                                     .close = close_base,
                                     .exec = exec_base,
                                     .begin = begin,
                                     .commit = commit,
                                     .rollback = rollback,
                                     .changes = changes,
                                     .last_insert_no = last_insert_no,
                                     .use = use,
                                     .bind_i64 = bind_i64,
                                     .bind_text = bind_text,
                                     .bind_blob = bind_blob,
                                     .bind_null = bind_null,
                                     .row = row,
                                     .i64 = column_i64,
                                     .is_null = column_is_null,
                                     .text = column_text,
                                     .blob = column_blob,
                                     .again = again,
                                     .end = end_use};

static uint64_t size_of(const char *path, const char *suffix) {
  sm_buf name;
  sm_buf_init(&name, 0);
  sm_buf_printf(&name, "%s%s", path, suffix);
  struct stat st;
  uint64_t size = stat(sm_buf_text(&name), &st) == 0 ? (uint64_t)st.st_size : 0;
  sm_buf_fini(&name);
  return size;
}

uint64_t sm_sql_file_bytes(const char *path) {
  return size_of(path, "") + size_of(path, "-wal");
}
