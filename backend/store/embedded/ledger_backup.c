/* A copy of the ledger while others write: SQLite's backup, from one snapshot. */
#include "store/embedded/ledger_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PAGES_A_STEP = 1024 };

/* O_EXCL: what is at `path` is somebody else's. */
static sm_err make_file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return SM_ERR_EXISTS;
  if (fd < 0) return errno == ENOSPC || errno == EDQUOT ? SM_ERR_FULL : SM_ERR_IO;
  return close(fd) == 0 ? SM_OK : SM_ERR_IO;
}

/* Neither journal nor syncs: it is whole when it is synced at the end, or it is removed. */
static sm_err open_copy(const char *path, sqlite3 **copy) {
  int result = sqlite3_open_v2(path, copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (result == SQLITE_OK)
    result = sqlite3_exec(*copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                          NULL);
  return sm_sql_err(*copy, result);
}

static sm_err copy_pages(sqlite3 *copy, sqlite3 *from, sm_ledger_progress_fn progress,
                         void *context) {
  sqlite3_backup *backup = sqlite3_backup_init(copy, "main", from, "main");
  if (backup == NULL) return sm_sql_err(copy, sqlite3_errcode(copy));
  int result;
  bool go_on = true;
  do {
    result = sqlite3_backup_step(backup, PAGES_A_STEP);
    uint64_t total = (uint64_t)sqlite3_backup_pagecount(backup);
    uint64_t left = (uint64_t)sqlite3_backup_remaining(backup);
    if (progress != NULL) go_on = progress(context, total - left, total);
  } while (result == SQLITE_OK && go_on);
  (void)sqlite3_backup_finish(backup); /* its result is the last step's */
  if (result == SQLITE_OK) return SM_ERR_CLOSED;
  return result == SQLITE_DONE ? SM_OK : sm_sql_err(copy, result);
}

static sm_err sync_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SM_ERR_IO;
  sm_err err = fsync(fd) == 0 ? SM_OK : SM_ERR_IO;
  (void)close(fd);
  return err;
}

static sm_err copy_to(const char *path, sm_sql *db, sm_ledger_progress_fn progress, void *context) {
  int64_t unused;
  sqlite3 *copy = NULL;
  /* The first read is what begins the snapshot that all steps copy. */
  sm_err err = sm_sql_query_i64(db, "SELECT count(*) FROM site", &unused);
  if (err == SM_OK) err = open_copy(path, &copy);
  if (err == SM_OK) err = copy_pages(copy, sm_sql_handle(db), progress, context);
  if (sqlite3_close(copy) != SQLITE_OK && err == SM_OK) err = SM_ERR_INTERNAL;
  return err == SM_OK ? sync_file(path) : err;
}

sm_err sm_ledger_backup(sm_ledger *ledger, const char *path, sm_ledger_progress_fn progress,
                        void *context) {
  sm_sql *db;
  sm_err err = make_file(path);
  if (err != SM_OK) return err;
  err = sm_ledger_read_begin(ledger, &db);
  if (err == SM_OK) {
    err = copy_to(path, db, progress, context);
    sm_ledger_read_end(ledger, db);
  }
  if (err != SM_OK) (void)unlink(path);
  return err;
}
