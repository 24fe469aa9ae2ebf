#define _GNU_SOURCE
#include "app/confine.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library has no names for these. */
static int create_ruleset(const struct landlock_ruleset_attr *attr, size_t size, unsigned flags) {
  return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}
static int add_rule(int rules, const struct landlock_path_beneath_attr *attr) {
  return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, attr, 0);
}
static int restrict_self(int rules) {
  return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

/* Reading and changing; a list of names in a folder tells nothing. REFER, since without it nothing
 * could be moved from a folder to another any more. */
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define OF_FOLDERS                                                                                 \
  (OF_FILES | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                     \
   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM |       \
   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_REFER)

/* What cannot be opened even as a path cannot be used either. */
static sm_err allow(int rules, int folder, const char *name) {
  int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return SM_OK;
  struct stat st;
  sm_err err = SM_OK;
  if (fstat(fd, &st) == 0 && !S_ISLNK(st.st_mode)) {
    const struct landlock_path_beneath_attr attr = {
        .allowed_access = S_ISDIR(st.st_mode) ? OF_FOLDERS : OF_FILES, .parent_fd = fd};
    /* EBADFD: of a file system of the kernel's own (pipes and the like), which is not confined. */
    if (add_rule(rules, &attr) != 0 && errno != EBADFD) err = SM_ERR_IO;
  }
  (void)close(fd);
  return err;
}

/* All in a folder but one. */
static sm_err allow_others(int rules, const char *path, const char *except) {
  DIR *dir = opendir(path);
  if (dir == NULL) return errno == ENOENT || errno == EACCES ? SM_OK : SM_ERR_IO;
  sm_err err = SM_OK;
  for (struct dirent *entry; err == SM_OK && (entry = readdir(dir)) != NULL;) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, except) == 0) continue;
    err = allow(rules, dirfd(dir), name);
  }
  (void)closedir(dir);
  return err;
}

/* `path` is absolute and without links: all beside it, and beside each folder above it. */
static sm_err allow_around(int rules, char *path) {
  sm_err err = SM_OK;
  while (err == SM_OK && strcmp(path, "/") != 0) {
    char *slash = strrchr(path, '/');
    char name[NAME_MAX + 1];
    size_t len = strlen(slash + 1);
    if (len > NAME_MAX) return SM_ERR_RANGE;
    memcpy(name, slash + 1, len + 1);
    slash[slash == path ? 1 : 0] = '\0';
    err = allow_others(rules, path, name);
  }
  return err;
}

/* Where the folder is, or will be: its parent must be there. */
static char *resolve(const char *folder) {
  char *there = realpath(folder, NULL);
  if (there != NULL) return there;
  char *copy = strdup(folder);
  if (copy == NULL) return NULL;
  size_t len = strlen(copy);
  while (len > 1 && copy[len - 1] == '/') copy[--len] = '\0';
  char *slash = strrchr(copy, '/');
  const char *name = slash != NULL ? slash + 1 : copy;
  char *parent = realpath(slash == NULL ? "." : slash == copy ? "/" : (*slash = '\0', copy), NULL);
  sm_buf path;
  sm_buf_init(&path, PATH_MAX);
  if (parent != NULL) sm_buf_printf(&path, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
  free(copy);
  free(parent);
  return path.len > 0 ? sm_buf_take(&path) : NULL;
}

sm_err sm_confine(const char *folder) {
  if (create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2) return SM_ERR_UNSUPPORTED;
  char *path = resolve(folder);
  if (path == NULL) return SM_ERR_IO;
  const struct landlock_ruleset_attr attr = {.handled_access_fs = OF_FOLDERS};
  int rules = create_ruleset(&attr, sizeof attr, 0);
  sm_err err = rules >= 0 ? allow_around(rules, path) : SM_ERR_IO;
  if (err == SM_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) err = SM_ERR_IO;
  if (err == SM_OK && restrict_self(rules) != 0) err = SM_ERR_IO;
  if (rules >= 0) (void)close(rules);
  free(path);
  return err;
}
