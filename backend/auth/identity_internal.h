/* What the two halves of the identity share: identity.c (who somebody is) and identity_users.c (the
 * making and changing of users). */
#ifndef SM_AUTH_IDENTITY_INTERNAL_H
#define SM_AUTH_IDENTITY_INTERNAL_H

#include "auth/identity.h"

#include <pthread.h>

/* How long the ledger's version of people is not asked for again. */
enum { SM_ACTIVE_SLOTS = 4096, SM_ACTIVE_MS = 250 };

/* What the ledger said of a user and a session while it had the version that is known. */
typedef struct sm_active {
  char user_id[SM_USER_ID_MAX + 1];
  char session_id[SM_SESSION_ID_MAX + 1]; /* "": not asked */
  bool there;                             /* and enabled, and the session has not ended */
  sm_standing standing;
} sm_active;

struct sm_identity {
  sm_ledger *ledger;
  sm_passwords *passwords;
  sm_tokens *tokens;
  sm_sealer *sealer;
  sm_throttle *throttle;
  sm_now_fn now;
  sm_now_fn steady;
  void *now_context;

  pthread_mutex_t mutex; /* over what follows */
  sm_active active[SM_ACTIVE_SLOTS];
  int64_t people_version;   /* of the ledger, which the answers hold for */
  int64_t version_until_ms; /* steady: when it is asked for again */
  uint64_t changes; /* counts doubts, so that an answer from before one is not remembered after */
  int64_t audit_full_ms;
  uint64_t audit_left_out;
};

/* Opens a ledger's user. SM_ERR_CORRUPT: its sealed texts do not open. */
SM_MUST_CHECK sm_err sm_identity_open(sm_identity *identity, const sm_user *user,
                                      sm_person *person);
/* Before the next answer about anybody the ledger is asked whether what is remembered still holds.
 * Cheap, since strangers bring it about too. */
void sm_identity_forget(sm_identity *identity);
/* Writes a failed try of a password to the audit log, at a bounded rate. user_id NULL: nobody's. */
void sm_identity_audit_failure(sm_identity *identity, const char *action, const char *user_id,
                               const char *address);
int64_t sm_identity_now_ms(const sm_identity *identity);
int64_t sm_identity_steady_ms(const sm_identity *identity);

/* identity_users.c */
bool sm_person_name_valid(const char *name);
/* Notes in `problems` what is wrong with a password of somebody (names may be NULL). */
void sm_identity_check_password(const char *field, const char *password, size_t len,
                                const char *email, const char *name, sm_problems *problems);

#endif
