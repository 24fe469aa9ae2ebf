/* Reads every case of contracts/bills, computes it, and compares the whole bill with the one in the
 * case, member by member. The same files are for every other program that bills or shows bills. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/file.h"
#include "billing/billing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>

enum {
  CASES_MAX = 100,
  METERS_MAX = 8,
  TARIFFS_MAX = 8,
  POINTS_MAX = 256,
  EDITS_MAX = 16,
  NAME_BYTES = 256
};

typedef struct golden {
  json_t *root;
  sm_zone *zone;
  sm_billing_input input;
  sm_billing_meter meter[METERS_MAX];
  sm_register_point *point[METERS_MAX]; /* with the edits applied */
  sm_billing_edit edit[METERS_MAX][EDITS_MAX];
  sm_billing_tariff tariff[TARIFFS_MAX];
  sm_tariff *owned[TARIFFS_MAX];
} golden;

static const char *text_of(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL || json_is_null(value)) return NULL;
  if (!json_is_string(value)) fail_msg("%s must be a text or null", key);
  return json_string_value(value);
}

static int64_t time_of(const char *text) {
  int64_t ms = 0;
  if (text == NULL || sm_rfc3339_parse(text, strlen(text), &ms) != SM_OK)
    fail_msg("not a time: %s", text != NULL ? text : "(none)");
  return ms;
}

static bool date_of(const json_t *object, const char *key, sm_date *date) {
  const char *text = text_of(object, key);
  if (text == NULL) return false;
  if (sm_date_parse(text, date) != SM_OK) fail_msg("not a date: %s", text);
  return true;
}

/* A JSON number of up to three places as thousandths. */
static int64_t milli_of(const json_t *value, int64_t fallback) {
  char text[SM_DECIMAL_TEXT_MAX];
  int64_t out = 0;
  if (value == NULL || json_is_null(value)) return fallback;
  if (!json_is_number(value)) fail_msg("not a number");
  (void)snprintf(text, sizeof text, "%.3f", json_number_value(value));
  assert_int_equal(sm_decimal_parse(text, strlen(text), 3, &out), SM_OK);
  return out;
}

/* [time, register] each. */
static size_t read_points(const json_t *readings, sm_register_point *point) {
  size_t count = json_array_size(readings);
  assert_true(count <= POINTS_MAX);
  for (size_t i = 0; i < count; i++) {
    const json_t *reading = json_array_get(readings, i);
    point[i] = (sm_register_point){.ts_ms = time_of(json_string_value(json_array_get(reading, 0))),
                                   .wh = milli_of(json_array_get(reading, 1), 0)};
  }
  return count;
}

/* By time, in the words of the bill. */
static size_t read_edits(const json_t *list, sm_billing_edit *out) {
  size_t count = json_array_size(list);
  assert_true(count <= EDITS_MAX);
  for (size_t i = 0; i < count; i++) {
    const json_t *from = json_array_get(list, i);
    out[i] = (sm_billing_edit){.edit_no = json_integer_value(json_object_get(from, "no")),
                               .edit = {.ts_ms = time_of(text_of(from, "at")),
                                        .wh = milli_of(json_object_get(from, "after_kwh"), 0)},
                               .raw_wh = milli_of(json_object_get(from, "before_kwh"), 0),
                               .reason = text_of(from, "reason"),
                               .by = text_of(from, "by"),
                               .made_ms = time_of(text_of(from, "made_at"))};
    assert_int_equal(sm_edit_kind_parse(text_of(from, "kind"), &out[i].edit.kind), SM_OK);
  }
  return count;
}

static void apply_edits(golden *g, size_t m, const sm_register_point *point, size_t count) {
  sm_edit list[EDITS_MAX];
  sm_billing_meter *meter = &g->meter[m];
  for (size_t i = 0; i < meter->edit_count; i++) list[i] = meter->edit[i].edit;
  const sm_edits edits = {.item = list, .count = meter->edit_count};
  assert_int_equal(
      sm_edits_apply(&edits, INT64_MIN, INT64_MAX, point, count, &g->point[m], &meter->point_count),
      SM_OK);
  meter->point = g->point[m];
}

static void read_meter(golden *g, size_t m, const json_t *from) {
  sm_register_point point[POINTS_MAX];
  const char *begin = text_of(from, "from");
  const char *end = text_of(from, "to");
  g->meter[m] =
      (sm_billing_meter){.device_id = text_of(from, "device_id"),
                         .from_ms = begin != NULL ? time_of(begin) : INT64_MIN,
                         .to_ms = end != NULL ? time_of(end) : INT64_MAX,
                         .sign = (int32_t)(milli_of(json_object_get(from, "sign"), 1000) / 1000),
                         .multiplier_milli = milli_of(json_object_get(from, "multiplier"), 1000),
                         .modulus_wh = milli_of(json_object_get(from, "modulus_kwh"), 10000000),
                         .max_power_w = milli_of(json_object_get(from, "max_power_kw"), 23000),
                         .edit = g->edit[m]};
  g->meter[m].edit_count = read_edits(json_object_get(from, "edits"), g->edit[m]);
  apply_edits(g, m, point, read_points(json_object_get(from, "readings"), point));
}

