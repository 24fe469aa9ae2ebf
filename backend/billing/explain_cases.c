/* Prints explanations of random months, one JSON object a line, for tests/explain/recompute.py:
 * every rule, histories with gaps, resets, rollovers, jumps and wild readings, several meters, cut
 * months, tenancies, running months. The same ones for the same words: explain_cases FIRST_SEED
 * COUNT. */
#include "base/buf.h"
#include "billing/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METERS = 3, TARIFFS = 3, POINTS = 20000, HOUR_MS = 3600000, DAY_MS = 86400000 };

typedef struct scene {
  uint64_t random;
  sm_zone *zone;
  sm_billing_input input;
  sm_billing_meter meter[METERS];
  sm_register_point point[METERS][POINTS];
  sm_billing_tariff tariff[TARIFFS];
  sm_tariff *owned[TARIFFS];
  int64_t from_ms; /* the month */
  int64_t to_ms;
} scene;

/* xorshift64*: enough for test data, the same on every machine. */
static int64_t below(scene *s, int64_t limit) {
  s->random ^= s->random >> 12;
  s->random ^= s->random << 25;
  s->random ^= s->random >> 27;
  return (int64_t)(s->random * UINT64_C(2685821657736338717) % (uint64_t)limit);
}

static bool chance(scene *s, int64_t one_in) {
  return below(s, one_in) == 0;
}

static void put_rate(scene *s, sm_buf *out) {
  sm_buf_printf(out, "\"%d.%06d\"", (int)below(s, 12), (int)below(s, 1000000));
}

/* ---- tariffs ---- */
static void put_slabs(scene *s, sm_buf *out) {
  int64_t bound = 0;
  sm_buf_append_text(out, "\"slabs\":[");
  for (int64_t i = below(s, 5); i > 0; i--) {
    bound += 1 + below(s, 200000);
    sm_buf_printf(out, "{\"up_to_kwh\":%d.%03d,\"rate\":", (int)(bound / 1000),
                  (int)(bound % 1000));
    put_rate(s, out);
    sm_buf_append_text(out, "},");
  }
  sm_buf_append_text(out, "{\"up_to_kwh\":null,\"rate\":");
  put_rate(s, out);
  sm_buf_append_text(out, "}]");
}

static void put_extras(scene *s, sm_buf *out) {
  if (chance(s, 3)) sm_buf_append_text(out, ",\"slab_mode\":\"whole_use\"");
  if (chance(s, 3)) sm_buf_append_text(out, ",\"prorate_slabs\":true");
  if (chance(s, 3)) sm_buf_append_text(out, ",\"minimum_charge\":\"1333.333333\"");
  if (chance(s, 3)) sm_buf_append_text(out, ",\"fixed_per_kw\":\"12.345678\"");
  if (chance(s, 3)) sm_buf_append_text(out, ",\"round_total_to\":\"5.00\"");
  if (chance(s, 2))
    sm_buf_append_text(out, ",\"time_of_day\":[{\"name\":\"Night\",\"from\":\"22:00\",\"to\":"
                            "\"06:15\",\"percent\":\"-12.5\"},{\"name\":\"Peak\",\"from\":"
                            "\"18:00\",\"to\":\"22:00\",\"days\":[\"mon\",\"tue\",\"sat\"],"
                            "\"percent\":\"20.123456\"}]");
  if (chance(s, 2))
    sm_buf_printf(out, ",\"demand\":{\"rate_per_kw\":\"123.456789\",\"window_minutes\":%d}",
                  chance(s, 2) ? 15 : 60);
  if (chance(s, 2))
    sm_buf_append_text(out, ",\"surcharges\":[{\"name\":\"Fuel\",\"per_kwh\":\"-0.123456\"},"
                            "{\"name\":\"Cess\",\"percent\":\"3.333333\"}]");
  sm_buf_append_text(out, ",\"taxes\":[{\"name\":\"GST\",\"percent\":\"17.77\"},{\"name\":\"Duty\","
                          "\"percent\":\"9.5\",\"on\":[\"energy\",\"surcharge\",\"minimum\"]}]}");
}

