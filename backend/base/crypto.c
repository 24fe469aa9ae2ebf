#include "base/crypto.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

/* Written once, by the first sm_crypto_init, before there are threads; later ones write nothing. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static bool hash_key_made;
/* For the life of the process. libsodium's SHA-256 uses no instructions made for it: it is several
 * times slower, and a billing run hashes all that it bills. */
static EVP_MD *fast_sha256;

static void init(void) {
  if (sodium_init() < 0) return;
  crypto_shorthash_keygen(hash_key);
  hash_key_made = true;
  fast_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

sm_err sm_crypto_init(void) {
  (void)pthread_once(&once, init);
  return hash_key_made ? SM_OK : SM_ERR_INTERNAL;
}

uint64_t sm_keyed_hash(const void *bytes, size_t len) {
  uint64_t hash;
  unsigned char out[crypto_shorthash_BYTES];
  assert(hash_key_made);
  (void)crypto_shorthash(out, bytes, len, hash_key);
  memcpy(&hash, out, sizeof hash);
  return hash;
}

void sm_random_bytes(void *out, size_t len) {
  randombytes_buf(out, len);
}

char *sm_random_id(const char *prefix, char out[SM_ID_MAX]) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  size_t len = strlen(prefix);
  assert(len <= 8);
  memcpy(out, prefix, len);
  uint8_t random[20];
  randombytes_buf(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++) out[len + i] = alphabet[random[i] & 31];
  out[len + sizeof random] = '\0';
  return out;
}

void sm_sha256(const void *bytes, size_t len, uint8_t digest[SM_SHA256_BYTES]) {
  if (fast_sha256 != NULL && EVP_Digest(bytes, len, digest, NULL, fast_sha256, NULL) == 1) return;
  (void)crypto_hash_sha256(digest, bytes, len);
}

char *sm_hex(const uint8_t *bytes, size_t len, char *out) {
  return sodium_bin2hex(out, len * 2 + 1, bytes, len);
}
