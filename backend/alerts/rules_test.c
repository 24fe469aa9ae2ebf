/* Each rule, with what opens it, what ends it, and what does neither. */
#include "alerts/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

enum { BEGIN_S = 1767225600 /* 2026-01-01T00:00:00Z */ };

/* What a run came to: "low@60+ low@300- ". */
typedef struct story {
  sm_alert_state state;
  sm_alert_limits limits;
  char text[400];
} story;

static void note(void *context, sm_alert_kind kind, bool opens, int64_t at_ms, int64_t value,
                 int64_t limit) {
  story *s = context;
  char word[100];
  long long second = (long long)(at_ms / 1000 - BEGIN_S);
  if (opens)
    (void)snprintf(word, sizeof word, "%s+%lld(%lld,%lld) ", sm_alert_kind_name(kind), second,
                   (long long)value, (long long)limit);
  else
    (void)snprintf(word, sizeof word, "%s-%lld ", sm_alert_kind_name(kind), second);
  (void)strncat(s->text, word, sizeof s->text - strlen(s->text) - 1);
}

static sm_alert_sink sink_of(story *s) {
  return (sm_alert_sink){.context = s, .change = note};
}

static story begin(void) {
  story s = {.text = ""};
  sm_alert_limits_default(&s.limits);
  return s;
}

typedef struct step {
  int second;
  int volt;
  int watt;
  int wh;
} step;

static void tell(story *s, const step *at, int minute, int64_t now_s) {
  const sm_alert_point point = {.ts_ms = (int64_t)(BEGIN_S + at->second) * 1000,
                                .energy_wh = at->wh,
                                .voltage_mv = at->volt * 1000,
                                .power_mw = at->watt * 1000};
  const sm_alert_sink sink = sink_of(s);
  sm_alert_rules_reading(&s->state, &s->limits, &point, minute, (BEGIN_S + now_s) * 1000, &sink);
}

static void run(story *s, const step *steps, size_t count, const char *wanted) {
  for (size_t i = 0; i < count; i++) tell(s, &steps[i], 12 * 60, steps[i].second);
  assert_string_equal(s->text, wanted);
}
#define RUN(s, wanted, ...)                                                                        \
  do {                                                                                             \
    static const step steps[] = {__VA_ARGS__};                                                     \
    run((s), steps, sizeof steps / sizeof steps[0], (wanted));                                     \
  } while (0)

static void a_sag_opens_when_it_has_lasted_and_ends_with_hysteresis(void **state) {
  (void)state;
  story s = begin();
  /* 208 V is above the limit of 207, and not back: that takes 211.6. */
  RUN(&s, "voltage_low+30(201000,207000) voltage_low-180 ", {0, 230, 0, 0}, {30, 200, 0, 0},
      {60, 200, 0, 0}, {90, 201, 0, 0}, {120, 208, 0, 0}, {150, 208, 0, 0}, {180, 212, 0, 0},
      {210, 230, 0, 0}, {240, 230, 0, 0}, {270, 230, 0, 0});
}

static void a_sag_that_is_over_at_once_is_none(void **state) {
  (void)state;
  story s = begin();
  RUN(&s, "", {0, 200, 0, 0}, {30, 230, 0, 0}, {60, 200, 0, 0}, {90, 230, 0, 0}, {119, 206, 0, 0},
      {178, 206, 0, 0});
}

static void a_sag_is_not_over_for_a_moment(void **state) {
  (void)state;
  story s = begin();
  RUN(&s, "voltage_low+0(200000,207000) ", {0, 200, 0, 0}, {60, 200, 0, 0}, {90, 230, 0, 0},
      {120, 200, 0, 0}, {150, 230, 0, 0}, {209, 230, 0, 0});
}

static void nothing_is_known_of_a_gap(void **state) {
  (void)state;
  story s = begin();
  RUN(&s, "", {0, 200, 0, 0}, {1801, 200, 0, 0});
  story joined = begin();
  RUN(&joined, "voltage_low+0(200000,207000) ", {0, 200, 0, 0}, {1800, 200, 0, 0});
}

