/* Accounts by file, on the real embedded ledger. */
#include "invoicing/account_file.h"

#include "invoicing/account_meant.h"
#include "invoicing/invoicing_test_kit.h"
#include "invoicing/payment_file.h"
#include "store/ledger_money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In the clear: the ledger does not look. */
static sm_err seal(void *context, const char *name, sm_bytes *sealed) {
  (void)context;
  sealed->data = (uint8_t *)strdup(name);
  sealed->len = strlen(name);
  return sealed->data != NULL ? SM_OK : SM_ERR_NOMEM;
}

static sm_err named(void *context, const char *email, sm_user *row) {
  (void)context;
  if (strchr(email, '@') == NULL) return SM_ERR_INVALID;
  *row = (sm_user){.role = SM_ROLE_CONSUMER};
  (void)snprintf((char *)row->email_hash, 32, "%s", email);
  sm_err err = seal(NULL, email, &row->email_sealed);
  return err == SM_OK ? seal(NULL, email, &row->name_sealed) : err;
}

static sm_err import(fixture *f, const char *text, bool dry_run, sm_problems *problems,
                     sm_account_file_result *result) {
  const sm_account_file file = {.invoicing = &f->invoicing,
                                .actor = tester,
                                .text = text,
                                .len = strlen(text),
                                .dry_run = dry_run,
                                .now_ms = ms("2026-02-01T00:00:00+05:30"),
                                .hooks = {.seal_person = seal, .named = named}};
  memset(problems, 0, sizeof *problems);
  return sm_account_file_import(&file, problems, result);
}

static size_t account_count(fixture *f) {
  sm_account *accounts = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_accounts(f->ledger, NULL, "", 100, &accounts, &count), SM_OK);
  sm_accounts_free(accounts, count);
  return count;
}

static const char good[] =
    "\xef\xbb\xbf"
    "account,person,place,email,from,device,sign,multiplier,load_kw,opening_balance\r\n"
    "A-101,Asha Rao,\"Flat 101, A\",asha@example.org,2026-01-01,m1,,,3.5,150.25\r\n"
    "A-102,Ravi,,ravi@example.org,2026-01-01,m2,1,2.5,,-20\r\n"
    "A-102,,,,,m3,-1,,,\r\n";

static void add_meters(fixture *f) {
  add_device(f, "m1", NULL);
  add_device(f, "m2", NULL);
  add_device(f, "m3", NULL);
}

