/* Accounts by file, and bills of suppliers: all or nothing, once, and back again. */
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_landlord.h"
#include "store/ledger_money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { FLATS = 3 };

static int64_t balance(const ledger_fixture *f, const char *account_id) {
  int64_t minor = 0;
  assert_int_equal(sm_ledger_balance(f->ledger, account_id, INT64_MAX, &minor), SM_OK);
  return minor;
}

/* ---- import ---- */
typedef struct file {
  sm_user person[FLATS];
  sm_account_import item[FLATS];
} file;

static sm_bytes bytes(uint8_t value) {
  sm_bytes out = {.data = malloc(1), .len = 1};
  assert_non_null(out.data);
  out.data[0] = value;
  return out;
}

static file *make_file(void) {
  static const char *const key[FLATS] = {"A-1", "A-2", "A-3"};
  static const char *const device[FLATS] = {"m1", "m2", "m3"};
  file *x = calloc(1, sizeof *x);
  assert_non_null(x);
  for (uint8_t i = 0; i < FLATS; i++) {
    sm_account_import *item = &x->item[i];
    memset(x->person[i].email_hash, 10 + i, 32);
    x->person[i].email_sealed = bytes(i);
    x->person[i].name_sealed = bytes(i);
    item->key = key[i];
    memset(item->content_hash, i, 32);
    item->account = make_account(NULL, device[i], "2026-01-01", NULL, 1);
    item->person = &x->person[i];
    item->opening_minor = 1000 * i;
    item->opening_ms = instant("2026-01-01T00:00:00+05:30");
  }
  return x;
}

static void free_file(file *x) {
  for (size_t i = 0; i < FLATS; i++) {
    sm_user_fini(&x->person[i]);
    sm_account_fini(&x->item[i].account);
  }
  free(x);
}

static sm_err import(const ledger_fixture *f, file *x, bool dry_run, size_t *failed) {
  return sm_ledger_accounts_import(f->ledger, tester, "INR", dry_run, x->item, FLATS, failed);
}

static void add_meters(const ledger_fixture *f) {
  add_tariff(f->ledger, "LT-1 Domestic", "2026-01-01");
  add_device(f->ledger, "m1", NULL);
  add_device(f->ledger, "m2", NULL);
  add_device(f->ledger, "m3", NULL);
}

static void accounts_come_in_once_with_people_and_opening_balances(void **state) {
  const ledger_fixture *f = *state;
  size_t failed = 9;
  add_meters(f);
  file *x = make_file();
  assert_int_equal(import(f, x, true, &failed), SM_OK); /* tried, and taken back */
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM account"), 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 0);
  free_file(x);
  x = make_file();
  assert_int_equal(import(f, x, false, &failed), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM account"), 3);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 3);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM entry WHERE kind = 'opening'"), 2);
  assert_int_equal(balance(f, x->item[2].account.account_id), 2000);
  char *first = strdup(x->item[0].account.account_id);
  free_file(x);
  x = make_file();
  assert_int_equal(import(f, x, false, &failed), SM_OK); /* the same file again */
  assert_true(x->item[0].known);
  assert_string_equal(x->item[0].account.account_id, first);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM account"), 3);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM entry"), 2);
  free(first);
  free_file(x);
}

static void one_bad_account_takes_all_back_and_is_named(void **state) {
  const ledger_fixture *f = *state;
  size_t failed = 9;
  add_meters(f);
  file *x = make_file();
  free(x->item[2].account.meter[0].device_id);
  x->item[2].account.meter[0].device_id = strdup("m2"); /* serves A-2 already */
  assert_int_equal(import(f, x, false, &failed), SM_ERR_CONFLICT);
  assert_int_equal(failed, 2);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM account"), 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 0);
  free_file(x);
  x = make_file();
  assert_int_equal(import(f, x, false, &failed), SM_OK);
  free_file(x);
  x = make_file();
  memset(x->item[1].content_hash, 77, 32); /* the same key says something else */
  assert_int_equal(import(f, x, false, &failed), SM_ERR_EXISTS);
  assert_int_equal(failed, 1);
  free_file(x);
}

