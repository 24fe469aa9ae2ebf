#include "base/clock.h"
#include "ingest/telemetry_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a message came to: how many readings, the last one, how many refusals, the last reason. */
typedef struct outcome {
  size_t readings;
  sm_reading last;
  sm_seq_mark mark;
  size_t refusals;
  char reason[32];
  char detail[256];
  char payload[512];
} outcome;

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  outcome *o = context;
  assert_true(text_len > 0 && text[0] == '{' && text[text_len - 1] == '}');
  o->readings++;
  o->last = *reading;
  o->mark = *mark;
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  outcome *o = context;
  o->refusals++;
  o->mark = *mark;
  (void)snprintf(o->reason, sizeof o->reason, "%s", sm_refusal_word(refusal));
  (void)snprintf(o->detail, sizeof o->detail, "%s", detail);
  (void)snprintf(o->payload, sizeof o->payload, "%.*s", text_len > 500 ? 500 : (int)text_len, text);
}

static const int64_t now_ms = 1769680000000; /* 2026-01-29T09:46:40Z */

/* What the oracle came to, compared with the parser's outcome as it is told. */
static void oracle_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                           const char *text, size_t text_len) {
  outcome *o = context;
  (void)text;
  (void)text_len;
  o->readings++;
  o->last = *reading;
  o->mark = *mark;
}

static outcome judge_len(const char *payload, size_t len) {
  outcome o = {0};
  outcome other = {0};
  const sm_telemetry_message message = {.device_id = "meter-001",
                                        .payload = payload,
                                        .payload_len = len,
                                        .payload_len_sent = len,
                                        .now_ms = now_ms};
  sm_telemetry_sink sink = {.context = &o, .reading = on_reading, .refused = on_refused};
  assert_int_equal(sm_telemetry_parse(&message, &sink), SM_OK);
  sink = (sm_telemetry_sink){.context = &other, .reading = oracle_reading, .refused = on_refused};
  sm_telemetry_oracle(&message, &sink);
  assert_int_equal(o.readings, other.readings);
  assert_int_equal(o.refusals, other.refusals);
  assert_string_equal(o.reason, other.reason);
  assert_true(sm_reading_equal(&o.last, &other.last));
  assert_true(o.mark.present == other.mark.present && o.mark.seq == other.mark.seq &&
              o.mark.epoch == other.mark.epoch && o.mark.first == other.mark.first);
  return o;
}

static outcome judge(const char *payload) {
  return judge_len(payload, strlen(payload));
}

static const char good[] =
    "{\"device_id\": \"meter-001\", \"timestamp\": \"2026-01-29T09:45:00Z\", \"voltage\": 230.4, "
    "\"current\": 2.73, \"power_w\": 628.99, \"energy_kwh\": 12.345, \"power_factor\": 0.98, "
    "\"rssi\": -60}";

/* The good payload with one member's text replaced. */
static outcome judge_with(const char *was, const char *is) {
  char text[2048];
  const char *at = strstr(good, was);
  assert_non_null(at);
  (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, is, at + strlen(was));
  return judge(text);
}

static void assert_refused(outcome o, const char *reason, const char *mentions) {
  assert_int_equal(o.readings, 0);
  assert_int_equal(o.refusals, 1);
  assert_string_equal(o.reason, reason);
  assert_non_null(strstr(o.detail, mentions));
}

static void the_contract_example_becomes_integers(void **state) {
  (void)state;
  outcome o = judge(good);
  assert_int_equal(o.refusals, 0);
  assert_int_equal(o.readings, 1);
  assert_true(o.last.ts_ms == 1769679900000);
  assert_int_equal(o.last.voltage_mv, 230400);
  assert_int_equal(o.last.current_ma, 2730);
  assert_int_equal(o.last.power_mw, 628990);
  assert_int_equal(o.last.energy_wh, 12345);
  assert_int_equal(o.last.power_factor_milli, 980);
  assert_int_equal(o.last.rssi_dbm, -60);
  assert_int_equal(o.last.has, SM_READING_POWER_FACTOR | SM_READING_RSSI);
}

