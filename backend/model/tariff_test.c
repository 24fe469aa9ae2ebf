#include "base/buf.h"
#include "model/tariff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sm_tariff *read_good(const char *json) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  sm_err err = sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems);
  if (err != SM_OK) fail_msg("%s: %s", problems.item[0].field, problems.item[0].message);
  assert_int_equal(problems.count, 0);
  return tariff;
}

/* Expects the first problem at a field. */
static void read_bad(const char *json, const char *field) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  sm_err err = sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems);
  assert_true(err == SM_ERR_INVALID || err == SM_ERR_SYNTAX);
  assert_null(tariff);
  assert_true(problems.count >= 1);
  assert_string_equal(problems.item[0].field, field);
  assert_true(strlen(problems.item[0].message) > 10);
}

/* A good tariff but for one member; `member` is JSON text such as "\"x\": 1". */
static void with_member_bad(const char *member, const char *field) {
  char json[4096];
  (void)snprintf(json, sizeof json,
                 "{\"name\":\"T\",\"effective_from\":\"2026-01-01\","
                 "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"1\"}],%s}",
                 member);
  read_bad(json, field);
}

static sm_tariff *with_member(const char *member) {
  char json[4096];
  (void)snprintf(json, sizeof json,
                 "{\"name\":\"T\",\"effective_from\":\"2026-01-01\","
                 "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"1\"}],%s}",
                 member);
  return read_good(json);
}

static void slabs_bad(const char *slabs, const char *field) {
  char json[8192];
  (void)snprintf(json, sizeof json,
                 "{\"name\":\"T\",\"effective_from\":\"2026-01-01\",\"slabs\":%s}", slabs);
  read_bad(json, field);
}

static void check_written(const sm_tariff *tariff, const char *expected) {
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_tariff_write_json(&w, tariff);
  assert_string_equal(sm_buf_text(&buf), expected);
  sm_buf_fini(&buf);
}

static void the_contracts_example_is_read_to_the_letter(void **state) {
  (void)state;
  sm_tariff *t = read_good(sm_tariff_default_json());
  assert_string_equal(t->name, "LT-1 Domestic");
  assert_int_equal(sm_date_compare(t->effective_from, (sm_date){2026, 1, 1}), 0);
  assert_int_equal(t->slab_count, 3);
  assert_int_equal(t->slab[0].up_to_wh, 100000);
  assert_int_equal(t->slab[1].rate_micro, 4500000);
  assert_true(t->slab[2].open);
  assert_int_equal(t->slab_mode, SM_SLAB_TELESCOPIC);
  assert_int_equal(t->fixed_charge_micro, 50000000);
  assert_int_equal(t->tax_count, 1);
  assert_int_equal(t->tax[0].percent_micro, 18000000);
  assert_int_equal(t->tax[0].on, SM_LINE_TAXABLE);
  check_written(
      t, "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-01\","
         "\"slabs\":[{\"up_to_kwh\":100,\"rate\":\"3.50\"},{\"up_to_kwh\":300,\"rate\":\"4.50\"},"
         "{\"up_to_kwh\":null,\"rate\":\"6.00\"}],\"slab_mode\":\"telescopic\","
         "\"fixed_charge\":\"50.00\",\"taxes\":[{\"name\":\"GST\",\"percent\":\"18\"}]}");
  sm_tariff_free(t);
  sm_tariff_free(NULL);
}

static const char full[] =
    "{\"name\":\"\xe0\xa4\x98\xe0\xa4\xb0\",\"effective_from\":\"2026-04-01\","
    "\"slabs\":[{\"up_to_kwh\":50.125,\"rate\":\"0.00\"},{\"up_to_kwh\":null,\"rate\":\"7.123456\"}"
    "],\"slab_mode\":\"whole_use\",\"prorate_slabs\":true,\"fixed_charge\":\"40.00\","
    "\"fixed_per_kw\":\"12.50\",\"minimum_charge\":\"99.00\","
    "\"time_of_day\":[{\"name\":\"Peak\",\"from\":\"18:00\",\"to\":\"22:00\",\"days\":[\"mon\","
    "\"fri\"],\"percent\":\"20\"},{\"name\":\"Night\",\"from\":\"23:00\",\"to\":\"05:30\","
    "\"percent\":\"-12.5\"}],\"holidays\":[\"2026-08-15\",\"2026-10-02\"],\"demand\":{\"rate_per_"
    "kw\":\"150.00\",\"window_minutes\":30},"
    "\"surcharges\":[{\"name\":\"Fuel\",\"per_kwh\":\"-0.15\"},{\"name\":\"Cess\",\"percent\":"
    "\"1.5\"}],\"taxes\":[{\"name\":\"Duty\",\"percent\":\"9\",\"on\":[\"energy\",\"fixed\"]}],"
    "\"round_total_to\":\"1.00\"}";

