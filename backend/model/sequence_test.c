#include "model/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void settle(sm_sequence *s, uint32_t epoch, uint32_t seq) {
  const sm_seq_mark mark = {.present = true, .epoch = epoch, .seq = seq};
  assert_int_equal(sm_sequence_settle(s, &mark), SM_OK);
  assert_true(sm_sequence_has(s, &mark) || s->epoch[0].range_count == SM_SEQUENCE_RANGES_MAX);
}

static void settle_first(sm_sequence *s, uint32_t epoch, uint32_t seq, uint32_t first) {
  const sm_seq_mark mark = {
      .present = true, .has_first = true, .epoch = epoch, .seq = seq, .first = first};
  assert_int_equal(sm_sequence_settle(s, &mark), SM_OK);
}

static int64_t acked(const sm_sequence *s, uint32_t epoch) {
  uint32_t seq;
  return sm_sequence_acked(s, epoch, &seq) ? (int64_t)seq : -1;
}

static void test_contiguous_only(void **state) {
  (void)state;
  sm_sequence s = {0};
  assert_int_equal(acked(&s, 7), -1);
  settle(&s, 7, 100); /* the base */
  assert_int_equal(acked(&s, 7), 100);
  settle(&s, 7, 103);
  settle(&s, 7, 102);
  assert_int_equal(acked(&s, 7), 100);
  settle(&s, 7, 101);
  assert_int_equal(acked(&s, 7), 103);
  settle(&s, 7, 99); /* below the base: settled */
  assert_int_equal(acked(&s, 7), 103);
  assert_null(s.epoch[0].ranges);
  sm_sequence_fini(&s);
}

static void test_seq_first(void **state) {
  (void)state;
  sm_sequence s = {0};
  settle_first(&s, 1, 10, 5); /* 5 to 9 are still held by the meter */
  assert_int_equal(acked(&s, 1), 4);
  for (uint32_t seq = 5; seq < 10; seq++) settle(&s, 1, seq);
  assert_int_equal(acked(&s, 1), 10);
  settle_first(&s, 1, 20, 15); /* 11 to 14 were dropped by the meter */
  assert_int_equal(acked(&s, 1), 14);
  settle_first(&s, 1, 21, 19);
  assert_int_equal(acked(&s, 1), 18);
  settle(&s, 1, 19);
  assert_int_equal(acked(&s, 1), 21);
  settle_first(&s, 1, 22, 4000000000U); /* nonsense: above its own seq */
  assert_int_equal(acked(&s, 1), 22);
  sm_sequence_fini(&s);
}

static void test_seq_first_zero_base(void **state) {
  (void)state;
  sm_sequence s = {0};
  settle_first(&s, 1, 3, 0);
  assert_int_equal(acked(&s, 1), -1);
  settle(&s, 1, 0);
  assert_int_equal(acked(&s, 1), 0);
  settle(&s, 1, 2);
  settle(&s, 1, 1);
  assert_int_equal(acked(&s, 1), 3);
  sm_sequence_fini(&s);
}

static void test_last_number(void **state) {
  (void)state;
  sm_sequence s = {0};
  settle(&s, 1, UINT32_MAX - 1);
  settle(&s, 1, UINT32_MAX);
  assert_int_equal(acked(&s, 1), UINT32_MAX);
  settle(&s, 1, UINT32_MAX);
  settle(&s, 2, UINT32_MAX - 3);
  settle(&s, 2, UINT32_MAX); /* as the end of a range */
  settle(&s, 2, UINT32_MAX - 1);
  settle(&s, 2, UINT32_MAX - 2);
  assert_int_equal(acked(&s, 2), UINT32_MAX);
  sm_sequence_fini(&s);
}

static void test_epochs(void **state) {
  (void)state;
  sm_sequence s = {0};
  for (uint32_t epoch = 1; epoch <= 4; epoch++) settle(&s, epoch, epoch * 10);
  settle(&s, 1, 11); /* heard of again: it stays */
  settle(&s, 5, 1);
  assert_int_equal(s.count, SM_SEQUENCE_EPOCHS_MAX);
  assert_int_equal(acked(&s, 1), 11);
  assert_int_equal(acked(&s, 2), -1);
  assert_int_equal(acked(&s, 5), 1);
  sm_sequence_fini(&s);
}

static void test_absent_changes_nothing(void **state) {
  (void)state;
  sm_sequence s = {0};
  const sm_seq_mark absent = {.seq = 5};
  assert_int_equal(sm_sequence_settle(&s, &absent), SM_OK);
  assert_int_equal(s.count, 0);
  assert_true(sm_sequence_has(&s, &absent));
}

/* Whatever the order and however often: against a plain array of what was settled. */
static void test_random_orders(void **state) {
  (void)state;
  enum { SPAN = 3000, ROUNDS = 20, STEPS = 9000 };
  srand(1);
  for (int round = 0; round < ROUNDS; round++) {
    sm_sequence s = {0};
    bool seen[SPAN] = {false};
    settle_first(&s, 9, 0, 0);
    seen[0] = true;
    for (int step = 0; step < STEPS; step++) {
      uint32_t seq = (uint32_t)(rand() % SPAN);
      const sm_seq_mark mark = {.present = true, .epoch = 9, .seq = seq};
      bool had = sm_sequence_has(&s, &mark);
      assert_true(!had || seen[seq]); /* never claims what was not settled */
      settle(&s, 9, seq);
      if (sm_sequence_has(&s, &mark)) seen[seq] = true;
      uint32_t upto = 0;
      while (upto + 1 < SPAN && seen[upto + 1]) upto++;
      assert_int_equal(acked(&s, 9), upto);
    }
    sm_sequence_fini(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_contiguous_only),
      cmocka_unit_test(test_seq_first),
      cmocka_unit_test(test_seq_first_zero_base),
      cmocka_unit_test(test_last_number),
      cmocka_unit_test(test_epochs),
      cmocka_unit_test(test_absent_changes_nothing),
      cmocka_unit_test(test_random_orders),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
