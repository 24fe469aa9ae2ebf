/* Explanations of bills and previews of tariffs over the real server: who may see what, and what is
 * refused with its field. */
#include "api/api_test_util.h"

#include "invoicing/invoicing.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JANUARY "/api/billing/meter-001/explain?month=2026-01"
#define FLAT                                                                                       \
  "{\"name\":\"Flat\",\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_kwh\":null,"           \
  "\"rate\":\"5.00\"}],\"fixed_charge\":\"0.00\",\"taxes\":[]}"

static void a_bill_is_explained_to_who_may_see_it(void **state) {
  const test_server *s = *state;
  json_t *bill = test_get(s, "/api/billing/meter-001?month=2026-01", ASHA);
  json_t *root = test_get(s, JANUARY, ASHA);
  assert_string_equal(test_text_in(json_object_get(root, "totals"), "total"),
                      test_text_in(bill, "total"));
  assert_true(json_equal(json_object_get(root, "bill"), bill));
  assert_true(json_is_null(json_object_get(root, "invoice")));
  assert_int_equal(json_array_size(json_object_get(root, "lines")),
                   json_array_size(json_object_get(bill, "lines")));
  json_decref(bill);
  json_decref(root);
  json_decref(test_get(s, JANUARY, ADMIN));
  assert_int_equal(test_status(s, "GET", JANUARY, RAVI, NULL), 404);
  assert_int_equal(test_status(s, "GET", JANUARY, NOBODY, NULL), 401);
}

static void the_running_month_tells_its_projection(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s, "/api/billing/meter-001/explain", ASHA);
  json_t *projection = json_object_get(root, "projection");
  assert_string_equal(test_text_in(projection, "rule"), "projection");
  assert_true(json_array_size(json_object_get(projection, "full_days_kwh")) == 14);
  json_decref(root);
}

static void a_former_tenants_month_is_theirs_alone(void **state) {
  const test_server *s = *state;
  static const char *const january = "/api/billing/meter-003/explain?month=2026-01";
  json_decref(test_get(s, january, ASHA));
  assert_int_equal(test_status(s, "GET", january, RAVI, NULL), 404);
  assert_int_equal(
      test_status(s, "GET", "/api/billing/meter-003/explain?month=2026-02", ASHA, NULL), 404);
}

static void months_that_are_none_are_refused(void **state) {
  const test_server *s = *state;
  assert_int_equal(
      test_status(s, "GET", "/api/billing/meter-001/explain?month=2026-13", ASHA, NULL), 400);
  assert_int_equal(
      test_status(s, "GET", "/api/billing/meter-001/explain?month=2026-03", ASHA, NULL), 400);
  assert_int_equal(test_status(s, "GET", "/api/billing/absent/explain?month=2026-01", ADMIN, NULL),
                   404);
}

/* ---- previews ---- */
static json_t *preview(const test_server *s, const char *target, const char *more,
                       unsigned status) {
  char body[1024];
  (void)snprintf(body, sizeof body, "{\"tariff\":" FLAT "%s}", more);
  return test_admin_ask(s, "POST", target, body, status);
}

static void a_draft_is_compared_for_one_account_with_both_bills(void **state) {
  const test_server *s = *state;
  json_t *root =
      preview(s, "/api/tariffs/preview", ",\"month\":\"2026-01\",\"device_id\":\"meter-001\"", 200);
  json_t *account = json_array_get(json_object_get(root, "accounts"), 0);
  json_t *before = json_object_get(account, "old_bill");
  json_t *after = json_object_get(account, "new_bill");
  assert_string_equal(test_text_in(account, "old_total"), test_text_in(before, "total"));
  assert_string_equal(test_text_in(account, "new_total"), test_text_in(after, "total"));
  assert_true(test_near(test_number_in(before, "consumption_kwh"),
                        test_number_in(after, "consumption_kwh")));
  assert_string_equal(test_text_in(json_array_get(json_object_get(after, "segments"), 0), "tariff"),
                      "Flat");
  json_decref(root);
  json_t *tariffs = test_get(s, "/api/tariffs", ADMIN);
  char *text = json_dumps(tariffs, 0);
  assert_null(strstr(text, "Flat")); /* nothing was written */
  free(text);
  json_decref(tariffs);
}

static void all_accounts_come_page_by_page(void **state) {
  const test_server *s = *state;
  char target[600] = "/api/tariffs/preview?limit=1";
  size_t accounts = 0;
  size_t pages = 0;
  for (; target[0] != '\0' && pages < 20; pages++) {
    json_t *root = preview(s, target, ",\"month\":\"2026-01\"", 200);
    accounts += json_array_size(json_object_get(root, "accounts"));
    const char *next = test_text_in(root, "next");
    target[0] = '\0';
    if (next != NULL)
      (void)snprintf(target, sizeof target, "/api/tariffs/preview?limit=1&cursor=%s", next);
    json_decref(root);
  }
  assert_true(pages > 2 && pages < 20);
  json_t *root = preview(s, "/api/tariffs/preview", ",\"month\":\"2026-01\"", 200);
  assert_int_equal(json_array_size(json_object_get(root, "accounts")), accounts);
  json_decref(root);
}

