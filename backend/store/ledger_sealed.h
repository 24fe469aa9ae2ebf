/* Personal data in the ledger's rows, as a whole: free texts that are sealed as they are stored,
 * sealing everything again under a new key, and erasing a person. The rules of store/ledger.h hold.
 *
 * What is sealed where: user.email_sealed, name_sealed and phone_sealed, place.address_sealed and
 * account.person_sealed and
 * notice.webhook_sealed as bytes (callers seal them); the payer in an invoice's snapshot, as hex;
 * the reason of an entry and both texts of a dispute as "sealed:" and base64, which the store does
 * by itself if it has been given a sealer. */
#ifndef SM_STORE_LEDGER_SEALED_H
#define SM_STORE_LEDGER_SEALED_H

#include "store/ledger.h"

/* What each place is bound to. */
#define SM_SEALED_EMAIL "user.email"
#define SM_SEALED_NAME "user.name"
#define SM_SEALED_PHONE "user.phone"
#define SM_SEALED_ADDRESS "place.address"
#define SM_SEALED_PERSON "account.person"
#define SM_SEALED_WEBHOOK "notice.webhook"
#define SM_SEALED_NOTE "entry.note"
#define SM_SEALED_DISPUTE "dispute.text"

/* Any number of threads. */
typedef struct sm_text_sealer {
  void *context;
  sm_err (*seal)(void *context, const char *field, const char *text, sm_bytes *out);
  sm_err (*open)(void *context, const char *field, const sm_bytes *sealed, char **text);
  /* The same text under the newest key; *fresh is absent if it is sealed by that already. */
  sm_err (*again)(void *context, const char *field, const sm_bytes *sealed, sm_bytes *fresh);
} sm_text_sealer;

/* From now on free texts are sealed; before any other call, and once. Borrowed until close. Without
 * one they are stored as they are, and sealed ones read as "(sealed)". Texts that were stored
 * before are read as they are, until they are sealed by sm_ledger_reseal. */
void sm_ledger_set_texts(sm_ledger *ledger, const sm_text_sealer *texts);

/* Where a walk over everything that is sealed is; all zero to begin with. */
typedef struct sm_reseal {
  unsigned place;   /* which column */
  int64_t after_no; /* the last row of it */
  uint64_t seen;
  uint64_t changed;
  bool done;
} sm_reseal;
/* One transaction of the walk, of some hundred rows: seals again what is not sealed by the newest
 * key, and free texts that are in the clear. A walk that was broken off begins anew, and passes
 * quickly over what it has done. SM_ERR_NO_KEY: there is no sealer. SM_ERR_CORRUPT: something does
 * not open; the row is in the log. */
SM_MUST_CHECK sm_err sm_ledger_reseal(sm_ledger *ledger, sm_reseal *walk);

/* Erases a person: name, address, phone, password and sessions, their name in accounts, their
 * payments' notes, their disputes' texts. The row stays, disabled, since invoices and entries lead
 * to it; `email_sealed` takes the address's place and `email_hash` its hash, both by the caller.
 * Issued invoices keep the name that they were issued with. *accounts is how many were theirs.
 * SM_ERR_NOT_FOUND; SM_ERR_CONFLICT: a tenancy of theirs goes on after `today`; SM_ERR_DENIED: the
 * last admin who is enabled; SM_ERR_EXISTS: erased already, and nothing is changed. */
SM_MUST_CHECK sm_err sm_ledger_user_erase(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                          const sm_bytes *email_sealed,
                                          const uint8_t email_hash[32], sm_date today,
                                          size_t *accounts);

#endif
