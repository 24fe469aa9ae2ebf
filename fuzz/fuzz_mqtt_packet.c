/* What a false broker may send, as one stream, in either version of MQTT. Whatever the parser says
 * must be consistent: inside the bytes it was given, never asking for less than it has, and the
 * same for a packet that arrives in pieces as for one that is there at once. */
#include "mqtt/packet.h"
#include "mqtt/topic.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
  if (!condition) abort();
}

static void check_inside(const uint8_t *at, size_t there, const void *part, size_t part_len) {
  const uint8_t *begin = part;
  must(begin >= at && (size_t)(begin - at) + part_len <= there);
}

static void check_publish(const uint8_t *at, size_t there, const sm_mqtt_packet *packet) {
  check_inside(at, there, packet->topic, packet->topic_len);
  check_inside(at, there, packet->payload, packet->payload_len);
  must(sm_mqtt_topic_valid(packet->topic, packet->topic_len));
  must(packet->qos <= 1 && (packet->qos == 0) == (packet->packet_id == 0));
  must(packet->payload_len <= packet->payload_len_sent);
  int whole = packet->payload_len == packet->payload_len_sent;
  must(whole == (packet->held == packet->size));
  must(whole || packet->payload_len == SM_MQTT_PREFIX_MAX);
}

static void check_connack(sm_mqtt_version version, const sm_mqtt_packet *packet) {
  must(packet->code == 0 || !packet->session_present);
  must(packet->terms.receive_max > 0 && packet->terms.packet_max > 0);
  must(!packet->old_form || (version == SM_MQTT_VERSION_5 && packet->code != 0));
}

/* The same packet while it is still arriving. */
static void check_pieces(const uint8_t *at, sm_mqtt_version version, size_t packet_max,
                         const sm_mqtt_packet *whole) {
  size_t step = 1 + whole->held / 32;
  for (size_t len = 0; len < whole->held; len += step) {
    sm_mqtt_packet part;
    must(sm_mqtt_parse(at, len, version, packet_max, &part) == SM_MQTT_INCOMPLETE);
    must(part.size > len && part.size <= whole->held);
  }
}

static void parse_stream(const uint8_t *data, size_t size, sm_mqtt_version version,
                         size_t packet_max) {
  size_t at = 0;
  for (;;) {
    size_t there = size - at;
    sm_mqtt_packet packet;
    sm_mqtt_parsed parsed = sm_mqtt_parse(data + at, there, version, packet_max, &packet);
    if (parsed == SM_MQTT_INCOMPLETE) {
      must(packet.size > there);
      must(packet.size <= packet_max || packet.size <= SM_MQTT_HELD_MAX);
      return;
    }
    if (parsed == SM_MQTT_BREACH) {
      must(packet.problem != NULL);
      return;
    }
    must(packet.held > 0 && packet.held <= there && packet.held <= packet.size);
    must(packet.size <= packet_max || packet.held <= SM_MQTT_HELD_MAX);
    if (parsed == SM_MQTT_UNUSABLE)
      must(packet.type == SM_MQTT_PUBLISH && packet.problem != NULL);
    else if (packet.type == SM_MQTT_PUBLISH)
      check_publish(data + at, there, &packet);
    else if (packet.type == SM_MQTT_SUBACK)
      check_inside(data + at, there, packet.grants, packet.grant_count);
    else if (packet.type == SM_MQTT_CONNACK)
      check_connack(version, &packet);
    else if (packet.type == SM_MQTT_DISCONNECT)
      must(version == SM_MQTT_VERSION_5);
    check_pieces(data + at, version, packet_max, &packet);
    if (packet.size > there) return;
    at += packet.size;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const sm_mqtt_version versions[] = {SM_MQTT_VERSION_3_1_1, SM_MQTT_VERSION_5};
  for (size_t i = 0; i < 2; i++) {
    parse_stream(data, size, versions[i], (size_t)1024 * 1024);
    parse_stream(data, size, versions[i], 64); /* so that short inputs meet what is too large */
  }
  return 0;
}
