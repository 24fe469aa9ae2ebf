/* Credit notes, exceptions, corrections on the next invoice, tariffs billed again. */
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_money.h"

#include <errno.h>
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

static sm_credit_new credit_of(const char *number) {
  return (sm_credit_new){.number = number,
                         .prefix = "CN",
                         .financial_year = "2627",
                         .reason = "a reading was wrong",
                         .issued_ms = 1779000000000,
                         .body = "{}",
                         .snapshot = "{}"};
}

static sm_err credit(const ledger_fixture *f, const char *number, const char *wanted) {
  const sm_credit_new c = credit_of(number);
  sm_invoice note = {0};
  sm_err err = sm_ledger_credit(f->ledger, tester, &c, &note);
  if (err == SM_OK) assert_string_equal(note.number, wanted);
  sm_invoice_fini(&note);
  return err;
}

static int64_t balance(const ledger_fixture *f, const char *account_id) {
  int64_t minor = INT64_MIN;
  assert_int_equal(sm_ledger_balance(f->ledger, account_id, INT64_MAX, &minor), SM_OK);
  return minor;
}

static void a_credit_note_answers_an_open_dispute(void **state) {
  const ledger_fixture *f = *state;
  char *id = account(f);
  int64_t no = 0;
  sm_dispute dispute = {0};
  sm_invoice invoice = make_invoice(id, "2026-04", 1);
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice), SM_OK);
  assert_int_equal(
      sm_ledger_dispute_open(f->ledger, tester, invoice.number, "too much", "{}", 1, &no), SM_OK);
  assert_int_equal(credit(f, invoice.number, "CN2627-000001"), SM_OK);
  assert_int_equal(sm_ledger_dispute(f->ledger, no, &dispute), SM_OK);
  assert_true(dispute.resolved);
  assert_non_null(strstr(dispute.resolution, "credit note CN2627-000001"));
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "yes", 2), SM_ERR_EXISTS);
  sm_dispute_fini(&dispute);
  sm_invoice_fini(&invoice);
  free(id);
}

static int64_t open_exception(const ledger_fixture *f, const char *number, const char *hash,
                              int64_t net, int64_t last_no, bool true_up) {
  char gst[] = "GST";
  const sm_exception_tax tax = {.name = gst, .amount_minor = net / 5};
  const sm_exception_new e = {.invoice = number,
                              .cause = "readings",
                              .readings_hash = hash,
                              .net_minor = net,
                              .tax = &tax,
                              .tax_count = 1,
                              .new_total_minor = 11800 + net + net / 5,
                              .body = "{}",
                              .true_up = true_up,
                              .last_no = last_no};
  int64_t no = 0;
  assert_int_equal(sm_ledger_exception_open(f->ledger, tester, &e, &no), SM_OK);
  return no;
}

static void expect_state(const ledger_fixture *f, int64_t no, const char *state,
                         const char *settled_by) {
  sm_exception e = {0};
  assert_int_equal(sm_ledger_exception(f->ledger, no, &e), SM_OK);
  assert_string_equal(e.state, state);
  if (settled_by == NULL)
    assert_null(e.settled_by);
  else
    assert_string_equal(e.settled_by, settled_by);
  sm_exception_fini(&e);
}

static sm_err issue_settling(const ledger_fixture *f, const char *account_id, const char *month,
                             int32_t revision, const int64_t *no, size_t count) {
  sm_invoice invoice = make_invoice(account_id, month, revision);
  invoice.settles = calloc(count + 1, sizeof *invoice.settles);
  assert_non_null(invoice.settles);
  for (size_t i = 0; i < count; i++) invoice.settles[i] = no[i];
  invoice.settle_count = count;
  sm_err err = sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice);
  sm_invoice_fini(&invoice);
  return err;
}

