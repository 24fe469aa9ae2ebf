/* Whom a meter believes about its firmware: up to two public keys, ECDSA over P-256, and what they
 * signed, by SHA-256. By mbedTLS, which is ESP-IDF's own, so that the chip and this machine check
 * with the same code (2.28 and 3 alike). The functions with a void context are those of
 * edge_ota_port, with the edge_trust as context. One thread. */
#ifndef EDGE_PORT_TRUST_H
#define EDGE_PORT_TRUST_H

#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDGE_TRUST_KEYS_MAX = 2, EDGE_TRUST_ID_LEN = 16, EDGE_TRUST_SHA_LEN = 32 };

typedef struct edge_trust {
  mbedtls_pk_context keys[EDGE_TRUST_KEYS_MAX];
  /* Of each: the first 16 hexadecimal digits of SHA-256 of its SubjectPublicKeyInfo in DER. */
  char ids[EDGE_TRUST_KEYS_MAX][EDGE_TRUST_ID_LEN + 1];
  unsigned count;
  mbedtls_md_context_t hash;
  bool hash_good;
} edge_trust;

void edge_trust_init(edge_trust *trust);
void edge_trust_fini(edge_trust *trust);
/* A public key as PEM, with the NUL at its end counted in `len`, or DER. False: it is none of
 * P-256, or there are two already. */
bool edge_trust_add_key(edge_trust *trust, const uint8_t *key, size_t len);

/* Whether one of the keys signed it: `signature` is DER. Without a key nothing verifies. */
bool edge_trust_verify(void *context, const uint8_t *bytes, size_t len, const uint8_t *signature,
                       size_t signature_len);
void edge_trust_hash_begin(void *context);
void edge_trust_hash_add(void *context, const uint8_t *bytes, size_t len);
/* If the hash could not be made, it is one that nothing has: all 0. */
void edge_trust_hash_end(void *context, uint8_t sha256[EDGE_TRUST_SHA_LEN]);

#endif
