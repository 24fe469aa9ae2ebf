/* Messages of meters of others as an attacker may send them, read by a mapping of each form: a
 * reading must lie within the contract, and what it was judged as must be telemetry of the same
 * reading; what is refused says why. */
#include "foreign/translate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "{\"mappings\": [{\"form\": \"tasmota\", \"topic\": \"tele/+/SENSOR\", \"zone\": "
    "\"Europe/Berlin\"},"
    "{\"form\": \"tasmota\", \"topic\": \"tele/a/SENSOR\", \"device_id\": \"a\", \"zone\": \"UTC\","
    "\"phase\": 2}, {\"form\": \"json\", \"topic\": \"other/+\", \"time\": {\"pointer\": \"/t\", "
    "\"as\":"
    "\"unix_ms\"}, \"fields\": {\"energy\": {\"pointer\": \"/e\", \"unit\": \"Wh\", \"decimals\": "
    "2},"
    "\"power\": {\"pointer\": \"/p/0\", \"unit\": \"kW\"}, \"voltage\": {\"fixed\": \"230\"}, "
    "\"current\":"
    "\"/i\", \"power_factor\": {\"pointer\": \"/f\", \"unit\": \"%\"}, \"rssi\": \"/r~1\"}}]}";
static const int64_t now_ms = INT64_C(1793000000000);

static sm_mappings *load(void) {
  static sm_mappings *all;
  sm_problems problems = {.count = 0};
  if (all == NULL && sm_mappings_parse(text, sizeof text - 1, &all, &problems) != SM_OK) abort();
  return all;
}

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *from, size_t len) {
  (void)mark;
  (void)from;
  (void)len;
  if (!sm_reading_equal(reading, context)) abort();
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *from, size_t len) {
  (void)context;
  (void)refusal;
  (void)detail;
  (void)mark;
  (void)from;
  (void)len;
  abort();
}

static void check_reading(sm_reading *r, sm_buf *telemetry) {
  bool good = r->ts_ms >= INT64_C(1577836800000) && r->ts_ms <= now_ms + 300000 &&
              r->voltage_mv >= 0 && r->voltage_mv <= 500000 && r->current_ma >= 0 &&
              r->current_ma <= 120000 && r->power_mw >= 0 && r->power_mw <= 60000000 &&
              r->energy_wh >= 0 && r->energy_wh <= SM_FOREIGN_REGISTER_MAX_WH;
  if (!good) abort();
  const sm_telemetry_sink sink = {.context = r, .reading = on_reading, .refused = on_refused};
  const sm_telemetry_message message = {.device_id = "m1",
                                        .payload = sm_buf_text(telemetry),
                                        .payload_len = telemetry->len,
                                        .payload_len_sent = telemetry->len,
                                        .now_ms = now_ms,
                                        .modulus_wh = SM_FOREIGN_REGISTER_MAX_WH};
  if (sm_telemetry_parse(&message, &sink) != SM_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const sm_mappings *all = load();
  sm_buf telemetry;
  sm_buf_init(&telemetry, 0);
  for (size_t i = 0; i < all->count; i++) {
    const sm_foreign_message message = {.mapping = &all->item[i],
                                        .device_id = "m1",
                                        .payload = (const char *)data,
                                        .payload_len = size,
                                        .payload_len_sent = size,
                                        .now_ms = now_ms};
    sm_foreign_result r = {.outcome = SM_FOREIGN_REFUSED};
    if (sm_foreign_translate(&message, &telemetry, &r) != SM_OK) abort();
    if (r.outcome == SM_FOREIGN_READING)
      check_reading(&r.reading, &telemetry);
    else if (r.detail[0] == '\0')
      abort();
  }
  bool none;
  int64_t milli = 0;
  (void)sm_foreign_state(&all->item[2].field[SM_FIELD_ENERGY], (const char *)data, size, &none,
                         &milli);
  sm_buf_fini(&telemetry);
  return 0;
}