static void every_member_survives_a_round_trip(void **state) {
  (void)state;
  sm_tariff *t = read_good(full);
  check_written(t, full);
  assert_int_equal(t->window[0].days, 0x11);
  assert_int_equal(t->window[1].to_minute, 330);
  assert_int_equal(t->tax[0].on, SM_LINE_BIT(SM_LINE_ENERGY) | SM_LINE_BIT(SM_LINE_FIXED));
  sm_tariff_free(t);
}

static void fixed_charge_and_taxes_may_be_left_out(void **state) {
  (void)state;
  sm_tariff *t = with_member("\"slab_mode\":\"telescopic\"");
  assert_int_equal(t->fixed_charge_micro, 0);
  assert_int_equal(t->tax_count, 0);
  sm_tariff_free(t);
}

static void what_is_not_json_says_so(void **state) {
  (void)state;
  read_bad("", "");
  read_bad("{", "");
  read_bad("[]", "");
  read_bad("null", "");
  read_bad("{\"name\":\"T\",\"name\":\"U\"}", "");
  read_bad("{\"name\":\"\xff\"}", "");
  char *deep = malloc(70001);
  memset(deep, '[', 70000);
  deep[70000] = '\0';
  read_bad(deep, "");
  deep[60000] = '\0';
  read_bad(deep, "");
  free(deep);
}

static void an_unknown_member_is_refused_by_name_everywhere(void **state) {
  (void)state;
  with_member_bad("\"fixed_chrage\":\"50\"", "fixed_chrage");
  with_member_bad("\"version\":2", "version");
  with_member_bad("\"rebill\":true", "rebill");
  slabs_bad("[{\"up_to_kwh\":null,\"rate\":\"1\",\"rte\":\"2\"}]", "slabs[0].rte");
  with_member_bad("\"taxes\":[{\"name\":\"G\",\"percent\":\"1\",\"to\":1}]", "taxes[0].to");
  with_member_bad("\"surcharges\":[{\"name\":\"G\",\"per_kWh\":\"1\"}]", "surcharges[0].per_kWh");
  with_member_bad("\"demand\":{\"rate_per_kw\":\"1\",\"window_minutes\":30,\"x\":0}", "demand.x");
}

static void rebill_is_taken_where_it_is_asked_for(void **state) {
  (void)state;
  static const char json[] = "{\"name\":\"T\",\"effective_from\":\"2026-01-01\","
                             "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"1\"}],\"rebill\":true}";
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  bool rebill = false;
  assert_int_equal(sm_tariff_read_json(json, strlen(json), &tariff, &rebill, &problems), SM_OK);
  assert_true(rebill);
  sm_tariff_free(tariff);
}

static void money_as_a_number_is_refused_with_the_reason(void **state) {
  (void)state;
  static const char json[] = "{\"name\":\"T\",\"effective_from\":\"2026-01-01\","
                             "\"slabs\":[{\"up_to_kwh\":null,\"rate\":3.5}]}";
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  assert_int_equal(sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems),
                   SM_ERR_INVALID);
  assert_string_equal(problems.item[0].field, "slabs[0].rate");
  assert_non_null(strstr(problems.item[0].message, "in quotes"));
}

static void rates_are_decimals_of_up_to_6_places_and_not_negative(void **state) {
  (void)state;
  static const char *const bad[] = {
      "\"-1\"",      "\"\"",    "\"1e3\"", "\" 1\"",
      "\"+1\"",      "\"1,5\"", "\"NaN\"", "\".5\"",
      "\"5.\"",      "true",    "null",    "\"1.2345678\"",
      "\"1000001\"", "{}",      "[]",      "\"99999999999999999999\""};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char slabs[128];
    (void)snprintf(slabs, sizeof slabs, "[{\"up_to_kwh\":null,\"rate\":%s}]", bad[i]);
    slabs_bad(slabs, "slabs[0].rate");
  }
  slabs_bad("[{\"up_to_kwh\":null}]", "slabs[0].rate");
  with_member_bad("\"fixed_charge\":\"-0.01\"", "fixed_charge");
  with_member_bad("\"fixed_charge\":50", "fixed_charge");
  with_member_bad("\"minimum_charge\":\"x\"", "minimum_charge");
  with_member_bad("\"fixed_per_kw\":null", "fixed_per_kw");
}

