/* Demand: the highest average over windows of the clock, and what it costs. */
#include "billing/billing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A tariff of 2.00 a kWh and 100.00 a kW as tariff i. */
static void demand(kit *k, size_t i, const char *from, int window_minutes) {
  char json[512];
  (void)snprintf(
      json, sizeof json,
      "{\"name\":\"T\",\"effective_from\":\"%s\",\"slabs\":[{\"up_to_kwh\":null,"
      "\"rate\":\"2.00\"}],\"demand\":{\"rate_per_kw\":\"100.00\",\"window_minutes\":%d}}",
      from, window_minutes);
  kit_tariff(k, i, from, json);
}

static const char begin[] = "2025-12-31T23:00:00+05:30";
static const char end[] = "2026-02-01T01:00:00+05:30";

/* January 2026 in Kolkata by windows of 30 minutes: 1 kW all the time, read every 5 minutes, the
 * last but one of each window 1 Wh short (which changes no window). */
static kit *steady(void) {
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  demand(k, 0, "2025-01-01", 30);
  kit_run(k, 0, begin, end, 5, 0);
  for (size_t i = 0; i < k->meter[0].point_count; i++)
    k->point[0][i].wh = 1000000 + (int64_t)i * 1000 / 12;
  return k;
}

/* More use of a meter from an instant on. */
static void add(kit *k, size_t m, const char *time, int64_t wh) {
  for (size_t i = 0; i < k->meter[m].point_count; i++)
    if (k->point[m][i].ts_ms >= kit_ms(time)) k->point[m][i].wh += wh;
}

/* Takes the readings of [from, to) away. */
static void silence(kit *k, size_t m, const char *from, const char *to) {
  size_t kept = 0;
  for (size_t i = 0; i < k->meter[m].point_count; i++)
    if (k->point[m][i].ts_ms < kit_ms(from) || k->point[m][i].ts_ms >= kit_ms(to))
      k->point[m][kept++] = k->point[m][i];
  k->meter[m].point_count = kept;
}

static void expect(const sm_bill *bill, size_t s, int64_t kw_centi, const char *from,
                   int64_t skipped) {
  const sm_bill_demand *d = &bill->segment[s].demand;
  assert_true(d->charged && d->measured);
  assert_int_equal(d->kw_centi, kw_centi);
  if (from != NULL) assert_int_equal(d->from_ms, kit_ms(from));
  assert_int_equal(d->to_ms, d->from_ms + (int64_t)d->window_minutes * 60000);
  assert_int_equal(d->skipped, skipped);
}

static void done(kit *k, sm_bill *bill) {
  sm_bill_free(bill);
  kit_free(k);
}

static const sm_bill_line *demand_line(const sm_bill *bill, size_t s) {
  const sm_bill_segment *segment = &bill->segment[s];
  for (size_t i = 0; i < segment->line_count; i++)
    if (bill->line[segment->first_line + i].kind == SM_LINE_DEMAND)
      return &bill->line[segment->first_line + i];
  return NULL;
}

static void the_highest_window_of_the_clock_is_charged(void **state) {
  (void)state;
  kit *k = steady();
  /* 2 kWh in the window from 18:30, 1.5 of them within 15 minutes that cross no edge */
  add(k, 0, "2026-01-20T18:40:00+05:30", 700);
  add(k, 0, "2026-01-20T18:50:00+05:30", 800);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 400, "2026-01-20T18:30:00+05:30", 0);
  const sm_bill_line *line = demand_line(bill, 0);
  assert_non_null(line);
  assert_string_equal(line->name, "Demand");
  assert_string_equal(line->unit, "kW");
  assert_int_equal(line->quantity, 4000000);
  assert_int_equal(line->rate_micro, 100000000);
  assert_int_equal(line->amount_minor, 40000);
  done(k, bill);
}

static void use_over_an_edge_counts_on_both_sides(void **state) {
  (void)state;
  kit *k = steady();
  add(k, 0, "2026-01-20T19:00:00+05:30", 700); /* between 18:55 and 19:00 */
  add(k, 0, "2026-01-20T19:05:00+05:30", 800);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 260, "2026-01-20T19:00:00+05:30", 0); /* 500 + 800 Wh in half an hour */
  done(k, bill);
}

