/* A file of secret keys: <data_dir>/keys/<name>.json, mode 0600, made with random keys at the first
 * start, also if two processes start at once (one wins, both use what it wrote). Several keys stand
 * in one file, oldest first, so that a key can be rotated: the newest of a use makes, all check.
 *
 * {"keys": [{"kid": "k…", "use": "sign", "created": "2026-01-01T00:00:00Z", "key": "<base64>"}]} */
#ifndef SM_AUTH_KEYFILE_H
#define SM_AUTH_KEYFILE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_KEY_BYTES = 32, SM_KEY_ID_MAX = 33, SM_KEY_USE_MAX = 17, SM_KEYS_MAX = 64 };

typedef struct sm_key {
  char kid[SM_KEY_ID_MAX]; /* 1 to 32 of A-Z a-z 0-9 _ - */
  char use[SM_KEY_USE_MAX];
  int64_t created_ms;
  uint8_t bytes[SM_KEY_BYTES];
} sm_key;

typedef struct sm_keyfile {
  sm_key *key; /* oldest first */
  size_t count;
} sm_keyfile;

/* Reads the file; makes it, with one key for each of `uses` (NULL ends the list), if it is not
 * there. SM_ERR_CORRUPT: not what this program writes, a use has no key, others than its owner
 * may read it or write its folder, or it is another user's (told with the fix); SM_ERR_DENIED,
 * SM_ERR_IO, SM_ERR_FULL, SM_ERR_NOMEM. A failure is logged with the file's path. fini with
 * sm_keyfile_fini. */
SM_MUST_CHECK sm_err sm_keyfile_open(const char *data_dir, const char *name,
                                     const char *const *uses, int64_t now_ms, sm_keyfile *file);
/* Adds a new key for `use` to the file as it is now, and keeps the newest `keep` (≥ 1) keys of that
 * use. One rotation at a time: the caller is an operator's command. Errors as open. */
SM_MUST_CHECK sm_err sm_keyfile_rotate(const char *data_dir, const char *name, const char *use,
                                       size_t keep, int64_t now_ms);
/* Drops all keys of a use but the newest. Errors as open. */
SM_MUST_CHECK sm_err sm_keyfile_keep_newest(const char *data_dir, const char *name,
                                            const char *use);
/* The same, but of older keys those stay which had a newer one beside them only after `before_ms`:
 * INT64_MAX keeps the new key alone. */
SM_MUST_CHECK sm_err sm_keyfile_replace(const char *data_dir, const char *name, const char *use,
                                        int64_t before_ms, int64_t now_ms);
/* Wipes the keys; safe on a zeroed one. */
void sm_keyfile_fini(sm_keyfile *file);

/* The key with this id, or the newest one, of a use; borrowed; NULL if there is none. */
const sm_key *sm_keyfile_find(const sm_keyfile *file, const char *use, const char *kid);
const sm_key *sm_keyfile_newest(const sm_keyfile *file, const char *use);
/* When the next newer key of its use was made; INT64_MAX: this is the newest. */
int64_t sm_keyfile_superseded_ms(const sm_keyfile *file, const sm_key *key);

#endif
