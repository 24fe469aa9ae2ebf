/* Time of day: what is used in which window, and what a window costs. */
#include "billing/billing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A tariff of 10.00 a kWh with these windows (and holidays) as tariff i. */
static void windows(kit *k, size_t i, const char *from, const char *time_of_day) {
  char json[1024];
  (void)snprintf(json, sizeof json,
                 "{\"name\":\"T\",\"effective_from\":\"%s\",\"slabs\":[{\"up_to_kwh\":null,"
                 "\"rate\":\"10.00\"}],\"time_of_day\":%s}",
                 from, time_of_day);
  kit_tariff(k, i, from, json);
}

#define WINDOW(name, from, to, percent)                                                            \
  "{\"name\":\"" name "\",\"from\":\"" from "\",\"to\":\"" to "\",\"percent\":\"" percent "\"}"
#define WINDOW_ON(name, from, to, percent, days)                                                   \
  "{\"name\":\"" name "\",\"from\":\"" from "\",\"to\":\"" to "\",\"percent\":\"" percent          \
  "\",\"days\":[" days "]}"
#define WEEKDAYS "\"mon\",\"tue\",\"wed\",\"thu\",\"fri\""

/* January 2026 (a Thursday first) in Kolkata with a kWh an hour, read every half hour. */
static kit *steady(const char *time_of_day) {
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_run(k, 0, "2025-12-30T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  windows(k, 0, "2025-01-01", time_of_day);
  return k;
}

/* Use of window w in segment s. */
static void expect(const sm_bill *bill, size_t s, size_t w, int64_t use_wh, int64_t untimed_wh) {
  assert_true(s < bill->segment_count && w < bill->segment[s].window_count);
  assert_int_equal(bill->segment[s].window[w].use_wh, use_wh);
  assert_int_equal(bill->segment[s].window[w].untimed_wh, untimed_wh);
}

static void done(kit *k, sm_bill *bill) {
  sm_bill_free(bill);
  kit_free(k);
}

static const sm_bill_line *line_of(const sm_bill *bill, const char *name) {
  for (size_t i = 0; i < bill->line_count; i++)
    if (strcmp(bill->line[i].name, name) == 0) return &bill->line[i];
  fail_msg("no line is called %s", name);
  return NULL;
}

static void a_window_on_weekdays_takes_its_hours(void **state) {
  (void)state;
  kit *k = steady("[" WINDOW_ON("Peak", "18:00", "22:00", "20", WEEKDAYS) "]");
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 22 * 4000, 0); /* 22 weekdays */
  /* 7440.00 of energy, 88 of 744 kWh: 880.00, 20 % */
  const sm_bill_line *line = line_of(bill, "Peak");
  assert_int_equal(line->kind, SM_LINE_TIME_OF_DAY);
  assert_int_equal(line->quantity, 880000000);
  assert_int_equal(line->quantity_places, 6);
  assert_string_equal(line->unit, "percent");
  assert_int_equal(line->rate_micro, 20000000);
  assert_int_equal(line->amount_minor, 17600);
  assert_int_equal(bill->total_minor, 744000 + 17600);
  assert_false(bill->estimated);
  done(k, bill);
}

static void a_window_past_midnight_belongs_to_the_day_it_begins_on(void **state) {
  (void)state;
  kit *k = steady("[" WINDOW("Night", "22:00", "06:00", "-10") "]");
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 31 * 8000,
         0); /* six hours of them begin in December, and two end in February */
  assert_int_equal(kit_amount(bill, "Night"), -24800);
  done(k, bill);
  /* Wednesdays: 31 December (its six hours of January), 7, 14, 21, 28 */
  k = steady("[" WINDOW_ON("Night", "22:00", "06:00", "-10", "\"wed\"") "]");
  bill = kit_bill(k);
  expect(bill, 0, 0, 6000 + 4 * 8000, 0);
  done(k, bill);
  /* Saturdays: 3, 10, 17, 24 and two hours of the 31st */
  k = steady("[" WINDOW_ON("Night", "22:00", "06:00", "-10", "\"sat\"") "]");
  bill = kit_bill(k);
  expect(bill, 0, 0, 4 * 8000 + 2000, 0);
  done(k, bill);
}

