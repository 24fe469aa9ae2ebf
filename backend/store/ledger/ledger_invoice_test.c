/* Tariffs and invoices. */
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_invoices.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- tariffs ---- */

static sm_err add_version(const ledger_fixture *f, const char *name, const char *from,
                          const char *body, bool rebill, int32_t *version) {
  sm_date date;
  assert_int_equal(sm_date_parse(from, &date), SM_OK);
  return sm_ledger_tariff_add(f->ledger, tester, name, date, body, rebill, version);
}

static void tariff_versions_are_added_never_changed(void **state) {
  ledger_fixture *f = *state;
  int32_t version = 0;
  assert_int_equal(add_version(f, "t", "2026-01-01", "{\"a\":1}", false, &version), SM_OK);
  assert_int_equal(version, 1);
  assert_int_equal(add_version(f, "t", "2026-07-01", "{\"a\":2}", false, &version), SM_OK);
  assert_int_equal(version, 2);
  assert_int_equal(add_version(f, "t", "2026-04-01", "{\"a\":3}", false, &version), SM_OK);
  assert_int_equal(version, 3);
  version = 0;
  assert_int_equal(add_version(f, "t", "2026-07-01", "{\"a\":2}", false, &version), SM_OK);
  assert_int_equal(version, 2); /* the same again */
  assert_int_equal(add_version(f, "t", "2026-07-01", "{\"a\":9}", false, &version), SM_OK);
  assert_int_equal(version, 4); /* takes the place of the one of that day */
  assert_int_equal(add_version(f, "t", "2026-07-01", "{\"a\":2}", false, &version), SM_OK);
  assert_int_equal(version, 5); /* and back again: the latest holds */
  version = 77;
  assert_int_equal(add_version(f, "t", "2027-07-01", "not json", false, &version), SM_ERR_INVALID);
  assert_int_equal(add_version(f, "", "2027-07-01", "{}", false, &version), SM_ERR_INVALID);
  assert_int_equal(
      sm_ledger_tariff_add(f->ledger, tester, "t", (sm_date){2026, 2, 30}, "{}", false, &version),
      SM_ERR_INVALID);
  assert_int_equal(version, 77);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'tariff.add'"), 5);
}

static void tariffs_resist_plain_sql(void **state) {
  ledger_fixture *f = *state;
  add_tariff(f->ledger, "t", "2026-01-01");
  static const char *const tries[] = {
      "UPDATE tariff SET name = 'x'",
      "DELETE FROM tariff",
      "INSERT OR REPLACE INTO tariff VALUES (1, 1, 'x')",
      "INSERT OR REPLACE INTO tariff (site_no, name) VALUES (1, 't')",
      "UPDATE tariff_version SET body = '[]'",
      "UPDATE tariff_version SET effective_from = '2027-01-01'",
      "DELETE FROM tariff_version",
      "INSERT OR REPLACE INTO tariff_version VALUES (1, 1, 1, '2026-02-01', '[]', 0)",
  };
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
    assert_int_equal(raw_run(f->dir, tries[i]), SQLITE_CONSTRAINT);
  }
}

