/* Records what a power cut could take back: every change that the program makes to the files below
 * SM_POWERLOSS_DIR, and every sync, go to the file SM_POWERLOSS_LOG in the order in which they
 * happened (a lock makes it one order). The program is killed at any moment, and powerloss.py makes
 * from the log, and from the folder as it was before, a folder that could have been left by a power
 * cut at that moment.
 *
 * A change and its record are made under one lock, so what another thread syncs is never taken for
 * unsynced. A kill between the two leaves a change without its record: it counts as lost, which a
 * power cut may do. With SM_POWERLOSS_LIE set, syncs are not recorded: a disk that lies. Not
 * recorded are mmap (SQLite uses it for -shm, which no power cut has to keep) and calls that the C
 * library makes inside itself (stdio). */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* One record: this, then len bytes. powerloss.py reads the same. */
typedef struct record {
  uint32_t kind;
  uint32_t len;
  uint64_t inode;
  int64_t at; /* offset of a write, size of a truncation, length of the first of two paths */
} record;

enum { WRITE = 1, TRUNCATE, SYNC, CREATE, UNLINK, RENAME, MAKE_DIR, SYNC_DIR, LINK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[PATH_MAX];
static size_t dir_len;
static int log_fd = -1;
static bool lies;
static long records_left = -1; /* until the kill; negative: none */

static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_write)(int, const void *, size_t);
static int (*next_ftruncate)(int, off_t);
static int (*next_fsync)(int);
static int (*next_fdatasync)(int);
static int (*next_open)(const char *, int, ...);
static int (*next_rename)(const char *, const char *);
static int (*next_link)(const char *, const char *);
static int (*next_unlink)(const char *);
static int (*next_mkdir)(const char *, mode_t);

__attribute__((constructor)) static void start(void) {
  SM_SHIM_NEXT(next_pwrite, "pwrite64");
  SM_SHIM_NEXT(next_write, "write");
  SM_SHIM_NEXT(next_ftruncate, "ftruncate64");
  SM_SHIM_NEXT(next_fsync, "fsync");
  SM_SHIM_NEXT(next_fdatasync, "fdatasync");
  SM_SHIM_NEXT(next_open, "open64");
  SM_SHIM_NEXT(next_rename, "rename");
  SM_SHIM_NEXT(next_link, "link");
  SM_SHIM_NEXT(next_unlink, "unlink");
  SM_SHIM_NEXT(next_mkdir, "mkdir");
  const char *wanted = getenv("SM_POWERLOSS_DIR");
  const char *log = getenv("SM_POWERLOSS_LOG");
  if (wanted == NULL || log == NULL || realpath(wanted, dir) == NULL) return;
  dir_len = strlen(dir);
  lies = getenv("SM_POWERLOSS_LIE") != NULL;
  const char *after = getenv("SM_POWERLOSS_AFTER");
  if (after != NULL) records_left = strtol(after, NULL, 10);
  log_fd = next_open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log_fd < 0) abort();
}

/* Another library's constructor may come here before ours has run. */
static void take_lock(void) {
  if (next_open == NULL) start();
  (void)pthread_mutex_lock(&lock);
}

/* ---- records ---- */

static void put(uint32_t kind, uint64_t inode, int64_t at, const void *data, size_t len) {
  record head = {.kind = kind, .len = (uint32_t)len, .inode = inode, .at = at};
  union {
    const void *in;
    void *out;
  } bytes = {.in = data};
  struct iovec parts[2] = {{&head, sizeof head}, {bytes.out, len}};
  ssize_t put_bytes = writev(log_fd, parts, len > 0 ? 2 : 1);
  if (put_bytes != (ssize_t)(sizeof head + len)) abort();
  if (records_left > 0 && --records_left == 0) (void)kill(getpid(), SIGKILL);
}

static bool inside(const char *path) {
  return log_fd >= 0 && strncmp(path, dir, dir_len) == 0 && path[dir_len] == '/';
}

/* Whether the file is one of ours; its inode. */
static bool watched(int fd, uint64_t *inode) {
  char path[SM_SHIM_PATH_MAX];
  struct stat found;
  if (log_fd < 0 || fd == log_fd) return false;
  sm_shim_path_of(fd, path);
  if (!inside(path) || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) return false;
  *inode = found.st_ino;
  return true;
}

/* The absolute path that a name stands for, its last part as it is; "" if it is not one of ours. */
static void resolve(const char *name, char path[PATH_MAX + NAME_MAX + 2]) {
  char parent[PATH_MAX];
  char folder[PATH_MAX];
  path[0] = '\0';
  if (log_fd < 0 || strlen(name) >= sizeof parent) return;
  memcpy(parent, name, strlen(name) + 1);
  char *slash = strrchr(parent, '/');
  const char *last = slash != NULL ? name + (slash - parent) + 1 : name;
  if (slash != NULL) *slash = '\0';
  if (realpath(slash == NULL ? "." : parent[0] == '\0' ? "/" : parent, folder) == NULL) return;
  (void)snprintf(path, PATH_MAX + NAME_MAX + 2, "%s/%s", folder, last);
  if (!inside(path)) path[0] = '\0';
}

