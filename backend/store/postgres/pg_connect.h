/* Which server of a URL is written to: the primary, and of several that say they are one the
 * newest.
 *
 * A primary that was given up and comes back by itself (nobody fenced it) takes writes as before,
 * and would be found first by its place in the URL. It is known by its timeline, which each
 * promotion counts up: this process goes to no primary with a lower one than it has seen, and asks
 * all hosts of the URL before it has seen any, and where a connection was lost: while this process
 * was stopped, say, another one may have been promoted, and the former one be back. */
#ifndef SM_STORE_PG_CONNECT_H
#define SM_STORE_PG_CONNECT_H

#include "base/err.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* A connection, and the timeline of its server; finish it with PQfinish. SM_ERR_IO: no host of the
 * URL has a primary that may be written to (logged, each host's reason, without a password).
 * again: after one that was lost. Any thread. */
SM_MUST_CHECK sm_err sm_pg_connect(const char *url, bool again, PGconn **conn, int64_t *timeline);

#endif
