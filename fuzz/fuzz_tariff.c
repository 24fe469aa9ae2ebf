/* Tariffs, as anybody may send them. What is accepted is written and read again to the same bytes,
 * has no two windows at once, and bills a month with every gap and event in it, in three
 * currencies, to sums that add up, or is refused as too large. */
#include "base/buf.h"
#include "billing/billing.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BEGIN_MS INT64_C(1769770800000) /* 30 January 2026, 16:30 in Kolkata */

enum { POINTS = 400, MINUTE_MS = 60000 };

static char *written(const sm_tariff *tariff) {
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_tariff_write_json(&w, tariff);
  char *text = sm_buf_take(&buf);
  if (text == NULL) abort();
  return text;
}

static void check_round_trip(const sm_tariff *tariff) {
  sm_problems problems = {0};
  sm_tariff *again = NULL;
  char *first = written(tariff);
  if (sm_tariff_read_json(first, strlen(first), &again, NULL, &problems) != SM_OK) abort();
  char *second = written(again);
  if (strcmp(first, second) != 0) abort();
  free(first);
  free(second);
  sm_tariff_free(again);
}

/* From the end of January on: every few minutes, with a pause of hours, a reset and a wild one. */
static size_t make_points(sm_register_point *point) {
  int64_t at_ms = BEGIN_MS;
  int64_t wh = 9000000;
  for (size_t i = 0; i < POINTS; i++) {
    at_ms += (i % 100 == 50 ? 300 : 4) * MINUTE_MS;
    wh += (int64_t)i % 7 * 40;
    if (i == 300) wh = 120;
    point[i] = (sm_register_point){.ts_ms = at_ms, .wh = i == 200 ? 1 : wh};
  }
  return POINTS;
}

static void check_bill(const sm_bill *bill) {
  int64_t days = 0, parts = 0, money = 0;
  for (size_t i = 0; i < bill->day_count; i++) days += bill->day[i].use_wh;
  for (size_t i = 0; i < bill->line_count; i++) money += bill->line[i].amount_minor;
  for (size_t i = 0; i < bill->segment_count; i++) {
    const sm_bill_segment *segment = &bill->segment[i];
    int64_t timed = 0;
    parts += segment->use_wh;
    for (size_t k = 0; k < segment->window_count; k++) {
      if (segment->window[k].use_wh < 0 || segment->window[k].untimed_wh < 0) abort();
      timed += segment->window[k].use_wh + segment->window[k].untimed_wh;
    }
    if (timed > segment->use_wh) abort();
  }
  if (days != bill->consumption_wh || parts != bill->consumption_wh) abort();
  if (money != bill->total_minor) abort();
}

static void check_bills(const sm_tariff *tariff, const sm_zone *zone) {
  static const char *const currencies[] = {"INR", "JPY", "KWD"};
  static sm_register_point point[POINTS];
  const sm_billing_tariff schedule = {.from = tariff->effective_from, .tariff = tariff};
  sm_billing_meter meter = {.device_id = "m",
                            .from_ms = INT64_MIN,
                            .to_ms = INT64_MAX,
                            .sign = 1,
                            .multiplier_milli = 1000,
                            .modulus_wh = 10000000,
                            .max_power_w = 23000,
                            .point = point,
                            .point_count = make_points(point)};
  for (size_t i = 0; i < 3; i++) {
    sm_billing_input input = {.device_id = "m",
                              .zone = zone,
                              .currency = currencies[i],
                              .year = 2026,
                              .month = 2,
                              .meter = &meter,
                              .meter_count = 1,
                              .tariff = &schedule,
                              .tariff_count = 1,
                              .sanctioned_load_w = 3500,
                              .now_ms = i < 2 ? BEGIN_MS * 2 : BEGIN_MS + 86400000};
    sm_bill *bill = NULL;
    sm_err err = sm_billing_compute(&input, &bill);
    if (err == SM_OK)
      check_bill(bill);
    else if (err != SM_ERR_OVERFLOW && err != SM_ERR_UNSUPPORTED && err != SM_ERR_RANGE)
      abort();
    sm_bill_free(bill);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static sm_zone *zone;
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  size_t window;
  sm_date holiday;
  if (zone == NULL && sm_zone_new("Asia/Kolkata", &zone) != SM_OK) abort();
  if (sm_tariff_read_json((const char *)data, size, &tariff, NULL, &problems) != SM_OK) {
    if (!sm_problems_any(&problems) || tariff != NULL) abort();
    return 0;
  }
  if (sm_tariff_find_overlap(tariff, &window, &holiday)) abort();
  check_round_trip(tariff);
  check_bills(tariff, zone);
  sm_tariff_free(tariff);
  return 0;
}
