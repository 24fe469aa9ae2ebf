#include "billing/billing.h"
#include "billing/register.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MINUTE = 60000, HOUR = 3600000, MODULUS = 10000000, POWER = 23000 };

#define T0 INT64_C(1767205800000)

/* One reading a minute with these registers. */
static sm_course judge(const int64_t *wh, size_t count) {
  sm_register_point point[64];
  sm_course course;
  assert_true(count <= 64);
  for (size_t i = 0; i < count; i++)
    point[i] = (sm_register_point){.ts_ms = T0 + (int64_t)i * MINUTE, .wh = wh[i]};
  assert_int_equal(sm_course_init(&course, point, count, MODULUS, POWER), SM_OK);
  return course;
}

static int64_t use(const sm_course *course) {
  int64_t opening, closing;
  assert_int_equal(sm_course_total(course, 1000, T0, &opening), SM_OK);
  assert_int_equal(sm_course_total(course, 1000, T0 + 24 * HOUR, &closing), SM_OK);
  return closing - opening;
}

#define JUDGE(...)                                                                                 \
  judge((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void a_plain_register_is_one_stretch(void **state) {
  (void)state;
  sm_course c = JUDGE(1000, 1010, 1010, 1050);
  assert_int_equal(c.stretch_count, 1);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 0);
  assert_int_equal(use(&c), 50);
  sm_course_fini(&c);
  sm_course_fini(NULL);
}

static void nothing_comes_of_nothing(void **state) {
  (void)state;
  sm_course c;
  const sm_register_point *before, *after;
  assert_int_equal(sm_course_init(&c, NULL, 0, MODULUS, POWER), SM_OK);
  assert_int_equal(use(&c), 0);
  sm_course_around(&c, T0, &before, &after);
  assert_null(before);
  assert_null(after);
  sm_course_fini(&c);
}

static void the_suspect_rule_ends_where_the_maximum_power_does(void **state) {
  (void)state;
  /* 23 kW × 1.2 for one minute is 460 Wh; 2 Wh are forgiven */
  sm_course c = JUDGE(0, 462);
  assert_int_equal(c.suspect_count, 0);
  sm_course_fini(&c);
  c = JUDGE(0, 463);
  assert_int_equal(c.suspect_count, 1);
  assert_int_equal(use(&c), 0);
  sm_course_fini(&c);
}

static void one_or_two_wild_readings_change_nothing(void **state) {
  (void)state;
  sm_course c = JUDGE(1000, 1010, 900000, 1020, 5, 1030, 1040);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 2);
  assert_int_equal(use(&c), 40);
  sm_course_fini(&c);
  c = JUDGE(1000, 1010, 900000, 900001, 1020, 5, 6, 1030);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 4);
  assert_int_equal(use(&c), 30);
  sm_course_fini(&c);
}

static void wild_readings_at_either_end_change_nothing(void **state) {
  (void)state;
  sm_course c = JUDGE(9000000, 1000, 1010, 1020, 1030);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 1);
  assert_int_equal(use(&c), 30);
  sm_course_fini(&c);
  c = JUDGE(0, 1000000, 1000010, 1000020);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(use(&c), 20);
  sm_course_fini(&c);
  c = JUDGE(1000, 1010, 5, 6);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 2);
  assert_int_equal(use(&c), 10);
  sm_course_fini(&c);
}

static void three_that_do_not_agree_are_no_event(void **state) {
  (void)state;
  sm_course c = JUDGE(1000, 1010, 900000, 5, 700000, 1020);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 3);
  assert_int_equal(use(&c), 20);
  sm_course_fini(&c);
}

static void three_lower_ones_are_a_reset_that_counts_from_zero(void **state) {
  (void)state;
  sm_course c = JUDGE(5000000, 5000010, 7, 17, 27);
  assert_int_equal(c.stretch_count, 2);
  assert_int_equal(c.event_count, 1);
  assert_int_equal(c.event[0].kind, SM_EVENT_RESET);
  assert_int_equal(c.event[0].last_good_ms, T0 + MINUTE);
  assert_int_equal(c.event[0].at_ms, T0 + 2 * MINUTE);
  assert_int_equal(c.event[0].before_wh, 5000010);
  assert_int_equal(c.event[0].after_wh, 7);
  assert_int_equal(use(&c), 10 + 27);
  sm_course_fini(&c);
}

static void three_lower_ones_near_the_modulus_are_a_rollover(void **state) {
  (void)state;
  sm_course c = JUDGE(9999900, 9999950, 30, 40, 50);
  assert_int_equal(c.stretch_count, 1);
  assert_int_equal(c.event[0].kind, SM_EVENT_ROLLOVER);
  assert_int_equal(use(&c), 150);
  /* 80 Wh from 9,999,950 to 30: over the edge after 50 of them */
  assert_int_equal(sm_course_when(&c, 0, MODULUS), T0 + MINUTE + MINUTE * 50 / 80);
  sm_course_fini(&c);
}

