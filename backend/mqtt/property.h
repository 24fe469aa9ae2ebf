/* The properties of MQTT 5: what may stand where, and what it says. Pure. */
#ifndef SM_MQTT_PROPERTY_H
#define SM_MQTT_PROPERTY_H

#include "mqtt/packet.h"

/* The numeric ones that somebody looks at. */
enum {
  SM_MQTT_PROPERTY_SESSION_EXPIRY = 0x11,
  SM_MQTT_PROPERTY_SERVER_KEEPALIVE = 0x13,
  SM_MQTT_PROPERTY_RECEIVE_MAX = 0x21,
  SM_MQTT_PROPERTY_QOS_MAX = 0x24,
  SM_MQTT_PROPERTY_PACKET_MAX = 0x27,
  SM_MQTT_PROPERTY_WILDCARDS = 0x28,
  SM_MQTT_PROPERTY_SHARED = 0x2a,
  SM_MQTT_PROPERTY_IDS = 0x2b /* identifiers are below this */
};

typedef struct sm_mqtt_properties {
  uint64_t seen;                         /* bit n: property n is there */
  uint32_t values[SM_MQTT_PROPERTY_IDS]; /* of the numeric ones that are */
} sm_mqtt_properties;

/* Reads the properties of a packet of this type, which are all of `len` bytes (their length in
 * front of them excluded). SM_MQTT_BREACH with the problem; SM_MQTT_UNUSABLE, with the problem, if
 * only a text or flag inside is not what it must be, which in a PUBLISH its publisher chose. */
sm_mqtt_parsed sm_mqtt_properties_parse(const uint8_t *bytes, size_t len, sm_mqtt_type type,
                                        sm_mqtt_properties *properties, const char **problem);

/* The value of a numeric one, or `otherwise` if it is not there. */
uint32_t sm_mqtt_property(const sm_mqtt_properties *properties, unsigned id, uint32_t otherwise);

#endif
