/* How far an import has come, kept in the data folder (`imports/`) so that a second run of the same
 * file goes on where the first was broken off. It never runs ahead of what is durable; where it is
 * missing, old or wrong, rows are imported again, which changes nothing. */
#ifndef SM_TRANSFER_IMPORT_STATE_H
#define SM_TRANSFER_IMPORT_STATE_H

#include "base/crypto.h"
#include "base/err.h"
#include "transfer/import_file.h"
#include "transfer/importer.h"

#include <stddef.h>
#include <stdint.h>

/* What tells a file from another one at the same path. */
typedef struct sm_import_identity {
  uint64_t size; /* of the file itself: it may have grown since, not shrunk */
  size_t head_len;
  uint8_t head[SM_SHA256_BYTES]; /* SHA-256 of its first head_len bytes */
} sm_import_identity;

typedef struct sm_import_state {
  sm_import_identity identity;
  sm_import_place place;
  sm_import_counts counts;
} sm_import_state;

/* The state's path for a file, heap text; NULL without memory, or if the file cannot be found. */
char *sm_import_state_path(const char *data_dir, const char *file);
/* SM_ERR_NOT_FOUND: there is none that can be used. */
SM_MUST_CHECK sm_err sm_import_state_load(const char *path, sm_import_state *state);
SM_MUST_CHECK sm_err sm_import_state_save(const char *path, const sm_import_state *state);
void sm_import_state_remove(const char *path);

#endif
