/* An access token as a stranger may send it, and claims as somebody with the key may sign them: the
 * input is a token, or (with a line break in it) a header and claims, which are signed rightly.
 * What is accepted must be what it claims to be; one good token is tried first. */
#include "auth/keyfile.h"
#include "auth/token.h"
#include "base/crypto.h"
#include "base/log.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1767225600, KEPT_S = 30 };
static const char good_header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"KID\"}";
static const char good_claims[] =
    "{\"iss\":\"smartmeter\",\"aud\":\"smartmeter-api\",\"sub\":\"u_1\",\"sid\":\"f_1\",\"role\":"
    "\"admin\",\"jti\":\"t\",\"iat\":1767225600,\"nbf\":1767225600,\"exp\":1767226500}";

static sm_tokens *tokens;
static sm_key key;

static int64_t now(void *context) {
  (void)context;
  return (int64_t)NOW_S * 1000;
}

static void append_base64(char *out, size_t cap, const void *bytes, size_t len) {
  size_t used = strlen(out);
  (void)sodium_bin2base64(out + used, cap - used, bytes, len,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static const char *find_mark(const char *text, size_t len) {
  for (size_t i = 0; i + 3 <= len; i++)
    if (memcmp(text + i, "KID", 3) == 0) return text + i;
  return NULL;
}

/* KID in the header stands for the key's id, which is another one each time. */
static void sign_token(const char *header, size_t header_len, const char *claims, size_t claims_len,
                       char *out, size_t cap) {
  char named[600];
  const char *mark = find_mark(header, header_len);
  size_t before = mark == NULL ? header_len : (size_t)(mark - header);
  int len =
      snprintf(named, sizeof named, "%.*s%s%.*s", (int)before, header, mark == NULL ? "" : key.kid,
               mark == NULL ? 0 : (int)(header_len - before - 3), mark == NULL ? "" : mark + 3);
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  out[0] = '\0';
  append_base64(out, cap, named, len < (int)sizeof named ? (size_t)len : sizeof named - 1);
  (void)strcat(out, ".");
  append_base64(out, cap, claims, claims_len);
  (void)crypto_auth_hmacsha256(mac, (const unsigned char *)out, strlen(out), key.bytes);
  (void)strcat(out, ".");
  append_base64(out, cap, mac, sizeof mac);
}

static sm_err verify(const char *token, size_t len) {
  sm_claims claims;
  sm_err err = sm_tokens_verify(tokens, token, len, &claims);
  if (err != SM_OK) return err;
  size_t user = strnlen(claims.user_id, sizeof claims.user_id);
  size_t session = strnlen(claims.session_id, sizeof claims.session_id);
  bool whole =
      user > 0 && user < sizeof claims.user_id && session > 0 && session < sizeof claims.session_id;
  bool timely = claims.expires_ms > now(NULL) &&
                claims.expires_ms <= now(NULL) + (int64_t)(SM_TOKEN_LIFE_S + KEPT_S) * 1000;
  if (!whole || !timely || (claims.role != SM_ROLE_ADMIN && claims.role != SM_ROLE_CONSUMER))
    abort();
  return err;
}

static void open_tokens(void) {
  static const char *const uses[] = {"sign", NULL};
  char dir[] = "/tmp/sm-fuzz-claims-XXXXXX";
  char path[96];
  sm_keyfile file = {0};
  const sm_tokens_options options = {.data_dir = dir, .now = now};
  if (mkdtemp(dir) == NULL || sm_tokens_new(&options, &tokens) != SM_OK ||
      sm_keyfile_open(dir, "token-signing", uses, 0, &file) != SM_OK)
    abort();
  key = *sm_keyfile_newest(&file, "sign");
  sm_keyfile_fini(&file);
  (void)snprintf(path, sizeof path, "%s/keys/token-signing.json", dir);
  (void)unlink(path);
  (void)snprintf(path, sizeof path, "%s/keys", dir);
  (void)rmdir(path);
  (void)rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  char token[SM_TOKEN_MAX];
  sm_log_set_level(SM_LOG_ERROR);
  if (sm_crypto_init() != SM_OK) abort();
  open_tokens();
  sign_token(good_header, sizeof good_header - 1, good_claims, sizeof good_claims - 1, token,
             sizeof token);
  if (verify(token, strlen(token)) != SM_OK) abort();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
  if (line == NULL) {
    if (verify(size > 0 ? text : "", size) == SM_OK) abort(); /* nobody guesses a signature */
    return 0;
  }
  size_t header = (size_t)(line - text);
  size_t claims = size - header - 1;
  char token[4096];
  if (header > 500 || claims > 1500) return 0;
  sign_token(text, header, line + 1, claims, token, sizeof token);
  (void)verify(token, strlen(token));
  return 0;
}