static size_t waiting(const ledger_fixture *f, const char *account_id, int64_t *sum) {
  sm_exception *list = NULL;
  size_t count = 0;
  *sum = 0;
  assert_int_equal(sm_ledger_true_ups(f->ledger, account_id, &list, &count), SM_OK);
  for (size_t i = 0; i < count; i++) *sum += list[i].net_minor + list[i].tax_minor;
  sm_exceptions_free(list, count);
  return count;
}

/* ---- credit notes ---- */

static void a_credit_note_takes_back_invoice_and_fees(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  static const char *const number = "SM2627-000001";
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 1, 236, 1, "late"), SM_OK);
  assert_int_equal(balance(f, id), 12036);
  assert_int_equal(credit(f, number, "CN2627-000001"), SM_OK);
  assert_int_equal(balance(f, id), 0);
  assert_int_equal(credit(f, number, ""), SM_ERR_EXISTS);
  assert_int_equal(credit(f, "CN2627-000001", ""), SM_ERR_NOT_FOUND);
  assert_int_equal(credit(f, "SM2627-000009", ""), SM_ERR_NOT_FOUND);
  sm_invoice last = {0};
  assert_int_equal(sm_ledger_invoice_last(f->ledger, id, "2026-03", &last), SM_OK);
  assert_int_equal(last.revision, 1);
  assert_string_equal(last.status, "cancelled");
  sm_invoice_fini(&last);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, number, 2, 236, 1, "late"),
                   SM_ERR_CONFLICT);
  free(id);
}

static void a_payment_of_a_cancelled_invoice_pays_what_is_there(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  bool added;
  int64_t no;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  const sm_entry_new p = {.account_id = id,
                          .kind = "payment",
                          .amount_minor = -11800,
                          .currency = "INR",
                          .invoice = "SM2627-000001",
                          .reference = "r"};
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &p, &added, &no), SM_OK);
  assert_int_equal(credit(f, "SM2627-000001", "CN2627-000001"), SM_OK);
  assert_int_equal(balance(f, id), -11800);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 2, 2), SM_OK);
  sm_invoice got = {0};
  assert_int_equal(sm_ledger_invoice(f->ledger, "SM2627-000002", &got), SM_OK);
  assert_string_equal(got.status, "paid");
  sm_invoice_fini(&got);
  free(id);
}

static void a_credit_below_zero_is_taken_back_too(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  sm_invoice invoice = make_invoice(id, "2026-03", 1);
  invoice.total_minor = -500;
  invoice.tax_minor = 0;
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice), SM_OK);
  assert_string_equal(invoice.status, "paid");
  sm_invoice_fini(&invoice);
  assert_int_equal(balance(f, id), -500);
  assert_int_equal(credit(f, "SM2627-000001", "CN2627-000001"), SM_OK);
  assert_int_equal(balance(f, id), 0);
  free(id);
}

static void a_reissue_is_all_or_nothing(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t no = open_exception(f, "SM2627-000001", "h1", 50000, 0, false);
  sm_credit_new c = credit_of("SM2627-000001");
  sm_invoice wrong = make_invoice(id, "2026-03", 1); /* a revision that is there */
  sm_invoice note = {0};
  assert_int_equal(sm_ledger_reissue(f->ledger, tester, &c, no, "SM", "2627", &wrong, &note),
                   SM_ERR_EXISTS);
  assert_null(wrong.number);
  sm_invoice_fini(&wrong);
  expect_state(f, no, "open", NULL);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice"), 1);
  sm_invoice right = make_invoice(id, "2026-03", 2);
  right.total_minor = 71800;
  sm_issue_candidate stands = {.number = NULL};
  assert_int_equal(sm_ledger_issue_candidate(f->ledger, id, "2026-03", &stands), SM_OK);
  sm_issue_basis before = stands.basis; /* as it was before a payment or the like came */
  before.entry_no--;
  c.basis = &before;
  assert_int_equal(sm_ledger_reissue(f->ledger, tester, &c, no, "SM", "2627", &right, &note),
                   SM_ERR_CONFLICT);
  expect_state(f, no, "open", NULL);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice"), 1);
  c.basis = &stands.basis;
  assert_int_equal(sm_ledger_reissue(f->ledger, tester, &c, no, "SM", "2627", &right, &note),
                   SM_OK);
  assert_string_equal(right.number, "SM2627-000002");
  assert_string_equal(note.number, "CN2627-000001");
  sm_invoice_fini(&right);
  sm_invoice_fini(&note);
  sm_issue_candidate_fini(&stands);
  expect_state(f, no, "reissue", NULL);
  assert_int_equal(balance(f, id), 71800);
  free(id);
}

