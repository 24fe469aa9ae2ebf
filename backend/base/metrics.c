#include "base/metrics.h"

#include <inttypes.h>

void sm_metrics_write(sm_buf *out, const sm_metric *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    sm_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", rows[i].name, rows[i].help,
                  rows[i].name, rows[i].type, rows[i].name, rows[i].value);
}
