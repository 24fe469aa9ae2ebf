/* A copy of a database while others write to it: SQLite's backup, from one snapshot. */
#ifndef SM_STORE_SQLITE_SQL_BACKUP_H
#define SM_STORE_SQLITE_SQL_BACKUP_H

#include "base/err.h"
#include "store/sqlite/sqlite_util.h"

#include <stdbool.h>
#include <stdint.h>

/* How many pages of all are copied; false: stop. */
typedef bool sm_sql_backup_progress_fn(void *context, uint64_t done, uint64_t total);

/* Copies to the new file `path`, synced as a whole at the end. `db` is inside a
 * transaction that has read: what others commit meanwhile changes nothing, and the copy never
 * starts over. progress may be NULL. SM_ERR_EXISTS; SM_ERR_CLOSED: it was told to stop;
 * SM_ERR_FULL, SM_ERR_IO. On failure nothing is left at `path`. */
SM_MUST_CHECK sm_err sm_sql_backup(sm_sql *db, const char *path,
                                   sm_sql_backup_progress_fn *progress, void *context);

#endif