/* ---- exceptions ---- */

static void a_correction_stands_on_one_invoice(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t sum;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t no = open_exception(f, "SM2627-000001", "h1", 500, 0, true);
  assert_int_equal(waiting(f, id, &sum), 1);
  assert_int_equal(sum, 600);
  assert_int_equal(issue_settling(f, id, "2026-04", 1, &no, 1), SM_OK);
  expect_state(f, no, "true_up", "SM2627-000002");
  assert_int_equal(waiting(f, id, &sum), 0);
  assert_int_equal(issue_settling(f, id, "2026-05", 1, &no, 1), SM_ERR_CONFLICT);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice"), 2);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "dismissed", "late"),
                   SM_ERR_EXISTS);
  /* The invoice that holds it is taken back: it waits again. */
  assert_int_equal(credit(f, "SM2627-000002", "CN2627-000001"), SM_OK);
  assert_int_equal(waiting(f, id, &sum), 1);
  assert_int_equal(issue_settling(f, id, "2026-04", 2, &no, 1), SM_OK);
  expect_state(f, no, "true_up", "SM2627-000003");
  free(id);
}

static void an_invoice_taken_back_takes_its_corrections_back(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t sum;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t first = open_exception(f, "SM2627-000001", "h1", 500, 0, true);
  assert_int_equal(issue_settling(f, id, "2026-04", 1, &first, 1), SM_OK);
  int64_t second = open_exception(f, "SM2627-000001", "h2", 300, first, true);
  assert_int_equal(credit(f, "SM2627-000001", "CN2627-000001"), SM_OK);
  expect_state(f, first, "true_up", "SM2627-000002"); /* was billed, and stays so */
  expect_state(f, second, "void", NULL);
  assert_int_equal(waiting(f, id, &sum), 1); /* the opposite of the first */
  assert_int_equal(sum, -600);
  sm_exception *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_true_ups(f->ledger, id, &list, &count), SM_OK);
  assert_string_equal(list[0].cause, "credit");
  assert_int_equal(list[0].tax[0].amount_minor, -100);
  int64_t counter = list[0].exception_no;
  sm_exceptions_free(list, count);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, counter, "dismissed", "no"),
                   SM_ERR_DENIED);
  free(id);
}

static void what_is_found_again_takes_the_place_of_what_waits(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t sum;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t first = open_exception(f, "SM2627-000001", "h1", 500, 0, true);
  int64_t second = open_exception(f, "SM2627-000001", "h2", 50000, first, false);
  expect_state(f, first, "superseded", NULL);
  expect_state(f, second, "open", NULL);
  assert_int_equal(waiting(f, id, &sum), 0);
  int64_t nothing = open_exception(f, "SM2627-000001", "h3", 0, second, false);
  assert_int_equal(nothing, 0);
  expect_state(f, second, "superseded", NULL);
  char gst[] = "GST";
  const sm_exception_tax tax = {.name = gst, .amount_minor = 1};
  sm_exception_new stale = {.invoice = "SM2627-000001",
                            .cause = "readings",
                            .readings_hash = "h4",
                            .net_minor = 1,
                            .tax = &tax,
                            .tax_count = 1,
                            .body = "{}",
                            .last_no = first};
  int64_t no = 0;
  assert_int_equal(sm_ledger_exception_open(f->ledger, tester, &stale, &no), SM_ERR_CONFLICT);
  assert_int_equal(credit(f, "SM2627-000001", "CN2627-000001"), SM_OK);
  stale.last_no = second;
  assert_int_equal(sm_ledger_exception_open(f->ledger, tester, &stale, &no), SM_ERR_CONFLICT);
  stale.invoice = "SM9";
  assert_int_equal(sm_ledger_exception_open(f->ledger, tester, &stale, &no), SM_ERR_NOT_FOUND);
  free(id);
}

