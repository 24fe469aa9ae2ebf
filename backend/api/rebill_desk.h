/* Where a tariff that changes issued months is worked on. Computing what it changes takes about a
 * minute for a hundred thousand invoices, which no thread of the HTTP server has: it is done on a
 * thread of its own, one at a time, and who asks meanwhile is told how far it is. What came of it
 * is handed out once, so that nobody looks at effects of yesterday. Any number of threads. */
#ifndef SM_API_REBILL_DESK_H
#define SM_API_REBILL_DESK_H

#include "invoicing/recheck.h"

typedef struct sm_rebill_desk sm_rebill_desk;

/* What `invoicing` points to is borrowed. */
SM_MUST_CHECK sm_err sm_rebill_desk_new(const sm_invoicing *invoicing, sm_rebill_desk **desk);
/* Ends the work that is going on and waits for that; what is added stays, and the daily job does
 * the rest of it. NULL is fine. */
void sm_rebill_desk_free(sm_rebill_desk *desk);

typedef struct sm_rebill_wish {
  const char *tariff;  /* its canonical JSON */
  const char *confirm; /* NULL: to be told the effects; else to add it */
  sm_actor actor;
  int64_t now_ms;
  uint32_t wait_ms; /* for the work to be done */
} sm_rebill_wish;

typedef struct sm_rebill_outcome {
  sm_buf list;     /* without `confirm`: the JSON of the effects; freed by the caller */
  int32_t version; /* with it */
  bool mine;       /* with SM_ERR_BUSY: it is this wish that is worked on */
  uint64_t done;   /* and so many invoices have been looked at */
} sm_rebill_outcome;

/* SM_ERR_BUSY: it, or another wish, is being worked on: ask again. SM_ERR_CONFLICT: the effects are
 * not those of `confirm`; else the errors of sm_rebill_effects and sm_rebill_apply. *outcome is set
 * in any case. */
SM_MUST_CHECK sm_err sm_rebill_desk_ask(sm_rebill_desk *desk, const sm_rebill_wish *wish,
                                        sm_rebill_outcome *outcome);

#endif
