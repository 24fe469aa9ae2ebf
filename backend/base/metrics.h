/* Figures in Prometheus' text, one row a figure without labels. */
#ifndef SM_BASE_METRICS_H
#define SM_BASE_METRICS_H

#include "base/buf.h"

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

#endif