static void an_exception_is_decided_by_a_word(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int64_t sum;
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t no = open_exception(f, "SM2627-000001", "h1", 50000, 0, false);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "true_up", ""),
                   SM_ERR_INVALID);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "open", "x"), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, 99, "true_up", "x"),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "true_up", "agreed"), SM_OK);
  assert_int_equal(waiting(f, id, &sum), 1);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "true_up", "again"),
                   SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "dismissed", "let go"), SM_OK);
  assert_int_equal(waiting(f, id, &sum), 0);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, no, "true_up", "yes, after all"),
                   SM_ERR_EXISTS);
  const sm_exception_query query = {.state = "dismissed", .limit = 10};
  sm_exception *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_exceptions(f->ledger, &query, &list, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_string_equal(list[0].reason, "let go");
  assert_string_equal(list[0].decided_by, "tester");
  sm_exceptions_free(list, count);
  free(id);
}

static void corrections_resist_plain_sql(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t no = open_exception(f, "SM2627-000001", "h1", 500, 0, true);
  assert_int_equal(issue_settling(f, id, "2026-04", 1, &no, 1), SM_OK);
  static const char *const tries[] = {
      "UPDATE exception SET net_minor = 1",
      "UPDATE exception SET state = 'dismissed'",
      "DELETE FROM exception",
      "DELETE FROM settlement",
      "UPDATE settlement SET invoice_no = 1",
      "INSERT INTO settlement VALUES (1, 1, 1)",
      "INSERT OR REPLACE INTO settlement VALUES (1, 2, 1)",
  };
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
    assert_int_equal(raw_run(f->dir, tries[i]), SQLITE_CONSTRAINT);
  free(id);
}

/* ---- tariffs ---- */

static size_t touched(const ledger_fixture *f, const char *tariff, sm_date from) {
  sm_invoice *list = NULL;
  size_t count = 0;
  int64_t next = 0;
  assert_int_equal(sm_ledger_tariff_touched(f->ledger, tariff, from, 0, 100, &list, &count, &next),
                   SM_OK);
  sm_invoices_free(list, count);
  return count;
}

static void a_tariff_billed_again_names_what_it_changes(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  int32_t version = 0;
  assert_int_equal(issue_one(f->ledger, id, "2026-02", 1, 1), SM_OK);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 2), SM_OK);
  assert_int_equal(issue_one(f->ledger, id, "2026-04", 1, 3), SM_OK);
  const sm_date march = {2026, 3, 10};
  assert_int_equal(touched(f, "t", march), 2);
  assert_int_equal(touched(f, "none", march), 0);
  assert_int_equal(sm_ledger_tariff_add(f->ledger, tester, "t", march, "[1]", false, &version),
                   SM_ERR_CONFLICT);
  assert_int_equal(sm_ledger_tariff_add(f->ledger, tester, "t", march, "[1]", true, &version),
                   SM_OK);
  sm_rebill *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_rebills(f->ledger, 10, &list, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(list[0].invoice, "SM2627-000002");
  assert_string_equal(list[0].tariff, "t");
  assert_int_equal(list[0].version, version);
  assert_int_equal(sm_ledger_rebill_done(f->ledger, &list[0]), SM_OK);
  sm_rebills_free(list, count);
  const sm_exception_new e = {.invoice = "SM2627-000003",
                              .cause = "tariff",
                              .readings_hash = "h",
                              .net_minor = 100,
                              .body = "{}",
                              .rebill_tariff = "t",
                              .rebill_version = version};
  int64_t no = 0;
  assert_int_equal(sm_ledger_exception_open(f->ledger, tester, &e, &no), SM_OK);
  assert_int_equal(sm_ledger_rebills(f->ledger, 10, &list, &count), SM_OK);
  assert_int_equal(count, 0);
  sm_rebills_free(list, count);
  free(id);
}

