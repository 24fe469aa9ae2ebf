/* The demo's neighbourhood: a small house of eight flats and a common-area meter, who lives where,
 * and which mishap each meter shows (a gap, a reset, late data, a swap). The table is fixed; the
 * instants of the mishaps follow from the moment the demo was first started, so that they always
 * lie in the two full months before it. The simulator sends what this tells, and `demo seed` makes
 * the people, places and devices from the same table.
 *
 * Nothing here allocates; any number of threads. Instants are int64 ms since 1970 (UTC). */
#ifndef SM_SIM_DEMO_H
#define SM_SIM_DEMO_H

#include "base/zone.h"
#include "sim/household.h"

#include <stddef.h>
#include <stdint.h>

typedef enum sm_sim_scenario {
  SM_SIM_NORMAL,
  SM_SIM_GAP,         /* silent for a night across a month's end; the register goes on meanwhile */
  SM_SIM_RESET,       /* the register falls to 0 and counts on */
  SM_SIM_LATE,        /* some hours arrive days later, after what followed them */
  SM_SIM_SWAPPED_OUT, /* taken down at the swap instant: its last reading is at that instant */
  SM_SIM_SWAPPED_IN   /* put up at the swap instant: its first reading is at that instant */
} sm_sim_scenario;

typedef struct sm_sim_demo_meter {
  const char *device_id; /* "meter-001" */
  const char *name;      /* the device's name: "Flat 1A" */
  const char *place;     /* what it serves; the two meters of a swap serve one place */
  const char *resident;  /* full name; NULL for the common area */
  const char *email;     /* the resident's login, lower case, an example domain; NULL likewise */
  sm_sim_scenario scenario;
  sm_sim_size size;
  unsigned household;  /* number of the household behind it: two meters of a swap have the same */
  int64_t register_wh; /* what the register shows when the meter's readings begin */
} sm_sim_demo_meter;

/* When what happens. All instants are multiples of 60 s. */
typedef struct sm_sim_demo_schedule {
  int64_t history_from_ms; /* first local day of the month two before the start's month */
  int64_t gap_from_ms;     /* SM_SIM_GAP: no readings from here (inclusive) … */
  int64_t gap_to_ms;       /* … to here (exclusive): 9 h across the end of the first month */
  int64_t reset_ms;        /* SM_SIM_RESET: the register is 0 here; in the last full month */
  int64_t late_from_ms;    /* SM_SIM_LATE: readings from here (inclusive) … */
  int64_t late_to_ms;      /* … to here (exclusive) are … */
  int64_t late_sent_ms;    /* … sent when everything before this instant has been */
  int64_t swap_ms;         /* both meters of the swap have a reading here */
} sm_sim_demo_schedule;

/* All meters of the neighbourhood in the order of their device ids; static. The first one is the
 * flat that the demo's resident logs in as. */
const sm_sim_demo_meter *sm_sim_demo_meters(size_t *count);

/* The schedule of a demo that was first started at start_ms. */
sm_sim_demo_schedule sm_sim_demo_schedule_of(const sm_zone *zone, int64_t start_ms);
/* Its swap_ms alone: where meter-006's service ends and meter-010's begins. */
int64_t sm_sim_demo_swap_at(const sm_zone *zone, int64_t start_ms);
/* When a meter of the table begins to send (history_from_ms, or swap_ms for the one put up). */
int64_t sm_sim_demo_begins_at(const sm_sim_demo_meter *meter, const sm_sim_demo_schedule *schedule);

#endif
