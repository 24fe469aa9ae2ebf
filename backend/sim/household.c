#include "sim/household.h"

#include "sim/hash.h"
#include "sim/supply.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MWS_PER_J = 1000, MW_PER_DW = 100, DAY_S = 86400, MINUTE_S = 60 };
enum { PF_BASE_CENTI = 88 };

/* A day whose plan is at hand. */
typedef struct planned_day {
  int64_t number; /* since 1970-01-01, local calendar */
  int64_t start_s;
  sm_sim_day_plan plan;
} planned_day;

struct sm_sim_household {
  uint64_t seed;
  uint32_t number;
  sm_sim_traits traits;
  const sm_zone *zone;
  int64_t begin_s;
  int64_t begin_mws; /* energy at the begin, counted from the first day's start */
  int64_t first_day; /* the local day of the begin */
  int64_t first_start_s;
  int64_t *plans_mws; /* [i]: energy of the plans of days first_day - 1 to first_day + i - 1 */
  size_t plans_count;
  size_t plans_cap;
  int64_t today_end_s; /* 0: no day is at hand */
  planned_day today;
  planned_day yesterday; /* its late runs go on into today */
};

static int64_t day_start_s(const sm_zone *zone, int64_t day_number) {
  sm_date date = sm_date_add_days((sm_date){1970, 1, 1}, day_number);
  return sm_zone_day_start_ms(zone, date) / 1000;
}

