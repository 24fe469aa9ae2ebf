/* Thresholds as JSON: what is taken, what is refused and by which name, and that it comes back. */
#include "alerts/limits.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static json_t *parse(const char *text) {
  json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(object);
  return object;
}

static void what_is_given_is_read_over_the_rest(void **state) {
  (void)state;
  sm_alert_limits l;
  sm_problems problems = {.count = 0};
  json_t *o = parse("{\"voltage_low\":{\"below_v\":200.5,\"for_s\":120},\"silent\":{\"enabled\":"
                    "false},\"odd_hours\":{\"from\":\"22:30\",\"to\":\"06:00\",\"above_w\":500},"
                    "\"budget_money\":{\"month_total\":\"1500.00\"},\"overload\":null}");
  sm_alert_limits_default(&l);
  sm_alert_limits_read(o, "INR", &l, &problems);
  assert_int_equal(problems.count, 0);
  assert_int_equal(l.value[SM_LIMIT_LOW_AT], 200500);
  assert_int_equal(l.value[SM_LIMIT_LOW_FOR], 120000);
  assert_int_equal(l.value[SM_LIMIT_LOW_CLEAR], 60000);
  assert_int_equal(l.value[SM_LIMIT_SILENT_ON], 0);
  assert_int_equal(l.value[SM_LIMIT_ODD_FROM], 22 * 60 + 30);
  assert_int_equal(l.value[SM_LIMIT_ODD_AT], 500000);
  assert_int_equal(l.value[SM_LIMIT_BUDGET_MONEY_AT], 150000);
  assert_false(sm_alert_limits_on(&l, SM_ALERT_SILENT));
  assert_true(sm_alert_limits_on(&l, SM_ALERT_OVERLOAD));
  json_decref(o);
}

typedef struct bad_row {
  const char *text;
  const char *field;
} bad_row;

static void what_is_wrong_is_named(void **state) {
  (void)state;
  static const bad_row rows[] = {
      {"{\"nothing\":{}}", "nothing"},
      {"{\"silent\":5}", "silent"},
      {"{\"silent\":{\"after\":60}}", "silent.after"},
      {"{\"silent\":{\"after_s\":59}}", "silent.after_s"},
      {"{\"silent\":{\"after_s\":\"60\"}}", "silent.after_s"},
      {"{\"silent\":{\"after_s\":1e300}}", "silent.after_s"},
      {"{\"silent\":{\"after_s\":9223372036854775807}}", "silent.after_s"},
      {"{\"silent\":{\"enabled\":1}}", "silent.enabled"},
      {"{\"voltage_low\":{\"below_v\":200.0001}}", "voltage_low.below_v"},
      {"{\"voltage_low\":{\"below_v\":260}}", "voltage_low.below_v"},
      {"{\"odd_hours\":{\"from\":\"24:00\"}}", "odd_hours.from"},
      {"{\"odd_hours\":{\"from\":\"5:00\"}}", "odd_hours.from"},
      {"{\"odd_hours\":{\"from\":\"05:00\"}}", "odd_hours.to"},
      {"{\"night_baseload\":{\"from\":\"06:00\"}}", "night_baseload.to"},
      {"{\"budget_money\":{\"month_total\":1500}}", "budget_money.month_total"},
      {"{\"budget_money\":{\"month_total\":\"-1\"}}", "budget_money.month_total"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sm_alert_limits l;
    sm_problems problems = {.count = 0};
    json_t *o = parse(rows[i].text);
    sm_alert_limits_default(&l);
    sm_alert_limits_read(o, "INR", &l, &problems);
    if (problems.count != 1 || strcmp(problems.item[0].field, rows[i].field) != 0)
      fail_msg("%s: %zu, %s", rows[i].text, problems.count, problems.item[0].field);
    json_decref(o);
  }
}

static char *written(const sm_alert_limits *l) {
  sm_buf out;
  sm_jsonw w;
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_alert_limits_write(&w, l, "INR");
  return sm_buf_take(&out);
}

static void what_is_written_is_read_as_it_was(void **state) {
  (void)state;
  sm_alert_limits l;
  sm_alert_limits back;
  sm_alert_limits_default(&l);
  sm_alert_limits_default(&back);
  l.value[SM_LIMIT_LOW_AT] = 199999;
  l.value[SM_LIMIT_BUDGET_MONEY_AT] = 12345;
  l.value[SM_LIMIT_ODD_FROM] = 23 * 60 + 59;
  char *text = written(&l);
  assert_non_null(strstr(text, "\"below_v\":199.999"));
  assert_non_null(strstr(text, "\"month_total\":\"123.45\""));
  assert_non_null(strstr(text, "\"above_w\":null"));
  assert_non_null(strstr(text, "\"from\":\"23:59\""));
  assert_int_equal(sm_alert_limits_read_text(text, "INR", &back), SM_OK);
  assert_memory_equal(&l, &back, sizeof l);
  free(text);
}

static void what_is_kept_is_what_was_given(void **state) {
  (void)state;
  sm_buf out;
  sm_jsonw w;
  json_t *o = parse("{\"voltage_low\":{\"for_s\":0.5,\"below_v\":200.1,\"clear_s\":null},"
                    "\"silent\":{\"enabled\":true}}");
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_alert_limits_write_given(&w, o);
  assert_string_equal(sm_buf_text(&out),
                      "{\"silent\":{\"enabled\":true},\"voltage_low\":{\"below_v\":200.1,"
                      "\"for_s\":0.5}}");
  sm_buf_fini(&out);
  json_decref(o);
}

static void a_text_that_is_none_is_told(void **state) {
  (void)state;
  sm_alert_limits l;
  sm_alert_limits_default(&l);
  assert_int_equal(sm_alert_limits_read_text("[]", "INR", &l), SM_ERR_CORRUPT);
  assert_int_equal(sm_alert_limits_read_text("{", "INR", &l), SM_ERR_CORRUPT);
  assert_int_equal(sm_alert_limits_read_text("{\"x\":{}}", "INR", &l), SM_ERR_CORRUPT);
}

/* The seeds of fuzz_alert_limits are good ones. */
static void the_seeds_are_taken(void **state) {
  (void)state;
  static const char *const names[] = {"whole.json", "other.json"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[400];
    char *text = NULL;
    sm_alert_limits l;
    (void)snprintf(path, sizeof path, "%s/fuzz/corpus/alert_limits/%s", SM_SOURCE_DIR, names[i]);
    assert_int_equal(sm_file_read(path, 65536, &text, NULL), SM_OK);
    sm_alert_limits_default(&l);
    assert_int_equal(sm_alert_limits_read_text(text, "INR", &l), SM_OK);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_given_is_read_over_the_rest),
      cmocka_unit_test(what_is_wrong_is_named),
      cmocka_unit_test(what_is_written_is_read_as_it_was),
      cmocka_unit_test(what_is_kept_is_what_was_given),
      cmocka_unit_test(a_text_that_is_none_is_told),
      cmocka_unit_test(the_seeds_are_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
