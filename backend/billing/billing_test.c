#include "billing/billing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A kit for January 2026 in Kolkata whose meter reads 1000 kWh at the month's begin and so much
 * more at its end. */
static kit *january(int64_t use_wh) {
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-31T23:30:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 1000000 + use_wh);
  return k;
}

static int64_t total_of(int64_t use_wh) {
  kit *k = january(use_wh);
  sm_bill *bill = kit_bill(k);
  int64_t total = bill->total_minor;
  assert_false(bill->estimated);
  sm_bill_free(bill);
  kit_free(k);
  return total;
}

static void the_contracts_example_to_the_paisa(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->line_count, 5);
  assert_int_equal(kit_amount(bill, "0-100 kWh"), 35000);
  assert_int_equal(kit_amount(bill, "100-300 kWh"), 90000);
  assert_int_equal(kit_amount(bill, "over 300 kWh"), 30000);
  assert_int_equal(kit_amount(bill, "Fixed charge"), 5000);
  assert_int_equal(kit_amount(bill, "GST"), 28800);
  assert_int_equal(bill->subtotal_minor, 160000);
  assert_int_equal(bill->tax_minor, 28800);
  assert_int_equal(bill->total_minor, 188800);
  assert_int_equal(bill->opening_wh, 1000000);
  assert_int_equal(bill->closing_wh, 1350000);
  assert_int_equal(bill->consumption_wh, 350000);
  assert_int_equal(bill->from_ms, kit_ms("2026-01-01T00:00:00+05:30"));
  assert_int_equal(bill->to_ms, kit_ms("2026-02-01T00:00:00+05:30"));
  assert_false(bill->estimated);
  assert_true(bill->settled);
  assert_false(bill->has_projection);
  assert_int_equal(bill->reg_count, 1);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_slabs_upper_bound_belongs_to_it(void **state) {
  (void)state;
  /* (use × rate + 50) × 1.18, each line rounded */
  assert_int_equal(total_of(0), 5900);
  assert_int_equal(total_of(100000), 47200);              /* 350 + 50 = 400; tax 72 */
  assert_int_equal(total_of(100001), 47200);              /* 1 Wh at 4.50 is 0.0045: no line */
  assert_int_equal(total_of(100002), 47201);              /* 0.009 is 0.01; tax 72.0018 */
  assert_int_equal(total_of(300000), 153400);             /* 1300; tax 234 */
  assert_int_equal(total_of(300001), 153401);             /* 0.006 is 0.01; tax 234.0018 */
  assert_int_equal(total_of(99999), 35000 + 5000 + 7200); /* 349.9965 is 350.00 */
}

static const char whole[] =
    "{\"name\":\"W\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":100,\"rate\":"
    "\"3.50\"},{\"up_to_kwh\":300,\"rate\":\"4.50\"},{\"up_to_kwh\":null,\"rate\":\"6.00\"}],"
    "\"slab_mode\":\"whole_use\"}";

static void check_whole(int64_t use_wh, const char *name, int64_t amount) {
  kit *k = january(use_wh);
  kit_tariff(k, 0, "2026-01-01", whole);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_count(bill, SM_LINE_ENERGY), 1);
  assert_int_equal(kit_amount(bill, name), amount);
  sm_bill_free(bill);
  kit_free(k);
}

static void whole_use_takes_the_rate_of_the_slab_it_ends_in(void **state) {
  (void)state;
  check_whole(100000, "0-100 kWh", 35000);
  check_whole(100001, "100-300 kWh", 45000); /* 450.0045 */
  check_whole(300000, "100-300 kWh", 135000);
  check_whole(300001, "over 300 kWh", 180001); /* 1800.006 */
}

static void the_fixed_charge_stands_alone_when_nothing_is_used(void **state) {
  (void)state;
  kit *k = january(0);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->line_count, 2);
  assert_int_equal(bill->line[0].kind, SM_LINE_FIXED);
  assert_int_equal(bill->line[0].quantity, 1000000);
  assert_string_equal(bill->line[0].unit, "month");
  sm_bill_free(bill);
  kit_free(k);
}