static void a_file_becomes_accounts_once(void **state) {
  fixture *f = *state;
  sm_problems problems;
  sm_account_file_result result;
  add_meters(f);
  assert_int_equal(import(f, good, true, &problems, &result), SM_OK);
  assert_int_equal(result.added, 2);
  assert_int_equal(account_count(f), 0); /* it was a dry run */
  assert_int_equal(import(f, good, false, &problems, &result), SM_OK);
  assert_int_equal(result.accounts, 2);
  assert_int_equal(result.added, 2);
  assert_int_equal(result.meters, 3);
  assert_int_equal(result.opening_minor, 13025);
  sm_account *accounts = NULL;
  size_t count = 0;
  int64_t balance = 0;
  assert_int_equal(sm_ledger_accounts(f->ledger, NULL, "", 100, &accounts, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(accounts[0].place, "Flat 101, A");
  assert_int_equal(accounts[0].sanctioned_load_w, 3500);
  assert_int_equal(accounts[1].meter_count, 2);
  assert_int_equal(accounts[1].meter[1].sign, -1);
  assert_int_equal(accounts[1].meter[0].multiplier_milli, 2500);
  assert_int_equal(sm_ledger_balance(f->ledger, accounts[0].account_id, INT64_MAX, &balance),
                   SM_OK);
  assert_int_equal(balance, 15025);
  sm_accounts_free(accounts, count);
  assert_int_equal(import(f, good, false, &problems, &result), SM_OK);
  assert_int_equal(result.known, 2);
  assert_int_equal(result.added, 0);
  assert_int_equal(account_count(f), 2);
}

static void columns_may_move_and_new_lines_come(void **state) {
  fixture *f = *state;
  sm_problems problems;
  sm_account_file_result result;
  add_meters(f);
  assert_int_equal(import(f, "account,person,device\nA,Asha,m1\n", false, &problems, &result),
                   SM_OK);
  assert_int_equal(import(f, "device,account,person,place\nm1,A,Asha,\n\nm2,B,Ravi,Flat 2", false,
                          &problems, &result),
                   SM_OK);
  assert_int_equal(result.known, 1);
  assert_int_equal(result.added, 1);
  assert_int_equal(account_count(f), 2);
}

typedef struct bad {
  const char *text;
  const char *field;
  const char *words;
} bad;

static void what_is_wrong_is_told_by_line_and_column(void **state) {
  fixture *f = *state;
  static const bad cases[] = {
      {"", "line 1", "header"},
      {"account,person\n", "line 2", "no account"},
      {"person\nAsha\n", "line 1", "'account'"},
      {"account,person,colour\nA,Asha,red\n", "line 1", "'colour'"},
      {"account,person,person\nA,Asha,B\n", "line 1", "twice"},
      {"account,person\nA,Asha,x\n", "line 2", "3 fields"},
      {"account,person\nA,\"Asha\n", "line 2", "quote"},
      {"account,person\n,Asha\n", "line 2, account", "required"},
      {"account,person\nA,\n", "line 2, person", "required"},
      {"account,person\nA,a\001b\n", "line 2, person", "control"},
      {"account,person,from\nA,Asha,1.1.2026\n", "line 2, from", "2026-01-31"},
      {"account,person,from,to\nA,Asha,2026-02-01,2026-01-01\n", "line 2, to", "after"},
      {"account,person,device\nA,Asha,m9\n", "line 2, device", "device add"},
      {"account,person,device,sign\nA,Asha,m1,2\n", "line 2, sign", "-1"},
      {"account,person,sign\nA,Asha,1\n", "line 2, device", "required"},
      {"account,person,device,multiplier\nA,Asha,m1,0\n", "line 2, multiplier", "0.001"},
      {"account,person,load_kw\nA,Asha,1e3\n", "line 2, load_kw", "number"},
      {"account,person,tariff\nA,Asha,Cheap\n", "line 2, tariff", "tariff list"},
      {"account,person,email\nA,Asha,nobody\n", "line 2, email", "address"},
      {"account,person,opening_balance\nA,Asha,1.005\n", "line 2, opening_balance", "INR"},
      {"account,person,opening_balance\nA,Asha,99999999999999\n", "line 2, opening_balance", "INR"},
      {"account,person,device\nA,Asha,m1\nA,Ravi,m2\n", "line 3, person", "line 2"},
      {"account,person,device\nA,Asha,m1\nB,Ravi,m1\n", "line 3, device", "same sign"},
      {"account,person,device\nA,Asha,m1\nA,,m1\n", "line 2, device", "same sign"},
      {"account,person\n\"A\nB\",Asha\nC,\n", "line 2, account", "control"},
  };
  add_meters(f);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_problems problems;
    sm_account_file_result result;
    assert_int_equal(import(f, cases[i].text, false, &problems, &result), SM_ERR_INVALID);
    bool found = false;
    for (size_t k = 0; k < problems.count && k < SM_PROBLEMS_MAX; k++)
      found = found || (strcmp(problems.item[k].field, cases[i].field) == 0 &&
                        strstr(problems.item[k].message, cases[i].words) != NULL);
    if (!found) fail_msg("case %zu: %s: %s", i, problems.item[0].field, problems.item[0].message);
    assert_int_equal(account_count(f), 0);
  }
}

static void all_lines_are_told_and_a_later_line_counts_line_ends_in_quotes(void **state) {
  fixture *f = *state;
  sm_problems problems;
  sm_account_file_result result;
  add_meters(f);
  assert_int_equal(import(f, "account,person,device\nA,,m8\n\"B\n\",Ravi,m9\nC,Asha,m7\n", false,
                          &problems, &result),
                   SM_ERR_INVALID);
  assert_int_equal(problems.count, 4);
  assert_string_equal(problems.item[0].field, "line 2, person");
  assert_string_equal(problems.item[1].field, "line 2, device");
  assert_string_equal(problems.item[2].field, "line 3, account");
  assert_string_equal(problems.item[3].field, "line 5, device");
}

static void the_same_name_with_other_values_is_refused(void **state) {
  fixture *f = *state;
  sm_problems problems;
  sm_account_file_result result;
  add_meters(f);
  assert_int_equal(import(f, "account,person\nA,Asha\n", false, &problems, &result), SM_OK);
  assert_int_equal(import(f, "account,person\nB,Ravi\nA,Asha B\n", false, &problems, &result),
                   SM_ERR_INVALID);
  assert_string_equal(problems.item[0].field, "line 3, account");
  assert_int_equal(account_count(f), 1); /* B neither */
}

static void means(fixture *f, const char *said, sm_err wanted, const char *why_has) {
  char why[SM_ACCOUNT_WHY_MAX] = "";
  char *account_id = NULL;
  assert_int_equal(sm_account_meant(f->ledger, said, &account_id, why), wanted);
  if (why_has != NULL && strstr(why, why_has) == NULL)
    fail_msg("'%s' is not in '%s'", why_has, why);
  assert_true((account_id != NULL) == (wanted == SM_OK));
  free(account_id);
}

static void an_account_is_meant_by_its_own_name_or_a_place_of_one(void **state) {
  fixture *f = *state;
  sm_problems problems;
  sm_account_file_result result;
  add_meters(f);
  assert_int_equal(import(f,
                          "account,person,place,from,to,device\n"
                          "A,Asha,Flat 1,2026-01-01,2026-03-01,m1\n"
                          "B,Ravi,Flat 1,2026-03-01,,m1\n"
                          "C,Meena,Flat 2,2026-01-01,,m2\n",
                          false, &problems, &result),
                   SM_OK);
  means(f, "B", SM_OK, NULL);
  means(f, "Flat 2", SM_OK, NULL);
  means(f, "Flat 1", SM_ERR_CONFLICT, "A (to 2026-03-01), B (from 2026-03-01)");
  means(f, "D", SM_ERR_NOT_FOUND, "'D' is not there");
}

/* ---- payments by file ---- */

static sm_err pay(fixture *f, const char *text, bool dry_run, sm_problems *problems,
                  sm_payment_file_result *result) {
  const sm_payment_file file = {.invoicing = &f->invoicing,
                                .actor = tester,
                                .text = text,
                                .len = strlen(text),
                                .dry_run = dry_run,
                                .now_ms = ms("2026-03-01T00:00:00+05:30")};
  memset(problems, 0, sizeof *problems);
  return sm_payment_file_import(&file, problems, result);
}

static int64_t owes(fixture *f, const char *name) {
  char why[SM_ACCOUNT_WHY_MAX];
  char *id = NULL;
  int64_t minor = 0;
  assert_int_equal(sm_account_meant(f->ledger, name, &id, why), SM_OK);
  assert_int_equal(sm_ledger_balance(f->ledger, id, INT64_MAX, &minor), SM_OK);
  free(id);
  return minor;
}

static void payments_come_by_file_once(void **state) {
  fixture *f = *state;
  static const char first[] = "reference,account,amount,received,method\n"
                              "UTR 1,A-101,100.25,2026-02-10,upi\n"
                              "UTR 2,A-102,5,2026-02-10T18:00:00+05:30,\n";
  static const char grown[] = "account,amount,received,reference,method\n"
                              "A-101,100.25,2026-02-10,UTR 1,upi\n"
                              "A-102,5,2026-02-10T18:00:00+05:30,UTR 2,\n"
                              "\"Flat 101, A\",50,2026-02-11,UTR 3,\n";
  sm_problems problems;
  sm_account_file_result accounts;
  sm_payment_file_result r;
  add_meters(f);
  assert_int_equal(import(f, good, false, &problems, &accounts), SM_OK); /* 150.25, -20 */
  assert_int_equal(pay(f, first, true, &problems, &r), SM_OK);
  assert_int_equal(r.added, 2);
  assert_int_equal(owes(f, "A-101"), 15025); /* it was a dry run */
  assert_int_equal(pay(f, first, false, &problems, &r), SM_OK);
  assert_int_equal(r.added_minor, 10525);
  assert_int_equal(owes(f, "A-101"), 5000);
  assert_int_equal(owes(f, "A-102"), -2500);
  assert_int_equal(pay(f, grown, false, &problems, &r), SM_OK); /* columns may move */
  assert_int_equal(r.payments, 3);
  assert_int_equal(r.added, 1);
  assert_int_equal(r.known, 2);
  assert_int_equal(owes(f, "A-101"), 0);
}

static void says(const sm_problems *problems, size_t i, const char *field, const char *has) {
  assert_true(i < problems->count);
  assert_string_equal(problems->item[i].field, field);
  if (strstr(problems->item[i].message, has) == NULL)
    fail_msg("'%s' is not in '%s'", has, problems->item[i].message);
}

static void a_file_of_payments_goes_in_whole_or_not(void **state) {
  fixture *f = *state;
  sm_problems problems;
  sm_account_file_result accounts;
  sm_payment_file_result r;
  add_meters(f);
  assert_int_equal(import(f, good, false, &problems, &accounts), SM_OK);
  assert_int_equal(pay(f,
                       "account,amount,received,reference,invoice\n"
                       "A-101,10,2026-02-10,UTR 1,\n"
                       "A-109,-1,tomorrow,,\n"
                       "A-102,1,2026-04-01,UTR 4,\n",
                       false, &problems, &r),
                   SM_ERR_INVALID);
  assert_int_equal(problems.count, 5);
  says(&problems, 0, "line 3, account", "'A-109' is not there");
  says(&problems, 1, "line 3, received", "'tomorrow'");
  says(&problems, 2, "line 3, amount", "above 0");
  says(&problems, 3, "line 3, reference", "is required");
  says(&problems, 4, "line 4, received", "yet to come");
  assert_int_equal(owes(f, "A-101"), 15025);
  assert_int_equal(pay(f,
                       "account,amount,received,reference,invoice\n"
                       "A-101,10,2026-02-10,UTR 1,\n"
                       "A-102,1,2026-02-10,UTR 2,SM2627-000009\n",
                       false, &problems, &r),
                   SM_ERR_INVALID);
  says(&problems, 0, "line 3, invoice", "none of this account's");
  assert_int_equal(owes(f, "A-101"), 15025); /* the first line was taken back too */
  assert_int_equal(pay(f,
                       "account,amount,received,reference\n"
                       "A-101,10,2026-02-10,UTR 1\nA-101,11,2026-02-10,UTR 1\n",
                       false, &problems, &r),
                   SM_ERR_INVALID);
  says(&problems, 0, "line 3, reference", "something else");
  assert_int_equal(pay(f, "account,amount\nA-101,1\n", false, &problems, &r), SM_ERR_INVALID);
  says(&problems, 0, "line 1", "lacks the column 'received'");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_file_becomes_accounts_once),
      TEST(columns_may_move_and_new_lines_come),
      TEST(what_is_wrong_is_told_by_line_and_column),
      TEST(all_lines_are_told_and_a_later_line_counts_line_ends_in_quotes),
      TEST(the_same_name_with_other_values_is_refused),
      TEST(an_account_is_meant_by_its_own_name_or_a_place_of_one),
      TEST(payments_come_by_file_once),
      TEST(a_file_of_payments_goes_in_whole_or_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