static void slabs_ascend_and_are_open_at_the_end(void **state) {
  (void)state;
  slabs_bad("[]", "slabs");
  slabs_bad("{}", "slabs");
  slabs_bad("[1]", "slabs[0]");
  slabs_bad("[{\"rate\":\"1\"}]", "slabs[0].up_to_kwh");
  slabs_bad("[{\"up_to_kwh\":100,\"rate\":\"1\"}]", "slabs[0].up_to_kwh");
  slabs_bad("[{\"up_to_kwh\":null,\"rate\":\"1\"},{\"up_to_kwh\":null,\"rate\":\"1\"}]",
            "slabs[0].up_to_kwh");
  slabs_bad("[{\"up_to_kwh\":100,\"rate\":\"1\"},{\"up_to_kwh\":100,\"rate\":\"1\"},"
            "{\"up_to_kwh\":null,\"rate\":\"1\"}]",
            "slabs[1].up_to_kwh");
  static const char *const bounds[] = {"0",       "-1",   "0.0001", "100.0001",
                                       "\"100\"", "1e30", "true",   "1000000001"};
  for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
    char slabs[128];
    (void)snprintf(slabs, sizeof slabs,
                   "[{\"up_to_kwh\":%s,\"rate\":\"1\"},{\"up_to_kwh\":null,\"rate\":\"1\"}]",
                   bounds[i]);
    slabs_bad(slabs, "slabs[0].up_to_kwh");
  }
  char many[8192] = "[";
  for (int i = 1; i <= 32; i++) {
    char slab[64];
    (void)snprintf(slab, sizeof slab, "{\"up_to_kwh\":%d,\"rate\":\"1\"},", i);
    strcat(many, slab);
  }
  strcat(many, "{\"up_to_kwh\":null,\"rate\":\"1\"}]");
  slabs_bad(many, "slabs");
}

static void a_slab_bound_may_have_three_places(void **state) {
  (void)state;
  sm_tariff *t = read_good("{\"name\":\"T\",\"effective_from\":\"2026-01-01\",\"slabs\":["
                           "{\"up_to_kwh\":0.001,\"rate\":\"1\"},{\"up_to_kwh\":100.001,\"rate\":"
                           "\"1\"},{\"up_to_kwh\":1e3,\"rate\":\"1\"},{\"up_to_kwh\":999999.999,"
                           "\"rate\":\"1\"},{\"up_to_kwh\":null,\"rate\":\"1\"}]}");
  assert_int_equal(t->slab[0].up_to_wh, 1);
  assert_int_equal(t->slab[1].up_to_wh, 100001);
  assert_int_equal(t->slab[2].up_to_wh, 1000000);
  assert_int_equal(t->slab[3].up_to_wh, 999999999);
  sm_tariff_free(t);
}

static void names_are_1_to_80_printable_characters(void **state) {
  (void)state;
  static const char *const bad[] = {"\"\"",         "\" T\"",        "\"T \"",        "\"a\\nb\"",
                                    "\"a\\u0007\"", "\"a\\u202eb\"", "\"a\\ufeffb\"", "7",
                                    "null",         "\"\\u0085\""};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char json[256];
    (void)snprintf(json, sizeof json,
                   "{\"name\":%s,\"effective_from\":\"2026-01-01\","
                   "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"1\"}]}",
                   bad[i]);
    read_bad(json, "name");
  }
  char name[81 * 3 + 1] = "";
  for (int i = 0; i < 80; i++) strcat(name, "\xe0\xa4\x98");
  for (int extra = 0; extra < 2; extra++) {
    char json[512];
    (void)snprintf(json, sizeof json,
                   "{\"name\":\"%s\",\"effective_from\":\"2026-01-01\","
                   "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"1\"}]}",
                   name);
    if (extra == 0) {
      sm_tariff_free(read_good(json));
      strcat(name, "\xe0\xa4\x98");
    } else {
      read_bad(json, "name");
    }
  }
}

static void effective_from_is_a_real_date(void **state) {
  (void)state;
  static const char *const bad[] = {
      "\"2026-02-29\"",           "\"2026-1-1\"", "\"\"", "20260101", "\"1999-12-31\"",
      "\"2026-01-01T00:00:00Z\"", "null"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char json[256];
    (void)snprintf(json, sizeof json,
                   "{\"name\":\"T\",\"effective_from\":%s,"
                   "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"1\"}]}",
                   bad[i]);
    read_bad(json, "effective_from");
  }
}

