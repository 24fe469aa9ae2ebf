/* The check finds what triggers and constraints cannot keep away: changes by other programs. And a
 * copy holds what the ledger held. */
#include "model/tariff.h"
#include "store/embedded/embedded.h"
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_landlord.h"
#include "store/ledger_money.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char good_body[] =
    "{\"total\":\"118.00\",\"tax\":\"18.00\",\"lines\":["
    "{\"kind\":\"energy\",\"amount\":\"99.60\"},{\"kind\":\"tax\",\"amount\":\"18.00\"},"
    "{\"kind\":\"rounding\",\"amount\":\"0.40\"}]}";

static void issue(sm_ledger *ledger, const char *account_id, const char *month) {
  sm_invoice invoice = make_invoice(account_id, month, 1);
  free(invoice.body);
  invoice.body = strdup(good_body);
  assert_int_equal(sm_ledger_invoice_issue(ledger, tester, "SM", "2627", &invoice), SM_OK);
  sm_invoice_fini(&invoice);
}

static int set_up(void **state) {
  if (ledger_set_up(state) != 0) return -1;
  const ledger_fixture *f = *state;
  sm_date date;
  int32_t version;
  assert_int_equal(sm_date_parse("2026-01-01", &date), SM_OK);
  assert_int_equal(
      sm_ledger_tariff_add(f->ledger, tester, "t", date, sm_tariff_default_json(), false, &version),
      SM_OK);
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_device(f->ledger, "m1", user);
  char *account = account_of(f->ledger, "m1");
  issue(f->ledger, account, "2026-04");
  issue(f->ledger, account, "2026-05");
  free(account);
  free(user);
  return 0;
}

typedef struct found {
  char kinds[400]; /* "invoice SM2627-000001;" each */
} found;

static void on_finding(void *context, const sm_ledger_finding *finding) {
  found *f = context;
  size_t at = strlen(f->kinds);
  assert_true(finding->detail[0] != '\0');
  (void)snprintf(f->kinds + at, sizeof f->kinds - at, "%s %s;", finding->kind, finding->subject);
}

static sm_ledger_check_result check(const ledger_fixture *f, const char *expected) {
  found seen = {.kinds = ""};
  sm_ledger_check_result result;
  assert_int_equal(sm_ledger_check(f->ledger, on_finding, NULL, &seen, &result), SM_OK);
  assert_string_equal(seen.kinds, expected);
  return result;
}

/* A change behind the ledger's back, triggers and constraints put out of the way. */
static void change(const ledger_fixture *f, const char *sql) {
  char text[1000];
  (void)snprintf(text, sizeof text,
                 "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"
                 "DROP TRIGGER invoice_keep; DROP TRIGGER invoice_stay; DROP TRIGGER entry_keep;"
                 "DROP TRIGGER entry_stay; DROP TRIGGER audit_keep; DROP TRIGGER audit_stay;"
                 "DROP TRIGGER tariff_version_keep; DROP TRIGGER tariff_version_stay;"
                 "DROP TRIGGER invoice_series_next; %s",
                 sql);
  assert_int_equal(raw_run(f->dir, text), SQLITE_OK);
}

static void a_whole_ledger_has_no_findings(void **state) {
  sm_ledger_check_result r = check(*state, "");
  assert_int_equal(r.findings, 0);
  assert_int_equal(r.invoices, 2);
  assert_int_equal(r.entries, 2);
  assert_int_equal(r.devices, 1);
  assert_int_equal(r.users, 1);
  assert_int_equal(r.accounts, 1);
  assert_int_equal(r.tariff_versions, 1);
  assert_true(r.audit_count >= 5);
}

static void a_changed_bill_is_found(void **state) {
  change(*state, "UPDATE invoice SET body = replace(body, '99.60', '89.60') WHERE serial = 1");
  (void)check(*state, "invoice SM2627-000001;");
}

static void a_changed_total_is_found(void **state) {
  change(*state, "UPDATE invoice SET total_minor = 11900 WHERE serial = 2");
  (void)check(*state, "entry SM2627-000002;invoice SM2627-000002;");
}

