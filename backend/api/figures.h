/* What the HTTP side counts for /metrics. Any number of threads. */
#ifndef SM_API_FIGURES_H
#define SM_API_FIGURES_H

#include "api/router.h"
#include "base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

enum { SM_FIGURES_BUCKETS = 8 };

typedef struct sm_route_figures {
  atomic_uint_fast64_t status[6]; /* [2]: answers with 2xx, …; [0]: given up without an answer */
  atomic_uint_fast64_t under[SM_FIGURES_BUCKETS]; /* answers not slower than a bound */
  atomic_uint_fast64_t sum_us;
} sm_route_figures;

/* Zeroed is empty. The last entry is what has no route: files and what is absent. */
typedef struct sm_figures {
  sm_route_figures route[SM_ROUTES_MAX + 1];
  atomic_uint_fast64_t turned_away; /* at the gate for wide queries */
  atomic_uint_fast64_t timed_out;   /* connections cut because a request or its taking was slow */
  atomic_uint_fast64_t connections; /* now */
} sm_figures;

/* route NULL: none. status 0: the connection ended before an answer was sent. */
void sm_figures_count(sm_figures *figures, const sm_route *route, unsigned status,
                      int64_t duration_us);
/* Appends Prometheus text. */
void sm_figures_write(sm_figures *figures, sm_buf *out);

#endif
