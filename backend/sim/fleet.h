/* A set of simulated meters and the messages that they send. The fleet of a plain simulation is N
 * households of mixed sizes without mishaps; the demo's is the neighbourhood of sim/demo.h.
 *
 * Payloads are a pure function of the fleet's options, so that a stretch that is sent twice is the
 * same bytes twice. Not safe for two threads at once. Instants are whole seconds since 1970. */
#ifndef SM_SIM_FLEET_H
#define SM_SIM_FLEET_H

#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "sim/demo.h"
#include "sim/meter.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sm_sim_fleet {
  sm_sim_meter *meters;
  size_t count;
  sm_sim_household **households; /* owned; fewer than meters where a meter was swapped */
  size_t household_count;
} sm_sim_fleet;

enum { SM_SIM_METERS_MAX = 100000, SM_SIM_PREFIX_MAX = 57 };

/* `count` meters "<prefix>001", "<prefix>002", … in households 1, 2, … of a seed, whose registers
 * began at begin_s. `zone` is borrowed for the fleet's life. SM_ERR_RANGE (count not 1 to
 * SM_SIM_METERS_MAX), SM_ERR_INVALID (prefix: over SM_SIM_PREFIX_MAX characters, or other than A-Z
 * a-z 0-9 _ -), SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_fleet_init(sm_sim_fleet *fleet, uint64_t seed, size_t count,
                                       const char *prefix, const sm_zone *zone, int64_t begin_s);
/* The demo's neighbourhood, first started at start_ms. `zone` is borrowed. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_fleet_init_demo(sm_sim_fleet *fleet, uint64_t seed, const sm_zone *zone,
                                            int64_t start_ms);
/* Safe on a zeroed fleet. */
void sm_sim_fleet_fini(sm_sim_fleet *fleet);

/* What one message may hold. */
typedef struct sm_sim_limits {
  size_t readings; /* 1: a bare object a message; more: arrays of 1 to this many */
  size_t bytes;    /* at least SM_SIM_TELEMETRY_MAX + 2 */
} sm_sim_limits;

/* `epoch` and the last `seq` a meter has used; NULL where readings are sent without. */
typedef struct sm_sim_sequence {
  uint32_t epoch;
  uint32_t seq;
} sm_sim_sequence;

/* Writes the next message of what is due into `payload` (cleared first; its limit must be 0 or at
 * least limits->bytes) and gives how many readings it holds: 0 when nothing is left. Consecutive
 * calls go on where the last one stopped. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_message_next(sm_sim_due *due, const sm_sim_limits *limits,
                                         sm_sim_sequence *sequence, sm_buf *payload,
                                         size_t *readings);

#endif
