/* A person's data as a whole: all that is held about somebody, in one JSON document, and its
 * erasing. What goes and what stays, for how long and why, is in docs/security.md. */
#ifndef SM_AUTH_PERSON_H
#define SM_AUTH_PERSON_H

#include "auth/seal.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "store/ledger.h"

#include <stddef.h>
#include <stdint.h>

/* What stands in an erased person's address. */
#define SM_PERSON_ERASED "erased@invalid"

/* Writes all that is held about a user: who they are, their sessions, accounts with entries,
 * invoices as issued, disputes, what the audit log says by and of them, and which meters' readings
 * are theirs for which time (the readings themselves are exported by device). `out` is the
 * caller's. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_person_export(sm_ledger *ledger, sm_sealer *sealer, const char *user_id,
                                      int64_t now_ms, sm_buf *out);

/* The errors of sm_ledger_user_erase. */
SM_MUST_CHECK sm_err sm_person_erase(sm_ledger *ledger, sm_sealer *sealer, sm_actor actor,
                                     const char *user_id, sm_date today, size_t *accounts);

#endif
