/* What comes in at the main meters against what all others counted: the loss (lines, theft, common
 * supply without a meter), in energy and in money. Threads and errors as invoicing.h. */
#ifndef SM_INVOICING_LOSSES_H
#define SM_INVOICING_LOSSES_H

#include "invoicing/invoicing.h"
#include "store/ledger_landlord.h"

typedef enum sm_loss_rate {
  SM_LOSS_RATE_NONE,
  SM_LOSS_RATE_SET, /* the site's own, as it was said with the main meters */
  SM_LOSS_RATE_BILL /* of the latest bill of a supplier: amount and tax over its energy */
} sm_loss_rate;

typedef struct sm_losses {
  sm_main_meters main;
  int64_t main_wh;
  bool main_estimated; /* a register was not read at an end of the time */
  int64_t parts_wh;
  size_t parts; /* meters that count */
  size_t parts_estimated;
  int64_t loss_wh; /* main less parts; below 0 where a part was not behind a main meter */
  sm_loss_rate rate;
  int64_t rate_micro;   /* of a kWh; rounded where it is a bill's */
  int64_t loss_minor;   /* not rounded in between */
  sm_utility_bill bill; /* whose rate it is; zeroed else */
} sm_losses;
void sm_losses_fini(sm_losses *losses); /* NULL is fine */

/* In [from_ms, to_ms). The parts are all meters but the main ones, and but those that are
 * subtracted in an account: such a meter stands behind one that counts it already. A meter counts
 * with the multiplier of the account that it served last in that time, else once. Without a main
 * meter only the parts are told. The registers are read at both ends as for a bill, so parts and
 * bills agree. SM_ERR_INVALID: the time is empty. fini after success. */
SM_MUST_CHECK sm_err sm_invoicing_losses(const sm_invoicing *invoicing, int64_t from_ms,
                                         int64_t to_ms, sm_losses *losses);

#endif
