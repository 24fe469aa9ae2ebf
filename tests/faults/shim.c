#include "shim.h"

#include <stdio.h>
#include <unistd.h>

void sm_shim_path_of(int fd, char *path) {
  char link[64];
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, SM_SHIM_PATH_MAX - 1);
  path[len > 0 ? len : 0] = '\0';
}
