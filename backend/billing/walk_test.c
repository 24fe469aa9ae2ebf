/* Walking gives what asking gives; the calendar's days and edges. */
#include "billing/billing_test_kit.h"
#include "billing/calendar.h"
#include "billing/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 600, ROUNDS = 200 };

static int64_t below(uint64_t *state, int64_t limit) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (int64_t)((*state >> 33) % (uint64_t)limit);
}

/* Steps of any length, resets, jumps, rollovers, wild and repeated readings, and what a person
 * read. */
static size_t random_course(uint64_t *state, sm_register_point *point) {
  int64_t at = 1000000;
  int64_t wh = below(state, 10000000);
  for (size_t i = 0; i < POINTS; i++) {
    int64_t chance = below(state, 100);
    if (chance > 0) at += 1 + below(state, 4000000);
    if (chance == 1) wh = below(state, 100);
    if (chance == 2) wh += 500000;
    wh = (wh + below(state, 2000)) % 10000000;
    point[i] = (sm_register_point){
        .ts_ms = at, .wh = chance == 3 ? below(state, 10000000) : wh, .stated = chance == 4};
  }
  return POINTS;
}

static void walking_gives_what_asking_gives(void **state) {
  (void)state;
  static sm_register_point point[POINTS];
  size_t stretches = 0;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed;
    sm_billing_meter meter = {.device_id = "m",
                              .from_ms = INT64_MIN,
                              .to_ms = INT64_MAX,
                              .sign = below(&random, 2) == 0 ? 1 : -1,
                              .multiplier_milli =
                                  below(&random, 2) == 0 ? 1000 : 1 + below(&random, 9999),
                              .modulus_wh = 10000000,
                              .max_power_w = 23000,
                              .point = point,
                              .point_count = random_course(&random, point)};
    sm_measures measures;
    assert_int_equal(sm_measures_init(&measures, &meter, 1), SM_OK);
    sm_measures_clip(&measures, point[0].ts_ms + below(&random, 100000000),
                     point[POINTS - 1].ts_ms - below(&random, 100000000));
    stretches += measures.item[0].course.stretch_count;
    sm_walk walk;
    sm_account_walk account;
    assert_int_equal(sm_walk_init(&walk, &measures.item[0]), SM_OK);
    assert_int_equal(sm_account_walk_init(&account, &measures), SM_OK);
    for (int64_t at = 0; at < point[POINTS - 1].ts_ms + 5000000; at += below(&random, 3000000)) {
      int64_t walked, asked;
      assert_int_equal(sm_walk_total(&walk, at, &walked), SM_OK);
      assert_int_equal(
          sm_course_total(&measures.item[0].course, meter.multiplier_milli, at, &asked), SM_OK);
      assert_int_equal(walked, asked);
      if (at < measures.item[0].from_ms) continue;
      assert_int_equal(sm_account_walk_use(&account, at, &walked), SM_OK);
      assert_int_equal(sm_measures_use(&measures, at, &asked), SM_OK);
      assert_int_equal(walked, asked);
    }
    sm_account_walk_fini(&account);
    sm_measures_fini(&measures);
  }
  assert_true(stretches > 2 * ROUNDS);
}

static sm_zone *zone_of(const char *name) {
  sm_zone *zone = NULL;
  assert_int_equal(sm_zone_new(name, &zone), SM_OK);
  return zone;
}

static void a_calendar_has_the_zones_days(void **state) {
  (void)state;
  static const char *const names[] = {
      "Asia/Kolkata",        "Europe/Berlin",    "Asia/Beirut", "Africa/Casablanca",
      "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    sm_zone *zone = zone_of(names[i]);
    for (int month = 0; month < 16 * 12; month++) {
      static sm_calendar c;
      sm_date first = sm_date_add_months((sm_date){2010, 1, 1}, month);
      sm_calendar_init(&c, zone, first, 33);
      for (size_t day = 0; day < 33; day++) {
        sm_date date = sm_date_add_days(first, (int64_t)day);
        assert_int_equal(c.start_ms[day], sm_zone_day_start_ms(zone, date));
        assert_int_equal(sm_calendar_index(&c, date), day);
        for (int minute = 0; minute <= 1440; minute += 225)
          assert_int_equal(sm_calendar_at(&c, day, minute), sm_calendar_find(zone, date, minute));
      }
    }
    sm_zone_free(zone);
  }
}

static int64_t edge(const char *name, int year, int month, int day, int minute) {
  sm_zone *zone = zone_of(name);
  int64_t at = sm_calendar_find(zone, (sm_date){year, month, day}, minute);
  sm_zone_free(zone);
  return at;
}

static void an_edge_is_the_first_instant_that_shows_it_or_more(void **state) {
  (void)state;
  assert_int_equal(edge("Asia/Kolkata", 2026, 1, 31, 1440), kit_ms("2026-02-01T00:00:00+05:30"));
  assert_int_equal(edge("Europe/Berlin", 2026, 3, 29, 150), kit_ms("2026-03-29T03:00:00+02:00"));
  assert_int_equal(edge("Europe/Berlin", 2026, 10, 25, 150), kit_ms("2026-10-25T02:30:00+02:00"));
  assert_int_equal(edge("Europe/Berlin", 2026, 10, 25, 180), kit_ms("2026-10-25T03:00:00+01:00"));
  /* Midnight is skipped: the day begins at one. */
  assert_int_equal(edge("Asia/Beirut", 2024, 3, 31, 30), kit_ms("2024-03-31T01:00:00+03:00"));
  /* A day that there was not ends where it begins. */
  assert_int_equal(edge("Pacific/Apia", 2011, 12, 30, 720), kit_ms("2011-12-31T00:00:00+14:00"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(walking_gives_what_asking_gives),
      cmocka_unit_test(a_calendar_has_the_zones_days),
      cmocka_unit_test(an_edge_is_the_first_instant_that_shows_it_or_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