/* Days before a tariff's first version are billed by it, and so by one that comes before it; and
 * who has no tariff is on the site's first. */
static void what_reaches_back_is_touched_too(void **state) {
  ledger_fixture *f = *state;
  int32_t version = 0;
  add_tariff(f->ledger, "t", "2026-06-01");
  add_device(f->ledger, "m", NULL);
  sm_account a = make_account(NULL, "m", NULL, NULL, 1);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &a), SM_OK);
  assert_int_equal(issue_one(f->ledger, a.account_id, "2026-03", 1, 1), SM_OK);
  assert_int_equal(touched(f, "t", (sm_date){2026, 5, 1}), 1);
  assert_int_equal(touched(f, "t", (sm_date){2026, 7, 1}), 0);
  assert_int_equal(touched(f, "t", (sm_date){2026, 6, 1}), 1); /* takes the first one's place */
  assert_int_equal(
      sm_ledger_tariff_add(f->ledger, tester, "t", (sm_date){2026, 5, 1}, "[1]", false, &version),
      SM_ERR_CONFLICT);
  sm_account_fini(&a);
}

/* ---- failures ---- */

/* Every table that an issue which settles, or a reissue, writes to fails in turn: nothing is left
 * of either. */
static void a_write_that_fails_leaves_nothing(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  static const char *const tables[] = {"entry",     "audit",      "invoice",    "invoice_series",
                                       "exception", "settlement", "invoice_use"};
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t no = open_exception(f, "SM2627-000001", "h1", 500, 0, true);
  assert_int_equal(issue_settling(f, id, "2026-04", 1, &no, 1), SM_OK);
  int64_t waits = open_exception(f, "SM2627-000001", "h2", 300, no, true);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "CREATE TRIGGER break_it BEFORE INSERT ON %s BEGIN SELECT RAISE(ABORT, 'x'); "
                   "END; CREATE TRIGGER break_too BEFORE UPDATE ON %s BEGIN SELECT RAISE(ABORT, "
                   "'x'); END",
                   tables[i], tables[i]);
    int64_t audits = raw_i64(f->dir, "SELECT count(*) FROM audit");
    int64_t owed = balance(f, id);
    assert_int_equal(raw_run(f->dir, sql), SQLITE_OK);
    const bool settles = strcmp(tables[i], "exception") != 0;
    if (settles) assert_int_equal(issue_settling(f, id, "2026-05", 1, &waits, 1), SM_ERR_CONFLICT);
    if (strcmp(tables[i], "settlement") != 0) {
      sm_credit_new c = credit_of("SM2627-000001");
      sm_invoice again = make_invoice(id, "2026-03", 2);
      sm_invoice note = {0};
      assert_int_equal(sm_ledger_reissue(f->ledger, tester, &c, waits, "SM", "2627", &again, &note),
                       SM_ERR_CONFLICT);
      assert_null(again.number);
      sm_invoice_fini(&again);
    }
    assert_int_equal(raw_run(f->dir, "DROP TRIGGER break_it; DROP TRIGGER break_too"), SQLITE_OK);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit"), audits);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice"), 2);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM settlement"), 1);
    assert_int_equal(balance(f, id), owed);
    expect_state(f, waits, "true_up", NULL);
  }
  free(id);
}

/* A child: takes its invoice back and issues the month again, over and over, each time settling
 * what waits. Never returns. */
