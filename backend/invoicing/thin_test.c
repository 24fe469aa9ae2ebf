/* A trace that was thinned says the same of every instant that it was thinned for. */
#include "invoicing/thin.h"

#include "billing/billing.h"
#include "billing/register.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

enum { POINTS = 3000, DAYS = 32, POWER = 23000, MODULUS = 10000000, ROUNDS = 300 };

#define QUARTER_MS INT64_C(900000)
#define DAY_MS INT64_C(86400000)
#define BEGIN_MS INT64_C(1767205800000) /* 2026-01-01T00:00:00+05:30 */

typedef struct month {
  sm_register_point point[POINTS];
  size_t count;
  int64_t instant_ms[DAYS];
  uint64_t random;
} month;

static int64_t below(month *m, int64_t limit) {
  m->random = m->random * 6364136223846793005U + 1442695040888963407U;
  return (int64_t)((m->random >> 33) % (uint64_t)limit);
}

/* Every quarter or so, from somewhat before the month to somewhat behind it, with holes. `wild`:
 * now and then something that is to be doubted. */
static void make(month *m, bool wild) {
  int64_t at = BEGIN_MS - QUARTER_MS * (below(m, 8) - 2);
  int64_t wh = below(m, 5000000);
  int64_t holes = below(m, 3) == 0 ? 100 : 1000000;
  m->count = 0;
  while (m->count < POINTS && at < BEGIN_MS + (DAYS - 1) * DAY_MS + 4 * QUARTER_MS) {
    int64_t chance = wild ? below(m, 2000) : 2;
    if (chance == 0) wh += 500000;
    if (chance == 1) wh = below(m, 1000);
    m->point[m->count++] = (sm_register_point){.ts_ms = at, .wh = wh};
    at += below(m, holes) == 0 ? below(m, 10 * DAY_MS) + 1 : QUARTER_MS - below(m, 1000);
    wh += below(m, 2000);
  }
  for (int i = 0; i < DAYS; i++) m->instant_ms[i] = BEGIN_MS + i * DAY_MS;
}

static sm_trace copy_of(const month *m) {
  sm_trace trace = {.point = malloc((m->count + 1) * sizeof *trace.point), .count = m->count};
  assert_non_null(trace.point);
  memcpy(trace.point, m->point, m->count * sizeof *trace.point);
  return trace;
}

static sm_course judged(const sm_register_point *point, size_t count) {
  sm_course course;
  assert_int_equal(sm_course_init(&course, point, count, MODULUS, POWER), SM_OK);
  return course;
}

/* Use until every instant, what stands around it, and both ends. */
static void compare(const month *m, const sm_trace *thin) {
  sm_course all = judged(m->point, m->count);
  sm_course few = judged(thin->point, thin->count);
  assert_int_equal(few.stretch_count, all.stretch_count);
  assert_int_equal(few.event_count, all.event_count);
  assert_int_equal(few.suspect_count, all.suspect_count);
  assert_int_equal(thin->point[0].ts_ms, m->point[0].ts_ms);
  assert_int_equal(thin->point[thin->count - 1].ts_ms, m->point[m->count - 1].ts_ms);
  for (int i = 0; i < DAYS; i++) {
    int64_t by_all, by_few;
    const sm_register_point *before[2], *after[2];
    assert_int_equal(sm_course_total(&all, 1000, m->instant_ms[i], &by_all), SM_OK);
    assert_int_equal(sm_course_total(&few, 1000, m->instant_ms[i], &by_few), SM_OK);
    assert_int_equal(by_few, by_all);
    sm_course_around(&all, m->instant_ms[i], &before[0], &after[0]);
    sm_course_around(&few, m->instant_ms[i], &before[1], &after[1]);
    assert_int_equal(before[0] != NULL, before[1] != NULL);
    assert_int_equal(after[0] != NULL, after[1] != NULL);
    if (before[0] != NULL) assert_int_equal(before[0]->ts_ms, before[1]->ts_ms);
    if (after[0] != NULL) assert_int_equal(after[0]->ts_ms, after[1]->ts_ms);
  }
  sm_course_fini(&all);
  sm_course_fini(&few);
}

static void the_register_at_each_day_stays_the_same(void **state) {
  (void)state;
  static month m;
  size_t thinned = 0;
  for (int round = 0; round < ROUNDS; round++) {
    m.random = (uint64_t)round + 1;
    make(&m, round % 3 == 0);
    sm_trace trace = copy_of(&m);
    sm_trace_thin(&trace, sm_billing_step_limit_w(POWER), m.instant_ms, DAYS);
    if (trace.count < m.count) thinned++;
    assert_true(trace.count == m.count || trace.count <= 2 * DAYS + 2);
    compare(&m, &trace);
    sm_trace_fini(&trace);
  }
  assert_true(thinned > ROUNDS / 2);
}

/* Makes one plain month doubtful by `spoil`: all of it is kept. */
static void stays_whole(void (*spoil)(month *m)) {
  static month m;
  m.random = 7;
  make(&m, false);
  spoil(&m);
  sm_trace trace = copy_of(&m);
  sm_trace_thin(&trace, sm_billing_step_limit_w(POWER), m.instant_ms, DAYS);
  assert_int_equal(trace.count, m.count);
  sm_trace_fini(&trace);
}

static void fall(month *m) {
  m->point[m->count / 2].wh -= 1000000;
}
static void leap(month *m) {
  for (size_t i = m->count / 2; i < m->count; i++) m->point[i].wh += 7000;
}
static void state_one(month *m) {
  m->point[m->count / 2].stated = true;
}
static void stand_still_in_time(month *m) {
  m->point[m->count / 2].ts_ms = m->point[m->count / 2 - 1].ts_ms;
}
static void beyond_reason(month *m) {
  for (size_t i = m->count / 2; i < m->count; i++) m->point[i].wh = INT64_MAX / 2;
}

static void any_doubt_keeps_all(void **state) {
  (void)state;
  stays_whole(fall);
  stays_whole(leap);
  stays_whole(state_one);
  stays_whole(stand_still_in_time);
  stays_whole(beyond_reason);
}

/* 900 steps of 2 Wh a second are each within the register's resolution; an hour of them is 7.2 kW
 * on a meter for 10 W, and with most left out it would be doubted. */
static void what_only_resolution_forgives_is_not_thinned(void **state) {
  (void)state;
  static sm_register_point point[POINTS];
  const int64_t instant_ms[] = {BEGIN_MS, BEGIN_MS + DAY_MS};
  for (int i = 0; i < POINTS; i++)
    point[i] = (sm_register_point){.ts_ms = BEGIN_MS + i * 1000, .wh = 2 * i};
  sm_trace trace = {.point = point, .count = POINTS};
  sm_trace_thin(&trace, 12, instant_ms, 2);
  assert_int_equal(trace.count, POINTS);
}

static void nothing_stays_nothing(void **state) {
  (void)state;
  sm_register_point two[] = {{.ts_ms = BEGIN_MS, .wh = 5}, {.ts_ms = BEGIN_MS + 1, .wh = 5}};
  sm_trace trace = {.point = NULL};
  sm_trace_thin(&trace, 1000, NULL, 0);
  assert_int_equal(trace.count, 0);
  trace = (sm_trace){.point = two, .count = 2};
  sm_trace_thin(&trace, 1000, NULL, 0);
  assert_int_equal(trace.count, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_register_at_each_day_stays_the_same),
      cmocka_unit_test(any_doubt_keeps_all),
      cmocka_unit_test(what_only_resolution_forgives_is_not_thinned),
      cmocka_unit_test(nothing_stays_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
