#include "mqtt/packet.h"

#include "mqtt/property.h"
#include "mqtt/topic.h"
#include "mqtt/varint.h"

enum {
  /* More than any reason a broker may write into a packet other than PUBLISH, so that a false one
     never makes the buffer wait for 256 MiB. */
  CONTROL_MAX = 128 * 1024
};

/* One packet while it is looked at. */
typedef struct input {
  const uint8_t *bytes;
  size_t len; /* bytes that are there */
  bool v5;
  size_t packet_max;
  unsigned flags;   /* of the first byte */
  size_t head;      /* bytes of the fixed header */
  size_t remaining; /* bytes behind it */
} input;

static sm_mqtt_parsed breach(sm_mqtt_packet *packet, const char *problem) {
  packet->problem = problem;
  return SM_MQTT_BREACH;
}

static sm_mqtt_parsed incomplete(sm_mqtt_packet *packet, size_t needed) {
  packet->size = needed;
  return SM_MQTT_INCOMPLETE;
}

static uint16_t u16_at(const uint8_t *bytes) {
  return (uint16_t)(((unsigned)bytes[0] << 8) | bytes[1]);
}

/* ---- the fixed header ---- */

static const char unexpected[] = "a packet of a kind that a broker does not send to a subscriber";

/* Lengths that a packet of 3.1.1 cannot have, so that a false broker is found out by its first
 * bytes. */
static const char *length_problem(sm_mqtt_type type, size_t remaining) {
  switch (type) {
  case SM_MQTT_CONNACK:
    return remaining == 2 ? NULL : "CONNACK has a wrong length";
  case SM_MQTT_PUBACK:
    return remaining == 2 ? NULL : "PUBACK has a wrong length";
  case SM_MQTT_PINGRESP:
    return remaining == 0 ? NULL : "PINGRESP has a wrong length";
  case SM_MQTT_SUBACK:
    return remaining >= 3 && remaining <= 1024 ? NULL : "SUBACK has a wrong length";
  case SM_MQTT_UNSUBACK:
    return remaining == 2 ? NULL : "UNSUBACK has a wrong length";
  case SM_MQTT_PUBLISH:
    return remaining >= 2 ? NULL : "PUBLISH has no topic";
  case SM_MQTT_DISCONNECT:
    break;
  }
  return unexpected;
}

/* … and of version 5, where most have properties or leave out what says success. */
static const char *length_problem_v5(sm_mqtt_type type, size_t remaining) {
  if (type != SM_MQTT_PUBLISH && remaining > CONTROL_MAX) return "a packet is far too long";
  switch (type) {
  case SM_MQTT_CONNACK:
    return remaining >= 2 ? NULL : "CONNACK has a wrong length";
  case SM_MQTT_PUBACK:
    return remaining >= 2 ? NULL : "PUBACK has a wrong length";
  case SM_MQTT_PINGRESP:
    return remaining == 0 ? NULL : "PINGRESP has a wrong length";
  case SM_MQTT_SUBACK:
    return remaining >= 4 ? NULL : "SUBACK has a wrong length";
  case SM_MQTT_UNSUBACK:
    return remaining >= 4 ? NULL : "UNSUBACK has a wrong length";
  case SM_MQTT_PUBLISH:
    return remaining >= 3 ? NULL : "PUBLISH has no topic";
  case SM_MQTT_DISCONNECT:
    return NULL;
  }
  return unexpected;
}

static sm_mqtt_parsed parse_header(input *in, sm_mqtt_packet *packet) {
  if (in->len == 0) return incomplete(packet, 1);
  packet->type = (sm_mqtt_type)(in->bytes[0] >> 4);
  in->flags = in->bytes[0] & 0x0fU;
  if (packet->type == SM_MQTT_PUBLISH && ((in->flags >> 1) & 3U) > 1)
    return breach(packet, "PUBLISH has a QoS that was not asked for");
  uint32_t remaining = 0;
  size_t size = 0;
  switch (sm_mqtt_varint_read(in->bytes + 1, in->len - 1, &remaining, &size)) {
  case SM_MQTT_VARINT_SHORT:
    return incomplete(packet, in->len + 1);
  case SM_MQTT_VARINT_LONG:
    return breach(packet, "the remaining length has more than four bytes");
  case SM_MQTT_VARINT_PADDED:
    return breach(packet, "the remaining length is longer than need be");
  case SM_MQTT_VARINT_READ:
    break;
  }
  in->head = 1 + size;
  in->remaining = remaining;
  if (packet->type != SM_MQTT_PUBLISH && in->flags != 0)
    return breach(packet, "reserved flags are set");
  const char *problem =
      in->v5 ? length_problem_v5(packet->type, remaining) : length_problem(packet->type, remaining);
  return problem == NULL ? SM_MQTT_COMPLETE : breach(packet, problem);
}