static void kw_are_rounded_to_a_hundredth_half_away(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  demand(k, 0, "2025-01-01", 60);
  kit_run(k, 0, begin, end, 5, 0);
  add(k, 0, "2026-01-20T18:30:00+05:30", 1005);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 101, "2026-01-20T18:00:00+05:30", 0);
  k->point[0][0].wh++; /* before the month: no matter */
  add(k, 0, "2026-01-20T18:30:00+05:30", -1);
  sm_bill *less = kit_bill(k);
  expect(less, 0, 100, "2026-01-20T18:00:00+05:30", 0);
  sm_bill_free(less);
  done(k, bill);
}

static void a_window_with_a_gap_of_more_than_five_minutes_is_skipped(void **state) {
  (void)state;
  kit *k = steady();
  add(k, 0, "2026-01-20T18:40:00+05:30", 700);
  silence(k, 0, "2026-01-20T18:45:00+05:30", "2026-01-20T18:46:00+05:30");
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->segment[0].demand.skipped, 1);
  assert_true(bill->segment[0].demand.kw_centi < 110);
  sm_bill_free(bill);
  /* a gap over an edge takes both sides */
  silence(k, 0, "2026-01-22T18:30:00+05:30", "2026-01-22T18:31:00+05:30");
  bill = kit_bill(k);
  assert_int_equal(bill->segment[0].demand.skipped, 3);
  done(k, bill);
}

/* Of a plain quarter a trace has the ends alone, and the longest gap. */
static void a_gap_that_a_trace_hides_is_told_by_its_points(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  demand(k, 0, "2025-01-01", 15);
  int64_t quarter = 900000;
  size_t n = 0;
  for (int64_t at = kit_ms(begin); at < kit_ms(end); at += quarter) {
    int64_t wh = 1000000 + (at - kit_ms(begin)) / 3600;
    k->point[0][n++] = (sm_register_point){.ts_ms = at, .wh = wh};
    k->point[0][n++] =
        (sm_register_point){.ts_ms = at + quarter - 60000, .wh = wh + 240, .gap_ms = 300000};
  }
  k->meter[0].point_count = n;
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->segment[0].demand.skipped, 0);
  sm_bill_free(bill);
  k->point[0][101].gap_ms = 300001;
  bill = kit_bill(k);
  assert_int_equal(bill->segment[0].demand.skipped, 1);
  sm_bill_free(bill);
  /* a wild reading before the second point: what was left out is not known to be good */
  k->point[0][101].gap_ms = 300000;
  memmove(&k->point[0][102], &k->point[0][101], (n - 101) * sizeof k->point[0][0]);
  k->point[0][101] = (sm_register_point){.ts_ms = k->point[0][100].ts_ms + 1000, .wh = 9000000};
  k->meter[0].point_count++;
  bill = kit_bill(k);
  assert_int_equal(bill->segment[0].demand.skipped, 1);
  done(k, bill);
}

static void a_window_with_an_event_is_skipped(void **state) {
  (void)state;
  kit *k = steady();
  /* a reset, read without a pause: the window from 18:30, and the step over its end as well */
  for (size_t i = 0; i < k->meter[0].point_count; i++)
    if (k->point[0][i].ts_ms >= kit_ms("2026-01-20T18:50:00+05:30")) k->point[0][i].wh -= 1000000;
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->event_count, 1);
  assert_int_equal(bill->segment[0].demand.skipped, 1);
  done(k, bill);
  k = steady();
  /* a rollover at the edge: both windows hold a part of the step over it */
  for (size_t i = 0; i < k->meter[0].point_count; i++)
    k->point[0][i].wh +=
        k->point[0][i].ts_ms < kit_ms("2026-01-20T18:30:00+05:30") ? 8524500 : -1475500;
  bill = kit_bill(k);
  assert_int_equal(bill->event_count, 1);
  assert_int_equal(bill->event[0].kind, SM_EVENT_ROLLOVER);
  assert_int_equal(bill->segment[0].demand.skipped, 1);
  done(k, bill);
}

