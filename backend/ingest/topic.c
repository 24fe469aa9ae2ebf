#include "ingest/telemetry.h"

#include <string.h>

static const char prefix[] = "meters/";

static bool ends_as(const char *from, size_t len, const char *word) {
  return len == strlen(word) && memcmp(from, word, len) == 0;
}

void sm_topic_parse(const char *topic, size_t len, sm_topic *out) {
  *out = (sm_topic){.kind = SM_TOPIC_OTHER};
  size_t skip = sizeof prefix - 1;
  if (len <= skip || memcmp(topic, prefix, skip) != 0) return;
  const char *id = topic + skip;
  const char *slash = memchr(id, '/', len - skip);
  if (slash == NULL) return;
  size_t id_len = (size_t)(slash - id);
  size_t rest = len - skip - id_len - 1;
  sm_topic_kind kind = SM_TOPIC_OTHER;
  if (ends_as(slash + 1, rest, "telemetry")) kind = SM_TOPIC_TELEMETRY;
  if (ends_as(slash + 1, rest, "status")) kind = SM_TOPIC_STATUS;
  if (ends_as(slash + 1, rest, "firmware")) kind = SM_TOPIC_FIRMWARE;
  if (kind == SM_TOPIC_OTHER || !sm_device_id_valid(id, id_len)) return;
  out->kind = kind;
  memcpy(out->device_id, id, id_len);
}
