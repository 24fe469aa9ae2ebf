/* The wire format of MQTT 5 where it is not that of 3.1.1, which is in packet_test.c. */
#define TEST_VERSION SM_MQTT_VERSION_5
#include "mqtt/test_packet.h"

#include "mqtt/property.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void packets_are_encoded_as_the_standard_says(void **state) {
  (void)state;
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_mqtt_encode_connect(&out,
                         &(sm_mqtt_connect){SM_MQTT_VERSION_5, "id", NULL, NULL, 30, 258, false});
  ASSERT_ENCODED(&out, "\x10\x17\0\x04MQTT\x05\x00\0\x1e"
                       "\x08\x11\xff\xff\xff\xff\x21\x01\x02"
                       "\0\x02id");
  sm_mqtt_encode_connect(&out,
                         &(sm_mqtt_connect){SM_MQTT_VERSION_5, "id", "u", "pw", 258, 20, false});
  ASSERT_ENCODED(&out, "\x10\x1e\0\x04MQTT\x05\xc0\x01\x02"
                       "\x08\x11\xff\xff\xff\xff\x21\0\x14"
                       "\0\x02id\0\x01u\0\x02pw");
  sm_mqtt_encode_subscribe(&out, SM_MQTT_VERSION_5, 1, 0x0102, (const char *const[]){"a/#", "+"},
                           2);
  ASSERT_ENCODED(&out, "\x82\x0d\x01\x02\0\0\x03"
                       "a/#\x01\0\x01+\x01");
  sm_mqtt_encode_unsubscribe(&out, SM_MQTT_VERSION_5, 0x0102, (const char *const[]){"a/#", "+"}, 2);
  ASSERT_ENCODED(&out, "\xa2\x0b\x01\x02\0\0\x03"
                       "a/#\0\x01+");
  sm_mqtt_encode_publish(&out, SM_MQTT_VERSION_5, 7, "t/x", "hello", 5, false);
  ASSERT_ENCODED(&out, "\x32\x0d\0\x03t/x\0\x07\0hello");
  sm_buf_fini(&out);
}

static void connack_says_what_the_broker_grants(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x20\x03\x01\x00\x00", &packet), SM_MQTT_COMPLETE);
  assert_true(packet.session_present);
  assert_int_equal(packet.terms.session_expiry_s, UINT32_MAX);
  assert_int_equal(packet.terms.packet_max, UINT32_MAX);
  assert_int_equal(packet.terms.receive_max, 65535);
  assert_int_equal(packet.terms.keepalive_s, 0);
  assert_true(packet.terms.qos1 && packet.terms.wildcards && packet.terms.shared);
  assert_int_equal(
      PARSE("\x20\x2c\x00\x00\x29\x11\0\0\x0e\x10\x21\0\x14\x24\0\x25\0"
            "\x27\0\1\0\0\x22\0\x0a\x1f\0\2hi\x26\0\1k\0\1v\x28\0\x29\0\x2a\0\x13\0\x3c",
            &packet),
      SM_MQTT_COMPLETE);
  assert_int_equal(packet.terms.session_expiry_s, 3600);
  assert_int_equal(packet.terms.packet_max, 65536);
  assert_int_equal(packet.terms.receive_max, 20);
  assert_int_equal(packet.terms.keepalive_s, 60);
  assert_false(packet.terms.qos1 || packet.terms.wildcards || packet.terms.shared);
}

static void a_refusal_is_told_in_words(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x20\x03\x00\x87\x00", &packet), SM_MQTT_COMPLETE);
  assert_string_equal(sm_mqtt_code_text(SM_MQTT_VERSION_5, packet.code), "not authorised");
  assert_false(packet.old_form);
  /* A broker of 3.1.1 answers in its own form. */
  assert_int_equal(PARSE("\x20\x02\x00\x01", &packet), SM_MQTT_COMPLETE);
  assert_true(packet.old_form);
  assert_int_equal(packet.code, 1);
  for (unsigned code = 0; code < 256; code++)
    assert_true(strlen(sm_mqtt_code_text(SM_MQTT_VERSION_5, (uint8_t)code)) > 0);
  assert_string_equal(sm_mqtt_code_text(SM_MQTT_VERSION_5, 0xff),
                      "the broker has an unknown reason");
}

