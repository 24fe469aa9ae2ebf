/* What the meter sends is, byte for byte, what contracts/payloads says: those of them that are as a
 * meter writes. */
#include "core/telemetry.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t number(const json_t *reading, const char *name) {
  return json_integer_value(json_object_get(reading, name));
}

static bool has(const json_t *reading, const char *name) {
  return json_object_get(reading, name) != NULL;
}

/* The times of these files, all on one day. */
static uint32_t wall_of(const json_t *reading) {
  static const char day[] = "2026-01-29T";
  const char *text = json_string_value(json_object_get(reading, "timestamp"));
  unsigned h;
  unsigned m;
  unsigned s;
  assert_non_null(text);
  assert_memory_equal(text, day, strlen(day));
  assert_int_equal(sscanf(text + strlen(day), "%2u:%2u:%2u", &h, &m, &s), 3);
  return 1769644800U + h * 3600 + m * 60 + s;
}

static edge_reading reading_of(const json_t *r) {
  return (edge_reading){.wall_s = wall_of(r),
                        .voltage_mv = (int32_t)number(r, "voltage_mv"),
                        .current_ma = (int32_t)number(r, "current_ma"),
                        .power_mw = (int32_t)number(r, "power_mw"),
                        .energy_wh = number(r, "energy_wh"),
                        .has_power_factor = has(r, "power_factor_milli"),
                        .has_rssi = has(r, "rssi_dbm"),
                        .has_frequency = has(r, "frequency_mhz"),
                        .has_seq = has(r, "seq"),
                        .power_factor_milli = (int32_t)number(r, "power_factor_milli"),
                        .rssi_dbm = (int32_t)number(r, "rssi_dbm"),
                        .frequency_mhz = (int32_t)number(r, "frequency_mhz"),
                        .seq = (uint32_t)number(r, "seq"),
                        .epoch = (uint32_t)number(r, "epoch"),
                        .seq_first = (uint32_t)number(r, "seq_first")};
}

static void check_file(const char *name, const char *fw) {
  char path[512];
  json_error_t error;
  (void)snprintf(path, sizeof path, "%s/contracts/payloads/%s", SM_SOURCE_DIR, name);
  json_t *golden = json_load_file(path, 0, &error);
  if (golden == NULL) fail_msg("%s: %s", path, error.text);
  const json_t *results = json_object_get(golden, "results");
  const char *device_id = json_string_value(json_object_get(golden, "device_id"));
  size_t count = json_array_size(results);
  char room[4096];
  edge_text text = edge_text_in(room, sizeof room);
  if (count > 1) edge_text_add(&text, "[");
  for (size_t i = 0; i < count; i++) {
    edge_reading reading = reading_of(json_object_get(json_array_get(results, i), "reading"));
    /* What the server keeps of a reading says nothing of a question. */
    const char *asks = strstr(json_string_value(json_object_get(golden, "payload")), "\"asks\": ");
    if (asks != NULL) reading.asks = (uint32_t)strtoul(asks + strlen("\"asks\": "), NULL, 10);
    reading.has_asks = asks != NULL;
    if (i > 0) edge_text_add(&text, ", ");
    size_t before = text.len;
    edge_telemetry_add(&text, device_id, &reading, fw);
    assert_true(text.len - before <= EDGE_TELEMETRY_MAX);
  }
  if (count > 1) edge_text_add(&text, "]");
  assert_false(text.full);
  assert_string_equal(room, json_string_value(json_object_get(golden, "payload")));
  json_decref(golden);
}

static void golden_payloads_come_out(void **state) {
  (void)state;
  check_file("01-contract-example.json", NULL);
  check_file("02-only-required.json", NULL);
  check_file("03-all-members.json", "1.2.0");
  check_file("28-meter-reading.json", NULL);
  check_file("29-meter-backlog.json", NULL);
  check_file("30-meter-question.json", NULL);
}

static void the_longest_one_fits(void **state) {
  (void)state;
  char room[EDGE_TELEMETRY_MAX + 1];
  char device_id[EDGE_DEVICE_ID_MAX + 1];
  memset(device_id, 'm', EDGE_DEVICE_ID_MAX);
  device_id[EDGE_DEVICE_ID_MAX] = '\0';
  edge_reading reading = {.wall_s = UINT32_MAX,
                          .voltage_mv = 499999,
                          .current_ma = 119999,
                          .power_mw = 59999999,
                          .energy_wh = 9999999,
                          .has_power_factor = true,
                          .power_factor_milli = 999,
                          .has_rssi = true,
                          .rssi_dbm = -127,
                          .has_frequency = true,
                          .frequency_mhz = 49999,
                          .has_seq = true,
                          .seq = UINT32_MAX,
                          .epoch = UINT32_MAX,
                          .seq_first = UINT32_MAX,
                          .has_asks = true,
                          .asks = UINT32_MAX};
  edge_text text = edge_text_in(room, sizeof room);
  edge_telemetry_add(&text, device_id, &reading, "255.255.255-rc255");
  assert_false(text.full);
}

static void times_are_those_of_the_calendar(void **state) {
  (void)state;
  static const struct {
    uint32_t wall_s;
    const char *text;
  } known[] = {{0, "1970-01-01T00:00:00Z"},          {951782399, "2000-02-28T23:59:59Z"},
               {951782400, "2000-02-29T00:00:00Z"},  {1709164800, "2024-02-29T00:00:00Z"},
               {1767225599, "2025-12-31T23:59:59Z"}, {4107542400, "2100-03-01T00:00:00Z"},
               {UINT32_MAX, "2106-02-07T06:28:15Z"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    char room[32];
    edge_text text = edge_text_in(room, sizeof room);
    edge_text_add_time(&text, known[i].wall_s);
    assert_string_equal(room, known[i].text);
  }
}

static void text_that_does_not_fit_is_left_out(void **state) {
  (void)state;
  char room[6] = "xxxxx";
  edge_text text = edge_text_in(room, 5);
  edge_text_add(&text, "abc");
  edge_text_add(&text, "de");
  assert_true(text.full);
  assert_string_equal(room, "abc");
  assert_int_equal(room[5], 0);
  edge_text_add_decimal(&text, -5, 1);
  assert_string_equal(room, "abc-");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_payloads_come_out),
      cmocka_unit_test(the_longest_one_fits),
      cmocka_unit_test(times_are_those_of_the_calendar),
      cmocka_unit_test(text_that_does_not_fit_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
