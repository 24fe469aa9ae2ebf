/* Flash as a file: with the rules of NOR, and down on the disk when a write returns. The file is
 * locked, since two meters on one log would spoil it. */
#ifndef EDGE_POSIX_FLASH_FILE_H
#define EDGE_POSIX_FLASH_FILE_H

#include "core/flash.h"

typedef struct flash_file {
  int fd;
  uint32_t first; /* sector of the file at which this stretch begins */
} flash_file;

/* Opens the file, which is made, all erased, if it is not there, and locks it; the descriptor, or
 * -1 with errno set (EWOULDBLOCK: another program has it; EINVAL: it is of another size). */
int flash_file_open(const char *path, uint32_t sectors);
/* A stretch of it; `file` must outlive the port. */
edge_flash flash_file_port(flash_file *file, uint32_t sectors);

#endif
