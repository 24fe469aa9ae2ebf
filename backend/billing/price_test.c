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

/* The contract's tariff until the 15th, then 10.00 a kWh and 31.00 a month. */
static const char later_version[] =
    "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-16\",\"slabs\":[{\"up_to_kwh\":100,"
    "\"rate\":\"5.00\"},{\"up_to_kwh\":null,\"rate\":\"10.00\"}],\"fixed_charge\":\"31.00\","
    "\"taxes\":[{\"name\":\"GST\",\"percent\":\"18\"}]%s}";

static kit *cut_month(const char *more) {
  char json[512];
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  (void)snprintf(json, sizeof json, "%s", later_version);
  char *at = strstr(json, "%s");
  (void)snprintf(at, sizeof json - (size_t)(at - json), "%s}", more);
  kit_tariff(k, 1, "2026-01-16", json);
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-16T00:00:00+05:30", 1080000);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 1200000);
  return k;
}

static void a_tariff_change_cuts_the_month_and_use_carries_over(void **state) {
  (void)state;
  kit *k = cut_month("");
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->segment_count, 2);
  assert_int_equal(bill->segment[0].days, 15);
  assert_int_equal(bill->segment[1].days, 16);
  assert_int_equal(bill->segment[0].use_wh, 80000);
  assert_int_equal(bill->segment[1].use_wh, 120000);
  /* 80 × 3.50; 50 × 15/31 = 24.19; tax 54.7542 */
  assert_int_equal(bill->line[0].amount_minor, 28000);
  assert_int_equal(bill->line[1].amount_minor, 2419);
  assert_int_equal(bill->line[2].amount_minor, 5475);
  /* the 20 kWh up to 100 at 5.00, 100 more at 10.00; 31 × 16/31; tax 200.88 */
  assert_string_equal(bill->line[3].name, "0-100 kWh");
  assert_int_equal(bill->line[3].quantity, 20000);
  assert_int_equal(bill->line[3].amount_minor, 10000);
  assert_string_equal(bill->line[4].name, "over 100 kWh");
  assert_int_equal(bill->line[4].amount_minor, 100000);
  assert_int_equal(bill->line[5].amount_minor, 1600);
  assert_int_equal(bill->line[6].amount_minor, 20088);
  assert_int_equal(bill->line_count, 7);
  assert_int_equal(bill->segment[1].first_line, 3);
  assert_int_equal(bill->segment[1].line_count, 4);
  assert_int_equal(bill->total_minor, 28000 + 2419 + 5475 + 10000 + 100000 + 1600 + 20088);
  sm_bill_free(bill);
  kit_free(k);
}

static void prorated_slabs_start_at_zero_in_each_segment(void **state) {
  (void)state;
  kit *k = cut_month(",\"prorate_slabs\":true");
  sm_bill *bill = kit_bill(k);
  /* 100 × 16/31 = 51.6129 kWh at 5.00, 68.387 at 10.00 */
  assert_string_equal(bill->line[3].name, "0-51.613 kWh");
  assert_int_equal(bill->line[3].quantity, 51613);
  assert_int_equal(bill->line[3].amount_minor, 25807); /* 258.065 */
  assert_string_equal(bill->line[4].name, "over 51.613 kWh");
  assert_int_equal(bill->line[4].amount_minor, 68387);
  sm_bill_free(bill);
  kit_free(k);
}

static void in_a_cut_month_whole_use_looks_at_the_months_total(void **state) {
  (void)state;
  kit *k = cut_month(",\"slab_mode\":\"whole_use\"");
  sm_bill *bill = kit_bill(k);
  /* 200 kWh end over 100: the segment's 120 at 10.00 */
  assert_string_equal(bill->line[3].name, "over 100 kWh");
  assert_int_equal(bill->line[3].quantity, 120000);
  assert_int_equal(bill->line[3].amount_minor, 120000);
  sm_bill_free(bill);
  kit_free(k);
}

