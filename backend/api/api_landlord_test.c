/* Accounts by file, utility bills and statements of a place over the real server. */
#include "api/api_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *field(json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  if (value == NULL) fail_msg("there is no %s", key);
  return value;
}

static bool names(json_t *root, const char *wanted) {
  json_t *errors = json_object_get(root, "errors");
  for (size_t i = 0; i < json_array_size(errors); i++)
    if (strcmp(test_text_in(json_array_get(errors, i), "field"), wanted) == 0) return true;
  return false;
}

static void refused(const test_server *s, const char *target, const char *body, unsigned status,
                    const char *wanted) {
  json_t *root = test_admin_ask(s, "POST", target, body, status);
  if (!names(root, wanted)) fail_msg("%s is not named for %s", wanted, body);
  json_decref(root);
}

/* ---- files ---- */
static void accounts_come_by_file_once(void **state) {
  const test_server *s = *state;
  static const char file[] = "account,person,place,email,from,device,opening_balance\n"
                             "B-1,Meena,Flat B-1,meena@example.org,2026-02-01,meter-004,99.50\n";
  json_decref(test_admin_ask(s, "POST", "/api/accounts/import?dry_run=1", file, 200));
  json_t *root = test_admin_ask(s, "POST", "/api/accounts/import", file, 200);
  assert_int_equal(json_integer_value(field(root, "added")), 1); /* the dry run kept nothing */
  assert_string_equal(test_text_in(root, "opening_balance"), "99.50");
  json_decref(root);
  root = test_admin_ask(s, "POST", "/api/accounts/import", file, 200);
  assert_int_equal(json_integer_value(field(root, "known")), 1);
  json_decref(root);
  root = test_get(s, "/api/statements?place=Flat%20B-1&month=2026-02", ADMIN);
  json_t *account = json_array_get(field(root, "accounts"), 0);
  assert_string_equal(test_text_in(account, "balance"), "99.50");
  assert_string_equal(test_text_in(field(account, "bill"), "device_id"), "meter-004");
  json_decref(root);
  assert_int_equal(test_status(s, "POST", "/api/accounts/import", ASHA, file), 403);
  assert_int_equal(test_status(s, "POST", "/api/accounts/import", ADMIN, ""), 400);
  refused(s, "/api/accounts/import", "account,person,device\nX,Y,absent\nZ,,\n", 422,
          "line 2, device");
  refused(s, "/api/accounts/import", "account,person\nX,\"Y\n", 422, "line 2");
  refused(s, "/api/accounts/import", "account,person\nX,\xff\n", 422, "file");
}

/* ---- utility bills ---- */
#define BILL(more)                                                                                 \
  "{\"supplier\":\"BESCOM\",\"number\":\"7\",\"from\":\"2026-01-01\",\"to\":\"2026-02-01\","       \
  "\"kwh\":1000,\"amount\":\"9000.00\",\"tax\":\"0.01\",\"split\":\"equal\"" more "}"

static int64_t minor(json_t *object, const char *key) {
  const char *text = test_text_in(object, key);
  assert_non_null(text);
  long long whole = strtoll(text, NULL, 10);
  return whole * 100 + strtoll(strchr(text, '.') + 1, NULL, 10);
}

static void check_sums(json_t *root) {
  int64_t energy = 0, common = 0;
  json_t *accounts = field(root, "accounts");
  for (size_t i = 0; i < json_array_size(accounts); i++) {
    energy += minor(json_array_get(accounts, i), "energy_cost");
    common += minor(json_array_get(accounts, i), "common_cost");
  }
  json_t *money = field(root, "money");
  assert_int_equal(energy, minor(money, "energy_cost"));
  assert_int_equal(common, minor(money, "common_cost"));
  assert_int_equal(energy + common, minor(money, "cost"));
}

static void a_bill_is_entered_recovered_posted_and_taken_back(void **state) {
  const test_server *s = *state;
  char path[128], step[160];
  json_t *root = test_admin_ask(s, "POST", "/api/utility-bills", BILL(""), 201);
  (void)snprintf(path, sizeof path, "/api/utility-bills/%s", test_text_in(root, "utility_id"));
  assert_true(json_array_size(field(root, "accounts")) >= 3);
  assert_string_equal(test_text_in(field(root, "money"), "cost"), "9000.01");
  check_sums(root);
  json_decref(root);
  json_t *again = test_admin_ask(s, "POST", "/api/utility-bills", BILL(""), 409);
  const char *why = test_text_in(json_array_get(field(again, "errors"), 0), "message");
  if (strstr(why, strrchr(path, '/') + 1) == NULL) fail_msg("the first is not named: %s", why);
  json_decref(again);
  (void)snprintf(step, sizeof step, "%s/post", path);
  root = test_admin_ask(s, "POST", step, NULL, 200);
  assert_string_equal(test_text_in(root, "status"), "posted");
  check_sums(root);
  json_decref(root);
  json_decref(test_admin_ask(s, "POST", step, NULL, 409));
  (void)snprintf(step, sizeof step, "%s/cancel", path);
  json_decref(test_admin_ask(s, "POST", step, "{\"reason\":\"x\"}", 409));
  (void)snprintf(step, sizeof step, "%s/reverse", path);
  refused(s, step, "{}", 422, "reason");
  json_decref(test_admin_ask(s, "POST", step, "{\"reason\":\"wrong month\"}", 200));
  json_decref(test_admin_ask(s, "POST", step, "{\"reason\":\"wrong month\"}", 409));
  (void)snprintf(step, sizeof step, "%s/cancel", path);
  root = test_admin_ask(s, "POST", step, "{\"reason\":\"wrong month\"}", 200);
  assert_string_equal(test_text_in(root, "status"), "cancelled");
  assert_string_equal(test_text_in(root, "cancel_reason"), "wrong month");
  json_decref(root);
  root = test_get(s, "/api/utility-bills", ADMIN);
  assert_int_equal(json_array_size(field(root, "utility_bills")), 1);
  json_decref(root);
  assert_int_equal(test_status(s, "GET", path, ASHA, NULL), 403);
  assert_int_equal(test_status(s, "GET", "/api/utility-bills/b_none", ADMIN, NULL), 404);
}

