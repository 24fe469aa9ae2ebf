/* A few threads that do the same for each of many things. Internal to invoicing. One thread owns a
 * crew; what it is given to do runs on all of them, in the order in which it was given. They stand
 * back behind their owner (a higher nice value): with fewer cores than threads it is not held up.
 */
#ifndef SM_INVOICING_CREW_H
#define SM_INVOICING_CREW_H

#include "base/err.h"

#include <stddef.h>

enum { SM_CREW_MAX = 16 };

typedef struct sm_crew sm_crew;

/* 1 to SM_CREW_MAX threads. SM_ERR_NOMEM: not one could be started. They take no signals. The
 * caller frees it. */
SM_MUST_CHECK sm_err sm_crew_new(size_t threads, sm_crew **crew);
void sm_crew_free(sm_crew *crew); /* NULL is fine; waits for all that is to be done */

/* `each` is called for 0 to count - 1, once each, in any order. It stays where it is, and as it is,
 * from give to wait. */
typedef struct sm_crew_job {
  void (*each)(void *context, size_t index);
  void *context;
  size_t count;
  /* the crew's, under its lock: zero at first */
  size_t next; /* to be taken */
  size_t done;
  struct sm_crew_job *behind; /* given after it */
} sm_crew_job;

/* Has it done behind all that was given before, and returns at once. */
void sm_crew_give(sm_crew *crew, sm_crew_job *job);
/* Until all of it is done; at once for one that was never given (count 0). */
void sm_crew_wait(sm_crew *crew, sm_crew_job *job);

#endif