static void in_a_cut_month_prorated_whole_use_shrinks_by_the_bills_days(void **state) {
  (void)state;
  kit *k = cut_month(",\"slab_mode\":\"whole_use\",\"prorate_slabs\":true");
  sm_bill *bill = kit_bill(k);
  /* all 31 days are billed: the bound is 100 kWh, not 100 × 16/31 */
  assert_string_equal(bill->line[3].name, "over 100 kWh");
  assert_int_equal(bill->line[3].amount_minor, 120000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_gap_at_the_cut_is_estimated(void **state) {
  (void)state;
  kit *k = cut_month("");
  k->point[0][1].ts_ms += 1;
  sm_bill *bill = kit_bill(k);
  assert_true(kit_has_reason(bill, SM_REASON_GAP_AT_BOUNDARY));
  assert_int_equal(bill->segment[0].use_wh + bill->segment[1].use_wh, bill->consumption_wh);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_month_before_the_first_version_is_billed_by_it(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2025-12");
  kit_read(k, 0, "2025-12-01T00:00:00+05:30", 0);
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 350000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->total_minor, 188800);
  assert_int_equal(bill->segment[0].effective_from.year, 2026);
  sm_bill_free(bill);
  kit_free(k);
}

static void prorated_slabs_shrink_in_a_partial_month_in_both_modes(void **state) {
  (void)state;
  static const char json[] = "{\"name\":\"P\",\"effective_from\":\"2026-01-01\",\"slabs\":[{"
                             "\"up_to_kwh\":62,\"rate\":\"1.00\"},{\"up_to_kwh\":null,\"rate\":"
                             "\"2.00\"}],\"prorate_slabs\":true%s}";
  for (int mode = 0; mode < 2; mode++) {
    char text[512];
    const char *more = mode == 0 ? "" : ",\"slab_mode\":\"whole_use\"";
    (void)snprintf(text, sizeof text, "%.*s%s}", (int)(strlen(json) - 3), json, more);
    kit *k = january(40000);
    kit_tariff(k, 0, "2026-01-01", text);
    k->input.has_to = true;
    k->input.to = (sm_date){2026, 1, 16};
    k->point[0][2].ts_ms = kit_ms("2026-01-16T00:00:00+05:30");
    sm_bill *bill = kit_bill(k);
    /* 62 × 15/31 = 30 */
    if (mode == 0) {
      assert_int_equal(kit_amount(bill, "0-30 kWh"), 3000);
      assert_int_equal(kit_amount(bill, "over 30 kWh"), 2000);
    } else {
      assert_int_equal(kit_amount(bill, "over 30 kWh"), 8000);
    }
    sm_bill_free(bill);
    kit_free(k);
  }
}

static void a_tenancy_pays_for_its_own_days_and_use(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 0);
  kit_read(k, 0, "2026-01-10T23:50:00+05:30", 99000);
  kit_read(k, 0, "2026-01-11T00:10:00+05:30", 101000);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 350000);
  k->input.has_to = true;
  k->input.to = (sm_date){2026, 1, 11};
  sm_bill *out = kit_bill(k);
  k->input.has_to = false;
  k->input.has_from = true;
  k->input.from = (sm_date){2026, 1, 11};
  sm_bill *in = kit_bill(k);
  assert_int_equal(out->consumption_wh, 100000);
  assert_int_equal(in->consumption_wh, 250000);
  assert_int_equal(out->days + in->days, 31);
  assert_int_equal(kit_amount(out, "Fixed charge"), 1613); /* 50 × 10/31 = 16.129 */
  assert_int_equal(kit_amount(in, "Fixed charge"), 3387);  /* 50 × 21/31 = 33.871 */
  assert_int_equal(out->closing_wh, in->opening_wh);
  assert_false(out->estimated);
  assert_false(in->estimated);
  sm_bill_free(out);
  sm_bill_free(in);
  kit_free(k);
}

static void a_tenancy_without_a_day_in_the_month_has_no_bill(void **state) {
  (void)state;
  kit *k = january(1000);
  sm_bill *bill = NULL;
  k->input.has_from = true;
  k->input.from = (sm_date){2026, 2, 1};
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_NOT_FOUND);
  k->input.has_from = false;
  k->input.has_to = true;
  k->input.to = (sm_date){2026, 1, 1};
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_NOT_FOUND);
  kit_free(k);
}

static void a_tenancy_that_ended_in_the_running_month_has_its_final_bill(void **state) {
  (void)state;
  kit *k = january(310000);
  k->input.has_to = true;
  k->input.to = (sm_date){2026, 1, 11};
  kit_read(k, 0, "2026-02-02T00:00:00+05:30", 1400000);
  k->input.now_ms = kit_ms("2026-01-20T00:00:00+05:30");
  sm_bill *bill = kit_bill(k);
  assert_false(bill->running);
  assert_false(bill->has_projection);
  assert_int_equal(bill->consumption_wh, 100000);
  sm_bill_free(bill);
  kit_free(k);
}

