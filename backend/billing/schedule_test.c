#include "billing/billing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Versions need a name and a date only. */
static char a_name[] = "A";
static char b_name[] = "B";
static sm_tariff a1 = {.name = a_name, .effective_from = {2026, 1, 1}};
static sm_tariff a2 = {.name = a_name, .effective_from = {2026, 3, 1}};
static sm_tariff b1 = {.name = b_name, .effective_from = {2025, 6, 1}};
static sm_tariff b2 = {.name = b_name, .effective_from = {2026, 2, 10}};
static const sm_tariff *const all[] = {&b2, &a2, &a1, &b1};

typedef struct expected {
  sm_date from;
  const sm_tariff *tariff;
} expected;

static void check(const sm_billing_assignment *assignment, size_t assigned, const expected *want,
                  size_t wanted) {
  sm_billing_tariff *schedule = NULL;
  size_t count = 0;
  assert_int_equal(sm_billing_schedule(assignment, assigned, all, 4, &schedule, &count), SM_OK);
  assert_int_equal(count, wanted);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(sm_date_compare(schedule[i].from, want[i].from), 0);
    assert_ptr_equal(schedule[i].tariff, want[i].tariff);
  }
  free(schedule);
}

static void one_tariff_from_the_beginning_has_all_its_versions(void **state) {
  (void)state;
  const sm_billing_assignment a = {.name = "A"};
  const expected want[] = {{{2026, 1, 1}, &a1}, {{2026, 3, 1}, &a2}};
  check(&a, 1, want, 2);
}

static void a_change_of_tariff_begins_with_the_version_in_force(void **state) {
  (void)state;
  const sm_billing_assignment a[] = {{.name = "A"},
                                     {.name = "B", .has_from = true, .from = {2026, 2, 5}}};
  const expected want[] = {{{2026, 1, 1}, &a1}, {{2026, 2, 5}, &b1}, {{2026, 2, 10}, &b2}};
  check(a, 2, want, 3);
}

static void a_tariff_assigned_before_its_first_version_is_billed_by_it(void **state) {
  (void)state;
  const sm_billing_assignment a[] = {{.name = "B"},
                                     {.name = "A", .has_from = true, .from = {2025, 12, 1}}};
  const expected want[] = {{{2025, 6, 1}, &b1}, {{2025, 12, 1}, &a1}, {{2026, 3, 1}, &a2}};
  check(a, 2, want, 3);
}

static void the_same_tariff_again_is_no_cut_and_the_last_word_of_a_day_stands(void **state) {
  (void)state;
  const sm_billing_assignment same[] = {{.name = "A"},
                                        {.name = "A", .has_from = true, .from = {2026, 2, 1}}};
  const expected want[] = {{{2026, 1, 1}, &a1}, {{2026, 3, 1}, &a2}};
  check(same, 2, want, 2);
  const sm_billing_assignment day[] = {{.name = "A", .has_from = true, .from = {2026, 2, 1}},
                                       {.name = "B", .has_from = true, .from = {2026, 2, 1}}};
  const expected last[] = {{{2026, 2, 1}, &b1}, {{2026, 2, 10}, &b2}};
  check(day, 2, last, 2);
}

static void what_cannot_be_scheduled_is_refused(void **state) {
  (void)state;
  sm_billing_tariff *schedule = NULL;
  size_t count = 0;
  const sm_billing_assignment unknown = {.name = "C"};
  assert_int_equal(sm_billing_schedule(&unknown, 1, all, 4, &schedule, &count), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_billing_schedule(NULL, 0, all, 4, &schedule, &count), SM_ERR_NOT_FOUND);
  const sm_billing_assignment back[] = {{.name = "A", .has_from = true, .from = {2026, 2, 1}},
                                        {.name = "B", .has_from = true, .from = {2026, 1, 1}}};
  assert_int_equal(sm_billing_schedule(back, 2, all, 4, &schedule, &count), SM_ERR_INVALID);
  const sm_billing_assignment open[] = {{.name = "A"}, {.name = "B"}};
  assert_int_equal(sm_billing_schedule(open, 2, all, 4, &schedule, &count), SM_ERR_INVALID);
}

static void of_one_day_the_later_version_holds(void **state) {
  (void)state;
  static sm_tariff first = {.name = a_name, .version = 1, .effective_from = {2026, 1, 1}};
  static sm_tariff second = {.name = a_name, .version = 2, .effective_from = {2026, 1, 1}};
  const sm_tariff *const orders[][2] = {{&first, &second}, {&second, &first}};
  const sm_billing_assignment early = {.name = "A", .has_from = true, .from = {2025, 12, 1}};
  for (size_t i = 0; i < 2; i++) {
    sm_billing_tariff *schedule = NULL;
    size_t count = 0;
    assert_int_equal(sm_billing_schedule(&early, 1, orders[i], 2, &schedule, &count), SM_OK);
    assert_int_equal(count, 1);
    assert_ptr_equal(schedule[0].tariff, &second);
    free(schedule);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_tariff_from_the_beginning_has_all_its_versions),
      cmocka_unit_test(a_change_of_tariff_begins_with_the_version_in_force),
      cmocka_unit_test(a_tariff_assigned_before_its_first_version_is_billed_by_it),
      cmocka_unit_test(the_same_tariff_again_is_no_cut_and_the_last_word_of_a_day_stands),
      cmocka_unit_test(of_one_day_the_later_version_holds),
      cmocka_unit_test(what_cannot_be_scheduled_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
