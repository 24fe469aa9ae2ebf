#include "sim/fleet.h"

#include "base/jsonw.h"
#include "sim/hash.h"
#include "sim/telemetry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 11, KEY_REGISTER = 12 };

static sm_err allocate(sm_sim_fleet *fleet, size_t count) {
  *fleet = (sm_sim_fleet){0};
  fleet->meters = calloc(count, sizeof *fleet->meters);
  fleet->households = calloc(count, sizeof(sm_sim_household *));
  if (fleet->meters != NULL && fleet->households != NULL) return SM_OK;
  sm_sim_fleet_fini(fleet);
  return SM_ERR_NOMEM;
}

void sm_sim_fleet_fini(sm_sim_fleet *fleet) {
  for (size_t i = 0; i < fleet->household_count; i++) sm_sim_household_free(fleet->households[i]);
  free(fleet->households);
  free(fleet->meters);
  *fleet = (sm_sim_fleet){0};
}

static sm_err add_household(sm_sim_fleet *fleet, uint64_t seed, uint32_t number, sm_sim_size size,
                            const sm_zone *zone, int64_t begin_s) {
  sm_err err = sm_sim_household_new(seed, number, size, zone, begin_s,
                                    &fleet->households[fleet->household_count]);
  if (err == SM_OK) fleet->household_count++;
  return err;
}

static sm_err add_plain(sm_sim_fleet *fleet, uint64_t seed, const char *prefix, const sm_zone *zone,
                        int64_t begin_s) {
  uint32_t number = (uint32_t)fleet->count + 1;
  uint64_t chance = sm_sim_hash(seed, number);
  sm_sim_size size = (sm_sim_size)sm_sim_pick(sm_sim_hash(chance, KEY_SIZE), 0, SM_SIM_LARGE);
  int64_t initial_wh = sm_sim_pick(sm_sim_hash(chance, KEY_REGISTER), 0, 2000000);
  sm_err err = add_household(fleet, seed, number, size, zone, begin_s);
  if (err != SM_OK) return err;
  char id[SM_SIM_DEVICE_ID_MAX];
  (void)snprintf(id, sizeof id, "%.*s%03u", SM_SIM_PREFIX_MAX, prefix, (unsigned)number);
  err = sm_sim_meter_init(&fleet->meters[fleet->count], id, seed, number,
                          fleet->households[fleet->household_count - 1], begin_s, initial_wh);
  if (err == SM_OK) fleet->count++;
  return err;
}

sm_err sm_sim_fleet_init(sm_sim_fleet *fleet, uint64_t seed, size_t count, const char *prefix,
                         const sm_zone *zone, int64_t begin_s) {
  if (count < 1 || count > SM_SIM_METERS_MAX) return SM_ERR_RANGE;
  if (strlen(prefix) > SM_SIM_PREFIX_MAX) return SM_ERR_INVALID;
  sm_sim_fleet out;
  sm_err err = allocate(&out, count);
  if (err != SM_OK) return err;
  while (err == SM_OK && out.count < count) err = add_plain(&out, seed, prefix, zone, begin_s);
  if (err != SM_OK)
    sm_sim_fleet_fini(&out);
  else
    *fleet = out;
  return err;
}

/* The household behind a meter of the table: begun with the history, shared by a swapped pair. */
static sm_err find_or_add(sm_sim_fleet *fleet, const sm_sim_demo_meter *described, uint64_t seed,
                          const sm_zone *zone, int64_t begin_s, sm_sim_household **household) {
  size_t count;
  const sm_sim_demo_meter *table = sm_sim_demo_meters(&count);
  for (size_t i = 0; i < fleet->count; i++) {
    if (table[i].household != described->household) continue;
    *household = fleet->meters[i].household;
    return SM_OK;
  }
  sm_err err = add_household(fleet, seed, described->household, described->size, zone, begin_s);
  if (err == SM_OK) *household = fleet->households[fleet->household_count - 1];
  return err;
}