static kit *charged(const char *members, int64_t use_wh) {
  char json[1024];
  kit *k = january(use_wh);
  (void)snprintf(json, sizeof json,
                 "{\"name\":\"C\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
                 "\"rate\":\"5.00\"}],\"fixed_charge\":\"20.00\",%s}",
                 members);
  kit_tariff(k, 0, "2026-01-01", json);
  return k;
}

static void the_minimum_makes_up_the_difference(void **state) {
  (void)state;
  kit *k = charged("\"minimum_charge\":\"100.00\",\"taxes\":[{\"name\":\"T\",\"percent\":\"10\"}]",
                   10000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Minimum charge"), 3000); /* 100 − 50 − 20 */
  assert_int_equal(kit_amount(bill, "T"), 1000);
  assert_int_equal(bill->total_minor, 11000);
  sm_bill_free(bill);
  kit_free(k);
  k = charged("\"minimum_charge\":\"70.00\"", 10000);
  bill = kit_bill(k);
  assert_int_equal(kit_count(bill, SM_LINE_MINIMUM), 0);
  sm_bill_free(bill);
  kit_free(k);
}

static void surcharges_do_not_help_to_reach_the_minimum(void **state) {
  (void)state;
  kit *k = charged("\"minimum_charge\":\"100.00\",\"surcharges\":[{\"name\":\"Fuel\",\"per_kwh\":"
                   "\"0.30\"},{\"name\":\"Cess\",\"percent\":\"2.5\"}]",
                   10000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Fuel"), 300);
  assert_int_equal(kit_amount(bill, "Cess"), 125); /* 2.5 % of 50.00, not of the fixed charge */
  assert_int_equal(kit_amount(bill, "Minimum charge"), 3000);
  assert_int_equal(bill->subtotal_minor, 5000 + 2000 + 300 + 125 + 3000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_negative_surcharge_is_a_rebate(void **state) {
  (void)state;
  kit *k = charged("\"surcharges\":[{\"name\":\"Fuel\",\"per_kwh\":\"-10.00\"}]", 10000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Fuel"), -10000);
  assert_int_equal(bill->total_minor, -3000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_tax_is_on_the_kinds_that_it_names(void **state) {
  (void)state;
  kit *k = charged("\"surcharges\":[{\"name\":\"Fuel\",\"per_kwh\":\"1.00\"}],"
                   "\"taxes\":[{\"name\":\"Duty\",\"percent\":\"10\",\"on\":[\"energy\"]},"
                   "{\"name\":\"Cess\",\"percent\":\"1\",\"on\":[\"fixed\",\"surcharge\"]},"
                   "{\"name\":\"GST\",\"percent\":\"18\"},"
                   "{\"name\":\"None\",\"percent\":\"5\",\"on\":[\"minimum\"]}]",
                   10000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Duty"), 500);
  assert_int_equal(kit_amount(bill, "Cess"), 30);
  assert_int_equal(kit_amount(bill, "GST"), 1440); /* of 80.00: taxes are not taxed */
  assert_int_equal(kit_count(bill, SM_LINE_TAX), 3);
  assert_int_equal(bill->tax_minor, 1970);
  sm_bill_free(bill);
  kit_free(k);
}

static void the_total_is_rounded_by_a_line_of_its_own(void **state) {
  (void)state;
  kit *k = charged("\"round_total_to\":\"1.00\"", 10100); /* 50.50 + 20 */
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Rounding"), 50); /* half goes away from zero */
  assert_int_equal(bill->total_minor, 7100);
  assert_int_equal(bill->subtotal_minor, 7050);
  assert_int_equal(bill->rounding_minor, 50);
  sm_bill_free(bill);
  kit_free(k);
  k = charged("\"round_total_to\":\"5.00\"", 10498); /* 52.49 + 20 */
  bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Rounding"), -249);
  assert_int_equal(bill->total_minor, 7000);
  sm_bill_free(bill);
  kit_free(k);
  k = charged("\"round_total_to\":\"1.00\"", 10000);
  bill = kit_bill(k);
  assert_int_equal(kit_count(bill, SM_LINE_ROUNDING), 0);
  sm_bill_free(bill);
  kit_free(k);
}

static void fixed_per_kw_is_by_the_sanctioned_load(void **state) {
  (void)state;
  kit *k = charged("\"fixed_per_kw\":\"30.00\"", 0);
  k->input.sanctioned_load_w = 3500;
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "Fixed charge per kW of sanctioned load"), 10500);
  assert_int_equal(bill->line[1].quantity, 3500000);
  assert_string_equal(bill->line[1].unit, "kW");
  sm_bill_free(bill);
  k->input.sanctioned_load_w = INT64_MAX;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  kit_free(k);
}

static void each_line_is_rounded_once_half_away_from_zero(void **state) {
  (void)state;
  kit *k = january(100);
  kit_tariff(k, 0, "2026-01-01",
             "{\"name\":\"R\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
             "\"rate\":\"0.05\"}],\"taxes\":[{\"name\":\"T\",\"percent\":\"50\"}]}");
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_amount(bill, "all kWh"), 1); /* 0.005 */
  assert_int_equal(kit_amount(bill, "T"), 1);       /* half a paisa of tax on the rounded line */
  sm_bill_free(bill);
  kit_free(k);
}

static void currencies_without_and_with_three_digits(void **state) {
  (void)state;
  kit *k = january(350000);
  k->input.currency = "JPY";
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->total_minor, 1888);
  sm_bill_free(bill);
  k->input.currency = "KWD";
  bill = kit_bill(k);
  assert_int_equal(bill->total_minor, 1888000);
  sm_bill_free(bill);
  kit_free(k);
}

static void a_step_that_cannot_be_paid_is_refused(void **state) {
  (void)state;
  kit *k = charged("\"round_total_to\":\"0.015\"", 0);
  sm_bill *bill = NULL;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_UNSUPPORTED);
  assert_null(bill);
  kit_free(k);
}

static void absurd_numbers_are_refused_not_wrapped(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_bill *bill = NULL;
  k->meter[0].sign = 2;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_INVALID);
  k->meter[0].sign = 1;
  k->meter[0].multiplier_milli = 0;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_INVALID);
  k->meter[0].multiplier_milli = 1000;
  k->point[0][2].wh = INT64_MAX;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  k->point[0][2].wh = 1;
  k->point[0][2].ts_ms = 0;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_INVALID);
  kit_free(k);
}

