/* Issuing for many accounts: pages, batches, what makes a bill out of date, leases. */
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_issue.h"
#include "store/ledger_lease.h"
#include "store/ledger_money.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MONTH "2026-01"

enum { MANY = 5 };

/* Meters m0, m1, … of one owner, each with an account. */
static void add_accounts(const ledger_fixture *f, int count) {
  add_tariff(f->ledger, "t", "2026-01-01");
  char *owner = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  for (int i = 0; i < count; i++) {
    char device_id[16];
    (void)snprintf(device_id, sizeof device_id, "m%d", i);
    add_device(f->ledger, device_id, owner);
  }
  free(owner);
}

static size_t candidates(const ledger_fixture *f, const char *after, bool open_only, size_t limit,
                         sm_issue_candidate **list) {
  const sm_issue_query query = {
      .month = MONTH, .after = after, .open_only = open_only, .limit = limit};
  size_t count = 0;
  assert_int_equal(sm_ledger_issue_candidates(f->ledger, &query, list, &count), SM_OK);
  return count;
}

static sm_issue_candidate candidate(const ledger_fixture *f, const char *account_id) {
  sm_issue_candidate c;
  assert_int_equal(sm_ledger_issue_candidate(f->ledger, account_id, MONTH, &c), SM_OK);
  return c;
}

static void fill(const ledger_fixture *f, sm_issue_item *items, size_t count) {
  sm_issue_candidate *list = NULL;
  size_t found = candidates(f, "", false, count, &list);
  assert_int_equal(found, count);
  for (size_t i = 0; i < count; i++)
    items[i] = (sm_issue_item){.invoice = make_invoice(list[i].account.account_id, MONTH, 1),
                               .basis = list[i].basis,
                               .err = SM_ERR_INTERNAL};
  sm_issue_candidates_free(list, count);
}

static void forget(sm_issue_item *items, size_t count) {
  for (size_t i = 0; i < count; i++) sm_invoice_fini(&items[i].invoice);
}

static sm_err issue(const ledger_fixture *f, sm_issue_item *items, size_t count) {
  return sm_ledger_issue_batch(f->ledger, tester, "SM", "2627", items, count);
}

static void a_batch_is_numbered_in_its_order(void **state) {
  ledger_fixture *f = *state;
  sm_issue_item items[MANY];
  add_accounts(f, MANY);
  fill(f, items, MANY);
  assert_int_equal(issue(f, items, MANY), SM_OK);
  for (int i = 0; i < MANY; i++) {
    char number[24];
    (void)snprintf(number, sizeof number, "SM2627-%06d", i + 1);
    assert_int_equal(items[i].err, SM_OK);
    assert_string_equal(items[i].invoice.number, number);
  }
  assert_int_equal(check_invoices_whole(f), MANY);
  forget(items, MANY);
  fill(f, items, MANY);
  assert_int_equal(issue(f, items, MANY), SM_OK);
  for (int i = 0; i < MANY; i++) assert_int_equal(items[i].err, SM_ERR_EXISTS);
  assert_int_equal(check_invoices_whole(f), MANY);
  forget(items, MANY);
}

static void one_that_cannot_be_leaves_no_trace_of_the_others(void **state) {
  ledger_fixture *f = *state;
  sm_issue_item items[MANY];
  add_accounts(f, MANY);
  fill(f, items, MANY);
  free(items[MANY - 1].invoice.body);
  items[MANY - 1].invoice.body = strdup("no json");
  assert_int_equal(issue(f, items, MANY), SM_ERR_INVALID);
  for (int i = 0; i < MANY; i++) assert_null(items[i].invoice.number);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice_series"), 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice"), 0);
  assert_int_equal(issue(f, items, MANY - 1), SM_OK);
  assert_int_equal(check_invoices_whole(f), MANY - 1);
  assert_int_equal(issue(f, NULL, 0), SM_OK);
  forget(items, MANY);
}

