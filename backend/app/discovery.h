/* What Home Assistant is told of a meter, by its MQTT discovery of devices: one message that names
 * the device, its sensors, where their values come from and when it is there. The values are those
 * of the meter's own telemetry; the server repeats none. Pure. */
#ifndef SM_APP_DISCOVERY_H
#define SM_APP_DISCOVERY_H

#include "base/buf.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>

enum { SM_DISCOVERY_PREFIX_MAX = 64, SM_DISCOVERY_TOPIC_MAX = SM_DISCOVERY_PREFIX_MAX + 128 };

/* A prefix of 1 to 64 bytes: levels of A-Z a-z 0-9 _ -. */
bool sm_discovery_prefix_valid(const char *prefix);
/* "<prefix>/device/smartmeter_<device_id>/config". Returns out. */
char *sm_discovery_topic(const char *prefix, const char *device_id,
                         char out[SM_DISCOVERY_TOPIC_MAX]);
/* Whether a topic is one of these under that prefix, and whose. */
bool sm_discovery_topic_is(const char *prefix, const char *topic, size_t topic_len,
                           char device_id[SM_DEVICE_ID_MAX + 1]);

typedef struct sm_discovery {
  const char *device_id;
  const char *name;    /* NULL: "Meter <device_id>" */
  const char *version; /* the server's */
  uint8_t has;         /* SM_READING_…: which optional sensors there are */
} sm_discovery;

/* Appends the message. */
void sm_discovery_write(const sm_discovery *discovery, sm_buf *out);

#endif
