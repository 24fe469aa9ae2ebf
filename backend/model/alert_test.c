/* Names, states and JSON of alerts, and quiet hours. */
#include "model/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

#include "base/clock.h"

static int64_t at(const char *text) {
  int64_t ms = 0;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &ms), SM_OK);
  return ms;
}

static void a_kind_is_found_by_its_name(void **state) {
  (void)state;
  for (int i = 0; i < SM_ALERT_KINDS; i++) {
    sm_alert_kind kind;
    assert_int_equal(sm_alert_kind_parse(sm_alert_kind_name((sm_alert_kind)i), &kind), SM_OK);
    assert_int_equal(kind, i);
  }
  sm_alert_kind kind;
  assert_int_equal(sm_alert_kind_parse("no_such", &kind), SM_ERR_NOT_FOUND);
}

static void write(const sm_alert *alert, bool person, const char *wanted) {
  sm_buf out;
  sm_jsonw w;
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_alert_write_json(&w, alert, "INR", person);
  assert_string_equal(sm_buf_text(&out), wanted);
  sm_buf_fini(&out);
}

static void an_alert_is_written_in_its_unit(void **state) {
  (void)state;
  sm_alert a = {.alert_no = 7,
                .kind = SM_ALERT_VOLTAGE_LOW,
                .device_id = "m1",
                .opened_ms = at("2026-01-29T09:45:00Z"),
                .found_ms = at("2026-01-29T09:46:00Z"),
                .value = 198300,
                .limit = 207000};
  write(
      &a, false,
      "{\"id\":7,\"kind\":\"voltage_low\",\"device_id\":\"m1\",\"subject\":null,\"state\":\"open\","
      "\"value\":198.3,\"limit\":207,\"unit\":\"V\",\"opened_at\":\"2026-01-29T09:45:00Z\","
      "\"found_at\":\"2026-01-29T09:46:00Z\",\"ended_at\":null,\"acknowledged_at\":null}");
  a.kind = SM_ALERT_BUDGET_MONEY;
  a.value = 150050;
  a.limit = 150000;
  a.acknowledged = true;
  a.acknowledged_ms = at("2026-01-29T09:47:00Z");
  memcpy(a.acknowledged_by, "u_1", 4);
  write(&a, true,
        "{\"id\":7,\"kind\":\"budget_money\",\"device_id\":\"m1\",\"subject\":null,"
        "\"state\":\"acknowledged\",\"value\":\"1500.50\",\"limit\":\"1500.00\",\"unit\":\"INR\","
        "\"opened_at\":\"2026-01-29T09:45:00Z\",\"found_at\":\"2026-01-29T09:46:00Z\","
        "\"ended_at\":null,\"acknowledged_at\":\"2026-01-29T09:47:00Z\","
        "\"acknowledged_by\":\"u_1\"}");
}

typedef struct quiet_row {
  const char *at;
  int from;
  int to;
  const char *until; /* NULL: it is not quiet */
} quiet_row;

static void quiet_hours_end_when_they_end(void **state) {
  (void)state;
  static const quiet_row rows[] = {
      {"2026-01-29T21:59:59+05:30", 22 * 60, 6 * 60, NULL},
      {"2026-01-29T22:00:00+05:30", 22 * 60, 6 * 60, "2026-01-30T06:00:00+05:30"},
      {"2026-01-30T05:59:59.999+05:30", 22 * 60, 6 * 60, "2026-01-30T06:00:00+05:30"},
      {"2026-01-30T06:00:00+05:30", 22 * 60, 6 * 60, NULL},
      {"2026-01-30T13:30:20+05:30", 13 * 60, 14 * 60, "2026-01-30T14:00:00+05:30"},
      {"2026-01-30T12:30:00+05:30", 13 * 60, 14 * 60, NULL},
      {"2026-01-30T12:30:00+05:30", 600, 600, NULL},
  };
  sm_zone *zone = NULL;
  assert_int_equal(sm_zone_new("Asia/Kolkata", &zone), SM_OK);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t ms = at(rows[i].at);
    int64_t until = sm_alert_quiet_until(zone, rows[i].from, rows[i].to, ms);
    if (until != (rows[i].until != NULL ? at(rows[i].until) : ms)) fail_msg("%s", rows[i].at);
  }
  sm_zone_free(zone);
}

/* The night in which the clock goes on from 2 to 3, and the one in which it goes back. */
static void quiet_hours_follow_a_clock_that_is_set(void **state) {
  (void)state;
  sm_zone *zone = NULL;
  assert_int_equal(sm_zone_new("Europe/Berlin", &zone), SM_OK);
  assert_true(sm_alert_quiet_until(zone, 22 * 60, 6 * 60, at("2026-03-28T23:00:00+01:00")) ==
              at("2026-03-29T06:00:00+02:00") + 3600000);
  assert_true(sm_alert_quiet_until(zone, 22 * 60, 6 * 60, at("2026-10-24T23:00:00+02:00")) ==
              at("2026-10-25T06:00:00+01:00"));
  sm_zone_free(zone);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_kind_is_found_by_its_name),
      cmocka_unit_test(an_alert_is_written_in_its_unit),
      cmocka_unit_test(quiet_hours_end_when_they_end),
      cmocka_unit_test(quiet_hours_follow_a_clock_that_is_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
