/* API keys as the ledger keeps them: who may what until when, and the hashes of their secrets. A
 * key has one secret, or while it is rotated several: the newest, and older ones that end soon. The
 * rules of store/ledger.h hold; making, rotating and revoking are in the audit log. */
#ifndef SM_STORE_LEDGER_KEYS_H
#define SM_STORE_LEDGER_KEYS_H

#include "store/ledger.h"

typedef struct sm_api_key {
  char *key_id;  /* "k_…" */
  char *name;    /* for people */
  char *scopes;  /* names apart by blanks */
  char *devices; /* ids apart by blanks; NULL: all */
  int64_t created_ms;
  char *created_by;
  bool revoked;
  int64_t revoked_ms;
  bool used;
  int64_t last_used_ms;
  int64_t ends_ms; /* of the newest secret */
  int64_t secrets; /* that are good now */
} sm_api_key;
void sm_api_key_fini(sm_api_key *key);
void sm_api_keys_free(sm_api_key *keys, size_t count);

/* What making and rotating take: a secret's hash and its end. */
typedef struct sm_api_secret {
  uint8_t hash[32];
  int64_t ends_ms;
} sm_api_secret;

/* key_id (NULL before) is made by the store and set (heap), created_ms too. SM_ERR_NOT_FOUND: a
 * device of the list is not there. */
SM_MUST_CHECK sm_err sm_ledger_key_add(sm_ledger *ledger, sm_actor actor, sm_api_key *key,
                                       const sm_api_secret *secret);
/* Adds a secret; those that are good end at `old_ends_ms` or their own end, whichever is first, and
 * all but the newest of them at once. SM_ERR_NOT_FOUND: there is no such key; SM_ERR_DENIED: it is
 * revoked. */
SM_MUST_CHECK sm_err sm_ledger_key_rotate(sm_ledger *ledger, sm_actor actor, const char *key_id,
                                          const sm_api_secret *secret, int64_t now_ms,
                                          int64_t old_ends_ms);
/* Ends it at once and for good; its secrets are forgotten. SM_ERR_NOT_FOUND. Again is fine. */
SM_MUST_CHECK sm_err sm_ledger_key_revoke(sm_ledger *ledger, sm_actor actor, const char *key_id);
/* Keys after `after` (a key_id, "" first), oldest first, as of now_ms. */
SM_MUST_CHECK sm_err sm_ledger_keys(sm_ledger *ledger, const char *after, int64_t now_ms,
                                    size_t limit, sm_api_key **keys, size_t *count);
SM_MUST_CHECK sm_err sm_ledger_key(sm_ledger *ledger, const char *key_id, int64_t now_ms,
                                   sm_api_key *key);
/* The key of a secret that is good. SM_ERR_NOT_FOUND: there is none (any more). */
SM_MUST_CHECK sm_err sm_ledger_key_of_secret(sm_ledger *ledger, const uint8_t hash[32],
                                             int64_t now_ms, sm_api_key *key);
/* Notes that a key was used. Not in the audit log. */
SM_MUST_CHECK sm_err sm_ledger_key_used(sm_ledger *ledger, const char *key_id, int64_t now_ms);

#endif