/* 26 January 2026 is a Monday. */
static void a_listed_holiday_is_no_weekday(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_run(k, 0, "2025-12-30T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  windows(k, 0, "2025-01-01",
          "[" WINDOW_ON("Week", "18:00", "22:00", "20", WEEKDAYS) "," WINDOW_ON(
              "Rest", "18:00", "22:00", "-20",
              "\"sat\",\"sun\",\"holiday\"") "," WINDOW("Dawn", "04:00", "05:00",
                                                        "1") "],\"holidays\":[\"2026-01-26\"]");
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 21 * 4000, 0);
  expect(bill, 0, 1, 10 * 4000, 0);
  expect(bill, 0, 2, 31 * 1000, 0);
  done(k, bill);
  /* all seven days are still not the holiday */
  k = kit_new("Asia/Kolkata", "2026-01");
  kit_run(k, 0, "2025-12-30T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  windows(k, 0, "2025-01-01",
          "[" WINDOW_ON("All", "23:00", "01:00", "20",
                        WEEKDAYS
                        ",\"sat\",\"sun\"") "],"
                                            "\"holidays\":[\"2026-01-26\",\"2026-01-31\"]");
  bill = kit_bill(k);
  expect(bill, 0, 0, 29 * 2000 + 1000, 0); /* and the hour that began on 31 December */
  done(k, bill);
}

static void use_in_a_long_gap_over_an_edge_is_untimed(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01",
          "[" WINDOW("Peak", "18:00", "22:00", "20") "," WINDOW("Late", "22:00", "24:00", "5") "]");
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-01-10T17:30:00+05:30", 30, 500);
  /* 17:30 to 19:30: 2 kWh, of which 1.5 would be in the window */
  kit_run(k, 0, "2026-01-10T19:30:00+05:30", "2026-01-10T21:00:00+05:30", 30, 500);
  k->point[0][k->meter[0].point_count - 4].wh += 2000;
  for (size_t i = k->meter[0].point_count - 3; i < k->meter[0].point_count; i++)
    k->point[0][i].wh += 2000;
  kit_run(k, 0, "2026-01-10T22:30:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  sm_bill *bill = kit_bill(k);
  /* the second gap, 21:00 to 22:30, has no use: nothing is untimed */
  assert_int_equal(bill->segment[0].window[0].untimed_wh, 1500);
  assert_int_equal(bill->segment[0].window[1].untimed_wh, 0);
  assert_int_equal(bill->day[9].use_wh, 24000 - 1500);
  expect(bill, 0, 0, 31 * 4000 - 1500 - 1000, 1500);
  done(k, bill);
}

/* 21:00 to 23:00, 4 kWh: of the peak's end half, of the late window's begin half, and neither is
 * timed. */
