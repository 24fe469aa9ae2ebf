/* Readings reduced to quarters (15 minutes of UTC), and the tests that say whether a step of a
 * register is plain. Pure. */
#ifndef SM_STORE_SERIES_QUARTER_H
#define SM_STORE_SERIES_QUARTER_H

#include "store/readings.h"

#include <stdbool.h>

/* The start of the quarter or hour that an instant falls in (also before 1970). */
int64_t sm_quarter_start_ms(int64_t ts_ms);
int64_t sm_hour_of(int64_t ts_ms); /* hours since 1970 */

/* Reduces ascending readings to their quarters; `out` holds at least as many as there are readings.
 * Returns how many there are. */
size_t sm_quarters_of(const sm_reading *readings, size_t count, sm_quarter *out);

/* The mean power in W, rounded up, that a step implies, less 2 Wh for the register's resolution; 0
 * for a step of up to 2 Wh or a fall. INT64_MAX if no time passed. */
int64_t sm_step_w(sm_register_point from, sm_register_point to);

/* Whether that is not above a limit (at least 0), without the division. */
bool sm_step_within(sm_register_point from, sm_register_point to, int64_t limit_w);

#endif