static void a_bill_too_large_for_its_money_is_refused(void **state) {
  (void)state;
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  k->meter[0].modulus_wh = INT64_C(1000000000000000);
  k->meter[0].max_power_w = INT64_C(100000000000000);
  k->meter[0].multiplier_milli = 1000000000;
  kit_tariff(k, 0, "2026-01-01",
             "{\"name\":\"R\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
             "\"rate\":\"1000000\"}]}");
  kit_read(k, 0, "2026-01-01T00:00:00+05:30", 0);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", INT64_C(5000000000000));
  sm_bill *bill = NULL;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  kit_free(k);
}

static void what_is_measured_inside_the_month_is_refused_when_too_large(void **state) {
  (void)state;
  static const char *const members[] = {
      "\"demand\":{\"rate_per_kw\":\"1000000\",\"window_minutes\":30}",
      "\"time_of_day\":[{\"name\":\"A\",\"from\":\"00:00\",\"to\":\"12:00\",\"percent\":\"1000\"}"
      "]"};
  for (size_t i = 0; i < 2; i++) {
    char json[512];
    kit *k = kit_new("Asia/Kolkata", "2026-01");
    k->meter[0].modulus_wh = INT64_C(1000000000000000);
    k->meter[0].max_power_w = INT64_C(100000000000000);
    k->meter[0].multiplier_milli = 1000000000;
    (void)snprintf(
        json, sizeof json,
        "{\"name\":\"R\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
        "\"rate\":\"%s\"}],%s}",
        i == 0 ? "0" : "1000000", members[i]);
    kit_tariff(k, 0, "2026-01-01", json);
    kit_run(k, 0, "2025-12-31T23:55:00+05:30", "2026-02-01T00:05:00+05:30", 5, INT64_C(1000000000));
    sm_bill *bill = NULL;
    assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
    kit_free(k);
  }
}

static void a_correction_too_large_is_refused(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_billing_true_up true_up = {.year = 2025, .month = 12, .net_minor = INT64_MAX / 2};
  k->input.true_up = &true_up;
  k->input.true_up_count = 1;
  sm_bill *bill = NULL;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_OVERFLOW);
  kit_free(k);
}

static void no_tariff_and_tariffs_out_of_order_are_refused(void **state) {
  (void)state;
  kit *k = january(350000);
  sm_bill *bill = NULL;
  k->input.tariff_count = 0;
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_INVALID);
  kit_tariff(k, 1, "2026-01-01", sm_tariff_default_json());
  assert_int_equal(k->input.tariff_count, 2);
  assert_int_equal(sm_billing_compute(&k->input, &bill), SM_ERR_INVALID);
  kit_free(k);
}

