#include "mqtt/packet.h"

#include "mqtt/topic.h"

/* The fixed header: first byte and remaining length. */
typedef struct header {
  unsigned flags;
  size_t size;      /* bytes of the header itself */
  size_t remaining; /* bytes behind it */
} header;

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

/* Also the lengths that only one value or few are right for, so that a false broker is found out by
 * its first bytes and never makes the buffer wait for 256 MiB. */
static const char *header_problem(sm_mqtt_type type, const header *head) {
  if (type != SM_MQTT_PUBLISH && head->flags != 0) return "reserved flags are set";
  switch (type) {
  case SM_MQTT_CONNACK:
    return head->remaining == 2 ? NULL : "CONNACK has a wrong length";
  case SM_MQTT_PUBACK:
    return head->remaining == 2 ? NULL : "PUBACK has a wrong length";
  case SM_MQTT_PINGRESP:
    return head->remaining == 0 ? NULL : "PINGRESP has a wrong length";
  case SM_MQTT_SUBACK:
    return head->remaining >= 3 && head->remaining <= 1024 ? NULL : "SUBACK has a wrong length";
  case SM_MQTT_PUBLISH:
    return head->remaining >= 2 ? NULL : "PUBLISH has no topic";
  }
  return "a packet of a kind that a broker does not send to a subscriber";
}

static sm_mqtt_parsed parse_header(const uint8_t *bytes, size_t len, sm_mqtt_packet *packet,
                                   header *head) {
  if (len == 0) return incomplete(packet, 1);
  packet->type = (sm_mqtt_type)(bytes[0] >> 4);
  head->flags = bytes[0] & 0x0fU;
  if (((head->flags >> 1) & 3U) > 1 && packet->type == SM_MQTT_PUBLISH)
    return breach(packet, "PUBLISH has a QoS that was not asked for");
  head->remaining = 0;
  for (size_t i = 0;; i++) {
    if (1 + i >= len) return incomplete(packet, len + 1);
    uint8_t digit = bytes[1 + i];
    head->remaining |= (size_t)(digit & 0x7f) << (7 * i);
    if ((digit & 0x80) == 0) {
      /* Table 2.4 of the standard gives each value one form: the shortest. */
      if (digit == 0 && i > 0) return breach(packet, "the remaining length is longer than need be");
      head->size = i + 2;
      break;
    }
    if (i == 3) return breach(packet, "the remaining length has more than four bytes");
  }
  const char *problem = header_problem(packet->type, head);
  return problem == NULL ? SM_MQTT_COMPLETE : breach(packet, problem);
}

static sm_mqtt_parsed parse_connack(const uint8_t *body, sm_mqtt_packet *packet) {
  packet->session_present = body[0] == 1;
  packet->return_code = body[1];
  if (body[0] > 1) return breach(packet, "CONNACK sets reserved flags");
  if (packet->session_present && packet->return_code != 0)
    return breach(packet, "CONNACK refuses and yet has a session");
  return SM_MQTT_COMPLETE;
}

static sm_mqtt_parsed parse_puback(const uint8_t *body, sm_mqtt_packet *packet) {
  packet->packet_id = u16_at(body);
  return packet->packet_id != 0 ? SM_MQTT_COMPLETE : breach(packet, "PUBACK has packet id 0");
}

static sm_mqtt_parsed parse_suback(const uint8_t *body, size_t remaining, sm_mqtt_packet *packet) {
  packet->packet_id = u16_at(body);
  if (packet->packet_id == 0) return breach(packet, "SUBACK has packet id 0");
  packet->grants = body + 2;
  packet->grant_count = remaining - 2;
  for (size_t i = 0; i < packet->grant_count; i++) {
    if (packet->grants[i] > 1 && packet->grants[i] != SM_MQTT_GRANT_REFUSED)
      return breach(packet, "SUBACK grants what was not asked for");
  }
  return SM_MQTT_COMPLETE;
}

/* How much of a PUBLISH must be there: all, or of too large a one its head and a prefix. */
static size_t publish_held(const sm_mqtt_packet *packet, size_t before_payload, size_t packet_max) {
  size_t payload = packet->payload_len_sent;
  if (packet->size > packet_max && payload > SM_MQTT_PREFIX_MAX) payload = SM_MQTT_PREFIX_MAX;
  return before_payload + payload;
}

static sm_mqtt_parsed parse_publish(const uint8_t *bytes, size_t len, const header *head,
                                    size_t packet_max, sm_mqtt_packet *packet) {
  packet->qos = (uint8_t)((head->flags >> 1) & 3U);
  packet->dup = (head->flags & 8U) != 0;
  packet->retained = (head->flags & 1U) != 0;
  if (packet->dup && packet->qos == 0) return breach(packet, "PUBLISH repeats a QoS 0 message");
  if (len < head->size + 2) return incomplete(packet, head->size + 2);

  size_t id_size = packet->qos > 0 ? 2 : 0;
  packet->topic_len = u16_at(bytes + head->size);
  size_t variable = 2 + packet->topic_len + id_size;
  if (variable > head->remaining) return breach(packet, "PUBLISH is shorter than its topic");
  packet->payload_len_sent = head->remaining - variable;
  packet->held = publish_held(packet, head->size + variable, packet_max);
  if (len < packet->held) return incomplete(packet, packet->held);

  packet->topic = (const char *)bytes + head->size + 2;
  packet->payload = (const char *)bytes + head->size + variable;
  packet->payload_len = packet->held - head->size - variable;
  if (id_size > 0) packet->packet_id = u16_at(bytes + head->size + 2 + packet->topic_len);
  if (id_size > 0 && packet->packet_id == 0) return breach(packet, "PUBLISH has packet id 0");
  if (!sm_mqtt_topic_valid(packet->topic, packet->topic_len)) {
    packet->problem = "the topic is empty, not UTF-8, or holds a wildcard or NUL";
    return SM_MQTT_UNUSABLE;
  }
  return SM_MQTT_COMPLETE;
}

sm_mqtt_parsed sm_mqtt_parse(const uint8_t *bytes, size_t len, size_t packet_max,
                             sm_mqtt_packet *packet) {
  *packet = (sm_mqtt_packet){0};
  header head = {0};
  sm_mqtt_parsed parsed = parse_header(bytes, len, packet, &head);
  if (parsed != SM_MQTT_COMPLETE) return parsed;
  packet->size = head.size + head.remaining;
  if (packet->type == SM_MQTT_PUBLISH) return parse_publish(bytes, len, &head, packet_max, packet);

  packet->held = packet->size;
  if (len < packet->size) return incomplete(packet, packet->size);
  const uint8_t *body = bytes + head.size;
  switch (packet->type) {
  case SM_MQTT_CONNACK:
    return parse_connack(body, packet);
  case SM_MQTT_PUBACK:
    return parse_puback(body, packet);
  case SM_MQTT_SUBACK:
    return parse_suback(body, head.remaining, packet);
  case SM_MQTT_PUBLISH:
  case SM_MQTT_PINGRESP:
    break;
  }
  return SM_MQTT_COMPLETE;
}

const char *sm_mqtt_return_code_text(uint8_t return_code) {
  switch (return_code) {
  case 0:
    return "accepted";
  case 1:
    return "the broker does not speak MQTT 3.1.1";
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
