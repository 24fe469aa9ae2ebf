/* How the process and its disk are, in the names that Prometheus' own libraries use (process_…),
 * for /metrics. What the system does not tell is left out. */
#ifndef SM_APP_VITALS_H
#define SM_APP_VITALS_H

#include "base/buf.h"

/* Appends smartmeter_build_info, process_… and the room on the disk of `data_dir`. */
void sm_vitals_write_metrics(const char *data_dir, sm_buf *out);

#endif
