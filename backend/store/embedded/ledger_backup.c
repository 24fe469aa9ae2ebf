#include "store/ledger/ledger_internal.h"
#include "store/sqlite/sql_backup.h"

sm_err sm_ledger_backup(sm_ledger *ledger, const char *path, sm_ledger_progress_fn progress,
                        void *context) {
  sm_sql *db;
  int64_t unused;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  if (sm_sql_engine_of(db) != SM_SQL_SQLITE) {
    sm_ledger_read_end(ledger, db);
    return SM_ERR_UNSUPPORTED;
  }
  /* The first read is what begins the snapshot. */
  err = sm_sql_query_i64(db, "SELECT count(*) FROM site", &unused);
  if (err == SM_OK) err = sm_sql_backup(db, path, progress, context);
  sm_ledger_read_end(ledger, db);
  return err;
}
