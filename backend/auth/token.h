/* Tokens. An access token is a JWT (HS256) of 15 minutes that says who its bearer is and of which
 * session; a refresh token is 32 random bytes, of which the ledger keeps the SHA-256 only.
 *
 * A token is refused unless all of it is as we make it: algorithm exactly HS256, a key id that we
 * have, our issuer and audience, inside its time. The clock of who made it may be ahead by half a
 * minute; an ended token gets no such leeway. libjwt makes the signature and checks it; it accepts
 * other algorithms and ended tokens, so every claim is checked here.
 *
 * Signing keys are rotated beside a running server: whoever holds an sm_tokens sees within a second
 * that the key file is another one. The newest key signs; an older one is taken only for what it
 * signed before it had a successor, so the last token of it ends 15 minutes later, also for
 * somebody who has stolen it. */
#ifndef SM_AUTH_TOKEN_H
#define SM_AUTH_TOKEN_H

#include "base/err.h"
#include "store/ledger.h"

#include <stdbool.h>
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
  char session_id[SM_SESSION_ID_MAX + 1];
  sm_role role;
  bool must_change; /* of the ledger, not of the token: see sm_identity_authenticate */
  int64_t expires_ms;
} sm_claims;

/* A new access token, on the heap; the caller frees it. SM_ERR_RANGE: an id is too long or "". */
SM_MUST_CHECK sm_err sm_tokens_issue(sm_tokens *tokens, const char *user_id, const char *session_id,
                                     sm_role role, char **token, int64_t *expires_ms);
/* SM_ERR_DENIED for whatever is wrong with it. */
SM_MUST_CHECK sm_err sm_tokens_verify(sm_tokens *tokens, const char *token, size_t len,
                                      sm_claims *claims);
/* A new signing key beside the older ones, of which those go whose tokens have all ended;
 * `at_once`: all of them, since one is in other hands. Sessions go on either way, by their refresh
 * tokens. */
SM_MUST_CHECK sm_err sm_tokens_rotate(sm_tokens *tokens, bool at_once);

/* A new refresh token. Returns out. */
char *sm_refresh_token_make(char out[SM_REFRESH_TOKEN_MAX]);
/* Its hash as the ledger knows it. SM_ERR_DENIED: it does not look like one of ours. */
SM_MUST_CHECK sm_err sm_refresh_token_hash(const char *token, size_t len, uint8_t hash[32]);

#endif
