/* The few primitives that more than one module needs, over libsodium: random ids and SHA-256. */
#ifndef SM_BASE_CRYPTO_H
#define SM_BASE_CRYPTO_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_SHA256_BYTES = 32, SM_SHA256_HEX_MAX = 65, SM_ID_MAX = 33 };

/* Once at the start of every program, before anything else here. SM_ERR_INTERNAL if the system has
 * no randomness. */
SM_MUST_CHECK sm_err sm_crypto_init(void);

void sm_random_bytes(void *out, size_t len);
/* An opaque id: `prefix` (at most 8 characters) and 20 random characters of a-z 2-7. Returns out.
 */
char *sm_random_id(const char *prefix, char out[SM_ID_MAX]);

/* A hash for tables in memory, keyed with randomness of the process, so that names chosen by
 * strangers cannot make them slow. */
uint64_t sm_keyed_hash(const void *bytes, size_t len);

void sm_sha256(const void *bytes, size_t len, uint8_t digest[SM_SHA256_BYTES]);
char *sm_hex(const uint8_t *bytes, size_t len, char *out); /* out: 2 × len + 1 */

#endif
