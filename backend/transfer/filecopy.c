#include "transfer/filecopy.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, FOLDERS_OPEN = 16 };

/* Reads all of `from`, writes it to `to` unless that is -1. */
static sm_err pass(int from, int to, sm_file_print *print) {
  crypto_hash_sha256_state state;
  sm_file_print got = {.size = 0};
  unsigned char *chunk = malloc(CHUNK);
  sm_err err = chunk != NULL ? SM_OK : SM_ERR_NOMEM;
  (void)crypto_hash_sha256_init(&state);
  while (err == SM_OK) {
    ssize_t n = read(from, chunk, CHUNK);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) err = SM_ERR_IO;
    if (n <= 0) break;
    (void)crypto_hash_sha256_update(&state, chunk, (unsigned long long)n);
    got.size += (uint64_t)n;
    if (to >= 0) err = sm_write_all(to, chunk, (size_t)n);
  }
  free(chunk);
  (void)crypto_hash_sha256_final(&state, got.sha256);
  if (err == SM_OK) *print = got;
  return err;
}

static sm_err open_regular(const char *path, int *out) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return sm_open_err();
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    (void)close(fd);
    return SM_ERR_IO;
  }
  *out = fd;
  return SM_OK;
}

bool sm_file_print_equal(const sm_file_print *a, const sm_file_print *b) {
  return a->size == b->size && memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

sm_err sm_file_print_of(const char *path, sm_file_print *print) {
  int fd = -1;
  sm_err err = open_regular(path, &fd);
  if (err != SM_OK) return err;
  err = pass(fd, -1, print);
  (void)close(fd);
  return err;
}

static sm_err copy_to_new(int from, const char *to, sm_file_print *print) {
  int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno == EEXIST ? SM_ERR_EXISTS : sm_write_err();
  sm_err err = pass(from, fd, print);
  if (err == SM_OK && fsync(fd) != 0) err = sm_write_err();
  if (close(fd) != 0 && err == SM_OK) err = sm_write_err();
  if (err != SM_OK) (void)unlink(to);
  return err;
}

sm_err sm_file_copy(const char *from, const char *to, sm_file_print *print) {
  int fd = -1;
  sm_err err = open_regular(from, &fd);
  if (err != SM_OK) return err;
  err = copy_to_new(fd, to, print);
  (void)close(fd);
  return err;
}

sm_err sm_dir_sync(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SM_ERR_IO;
  sm_err err = fsync(fd) == 0 ? SM_OK : SM_ERR_IO;
  (void)close(fd);
  return err;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place) {
  (void)st;
  (void)kind;
  (void)place;
  return remove(path);
}

sm_err sm_tree_remove(const char *path) {
  if (access(path, F_OK) != 0) return errno == ENOENT ? SM_OK : sm_open_err();
  return nftw(path, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS) == 0 ? SM_OK : SM_ERR_IO;
}
