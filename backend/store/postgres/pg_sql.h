/* PostgreSQL as an engine of store/sql/sql.h: a connection that comes back by itself, statements
 * prepared once for each, and SQLSTATEs as sm_err.
 *
 * A writer's transaction takes an advisory lock first, which makes it the one writer of its kind
 * among all servers, as SQLite's file lock does; the server takes the lock from a holder that died.
 * One that only keeps such writers away, and not others like itself, takes it shared.
 * A lost connection is opened again at the beginning of the next transaction, never inside of one.
 * A commit is durable when it returns (synchronous_commit is on or higher whatever the server's
 * default, and a synchronous standby has it too, if there is one).
 *
 * The answer to a commit may be lost with its connection. Who says so (`marks`) writes a row of
 * commit_mark in each of its writer's transactions, by which the next connection, to the same
 * server or to the standby that took over, finds out: the commit then returns what became of it.
 * SM_ERR_IO is left for where no server can be asked for half a minute, and for who makes no marks.
 */
#ifndef SM_STORE_PG_SQL_H
#define SM_STORE_PG_SQL_H

#include "store/sql/sql.h"

#include <libpq-fe.h>

typedef struct sm_pg_options {
  const char *url;    /* postgresql://…, as libpq reads it; borrowed at opening only */
  const char *schema; /* where the tables are: lower-case letters, digits, _; made if missing */
  bool read_only;
  int32_t lock_no; /* the advisory lock of begin_immediate: (0x534d, lock_no) */
  bool marks;      /* commits whose answer is lost are found out about */
  /* What keeps itself right by single statements keeps no like it away: the lock is shared. */
  bool shared;
  /* 0, or how long one answer is waited for, also that to a commit: then the connection is given
   * up, and the call is SM_ERR_IO. */
  int32_t limit_ms;
} sm_pg_options;

/* SM_ERR_IO: the server is not there or refuses (logged, without the password); SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_pg_open(const sm_pg_options *options, sm_sql **db);

/* Inside a writer's transaction: its commit waits for the disk and the synchronous standby, though
 * it may have nothing to write. For answers that rest on what is stored already, which may have
 * been stored by a commit that was not waited for to its end. */
SM_MUST_CHECK sm_err sm_pg_await_standby(sm_sql *db);

/* Before its first row: the statement's rows come as bytes, not as words, which is quicker to take
 * apart. Its columns are integers of any size, truth, text and bytea alone. */
void sm_pg_binary(sm_sql_stmt *q);

/* The connection itself, for what has no verb (pipelines, COPY). */
PGconn *sm_pg_handle(sm_sql *db);
/* Changes whenever the connection was opened again: what the session held is gone. */
uint64_t sm_pg_session(sm_sql *db);
/* Of the server that it is connected to: a higher one after a standby took over, where numbers that
 * the former primary gave (of transactions, say) may be given again. */
int64_t sm_pg_timeline(sm_sql *db);

/* As sm_sql_begin_immediate, but beside other transactions that were begun so: the lock is shared.
 * Each statement sees what was committed before it. */
SM_MUST_CHECK sm_err sm_pg_begin_shared(sm_sql *db);

/* A result as an sm_err: unique_violation is SM_ERR_EXISTS, a foreign key and what a trigger
 * refuses SM_ERR_CONFLICT, checks and unfit values SM_ERR_INVALID, locks, deadlocks and time limits
 * SM_ERR_BUSY, disk_full SM_ERR_FULL, damage SM_ERR_CORRUPT, a lost connection SM_ERR_IO. What is
 * none of these is logged with PostgreSQL's words, and SM_ERR_INTERNAL. */
SM_MUST_CHECK sm_err sm_pg_err(PGconn *conn, const PGresult *result);

/* One step of a schema: brings the version of `part` from its place in the list (0 first) to the
 * next. Each part of a schema ("ledger", "readings") has a version of its own. */
typedef struct sm_pg_migration {
  const char *sql;
} sm_pg_migration;

/* Brings `part` to version `count`, all missing steps in one transaction; safe when several servers
 * do it at once. SM_ERR_UNSUPPORTED: a newer program made it. `init` (may be NULL) runs in the same
 * transaction after the steps if the part was not there. */
SM_MUST_CHECK sm_err sm_pg_migrate(sm_sql *db, const char *part, const sm_pg_migration *steps,
                                   size_t count, sm_err (*init)(sm_sql *db, void *context),
                                   void *context);

#endif