static bool add_tariff(scene *s, sm_date from) {
  char date[SM_DATE_MAX];
  sm_buf text;
  sm_problems problems = {0};
  size_t i = s->input.tariff_count;
  sm_buf_init(&text, 0);
  sm_buf_printf(&text, "{\"name\":\"R%zu\",\"effective_from\":\"%s\",", i,
                sm_date_format(from, date));
  put_slabs(s, &text);
  sm_buf_append_text(&text, ",\"fixed_charge\":");
  put_rate(s, &text);
  put_extras(s, &text);
  sm_err err = sm_tariff_read_json(sm_buf_text(&text), text.len, &s->owned[i], NULL, &problems);
  sm_buf_fini(&text);
  if (err != SM_OK) {
    (void)fprintf(stderr, "%s: %s\n", problems.item[0].field, problems.item[0].message);
    return false;
  }
  s->owned[i]->version = (int32_t)i + 1;
  s->tariff[i] = (sm_billing_tariff){.from = from, .tariff = s->owned[i]};
  s->input.tariff_count++;
  return true;
}

static bool add_tariffs(scene *s) {
  sm_date first = {s->input.year, s->input.month, 1};
  if (!add_tariff(s, sm_date_add_days(first, -below(s, 40)))) return false;
  if (chance(s, 2) && !add_tariff(s, sm_date_add_days(first, 1 + below(s, 14)))) return false;
  return !chance(s, 3) || add_tariff(s, sm_date_add_days(first, 16 + below(s, 12)));
}

/* ---- histories ---- */
static void add_point(sm_billing_meter *meter, sm_register_point *point, int64_t at_ms,
                      int64_t wh) {
  if (meter->point_count < POINTS && at_ms >= 0)
    point[meter->point_count++] = (sm_register_point){.ts_ms = at_ms, .wh = wh};
}

/* Something happens to the register now and then; it never shows more than its modulus. */
static int64_t disturb(scene *s, const sm_billing_meter *meter, int64_t wh) {
  if (chance(s, 400)) return below(s, 500); /* a reset */
  int64_t jump = chance(s, 400) ? 900000 + below(s, 50000) : 0;
  if (wh + jump < meter->modulus_wh) return wh + jump;
  return wh % meter->modulus_wh;
}

static void add_history(scene *s, size_t m) {
  sm_billing_meter *meter = &s->meter[m];
  int64_t begin = s->from_ms - (chance(s, 4) ? -below(s, 20 * (int64_t)DAY_MS) : 12 * HOUR_MS);
  int64_t end = s->to_ms + (chance(s, 4) ? -below(s, 20 * (int64_t)DAY_MS) : 12 * HOUR_MS);
  int64_t slowest = chance(s, 3) ? 7 * HOUR_MS : HOUR_MS;
  int64_t fastest = chance(s, 3) ? 60000 : 300000;
  int64_t power_w = 1 + below(s, 4000);
  int64_t wh = below(s, meter->modulus_wh);
  for (int64_t at = begin; at < end;) {
    int64_t step = fastest + below(s, slowest);
    if (fastest < 300000) step = 60000 + below(s, 240000); /* close enough for a demand */
    add_point(meter, s->point[m], at, wh);
    if (chance(s, 60)) add_point(meter, s->point[m], at + 1000, below(s, meter->modulus_wh + 1));
    if (chance(s, 200)) step += below(s, 3 * (int64_t)DAY_MS);
    at += step - step % (chance(s, 2) ? 1000 : 1);
    wh = disturb(s, meter, wh + below(s, power_w * step / HOUR_MS + 1));
  }
  meter->point = s->point[m];
}

static void add_meters(scene *s) {
  static const char *const name[METERS] = {"m1", "m2", "m3"};
  static const int64_t multiplier[] = {1000, 1000, 2500, 333, 1};
  s->input.meter_count = 1 + (size_t)(chance(s, 2) ? below(s, METERS) : 0);
  for (size_t i = 0; i < s->input.meter_count; i++) {
    s->meter[i] = (sm_billing_meter){.device_id = name[i],
                                     .from_ms = INT64_MIN,
                                     .to_ms = INT64_MAX,
                                     .sign = i > 0 && chance(s, 2) ? -1 : 1,
                                     .multiplier_milli = multiplier[below(s, 5)],
                                     .modulus_wh = chance(s, 4) ? 50000 : 10000000,
                                     .max_power_w = 23000};
    if (chance(s, 4)) s->meter[i].to_ms = s->from_ms + below(s, s->to_ms - s->from_ms);
    if (i > 0 && chance(s, 2)) s->meter[i].from_ms = s->meter[i - 1].to_ms;
    if (s->meter[i].from_ms >= s->meter[i].to_ms) s->meter[i].from_ms = INT64_MIN;
    add_history(s, i);
  }
}

