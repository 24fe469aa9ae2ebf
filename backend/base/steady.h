/* Waiting on a condition for a time. The clock behind it never goes back and nobody sets it, so
 * that a wait is as long as was meant. */
#ifndef SM_BASE_STEADY_H
#define SM_BASE_STEADY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A condition whose timed waits end by sm_steady_after. False: no memory; nothing is to be
 * destroyed. */
bool sm_steady_cond_init(pthread_cond_t *cond);
/* So many ms from now, for pthread_cond_timedwait. */
struct timespec sm_steady_after(int64_t ms);

#endif