static void energy_is_rounded_half_away_to_wh(void **state) {
  (void)state;
  assert_int_equal(judge_with("12.345", "1.0005").last.energy_wh, 1001);
  assert_int_equal(judge_with("12.345", "1.0004999").last.energy_wh, 1000);
  assert_int_equal(judge_with("12.345", "8192.0005").last.energy_wh, 8192001);
  assert_int_equal(judge_with("12.345", "10000").last.energy_wh, 10000000);
  assert_int_equal(judge_with("12.345", "-0.0").last.energy_wh, 0);
  assert_int_equal(judge_with("12.345", "0.0005").last.energy_wh, 1);
  assert_int_equal(judge_with("12.345", "1e2").last.energy_wh, 100000);
}

static void every_missing_member_is_named(void **state) {
  (void)state;
  static const char *const members[] = {"device_id", "timestamp", "voltage",
                                        "current",   "power_w",   "energy_kwh"};
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
    assert_refused(judge_with(members[i], "x"), "missing", members[i]);
}

static void values_out_of_range_are_refused(void **state) {
  (void)state;
  assert_refused(judge_with("230.4", "500.0001"), "out_of_range", "voltage");
  assert_refused(judge_with("230.4", "-0.0001"), "out_of_range", "voltage");
  assert_refused(judge_with("2.73", "120.1"), "out_of_range", "current");
  assert_refused(judge_with("628.99", "60001"), "out_of_range", "power_w");
  assert_refused(judge_with("628.99", "1e300"), "out_of_range", "power_w");
  assert_refused(judge_with("12.345", "10000.001"), "out_of_range", "energy_kwh");
  assert_refused(judge_with("12.345", "-1"), "out_of_range", "energy_kwh");
  assert_refused(judge_with("0.98", "1.01"), "out_of_range", "power_factor");
  assert_refused(judge_with("-60", "1"), "out_of_range", "rssi");
  assert_refused(judge_with("-60", "-60, \"frequency_hz\": 44.9"), "out_of_range", "frequency_hz");
  assert_refused(judge_with("-60", "-60, \"seq\": 4294967296"), "out_of_range", "seq");
  assert_refused(judge_with("-60", "-60, \"seq\": -1"), "out_of_range", "seq");
  assert_refused(judge_with("-60", "-60, \"epoch\": 1.5"), "wrong_type", "epoch");
  assert_refused(judge_with("-60", "-60, \"seq_first\": \"1\""), "wrong_type", "seq_first");
}

static void wrong_types_are_refused(void **state) {
  (void)state;
  assert_refused(judge_with("230.4", "\"230.4\""), "wrong_type", "voltage");
  assert_refused(judge_with("230.4", "null"), "wrong_type", "voltage");
  assert_refused(judge_with("230.4", "{\"v\": 230}"), "wrong_type", "voltage");
  assert_refused(judge_with("\"meter-001\"", "7"), "wrong_type", "device_id");
  assert_refused(judge_with("\"2026-01-29T09:45:00Z\"", "1769679900"), "wrong_type", "timestamp");
}

static void what_is_not_a_json_object_is_refused(void **state) {
  (void)state;
  assert_refused(judge(""), "malformed", "not JSON");
  assert_refused(judge("hello"), "malformed", "not JSON");
  assert_refused(judge("{\"a\": 1} x"), "malformed", "not JSON");
  assert_refused(judge_with("230.4", "NaN"), "malformed", "not JSON");
  assert_refused(judge_with("230.4", "Infinity"), "malformed", "not JSON");
  assert_refused(judge("\"text\""), "malformed", "not JSON");
  assert_refused(judge_with("\"rssi\": -60", "\"voltage\": 1"), "duplicate_member", "voltage");
  assert_refused(judge_with("rssi", "a\xff"), "not_utf8", "UTF-8");
  assert_refused(judge_len("{\"a\":\"\0\"}", 9), "malformed", "not JSON");
  char deep[4096];
  memset(deep, '[', sizeof deep);
  assert_refused(judge_len(deep, sizeof deep), "nested", "deeper");
}

