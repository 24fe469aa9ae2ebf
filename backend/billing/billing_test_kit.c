#include "billing/billing_test_kit.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

kit *kit_new(const char *zone, const char *month) {
  kit *k = calloc(1, sizeof *k);
  assert_non_null(k);
  assert_int_equal(sm_zone_new(zone, &k->zone), SM_OK);
  k->input.zone = k->zone;
  k->input.currency = "INR";
  k->input.device_id = "meter-001";
  k->input.account_id = "a_1";
  assert_int_equal(sm_month_parse(month, &k->input.year, &k->input.month), SM_OK);
  k->input.meter = k->meter;
  k->input.tariff = k->tariff;
  k->input.now_ms = kit_ms("2030-01-01T00:00:00Z");
  kit_tariff(k, 0, "2026-01-01", sm_tariff_default_json());
  (void)kit_meter(k, "meter-001");
  return k;
}

void kit_free(kit *k) {
  for (size_t i = 0; i < KIT_TARIFFS; i++) sm_tariff_free(k->owned[i]);
  sm_zone_free(k->zone);
  free(k);
}

void kit_tariff(kit *k, size_t i, const char *from, const char *json) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  if (sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems) != SM_OK)
    fail_msg("%s: %s", problems.item[0].field, problems.item[0].message);
  sm_tariff_free(k->owned[i]);
  tariff->version = (int32_t)i + 1;
  k->owned[i] = tariff;
  k->tariff[i].tariff = tariff;
  assert_int_equal(sm_date_parse(from, &k->tariff[i].from), SM_OK);
  if (i >= k->input.tariff_count) k->input.tariff_count = i + 1;
}

size_t kit_meter(kit *k, const char *device_id) {
  size_t m = k->input.meter_count++;
  assert_true(m < KIT_METERS);
  k->meter[m] = (sm_billing_meter){.device_id = device_id,
                                   .from_ms = INT64_MIN,
                                   .to_ms = INT64_MAX,
                                   .sign = 1,
                                   .multiplier_milli = 1000,
                                   .modulus_wh = 10000000,
                                   .max_power_w = 23000,
                                   .point = k->point[m]};
  return m;
}

void kit_read(kit *k, size_t m, const char *time, int64_t wh) {
  assert_true(k->meter[m].point_count < KIT_POINTS);
  k->point[m][k->meter[m].point_count++] = (sm_register_point){.ts_ms = kit_ms(time), .wh = wh};
}

void kit_run(kit *k, size_t m, const char *from, const char *to, int step_minutes,
             int64_t step_wh) {
  size_t count = k->meter[m].point_count;
  int64_t wh = count > 0 ? k->point[m][count - 1].wh : 1000000;
  int64_t step_ms = (int64_t)step_minutes * 60000;
  for (int64_t at = kit_ms(from); at <= kit_ms(to); at += step_ms, wh += step_wh) {
    assert_true(k->meter[m].point_count < KIT_POINTS);
    k->point[m][k->meter[m].point_count++] = (sm_register_point){.ts_ms = at, .wh = wh};
  }
}

int64_t kit_ms(const char *time) {
  int64_t ms = 0;
  assert_int_equal(sm_rfc3339_parse(time, strlen(time), &ms), SM_OK);
  return ms;
}

sm_bill *kit_bill(kit *k) {
  sm_bill *bill = NULL;
  sm_err err = sm_billing_compute(&k->input, &bill);
  if (err != SM_OK) fail_msg("no bill: %s", sm_err_text(err));
  return bill;
}

int64_t kit_amount(const sm_bill *bill, const char *name) {
  const sm_bill_line *found = NULL;
  for (size_t i = 0; i < bill->line_count; i++) {
    if (strcmp(bill->line[i].name, name) != 0) continue;
    if (found != NULL) fail_msg("more than one line is called %s", name);
    found = &bill->line[i];
  }
  if (found == NULL) fail_msg("no line is called %s", name);
  return found->amount_minor;
}

size_t kit_count(const sm_bill *bill, sm_line_kind kind) {
  size_t count = 0;
  for (size_t i = 0; i < bill->line_count; i++) count += bill->line[i].kind == kind;
  return count;
}

bool kit_has_reason(const sm_bill *bill, sm_reason_code code) {
  for (size_t i = 0; i < bill->reason_count; i++)
    if (bill->reason[i].code == code) return true;
  return false;
}
