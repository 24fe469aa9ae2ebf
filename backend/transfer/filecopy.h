/* Whole files of any size, copied and told by their SHA-256; folders synced and removed. */
#ifndef SM_TRANSFER_FILECOPY_H
#define SM_TRANSFER_FILECOPY_H

#include "base/crypto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_file_print {
  uint64_t size;
  uint8_t sha256[SM_SHA256_BYTES];
} sm_file_print;

bool sm_file_print_equal(const sm_file_print *a, const sm_file_print *b);

/* SM_ERR_NOT_FOUND, SM_ERR_IO (also if it is no regular file). */
SM_MUST_CHECK sm_err sm_file_print_of(const char *path, sm_file_print *print);
/* Copies to a new file (mode 0600; SM_ERR_EXISTS), synced; what was copied is what `print` says.
 * Also SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_file_copy(const char *from, const char *to, sm_file_print *print);
/* Makes the names in a folder durable. */
SM_MUST_CHECK sm_err sm_dir_sync(const char *path);
/* Removes a folder and all in it, links not followed; one that is not there is fine. */
SM_MUST_CHECK sm_err sm_tree_remove(const char *path);

#endif
