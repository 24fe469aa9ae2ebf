#include "billing/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_left_goes_to_the_largest_remainders(void **state) {
  (void)state;
  int64_t part[3];
  /* 100 × 1/3 each: one unit is left, remainders are equal, so the first has it */
  assert_int_equal(sm_share(100, (const int64_t[]){1, 1, 1}, 3, part), SM_OK);
  assert_int_equal(part[0], 34);
  assert_int_equal(part[1], 33);
  assert_int_equal(part[2], 33);
  /* 10 × 1/6, 2/6, 3/6 = 1.67, 3.33, 5: the largest remainder is the first's */
  assert_int_equal(sm_share(10, (const int64_t[]){1, 2, 3}, 3, part), SM_OK);
  assert_int_equal(part[0], 2);
  assert_int_equal(part[1], 3);
  assert_int_equal(part[2], 5);
}

static void parts_add_up_and_lie_next_to_the_exact_share(void **state) {
  (void)state;
  uint64_t random = 88172645463325252U;
  for (int round = 0; round < 2000; round++) {
    int64_t weight[12], part[12], sum = 0, whole = 0;
    size_t count = 1 + (size_t)(round % 12);
    for (size_t i = 0; i <= count; i++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      if (i == count)
        whole = (int64_t)(random % 10000000);
      else
        sum += weight[i] = (int64_t)(random % 1000000) * (int64_t)(random >> 62 != 0);
    }
    if (sum == 0) continue;
    assert_int_equal(sm_share(whole, weight, count, part), SM_OK);
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
      int64_t off = part[i] * sum - whole * weight[i];
      assert_true(off < sum && off > -sum);
      total += part[i];
    }
    assert_int_equal(total, whole);
  }
}

static void absurd_numbers_are_refused_and_large_ones_exact(void **state) {
  (void)state;
  int64_t part[2] = {7, 7};
  assert_int_equal(sm_share(-1, (const int64_t[]){1, 1}, 2, part), SM_ERR_INVALID);
  assert_int_equal(sm_share(1, (const int64_t[]){1, -1}, 2, part), SM_ERR_INVALID);
  assert_int_equal(sm_share(1, (const int64_t[]){0, 0}, 2, part), SM_ERR_INVALID);
  assert_int_equal(sm_share(1, NULL, 0, part), SM_ERR_INVALID);
  assert_int_equal(sm_share(1, (const int64_t[]){INT64_MAX, 1}, 2, part), SM_ERR_OVERFLOW);
  assert_int_equal(part[0], 7);
  assert_int_equal(sm_share(INT64_MAX, (const int64_t[]){INT64_MAX - 1, 1}, 2, part), SM_OK);
  assert_int_equal(part[0], INT64_MAX - 1);
  assert_int_equal(part[1], 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_left_goes_to_the_largest_remainders),
      cmocka_unit_test(parts_add_up_and_lie_next_to_the_exact_share),
      cmocka_unit_test(absurd_numbers_are_refused_and_large_ones_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
