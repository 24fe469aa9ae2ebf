#include "model/firmware.h"

#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char sha256[] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

static void test_names(void **state) {
  (void)state;
  assert_true(sm_firmware_name_valid("1.3.0-rc1+x_Y", 13));
  assert_true(sm_firmware_name_valid("12345678901234567890123456789012", 32));
  assert_false(sm_firmware_name_valid("123456789012345678901234567890123", 33));
  assert_false(sm_firmware_name_valid("", 0));
  assert_false(sm_firmware_name_valid("a b", 3));
  assert_false(sm_firmware_name_valid("a/b", 3));
  assert_false(sm_firmware_name_valid("a\0b", 3));
}

static void test_words(void **state) {
  (void)state;
  for (unsigned i = 0; i < SM_FIRMWARE_PHASES; i++) {
    sm_firmware_phase phase = SM_FIRMWARE_PHASES;
    assert_int_equal(sm_firmware_phase_parse(sm_firmware_phase_name((sm_firmware_phase)i), &phase),
                     SM_OK);
    assert_int_equal(phase, i);
  }
  sm_firmware_phase phase;
  assert_int_equal(sm_firmware_phase_parse("idle", &phase), SM_ERR_SYNTAX);
  assert_int_equal(sm_firmware_phase_of(SM_FIRMWARE_TAKEN), SM_FIRMWARE_UNDER_WAY);
  assert_int_equal(sm_firmware_phase_of(SM_FIRMWARE_CONFIRMED), SM_FIRMWARE_RUNS);
  assert_int_equal(sm_firmware_phase_of(SM_FIRMWARE_BAD_SIGNATURE), SM_FIRMWARE_FAULTY);
  assert_int_equal(sm_firmware_phase_of(SM_FIRMWARE_FAILED), SM_FIRMWARE_FAULTY);
  assert_int_equal(sm_firmware_phase_of(SM_FIRMWARE_TOO_FAR), SM_FIRMWARE_UNSUITED);
  assert_string_equal(sm_firmware_result_name(SM_FIRMWARE_EXPIRED), "expired");
  assert_string_equal(sm_firmware_state_name(SM_FIRMWARE_TRIAL), "trial");
}

static void test_stages(void **state) {
  (void)state;
  sm_firmware_rule rule = {.share = 90};
  assert_int_equal(sm_firmware_stages_parse("1,10,100", &rule), SM_OK);
  assert_int_equal(rule.stages, 3);
  assert_int_equal(rule.stage[0], 1);
  assert_int_equal(rule.stage[2], 100);
  assert_int_equal(rule.share, 90);
  static const char *const bad[] = {"",
                                    "0",
                                    "101",
                                    "10,10",
                                    "10,1",
                                    "1,",
                                    ",1",
                                    "a",
                                    "1;2",
                                    "-1",
                                    "1.5",
                                    "1 ,2",
                                    "1,2,3,4,5,6,7,8,9,10,11"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(sm_firmware_stages_parse(bad[i], &rule), SM_ERR_SYNTAX);
    assert_int_equal(rule.stages, 3);
  }
}

static const sm_firmware_rule rule = {
    .stage = {1, 10, 100}, .stages = 3, .share = 90, .failed = 10, .least = 5, .hold_ms = 1000};

static sm_firmware_step judge(uint64_t open, uint64_t runs, uint64_t failed, size_t stage,
                              int64_t now_ms) {
  const sm_firmware_counts counts = {
      .phase = {open, 0, runs, failed, 3}, .failed_lately = failed, .confirmed_lately = runs};
  return sm_firmware_judge(&rule, stage, 0, &counts, now_ms);
}

static void test_judge(void **state) {
  (void)state;
  assert_int_equal(judge(1, 0, 0, 0, 5000), SM_FIRMWARE_STAY); /* nobody has said anything */
  assert_int_equal(judge(0, 1, 0, 0, 5000), SM_FIRMWARE_GO_ON);
  assert_int_equal(judge(0, 1, 0, 0, 999), SM_FIRMWARE_STAY);  /* held */
  assert_int_equal(judge(0, 1, 0, 2, 5000), SM_FIRMWARE_STAY); /* the last one */
  assert_int_equal(judge(2, 18, 0, 1, 5000), SM_FIRMWARE_GO_ON);
  assert_int_equal(judge(3, 17, 0, 1, 5000), SM_FIRMWARE_STAY);
  /* One that failed is too many, as soon as enough were judged. */
  assert_int_equal(judge(0, 0, 1, 0, 0), SM_FIRMWARE_HALT);
  assert_int_equal(judge(9, 0, 1, 1, 0), SM_FIRMWARE_STAY);
  assert_int_equal(judge(5, 4, 1, 1, 0), SM_FIRMWARE_HALT);
  assert_int_equal(judge(0, 9, 1, 1, 5000), SM_FIRMWARE_GO_ON); /* just ten per cent */
  assert_int_equal(judge(0, 17, 2, 1, 5000), SM_FIRMWARE_HALT);
  assert_int_equal(judge(0, 1, 1, 2, 5000), SM_FIRMWARE_HALT);
  /* What failed before it was resumed halts it no more. */
  const sm_firmware_counts old = {.phase = {0, 0, 19, 1, 0}};
  assert_int_equal(sm_firmware_judge(&rule, 1, 0, &old, 5000), SM_FIRMWARE_GO_ON);
}

static void test_places(void **state) {
  (void)state;
  char id[32];
  unsigned below[3] = {0};
  assert_int_equal(sm_firmware_place(sha256, "meter-001"), sm_firmware_place(sha256, "meter-001"));
  unsigned same = 0;
  for (int i = 0; i < 10000; i++) {
    (void)snprintf(id, sizeof id, "meter-%05d", i);
    uint32_t place = sm_firmware_place(sha256, id);
    assert_true(place < 10000);
    for (int j = 0; j < 3; j++) below[j] += place < (unsigned[]){100, 1000, 5000}[j];
    char other[sizeof sha256];
    memcpy(other, sha256, sizeof other);
    other[0] = 'a';
    same += place == sm_firmware_place(other, id);
  }
  assert_in_range(below[0], 60, 140);
  assert_in_range(below[1], 880, 1120);
  assert_in_range(below[2], 4800, 5200);
  assert_in_range(same, 0, 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_words),
                                     cmocka_unit_test(test_stages), cmocka_unit_test(test_judge),
                                     cmocka_unit_test(test_places)};
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
