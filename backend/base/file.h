/* Small files, whole: secrets, certificates, settings. */
#ifndef SM_BASE_FILE_H
#define SM_BASE_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads all of a file of at most `limit` bytes into heap memory with a NUL behind it; the caller
 * frees *data. SM_ERR_NOT_FOUND, SM_ERR_DENIED, SM_ERR_RANGE (larger), SM_ERR_IO. len may be NULL.
 */
SM_MUST_CHECK sm_err sm_file_read(const char *path, size_t limit, char **data, size_t *len);
/* Makes the name of a file or folder durable: what was made, renamed or removed stays so over a
 * power cut. SM_ERR_IO, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_file_sync_name(const char *path);
/* Replaces a file as a whole and durably (temporary file, fsync, rename, fsync of the folder), mode
 * 0600. SM_ERR_IO, SM_ERR_DENIED, SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_file_write_private(const char *path, const void *data, size_t len);
/* Makes a folder and what is missing above it, mode 0700, durably. SM_ERR_IO, SM_ERR_DENIED,
 * SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_dir_make(const char *path);
/* What a write that has just failed comes to, by errno: SM_ERR_FULL, SM_ERR_DENIED or SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_write_err(void);
/* The same of an opening: SM_ERR_NOT_FOUND too. */
SM_MUST_CHECK sm_err sm_open_err(void);
/* Writes all of it, however many calls that takes. SM_ERR_FULL, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_write_all(int fd, const void *bytes, size_t len);
bool sm_file_exists(const char *path);
/* Whether something has that name: SM_ERR_NOT_FOUND, SM_ERR_DENIED (a folder above it may not be
 * looked into), SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_file_look(const char *path);
/* "dir/name" on the heap; NULL without memory. */
char *sm_path_join(const char *dir, const char *name);

#endif
