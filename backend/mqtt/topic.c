#include "mqtt/topic.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

enum { TOPIC_MAX = 65535 };

static const char share[] = "$share/";
enum { SHARE_LEN = sizeof share - 1 };

enum { AT_ONCE = 8 };

/* Bytes that all equal `byte`. */
static uint64_t all(uint8_t byte) {
  return (uint64_t)0x0101010101010101 * byte;
}

static bool has_zero(uint64_t bytes) {
  return ((bytes - all(1)) & ~bytes & all(0x80)) != 0;
}

/* Eight bytes that are all ASCII, and no NUL, '+' or '#'. */
static bool plain(const char *topic) {
  uint64_t bytes;
  memcpy(&bytes, topic, sizeof bytes);
  return (bytes & all(0x80)) == 0 && !has_zero(bytes) && !has_zero(bytes ^ all('+')) &&
         !has_zero(bytes ^ all('#'));
}

bool sm_mqtt_topic_valid(const char *topic, size_t len) {
  if (len == 0 || len > TOPIC_MAX) return false;
  size_t at = 0;
  /* Nearly every topic is ASCII and every message passes here. */
  while (len - at >= AT_ONCE && plain(topic + at)) at += AT_ONCE;
  while (at < len) {
    char c = topic[at];
    if (c == '\0' || c == '+' || c == '#') return false;
    size_t step = (unsigned char)c < 0x80 ? 1 : sm_utf8_step(topic + at, len - at);
    if (step == 0) return false;
    at += step;
  }
  return true;
}

/* Text and length are sound: only the wildcards are looked at. */
static bool wildcards_valid(const char *filter, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (filter[i] != '+' && filter[i] != '#') continue;
    bool begins_level = i == 0 || filter[i - 1] == '/';
    bool ends_level = i + 1 == len || (filter[i] == '+' && filter[i + 1] == '/');
    if (!begins_level || !ends_level) return false;
  }
  return true;
}

bool sm_mqtt_filter_valid(const char *filter, size_t len) {
  if (len == 0 || len > TOPIC_MAX || !sm_utf8_valid(filter, len)) return false;
  if (memchr(filter, '\0', len) != NULL) return false;
  if (len < SHARE_LEN || memcmp(filter, share, SHARE_LEN) != 0) return wildcards_valid(filter, len);
  const char *group = filter + SHARE_LEN;
  size_t left = len - SHARE_LEN;
  const char *slash = memchr(group, '/', left);
  if (slash == NULL) return false;
  size_t group_len = (size_t)(slash - group);
  size_t rest = left - group_len - 1;
  return rest > 0 && sm_mqtt_group_valid(group, group_len) && wildcards_valid(slash + 1, rest);
}

bool sm_mqtt_group_valid(const char *group, size_t len) {
  return sm_mqtt_topic_valid(group, len) && memchr(group, '/', len) == NULL;
}

const char *sm_mqtt_filter_unshared(const char *filter) {
  if (strncmp(filter, share, SHARE_LEN) != 0) return filter;
  const char *slash = strchr(filter + SHARE_LEN, '/');
  return slash == NULL ? filter : slash + 1;
}

bool sm_mqtt_filter_matches(const char *filter, const char *topic, size_t topic_len) {
  const char *end = topic + topic_len;
  /* What begins with '$' is the broker's own: a wildcard at the front does not mean it. */
  if (topic_len > 0 && topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
  for (;;) {
    const char *level_end = memchr(topic, '/', (size_t)(end - topic));
    if (level_end == NULL) level_end = end;
    size_t want = strcspn(filter, "/");
    bool any = want == 1 && filter[0] == '+';
    if (want == 1 && filter[0] == '#') return true;
    bool same = want == (size_t)(level_end - topic) && memcmp(filter, topic, want) == 0;
    if (!any && !same) return false;
    filter += want;
    if (level_end == end) return *filter == '\0' || strcmp(filter, "/#") == 0;
    if (*filter == '\0') return false;
    filter++;
    topic = level_end + 1;
  }
}