/* ---- packets other than PUBLISH: all of one is there ---- */

/* The properties that begin at body[at], with their length in front. *size: all of that. */
static sm_mqtt_parsed parse_properties(const input *in, size_t at, sm_mqtt_packet *packet,
                                       sm_mqtt_properties *properties, size_t *size) {
  const uint8_t *bytes = in->bytes + in->head + at;
  size_t left = in->remaining - at;
  uint32_t len = 0;
  size_t len_size = 0;
  if (sm_mqtt_varint_read(bytes, left, &len, &len_size) != SM_MQTT_VARINT_READ ||
      len > left - len_size)
    return breach(packet, "properties are longer than their packet");
  *size = len_size + len;
  sm_mqtt_parsed parsed =
      sm_mqtt_properties_parse(bytes + len_size, len, packet->type, properties, &packet->problem);
  return parsed == SM_MQTT_COMPLETE ? parsed : SM_MQTT_BREACH;
}

/* Properties that nobody looks at, and that end their packet. */
static sm_mqtt_parsed parse_last_properties(const input *in, size_t at, sm_mqtt_packet *packet) {
  sm_mqtt_properties properties;
  size_t size = 0;
  sm_mqtt_parsed parsed = parse_properties(in, at, packet, &properties, &size);
  if (parsed == SM_MQTT_COMPLETE && at + size != in->remaining)
    return breach(packet, "a packet goes on behind its properties");
  return parsed;
}

static const sm_mqtt_terms default_terms = {
    .session_expiry_s = UINT32_MAX,
    .packet_max = UINT32_MAX,
    .receive_max = UINT16_MAX,
    .qos1 = true,
    .wildcards = true,
    .shared = true,
};

static sm_mqtt_parsed parse_terms(const input *in, sm_mqtt_packet *packet) {
  sm_mqtt_properties p;
  size_t size = 0;
  sm_mqtt_parsed parsed = parse_properties(in, 2, packet, &p, &size);
  if (parsed != SM_MQTT_COMPLETE) return parsed;
  if (2 + size != in->remaining) return breach(packet, "a packet goes on behind its properties");
  packet->terms = (sm_mqtt_terms){
      .session_expiry_s = sm_mqtt_property(&p, SM_MQTT_PROPERTY_SESSION_EXPIRY, UINT32_MAX),
      .packet_max = sm_mqtt_property(&p, SM_MQTT_PROPERTY_PACKET_MAX, UINT32_MAX),
      .receive_max = (uint16_t)sm_mqtt_property(&p, SM_MQTT_PROPERTY_RECEIVE_MAX, UINT16_MAX),
      .keepalive_s = (uint16_t)sm_mqtt_property(&p, SM_MQTT_PROPERTY_SERVER_KEEPALIVE, 0),
      .qos1 = sm_mqtt_property(&p, SM_MQTT_PROPERTY_QOS_MAX, 1) == 1,
      .wildcards = sm_mqtt_property(&p, SM_MQTT_PROPERTY_WILDCARDS, 1) == 1,
      .shared = sm_mqtt_property(&p, SM_MQTT_PROPERTY_SHARED, 1) == 1,
  };
  return SM_MQTT_COMPLETE;
}

static sm_mqtt_parsed parse_connack(const input *in, const uint8_t *body, sm_mqtt_packet *packet) {
  packet->session_present = body[0] == 1;
  packet->code = body[1];
  packet->terms = default_terms;
  if (body[0] > 1) return breach(packet, "CONNACK sets reserved flags");
  if (packet->session_present && packet->code != 0)
    return breach(packet, "CONNACK refuses and yet has a session");
  if (!in->v5) return SM_MQTT_COMPLETE;
  if (in->remaining == 2) {
    /* The standard has a broker that knows 3.1.1 at most refuse in its own form. */
    packet->old_form = packet->code != 0;
    return packet->old_form ? SM_MQTT_COMPLETE : breach(packet, "CONNACK has a wrong length");
  }
  if (packet->code != 0 && packet->code < SM_MQTT_FAILURE)
    return breach(packet, "CONNACK has a reason that it cannot have");
  return parse_terms(in, packet);
}

