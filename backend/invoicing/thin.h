/* A register's trace without the points that no bill looks at. Internal to invoicing; pure. */
#ifndef SM_INVOICING_THIN_H
#define SM_INVOICING_THIN_H

#include "store/readings.h"

#include <stdbool.h>

/* Where the whole course is plain (it never falls, no step is above the limit of the mean power),
 * keeps of it the first and the last point and, for each instant, the last one at or before it and
 * the first one at or after it: the register at those instants, and at all before the first point
 * and after the last, is the same with the others left out. A course with any doubt in it, or with
 * a point that a person stated, stays whole: false. Instants ascend. */
bool sm_trace_thin(sm_trace *trace, int64_t step_limit_w, const int64_t *instant_ms, size_t count);

#endif
