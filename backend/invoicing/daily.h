/* What is done about issued invoices once a day: late fees, months that late data changed, and what
 * is left of a tariff that is billed again. */
#ifndef SM_INVOICING_DAILY_H
#define SM_INVOICING_DAILY_H

#include "invoicing/recheck.h"

typedef struct sm_daily_summary {
  uint64_t fees;     /* posted */
  uint64_t rebilled; /* exceptions of tariffs */
  sm_recheck_summary recheck;
} sm_daily_summary;

/* Each part is done once however often it runs; killed at any moment, the next run does the rest.
 * One part that fails does not keep the others back: the first error is given. Errors of the
 * stores, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_invoicing_daily(const sm_invoicing *invoicing, sm_actor actor,
                                        int64_t now_ms, sm_daily_summary *summary);

#endif