static sm_mqtt_parsed parse_puback(const input *in, const uint8_t *body, sm_mqtt_packet *packet) {
  enum { NO_SUBSCRIBER = 0x10 };
  packet->packet_id = u16_at(body);
  if (packet->packet_id == 0) return breach(packet, "PUBACK has packet id 0");
  if (in->remaining > 2) packet->code = body[2];
  if (packet->code != 0 && packet->code != NO_SUBSCRIBER && packet->code < SM_MQTT_FAILURE)
    return breach(packet, "PUBACK has a reason that it cannot have");
  return in->remaining > 3 ? parse_last_properties(in, 3, packet) : SM_MQTT_COMPLETE;
}

static sm_mqtt_parsed parse_suback(const input *in, const uint8_t *body, sm_mqtt_packet *packet) {
  packet->packet_id = u16_at(body);
  if (packet->packet_id == 0) return breach(packet, "SUBACK has packet id 0");
  size_t size = 0;
  if (in->v5) {
    sm_mqtt_properties properties;
    sm_mqtt_parsed parsed = parse_properties(in, 2, packet, &properties, &size);
    if (parsed != SM_MQTT_COMPLETE) return parsed;
  }
  packet->grants = body + 2 + size;
  packet->grant_count = in->remaining - 2 - size;
  if (packet->grant_count == 0) return breach(packet, "SUBACK has a wrong length");
  for (size_t i = 0; i < packet->grant_count; i++) {
    uint8_t grant = packet->grants[i];
    bool known = grant <= 1 || grant == SM_MQTT_FAILURE || (in->v5 && grant > SM_MQTT_FAILURE);
    if (!known) return breach(packet, "SUBACK grants what was not asked for");
  }
  return SM_MQTT_COMPLETE;
}

/* A filter is gone, or was never there, or the broker refuses. */
static sm_mqtt_parsed parse_unsuback(const input *in, const uint8_t *body, sm_mqtt_packet *packet) {
  packet->packet_id = u16_at(body);
  if (packet->packet_id == 0) return breach(packet, "UNSUBACK has packet id 0");
  if (!in->v5) return SM_MQTT_COMPLETE;
  sm_mqtt_properties properties;
  size_t size = 0;
  sm_mqtt_parsed parsed = parse_properties(in, 2, packet, &properties, &size);
  for (size_t i = 2 + size; parsed == SM_MQTT_COMPLETE && i < in->remaining; i++)
    if (packet->code == 0 && body[i] >= SM_MQTT_FAILURE) packet->code = body[i];
  return parsed;
}

static sm_mqtt_parsed parse_disconnect(const input *in, const uint8_t *body,
                                       sm_mqtt_packet *packet) {
  if (in->remaining > 0) packet->code = body[0];
  return in->remaining > 1 ? parse_last_properties(in, 1, packet) : SM_MQTT_COMPLETE;
}

/* ---- PUBLISH ---- */

/* Where its parts are, from the beginning of the packet. */
typedef struct layout {
  size_t topic;
  size_t id;
  size_t properties; /* behind their length */
  size_t properties_len;
  size_t payload;
} layout;

/* A property length that stands at `at` and ends within the packet. */
static sm_mqtt_parsed find_properties(const input *in, size_t at, sm_mqtt_packet *packet,
                                      layout *parts) {
  size_t end = in->head + in->remaining;
  size_t there = in->len < end ? in->len : end;
  uint32_t len = 0;
  size_t size = 0;
  sm_mqtt_varint_state state = SM_MQTT_VARINT_SHORT;
  if (there > at) state = sm_mqtt_varint_read(in->bytes + at, there - at, &len, &size);
  if (state == SM_MQTT_VARINT_SHORT && in->len < end)
    return incomplete(packet, (there > at ? there : at) + 1);
  if (state != SM_MQTT_VARINT_READ || len > end - at - size)
    return breach(packet, "properties are longer than their packet");
  parts->properties = at + size;
  parts->properties_len = len;
  parts->payload = at + size + len;
  return SM_MQTT_COMPLETE;
}

static sm_mqtt_parsed find_parts(const input *in, sm_mqtt_packet *packet, layout *parts) {
  if (in->len < in->head + 2) return incomplete(packet, in->head + 2);
  size_t end = in->head + in->remaining;
  packet->topic_len = u16_at(in->bytes + in->head);
  parts->topic = in->head + 2;
  parts->id = parts->topic + packet->topic_len;
  parts->payload = parts->id + (packet->qos > 0 ? 2 : 0);
  parts->properties = parts->payload;
  if (parts->payload > end || (in->v5 && parts->payload == end))
    return breach(packet, "PUBLISH is shorter than its topic");
  return in->v5 ? find_properties(in, parts->payload, packet, parts) : SM_MQTT_COMPLETE;
}