static void pages_tell_what_is_open(void **state) {
  ledger_fixture *f = *state;
  sm_issue_candidate *list = NULL;
  add_accounts(f, MANY);
  char *first = account_of(f->ledger, "m0");
  assert_int_equal(issue_one(f->ledger, first, MONTH, 1, 1), SM_OK);
  assert_int_equal(candidates(f, "", false, 2, &list), 2);
  assert_string_equal(list[0].account.account_id, first);
  assert_string_equal(list[0].number, "SM2627-000001");
  assert_int_equal(list[0].total_minor, 11800);
  assert_int_equal(list[0].balance_minor, 11800);
  assert_null(list[1].number);
  assert_int_equal(list[1].balance_minor, 0);
  assert_int_equal(list[1].account.meter_count, 1);
  sm_issue_candidates_free(list, 2);
  assert_int_equal(candidates(f, "", true, 100, &list), MANY - 1);
  sm_issue_candidates_free(list, MANY - 1);
  assert_int_equal(candidates(f, first, true, 100, &list), MANY - 1);
  sm_issue_candidates_free(list, MANY - 1);
  assert_int_equal(candidates(f, "a_nobody", false, 100, &list), 0);
  sm_issue_candidates_free(list, 0);
  uint64_t count = 0;
  assert_int_equal(sm_ledger_account_count(f->ledger, &count), SM_OK);
  assert_int_equal(count, MANY);
  free(first);
}

static void credit(const ledger_fixture *f, const char *account_id, const char *month) {
  sm_invoice note = make_invoice(account_id, month, 1);
  free(note.kind);
  note.kind = strdup("credit_note");
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "CN", "2627", &note), SM_OK);
  sm_invoice_fini(&note);
}

static void what_was_taken_back_is_open_and_cancelled(void **state) {
  ledger_fixture *f = *state;
  add_accounts(f, 1);
  char *account = account_of(f->ledger, "m0");
  assert_int_equal(issue_one(f->ledger, account, MONTH, 1, 1), SM_OK);
  credit(f, account, MONTH);
  sm_issue_candidate c = candidate(f, account);
  assert_null(c.number);
  assert_true(c.cancelled);
  assert_int_equal(c.balance_minor, 0);
  sm_issue_candidate_fini(&c);
  assert_int_equal(issue_one(f->ledger, account, MONTH, 2, 2), SM_OK);
  c = candidate(f, account);
  assert_string_equal(c.number, "SM2627-000002");
  assert_false(c.cancelled);
  sm_issue_candidate_fini(&c);
  assert_int_equal(sm_ledger_issue_candidate(f->ledger, "a_nobody", MONTH, &c), SM_ERR_NOT_FOUND);
  free(account);
}

static void issue_use(const ledger_fixture *f, const char *account, const char *month,
                      int64_t use_wh, bool measured) {
  sm_invoice invoice = make_invoice(account, month, 1);
  invoice.use_wh = use_wh;
  invoice.days = 30;
  invoice.measured = measured;
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice), SM_OK);
  sm_invoice_fini(&invoice);
}

static void the_use_of_twelve_months_before_is_told(void **state) {
  ledger_fixture *f = *state;
  add_accounts(f, 1);
  char *account = account_of(f->ledger, "m0");
  for (int i = 1; i <= 12; i++) {
    char month[16];
    (void)snprintf(month, sizeof month, "2025-%02u", (unsigned)i % 100);
    issue_use(f, account, month, 1000 * i, i != 11);
  }
  issue_use(f, account, "2024-12", 99, true);
  issue_use(f, account, "2026-02", 77, true); /* after the month */
  credit(f, account, "2025-10");
  sm_issue_candidate c = candidate(f, account);
  assert_int_equal(c.use_count, 12);
  assert_int_equal(c.use[0].year, 2025);
  assert_int_equal(c.use[0].month, 12);
  assert_int_equal(c.use[0].use_wh, 12000);
  assert_int_equal(c.use[0].days, 30);
  assert_true(c.use[0].measured);
  assert_false(c.use[1].measured);
  assert_int_equal(c.use[2].month, 9); /* October was taken back */
  assert_int_equal(c.use[11].use_wh, 99);
  sm_issue_candidate_fini(&c);
  free(account);
}

/* ---- what makes a bill out of date ---- */

/* ---- what was owed before ---- */
static int64_t pay(const ledger_fixture *f, const char *account_id, int64_t minor, int reference) {
  char name[32];
  bool added;
  int64_t entry_no = 0;
  (void)snprintf(name, sizeof name, "UTR %d", reference);
  const sm_entry_new entry = {.account_id = account_id,
                              .kind = "payment",
                              .amount_minor = -minor,
                              .currency = "INR",
                              .at_ms = instant("2026-01-10T10:00:00+05:30") + reference,
                              .method = "upi",
                              .reference = name};
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &entry, &added, &entry_no), SM_OK);
  return entry_no;
}

