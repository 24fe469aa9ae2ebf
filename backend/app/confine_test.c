#include "app/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NO_LANDLOCK = 77 };

static char root[] = "/tmp/smartmeter-confine.XXXXXX";
static char path_of[256];

static const char *in_root(const char *name) {
  (void)snprintf(path_of, sizeof path_of, "%s/%s", root, name);
  return path_of;
}

static void put(const char *name) {
  int fd = open(in_root(name), O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "x", 1), 1);
  (void)close(fd);
}

static int opens(const char *name, int flags) {
  int fd = open(in_root(name), flags, 0600);
  int failed = fd < 0 ? errno : 0;
  if (fd >= 0) (void)close(fd);
  return failed;
}

/* In a child, since there is no way back. */
static int look(const char *folder) {
  sm_err err = sm_confine(in_root(folder));
  if (err == SM_ERR_UNSUPPORTED) return NO_LANDLOCK;
  if (err != SM_OK) return 1;
  if (opens("data.ca/ca.key", O_RDONLY) != EACCES) return 2;
  if (opens("data.ca/ca.key", O_WRONLY) != EACCES) return 3;
  if (opens("data.ca/new", O_WRONLY | O_CREAT) != EACCES) return 4;
  if (opens("data/../data.ca/ca.key", O_RDONLY) != EACCES) return 5;
  if (opens("data/link", O_RDONLY) != EACCES) return 6;
  if (opens("data/file", O_RDONLY) != 0 || opens("data/new", O_RDWR | O_CREAT) != 0) return 7;
  char from[256];
  (void)snprintf(from, sizeof from, "%s", in_root("data.ca"));
  if (rename(from, in_root("data/taken")) == 0) return 8;
  (void)snprintf(from, sizeof from, "%s", in_root("data.ca/ca.key"));
  if (link(from, in_root("data/linked")) == 0 || unlink(from) == 0) return 9;
  (void)snprintf(from, sizeof from, "%s", in_root("data/new"));
  if (rename(from, in_root("data/deep/moved")) != 0) return 10;
  if (access("/proc/self/status", R_OK) != 0 || opens("../../proc/self/status", O_RDONLY) != 0)
    return 11;
  pid_t child = fork();
  if (child == 0) _exit(opens("data.ca/ca.key", O_RDONLY) == EACCES ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 12;
}

static int looks(const char *folder) {
  pid_t pid = fork();
  if (pid == 0) _exit(look(folder));
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void gives_up_the_folder_and_nothing_else(void **state) {
  (void)state;
  assert_non_null(mkdtemp(root));
  assert_int_equal(mkdir(in_root("data"), 0700), 0);
  assert_int_equal(mkdir(in_root("data/deep"), 0700), 0);
  assert_int_equal(mkdir(in_root("data.ca"), 0700), 0);
  put("data.ca/ca.key");
  put("data/file");
  char target[256];
  (void)snprintf(target, sizeof target, "%s", in_root("data.ca/ca.key"));
  assert_int_equal(symlink(target, in_root("data/link")), 0);
  assert_int_equal(opens("data/link", O_RDONLY), 0);

  int seen = looks("data.ca");
  if (seen == NO_LANDLOCK) skip();
  assert_int_equal(seen, 0);

  static const char *const files[] = {"data/link", "data/file", "data/deep/moved",
                                      "data.ca/ca.key"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    assert_int_equal(unlink(in_root(files[i])), 0);
  static const char *const folders[] = {"data/deep", "data", "data.ca", "."};
  for (size_t i = 0; i + 1 < sizeof folders / sizeof folders[0]; i++)
    assert_int_equal(rmdir(in_root(folders[i])), 0);
  assert_int_equal(rmdir(root), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gives_up_the_folder_and_nothing_else)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