static void times_outside_the_window_are_refused(void **state) {
  (void)state;
  static const char was[] = "2026-01-29T09:45:00Z";
  assert_refused(judge_with(was, "1970-01-01T00:00:00Z"), "too_old", "1970");
  assert_refused(judge_with(was, "2019-12-31T23:59:59Z"), "too_old", "2019");
  assert_refused(judge_with(was, "2100-01-01T00:00:00Z"), "in_future", "2100");
  assert_refused(judge_with(was, "2026-01-29T09:51:40.001Z"), "in_future", "ahead");
  assert_int_equal(judge_with(was, "2026-01-29T09:51:40Z").readings, 1);
  assert_int_equal(judge_with(was, "2026-01-29T15:15:00+05:30").readings, 1);
  assert_refused(judge_with(was, "2026-01-29 09:45"), "bad_timestamp", "RFC 3339");
}

static void rssi_is_rounded_half_away(void **state) {
  (void)state;
  assert_int_equal(judge_with("-60", "-60.5").last.rssi_dbm, -61);
  assert_int_equal(judge_with("-60", "-60.4").last.rssi_dbm, -60);
  assert_int_equal(judge_with("-60", "-127").last.rssi_dbm, -127);
  assert_int_equal(judge_with("-60", "0").last.rssi_dbm, 0);
}

static void another_devices_reading_is_refused(void **state) {
  (void)state;
  assert_refused(judge_with("meter-001", "meter-002"), "device_mismatch", "meter-002");
}

static void unknown_members_are_ignored(void **state) {
  (void)state;
  assert_int_equal(judge_with("-60", "-60, \"x\": [1, {\"y\": null}]").readings, 1);
}

static void an_array_is_judged_element_by_element(void **state) {
  (void)state;
  char text[4096];
  (void)snprintf(text, sizeof text, "[%s, 7, %s, {\"device_id\": \"meter-001\"}]", good, good);
  outcome o = judge(text);
  assert_int_equal(o.readings, 2);
  assert_int_equal(o.refusals, 2);
  assert_string_equal(o.payload, "{\"device_id\": \"meter-001\"}"); /* as it was written */
  assert_refused(judge("[]"), "empty_array", "empty");
  assert_refused(judge("[[]]"), "not_an_object", "object");
}

static void an_array_over_500_is_refused_whole(void **state) {
  (void)state;
  size_t one = strlen(good) + 1;
  for (size_t n = 500; n <= 501; n++) {
    char *text = calloc(1, n * one + 3);
    assert_non_null(text);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
      text[at++] = i == 0 ? '[' : ',';
      memcpy(text + at, good, one - 1);
      at += one - 1;
    }
    text[at] = ']';
    outcome o = judge(text);
    assert_int_equal(o.readings, n == 500 ? 500 : 0);
    assert_int_equal(o.refusals, n == 500 ? 0 : 1);
    free(text);
  }
}

static void a_payload_over_the_limit_is_refused(void **state) {
  (void)state;
  size_t len = SM_INGEST_PAYLOAD_MAX + 1;
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, ' ', len);
  assert_refused(judge_len(text, len), "too_large", "262144");
  free(text);
}

