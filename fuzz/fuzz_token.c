/* An access token as anybody may send it. The first byte says how: '!' and then pairs of a place
 * and a byte are edits of a good token, anything else is the token itself. Whoever made it, what is
 * accepted says what the good one says. */
#include "auth/token.h"
#include "base/crypto.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sm_tokens *tokens;
static char *good;

static int64_t stands_still(void *context) {
  (void)context;
  return INT64_C(1769679900000);
}

static char dir[] = "/tmp/sm-fuzz-token-XXXXXX";

static void remove_keys(void) {
  static const char *const names[] = {"keys/token-signing.json", "keys", ""};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)remove(path);
  }
}

static void set_up(void) {
  int64_t expires_ms;
  const sm_tokens_options options = {.data_dir = dir, .now = stands_still};
  if (sm_crypto_init() != SM_OK || mkdtemp(dir) == NULL ||
      sm_tokens_new(&options, &tokens) != SM_OK ||
      sm_tokens_issue(tokens, "u_fuzz", "f_fuzz", SM_ROLE_CONSUMER, &good, &expires_ms) != SM_OK ||
      atexit(remove_keys) != 0)
    abort();
}

static void check(const char *token, size_t len) {
  sm_claims claims;
  sm_err err = sm_tokens_verify(tokens, token, len, &claims);
  if (err != SM_OK && err != SM_ERR_DENIED) abort();
  if (err == SM_OK && (strcmp(claims.user_id, "u_fuzz") != 0 || claims.role != SM_ROLE_CONSUMER))
    abort();
}

static void check_edited(const uint8_t *data, size_t size) {
  size_t len = strlen(good);
  char *copy = strdup(good);
  if (copy == NULL) return;
  for (size_t i = 0; i + 1 < size; i += 2) copy[data[i] * len / 256] = (char)data[i + 1];
  check(copy, len);
  if (size < 2 && sm_tokens_verify(tokens, copy, len, &(sm_claims){.user_id = ""}) != SM_OK)
    abort(); /* no edit at all */
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t hash[32];
  if (tokens == NULL) set_up();
  if (size > 0 && data[0] == '!') {
    check_edited(data + 1, size - 1);
    return 0;
  }
  char *token = malloc(size + 1);
  if (token == NULL) return 0;
  if (size > 0) memcpy(token, data, size);
  token[size] = '\0';
  check(token, size);
  if (sm_refresh_token_hash(token, size, hash) == SM_OK && size != SM_REFRESH_TOKEN_MAX - 1)
    abort();
  free(token);
  return 0;
}