static void tariffs_come_by_name_and_date_in_pages(void **state) {
  ledger_fixture *f = *state;
  add_tariff(f->ledger, "b", "2026-03-01");
  add_tariff(f->ledger, "a", "2026-06-01");
  add_tariff(f->ledger, "b", "2026-01-01");
  add_tariff(f->ledger, "a", "2026-02-01");
  static const char *const wanted[] = {"a2", "a1", "b2", "b1"};
  char after[8] = "";
  int32_t after_version = 0;
  size_t seen = 0;
  for (;;) {
    sm_tariff_row *rows;
    size_t count;
    assert_int_equal(sm_ledger_tariffs(f->ledger, NULL, after, after_version, 1, &rows, &count),
                     SM_OK);
    if (count == 1) {
      char got[24];
      (void)snprintf(got, sizeof got, "%s%d", rows[0].name, (int)rows[0].version);
      assert_string_equal(got, wanted[seen++]);
      (void)snprintf(after, sizeof after, "%s", rows[0].name);
      after_version = rows[0].version;
    }
    sm_tariff_rows_free(rows, count);
    if (count == 0) break;
    if (seen == 1) add_tariff(f->ledger, "A", "2026-01-01"); /* before the page */
  }
  assert_int_equal(seen, 4);
  sm_tariff_row *rows;
  size_t count;
  assert_int_equal(sm_ledger_tariffs(f->ledger, "b", NULL, 0, 9, &rows, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_int_equal(rows[0].effective_from.month, 1);
  assert_string_equal(rows[0].body, "{}");
  sm_tariff_rows_free(rows, count);
}

/* ---- what a new version would change ---- */

/* A user's plain tenancy of meter m on tariff t. */
static char *plain_account(const ledger_fixture *f) {
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "t", "2026-01-01");
  add_device(f->ledger, "m", user);
  free(user);
  return account_of(f->ledger, "m");
}

static void a_version_that_touches_an_invoiced_month_needs_rebill(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  int32_t version;
  assert_int_equal(issue_one(f->ledger, account, "2026-03", 1, 1), SM_OK);
  assert_int_equal(add_version(f, "t", "2026-03-31", "[1]", false, &version), SM_ERR_CONFLICT);
  assert_int_equal(add_version(f, "t", "2026-02-01", "[1]", false, &version), SM_ERR_CONFLICT);
  assert_int_equal(add_version(f, "u", "2026-03-01", "[1]", false, &version),
                   SM_OK); /* not theirs */
  assert_int_equal(add_version(f, "t", "2026-04-01", "[1]", false, &version), SM_OK);
  assert_int_equal(add_version(f, "t", "2026-03-01", "[2]", true, &version), SM_OK);
  /* What it would change ends where the next version begins: */
  assert_int_equal(add_version(f, "t", "2026-02-01", "[3]", false, &version), SM_OK);
  free(account);
}

static void what_an_invoice_stands_on_cannot_be_changed(void **state) {
  ledger_fixture *f = *state;
  char *account_id = plain_account(f);
  add_tariff(f->ledger, "u", "2026-01-01");
  assert_int_equal(issue_one(f->ledger, account_id, "2026-03", 1, 1), SM_OK);
  sm_account account;
  assert_int_equal(sm_ledger_account(f->ledger, account_id, &account), SM_OK);
  sm_account changed = account;
  changed.meter_count = 0;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_ERR_DENIED);
  /* What is first holds for the days before it too. */
  char other[] = "u";
  sm_account_tariff later = {.name = other, .has_from = true, .from = {2026, 4, 1}};
  changed = account;
  changed.tariff = &later;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_ERR_DENIED);
  /* Without one of its own it is on the site's first, which is the one that it had. */
  changed = account;
  changed.tariff_count = 0;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_OK);
  changed.tariff = &later;
  changed.tariff_count = 1;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_ERR_DENIED);
  changed = account;
  changed.has_from = true;
  changed.from = (sm_date){2026, 3, 20};
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_ERR_DENIED);
  changed = account;
  changed.has_to = true;
  changed.to = (sm_date){2026, 3, 31};
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_ERR_DENIED);
  /* From the first day after the invoiced month on, anything. */
  changed.to = (sm_date){2026, 4, 1};
  sm_account_tariff tariffs[] = {account.tariff[0], later};
  changed.tariff = tariffs;
  changed.tariff_count = 2;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &changed), SM_OK);
  sm_account_fini(&account);
  free(account_id);
}

static void a_cancelled_invoice_is_in_no_tariffs_way(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  int32_t version;
  assert_int_equal(issue_one(f->ledger, account, "2026-03", 1, 1), SM_OK);
  sm_invoice note = make_invoice(account, "2026-03", 1);
  free(note.kind);
  note.kind = strdup("credit_note");
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "CN", "2627", &note), SM_OK);
  assert_string_equal(note.number, "CN2627-000001");
  assert_string_equal(note.status, "issued");
  assert_int_equal(add_version(f, "t", "2026-03-01", "[1]", false, &version), SM_OK);
  sm_invoice_fini(&note);
  free(account);
}