/* A month whose meter counts one Wh a minute, read every 10 minutes, cut by the zone's midnights.
 */
static void check_month(const char *zone, const char *month, int64_t hours, const char *from,
                        const char *to) {
  kit *k = kit_new(zone, month);
  k->tariff[0].from = (sm_date){2020, 1, 1};
  int64_t start = kit_ms(from) - 86400000;
  for (int64_t i = 0; i <= hours * 2 + 96; i++) {
    assert_true(k->meter[0].point_count < KIT_POINTS);
    k->point[0][k->meter[0].point_count++] =
        (sm_register_point){.ts_ms = start + i * 1800000, .wh = i * 30};
  }
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->from_ms, kit_ms(from));
  assert_int_equal(bill->to_ms, kit_ms(to));
  assert_int_equal(bill->consumption_wh, hours * 60);
  assert_false(bill->estimated);
  assert_int_equal(kit_amount(bill, "Fixed charge"), 5000);
  sm_bill_free(bill);
  kit_free(k);
}

static void months_are_cut_in_the_zone(void **state) {
  (void)state;
  check_month("Asia/Kolkata", "2026-01", 744, "2025-12-31T18:30:00Z", "2026-01-31T18:30:00Z");
  check_month("Asia/Kolkata", "2028-02", 696, "2028-01-31T18:30:00Z", "2028-02-29T18:30:00Z");
  check_month("Asia/Kathmandu", "2026-04", 720, "2026-03-31T18:15:00Z", "2026-04-30T18:15:00Z");
  check_month("America/New_York", "2026-01", 744, "2026-01-01T05:00:00Z", "2026-02-01T05:00:00Z");
}

