/* The wire format of MQTT 5 and 3.1.1 as far as a subscriber needs it: encoders that append to an
 * sm_buf, and a parser of what a broker sends. Pure: no I/O, no memory of its own, no state.
 *
 * The parser works in place on a byte buffer that grows at its end, and is strict: what the
 * standard forbids, or a broker has no reason to send here (QoS 2, a topic alias, AUTH: none was
 * ever asked for), is a breach and the connection has to end. One thing is softer: a well-framed
 * PUBLISH whose topic or texts no one may use (wildcard, NUL, bad UTF-8) is `UNUSABLE`, not a
 * breach. A broker that does not check them would otherwise let any one client end the server's
 * connection again with every redelivery. */
#ifndef SM_MQTT_PACKET_H
#define SM_MQTT_PACKET_H

#include "base/buf.h"
#include "mqtt/subscriber.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Encoders; `version` is SM_MQTT_VERSION_3_1_1 or SM_MQTT_VERSION_5. An unencodable text (over
 * 65,535 bytes) or packet sticks in out->err as SM_ERR_RANGE. */
typedef struct sm_mqtt_connect {
  sm_mqtt_version version;
  const char *client_id;
  const char *username; /* NULL: none */
  const char *password; /* NULL: none; only with a username */
  uint16_t keepalive_s;
  uint16_t receive_max; /* of version 5; over 0 */
  bool clean; /* what the broker holds of an earlier session is dropped, and so is this one in the
                 end */
} sm_mqtt_connect;

/* Unless `clean`: clean session (5: clean start) off; 5: a session that does not expire. */
void sm_mqtt_encode_connect(sm_buf *out, const sm_mqtt_connect *connect);
/* Every filter with this QoS. */
void sm_mqtt_encode_subscribe(sm_buf *out, sm_mqtt_version version, uint8_t qos, uint16_t packet_id,
                              const char *const *filters, size_t filter_count);
void sm_mqtt_encode_unsubscribe(sm_buf *out, sm_mqtt_version version, uint16_t packet_id,
                                const char *const *filters, size_t filter_count);
/* The same bytes in both versions: the short form of 5 means success. */
void sm_mqtt_encode_puback(sm_buf *out, uint16_t packet_id);
/* QoS 1. */
void sm_mqtt_encode_publish(sm_buf *out, sm_mqtt_version version, uint16_t packet_id,
                            const char *topic, const void *payload, size_t payload_len,
                            bool retained);
void sm_mqtt_encode_pingreq(sm_buf *out);
void sm_mqtt_encode_disconnect(sm_buf *out);

typedef enum sm_mqtt_type {
  SM_MQTT_CONNACK = 2,
  SM_MQTT_PUBLISH = 3,
  SM_MQTT_PUBACK = 4,
  SM_MQTT_SUBACK = 9,
  SM_MQTT_UNSUBACK = 11,
  SM_MQTT_PINGRESP = 13,
  SM_MQTT_DISCONNECT = 14 /* of version 5 */
} sm_mqtt_type;

enum {
  SM_MQTT_PREFIX_MAX = 4096, /* bytes of payload kept of a packet that is too large */
  /* Bytes of properties looked at in a packet that is too large; with more it is unusable. */
  SM_MQTT_PROPERTIES_MAX = 65536,
  /* The most that must be in the buffer at once for any packet_max: a header, the longest topic, an
     id, properties with their length, and the kept prefix. */
  SM_MQTT_HELD_MAX = 5 + 2 + 65535 + 2 + 4 + SM_MQTT_PROPERTIES_MAX + SM_MQTT_PREFIX_MAX,
  SM_MQTT_FAILURE = 0x80, /* reason codes and grants from here on are refusals */
  SM_MQTT_CODE_BAD_VERSION = 0x84
};

/* What a broker grants with its CONNACK. Version 3.1.1 has no such thing: the defaults of 5. */
typedef struct sm_mqtt_terms {
  uint32_t session_expiry_s; /* UINT32_MAX: never, also where it says nothing: as asked for */
  uint32_t packet_max;       /* bytes of a packet that it takes; UINT32_MAX: any */
  uint16_t receive_max;      /* QoS 1 messages that it takes before it has answered the first */
  uint16_t keepalive_s;      /* instead of the one asked for; 0: as asked for */
  bool qos1;
  bool wildcards;
  bool shared;
} sm_mqtt_terms;

/* One packet; the pointers are into the buffer that was parsed. Only what its type has is set. */
typedef struct sm_mqtt_packet {
  sm_mqtt_type type;
  size_t size; /* on the wire, all of it; of an incomplete one: bytes the parser needs to go on */
  size_t held; /* bytes of it that the parser wanted to see; under `size` only if it is too large */
  const char *problem; /* static text: what is wrong with a breach or an unusable packet */
  uint16_t packet_id;  /* 0 if it has none */

  uint8_t code; /* CONNACK, PUBACK, DISCONNECT: why, 0 is success; see sm_mqtt_code_text. UNSUBACK
                   of version 5: its first failure, else 0 */
  bool session_present; /* CONNACK */
  bool old_form; /* CONNACK: a broker of 3.1.1 refuses 5 in its own form; `code` is of 3.1.1 */
  sm_mqtt_terms terms;

  const uint8_t *grants; /* SUBACK: 0, 1 or from SM_MQTT_FAILURE a filter */
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
 * as soon as its topic, its properties and the first SM_MQTT_PREFIX_MAX bytes of its payload are
 * there: `size` may then be more than len. */
sm_mqtt_parsed sm_mqtt_parse(const uint8_t *bytes, size_t len, sm_mqtt_version version,
                             size_t packet_max, sm_mqtt_packet *packet);

/* What a code says, in words: version 3.1.1 has return codes in CONNACK, and 0x80 in SUBACK;
 * version 5 has one list of reason codes for all packets. */
const char *sm_mqtt_code_text(sm_mqtt_version version, uint8_t code);

#endif
