#include "store/embedded/readings_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { STEP_PAGES = 256 };

static sm_err make_file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) return close(fd) == 0 ? SM_OK : SM_ERR_IO;
  if (errno == EEXIST) return SM_ERR_EXISTS;
  return errno == ENOSPC || errno == EDQUOT ? SM_ERR_FULL : SM_ERR_IO;
}

static sm_err sync_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SM_ERR_IO;
  sm_err err = fsync(fd) == 0 ? SM_OK : SM_ERR_IO;
  if (close(fd) != 0) err = SM_ERR_IO;
  return err;
}

/* The source's connection is inside its snapshot, so what others commit meanwhile changes nothing
 * and the copy never starts over. */
static sm_err copy_pages(sqlite3 *from, sqlite3 *to, sm_readings_progress_fn progress,
                         void *context) {
  sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
  if (copy == NULL) return sm_sql_err(to, sqlite3_errcode(to));
  bool go_on = true;
  int result = SQLITE_OK;
  while (go_on && result == SQLITE_OK) {
    result = sqlite3_backup_step(copy, STEP_PAGES);
    int total = sqlite3_backup_pagecount(copy);
    int done = total - sqlite3_backup_remaining(copy);
    if (progress != NULL && result == SQLITE_OK)
      go_on = progress(context, (uint64_t)done, (uint64_t)total);
  }
  int finished = sqlite3_backup_finish(copy);
  if (!go_on) return SM_ERR_CLOSED;
  return sm_sql_err(to, result == SQLITE_DONE ? finished : result);
}

static sm_err copy_into(sqlite3 *from, const char *path, sm_readings_progress_fn progress,
                        void *context) {
  sqlite3 *to = NULL;
  int result = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  /* The whole file is synced once, at the end; until then it is worth nothing. */
  if (result == SQLITE_OK)
    result =
        sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
  sm_err err = sm_sql_err(to, result);
  if (err == SM_OK) err = copy_pages(from, to, progress, context);
  if (sqlite3_close(to) != SQLITE_OK && err == SM_OK) err = SM_ERR_IO;
  return err == SM_OK ? sync_file(path) : err;
}

sm_err sm_readings_backup(sm_readings *store, const char *path, sm_readings_progress_fn progress,
                          void *context) {
  reader r;
  sm_err err = make_file(path);
  if (err != SM_OK) return err;
  err = sm_reader_begin(store, "", 0, 0, 0, &r);
  if (err == SM_OK) {
    err = copy_into(sm_sql_handle(r.db), path, progress, context);
    sm_reader_end(&r);
  }
  if (err != SM_OK) (void)unlink(path);
  return err;
}
