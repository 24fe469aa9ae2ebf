/* A simulated meter: a household seen through one device, with its own register and its mishaps.
 * It says what the device measures at an instant, and in which order it sends what it measured. A
 * reading has a time at which it is due to be sent: its own instant, or, for a late stretch, the
 * instant at which that stretch is sent as a whole.
 *
 * The register counts whole Wh, wraps at 10,000 kWh as a real one does, and is a pure function of
 * meter and instant. Instants are whole seconds since 1970 (UTC); "never" is SM_SIM_NEVER. */
#ifndef SM_SIM_METER_H
#define SM_SIM_METER_H

#include "base/err.h"
#include "sim/household.h"

#include <stdbool.h>
#include <stdint.h>

#define SM_SIM_NEVER INT64_MAX
#define SM_SIM_REGISTER_WH INT64_C(10000000) /* where the register wraps */

enum { SM_SIM_DEVICE_ID_MAX = 65 }; /* 64 characters and a NUL */

typedef struct sm_sim_meter {
  char device_id[SM_SIM_DEVICE_ID_MAX];
  sm_sim_household *household; /* borrowed; another meter may have the same */
  uint64_t seed;
  uint32_t number;    /* of the device: its radio */
  int64_t begin_s;    /* its first reading may be here */
  int64_t end_s;      /* its last one, inclusive */
  int64_t initial_wh; /* the register at begin_s */
  int64_t gap_from_s; /* no readings in [from, to) */
  int64_t gap_to_s;
  int64_t late_from_s; /* readings in [from, to) are due at late_sent_s, not before late_to_s */
  int64_t late_to_s;
  int64_t late_sent_s;
  int64_t reset_s;   /* the register is 0 here and counts on; set by sm_sim_meter_reset_at */
  int64_t begin_mws; /* the household's energy at begin_s */
  int64_t reset_mws; /* and at reset_s */
} sm_sim_meter;

typedef struct sm_sim_reading {
  int64_t instant_s;
  int32_t voltage_mv;
  int32_t current_ma;
  int32_t power_mw;
  int64_t energy_wh;
  int32_t power_factor_milli;
  int32_t frequency_mhz;
  int32_t rssi_dbm;
} sm_sim_reading;

/* A meter without mishaps; `device_id` (1 to 64 characters of A-Z a-z 0-9 _ -) is copied.
 * SM_ERR_INVALID (device_id), SM_ERR_RANGE (the household begins after begin_s), SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_meter_init(sm_sim_meter *meter, const char *device_id, uint64_t seed,
                                       uint32_t number, sm_sim_household *household,
                                       int64_t begin_s, int64_t initial_wh);

/* Lets the register fall to 0 at an instant. SM_ERR_RANGE (before the household's begin),
 * SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_meter_reset_at(sm_sim_meter *meter, int64_t reset_s);

/* Whether there is a reading at an instant. */
bool sm_sim_meter_measures(const sm_sim_meter *meter, int64_t instant_s);
/* The reading at an instant at which it measures. SM_ERR_NOT_FOUND if it does not; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_meter_read(const sm_sim_meter *meter, int64_t instant_s,
                                       sm_sim_reading *reading);

/* The instants whose readings are due in [from_s, to_s), in the order of sending, on the UTC grid
 * of interval_s. */
typedef struct sm_sim_due {
  const sm_sim_meter *meter; /* borrowed */
  int64_t interval_s;
  int64_t spans_s[3][2]; /* [from, to): before the late stretch, that stretch, after it */
  size_t span;
  int64_t next_s;
} sm_sim_due;

void sm_sim_due_init(sm_sim_due *due, const sm_sim_meter *meter, int64_t from_s, int64_t to_s,
                     int64_t interval_s);
/* False at the end. */
bool sm_sim_due_next(sm_sim_due *due, int64_t *instant_s);

/* The first multiple of interval_s not before an instant. */
int64_t sm_sim_grid_s(int64_t instant_s, int64_t interval_s);

#endif
