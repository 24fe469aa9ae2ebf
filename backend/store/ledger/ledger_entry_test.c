/* Payments, fees and what they settle. */
#include "store/embedded/embedded.h"
#include "store/embedded/ledger_schema.h"
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_money.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char *account(const ledger_fixture *f) {
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "t", "2026-01-01");
  add_device(f->ledger, "m", user);
  free(user);
  return account_of(f->ledger, "m");
}

static sm_entry_new payment(const char *account_id, int64_t minor, const char *reference) {
  return (sm_entry_new){.account_id = account_id,
                        .kind = "payment",
                        .amount_minor = -minor,
                        .currency = "INR",
                        .at_ms = 1779000000000,
                        .method = "upi",
                        .reference = reference};
}

static sm_err pay(const ledger_fixture *f, const sm_entry_new *entry) {
  bool added = false;
  int64_t no = 0;
  sm_err err = sm_ledger_entry_add(f->ledger, tester, entry, &added, &no);
  assert_true(err != SM_OK || (added && no > 0));
  return err;
}

static int64_t balance(const ledger_fixture *f, const char *account_id) {
  int64_t minor = INT64_MIN;
  assert_int_equal(sm_ledger_balance(f->ledger, account_id, INT64_MAX, &minor), SM_OK);
  return minor;
}

static void expect_invoice(const ledger_fixture *f, const char *number, const char *status,
                           int64_t paid) {
  sm_invoice got = {0};
  assert_int_equal(sm_ledger_invoice(f->ledger, number, &got), SM_OK);
  assert_string_equal(got.status, status);
  assert_int_equal(got.paid_minor, paid);
  sm_invoice_fini(&got);
}

static void a_payment_settles_the_oldest_and_is_listed(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  assert_int_equal(issue_one(f->ledger, id, "2026-04", 1, 2), SM_OK);
  sm_entry_new p = payment(id, 12000, "UTR 1");
  assert_int_equal(pay(f, &p), SM_OK);
  expect_invoice(f, "SM2627-000001", "paid", 11800);
  expect_invoice(f, "SM2627-000002", "issued", 200);
  p = payment(id, 11600, "UTR 2");
  p.reason = "cash box";
  assert_int_equal(pay(f, &p), SM_OK);
  expect_invoice(f, "SM2627-000002", "paid", 11800);
  assert_int_equal(balance(f, id), 0);
  sm_entry *list = NULL;
  size_t count = 0;
  static const int64_t sums[] = {11800, 23600, 11600, 0};
  int64_t after = 0;
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(sm_ledger_entries(f->ledger, id, after, 1, &list, &count), SM_OK);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].balance_minor, sums[i]);
    after = list[0].entry_no;
    if (i == 3) assert_string_equal(list[0].reason, "cash box");
    if (i == 3) assert_string_equal(list[0].made_by, "tester");
    if (i == 0) assert_string_equal(list[0].invoice, "SM2627-000001");
    sm_entries_free(list, count);
  }
  assert_int_equal(sm_ledger_entries(f->ledger, id, after, 9, &list, &count), SM_OK);
  assert_int_equal(count, 0);
  sm_entries_free(list, count);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'entry.add'"), 2);
  free(id);
}

/* Due at once, and so before the invoice, which waits for its day. */
static void what_is_posted_later_takes_nothing_from_what_is_paid(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  sm_entry_new p = payment(id, 11800, "UTR 1");
  assert_int_equal(pay(f, &p), SM_OK);
  expect_invoice(f, "SM2627-000001", "paid", 11800);
  sm_entry_new opening = {.account_id = id,
                          .kind = "opening",
                          .amount_minor = 5000,
                          .currency = "INR",
                          .at_ms = 1,
                          .reference = "books"};
  assert_int_equal(pay(f, &opening), SM_OK);
  expect_invoice(f, "SM2627-000001", "paid", 11800);
  assert_int_equal(balance(f, id), 5000);
  free(id);
}

