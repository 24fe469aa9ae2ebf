/* How long to wait before the next try: twice as long after each failure up to a ceiling, and
 * jittered, so that many clients of a broker that comes back do not all return in one moment. */
#ifndef SM_MQTT_BACKOFF_H
#define SM_MQTT_BACKOFF_H

#include <stdint.h>

typedef struct sm_mqtt_backoff {
  uint32_t floor_ms;   /* never less than this */
  uint32_t ceiling_ms; /* never more than this */
  uint32_t failures;   /* in a row; 0 after a success */
} sm_mqtt_backoff;

/* Counts a failure and says how long to wait, ms: a random time between half of the step and the
 * step, where the step is floor_ms × 2, × 4, … up to ceiling_ms. */
uint32_t sm_mqtt_backoff_next_ms(sm_mqtt_backoff *backoff);

#endif
