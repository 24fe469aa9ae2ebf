#include "api/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(const char *header, uint64_t size, sm_range_kind kind, uint64_t first,
                  uint64_t last) {
  sm_range range = sm_range_parse(header, size);
  assert_int_equal(range.kind, kind);
  if (kind != SM_RANGE_PART) return;
  assert_int_equal(range.first, first);
  assert_int_equal(range.last, last);
}

static void test_parts(void **state) {
  (void)state;
  check("bytes=0-0", 100, SM_RANGE_PART, 0, 0);
  check("bytes=10-", 100, SM_RANGE_PART, 10, 99);
  check("bytes=10-20", 100, SM_RANGE_PART, 10, 20);
  check("bytes=10-2000", 100, SM_RANGE_PART, 10, 99);
  check("bytes=99-", 100, SM_RANGE_PART, 99, 99);
  check("bytes=-5", 100, SM_RANGE_PART, 95, 99);
  check("bytes=-500", 100, SM_RANGE_PART, 0, 99);
  check("Bytes= 1-2 ", 100, SM_RANGE_PART, 1, 2);
}

static void test_outside(void **state) {
  (void)state;
  check("bytes=100-", 100, SM_RANGE_OUTSIDE, 0, 0);
  check("bytes=100-200", 100, SM_RANGE_OUTSIDE, 0, 0);
  check("bytes=-0", 100, SM_RANGE_OUTSIDE, 0, 0);
  check("bytes=0-", 0, SM_RANGE_OUTSIDE, 0, 0);
  check("bytes=-1", 0, SM_RANGE_OUTSIDE, 0, 0);
}

static void test_whole(void **state) {
  (void)state;
  const char *const headers[] = {NULL,
                                 "",
                                 "bytes",
                                 "bytes=",
                                 "bytes=-",
                                 "bytes=a-b",
                                 "bytes=5-4",
                                 "bytes=1-2,4-5",
                                 "bytes=1-2 x",
                                 "items=1-2",
                                 "bytes=1",
                                 "bytes=1111111111111111111-",
                                 "bytes=0-99999999999999999999",
                                 "bytes=--1"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
    check(headers[i], 100, SM_RANGE_WHOLE, 0, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_outside),
                                     cmocka_unit_test(test_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
