/* Where a month is billed at an admin's word: all accounts, or, as a dry run, what would be issued.
 * It may take minutes, which no thread of the HTTP server has: it is done on a thread of its own,
 * one at a time, and the last one is kept so long as the server runs, with what a person should
 * look at in front. Any number of threads. */
#ifndef SM_API_RUN_DESK_H
#define SM_API_RUN_DESK_H

#include "base/jsonw.h"
#include "invoicing/invoicing.h"

typedef struct sm_run_desk sm_run_desk;

enum { SM_RUN_KEPT_MAX = 10000 /* accounts of each kind (sm_run_part) that are kept */ };

/* What `invoicing` points to is borrowed. */
SM_MUST_CHECK sm_err sm_run_desk_new(const sm_invoicing *invoicing, sm_run_desk **desk);
/* Ends the run that is going on and waits for that: what was issued stays, and the daily job or the
 * next run does the rest. NULL is fine. */
void sm_run_desk_free(sm_run_desk *desk);

typedef struct sm_run_wish {
  sm_actor actor;
  int year;
  int month;
  bool dry_run;
  int64_t now_ms;
} sm_run_wish;

/* Begins a run. SM_ERR_BUSY: one is on; SM_ERR_RANGE: the month is not over; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_run_desk_begin(sm_run_desk *desk, const sm_run_wish *wish);
/* Writes the members of the run that is on, or was the last one: its state, counts and sum. */
void sm_run_desk_write(sm_run_desk *desk, sm_jsonw *w);

/* Which accounts of the run. */
typedef enum sm_run_part {
  SM_RUN_LOOK, /* that a person should look at: failed, skipped for good, or with sm_look.why */
  SM_RUN_REST
} sm_run_part;

/* Writes accounts of a part as the elements of an array, from the place `from` on, at most `limit`.
 * Returns how many follow behind them. */
size_t sm_run_desk_write_accounts(sm_run_desk *desk, sm_run_part part, size_t from, size_t limit,
                                  sm_jsonw *w);

#endif