static void meters_are_summed_window_by_window(void **state) {
  (void)state;
  kit *k = steady();
  size_t m = kit_meter(k, "second");
  k->meter[m].multiplier_milli = 2000;
  kit_run(k, m, begin, end, 5, 0);
  /* each has its highest at another time; together it is the third */
  add(k, 0, "2026-01-10T10:10:00+05:30", 900);
  add(k, m, "2026-01-11T10:10:00+05:30", 400);
  add(k, 0, "2026-01-12T10:10:00+05:30", 700);
  add(k, m, "2026-01-12T10:15:00+05:30", 300);
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 360, "2026-01-12T10:00:00+05:30", 0); /* 500 + 700 + 600 Wh */
  sm_bill_free(bill);
  k->meter[m].sign = -1;
  bill = kit_bill(k);
  expect(bill, 0, 280, "2026-01-10T10:00:00+05:30", 0);
  sm_bill_free(bill);
  /* one that is silent spoils it for both */
  silence(k, m, "2026-01-10T10:20:00+05:30", "2026-01-10T10:24:00+05:30");
  silence(k, m, "2026-01-10T10:25:00+05:30", "2026-01-10T10:29:00+05:30");
  bill = kit_bill(k);
  assert_int_equal(bill->segment[0].demand.skipped, 1);
  done(k, bill);
}

static void a_window_in_which_a_meter_comes_or_goes_is_skipped(void **state) {
  (void)state;
  kit *k = steady();
  size_t m = kit_meter(k, "new");
  kit_run(k, m, begin, end, 5, 100);
  k->meter[0].to_ms = k->meter[m].from_ms = kit_ms("2026-01-20T18:40:00+05:30");
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 120, "2026-01-20T19:00:00+05:30", 1);
  sm_bill_free(bill);
  /* at an edge it does no harm; without a meter there is nothing to measure */
  k->meter[0].to_ms = kit_ms("2026-01-20T18:30:00+05:30");
  k->meter[m].from_ms = kit_ms("2026-01-20T19:30:00+05:30");
  bill = kit_bill(k);
  expect(bill, 0, 120, "2026-01-20T19:30:00+05:30", 2);
  done(k, bill);
}

static void without_a_window_that_counts_there_is_no_line_and_a_flag(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  demand(k, 0, "2025-01-01", 30);
  kit_run(k, 0, begin, end, 10, 100);
  sm_bill *bill = kit_bill(k);
  assert_true(bill->segment[0].demand.charged);
  assert_false(bill->segment[0].demand.measured);
  assert_int_equal(bill->segment[0].demand.skipped, 31 * 48);
  assert_int_equal(kit_count(bill, SM_LINE_DEMAND), 0);
  done(k, bill);
}

static void demand_is_never_below_zero(void **state) {
  (void)state;
  kit *k = steady();
  k->meter[0].sign = -1;
  sm_bill *bill = kit_bill(k);
  assert_true(bill->segment[0].demand.measured);
  assert_int_equal(bill->segment[0].demand.kw_centi, 0);
  assert_int_equal(kit_count(bill, SM_LINE_DEMAND), 0);
  done(k, bill);
}

static void each_segment_has_its_own_by_its_days(void **state) {
  (void)state;
  kit *k = steady();
  demand(k, 1, "2026-01-11", 15);
  add(k, 0, "2026-01-05T18:40:00+05:30", 1000); /* 1.5 kWh in half an hour */
  add(k, 0, "2026-01-20T18:40:00+05:30", 500);  /* 0.75 kWh in a quarter */
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 300, "2026-01-05T18:30:00+05:30", 0);
  expect(bill, 1, 300, "2026-01-20T18:30:00+05:30", 0);
  /* 3.00 kW × 10 / 31 = 0.967742, and 300.00 × 10 / 31 = 96.774 */
  assert_int_equal(demand_line(bill, 0)->quantity, 967742);
  assert_int_equal(demand_line(bill, 0)->amount_minor, 9677);
  assert_int_equal(demand_line(bill, 1)->amount_minor, 20323);
  done(k, bill);
}