static void a_swell_is_judged_likewise(void **state) {
  (void)state;
  story s = begin();
  s.limits.value[SM_LIMIT_HIGH_FOR] = 0;
  s.limits.value[SM_LIMIT_HIGH_CLEAR] = 0;
  RUN(&s, "voltage_high+10(254000,253000) voltage_high-30 ", {0, 253, 0, 0}, {10, 254, 0, 0},
      {20, 249, 0, 0}, {30, 248, 0, 0});
}

static void limits_of_ones_own_hold(void **state) {
  (void)state;
  story s = begin();
  s.limits.value[SM_LIMIT_LOW_AT] = 190000;
  s.limits.value[SM_LIMIT_LOW_FOR] = 0;
  RUN(&s, "voltage_low+10(189000,190000) ", {0, 191, 0, 0}, {10, 189, 0, 0});
}

static void an_older_reading_changes_nothing(void **state) {
  (void)state;
  story s = begin();
  s.limits.value[SM_LIMIT_LOW_FOR] = 0;
  RUN(&s, "", {100, 230, 0, 0}, {90, 100, 0, 0}, {100, 100, 0, 0});
}

static void load_is_held_against_what_is_sanctioned(void **state) {
  (void)state;
  story none = begin();
  RUN(&none, "", {0, 230, 20000, 0}, {600, 230, 20000, 0});
  story s = begin();
  s.limits.sanctioned_load_mw = 5000000;
  /* 4,800 W is no overload and not back: that takes 4,750. */
  RUN(&s, "overload+0(5600000,5000000) overload-180 ", {0, 230, 5500, 0}, {60, 230, 5600, 0},
      {120, 230, 4800, 0}, {180, 230, 4750, 0}, {240, 230, 4000, 0});
  story own = begin();
  own.limits.sanctioned_load_mw = 5000000;
  own.limits.value[SM_LIMIT_OVERLOAD_AT] = 3000000;
  RUN(&own, "overload+0(3100000,3000000) ", {0, 230, 3100, 0}, {60, 230, 3100, 0});
}

