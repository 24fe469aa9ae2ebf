/* One writer a data directory: a lock of the kernel, so that it is gone when the process is. */
#include "store/data_lock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

sm_err sm_data_lock(const char *data_dir, int *lock) {
  char *path = sm_path_join(data_dir, "readings.db.lock");
  if (path == NULL) return SM_ERR_NOMEM;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  free(path);
  if (fd < 0) return sm_write_err();
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    *lock = fd;
    return SM_OK;
  }
  sm_err err = errno == EWOULDBLOCK ? SM_ERR_BUSY : SM_ERR_IO;
  (void)close(fd);
  return err;
}
