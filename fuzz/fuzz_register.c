/* Registers of any course, whatever a meter may send: two meters' points, their limits and the
 * tariff's cut are made from the bytes. A bill is made or refused as beyond all numbers, and its
 * parts add up.
 */
#include "billing/billing.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BEGIN_MS INT64_C(1769700000000) /* the end of January 2026 */

enum { METERS = 2, POINTS = 300 };

static const char json[] =
    "{\"name\":\"T\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":10,\"rate\":\"3\"}"
    ","
    "{\"up_to_kwh\":null,\"rate\":\"4.5\"}],\"prorate_slabs\":true,\"fixed_charge\":\"10\","
    "\"time_of_day\":[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"percent\":\"20\"},{"
    "\"name\":"
    "\"B\",\"from\":\"22:00\",\"to\":\"06:00\",\"days\":[\"mon\",\"sat\",\"holiday\"],\"percent\":"
    "\"-100\"},"
    "{\"name\":\"C\",\"from\":\"06:00\",\"to\":\"18:00\",\"percent\":\"0.5\"}],"
    "\"holidays\":[\"2026-02-02\",\"2026-02-15\"],"
    "\"demand\":{\"rate_per_kw\":\"100\",\"window_minutes\":60},\"minimum_charge\":\"50\"}";

typedef struct bytes {
  const uint8_t *at;
  size_t left;
} bytes;

static uint32_t take(bytes *from, size_t count) {
  uint32_t value = 0;
  for (; count > 0 && from->left > 0; count--, from->left--) value = value << 8 | *from->at++;
  return value;
}

/* A point is a step in time of up to some hours and one of the register, either way. */
static size_t take_points(bytes *from, sm_register_point *point) {
  int64_t at_ms = BEGIN_MS;
  int64_t wh = 5000000;
  size_t count = take(from, 1);
  size_t n = 0;
  for (; n < count && n < POINTS && from->left > 0; n++) {
    uint32_t kind = take(from, 1);
    at_ms += (int64_t)take(from, 2) * (kind % 4 == 0 ? 1 : kind % 4 == 1 ? 60 : 600);
    int64_t step = take(from, 2);
    if (kind % 64 == 4) step *= -1000;
    if (kind % 64 == 5) step *= INT64_C(100000000000);
    wh = kind % 64 == 6 ? step : wh + step;
    if (wh < 0) wh = 0;
    point[n] = (sm_register_point){.ts_ms = at_ms,
                                   .wh = wh,
                                   .stated = kind % 64 == 7,
                                   .gap_ms = kind % 64 == 8 ? (int32_t)step : 0};
  }
  return n;
}

static void check(const sm_bill *bill) {
  int64_t days = 0, parts = 0, use = 0, money = 0;
  for (size_t i = 0; i < bill->day_count; i++) days += bill->day[i].use_wh;
  for (size_t i = 0; i < bill->reg_count; i++) use += bill->reg[i].use_wh;
  for (size_t i = 0; i < bill->line_count; i++) money += bill->line[i].amount_minor;
  for (size_t i = 0; i < bill->segment_count; i++) parts += bill->segment[i].use_wh;
  if (days != bill->consumption_wh && bill->day_count > 0) abort();
  if (use != bill->consumption_wh || parts != bill->consumption_wh) abort();
  if (money != bill->total_minor) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static sm_zone *zone;
  static sm_tariff *tariff;
  static sm_register_point point[METERS][POINTS];
  sm_problems problems = {0};
  if (zone == NULL && sm_zone_new("Asia/Kolkata", &zone) != SM_OK) abort();
  if (tariff == NULL && sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems) != SM_OK)
    abort();
  bytes from = {.at = data, .left = size};
  sm_billing_tariff schedule[2] = {{.from = {2026, 1, 1}, .tariff = tariff},
                                   {.from = {2026, 2, 1 + (int)take(&from, 1) % 28}}};
  schedule[1].tariff = tariff;
  sm_billing_meter meter[METERS];
  uint32_t flags = take(&from, 1);
  for (size_t m = 0; m < METERS; m++) {
    meter[m] = (sm_billing_meter){.device_id = m == 0 ? "a" : "b",
                                  .from_ms = INT64_MIN,
                                  .to_ms = INT64_MAX,
                                  .sign = (flags & 1U << m) != 0 ? -1 : 1,
                                  .multiplier_milli = 1 + take(&from, 2),
                                  .modulus_wh = 10000000,
                                  .max_power_w = 23000};
    if ((flags & 4U << m) != 0) meter[m].from_ms = BEGIN_MS + (int64_t)take(&from, 2) * 60000;
    if ((flags & 16U << m) != 0) meter[m].to_ms = BEGIN_MS + (int64_t)take(&from, 2) * 60000;
    meter[m].point = point[m];
    meter[m].point_count = take_points(&from, point[m]);
  }
  sm_billing_input input = {.device_id = "a",
                            .zone = zone,
                            .currency = "INR",
                            .year = 2026,
                            .month = 2,
                            .meter = meter,
                            .meter_count = METERS,
                            .tariff = schedule,
                            .tariff_count =
                                sm_date_compare(schedule[1].from, schedule[0].from) > 0 ? 2 : 1,
                            .now_ms = BEGIN_MS + ((flags & 64) != 0 ? 20 : 60) * INT64_C(86400000),
                            .has_average = (flags & 128) != 0,
                            .average_wh_per_day = 5000};
  sm_bill *bill = NULL;
  sm_err err = sm_billing_compute(&input, &bill);
  if (err == SM_OK)
    check(bill);
  else if (err != SM_ERR_OVERFLOW)
    abort();
  sm_bill_free(bill);
  return 0;
}