/* A body that must be refused, naming the field. */
static void refused(const test_server *s, const char *body, unsigned status, const char *field) {
  json_t *root = test_admin_ask(s, "POST", "/api/tariffs/preview", body, status);
  json_t *errors = json_object_get(root, "errors");
  bool named = false;
  for (size_t i = 0; i < json_array_size(errors); i++)
    if (strcmp(test_text_in(json_array_get(errors, i), "field"), field) == 0) named = true;
  if (!named) fail_msg("%s is not named for %s", field, body);
  json_decref(root);
}

static void a_draft_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  refused(s, "{\"month\":\"2026-01\"}", 422, "tariff");
  refused(s, "{\"tariff\":7,\"month\":\"2026-01\"}", 422, "tariff");
  refused(s, "{\"tariff\":" FLAT "}", 422, "month");
  refused(s, "{\"tariff\":" FLAT ",\"month\":\"2026-02\"}", 422, "month"); /* still runs */
  refused(s, "{\"tariff\":" FLAT ",\"month\":\"2026-01\",\"device_id\":\"a.b\"}", 422, "device_id");
  refused(s, "{\"tariff\":" FLAT ",\"month\":\"2026-01\",\"device_id\":\"meter-001\",\"on\":\"x\"}",
          422, "on");
  refused(s,
          "{\"tariff\":{\"name\":\"Flat\",\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_"
          "kwh\":10,\"rate\":\"5.00\"},{\"up_to_kwh\":null,\"rate\":\"x\"}],\"fixed_charge\":"
          "\"0.00\",\"taxes\":[]},\"month\":\"2026-01\"}",
          422, "tariff.slabs[1].rate");
  static const char body[] = "{\"tariff\":" FLAT ",\"month\":\"2026-01\"}";
  assert_int_equal(test_status(s, "POST", "/api/tariffs/preview", ASHA, body), 403);
  json_decref(preview(s, "/api/tariffs/preview",
                      ",\"month\":\"2026-01\",\"account_id\":\"a_nobody\"", 404));
}

/* ---- what is to change ---- */
#define COMING "/api/billing/meter-001/coming"
#define MARCH                                                                                      \
  "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-03-01\",\"slabs\":[{\"up_to_kwh\":null,"  \
  "\"rate\":\"5.00\"}],\"fixed_charge\":\"0.00\",\"taxes\":[]}"

static void nothing_decided_is_nothing_to_come(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s, COMING, ASHA);
  assert_true(json_is_null(json_object_get(root, "tariff")));
  assert_true(json_is_null(json_object_get(root, "preview")));
  assert_string_equal(test_text_in(root, "month"), "2026-01");
  json_decref(root);
}

static void a_decided_tariff_prices_the_last_month_for_its_resident(void **state) {
  const test_server *s = *state;
  json_decref(test_admin_ask(s, "POST", "/api/tariffs", MARCH, 201));
  json_t *drafted = test_admin_ask(
      s, "POST", "/api/tariffs/preview",
      "{\"tariff\":" MARCH ",\"month\":\"2026-01\",\"device_id\":\"meter-001\"}", 200);
  json_t *account = json_array_get(json_object_get(drafted, "accounts"), 0);
  json_t *root = test_get(s, COMING, ASHA);
  json_t *tariff = json_object_get(root, "tariff");
  json_t *told = json_object_get(root, "preview");
  assert_string_equal(test_text_in(root, "account_id"), test_text_in(account, "account_id"));
  assert_string_equal(test_text_in(tariff, "name"), "LT-1 Domestic");
  assert_string_equal(test_text_in(tariff, "from"), "2026-03-01");
  assert_int_equal(json_integer_value(json_object_get(tariff, "version")), 2);
  static const char *const same[] = {"old_total", "new_total", "difference"};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
    assert_string_equal(test_text_in(told, same[i]), test_text_in(account, same[i]));
  assert_true(test_near(test_number_in(told, "consumption_kwh"),
                        test_number_in(account, "consumption_kwh")));
  assert_string_not_equal(test_text_in(told, "difference"), "0.00");
  assert_true(json_is_null(json_object_get(told, "invoice")));
  json_decref(root);
  json_decref(drafted);
  assert_int_equal(test_status(s, "GET", COMING, RAVI, NULL), 404);
}

/* meter-003 is ravi's from February on: what January was is asha's affair. */
static void a_new_tenant_is_told_the_change_and_no_other_ones_month(void **state) {
  const test_server *s = *state;
  json_decref(test_admin_ask(s, "POST", "/api/tariffs", MARCH, 201));
  json_t *root = test_get(s, "/api/billing/meter-003/coming", RAVI);
  assert_string_equal(test_text_in(json_object_get(root, "tariff"), "from"), "2026-03-01");
  assert_true(json_is_null(json_object_get(root, "preview")));
  json_decref(root);
  assert_int_equal(test_status(s, "GET", "/api/billing/meter-003/coming", ASHA, NULL), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_bill_is_explained_to_who_may_see_it),
      TEST(the_running_month_tells_its_projection),
      TEST(a_former_tenants_month_is_theirs_alone),
      TEST(months_that_are_none_are_refused),
      TEST(a_draft_is_compared_for_one_account_with_both_bills),
      TEST(all_accounts_come_page_by_page),
      TEST(a_draft_is_refused_by_its_fields),
      TEST(nothing_decided_is_nothing_to_come),
      TEST(a_decided_tariff_prices_the_last_month_for_its_resident),
      TEST(a_new_tenant_is_told_the_change_and_no_other_ones_month),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
