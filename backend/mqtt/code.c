#include "mqtt/packet.h"

static const char *return_code_text(uint8_t code) {
  switch (code) {
  case 0:
    return "accepted";
  case 1:
    return "the broker does not speak this version of MQTT";
  case 2:
    return "the broker does not accept the client id";
  case 3:
    return "the broker is not available";
  case 4:
    return "bad user name or password";
  case 5:
    return "not authorised";
  default:
    return "the broker refuses for an unknown reason";
  }
}

typedef struct wording {
  uint8_t code;
  const char *text;
} wording;

/* Table 2-6 of the standard, without what only a client says. */
static const wording wordings[] = {
    {0x00, "accepted"},
    {0x80, "the broker gives no reason"},
    {0x81, "the broker takes a packet for malformed"},
    {0x82, "the broker sees a breach of the protocol"},
    {0x83, "the broker has a reason of its own"},
    {SM_MQTT_CODE_BAD_VERSION, "the broker does not speak this version of MQTT"},
    {0x85, "the broker does not accept the client id"},
    {0x86, "bad user name or password"},
    {0x87, "not authorised"},
    {0x88, "the broker is not available"},
    {0x89, "the broker is busy"},
    {0x8a, "banned"},
    {0x8b, "the broker is shutting down"},
    {0x8c, "the broker wants another way of authentication"},
    {0x8d, "the broker heard nothing for too long"},
    {0x8e, "another client has taken over the client id"},
    {0x8f, "the broker does not accept the topic filter"},
    {0x90, "the broker does not accept the topic"},
    {0x91, "the packet id is in use"},
    {0x92, "the packet id is not known"},
    {0x93, "more messages at once than the broker takes"},
    {0x94, "the topic alias is not accepted"},
    {0x95, "the packet is too large for the broker"},
    {0x96, "messages come faster than the broker allows"},
    {0x97, "a quota is used up"},
    {0x98, "an operator of the broker has ended it"},
    {0x99, "the payload is not of the format that it names"},
    {0x9a, "the broker does not retain messages"},
    {0x9b, "the broker does not offer this QoS"},
    {0x9c, "the broker names another server for now"},
    {0x9d, "the broker has moved to another server"},
    {0x9e, "the broker does not offer shared subscriptions"},
    {0x9f, "connections are made faster than the broker allows"},
    {0xa0, "the broker's time for a connection is over"},
    {0xa1, "the broker does not offer subscription identifiers"},
    {0xa2, "the broker does not offer subscriptions with wildcards"},
};

const char *sm_mqtt_code_text(sm_mqtt_version version, uint8_t code) {
  if (version != SM_MQTT_VERSION_5) return return_code_text(code);
  for (size_t i = 0; i < sizeof wordings / sizeof wordings[0]; i++)
    if (wordings[i].code == code) return wordings[i].text;
  return "the broker has an unknown reason";
}
