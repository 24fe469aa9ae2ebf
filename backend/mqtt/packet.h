/* The wire format of MQTT 3.1.1 as far as a subscriber needs it: encoders that append to an sm_buf,
 * and a parser of what a broker sends. Pure: no I/O, no memory of its own, no state.
 *
 * The parser works in place on a byte buffer that grows at its end, and is strict: what the
 * standard forbids, or a broker has no reason to send here (QoS 2 was never asked for), is a breach
 * and the connection has to end. One thing is softer: a well-framed PUBLISH whose topic no one may
 * use (wildcard, NUL, bad UTF-8) is `UNUSABLE`, not a breach. A broker that does not check topics
 * would otherwise let any one client end the server's connection again with every redelivery. */
#ifndef SM_MQTT_PACKET_H
#define SM_MQTT_PACKET_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Encoders. An unencodable text (over 65,535 bytes) or packet sticks in out->err as SM_ERR_RANGE.
 */
typedef struct sm_mqtt_connect {
  const char *client_id;
  const char *username; /* NULL: none */
  const char *password; /* NULL: none; only with a username */
  uint16_t keepalive_s;
} sm_mqtt_connect;

void sm_mqtt_encode_connect(sm_buf *out, const sm_mqtt_connect *connect); /* clean session off */
/* Every filter with QoS 1. */
void sm_mqtt_encode_subscribe(sm_buf *out, uint16_t packet_id, const char *const *filters,
                              size_t filter_count);
void sm_mqtt_encode_puback(sm_buf *out, uint16_t packet_id);
/* QoS 1, not retained. */
void sm_mqtt_encode_publish(sm_buf *out, uint16_t packet_id, const char *topic, const void *payload,
                            size_t payload_len);
void sm_mqtt_encode_pingreq(sm_buf *out);
void sm_mqtt_encode_disconnect(sm_buf *out);

typedef enum sm_mqtt_type {
  SM_MQTT_CONNACK = 2,
  SM_MQTT_PUBLISH = 3,
  SM_MQTT_PUBACK = 4,
  SM_MQTT_SUBACK = 9,
  SM_MQTT_PINGRESP = 13
} sm_mqtt_type;

enum {
  SM_MQTT_PREFIX_MAX = 4096, /* bytes of payload kept of a packet that is too large */
  /* The most that must be in the buffer at once for any packet_max: a header, the longest topic, an
     id and the kept prefix. */
  SM_MQTT_HELD_MAX = 5 + 2 + 65535 + 2 + SM_MQTT_PREFIX_MAX,
  SM_MQTT_GRANT_REFUSED = 0x80
};

/* One packet; the pointers are into the buffer that was parsed. Only what its type has is set. */
typedef struct sm_mqtt_packet {
  sm_mqtt_type type;
  size_t size; /* on the wire, all of it; of an incomplete one: bytes the parser needs to go on */
  size_t held; /* bytes of it that the parser wanted to see; under `size` only if it is too large */
  const char *problem; /* static text: what is wrong with a breach or an unusable packet */
  uint16_t packet_id;  /* 0 if it has none */

  bool session_present; /* CONNACK */
  uint8_t return_code;

  const uint8_t *grants; /* SUBACK: 0, 1 or SM_MQTT_GRANT_REFUSED a filter */
  size_t grant_count;

  const char *topic; /* PUBLISH */
  size_t topic_len;
  const char *payload;
  size_t payload_len;      /* bytes at `payload` */
  size_t payload_len_sent; /* bytes that belong to it on the wire */
  uint8_t qos;             /* 0 or 1 */
  bool dup;
  bool retained;
} sm_mqtt_packet;

typedef enum sm_mqtt_parsed {
  SM_MQTT_COMPLETE,   /* a packet; the next one begins at `size` */
  SM_MQTT_INCOMPLETE, /* nothing wrong so far; `size` > len bytes are needed to say more */
  SM_MQTT_UNUSABLE,   /* a PUBLISH that must not be used; may be acknowledged and skipped */
  SM_MQTT_BREACH      /* the connection must end */
} sm_mqtt_parsed;

/* Looks at the packet that begins at bytes[0]. A PUBLISH of more than packet_max bytes is complete
 * as soon as its topic and the first SM_MQTT_PREFIX_MAX bytes of its payload are there: `size` may
 * then be more than len. */
sm_mqtt_parsed sm_mqtt_parse(const uint8_t *bytes, size_t len, size_t packet_max,
                             sm_mqtt_packet *packet);

/* What a CONNACK return code means, in words. */
const char *sm_mqtt_return_code_text(uint8_t return_code);

#endif