static void take_back(const ledger_fixture *f, const char *account_id, int64_t entry_no) {
  int64_t reversal_no;
  assert_int_equal(
      sm_ledger_entry_reverse(f->ledger, tester, account_id, entry_no, "slip", &reversal_no),
      SM_OK);
}

static void what_a_balance_came_from_is_told(void **state) {
  ledger_fixture *f = *state;
  add_accounts(f, 1);
  char *id = account_of(f->ledger, "m0");
  int64_t early = pay(f, id, 2000, 0);
  sm_issue_candidate c = candidate(f, id);
  assert_null(c.name);
  assert_null(c.last_number); /* no invoice yet: all there is */
  assert_int_equal(c.last_balance_minor, 0);
  assert_int_equal(c.entry_count, 1);
  assert_int_equal(c.balance_minor, -2000);
  sm_issue_candidate_fini(&c);
  assert_int_equal(issue_one(f->ledger, id, "2025-12", 1, 1), SM_OK);
  c = candidate(f, id);
  assert_string_equal(c.last_number, "SM2627-000001");
  assert_int_equal(c.last_balance_minor, 11800 - 2000);
  assert_int_equal(c.entry_count, 0);
  sm_issue_candidate_fini(&c);
  take_back(f, id, pay(f, id, 300, 1)); /* came and went: nothing of it is left */
  pay(f, id, 5000, 2);
  assert_int_equal(sm_ledger_fee_add(f->ledger, tester, "SM2627-000001", 1, 250,
                                     instant("2026-01-20T00:00:00Z"), "Overdue"),
                   SM_OK);
  take_back(f, id, early); /* came before the last invoice, so that it is told */
  c = candidate(f, id);
  assert_int_equal(c.last_balance_minor, 9800);
  assert_int_equal(c.entry_count, 3);
  assert_string_equal(c.entry[0].kind, "payment");
  assert_string_equal(c.entry[0].detail, "upi");
  assert_int_equal(c.entry[0].amount_minor, -5000);
  assert_int_equal(c.entry[0].count, 1);
  assert_string_equal(c.entry[1].kind, "fee");
  assert_string_equal(c.entry[1].detail, "SM2627-000001");
  assert_string_equal(c.entry[2].kind, "reversal");
  assert_string_equal(c.entry[2].reverses, "payment");
  assert_int_equal(c.entry[2].amount_minor, 2000);
  assert_int_equal(c.balance_minor, 9800 - 5000 + 250 + 2000);
  sm_issue_candidate_fini(&c);
  credit(f, id, "2025-12");
  c = candidate(f, id);
  const sm_issue_entry *last = &c.entry[c.entry_count - 1];
  assert_string_equal(last->kind, "credit");
  assert_string_equal(last->detail, "SM2627-000001");
  assert_int_equal(last->amount_minor, -11800);
  sm_issue_candidate_fini(&c);
  free(id);
}

static void many_entries_are_told_by_kind(void **state) {
  ledger_fixture *f = *state;
  add_accounts(f, 1);
  char *id = account_of(f->ledger, "m0");
  assert_int_equal(issue_one(f->ledger, id, "2025-12", 1, 1), SM_OK);
  for (int i = 0; i < SM_ISSUE_ENTRIES_APART; i++) pay(f, id, 100, i);
  sm_issue_candidate c = candidate(f, id);
  assert_int_equal(c.entry_count, SM_ISSUE_ENTRIES_APART);
  sm_issue_candidate_fini(&c);
  pay(f, id, 150, SM_ISSUE_ENTRIES_APART);
  c = candidate(f, id);
  assert_int_equal(c.entry_count, 1);
  assert_int_equal(c.entry[0].count, SM_ISSUE_ENTRIES_APART + 1);
  assert_int_equal(c.entry[0].amount_minor, -100 * SM_ISSUE_ENTRIES_APART - 150);
  assert_int_equal(c.entry[0].at_ms, instant("2026-01-10T10:00:00+05:30") + SM_ISSUE_ENTRIES_APART);
  assert_null(c.entry[0].detail);
  assert_int_equal(c.last_balance_minor, 11800);
  sm_issue_candidate_fini(&c);
  free(id);
}

