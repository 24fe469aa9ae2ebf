#include "sim/day_plan.h"

#include "base/clock.h"
#include "sim/hash.h"

#include <assert.h>

enum { HOUR_S = 3600, MINUTE_S = 60, DAY_S = 86400 };
enum { PF_RESISTIVE = 100, PF_FRIDGE = 82, PF_AC = 93, PF_MOTOR = 72, PF_LIGHT = 90, PF_TV = 95 };

/* A plan in the making. */
typedef struct day {
  const sm_sim_traits *traits;
  sm_sim_day_plan *plan;
  uint64_t chance; /* state of sm_sim_draw */
  int32_t heat;    /* 0..100: how much cooling is wanted */
  int32_t cold;    /* 0..100: how much hot water is wanted */
  bool weekend;
  bool home; /* somebody is there by day */
} day;

/* One appliance running from start_s (after the day's start) for length_s. */
static void add(day *d, int32_t start_s, int32_t length_s, int32_t power_dw, uint16_t pf_centi) {
  int32_t steps = length_s / SM_SIM_STEP_S;
  if (steps <= 0 || power_dw <= 0) return;
  assert(start_s >= 0 && start_s < DAY_S && length_s < DAY_S && power_dw <= UINT16_MAX);
  sm_sim_day_plan *plan = d->plan;
  /* The largest plan of any size stays far below this; without the check a change of the appliances
   * would write past the end. */
  assert(plan->count < SM_SIM_DAY_RUNS_MAX);
  if (plan->count == SM_SIM_DAY_RUNS_MAX) return;
  plan->runs[plan->count++] = (sm_sim_run){.start_step = (uint16_t)(start_s / SM_SIM_STEP_S),
                                           .steps = (uint16_t)steps,
                                           .power_dw = (uint16_t)power_dw,
                                           .pf_centi = pf_centi};
  plan->energy_j += (int64_t)steps * power_dw;
}

static int32_t draw(day *d, int32_t lo, int32_t hi) {
  return sm_sim_draw(&d->chance, lo, hi);
}

static bool chance_percent(day *d, int32_t percent) {
  return draw(d, 1, 100) <= percent;
}

/* The same appliance switching on and off by its thermostat or its user. */
static void add_cycles(day *d, int32_t start_s, int32_t length_s, int32_t on_s, int32_t off_s,
                       int32_t power_dw, uint16_t pf_centi) {
  int32_t end_s = start_s + length_s;
  for (int32_t at = start_s; at < end_s && at < DAY_S;) {
    int32_t on = draw(d, on_s * 8 / 10, on_s * 12 / 10);
    if (on > end_s - at) on = end_s - at;
    add(d, at, on, draw(d, power_dw * 95 / 100, power_dw * 105 / 100), pf_centi);
    at += on + draw(d, off_s * 8 / 10, off_s * 12 / 10);
  }
}

static void fridge(day *d) {
  const sm_sim_traits *t = d->traits;
  if (t->fridge_dw == 0) return;
  for (int32_t at = 0; at + t->fridge_cycle_s <= DAY_S + t->fridge_cycle_s / 2;
       at += t->fridge_cycle_s) {
    int32_t start = at + draw(d, 0, t->fridge_cycle_s / 8);
    int32_t on = t->fridge_on_s * draw(d, 90 + d->heat / 10, 105 + d->heat / 5) / 100;
    if (start < DAY_S) add(d, start, on, t->fridge_dw + draw(d, -40, 40), PF_FRIDGE);
  }
}

static void lights_and_television(day *d) {
  const sm_sim_traits *t = d->traits;
  int32_t rooms = t->people + 1;
  for (int32_t room = 0; room < rooms; room++) {
    int32_t on = 18 * HOUR_S + draw(d, 0, 80) * MINUTE_S;
    int32_t off = t->bed_s - draw(d, 0, 90) * MINUTE_S;
    add(d, on, off - on, draw(d, 180, 320), PF_LIGHT);
    if (d->cold > 40)
      add(d, t->wake_s - draw(d, 0, 20) * MINUTE_S, draw(d, 20, 50) * MINUTE_S, 220, PF_LIGHT);
  }
  add(d, 19 * HOUR_S + draw(d, 0, 60) * MINUTE_S, draw(d, 100, 190) * MINUTE_S,
      600 + 250 * (int32_t)t->size, PF_TV);
  if (d->home)
    add(d, 11 * HOUR_S + draw(d, 0, 120) * MINUTE_S, draw(d, 60, 150) * MINUTE_S, 900, PF_TV);
}

static void fans(day *d) {
  const sm_sim_traits *t = d->traits;
  if (d->heat < 20) return;
  for (int32_t fan = 0; fan < (t->people + 1) / 2 + 1; fan++) {
    add(d, t->bed_s - draw(d, 0, 40) * MINUTE_S, draw(d, 380, 500) * MINUTE_S, draw(d, 420, 600),
        PF_MOTOR);
    if (d->home) add(d, 12 * HOUR_S, draw(d, 90, 300) * MINUTE_S, draw(d, 450, 650), PF_MOTOR);
  }
}

