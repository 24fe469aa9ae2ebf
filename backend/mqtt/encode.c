#include "mqtt/packet.h"

#include "mqtt/property.h"
#include "mqtt/varint.h"

#include <string.h>

enum { STRING_MAX = 65535 };

/* Packet type and its fixed flags, as the first byte. */
enum {
  FIRST_CONNECT = 0x10,
  FIRST_PUBLISH_QOS1 = 0x32,
  FIRST_PUBACK = 0x40,
  FIRST_SUBSCRIBE = 0x82,
  FIRST_UNSUBSCRIBE = 0xa2,
  FIRST_PINGREQ = 0xc0,
  FIRST_DISCONNECT = 0xe0
};

static void put_byte(sm_buf *out, unsigned byte) {
  uint8_t b = (uint8_t)byte;
  sm_buf_append(out, &b, 1);
}

static void put_u16(sm_buf *out, uint16_t value) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  sm_buf_append(out, bytes, sizeof bytes);
}

static void put_u32(sm_buf *out, uint32_t value) {
  put_u16(out, (uint16_t)(value >> 16));
  put_u16(out, (uint16_t)value);
}

static void fail(sm_buf *out) {
  if (out->err == SM_OK) out->err = SM_ERR_RANGE;
}

static void put_header(sm_buf *out, unsigned first, size_t remaining) {
  if (remaining > SM_MQTT_VARINT_MAX) {
    fail(out);
    return;
  }
  put_byte(out, first);
  do {
    unsigned digit = (unsigned)(remaining % 128);
    remaining /= 128;
    put_byte(out, remaining > 0 ? digit | 0x80U : digit);
  } while (remaining > 0);
}

static void put_text(sm_buf *out, const char *text) {
  size_t len = strlen(text);
  if (len > STRING_MAX) {
    fail(out);
    return;
  }
  put_u16(out, (uint16_t)len);
  sm_buf_append(out, text, len);
}

static size_t text_size(const char *text) {
  return 2 + strlen(text);
}

/* A session that is kept must outlive any outage: it never expires. Topic aliases stay at none by
 * default. No maximum packet size is named: a broker drops what is larger without a word, and here
 * a message that is too large is to be refused with a reason. */
static void put_connect_properties(sm_buf *out, const sm_mqtt_connect *connect) {
  put_byte(out, SM_MQTT_PROPERTY_SESSION_EXPIRY);
  put_u32(out, connect->clean ? 0 : UINT32_MAX);
  put_byte(out, SM_MQTT_PROPERTY_RECEIVE_MAX);
  put_u16(out, connect->receive_max);
}

void sm_mqtt_encode_connect(sm_buf *out, const sm_mqtt_connect *connect) {
  static const uint8_t protocol[] = {0, 4, 'M', 'Q', 'T', 'T'};
  enum { PROPERTIES_SIZE = (1 + 4) + (1 + 2) };
  bool v5 = connect->version == SM_MQTT_VERSION_5;
  size_t remaining = sizeof protocol + 4 + text_size(connect->client_id);
  if (v5) remaining += 1 + PROPERTIES_SIZE;
  unsigned flags = connect->clean ? 0x02 : 0;
  if (connect->username != NULL) {
    flags |= 0x80;
    remaining += text_size(connect->username);
  }
  if (connect->password != NULL) {
    flags |= 0x40;
    remaining += text_size(connect->password);
  }
  put_header(out, FIRST_CONNECT, remaining);
  sm_buf_append(out, protocol, sizeof protocol);
  put_byte(out, (unsigned)connect->version); /* 4 or 5, also on the wire */
  put_byte(out, flags);
  put_u16(out, connect->keepalive_s);
  if (v5) {
    put_byte(out, PROPERTIES_SIZE);
    put_connect_properties(out, connect);
  }
  put_text(out, connect->client_id);
  if (connect->username != NULL) put_text(out, connect->username);
  if (connect->password != NULL) put_text(out, connect->password);
}

/* The empty properties of a packet that has some in version 5. */
static size_t no_properties_size(sm_mqtt_version version) {
  return version == SM_MQTT_VERSION_5 ? 1 : 0;
}

static void put_no_properties(sm_buf *out, sm_mqtt_version version) {
  if (version == SM_MQTT_VERSION_5) put_byte(out, 0);
}

/* SUBSCRIBE and UNSUBSCRIBE: filters, each with its options or without. */
static void put_filters(sm_buf *out, unsigned first, sm_mqtt_version version, uint8_t qos,
                        uint16_t packet_id, const char *const *filters, size_t filter_count) {
  bool options = first == FIRST_SUBSCRIBE;
  size_t remaining = 2 + no_properties_size(version);
  for (size_t i = 0; i < filter_count; i++) remaining += text_size(filters[i]) + (options ? 1 : 0);
  put_header(out, first, remaining);
  put_u16(out, packet_id);
  put_no_properties(out, version);
  for (size_t i = 0; i < filter_count; i++) {
    put_text(out, filters[i]);
    if (options) put_byte(out, qos); /* what else version 5 can say stays as in 3.1.1 */
  }
}

void sm_mqtt_encode_subscribe(sm_buf *out, sm_mqtt_version version, uint8_t qos, uint16_t packet_id,
                              const char *const *filters, size_t filter_count) {
  put_filters(out, FIRST_SUBSCRIBE, version, qos, packet_id, filters, filter_count);
}

void sm_mqtt_encode_unsubscribe(sm_buf *out, sm_mqtt_version version, uint16_t packet_id,
                                const char *const *filters, size_t filter_count) {
  put_filters(out, FIRST_UNSUBSCRIBE, version, 0, packet_id, filters, filter_count);
}

void sm_mqtt_encode_puback(sm_buf *out, uint16_t packet_id) {
  uint8_t bytes[4] = {FIRST_PUBACK, 2, (uint8_t)(packet_id >> 8), (uint8_t)packet_id};
  sm_buf_append(out, bytes, sizeof bytes);
}

void sm_mqtt_encode_publish(sm_buf *out, sm_mqtt_version version, uint16_t packet_id,
                            const char *topic, const void *payload, size_t payload_len,
                            bool retained) {
  if (payload_len > SM_MQTT_VARINT_MAX) {
    fail(out);
    return;
  }
  size_t before_payload = text_size(topic) + 2 + no_properties_size(version);
  put_header(out, FIRST_PUBLISH_QOS1 | (retained ? 1U : 0U), before_payload + payload_len);
  put_text(out, topic);
  put_u16(out, packet_id);
  put_no_properties(out, version);
  sm_buf_append(out, payload, payload_len);
}

void sm_mqtt_encode_pingreq(sm_buf *out) {
  put_header(out, FIRST_PINGREQ, 0);
}

void sm_mqtt_encode_disconnect(sm_buf *out) {
  put_header(out, FIRST_DISCONNECT, 0);
}
