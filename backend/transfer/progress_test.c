#include "transfer/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void counts_are_grouped(void **state) {
  (void)state;
  char out[SM_COUNT_TEXT_MAX];
  assert_string_equal(sm_count_text(0, out), "0");
  assert_string_equal(sm_count_text(999, out), "999");
  assert_string_equal(sm_count_text(1000, out), "1,000");
  assert_string_equal(sm_count_text(1234567, out), "1,234,567");
  assert_string_equal(sm_count_of(1, "entry", out), "1 entry");
  assert_string_equal(sm_count_of(0, "entry", out), "0 entries");
  assert_string_equal(sm_count_of(UINT64_MAX, "0123456789abcdef", out),
                      "18,446,744,073,709,551,615 0123456789abcdefs");
  assert_string_equal(sm_count_text(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

static void the_bar_says_how_far_and_how_long(void **state) {
  (void)state;
  char out[SM_PROGRESS_TEXT_MAX];
  const sm_progress_point half = {.count = 500000, .done = 50, .total = 100};
  assert_string_equal(sm_progress_text("importing", "rows", half, 2000, out),
                      "importing [############            ] 50 %, 500,000 rows, 250,000 rows/s, "
                      "0:02 left");
  const sm_progress_point unknown = {.count = 10};
  assert_string_equal(sm_progress_text("importing", "rows", unknown, 5000, out),
                      "importing 10 rows, 2 rows/s");
  const sm_progress_point far = {.count = 1, .done = 1, .total = 4000};
  assert_non_null(strstr(sm_progress_text("x", "y", far, 1000, out), "1:06:39 left"));
  const sm_progress_point past = {.count = 1, .done = 200, .total = 100};
  assert_non_null(strstr(sm_progress_text("x", "y", past, 1000, out), "100 %"));
  assert_string_equal(sm_progress_text("checking the readings", "", half, 2000, out),
                      "checking the readings [############            ] 50 %, 0:02 left");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_are_grouped),
      cmocka_unit_test(the_bar_says_how_far_and_how_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
