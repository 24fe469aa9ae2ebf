/* What a ledger stands on: the one thing in which its engines differ is how a connection is made.
 */
#ifndef SM_STORE_EMBEDDED_LEDGER_BACKING_H
#define SM_STORE_EMBEDDED_LEDGER_BACKING_H

#include "store/ledger.h"
#include "store/sql/sql.h"

typedef struct sm_ledger_backing {
  /* Opens a connection for writing, which makes and migrates what is missing, or for reading. */
  sm_err (*open)(void *context, bool writer, sm_sql **db);
  uint64_t (*bytes)(void *context); /* that it takes on the disk, as sm_ledger_bytes */
  void (*free)(void *context);
  void *context;
  const char *data_dir; /* where a copy of the newest signed head is kept; the context's */
} sm_ledger_backing;

/* Opens a ledger; the backing's context is the ledger's from now on, also on failure. The errors of
 * the backing's open, and SM_ERR_INVALID: this system lacks the ledger's time zone. */
SM_MUST_CHECK sm_err sm_ledger_open_on(const sm_ledger_backing *backing, sm_ledger **ledger);

/* The first row of a new ledger, inside the transaction that makes it. SM_ERR_INVALID: zone or
 * currency. */
SM_MUST_CHECK sm_err sm_ledger_add_site(sm_sql *db, const char *zone, const char *currency);

/* The number of the schema's newest version. */
int sm_ledger_schema_version(void);
/* Connections to a ledger in an SQLite file: one for writing, which makes and migrates what is
 * missing up to a version (`init`, may be NULL, runs in the transaction that makes it), and one for
 * reading. The errors of sm_sql_open and sm_sql_migrate (sqlite_util.h, sql_migrate.h). */
SM_MUST_CHECK sm_err sm_ledger_file_write(const char *path, int version,
                                          sm_err (*init)(sm_sql *db, void *context), void *context,
                                          sm_sql **db);
SM_MUST_CHECK sm_err sm_ledger_file_read(const char *path, sm_sql **db);

#endif
