/* The ledger on MongoDB from inside: what its files share. Nobody else includes this.
 *
 * The ledger's rules are some sixty files of SQL statements, constraints and triggers. They are not
 * written a second time, in documents: MongoDB holds the truth, a document a row and a collection a
 * table, and each server works on a copy of it in an SQLite file. What a transaction has changed
 * there is written to MongoDB before it is committed here, by one transaction of MongoDB that
 *   - takes the next number of `ledger_meta`'s head, if it still is the one that this copy stands
 * at,
 *   - adds the change as such to `ledger_log` under that number,
 *   - and brings the documents up to date.
 * So all servers' changes have one order, and a copy that has followed the log to its end is the
 * ledger. Before a writer's transaction begins, its server takes the head's lock (as SQLite and
 * PostgreSQL have one writer at a time) and follows the log to its end; readers follow within
 * FOLLOW_MS.
 *
 * The lock is a lease: of a server that is gone it falls to another after LEASE_MS. It only saves
 * vain work: what keeps the order is the number. */
#ifndef SM_STORE_LEDGER_MG_H
#define SM_STORE_LEDGER_MG_H

#include "store/embedded/ledger_file.h"
#include "store/ledger/ledger_backing.h"
#include "store/mongo/mongo.h"
#include "store/mongo/mongo_db.h"
#include "store/sqlite/sql_copy.h"

#include <pthread.h>

#define MG_LEDGER_META "ledger_meta"
#define MG_LEDGER_LOG "ledger_log"
#define MG_LEDGER_PARTS "ledger_log_parts"

typedef struct mg_ledger {
  mg_pool *pool;
  char *data_dir;
  char *path;    /* of the copy */
  char *session; /* of the file that names the session */
  char me[33];   /* of this data directory, whichever process */
  sm_sql_gate gate;

  pthread_mutex_t
      lock;      /* one thread of this process at a time follows or writes: guards the rest */
  int copy_lock; /* and one process: a descriptor */
  mg_conn conn;
  sm_sql *follow; /* the connection that follows; NULL: not yet */
  sm_copy_table *tables;
  size_t table_count;
  bool held;   /* the head's lock is ours */
  bool behind; /* the last try to follow has failed */

  pthread_t follower;
  bool follows;
  pthread_mutex_t stop_lock; /* guards stop */
  pthread_cond_t stopped;
  bool stop;
} mg_ledger;

/* ---- rows as documents (ledger_mg_doc.c) ---- */
/* The collection of a table: its name in the plural. */
void mg_collection_of(const char *table, char name[64]);
const sm_copy_table *mg_table(const mg_ledger *ledger, const char *name);
/* _id alone, and the whole row. */
bson_t *mg_row_id(const sm_copy_table *table, const sm_cell *cells);
bson_t *mg_row_doc(const sm_copy_table *table, const sm_cell *cells);
/* What an update changes, as $set. */
bson_t *mg_row_set(const sm_copy_table *table, const sm_cell *after);
/* Borrowed from the document. What it does not have is SM_CELL_NONE. */
SM_MUST_CHECK sm_err mg_row_take(const bson_t *doc, const sm_copy_table *table, sm_cell *cells);

/* ---- the log (ledger_mg_log.c), all with the copy's lock ---- */
/* The number that the copy stands at; SM_ERR_NOT_FOUND: it is no copy of this ledger, or not whole.
 */
SM_MUST_CHECK sm_err mg_copy_at(sm_sql *db, const char *ledger_id, int64_t *number);
SM_MUST_CHECK sm_err mg_copy_set(sm_sql *db, int64_t number);
/* Follows the log to its end. SM_ERR_CORRUPT: this copy cannot. */
SM_MUST_CHECK sm_err mg_follow(mg_ledger *ledger);
/* Writes a change as number + 1. SM_ERR_BUSY: another server was first. */
SM_MUST_CHECK sm_err mg_write_change(mg_ledger *ledger, int64_t number, const void *changes,
                                     size_t len);

/* ---- the copy (ledger_mg_copy.c), the same ---- */
typedef struct mg_head {
  char id[33]; /* of the ledger */
  int64_t schema;
  int64_t number;
} mg_head;
/* SM_ERR_NOT_FOUND: there is no ledger. */
SM_MUST_CHECK sm_err mg_head_read(mg_conn *conn, mg_head *head);
/* Makes the ledger, of the rows of a new copy; SM_ERR_EXISTS: another server was first. */
SM_MUST_CHECK sm_err mg_ledger_make(mg_ledger *ledger, const sm_mongo_options *options);
/* Makes the copy anew, unless it is one of this ledger; opens ledger->follow. */
SM_MUST_CHECK sm_err mg_copy_make(mg_ledger *ledger, const mg_head *head);

/* Between the processes of one data directory: waits for at most so long. SM_ERR_BUSY. */
SM_MUST_CHECK sm_err mg_copy_lock(mg_ledger *ledger, int64_t wait_ms);
void mg_copy_unlock(mg_ledger *ledger);

#endif