/* ---- utility bills ---- */
static void add_flats(const ledger_fixture *f, char *id[FLATS]) {
  size_t failed;
  add_meters(f);
  file *x = make_file();
  for (size_t i = 0; i < FLATS; i++) x->item[i].opening_minor = 0;
  assert_int_equal(import(f, x, false, &failed), SM_OK);
  for (size_t i = 0; i < FLATS; i++) id[i] = strdup(x->item[i].account.account_id);
  free_file(x);
}

static char main_meter[] = "m1", no_meter[] = "absent", supplier[] = "BESCOM", number[] = "77/1";
static char inr[] = "INR", eur[] = "EUR", by_use[] = "use";

static sm_utility_bill make_bill(char *id[FLATS]) {
  return (sm_utility_bill){.device_id = main_meter,
                           .supplier = supplier,
                           .number = number,
                           .from = {2026, 1, 1},
                           .to = {2026, 2, 1},
                           .energy_wh = 1000000,
                           .amount_minor = 700000,
                           .tax_minor = 63000,
                           .currency = inr,
                           .split = by_use,
                           .account_id = id,
                           .account_count = FLATS};
}

static void a_bill_is_posted_once_and_taken_back_whole(void **state) {
  const ledger_fixture *f = *state;
  char *id[FLATS];
  add_flats(f, id);
  sm_utility_bill bill = make_bill(id);
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  const sm_utility_share shares[FLATS] = {
      {.account_id = id[0], .use_wh = 5, .common_minor = 100, .energy_minor = 7},
      {.account_id = id[1], .use_wh = 5, .common_minor = 0},
      {.account_id = id[2], .use_wh = 5, .common_minor = 50}};
  const char *why = "Common area, BESCOM 77/1";
  assert_int_equal(sm_ledger_utility_post(f->ledger, tester, bill.utility_id, shares, FLATS, why),
                   SM_OK);
  assert_int_equal(sm_ledger_utility_post(f->ledger, tester, bill.utility_id, shares, FLATS, why),
                   SM_ERR_EXISTS);
  assert_int_equal(balance(f, id[0]), 100);
  assert_int_equal(balance(f, id[1]), 0);
  assert_int_equal(balance(f, id[2]), 50);
  sm_issue_candidate candidate; /* the next bill names the account and the part as they are known */
  assert_int_equal(sm_ledger_issue_candidate(f->ledger, id[2], "2026-03", &candidate), SM_OK);
  assert_string_equal(candidate.name, "A-3");
  assert_int_equal(candidate.entry_count, 1);
  assert_string_equal(candidate.entry[0].kind, "common");
  assert_string_equal(candidate.entry[0].detail, "BESCOM 77/1");
  sm_issue_candidate_fini(&candidate);
  sm_utility_share *posted = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_utility_posted(f->ledger, bill.utility_id, &posted, &count), SM_OK);
  assert_int_equal(count, FLATS);
  assert_int_equal(posted[0].energy_minor, 7);
  sm_utility_shares_free(posted, count);
  assert_int_equal(sm_ledger_utility_cancel(f->ledger, tester, bill.utility_id, "x"),
                   SM_ERR_CONFLICT);
  /* a share alone is not taken back */
  int64_t entry_no = raw_i64(f->dir, "SELECT min(entry_no) FROM entry");
  int64_t reversal_no;
  assert_int_equal(
      sm_ledger_entry_reverse(f->ledger, tester, id[0], entry_no, "mine", &reversal_no),
      SM_ERR_DENIED);
  assert_int_equal(sm_ledger_utility_reverse(f->ledger, tester, bill.utility_id, "wrong meter"),
                   SM_OK);
  assert_int_equal(sm_ledger_utility_reverse(f->ledger, tester, bill.utility_id, "wrong meter"),
                   SM_ERR_CONFLICT);
  for (size_t i = 0; i < FLATS; i++) assert_int_equal(balance(f, id[i]), 0);
  assert_int_equal(sm_ledger_utility_posted(f->ledger, bill.utility_id, &posted, &count),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_utility_post(f->ledger, tester, bill.utility_id, shares, FLATS, why),
                   SM_OK);
  assert_int_equal(balance(f, id[0]), 100);
  int64_t checked, bad;
  uint8_t head[32];
  assert_int_equal(sm_ledger_audit_verify(f->ledger, &checked, &bad, head), SM_OK);
  assert_int_equal(bad, 0);
  free(bill.utility_id);
  for (size_t i = 0; i < FLATS; i++) free(id[i]);
}