/* ---- a month ---- */
static bool set_month(scene *s) {
  static const char *const zones[] = {"Asia/Kolkata", "Europe/Berlin", "UTC", "Asia/Kathmandu",
                                      "America/New_York"};
  static const char *const currencies[] = {"INR", "INR", "EUR", "JPY", "KWD"};
  if (sm_zone_new(zones[below(s, 5)], &s->zone) != SM_OK) return false;
  sm_billing_input *in = &s->input;
  *in = (sm_billing_input){.device_id = "m1",
                           .account_id = "a_1",
                           .zone = s->zone,
                           .currency = currencies[below(s, 5)],
                           .year = 2026,
                           .month = 1 + (int)below(s, 12),
                           .meter = s->meter,
                           .tariff = s->tariff,
                           .sanctioned_load_w = below(s, 20000)};
  sm_date first = {in->year, in->month, 1};
  s->from_ms = sm_zone_day_start_ms(s->zone, first);
  s->to_ms = sm_zone_day_start_ms(s->zone, sm_date_add_months(first, 1));
  in->now_ms = chance(s, 4) ? s->from_ms + below(s, s->to_ms - s->from_ms) : s->to_ms + DAY_MS;
  in->has_from = chance(s, 4);
  in->from = sm_date_add_days(first, below(s, 14));
  in->has_to = chance(s, 4);
  in->to = sm_date_add_days(first, 15 + below(s, 12));
  return true;
}

/* An average that its meter's register can go on by, whatever the multiplier. */
static void add_average(scene *s) {
  int64_t multiplier_milli = s->meter[0].multiplier_milli;
  for (size_t i = 1; i < s->input.meter_count; i++)
    if (s->meter[i].multiplier_milli < multiplier_milli)
      multiplier_milli = s->meter[i].multiplier_milli;
  s->input.has_average = chance(s, 2);
  s->input.average_wh_per_day = below(s, 20 * multiplier_milli);
}

static void add_true_up(scene *s) {
  static const sm_billing_true_up_tax tax = {
      .name = "GST", .base_minor = 100, .percent_micro = 18000000, .amount_minor = 18};
  static const sm_billing_true_up minus = {.year = 2025, .month = 11, .net_minor = -12345};
  static const sm_billing_true_up plus = {
      .year = 2025, .month = 12, .net_minor = 100, .tax = &tax, .tax_count = 1};
  if (!chance(s, 5)) return;
  s->input.true_up = chance(s, 2) ? &minus : &plus;
  s->input.true_up_count = 1;
}

/* While the month runs no reading is of the future. */
static void forget_the_future(scene *s) {
  for (size_t i = 0; i < s->input.meter_count; i++) {
    sm_billing_meter *meter = &s->meter[i];
    while (meter->point_count > 0 && meter->point[meter->point_count - 1].ts_ms > s->input.now_ms)
      meter->point_count--;
  }
}

static bool print_case(scene *s) {
  sm_buf text;
  sm_jsonw w;
  sm_bill *bill = NULL;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_err err = sm_billing_explain(&s->input, &w, &bill);
  sm_jsonw_object_end(&w);
  if (err == SM_OK && text.err == SM_OK)
    (void)puts(sm_buf_text(&text));
  else
    (void)fprintf(stderr, "%s\n", sm_err_text(err));
  sm_bill_free(bill);
  sm_buf_fini(&text);
  return err == SM_OK;
}

static bool one_case(uint64_t seed) {
  scene *s = calloc(1, sizeof *s);
  bool good = s != NULL;
  if (good) {
    s->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    good = set_month(s) && add_tariffs(s);
  }
  if (good) {
    add_meters(s);
    add_average(s);
    add_true_up(s);
    forget_the_future(s);
    good = print_case(s);
  }
  for (size_t i = 0; s != NULL && i < TARIFFS; i++) sm_tariff_free(s->owned[i]);
  if (s != NULL) sm_zone_free(s->zone);
  free(s);
  return good;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    (void)fputs("usage: explain_cases FIRST_SEED COUNT\n", stderr);
    return 2;
  }
  uint64_t first = strtoull(argv[1], NULL, 10);
  uint64_t count = strtoull(argv[2], NULL, 10);
  for (uint64_t i = 0; i < count; i++) {
    if (one_case(first + i)) continue;
    (void)fprintf(stderr, "explain_cases: no explanation for seed %" PRIu64 "\n", first + i);
    return 1;
  }
  return 0;
}
