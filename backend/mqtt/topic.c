#include "mqtt/topic.h"

#include "base/utf8.h"

enum { TOPIC_MAX = 65535 };

bool sm_mqtt_topic_valid(const char *topic, size_t len) {
  if (len == 0 || len > TOPIC_MAX) return false;
  size_t at = 0;
  while (at < len) {
    char c = topic[at];
    if (c == '\0' || c == '+' || c == '#') return false;
    /* Nearly every topic is ASCII and every message passes here. */
    size_t step = (unsigned char)c < 0x80 ? 1 : sm_utf8_step(topic + at, len - at);
    if (step == 0) return false;
    at += step;
  }
  return true;
}

bool sm_mqtt_filter_valid(const char *filter, size_t len) {
  if (len == 0 || len > TOPIC_MAX || !sm_utf8_valid(filter, len)) return false;
  for (size_t i = 0; i < len; i++) {
    if (filter[i] == '\0') return false;
    if (filter[i] != '+' && filter[i] != '#') continue;
    bool begins_level = i == 0 || filter[i - 1] == '/';
    bool ends_level = i + 1 == len || (filter[i] == '+' && filter[i + 1] == '/');
    if (!begins_level || !ends_level) return false;
  }
  return true;
}