static void modes_flags_and_steps_are_checked(void **state) {
  (void)state;
  with_member_bad("\"slab_mode\":\"telescopc\"", "slab_mode");
  with_member_bad("\"slab_mode\":null", "slab_mode");
  with_member_bad("\"prorate_slabs\":\"true\"", "prorate_slabs");
  with_member_bad("\"prorate_slabs\":1", "prorate_slabs");
  with_member_bad("\"round_total_to\":\"0\"", "round_total_to");
  with_member_bad("\"round_total_to\":\"-1\"", "round_total_to");
  with_member_bad("\"round_total_to\":1", "round_total_to");
  with_member_bad("\"round_total_to\":\"1000.01\"", "round_total_to");
}

static void windows_bad(const char *windows, const char *field) {
  char member[1024];
  (void)snprintf(member, sizeof member, "\"time_of_day\":%s", windows);
  with_member_bad(member, field);
}

static void windows_do_not_overlap_also_past_midnight_and_the_weeks_end(void **state) {
  (void)state;
  windows_bad("[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"percent\":\"1\"},"
              "{\"name\":\"B\",\"from\":\"21:45\",\"to\":\"23:00\",\"percent\":\"1\"}]",
              "time_of_day[1].from");
  windows_bad("[{\"name\":\"A\",\"from\":\"22:00\",\"to\":\"06:00\",\"days\":[\"sun\"],"
              "\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"05:45\",\"to\":\"07:00\",\"days\":["
              "\"mon\"],\"percent\":\"1\"}]",
              "time_of_day[1].from");
  sm_tariff *t = with_member(
      "\"time_of_day\":[{\"name\":\"A\",\"from\":\"22:00\",\"to\":\"06:00\",\"days\":[\"sun\"],"
      "\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"05:45\",\"to\":\"07:00\",\"days\":[\"tue\"],"
      "\"percent\":\"1\"},{\"name\":\"C\",\"from\":\"07:00\",\"to\":\"24:00\",\"days\":[\"wed\"],"
      "\"percent\":\"1\"}]");
  assert_int_equal(t->window_count, 3);
  sm_tariff_free(t);
}

/* 26 January 2026 is a Monday, the 27th a Tuesday. */
static void a_window_names_holidays_like_a_day(void **state) {
  (void)state;
  sm_tariff *t =
      with_member("\"time_of_day\":[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"days\":["
                  "\"mon\"],\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"18:00\",\"to\":\"22:00\","
                  "\"days\":[\"sun\",\"holiday\"],\"percent\":\"-1\"},{\"name\":\"C\",\"from\":"
                  "\"06:00\",\"to\":\"07:00\",\"percent\":\"1\"}],"
                  "\"holidays\":[\"2026-01-26\",\"2026-01-27\"]");
  assert_int_equal(t->holiday_count, 2);
  assert_int_equal(t->window[0].days, SM_TOD_MONDAY);
  assert_int_equal(t->window[1].days, 0x40 | SM_TOD_HOLIDAY);
  assert_int_equal(t->window[2].days, SM_TOD_EVERY_DAY);
  assert_int_equal(sm_tariff_day_bit(t, (sm_date){2026, 1, 26}), SM_TOD_HOLIDAY);
  assert_int_equal(sm_tariff_day_bit(t, (sm_date){2026, 1, 25}), 0x40);
  assert_int_equal(sm_tariff_day_bit(t, (sm_date){2026, 1, 28}), 0x04);
  sm_tariff_free(t);
}

