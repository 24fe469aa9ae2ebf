#include "billing/explain.h"

#include "base/file.h"
#include "billing/billing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* The explanation as JSON, checked against the bill that sm_billing_compute gives. */
static json_t *explain(kit *k) {
  sm_buf text;
  sm_jsonw w;
  sm_bill *bill = NULL;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  assert_int_equal(sm_billing_explain(&k->input, &w, &bill), SM_OK);
  sm_jsonw_object_end(&w);
  json_error_t error;
  json_t *root = json_loads(sm_buf_text(&text), JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) fail_msg("%s: %s", error.text, sm_buf_text(&text));
  sm_buf_clear(&text);
  sm_jsonw_init(&w, &text);
  sm_bill *plain = kit_bill(k);
  sm_bill_write_json(&w, plain, k->zone);
  json_t *wanted = json_loads(sm_buf_text(&text), 0, &error);
  assert_true(json_equal(json_object_get(root, "bill"), wanted));
  json_decref(wanted);
  sm_bill_free(plain);
  sm_bill_free(bill);
  sm_buf_fini(&text);
  return root;
}

/* "meters.0.stretches.0.edges.1.text" */
static const json_t *at(const json_t *root, const char *path) {
  char key[200];
  (void)snprintf(key, sizeof key, "%s", path);
  const json_t *found = root;
  char *rest = NULL;
  for (char *part = strtok_r(key, ".", &rest); part != NULL && found != NULL;
       part = strtok_r(NULL, ".", &rest))
    found = json_is_array(found) ? json_array_get(found, strtoul(part, NULL, 10))
                                 : json_object_get(found, part);
  if (found == NULL) fail_msg("there is no %s", path);
  return found;
}

static const char *text_at(const json_t *root, const char *path) {
  const char *text = json_string_value(at(root, path));
  assert_non_null(text);
  return text;
}

static kit *example(void) {
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  kit_read(k, 0, "2025-12-31T23:50:00+05:30", 1000000);
  kit_read(k, 0, "2026-01-01T00:20:00+05:30", 1000100);
  kit_read(k, 0, "2026-01-15T00:00:00+05:30", 1080000);
  kit_read(k, 0, "2026-02-01T00:00:00+05:30", 1350033);
  return k;
}

static void an_edge_between_two_readings_is_worked_out(void **state) {
  (void)state;
  kit *k = example();
  json_t *root = explain(k);
  const char *edge = "meters.0.stretches.0.edges.0";
  assert_string_equal(text_at(root, "meters.0.stretches.0.edges.0.rule"), "register.between");
  assert_string_equal(text_at(root, "meters.0.stretches.0.edges.0.text"),
                      "1000.000 + (1000.100 - 1000.000) × 600 s / 1800 s = 1000.033 kWh");
  assert_string_equal(
      json_string_value(json_object_get(json_object_get(at(root, edge), "before"), "at")),
      "2025-12-31T23:50:00+05:30");
  assert_string_equal(text_at(root, "meters.0.stretches.0.edges.1.rule"), "register.read");
  assert_string_equal(text_at(root, "lines.1.text"), "200.000 kWh × 4.50 = 900.00");
  assert_string_equal(text_at(root, "lines.4.text"), "18 % of 1600.00 = 288.00");
  assert_int_equal(json_array_size(at(root, "lines.4.of_lines")), 4);
  assert_string_equal(text_at(root, "totals.text"), "1600.00 + 288.00 + 0.00 = 1888.00 INR");
  json_decref(root);
  kit_free(k);
}

static void a_cut_month_has_the_register_of_the_cut_and_the_places_on_the_slabs(void **state) {
  (void)state;
  kit *k = example();
  kit_tariff(k, 1, "2026-01-15", sm_tariff_default_json());
  json_t *root = explain(k);
  assert_int_equal(json_array_size(at(root, "meters.0.stretches.0.edges")), 3);
  assert_string_equal(text_at(root, "meters.0.stretches.0.edges.1.at"),
                      "2026-01-15T00:00:00+05:30");
  /* 79.967 kWh until then; the first slab goes on from there */
  assert_string_equal(text_at(root, "lines.3.rule"), "energy.telescopic");
  assert_true(json_number_value(at(root, "lines.3.from_kwh")) == 79.967);
  assert_true(json_number_value(at(root, "lines.3.to_kwh")) == 100);
  assert_string_equal(text_at(root, "segments.1.tariff.name"), "LT-1 Domestic");
  json_decref(root);
  kit_free(k);
}

static void a_wild_reading_and_a_silent_end_are_told(void **state) {
  (void)state;
  kit *k = example();
  k->meter[0].point_count = 3;
  kit_read(k, 0, "2026-01-16T00:00:00+05:30", 5);
  json_t *root = explain(k);
  assert_string_equal(text_at(root, "meters.0.suspects.0.at"), "2026-01-16T00:00:00+05:30");
  assert_string_equal(text_at(root, "meters.0.stretches.0.edges.1.rule"), "register.after_last");
  assert_string_equal(text_at(root, "bill.reasons.0"), "no_reading_after_end");
  json_decref(root);
  kit_free(k);
}

static void errors_are_those_of_the_bill(void **state) {
  (void)state;
  kit *k = example();
  sm_buf text;
  sm_jsonw w;
  sm_bill *bill = NULL;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  k->input.now_ms = kit_ms("2025-12-01T00:00:00Z");
  assert_int_equal(sm_billing_explain(&k->input, &w, &bill), SM_ERR_RANGE);
  assert_null(bill);
  sm_buf_fini(&text);
  sm_buf_init(&text, 100); /* no room */
  sm_jsonw_init(&w, &text);
  k->input.now_ms = kit_ms("2030-01-01T00:00:00Z");
  assert_int_not_equal(sm_billing_explain(&k->input, &w, &bill), SM_OK);
  assert_null(bill);
  sm_buf_fini(&text);
  kit_free(k);
}

/* Ids are what readers look up: all of them stand in the document. */
static void every_rule_is_in_the_document(void **state) {
  (void)state;
  static const char *const ids[] = {
#define SM_RULE(name, id, text) id,
#include "billing/explain_rule.def"
#undef SM_RULE
  };
  char *document = NULL;
  size_t len = 0;
  assert_int_equal(sm_file_read(SM_SOURCE_DIR "/docs/billing.md", 1 << 20, &document, &len), SM_OK);
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    char quoted[80];
    (void)snprintf(quoted, sizeof quoted, "`%s`", ids[i]);
    if (strstr(document, quoted) == NULL) fail_msg("docs/billing.md lacks %s", quoted);
  }
  free(document);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_edge_between_two_readings_is_worked_out),
      cmocka_unit_test(a_cut_month_has_the_register_of_the_cut_and_the_places_on_the_slabs),
      cmocka_unit_test(a_wild_reading_and_a_silent_end_are_told),
      cmocka_unit_test(errors_are_those_of_the_bill),
      cmocka_unit_test(every_rule_is_in_the_document),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
