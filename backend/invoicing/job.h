/* The server's own daily job: issues every month that is over, by itself, and makes up for days and
 * months in which no server ran. Before that it looks after what is issued already (daily.h): late
 * fees, and what readings that came late change.
 *
 * It works once on each of the deployment's days, from one o'clock in the morning (by then most
 * meters have been read after midnight, on the first of a month too), at the start, and again an
 * hour after something went wrong. Each time it looks at the months from the one in which the
 * ledger was made (or, if that is earlier, the last one that has an invoice), at most the twelve
 * before the running one; older ones are issued by hand, so that history that is brought in is not
 * invoiced by surprise. Months come in their order, accounts that have their invoice are passed
 * over.
 *
 * A month is not over until a reading of any meter says so: while nothing comes in, or after a
 * clock has jumped ahead, nothing is estimated for everybody.
 *
 * Nothing else rests on the clock or on the lease, which only keeps two servers from the same work:
 * that an account has one invoice a month is the ledger's. A clock that jumps lets it look once
 * more, or later.
 *
 * Threads: one of its own, started and stopped here, with a low priority and one helper to compute;
 * the functions below from any other. */
#ifndef SM_INVOICING_JOB_H
#define SM_INVOICING_JOB_H

#include "base/buf.h"
#include "invoicing/invoicing.h"

enum { SM_JOB_MONTHS_MAX = 12 };

typedef struct sm_job sm_job;

typedef struct sm_job_options {
  const sm_invoicing *invoicing; /* borrowed, as is all in it */
  const char *holder;            /* of the lease: the same after every start, another's never */
  int64_t delay_ms;              /* after the start: what a broker kept comes in first */
  int64_t (*now_ms)(void);       /* NULL: the wall clock */
} sm_job_options;

typedef struct sm_job_stats {
  bool running;
  uint64_t runs;     /* days that were worked on to their end */
  uint64_t failures; /* runs that ended with an error, or in which an account failed */
  uint64_t issued;   /* invoices */
  uint64_t waiting;  /* accounts that the last whole run left out until they are settled */
  int64_t last_ms;   /* when the last whole run ended; 0: none yet */
} sm_job_stats;

/* SM_ERR_NOMEM. The caller frees it. */
SM_MUST_CHECK sm_err sm_job_new(const sm_job_options *options, sm_job **job);
/* Starts the thread. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_job_start(sm_job *job);
/* Stops behind the batch that is being written, and waits for that, but no longer than this. False:
 * its thread still runs (a disk that does not answer), and nothing that it uses may be freed. NULL
 * is fine. */
bool sm_job_stop(sm_job *job, int64_t timeout_ms);
void sm_job_free(sm_job *job); /* it is stopped, or was never started; NULL is fine */

void sm_job_stats_get(sm_job *job, sm_job_stats *stats);
/* Prometheus text. NULL writes nothing. */
void sm_job_write_metrics(sm_job *job, sm_buf *out);

/* For tests, without the thread: what the thread does when it looks at the clock. True: it was time
 * for a run, and it was made. */
bool sm_job_look(sm_job *job);

#endif
