#include "posix/flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fill(int fd, uint32_t sector) {
  uint8_t blank[EDGE_SECTOR_SIZE];
  memset(blank, 0xFF, sizeof blank);
  return pwrite(fd, blank, sizeof blank, (off_t)sector * EDGE_SECTOR_SIZE) == sizeof blank;
}

/* A file that is too short was being made when the power went. */
static bool complete(int fd, uint32_t sectors) {
  struct stat info;
  off_t wanted = (off_t)sectors * EDGE_SECTOR_SIZE;
  if (fstat(fd, &info) != 0) return false;
  if (info.st_size > wanted) {
    errno = EINVAL;
    return false;
  }
  for (uint32_t i = (uint32_t)(info.st_size / EDGE_SECTOR_SIZE); i < sectors; i++)
    if (!fill(fd, i)) return false;
  return fsync(fd) == 0;
}

int flash_file_open(const char *path, uint32_t sectors) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && complete(fd, sectors)) return fd;
  int why = errno;
  (void)close(fd);
  errno = why;
  return -1;
}

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  const flash_file *f = context;
  return pread(f->fd, bytes, len, (off_t)f->first * EDGE_SECTOR_SIZE + at) == (ssize_t)len;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  const flash_file *f = context;
  uint8_t there[EDGE_SECTOR_SIZE];
  const uint8_t *from = bytes;
  if (len > sizeof there || !read_flash(context, at, there, len)) return false;
  for (size_t i = 0; i < len; i++) there[i] &= from[i];
  return pwrite(f->fd, there, len, (off_t)f->first * EDGE_SECTOR_SIZE + at) == (ssize_t)len &&
         fdatasync(f->fd) == 0;
}

static bool erase_flash(void *context, uint32_t sector) {
  const flash_file *f = context;
  return fill(f->fd, f->first + sector) && fdatasync(f->fd) == 0;
}

edge_flash flash_file_port(flash_file *file, uint32_t sectors) {
  return (edge_flash){.context = file,
                      .sectors = sectors,
                      .read = read_flash,
                      .write = write_flash,
                      .erase = erase_flash};
}
