#include "store/sqlite/sql_migrate.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "store/sqlite/sql_backup.h"

#include <stdio.h>
#include <unistd.h>

/* PRAGMA takes no bound values. */
static sm_err set_pragma(sm_sql *db, const char *name, int64_t value) {
  char sql[80];
  (void)snprintf(sql, sizeof sql, "PRAGMA %s = %lld", name, (long long)value);
  return sm_sql_exec(db, sql);
}

static sm_err read_identity(sm_sql *db, int32_t application_id, size_t newest, size_t *version) {
  int64_t id = 0;
  int64_t at = 0;
  int64_t objects = 0;
  sm_err err = sm_sql_query_i64(db, "PRAGMA application_id", &id);
  if (err == SM_OK) err = sm_sql_query_i64(db, "PRAGMA user_version", &at);
  if (err == SM_OK) err = sm_sql_query_i64(db, "SELECT count(*) FROM sqlite_schema", &objects);
  if (err != SM_OK) return err;
  bool empty = id == 0 && at == 0 && objects == 0;
  if (!empty && (id != application_id || at < 1)) return SM_ERR_CORRUPT;
  if (at > (int64_t)newest) return SM_ERR_UNSUPPORTED;
  *version = (size_t)at;
  return SM_OK;
}

/* ---- the copy of before ---- */

/* Until it has its last name it is no copy of anything. */
static sm_err copy_whole(sm_sql *from, const char *partial, const char *path) {
  int64_t unused = 0;
  (void)unlink(partial); /* of an attempt that was cut off */
  sm_err err = sm_sql_begin(from);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(from, "PRAGMA user_version", &unused); /* what begins the snapshot */
  if (err == SM_OK) err = sm_sql_backup(from, partial, NULL, NULL);
  sm_sql_rollback(from);
  if (err == SM_OK && rename(partial, path) != 0) err = sm_write_err();
  return err == SM_OK ? sm_file_sync_name(path) : err;
}

/* By a connection of its own: SQLite copies none that is about to write. As `db` keeps all others
 * from writing, it is what the steps will find. */
static sm_err copy_before(sm_sql *db, size_t version) {
  const char *file = sqlite3_db_filename(sm_sql_handle(db), "main");
  if (file == NULL || file[0] == '\0') return SM_OK; /* in memory */
  sm_buf path;
  sm_buf partial;
  sm_buf_init(&path, 0);
  sm_buf_init(&partial, 0);
  sm_buf_printf(&path, "%s.format-%zu", file, version);
  sm_buf_printf(&partial, "%s.partial", sm_buf_text(&path));
  sm_sql *from = NULL;
  sm_err err = sm_sql_open(&(sm_sql_options){.path = file, .read_only = true}, &from);
  if (err == SM_OK) err = copy_whole(from, sm_buf_text(&partial), sm_buf_text(&path));
  sm_sql_close(from);
  if (err == SM_OK)
    sm_log(SM_LOG_INFO, "store.upgrades", SM_LOG_TEXT("file", file),
           SM_LOG_INT("from_format", version), SM_LOG_TEXT("copy", sm_buf_text(&path)));
  else
    sm_log(SM_LOG_ERROR, "store.not_upgraded", SM_LOG_TEXT("file", file),
           SM_LOG_TEXT("message", "an upgrade copies the file before: is there room beside it?"));
  sm_buf_fini(&partial);
  sm_buf_fini(&path);
  return err;
}

/* ---- the steps ---- */

static sm_err migrate_locked(sm_sql *db, int32_t application_id, const sm_sql_migration *steps,
                             size_t count, sm_err (*init)(sm_sql *, void *), void *context) {
  size_t version = 0; /* read again: another process may have been first */
  sm_err err = read_identity(db, application_id, count, &version);
  if (err != SM_OK || version == count) return err;
  bool fresh = version == 0;
  if (!fresh) err = copy_before(db, version);
  for (size_t i = version; err == SM_OK && i < count; i++) err = sm_sql_exec(db, steps[i].sql);
  if (err == SM_OK) err = set_pragma(db, "application_id", application_id);
  if (err == SM_OK) err = set_pragma(db, "user_version", (int64_t)count);
  if (err == SM_OK && fresh && init != NULL) err = init(db, context);
  return err;
}

sm_err sm_sql_migrate(sm_sql *db, int32_t application_id, const sm_sql_migration *steps,
                      size_t count, sm_err (*init)(sm_sql *db, void *context), void *context) {
  size_t version = 0;
  sm_err err = sm_sql_begin(db); /* one snapshot: another process may be migrating */
  if (err == SM_OK) err = read_identity(db, application_id, count, &version);
  sm_sql_rollback(db);
  if (err != SM_OK || version == count) return err;
  err = sm_sql_begin_immediate(db);
  if (err != SM_OK) return err;
  err = migrate_locked(db, application_id, steps, count, init, context);
  if (err == SM_OK) return sm_sql_commit(db);
  sm_sql_rollback(db);
  return err;
}
