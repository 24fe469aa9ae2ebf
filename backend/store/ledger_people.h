/* People, beyond finding and adding them: changes that admins make, passwords, one-time links,
 * sessions, and what a server that remembers them must ask. A part of the ledger's contract: what
 * store/ledger.h says of threads, transactions, audit, texts and errors holds here too. */
#ifndef SM_STORE_LEDGER_PEOPLE_H
#define SM_STORE_LEDGER_PEOPLE_H

#include "base/err.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- finding ---- */
/* Zeroed: everybody. */
typedef struct sm_user_filter {
  const uint8_t *email_hash; /* of 32 bytes; NULL: any */
  bool by_role;
  sm_role role;
  bool by_disabled;
  bool disabled;
} sm_user_filter;
/* Users after `after` as sm_ledger_users, of those that the filter lets through. */
SM_MUST_CHECK sm_err sm_ledger_users_find(sm_ledger *ledger, const sm_user_filter *filter,
                                          const char *after, size_t limit, sm_user **users,
                                          size_t *count);

/* ---- changing ---- */
/* What is not set stays. What it holds is borrowed. */
typedef struct sm_user_change {
  bool set_name;
  sm_bytes name_sealed; /* absent: no name */
  bool set_language;
  const char *language; /* "en", "hi"; NULL: none chosen */
  bool set_role;
  sm_role role;
  bool set_disabled;
  bool disabled; /* true ends the user's sessions and links */
} sm_user_change;
/* SM_ERR_NOT_FOUND; SM_ERR_CONFLICT: no admin who is enabled and has a password would be left. */
SM_MUST_CHECK sm_err sm_ledger_user_change(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                           const sm_user_change *change);
/* A new password; ends the user's sessions but `keep_session` (NULL: all of them), and links.
 * must_change: it was made by somebody else. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_password_set(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                            const char *password_hash, bool must_change,
                                            const char *keep_session);

/* ---- one-time links: known by their SHA-256 ---- */
/* In place of an earlier one of that user. SM_ERR_NOT_FOUND, SM_ERR_DENIED: the user is disabled.
 */
SM_MUST_CHECK sm_err sm_ledger_link_make(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                         const uint8_t link_hash[32], int64_t now_ms,
                                         int64_t expires_ms);
/* Whose it is. SM_ERR_NOT_FOUND: unknown, used, ended, or its user is disabled. */
SM_MUST_CHECK sm_err sm_ledger_link_user(sm_ledger *ledger, const uint8_t link_hash[32],
                                         int64_t now_ms, sm_user *user);
/* Uses it up: the password is set, all sessions end. SM_ERR_NOT_FOUND as above. */
SM_MUST_CHECK sm_err sm_ledger_link_redeem(sm_ledger *ledger, const uint8_t link_hash[32],
                                           int64_t now_ms, const char *password_hash);

/* ---- who may be here ---- */
typedef struct sm_standing {
  sm_role role;
  bool must_change;
} sm_standing;
/* SM_ERR_NOT_FOUND: there is no such user, they are disabled, or the session (NULL: not asked) is
 * not theirs or has ended. */
SM_MUST_CHECK sm_err sm_ledger_standing(sm_ledger *ledger, const char *user_id,
                                        const char *session_id, sm_standing *standing);
/* A number that grows with each change of roles, passwords and of who is disabled, and with each
 * end of a session, whoever makes it: while it stands, so do all standings. */
SM_MUST_CHECK sm_err sm_ledger_people_version(sm_ledger *ledger, int64_t *version);

/* ---- one's sessions ---- */
typedef struct sm_session_row {
  char session_id[SM_SESSION_ID_MAX + 1];
  int64_t began_ms;
  int64_t renewed_ms; /* the last exchange of its token, or its beginning */
  int64_t expires_ms;
} sm_session_row;
/* Those that have not ended, the latest first, at most 100; *rows is one heap block. */
SM_MUST_CHECK sm_err sm_ledger_sessions(sm_ledger *ledger, const char *user_id, int64_t now_ms,
                                        sm_session_row **rows, size_t *count);
/* SM_ERR_NOT_FOUND: not theirs. */
SM_MUST_CHECK sm_err sm_ledger_session_close(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                             const char *session_id);

#endif
