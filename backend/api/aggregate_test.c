#include "api/aggregate.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE = 60000, HOUR = 3600000 };

static int64_t at(const char *text) {
  int64_t ms;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &ms), SM_OK);
  return ms;
}

static sm_zone *zone_of(const char *name) {
  sm_zone *zone;
  assert_int_equal(sm_zone_new(name, &zone), SM_OK);
  return zone;
}

static void starts_at(sm_agg agg, const sm_zone *zone, const char *instant, const char *start) {
  char text[40];
  assert_string_equal(sm_zone_format(zone, sm_agg_start_ms(agg, zone, at(instant)), text), start);
}

static void buckets_begin_on_the_clock_of_the_zone(void **state) {
  (void)state;
  sm_zone *kolkata = zone_of("Asia/Kolkata");
  starts_at(SM_AGG_MINUTE, kolkata, "2026-01-29T09:45:59.999Z", "2026-01-29T15:15:00+05:30");
  starts_at(SM_AGG_QUARTER, kolkata, "2026-01-29T09:44:59Z", "2026-01-29T15:00:00+05:30");
  starts_at(SM_AGG_HOUR, kolkata, "2026-01-29T09:29:59Z", "2026-01-29T14:00:00+05:30");
  starts_at(SM_AGG_HOUR, kolkata, "2026-01-29T09:30:00Z", "2026-01-29T15:00:00+05:30");
  starts_at(SM_AGG_DAY, kolkata, "2026-01-28T18:29:59Z", "2026-01-28T00:00:00+05:30");
  starts_at(SM_AGG_DAY, kolkata, "2026-01-28T18:30:00Z", "2026-01-29T00:00:00+05:30");
  starts_at(SM_AGG_MONTH, kolkata, "2026-01-31T18:30:00Z", "2026-02-01T00:00:00+05:30");
  sm_zone_free(kolkata);
  sm_zone *kathmandu = zone_of("Asia/Kathmandu");
  starts_at(SM_AGG_HOUR, kathmandu, "2026-01-29T09:20:00Z", "2026-01-29T15:00:00+05:45");
  sm_zone_free(kathmandu);
}

/* Every bucket begins where the one before ends, and holds exactly the instants between. */
static void check_chain(sm_agg agg, const char *zone_name, const char *from, const char *to) {
  sm_zone *zone = zone_of(zone_name);
  int64_t start = sm_agg_start_ms(agg, zone, at(from));
  while (start < at(to)) {
    int64_t next = sm_agg_next_ms(agg, zone, start);
    assert_true(next > start);
    for (int64_t part = 0; part < 8; part++)
      assert_int_equal(sm_agg_start_ms(agg, zone, start + (next - start) * part / 8), start);
    assert_int_equal(sm_agg_start_ms(agg, zone, next - 1), start);
    assert_int_equal(sm_agg_start_ms(agg, zone, next), next);
    assert_int_equal(start % MINUTE, 0);
    start = next;
  }
  sm_zone_free(zone);
}

static void buckets_follow_each_other_without_gap_also_where_the_clock_changes(void **state) {
  (void)state;
  static const char *const zones[] = {"Asia/Kolkata",        "Europe/Berlin", "America/New_York",
                                      "Australia/Lord_Howe", "UTC",           "Asia/Kathmandu",
                                      "America/Santiago",    "Pacific/Apia"};
  for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
    check_chain(SM_AGG_HOUR, zones[i], "2026-03-01T00:00:00Z", "2026-04-15T00:00:00Z");
    check_chain(SM_AGG_HOUR, zones[i], "2026-09-01T00:00:00Z", "2026-11-10T00:00:00Z");
    check_chain(SM_AGG_DAY, zones[i], "2026-01-01T00:00:00Z", "2027-01-10T00:00:00Z");
    check_chain(SM_AGG_MONTH, zones[i], "2025-01-01T00:00:00Z", "2028-01-10T00:00:00Z");
  }
}

static void a_day_may_have_23_or_25_hours(void **state) {
  (void)state;
  sm_zone *zone = zone_of("Europe/Berlin");
  int64_t spring = sm_agg_start_ms(SM_AGG_DAY, zone, at("2026-03-29T12:00:00Z"));
  int64_t autumn = sm_agg_start_ms(SM_AGG_DAY, zone, at("2026-10-25T12:00:00Z"));
  assert_int_equal(sm_agg_next_ms(SM_AGG_DAY, zone, spring) - spring, 23 * HOUR);
  assert_int_equal(sm_agg_next_ms(SM_AGG_DAY, zone, autumn) - autumn, 25 * HOUR);
  sm_zone_free(zone);
}

static void names_go_both_ways(void **state) {
  (void)state;
  static const char *const names[] = {"raw", "1m", "15m", "1h", "1d", "1M"};
  static const char *const bad[] = {"", "1D", "1H", "m", "RAW", "1mm", "month"};
  sm_agg agg;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_int_equal(sm_agg_parse(names[i], &agg), SM_OK);
    assert_string_equal(sm_agg_name(agg), names[i]);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_agg_parse(bad[i], &agg), SM_ERR_SYNTAX);
}

/* A register with odd steps and odd times, one reset and one rollover in it. */
static size_t make_points(sm_register_point *point, size_t count, unsigned seed) {
  int64_t ts = at("2026-01-01T00:00:00Z");
  int64_t wh = 9990000;
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1103515245u + 12345u;
    ts += 1000 + (int64_t)(seed >> 16) % 90000;
    wh += (int64_t)(seed >> 20) % 40;
    if (i == count / 3) wh = 17;
    if (wh >= 10000000) wh -= 10000000;
    point[i] = (sm_register_point){.ts_ms = ts, .wh = wh};
  }
  return count;
}