static void a_running_period_is_not_posted(void **state) {
  const test_server *s = *state;
  char step[160];
  json_t *root = test_admin_ask(
      s, "POST", "/api/utility-bills",
      "{\"supplier\":\"B\",\"number\":\"8\",\"from\":\"2026-02-01\",\"to\":\"2026-03-01\","
      "\"kwh\":1,\"amount\":\"1.00\",\"split\":\"use\",\"main_meter\":\"meter-004\"}",
      201);
  (void)snprintf(step, sizeof step, "/api/utility-bills/%s/post", test_text_in(root, "utility_id"));
  json_decref(root);
  json_decref(test_admin_ask(s, "POST", step, NULL, 409));
}

static void a_bad_bill_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {
      {"{}", "supplier"},
      {"{}", "kwh"},
      {"{}", "split"},
      {BILL(",\"split2\":1,\"main_meter\":\"a.b\""), "main_meter"},
      {BILL(",\"main_meter\":\"absent\""), "main_meter"},
      {BILL(",\"accounts\":[\"a_nobody\"]"), "accounts[0]"},
      {BILL(",\"accounts\":[]"), "accounts"},
      {BILL(",\"tariffs\":[\"Nobody's\"]"), "accounts"},
      {BILL(",\"tariffs\":[7]"), "tariffs"},
      {"{\"supplier\":\"B\",\"number\":\"1\",\"from\":\"2026-02-01\",\"to\":\"2026-02-01\","
       "\"kwh\":1,\"amount\":\"1.00\",\"split\":\"use\"}",
       "to"},
      {"{\"supplier\":\"B\",\"number\":\"1\",\"from\":\"2026-01-01\",\"to\":\"2026-02-01\","
       "\"kwh\":-1,\"amount\":\"-1.00\",\"split\":\"use\"}",
       "amount"},
      {"{\"supplier\":\"B\",\"number\":\"1\",\"from\":\"2026-01-01\",\"to\":\"2026-02-01\","
       "\"kwh\":1,\"amount\":\"1.005\",\"split\":\"fair\"}",
       "split"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused(s, "/api/utility-bills", bad[i][0], 422, bad[i][1]);
}

/* ---- statements ---- */
static void a_place_has_one_statement_of_all_its_accounts(void **state) {
  const test_server *s = *state;
  static const char file[] = "account,person,place,email,from,device,tariff\n"
                             "G,Asha,Flat 9,asha@example.org,2026-01-01,grid-9,LT-1 Domestic\n"
                             "D,Asha,Flat 9,asha@example.org,2026-01-01,dg-9,Generator\n";
  json_decref(
      test_admin_ask(s, "POST", "/api/tariffs",
                     "{\"name\":\"Generator\",\"effective_from\":\"2026-01-01\",\"slabs\":[{"
                     "\"up_to_kwh\":null,\"rate\":\"18.00\"}],\"fixed_charge\":\"0.00\","
                     "\"taxes\":[]}",
                     201));
  json_decref(test_admin_ask(s, "POST", "/api/devices", "{\"device_id\":\"grid-9\"}", 201));
  json_decref(test_admin_ask(s, "POST", "/api/devices", "{\"device_id\":\"dg-9\"}", 201));
  json_decref(test_admin_ask(s, "POST", "/api/accounts/import", file, 200));
  json_t *root = test_get(s, "/api/statements?place=Flat%209&month=2026-02", ASHA);
  assert_int_equal(json_array_size(field(root, "accounts")), 2);
  int64_t total = 0;
  for (size_t i = 0; i < 2; i++)
    total += minor(json_array_get(field(root, "accounts"), i), "total");
  assert_int_equal(total, minor(field(root, "sums"), "total"));
  json_decref(root);
  assert_int_equal(test_status(s, "GET", "/api/statements?place=Flat%209", RAVI, NULL), 404);
  assert_int_equal(
      test_status(s, "GET", "/api/statements?place=Flat%209&month=2027-01", ASHA, NULL), 400);
  assert_int_equal(test_status(s, "GET", "/api/statements", ASHA, NULL), 400);
  assert_int_equal(test_status(s, "GET", "/api/statements?place=nowhere", ADMIN, NULL), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(accounts_come_by_file_once),
      TEST(a_bill_is_entered_recovered_posted_and_taken_back),
      TEST(a_running_period_is_not_posted),
      TEST(a_bad_bill_is_refused_by_its_fields),
      TEST(a_place_has_one_statement_of_all_its_accounts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