/* Adds the plan of one more day to the running sum. `plan` is scratch. */
static sm_err extend_sums(sm_sim_household *h, sm_sim_day_plan *plan) {
  if (h->plans_count == h->plans_cap) {
    size_t cap = h->plans_cap == 0 ? 64 : h->plans_cap * 2;
    int64_t *grown = realloc(h->plans_mws, cap * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    h->plans_mws = grown;
    h->plans_cap = cap;
  }
  size_t i = h->plans_count;
  int64_t before = i == 0 ? 0 : h->plans_mws[i - 1];
  sm_sim_day_plan_make(&h->traits, h->first_day + (int64_t)i - 1, plan);
  h->plans_mws[i] = before + plan->energy_j * MWS_PER_J;
  h->plans_count++;
  return SM_OK;
}

static void plan_day(sm_sim_household *h, int64_t number, planned_day *day) {
  day->number = number;
  day->start_s = day_start_s(h->zone, number);
  sm_sim_day_plan_make(&h->traits, number, &day->plan);
}

/* Makes the local day of an instant the one at hand. */
static sm_err go_to_day(sm_sim_household *h, int64_t instant_s) {
  if (instant_s >= h->today.start_s && instant_s < h->today_end_s) return SM_OK;
  sm_date date = sm_zone_date(h->zone, instant_s * 1000);
  int64_t number = sm_date_days_between((sm_date){1970, 1, 1}, date);
  assert(number >= h->first_day);
  while (h->plans_count <= (size_t)(number - h->first_day)) {
    sm_err err = extend_sums(h, &h->today.plan);
    h->today_end_s = 0; /* the plan at hand was used as scratch */
    if (err != SM_OK) return err;
  }
  plan_day(h, number, &h->today);
  plan_day(h, number - 1, &h->yesterday);
  h->today_end_s = day_start_s(h->zone, number + 1);
  return SM_OK;
}

/* What the base load wavers by in the step of an instant. Steps come in pairs that cancel out, so a
 * whole number of pairs adds nothing to the energy. */
static int32_t waver_dw(const sm_sim_household *h, int64_t step) {
  int32_t up = sm_sim_pick(sm_sim_hash(h->traits.key + 1, (uint64_t)(step / 2)),
                           -h->traits.noise_dw, h->traits.noise_dw);
  return step % 2 == 0 ? up : -up;
}

/* Base load from the first day's start to an instant, in dw × s. */
static int64_t base_dws(const sm_sim_household *h, int64_t instant_s) {
  int64_t step = instant_s / SM_SIM_STEP_S;
  int64_t into_s = instant_s % SM_SIM_STEP_S;
  int64_t dws = (instant_s - h->first_start_s) * h->traits.base_dw;
  /* Days start on a pair's boundary; only the pair of this instant can be open. */
  if (step % 2 != 0) dws += (int64_t)waver_dw(h, step - 1) * SM_SIM_STEP_S;
  return dws + waver_dw(h, step) * into_s;
}

/* What is drawn at an instant, and by when the runs of a plan have used how much of their energy.
 */
typedef struct tally {
  int64_t dw;
  int64_t dw_pf;    /* Σ dw × power factor in hundredths */
  int64_t left_dws; /* energy that the plan's runs still have before them */
} tally;

static void tally_plan(const planned_day *day, int64_t instant_s, tally *t) {
  int64_t at_s = instant_s - day->start_s;
  for (size_t i = 0; i < day->plan.count; i++) {
    const sm_sim_run *run = &day->plan.runs[i];
    int64_t from_s = (int64_t)run->start_step * SM_SIM_STEP_S;
    int64_t to_s = from_s + (int64_t)run->steps * SM_SIM_STEP_S;
    if (at_s >= to_s) continue;
    bool runs = at_s >= from_s;
    t->left_dws += (to_s - (runs ? at_s : from_s)) * run->power_dw;
    if (!runs) continue;
    t->dw += run->power_dw;
    t->dw_pf += (int64_t)run->power_dw * run->pf_centi;
  }
}

/* Energy since the start of the first day and the runs' part of the power. */
static sm_err measure(sm_sim_household *h, int64_t instant_s, tally *t, int64_t *energy_mws) {
  sm_err err = go_to_day(h, instant_s);
  if (err != SM_OK) return err;
  *t = (tally){0};
  tally_plan(&h->today, instant_s, t);
  tally_plan(&h->yesterday, instant_s, t);
  size_t index = (size_t)(h->today.number - h->first_day);
  int64_t plans_mws = h->plans_mws[index] + h->today.plan.energy_j * MWS_PER_J;
  *energy_mws = plans_mws + (base_dws(h, instant_s) - t->left_dws) * MW_PER_DW;
  return SM_OK;
}

sm_err sm_sim_household_new(uint64_t seed, uint32_t number, sm_sim_size size, const sm_zone *zone,
                            int64_t begin_s, sm_sim_household **household) {
  sm_sim_household *h = calloc(1, sizeof *h);
  if (h == NULL) return SM_ERR_NOMEM;
  h->seed = seed;
  h->number = number;
  h->traits = sm_sim_traits_of(seed, number, size);
  h->zone = zone;
  h->begin_s = begin_s;
  sm_date date = sm_zone_date(zone, begin_s * 1000);
  h->first_day = sm_date_days_between((sm_date){1970, 1, 1}, date);
  h->first_start_s = day_start_s(zone, h->first_day);
  tally unused;
  sm_err err = measure(h, begin_s, &unused, &h->begin_mws);
  if (err != SM_OK) {
    sm_sim_household_free(h);
    return err;
  }
  *household = h;
  return SM_OK;
}

void sm_sim_household_free(sm_sim_household *household) {
  if (household == NULL) return;
  free(household->plans_mws);
  free(household);
}

static int32_t power_factor_milli(const sm_sim_household *h, const tally *t, int64_t instant_s) {
  int64_t dw = t->dw + h->traits.base_dw;
  int64_t dw_pf = t->dw_pf + (int64_t)h->traits.base_dw * PF_BASE_CENTI;
  int32_t centi = (int32_t)((dw_pf + dw / 2) / dw);
  centi +=
      sm_sim_pick(sm_sim_hash(h->traits.key + 2, (uint64_t)(instant_s / SM_SIM_STEP_S)), -1, 1);
  return (centi > 100 ? 100 : centi) * 10;
}

sm_err sm_sim_household_at(sm_sim_household *household, int64_t instant_s, sm_sim_sample *sample) {
  if (instant_s < household->begin_s) return SM_ERR_RANGE;
  tally t;
  int64_t energy_mws;
  sm_err err = measure(household, instant_s, &t, &energy_mws);
  if (err != SM_OK) return err;
  int64_t step = instant_s / SM_SIM_STEP_S;
  int64_t dw = t.dw + household->traits.base_dw + waver_dw(household, step);
  sm_sim_sample out = {.power_mw = (int32_t)(dw * MW_PER_DW),
                       .energy_mws = energy_mws - household->begin_mws};
  /* The supply too is held over a step, so that all of a sample belongs together. */
  int64_t step_s = step * SM_SIM_STEP_S;
  out.voltage_mv = sm_sim_voltage_mv(household->seed, household->number, step_s,
                                     step_s - household->today.start_s, out.power_mw);
  out.frequency_mhz = sm_sim_frequency_mhz(household->seed, step_s);
  out.power_factor_milli = power_factor_milli(household, &t, step_s);
  int64_t apparent = (int64_t)out.voltage_mv * out.power_factor_milli;
  out.current_ma = (int32_t)(((int64_t)out.power_mw * 1000000 + apparent / 2) / apparent);
  *sample = out;
  return SM_OK;
}