static void a_payment_sent_twice_counts_once(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  bool added = false;
  int64_t first = 0;
  int64_t again = 0;
  sm_entry_new p = payment(id, 100, "UTR 1");
  p.request_key = "k1";
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &first), SM_OK);
  assert_true(added);
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &again), SM_OK);
  assert_false(added);
  assert_int_equal(again, first);
  p.request_key = NULL; /* the reference alone knows it too, whenever and however it came */
  p.at_ms += 5000;
  p.method = "cash";
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &again), SM_OK);
  assert_false(added);
  p.amount_minor = -101;
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &again), SM_ERR_EXISTS);
  p = payment(id, 100, "UTR 2");
  p.request_key = "k1"; /* a key that was used for something else */
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &again), SM_ERR_EXISTS);
  assert_int_equal(balance(f, id), -100);
  int64_t reversal = 0;
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, first, "bounced", &reversal),
                   SM_OK);
  p = payment(id, 100, "UTR 1"); /* taken back, and not counted again by a late repeat */
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &again), SM_OK);
  assert_false(added);
  assert_int_equal(balance(f, id), 0);
  free(id);
}

static void a_wrong_payment_is_taken_back_once_by_its_opposite(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t no = 0;
  bool added;
  int64_t reversal = 0;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  sm_entry_new p = payment(id, 11800, "UTR 1");
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &no), SM_OK);
  expect_invoice(f, "SM2627-000001", "paid", 11800);
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, no, "", &reversal),
                   SM_ERR_INVALID);
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, no, "bounced", &reversal), SM_OK);
  expect_invoice(f, "SM2627-000001", "issued", 0);
  assert_int_equal(balance(f, id), 11800);
  sm_entry entry = {0};
  assert_int_equal(sm_ledger_entry(f->ledger, id, no, &entry), SM_OK);
  assert_int_equal(entry.reversed_by, reversal);
  sm_entry_fini(&entry);
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, no, "again", &reversal),
                   SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, reversal, "again", &reversal),
                   SM_ERR_DENIED);
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, 1, "an invoice", &reversal),
                   SM_ERR_DENIED);
  assert_int_equal(sm_ledger_entry_reverse(f->ledger, tester, id, 99, "none", &reversal),
                   SM_ERR_NOT_FOUND);
  free(id);
}

static void bad_entries_leave_nothing(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  char *longest = malloc(SM_REFERENCE_MAX + 2);
  memset(longest, 'x', SM_REFERENCE_MAX + 1);
  longest[SM_REFERENCE_MAX + 1] = '\0';
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  const sm_entry_new good = payment(id, 100, "r");
  struct {
    sm_entry_new e;
    sm_err err;
  } cases[12];
  for (size_t i = 0; i < 12; i++) cases[i].e = good;
  for (size_t i = 0; i < 12; i++) cases[i].err = SM_ERR_INVALID;
  cases[0].e.amount_minor = 0;
  cases[1].e.amount_minor = 100; /* a payment that is owed */
  cases[2].e.amount_minor = -SM_ENTRY_MAX_MINOR - 1;
  cases[3].e.currency = "USD";
  cases[4].e.reference = NULL;
  cases[5].e.reference = longest;
  cases[6].e.kind = "invoice";
  cases[7].e.kind = "reversal";
  cases[8].e.reference = "\xff";
  cases[9].e.account_id = "a_none";
  cases[9].err = SM_ERR_NOT_FOUND;
  cases[10].e.invoice = "SM2627-000009";
  cases[10].err = SM_ERR_CONFLICT;
  cases[11].e.reason = "";
  for (size_t i = 0; i < 12; i++) assert_int_equal(pay(f, &cases[i].e), cases[i].err);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM entry"), 1);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'entry.add'"), 0);
  free(longest);
  free(id);
}

static void an_opening_balance_is_owed_first(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  sm_entry_new opening = payment(id, 0, "opening");
  opening.kind = "opening";
  opening.amount_minor = 5000;
  opening.method = NULL;
  assert_int_equal(pay(f, &opening), SM_OK);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  sm_entry_new p = payment(id, 6000, "UTR 1");
  assert_int_equal(pay(f, &p), SM_OK);
  expect_invoice(f, "SM2627-000001", "issued", 1000);
  p = payment(id, 10800, "UTR 2");
  p.invoice = "SM2627-000001";
  assert_int_equal(pay(f, &p), SM_OK);
  expect_invoice(f, "SM2627-000001", "paid", 11800);
  assert_int_equal(balance(f, id), 0);
  int64_t before = 0;
  assert_int_equal(sm_ledger_balance(f->ledger, id, opening.at_ms - 1, &before), SM_OK);
  assert_int_equal(before, 11800); /* the invoice is from the third of May */
  free(id);
}