static void a_rollover_too_large_for_the_time_is_a_reset(void **state) {
  (void)state;
  sm_course c = JUDGE(9999400, 9999410, 5, 6, 7);
  assert_int_equal(c.event[0].kind, SM_EVENT_RESET);
  assert_int_equal(use(&c), 10 + 7);
  sm_course_fini(&c);
}

static void three_higher_ones_that_agree_are_a_jump_never_billed(void **state) {
  (void)state;
  sm_course c = JUDGE(1000, 1010, 900000, 900010, 900020, 900030);
  assert_int_equal(c.event_count, 1);
  assert_int_equal(c.event[0].kind, SM_EVENT_JUMP);
  assert_int_equal(c.stretch_count, 2);
  assert_int_equal(use(&c), 10 + 30);
  sm_course_fini(&c);
}

static void events_may_follow_each_other(void **state) {
  (void)state;
  sm_course c = JUDGE(1000, 1010, 0, 1, 2, 0, 0, 1, 9999800, 9999900, 9999950, 20, 30, 40);
  assert_int_equal(c.event_count, 4);
  assert_int_equal(c.event[0].kind, SM_EVENT_RESET);
  assert_int_equal(c.event[1].kind, SM_EVENT_RESET);
  assert_int_equal(c.event[2].kind, SM_EVENT_JUMP);
  assert_int_equal(c.event[3].kind, SM_EVENT_ROLLOVER);
  assert_int_equal(use(&c), 10 + 2 + 1 + 240);
  sm_course_fini(&c);
}

static void a_repeated_instant_counts_once_and_the_first_stands(void **state) {
  (void)state;
  const sm_register_point point[] = {{.ts_ms = T0, .wh = 100},
                                     {.ts_ms = T0 + MINUTE, .wh = 110},
                                     {.ts_ms = T0 + MINUTE, .wh = 5},
                                     {.ts_ms = T0 + MINUTE, .wh = 300},
                                     {.ts_ms = T0 + 2 * MINUTE, .wh = 120}};
  sm_course c;
  assert_int_equal(sm_course_init(&c, point, 5, MODULUS, POWER), SM_OK);
  assert_int_equal(c.point_count, 3);
  assert_int_equal(c.suspect_count, 0);
  assert_int_equal(use(&c), 20);
  sm_course_fini(&c);
}

static void points_out_of_order_and_beyond_reason_are_refused(void **state) {
  (void)state;
  sm_course c;
  const sm_register_point back[] = {{.ts_ms = T0, .wh = 1}, {.ts_ms = T0 - 1, .wh = 2}};
  const sm_register_point negative[] = {{.ts_ms = T0, .wh = -1}};
  const sm_register_point huge[] = {{.ts_ms = T0, .wh = INT64_MAX}};
  const sm_register_point early[] = {{.ts_ms = INT64_MIN, .wh = 1}};
  const sm_register_point late[] = {{.ts_ms = INT64_MAX, .wh = 1}};
  assert_int_equal(sm_course_init(&c, back, 2, MODULUS, POWER), SM_ERR_INVALID);
  assert_int_equal(sm_course_init(&c, negative, 1, MODULUS, POWER), SM_ERR_OVERFLOW);
  assert_int_equal(sm_course_init(&c, huge, 1, MODULUS, POWER), SM_ERR_OVERFLOW);
  assert_int_equal(sm_course_init(&c, early, 1, MODULUS, POWER), SM_ERR_OVERFLOW);
  assert_int_equal(sm_course_init(&c, late, 1, MODULUS, POWER), SM_ERR_OVERFLOW);
  assert_int_equal(sm_course_init(&c, back, 1, 0, POWER), SM_ERR_INVALID);
  assert_int_equal(sm_course_init(&c, back, 1, MODULUS, 0), SM_ERR_INVALID);
}

static void between_two_readings_use_is_even_and_to_the_nearest_wh(void **state) {
  (void)state;
  const sm_register_point point[] = {{.ts_ms = T0, .wh = 100}, {.ts_ms = T0 + 1000, .wh = 103}};
  sm_course c;
  assert_int_equal(sm_course_init(&c, point, 2, MODULUS, POWER), SM_OK);
  assert_int_equal(c.suspect_count, 0);
  assert_int_equal(sm_course_at(&c, 0, T0 - 1), 100);
  assert_int_equal(sm_course_at(&c, 0, T0 + 166), 100); /* 0.498 */
  assert_int_equal(sm_course_at(&c, 0, T0 + 167), 101); /* 0.501 */
  assert_int_equal(sm_course_at(&c, 0, T0 + 500), 102); /* 1.5: half away from zero */
  assert_int_equal(sm_course_at(&c, 0, T0 + 1000), 103);
  assert_int_equal(sm_course_at(&c, 0, T0 + 9999), 103);
  sm_course_fini(&c);
}