static void a_month_with_a_change_of_clocks_has_an_hour_more_or_less(void **state) {
  (void)state;
  check_month("Europe/Berlin", "2026-03", 743, "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
  check_month("Europe/Berlin", "2026-10", 745, "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
}

static void a_month_begins_where_its_first_midnight_is_skipped(void **state) {
  (void)state;
  /* In Paraguay the clocks went from 00:00 to 01:00 on 1 October 2023. */
  check_month("America/Asuncion", "2023-10", 743, "2023-10-01T04:00:00Z", "2023-11-01T03:00:00Z");
}

static void a_boundary_between_two_readings_is_to_the_nearest_wh(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-31T23:50:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-01T00:20:00+05:30", 1000100); /* a third is 33.33 */
  kit_read(k, 0, "2026-01-31T23:59:50+05:30", 1200000);
  kit_read(k, 0, "2026-02-01T00:00:10+05:30", 1200001); /* a half is a whole */
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->opening_wh, 1000033);
  assert_int_equal(bill->closing_wh, 1200001);
  assert_false(bill->estimated);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_gap_of_more_than_an_hour_at_a_boundary_is_estimated(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-31T23:30:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-01T00:30:00+05:30", 1000100); /* an hour to the ms: fine */
  kit_read(k, 0, "2026-01-31T23:30:00+05:30", 1200000);
  kit_read(k, 0, "2026-02-01T00:30:00.001+05:30", 1200100);
  sm_bill *bill = kit_bill(k);
  assert_true(bill->estimated);
  assert_int_equal(bill->reason_count, 1);
  assert_int_equal(bill->reason[0].code, SM_REASON_GAP_AT_BOUNDARY);
  assert_int_equal(bill->reason[0].at_ms, bill->to_ms);
  assert_non_null(strstr(bill->reason[0].text, "meter-001"));
  assert_int_equal(bill->opening_wh, 1000050);
  assert_int_equal(bill->closing_wh, 1200050);
  assert_true(bill->settled);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_gap_inside_the_month_is_no_estimate(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_bill *bill = kit_bill(k);
  assert_false(bill->estimated);
  sm_bill_free(bill);
  kit_free(k);
}

static void after_the_last_reading_the_register_stands_still_and_it_says_so(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-31T23:59:59+05:30", 1010000);
  sm_bill *bill = kit_bill(k);
  assert_true(bill->estimated);
  assert_false(bill->settled);
  assert_true(kit_has_reason(bill, SM_REASON_NO_READING_AFTER_END));
  assert_int_equal(bill->consumption_wh, 10000);
  assert_int_equal(bill->reg[0].to_ms, bill->to_ms);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_meter_silent_all_month_stands_still(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2025-12-20T23:59:59+05:30", 1010000);
  sm_bill *bill = kit_bill(k);
  assert_true(bill->estimated);
  assert_int_equal(bill->consumption_wh, 0);
  assert_true(bill->has_registers);
  assert_int_equal(bill->opening_wh, 1010000);
  assert_int_equal(bill->closing_wh, 1010000);
  assert_int_equal(bill->total_minor, 5900);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_first_month_is_partial_and_not_estimated(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-10T15:00:00+05:30", 250);
  kit_read(k, 0, "2026-01-10T15:01:00+05:30", 250);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 50250);
  sm_bill *bill = kit_bill(k);
  assert_false(bill->estimated);
  assert_int_equal(bill->from_ms, kit_ms("2026-01-10T00:00:00+05:30"));
  assert_int_equal(bill->days, 22);
  assert_int_equal(bill->opening_wh, 250);
  assert_int_equal(bill->consumption_wh, 50000);
  assert_int_equal(kit_amount(bill, "Fixed charge"), 3548); /* 50 × 22 / 31 = 35.4838… */
  assert_int_equal(bill->reg[0].from_ms, kit_ms("2026-01-10T15:00:00+05:30"));
  assert_int_equal(bill->segment[0].days, 22);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_month_before_the_first_reading_costs_nothing(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2025-12");
  kit_read(k, 0, "2026-01-10T15:00:00+05:30", 250);
  sm_bill *bill = kit_bill(k);
  assert_false(bill->has_registers);
  assert_int_equal(bill->reg_count, 0);
  assert_int_equal(bill->days, 0);
  assert_int_equal(bill->total_minor, 0);
  assert_int_equal(bill->line_count, 1);
  assert_int_equal(bill->line[0].quantity, 0);
  assert_false(bill->estimated);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_meter_with_no_reading_has_no_registers_and_no_use(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  sm_bill *bill = kit_bill(k);
  assert_false(bill->has_registers);
  assert_int_equal(bill->consumption_wh, 0);
  assert_false(bill->settled);
  sm_bill_free(bill);
  k->input.now_ms = kit_ms("2026-01-15T00:00:00Z");
  bill = kit_bill(k);
  assert_true(bill->has_projection);
  assert_int_equal(bill->projection.total_minor, 0);
  assert_int_equal(bill->to_ms, bill->from_ms);
  sm_bill_free(bill);
  kit_free(k);
}

static void the_running_month_ends_at_its_last_reading(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-31T23:55:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-02T00:00:00+05:30", 1008000);
  kit_read(k, 0, "2026-01-03T00:00:00+05:30", 1020000);
  kit_read(k, 0, "2026-01-11T00:00:00+05:30", 1100000);
  k->input.now_ms = kit_ms("2026-01-11T00:00:05+05:30");
  sm_bill *bill = kit_bill(k);
  assert_true(bill->running);
  assert_false(bill->estimated);
  assert_false(bill->settled);
  assert_int_equal(bill->to_ms, kit_ms("2026-01-11T00:00:00+05:30"));
  assert_int_equal(bill->reg[0].to_ms, bill->to_ms);
  assert_int_equal(bill->consumption_wh, 100000);
  assert_int_equal(kit_amount(bill, "Fixed charge"), 5000);
  assert_int_equal(bill->total_minor, 47200);
  assert_true(bill->has_projection);
  /* 10 kWh a day; the days were 8, 12 and eight times 10: 0.4 from their average */
  assert_int_equal(bill->projection.consumption_wh, 310000);
  assert_int_equal(bill->projection.total_minor, 160480); /* 350+900+60+50 = 1360, × 1.18 */
  assert_int_equal(bill->projection.low_minor, 154533);   /* 301.6: 9.60, 1309.60, tax 235.73 */
  assert_int_equal(bill->projection.high_minor, 166427);  /* 318.4: 110.40, 1410.40, tax 253.87 */
  sm_bill_free(bill);
  kit_free(k);
}

static void a_month_that_has_not_begun_is_refused(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-02");
  sm_bill *bill = NULL;
  k->input.now_ms = kit_ms("2026-01-31T23:59:59.999+05:30");
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_RANGE);
  k->input.now_ms++;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_OK);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_reset_is_shown_counted_from_zero_and_estimated(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-15T10:00:00+05:30", 1100000);
  kit_read(k, 0, "2026-01-15T10:10:00+05:30", 50);
  kit_read(k, 0, "2026-01-15T10:20:00+05:30", 150);
  kit_read(k, 0, "2026-01-15T10:30:00+05:30", 250);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 100000);
  sm_bill *bill = kit_bill(k);
  assert_true(bill->estimated);
  assert_true(kit_has_reason(bill, SM_REASON_RESET));
  assert_int_equal(bill->event_count, 1);
  assert_int_equal(bill->event[0].kind, SM_EVENT_RESET);
  assert_int_equal(bill->event[0].before_wh, 1100000);
  assert_int_equal(bill->event[0].after_wh, 50);
  assert_int_equal(bill->reg_count, 2);
  assert_int_equal(bill->reg[0].use_wh, 100000);
  assert_int_equal(bill->reg[1].opening_wh, 0);
  assert_int_equal(bill->reg[1].use_wh, 100000);
  assert_int_equal(bill->consumption_wh, 200000);
  assert_int_equal(bill->opening_wh, 1000000);
  assert_int_equal(bill->closing_wh, 100000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_rollover_is_shown_and_is_no_estimate(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 9900000);
  kit_read(k, 0, "2026-01-15T10:00:00+05:30", 9999000);
  kit_read(k, 0, "2026-01-15T10:10:00+05:30", 1000);
  kit_read(k, 0, "2026-01-15T10:20:00+05:30", 1100);
  kit_read(k, 0, "2026-01-15T10:30:00+05:30", 1200);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 50000);
  sm_bill *bill = kit_bill(k);
  assert_false(bill->estimated);
  assert_int_equal(bill->event_count, 1);
  assert_int_equal(bill->event[0].kind, SM_EVENT_ROLLOVER);
  assert_int_equal(bill->consumption_wh, 150000);
  assert_int_equal(bill->reg_count, 2);
  assert_int_equal(bill->reg[0].closing_wh, 10000000);
  assert_int_equal(bill->reg[0].to_ms, kit_ms("2026-01-15T10:05:00+05:30"));
  assert_int_equal(bill->reg[1].opening_wh, 0);
  assert_int_equal(bill->reg[1].closing_wh, 50000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_jump_is_never_billed_as_use(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-15T10:00:00+05:30", 1100000);
  kit_read(k, 0, "2026-01-15T10:10:00+05:30", 5000000);
  kit_read(k, 0, "2026-01-15T10:20:00+05:30", 5000100);
  kit_read(k, 0, "2026-01-15T10:30:00+05:30", 5000200);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 5100000);
  sm_bill *bill = kit_bill(k);
  assert_true(bill->estimated);
  assert_true(kit_has_reason(bill, SM_REASON_JUMP));
  assert_int_equal(bill->consumption_wh, 200000);
  assert_int_equal(bill->event[0].kind, SM_EVENT_JUMP);
  sm_bill_free(bill);
  kit_free(k);
}

static void an_event_outside_the_month_leaves_it_alone(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-30T10:00:00+05:30", 9000);
  kit_read(k, 0, "2025-12-30T10:10:00+05:30", 9100);
  kit_read(k, 0, "2025-12-30T10:20:00+05:30", 10);
  kit_read(k, 0, "2025-12-30T10:30:00+05:30", 20);
  kit_read(k, 0, "2025-12-30T10:40:00+05:30", 30);
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 2000);
  kit_read(k, 0, "2026-02-01T00:10:00+05:30", 1);
  kit_read(k, 0, "2026-02-01T00:20:00+05:30", 2);
  kit_read(k, 0, "2026-02-01T00:30:00+05:30", 3);
  sm_bill *bill = kit_bill(k);
  assert_false(bill->estimated);
  assert_int_equal(bill->event_count, 0);
  assert_int_equal(bill->reg_count, 1);
  assert_int_equal(bill->consumption_wh, 1000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_suspect_is_counted_and_not_billed(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-15T10:00:00+05:30", 1100000);
  kit_read(k, 0, "2026-01-15T10:10:00+05:30", 9000000);
  kit_read(k, 0, "2026-01-15T10:20:00+05:30", 1100100);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 1200000);
  sm_bill *bill = kit_bill(k);
  assert_false(bill->estimated);
  assert_int_equal(bill->suspects, 1);
  assert_int_equal(bill->event_count, 0);
  assert_int_equal(bill->consumption_wh, 200000);
  sm_bill_free(bill);
  kit_free(k);
}

static kit *swapped(const char *went, const char *came, const char *first_of_b) {
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  size_t b = kit_meter(k, "meter-002");
  k->meter[0].to_ms = kit_ms(went);
  k->meter[b].from_ms = kit_ms(came);
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-20T11:55:00+05:30", 1100000);
  kit_read(k, b, first_of_b, 500);
  kit_read(k, b, "2026-02-01T00:00:00+05:30", 50500);
  return k;
}

static void a_swap_is_two_meters_in_turn(void **state) {
  (void)state;
  kit *k = swapped("2026-01-20T12:00:00+05:30", "2026-01-20T12:00:00+05:30",
                   "2026-01-20T12:05:00+05:30");
  sm_bill *bill = kit_bill(k);
  assert_false(bill->estimated);
  assert_true(bill->settled);
  assert_int_equal(bill->consumption_wh, 150000);
  assert_int_equal(bill->reg_count, 2);
  assert_string_equal(bill->reg[0].device_id, "meter-001");
  assert_string_equal(bill->reg[1].device_id, "meter-002");
  assert_int_equal(bill->event_count, 1);
  assert_int_equal(bill->event[0].kind, SM_EVENT_SWAP);
  assert_int_equal(bill->event[0].before_wh, 1100000);
  assert_int_equal(bill->event[0].after_wh, 500);
  assert_int_equal(bill->opening_wh, 1000000);
  assert_int_equal(bill->closing_wh, 50500);
  assert_int_equal(kit_amount(bill, "Fixed charge"), 5000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_swap_that_leaves_hours_without_a_meter_is_estimated(void **state) {
  (void)state;
  kit *k = swapped("2026-01-20T12:00:00+05:30", "2026-01-20T14:00:00+05:30",
                   "2026-01-20T14:05:00+05:30");
  sm_bill *bill = kit_bill(k);
  assert_true(kit_has_reason(bill, SM_REASON_METER_GAP));
  sm_bill_free(bill);
  kit_free(k);
  k = swapped("2026-01-20T12:00:00+05:30", "2026-01-20T12:00:00+05:30",
              "2026-01-20T14:05:00+05:30");
  bill = kit_bill(k);
  assert_true(kit_has_reason(bill, SM_REASON_METER_GAP));
  sm_bill_free(bill);
  kit_free(k);
  k = swapped("2026-01-20T14:00:00+05:30", "2026-01-20T14:00:00+05:30",
              "2026-01-20T14:05:00+05:30");
  bill = kit_bill(k);
  assert_true(kit_has_reason(bill, SM_REASON_NO_READING_AFTER_END));
  sm_bill_free(bill);
  kit_free(k);
}

static void a_main_meter_less_the_flats_leaves_the_common_use(void **state) {
  (void)state;
  kit *k = january(350000);
  size_t flat = kit_meter(k, "flat-1");
  k->meter[flat].sign = -1;
  k->meter[flat].multiplier_milli = 2500;
  kit_read(k, flat, "2026-01-01T00:00:00+05:30", 0);
  kit_read(k, flat, "2026-02-01T00:00:00+05:30", 100000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->consumption_wh, 100000);
  assert_false(bill->has_registers); /* two at once: registers[] tells */
  assert_int_equal(bill->reg[1].use_wh, -250000);
  assert_int_equal(kit_amount(bill, "0-100 kWh"), 35000);
  sm_bill_free(bill);
  kit_free(k);
}

static void use_below_nothing_is_not_billed_and_said(void **state) {
  (void)state;
  kit *k = january(100000);
  size_t flat = kit_meter(k, "flat-1");
  k->meter[flat].sign = -1;
  kit_read(k, flat, "2026-01-01T00:00:00+05:30", 0);
  kit_read(k, flat, "2026-02-01T00:00:00+05:30", 100001);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->consumption_wh, -1);
  assert_true(kit_has_reason(bill, SM_REASON_NEGATIVE_USE));
  assert_int_equal(kit_count(bill, SM_LINE_ENERGY), 0);
  assert_int_equal(bill->total_minor, 5900);
  sm_bill_free(bill);
  kit_free(k);
}

/* ---- after the last reading, by an average ---- */
static sm_bill *averaged(kit *k, int64_t average_wh) {
  k->input.has_average = true;
  k->input.average_wh_per_day = average_wh;
  return kit_bill(k);
}

static void by_the_average_use_goes_on_after_the_last_reading(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-22T12:00:00+05:30", 1100000);
  sm_bill *bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 147500);
  assert_int_equal(bill->closing_wh, 1147500);
  assert_int_equal(bill->reg[0].use_wh, 147500);
  assert_int_equal(bill->day_count, 31);
  assert_int_equal(bill->day[30].use_wh, 5000);
  assert_true(bill->estimated);
  assert_false(bill->settled);
  assert_int_equal(bill->reason_count, 1);
  assert_int_equal(bill->reason[0].code, SM_REASON_NO_READING_AFTER_END);
  assert_non_null(strstr(bill->reason[0].text, "5.000 kWh a day"));
  sm_bill_free(bill);
  /* by its multiplier the use is the same */
  k->meter[0].multiplier_milli = 3000;
  bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 300000 + 47499); /* 15.833 kWh × 3 */
  sm_bill_free(bill);
  kit_free(k);
}

static void the_average_changes_nothing_where_there_is_a_reading(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_bill *bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 350000);
  assert_false(bill->estimated);
  sm_bill_free(bill);
  /* nor in the running month, nor for a meter never read */
  k->input.now_ms = kit_ms("2026-01-20T00:00:00+05:30");
  k->meter[0].point_count = 2;
  bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 0);
  sm_bill_free(bill);
  k->input.now_ms = kit_ms("2026-03-20T00:00:00+05:30");
  k->meter[0].point_count = 0;
  bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 0);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_meter_silent_all_month_goes_on_by_the_average(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-01T00:00:00+05:30", 990000);
  kit_read(k, 0, "2025-12-22T00:00:00+05:30", 1000000);
  sm_bill *bill = averaged(k, 2000);
  assert_int_equal(bill->opening_wh, 1020000);
  assert_int_equal(bill->closing_wh, 1082000);
  assert_int_equal(bill->consumption_wh, 62000);
  assert_true(bill->estimated);
  sm_bill_free(bill);
  kit_free(k);
}

static void with_several_meters_at_the_end_each_stands_still(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-22T12:00:00+05:30", 1100000);
  size_t m = kit_meter(k, "other");
  kit_read(k, m, "2026-01-01T00:00:00+05:30", 0);
  sm_bill *bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 100000);
  sm_bill_free(bill);
  /* the other was taken off before: the one that is left goes on */
  k->meter[m].to_ms = kit_ms("2026-01-15T00:00:00+05:30");
  bill = averaged(k, 5000);
  assert_int_equal(bill->consumption_wh, 147500);
  sm_bill_free(bill);
  kit_free(k);
}

static void an_absurd_average_is_refused(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  sm_bill *bill = NULL;
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  k->input.has_average = true;
  k->input.average_wh_per_day = -1;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  k->input.average_wh_per_day = INT64_MAX;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  k->input.average_wh_per_day = INT64_C(1000000000000000);
  k->meter[0].multiplier_milli = 1;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  assert_null(bill);
  kit_free(k);
}

/* Readings far above the modulus, which no meter can show. */
static void a_register_that_comes_round_without_end_is_refused(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  sm_bill *bill = NULL;
  kit_run(k, 0, "2026-01-01T00:00:00+05:30", "2026-01-01T05:00:00+05:30", 30, 0);
  kit_run(k, 0, "2026-01-01T05:30:00+05:30", "2026-01-01T08:00:00+05:30", 30, 0);
  for (size_t i = 0; i < k->meter[0].point_count; i++)
    k->point[0][i].wh = i < 11 ? INT64_C(200000000000) : INT64_C(100000000000);
  k->input.has_average = true;
  k->input.average_wh_per_day = 1;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  assert_null(bill);
  kit_free(k);
}

static void the_days_of_a_bill_add_up(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_bill *bill = kit_bill(k);
  int64_t sum = 0;
  assert_int_equal(bill->day_count, 31);
  for (size_t i = 0; i < bill->day_count; i++) sum += bill->day[i].use_wh;
  assert_int_equal(sum, 350000);
  assert_int_equal(bill->day[0].use_wh, 11290); /* 350000 / 31 = 11290.32… */
  assert_int_equal(sm_date_compare(bill->day[30].date, (sm_date){2026, 1, 31}), 0);
  sm_bill_free(bill);
  kit_free(k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_contracts_example_to_the_paisa),
      cmocka_unit_test(a_slabs_upper_bound_belongs_to_it),
      cmocka_unit_test(whole_use_takes_the_rate_of_the_slab_it_ends_in),
      cmocka_unit_test(the_fixed_charge_stands_alone_when_nothing_is_used),
      cmocka_unit_test(months_are_cut_in_the_zone),
      cmocka_unit_test(a_month_with_a_change_of_clocks_has_an_hour_more_or_less),
      cmocka_unit_test(a_month_begins_where_its_first_midnight_is_skipped),
      cmocka_unit_test(a_boundary_between_two_readings_is_to_the_nearest_wh),
      cmocka_unit_test(a_gap_of_more_than_an_hour_at_a_boundary_is_estimated),
      cmocka_unit_test(a_gap_inside_the_month_is_no_estimate),
      cmocka_unit_test(after_the_last_reading_the_register_stands_still_and_it_says_so),
      cmocka_unit_test(a_meter_silent_all_month_stands_still),
      cmocka_unit_test(a_first_month_is_partial_and_not_estimated),
      cmocka_unit_test(a_month_before_the_first_reading_costs_nothing),
      cmocka_unit_test(a_meter_with_no_reading_has_no_registers_and_no_use),
      cmocka_unit_test(the_running_month_ends_at_its_last_reading),
      cmocka_unit_test(a_month_that_has_not_begun_is_refused),
      cmocka_unit_test(a_reset_is_shown_counted_from_zero_and_estimated),
      cmocka_unit_test(a_rollover_is_shown_and_is_no_estimate),
      cmocka_unit_test(a_jump_is_never_billed_as_use),
      cmocka_unit_test(an_event_outside_the_month_leaves_it_alone),
      cmocka_unit_test(a_suspect_is_counted_and_not_billed),
      cmocka_unit_test(a_swap_is_two_meters_in_turn),
      cmocka_unit_test(a_swap_that_leaves_hours_without_a_meter_is_estimated),
      cmocka_unit_test(a_main_meter_less_the_flats_leaves_the_common_use),
      cmocka_unit_test(use_below_nothing_is_not_billed_and_said),
      cmocka_unit_test(by_the_average_use_goes_on_after_the_last_reading),
      cmocka_unit_test(the_average_changes_nothing_where_there_is_a_reading),
      cmocka_unit_test(a_meter_silent_all_month_goes_on_by_the_average),
      cmocka_unit_test(with_several_meters_at_the_end_each_stands_still),
      cmocka_unit_test(an_absurd_average_is_refused),
      cmocka_unit_test(a_register_that_comes_round_without_end_is_refused),
      cmocka_unit_test(the_days_of_a_bill_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