static void end_tenancy(const ledger_fixture *f, const char *account_id) {
  sm_account account;
  assert_int_equal(sm_ledger_account(f->ledger, account_id, &account), SM_OK);
  account.has_to = true;
  account.to = (sm_date){2026, 1, 20};
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &account), SM_OK);
  sm_account_fini(&account);
}

static void add_edit(const ledger_fixture *f, const char *account_id) {
  (void)account_id;
  int64_t no;
  const sm_reading_edit_new edit = {.device_id = "m0",
                                    .ts_ms = instant("2026-01-15T00:00:00Z"),
                                    .kind = SM_EDIT_MANUAL,
                                    .wh = 5,
                                    .reason = "read",
                                    .touches_from_ms = instant("2026-01-14T00:00:00Z"),
                                    .touches_to_ms = instant("2026-01-16T00:00:00Z")};
  assert_int_equal(sm_ledger_edit_add(f->ledger, tester, &edit, &no), SM_OK);
}

static void withdraw_edit(const ledger_fixture *f, const char *account_id) {
  (void)account_id;
  assert_int_equal(sm_ledger_edit_withdraw(f->ledger, tester, "m0", 1, "not so",
                                           instant("2026-01-14T00:00:00Z"),
                                           instant("2026-01-16T00:00:00Z")),
                   SM_OK);
}

static void add_version(const ledger_fixture *f, const char *account_id) {
  (void)account_id;
  add_tariff(f->ledger, "t", "2026-01-10");
}

static void issue_other_month(const ledger_fixture *f, const char *account_id) {
  assert_int_equal(issue_one(f->ledger, account_id, "2025-12", 1, 0), SM_OK);
}

static void change_meter(const ledger_fixture *f, const char *account_id) {
  (void)account_id;
  assert_int_equal(raw_run(f->dir, "UPDATE device SET modulus_wh = 5 WHERE device_id = 'm0'"),
                   SQLITE_OK);
}

static void nothing_is_issued_on_what_has_changed(void **state) {
  ledger_fixture *f = *state;
  void (*const changes[])(const ledger_fixture *, const char *) = {
      add_edit, withdraw_edit, add_version, issue_other_month, change_meter, end_tenancy};
  add_accounts(f, 2);
  char *account = account_of(f->ledger, "m0");
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    sm_issue_item items[1];
    fill(f, items, 1);
    changes[i](f, account);
    assert_int_equal(issue(f, items, 1), SM_OK);
    assert_int_equal(items[0].err, SM_ERR_CONFLICT);
    assert_null(items[0].invoice.number);
    forget(items, 1);
  }
  sm_issue_candidate c = candidate(f, account);
  assert_true(c.edited);
  sm_issue_candidate_fini(&c);
  sm_issue_item items[2];
  fill(f, items, 2);
  assert_int_equal(issue(f, items, 2), SM_OK);
  assert_int_equal(items[0].err, SM_OK);
  assert_int_equal(items[1].err, SM_OK);
  forget(items, 2);
  free(account);
}

static void anothers_change_is_no_concern(void **state) {
  ledger_fixture *f = *state;
  add_accounts(f, 2);
  sm_issue_item items[2];
  fill(f, items, 2);
  end_tenancy(f, items[1].invoice.account_id);
  assert_int_equal(issue(f, items, 2), SM_OK);
  assert_int_equal(items[0].err, SM_OK);
  assert_int_equal(items[1].err, SM_ERR_CONFLICT);
  assert_int_equal(check_invoices_whole(f), 1);
  forget(items, 2);
}

/* ---- leases ---- */

static bool takes(const ledger_fixture *f, const char *holder, int64_t now_ms) {
  bool taken = false;
  assert_int_equal(sm_ledger_lease_take(f->ledger, "job", holder, now_ms, 1000, &taken), SM_OK);
  return taken;
}