static sm_err apply_scenario(sm_sim_meter *meter, sm_sim_scenario scenario,
                             const sm_sim_demo_schedule *schedule) {
  switch (scenario) {
  case SM_SIM_GAP:
    meter->gap_from_s = schedule->gap_from_ms / 1000;
    meter->gap_to_s = schedule->gap_to_ms / 1000;
    break;
  case SM_SIM_RESET:
    return sm_sim_meter_reset_at(meter, schedule->reset_ms / 1000);
  case SM_SIM_LATE:
    meter->late_from_s = schedule->late_from_ms / 1000;
    meter->late_to_s = schedule->late_to_ms / 1000;
    meter->late_sent_s = schedule->late_sent_ms / 1000;
    break;
  case SM_SIM_SWAPPED_OUT:
    meter->end_s = schedule->swap_ms / 1000;
    break;
  case SM_SIM_SWAPPED_IN:
  case SM_SIM_NORMAL:
    break;
  }
  return SM_OK;
}

static sm_err add_described(sm_sim_fleet *fleet, const sm_sim_demo_meter *described, uint64_t seed,
                            const sm_zone *zone, const sm_sim_demo_schedule *schedule) {
  sm_sim_household *household;
  sm_err err =
      find_or_add(fleet, described, seed, zone, schedule->history_from_ms / 1000, &household);
  if (err != SM_OK) return err;
  sm_sim_meter *meter = &fleet->meters[fleet->count];
  err =
      sm_sim_meter_init(meter, described->device_id, seed, (uint32_t)fleet->count + 1, household,
                        sm_sim_demo_begins_at(described, schedule) / 1000, described->register_wh);
  if (err == SM_OK) err = apply_scenario(meter, described->scenario, schedule);
  if (err == SM_OK) fleet->count++;
  return err;
}

sm_err sm_sim_fleet_init_demo(sm_sim_fleet *fleet, uint64_t seed, const sm_zone *zone,
                              int64_t start_ms) {
  size_t count;
  const sm_sim_demo_meter *table = sm_sim_demo_meters(&count);
  sm_sim_demo_schedule schedule = sm_sim_demo_schedule_of(zone, start_ms);
  sm_sim_fleet out;
  sm_err err = allocate(&out, count);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = add_described(&out, &table[i], seed, zone, &schedule);
  if (err != SM_OK)
    sm_sim_fleet_fini(&out);
  else
    *fleet = out;
  return err;
}

/* Whether another reading may go into a message that holds some. */
static bool has_room(const sm_sim_limits *limits, const sm_buf *payload, size_t readings) {
  return readings < limits->readings && payload->len + SM_SIM_TELEMETRY_MAX + 1 <= limits->bytes;
}

sm_err sm_sim_message_next(sm_sim_due *due, const sm_sim_limits *limits, sm_sim_sequence *sequence,
                           sm_buf *payload, size_t *readings) {
  sm_buf_clear(payload);
  sm_jsonw w;
  sm_jsonw_init(&w, payload);
  size_t count = 0;
  bool array = limits->readings > 1;
  int64_t instant_s;
  while ((count == 0 || has_room(limits, payload, count)) && sm_sim_due_next(due, &instant_s)) {
    sm_sim_reading reading;
    sm_err err = sm_sim_meter_read(due->meter, instant_s, &reading);
    if (err != SM_OK) return err;
    if (count == 0 && array) sm_jsonw_array(&w);
    if (sequence != NULL) sequence->seq++;
    sm_sim_telemetry_write(&w, due->meter->device_id, &reading,
                           sequence == NULL ? 0 : sequence->epoch,
                           sequence == NULL ? 0 : sequence->seq);
    count++;
  }
  if (count > 0 && array) sm_jsonw_array_end(&w);
  if (payload->err != SM_OK) return payload->err;
  *readings = count;
  return SM_OK;
}