static void a_bill_is_entered_once_until_it_is_cancelled(void **state) {
  const ledger_fixture *f = *state;
  char *id[FLATS];
  add_flats(f, id);
  sm_utility_bill bill = make_bill(id);
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  sm_utility_bill again = make_bill(id);
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &again), SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_utility_cancel(f->ledger, tester, bill.utility_id, "typing error"),
                   SM_OK);
  assert_int_equal(sm_ledger_utility_cancel(f->ledger, tester, bill.utility_id, "again"),
                   SM_ERR_EXISTS);
  const sm_utility_share share = {.account_id = id[0], .common_minor = 1};
  assert_int_equal(sm_ledger_utility_post(f->ledger, tester, bill.utility_id, &share, 1, "x"),
                   SM_ERR_CONFLICT);
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &again), SM_OK);
  sm_utility_bill *list = NULL;
  size_t count = 0;
  int64_t next = 0;
  assert_int_equal(sm_ledger_utilities(f->ledger, 0, 10, &list, &count, &next), SM_OK);
  assert_int_equal(count, 2);
  assert_true(list[0].cancelled);
  assert_string_equal(list[0].cancel_reason, "typing error");
  sm_utility_bills_free(list, count);
  sm_utility_bill got = {0};
  assert_int_equal(sm_ledger_utility(f->ledger, again.utility_id, &got), SM_OK);
  assert_int_equal(got.account_count, FLATS);
  assert_string_equal(got.device_id, "m1");
  assert_int_equal(got.to.month, 2);
  sm_utility_bill_fini(&got);
  assert_int_equal(sm_ledger_utility(f->ledger, "b_none", &got), SM_ERR_NOT_FOUND);
  free(bill.utility_id);
  free(again.utility_id);
  for (size_t i = 0; i < FLATS; i++) free(id[i]);
}

/* The same paper, typed in by somebody else. */
static void a_bill_is_known_again_however_it_is_typed(void **state) {
  const ledger_fixture *f = *state;
  static char shouted[] = "bescom", spaced[] = " 77 / 1", elsewhere[] = "Bangalore Electricity";
  static char next_number[] = "77/2";
  char *id[FLATS];
  add_flats(f, id);
  sm_utility_bill bill = make_bill(id);
  sm_utility_bill first = {0};
  assert_int_equal(sm_ledger_utility_same(f->ledger, &bill, &first), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  sm_utility_bill again = make_bill(id);
  again.supplier = shouted;
  again.number = spaced;
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &again), SM_ERR_EXISTS);
  again = make_bill(id);
  again.supplier = elsewhere; /* the same number, days and meter */
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &again), SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_utility_same(f->ledger, &again, &first), SM_OK);
  assert_string_equal(first.utility_id, bill.utility_id);
  sm_utility_bill_fini(&first);
  again.device_id = NULL; /* another supplier, and not of the main meter: water, say */
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &again), SM_OK);
  sm_utility_bill second = make_bill(id);
  second.number = next_number; /* on purpose */
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &second), SM_OK);
  free(bill.utility_id);
  free(again.utility_id);
  free(second.utility_id);
  for (size_t i = 0; i < FLATS; i++) free(id[i]);
}

static size_t called(const ledger_fixture *f, const char *said, const char *first) {
  sm_account_name *names = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_accounts_called(f->ledger, said, 10, &names, &count), SM_OK);
  if (first != NULL) assert_string_equal(names[0].name, first);
  sm_account_names_free(names, count);
  return count;
}

