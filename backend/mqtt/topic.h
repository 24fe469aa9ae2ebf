/* Which topic names and topic filters MQTT allows (section 4.7 of both standards; of 5 also 4.8.2,
 * shared subscriptions, which some brokers of 3.1.1 have too). */
#ifndef SM_MQTT_TOPIC_H
#define SM_MQTT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

/* A name to publish under: 1 to 65,535 bytes of UTF-8 without NUL, '+' and '#'. */
bool sm_mqtt_topic_valid(const char *topic, size_t len);

/* A filter to subscribe to: the same, but '+' may stand for a whole level and '#' for the last
 * levels; or a shared one, "$share/" group "/" filter. */
bool sm_mqtt_filter_valid(const char *filter, size_t len);
/* The name of a group that shares a subscription: one level without wildcards. */
bool sm_mqtt_group_valid(const char *group, size_t len);
/* Of a filter that is shared: what is behind its group; otherwise the filter. Borrowed. */
const char *sm_mqtt_filter_unshared(const char *filter);

/* A message under this topic is one for this filter (not a shared one). Both must be valid. */
bool sm_mqtt_filter_matches(const char *filter, const char *topic, size_t topic_len);

#endif
