#include "alerts/signature.h"

#include "base/crypto.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

char *sm_signature(const char *secret, int64_t at_ms, const void *body, size_t len,
                   char out[SM_SIGNATURE_MAX]) {
  crypto_auth_hmacsha256_state state;
  uint8_t digest[crypto_auth_hmacsha256_BYTES];
  char hex[2 * sizeof digest + 1];
  char head[32];
  int head_len = snprintf(head, sizeof head, "%lld.", (long long)(at_ms / 1000));
  (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
  (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)head,
                                      (unsigned long long)head_len);
  (void)crypto_auth_hmacsha256_update(&state, body, len);
  (void)crypto_auth_hmacsha256_final(&state, digest);
  sodium_memzero(&state, sizeof state);
  (void)snprintf(out, SM_SIGNATURE_MAX, "t=%lld,v1=%s", (long long)(at_ms / 1000),
                 sm_hex(digest, sizeof digest, hex));
  return out;
}

char *sm_webhook_secret(char out[SM_WEBHOOK_SECRET_MAX]) {
  uint8_t bytes[32];
  sm_random_bytes(bytes, sizeof bytes);
  memcpy(out, "whs_", 4);
  (void)sodium_bin2base64(out + 4, SM_WEBHOOK_SECRET_MAX - 4, bytes, sizeof bytes,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(bytes, sizeof bytes);
  return out;
}
