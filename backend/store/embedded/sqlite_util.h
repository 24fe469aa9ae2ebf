/* SQLite behind a few verbs, for the embedded stores only: connections opened with the pragmas that
 * durability needs, statements prepared once per connection, and result codes as sm_err.
 *
 * A statement in use is an sm_sql_stmt on the stack whose first failure sticks, so a function binds
 * and reads without looking at every result and asks once:
 *
 *   sm_sql_stmt q = sm_sql_use(db, "SELECT name FROM place WHERE place_no = ?1");
 *   sm_sql_bind_i64(&q, 1, place_no);
 *   if (sm_sql_row(&q)) sm_sql_take_text(&q, 0, &name);
 *   return sm_sql_end(&q);
 *
 * Threads: a connection serves one thread at a time; the caller sees to that. A connection must not
 * be carried over a fork. */
#ifndef SM_STORE_EMBEDDED_SQLITE_UTIL_H
#define SM_STORE_EMBEDDED_SQLITE_UTIL_H

#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_sql sm_sql; /* a connection */

typedef struct sm_sql_options {
  const char *path;
  bool create;         /* make the file (mode 0600) if it is missing; else SM_ERR_NOT_FOUND */
  bool read_only;      /* never writes (query_only); the file must be there and in WAL mode */
  int busy_timeout_ms; /* how long a lock of another connection is waited for */
  int cache_kib;       /* pages kept in memory; 0: SQLite's default, 2,000 */
  bool fast_delete;    /* what is deleted is overwritten only where that costs no writes, and the
                          WAL is copied into the file by sm_sql_checkpoint alone */
  int wal_pages;       /* a commit that makes the WAL longer copies it into the file; 0: SQLite's
                          default, 1,000. Not with fast_delete */
  bool can_shrink;     /* of a new file: free pages can be given back (incremental_vacuum) */
  bool trust_schema;   /* CHECKs of the file may call any SQL function: 3.40 counts json_valid among
                          those that an untrusted schema may not */
} sm_sql_options;

/* Opens a connection: WAL, synchronous=FULL, foreign keys, secure delete, no trust in what the
 * schema says unless asked for. SM_ERR_NOT_FOUND, SM_ERR_DENIED (the file or its folder is another
 * user's), SM_ERR_NOMEM, SM_ERR_BUSY, SM_ERR_CORRUPT (not a database), SM_ERR_FULL, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_sql_open(const sm_sql_options *options, sm_sql **db);
/* Finalizes all statements and closes; NULL is fine. */
void sm_sql_close(sm_sql *db);
/* The connection itself, for what has no verb here (incremental BLOBs, backup). */
sqlite3 *sm_sql_handle(sm_sql *db);

/* SQLite's result as ours: UNIQUE and PRIMARY KEY are SM_ERR_EXISTS, a foreign key, a trigger's
 * RAISE and other constraints SM_ERR_CONFLICT, CHECK and NOT NULL SM_ERR_INVALID; a full disk is
 * SM_ERR_FULL however SQLite met it. Damage, I/O errors and misuse are logged with SQLite's words.
 * SQLITE_ROW and SQLITE_DONE are SM_OK. db may be NULL. */
SM_MUST_CHECK sm_err sm_sql_err(sqlite3 *db, int result);

/* How much a database and its WAL take on the disk. */
uint64_t sm_sql_file_bytes(const char *path);

/* Runs SQL texts that need no values and give no rows. */
SM_MUST_CHECK sm_err sm_sql_exec(sm_sql *db, const char *sql);

/* Transactions. Rollback has no error and takes no memory: it is the way out of one, and fine
 * outside of one. A failed commit has rolled back, and what is durable is never told to have
 * failed. SQLite rolls back by itself without memory or disk: from then on everything fails
 * (SM_ERR_INTERNAL) until rollback or commit has been called. */
SM_MUST_CHECK sm_err sm_sql_begin(sm_sql *db);           /* a reader's: one snapshot */
SM_MUST_CHECK sm_err sm_sql_begin_immediate(sm_sql *db); /* a writer's: the lock at once */
SM_MUST_CHECK sm_err sm_sql_commit(sm_sql *db);
void sm_sql_rollback(sm_sql *db);

/* Whether commits from now on are synced (so they are when a connection is opened). An unsynced one
 * is lost with the power, whole; a synced one behind it makes it last. */
SM_MUST_CHECK sm_err sm_sql_set_synced(sm_sql *db, bool synced);
/* Pages in the WAL after the last commit of this connection, if opened with fast_delete. */
int sm_sql_wal_pages(const sm_sql *db);
/* Copies what it can of the WAL into the file, without waiting for readers. */
SM_MUST_CHECK sm_err sm_sql_checkpoint(sm_sql *db);

typedef struct sm_sql_stmt {
  sm_sql *db;
  sqlite3_stmt *stmt; /* NULL if preparing failed */
  size_t slot;        /* its place in the connection's cache */
  sm_err err;         /* the first failure */
} sm_sql_stmt;

/* Takes a statement from the connection's cache, prepared on first use. `sql` is one statement and
 * stays in memory at its address for good (a literal): the address is the key. A statement must not
 * be taken again before its end. */
sm_sql_stmt sm_sql_use(sm_sql *db, const char *sql);

/* Values for ?1, ?2, …. Text and blob are borrowed until sm_sql_end; NULL binds NULL. */
void sm_sql_bind_i64(sm_sql_stmt *q, int index, int64_t value);
void sm_sql_bind_text(sm_sql_stmt *q, int index, const char *text);
void sm_sql_bind_blob(sm_sql_stmt *q, int index, const void *data, size_t len);
void sm_sql_bind_null(sm_sql_stmt *q, int index);

/* Steps: true with a row, false at the end or after a failure. */
bool sm_sql_row(sm_sql_stmt *q);

/* Columns from 0. */
int64_t sm_sql_i64(sm_sql_stmt *q, int column); /* NULL is 0 */
bool sm_sql_is_null(sm_sql_stmt *q, int column);
const char *sm_sql_text(sm_sql_stmt *q, int column); /* borrowed until the next step; or NULL */
const void *sm_sql_blob(sm_sql_stmt *q, int column, size_t *len); /* the same */
/* Copies to heap memory of the caller; *text is NULL for NULL and after a failure. */
void sm_sql_take_text(sm_sql_stmt *q, int column, char **text);
void sm_sql_take_blob(sm_sql_stmt *q, int column, uint8_t **data, size_t *len);

/* Rewinds, so that the same statement can be bound and stepped again (for loops of inserts). */
void sm_sql_again(sm_sql_stmt *q);
/* Gives the statement back and tells the first failure. */
SM_MUST_CHECK sm_err sm_sql_end(sm_sql_stmt *q);
/* Steps a statement that gives no rows, to its end, and gives it back. */
SM_MUST_CHECK sm_err sm_sql_run(sm_sql_stmt *q);

int64_t sm_sql_changes(sm_sql *db);        /* rows of the last INSERT, UPDATE or DELETE */
int64_t sm_sql_last_insert_no(sm_sql *db); /* rowid of the last INSERT */

/* One integer of a query without values ("PRAGMA data_version"). SM_ERR_NOT_FOUND: no row. */
SM_MUST_CHECK sm_err sm_sql_query_i64(sm_sql *db, const char *sql, int64_t *value);

#endif
