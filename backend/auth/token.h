/* Tokens. An access token is a JWT (HS256) of 15 minutes that says who its bearer is; a refresh
 * token is 32 random bytes, of which the ledger keeps the SHA-256 only.
 *
 * A token is refused unless all of it is as we make it: algorithm exactly HS256, a key id that we
 * have, our issuer and audience, inside its time. libjwt makes the signature and checks it; it
 * accepts other algorithms and ended tokens, so every claim is checked here. */
#ifndef SM_AUTH_TOKEN_H
#define SM_AUTH_TOKEN_H

#include "base/err.h"
#include "store/ledger.h"

#include <stddef.h>
#include <stdint.h>

enum {
  SM_TOKEN_MAX = 2048,         /* bytes of an access token that are looked at */
  SM_TOKEN_LIFE_S = 900,       /* of an access token */
  SM_REFRESH_LIFE_S = 2592000, /* of a refresh token: 30 days */
  SM_REFRESH_TOKEN_MAX = 44,   /* 43 characters base64url and NUL */
  SM_USER_ID_MAX = 64          /* characters of a user id, without the NUL */
};

/* The wall clock, ms; tests give their own. */
typedef int64_t (*sm_now_fn)(void *context);

typedef struct sm_tokens sm_tokens; /* any number of threads */

typedef struct sm_tokens_options {
  const char *data_dir; /* keys are in <data_dir>/keys/token-signing.json */
  const char *issuer;   /* NULL: "smartmeter" */
  const char *audience; /* NULL: "smartmeter-api" */
  sm_now_fn now;        /* NULL: sm_clock_now_ms */
  void *now_context;
} sm_tokens_options;

/* Errors as sm_keyfile_open. */
SM_MUST_CHECK sm_err sm_tokens_new(const sm_tokens_options *options, sm_tokens **tokens);
void sm_tokens_free(sm_tokens *tokens); /* NULL is fine */

typedef struct sm_claims {
  char user_id[SM_USER_ID_MAX + 1];
  sm_role role;
  int64_t expires_ms;
} sm_claims;

/* A new access token, on the heap; the caller frees it. SM_ERR_RANGE: user_id too long. */
SM_MUST_CHECK sm_err sm_tokens_issue(sm_tokens *tokens, const char *user_id, sm_role role,
                                     char **token, int64_t *expires_ms);
/* SM_ERR_DENIED for whatever is wrong with it. A key id that is not known makes the key file be
 * read again (at most once a second): another process may have rotated it. */
SM_MUST_CHECK sm_err sm_tokens_verify(sm_tokens *tokens, const char *token, size_t len,
                                      sm_claims *claims);
/* A new signing key; what older ones signed is still taken. The three newest are kept. */
SM_MUST_CHECK sm_err sm_tokens_rotate(sm_tokens *tokens);

/* A new refresh token. Returns out. */
char *sm_refresh_token_make(char out[SM_REFRESH_TOKEN_MAX]);
/* Its hash as the ledger knows it. SM_ERR_DENIED: it does not look like one of ours. */
SM_MUST_CHECK sm_err sm_refresh_token_hash(const char *token, size_t len, uint8_t hash[32]);

#endif
