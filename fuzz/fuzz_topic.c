/* Topics as any broker may hand them on: what is taken for a meter's must be one, written back it
 * is the same topic, and nothing else is. */
#include "ingest/telemetry.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_topic topic;
  sm_topic_parse((const char *)data, size, &topic);
  if (topic.kind == SM_TOPIC_OTHER) {
    if (topic.device_id[0] != '\0') abort();
    return 0;
  }
  if (!sm_device_id_valid(topic.device_id, strlen(topic.device_id))) abort();
  char again[SM_DEVICE_ID_MAX + 32];
  int len = snprintf(again, sizeof again, "meters/%s/%s", topic.device_id,
                     topic.kind == SM_TOPIC_TELEMETRY  ? "telemetry"
                     : topic.kind == SM_TOPIC_FIRMWARE ? "firmware"
                                                       : "status");
  if ((size_t)len != size || memcmp(again, data, size) != 0) abort();
  return 0;
}
