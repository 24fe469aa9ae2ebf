/* Token buckets that several servers share, in a PostgreSQL database: what auth/throttle.h keeps in
 * memory otherwise. A connection of its own, made when it is first needed. The database's clock
 * counts. Any number of threads, one at a time. */
#ifndef SM_STORE_LOGINS_PG_H
#define SM_STORE_LOGINS_PG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_pg_logins sm_pg_logins;

typedef struct sm_pg_bucket {
  uint64_t tag;
  uint32_t burst;
  uint32_t refill_ms;
} sm_pg_bucket;

enum { SM_PG_BUCKETS_MAX = 8 };

SM_MUST_CHECK sm_err sm_pg_logins_new(const char *url, sm_pg_logins **logins); /* SM_ERR_NOMEM */
void sm_pg_logins_free(sm_pg_logins *logins);                                  /* NULL is fine */

/* Takes a token from each of at most SM_PG_BUCKETS_MAX buckets (*wait_ms 0), or from none: how long
 * until there is one in each. Errors of the database, for all of these. */
SM_MUST_CHECK sm_err sm_pg_logins_take(sm_pg_logins *logins, const sm_pg_bucket *bucket,
                                       size_t count, int64_t *wait_ms);
/* Gives a token back to each. */
SM_MUST_CHECK sm_err sm_pg_logins_give(sm_pg_logins *logins, const sm_pg_bucket *bucket,
                                       size_t count);
/* Notes a tag as seen; whether it was within that time. */
SM_MUST_CHECK sm_err sm_pg_logins_know(sm_pg_logins *logins, uint64_t tag);
SM_MUST_CHECK sm_err sm_pg_logins_known(sm_pg_logins *logins, uint64_t tag, int64_t within_ms,
                                        bool *known);

#endif
