#include "api/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static json_t *object_of(const char *text) {
  json_t *object = json_loads(text, 0, NULL);
  assert_non_null(object);
  return object;
}

static void a_name_is_one_line_of_bounded_length(void **state) {
  (void)state;
  assert_true(sm_text_plain("Flat 1A", 80));
  assert_true(sm_text_plain("\xe0\xa4\x86\xe0\xa4\xb6\xe0\xa4\xbe", 3));
  assert_false(sm_text_plain("\xe0\xa4\x86\xe0\xa4\xb6\xe0\xa4\xbe", 2));
  assert_false(sm_text_plain("", 80));
  assert_false(sm_text_plain("a\nb", 80));
  assert_false(sm_text_plain("a\x7f", 80));
  assert_false(sm_text_plain("a\xc2\x85", 80)); /* a line break of C1 */
  assert_false(sm_text_plain("\xff", 80));
}

static void null_counts_as_not_given(void **state) {
  (void)state;
  json_t *object = object_of("{\"name\":null}");
  sm_problems problems = {0};
  const char *value = "before";
  sm_body_text(object, "", "name", false, 80, &value, &problems);
  sm_body_text(object, "", "absent", false, 80, &value, &problems);
  assert_string_equal(value, "before");
  assert_false(sm_problems_any(&problems));
  sm_body_text(object, "", "name", true, 80, &value, &problems);
  assert_int_equal(problems.count, 1);
  json_decref(object);
}

static void what_is_wrong_is_named_by_its_path(void **state) {
  (void)state;
  json_t *object =
      object_of("{\"device_id\":\"a.b\",\"owner\":\"nobody\",\"name\":5,\"from\":\"2026-02-30\","
                "\"at\":\"noon\",\"load\":1.2345,\"list\":{}}");
  sm_problems problems = {0};
  const char *text = NULL;
  bool has = false;
  sm_date date;
  int64_t number = 0;
  sm_body_device_id(object, "meters[2]", "device_id", &text, &problems);
  sm_body_email(object, "", "owner", &text, &problems);
  sm_body_text(object, "", "name", false, 80, &text, &problems);
  sm_body_date(object, "", "from", &has, &date, &problems);
  sm_body_instant(object, "", "at", &number, &problems);
  sm_body_milli(object, "", "load", 0, 5000, &number, &problems);
  assert_null(sm_body_list(object, "", "list", 3, &problems));
  static const char *const fields[] = {
      "meters[2].device_id", "owner", "name", "from", "at", "load", "list"};
  assert_int_equal(problems.count, sizeof fields / sizeof fields[0]);
  for (size_t i = 0; i < problems.count; i++)
    assert_string_equal(problems.item[i].field, fields[i]);
  assert_null(text);
  assert_false(has);
  assert_int_equal(number, 0);
  json_decref(object);
}

static void numbers_come_in_thousandths_without_loss(void **state) {
  (void)state;
  json_t *object =
      object_of("{\"a\":1.001,\"b\":5,\"c\":0.3,\"d\":5.001,\"e\":\"5\",\"f\":-1,\"g\":1e300}");
  static const struct {
    const char *name;
    bool good;
    int64_t value;
  } cases[] = {{"a", true, 1001}, {"b", true, 5000}, {"c", true, 300}, {"d", false, 0},
               {"e", false, 0},   {"f", false, 0},   {"g", false, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_problems problems = {0};
    int64_t value = 0;
    sm_body_milli(object, "", cases[i].name, 0, 5000, &value, &problems);
    assert_int_equal(sm_problems_any(&problems), !cases[i].good);
    assert_int_equal(value, cases[i].value);
  }
  json_decref(object);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_name_is_one_line_of_bounded_length),
      cmocka_unit_test(null_counts_as_not_given),
      cmocka_unit_test(what_is_wrong_is_named_by_its_path),
      cmocka_unit_test(numbers_come_in_thousandths_without_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