static void suback_puback_and_disconnect_are_read(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x90\x06\x01\x02\x00\x01\x87\x9e", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.packet_id, 0x0102);
  assert_int_equal(packet.grant_count, 3);
  assert_memory_equal(packet.grants, "\x01\x87\x9e", 3);
  assert_int_equal(PARSE("\x90\x09\x00\x01\x05\x1f\0\2no\x80", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.grant_count, 1);
  assert_int_equal(packet.grants[0], 0x80);
  assert_int_equal(PARSE("\x40\x02\xff\xff", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.code, 0);
  assert_int_equal(PARSE("\x40\x03\0\1\x10", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.code, 0x10);
  assert_int_equal(PARSE("\x40\x04\0\1\x87\0", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.code, 0x87);
  assert_int_equal(PARSE("\x40\x09\0\1\x97\x05\x1f\0\2no", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.code, 0x97);
  assert_int_equal(PARSE("\xb0\x05\0\1\0\0\x11", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.packet_id, 1);
  assert_int_equal(PARSE("\xe0\x00", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.type, SM_MQTT_DISCONNECT);
  assert_int_equal(packet.code, 0);
  assert_int_equal(PARSE("\xe0\x01\x8b", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.code, 0x8b);
  assert_int_equal(PARSE("\xe0\x08\x9c\x06\x1c\0\3h:1", &packet), SM_MQTT_COMPLETE);
}

/* Every property that a publisher may give a message. */
static const char rich[] = "\x32\x36\0\3t/x\0\7\x2c\x01\x01\x02\0\0\0\x3c\x03\0\4json\x08\0\3r/t"
                           "\x09\0\2\xff\0\x0b\x01\x0b\x80\x01\x26\0\1k\0\1v\x26\0\1k\0\1w"
                           "hi";

static void publish_is_read_behind_its_properties(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x32\x0a\0\3t/x\0\7\0hi", &packet), SM_MQTT_COMPLETE);
  assert_memory_equal(packet.topic, "t/x", 3);
  assert_int_equal(packet.packet_id, 7);
  assert_int_equal(packet.payload_len, 2);
  assert_memory_equal(packet.payload, "hi", 2);
  assert_int_equal(PARSE("\x30\x04\0\1t\0", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.payload_len, 0);
  assert_int_equal(PARSE(rich, &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.size, sizeof rich - 1);
  assert_int_equal(packet.payload_len, 2);
  assert_memory_equal(packet.payload, "hi", 2);
}

static void a_packet_in_pieces_is_incomplete_until_its_last_byte(void **state) {
  (void)state;
  for (size_t len = 0; len < sizeof rich - 1; len++) {
    sm_mqtt_packet packet;
    assert_int_equal(parse(rich, len, LARGE, &packet), SM_MQTT_INCOMPLETE);
    assert_true(packet.size > len && packet.size <= sizeof rich - 1);
  }
}

typedef struct malformed {
  const char *bytes;
  size_t len;
  const char *problem; /* a part of it */
} malformed;

#define CASE(bytes_, problem_)                                                                     \
  { bytes_, sizeof(bytes_) - 1, problem_ }

static void assert_each(const malformed *cases, size_t count, sm_mqtt_parsed wanted) {
  for (size_t i = 0; i < count; i++) {
    sm_mqtt_packet packet;
    sm_mqtt_parsed parsed = parse(cases[i].bytes, cases[i].len, LARGE, &packet);
    if (parsed != wanted || strstr(packet.problem, cases[i].problem) == NULL)
      fail_msg("case %zu (%s): %d %s", i, cases[i].problem, (int)parsed,
               packet.problem ? packet.problem : "");
  }
}

static void every_malformed_packet_is_a_breach(void **state) {
  (void)state;
  static const malformed cases[] = {
      CASE("\xf0\x01\x18", "of a kind"), /* AUTH: none was begun */
      CASE("\xb0\x03\0\1\0", "UNSUBACK has a wrong length"),
      CASE("\xb0\x04\0\0\0\0", "packet id 0"),
      CASE("\xb0\x04\0\1\2\x1f", "longer than their packet"),
      CASE("\x20\x01\x00", "CONNACK has a wrong length"),
      CASE("\x20\x02\x00\x00", "CONNACK has a wrong length"),
      CASE("\x20\x03\x00\x01\x00", "reason that it cannot have"),
      CASE("\x20\x03\x01\x87\x00", "yet has a session"),
      CASE("\x20\x03\x02\x00\x00", "reserved flags"),
      CASE("\x20\x03\x00\x00\x01", "longer than their packet"),
      CASE("\x20\x04\x00\x00\x80\x00", "longer than their packet"),
      CASE("\x20\x04\x00\x00\x00\x00", "goes on behind"),
      CASE("\x20\x06\x00\x00\x03\x21\0\0", "must not have"),
      CASE("\x20\x08\x00\x00\x05\x27\0\0\0\0", "must not have"),
      CASE("\x20\x05\x00\x00\x02\x24\x02", "must not have"),
      CASE("\x20\x05\x00\x00\x02\x21\0", "longer than its packet"),
      CASE("\x20\x09\x00\x00\x06\x21\0\1\x21\0\1", "stands twice"),
      CASE("\x20\x08\x00\x00\x05\x12\0\2id", "no place"), /* an assigned client id */
      CASE("\x20\x07\x00\x00\x04\x15\0\1x", "no place"),  /* authentication */
      CASE("\x20\x05\x00\x00\x02\x01\x01", "no place"),
      CASE("\x20\x04\x00\x00\x01\x7f", "no place"),
      CASE("\x20\x05\x00\x00\x02\xa6\x01", "no place"),
      CASE("\x20\x07\x00\x00\x04\x1f\0\1\xff", "must not have"),
      CASE("\x20\x07\x00\x00\x04\x1f\0\1\0", "must not have"),
      CASE("\x20\x08\x00\x00\x05\x26\0\1k\0", "longer than its packet"),
      CASE("\x20\x81\x80\x08", "far too long"),
      CASE("\x40\x01\x00", "PUBACK has a wrong length"),
      CASE("\x40\x03\x00\x00\x00", "packet id 0"),
      CASE("\x40\x03\x00\x01\x01", "reason that it cannot have"),
      CASE("\x40\x04\x00\x01\x00\x01", "longer than their packet"),
      CASE("\x40\x05\x00\x01\x00\x00\x00", "goes on behind"),
      CASE("\x40\x07\x00\x01\x00\x03\x21\0\1", "no place"),
      CASE("\x90\x03\x00\x01\x00", "SUBACK has a wrong length"),
      CASE("\x90\x04\x00\x00\x00\x01", "packet id 0"),
      CASE("\x90\x04\x00\x01\x00\x02", "not asked for"),
      CASE("\x90\x04\x00\x01\x00\x7f", "not asked for"),
      CASE("\x90\x04\x00\x01\x01\x1f", "longer than its packet"),
      CASE("\x90\x08\x00\x01\x05\x1f\0\2no", "SUBACK has a wrong length"),
      CASE("\xd0\x01\x00", "PINGRESP has a wrong length"),
      CASE("\xe0\x03\x8b\x02\x11", "longer than their packet"),
      CASE("\xe0\x07\x8b\x05\x11\0\0\0\1", "no place"),
      CASE("\xe1\x00", "reserved flags"),
      CASE("\x34\x06\0\1t\0\1\0", "QoS"),
      CASE("\x30\x02\0\0", "no topic"),
      CASE("\x30\x03\0\1t", "shorter than its topic"),
      CASE("\x32\x05\0\1t\0\1", "shorter than its topic"),
      CASE("\x32\x06\0\1t\0\0\0", "packet id 0"),
      CASE("\x30\x04\0\1t\1", "longer than their packet"),
      CASE("\x30\x04\0\1t\x80", "longer than their packet"),
      CASE("\x30\x05\0\1t\x80\0", "longer than their packet"),
      CASE("\x30\x08\0\1t\xff\xff\xff\xff\x01", "longer than their packet"),
      CASE("\x30\x07\0\1t\3\x23\0\1", "no place"), /* a topic alias */
      CASE("\x30\x06\0\0\3\x23\0\1", "no place"),
      CASE("\x30\x06\0\1t\2\x2a\1", "no place"),
      CASE("\x30\x08\0\1t\4\1\0\1\0", "stands twice"),
      CASE("\x30\x06\0\1t\2\x0b\x80", "longer than its packet"),
      CASE("\x30\x07\0\1t\3\x03\0\5", "longer than its packet"),
  };
  assert_each(cases, sizeof cases / sizeof cases[0], SM_MQTT_BREACH);
}

static void what_a_publisher_may_have_done_can_be_skipped(void **state) {
  (void)state;
  static const malformed cases[] = {
      CASE("\x32\x08\0\1t\0\7\2\1\2", "must not have"),
      CASE("\x32\x0a\0\1t\0\7\4\3\0\1\xff", "must not have"),
      CASE("\x32\x0a\0\1t\0\7\4\3\0\1\0", "must not have"),
      CASE("\x32\x0a\0\1t\0\7\4\x08\0\1#", "must not have"),
      CASE("\x32\x0d\0\1t\0\7\7\x26\0\1\xff\0\1v", "must not have"),
      CASE("\x32\x08\0\1t\0\7\2\x0b\0", "must not have"),
      CASE("\x32\x06\0\1+\0\7\0", "wildcard"),
      CASE("\x32\x05\0\0\0\7\0", "empty"),
  };
  assert_each(cases, sizeof cases / sizeof cases[0], SM_MQTT_UNUSABLE);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_mqtt_packet packet;
    (void)parse(cases[i].bytes, cases[i].len, LARGE, &packet);
    assert_int_equal(packet.packet_id, 7);
    assert_int_equal(packet.size, cases[i].len);
  }
}

/* A QoS 1 PUBLISH whose properties are one pair with a value of value_len bytes, at most 65535. */
static size_t put_large(uint8_t *bytes, size_t pairs, size_t value_len, size_t payload_len) {
  size_t pair = 1 + 2 + 1 + 2 + value_len;
  size_t properties = pairs * pair;
  size_t remaining = 2 + 1 + 2 + 4 + properties + payload_len;
  size_t at = 0;
  bytes[at++] = 0x32;
  for (int i = 0; i < 4; i++)
    bytes[at++] = (uint8_t)((remaining >> (7 * i) & 0x7f) | (i < 3 ? 0x80U : 0U));
  memcpy(bytes + at, "\0\1t\0\7", 5);
  at += 5;
  for (int i = 0; i < 4; i++)
    bytes[at++] = (uint8_t)((properties >> (7 * i) & 0x7f) | (i < 3 ? 0x80U : 0U));
  for (size_t i = 0; i < pairs; i++) {
    bytes[at++] = 0x26;
    memcpy(bytes + at, "\0\1k", 3);
    at += 3;
    bytes[at++] = (uint8_t)(value_len >> 8);
    bytes[at++] = (uint8_t)value_len;
    memset(bytes + at, 'v', value_len);
    at += value_len;
  }
  memset(bytes + at, 'p', payload_len);
  return at + payload_len;
}

/* The lengths above take four bytes, which is the shortest form from 2 MiB on. */
enum { PAIRS = 40, VALUE = 60000, PAYLOAD = 5000 };

static void a_packet_too_large_for_its_properties_alone_is_skipped(void **state) {
  (void)state;
  uint8_t *bytes = malloc((size_t)PAIRS * (VALUE + 6) + PAYLOAD + 64);
  assert_non_null(bytes);
  size_t len = put_large(bytes, PAIRS, VALUE, PAYLOAD);
  sm_mqtt_packet packet;
  size_t head = 5 + 2 + 1 + 2 + 4;
  for (size_t there = 0; there < head; there++) {
    assert_int_equal(parse(bytes, there, LARGE, &packet), SM_MQTT_INCOMPLETE);
    assert_true(packet.size > there && packet.size <= head);
  }
  assert_int_equal(parse(bytes, head, LARGE, &packet), SM_MQTT_UNUSABLE);
  assert_int_equal(packet.size, len);
  assert_int_equal(packet.held, head);
  assert_int_equal(packet.packet_id, 7);
  /* Where it may be as large as that, it is good. */
  assert_int_equal(parse(bytes, len, len, &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.payload_len, PAYLOAD);
  free(bytes);
}

static void a_packet_too_large_gives_its_head(void **state) {
  (void)state;
  char *payload = malloc(300000);
  assert_non_null(payload);
  memset(payload, 'p', 300000);
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_mqtt_encode_publish(&out, SM_MQTT_VERSION_5, 9, "t/x", payload, 300000, false);
  sm_mqtt_packet packet;
  size_t head = 1 + 3 + 2 + 3 + 2 + 1;
  size_t held = head + SM_MQTT_PREFIX_MAX;
  assert_int_equal(parse(out.data, held - 1, 65536, &packet), SM_MQTT_INCOMPLETE);
  assert_int_equal(packet.size, held);
  assert_int_equal(parse(out.data, held, 65536, &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.size, head + 300000);
  assert_int_equal(packet.payload_len, SM_MQTT_PREFIX_MAX);
  assert_int_equal(packet.payload_len_sent, 300000);
  sm_buf_fini(&out);
  free(payload);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packets_are_encoded_as_the_standard_says),
      cmocka_unit_test(connack_says_what_the_broker_grants),
      cmocka_unit_test(a_refusal_is_told_in_words),
      cmocka_unit_test(suback_puback_and_disconnect_are_read),
      cmocka_unit_test(publish_is_read_behind_its_properties),
      cmocka_unit_test(a_packet_in_pieces_is_incomplete_until_its_last_byte),
      cmocka_unit_test(every_malformed_packet_is_a_breach),
      cmocka_unit_test(what_a_publisher_may_have_done_can_be_skipped),
      cmocka_unit_test(a_packet_too_large_for_its_properties_alone_is_skipped),
      cmocka_unit_test(a_packet_too_large_gives_its_head),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