static void only_the_time_on_a_tariff_counts(void **state) {
  ledger_fixture *f = *state;
  int32_t version;
  add_tariff(f->ledger, "t", "2026-01-01");
  add_tariff(f->ledger, "u", "2026-01-01");
  add_device(f->ledger, "m", NULL);
  sm_account account = make_account(NULL, "m", "2026-02-10", "2026-04-20", 1);
  account.tariff = calloc(2, sizeof *account.tariff);
  account.tariff_count = 2;
  account.tariff[0] = (sm_account_tariff){strdup("t"), false, {0}};
  account.tariff[1] = (sm_account_tariff){strdup("u"), true, {2026, 3, 15}};
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &account), SM_OK);
  assert_int_equal(issue_one(f->ledger, account.account_id, "2026-03", 1, 0), SM_OK);
  assert_int_equal(issue_one(f->ledger, account.account_id, "2026-04", 1, 0), SM_OK);
  assert_int_equal(add_version(f, "t", "2026-03-15", "[1]", false, &version), SM_OK);
  assert_int_equal(add_version(f, "t", "2026-03-14", "[1]", false, &version), SM_ERR_CONFLICT);
  assert_int_equal(add_version(f, "u", "2026-04-20", "[1]", false, &version), SM_OK);
  assert_int_equal(add_version(f, "u", "2026-04-19", "[1]", false, &version), SM_ERR_CONFLICT);
  sm_account_fini(&account);
}

/* ---- invoices ---- */

static void an_invoice_comes_back_as_issued(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  sm_invoice invoice = make_invoice(account, "2026-04", 1);
  invoice.device_id = strdup("m");
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice), SM_OK);
  assert_string_equal(invoice.number, "SM2627-000001");
  assert_string_equal(invoice.status, "issued");
  sm_invoice got;
  assert_int_equal(sm_ledger_invoice(f->ledger, "SM2627-000001", &got), SM_OK);
  assert_string_equal(got.account_id, account);
  assert_string_equal(got.device_id, "m");
  assert_string_equal(got.kind, "invoice");
  assert_string_equal(got.month, "2026-04");
  assert_int_equal(got.revision, 1);
  assert_int_equal(got.total_minor, 11800);
  assert_int_equal(got.tax_minor, 1800);
  assert_string_equal(got.currency, "INR");
  assert_string_equal(got.status, "issued");
  assert_true(got.issued_ms == invoice.issued_ms && got.due_ms == invoice.due_ms);
  assert_string_equal(got.body, invoice.body);
  assert_string_equal(got.snapshot, "{}");
  sm_invoice_fini(&got);
  sm_invoice_fini(&invoice);
  assert_int_equal(sm_ledger_invoice(f->ledger, "SM2627-000002", &got), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-05", &got), SM_ERR_NOT_FOUND);
  free(account);
}

static void a_month_is_invoiced_once_and_its_number_is_not_spent_twice(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 1, 1), SM_OK);
  sm_invoice again = make_invoice(account, "2026-04", 1);
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &again), SM_ERR_EXISTS);
  assert_null(again.number);
  assert_null(again.status);
  sm_invoice_fini(&again);
  assert_int_equal(issue_one(f->ledger, account, "2026-05", 1, 2), SM_OK);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 2, 3), SM_OK);
  assert_int_equal(check_invoices_whole(f), 3);
  free(account);
}

static sm_err issue_changed(const ledger_fixture *f, const char *account, const char *prefix,
                            const char *year, void (*change)(sm_invoice *)) {
  sm_invoice invoice = make_invoice(account, "2026-04", 1);
  if (change != NULL) change(&invoice);
  sm_err err = sm_ledger_invoice_issue(f->ledger, tester, prefix, year, &invoice);
  sm_invoice_fini(&invoice);
  return err;
}