static void an_invoice_that_is_gone_is_found(void **state) {
  change(*state, "DELETE FROM entry WHERE invoice_no = 1; DELETE FROM invoice WHERE serial = 1");
  (void)check(*state, "series SM2627;");
}

static void an_entry_that_is_gone_is_found(void **state) {
  change(*state, "DELETE FROM entry WHERE invoice_no = 2");
  (void)check(*state, "entry SM2627-000002;");
}

static void a_broken_reference_is_found(void **state) {
  only_embedded();
  change(*state, "UPDATE account_tariff SET tariff_no = 9");
  (void)check(*state, "reference account_tariff;");
}

static void a_changed_audit_entry_is_found(void **state) {
  change(*state, "UPDATE audit SET actor = 'somebody' WHERE audit_no = 2");
  sm_ledger_check_result r = check(*state, "audit 2;");
  assert_int_equal(r.audit_count, 1);
}

static void a_tariff_that_cannot_be_read_is_found(void **state) {
  change(*state, "UPDATE tariff_version SET body = '{\"name\":\"t\"}'");
  (void)check(*state, "tariff t;");
}

static void a_meter_that_serves_two_is_found(void **state) {
  change(*state, "INSERT INTO account (site_no, account_id, created_ms) VALUES (1, 'a_x', 0);"
                 "INSERT INTO account_meter (site_no, account_no, device_no, sign, "
                 "multiplier_milli) VALUES (1, 2, 1, 1, 1000)");
  (void)check(*state, "meter m1;");
}

static void two_edits_of_an_instant_are_found(void **state) {
  static const char edit[] = "INSERT INTO reading_edit (site_no, device_no, channel, ts_ms, kind, "
                             "wh, reason, made_ms, made_by) VALUES (1, 1, 0, 5, 'manual', 7, 'x', "
                             "0, 'cli');";
  char sql[600];
  (void)snprintf(sql, sizeof sql, "DROP TRIGGER reading_edit_alone; %s %s", edit, edit);
  change(*state, sql);
  (void)check(*state, "edit m1;");
}

/* ---- money ---- */

/* A payment of account 1, a correction of its first invoice that waits, and a dispute of it. */
static void add_money(const ledger_fixture *f) {
  char *account = account_of(f->ledger, "m1");
  bool added;
  int64_t no;
  const sm_entry_new payment = {.account_id = account,
                                .kind = "payment",
                                .amount_minor = -100,
                                .currency = "INR",
                                .reference = "r1",
                                .request_key = "k1"};
  const sm_exception_new exception = {.invoice = "SM2627-000001",
                                      .cause = "readings",
                                      .readings_hash = "h",
                                      .net_minor = 500,
                                      .body = "{}",
                                      .true_up = true};
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &payment, &added, &no), SM_OK);
  assert_int_equal(sm_ledger_exception_open(f->ledger, tester, &exception, &no), SM_OK);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, "SM2627-000001", 1, 5, 1, "late"), SM_OK);
  assert_int_equal(sm_ledger_dispute_open(f->ledger, tester, "SM2627-000001", "no", "{}", 1, &no),
                   SM_OK);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "yes", 2), SM_OK);
  free(account);
  (void)check(f, "");
}