static void cooking(day *d) {
  const sm_sim_traits *t = d->traits;
  int32_t breakfast = t->wake_s + draw(d, 25, 60) * MINUTE_S;
  add(d, breakfast, draw(d, 3, 6) * MINUTE_S, 18000, PF_RESISTIVE); /* kettle */
  add(d, breakfast + 8 * MINUTE_S, draw(d, 2, 6) * MINUTE_S, 5500, PF_MOTOR);
  add_cycles(d, breakfast + 10 * MINUTE_S, (6 + 3 * t->people) * MINUTE_S, 150, 60, t->hob_dw, 98);
  if (d->home)
    add_cycles(d, 12 * HOUR_S + draw(d, 15, 75) * MINUTE_S, (10 + 4 * t->people) * MINUTE_S, 180,
               80, t->hob_dw, 98);
  int32_t dinner = 19 * HOUR_S + draw(d, 0, 75) * MINUTE_S;
  add(d, dinner, draw(d, 22, 32) * MINUTE_S, 5000, PF_RESISTIVE); /* rice */
  add_cycles(d, dinner + 5 * MINUTE_S, (14 + 5 * t->people) * MINUTE_S, 200, 70, t->hob_dw, 98);
  if (chance_percent(d, 60)) add(d, dinner + 40 * MINUTE_S, 180, 12500, 92); /* microwave */
  if (d->home && chance_percent(d, 70))
    add(d, 16 * HOUR_S + draw(d, 0, 60) * MINUTE_S, 240, 18000, PF_RESISTIVE); /* tea */
}

static void hot_water(day *d) {
  const sm_sim_traits *t = d->traits;
  if (d->cold < 10) return;
  int32_t at = t->wake_s - 10 * MINUTE_S;
  for (int32_t bath = 0; bath < t->people; bath++) {
    add(d, at, (4 + 13 * d->cold / 100) * MINUTE_S, t->geyser_dw, PF_RESISTIVE);
    at += draw(d, 14, 22) * MINUTE_S;
  }
}

static void air_conditioning(day *d) {
  const sm_sim_traits *t = d->traits;
  if (t->ac_dw == 0 || d->heat < 30) return;
  int32_t minutes = 240 * d->heat / 100 + draw(d, -20, 40);
  int32_t on_s = 300 + 5 * d->heat;
  int32_t from = t->bed_s - draw(d, 30, 80) * MINUTE_S;
  int32_t tonight = DAY_S - 60 - from;
  /* After midnight it is one compressor run to a cycle all the same: each starts before the day
   * ends, so a long night is cut into an evening's part and the early hours of the same date. */
  add_cycles(d, from, tonight < minutes * MINUTE_S ? tonight : minutes * MINUTE_S, on_s, 360,
             t->ac_dw, PF_AC);
  if (minutes * MINUTE_S > tonight)
    add_cycles(d, 0, minutes * MINUTE_S - tonight, on_s, 420, t->ac_dw, PF_AC);
  if (d->weekend && d->heat > 60)
    add_cycles(d, 14 * HOUR_S, draw(d, 60, 120) * MINUTE_S, on_s, 360, t->ac_dw, PF_AC);
}

static void washing_and_ironing(day *d) {
  const sm_sim_traits *t = d->traits;
  if (chance_percent(d, d->weekend ? 75 : 20)) {
    int32_t start = (d->weekend ? 10 : 18) * HOUR_S + draw(d, 0, 70) * MINUTE_S;
    if (t->size == SM_SIM_LARGE) add(d, start, 14 * MINUTE_S, 19000, PF_RESISTIVE);
    add_cycles(d, start + 14 * MINUTE_S, 28 * MINUTE_S, 40, 20, 2600, PF_MOTOR);
    add(d, start + 44 * MINUTE_S, 6 * MINUTE_S, 4500, PF_MOTOR);
  }
  if (chance_percent(d, d->weekend ? 60 : 12))
    add_cycles(d, (d->weekend ? 16 : 20) * HOUR_S + draw(d, 0, 50) * MINUTE_S,
               draw(d, 15, 35) * MINUTE_S, 60, 50, 10000, PF_RESISTIVE);
}

static void scooter(day *d) {
  if (!d->traits->scooter || !chance_percent(d, 45)) return;
  int32_t start = d->traits->bed_s - draw(d, 0, 40) * MINUTE_S;
  int32_t full = draw(d, 70, 160) * MINUTE_S;
  add(d, start, full, 6500, PF_TV);
  if (start + full < DAY_S) add(d, start + full, 25 * MINUTE_S, 2200, PF_TV);
}

