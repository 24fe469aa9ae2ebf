/* Who somebody is: login, sessions, bearer tokens, and the making of users, on top of the ledger,
 * passwords, tokens and sealing. Any number of threads; calls that check a password take tens of
 * milliseconds and may wait for the gate (password.h).
 *
 * What a failed login says, in text, status and time, is the same whether the user is unknown,
 * disabled, without a password, or the password is wrong. */
#ifndef SM_AUTH_IDENTITY_H
#define SM_AUTH_IDENTITY_H

#include "auth/password.h"
#include "auth/seal.h"
#include "auth/throttle.h"
#include "auth/token.h"
#include "base/err.h"
#include "base/problem.h"
#include "store/ledger.h"
#include "store/ledger_people.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_identity sm_identity;

typedef struct sm_identity_options {
  sm_ledger *ledger;             /* borrowed, must outlive the identity */
  const char *data_dir;          /* keys are in <data_dir>/keys */
  const char *issuer;            /* of tokens; NULL: "smartmeter" */
  sm_passwords_options password; /* zeroed: defaults */
  sm_throttle_options throttle;  /* zeroed: defaults; with a table the key is the identity's */
  sm_now_fn now;                 /* wall clock; NULL: sm_clock_now_ms */
  sm_now_fn steady;              /* for throttle and caches; NULL: sm_clock_steady_ms */
  void *now_context;
} sm_identity_options;

/* Errors as sm_keyfile_open. */
SM_MUST_CHECK sm_err sm_identity_new(const sm_identity_options *options, sm_identity **identity);
void sm_identity_free(sm_identity *identity); /* NULL is fine */

/* Borrowed, for as long as the identity lives: to seal and open what other modules store. */
sm_sealer *sm_identity_sealer(sm_identity *identity);

/* A new key for signing access tokens, of which a running server hears by itself within a second
 * (token.h). Nobody is logged out, also not `at_once`, by which all tokens of older keys end:
 * sessions make new ones. */
SM_MUST_CHECK sm_err sm_identity_rotate_tokens(sm_identity *identity, sm_actor actor, bool at_once);

/* A user with opened e-mail and name. */
typedef struct sm_person {
  char *user_id;
  char *email;
  char *name; /* NULL: none given */
  sm_role role;
  bool disabled;
  bool has_password;
  bool must_change; /* the password was made by somebody else, and is to be changed first */
  char *language;   /* "en", "hi"; NULL: none chosen */
  int64_t created_ms;
} sm_person;
void sm_person_fini(sm_person *person);

/* What a login or a refresh gives. fini wipes the tokens. */
typedef struct sm_session {
  char *token; /* access token */
  int64_t expires_in_s;
  char refresh[SM_REFRESH_TOKEN_MAX]; /* for the cookie */
  int64_t refresh_expires_in_s;
  char session_id[SM_SESSION_ID_MAX + 1];
  sm_person user;
} sm_session;
void sm_session_fini(sm_session *session);

/* `address` is the peer's, as text ("" if unknown). SM_ERR_DENIED: wrong, whatever it was.
 * SM_ERR_BUSY: too many tries, or too many at once; *retry_after_s (at least 1) is set then, and
 * only then; not for somebody at an address where they were let in before, however many try
 * elsewhere (throttle.h). SM_ERR_IO and others of the ledger. A failure is written to the audit
 * log, at a bounded rate. */
SM_MUST_CHECK sm_err sm_identity_login(sm_identity *identity, const char *email,
                                       const char *password, size_t password_len,
                                       const char *address, sm_session *session,
                                       int64_t *retry_after_s);
/* Exchanges a refresh token for a new one and a new access token. SM_ERR_DENIED: unknown, ended,
 * used before (which ends the session; within ten seconds it may be used once more), or its user is
 * disabled. */
SM_MUST_CHECK sm_err sm_identity_refresh(sm_identity *identity, const char *refresh, size_t len,
                                         const char *address, sm_session *session);
/* Ends a session; a token that is unknown or no token is fine. */
SM_MUST_CHECK sm_err sm_identity_logout(sm_identity *identity, const char *refresh, size_t len);

/* Who bears an access token (the token itself, without "Bearer "). The user must still be enabled
 * and the session not ended (asked of the ledger; what is remembered is older than a quarter of a
 * second only if nothing has changed since, whoever changes it); the role is the ledger's, not the
 * token's. claims->must_change: nothing but a change of the password is for them. SM_ERR_DENIED. */
SM_MUST_CHECK sm_err sm_identity_authenticate(sm_identity *identity, const char *token, size_t len,
                                              sm_claims *claims);
/* The same for connections that stay open, of whose user and session (NULL: not asked) it is known
 * who they are. Quick. SM_ERR_DENIED: not any more. */
SM_MUST_CHECK sm_err sm_identity_active(sm_identity *identity, const char *user_id,
                                        const char *session_id, sm_standing *standing);

/* Adds a user. name NULL: none; password NULL: cannot log in. SM_ERR_INVALID: `problems` says
 * which field and why; SM_ERR_EXISTS: the e-mail is taken — and if that user has no password yet
 * (one that ensure_person made) and `password` is given and the role is the same, the password is
 * set instead and SM_OK given. SM_ERR_BUSY. *user_id is a heap text. */
typedef struct sm_user_new {
  const char *email;
  const char *name;     /* NULL: none */
  const char *password; /* NULL: none */
  size_t password_len;
  bool must_change; /* the password is for the first login only */
  sm_role role;
} sm_user_new;
SM_MUST_CHECK sm_err sm_identity_user_add(sm_identity *identity, sm_actor actor,
                                          const sm_user_new *user, sm_problems *problems,
                                          char **user_id);
/* A new password, for good; ends the user's sessions. Errors as user_add and SM_ERR_NOT_FOUND. What
 * people and admins change over the API is in identity_people.h. */
SM_MUST_CHECK sm_err sm_identity_set_password(sm_identity *identity, sm_actor actor,
                                              const char *email, const char *password,
                                              size_t password_len, sm_problems *problems);
/* Ends the user's sessions and refuses their tokens (here at once, elsewhere within a quarter of a
 * second), or lets them in again. SM_ERR_INVALID (not an address), SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_identity_set_disabled(sm_identity *identity, sm_actor actor,
                                              const char *email, bool disabled);

/* The user with this e-mail, made as a consumer without password if there is none: the `owner` of a
 * device. *user_id is a heap text. SM_ERR_INVALID: not an address. */
SM_MUST_CHECK sm_err sm_identity_ensure_person(sm_identity *identity, sm_actor actor,
                                               const char *email, char **user_id);
/* The row of somebody who is only named, for a ledger's transaction that finds or adds it: a
 * consumer without password or name. SM_ERR_INVALID: not an address. */
SM_MUST_CHECK sm_err sm_identity_named(sm_identity *identity, const char *email, sm_user *row);
SM_MUST_CHECK sm_err sm_identity_person(sm_identity *identity, const char *user_id,
                                        sm_person *person);
/* Users after `after` (a user_id, "" for the first), opened, in the ledger's order. */
SM_MUST_CHECK sm_err sm_identity_people(sm_identity *identity, const char *after, size_t limit,
                                        sm_person **people, size_t *count);
void sm_people_free(sm_person *people, size_t count);

#endif
