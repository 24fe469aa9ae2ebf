/* How many requests anybody may make: token buckets for each person and each address, apart for
 * each class of routes, since a page of readings costs the server a thousandth of a month's ZIP.
 * Nothing here knows whether a request is good; it is asked before anything costly is done.
 *
 * An address stands for a whole household or office behind one router, so it may do several times
 * what a person may; of IPv6 the network half (/64) counts, as its owner has all of the rest.
 * Memory is bounded: with more people and addresses than places the fullest buckets are forgotten,
 * which only ever forgives. Any number of threads. */
#ifndef SM_API_RATES_H
#define SM_API_RATES_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_rate_class {
  SM_RATE_READS,  /* everything that only reads, the dashboard's files too */
  SM_RATE_WRITES, /* what changes something, and renewing a session */
  SM_RATE_COSTLY, /* PDF, ZIP, explanations, previews, issuing: seconds of work for few bytes */
  SM_RATE_LOGINS, /* what checks or makes a password: argon2 is slow on purpose */
  SM_RATE_CLASSES,
  SM_RATE_FREE =
      SM_RATE_CLASSES /* whether the server lives: an orchestrator must always learn it */
} sm_rate_class;

struct sm_route; /* api/router.h */

/* Of a route, or of what has none (NULL): files, and what is absent. */
sm_rate_class sm_rate_class_of(const struct sm_route *route);
const char *sm_rate_class_name(sm_rate_class rate_class); /* "reads", …, static */

enum { SM_RATE_ADDRESS_TIMES = 4, SM_RATE_BURST_S = 15, SM_RATE_A_MINUTE_MAX = 60000 };

/* Requests a minute of one person, in each class; 0: without limit. At once so many as come in
 * SM_RATE_BURST_S seconds, at least 10; an address has SM_RATE_ADDRESS_TIMES as much. */
typedef struct sm_rate_limits {
  uint32_t a_minute[SM_RATE_CLASSES];
} sm_rate_limits;

typedef struct sm_rates sm_rates;

/* `places`: buckets that are remembered; 0 takes 65536, which is 1 MiB. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_rates_new(const sm_rate_limits *limits, size_t places, sm_rates **rates);
void sm_rates_free(sm_rates *rates); /* NULL is fine */

/* Takes a token. False: there is none, and *retry_after_s (at least 1) says when there will be one.
 * `now_us` is of a clock that never goes back. NULL rates let all pass. */
bool sm_rates_take_address(sm_rates *rates, sm_rate_class rate_class, const char *address,
                           int64_t now_us, unsigned *retry_after_s);
bool sm_rates_take_user(sm_rates *rates, sm_rate_class rate_class, const char *user_id,
                        int64_t now_us, unsigned *retry_after_s);

/* Appends how many were turned away, as Prometheus text. NULL rates are fine. */
void sm_rates_write_metrics(sm_rates *rates, sm_buf *out);

#endif