static sm_mqtt_parsed unusable(sm_mqtt_packet *packet, const char *problem) {
  packet->problem = problem;
  return SM_MQTT_UNUSABLE;
}

/* The parts are all there, the payload perhaps in part. */
static sm_mqtt_parsed judge(const input *in, sm_mqtt_packet *packet, const layout *parts) {
  if (packet->qos > 0) packet->packet_id = u16_at(in->bytes + parts->id);
  if (packet->qos > 0 && packet->packet_id == 0) return breach(packet, "PUBLISH has packet id 0");
  if (parts->properties_len > 0 && packet->held >= parts->payload) {
    sm_mqtt_properties properties;
    sm_mqtt_parsed parsed =
        sm_mqtt_properties_parse(in->bytes + parts->properties, parts->properties_len,
                                 SM_MQTT_PUBLISH, &properties, &packet->problem);
    if (parsed != SM_MQTT_COMPLETE) return parsed;
  }
  if (packet->held < parts->payload)
    return unusable(packet, "properties are longer than anybody needs");
  if (!sm_mqtt_topic_valid(packet->topic, packet->topic_len))
    return unusable(packet, "the topic is empty, not UTF-8, or holds a wildcard or NUL");
  return SM_MQTT_COMPLETE;
}

/* How much of a PUBLISH must be there: all; of too large a one its head and a prefix; of one whose
 * properties alone are too large only what is needed to acknowledge it. */
static size_t held_of(const input *in, const sm_mqtt_packet *packet, const layout *parts) {
  if (packet->size <= in->packet_max) return packet->size;
  if (parts->properties_len > SM_MQTT_PROPERTIES_MAX) return parts->properties;
  size_t payload = packet->payload_len_sent;
  return parts->payload + (payload > SM_MQTT_PREFIX_MAX ? SM_MQTT_PREFIX_MAX : payload);
}

static sm_mqtt_parsed parse_publish(const input *in, sm_mqtt_packet *packet) {
  packet->qos = (uint8_t)((in->flags >> 1) & 3U);
  packet->dup = (in->flags & 8U) != 0;
  packet->retained = (in->flags & 1U) != 0;
  if (packet->dup && packet->qos == 0) return breach(packet, "PUBLISH repeats a QoS 0 message");
  layout parts = {0};
  sm_mqtt_parsed parsed = find_parts(in, packet, &parts);
  if (parsed != SM_MQTT_COMPLETE) return parsed;
  packet->payload_len_sent = packet->size - parts.payload;
  packet->held = held_of(in, packet, &parts);
  if (in->len < packet->held) return incomplete(packet, packet->held);

  size_t payload = packet->held < parts.payload ? packet->held : parts.payload;
  packet->topic = (const char *)in->bytes + parts.topic;
  packet->payload = (const char *)in->bytes + payload;
  packet->payload_len = packet->held - payload;
  return judge(in, packet, &parts);
}

sm_mqtt_parsed sm_mqtt_parse(const uint8_t *bytes, size_t len, sm_mqtt_version version,
                             size_t packet_max, sm_mqtt_packet *packet) {
  *packet = (sm_mqtt_packet){0};
  input in = {
      .bytes = bytes, .len = len, .v5 = version == SM_MQTT_VERSION_5, .packet_max = packet_max};
  sm_mqtt_parsed parsed = parse_header(&in, packet);
  if (parsed != SM_MQTT_COMPLETE) return parsed;
  packet->size = in.head + in.remaining;
  if (packet->type == SM_MQTT_PUBLISH) return parse_publish(&in, packet);

  packet->held = packet->size;
  if (len < packet->size) return incomplete(packet, packet->size);
  const uint8_t *body = bytes + in.head;
  switch (packet->type) {
  case SM_MQTT_CONNACK:
    return parse_connack(&in, body, packet);
  case SM_MQTT_PUBACK:
    return parse_puback(&in, body, packet);
  case SM_MQTT_SUBACK:
    return parse_suback(&in, body, packet);
  case SM_MQTT_UNSUBACK:
    return parse_unsuback(&in, body, packet);
  case SM_MQTT_DISCONNECT:
    return parse_disconnect(&in, body, packet);
  case SM_MQTT_PUBLISH:
  case SM_MQTT_PINGRESP:
    break;
  }
  return SM_MQTT_COMPLETE;
}
