#include "model/reading.h"

#include "base/clock.h"

bool sm_device_id_valid(const char *text, size_t len) {
  if (len == 0 || len > SM_DEVICE_ID_MAX) return false;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '-';
    if (!good) return false;
  }
  return true;
}

bool sm_reading_equal(const sm_reading *a, const sm_reading *b) {
  if (a->ts_ms != b->ts_ms || a->energy_wh != b->energy_wh || a->voltage_mv != b->voltage_mv ||
      a->current_ma != b->current_ma || a->power_mw != b->power_mw || a->has != b->has)
    return false;
  return (!(a->has & SM_READING_POWER_FACTOR) || a->power_factor_milli == b->power_factor_milli) &&
         (!(a->has & SM_READING_RSSI) || a->rssi_dbm == b->rssi_dbm) &&
         (!(a->has & SM_READING_FREQUENCY) || a->frequency_mhz == b->frequency_mhz) &&
         (!(a->has & SM_READING_SEQ) || a->seq == b->seq) &&
         (!(a->has & SM_READING_EPOCH) || a->epoch == b->epoch);
}

void sm_reading_write_json(sm_jsonw *w, const char *device_id, const sm_reading *reading) {
  char instant[SM_RFC3339_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "device_id", device_id);
  sm_jsonw_key_text(w, "timestamp", sm_rfc3339_format(reading->ts_ms, instant));
  sm_jsonw_key_decimal(w, "voltage", reading->voltage_mv, 3);
  sm_jsonw_key_decimal(w, "current", reading->current_ma, 3);
  sm_jsonw_key_decimal(w, "power_w", reading->power_mw, 3);
  sm_jsonw_key_decimal(w, "energy_kwh", reading->energy_wh, 3);
  if (reading->has & SM_READING_POWER_FACTOR)
    sm_jsonw_key_decimal(w, "power_factor", reading->power_factor_milli, 3);
  if (reading->has & SM_READING_FREQUENCY)
    sm_jsonw_key_decimal(w, "frequency_hz", reading->frequency_mhz, 3);
  if (reading->has & SM_READING_RSSI) sm_jsonw_key_int(w, "rssi", reading->rssi_dbm);
  if (reading->has & SM_READING_SEQ) sm_jsonw_key_int(w, "seq", reading->seq);
  if (reading->has & SM_READING_EPOCH) sm_jsonw_key_int(w, "epoch", reading->epoch);
  sm_jsonw_object_end(w);
}
