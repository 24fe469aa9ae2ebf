/* What admins do with people, and people with themselves: finding, changing, one-time links, a new
 * password, one's sessions. A part of the identity (identity.h): what is said there of threads and
 * waiting holds here too. */
#ifndef SM_AUTH_IDENTITY_PEOPLE_H
#define SM_AUTH_IDENTITY_PEOPLE_H

#include "auth/identity.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: everybody. */
typedef struct sm_people_filter {
  const char *email; /* the whole of it, in any case; NULL: any. Addresses are sealed, so a part
                        finds nobody */
  bool by_role;
  sm_role role;
  bool by_disabled;
  bool disabled;
} sm_people_filter;
/* As sm_identity_people, of those that the filter lets through. SM_ERR_INVALID: not an address. */
SM_MUST_CHECK sm_err sm_identity_people_find(sm_identity *identity, const sm_people_filter *filter,
                                             const char *after, size_t limit, sm_person **people,
                                             size_t *count);

/* What is not set stays. Texts are borrowed. */
typedef struct sm_person_change {
  bool set_name;
  const char *name; /* NULL: none */
  bool set_language;
  const char *language; /* "en", "hi"; NULL: none chosen */
  bool set_role;
  sm_role role;
  bool set_disabled;
  bool disabled;
} sm_person_change;
/* SM_ERR_INVALID: `problems` says why; SM_ERR_NOT_FOUND; SM_ERR_CONFLICT: no admin who can log in
 * would be left. Whoever is disabled is out at once. */
SM_MUST_CHECK sm_err sm_identity_change(sm_identity *identity, sm_actor actor, const char *user_id,
                                        const sm_person_change *change, sm_problems *problems);

/* A link with which somebody sets their password, once, within SM_LINK_LIFE_S: what stands behind
 * the '#' of it. An earlier one of the same person is worth nothing then. SM_ERR_NOT_FOUND,
 * SM_ERR_DENIED: the user is disabled. */
enum { SM_LINK_LIFE_S = 259200 }; /* three days */
typedef struct sm_link {
  char token[SM_REFRESH_TOKEN_MAX];
  int64_t expires_ms;
} sm_link;
SM_MUST_CHECK sm_err sm_identity_link_make(sm_identity *identity, sm_actor actor,
                                           const char *user_id, sm_link *link);
/* Sets the password by a link and ends all sessions. SM_ERR_DENIED: the link is unknown, used or
 * ended, or its user is disabled; SM_ERR_INVALID: `problems` says what is wrong with the password,
 * and the link stays good; SM_ERR_BUSY. A link that is not good is in the audit log, at a bounded
 * rate, with the peer's address. */
SM_MUST_CHECK sm_err sm_identity_redeem(sm_identity *identity, const char *token, size_t len,
                                        const char *password, size_t password_len,
                                        const char *address, sm_problems *problems);

/* Somebody's own new password, by their present one; ends all their sessions but this one.
 * SM_ERR_INVALID: `problems` names "current" or "new"; SM_ERR_BUSY with *retry_after_s: tries at
 * the present password are throttled like logins, and a failed one is in the audit log;
 * SM_ERR_NOT_FOUND.
 */
typedef struct sm_password_new {
  const char *user_id;
  const char *session_id;
  const char *address; /* of the peer */
  const char *current;
  size_t current_len;
  const char *password;
  size_t password_len;
} sm_password_new;
SM_MUST_CHECK sm_err sm_identity_change_password(sm_identity *identity,
                                                 const sm_password_new *change,
                                                 sm_problems *problems, int64_t *retry_after_s);

/* sm_person_erase (person.h), and whoever it was is out at once. */
SM_MUST_CHECK sm_err sm_identity_erase(sm_identity *identity, sm_actor actor, const char *user_id,
                                       sm_date today, size_t *accounts);

/* Ends a session of somebody's: its tokens are refused at once. SM_ERR_NOT_FOUND: not theirs. */
SM_MUST_CHECK sm_err sm_identity_session_close(sm_identity *identity, sm_actor actor,
                                               const char *user_id, const char *session_id);

#endif
