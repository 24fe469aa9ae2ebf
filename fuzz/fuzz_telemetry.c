/* Telemetry payloads as an attacker may send them. Whatever is accepted must lie within the
 * contract. */
#include "ingest/telemetry.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_reading(void *context, const char *device_id, const sm_reading *r,
                       const sm_seq_mark *mark) {
  size_t *count = context;
  (*count)++;
  bool good = mark->present == ((r->has & SM_READING_SEQ) != 0) &&
              strcmp(device_id, "meter-001") == 0 && r->ts_ms >= 1577836800000 &&
              r->ts_ms <= 1769680300000 && r->voltage_mv >= 0 && r->voltage_mv <= 500000 &&
              r->current_ma >= 0 && r->current_ma <= 120000 && r->power_mw >= 0 &&
              r->power_mw <= 60000000 && r->energy_wh >= 0 && r->energy_wh <= 10000000;
  if (!good) abort();
}

static void on_refused(void *context, const char *device_id, sm_refusal refusal, const char *detail,
                       const char *payload, size_t payload_len, const sm_seq_mark *mark) {
  size_t *count = context;
  (void)device_id;
  (*count)++;
  if (detail[0] == '\0' || sm_refusal_word(refusal)[0] == '\0') abort();
  if (payload == NULL && payload_len > 0) abort();
  if (!mark->present && mark->has_first) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t count = 0;
  const sm_telemetry_message message = {.device_id = "meter-001",
                                        .payload = (const char *)data,
                                        .payload_len = size,
                                        .payload_len_sent = size,
                                        .now_ms = 1769680000000};
  const sm_telemetry_sink sink = {.context = &count, .reading = on_reading, .refused = on_refused};
  sm_telemetry_parse(&message, &sink);
  if (count == 0 || count > SM_INGEST_ARRAY_MAX) abort(); /* every message comes to something */
  sm_topic topic;
  sm_topic_parse((const char *)data, size, &topic);
  if (topic.kind != SM_TOPIC_OTHER && !sm_device_id_valid(topic.device_id, strlen(topic.device_id)))
    abort();
  return 0;
}
