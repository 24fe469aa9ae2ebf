#include "api/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static void items_are_decoded_and_a_plus_stays_a_plus(void **state) {
  (void)state;
  sm_query query;
  const char *value;
  assert_int_equal(
      sm_query_parse(&query, "from=2026-01-01T00:00:00+05:30&a%20b=%C3%A9&&empty=&bare"), SM_OK);
  assert_int_equal(query.count, 4);
  assert_int_equal(sm_query_get(&query, "from", &value), SM_OK);
  assert_string_equal(value, "2026-01-01T00:00:00+05:30");
  assert_int_equal(sm_query_get(&query, "a b", &value), SM_OK);
  assert_string_equal(value, "\xc3\xa9");
  assert_int_equal(sm_query_get(&query, "empty", &value), SM_OK);
  assert_string_equal(value, "");
  assert_int_equal(sm_query_get(&query, "bare", &value), SM_OK);
  assert_string_equal(value, "");
  assert_int_equal(sm_query_get(&query, "limit", &value), SM_ERR_NOT_FOUND);
  sm_query_fini(&query);
}

static void no_query_and_an_empty_one_have_no_items(void **state) {
  (void)state;
  sm_query query;
  assert_int_equal(sm_query_parse(&query, NULL), SM_OK);
  assert_int_equal(query.count, 0);
  sm_query_fini(&query);
  assert_int_equal(sm_query_parse(&query, ""), SM_OK);
  assert_int_equal(query.count, 0);
  sm_query_fini(&query);
}

static void what_cannot_be_decoded_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"a=%",   "a=%4",  "a=%zz",      "a=%00",        "%00=a",
                                    "a=%ff", "a=%c3", "%ed%a0%80=", "a=%c0%afb&c=d"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_query query;
    assert_int_equal(sm_query_parse(&query, bad[i]), SM_ERR_SYNTAX);
  }
}

static void a_name_given_twice_is_nobodys(void **state) {
  (void)state;
  sm_query query;
  const char *value = "before";
  assert_int_equal(sm_query_parse(&query, "a=1&b=2&a=1"), SM_OK);
  assert_int_equal(sm_query_get(&query, "a", &value), SM_ERR_EXISTS);
  assert_string_equal(value, "before");
  assert_int_equal(sm_query_get(&query, "b", &value), SM_OK);
  sm_query_fini(&query);
}

static void more_items_than_anybody_needs_are_refused(void **state) {
  (void)state;
  char text[4 * (SM_QUERY_ITEMS_MAX + 1) + 1] = "";
  sm_query query;
  for (int i = 0; i < SM_QUERY_ITEMS_MAX; i++) strcat(text, "a=1&");
  assert_int_equal(sm_query_parse(&query, text), SM_OK);
  sm_query_fini(&query);
  strcat(text, "a=1");
  assert_int_equal(sm_query_parse(&query, text), SM_ERR_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(items_are_decoded_and_a_plus_stays_a_plus),
      cmocka_unit_test(no_query_and_an_empty_one_have_no_items),
      cmocka_unit_test(what_cannot_be_decoded_is_refused),
      cmocka_unit_test(a_name_given_twice_is_nobodys),
      cmocka_unit_test(more_items_than_anybody_needs_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