static void put(char **text, const char *value) {
  free(*text);
  *text = value != NULL ? strdup(value) : NULL;
}
static void no_account(sm_invoice *i) {
  put(&i->account_id, "a_none");
}
static void no_device(sm_invoice *i) {
  put(&i->device_id, "none");
}
static void bad_month(sm_invoice *i) {
  put(&i->month, "2026-13");
}
static void bad_kind(sm_invoice *i) {
  put(&i->kind, "receipt");
}
static void bad_currency(sm_invoice *i) {
  put(&i->currency, "rs");
}
static void bad_body(sm_invoice *i) {
  put(&i->body, "{");
}
static void no_snapshot(sm_invoice *i) {
  put(&i->snapshot, NULL);
}
static void bad_revision(sm_invoice *i) {
  i->revision = 0;
}
static void credit_for_nothing(sm_invoice *i) {
  put(&i->kind, "credit_note");
}
static void negative_credit(sm_invoice *i) {
  put(&i->kind, "credit_note");
  i->total_minor = -1;
}

static void bad_invoices_leave_nothing(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  const struct {
    void (*change)(sm_invoice *);
    sm_err err;
  } cases[] = {{no_account, SM_ERR_NOT_FOUND},
               {no_device, SM_ERR_NOT_FOUND},
               {bad_month, SM_ERR_INVALID},
               {bad_kind, SM_ERR_INVALID},
               {bad_currency, SM_ERR_INVALID},
               {bad_body, SM_ERR_INVALID},
               {no_snapshot, SM_ERR_INVALID},
               {bad_revision, SM_ERR_INVALID},
               {credit_for_nothing, SM_ERR_NOT_FOUND},
               {negative_credit, SM_ERR_NOT_FOUND}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(issue_changed(f, account, "SM", "2627", cases[i].change), cases[i].err);
  }
  static const char *const bad_series[][2] = {{"", "2627"},   {"TOOLNG", "2627"}, {"sm", "2627"},
                                              {"S-", "2627"}, {"SM", "26"},       {"SM", "26272"},
                                              {"SM", "26-7"}};
  for (size_t i = 0; i < sizeof bad_series / sizeof bad_series[0]; i++) {
    assert_int_equal(issue_changed(f, account, bad_series[i][0], bad_series[i][1], NULL),
                     SM_ERR_INVALID);
  }
  assert_int_equal(check_invoices_whole(f), 0);
  assert_int_equal(issue_changed(f, account, "SMART", "2627", NULL), SM_OK);
  sm_invoice got;
  assert_int_equal(sm_ledger_invoice(f->ledger, "SMART2627-000001", &got), SM_OK);
  sm_invoice_fini(&got);
  free(account);
}

static void a_full_series_says_so(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  assert_int_equal(raw_run(f->dir, "DROP TRIGGER invoice_series_first;"
                                   "INSERT INTO invoice_series VALUES (1, 'SM', '2627', 999998)"),
                   SQLITE_OK);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 1, 999999), SM_OK);
  assert_int_equal(issue_one(f->ledger, account, "2026-05", 1, 0), SM_ERR_OVERFLOW);
  free(account);
}

static void each_series_and_year_counts_for_itself(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 1, 1), SM_OK);
  sm_invoice next = make_invoice(account, "2027-04", 1);
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2728", &next), SM_OK);
  assert_string_equal(next.number, "SM2728-000001");
  sm_invoice_fini(&next);
  assert_int_equal(issue_one(f->ledger, account, "2026-05", 1, 2), SM_OK);
  free(account);
}

static void expect_status(const ledger_fixture *f, const char *number, const char *status) {
  sm_invoice got;
  assert_int_equal(sm_ledger_invoice(f->ledger, number, &got), SM_OK);
  assert_string_equal(got.status, status);
  sm_invoice_fini(&got);
}