static void a_multiplier_scales_the_register_so_that_parts_add_up(void **state) {
  (void)state;
  sm_course c = JUDGE(1, 2, 3, 4);
  int64_t total = 0;
  int64_t part[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(sm_course_total(&c, 1500, T0 + i * MINUTE, &part[i]), SM_OK);
  total = part[3];
  assert_int_equal(total, 4); /* 6 − 2: 1.5 is 2 */
  assert_int_equal((part[1] - part[0]) + (part[2] - part[1]) + (part[3] - part[2]), total);
  sm_course_fini(&c);
}

static void a_scale_too_large_is_an_overflow(void **state) {
  (void)state;
  const sm_register_point point[] = {
      {.ts_ms = T0, .wh = 0}, {.ts_ms = T0 + INT64_C(200000000000000), .wh = 900000000000000}};
  sm_course c;
  int64_t wh;
  assert_int_equal(sm_course_init(&c, point, 2, INT64_C(1000000000000000), 1000000000), SM_OK);
  assert_int_equal(sm_course_total(&c, INT64_C(1000000000), T0 + INT64_C(200000000000000), &wh),
                   SM_ERR_OVERFLOW);
  sm_course_fini(&c);
}

static void the_stores_step_limit_is_never_above_the_rules(void **state) {
  (void)state;
  assert_int_equal(sm_billing_step_limit_w(23000), 27599);
  assert_int_equal(sm_billing_step_limit_w(1), 0);
  assert_int_equal(sm_billing_step_limit_w(7), 7);
}

/* ---- what a person stated ---- */

/* One point a minute; a register below zero is a person's. */
static sm_course judge_stated(const int64_t *wh, size_t count) {
  sm_register_point point[64];
  sm_course course;
  assert_true(count <= 64);
  for (size_t i = 0; i < count; i++)
    point[i] = (sm_register_point){
        .ts_ms = T0 + (int64_t)i * MINUTE, .wh = wh[i] < 0 ? -wh[i] : wh[i], .stated = wh[i] < 0};
  assert_int_equal(sm_course_init(&course, point, count, MODULUS, POWER), SM_OK);
  return course;
}

#define JUDGE_STATED(...)                                                                          \
  judge_stated((const int64_t[]){__VA_ARGS__},                                                     \
               sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void what_a_person_read_counts_like_any_good_reading(void **state) {
  (void)state;
  sm_course c = JUDGE_STATED(1000, 1010, -1015, 1020, -1030);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 0);
  assert_int_equal(c.point_count, 5);
  assert_int_equal(use(&c), 30);
  sm_course_fini(&c);
}

static void a_person_alone_makes_no_event(void **state) {
  (void)state;
  sm_course c = JUDGE_STATED(5000000, 5000010, -7);
  assert_int_equal(c.event_count, 0);
  assert_true(sm_course_doubts(&c, T0 + 2 * MINUTE));
  assert_false(sm_course_doubts(&c, T0 + MINUTE));
  assert_int_equal(use(&c), 10);
  sm_course_fini(&c);
  c = JUDGE_STATED(1000, 1010, -900000, 1020, 1030);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 1);
  assert_int_equal(use(&c), 30);
  sm_course_fini(&c);
}

static void one_reading_that_agrees_with_a_person_makes_the_event(void **state) {
  (void)state;
  /* the person first: a reset counts from what was read */
  sm_course c = JUDGE_STATED(5000000, 5000010, -700, 717, 727);
  assert_int_equal(c.event_count, 1);
  assert_int_equal(c.event[0].kind, SM_EVENT_RESET);
  assert_true(c.event[0].stated);
  assert_false(c.event[0].known);
  assert_int_equal(c.suspect_count, 0);
  assert_int_equal(use(&c), 10 + 27);
  sm_course_fini(&c);
  /* the meter first: from zero, as ever */
  c = JUDGE_STATED(5000000, 5000010, 700, -717, 727);
  assert_int_equal(c.event_count, 1);
  assert_false(c.event[0].stated);
  assert_int_equal(use(&c), 10 + 727);
  sm_course_fini(&c);
  /* a jump, and a rollover */
  c = JUDGE_STATED(1000, 1010, 900000, -900010, 900020);
  assert_int_equal(c.event[0].kind, SM_EVENT_JUMP);
  assert_int_equal(use(&c), 10 + 20);
  sm_course_fini(&c);
  c = JUDGE_STATED(9999900, 9999950, -30, 40);
  assert_int_equal(c.event[0].kind, SM_EVENT_ROLLOVER);
  assert_int_equal(use(&c), 140);
  sm_course_fini(&c);
}