static void windows_do_not_overlap_on_or_about_a_holiday(void **state) {
  (void)state;
  /* Monday's night runs into a holiday that has a window of its own */
  with_member_bad("\"time_of_day\":[{\"name\":\"A\",\"from\":\"22:00\",\"to\":\"06:00\",\"days\":["
                  "\"mon\"],\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"00:00\",\"to\":\"24:00\","
                  "\"days\":[\"holiday\"],\"percent\":\"1\"}],\"holidays\":[\"2026-01-27\"]",
                  "time_of_day[1].from");
  /* a holiday's night runs into the Tuesday after it */
  with_member_bad("\"time_of_day\":[{\"name\":\"A\",\"from\":\"05:00\",\"to\":\"07:00\",\"days\":["
                  "\"tue\"],\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"22:00\",\"to\":\"06:00\","
                  "\"days\":[\"holiday\"],\"percent\":\"1\"}],\"holidays\":[\"2026-01-26\"]",
                  "time_of_day[1].from");
  /* two on the holiday itself, with and without `days` */
  with_member_bad(
      "\"time_of_day\":[{\"name\":\"A\",\"from\":\"05:00\",\"to\":\"07:00\",\"percent\":"
      "\"1\"},{\"name\":\"B\",\"from\":\"06:45\",\"to\":\"08:00\",\"days\":[\"holiday\"],"
      "\"percent\":\"1\"}],\"holidays\":[\"2026-01-26\"]",
      "time_of_day[1].from");
  /* the same where the holiday falls on another day */
  sm_tariff_free(
      with_member("\"time_of_day\":[{\"name\":\"A\",\"from\":\"22:00\",\"to\":\"06:00\",\"days\":["
                  "\"mon\"],\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"00:00\",\"to\":\"24:00\","
                  "\"days\":[\"holiday\"],\"percent\":\"1\"}],\"holidays\":[\"2026-01-28\"]"));
}

static void holidays_are_dates_in_order(void **state) {
  (void)state;
  with_member_bad("\"holidays\":{}", "holidays");
  with_member_bad("\"holidays\":[20260126]", "holidays[0]");
  with_member_bad("\"holidays\":[\"2026-01-26\",\"2026-02-30\"]", "holidays[1]");
  with_member_bad("\"holidays\":[\"2026-01-26\",\"2026-01-26\"]", "holidays[1]");
  with_member_bad("\"holidays\":[\"2026-01-26\",\"2025-12-25\"]", "holidays[1]");
  char many[2048] = "\"holidays\":[";
  for (int i = 0; i <= SM_TARIFF_HOLIDAYS_MAX; i++)
    (void)snprintf(many + strlen(many), sizeof many - strlen(many), "%s\"2026-%02d-%02d\"",
                   i > 0 ? "," : "", i / 28 + 1, i % 28 + 1);
  (void)snprintf(many + strlen(many), sizeof many - strlen(many), "]");
  with_member_bad(many, "holidays");
}

static void windows_are_checked_field_by_field(void **state) {
  (void)state;
  static const char *const minutes[] = {"\"18:10\"", "\"24:15\"", "\"1800\"", "\"18:60\"",
                                        "18",        "\"-1:00\"", "null"};
  for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
    char windows[256];
    (void)snprintf(windows, sizeof windows,
                   "[{\"name\":\"A\",\"from\":%s,\"to\":\"22:00\",\"percent\":\"1\"}]", minutes[i]);
    windows_bad(windows, "time_of_day[0].from");
  }
  windows_bad("[{\"name\":\"A\",\"from\":\"24:00\",\"to\":\"22:00\",\"percent\":\"1\"}]",
              "time_of_day[0].from");
  windows_bad("[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"18:00\",\"percent\":\"1\"}]",
              "time_of_day[0].to");
  windows_bad("[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"percent\":\"-100.1\"}]",
              "time_of_day[0].percent");
  windows_bad("[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"percent\":\"1\","
              "\"days\":[]}]",
              "time_of_day[0].days");
  windows_bad("[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"percent\":\"1\","
              "\"days\":[\"mon\",\"mon\"]}]",
              "time_of_day[0].days");
  windows_bad("[{\"name\":\"A\",\"from\":\"18:00\",\"to\":\"22:00\",\"percent\":\"1\","
              "\"days\":[\"monday\"]}]",
              "time_of_day[0].days");
}

static void taxes_surcharges_and_demand_are_checked(void **state) {
  (void)state;
  with_member_bad("\"taxes\":{}", "taxes");
  with_member_bad("\"taxes\":[{\"name\":\"G\",\"percent\":18}]", "taxes[0].percent");
  with_member_bad("\"taxes\":[{\"name\":\"G\",\"percent\":\"-1\"}]", "taxes[0].percent");
  with_member_bad("\"taxes\":[{\"percent\":\"1\"}]", "taxes[0].name");
  static const char *const on[] = {
      "[]",         "[\"tax\"]", "[\"rounding\"]", "[\"enrgy\"]", "[\"energy\",\"energy\"]",
      "\"energy\"", "[1]"};
  for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
    char member[256];
    (void)snprintf(member, sizeof member,
                   "\"taxes\":[{\"name\":\"G\",\"percent\":\"1\",\"on\":%s}]", on[i]);
    with_member_bad(member, "taxes[0].on");
  }
  with_member_bad("\"surcharges\":[{\"name\":\"S\"}]", "surcharges[0].per_kwh");
  with_member_bad("\"surcharges\":[{\"name\":\"S\",\"per_kwh\":\"1\",\"percent\":\"1\"}]",
                  "surcharges[0].per_kwh");
  with_member_bad("\"surcharges\":[{\"name\":\"S\",\"percent\":\"-101\"}]",
                  "surcharges[0].percent");
  with_member_bad("\"demand\":30", "demand");
  with_member_bad("\"demand\":{\"rate_per_kw\":\"1\",\"window_minutes\":20}",
                  "demand.window_minutes");
  with_member_bad("\"demand\":{\"rate_per_kw\":1,\"window_minutes\":30}", "demand.rate_per_kw");
}

