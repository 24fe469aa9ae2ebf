/* A reading as the contract's telemetry object. Numbers are written from integers; the same reading
 * gives the same bytes. */
#ifndef SM_SIM_TELEMETRY_H
#define SM_SIM_TELEMETRY_H

#include "base/jsonw.h"
#include "sim/meter.h"

#include <stdint.h>

/* The longest object with a 64-character id, its comma included. */
enum { SM_SIM_TELEMETRY_MAX = 384 };

/* Puts one object into w. With seq != 0 it carries `epoch` and `seq`. */
void sm_sim_telemetry_write(sm_jsonw *w, const char *device_id, const sm_sim_reading *reading,
                            uint32_t epoch, uint32_t seq);

#endif