static void reissue_until_killed(const char *dir, const char *account_id, int told) {
  sm_ledger *ledger = ledger_open(dir);
  for (;;) {
    sm_invoice last = {0};
    if (sm_ledger_invoice_last(ledger, account_id, "2026-04", &last) != SM_OK) _exit(1);
    const sm_exception_query query = {.settled_by = last.number, .limit = 10};
    sm_exception *held = NULL;
    size_t count = 0;
    if (sm_ledger_exceptions(ledger, &query, &held, &count) != SM_OK) _exit(2);
    sm_credit_new c = credit_of(last.number);
    sm_invoice again = make_invoice(account_id, "2026-04", last.revision + 1);
    sm_invoice note = {0};
    again.settles = calloc(count + 1, sizeof *again.settles);
    if (again.settles == NULL) _exit(3);
    for (size_t i = 0; i < count; i++) again.settles[i] = held[i].exception_no;
    again.settle_count = count;
    sm_err err = sm_ledger_reissue(ledger, tester, &c, 0, "SM", "2627", &again, &note);
    if (err != SM_OK) _exit(4);
    if (write(told, "x", 1) != 1) _exit(5);
    sm_exceptions_free(held, count);
    sm_invoice_fini(&again);
    sm_invoice_fini(&note);
    sm_invoice_fini(&last);
  }
}

static void a_killed_reissue_settles_once(void **state) {
  ledger_fixture *f = *state;
  char *id = account(f);
  assert_int_equal(issue_one(f->ledger, id, "2026-03", 1, 1), SM_OK);
  int64_t no = open_exception(f, "SM2627-000001", "h1", 500, 0, true);
  assert_int_equal(issue_settling(f, id, "2026-04", 1, &no, 1), SM_OK);
  sm_ledger_close(f->ledger); /* connections must not be carried over a fork */
  f->ledger = NULL;
  for (int round = 0; round < 12; round++) {
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
      (void)close(told[0]);
      reissue_until_killed(f->dir, id, told[1]);
    }
    (void)close(told[1]);
    char byte;
    for (int i = 0; i <= round % 3; i++) assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status;
    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    (void)close(told[0]);
    f->ledger = ledger_open(f->dir);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM settled"), 1);
    assert_int_equal(raw_i64(f->dir, "SELECT sum(last_serial) FROM invoice_series"),
                     raw_i64(f->dir, "SELECT count(*) FROM invoice"));
    assert_int_equal(balance(f, id), 11800 * 2);
    sm_invoice valid = {0};
    assert_int_equal(sm_ledger_invoice_of(f->ledger, id, "2026-04", &valid), SM_OK);
    expect_state(f, no, "true_up", valid.number);
    sm_invoice_fini(&valid);
    sm_ledger_close(f->ledger);
    f->ledger = NULL;
  }
  free(id);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(a_credit_note_takes_back_invoice_and_fees),
      LEDGER_TEST(a_payment_of_a_cancelled_invoice_pays_what_is_there),
      LEDGER_TEST(a_credit_below_zero_is_taken_back_too),
      LEDGER_TEST(a_credit_note_answers_an_open_dispute),
      LEDGER_TEST(a_reissue_is_all_or_nothing),
      LEDGER_TEST(a_correction_stands_on_one_invoice),
      LEDGER_TEST(an_invoice_taken_back_takes_its_corrections_back),
      LEDGER_TEST(what_is_found_again_takes_the_place_of_what_waits),
      LEDGER_TEST(an_exception_is_decided_by_a_word),
      LEDGER_TEST(corrections_resist_plain_sql),
      LEDGER_TEST(a_tariff_billed_again_names_what_it_changes),
      LEDGER_TEST(what_reaches_back_is_touched_too),
      LEDGER_TEST(a_write_that_fails_leaves_nothing),
      LEDGER_TEST(a_killed_reissue_settles_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
