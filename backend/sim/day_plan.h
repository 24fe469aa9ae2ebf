/* What runs in a household on one local day: every appliance as a list of stretches with a constant
 * power. A plan is a pure function of the household's traits and the day, so it can be made again
 * at any time; whoever wants power or energy sums over the plan of the day and of the day before
 * (a stretch may run past midnight, by less than a day).
 *
 * Units: dw is a tenth of a watt; a step is 10 s, counted from the local day's start in elapsed
 * time: on the one day of a clock change the evening is an hour off. The seasons are North India's:
 * hot from April to September, cool from November to February. Nothing here allocates. */
#ifndef SM_SIM_DAY_PLAN_H
#define SM_SIM_DAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_SIM_STEP_S = 10, SM_SIM_DAY_RUNS_MAX = 320 };

/* How much a household uses, roughly, in a month: small 100-180 kWh, medium 160-360, large 210-430,
 * most in May, least in February; common (stair lights, pump, lift and cameras of a house) 300-350.
 */
typedef enum sm_sim_size { SM_SIM_SMALL, SM_SIM_MEDIUM, SM_SIM_LARGE, SM_SIM_COMMON } sm_sim_size;

typedef struct sm_sim_traits {
  uint64_t key; /* of all chance in this household */
  sm_sim_size size;
  int32_t base_dw;        /* always on: router, clocks, standby, cameras */
  int32_t noise_dw;       /* how far the base load wavers, less than base_dw */
  int32_t fridge_dw;      /* 0: none */
  int32_t fridge_cycle_s; /* from one start of the compressor to the next */
  int32_t fridge_on_s;
  int32_t people;
  int32_t ac_dw; /* 0: none */
  int32_t geyser_dw;
  int32_t hob_dw;
  int32_t wake_s; /* seconds after midnight on a working day */
  int32_t bed_s;
  bool home_by_day; /* somebody is there on working days */
  bool scooter;     /* charges an electric scooter at night */
} sm_sim_traits;

typedef struct sm_sim_run {
  uint16_t start_step;
  uint16_t steps;
  uint16_t power_dw;
  uint16_t pf_centi; /* power factor, hundredths */
} sm_sim_run;

typedef struct sm_sim_day_plan {
  size_t count;
  int64_t energy_j; /* of all runs: a dw for a step is a joule */
  sm_sim_run runs[SM_SIM_DAY_RUNS_MAX];
} sm_sim_day_plan;

/* The traits of household `number` under a seed. */
sm_sim_traits sm_sim_traits_of(uint64_t seed, uint32_t number, sm_sim_size size);

/* The plan of a day, counted in days since 1970-01-01 on the local calendar. */
void sm_sim_day_plan_make(const sm_sim_traits *traits, int64_t day, sm_sim_day_plan *plan);

#endif
