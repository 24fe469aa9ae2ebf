/* What comes over the serial line, in pieces, while the meter asks: the sampler must live through
 * it, and what it hands out must be a whole, right and possible reply that stands in the input. */
#include "core/bytes.h"
#include "core/crc.h"
#include "core/sampler.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct line {
  const uint8_t *data;
  size_t len;
} line;

/* What is in the input is on the line after the request: nothing is dropped. */
static void flush(void *context) {
  (void)context;
}

static void take(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  if (len != EDGE_PZEM_REQUEST_LEN || bytes[1] != 4) abort();
}

/* The first byte of a piece says how long it is. */
static size_t give(void *context, uint8_t *bytes, size_t cap) {
  line *l = context;
  if (l->len == 0) return 0;
  size_t some = l->data[0] % 32U;
  l->data++;
  l->len--;
  if (some > l->len) some = l->len;
  if (some > cap) some = cap;
  memcpy(bytes, l->data, some);
  l->data += some;
  l->len -= some;
  return some;
}

static void check(const edge_sample *s) {
  if (!edge_sample_plausible(s)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  line l = {data, size};
  edge_sampler sampler;
  edge_sampler_settings settings = EDGE_SAMPLER_DEFAULTS;
  if (size > 0 && data[0] & 0x80) settings.address = 1;
  const edge_serial serial = {&l, flush, take, give};
  edge_sampler_init(&sampler, &settings, &serial, 0);
  for (int64_t now_ms = 0; now_ms < 40000; now_ms += 50) {
    edge_sampler_result result;
    edge_sampler_event event = edge_sampler_poll(&sampler, now_ms, &result);
    if (event == EDGE_SAMPLER_SAMPLE) check(&result.sample);
    if (event == EDGE_SAMPLER_FAILED && result.fault == EDGE_FAULT_NONE) abort();
    if (sampler.len > sizeof sampler.bytes) abort();
    if (l.len == 0 && sampler.state == EDGE_SAMPLER_IDLE) break;
  }
  return 0;
}
