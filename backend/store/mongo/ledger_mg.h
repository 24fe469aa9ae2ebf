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
#include <sys/types.h>

#define MG_LEDGER_META "ledger_meta"
#define MG_LEDGER_LOG "ledger_log"
#define MG_LEDGER_PARTS "ledger_log_parts"
#define MG_LEDGER_SEQUENCES "ledger_sequences"

/* The last number of a table that SQLite has given out, also if its row is gone again. */
typedef struct mg_sequence {
  char table[64];
  int64_t number;
} mg_sequence;

typedef struct mg_sequences {
  mg_sequence *item; /* heap */
  size_t count;
} mg_sequences;

typedef struct mg_ledger {
  mg_pool *pool;
  char *data_dir;
  char *path;    /* of the copy */
  char *session; /* of the file that names the session */
  char me[33];   /* of this data directory, whichever process */
  int schema;    /* the version of the documents that are worked with */
  sm_sql_gate gate;

  pthread_mutex_t
      lock;      /* one thread of this process at a time follows or writes: guards the rest */
  int copy_lock; /* and one process: a descriptor */
  mg_conn conn;
  sm_sql *follow; /* the connection that follows; NULL: not yet */
  sm_copy_table *tables;
  size_t table_count;
  dev_t device; /* the copy's file, as it was opened */
  ino_t inode;
  mg_sequences told; /* what the documents have, at least */
  int64_t held_ms;   /* steady clock: when the head's lock was taken or prolonged */
  bool held;         /* the head's lock is ours */
  bool behind;       /* the last try to follow has failed */

  pthread_t follower;
  bool follows;
  pthread_mutex_t stop_lock; /* guards stop */
  pthread_cond_t stopped;
  bool stop;
} mg_ledger;

/* Opens it as a program did whose newest version of the schema was this one. */
SM_MUST_CHECK sm_err mg_ledger_open_at(const sm_mongo_options *options, int schema,
                                       sm_ledger **ledger);

/* ---- the head's lock (ledger_mg.c), all with the copy's lock ---- */
/* SM_ERR_BUSY: another server has it, and kept it for so long. */
SM_MUST_CHECK sm_err mg_head_take(mg_ledger *ledger, int64_t wait_ms);
/* Prolongs it now and then. SM_ERR_BUSY: it was lost. */
SM_MUST_CHECK sm_err mg_head_keep(mg_ledger *ledger);
void mg_head_give(mg_ledger *ledger);

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
/* Applies one document of the log, and says that the copy stands at its number. */
SM_MUST_CHECK sm_err mg_log_apply(mg_conn *conn, sm_sql *db, const bson_t *doc);
/* Follows the log to its end. SM_ERR_CORRUPT: this copy cannot. */
SM_MUST_CHECK sm_err mg_follow(mg_ledger *ledger);
/* Writes a change as number + 1, with the sequences that have risen by it. SM_ERR_BUSY: another
 * server was first. */
SM_MUST_CHECK sm_err mg_write_change(mg_ledger *ledger, int64_t number, const void *changes,
                                     size_t len, const mg_sequences *risen);

/* ---- numbers that were given out (ledger_mg_sequence.c) ---- */
void mg_sequences_free(mg_sequences *list);
/* Those of the file that are above what is known; free after SM_OK. */
SM_MUST_CHECK sm_err mg_sequences_risen(sm_sql *db, const mg_sequences *known, mg_sequences *risen);
/* Makes them known. */
SM_MUST_CHECK sm_err mg_sequences_learn(mg_sequences *known, const mg_sequences *risen);
/* Their documents; and, as a member of a document of the log, "sequences". */
SM_MUST_CHECK sm_err mg_sequences_put(mg_conn *conn, const mg_sequences *risen);
void mg_sequences_note(bson_t *doc, const mg_sequences *risen);
/* Into the file: none of these is given out again. */
SM_MUST_CHECK sm_err mg_sequences_raise(sm_sql *db, const bson_t *doc);
SM_MUST_CHECK sm_err mg_sequences_fill(mg_conn *conn, sm_sql *db);

/* ---- the copy (ledger_mg_copy.c), the same ---- */
typedef struct mg_head {
  char id[33]; /* of the ledger */
  int64_t schema;
  int64_t number;
  bool upgrading; /* documents of that schema are being put in their place */
} mg_head;
/* SM_ERR_NOT_FOUND: there is no ledger. */
SM_MUST_CHECK sm_err mg_head_read(mg_conn *conn, mg_head *head);
/* Makes the ledger, of the rows of a new copy; SM_ERR_EXISTS: another server was first. */
SM_MUST_CHECK sm_err mg_ledger_make(mg_ledger *ledger, const sm_mongo_options *options);
/* The documents of a ledger, of all rows of a file of the version of ledger->schema, whose tables
 * are in ledger->tables. SM_ERR_EXISTS. */
SM_MUST_CHECK sm_err mg_ledger_put(mg_ledger *ledger, sm_sql *db);
/* Makes the copy anew, unless it is one of this ledger; opens ledger->follow. */
SM_MUST_CHECK sm_err mg_copy_make(mg_ledger *ledger, const mg_head *head);
/* Whether the copy is still the file that was opened here. */
bool mg_copy_is_ours(const mg_ledger *ledger);
/* All documents of a snapshot (mg_snapshot) and the sequences, in a transaction of the file. */
SM_MUST_CHECK sm_err mg_copy_fill(mg_conn *conn, sm_sql *db, const sm_copy_table *tables,
                                  size_t count);
/* A collection, empty, with the indexes that the one of that name has. */
SM_MUST_CHECK sm_err mg_ledger_collection(mg_conn *conn, const char *collection, const char *name);
/* With what SQLite keeps beside it. */
void mg_remove_file(const char *path);

/* ---- a newer version of the schema (ledger_mg_upgrade.c), the same ---- */
/* Brings the documents up to ledger->schema; nothing to do is fine. SM_ERR_UNSUPPORTED: they are of
 * a newer one. SM_ERR_BUSY: another server is at it, or was first. */
SM_MUST_CHECK sm_err mg_upgrade(mg_ledger *ledger);

/* Between the processes of one data directory: waits for at most so long. SM_ERR_BUSY. */
SM_MUST_CHECK sm_err mg_copy_lock(mg_ledger *ledger, int64_t wait_ms);
void mg_copy_unlock(mg_ledger *ledger);

#endif
