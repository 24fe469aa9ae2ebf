#define TEST_VERSION SM_MQTT_VERSION_3_1_1
#include "mqtt/test_packet.h"

#include "base/file.h"
#include "mqtt/topic.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- encoders ---- */

static void packets_are_encoded_as_the_standard_says(void **state) {
  (void)state;
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_mqtt_encode_connect(&out,
                         &(sm_mqtt_connect){SM_MQTT_VERSION_3_1_1, "id", NULL, NULL, 30, 7, false});
  ASSERT_ENCODED(&out, "\x10\x0e\0\x04MQTT\x04\x00\0\x1e\0\x02id");
  sm_mqtt_encode_connect(&out,
                         &(sm_mqtt_connect){SM_MQTT_VERSION_3_1_1, "id", "u", "pw", 258, 7, false});
  ASSERT_ENCODED(&out, "\x10\x15\0\x04MQTT\x04\xc0\x01\x02\0\x02id\0\x01u\0\x02pw");
  sm_mqtt_encode_subscribe(&out, SM_MQTT_VERSION_3_1_1, 1, 0x0102,
                           (const char *const[]){"a/#", "+"}, 2);
  ASSERT_ENCODED(&out, "\x82\x0c\x01\x02\0\x03"
                       "a/#\x01\0\x01+\x01");
  sm_mqtt_encode_subscribe(&out, SM_MQTT_VERSION_3_1_1, 0, 1, (const char *const[]){"+"}, 1);
  ASSERT_ENCODED(&out, "\x82\x06\0\x01\0\x01+\0");
  sm_mqtt_encode_unsubscribe(&out, SM_MQTT_VERSION_3_1_1, 7, (const char *const[]){"a/#"}, 1);
  ASSERT_ENCODED(&out, "\xa2\x07\0\7\0\x03"
                       "a/#");
  sm_mqtt_encode_puback(&out, 0xfffe);
  ASSERT_ENCODED(&out, "\x40\x02\xff\xfe");
  sm_mqtt_encode_publish(&out, SM_MQTT_VERSION_3_1_1, 7, "t/x", "hello", 5, false);
  ASSERT_ENCODED(&out, "\x32\x0c\0\x03t/x\0\x07hello");
  sm_mqtt_encode_pingreq(&out);
  ASSERT_ENCODED(&out, "\xc0\0");
  sm_mqtt_encode_disconnect(&out);
  ASSERT_ENCODED(&out, "\xe0\0");
  sm_buf_fini(&out);
}

