#include "base/metrics.h"

#include <inttypes.h>

void sm_metrics_write(sm_buf *out, const sm_metric *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    sm_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", rows[i].name, rows[i].help,
                  rows[i].name, rows[i].type, rows[i].name, rows[i].value);
}

void sm_histogram_count(sm_histogram *histogram, int64_t ms) {
  size_t at = 0;
  while (at < histogram->edges && ms > histogram->edge_ms[at]) at++;
  atomic_fetch_add(&histogram->within[at], 1);
  atomic_fetch_add(&histogram->sum_ms, (uint64_t)(ms > 0 ? ms : 0));
}

void sm_histogram_write(sm_histogram *histogram, const char *name, const char *help, sm_buf *out) {
  uint64_t total = 0;
  sm_buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
  for (size_t i = 0; i < histogram->edges; i++) {
    int64_t edge_ms = histogram->edge_ms[i];
    total += atomic_load(&histogram->within[i]);
    sm_buf_printf(out, "%s_bucket{le=\"%" PRId64 ".%03" PRId64 "\"} %" PRIu64 "\n", name,
                  edge_ms / 1000, edge_ms % 1000, total);
  }
  total += atomic_load(&histogram->within[histogram->edges]);
  uint64_t sum_ms = atomic_load(&histogram->sum_ms);
  sm_buf_printf(out,
                "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %" PRIu64 ".%03" PRIu64
                "\n%s_count %" PRIu64 "\n",
                name, total, name, sum_ms / 1000, sum_ms % 1000, name, total);
}
