#include "sim/meter.h"

#include "base/order.h"
#include "sim/supply.h"

#include <string.h>

static bool device_id_is_valid(const char *id) {
  size_t len = strlen(id);
  return len >= 1 && len < SM_SIM_DEVICE_ID_MAX &&
         strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

sm_err sm_sim_meter_init(sm_sim_meter *meter, const char *device_id, uint64_t seed, uint32_t number,
                         sm_sim_household *household, int64_t begin_s, int64_t initial_wh) {
  if (!device_id_is_valid(device_id)) return SM_ERR_INVALID;
  sm_sim_sample sample;
  sm_err err = sm_sim_household_at(household, begin_s, &sample);
  if (err != SM_OK) return err;
  *meter = (sm_sim_meter){.household = household,
                          .seed = seed,
                          .number = number,
                          .begin_s = begin_s,
                          .end_s = SM_SIM_NEVER,
                          .initial_wh = initial_wh,
                          .gap_from_s = SM_SIM_NEVER,
                          .gap_to_s = SM_SIM_NEVER,
                          .late_from_s = SM_SIM_NEVER,
                          .late_to_s = SM_SIM_NEVER,
                          .late_sent_s = SM_SIM_NEVER,
                          .reset_s = SM_SIM_NEVER,
                          .begin_mws = sample.energy_mws};
  memcpy(meter->device_id, device_id, strlen(device_id) + 1);
  return SM_OK;
}

bool sm_sim_meter_measures(const sm_sim_meter *meter, int64_t instant_s) {
  return instant_s >= meter->begin_s && instant_s <= meter->end_s &&
         (instant_s < meter->gap_from_s || instant_s >= meter->gap_to_s);
}

/* Whole Wh since the begin, or since the reset once that has been. */
static int64_t register_wh(const sm_sim_meter *meter, int64_t energy_mws, int64_t instant_s) {
  int64_t wh = instant_s >= meter->reset_s
                   ? (energy_mws - meter->reset_mws) / SM_SIM_MWS_PER_WH
                   : meter->initial_wh + (energy_mws - meter->begin_mws) / SM_SIM_MWS_PER_WH;
  return wh % SM_SIM_REGISTER_WH;
}

sm_err sm_sim_meter_reset_at(sm_sim_meter *meter, int64_t reset_s) {
  sm_sim_sample sample;
  sm_err err = sm_sim_household_at(meter->household, reset_s, &sample);
  if (err != SM_OK) return err;
  meter->reset_s = reset_s;
  meter->reset_mws = sample.energy_mws;
  return SM_OK;
}

sm_err sm_sim_meter_read(const sm_sim_meter *meter, int64_t instant_s, sm_sim_reading *reading) {
  if (!sm_sim_meter_measures(meter, instant_s)) return SM_ERR_NOT_FOUND;
  sm_sim_sample sample;
  sm_err err = sm_sim_household_at(meter->household, instant_s, &sample);
  if (err != SM_OK) return err;
  *reading = (sm_sim_reading){.instant_s = instant_s,
                              .voltage_mv = sample.voltage_mv,
                              .current_ma = sample.current_ma,
                              .power_mw = sample.power_mw,
                              .energy_wh = register_wh(meter, sample.energy_mws, instant_s),
                              .power_factor_milli = sample.power_factor_milli,
                              .frequency_mhz = sample.frequency_mhz,
                              .rssi_dbm = sm_sim_rssi_dbm(meter->seed, meter->number, instant_s)};
  return SM_OK;
}

int64_t sm_sim_grid_s(int64_t instant_s, int64_t interval_s) {
  int64_t past = instant_s % interval_s;
  return past == 0 ? instant_s : instant_s - past + interval_s;
}

void sm_sim_due_init(sm_sim_due *due, const sm_sim_meter *meter, int64_t from_s, int64_t to_s,
                     int64_t interval_s) {
  *due = (sm_sim_due){.meter = meter, .interval_s = interval_s};
  int64_t cut_s = sm_max_i64(from_s, sm_min_i64(meter->late_sent_s, to_s));
  due->spans_s[0][0] = from_s;
  due->spans_s[0][1] = cut_s;
  if (meter->late_sent_s >= from_s && meter->late_sent_s < to_s) {
    due->spans_s[1][0] = meter->late_from_s;
    due->spans_s[1][1] = meter->late_to_s;
  }
  due->spans_s[2][0] = cut_s;
  due->spans_s[2][1] = to_s;
  due->next_s = sm_sim_grid_s(from_s, interval_s);
}

/* Whether an instant of a span is sent with it: a late one only with the late span. */
static bool belongs(const sm_sim_due *due, int64_t instant_s) {
  const sm_sim_meter *meter = due->meter;
  bool late = instant_s >= meter->late_from_s && instant_s < meter->late_to_s;
  return (!late || due->span == 1) && sm_sim_meter_measures(meter, instant_s);
}

bool sm_sim_due_next(sm_sim_due *due, int64_t *instant_s) {
  while (due->span < 3) {
    for (; due->next_s < due->spans_s[due->span][1]; due->next_s += due->interval_s) {
      if (!belongs(due, due->next_s)) continue;
      *instant_s = due->next_s;
      due->next_s += due->interval_s;
      return true;
    }
    due->span++;
    if (due->span < 3) due->next_s = sm_sim_grid_s(due->spans_s[due->span][0], due->interval_s);
  }
  return false;
}
