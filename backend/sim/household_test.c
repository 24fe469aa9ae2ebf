#include "sim/household.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t DAY_S = 86400;

static sm_zone *kolkata;

static int setup(void **state) {
  (void)state;
  return sm_zone_new("Asia/Kolkata", &kolkata) == SM_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  sm_zone_free(kolkata);
  return 0;
}

static int64_t instant_s(const char *text) {
  int64_t ms;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &ms), SM_OK);
  return ms / 1000;
}

static sm_sim_household *household(uint64_t seed, uint32_t number, sm_sim_size size,
                                   const sm_zone *zone, const char *begin) {
  sm_sim_household *h;
  assert_int_equal(sm_sim_household_new(seed, number, size, zone, instant_s(begin), &h), SM_OK);
  return h;
}

static sm_sim_sample at(sm_sim_household *h, int64_t t) {
  sm_sim_sample sample;
  assert_int_equal(sm_sim_household_at(h, t, &sample), SM_OK);
  return sample;
}

/* These figures are part of what a seed promises: they change only on purpose. */
static void a_seed_gives_these_very_samples(void **state) {
  (void)state;
  static const struct {
    const char *instant;
    sm_sim_sample sample;
  } golden[] = {
      {"2026-09-01T00:00:00+05:30", {254400, INT64_C(0), 233400, 1346, 810, 50000}},
      {"2026-09-01T00:00:10+05:30", {242400, INT64_C(2544000), 233300, 1283, 810, 50000}},
      {"2026-09-01T07:30:00+05:30", {125400, INT64_C(9556840000), 230200, 612, 890, 50000}},
      {"2026-09-06T20:10:30+05:30", {502200, INT64_C(208299310000), 222400, 2537, 890, 50000}},
      {"2026-11-30T23:59:59+05:30", {112200, INT64_C(3057178233800), 233500, 540, 890, 50100}},
  };
  sm_sim_household *h = household(1, 1, SM_SIM_LARGE, kolkata, "2026-09-01T00:00:00+05:30");
  for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
    sm_sim_sample s = at(h, instant_s(golden[i].instant));
    const sm_sim_sample *want = &golden[i].sample;
    assert_int_equal(s.power_mw, want->power_mw);
    assert_int_equal(s.energy_mws, want->energy_mws);
    assert_int_equal(s.voltage_mv, want->voltage_mv);
    assert_int_equal(s.current_ma, want->current_ma);
    assert_int_equal(s.power_factor_milli, want->power_factor_milli);
    assert_int_equal(s.frequency_mhz, want->frequency_mhz);
  }
  sm_sim_household_free(h);
}

static void another_seed_or_number_is_another_household(void **state) {
  (void)state;
  sm_sim_household *a = household(1, 1, SM_SIM_MEDIUM, kolkata, "2026-09-01T00:00:00Z");
  sm_sim_household *b = household(2, 1, SM_SIM_MEDIUM, kolkata, "2026-09-01T00:00:00Z");
  sm_sim_household *c = household(1, 2, SM_SIM_MEDIUM, kolkata, "2026-09-01T00:00:00Z");
  int64_t t = instant_s("2026-09-08T00:00:00Z");
  assert_int_not_equal(at(a, t).energy_mws, at(b, t).energy_mws);
  assert_int_not_equal(at(a, t).energy_mws, at(c, t).energy_mws);
  sm_sim_household_free(a);
  sm_sim_household_free(b);
  sm_sim_household_free(c);
}

static void assert_energy_is_integral(sm_sim_household *h, int64_t from_s, int64_t to_s) {
  int64_t sum_mws = at(h, from_s).energy_mws;
  for (int64_t t = from_s; t < to_s; t += SM_SIM_STEP_S) {
    sm_sim_sample s = at(h, t);
    assert_int_equal(s.energy_mws, sum_mws);
    assert_true(s.power_mw > 0);
    sum_mws += (int64_t)s.power_mw * SM_SIM_STEP_S;
  }
  assert_int_equal(at(h, to_s).energy_mws, sum_mws);
}

