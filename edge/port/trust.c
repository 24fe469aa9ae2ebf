#include "port/trust.h"

#include <string.h>

enum { SPKI_LEN = 91, SPKI_HEAD_LEN = 26 };
/* The SubjectPublicKeyInfo of a P-256 key, up to the flag of its point: another curve of the same
 * size differs in it. */
static const uint8_t spki_head[SPKI_HEAD_LEN] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
    0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static const mbedtls_md_info_t *sha256_info(void) {
  return mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
}

void edge_trust_init(edge_trust *trust) {
  memset(trust, 0, sizeof *trust);
  for (unsigned i = 0; i < EDGE_TRUST_KEYS_MAX; i++) mbedtls_pk_init(&trust->keys[i]);
  mbedtls_md_init(&trust->hash);
  trust->hash_good = mbedtls_md_setup(&trust->hash, sha256_info(), 0) == 0;
}

void edge_trust_fini(edge_trust *trust) {
  for (unsigned i = 0; i < EDGE_TRUST_KEYS_MAX; i++) mbedtls_pk_free(&trust->keys[i]);
  mbedtls_md_free(&trust->hash);
}

static bool id_of(mbedtls_pk_context *key, char id[EDGE_TRUST_ID_LEN + 1]) {
  static const char digits[] = "0123456789abcdef";
  uint8_t der[SPKI_LEN];
  uint8_t sha[EDGE_TRUST_SHA_LEN];
  if (mbedtls_pk_write_pubkey_der(key, der, sizeof der) != SPKI_LEN ||
      memcmp(der, spki_head, sizeof spki_head) != 0 ||
      mbedtls_md(sha256_info(), der, sizeof der, sha) != 0)
    return false;
  for (unsigned i = 0; i < EDGE_TRUST_ID_LEN; i++)
    id[i] = digits[sha[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xF];
  id[EDGE_TRUST_ID_LEN] = '\0';
  return true;
}

bool edge_trust_add_key(edge_trust *trust, const uint8_t *key, size_t len) {
  if (trust->count == EDGE_TRUST_KEYS_MAX) return false;
  mbedtls_pk_context *to = &trust->keys[trust->count];
  if (mbedtls_pk_parse_public_key(to, key, len) != 0 || !mbedtls_pk_can_do(to, MBEDTLS_PK_ECDSA) ||
      !id_of(to, trust->ids[trust->count])) {
    mbedtls_pk_free(to);
    mbedtls_pk_init(to);
    return false;
  }
  trust->count++;
  return true;
}

bool edge_trust_verify(void *context, const uint8_t *bytes, size_t len, const uint8_t *signature,
                       size_t signature_len) {
  edge_trust *trust = context;
  uint8_t sha[EDGE_TRUST_SHA_LEN];
  if (mbedtls_md(sha256_info(), bytes, len, sha) != 0) return false;
  for (unsigned i = 0; i < trust->count; i++)
    if (mbedtls_pk_verify(&trust->keys[i], MBEDTLS_MD_SHA256, sha, sizeof sha, signature,
                          signature_len) == 0)
      return true;
  return false;
}

void edge_trust_hash_begin(void *context) {
  edge_trust *trust = context;
  trust->hash_good = mbedtls_md_starts(&trust->hash) == 0;
}

void edge_trust_hash_add(void *context, const uint8_t *bytes, size_t len) {
  edge_trust *trust = context;
  if (trust->hash_good && mbedtls_md_update(&trust->hash, bytes, len) != 0)
    trust->hash_good = false;
}

void edge_trust_hash_end(void *context, uint8_t sha256[EDGE_TRUST_SHA_LEN]) {
  edge_trust *trust = context;
  if (!trust->hash_good || mbedtls_md_finish(&trust->hash, sha256) != 0)
    memset(sha256, 0, EDGE_TRUST_SHA_LEN);
}