static void odd_hours_are_those_that_were_set(void **state) {
  (void)state;
  story s = begin();
  s.limits.value[SM_LIMIT_ODD_AT] = 500000;
  s.limits.value[SM_LIMIT_ODD_FROM] = 22 * 60;
  s.limits.value[SM_LIMIT_ODD_TO] = 6 * 60;
  s.limits.value[SM_LIMIT_ODD_FOR] = 0;
  s.limits.value[SM_LIMIT_ODD_CLEAR] = 0;
  static const struct {
    step at;
    int minute;
  } rows[] = {{{0, 230, 900, 0}, 21 * 60 + 59},  {{60, 230, 900, 0}, 22 * 60},
              {{120, 230, 480, 0}, 0},           {{180, 230, 450, 0}, 1},
              {{240, 230, 600, 0}, 5 * 60 + 59}, {{300, 230, 900, 0}, 6 * 60}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    tell(&s, &rows[i].at, rows[i].minute, rows[i].at.second);
  assert_string_equal(s.text, "odd_hours+60(900000,500000) odd_hours-180 "
                              "odd_hours+240(600000,500000) odd_hours-300 ");
}

static void a_reset_takes_three_that_agree(void **state) {
  (void)state;
  story s = begin();
  s.limits.value[SM_LIMIT_RESET_CLEAR] = 60000;
  RUN(&s, "register_reset+20(0,50000) register_reset-40 ", {0, 230, 0, 50000}, {10, 230, 0, 50000},
      {20, 230, 0, 0}, {30, 230, 0, 0}, {40, 230, 0, 0}, {70, 230, 0, 1}, {100, 230, 0, 2});
  story glitch = begin();
  RUN(&glitch, "", {0, 230, 0, 50000}, {10, 230, 0, 0}, {20, 230, 0, 0}, {30, 230, 0, 50001},
      {40, 230, 0, 0}, {50, 230, 0, 50001});
  story wild = begin();
  RUN(&wild, "", {0, 230, 0, 50000}, {10, 230, 0, 900000}, {20, 230, 0, 50001}, {30, 230, 0, 50002},
      {40, 230, 0, 50003});
}

static void a_rollover_is_no_reset(void **state) {
  (void)state;
  story s = begin();
  RUN(&s, "", {0, 230, 0, 9999990}, {10, 230, 0, 5}, {20, 230, 0, 6}, {30, 230, 0, 7});
}

static void silence_opens_once_and_ends_when_the_meter_is_back(void **state) {
  (void)state;
  story s = begin();
  const sm_alert_sink sink = sink_of(&s);
  tell(&s, &(step){0, 230, 0, 0}, 0, 0);
  assert_false(sm_alert_rules_silent(&s.state, &s.limits, (BEGIN_S + 1799) * INT64_C(1000)));
  sm_alert_rules_silence(&s.state, &s.limits, (BEGIN_S + 1799) * INT64_C(1000), &sink);
  assert_true(sm_alert_rules_silent(&s.state, &s.limits, (BEGIN_S + 1800) * INT64_C(1000)));
  for (int i = 0; i < 3; i++)
    sm_alert_rules_silence(&s.state, &s.limits, (BEGIN_S + 1800) * INT64_C(1000), &sink);
  assert_string_equal(s.text, "silent+0(1800000,1800000) ");
  /* It catches up: what it says is old, and does not end the alert. */
  tell(&s, &(step){100, 230, 0, 0}, 0, 9000);
  tell(&s, &(step){200, 230, 0, 0}, 0, 9000);
  assert_string_equal(s.text, "silent+0(1800000,1800000) ");
  tell(&s, &(step){8990, 230, 0, 0}, 0, 9001);
  tell(&s, &(step){9040, 230, 0, 0}, 0, 9041);
  tell(&s, &(step){9050, 230, 0, 0}, 0, 9051);
  assert_string_equal(s.text, "silent+0(1800000,1800000) silent-8990 ");
}

static void who_never_spoke_is_not_silent(void **state) {
  (void)state;
  story s = begin();
  assert_false(sm_alert_rules_silent(&s.state, &s.limits, INT64_MAX / 2));
}

typedef struct night_row {
  int64_t watt[SM_ALERT_NIGHTS + 1];
  bool open_before;
  bool open_after;
} night_row;

static void a_night_is_held_against_those_before(void **state) {
  (void)state;
  static const night_row rows[] = {
      {{160, 100, 100, 100, 100, 100, 100, 100}, false, true},
      {{149, 100, 100, 100, 100, 100, 100, 100}, false, false}, /* +50 W, but not 50 % */
      {{150, 100, 100, 100, 100, 100, 100, 100}, false, true},  /* both, just */
      {{60, 20, 20, 20, 20, 20, 20, 20}, false, false},         /* 200 %, but not 50 W */
      {{160, 100, 100, 100, -1, -1, -1, -1}, false, false},     /* too few are known */
      {{160, 100, -1, 100, -1, 100, -1, 100}, false, true},
      {{-1, 100, 100, 100, 100, 100, 100, 100}, false, false},
      {{160, 900, 100, 100, 100, 100, 100, 100}, false, true}, /* one is no rule */
      {{130, 160, 100, 100, 100, 100, 100, 100}, true, true},  /* within 50, not within 25 */
      {{125, 160, 100, 100, 100, 100, 100, 100}, true, false},
      {{160, 160, 160, 160, 160, 100, 100, 100}, true, false}, /* it has become usual */
      {{-1, 160, 160, 160, 160, 100, 100, 100}, true, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    story s = begin();
    int64_t night_mw[SM_ALERT_NIGHTS + 1];
    const sm_alert_sink sink = sink_of(&s);
    for (size_t k = 0; k <= SM_ALERT_NIGHTS; k++)
      night_mw[k] = rows[i].watt[k] < 0 ? -1 : rows[i].watt[k] * 1000;
    sm_alert_set_open(&s.state, SM_ALERT_NIGHT_BASELOAD, rows[i].open_before);
    sm_alert_rules_night(&s.state, &s.limits, night_mw, BEGIN_S * INT64_C(1000), &sink);
    if (sm_alert_is_open(&s.state, SM_ALERT_NIGHT_BASELOAD) != rows[i].open_after)
      fail_msg("row %zu: %s", i, s.text);
  }
}

static void a_budget_is_reached_once_a_month(void **state) {
  (void)state;
  story s = begin();
  const sm_alert_sink sink = sink_of(&s);
  s.limits.value[SM_LIMIT_BUDGET_ENERGY_AT] = 100000;
  s.limits.value[SM_LIMIT_BUDGET_MONEY_AT] = 50000;
  const struct {
    sm_alert_month month;
    int second;
  } rows[] = {{{99999, 49999}, 0},
              {{100000, 49999}, 1},
              {{100001, 50000}, 2},
              {{100002, 50001}, 3},
              {{10, 5000}, 4}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    sm_alert_rules_month(&s.state, &s.limits, &rows[i].month,
                         (BEGIN_S + rows[i].second) * INT64_C(1000), &sink);
  assert_string_equal(s.text, "budget_energy+1(100000,100000) budget_money+2(50000,50000) "
                              "budget_energy-4 budget_money-4 ");
}

static void a_certificate_is_told_of_thirty_days_before(void **state) {
  (void)state;
  story s = begin();
  const int64_t now = BEGIN_S * INT64_C(1000);
  const int64_t day = 86400000;
  const sm_alert_sink sink = sink_of(&s);
  sm_alert_rules_certificate(&s.state, &s.limits, now + 30 * day, now, &sink);
  assert_string_equal(s.text, "");
  sm_alert_rules_certificate(&s.state, &s.limits, now + 29 * day, now, &sink);
  sm_alert_rules_certificate(&s.state, &s.limits, now - day, now, &sink);
  assert_string_equal(s.text, "certificate+0(29000,30000) ");
  /* Not by a hair: a clock that is set back a little. */
  sm_alert_rules_certificate(&s.state, &s.limits, now + 30 * day, now, &sink);
  assert_string_equal(s.text, "certificate+0(29000,30000) ");
  sm_alert_rules_certificate(&s.state, &s.limits, now + 365 * day, now, &sink);
  assert_string_equal(s.text, "certificate+0(29000,30000) certificate-0 ");
}

static void what_is_switched_off_ends(void **state) {
  (void)state;
  story s = begin();
  const sm_alert_sink sink = sink_of(&s);
  sm_alert_set_open(&s.state, SM_ALERT_VOLTAGE_LOW, true);
  sm_alert_set_open(&s.state, SM_ALERT_OVERLOAD, true);
  sm_alert_set_open(&s.state, SM_ALERT_SILENT, true);
  s.limits.value[SM_LIMIT_LOW_ON] = 0;
  sm_alert_rules_switched(&s.state, &s.limits, BEGIN_S * INT64_C(1000), &sink);
  /* The load has no limit any more. */
  assert_string_equal(s.text, "voltage_low-0 overload-0 ");
  assert_true(sm_alert_is_open(&s.state, SM_ALERT_SILENT));
}

/* After a restart what is open is known, and what had begun is not. */
static void a_restored_state_opens_nothing_twice(void **state) {
  (void)state;
  story s = begin();
  sm_alert_set_open(&s.state, SM_ALERT_VOLTAGE_LOW, true);
  RUN(&s, "voltage_low-120 ", {0, 200, 0, 0}, {60, 200, 0, 0}, {120, 230, 0, 0}, {180, 230, 0, 0});
}

static void a_state_is_small(void **state) {
  (void)state;
  assert_true(sizeof(sm_alert_state) <= 96);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_sag_opens_when_it_has_lasted_and_ends_with_hysteresis),
      cmocka_unit_test(a_sag_that_is_over_at_once_is_none),
      cmocka_unit_test(a_sag_is_not_over_for_a_moment),
      cmocka_unit_test(nothing_is_known_of_a_gap),
      cmocka_unit_test(a_swell_is_judged_likewise),
      cmocka_unit_test(limits_of_ones_own_hold),
      cmocka_unit_test(an_older_reading_changes_nothing),
      cmocka_unit_test(load_is_held_against_what_is_sanctioned),
      cmocka_unit_test(odd_hours_are_those_that_were_set),
      cmocka_unit_test(a_reset_takes_three_that_agree),
      cmocka_unit_test(a_rollover_is_no_reset),
      cmocka_unit_test(silence_opens_once_and_ends_when_the_meter_is_back),
      cmocka_unit_test(who_never_spoke_is_not_silent),
      cmocka_unit_test(a_night_is_held_against_those_before),
      cmocka_unit_test(a_budget_is_reached_once_a_month),
      cmocka_unit_test(a_certificate_is_told_of_thirty_days_before),
      cmocka_unit_test(what_is_switched_off_ends),
      cmocka_unit_test(a_restored_state_opens_nothing_twice),
      cmocka_unit_test(a_state_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