static void energy_is_the_integral_of_power_also_where_clocks_change(void **state) {
  (void)state;
  sm_zone *berlin;
  assert_int_equal(sm_zone_new("Europe/Berlin", &berlin), SM_OK);
  for (int size = SM_SIM_SMALL; size <= SM_SIM_COMMON; size++) {
    sm_sim_household *h = household(7, 3, (sm_sim_size)size, kolkata, "2026-04-30T13:07:03+05:30");
    int64_t begin = instant_s("2026-04-30T13:07:10+05:30");
    assert_energy_is_integral(h, begin, begin + 4 * DAY_S);
    sm_sim_household_free(h);
    h = household(7, 3, (sm_sim_size)size, berlin, "2026-03-28T00:00:00+01:00");
    begin = instant_s("2026-03-28T00:00:00+01:00");
    assert_energy_is_integral(h, begin, begin + 3 * DAY_S);
    sm_sim_household_free(h);
    h = household(7, 3, (sm_sim_size)size, berlin, "2026-10-24T00:00:00+02:00");
    begin = instant_s("2026-10-24T00:00:00+02:00");
    assert_energy_is_integral(h, begin, begin + 3 * DAY_S);
    sm_sim_household_free(h);
  }
  sm_zone_free(berlin);
}

static void within_a_step_energy_grows_evenly(void **state) {
  (void)state;
  sm_sim_household *h = household(3, 9, SM_SIM_SMALL, kolkata, "2026-01-01T00:00:00Z");
  int64_t from = instant_s("2026-01-02T06:00:00Z");
  for (int64_t t = from; t < from + 3600; t++) {
    sm_sim_sample now = at(h, t);
    assert_int_equal(at(h, t + 1).energy_mws - now.energy_mws, now.power_mw);
  }
  sm_sim_household_free(h);
}

static void the_answer_does_not_depend_on_what_was_asked_before(void **state) {
  (void)state;
  sm_sim_household *forward = household(5, 4, SM_SIM_LARGE, kolkata, "2026-01-01T00:00:00Z");
  sm_sim_household *jumping = household(5, 4, SM_SIM_LARGE, kolkata, "2026-01-01T00:00:00Z");
  int64_t from = instant_s("2026-01-01T00:00:00Z");
  int64_t span = 60 * DAY_S;
  for (int64_t i = 0; i < 500; i++) {
    sm_sim_sample a = at(forward, from + i * (span / 500));
    (void)at(jumping, from + i * 7919 * 541 % span);
    sm_sim_sample b = at(jumping, from + i * (span / 500));
    assert_memory_equal(&a, &b, sizeof a);
  }
  sm_sim_household_free(forward);
  sm_sim_household_free(jumping);
}

static void differences_do_not_depend_on_the_begin(void **state) {
  (void)state;
  sm_sim_household *early = household(5, 4, SM_SIM_LARGE, kolkata, "2025-11-11T11:11:11Z");
  sm_sim_household *late = household(5, 4, SM_SIM_LARGE, kolkata, "2026-01-03T20:20:20Z");
  int64_t a = instant_s("2026-01-04T00:00:00Z");
  int64_t b = instant_s("2026-02-09T09:09:09Z");
  assert_int_equal(at(early, b).energy_mws - at(early, a).energy_mws,
                   at(late, b).energy_mws - at(late, a).energy_mws);
  sm_sim_household_free(early);
  sm_sim_household_free(late);
}

static void before_the_begin_there_is_nothing(void **state) {
  (void)state;
  sm_sim_household *h = household(1, 1, SM_SIM_SMALL, kolkata, "2026-01-01T00:00:00Z");
  sm_sim_sample sample;
  int64_t begin = instant_s("2026-01-01T00:00:00Z");
  assert_int_equal(sm_sim_household_at(h, begin - 1, &sample), SM_ERR_RANGE);
  assert_int_equal(at(h, begin).energy_mws, 0);
  sm_sim_household_free(h);
}

static void samples_are_believable_and_agree_with_each_other(void **state) {
  (void)state;
  for (uint32_t number = 1; number <= 8; number++) {
    sm_sim_household *h =
        household(11, number, (sm_sim_size)(number % 4), kolkata, "2026-05-01T00:00:00+05:30");
    int64_t from = instant_s("2026-05-01T00:00:00+05:30");
    for (int64_t t = from; t < from + 7 * DAY_S; t += 70) {
      sm_sim_sample s = at(h, t);
      assert_in_range(s.voltage_mv, 215000, 245000);
      assert_in_range(s.frequency_mhz, 49800, 50200);
      assert_in_range(s.power_factor_milli, 500, 1000);
      assert_in_range(s.power_mw, 30000, 15000000);
      int64_t again_mw = (int64_t)s.voltage_mv * s.current_ma / 1000 * s.power_factor_milli / 1000;
      assert_true(llabs(again_mw - s.power_mw) <= 250 + s.power_mw / 1000);
    }
    sm_sim_household_free(h);
  }
}

