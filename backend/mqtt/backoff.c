#include "mqtt/backoff.h"

#include "base/crypto.h"

uint32_t sm_mqtt_backoff_next_ms(sm_mqtt_backoff *backoff) {
  uint64_t step = backoff->floor_ms;
  for (uint32_t i = 0; i <= backoff->failures && step < backoff->ceiling_ms; i++) step *= 2;
  if (step > backoff->ceiling_ms) step = backoff->ceiling_ms;
  if (backoff->failures < UINT32_MAX) backoff->failures++;

  uint32_t random;
  sm_random_bytes(&random, sizeof random);
  uint64_t half = step / 2;
  uint64_t wait = half + random % (step - half + 1);
  return wait < backoff->floor_ms ? backoff->floor_ms : (uint32_t)wait;
}
