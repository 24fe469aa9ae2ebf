#include "posix/secret_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool path_of(const secret_files *files, unsigned set, edge_enrol_secret which,
                    const char *end, secret_path path) {
  static const char *const names[EDGE_ENROL_SECRETS] = {
      [EDGE_ENROL_CA] = "ca", [EDGE_ENROL_CERTIFICATE] = "certificate", [EDGE_ENROL_KEY] = "key"};
  int len = snprintf(path, sizeof(secret_path), "%s.%s-%u%s", files->flash, names[which], set, end);
  return len > 0 && (size_t)len < sizeof(secret_path);
}

static bool write_whole(const char *path, const char *text) {
  size_t len = strlen(text);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool good = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
  return close(fd) == 0 && good;
}

bool secret_files_keep(const secret_files *files, unsigned set, edge_enrol_secret which,
                       const char *pem) {
  secret_path path;
  secret_path new_path;
  if (!path_of(files, set, which, "", path) || !path_of(files, set, which, ".new", new_path))
    return false;
  if (pem[0] == '\0') return unlink(path) == 0 || errno == ENOENT;
  if (write_whole(new_path, pem) && rename(new_path, path) == 0) return true;
  (void)unlink(new_path);
  return false;
}

bool secret_files_find(const secret_files *files, unsigned set, edge_enrol_secret which,
                       secret_path path) {
  return path_of(files, set, which, "", path) && access(path, R_OK) == 0;
}