static void a_fee_is_there_once_a_month_and_never_in_a_dispute(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t dispute = 0;
  static const char *const number = "SM2627-000001";
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 1, 236, 1, "late"), SM_OK);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 1, 236, 1, "late"), SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 0, 236, 1, "late"), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 2, 0, 1, "late"), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, "SM1", 2, 1, 1, "late"), SM_ERR_NOT_FOUND);
  assert_int_equal(
      sm_ledger_dispute_open(f->ledger, tester, number, "too much", "{}", 1000, &dispute), SM_OK);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 2, 236, 1, "late"),
                   SM_ERR_CONFLICT);
  assert_int_equal(raw_run(f->dir, "INSERT INTO entry (site_no, account_no, kind, amount_minor, "
                                   "currency, invoice_no, at_ms, part) VALUES (1, 1, 'fee', 1, "
                                   "'INR', 1, 0, 2)"),
                   SQLITE_CONSTRAINT);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, dispute, "it is right", 2000),
                   SM_OK);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 2, 236, 1, "late"), SM_OK);
  assert_int_equal(balance(f, id), 11800 + 472);
  sm_statement s = {0};
  assert_int_equal(sm_ledger_statement(f->ledger, id, &s), SM_OK);
  assert_int_equal(s.debit_count, 3);
  assert_true(s.debit[1].fee && s.debit[1].part == 1 && s.debit[1].invoice_no == 1);
  sm_statement_fini(&s);
  free(id);
}

static void late_fees_hold_from_the_day_they_are_switched_on(void **state) {
  ledger_fixture *f = *state;
  sm_date since = {0};
  const sm_date first = {2026, 5, 1};
  const sm_date later = {2026, 6, 1};
  assert_int_equal(sm_ledger_late_fees_since(f->ledger, true, first, &since), SM_OK);
  assert_int_equal(sm_date_compare(since, first), 0);
  assert_int_equal(sm_ledger_late_fees_since(f->ledger, true, later, &since), SM_OK);
  assert_int_equal(sm_date_compare(since, first), 0);
  assert_int_equal(sm_ledger_late_fees_since(f->ledger, false, later, &since), SM_OK);
  assert_int_equal(sm_ledger_late_fees_since(f->ledger, true, later, &since), SM_OK);
  assert_int_equal(sm_date_compare(since, later), 0);
}

static void entries_and_disputes_resist_plain_sql(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t dispute;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  sm_entry_new p = payment(id, 100, "UTR 1");
  assert_int_equal(pay(f, &p), SM_OK);
  assert_int_equal(
      sm_ledger_dispute_open(f->ledger, tester, "SM2627-000001", "no", "{}", 1000, &dispute),
      SM_OK);
  static const char *const tries[] = {
      "UPDATE entry SET amount_minor = -1 WHERE kind = 'payment'",
      "DELETE FROM entry",
      "INSERT OR REPLACE INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, "
      "reference) VALUES (1, 1, 'payment', -1, 'INR', 0, 'UTR 1')",
      "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, reverses) "
      "VALUES (1, 1, 'reversal', 101, 'INR', 0, 2)",
      "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, reverses) "
      "VALUES (1, 1, 'reversal', -11800, 'INR', 0, 1)",
      "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms) "
      "VALUES (1, 1, 'payment', 5, 'INR', 0)",
      "DELETE FROM dispute",
      "UPDATE dispute SET text = 'yes'",
      "INSERT OR REPLACE INTO dispute (site_no, account_no, invoice_no, opened_ms, opened_by, "
      "text, explanation) VALUES (1, 1, 1, 0, 'x', 'x', '{}')",
  };
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
    assert_int_equal(raw_run(f->dir, tries[i]), SQLITE_CONSTRAINT);
  free(id);
}

/* ---- threads ---- */

