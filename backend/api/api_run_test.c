/* A month billed over HTTP for all accounts, invoices looked for, payments by file. */
#include "api/api_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static json_t *field(json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  if (value == NULL) fail_msg("there is no %s", key);
  return value;
}

static int64_t count_in(json_t *object, const char *key) {
  return json_integer_value(field(object, key));
}

static void refused(const test_server *s, const char *target, const char *body, unsigned status,
                    const char *wanted) {
  json_t *root = test_admin_ask(s, "POST", target, body, status);
  json_t *error = json_array_get(json_object_get(root, "errors"), 0);
  if (error == NULL || strcmp(test_text_in(error, "field"), wanted) != 0)
    fail_msg("%s is not named for %s", wanted, body);
  json_decref(root);
}

/* The run once it has ended; the caller decrefs. */
static json_t *ended(const test_server *s) {
  const struct timespec pause = {.tv_nsec = 5000000};
  for (;;) {
    json_t *run = test_get(s, "/api/billing-run", ADMIN);
    if (strcmp(test_text_in(run, "state"), "running") != 0) return run;
    json_decref(run);
    (void)nanosleep(&pause, NULL);
  }
}

static json_t *bill(const test_server *s, const char *body) {
  json_decref(test_admin_ask(s, "POST", "/api/billing-run", body, 202));
  json_t *run = ended(s);
  assert_string_equal(test_text_in(run, "state"), "done");
  return run;
}

static size_t listed(const test_server *s, const char *target, const char *key) {
  json_t *root = test_get(s, target, ADMIN);
  size_t count = json_array_size(field(root, key));
  json_decref(root);
  return count;
}

/* ---- runs ---- */

static void there_is_no_run_at_first(void **state) {
  const test_server *s = *state;
  json_t *run = test_get(s, "/api/billing-run", ADMIN);
  assert_string_equal(test_text_in(run, "state"), "none");
  assert_true(json_is_null(field(run, "month")));
  json_decref(run);
  assert_int_equal(listed(s, "/api/billing-run/accounts", "accounts"), 0);
  refused(s, "/api/billing-run", "{}", 422, "month");
  refused(s, "/api/billing-run", "{\"month\":\"2026-13\"}", 422, "month");
  refused(s, "/api/billing-run", "{\"month\":\"2026-02\"}", 422, "month");
  refused(s, "/api/billing-run", "{\"month\":\"2026-01\",\"dry_run\":1}", 422, "dry_run");
}

static void a_dry_run_issues_nothing_and_a_run_all_once(void **state) {
  const test_server *s = *state;
  json_t *dry = bill(s, "{\"month\":\"2026-01\",\"dry_run\":true}");
  const int64_t would = count_in(dry, "issued");
  char total[32];
  (void)snprintf(total, sizeof total, "%s", test_text_in(dry, "total"));
  assert_true(would > 0);
  assert_true(json_is_true(field(dry, "dry_run")));
  assert_int_equal(listed(s, "/api/invoices", "invoices"), 0);
  json_decref(dry);
  json_t *run = bill(s, "{\"month\":\"2026-01\"}");
  assert_int_equal(count_in(run, "issued"), would);
  assert_string_equal(test_text_in(run, "total"), total);
  assert_int_equal(count_in(run, "looked_at"), count_in(run, "accounts"));
  json_decref(run);
  assert_int_equal(listed(s, "/api/invoices?month=2026-01", "invoices"), would);
  run = bill(s, "{\"month\":\"2026-01\"}");
  assert_int_equal(count_in(run, "issued"), 0);
  assert_int_equal(count_in(run, "already"), would);
  json_decref(run);
  run = test_get(
      s, "/api/audit?action=invoice.issue&from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z",
      ADMIN);
  assert_true(json_array_size(field(run, "entries")) >= (size_t)would);
  json_decref(run);
}

/* Each account is in one of the two parts, and a page of one row leads to the next. */
static void accounts_of_a_run_come_page_by_page(void **state) {
  const test_server *s = *state;
  json_t *run = bill(s, "{\"month\":\"2026-01\",\"dry_run\":true}");
  const size_t told = (size_t)(count_in(run, "issued") + count_in(run, "already") +
                               count_in(run, "skipped") + count_in(run, "failed"));
  const size_t look = (size_t)count_in(run, "to_look_at");
  json_decref(run);
  assert_int_equal(listed(s, "/api/billing-run/accounts?look=1", "accounts"), look);
  assert_int_equal(listed(s, "/api/billing-run/accounts?look=0", "accounts"), told - look);
  size_t seen = 0;
  char target[600] = "/api/billing-run/accounts?look=0&limit=1";
  for (bool more = true; more;) {
    json_t *page = test_get(s, target, ADMIN);
    json_t *account = json_array_get(field(page, "accounts"), 0);
    if (account != NULL) {
      seen++;
      assert_int_equal(json_array_size(field(account, "look")), 0);
      assert_non_null(test_text_in(account, "account_id"));
    }
    const char *next = test_text_in(page, "next");
    more = next != NULL;
    if (more)
      (void)snprintf(target, sizeof target, "/api/billing-run/accounts?look=0&limit=1&cursor=%s",
                     next);
    json_decref(page);
  }
  assert_int_equal(seen, told - look);
  assert_int_equal(test_status(s, "GET", "/api/billing-run/accounts?look=2", ADMIN, NULL), 400);
}