static void stairs_pump_and_lift(day *d) {
  int32_t dusk = 18 * HOUR_S + 40 * MINUTE_S - 45 * MINUTE_S * d->cold / 100;
  add(d, dusk, DAY_S - dusk + 5 * HOUR_S + 45 * MINUTE_S, 1500, PF_LIGHT);
  add(d, dusk + 10 * MINUTE_S, 4 * HOUR_S, 1200, PF_LIGHT); /* yard */
  add(d, 6 * HOUR_S + draw(d, 0, 30) * MINUTE_S, draw(d, 40, 60) * MINUTE_S, 15000, 80);
  add(d, 17 * HOUR_S + draw(d, 0, 40) * MINUTE_S, draw(d, 30, 50) * MINUTE_S, 15000, 80);
  static const uint8_t trips_by_hour[24] = {1, 0, 0, 0, 0, 1, 4,  8,  12, 10, 6, 5,
                                            6, 6, 5, 5, 7, 9, 11, 12, 10, 8,  5, 2};
  for (int32_t hour = 0; hour < 24; hour++)
    for (int32_t trip = 0; trip < trips_by_hour[hour]; trip++)
      add(d, hour * HOUR_S + draw(d, 0, HOUR_S - 1), draw(d, 2, 5) * SM_SIM_STEP_S,
          draw(d, 28000, 42000), 78);
}

/* The season's strength at a day: the months' values stand for their middles. */
static int32_t season(const int32_t by_month[12], int64_t day_number) {
  int year;
  int month;
  int day_of_month;
  sm_civil_from_days(day_number, &year, &month, &day_of_month);
  int other = day_of_month < 15 ? (month + 10) % 12 : month % 12;
  int32_t away = day_of_month < 15 ? 15 - day_of_month : day_of_month - 15;
  return by_month[month - 1] + (by_month[other] - by_month[month - 1]) * away / 31;
}

static day begin(const sm_sim_traits *traits, int64_t day_number, sm_sim_day_plan *plan) {
  static const int32_t heat[12] = {0, 5, 30, 75, 100, 90, 70, 60, 55, 35, 8, 0};
  static const int32_t cold[12] = {100, 80, 40, 10, 0, 0, 3, 5, 10, 30, 65, 95};
  int64_t weekday = (day_number % 7 + 11) % 7; /* 0 is Sunday: 1970 began on a Thursday */
  bool weekend = weekday == 0 || weekday == 6;
  day d = {.traits = traits,
           .plan = plan,
           .chance = sm_sim_hash(traits->key, (uint64_t)day_number),
           .heat = season(heat, day_number),
           .cold = season(cold, day_number),
           .weekend = weekend,
           .home = weekend || traits->home_by_day};
  plan->count = 0;
  plan->energy_j = 0;
  return d;
}

void sm_sim_day_plan_make(const sm_sim_traits *traits, int64_t day_number, sm_sim_day_plan *plan) {
  day d = begin(traits, day_number, plan);
  if (traits->size == SM_SIM_COMMON) {
    stairs_pump_and_lift(&d);
    return;
  }
  fridge(&d);
  lights_and_television(&d);
  fans(&d);
  cooking(&d);
  hot_water(&d);
  air_conditioning(&d);
  washing_and_ironing(&d);
  scooter(&d);
}

sm_sim_traits sm_sim_traits_of(uint64_t seed, uint32_t number, sm_sim_size size) {
  uint64_t key = sm_sim_hash(sm_sim_mix(seed), number);
  uint64_t chance = key;
  int32_t grade = (int32_t)size; /* small 0, medium 1, large 2 */
  sm_sim_traits traits = {.key = key, .size = size};
  if (size == SM_SIM_COMMON) {
    traits.base_dw = sm_sim_draw(&chance, 700, 900);
    traits.noise_dw = 30;
    return traits;
  }
  traits.base_dw = 430 + 330 * grade + sm_sim_draw(&chance, 0, 120);
  traits.noise_dw = traits.base_dw / 12;
  traits.fridge_dw = 950 + 280 * grade + sm_sim_draw(&chance, 0, 200);
  traits.fridge_cycle_s = sm_sim_draw(&chance, 2100, 3000);
  traits.fridge_on_s = traits.fridge_cycle_s * sm_sim_draw(&chance, 33, 42) / 100;
  traits.people = 1 + grade + sm_sim_draw(&chance, 0, 1);
  traits.ac_dw = grade == 0 ? 0 : 8500 + 2200 * grade + sm_sim_draw(&chance, 0, 1500);
  traits.geyser_dw = 20000 + 300 * sm_sim_draw(&chance, -10, 10);
  traits.hob_dw = 11000 + 2500 * grade + sm_sim_draw(&chance, 0, 1500);
  traits.wake_s = 6 * HOUR_S + sm_sim_draw(&chance, 0, 75) * MINUTE_S;
  traits.bed_s = 22 * HOUR_S + sm_sim_draw(&chance, 15, 75) * MINUTE_S;
  traits.home_by_day = sm_sim_draw(&chance, 0, 2) == 0;
  traits.scooter = grade > 0 && sm_sim_draw(&chance, 0, 2) == 0;
  return traits;
}
