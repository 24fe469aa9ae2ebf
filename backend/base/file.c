#include "base/file.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

sm_err sm_file_read(const char *path, size_t limit, char **data, size_t *len) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return sm_open_err();
  sm_buf buf;
  sm_buf_init(&buf, limit);
  char chunk[4096];
  ssize_t n;
  while ((n = read(fd, chunk, sizeof chunk)) > 0) sm_buf_append(&buf, chunk, (size_t)n);
  (void)close(fd);
  if (n < 0) buf.err = SM_ERR_IO;
  sm_err err = buf.err;
  size_t got = buf.len;
  char *text = sm_buf_take(&buf);
  if (text == NULL && err == SM_OK) err = SM_ERR_NOMEM;
  if (err != SM_OK) {
    sm_buf_fini(&buf);
    return err;
  }
  *data = text;
  if (len != NULL) *len = got;
  return SM_OK;
}

sm_err sm_write_err(void) {
  if (errno == EACCES || errno == EPERM) return SM_ERR_DENIED;
  return errno == ENOSPC || errno == EDQUOT ? SM_ERR_FULL : SM_ERR_IO;
}

sm_err sm_open_err(void) {
  return errno == ENOENT ? SM_ERR_NOT_FOUND : sm_write_err();
}

sm_err sm_write_all(int fd, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t n = write(fd, at, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sm_write_err();
    at += n;
    len -= (size_t)n;
  }
  return SM_OK;
}

sm_err sm_file_sync_name(const char *path) {
  const char *slash = strrchr(path, '/');
  char *parent = slash == NULL   ? strdup(".")
                 : slash == path ? strdup("/")
                                 : strndup(path, (size_t)(slash - path));
  if (parent == NULL) return SM_ERR_NOMEM;
  int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(parent);
  if (fd < 0) return SM_ERR_IO;
  /* EINVAL: a file system that has no such thing, and whose names are durable or never will be. */
  sm_err err = fsync(fd) == 0 || errno == EINVAL ? SM_OK : SM_ERR_IO;
  (void)close(fd);
  return err;
}

sm_err sm_file_write_private(const char *path, const void *data, size_t len) {
  static atomic_uint calls; /* two threads may write the same file */
  sm_buf temporary;
  sm_buf_init(&temporary, 0);
  sm_buf_printf(&temporary, "%s.%ld.%u.tmp", path, (long)getpid(), atomic_fetch_add(&calls, 1));
  const char *name = sm_buf_text(&temporary);
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  sm_err err = fd >= 0 ? SM_OK : sm_write_err();
  if (fd >= 0) {
    err = sm_write_all(fd, data, len);
    if (err == SM_OK && fsync(fd) != 0) err = SM_ERR_IO;
    if (close(fd) != 0 && err == SM_OK) err = SM_ERR_IO;
    if (err == SM_OK && rename(name, path) != 0) err = SM_ERR_IO;
    if (err == SM_OK) err = sm_file_sync_name(path);
    if (err != SM_OK) (void)unlink(name);
  }
  sm_buf_fini(&temporary);
  return err;
}

sm_err sm_dir_make(const char *path) {
  char *copy = strdup(path);
  if (copy == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (char *at = copy + 1; err == SM_OK; at++) {
    if (*at != '/' && *at != '\0') continue;
    char was = *at;
    *at = '\0';
    if (mkdir(copy, 0700) == 0)
      err = sm_file_sync_name(copy);
    else if (errno != EEXIST)
      err = sm_write_err();
    *at = was;
    if (was == '\0') break;
  }
  struct stat st;
  if (err == SM_OK && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) err = SM_ERR_IO;
  free(copy);
  return err;
}

bool sm_file_exists(const char *path) {
  return access(path, F_OK) == 0;
}

sm_err sm_file_look(const char *path) {
  if (access(path, F_OK) == 0) return SM_OK;
  return errno == ENOTDIR ? SM_ERR_NOT_FOUND : sm_open_err();
}

char *sm_path_join(const char *dir, const char *name) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_buf_printf(&buf, "%s/%s", dir, name);
  return sm_buf_take(&buf);
}
