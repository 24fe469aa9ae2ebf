/* Tries of logins, counted for all servers on the same store: an sm_throttle_table. */
#ifndef SM_APP_LOGINS_H
#define SM_APP_LOGINS_H

#include "auth/throttle.h"
#include "base/err.h"

typedef struct sm_logins sm_logins;

/* The store's URL. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_logins_new(const char *store, sm_logins **logins);
void sm_logins_free(sm_logins *logins); /* after who uses the table; NULL is fine */
const sm_throttle_table *sm_logins_table(const sm_logins *logins); /* borrowed */

#endif
