/* A few threads that do the same for each of many things. Internal to invoicing. One thread owns a
 * crew; what it is given to do runs on all of them. */
#ifndef SM_INVOICING_CREW_H
#define SM_INVOICING_CREW_H

#include "base/err.h"

#include <stddef.h>

enum { SM_CREW_MAX = 16 };

typedef struct sm_crew sm_crew;

/* 1 to SM_CREW_MAX threads. SM_ERR_NOMEM: not one could be started. They take no signals. The
 * caller frees it. */
SM_MUST_CHECK sm_err sm_crew_new(size_t threads, sm_crew **crew);
void sm_crew_free(sm_crew *crew); /* NULL is fine; waits for what is being done */

/* Has `each` called for 0 to count - 1, once each, in any order, and returns at once. Not before
 * what went before has been waited for. */
void sm_crew_start(sm_crew *crew, void (*each)(void *context, size_t index), void *context,
                   size_t count);
/* Until all is done; at once if there is nothing. */
void sm_crew_wait(sm_crew *crew);

#endif