/* A path below the folder, without the folder. */
static const char *below(const char *path) {
  return path + dir_len + 1;
}

/* ---- what is written and synced ---- */

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) {
  uint64_t inode;
  take_lock();
  ssize_t done = next_pwrite(fd, data, len, at);
  if (done > 0 && watched(fd, &inode)) put(WRITE, inode, at, data, (size_t)done);
  (void)pthread_mutex_unlock(&lock);
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at) {
  return pwrite64(fd, data, len, at);
}

/* Only what belongs to a watched file is under the lock: a write to a pipe or socket may wait. */
ssize_t write(int fd, const void *data, size_t len) {
  uint64_t inode;
  if (next_open == NULL) start();
  if (!watched(fd, &inode)) return next_write(fd, data, len);
  take_lock();
  off_t at = lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
  ssize_t done = next_write(fd, data, len);
  if (done > 0) put(WRITE, inode, at, data, (size_t)done);
  (void)pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate64(int fd, off_t size) {
  uint64_t inode;
  take_lock();
  int result = next_ftruncate(fd, size);
  if (result == 0 && watched(fd, &inode)) put(TRUNCATE, inode, size, NULL, 0);
  (void)pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int fd, off_t size) {
  return ftruncate64(fd, size);
}

/* A folder is known by its path: "" is the watched folder itself. */
static void put_sync(int fd) {
  char path[SM_SHIM_PATH_MAX];
  uint64_t inode;
  if (lies || log_fd < 0) return;
  if (watched(fd, &inode)) {
    put(SYNC, inode, 0, NULL, 0);
    return;
  }
  sm_shim_path_of(fd, path);
  if (strcmp(path, dir) == 0)
    put(SYNC_DIR, 0, 0, NULL, 0);
  else if (inside(path))
    put(SYNC_DIR, 0, 0, below(path), strlen(below(path)));
}

static int sync_by(int (**next)(int), int fd) {
  take_lock();
  int result = (*next)(fd);
  if (result == 0) put_sync(fd);
  (void)pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) {
  return sync_by(&next_fsync, fd);
}

int fdatasync(int fd) {
  return sync_by(&next_fdatasync, fd);
}

/* ---- names ---- */

/* O_TRUNC on a file that was there is a truncation, too. */
static void put_open(int fd, const char *path, int flags, bool was_there) {
  struct stat found;
  if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) return;
  if (!was_there)
    put(CREATE, found.st_ino, 0, below(path), strlen(below(path)));
  else if ((flags & O_TRUNC) != 0)
    put(TRUNCATE, found.st_ino, 0, NULL, 0);
}

int open64(const char *name, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  /* Another library's constructor may come here before ours has run. */
  if (next_open == NULL) start();
  if ((flags & (O_CREAT | O_TRUNC)) == 0) return next_open(name, flags);
  char path[PATH_MAX + NAME_MAX + 2];
  struct stat found;
  take_lock();
  resolve(name, path);
  bool was_there = path[0] != '\0' && lstat(path, &found) == 0;
  int fd = next_open(name, flags, mode);
  int saved = errno;
  if (fd >= 0 && path[0] != '\0') put_open(fd, path, flags, was_there);
  (void)pthread_mutex_unlock(&lock);
  errno = saved;
  return fd;
}

int open(const char *name, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  return open64(name, flags, mode);
}

/* A rename or a link. */
static int two_names(uint32_t kind, int (**next)(const char *, const char *), const char *from,
                     const char *to) {
  char names[2][PATH_MAX + NAME_MAX + 2];
  char both[2 * (PATH_MAX + NAME_MAX + 2)];
  take_lock();
  resolve(from, names[0]);
  resolve(to, names[1]);
  int result = (*next)(from, to);
  int saved = errno;
  if (result == 0 && names[0][0] != '\0' && names[1][0] != '\0') {
    int len = snprintf(both, sizeof both, "%s%s", below(names[0]), below(names[1]));
    put(kind, 0, (int64_t)strlen(below(names[0])), both, (size_t)len);
  }
  (void)pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int rename(const char *from, const char *to) {
  return two_names(RENAME, &next_rename, from, to);
}

int link(const char *from, const char *to) {
  return two_names(LINK, &next_link, from, to);
}

int unlink(const char *name) {
  char path[PATH_MAX + NAME_MAX + 2];
  take_lock();
  resolve(name, path);
  int result = next_unlink(name);
  int saved = errno;
  if (result == 0 && path[0] != '\0') put(UNLINK, 0, 0, below(path), strlen(below(path)));
  (void)pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int mkdir(const char *name, mode_t mode) {
  char path[PATH_MAX + NAME_MAX + 2];
  take_lock();
  resolve(name, path);
  int result = next_mkdir(name, mode);
  int saved = errno;
  if (result == 0 && path[0] != '\0') put(MAKE_DIR, 0, 0, below(path), strlen(below(path)));
  (void)pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}
