#include "mqtt/packet.h"

#include <string.h>

enum { STRING_MAX = 65535, REMAINING_MAX = 268435455 };

/* Packet type and its fixed flags, as the first byte. */
enum {
  FIRST_CONNECT = 0x10,
  FIRST_PUBLISH_QOS1 = 0x32,
  FIRST_PUBACK = 0x40,
  FIRST_SUBSCRIBE = 0x82,
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

static void fail(sm_buf *out) {
  if (out->err == SM_OK) out->err = SM_ERR_RANGE;
}

static void put_header(sm_buf *out, unsigned first, size_t remaining) {
  if (remaining > REMAINING_MAX) {
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

void sm_mqtt_encode_connect(sm_buf *out, const sm_mqtt_connect *connect) {
  static const uint8_t protocol_3_1_1[] = {0, 4, 'M', 'Q', 'T', 'T', 4};
  size_t remaining = sizeof protocol_3_1_1 + 3 + text_size(connect->client_id);
  unsigned flags = 0;
  if (connect->username != NULL) {
    flags |= 0x80;
    remaining += text_size(connect->username);
  }
  if (connect->password != NULL) {
    flags |= 0x40;
    remaining += text_size(connect->password);
  }
  put_header(out, FIRST_CONNECT, remaining);
  sm_buf_append(out, protocol_3_1_1, sizeof protocol_3_1_1);
  put_byte(out, flags);
  put_u16(out, connect->keepalive_s);
  put_text(out, connect->client_id);
  if (connect->username != NULL) put_text(out, connect->username);
  if (connect->password != NULL) put_text(out, connect->password);
}

void sm_mqtt_encode_subscribe(sm_buf *out, uint16_t packet_id, const char *const *filters,
                              size_t filter_count) {
  size_t remaining = 2;
  for (size_t i = 0; i < filter_count; i++) remaining += text_size(filters[i]) + 1;
  put_header(out, FIRST_SUBSCRIBE, remaining);
  put_u16(out, packet_id);
  for (size_t i = 0; i < filter_count; i++) {
    put_text(out, filters[i]);
    put_byte(out, 1);
  }
}

void sm_mqtt_encode_puback(sm_buf *out, uint16_t packet_id) {
  uint8_t bytes[4] = {FIRST_PUBACK, 2, (uint8_t)(packet_id >> 8), (uint8_t)packet_id};
  sm_buf_append(out, bytes, sizeof bytes);
}

void sm_mqtt_encode_publish(sm_buf *out, uint16_t packet_id, const char *topic, const void *payload,
                            size_t payload_len) {
  if (payload_len > REMAINING_MAX) {
    fail(out);
    return;
  }
  put_header(out, FIRST_PUBLISH_QOS1, text_size(topic) + 2 + payload_len);
  put_text(out, topic);
  put_u16(out, packet_id);
  sm_buf_append(out, payload, payload_len);
}

void sm_mqtt_encode_pingreq(sm_buf *out) {
  put_header(out, FIRST_PINGREQ, 0);
}

void sm_mqtt_encode_disconnect(sm_buf *out) {
  put_header(out, FIRST_DISCONNECT, 0);
}
