#include "core/telemetry.h"

static void add_number(edge_text *text, const char *name, int64_t value, unsigned places) {
  edge_text_add(text, ", \"");
  edge_text_add(text, name);
  edge_text_add(text, "\": ");
  edge_text_add_decimal(text, value, places);
}

void edge_telemetry_add(edge_text *text, const char *device_id, const edge_reading *r,
                        const char *fw) {
  edge_text_add(text, "{\"device_id\": \"");
  edge_text_add(text, device_id);
  edge_text_add(text, "\", \"timestamp\": \"");
  edge_text_add_time(text, r->wall_s);
  edge_text_add(text, "\"");
  add_number(text, "voltage", r->voltage_mv, 3);
  add_number(text, "current", r->current_ma, 3);
  add_number(text, "power_w", r->power_mw, 3);
  add_number(text, "energy_kwh", r->energy_wh, 3);
  if (r->has_power_factor) add_number(text, "power_factor", r->power_factor_milli, 3);
  if (r->has_rssi) add_number(text, "rssi", r->rssi_dbm, 0);
  if (r->has_frequency) add_number(text, "frequency_hz", r->frequency_mhz, 3);
  if (r->has_seq) {
    add_number(text, "seq", r->seq, 0);
    add_number(text, "epoch", r->epoch, 0);
    add_number(text, "seq_first", r->seq_first, 0);
  }
  if (r->has_asks) add_number(text, "asks", r->asks, 0);
  if (fw != NULL) {
    edge_text_add(text, ", \"fw\": \"");
    edge_text_add(text, fw);
    edge_text_add(text, "\"");
  }
  edge_text_add(text, "}");
}
