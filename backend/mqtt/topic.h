/* Which topic names and topic filters MQTT 3.1.1 allows (section 4.7). */
#ifndef SM_MQTT_TOPIC_H
#define SM_MQTT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

/* A name to publish under: 1 to 65,535 bytes of UTF-8 without NUL, '+' and '#'. */
bool sm_mqtt_topic_valid(const char *topic, size_t len);

/* A filter to subscribe to: the same, but '+' may stand for a whole level and '#' for the last
 * levels. */
bool sm_mqtt_filter_valid(const char *filter, size_t len);

#endif
