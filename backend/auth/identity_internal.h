/* What the two halves of the identity share: identity.c (who somebody is) and identity_users.c (the
 * making and changing of users). */
#ifndef SM_AUTH_IDENTITY_INTERNAL_H
#define SM_AUTH_IDENTITY_INTERNAL_H

#include "auth/identity.h"

#include <pthread.h>

enum { SM_ACTIVE_SLOTS = 1024, SM_ACTIVE_MS = 1000 };

/* What the ledger said of a user, not longer ago than SM_ACTIVE_MS. */
typedef struct sm_active {
  char user_id[SM_USER_ID_MAX + 1];
  bool there; /* and enabled */
  sm_role role;
  int64_t until_ms; /* steady */
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
  uint64_t changes; /* counts forgotten answers, so that an older one is not remembered after */
  int64_t audit_full_ms;
  uint64_t audit_left_out;
};

/* Opens a ledger's user. SM_ERR_CORRUPT: its sealed texts do not open. */
SM_MUST_CHECK sm_err sm_identity_open(sm_identity *identity, const sm_user *user,
                                      sm_person *person);
/* The next question about anybody goes to the ledger. */
void sm_identity_forget(sm_identity *identity);

#endif
