/* The filters of one connection: which are granted, and asking again for those that are not. */
#ifndef SM_MQTT_SUBSCRIPTION_H
#define SM_MQTT_SUBSCRIPTION_H

#include "mqtt/backoff.h"
#include "mqtt/packet.h"
#include "mqtt/reason.h"

typedef struct sm_mqtt_subscription {
  sm_mqtt_version version;
  const char *const *filters; /* borrowed */
  uint8_t qos;                /* asked for, and the least that is taken: 0 or 1 */
  size_t filter_count;
  size_t *missing; /* indexes of filters not granted yet */
  size_t missing_count;
  uint16_t packet_id; /* of the SUBSCRIBE that waits for its answer; 0: none */
  sm_mqtt_backoff backoff;
} sm_mqtt_subscription;

/* Nothing is granted. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_mqtt_subscription_init(sm_mqtt_subscription *subscription,
                                               sm_mqtt_version version, uint8_t qos,
                                               const char *const *filters, size_t filter_count);
void sm_mqtt_subscription_fini(sm_mqtt_subscription *subscription);

/* Encodes a SUBSCRIBE for what is missing. */
SM_MUST_CHECK sm_err sm_mqtt_subscription_ask(sm_mqtt_subscription *subscription,
                                              uint16_t packet_id, sm_buf *out);

/* Takes the broker's SUBACK: SM_OK when all is granted; SM_ERR_DENIED when something is missing,
 * with the reason; SM_ERR_PROTOCOL when it does not answer the SUBSCRIBE. */
SM_MUST_CHECK sm_err sm_mqtt_subscription_answer(sm_mqtt_subscription *subscription,
                                                 const sm_mqtt_packet *suback,
                                                 sm_mqtt_reason *reason);

#endif
