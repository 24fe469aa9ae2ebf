/* The key that signs heads of the audit log (Ed25519), in <data_dir>/keys/audit.json: apart from
 * the keys of names and tokens, so that it can be kept and rotated on its own. What an older key
 * of the file signed still checks. Any number of threads. */
#ifndef SM_AUTH_AUDIT_KEY_H
#define SM_AUTH_AUDIT_KEY_H

#include "base/err.h"
#include "store/audit_head.h"

#include <stdbool.h>

typedef struct sm_audit_key sm_audit_key;

/* create: the file is made if it is not there; else SM_ERR_NOT_FOUND. Other errors as
 * sm_keyfile_open. */
SM_MUST_CHECK sm_err sm_audit_key_open(const char *data_dir, bool create, sm_audit_key **key);
void sm_audit_key_free(sm_audit_key *key); /* NULL is fine */
/* Borrowed, as long as the key lives. */
const sm_audit_signer *sm_audit_key_signer(const sm_audit_key *key);

#endif