static int64_t used_wh(sm_sim_household *h, int64_t from_s, int64_t to_s) {
  return (at(h, to_s).energy_mws - at(h, from_s).energy_mws) / SM_SIM_MWS_PER_WH;
}

static void evenings_peak_and_nights_are_quiet(void **state) {
  (void)state;
  for (uint32_t number = 1; number <= 12; number++) {
    sm_sim_household *h =
        household(1, number, (sm_sim_size)(number % 3), kolkata, "2026-10-01T00:00:00+05:30");
    int64_t evening_wh = 0;
    int64_t night_wh = 0;
    for (int64_t day = 0; day < 28; day++) {
      int64_t midnight = instant_s("2026-10-01T00:00:00+05:30") + day * DAY_S;
      evening_wh += used_wh(h, midnight + INT64_C(19) * 3600, midnight + INT64_C(22) * 3600);
      night_wh += used_wh(h, midnight + INT64_C(1) * 3600, midnight + INT64_C(4) * 3600);
    }
    assert_true(2 * evening_wh > 3 * night_wh);
    sm_sim_household_free(h);
  }
}

static void weekends_use_more_by_day_than_working_days(void **state) {
  (void)state;
  int64_t weekend_wh = 0;
  int64_t working_wh = 0;
  for (uint32_t number = 1; number <= 30; number++) {
    sm_sim_household *h = household(1, number, SM_SIM_MEDIUM, kolkata, "2026-10-05T00:00:00+05:30");
    int64_t monday = instant_s("2026-10-05T00:00:00+05:30");
    for (int64_t day = 0; day < 21; day++) {
      int64_t ten = monday + day * DAY_S + INT64_C(10) * 3600;
      int64_t wh = used_wh(h, ten, ten + INT64_C(7) * 3600);
      if (day % 7 >= 5)
        weekend_wh += wh;
      else
        working_wh += wh;
    }
    sm_sim_household_free(h);
  }
  /* Two days against five, each a third more at least. */
  assert_true(weekend_wh * 5 * 3 > working_wh * 2 * 4);
}

static void a_month_costs_what_such_a_household_uses(void **state) {
  (void)state;
  static const int64_t band_kwh[4][2] = {{95, 190}, {150, 370}, {200, 440}, {280, 360}};
  for (int month = 1; month <= 12; month++) {
    int64_t from = sm_zone_month_start_ms(kolkata, 2026, month) / 1000;
    int64_t to = sm_zone_month_start_ms(kolkata, month == 12 ? 2027 : 2026, month % 12 + 1) / 1000;
    for (int size = SM_SIM_SMALL; size <= SM_SIM_COMMON; size++)
      for (uint32_t number = 1; number <= 12; number++) {
        sm_sim_household *h;
        assert_int_equal(sm_sim_household_new(1, number, (sm_sim_size)size, kolkata, from, &h),
                         SM_OK);
        int64_t wh = used_wh(h, from, to);
        assert_true(wh >= band_kwh[size][0] * 1000);
        assert_true(wh <= band_kwh[size][1] * 1000);
        sm_sim_household_free(h);
      }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_seed_gives_these_very_samples),
      cmocka_unit_test(another_seed_or_number_is_another_household),
      cmocka_unit_test(energy_is_the_integral_of_power_also_where_clocks_change),
      cmocka_unit_test(within_a_step_energy_grows_evenly),
      cmocka_unit_test(the_answer_does_not_depend_on_what_was_asked_before),
      cmocka_unit_test(differences_do_not_depend_on_the_begin),
      cmocka_unit_test(before_the_begin_there_is_nothing),
      cmocka_unit_test(samples_are_believable_and_agree_with_each_other),
      cmocka_unit_test(evenings_peak_and_nights_are_quiet),
      cmocka_unit_test(weekends_use_more_by_day_than_working_days),
      cmocka_unit_test(a_month_costs_what_such_a_household_uses),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