static void two_of_a_person_make_the_event(void **state) {
  (void)state;
  sm_course c = JUDGE_STATED(5000000, 5000010, -5000015, -700, -710);
  assert_int_equal(c.event_count, 1);
  assert_true(c.event[0].known);
  assert_int_equal(use(&c), 15 + 10);
  sm_course_fini(&c);
  /* and what the meter said before it takes nothing back */
  c = JUDGE_STATED(5000000, 5000010, -700, -710, 5000020, 720, 730);
  assert_int_equal(c.event_count, 1);
  assert_int_equal(c.suspect_count, 1);
  assert_int_equal(use(&c), 10 + 30);
  sm_course_fini(&c);
}

/* Read at ten and written down as of nine: the register was not there yet. */
static void the_meter_before_and_after_overrules_a_person(void **state) {
  (void)state;
  sm_course c = JUDGE_STATED(1000, 1010, -1300, 1020, 1030);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 1);
  assert_true(sm_course_doubts(&c, T0 + 2 * MINUTE));
  assert_int_equal(use(&c), 30);
  assert_int_equal(sm_course_at(&c, 0, T0 + 2 * MINUTE), 1015);
  sm_course_fini(&c);
  c = JUDGE_STATED(1000, 1010, -1300, -1310, 900000, 1040, 1050);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 3);
  assert_int_equal(use(&c), 50);
  sm_course_fini(&c);
}

/* Each pair is an event of its own: as many as there can be. */
static void a_person_may_state_one_event_after_the_other(void **state) {
  (void)state;
  sm_course c =
      JUDGE_STATED(5000000, 5000001, 4000000, -4000001, 3000000, -3000001, 2000000, -2000001,
                   1000000, -1000001, 500, -501, 400, -401, 300, -301, 200, -201);
  assert_int_equal(c.event_count, 8);
  assert_int_equal(c.suspect_count, 0);
  sm_course_fini(&c);
}

static void a_first_reading_that_a_person_stated_can_be_the_wild_one(void **state) {
  (void)state;
  sm_course c = JUDGE_STATED(-9000000, 1000, 1010, 1020, 1030);
  assert_int_equal(c.event_count, 0);
  assert_int_equal(c.suspect_count, 1);
  assert_int_equal(use(&c), 30);
  sm_course_fini(&c);
  c = JUDGE_STATED(-1000, 1010, 1020);
  assert_int_equal(c.suspect_count, 0);
  assert_int_equal(use(&c), 20);
  sm_course_fini(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plain_register_is_one_stretch),
      cmocka_unit_test(nothing_comes_of_nothing),
      cmocka_unit_test(the_suspect_rule_ends_where_the_maximum_power_does),
      cmocka_unit_test(one_or_two_wild_readings_change_nothing),
      cmocka_unit_test(wild_readings_at_either_end_change_nothing),
      cmocka_unit_test(three_that_do_not_agree_are_no_event),
      cmocka_unit_test(three_lower_ones_are_a_reset_that_counts_from_zero),
      cmocka_unit_test(three_lower_ones_near_the_modulus_are_a_rollover),
      cmocka_unit_test(a_rollover_too_large_for_the_time_is_a_reset),
      cmocka_unit_test(three_higher_ones_that_agree_are_a_jump_never_billed),
      cmocka_unit_test(events_may_follow_each_other),
      cmocka_unit_test(a_repeated_instant_counts_once_and_the_first_stands),
      cmocka_unit_test(points_out_of_order_and_beyond_reason_are_refused),
      cmocka_unit_test(between_two_readings_use_is_even_and_to_the_nearest_wh),
      cmocka_unit_test(a_multiplier_scales_the_register_so_that_parts_add_up),
      cmocka_unit_test(a_scale_too_large_is_an_overflow),
      cmocka_unit_test(the_stores_step_limit_is_never_above_the_rules),
      cmocka_unit_test(what_a_person_read_counts_like_any_good_reading),
      cmocka_unit_test(a_person_alone_makes_no_event),
      cmocka_unit_test(one_reading_that_agrees_with_a_person_makes_the_event),
      cmocka_unit_test(two_of_a_person_make_the_event),
      cmocka_unit_test(the_meter_before_and_after_overrules_a_person),
      cmocka_unit_test(a_person_may_state_one_event_after_the_other),
      cmocka_unit_test(a_first_reading_that_a_person_stated_can_be_the_wild_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
