/* Explanations of real accounts on the real embedded stores. */
#include "invoicing/explain.h"

#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define TARIFF(from, more)                                                                         \
  "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"" from                                         \
  "\",\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"5.00\"}],\"fixed_charge\":\"50.00\"," more         \
  "\"taxes\":[]}"
#define PLAIN(from) TARIFF(from, "")
#define TIMED(from)                                                                                \
  TARIFF(from, "\"time_of_day\":[{\"name\":\"Peak\",\"from\":\"18:00\",\"to\":\"22:00\","          \
               "\"percent\":\"20\"}],")

static json_t *explain(fixture *f, const sm_invoicing_query *query) {
  sm_buf text;
  json_error_t error;
  sm_buf_init(&text, 0);
  sm_err err = sm_invoicing_explain_json(&f->invoicing, query, &text);
  if (err != SM_OK) fail_msg("no explanation: %s", sm_err_text(err));
  json_t *root = json_loads(sm_buf_text(&text), JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) fail_msg("%s: %s", error.text, sm_buf_text(&text));
  sm_buf_fini(&text);
  return root;
}

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  assert_non_null(text);
  return text;
}

static void issue(fixture *f) {
  sm_issue_summary summary;
  const sm_issue_request request = {
      .actor = tester, .year = 2026, .month = 1, .now_ms = ms("2026-02-02T08:00:00+05:30")};
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, NULL, NULL, &summary), SM_OK);
  assert_int_equal(summary.issued, 1);
}

static void a_month_that_is_not_issued_is_explained_as_it_would_be(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  const sm_invoicing_query query = january("meter-001");
  json_t *root = explain(f, &query);
  assert_true(json_is_null(json_object_get(root, "invoice")));
  assert_string_equal(text_of(json_object_get(root, "totals"), "total"), "1888.00");
  assert_string_equal(text_of(json_object_get(root, "bill"), "device_id"), "meter-001");
  json_decref(root);
}

static void
an_issued_month_is_explained_by_its_own_tariff_and_says_if_readings_changed(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  issue(f);
  const sm_invoicing_query query = january("meter-001");
  json_t *root = explain(f, &query);
  const json_t *invoice = json_object_get(root, "invoice");
  assert_string_equal(text_of(invoice, "number"), "SM2526-000001");
  assert_string_equal(text_of(invoice, "total_now"), "1888.00");
  assert_true(json_is_false(json_object_get(json_object_get(invoice, "readings"), "changed")));
  json_decref(root);
  /* a tariff that would have held, and a reading that came late and is not believed */
  int32_t version = 0;
  assert_int_equal(
      sm_ledger_tariff_add(f->ledger, tester, "LT-1 Domestic", (sm_date){2026, 1, 10},
                           "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-10\","
                           "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"99.00\"}],"
                           "\"fixed_charge\":\"0.00\",\"taxes\":[]}",
                           true, &version),
      SM_OK);
  feed(f, "meter-001", "2026-01-31T23:55:00+05:30", "2026-01-31T23:55:00+05:30", 600, 9000000, 0);
  root = explain(f, &query);
  invoice = json_object_get(root, "invoice");
  assert_true(json_is_true(json_object_get(json_object_get(invoice, "readings"), "changed")));
  assert_string_equal(text_of(invoice, "total"), "1888.00");
  assert_string_equal(text_of(invoice, "total_now"), "1888.00");
  assert_int_equal(json_array_size(json_object_get(root, "segments")), 1);
  json_decref(root);
}

static void add_version(fixture *f, sm_date from, const char *text) {
  int32_t version = 0;
  assert_int_equal(
      sm_ledger_tariff_add(f->ledger, tester, "LT-1 Domestic", from, text, true, &version), SM_OK);
}

static void expect_as_issued(fixture *f) {
  const sm_invoicing_query query = january("meter-001");
  json_t *root = explain(f, &query);
  const json_t *invoice = json_object_get(root, "invoice");
  const json_t *readings = json_object_get(invoice, "readings");
  assert_string_equal(text_of(readings, "sha256_now"), text_of(readings, "sha256"));
  assert_string_equal(text_of(invoice, "total_now"), text_of(invoice, "total"));
  json_decref(root);
}

/* Which points are read is said by the tariffs of the month, and by no other. */
static void tariffs_that_come_later_change_no_reading_of_an_issued_month(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  issue(f);
  add_version(f, (sm_date){2026, 2, 1}, TIMED("2026-02-01"));
  expect_as_issued(f);
  add_version(f, (sm_date){2026, 1, 1}, TIMED("2026-01-01"));
  expect_as_issued(f);
}

/* The invoice was made by times of the day, what holds now knows of none. */
static void a_timed_month_is_explained_by_times_whatever_holds_now(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  add_version(f, (sm_date){2026, 1, 1}, TIMED("2026-01-01"));
  issue(f);
  add_version(f, (sm_date){2026, 1, 1}, PLAIN("2026-01-01"));
  expect_as_issued(f);
}

static void what_is_somebody_elses_is_not_there(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  char *other = add_user(f, 2);
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_invoicing_query query = january("meter-001");
  query.user_id = other;
  assert_int_equal(sm_invoicing_explain_json(&f->invoicing, &query, &text), SM_ERR_NOT_FOUND);
  query = january("meter-009");
  assert_int_equal(sm_invoicing_explain_json(&f->invoicing, &query, &text), SM_ERR_NOT_FOUND);
  query = january("meter-001");
  query.now_ms = ms("2025-12-31T00:00:00+05:30");
  assert_int_equal(sm_invoicing_explain_json(&f->invoicing, &query, &text), SM_ERR_RANGE);
  sm_buf_fini(&text);
  free(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_month_that_is_not_issued_is_explained_as_it_would_be),
      TEST(an_issued_month_is_explained_by_its_own_tariff_and_says_if_readings_changed),
      TEST(tariffs_that_come_later_change_no_reading_of_an_issued_month),
      TEST(a_timed_month_is_explained_by_times_whatever_holds_now),
      TEST(what_is_somebody_elses_is_not_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