static void all_that_is_wrong_is_told_at_once(void **state) {
  (void)state;
  static const char json[] = "{\"name\":\"\",\"effective_from\":\"x\",\"slabs\":[{\"up_to_kwh\":5,"
                             "\"rate\":1}],\"taxes\":[{\"name\":\"G\",\"percent\":1}]}";
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  assert_int_equal(sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems),
                   SM_ERR_INVALID);
  assert_int_equal(problems.count, 5);
}

static void every_part_of_a_tariff_is_billed(void **state) {
  (void)state;
  sm_problems problems = {0};
  sm_tariff *t = read_good(full);
  assert_int_equal(sm_tariff_supported(t, "INR", &problems), SM_OK);
  assert_int_equal(problems.count, 0);
  sm_tariff_free(t);
}

static void a_step_that_the_currency_cannot_pay_is_named(void **state) {
  (void)state;
  sm_tariff *t = with_member("\"round_total_to\":\"0.015\"");
  sm_problems problems = {0};
  assert_int_equal(sm_tariff_supported(t, "INR", &problems), SM_ERR_UNSUPPORTED);
  assert_string_equal(problems.item[0].field, "round_total_to");
  assert_int_equal(sm_tariff_supported(t, "KWD", &problems), SM_OK);
  sm_tariff_free(t);
  t = with_member("\"round_total_to\":\"0.01\"");
  assert_int_equal(sm_tariff_supported(t, "JPY", &problems), SM_OK);
  sm_tariff_free(t);
}

static void line_kinds_have_names_both_ways(void **state) {
  (void)state;
  for (int i = 0; i < SM_LINE_KIND_COUNT; i++) {
    sm_line_kind kind = SM_LINE_KIND_COUNT;
    assert_int_equal(sm_line_kind_parse(sm_line_kind_name((sm_line_kind)i), &kind), SM_OK);
    assert_int_equal(kind, i);
  }
  sm_line_kind kind;
  assert_int_equal(sm_line_kind_parse("unknown", &kind), SM_ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_contracts_example_is_read_to_the_letter),
      cmocka_unit_test(every_member_survives_a_round_trip),
      cmocka_unit_test(fixed_charge_and_taxes_may_be_left_out),
      cmocka_unit_test(what_is_not_json_says_so),
      cmocka_unit_test(an_unknown_member_is_refused_by_name_everywhere),
      cmocka_unit_test(rebill_is_taken_where_it_is_asked_for),
      cmocka_unit_test(money_as_a_number_is_refused_with_the_reason),
      cmocka_unit_test(rates_are_decimals_of_up_to_6_places_and_not_negative),
      cmocka_unit_test(slabs_ascend_and_are_open_at_the_end),
      cmocka_unit_test(a_slab_bound_may_have_three_places),
      cmocka_unit_test(names_are_1_to_80_printable_characters),
      cmocka_unit_test(effective_from_is_a_real_date),
      cmocka_unit_test(modes_flags_and_steps_are_checked),
      cmocka_unit_test(windows_do_not_overlap_also_past_midnight_and_the_weeks_end),
      cmocka_unit_test(a_window_names_holidays_like_a_day),
      cmocka_unit_test(windows_do_not_overlap_on_or_about_a_holiday),
      cmocka_unit_test(holidays_are_dates_in_order),
      cmocka_unit_test(windows_are_checked_field_by_field),
      cmocka_unit_test(taxes_surcharges_and_demand_are_checked),
      cmocka_unit_test(all_that_is_wrong_is_told_at_once),
      cmocka_unit_test(every_part_of_a_tariff_is_billed),
      cmocka_unit_test(a_step_that_the_currency_cannot_pay_is_named),
      cmocka_unit_test(line_kinds_have_names_both_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