static void read_tariff(golden *g, size_t i, const json_t *from) {
  sm_problems problems = {0};
  char *text = json_dumps(json_object_get(from, "tariff"), 0);
  assert_non_null(text);
  if (sm_tariff_read_json(text, strlen(text), &g->owned[i], NULL, &problems) != SM_OK)
    fail_msg("tariffs[%zu].%s %s", i, problems.item[0].field, problems.item[0].message);
  free(text);
  g->owned[i]->version = (int32_t)json_integer_value(json_object_get(from, "version"));
  g->tariff[i].tariff = g->owned[i];
  assert_true(date_of(from, "from", &g->tariff[i].from));
}

static void read_input(golden *g) {
  const json_t *from = json_object_get(g->root, "input");
  const json_t *meters = json_object_get(from, "meters");
  const json_t *tariffs = json_object_get(from, "tariffs");
  sm_billing_input *in = &g->input;
  assert_true(json_array_size(meters) <= METERS_MAX && json_array_size(tariffs) <= TARIFFS_MAX);
  assert_int_equal(sm_zone_new(text_of(from, "zone"), &g->zone), SM_OK);
  assert_int_equal(sm_month_parse(text_of(from, "month"), &in->year, &in->month), SM_OK);
  in->zone = g->zone;
  in->currency = text_of(from, "currency");
  in->device_id = text_of(from, "device_id");
  in->account_id = text_of(from, "account_id");
  in->now_ms = time_of(text_of(from, "now"));
  in->has_from = date_of(from, "from", &in->from);
  in->has_to = date_of(from, "to", &in->to);
  in->sanctioned_load_w = milli_of(json_object_get(from, "sanctioned_load_kw"), 0);
  in->meter = g->meter;
  in->meter_count = json_array_size(meters);
  in->tariff = g->tariff;
  in->tariff_count = json_array_size(tariffs);
  for (size_t i = 0; i < in->meter_count; i++) read_meter(g, i, json_array_get(meters, i));
  for (size_t i = 0; i < in->tariff_count; i++) read_tariff(g, i, json_array_get(tariffs, i));
}

static char *compute(const golden *g) {
  sm_bill *bill = NULL;
  sm_buf buf;
  sm_jsonw w;
  sm_err err = sm_billing_compute(&g->input, &bill);
  if (err != SM_OK) fail_msg("no bill: %s", sm_err_text(err));
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_bill_write_json(&w, bill, g->zone);
  sm_bill_free(bill);
  char *text = sm_buf_take(&buf);
  assert_non_null(text);
  return text;
}

static void check_case(const char *path) {
  golden *g = calloc(1, sizeof *g);
  assert_non_null(g);
  json_error_t error;
  g->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (g->root == NULL) fail_msg("%s: %s, line %d", path, error.text, error.line);
  read_input(g);
  char *text = compute(g);
  /* both with every number a real, so that 1000 and 1000.0 are the same */
  json_t *got = json_loads(text, JSON_DECODE_INT_AS_REAL, &error);
  char *wanted_text = json_dumps(json_object_get(g->root, "bill"), 0);
  assert_non_null(wanted_text);
  json_t *wanted = json_loads(wanted_text, JSON_DECODE_INT_AS_REAL, &error);
  if (wanted == NULL || !json_equal(got, wanted)) {
    (void)fprintf(stderr, "%s: the bill is now\n%s\n", path, text); /* too long for cmocka */
    fail();
  }
  json_decref(got);
  json_decref(wanted);
  free(wanted_text);
  free(text);
  for (size_t i = 0; i < TARIFFS_MAX; i++) sm_tariff_free(g->owned[i]);
  for (size_t i = 0; i < METERS_MAX; i++) free(g->point[i]);
  sm_zone_free(g->zone);
  json_decref(g->root);
  free(g);
}

static int by_name(const void *left, const void *right) {
  return strcmp(left, right);
}

/* The names of all cases, in order; fails if there are more than fit. */
static size_t list_cases(const char *dir, char names[CASES_MAX][NAME_BYTES]) {
  size_t count = 0;
  DIR *open = opendir(dir);
  assert_non_null(open);
  for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
    const char *dot = strrchr(entry->d_name, '.');
    if (dot == NULL || strcmp(dot, ".json") != 0) continue;
    assert_true(count < CASES_MAX);
    (void)snprintf(names[count++], NAME_BYTES, "%s", entry->d_name);
  }
  closedir(open);
  qsort(names, count, NAME_BYTES, by_name);
  return count;
}

static void every_case_gives_its_bill(void **state) {
  (void)state;
  static char names[CASES_MAX][NAME_BYTES];
  const char *dir = SM_SOURCE_DIR "/contracts/bills";
  size_t count = list_cases(dir, names);
  for (size_t i = 0; i < count; i++) {
    char *path = sm_path_join(dir, names[i]);
    assert_non_null(path);
    check_case(path);
    free(path);
  }
  assert_true(count >= 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case_gives_its_bill),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
