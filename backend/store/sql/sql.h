/* SQL behind a few verbs, the same for every engine that speaks it: a connection comes from an
 * engine's own open function (store/sqlite/sqlite_util.h, store/postgres/pg_sql.h), and what is
 * here is all that a store's logic needs of it.
 *
 * A statement in use is an sm_sql_stmt on the stack whose first failure sticks, so a function binds
 * and reads without looking at every result and asks once:
 *
 *   sm_sql_stmt q = sm_sql_use(db, "SELECT name FROM place WHERE place_no = ?1");
 *   sm_sql_bind_i64(&q, 1, place_no);
 *   if (sm_sql_row(&q)) sm_sql_take_text(&q, 0, &name);
 *   return sm_sql_end(&q);
 *
 * Statements are written once, for all engines: in the SQL that SQLite and PostgreSQL share as far
 * as there is one, and in SQLite's way of writing where a driver can put it into its own
 * (pg_dialect.h says what). PostgreSQL takes a value's type from how it is bound, so a NULL is
 * bound by the function of its type.
 *
 * Threads: a connection serves one thread at a time; the caller sees to that. A connection must not
 * be carried over a fork. */
#ifndef SM_STORE_SQL_H
#define SM_STORE_SQL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_sql sm_sql; /* a connection */

typedef enum sm_sql_engine { SM_SQL_SQLITE, SM_SQL_POSTGRES } sm_sql_engine;
sm_sql_engine sm_sql_engine_of(const sm_sql *db);

/* What a store keeps with its connections for itself: borrowed, NULL at first. */
void sm_sql_set_context(sm_sql *db, void *context);
void *sm_sql_context(const sm_sql *db);

/* Gives all statements back and closes; NULL is fine. */
void sm_sql_close(sm_sql *db);

/* Runs SQL texts that need no values and give no rows. */
SM_MUST_CHECK sm_err sm_sql_exec(sm_sql *db, const char *sql);

/* Transactions. Rollback has no error and takes no memory: it is the way out of one, and fine
 * outside of one. A failed commit has rolled back, and what is durable is never told to have
 * failed. An engine that rolls back by itself (SQLite without memory or disk, PostgreSQL at any
 * failed statement or when it is gone) makes everything fail (SM_ERR_INTERNAL) until rollback or
 * commit has been called. */
SM_MUST_CHECK sm_err sm_sql_begin(sm_sql *db);           /* a reader's: one snapshot */
SM_MUST_CHECK sm_err sm_sql_begin_immediate(sm_sql *db); /* a writer's: the lock at once, so that
                                                            there is one writer at a time */
SM_MUST_CHECK sm_err sm_sql_commit(sm_sql *db);
void sm_sql_rollback(sm_sql *db);

typedef struct sm_sql_stmt {
  sm_sql *db;
  void *stmt;  /* the driver's; NULL if preparing failed */
  size_t slot; /* its place in the connection's cache */
  sm_err err;  /* the first failure */
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
/* The same inside a writer's transaction, for who does not need to know yet: an engine across a
 * network goes on without an answer, and what goes wrong is told by the next call on the connection
 * that has an error to tell, the commit at the latest. Neither changes nor last_insert_no know of
 * it. */
SM_MUST_CHECK sm_err sm_sql_later(sm_sql_stmt *q);

int64_t sm_sql_changes(sm_sql *db);        /* rows of the last INSERT, UPDATE or DELETE */
int64_t sm_sql_last_insert_no(sm_sql *db); /* rowid of the last INSERT */

/* One integer of a query without values ("SELECT count(*) FROM site"). SM_ERR_NOT_FOUND: no row. */
SM_MUST_CHECK sm_err sm_sql_query_i64(sm_sql *db, const char *sql, int64_t *value);

#endif
