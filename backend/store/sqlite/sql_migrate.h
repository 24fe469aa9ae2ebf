/* A database's format: its number (user_version), and the steps that bring an older one to today's.
 */
#ifndef SM_STORE_SQLITE_SQL_MIGRATE_H
#define SM_STORE_SQLITE_SQL_MIGRATE_H

#include "base/err.h"
#include "store/sqlite/sqlite_util.h"

#include <stddef.h>
#include <stdint.h>

/* One step of a schema: brings user_version from its place in the list (0 first) to the next. */
typedef struct sm_sql_migration {
  const char *sql;
} sm_sql_migration;

/* Brings a database to version `count`, all missing steps in one transaction; safe when several
 * processes do it at once. What an older version N has is copied before to "FILE.format-N" (mode
 * 0600; one of an earlier attempt is replaced), which nothing here removes. A file of another
 * program (application_id) is SM_ERR_CORRUPT, one of a newer version SM_ERR_UNSUPPORTED;
 * SM_ERR_FULL: also when there is no room for the copy. On failure all is as it was. `init` (may be
 * NULL) runs in the same transaction after the steps if the file was empty before. */
SM_MUST_CHECK sm_err sm_sql_migrate(sm_sql *db, int32_t application_id,
                                    const sm_sql_migration *steps, size_t count,
                                    sm_err (*init)(sm_sql *db, void *context), void *context);

#endif
