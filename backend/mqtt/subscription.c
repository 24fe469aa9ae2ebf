#include "mqtt/subscription.h"

#include <stdlib.h>

enum { RETRY_FLOOR_MS = 500, RETRY_CEILING_MS = 30000 };

sm_err sm_mqtt_subscription_init(sm_mqtt_subscription *subscription, const char *const *filters,
                                 size_t filter_count) {
  size_t *missing = calloc(filter_count, sizeof *missing);
  if (missing == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < filter_count; i++) missing[i] = i;
  *subscription = (sm_mqtt_subscription){
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
  sm_mqtt_encode_subscribe(out, packet_id, asked, count);
  free(asked);
  subscription->packet_id = packet_id;
  return SM_OK;
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
    if (grant == 1) continue;
    size_t index = subscription->missing[i];
    if (still == 0)
      sm_mqtt_reason_set(reason, "the broker %s \"%.80s\"",
                         grant == 0 ? "grants only QoS 0 for the filter"
                                    : "refuses the subscription to",
                         subscription->filters[index]);
    subscription->missing[still++] = index;
  }
  subscription->missing_count = still;
  return still == 0 ? SM_OK : SM_ERR_DENIED;
}
