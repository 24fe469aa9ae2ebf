#include "invoicing/look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>

static sm_issue_candidate two_months(int64_t a_wh, int64_t b_wh) {
  sm_issue_candidate c = {.use_count = 2};
  c.use[0] = (sm_issue_use){.use_wh = a_wh, .days = 31, .measured = true};
  c.use[1] = (sm_issue_use){.use_wh = b_wh, .days = 30, .measured = true};
  return c;
}

static void the_usual_use_is_by_days(void **state) {
  (void)state;
  const sm_issue_candidate c = two_months(310000, 300000);
  const sm_bill bill = {.consumption_wh = 150000, .days = 15};
  const sm_look look = sm_look_at(&bill, &c);
  assert_int_equal(look.usual_wh, 150000);
  assert_int_equal(look.use_wh, 150000);
  assert_int_equal(look.why, 0);
}

static void a_use_far_from_the_usual_is_odd(void **state) {
  (void)state;
  const sm_issue_candidate c = two_months(310000, 300000);
  sm_bill bill = {.days = 30};
  bill.consumption_wh = 600000; /* just twice: not more */
  assert_int_equal(sm_look_at(&bill, &c).why, 0);
  bill.consumption_wh = 600002;
  assert_int_equal(sm_look_at(&bill, &c).why, SM_LOOK_USE);
  bill.consumption_wh = 150000;
  assert_int_equal(sm_look_at(&bill, &c).why, 0);
  bill.consumption_wh = 149999;
  assert_int_equal(sm_look_at(&bill, &c).why, SM_LOOK_USE);
}

static void little_use_is_not_odd_and_nor_is_a_first_month(void **state) {
  (void)state;
  const sm_issue_candidate little = two_months(3100, 3000);
  const sm_issue_candidate none = {.use_count = 0};
  sm_bill bill = {.consumption_wh = 32999, .days = 30};
  assert_int_equal(sm_look_at(&bill, &little).why, 0);
  bill.consumption_wh = 33000;
  assert_int_equal(sm_look_at(&bill, &little).why, SM_LOOK_USE);
  assert_int_equal(sm_look_at(&bill, &none).why, 0);
  assert_int_equal(sm_look_at(&bill, &none).usual_wh, -1);
}

static void reasons_and_suspects_are_told(void **state) {
  (void)state;
  const sm_issue_candidate none = {.use_count = 0};
  sm_bill_reason reason[] = {{.code = SM_REASON_JUMP}, {.code = SM_REASON_GAP_AT_BOUNDARY}};
  const sm_bill bill = {
      .estimated = true, .suspects = 1, .reason = reason, .reason_count = 2, .days = 31};
  assert_int_equal(sm_look_at(&bill, &none).why,
                   SM_LOOK_ESTIMATED | SM_LOOK_RESET | SM_LOOK_GAP | SM_LOOK_SUSPECTS);
  assert_string_equal(sm_look_name(0), "estimated");
  assert_string_equal(sm_look_name(SM_LOOK_COUNT - 1), "suspect_readings");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_usual_use_is_by_days),
      cmocka_unit_test(a_use_far_from_the_usual_is_odd),
      cmocka_unit_test(little_use_is_not_odd_and_nor_is_a_first_month),
      cmocka_unit_test(reasons_and_suspects_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
