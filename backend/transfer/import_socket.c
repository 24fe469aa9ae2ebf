#include "transfer/import_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char name[] = "import.sock";

static int open_folder(const char *data_dir) {
  return open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct sockaddr_un address_in(int folder) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
  return address;
}

static int new_socket(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* The mode is set before there is a name, so that nobody else can ever connect. */
static sm_err bind_private(int fd, int folder) {
  struct sockaddr_un address = address_in(folder);
  (void)unlinkat(folder, name, 0);
  if (fchmod(fd, 0600) != 0) return SM_ERR_IO;
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) return SM_ERR_IO;
  return listen(fd, 4) == 0 ? SM_OK : SM_ERR_IO;
}

sm_err sm_import_socket_listen(const char *data_dir, int *out) {
  int folder = open_folder(data_dir);
  if (folder < 0) return SM_ERR_IO;
  int fd = new_socket();
  sm_err err = fd >= 0 ? bind_private(fd, folder) : SM_ERR_IO;
  (void)close(folder);
  if (err == SM_OK)
    *out = fd;
  else if (fd >= 0)
    (void)close(fd);
  return err;
}

sm_err sm_import_socket_connect(const char *data_dir, int *out) {
  int folder = open_folder(data_dir);
  if (folder < 0) return SM_ERR_IO;
  struct sockaddr_un address = address_in(folder);
  int fd = new_socket();
  sm_err err = fd >= 0 ? SM_OK : SM_ERR_IO;
  if (err == SM_OK && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
    err = errno == ENOENT || errno == ECONNREFUSED ? SM_ERR_NOT_FOUND : SM_ERR_IO;
  (void)close(folder);
  if (err == SM_OK)
    *out = fd;
  else if (fd >= 0)
    (void)close(fd);
  return err;
}

void sm_import_socket_remove(const char *data_dir) {
  int folder = open_folder(data_dir);
  if (folder < 0) return;
  (void)unlinkat(folder, name, 0);
  (void)close(folder);
}
