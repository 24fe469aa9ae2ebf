#include "sim/supply.h"

#include "sim/hash.h"

#include <stddef.h>

enum { KEY_STREET = 1, KEY_HOUSE = 2, KEY_GRID = 3, KEY_RADIO = 4 };
enum { MINUTES_PER_DAY = 1440 };

static int32_t clamp(int32_t value, int32_t lo, int32_t hi) {
  return value < lo ? lo : value > hi ? hi : value;
}

/* A wandering line: a new target of -amplitude..amplitude at every slot, straight in between. */
static int32_t wander(uint64_t key, int64_t instant_s, int32_t slot_s, int32_t amplitude) {
  int64_t slot = instant_s / slot_s;
  int64_t into_s = instant_s % slot_s;
  int64_t from = sm_sim_pick(sm_sim_hash(key, (uint64_t)slot), -amplitude, amplitude);
  int64_t to = sm_sim_pick(sm_sim_hash(key, (uint64_t)slot + 1), -amplitude, amplitude);
  return (int32_t)(from + (to - from) * into_s / slot_s);
}

/* How the street's load pulls the voltage through the day, in mV. */
static int32_t daily_swing_mv(int64_t local_s) {
  static const struct {
    int32_t minute;
    int32_t mv;
  } points[] = {{0, 2500},    {300, 3200},   {420, 500},    {540, -2500},  {660, 0},
                {1020, -500}, {1140, -6000}, {1220, -7500}, {1320, -4000}, {MINUTES_PER_DAY, 2500}};
  int32_t minute = (int32_t)(local_s / 60 % MINUTES_PER_DAY);
  size_t i = 1;
  while (points[i].minute <= minute) i++;
  int32_t span = points[i].minute - points[i - 1].minute;
  return points[i - 1].mv +
         (points[i].mv - points[i - 1].mv) * (minute - points[i - 1].minute) / span;
}

int32_t sm_sim_voltage_mv(uint64_t seed, uint32_t number, int64_t instant_s, int64_t local_s,
                          int32_t power_mw) {
  uint64_t house = sm_sim_hash(sm_sim_hash(seed, KEY_HOUSE), number);
  int32_t mv = 231500 + sm_sim_pick(house, -1500, 1500) + daily_swing_mv(local_s);
  mv += wander(sm_sim_hash(seed, KEY_STREET), instant_s, 420, 2200);
  mv += wander(house, instant_s, 30, 300);
  /* A quarter of an ohm of wire: about 1 mV for each of its watts. */
  mv -= (int32_t)((int64_t)power_mw * 11 / 10000);
  return clamp((mv + 50) / 100 * 100, 215000, 245000);
}

int32_t sm_sim_frequency_mhz(uint64_t seed, int64_t instant_s) {
  uint64_t grid = sm_sim_hash(seed, KEY_GRID);
  int32_t mhz = 50000 + wander(grid, instant_s, 900, 90) + wander(grid + 1, instant_s, 60, 60);
  return clamp((mhz + 50) / 100 * 100, 49800, 50200);
}

int32_t sm_sim_rssi_dbm(uint64_t seed, uint32_t number, int64_t instant_s) {
  uint64_t radio = sm_sim_hash(sm_sim_hash(seed, KEY_RADIO), number);
  int32_t dbm = sm_sim_pick(radio, -74, -48) + wander(radio, instant_s, 300, 4);
  return clamp(dbm, -85, -40);
}