/* Without a minimum a segment whose use falls back gives back what it had cost. */
static void no_minimum_is_not_a_minimum_of_nothing(void **state) {
  (void)state;
  kit *k = january(100000);
  kit_tariff(k, 1, "2026-01-16", sm_tariff_default_json());
  size_t flat = kit_meter(k, "flat-1");
  k->meter[flat].sign = -1;
  kit_read(k, flat, "2026-01-16T00:00:00+05:30", 0);
  kit_read(k, flat, "2026-02-01T00:00:00+05:30", 90000);
  sm_bill *bill = kit_bill(k);
  assert_int_equal(kit_count(bill, SM_LINE_MINIMUM), 0);
  assert_true(bill->line[bill->segment[1].first_line].amount_minor < -2581);
  sm_bill_free(bill);
  kit_free(k);
}

/* A correction is a line, and one for each tax; this month's tax and minimum do not look at it. */
static void a_correction_of_another_month_is_never_taxed_here(void **state) {
  (void)state;
  kit *k = january(350000);
  const sm_billing_true_up_tax tax = {
      .name = "GST", .percent_micro = 18000000, .base_minor = -10003, .amount_minor = -1801};
  const sm_billing_true_up true_up[] = {
      {.year = 2025, .month = 12, .net_minor = -10003, .tax = &tax, .tax_count = 1},
      {.year = 2025, .month = 11, .net_minor = 0}};
  k->input.true_up = true_up;
  k->input.true_up_count = 2;
  sm_bill *bill = kit_bill(k);
  assert_int_equal(bill->line_count, 7);
  assert_int_equal(bill->segment[0].line_count, 5);
  assert_int_equal(bill->line[5].kind, SM_LINE_TRUE_UP);
  assert_string_equal(bill->line[5].name, "Correction of 2025-12");
  assert_int_equal(bill->line[5].rate_micro, -100030000);
  assert_int_equal(bill->line[6].kind, SM_LINE_TAX);
  assert_string_equal(bill->line[6].name, "GST, correction of 2025-12");
  assert_int_equal(bill->line[6].quantity, -10003);
  assert_int_equal(kit_amount(bill, "GST"), 28800);
  assert_int_equal(bill->subtotal_minor, 160000 - 10003);
  assert_int_equal(bill->tax_minor, 28800 - 1801);
  assert_int_equal(bill->total_minor, 188800 - 10003 - 1801);
  sm_bill_free(bill);
  kit_free(k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tariff_change_cuts_the_month_and_use_carries_over),
      cmocka_unit_test(prorated_slabs_start_at_zero_in_each_segment),
      cmocka_unit_test(in_a_cut_month_whole_use_looks_at_the_months_total),
      cmocka_unit_test(in_a_cut_month_prorated_whole_use_shrinks_by_the_bills_days),
      cmocka_unit_test(a_gap_at_the_cut_is_estimated),
      cmocka_unit_test(a_month_before_the_first_version_is_billed_by_it),
      cmocka_unit_test(prorated_slabs_shrink_in_a_partial_month_in_both_modes),
      cmocka_unit_test(a_tenancy_pays_for_its_own_days_and_use),
      cmocka_unit_test(a_tenancy_without_a_day_in_the_month_has_no_bill),
      cmocka_unit_test(a_tenancy_that_ended_in_the_running_month_has_its_final_bill),
      cmocka_unit_test(the_minimum_makes_up_the_difference),
      cmocka_unit_test(surcharges_do_not_help_to_reach_the_minimum),
      cmocka_unit_test(a_negative_surcharge_is_a_rebate),
      cmocka_unit_test(a_tax_is_on_the_kinds_that_it_names),
      cmocka_unit_test(the_total_is_rounded_by_a_line_of_its_own),
      cmocka_unit_test(fixed_per_kw_is_by_the_sanctioned_load),
      cmocka_unit_test(each_line_is_rounded_once_half_away_from_zero),
      cmocka_unit_test(currencies_without_and_with_three_digits),
      cmocka_unit_test(a_step_that_cannot_be_paid_is_refused),
      cmocka_unit_test(absurd_numbers_are_refused_not_wrapped),
      cmocka_unit_test(a_bill_too_large_for_its_money_is_refused),
      cmocka_unit_test(no_tariff_and_tariffs_out_of_order_are_refused),
      cmocka_unit_test(a_correction_of_another_month_is_never_taxed_here),
      cmocka_unit_test(no_minimum_is_not_a_minimum_of_nothing),
      cmocka_unit_test(what_is_measured_inside_the_month_is_refused_when_too_large),
      cmocka_unit_test(a_correction_too_large_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