enum { THREADS = 4, PAYMENTS = 25 };

typedef struct payer {
  sm_ledger *ledger;
  const char *account_id;
  int added;
  int failed;
} payer;

/* Every thread sends every payment. */
static void *pay_all(void *context) {
  payer *me = context;
  for (int i = 0; i < PAYMENTS; i++) {
    char key[24];
    bool added = false;
    int64_t no;
    (void)snprintf(key, sizeof key, "k%d", i);
    sm_entry_new p = payment(me->account_id, 100, NULL);
    p.request_key = key;
    sm_err err = sm_ledger_entry_add(me->ledger, tester, &p, &added, &no);
    me->failed += err != SM_OK;
    me->added += added;
  }
  return NULL;
}

static void what_many_send_at_once_counts_once(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  pthread_t thread[THREADS];
  payer me[THREADS];
  int added = 0;
  for (size_t i = 0; i < THREADS; i++) {
    me[i] = (payer){.ledger = f->ledger, .account_id = id};
    assert_int_equal(pthread_create(&thread[i], NULL, pay_all, &me[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(me[i].failed, 0);
    added += me[i].added;
  }
  assert_int_equal(added, PAYMENTS);
  assert_int_equal(balance(f, id), -100 * PAYMENTS);
  free(id);
}

/* ---- an old file ---- */

/* A ledger of version 2 with an invoice, a payment and what a person wrote keeps them, and is then
 * as strict as a new one. */
static void a_ledger_of_version_2_keeps_its_entries(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  char path[100];
  sqlite3 *db;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sm_ledger_schema_1, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sm_ledger_schema_2, NULL, NULL, NULL), SQLITE_OK);
  static const char old[] =
      "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x534d4c31; PRAGMA user_version = 2; "
      "INSERT INTO site VALUES (1, 'Old', 'Asia/Kolkata', 'INR', '{}', 0, 0);"
      "INSERT INTO account (site_no, account_id, created_ms) VALUES (1, 'a_old', 0);"
      "INSERT INTO invoice_series VALUES (1, 'SM', '2627', 1);"
      "INSERT INTO invoice (site_no, account_no, kind, month, revision, series, financial_year, "
      "serial, number, total_minor, tax_minor, currency, issued_ms, due_ms, body, snapshot) VALUES "
      "(1, 1, 'invoice', '2026-03', 1, 'SM', '2627', 1, 'SM2627-000001', 11800, 1800, 'INR', 5, "
      "9, '{\"total\":\"118.00\"}', '{}');"
      "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, invoice_no, at_ms) "
      "VALUES (1, 1, 'invoice', 11800, 'INR', 1, 5);"
      "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, note) VALUES "
      "(1, 1, 'payment', -1800, 'INR', 7, '{\"reason\":\"by hand\"}');";
  assert_int_equal(sqlite3_exec(db, old, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  f->ledger = ledger_open(f->dir);
  assert_int_equal(balance(f, "a_old"), 10000);
  expect_invoice(f, "SM2627-000001", "overdue", 1800);
  sm_entry entry = {0};
  assert_int_equal(sm_ledger_entry(f->ledger, "a_old", 2, &entry), SM_OK);
  assert_string_equal(entry.reason, "by hand");
  assert_int_equal(entry.posted_ms, 7);
  sm_entry_fini(&entry);
  sm_entry_new p = payment("a_old", 10000, "UTR 1");
  assert_int_equal(pay(f, &p), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT max(entry_no) FROM entry"), 3);
  expect_invoice(f, "SM2627-000001", "paid", 11800);
  assert_int_equal(raw_run(f->dir, "UPDATE entry SET amount_minor = 0"), SQLITE_CONSTRAINT);
  assert_int_equal(raw_run(f->dir, "DELETE FROM entry"), SQLITE_CONSTRAINT);
}

/* ---- failures ---- */

/* A child: pays one by one and tells each. Never returns. */
static void pay_until_killed(const char *dir, const char *account_id, int told, int first) {
  sm_ledger *ledger = ledger_open(dir);
  for (int i = first;; i++) {
    char reference[24];
    bool added;
    int64_t no;
    (void)snprintf(reference, sizeof reference, "r%d", i);
    sm_entry_new p = payment(account_id, 100, reference);
    if (sm_ledger_entry_add(ledger, tester, &p, &added, &no) != SM_OK) _exit(2);
    if (write(told, "x", 1) != 1) _exit(3);
  }
}

static void a_killed_payer_leaves_whole_payments(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  sm_ledger_close(f->ledger);
  f->ledger = NULL;
  int64_t count = 0;
  for (int round = 0; round < 10; round++) {
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
      (void)close(told[0]);
      pay_until_killed(f->dir, id, told[1], (int)count);
    }
    (void)close(told[1]);
    char byte;
    int64_t acknowledged = 0;
    for (int i = 0; i <= round % 4; i++) acknowledged += read(told[0], &byte, 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status;
    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    while (read(told[0], &byte, 1) == 1) acknowledged++;
    (void)close(told[0]);
    f->ledger = ledger_open(f->dir);
    int64_t now = raw_i64(f->dir, "SELECT count(*) FROM entry");
    assert_true(now >= count + acknowledged && now <= count + acknowledged + 1);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'entry.add'"), now);
    assert_int_equal(balance(f, id), -100 * now);
    count = now;
    sm_ledger_close(f->ledger);
    f->ledger = NULL;
  }
  free(id);
}

/* Every write of a change fails in turn: a trigger aborts the one after n rows of any table. */
static void a_write_that_fails_leaves_nothing(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  static const char *const tables[] = {"entry", "audit", "invoice", "invoice_series"};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    char sql[300];
    sm_invoice note = {0};
    (void)snprintf(sql, sizeof sql,
                   "CREATE TRIGGER break_it BEFORE INSERT ON %s BEGIN SELECT RAISE(ABORT, 'x'); "
                   "END; CREATE TRIGGER break_too BEFORE UPDATE ON %s BEGIN SELECT RAISE(ABORT, "
                   "'x'); END",
                   tables[i], tables[i]);
    int64_t entries = raw_i64(f->dir, "SELECT count(*) FROM entry");
    int64_t audits = raw_i64(f->dir, "SELECT count(*) FROM audit");
    assert_int_equal(raw_run(f->dir, sql), SQLITE_OK);
    sm_entry_new p = payment(id, 100, "r");
    const sm_credit_new c = {.number = "SM2627-000001",
                             .prefix = "CN",
                             .financial_year = "2627",
                             .reason = "wrong",
                             .body = "{}",
                             .snapshot = "{}"};
    if (i < 2) {
      assert_int_equal(pay(f, &p), SM_ERR_CONFLICT);
      assert_int_equal(sm_ledger_fee_add(f->ledger, tester, c.number, 1, 5, 1, "late"),
                       SM_ERR_CONFLICT);
    }
    assert_int_equal(sm_ledger_credit(f->ledger, tester, &c, &note), SM_ERR_CONFLICT);
    assert_null(note.number);
    assert_int_equal(raw_run(f->dir, "DROP TRIGGER break_it; DROP TRIGGER break_too"), SQLITE_OK);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM entry"), entries);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit"), audits);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice"), 1);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice_series"), 1);
  }
  free(id);
}

#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_dir_set_up, ledger_tear_down)
#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(a_payment_settles_the_oldest_and_is_listed),
      LEDGER_TEST(what_is_posted_later_takes_nothing_from_what_is_paid),
      LEDGER_TEST(a_payment_sent_twice_counts_once),
      LEDGER_TEST(a_wrong_payment_is_taken_back_once_by_its_opposite),
      LEDGER_TEST(bad_entries_leave_nothing),
      LEDGER_TEST(an_opening_balance_is_owed_first),
      LEDGER_TEST(a_fee_is_there_once_a_month_and_never_in_a_dispute),
      LEDGER_TEST(late_fees_hold_from_the_day_they_are_switched_on),
      LEDGER_TEST(entries_and_disputes_resist_plain_sql),
      LEDGER_TEST(what_many_send_at_once_counts_once),
      DIR_TEST(a_ledger_of_version_2_keeps_its_entries),
      LEDGER_TEST(a_killed_payer_leaves_whole_payments),
      LEDGER_TEST(a_write_that_fails_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