/* Each as another program could leave it, and what is found then. */
static void money_that_does_not_fit_is_found(void **state) {
  only_embedded();
  const ledger_fixture *f = *state;
  static const char *const cases[][2] = {
      {"DROP TRIGGER entry_opposite; INSERT INTO entry (site_no, account_no, kind, amount_minor, "
       "currency, at_ms, reverses) VALUES (1, 1, 'reversal', 99, 'INR', 0, 3)",
       "entry 5;"},
      {"DROP TRIGGER entry_once_only; DROP TRIGGER entry_opposite; DROP INDEX entry_reversed; "
       "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, reverses) "
       "VALUES (1, 1, 'reversal', 100, 'INR', 0, 3), (1, 1, 'reversal', 100, 'INR', 0, 3)",
       "entry 3;"},
      {"DROP TRIGGER entry_reference_once; DROP INDEX entry_reference; INSERT INTO entry (site_no, "
       "account_no, kind, amount_minor, currency, at_ms, reference) VALUES (1, 1, 'payment', -100, "
       "'INR', 0, 'r1')",
       "entry 3;"},
      {"DROP TRIGGER entry_request_once; DROP INDEX entry_request; INSERT INTO entry (site_no, "
       "account_no, kind, amount_minor, currency, at_ms, request_key) VALUES (1, 1, 'payment', "
       "-100, 'INR', 0, 'k1')",
       "entry 3;"},
      {"DROP TRIGGER entry_fee_frozen; DROP INDEX entry_fee; INSERT INTO entry (site_no, "
       "account_no, kind, amount_minor, currency, at_ms, invoice_no, part) VALUES (1, 1, 'fee', 5, "
       "'INR', 0, 1, 1)",
       "entry SM2627-000001;"},
      {"DROP TRIGGER dispute_keep; UPDATE dispute SET opened_ms = 1, resolved_ms = 9999999999999",
       "entry SM2627-000001;"},
      {"DROP TRIGGER settlement_fits; INSERT INTO settlement VALUES (1, 2, 1)",
       "exception SM2627-000002;"},
      {"DROP TRIGGER settlement_once; INSERT INTO settlement VALUES (1, 1, 1), (1, 2, 1)",
       "exception 1;exception SM2627-000001;exception SM2627-000002;"},
      {"DROP TRIGGER exception_keep; UPDATE exception SET tax_minor = 7", "exception 1;"},
      {"DROP INDEX dispute_open; DROP TRIGGER dispute_keep; DROP TRIGGER dispute_once; UPDATE "
       "dispute SET resolved_ms = NULL, resolution = NULL, resolved_by = NULL, opened_ms = "
       "9999999999999; INSERT INTO dispute (site_no, account_no, invoice_no, opened_ms, opened_by, "
       "text, explanation) VALUES (1, 1, 1, 9999999999999, 'x', 'x', '{}')",
       "dispute SM2627-000001;"},
  };
  add_money(f);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char dir[100];
    char path[120];
    (void)snprintf(dir, sizeof dir, "%s/copy", f->dir);
    (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
    sm_ledger_close(ledger_open(dir)); /* makes the folder */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sm_ledger_backup(f->ledger, path, NULL, NULL), SM_OK);
    ledger_fixture there = {.ledger = ledger_open(dir)};
    (void)snprintf(there.dir, sizeof there.dir, "%.60s", dir);
    change(&there, cases[i][0]);
    (void)check(&there, cases[i][1]);
    sm_ledger_close(there.ledger);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
  }
}

/* A bill of 3.00 that is posted: 1.00 of own use, 2.00 common. */
static void post_utility_bill(const ledger_fixture *f) {
  char *account = account_of(f->ledger, "m1");
  char supplier[] = "S", number[] = "1", inr[] = "INR", equal[] = "equal";
  sm_utility_bill bill = {.supplier = supplier,
                          .number = number,
                          .from = {2026, 4, 1},
                          .to = {2026, 5, 1},
                          .amount_minor = 250,
                          .tax_minor = 50,
                          .currency = inr,
                          .split = equal,
                          .account_id = &account,
                          .account_count = 1};
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  const sm_utility_share share = {.account_id = account, .energy_minor = 100, .common_minor = 200};
  assert_int_equal(sm_ledger_utility_post(f->ledger, tester, bill.utility_id, &share, 1, "common"),
                   SM_OK);
  (void)check(f, "");
  free(bill.utility_id);
  free(account);
}

static void a_share_that_its_entry_does_not_say_is_found(void **state) {
  const ledger_fixture *f = *state;
  post_utility_bill(f);
  change(f, "DROP TRIGGER utility_bill_keep; UPDATE utility_bill SET utility_id = 'b';"
            "DROP TRIGGER utility_share_keep; UPDATE utility_share SET common_minor = 150, "
            "energy_minor = 150");
  (void)check(f, "utility b;");
}

