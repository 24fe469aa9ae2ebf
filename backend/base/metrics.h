/* Figures in Prometheus' text: rows without labels, and histograms. */
#ifndef SM_BASE_METRICS_H
#define SM_BASE_METRICS_H

#include "base/buf.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_metric {
  const char *name;
  const char *type; /* "counter", "gauge" */
  const char *help; /* a sentence */
  uint64_t value;
} sm_metric;

/* Appends each row with its HELP and TYPE. */
void sm_metrics_write(sm_buf *out, const sm_metric *rows, size_t count);

enum { SM_HISTOGRAM_EDGES_MAX = 15 };

/* How long something took. Its edges are constants that outlive it, ascending; the counts begin
 * zeroed. Any number of threads count and write. */
typedef struct sm_histogram {
  const int64_t *edge_ms;
  size_t edges;                                            /* at most SM_HISTOGRAM_EDGES_MAX */
  atomic_uint_fast64_t within[SM_HISTOGRAM_EDGES_MAX + 1]; /* the last: above all edges */
  atomic_uint_fast64_t sum_ms;
} sm_histogram;

/* Less than nothing, as clocks that differ have it, counts as nothing. */
void sm_histogram_count(sm_histogram *histogram, int64_t ms);
/* Appends it in seconds, with HELP and TYPE. */
void sm_histogram_write(sm_histogram *histogram, const char *name, const char *help, sm_buf *out);

#endif
