/* A disk that does not answer: while the file SM_HANG_FILE exists, whatever the program writes to
 * or syncs of the files below SM_HANG_DIR whose names begin with SM_HANG_NAME ("readings.db" by
 * default) waits. It goes on when the file is gone. The file SM_HANG_FILE.seen
 * is made when something waits. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static const char *control;
static const char *below;
static const char *name;

static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static int (*next_fsync)(int);
static int (*next_fdatasync)(int);
static int (*next_ftruncate)(int, off_t);

__attribute__((constructor)) static void start(void) {
  SM_SHIM_NEXT(next_pwrite, "pwrite64");
  SM_SHIM_NEXT(next_fsync, "fsync");
  SM_SHIM_NEXT(next_fdatasync, "fdatasync");
  SM_SHIM_NEXT(next_ftruncate, "ftruncate64");
  control = getenv("SM_HANG_FILE");
  below = getenv("SM_HANG_DIR");
  name = getenv("SM_HANG_NAME");
  if (name == NULL) name = "readings.db";
}

static bool hung(void) {
  return control != NULL && below != NULL && access(control, F_OK) == 0;
}

static bool meant(int fd) {
  char path[SM_SHIM_PATH_MAX];
  sm_shim_path_of(fd, path);
  const char *slash = strrchr(path, '/');
  return slash != NULL && strncmp(path, below, strlen(below)) == 0 &&
         strncmp(slash + 1, name, strlen(name)) == 0;
}

static void tell(void) {
  char path[SM_SHIM_PATH_MAX];
  (void)snprintf(path, sizeof path, "%s.seen", control);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) (void)close(fd);
}

static void wait_while_hung(int fd) {
  /* Another library's constructor may come here before ours has run. */
  if (next_pwrite == NULL) start();
  const struct timespec look_again = {.tv_nsec = 5000000};
  int saved = errno;
  if (hung() && meant(fd)) {
    tell();
    while (hung()) (void)nanosleep(&look_again, NULL);
  }
  errno = saved;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) {
  wait_while_hung(fd);
  return next_pwrite(fd, data, len, at);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at) {
  return pwrite64(fd, data, len, at);
}

int fsync(int fd) {
  wait_while_hung(fd);
  return next_fsync(fd);
}

int fdatasync(int fd) {
  wait_while_hung(fd);
  return next_fdatasync(fd);
}

int ftruncate64(int fd, off_t size) {
  wait_while_hung(fd);
  return next_ftruncate(fd, size);
}

int ftruncate(int fd, off_t size) {
  return ftruncate64(fd, size);
}
