#include "store/sqlite/sql_backup.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { STEP_PAGES = 256 };

/* O_EXCL: what is at `path` is somebody else's. */
static sm_err make_file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) return close(fd) == 0 ? SM_OK : SM_ERR_IO;
  return errno == EEXIST ? SM_ERR_EXISTS : sm_write_err();
}

static sm_err sync_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SM_ERR_IO;
  sm_err err = fsync(fd) == 0 ? SM_OK : SM_ERR_IO;
  if (close(fd) != 0) err = SM_ERR_IO;
  return err;
}

/* Neither journal nor syncs: it is whole when it is synced at the end, or it is removed. */
static sm_err open_copy(const char *path, sqlite3 **copy) {
  int result = sqlite3_open_v2(path, copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (result == SQLITE_OK)
    result = sqlite3_exec(*copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                          NULL);
  return sm_sql_err(*copy, result);
}

static sm_err copy_pages(sqlite3 *from, sqlite3 *to, sm_sql_backup_progress_fn *progress,
                         void *context) {
  sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
  if (backup == NULL) return sm_sql_err(to, sqlite3_errcode(to));
  bool go_on = true;
  int result = SQLITE_OK;
  while (go_on && result == SQLITE_OK) {
    result = sqlite3_backup_step(backup, STEP_PAGES);
    uint64_t total = (uint64_t)sqlite3_backup_pagecount(backup);
    uint64_t left = (uint64_t)sqlite3_backup_remaining(backup);
    if (progress != NULL && (result == SQLITE_OK || result == SQLITE_DONE))
      go_on = progress(context, total - left, total);
  }
  int finished = sqlite3_backup_finish(backup);
  if (result == SQLITE_OK) return SM_ERR_CLOSED;
  return sm_sql_err(to, result == SQLITE_DONE ? finished : result);
}

sm_err sm_sql_backup(sm_sql *db, const char *path, sm_sql_backup_progress_fn *progress,
                     void *context) {
  sqlite3 *copy = NULL;
  sm_err err = make_file(path);
  if (err != SM_OK) return err;
  err = open_copy(path, &copy);
  if (err == SM_OK) err = copy_pages(sm_sql_handle(db), copy, progress, context);
  if (sqlite3_close(copy) != SQLITE_OK && err == SM_OK) err = SM_ERR_INTERNAL;
  if (err == SM_OK) err = sync_file(path);
  if (err != SM_OK) (void)unlink(path);
  return err;
}
