/* What an invoice keeps of the world that it was made in: payer, zone, tariff versions, and the
 * hash of the readings that it stands on. Internal to invoicing. */
#ifndef SM_INVOICING_SNAPSHOT_H
#define SM_INVOICING_SNAPSHOT_H

#include "base/buf.h"
#include "base/crypto.h"
#include "invoicing/collect.h"

/* What a snapshot is written from; borrowed. */
typedef struct sm_snapshot_input {
  const sm_invoicing_settings *settings;
  const sm_issue_candidate *candidate;
  const sm_collected *collected;
  const sm_bill *bill;
  const sm_user *user; /* whose account it is; NULL: nobody's, or the account names its person */
} sm_snapshot_input;

/* Writes the snapshot as JSON: all that the page shows and the bill does not say. The person's name
 * goes in sealed, as the ledger has it, in hex; of an account that names nobody the user's name and
 * e-mail. `account_name` is the operator's own name for the account, or null. `balance_before` is
 * what was owed before this invoice, and `balance` what that came from: what was owed behind the
 * account's last invoice (`previous`, of `invoice`), and the `entries` since, whose sum makes up
 * the difference; both are there only if arrears are asked for. `history` is the use of the last
 * twelve months that have an invoice, this one last. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_snapshot_write(const sm_snapshot_input *input, sm_buf *out);

/* SHA-256, in hex, over this text, "\n" after every line: for each meter in the account's order
 * "meter {device_id} {sign} {multiplier_milli} {from_ms} {to_ms}" (its service inside the bill),
 * then "{ts_ms} {wh}" for each register point that was computed from, from the last one at or
 * before the service's begin to the first one at or after its end, with " stated" behind a manual
 * or corrected one (a voided one is none), and, in a bill with a demand charge, " gap {ms}" where
 * readings before it were left out (sm_register_point). Which points a bill is computed from is
 * collect.h's: a reading that comes late and lies between them changes neither hash nor bill.
 * *count is how many points. */
SM_MUST_CHECK sm_err sm_snapshot_hash(const sm_collected *collected, const sm_bill *bill,
                                      char hex[SM_SHA256_HEX_MAX], size_t *count);

#endif
