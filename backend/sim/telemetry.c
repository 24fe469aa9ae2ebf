#include "sim/telemetry.h"

#include "base/clock.h"

void sm_sim_telemetry_write(sm_jsonw *w, const char *device_id, const sm_sim_reading *reading,
                            uint32_t epoch, uint32_t seq) {
  char timestamp[SM_RFC3339_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "device_id", device_id);
  sm_jsonw_key_text(w, "timestamp", sm_rfc3339_format(reading->instant_s * 1000, timestamp));
  sm_jsonw_key_decimal(w, "voltage", reading->voltage_mv, 3);
  sm_jsonw_key_decimal(w, "current", reading->current_ma, 3);
  sm_jsonw_key_decimal(w, "power_w", reading->power_mw, 3);
  sm_jsonw_key_decimal(w, "energy_kwh", reading->energy_wh, 3);
  sm_jsonw_key_decimal(w, "power_factor", reading->power_factor_milli, 3);
  sm_jsonw_key_decimal(w, "frequency_hz", reading->frequency_mhz, 3);
  sm_jsonw_key_int(w, "rssi", reading->rssi_dbm);
  if (seq != 0) {
    sm_jsonw_key_int(w, "epoch", epoch);
    sm_jsonw_key_int(w, "seq", seq);
  }
  sm_jsonw_object_end(w);
}