/* ---- looking for invoices ---- */

static void invoices_are_found_by_what_is_asked(void **state) {
  const test_server *s = *state;
  json_decref(bill(s, "{\"month\":\"2026-01\"}"));
  json_t *root = test_get(s, "/api/invoices?limit=1", ADMIN);
  json_t *first = json_array_get(field(root, "invoices"), 0);
  const size_t all = listed(s, "/api/invoices", "invoices");
  char target[160];
  (void)snprintf(target, sizeof target, "/api/invoices?q=%s", test_text_in(first, "number"));
  assert_int_equal(listed(s, target, "invoices"), 1);
  (void)snprintf(target, sizeof target, "/api/invoices?account=%s",
                 test_text_in(first, "account_id"));
  assert_int_equal(listed(s, target, "invoices"), 1);
  (void)snprintf(target, sizeof target, "/api/invoices?q=%s", "METER-00");
  assert_int_equal(listed(s, target, "invoices"), all);
  assert_true(json_is_boolean(field(first, "estimated")));
  assert_true(all == 1 || test_text_in(root, "next") != NULL);
  assert_int_equal(listed(s, "/api/invoices?status=paid", "invoices"), 0);
  assert_int_equal(listed(s, "/api/invoices?status=issued", "invoices") +
                       listed(s, "/api/invoices?status=overdue", "invoices"),
                   all);
  assert_int_equal(listed(s, "/api/invoices?kind=credit_note", "invoices"), 0);
  assert_int_equal(listed(s, "/api/invoices?month=2025-12", "invoices"), 0);
  (void)snprintf(target, sizeof target, "/api/invoices/%s/%s/credit",
                 test_text_in(first, "device_id"), test_text_in(first, "number"));
  json_decref(test_admin_ask(s, "POST", target, "{\"reason\":\"wrong meter\"}", 201));
  assert_int_equal(listed(s, "/api/invoices?status=cancelled", "invoices"), 1);
  assert_int_equal(listed(s, "/api/invoices?kind=credit_note", "invoices"), 1);
  static const char *const bad[] = {"month=2026", "status=open", "kind=bill", "limit=0"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    (void)snprintf(target, sizeof target, "/api/invoices?%s", bad[i]);
    assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 400);
  }
  json_decref(root);
}

/* ---- payments by file ---- */

static void payments_come_by_file_once(void **state) {
  const test_server *s = *state;
  json_decref(bill(s, "{\"month\":\"2026-01\"}"));
  json_t *root = test_get(s, "/api/invoices?limit=1", ADMIN);
  const char *account = test_text_in(json_array_get(field(root, "invoices"), 0), "account_id");
  char file[200];
  char target[160];
  (void)snprintf(file, sizeof file,
                 "account,amount,received,reference\n%s,10.50,2026-02-10,UTR 9\n", account);
  (void)snprintf(target, sizeof target, "/api/accounts/%s", account);
  json_t *before = test_get(s, target, ADMIN);
  json_decref(test_admin_ask(s, "POST", "/api/payments/import?dry_run=1", file, 200));
  json_t *added = test_admin_ask(s, "POST", "/api/payments/import", file, 200);
  assert_int_equal(count_in(added, "added"), 1); /* the dry run kept nothing */
  assert_string_equal(test_text_in(added, "amount"), "10.50");
  json_decref(added);
  added = test_admin_ask(s, "POST", "/api/payments/import", file, 200);
  assert_int_equal(count_in(added, "known"), 1);
  json_decref(added);
  json_t *after = test_get(s, target, ADMIN);
  const double paid = atof(test_text_in(before, "balance")) - atof(test_text_in(after, "balance"));
  assert_true(test_near(paid, 10.5));
  json_decref(before);
  json_decref(after);
  json_decref(root);
  assert_int_equal(test_status(s, "POST", "/api/payments/import", ADMIN, ""), 400);
  refused(s, "/api/payments/import", "account,amount,received,reference\nX,1.00,2026-02-10,r\n",
          422, "line 2, account");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(there_is_no_run_at_first),
      TEST(a_dry_run_issues_nothing_and_a_run_all_once),
      TEST(accounts_of_a_run_come_page_by_page),
      TEST(invoices_are_found_by_what_is_asked),
      TEST(payments_come_by_file_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