static void a_lease_has_one_holder_until_it_ends(void **state) {
  ledger_fixture *f = *state;
  assert_true(takes(f, "a", 10000));
  assert_false(takes(f, "b", 10000));
  assert_true(takes(f, "a", 10500));
  assert_false(takes(f, "b", 11499));
  assert_true(takes(f, "b", 11500));
  assert_false(takes(f, "a", 11500));
  assert_int_equal(sm_ledger_lease_give(f->ledger, "job", "a"), SM_OK);
  assert_false(takes(f, "a", 11500));
  assert_int_equal(sm_ledger_lease_give(f->ledger, "job", "b"), SM_OK);
  assert_true(takes(f, "a", 11500));
}

static void a_clock_that_is_set_back_keeps_no_lease(void **state) {
  ledger_fixture *f = *state;
  assert_true(takes(f, "a", 1000000));
  assert_true(takes(f, "b", 5000));
  /* One that is behind takes nothing that was just prolonged. */
  assert_true(takes(f, "b", 5500));
  assert_false(takes(f, "a", 5499));
  assert_false(takes(f, "a", 4500));
  assert_true(takes(f, "a", 4499));
}

static void leases_of_one_kind_are_kept_and_ended_together(void **state) {
  ledger_fixture *f = *state;
  bool taken = false;
  sm_lease *list = NULL;
  size_t count = 0;
  static const char *const names[] = {"job", "set/1", "set/2", "set/3"};
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(
        sm_ledger_lease_take(f->ledger, names[i], i == 3 ? "b" : "a", 1000, 1000, &taken), SM_OK);
  assert_int_equal(sm_ledger_leases_keep(f->ledger, "set/", "a", 1500, 1000), SM_OK);
  assert_int_equal(sm_ledger_leases(f->ledger, "set/", &list, &count), SM_OK);
  assert_int_equal(count, 3);
  assert_string_equal(list[0].name, "set/1");
  assert_string_equal(list[0].holder, "a");
  assert_int_equal(list[0].until_ms, 2500);
  assert_int_equal(list[1].until_ms, 2500);
  assert_string_equal(list[2].holder, "b");
  assert_int_equal(list[2].until_ms, 2000);
  free(list);
  /* What ended stays in the list until somebody takes it or gives it back. */
  assert_int_equal(sm_ledger_leases_end(f->ledger, "set/", "a"), SM_OK);
  assert_int_equal(sm_ledger_lease_take(f->ledger, "set/1", "b", 1500, 1000, &taken), SM_OK);
  assert_true(taken);
  assert_int_equal(sm_ledger_lease_take(f->ledger, "job", "b", 1500, 1000, &taken), SM_OK);
  assert_false(taken);
  assert_int_equal(sm_ledger_lease_give(f->ledger, "set/1", "b"), SM_OK);
  assert_int_equal(sm_ledger_leases(f->ledger, "set/", &list, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(list[0].name, "set/2");
  assert_int_equal(list[0].until_ms, 0);
  free(list);
}

static void the_ledger_knows_when_it_began(void **state) {
  ledger_fixture *f = *state;
  int64_t created_ms = 0;
  char *last = NULL;
  add_accounts(f, 1);
  assert_int_equal(sm_ledger_issue_begin(f->ledger, &created_ms, &last), SM_OK);
  assert_true(created_ms > 0);
  assert_null(last);
  char *account = account_of(f->ledger, "m0");
  assert_int_equal(issue_one(f->ledger, account, "2025-11", 1, 0), SM_OK);
  assert_int_equal(issue_one(f->ledger, account, MONTH, 1, 0), SM_OK);
  assert_int_equal(sm_ledger_issue_begin(f->ledger, &created_ms, &last), SM_OK);
  assert_string_equal(last, MONTH);
  free(last);
  free(account);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_batch_is_numbered_in_its_order),
      TEST(one_that_cannot_be_leaves_no_trace_of_the_others),
      TEST(pages_tell_what_is_open),
      TEST(what_was_taken_back_is_open_and_cancelled),
      TEST(the_use_of_twelve_months_before_is_told),
      TEST(what_a_balance_came_from_is_told),
      TEST(many_entries_are_told_by_kind),
      TEST(nothing_is_issued_on_what_has_changed),
      TEST(anothers_change_is_no_concern),
      TEST(a_lease_has_one_holder_until_it_ends),
      TEST(a_clock_that_is_set_back_keeps_no_lease),
      TEST(leases_of_one_kind_are_kept_and_ended_together),
      TEST(the_ledger_knows_when_it_began),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
