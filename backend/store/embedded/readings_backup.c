#include "store/embedded/readings_internal.h"
#include "store/sqlite/sql_backup.h"

sm_err sm_embedded_backup(sm_readings *store, const char *path, sm_readings_progress_fn progress,
                          void *context) {
  reader r;
  sm_err err = sm_reader_begin(store, "", 0, 0, 0, &r);
  if (err != SM_OK) return err;
  err = sm_sql_backup(r.db, path, progress, context);
  sm_reader_end(&r);
  return err;
}