/* Numbers are what their decimal text says, of any length, never what a double makes of it. */
static void numbers_are_as_they_read(void **state) {
  (void)state;
  assert_int_equal(judge_with("12.345", "1.00049999999999999999").last.energy_wh, 1000);
  assert_int_equal(judge_with("12.345", "1.000500000000000000000000000001").last.energy_wh, 1001);
  assert_int_equal(judge_with("12.345", "12345e-3").last.energy_wh, 12345);
  assert_int_equal(judge_with("12.345", "0.0000000000000000000012345E22").last.energy_wh, 12345);
  assert_int_equal(judge_with("12.345", "5e-4").last.energy_wh, 1);
  assert_int_equal(judge_with("12.345", "4.9e-4").last.energy_wh, 0);
  assert_int_equal(judge_with("12.345", "1e-999999999999").last.energy_wh, 0);
  assert_int_equal(judge_with("12.345", "0e999999999999").last.energy_wh, 0);
  assert_int_equal(judge_with("12.345", "-0").last.energy_wh, 0);
  assert_int_equal(judge_with("12.345", "-0e5").last.energy_wh, 0);
  assert_refused(judge_with("230.4", "500.00000000000000000000001"), "out_of_range", "voltage");
  assert_refused(judge_with("230.4", "-1e-400"), "out_of_range", "voltage");
  assert_refused(judge_with("230.4", "1e400"), "out_of_range", "voltage is 1e400");
  assert_refused(judge_with("230.4", "18446744073709551616"), "out_of_range", "voltage");
  assert_refused(judge_with("-60", "-127.0000000000000000001"), "out_of_range", "rssi");
  assert_int_equal(judge_with("-60", "-60.4996").last.rssi_dbm, -60);
  assert_refused(judge_with("-60", "-60, \"frequency_hz\": 44.99999999999999999"), "out_of_range",
                 "frequency_hz");
  assert_int_equal(judge_with("-60", "-60, \"seq\": 4294967295").mark.seq, UINT32_MAX);
  assert_refused(judge_with("-60", "-60, \"seq\": 99999999999999999999"), "out_of_range", "seq");
  assert_refused(judge_with("-60", "-60, \"seq\": 1e0"), "wrong_type", "seq");
  assert_int_equal(judge_with("-60", "-60, \"x\": [1e400, 99999999999999999999]").readings, 1);
  char text[1200];
  memset(text, '0', sizeof text);
  text[0] = '1';
  (void)snprintf(text + 1000, sizeof text - 1000, "e-998");
  assert_int_equal(judge_with("12.345", text).last.energy_wh, 10000);
  static const char *const bad[] = {"01",  "-",  "1.",  ".5",   "1e",  "1e+",   "+1",
                                    "0x1", "1f", "--1", "1.e5", "-01", "1.2.3", "1e5.0"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_refused(judge_with("230.4", bad[i]), "malformed", "not JSON");
}

static void names_and_texts_are_decoded(void **state) {
  (void)state;
  assert_int_equal(judge_with("device_id", "\\u0064evice_id").readings, 1);
  assert_int_equal(judge_with("\"meter-001\"", "\"meter\\u002d001\"").readings, 1);
  assert_int_equal(judge_with("09:45:00Z", "09\\u003a45:00\\u005A").readings, 1);
  assert_refused(judge_with("\"rssi\"", "\"\\u0072ssi\": -60, \"rssi\""), "duplicate_member",
                 "rssi");
  assert_refused(judge_with("\"rssi\": -60", "\"x\\/y\": 1, \"x/y\": 2"), "duplicate_member",
                 "x/y");
  assert_refused(judge_with("-60", "-60, \"o\": {\"\\ud83d\\ude00\": 1, \"\xf0\x9f\x98\x80\": 2}"),
                 "duplicate_member", "stands twice");
  assert_int_equal(judge_with("-60", "-60, \"o\": {\"a\": 1}, \"p\": {\"a\": 1}").readings, 1);
  static const char *const bad[] = {
      "\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud800x",       "\\u00", "\\x",
      "\\u0000", "a\x01b",  "a\nb",           "\\ud800\\u0041", "\\"};
  char text[64];
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    (void)snprintf(text, sizeof text, "-60, \"x\": \"%s\"", bad[i]);
    assert_refused(judge_with("-60", text), "malformed", "not JSON");
  }
}

/* Of several things that are wrong, which one is told does not depend on the parser. */
static void the_first_problem_is_told(void **state) {
  (void)state;
  assert_refused(judge("{\"a\":1,\"a\":2,,"), "duplicate_member", "'a'");
  assert_refused(judge("{\"a\":{\"b\":1,\"c\":2,\"b\" x"), "duplicate_member", "'b'");
  assert_refused(judge("{\"a\":1,,\"a\":2}"), "malformed", "byte 7");
  assert_refused(judge("{\"a\":1,,\"\xff"), "not_utf8", "UTF-8");
  assert_refused(judge("]{,[[[[[[[[[[[[[[[["), "malformed", "byte 0");
  assert_refused(judge("{,[[[[[[[[[[[[[[[["), "nested", "deeper");
  assert_refused(judge("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"), "not_an_object", "object");
  assert_refused(judge("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"), "nested", "deeper");
  assert_refused(judge_len("{\"a\":1\0}", 8), "malformed", "not JSON");
  assert_refused(judge_len("{\"a\":1}\0", 8), "malformed", "not JSON");
  assert_refused(judge("[1,]"), "malformed", "value");
  assert_refused(judge("{\"a\":1,}"), "malformed", "member");
  assert_refused(judge("[tru]"), "malformed", "value");
}

