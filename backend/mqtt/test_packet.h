/* For tests of the wire format. The file that includes it defines TEST_VERSION, the version that it
 * parses as, before. */
#ifndef SM_MQTT_TEST_PACKET_H
#define SM_MQTT_TEST_PACKET_H

#include "mqtt/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LARGE = 1024 * 1024 };

/* The bytes in a heap block of exactly their size, so that a sanitizer sees a read beyond. */
static inline sm_mqtt_parsed parse(const void *bytes, size_t len, size_t packet_max,
                                   sm_mqtt_packet *packet) {
  static uint8_t *block; /* kept until the next call: the packet points into it */
  free(block);
  block = malloc(len == 0 ? 1 : len);
  assert_non_null(block);
  if (len > 0) memcpy(block, bytes, len);
  return sm_mqtt_parse(block, len, TEST_VERSION, packet_max, packet);
}

#define PARSE(text_, packet_) parse((text_), sizeof(text_) - 1, LARGE, (packet_))

static inline void assert_encoded(sm_buf *buf, const void *bytes, size_t len) {
  assert_int_equal(buf->err, SM_OK);
  assert_int_equal(buf->len, len);
  assert_memory_equal(buf->data, bytes, len);
  sm_buf_clear(buf);
}

#define ASSERT_ENCODED(buf_, text_) assert_encoded((buf_), (text_), sizeof(text_) - 1)

#endif