static void an_account_is_known_by_its_names(void **state) {
  const ledger_fixture *f = *state;
  size_t failed = 9;
  add_meters(f);
  file *x = make_file();
  for (size_t i = 0; i < FLATS; i++) /* the first's place is called as the second itself */
    x->item[i].account.place = strdup(i == 0 ? "A-2" : "House");
  assert_int_equal(import(f, x, false, &failed), SM_OK);
  assert_int_equal(called(f, "A-1", "A-1"), 1);
  assert_int_equal(called(f, x->item[0].account.account_id, "A-1"), 1);
  assert_int_equal(called(f, "A-2", "A-2"), 1); /* its own name goes before a place's */
  assert_int_equal(called(f, "House", "A-2"), 2);
  assert_int_equal(called(f, "a-1", NULL), 0);
  sm_account_name name = {0};
  assert_int_equal(sm_ledger_account_name(f->ledger, x->item[2].account.account_id, &name), SM_OK);
  assert_string_equal(name.name, "A-3");
  assert_string_equal(name.place, "House");
  assert_true(name.has_from);
  assert_false(name.has_to);
  sm_account_name_fini(&name);
  assert_int_equal(sm_ledger_account_name(f->ledger, "A-3", &name), SM_ERR_NOT_FOUND);
  free_file(x);
}

static void a_bill_that_is_none_is_refused(void **state) {
  const ledger_fixture *f = *state;
  char *id[FLATS];
  add_flats(f, id);
  sm_utility_bill bill = make_bill(id);
  bill.to = bill.from;
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_ERR_INVALID);
  bill = make_bill(id);
  bill.currency = eur;
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_ERR_INVALID);
  bill = make_bill(id);
  bill.device_id = no_meter;
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_ERR_NOT_FOUND);
  bill = make_bill(id);
  char *twice[FLATS] = {id[0], id[1], id[0]};
  bill.account_id = twice;
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_ERR_INVALID);
  bill = make_bill(id);
  bill.tax_minor = -1;
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_ERR_INVALID);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM utility_bill"), 0);
  for (size_t i = 0; i < FLATS; i++) free(id[i]);
}

/* What is written once stays, whoever writes. */
static void the_schema_keeps_bills_and_shares(void **state) {
  const ledger_fixture *f = *state;
  char *id[FLATS];
  add_flats(f, id);
  sm_utility_bill bill = make_bill(id);
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  const sm_utility_share share = {.account_id = id[0], .common_minor = 10};
  assert_int_equal(sm_ledger_utility_post(f->ledger, tester, bill.utility_id, &share, 1, "x"),
                   SM_OK);
  static const char *const forbidden[] = {
      "UPDATE utility_bill SET amount_minor = 1",
      "UPDATE utility_bill SET cancelled_ms = 1, cancelled_by = 'x', cancel_reason = 'x'",
      "DELETE FROM utility_bill",
      "DELETE FROM utility_member",
      "DELETE FROM utility_posting",
      "UPDATE utility_share SET common_minor = 20",
      "DELETE FROM utility_share",
      "DELETE FROM account_import",
      "UPDATE entry SET amount_minor = 5 WHERE kind = 'common'"};
  for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
    if (raw_run(f->dir, forbidden[i]) == SQLITE_OK) fail_msg("allowed: %s", forbidden[i]);
  free(bill.utility_id);
  for (size_t i = 0; i < FLATS; i++) free(id[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(accounts_come_in_once_with_people_and_opening_balances),
      TEST(one_bad_account_takes_all_back_and_is_named),
      TEST(a_bill_is_posted_once_and_taken_back_whole),
      TEST(a_bill_is_entered_once_until_it_is_cancelled),
      TEST(a_bill_is_known_again_however_it_is_typed),
      TEST(an_account_is_known_by_its_names),
      TEST(a_bill_that_is_none_is_refused),
      TEST(the_schema_keeps_bills_and_shares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
