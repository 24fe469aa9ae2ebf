/* The secrets of a deployment, encrypted on their own, so that they are kept apart from its
 * backups. The file is bound to a passphrase:
 *
 *   "SMKEYS1\n", argon2id's passes and KiB (4 bytes each, big endian), 16 bytes salt, 24 bytes
 *   header of an XChaCha20-Poly1305 secretstream, and its one message, the last, which is bound to
 *   all before it: {"created": …, "files": [{"path": "keys/pii.json", "data": "<base64>"}]}. */
#ifndef SM_TRANSFER_KEYBOX_H
#define SM_TRANSFER_KEYBOX_H

#include "base/buf.h"
#include "base/err.h"
#include "transfer/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_KEYBOX_FILES_MAX = 4096,
  SM_KEYBOX_BYTES_MAX = 64 * 1024 * 1024,
  SM_PASSPHRASE_MIN = 12, /* bytes */
  SM_PASSPHRASE_MAX = 1024
};

typedef struct sm_keybox_file {
  char path[SM_SECRET_PATH_MAX]; /* one that sm_secret_path takes */
  char *data;                    /* heap */
  size_t len;
} sm_keybox_file;

typedef struct sm_keybox {
  int64_t created_ms;
  sm_keybox_file *file; /* heap; by path */
  size_t count;
} sm_keybox;
/* Wipes it; safe on a zeroed one. */
void sm_keybox_fini(sm_keybox *box);

/* Reads all secrets of a data folder. SM_ERR_NOT_FOUND: there are none. */
SM_MUST_CHECK sm_err sm_keybox_gather(const char *data_dir, sm_keybox *box);
/* `out` is set up by the caller. SM_ERR_NOMEM (also if argon2id gets no memory). */
SM_MUST_CHECK sm_err sm_keybox_lock(const sm_keybox *box, const char *passphrase, size_t len,
                                    sm_buf *out);
/* SM_ERR_DENIED: another passphrase, or damaged; SM_ERR_SYNTAX: no such file; SM_ERR_RANGE: it asks
 * for more work than this program ever does. */
SM_MUST_CHECK sm_err sm_keybox_unlock(const void *bytes, size_t bytes_len, const char *passphrase,
                                      size_t len, sm_keybox *box);
/* The JSON inside. SM_ERR_CORRUPT: not what this program writes, which a path that is no secret's
 * is too. */
SM_MUST_CHECK sm_err sm_keybox_read(const char *json, size_t len, sm_keybox *box);

/* Puts the files in their places in a data folder (mode 0600). What is there and is the same is
 * left; what differs is an obstacle, told, unless `force`, which sets it aside as
 * <file>.replaced-<time>. Nothing is changed if there is an obstacle. *written counts the files. */
bool sm_keybox_unpack(const sm_keybox *box, const char *data_dir, bool force, size_t *written);

#endif
