#include "mqtt/subscription.h"

#include <stdlib.h>

enum { RETRY_FLOOR_MS = 500, RETRY_CEILING_MS = 30000 };

sm_err sm_mqtt_subscription_init(sm_mqtt_subscription *subscription, sm_mqtt_version version,
                                 uint8_t qos, const char *const *filters, size_t filter_count) {
  size_t *missing = calloc(filter_count, sizeof *missing);
  if (missing == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < filter_count; i++) missing[i] = i;
  *subscription = (sm_mqtt_subscription){
      .version = version,
      .qos = qos,
      .filters = filters,
      .filter_count = filter_count,
      .missing = missing,
      .missing_count = filter_count,
      .backoff = {.floor_ms = RETRY_FLOOR_MS, .ceiling_ms = RETRY_CEILING_MS},
  };
  return SM_OK;
}

void sm_mqtt_subscription_fini(sm_mqtt_subscription *subscription) {
  free(subscription->missing);
  *subscription = (sm_mqtt_subscription){0};
}

sm_err sm_mqtt_subscription_ask(sm_mqtt_subscription *subscription, uint16_t packet_id,
                                sm_buf *out) {
  size_t count = subscription->missing_count;
  const char **asked = calloc(count, sizeof *asked);
  if (asked == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < count; i++) asked[i] = subscription->filters[subscription->missing[i]];
  sm_mqtt_encode_subscribe(out, subscription->version, subscription->qos, packet_id, asked, count);
  free(asked);
  subscription->packet_id = packet_id;
  return SM_OK;
}

static void say_refusal(const sm_mqtt_subscription *subscription, uint8_t grant, const char *filter,
                        sm_mqtt_reason *reason) {
  if (grant == 0)
    sm_mqtt_reason_set(reason, "the broker grants only QoS 0 for the filter \"%.80s\"", filter);
  else if (grant == SM_MQTT_FAILURE)
    sm_mqtt_reason_set(reason, "the broker refuses the subscription to \"%.80s\"", filter);
  else
    sm_mqtt_reason_set(reason, "the broker refuses the subscription to \"%.64s\": %s", filter,
                       sm_mqtt_code_text(subscription->version, grant));
}

sm_err sm_mqtt_subscription_answer(sm_mqtt_subscription *subscription, const sm_mqtt_packet *suback,
                                   sm_mqtt_reason *reason) {
  if (subscription->packet_id == 0 || suback->packet_id != subscription->packet_id ||
      suback->grant_count != subscription->missing_count) {
    sm_mqtt_reason_set(reason, "the broker broke the protocol: SUBACK does not answer SUBSCRIBE");
    return SM_ERR_PROTOCOL;
  }
  subscription->packet_id = 0;
  size_t still = 0;
  for (size_t i = 0; i < suback->grant_count; i++) {
    uint8_t grant = suback->grants[i];
    if (grant == subscription->qos) continue;
    size_t index = subscription->missing[i];
    if (still == 0) say_refusal(subscription, grant, subscription->filters[index], reason);
    subscription->missing[still++] = index;
  }
  subscription->missing_count = still;
  return still == 0 ? SM_OK : SM_ERR_DENIED;
}
