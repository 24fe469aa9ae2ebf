/* A ledger in an SQLite file, wherever that lies: the data directory, or a copy of what another
 * engine keeps. */
#ifndef SM_STORE_EMBEDDED_LEDGER_FILE_H
#define SM_STORE_EMBEDDED_LEDGER_FILE_H

#include "store/sql/sql.h"

/* The number of the schema's newest version. */
int sm_ledger_schema_version(void);

/* Connections to a ledger in an SQLite file: one for writing, which makes and migrates what is
 * missing (`init`, may be NULL, runs in the transaction that makes it), and one for reading. The
 * errors of sm_sql_open and sm_sql_migrate (store/sqlite). */
SM_MUST_CHECK sm_err sm_ledger_file_write(const char *path,
                                          sm_err (*init)(sm_sql *db, void *context), void *context,
                                          sm_sql **db);
SM_MUST_CHECK sm_err sm_ledger_file_read(const char *path, sm_sql **db);

#endif