static void the_status_follows_from_the_ledger(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  sm_invoice late = make_invoice(account, "2026-01", 1);
  late.due_ms = instant("2020-01-01T00:00:00Z");
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &late), SM_OK);
  assert_string_equal(late.status, "overdue");
  sm_invoice_fini(&late);
  expect_status(f, "SM2627-000001", "overdue");
  const char *pay = "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, "
                    "invoice_no, at_ms) VALUES (1, 1, 'payment', -5900, 'INR', 1, 0)";
  assert_int_equal(raw_run(f->dir, pay), SQLITE_OK);
  expect_status(f, "SM2627-000001", "overdue");
  assert_int_equal(raw_run(f->dir, pay), SQLITE_OK);
  expect_status(f, "SM2627-000001", "paid");
  sm_invoice nothing = make_invoice(account, "2026-02", 1);
  nothing.total_minor = 0;
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &nothing), SM_OK);
  assert_string_equal(nothing.status, "paid");
  sm_invoice_fini(&nothing);
  free(account);
}

static void a_credit_note_takes_an_invoice_back(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 1, 1), SM_OK);
  assert_int_equal(issue_changed(f, account, "CN", "2627", credit_for_nothing), SM_OK);
  assert_int_equal(issue_changed(f, account, "CN", "2627", credit_for_nothing), SM_ERR_EXISTS);
  expect_status(f, "SM2627-000001", "cancelled");
  sm_invoice got;
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-04", &got), SM_ERR_NOT_FOUND);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 2, 2), SM_OK);
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-04", &got), SM_OK);
  assert_string_equal(got.number, "SM2627-000002");
  sm_invoice_fini(&got);
  assert_int_equal(raw_i64(f->dir, "SELECT sum(amount_minor) FROM entry"), 11800);
  free(account);
}

static void invoices_resist_plain_sql(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 1, 1), SM_OK);
  static const char *const tries[] = {
      "UPDATE invoice SET total_minor = 1",
      "UPDATE invoice SET body = '{}'",
      "DELETE FROM invoice",
      "UPDATE entry SET amount_minor = 0",
      "DELETE FROM entry",
      "INSERT OR REPLACE INTO entry (entry_no, site_no, account_no, kind, amount_minor, currency, "
      "invoice_no, at_ms) SELECT entry_no, site_no, account_no, kind, 0, currency, invoice_no, "
      "at_ms FROM entry",
      "INSERT OR REPLACE INTO invoice SELECT invoice_no, site_no, account_no, device_no, kind, "
      "month, revision, series, financial_year, serial, number, 1, 0, currency, issued_ms, "
      "due_ms, body, snapshot FROM invoice",
      "INSERT INTO invoice SELECT 2, site_no, account_no, device_no, kind, month, 2, series, "
      "financial_year, 2, 'SM2627-000002', 1, 0, currency, issued_ms, due_ms, body, snapshot "
      "FROM invoice",
      "UPDATE invoice_series SET last_serial = 7",
      "UPDATE invoice_series SET last_serial = 0",
      "DELETE FROM invoice_series",
  };
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
    assert_int_equal(raw_run(f->dir, tries[i]), SQLITE_CONSTRAINT);
  }
  assert_int_equal(check_invoices_whole(f), 1);
  free(account);
}

/* Reads all pages of two; the count, with what the serials say in *order. */
static size_t walk(const ledger_fixture *f, const char *device, const char *user,
                   const char *late_account) {
  int64_t after = 0;
  size_t seen = 0;
  char last[32] = "";
  for (;;) {
    sm_invoice *list;
    size_t count;
    int64_t next;
    assert_int_equal(sm_ledger_invoices(f->ledger, device, user, after, 2, &list, &count, &next),
                     SM_OK);
    for (size_t i = 0; i < count; i++) {
      assert_true(strcmp(list[i].number, last) > 0);
      (void)snprintf(last, sizeof last, "%s", list[i].number);
    }
    sm_invoices_free(list, count);
    assert_true(count > 0 ? next > after : next == after);
    if (count == 0) return seen;
    if (seen == 0 && late_account != NULL) {
      assert_int_equal(issue_one(f->ledger, late_account, "2030-01", 1, 0), SM_OK);
    }
    seen += count;
    after = next;
  }
}

static size_t find(sm_ledger *ledger, sm_invoice_wish wish, sm_invoice_row *first) {
  sm_invoice_rows rows;
  assert_int_equal(sm_ledger_invoices_find(ledger, &wish, 0, 100, &rows), SM_OK);
  size_t count = rows.count;
  if (count > 0 && first != NULL) *first = (sm_invoice_row){.estimated = rows.item[0].estimated};
  sm_invoice_rows_fini(&rows);
  return count;
}

