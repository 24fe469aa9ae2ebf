/* A household as its meter sees it: at any instant the power that is drawn, what the supply gives,
 * and the energy since the household began. Power is constant over steps of 10 s on the UTC grid
 * and a pure function of (seed, number, size, zone, instant); energy is its exact integral, in
 * integers, so it neither depends on when or how often one asks nor ever falls.
 *
 * Days follow the local clock of a zone; a week has working days and a weekend (Saturday, Sunday).
 * A household keeps the energy at the start of each day that was asked for: going on in time is
 * cheap (well under a microsecond), so is going back within a day. Not safe for two threads at
 * once. Instants are whole seconds since 1970 (UTC). */
#ifndef SM_SIM_HOUSEHOLD_H
#define SM_SIM_HOUSEHOLD_H

#include "base/err.h"
#include "base/zone.h"
#include "sim/day_plan.h"

#include <stdint.h>

#define SM_SIM_MWS_PER_WH INT64_C(3600000)

typedef struct sm_sim_household sm_sim_household;

typedef struct sm_sim_sample {
  int32_t power_mw;           /* a multiple of 100: the published tenths of a watt are exact */
  int64_t energy_mws;         /* integral of the power from the household's begin to this instant */
  int32_t voltage_mv;         /* 215 000..245 000, multiples of 100 */
  int32_t current_ma;         /* power / (voltage × power factor), rounded */
  int32_t power_factor_milli; /* 500..1000, multiples of 10 */
  int32_t frequency_mhz;      /* 49 800..50 200, multiples of 100 */
} sm_sim_sample;

/* A household that begins to be counted at begin_s. `zone` is borrowed for its life. SM_ERR_NOMEM.
 * The caller frees it. */
SM_MUST_CHECK sm_err sm_sim_household_new(uint64_t seed, uint32_t number, sm_sim_size size,
                                          const sm_zone *zone, int64_t begin_s,
                                          sm_sim_household **household);
void sm_sim_household_free(sm_sim_household *household);

/* The sample at an instant not before the begin (SM_ERR_RANGE). SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sim_household_at(sm_sim_household *household, int64_t instant_s,
                                         sm_sim_sample *sample);

#endif