static void the_buckets_of_any_cuts_add_up_to_the_use_of_the_span(void **state) {
  (void)state;
  enum { POINTS = 4000, CUTS = 97 };
  static sm_register_point point[POINTS];
  for (unsigned seed = 1; seed <= 20; seed++) {
    sm_course course;
    size_t count = make_points(point, POINTS, seed);
    assert_int_equal(sm_course_init(&course, point, count, 10000000, 1000000), SM_OK);
    assert_true(course.event_count > 0);
    int64_t from = point[0].ts_ms - HOUR;
    int64_t to = point[POINTS - 1].ts_ms + HOUR;
    int64_t sum = 0;
    int64_t edge = from;
    int64_t opening = 0;
    int64_t closing = 0;
    for (int i = 0; i < CUTS; i++) {
      unsigned r = seed * 7919u + (unsigned)i * 104729u;
      int64_t next = i + 1 == CUTS ? to : edge + (to - edge) / (2 + (int64_t)(r % 60));
      sm_bucket bucket = {.start_ms = edge};
      assert_int_equal(sm_course_total(&course, 1000, next, &closing), SM_OK);
      assert_int_equal(sm_bucket_add_use(&bucket, opening, closing), SM_OK);
      assert_true(bucket.energy_wh >= 0);
      sum += bucket.energy_wh;
      edge = next;
      opening = closing;
    }
    int64_t whole;
    assert_int_equal(sm_course_total(&course, 1000, to, &whole), SM_OK);
    assert_true(whole > 0);
    assert_int_equal(sum, whole);
    sm_course_fini(&course);
  }
}

static sm_reading reading(int64_t ts_ms, int32_t power_mw, int32_t voltage_mv) {
  return (sm_reading){.ts_ms = ts_ms, .power_mw = power_mw, .voltage_mv = voltage_mv};
}

static void readings_and_their_quarter_give_the_same_bucket(void **state) {
  (void)state;
  sm_bucket one = {0};
  sm_bucket other = {0};
  sm_reading a = reading(0, 1000, 230000);
  sm_reading b = reading(1, 3001, 229000);
  sm_reading c = reading(2, 500, 231500);
  sm_quarter quarter = {.count = 2,
                        .power_sum_mw = 3501,
                        .power_max_mw = 3001,
                        .voltage_sum_mv = 460500,
                        .voltage_min_mv = 229000,
                        .voltage_max_mv = 231500};
  sm_bucket_add_reading(&one, &a);
  sm_bucket_add_reading(&one, &b);
  sm_bucket_add_reading(&one, &c);
  sm_bucket_add_reading(&other, &a);
  sm_bucket_add_quarter(&other, &quarter);
  assert_memory_equal(&one, &other, sizeof one);
}

static const char *json_of(const sm_bucket *bucket) {
  static char text[512];
  sm_zone *zone = zone_of("Asia/Kolkata");
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, sizeof text - 1);
  sm_jsonw_init(&w, &buf);
  sm_zone_stamp stamp = {.zone = zone};
  sm_bucket_write_json(&w, bucket, &stamp);
  strcpy(text, sm_buf_text(&buf));
  sm_buf_fini(&buf);
  sm_zone_free(zone);
  return text;
}

static void a_row_is_as_the_contract_says(void **state) {
  (void)state;
  sm_bucket bucket = {.start_ms = at("2026-01-29T09:30:00Z"),
                      .energy_wh = 1234,
                      .count = 3,
                      .power_sum_mw = 2000,
                      .power_max_mw = 1500,
                      .voltage_sum_mv = 690001,
                      .voltage_min_mv = 229500,
                      .voltage_max_mv = 230501};
  assert_string_equal(json_of(&bucket),
                      "{\"timestamp\":\"2026-01-29T15:00:00+05:30\",\"energy_kwh\":1.234,"
                      "\"power_w_avg\":0.667,\"power_w_max\":1.5,\"voltage_min\":229.5,"
                      "\"voltage_avg\":230,\"voltage_max\":230.501,\"count\":3}");
}

static void use_without_a_reading_is_shown_and_power_is_not_made_up(void **state) {
  (void)state;
  sm_bucket bucket = {.start_ms = at("2026-01-29T09:30:00Z")};
  assert_true(sm_bucket_is_empty(&bucket));
  bucket.energy_wh = 70;
  assert_false(sm_bucket_is_empty(&bucket));
  assert_string_equal(json_of(&bucket),
                      "{\"timestamp\":\"2026-01-29T15:00:00+05:30\",\"energy_kwh\":0.07,"
                      "\"power_w_avg\":null,\"power_w_max\":null,\"voltage_min\":null,"
                      "\"voltage_avg\":null,\"voltage_max\":null,\"count\":0}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buckets_begin_on_the_clock_of_the_zone),
      cmocka_unit_test(buckets_follow_each_other_without_gap_also_where_the_clock_changes),
      cmocka_unit_test(a_day_may_have_23_or_25_hours),
      cmocka_unit_test(names_go_both_ways),
      cmocka_unit_test(the_buckets_of_any_cuts_add_up_to_the_use_of_the_span),
      cmocka_unit_test(readings_and_their_quarter_give_the_same_bucket),
      cmocka_unit_test(a_row_is_as_the_contract_says),
      cmocka_unit_test(use_without_a_reading_is_shown_and_power_is_not_made_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