static void invoices_are_found_by_words(void **state) {
  ledger_fixture *f = *state;
  char *account = plain_account(f);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", 1, 1), SM_OK);
  sm_invoice invoice = make_invoice(account, "2026-05", 1);
  free(invoice.body);
  invoice.body = strdup("{\"estimated\":true}");
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice), SM_OK);
  sm_invoice_fini(&invoice);
  sm_invoice_row row = {.estimated = true};
  assert_int_equal(find(f->ledger, (sm_invoice_wish){.account_id = account}, &row), 2);
  assert_false(row.estimated);
  assert_int_equal(find(f->ledger, (sm_invoice_wish){.month = "2026-05"}, &row), 1);
  assert_true(row.estimated);
  assert_int_equal(find(f->ledger, (sm_invoice_wish){.text = "sm2627-000002"}, &row), 1);
  assert_true(row.estimated);
  assert_int_equal(find(f->ledger, (sm_invoice_wish){.text = "000001", .month = "2026-05"}, NULL),
                   0);
  assert_int_equal(find(f->ledger, (sm_invoice_wish){.kind = "credit_note"}, NULL), 0);
  assert_int_equal(find(f->ledger, (sm_invoice_wish){.status = "paid"}, NULL), 0);
  free(account);
}

static void invoices_are_listed_by_device_and_user(void **state) {
  ledger_fixture *f = *state;
  char *one = plain_account(f);
  char *user = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  add_device(f->ledger, "n", user);
  char *two = account_of(f->ledger, "n");
  for (int month = 1; month <= 5; month++) {
    char text[24];
    (void)snprintf(text, sizeof text, "2026-%02d", month);
    assert_int_equal(issue_one(f->ledger, one, text, 1, 0), SM_OK);
    if (month <= 3) assert_int_equal(issue_one(f->ledger, two, text, 1, 0), SM_OK);
  }
  assert_int_equal(walk(f, "m", NULL, NULL), 5);
  assert_int_equal(walk(f, "n", NULL, NULL), 3);
  assert_int_equal(walk(f, "n", user, NULL), 3);
  assert_int_equal(walk(f, "m", user, NULL), 0);
  assert_int_equal(walk(f, NULL, user, NULL), 3);
  assert_int_equal(walk(f, NULL, NULL, NULL), 8);
  assert_int_equal(walk(f, "m", NULL, one), 6); /* one more is issued on the way */
  assert_int_equal(walk(f, "none", NULL, NULL), 0);
  assert_int_equal(walk(f, "m", "u_none", NULL), 0);
  free(user);
  free(one);
  free(two);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(tariff_versions_are_added_never_changed),
      LEDGER_TEST(tariffs_resist_plain_sql),
      LEDGER_TEST(tariffs_come_by_name_and_date_in_pages),
      LEDGER_TEST(a_version_that_touches_an_invoiced_month_needs_rebill),
      LEDGER_TEST(what_an_invoice_stands_on_cannot_be_changed),
      LEDGER_TEST(a_cancelled_invoice_is_in_no_tariffs_way),
      LEDGER_TEST(only_the_time_on_a_tariff_counts),
      LEDGER_TEST(an_invoice_comes_back_as_issued),
      LEDGER_TEST(a_month_is_invoiced_once_and_its_number_is_not_spent_twice),
      LEDGER_TEST(bad_invoices_leave_nothing),
      LEDGER_TEST(a_full_series_says_so),
      LEDGER_TEST(each_series_and_year_counts_for_itself),
      LEDGER_TEST(the_status_follows_from_the_ledger),
      LEDGER_TEST(a_credit_note_takes_an_invoice_back),
      LEDGER_TEST(invoices_resist_plain_sql),
      LEDGER_TEST(invoices_are_found_by_words),
      LEDGER_TEST(invoices_are_listed_by_device_and_user),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
