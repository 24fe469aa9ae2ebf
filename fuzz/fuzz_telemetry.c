/* Telemetry payloads as an attacker may send them: the parser against jansson's tree. Verdicts,
 * reasons, values and marks must be the same, and what is accepted must lie within the contract. */
#include "ingest/telemetry_oracle.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one element came to. */
typedef struct result {
  bool refused;
  sm_refusal refusal;
  sm_reading reading;
  sm_seq_mark mark;
} result;

typedef struct outcome {
  result item[SM_INGEST_ARRAY_MAX];
  size_t count;
  const uint8_t *data;
  size_t size;
} outcome;

static outcome parsed;
static outcome expected;

static void add(outcome *o, const result *r, const char *text, size_t len) {
  const uint8_t *from = (const uint8_t *)text;
  bool inside = len <= o->size && from >= o->data && from + len <= o->data + o->size;
  if (o->count == SM_INGEST_ARRAY_MAX || !inside) abort();
  o->item[o->count++] = *r;
}

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t len) {
  result r = {.reading = *reading, .mark = *mark};
  bool good = mark->present == ((reading->has & SM_READING_SEQ) != 0) &&
              reading->ts_ms >= 1577836800000 && reading->ts_ms <= 1769680300000 &&
              reading->voltage_mv >= 0 && reading->voltage_mv <= 500000 &&
              reading->current_ma >= 0 && reading->current_ma <= 120000 && reading->power_mw >= 0 &&
              reading->power_mw <= 60000000 && reading->energy_wh >= 0 &&
              reading->energy_wh <= 10000000;
  if (!good) abort();
  add(context, &r, text, len);
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t len) {
  result r = {.refused = true, .refusal = refusal, .mark = *mark};
  bool must_say = context == &parsed;
  if (must_say && (detail[0] == '\0' || sm_refusal_word(refusal)[0] == '\0')) abort();
  add(context, &r, text, len);
}

static bool same_mark(const sm_seq_mark *a, const sm_seq_mark *b) {
  if (a->present != b->present || a->has_first != b->has_first) return false;
  return !a->present ||
         (a->seq == b->seq && a->epoch == b->epoch && (!a->has_first || a->first == b->first));
}

static bool same(const result *a, const result *b) {
  if (a->refused != b->refused || !same_mark(&a->mark, &b->mark)) return false;
  return a->refused ? a->refusal == b->refusal : sm_reading_equal(&a->reading, &b->reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const sm_telemetry_message message = {.device_id = "meter-001",
                                        .payload = (const char *)data,
                                        .payload_len = size,
                                        .payload_len_sent = size,
                                        .now_ms = 1769680000000};
  parsed.count = expected.count = 0;
  parsed.data = expected.data = data;
  parsed.size = expected.size = size;
  sm_telemetry_sink sink = {.context = &parsed, .reading = on_reading, .refused = on_refused};
  if (sm_telemetry_parse(&message, &sink) != SM_OK) abort();
  sink.context = &expected;
  sm_telemetry_oracle(&message, &sink);
  if (parsed.count == 0 || parsed.count != expected.count) abort();
  for (size_t i = 0; i < parsed.count; i++)
    if (!same(&parsed.item[i], &expected.item[i])) abort();
  return 0;
}
