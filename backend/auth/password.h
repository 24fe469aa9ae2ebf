/* Passwords: argon2id by libsodium, behind a gate, because one hash takes 64 MiB and tens of
 * milliseconds: at most two are made at a time, a few wait, the rest are told to come again.
 *
 * The time of a check says nothing: an unknown user is checked against a hash that nobody's
 * password has. All functions may be called from any thread. */
#ifndef SM_AUTH_PASSWORD_H
#define SM_AUTH_PASSWORD_H

#include "auth/password_rule.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_passwords sm_passwords;

typedef struct sm_passwords_options {
  uint64_t ops;     /* argon2id passes; 0: libsodium's INTERACTIVE. Less is for tests only */
  size_t memory;    /* bytes; 0: libsodium's INTERACTIVE (64 MiB) */
  unsigned at_once; /* 0: 2 */
  unsigned waiting; /* callers that may wait for the gate; 0: 16 */
  uint32_t wait_ms; /* how long one waits; 0: 5000 */
} sm_passwords_options;

/* options NULL: all defaults. SM_ERR_NOMEM, SM_ERR_INTERNAL. */
SM_MUST_CHECK sm_err sm_passwords_new(const sm_passwords_options *options,
                                      sm_passwords **passwords);
void sm_passwords_free(sm_passwords *passwords); /* NULL is fine; no call may be running */

/* The argon2id text of a password ("$argon2id$…"), on the heap; the caller frees it.
 * SM_ERR_INVALID: sm_password_problem has something to say; SM_ERR_BUSY: the gate is full;
 * SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_passwords_hash(sm_passwords *passwords, const char *password, size_t len,
                                       char **hash);
/* SM_OK: it is the password of `hash`. SM_ERR_DENIED: it is not, or hash is NULL (a user that is
 * unknown or has none: takes the same time), or it is no possible password. SM_ERR_BUSY: the gate
 * is full, nothing was checked. */
SM_MUST_CHECK sm_err sm_passwords_verify(sm_passwords *passwords, const char *hash,
                                         const char *password, size_t len);
/* How often verify has computed a hash: the same for every answer but busy. */
uint64_t sm_passwords_checks(sm_passwords *passwords);
/* Borrowed: the hash that is computed where there is none. */
const char *sm_passwords_nobody(const sm_passwords *passwords);

#endif
