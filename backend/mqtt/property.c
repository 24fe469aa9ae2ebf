#include "mqtt/property.h"

#include "base/utf8.h"
#include "mqtt/topic.h"
#include "mqtt/varint.h"

#include <string.h>

typedef enum kind {
  NOT_FOR_US, /* unknown, or of packets that only a client sends, or never asked for */
  FLAG,       /* a byte, 0 or 1 */
  U16,
  U16_POSITIVE,
  U32,
  U32_POSITIVE,
  VARINT_POSITIVE,
  TEXT,
  TOPIC, /* a text that can be published under */
  BINARY,
  PAIR /* of texts */
} kind;

enum {
  CONNACK = 1U << SM_MQTT_CONNACK,
  PUBLISH = 1U << SM_MQTT_PUBLISH,
  PUBACK = 1U << SM_MQTT_PUBACK,
  SUBACK = 1U << SM_MQTT_SUBACK,
  UNSUBACK = 1U << SM_MQTT_UNSUBACK,
  DISCONNECT = 1U << SM_MQTT_DISCONNECT,
  USER_PROPERTY = 0x26,
  SUBSCRIPTION_ID = 0x0b
};

typedef struct rule {
  kind what;
  unsigned where;
} rule;

/* Table 2-4 of the standard, without what a server may send only if it was asked for: an assigned
 * client id (we name ours), authentication data (we bring none), a topic alias (we allow none). */
static const rule rules[SM_MQTT_PROPERTY_IDS] = {
    [0x01] = {FLAG, PUBLISH},   /* payload format */
    [0x02] = {U32, PUBLISH},    /* message expiry */
    [0x03] = {TEXT, PUBLISH},   /* content type */
    [0x08] = {TOPIC, PUBLISH},  /* response topic */
    [0x09] = {BINARY, PUBLISH}, /* correlation data */
    [SUBSCRIPTION_ID] = {VARINT_POSITIVE, PUBLISH},
    [0x11] = {U32, CONNACK},                                            /* session expiry */
    [0x13] = {U16, CONNACK},                                            /* server keepalive */
    [0x1a] = {TEXT, CONNACK},                                           /* response information */
    [0x1c] = {TEXT, CONNACK | DISCONNECT},                              /* server reference */
    [0x1f] = {TEXT, CONNACK | PUBACK | SUBACK | UNSUBACK | DISCONNECT}, /* reason */
    [0x21] = {U16_POSITIVE, CONNACK},                                   /* receive maximum */
    [0x22] = {U16, CONNACK},                                            /* topic alias maximum */
    [0x24] = {FLAG, CONNACK},                                           /* maximum QoS */
    [0x25] = {FLAG, CONNACK},                                           /* retain available */
    [USER_PROPERTY] = {PAIR, CONNACK | PUBLISH | PUBACK | SUBACK | UNSUBACK | DISCONNECT},
    [0x27] = {U32_POSITIVE, CONNACK}, /* maximum packet size */
    [0x28] = {FLAG, CONNACK},         /* wildcard subscriptions */
    [0x29] = {FLAG, CONNACK},         /* subscription identifiers */
    [0x2a] = {FLAG, CONNACK},         /* shared subscriptions */
};

/* What is left to read. */
typedef struct cursor {
  const uint8_t *at;
  size_t left;
  bool short_of; /* something did not fit */
  bool bad;      /* something is not what it must be */
} cursor;

static const uint8_t *take(cursor *c, size_t size) {
  if (size > c->left) {
    c->short_of = true;
    return NULL;
  }
  const uint8_t *bytes = c->at;
  c->at += size;
  c->left -= size;
  return bytes;
}

static uint32_t take_number(cursor *c, size_t size) {
  const uint8_t *bytes = take(c, size);
  uint32_t value = 0;
  for (size_t i = 0; bytes != NULL && i < size; i++) value = value << 8 | bytes[i];
  return value;
}

static uint32_t take_varint(cursor *c) {
  uint32_t value = 0;
  size_t size = 0;
  sm_mqtt_varint_state state = sm_mqtt_varint_read(c->at, c->left, &value, &size);
  if (state == SM_MQTT_VARINT_READ)
    (void)take(c, size);
  else
    c->short_of = true;
  return value;
}

static void take_text(cursor *c, kind what) {
  size_t len = take_number(c, 2);
  const char *text = (const char *)take(c, len);
  if (text == NULL || what == BINARY) return;
  bool good = what == TOPIC ? sm_mqtt_topic_valid(text, len)
                            : sm_utf8_valid(text, len) && memchr(text, '\0', len) == NULL;
  if (!good) c->bad = true;
}

static uint32_t take_positive(cursor *c, uint32_t value) {
  if (value == 0) c->bad = true;
  return value;
}

static uint32_t take_value(cursor *c, kind what) {
  uint32_t value = 0;
  switch (what) {
  case FLAG:
    value = take_number(c, 1);
    if (value > 1) c->bad = true;
    return value;
  case U16:
    return take_number(c, 2);
  case U16_POSITIVE:
    return take_positive(c, take_number(c, 2));
  case U32:
    return take_number(c, 4);
  case U32_POSITIVE:
    return take_positive(c, take_number(c, 4));
  case VARINT_POSITIVE:
    return take_positive(c, take_varint(c));
  case PAIR:
    take_text(c, TEXT);
    take_text(c, TEXT);
    break;
  case TEXT:
  case TOPIC:
  case BINARY:
    take_text(c, what);
    break;
  case NOT_FOR_US:
    break;
  }
  return value;
}

static sm_mqtt_parsed breach(const char **problem, const char *text) {
  *problem = text;
  return SM_MQTT_BREACH;
}

sm_mqtt_parsed sm_mqtt_properties_parse(const uint8_t *bytes, size_t len, sm_mqtt_type type,
                                        sm_mqtt_properties *properties, const char **problem) {
  cursor c = {.at = bytes, .left = len};
  properties->seen = 0;
  while (c.left > 0) {
    unsigned id = *take(&c, 1); /* all that there are have one byte */
    if (id >= SM_MQTT_PROPERTY_IDS || (rules[id].where & (1U << type)) == 0)
      return breach(problem, "a property that has no place in its packet");
    uint64_t bit = (uint64_t)1 << id;
    bool repeats = id == USER_PROPERTY || id == SUBSCRIPTION_ID;
    if ((properties->seen & bit) != 0 && !repeats)
      return breach(problem, "a property stands twice");
    properties->seen |= bit;
    properties->values[id] = take_value(&c, rules[id].what);
    if (c.short_of) return breach(problem, "a property is longer than its packet says");
  }
  if (!c.bad) return SM_MQTT_COMPLETE;
  *problem = "a property has a value that it must not have";
  return SM_MQTT_UNUSABLE;
}

uint32_t sm_mqtt_property(const sm_mqtt_properties *properties, unsigned id, uint32_t otherwise) {
  return (properties->seen >> id & 1U) != 0 ? properties->values[id] : otherwise;
}
