/* What the files of the MongoDB stores share: a pool of clients, transactions, writes in bulk,
 * finds, and libmongoc's errors as ours. Nobody outside of store/mongo includes this.
 *
 * All writes wait for a majority, all reads see only what a majority has, reads and writes are
 * tried once more by libmongoc where that is safe (retryable writes), and a transaction's commit
 * until its outcome is known. libbson ends the process when memory runs out.
 *
 * Threads: a connection serves one thread at a time. */
#ifndef SM_STORE_MONGO_DB_H
#define SM_STORE_MONGO_DB_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libmongoc's headers are not clean by our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <mongoc.h>
#pragma GCC diagnostic pop

typedef struct mg_pool mg_pool;

/* SM_ERR_INVALID: no URL of MongoDB (the log says why, without the URL: it may hold a password).
 * Nothing is connected yet. */
SM_MUST_CHECK sm_err mg_pool_open(const char *url, mg_pool **pool);
void mg_pool_close(mg_pool *pool); /* NULL is fine */
const char *mg_pool_database(const mg_pool *pool);

typedef struct mg_conn {
  mg_pool *pool;
  mongoc_client_t *client;
  mongoc_client_session_t *session; /* NULL: none yet */
  bool in_transaction;
  bool in_snapshot;
} mg_conn;

/* Waits for a free one. */
void mg_take(mg_pool *pool, mg_conn *conn);
void mg_give(mg_conn *conn); /* takes back what is not committed; twice is fine */
/* Ends the session whose id a file names, with its transaction, if the server lets us; no such file
 * is fine. The errors of reading it. */
SM_MUST_CHECK sm_err mg_end_session(mg_conn *conn, const char *path);
/* Whether it names this connection's. */
bool mg_is_noted(const mg_conn *conn, const char *path);
/* Writes the id of this one's there. */
SM_MUST_CHECK sm_err mg_note_session(mg_conn *conn, const char *path);
/* Both: for who writes in transactions again and again: a server holds on to an open transaction
 * for up to a minute when its client is gone, and with it to all that the transaction wrote. So the
 * session's id is kept in a file, and who opens it next, being the only one who may, ends what the
 * one before it left. SM_ERR_IO and what writing a file gives. */
SM_MUST_CHECK sm_err mg_keep_session(mg_conn *conn, const char *path);

/* What libmongoc says, as one of ours, logged where it is none of these: SM_ERR_EXISTS: a duplicate
 * key; SM_ERR_CONFLICT: another transaction was first, try the whole again; SM_ERR_FULL,
 * SM_ERR_DENIED; SM_ERR_IO: not reachable, no primary, or refused. reply may be NULL. */
sm_err mg_err(const bson_error_t *error, const bson_t *reply);

/* ---- transactions ---- */
SM_MUST_CHECK sm_err mg_begin(mg_conn *conn);
/* SM_ERR_CONFLICT: not committed. SM_ERR_IO: also if nobody could be asked whether it is. */
SM_MUST_CHECK sm_err mg_commit(mg_conn *conn);
void mg_abort(mg_conn *conn); /* fine outside of one */

/* From now on, until mg_give, finds see what was there at the moment of the first of them. */
SM_MUST_CHECK sm_err mg_snapshot(mg_conn *conn);

/* ---- commands ---- */
/* reply (may be NULL) is initialised in any case. */
SM_MUST_CHECK sm_err mg_command(mg_conn *conn, const bson_t *command, bson_t *reply);
/* A write of one document (findAndModify), retryable outside of a transaction. The same. */
SM_MUST_CHECK sm_err mg_write(mg_conn *conn, const bson_t *command, bson_t *reply);
/* Whether a collection is there; *timeseries (may be NULL): and is one. */
SM_MUST_CHECK sm_err mg_has_collection(mg_conn *conn, const char *name, bool *there,
                                       bool *timeseries);
/* Takes `command`, a BCON_NEW, and runs it; "exists already" is fine. */
SM_MUST_CHECK sm_err mg_make(mg_conn *conn, bson_t *command);

/* Gives a collection another's name, whose place it takes; a name that is not there is fine: it has
 * been given before. */
SM_MUST_CHECK sm_err mg_rename(mg_conn *conn, const char *from, const char *to);
/* Drops a collection; one that is not there is fine. */
SM_MUST_CHECK sm_err mg_drop(mg_conn *conn, const char *name);
/* The names of all; the caller frees them by bson_strfreev. */
SM_MUST_CHECK sm_err mg_names(mg_conn *conn, char ***names);

/* ---- writes in bulk ---- */
typedef struct mg_bulk {
  mg_conn *conn;
  mongoc_collection_t *collection;
  mongoc_bulk_operation_t *op;
  size_t count;
  sm_err err;      /* the first failure */
  int64_t matched; /* by updates, once it has ended */
  int64_t removed; /* by deletions */
} mg_bulk;
void mg_bulk_begin(mg_bulk *bulk, mg_conn *conn, const char *collection);
/* The same in any order, which a time-series collection takes far quicker. */
void mg_bulk_begin_loose(mg_bulk *bulk, mg_conn *conn, const char *collection);
/* All of these take the documents (heap, as BCON_NEW gives them). */
void mg_bulk_insert(mg_bulk *bulk, bson_t *document);
void mg_bulk_update(mg_bulk *bulk, bson_t *filter, bson_t *update, bool upsert);
void mg_bulk_replace(mg_bulk *bulk, bson_t *filter, bson_t *document, bool upsert);
void mg_bulk_delete(mg_bulk *bulk, bson_t *filter);
void mg_bulk_delete_many(mg_bulk *bulk, bson_t *filter);
/* Sends all of it; nothing is fine. */
SM_MUST_CHECK sm_err mg_bulk_end(mg_bulk *bulk);

/* ---- reads ---- */
typedef struct mg_find {
  mongoc_collection_t *collection;
  mongoc_cursor_t *cursor;
  sm_err err; /* the first failure; also the caller's, which ends the walk */
} mg_find;
/* Takes filter and opts (heap; opts may be NULL). */
void mg_find_begin(mg_find *find, mg_conn *conn, const char *collection, bson_t *filter,
                   bson_t *opts);
/* The next document, borrowed until the next call; NULL at the end or after a failure. */
const bson_t *mg_find_next(mg_find *find);
SM_MUST_CHECK sm_err mg_find_end(mg_find *find);

/* ---- members of documents ---- */
/* Under a dotted path; 0, false and NULL if there is none of that kind. */
int64_t mg_i64(const bson_t *doc, const char *path); /* integers and dates */
bool mg_has(const bson_t *doc, const char *path);
const char *mg_text(const bson_t *doc, const char *path);                  /* borrowed */
const uint8_t *mg_bytes(const bson_t *doc, const char *path, size_t *len); /* the same */

#endif