static void a_gap_over_an_end_is_untimed_on_both_sides(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01",
          "[" WINDOW("Peak", "18:00", "22:00", "20") "," WINDOW("Late", "22:00", "24:00", "5") "]");
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-01-10T21:00:00+05:30", 30, 500);
  size_t first = k->meter[0].point_count;
  kit_run(k, 0, "2026-01-10T23:00:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  for (size_t i = first; i < k->meter[0].point_count; i++) k->point[0][i].wh += 4000;
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 31 * 4000 - 1000, 2000);
  expect(bill, 0, 1, 31 * 2000 - 1000, 2000);
  done(k, bill);
  /* over the end alone: nothing holds behind it */
  k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01", "[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-01-10T21:00:00+05:30", 30, 500);
  kit_run(k, 0, "2026-01-10T22:30:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  for (size_t i = first; i < k->meter[0].point_count; i++) k->point[0][i].wh += 1500;
  bill = kit_bill(k);
  expect(bill, 0, 0, 31 * 4000 - 1000, 1000);
  done(k, bill);
}

static void a_gap_of_an_hour_or_inside_a_window_is_timed(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01", "[" WINDOW("Peak", "18:30", "22:00", "20") "]");
  /* read every hour on the hour: no gap is longer, and the edge is interpolated */
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 60, 1000);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 31 * 3500, 0);
  /* a minute more in one step */
  k->point[0][(24 + 19)].ts_ms += 60000;
  sm_bill *longer = kit_bill(k);
  /* of 1 January 18:00 to 19:01, 1 kWh: 31 of 61 minutes */
  assert_int_equal(longer->segment[0].window[0].untimed_wh, 508);
  sm_bill_free(longer);
  k->point[0][(24 + 19)].ts_ms -= 60000;
  /* three hours inside the window */
  memmove(&k->point[0][24 + 20], &k->point[0][24 + 22],
          (k->meter[0].point_count - 24 - 22) * sizeof k->point[0][0]);
  k->meter[0].point_count -= 2;
  longer = kit_bill(k);
  expect(longer, 0, 0, 31 * 3500, 0);
  sm_bill_free(longer);
  done(k, bill);
}

