/* What is done about issued invoices once a day: late fees, months that late data changed, what is
 * left of a tariff that is billed again, and corrections that have no next invoice to go on. */
#ifndef SM_INVOICING_DAILY_H
#define SM_INVOICING_DAILY_H

#include "invoicing/recheck.h"

typedef struct sm_daily_summary {
  uint64_t fees;     /* posted */
  uint64_t rebilled; /* exceptions of tariffs */
  sm_recheck_summary recheck;
  uint64_t closed; /* last invoices of ended tenancies issued again, with what waited */
} sm_daily_summary;

typedef struct sm_daily_request {
  sm_actor actor;
  int64_t now_ms;
  /* How far time is known to have passed, such as by the last reading: no fee is posted for a day
   * after it, so that a clock that jumps ahead costs nobody anything. A fee that comes later is
   * what it would have been. */
  int64_t known_ms;
  sm_go_on_fn *go_on; /* NULL: to the end */
  void *context;
} sm_daily_request;

/* Each part is done once however often it runs; killed at any moment, the next run does the rest.
 * One part that fails does not keep the others back: the first error is given. Errors of the
 * stores, SM_ERR_NOMEM, SM_ERR_CLOSED. */
SM_MUST_CHECK sm_err sm_invoicing_daily(const sm_invoicing *invoicing,
                                        const sm_daily_request *request, sm_daily_summary *summary);

#endif