/* What a change of the clock makes shorter or longer is no window. */
static int64_t skipped_in(const char *zone, const char *month, int window_minutes) {
  kit *k = kit_new(zone, month);
  demand(k, 0, "2020-01-01", window_minutes);
  sm_bill *bill = kit_bill(k); /* no reading: all are skipped, and nothing is measured */
  assert_int_equal(bill->segment[0].demand.skipped, 0);
  sm_bill_free(bill);
  char from[40], to[40];
  (void)snprintf(from, sizeof from, "%s-01T00:00:00Z", month);
  kit_read(k, 0, from, 1000000);
  k->point[0][0].ts_ms -= 86400000;
  (void)snprintf(to, sizeof to, "%s-28T00:00:00Z", month);
  kit_read(k, 0, to, 1000000);
  bill = kit_bill(k);
  int64_t skipped = bill->segment[0].demand.skipped;
  done(k, bill);
  return skipped;
}

static void windows_stand_on_the_local_clock(void **state) {
  (void)state;
  assert_int_equal(skipped_in("Europe/Berlin", "2026-03", 30), 743 * 2);
  assert_int_equal(skipped_in("Europe/Berlin", "2026-10", 30), 745 * 2);
  assert_int_equal(skipped_in("Europe/Berlin", "2026-10", 60), 745);
  assert_int_equal(skipped_in("Asia/Kathmandu", "2026-03", 60), 744);
  /* half an hour forward at 02:00 on 4 October, back at 02:00 on 5 April */
  assert_int_equal(skipped_in("Australia/Lord_Howe", "2026-10", 30), 743 * 2 + 1);
  assert_int_equal(skipped_in("Australia/Lord_Howe", "2026-10", 60), 742);
  assert_int_equal(skipped_in("Australia/Lord_Howe", "2026-04", 60), 719);
}

static void the_running_months_highest_stands_in_the_projection(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  demand(k, 0, "2025-01-01", 30);
  demand(k, 1, "2026-01-21", 60);
  kit_run(k, 0, begin, "2026-01-11T00:07:00+05:30", 5, 100); /* 1.2 kW, until 00:05 */
  k->input.now_ms = kit_ms("2026-01-11T00:10:00+05:30");
  sm_bill *bill = kit_bill(k);
  expect(bill, 0, 120, "2026-01-01T00:00:00+05:30", 0);
  assert_false(bill->segment[1].demand.measured);
  assert_int_equal(bill->segment[1].demand.skipped, 0);
  /* 120.00 × 20 / 31 = 77.42; to come 892.8 kWh at 2.00, and 120.00 × 11 / 31 = 42.58 */
  assert_int_equal(demand_line(bill, 0)->amount_minor, 7742);
  assert_int_equal(bill->projection.consumption_wh, 892800);
  assert_int_equal(bill->projection.total_minor, 178560 + 7742 + 4258);
  done(k, bill);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_highest_window_of_the_clock_is_charged),
      cmocka_unit_test(use_over_an_edge_counts_on_both_sides),
      cmocka_unit_test(kw_are_rounded_to_a_hundredth_half_away),
      cmocka_unit_test(a_window_with_a_gap_of_more_than_five_minutes_is_skipped),
      cmocka_unit_test(a_gap_that_a_trace_hides_is_told_by_its_points),
      cmocka_unit_test(a_window_with_an_event_is_skipped),
      cmocka_unit_test(meters_are_summed_window_by_window),
      cmocka_unit_test(a_window_in_which_a_meter_comes_or_goes_is_skipped),
      cmocka_unit_test(without_a_window_that_counts_there_is_no_line_and_a_flag),
      cmocka_unit_test(demand_is_never_below_zero),
      cmocka_unit_test(each_segment_has_its_own_by_its_days),
      cmocka_unit_test(windows_stand_on_the_local_clock),
      cmocka_unit_test(the_running_months_highest_stands_in_the_projection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