static void parts_that_do_not_add_up_are_found(void **state) {
  const ledger_fixture *f = *state;
  post_utility_bill(f);
  change(f, "DROP TRIGGER utility_bill_keep; UPDATE utility_bill SET utility_id = 'b';"
            "DROP TRIGGER utility_share_keep; UPDATE utility_share SET energy_minor = 150");
  (void)check(f, "utility b;");
}

static void an_entry_taken_back_alone_is_found(void **state) {
  const ledger_fixture *f = *state;
  post_utility_bill(f);
  change(f,
         "DROP TRIGGER utility_bill_keep; UPDATE utility_bill SET utility_id = 'b';"
         "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, reverses) "
         "SELECT 1, account_no, 'reversal', -amount_minor, currency, 0, entry_no FROM entry "
         "WHERE kind = 'common'");
  (void)check(f, "utility b;");
}

static void an_entry_of_no_bill_is_found(void **state) {
  const ledger_fixture *f = *state;
  post_utility_bill(f);
  change(f, "DROP TRIGGER utility_share_stay; DROP TRIGGER utility_posting_stay; "
            "DELETE FROM utility_share; DELETE FROM utility_posting");
  (void)check(f, "utility 3;");
}

static void a_value_that_the_schema_refuses_is_found(void **state) {
  only_embedded();
  change(*state, "UPDATE user SET role = 'king'");
  (void)check(*state, "page ;");
}

static bool refuse_to_go_on(void *context, uint64_t done, uint64_t total) {
  (void)context;
  (void)done;
  (void)total;
  return false;
}

static void a_check_can_be_ended(void **state) {
  const ledger_fixture *f = *state;
  found seen = {.kinds = ""};
  sm_ledger_check_result result;
  assert_int_equal(sm_ledger_check(f->ledger, on_finding, refuse_to_go_on, &seen, &result),
                   SM_ERR_CLOSED);
}

static void a_copy_holds_the_same(void **state) {
  only_embedded();
  const ledger_fixture *f = *state;
  char dir[100];
  char path[120];
  (void)snprintf(dir, sizeof dir, "%s/copy", f->dir);
  (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
  sm_ledger_check_result before = check(f, "");
  sm_ledger *copy = ledger_open(dir); /* makes the folder, and a ledger that is in the way */
  sm_ledger_close(copy);
  assert_int_equal(sm_ledger_backup(f->ledger, path, NULL, NULL), SM_ERR_EXISTS);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(sm_ledger_backup(f->ledger, path, NULL, NULL), SM_OK);
  ledger_fixture there = {.ledger = ledger_open(dir)};
  sm_ledger_check_result after = check(&there, "");
  assert_memory_equal(&before, &after, sizeof before);
  sm_ledger_close(there.ledger);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(dir), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, ledger_tear_down)
      CHECK_TEST(a_whole_ledger_has_no_findings),
      CHECK_TEST(a_changed_bill_is_found),
      CHECK_TEST(a_changed_total_is_found),
      CHECK_TEST(an_invoice_that_is_gone_is_found),
      CHECK_TEST(an_entry_that_is_gone_is_found),
      CHECK_TEST(a_broken_reference_is_found),
      CHECK_TEST(a_changed_audit_entry_is_found),
      CHECK_TEST(a_tariff_that_cannot_be_read_is_found),
      CHECK_TEST(a_meter_that_serves_two_is_found),
      CHECK_TEST(two_edits_of_an_instant_are_found),
      CHECK_TEST(money_that_does_not_fit_is_found),
      CHECK_TEST(a_share_that_its_entry_does_not_say_is_found),
      CHECK_TEST(parts_that_do_not_add_up_are_found),
      CHECK_TEST(an_entry_taken_back_alone_is_found),
      CHECK_TEST(an_entry_of_no_bill_is_found),
      CHECK_TEST(a_value_that_the_schema_refuses_is_found),
      CHECK_TEST(a_check_can_be_ended),
      CHECK_TEST(a_copy_holds_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
