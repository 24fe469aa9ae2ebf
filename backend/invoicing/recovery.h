/* What a supplier's bill costs and what of it comes back: own invoices beside it, the use of the
 * flats, what is common (the main meter's use less theirs), and the bill's money parted among them
 * to the minor unit. Threads and errors as invoicing.h. */
#ifndef SM_INVOICING_RECOVERY_H
#define SM_INVOICING_RECOVERY_H

#include "invoicing/invoicing.h"
#include "store/ledger_landlord.h"

typedef struct sm_recovery_part {
  sm_utility_share share; /* as posted, or as it would be */
  bool estimated;         /* its use: a register was not read at an end of the period */
  int64_t own_minor;      /* its invoices of the period: */
  size_t own_invoices;
  size_t own_missing; /* months of the period with days of the account and no valid invoice */
} sm_recovery_part;

typedef struct sm_recovery {
  sm_utility_bill bill;
  int64_t main_wh; /* of the main meter; without one what the bill says */
  bool main_estimated;
  int64_t flats_wh;      /* the sum of the parts' use */
  int64_t difference_wh; /* main less flats; what is common (stairs, pump, loss) if above 0 */
  int64_t cost_minor;    /* amount and tax; the two below add up to it */
  int64_t energy_minor;  /* of the flats' own use */
  int64_t common_minor;
  int64_t own_minor;        /* own invoices of the period */
  int64_t difference_minor; /* own less cost: what is earned, or lacks */
  bool prorated;            /* some month is in the period with a part of its days only */
  size_t own_missing;
  sm_recovery_part *part; /* one an account, in their order */
  size_t part_count;
} sm_recovery;
void sm_recovery_fini(sm_recovery *recovery); /* NULL is fine */

/* The cost is parted by use, the common part having the weight of the common use; then the common
 * part equally, by use or by sanctioned load as the bill says (equally where that is nothing for
 * all). An invoice of a month that only partly lies in the period counts × its days in it / the
 * days of the month. SM_ERR_NOT_FOUND. fini the result. */
SM_MUST_CHECK sm_err sm_invoicing_recovery(const sm_invoicing *invoicing, const char *utility_id,
                                           sm_recovery *recovery);
/* Puts the common parts on the accounts. Errors as sm_ledger_utility_post; SM_ERR_RANGE: the period
 * is not over. */
SM_MUST_CHECK sm_err sm_invoicing_recovery_post(const sm_invoicing *invoicing, sm_actor actor,
                                                const char *utility_id, int64_t now_ms);

#endif