static void a_text_too_long_for_its_length_field_is_not_encoded(void **state) {
  (void)state;
  char *text = malloc(65537);
  assert_non_null(text);
  memset(text, 'x', 65536);
  text[65536] = '\0';
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_mqtt_encode_publish(&out, SM_MQTT_VERSION_3_1_1, 1, text, "", 0, false);
  assert_int_equal(out.err, SM_ERR_RANGE);
  sm_buf_clear(&out);
  text[65535] = '\0';
  sm_mqtt_encode_publish(&out, SM_MQTT_VERSION_3_1_1, 1, text, "", 0, false);
  assert_int_equal(out.err, SM_OK);
  sm_mqtt_packet packet;
  assert_int_equal(parse(out.data, out.len, LARGE, &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.topic_len, 65535);
  sm_buf_fini(&out);
  free(text);
}

/* ---- what a broker sends ---- */

static void connack_is_read(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x20\x02\x01\x00", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.type, SM_MQTT_CONNACK);
  assert_int_equal(packet.size, 4);
  assert_true(packet.session_present);
  assert_int_equal(PARSE("\x20\x02\x00\x05", &packet), SM_MQTT_COMPLETE);
  assert_false(packet.session_present);
  assert_string_equal(sm_mqtt_code_text(SM_MQTT_VERSION_3_1_1, packet.code), "not authorised");
  for (unsigned code = 0; code < 256; code++)
    assert_true(strlen(sm_mqtt_code_text(SM_MQTT_VERSION_3_1_1, (uint8_t)code)) > 0);
}

static void suback_puback_and_pingresp_are_read(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x90\x04\x01\x02\x01\x80", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.packet_id, 0x0102);
  assert_int_equal(packet.grant_count, 2);
  assert_int_equal(packet.grants[0], 1);
  assert_int_equal(packet.grants[1], SM_MQTT_FAILURE);
  assert_int_equal(PARSE("\x40\x02\xff\xff", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.packet_id, 65535);
  assert_int_equal(PARSE("\xb0\x02\xff\xff", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.packet_id, 65535);
  assert_int_equal(PARSE("\xd0\x00", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.size, 2);
}

static void publish_is_read_in_place(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x3b\x09\0\x03t/x\x12\x34hi\xff", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.size, 11); /* what is behind it is left alone */
  assert_int_equal(packet.held, 11);
  assert_int_equal(packet.qos, 1);
  assert_true(packet.dup);
  assert_true(packet.retained);
  assert_int_equal(packet.packet_id, 0x1234);
  assert_int_equal(packet.topic_len, 3);
  assert_memory_equal(packet.topic, "t/x", 3);
  assert_int_equal(packet.payload_len, 2);
  assert_int_equal(packet.payload_len_sent, 2);
  assert_memory_equal(packet.payload, "hi", 2);
  assert_int_equal(PARSE("\x30\x03\0\x01t", &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.qos, 0);
  assert_int_equal(packet.packet_id, 0);
  assert_int_equal(packet.payload_len, 0);
}

static void a_packet_in_pieces_is_incomplete_until_its_last_byte(void **state) {
  (void)state;
  static const char whole[] = "\x32\x0c\0\x03t/x\0\x07hello";
  for (size_t len = 0; len < sizeof whole - 1; len++) {
    sm_mqtt_packet packet;
    assert_int_equal(parse(whole, len, LARGE, &packet), SM_MQTT_INCOMPLETE);
    assert_true(packet.size > len && packet.size <= sizeof whole - 1);
  }
}

static void every_malformed_packet_is_a_breach(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
    const char *problem; /* a part of it */
  } cases[] = {
#define CASE(bytes_, problem_) {bytes_, sizeof(bytes_) - 1, problem_}
      CASE("\x00\x00", "of a kind"),
      CASE("\x10\x00", "of a kind"),
      CASE("\x50\x02\x00\x01", "of a kind"),
      CASE("\x62\x02\x00\x01", "reserved flags"),
      CASE("\xb0\x03\x00\x01\x00", "UNSUBACK has a wrong length"),
      CASE("\xb0\x02\x00\x00", "packet id 0"),
      CASE("\xe0\x00", "of a kind"),
      CASE("\xf0\x00", "of a kind"),
      CASE("\x30\xff\xff\xff\xff", "more than four bytes"),
      CASE("\x30\x80\x80\x80\x80\x01", "more than four bytes"),
      CASE("\xd0\x80\x00", "longer than need be"),
      CASE("\x30\x83\x80\x00", "longer than need be"),
      CASE("\x21\x02\x00\x00", "reserved flags"),
      CASE("\x20\x01\x00", "CONNACK has a wrong length"),
      CASE("\x20\x03\x00\x00\x00", "CONNACK has a wrong length"),
      CASE("\x20\x02\x02\x00", "CONNACK sets reserved flags"),
      CASE("\x20\x02\x01\x05", "yet has a session"),
      CASE("\x42\x02\x00\x01", "reserved flags"),
      CASE("\x40\x03\x00\x01\x00", "PUBACK has a wrong length"),
      CASE("\x40\x02\x00\x00", "packet id 0"),
      CASE("\x92\x03\x00\x01\x00", "reserved flags"),
      CASE("\x90\x02\x00\x01", "SUBACK has a wrong length"),
      CASE("\x90\xff\x7f", "SUBACK has a wrong length"),
      CASE("\x90\x03\x00\x00\x01", "packet id 0"),
      CASE("\x90\x03\x00\x01\x02", "not asked for"),
      CASE("\x90\x03\x00\x01\x03", "not asked for"),
      CASE("\x90\x03\x00\x01\x81", "not asked for"),
      CASE("\xd0\x01\x00", "PINGRESP has a wrong length"),
      CASE("\xd1\x00", "reserved flags"),
      CASE("\x34\x05\0\x01t\0\x01", "QoS"),
      CASE("\x36\x05\0\x01t\0\x01", "QoS"),
      CASE("\x38\x03\0\x01t", "repeats a QoS 0"),
      CASE("\x30\x00", "no topic"),
      CASE("\x30\x01\x00", "no topic"),
      CASE("\x30\x03\0\x02t", "shorter than its topic"),
      CASE("\x32\x04\0\x01t\0", "shorter than its topic"),
      CASE("\x30\x7f\xff\xff", "shorter than its topic"),
      CASE("\x32\x05\0\x01t\0\0", "packet id 0"),
#undef CASE
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_mqtt_packet packet;
    sm_mqtt_parsed parsed = parse(cases[i].bytes, cases[i].len, LARGE, &packet);
    if (parsed != SM_MQTT_BREACH || strstr(packet.problem, cases[i].problem) == NULL)
      fail_msg("case %zu (%s): %d %s", i, cases[i].problem, (int)parsed,
               packet.problem ? packet.problem : "");
  }
}

static void a_publish_under_a_topic_no_one_may_use_can_be_skipped(void **state) {
  (void)state;
  static const char *const packets[] = {
      "\x32\x07\0\x03"
      "a/+\0\x07",
      "\x32\x07\0\x03"
      "#/b\0\x07",
      "\x32\x07\0\x03"
      "a\xff"
      "b\0\x07",
      "\x32\x07\0\x03"
      "\xed\xa0\x80\0\x07",
  };
  for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
    sm_mqtt_packet packet;
    assert_int_equal(parse(packets[i], 9, LARGE, &packet), SM_MQTT_UNUSABLE);
    assert_int_equal(packet.packet_id, 7);
    assert_int_equal(packet.size, 9);
    assert_non_null(packet.problem);
  }
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x32\x07\0\x03"
                         "a\0b\0\x07",
                         &packet),
                   SM_MQTT_UNUSABLE);
  assert_int_equal(PARSE("\x30\x02\0\0", &packet), SM_MQTT_UNUSABLE);
}

static void a_packet_too_large_gives_its_head(void **state) {
  (void)state;
  char *payload = malloc(300000);
  assert_non_null(payload);
  memset(payload, 'p', 300000);
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_mqtt_encode_publish(&out, SM_MQTT_VERSION_3_1_1, 9, "t/x", payload, 300000, false);
  sm_mqtt_packet packet;
  size_t head = 1 + 3 + 2 + 3 + 2;
  size_t held = head + SM_MQTT_PREFIX_MAX;
  assert_int_equal(parse(out.data, held - 1, 65536, &packet), SM_MQTT_INCOMPLETE);
  assert_int_equal(packet.size, held);
  assert_int_equal(parse(out.data, held, 65536, &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.size, head + 300000);
  assert_int_equal(packet.held, held);
  assert_int_equal(packet.payload_len, SM_MQTT_PREFIX_MAX);
  assert_int_equal(packet.payload_len_sent, 300000);
  /* Exactly the limit is held whole. */
  assert_int_equal(parse(out.data, held, out.len, &packet), SM_MQTT_INCOMPLETE);
  assert_int_equal(parse(out.data, out.len, out.len, &packet), SM_MQTT_COMPLETE);
  assert_int_equal(packet.payload_len, 300000);
  sm_buf_fini(&out);
  free(payload);
}

static void the_largest_remaining_length_needs_only_its_head(void **state) {
  (void)state;
  sm_mqtt_packet packet;
  assert_int_equal(PARSE("\x30\xff\xff\xff\x7f\0\x01", &packet), SM_MQTT_INCOMPLETE);
  assert_int_equal(packet.size, 5 + 3 + SM_MQTT_PREFIX_MAX);
}

/* ---- topics ---- */

/* In a heap block of its size, at every place of a longer one. */
static void topics_are_checked_wherever_the_bad_byte_is(void **state) {
  (void)state;
  static const char bad[] = {'\0', '+', '#', (char)0x80, (char)0xff, (char)0xc3};
  for (size_t len = 1; len <= 33; len++) {
    char *topic = malloc(len);
    assert_non_null(topic);
    memset(topic, 'a', len);
    assert_true(sm_mqtt_topic_valid(topic, len));
    for (size_t at = 0; at < len; at++) {
      for (size_t i = 0; i < sizeof bad; i++) {
        topic[at] = bad[i];
        assert_false(sm_mqtt_topic_valid(topic, len));
      }
      topic[at] = at % 2 == 0 ? '"' : ',';
      assert_true(sm_mqtt_topic_valid(topic, len));
    }
    for (size_t at = 0; at + 1 < len; at++) {
      memcpy(topic + at, "\xc3\xa9", 2);
      assert_true(sm_mqtt_topic_valid(topic, len));
      memset(topic + at, 'a', 2);
    }
    free(topic);
  }
  assert_false(sm_mqtt_topic_valid("", 0));
}

static bool is_filter(const char *text) {
  return sm_mqtt_filter_valid(text, strlen(text));
}

static void filters_are_checked(void **state) {
  (void)state;
  static const char *const good[] = {"#",         "+",
                                     "/",         "a",
                                     "a/b",       "meters/+/telemetry",
                                     "+/+/#",     "$share/g/meters/#",
                                     "a//b",      "é/+",
                                     "$share",    "$share/g//",
                                     "a/$share/+"};
  static const char *const bad[] = {"",          "a#",         "#/a",         "a/#/b",
                                    "a+",        "+a",         "a/+b/c",      "##",
                                    "\xff",      "$share/",    "$share/g",    "$share/g/",
                                    "$share//a", "$share/+/a", "$share/g#/a", "$share/g/a+"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(is_filter(good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(is_filter(bad[i]));
  assert_false(sm_mqtt_filter_valid("a\0b", 3));
  assert_string_equal(sm_mqtt_filter_unshared("$share/g/meters/#"), "meters/#");
  assert_string_equal(sm_mqtt_filter_unshared("meters/#"), "meters/#");
  assert_true(sm_mqtt_group_valid("bill-server", 11));
  assert_false(sm_mqtt_group_valid("", 0));
  assert_false(sm_mqtt_group_valid("a/b", 3));
  assert_false(sm_mqtt_group_valid("a+", 2));
}

static bool matches(const char *filter, const char *topic) {
  size_t len = strlen(topic);
  char *block = malloc(len); /* no NUL behind it */
  assert_non_null(block);
  memcpy(block, topic, len);
  bool matched = sm_mqtt_filter_matches(filter, block, len);
  free(block);
  return matched;
}

static void filters_match_as_the_standard_says(void **state) {
  (void)state;
  static const char *const yes[][2] = {
      {"a", "a"},       {"a/b", "a/b"}, {"+", "a"},   {"a/+", "a/"},    {"+/+", "/a"},
      {"/+", "/a"},     {"#", "a/b/c"}, {"a/#", "a"}, {"a/#", "a/b/c"}, {"a/+/c", "a/b/c"},
      {"$x/+", "$x/a"}, {"+/#", "a"},   {"#", "/"},   {"+/b/#", "a/b"},
  };
  static const char *const no[][2] = {
      {"a", "b"},   {"a", "a/b"}, {"a/b", "a"},   {"+", "/a"},     {"+", "a/b"},
      {"a/+", "a"}, {"a/#", "b"}, {"#", "$x/a"},  {"+/a", "$x/a"}, {"a/+/c", "a/b"},
      {"ab", "a"},  {"a", "ab"},  {"a/+/#", "a"},
  };
  for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
    if (!matches(yes[i][0], yes[i][1])) fail_msg("%s does not match %s", yes[i][0], yes[i][1]);
  for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
    if (matches(no[i][0], no[i][1])) fail_msg("%s matches %s", no[i][0], no[i][1]);
}

/* ---- the seeds of the fuzz target ---- */

static size_t parse_all(const uint8_t *data, size_t len, sm_mqtt_version version) {
  size_t packets = 0;
  for (size_t at = 0; at < len; packets++) {
    sm_mqtt_packet packet;
    assert_int_equal(sm_mqtt_parse(data + at, len - at, version, LARGE, &packet), SM_MQTT_COMPLETE);
    at += packet.size;
    assert_true(at <= len);
  }
  return packets;
}

/* Those written by hand have a name that begins with the version that they speak; what the fuzzer
 * has kept (named by its hash) need not be good. */
static void every_seed_of_the_fuzz_target_is_read_to_its_end(void **state) {
  (void)state;
  static const char folder[] = SM_SOURCE_DIR "/fuzz/corpus/mqtt_packet";
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  size_t seeds[2] = {0, 0};
  for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
    bool v5 = strncmp(entry->d_name, "v5-", 3) == 0;
    if (!v5 && strncmp(entry->d_name, "v4-", 3) != 0) continue;
    char *path = sm_path_join(folder, entry->d_name);
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(sm_file_read(path, LARGE, &data, &len), SM_OK);
    sm_mqtt_version version = v5 ? SM_MQTT_VERSION_5 : SM_MQTT_VERSION_3_1_1;
    assert_true(parse_all((const uint8_t *)data, len, version) > 0);
    free(data);
    free(path);
    seeds[v5]++;
  }
  (void)closedir(dir);
  assert_true(seeds[0] >= 8 && seeds[1] >= 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packets_are_encoded_as_the_standard_says),
      cmocka_unit_test(a_text_too_long_for_its_length_field_is_not_encoded),
      cmocka_unit_test(connack_is_read),
      cmocka_unit_test(suback_puback_and_pingresp_are_read),
      cmocka_unit_test(publish_is_read_in_place),
      cmocka_unit_test(a_packet_in_pieces_is_incomplete_until_its_last_byte),
      cmocka_unit_test(every_malformed_packet_is_a_breach),
      cmocka_unit_test(a_publish_under_a_topic_no_one_may_use_can_be_skipped),
      cmocka_unit_test(a_packet_too_large_gives_its_head),
      cmocka_unit_test(the_largest_remaining_length_needs_only_its_head),
      cmocka_unit_test(topics_are_checked_wherever_the_bad_byte_is),
      cmocka_unit_test(filters_are_checked),
      cmocka_unit_test(filters_match_as_the_standard_says),
      cmocka_unit_test(every_seed_of_the_fuzz_target_is_read_to_its_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