/* As many names as a payload can hold, none of them twice, and then one: it takes no longer than
 * sorting them. */
static void many_unknown_members_are_compared(void **state) {
  (void)state;
  enum { NAMES = 20000 };
  char *text = malloc((size_t)NAMES * 12 + sizeof good + 32);
  assert_non_null(text);
  size_t at = sizeof good - 2;
  memcpy(text, good, at);
  for (int i = 0; i < NAMES; i++) at += (size_t)sprintf(text + at, ",\"%05x\":0", (unsigned)i);
  memcpy(text + at, "}", 2);
  assert_int_equal(judge(text).readings, 1);
  memcpy(text + at, ",\"00abc\":0}", 12);
  assert_refused(judge(text), "duplicate_member", "'00abc'");
  free(text);
}

static void topics_are_taken_apart(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "meters/",
                                    "meters/a",
                                    "meters//telemetry",
                                    "meters/a.b/telemetry",
                                    "meters/a/telemetry/x",
                                    "x/a/telemetry",
                                    "meters/a/command"};
  sm_topic topic;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_topic_parse(bad[i], strlen(bad[i]), &topic);
    assert_int_equal(topic.kind, SM_TOPIC_OTHER);
    assert_string_equal(topic.device_id, "");
  }
  sm_topic_parse("meters/Meter_1-x/telemetry", 26, &topic);
  assert_int_equal(topic.kind, SM_TOPIC_TELEMETRY);
  assert_string_equal(topic.device_id, "Meter_1-x");
  sm_topic_parse("meters/m/status", 15, &topic);
  assert_int_equal(topic.kind, SM_TOPIC_STATUS);
}

static void test_place_in_the_sequence(void **state) {
  (void)state;
  outcome o = judge("{\"device_id\":\"meter-001\",\"timestamp\":\"2026-01-29T09:45:00Z\","
                    "\"voltage\":230,\"current\":1,\"power_w\":1,\"energy_kwh\":1,"
                    "\"seq\":7,\"epoch\":3,\"seq_first\":5}");
  assert_int_equal(o.readings, 1);
  assert_true(o.mark.present && o.mark.has_first);
  assert_int_equal(o.mark.seq, 7);
  assert_int_equal(o.mark.epoch, 3);
  assert_int_equal(o.mark.first, 5);

  o = judge("{\"seq\":8,\"voltage\":9000}"); /* refused, and settled all the same */
  assert_int_equal(o.refusals, 1);
  assert_true(o.mark.present && !o.mark.has_first);
  assert_int_equal(o.mark.seq, 8);
  assert_int_equal(o.mark.epoch, 0);

  o = judge("{\"seq\":8,\"epoch\":-1}"); /* of an epoch that cannot be: of none */
  assert_int_equal(o.refusals, 1);
  assert_false(o.mark.present);
  o = judge("{\"epoch\":1,\"seq_first\":2}");
  assert_false(o.mark.present || o.mark.has_first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_place_in_the_sequence),
      cmocka_unit_test(the_contract_example_becomes_integers),
      cmocka_unit_test(energy_is_rounded_half_away_to_wh),
      cmocka_unit_test(every_missing_member_is_named),
      cmocka_unit_test(values_out_of_range_are_refused),
      cmocka_unit_test(wrong_types_are_refused),
      cmocka_unit_test(what_is_not_a_json_object_is_refused),
      cmocka_unit_test(times_outside_the_window_are_refused),
      cmocka_unit_test(rssi_is_rounded_half_away),
      cmocka_unit_test(another_devices_reading_is_refused),
      cmocka_unit_test(unknown_members_are_ignored),
      cmocka_unit_test(an_array_is_judged_element_by_element),
      cmocka_unit_test(an_array_over_500_is_refused_whole),
      cmocka_unit_test(a_payload_over_the_limit_is_refused),
      cmocka_unit_test(numbers_are_as_they_read),
      cmocka_unit_test(names_and_texts_are_decoded),
      cmocka_unit_test(the_first_problem_is_told),
      cmocka_unit_test(many_unknown_members_are_compared),
      cmocka_unit_test(topics_are_taken_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