/* The gap is over the month's edge, and over the cut; a window of whole days has no edge there. */
static void a_gap_over_a_cut_is_told_by_the_days_around_it(void **state) {
  (void)state;
  static const char *const days[] = {"\"wed\",\"thu\"", "\"thu\""};
  for (int i = 0; i < 2; i++) {
    char list[256];
    kit *k = kit_new("Asia/Kolkata", "2026-01");
    (void)snprintf(list, sizeof list,
                   "[{\"name\":\"W\",\"from\":\"00:00\",\"to\":\"24:00\",\"percent\":\"5\","
                   "\"days\":[%s]}]",
                   days[i]);
    windows(k, 0, "2025-01-01", list);
    windows(k, 1, "2026-01-08", list); /* a Thursday */
    kit_run(k, 0, "2025-12-30T00:00:00+05:30", "2025-12-31T12:00:00+05:30", 30, 500);
    kit_run(k, 0, "2026-01-01T12:00:00+05:30", "2026-01-07T12:00:00+05:30", 30, 500);
    kit_run(k, 0, "2026-01-08T12:00:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
    for (size_t p = 0; p < k->meter[0].point_count; p++)
      k->point[0][p].wh = 1000000 + (k->point[0][p].ts_ms - k->point[0][0].ts_ms) / 3600;
    sm_bill *bill = kit_bill(k);
    if (i == 0) {
      expect(bill, 0, 0, 48000, 0);     /* Thursday 1, Wednesday 7: the gaps are inside */
      expect(bill, 1, 0, 7 * 24000, 0); /* 8, 14, 15, 21, 22, 28, 29 */
    } else {
      expect(bill, 0, 0, 12000, 12000); /* the Thursday's morning lies in a gap over its edge */
      expect(bill, 1, 0, 3 * 24000 + 12000, 12000);
    }
    assert_true(bill->estimated); /* the gaps are over edges of the period */
    done(k, bill);
  }
}

/* The clock goes from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October. */
static int64_t berlin(const char *month, const char *time_of_day) {
  kit *k = kit_new("Europe/Berlin", month);
  windows(k, 0, "2025-01-01", time_of_day);
  bool spring = strcmp(month, "2026-03") == 0;
  kit_run(k, 0, spring ? "2026-02-27T23:00:00Z" : "2026-09-29T22:00:00Z",
          spring ? "2026-04-01T22:00:00Z" : "2026-11-01T23:00:00Z", 15, 250);
  sm_bill *bill = kit_bill(k);
  int64_t use_wh = bill->segment[0].window[0].use_wh;
  assert_int_equal(bill->segment[0].window[0].untimed_wh, 0);
  done(k, bill);
  return use_wh;
}

static void an_edge_in_a_skipped_hour_is_its_end(void **state) {
  (void)state;
  assert_int_equal(berlin("2026-03", "[" WINDOW("W", "02:00", "03:00", "1") "]"), 30 * 1000);
  assert_int_equal(berlin("2026-03", "[" WINDOW("W", "01:00", "02:30", "1") "]"), 30 * 1500 + 1000);
  assert_int_equal(berlin("2026-03", "[" WINDOW("W", "02:30", "04:00", "1") "]"), 30 * 1500 + 1000);
  assert_int_equal(berlin("2026-03", "[" WINDOW("W", "22:00", "06:00", "1") "]"), 31 * 8000 - 1000);
  assert_int_equal(berlin("2026-03", "[" WINDOW("W", "00:00", "24:00", "1") "]"), 743 * 1000);
}

static void an_edge_in_an_hour_that_comes_twice_is_the_first(void **state) {
  (void)state;
  assert_int_equal(berlin("2026-10", "[" WINDOW("W", "02:00", "03:00", "1") "]"), 32 * 1000);
  assert_int_equal(berlin("2026-10", "[" WINDOW("W", "02:30", "03:00", "1") "]"), 30 * 500 + 1500);
  assert_int_equal(berlin("2026-10", "[" WINDOW("W", "01:00", "02:30", "1") "]"), 31 * 1500);
  assert_int_equal(berlin("2026-10", "[" WINDOW("W", "00:00", "24:00", "1") "]"), 745 * 1000);
}

/* A meter against the account, a multiplier, and a reset inside the window. */
static void meters_count_with_their_sign_and_multiplier(void **state) {
  (void)state;
  kit *k = steady("[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  size_t m = kit_meter(k, "flat");
  k->meter[m].sign = -1;
  k->meter[m].multiplier_milli = 1500;
  kit_run(k, m, "2025-12-30T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 15, 100);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 31 * 4000 - 31 * 2400, 0);
  assert_int_equal(bill->consumption_wh, 744000 - 744 * 600);
  /* 2976.00 of energy, 49.6 of 297.6 kWh: 496.00, 20 % */
  assert_int_equal(kit_amount(bill, "Peak"), 9920);
  done(k, bill);
}

static void a_reset_in_a_window_is_timed_from_zero(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01", "[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-01-10T19:00:00+05:30", 30, 500);
  size_t first = k->meter[0].point_count;
  kit_run(k, 0, "2026-01-10T19:30:00+05:30", "2026-02-02T00:00:00+05:30", 30, 500);
  for (size_t i = first; i < k->meter[0].point_count; i++)
    k->point[0][i].wh = (int64_t)(i - first) * 500 + 200;
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->event_count, 1);
  expect(bill, 0, 0, 31 * 4000 - 300, 0); /* 200 of 500 Wh are known */
  done(k, bill);
}

static void a_segment_without_use_has_no_window_lines(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01", "[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 30, 0);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 0, 0, 0);
  assert_int_equal(kit_count(bill, SM_LINE_TIME_OF_DAY), 0);
  done(k, bill);
  /* and a meter never read */
  k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01", "[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  bill = kit_bill(k);
  expect(bill, 0, 0, 0, 0);
  assert_int_equal(bill->day_count, 0);
  done(k, bill);
}

/* The main meter uses less than the flats behind it: a segment of negative use. */
static void a_segment_of_negative_use_is_windowed_like_any_other(void **state) {
  (void)state;
  kit *k = steady("[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  windows(k, 1, "2026-01-16", "[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  size_t m = kit_meter(k, "flat");
  k->meter[m].sign = -1;
  kit_run(k, m, "2025-12-30T00:00:00+05:30", "2026-01-16T00:00:00+05:30", 30, 0);
  kit_run(k, m, "2026-01-16T00:30:00+05:30", "2026-02-02T00:00:00+05:30", 30, 600);
  for (size_t i = 0; i < k->meter[m].point_count; i++)
    if (k->point[m][i].ts_ms > kit_ms("2026-01-16T00:00:00+05:30")) k->point[m][i].wh += 600;
  sm_bill *bill = kit_bill(k);
  /* 15 days of 24 kWh, then 16 of -4.8: -76.8 kWh, and of them 12.8 in the window */
  assert_int_equal(bill->segment[1].use_wh, -76800);
  expect(bill, 1, 0, -12800, 0);
  assert_int_equal(bill->line[3].amount_minor, -76800);
  /* the part is 12.8 of 76.8: of -768.00 it is -128.00 */
  assert_int_equal(bill->line[4].kind, SM_LINE_TIME_OF_DAY);
  assert_int_equal(bill->line[4].quantity, -128000000);
  assert_int_equal(bill->line[4].amount_minor, -2560);
  done(k, bill);
}

/* All of a day's windows and the rest of it are the day. */
static void windows_that_tile_the_day_add_up_to_the_segment(void **state) {
  (void)state;
  kit *k = kit_new("America/St_Johns", "2026-03");
  windows(k, 0, "2025-01-01",
          "[" WINDOW("A", "23:45", "02:15", "1") "," WINDOW("B", "02:15", "02:45", "1") "," WINDOW(
              "C", "02:45", "17:30", "1") "," WINDOW("D", "17:30", "23:45", "1") "]");
  kit_run(k, 0, "2026-02-26T00:07:00Z", "2026-04-03T00:00:00Z", 17, 333);
  sm_bill *bill = kit_bill(k);
  int64_t sum = 0;
  for (size_t i = 0; i < 4; i++) sum += bill->segment[0].window[i].use_wh;
  assert_int_equal(sum, bill->consumption_wh);
  done(k, bill);
}

/* In the running month what comes takes after what was. */
static void the_projection_keeps_the_windows_parts(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  windows(k, 0, "2025-01-01", "[" WINDOW("Peak", "18:00", "22:00", "20") "]");
  kit_run(k, 0, "2025-12-31T00:00:00+05:30", "2026-01-11T00:00:00+05:30", 30, 500);
  k->input.now_ms = kit_ms("2026-01-11T00:05:00+05:30");
  sm_bill *bill = kit_bill(k);
  assert_true(bill->running);
  expect(bill, 0, 0, 40000, 0);
  assert_int_equal(bill->day_count, 10);
  assert_int_equal(kit_amount(bill, "Peak"), 8000);
  /* 744 kWh, 124 of them in the window: 7440.00 + 248.00 */
  assert_int_equal(bill->projection.consumption_wh, 744000);
  assert_int_equal(bill->projection.total_minor, 744000 + 24800);
  assert_int_equal(bill->projection.low_minor, bill->projection.total_minor);
  done(k, bill);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_window_on_weekdays_takes_its_hours),
      cmocka_unit_test(a_window_past_midnight_belongs_to_the_day_it_begins_on),
      cmocka_unit_test(a_listed_holiday_is_no_weekday),
      cmocka_unit_test(use_in_a_long_gap_over_an_edge_is_untimed),
      cmocka_unit_test(a_gap_over_an_end_is_untimed_on_both_sides),
      cmocka_unit_test(a_gap_of_an_hour_or_inside_a_window_is_timed),
      cmocka_unit_test(a_gap_over_a_cut_is_told_by_the_days_around_it),
      cmocka_unit_test(an_edge_in_a_skipped_hour_is_its_end),
      cmocka_unit_test(an_edge_in_an_hour_that_comes_twice_is_the_first),
      cmocka_unit_test(meters_count_with_their_sign_and_multiplier),
      cmocka_unit_test(a_reset_in_a_window_is_timed_from_zero),
      cmocka_unit_test(a_segment_without_use_has_no_window_lines),
      cmocka_unit_test(a_segment_of_negative_use_is_windowed_like_any_other),
      cmocka_unit_test(windows_that_tile_the_day_add_up_to_the_segment),
      cmocka_unit_test(the_projection_keeps_the_windows_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
