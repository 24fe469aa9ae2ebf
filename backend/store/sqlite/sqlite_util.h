/* SQLite as an engine of store/sql/sql.h, for the embedded stores: connections opened with the
 * pragmas that durability needs, statements prepared once per connection, result codes as sm_err,
 * and what only SQLite has. */
#ifndef SM_STORE_SQLITE_SQLITE_UTIL_H
#define SM_STORE_SQLITE_SQLITE_UTIL_H

#include "store/sql/sql.h"

#include <sqlite3.h>

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
/* The connection itself, for what has no verb here (incremental BLOBs, backup). */
sqlite3 *sm_sql_handle(sm_sql *db);

/* SQLite's result as ours: UNIQUE and PRIMARY KEY are SM_ERR_EXISTS, a foreign key, a trigger's
 * RAISE and other constraints SM_ERR_CONFLICT, CHECK and NOT NULL SM_ERR_INVALID; a full disk is
 * SM_ERR_FULL however SQLite met it. Damage, I/O errors and misuse are logged with SQLite's words.
 * SQLITE_ROW and SQLITE_DONE are SM_OK. db may be NULL. */
SM_MUST_CHECK sm_err sm_sql_err(sqlite3 *db, int result);

/* How much a database and its WAL take on the disk. */
uint64_t sm_sql_file_bytes(const char *path);

/* Whether commits from now on are synced (so they are when a connection is opened). An unsynced one
 * is lost with the power, whole; a synced one behind it makes it last. */
SM_MUST_CHECK sm_err sm_sql_set_synced(sm_sql *db, bool synced);
/* Pages in the WAL after the last commit of this connection, if opened with fast_delete. */
int sm_sql_wal_pages(const sm_sql *db);
/* Copies what it can of the WAL into the file, without waiting for readers. */
SM_MUST_CHECK sm_err sm_sql_checkpoint(sm_sql *db);

#endif
