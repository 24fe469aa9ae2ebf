/* Late data, corrections, what is issued again, and tariffs billed again, on the real stores. */
#include "invoicing/closing.h"
#include "invoicing/correct.h"
#include "invoicing/daily.h"
#include "invoicing/edits.h"
#include "invoicing/invoicing_test_kit.h"
#include "model/tariff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY(date) date "T00:00:00+05:30"

/* 80 kWh until the 20th of January, when the meter fell silent: 389.40, issued as estimated. */
static char *silent_meter(fixture *f) {
  free(add_user(f, 9)); /* somebody else, so that numbers are not all 1 */
  char *owner = add_user(f, 1);
  add_device(f, "m", owner);
  free(owner);
  feed(f, "m", DAY("2025-12-31"), DAY("2026-01-01"), 600, 0, 1000);
  feed(f, "m", "2026-01-01T00:10:00+05:30", DAY("2026-01-20"), 600, 1000, 80000);
  sm_account account;
  assert_int_equal(
      sm_ledger_account_of_device(f->ledger, "m", NULL, INT64_MIN, INT64_MAX, &account), SM_OK);
  char *id = strdup(account.account_id);
  sm_account_fini(&account);
  return id;
}

static void issue_month(fixture *f, int month, const char *now) {
  sm_issue_summary summary;
  const sm_issue_request request = {
      .actor = tester, .year = 2026, .month = month, .now_ms = ms(now)};
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, NULL, NULL, &summary), SM_OK);
  assert_int_equal(summary.failed, 0);
}

static sm_recheck_summary recheck(fixture *f, const char *now) {
  sm_recheck_summary summary;
  char from[16], to[16];
  assert_true(sm_recheck_months(&f->invoicing, ms(now), from, to));
  const sm_recheck_request request = {
      .actor = tester, .from_month = from, .to_month = to, .now_ms = ms(now)};
  assert_int_equal(sm_invoicing_recheck(&f->invoicing, &request, &summary), SM_OK);
  assert_int_equal(summary.failed, 0);
  return summary;
}

static void expect_total(fixture *f, const char *account, const char *month, int64_t total,
                         const char *text) {
  sm_invoice invoice = {0};
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, month, &invoice), SM_OK);
  assert_int_equal(invoice.total_minor, total);
  if (text != NULL && strstr(invoice.body, text) == NULL)
    fail_msg("no %s in %s", text, invoice.body);
  sm_invoice_fini(&invoice);
}

static sm_exception last_exception(fixture *f) {
  const sm_exception_query query = {.limit = 100};
  sm_exception *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_exceptions(f->ledger, &query, &list, &count), SM_OK);
  assert_true(count > 0);
  sm_exception last = list[count - 1];
  list[count - 1] = (sm_exception){0};
  sm_exceptions_free(list, count);
  return last;
}

static void expect_last(fixture *f, const char *state, int64_t net, int64_t tax) {
  sm_exception e = last_exception(f);
  assert_string_equal(e.state, state);
  assert_int_equal(e.net_minor, net);
  assert_int_equal(e.tax_minor, tax);
  sm_exception_fini(&e);
}

static int64_t balance(fixture *f, const char *account) {
  int64_t minor = 0;
  assert_int_equal(sm_ledger_balance(f->ledger, account, INT64_MAX, &minor), SM_OK);
  return minor;
}

static void nothing_is_wrong(fixture *f);

static void on_finding(void *context, const sm_ledger_finding *finding) {
  (void)context;
  fail_msg("%s %s: %s", finding->kind, finding->subject, finding->detail);
}

static void nothing_is_wrong(fixture *f) {
  sm_ledger_check_result result;
  assert_int_equal(sm_ledger_check(f->ledger, on_finding, NULL, NULL, &result), SM_OK);
  assert_int_equal(result.findings, 0);
}

/* ---- late data ---- */

/* Ten more kWh of January come in February: 35.00 and 18 % of it on February's invoice, once. */
static void late_use_is_priced_in_its_month_and_stands_on_the_next_invoice(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  expect_total(f, account, "2026-01", 38940, "\"estimated\":true");
  assert_int_equal(recheck(f, "2026-02-05T02:00:00+05:30").found, 0);
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-01"), 600, 81000, 10000);
  feed(f, "m", "2026-02-01T00:10:00+05:30", DAY("2026-03-02"), 600, 91000, 50000);
  sm_recheck_summary summary = recheck(f, "2026-02-06T02:00:00+05:30");
  assert_int_equal(summary.checked, 1);
  assert_int_equal(summary.true_up, 1);
  expect_last(f, "true_up", 3500, 630);
  assert_int_equal(recheck(f, "2026-02-07T02:00:00+05:30").found, 0);
  /* A year of nights later it is still the same one. */
  sm_exception e = last_exception(f);
  assert_int_equal(e.exception_no, 1);
  assert_int_equal(e.old_total_minor, 38940);
  assert_int_equal(e.new_total_minor, 43070);
  sm_exception_fini(&e);
  sm_bill *bill = NULL;
  const sm_invoicing_query query = {
      .device_id = "m", .year = 2026, .month = 2, .now_ms = ms("2026-03-03T08:00:00+05:30")};
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  const int64_t february = bill->total_minor;
  sm_bill_free(bill);
  issue_month(f, 2, "2026-03-03T08:00:00+05:30");
  expect_total(f, account, "2026-02", february + 4130, "\"name\":\"Correction of 2026-01\"");
  expect_total(f, account, "2026-02", february + 4130, "\"name\":\"GST, correction of 2026-01\"");
  assert_int_equal(balance(f, account), 38940 + february + 4130);
  assert_int_equal(recheck(f, "2026-03-04T02:00:00+05:30").found, 0);
  nothing_is_wrong(f);
  free(account);
}

/* February begins in a gap, and so both months move when the gap is filled, after the first
 * correction stands on February's invoice. */
static void what_comes_twice_is_corrected_by_what_is_new(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-01-25"), 600, 81000, 5000);
  assert_int_equal(recheck(f, "2026-02-05T02:00:00+05:30").true_up, 1);
  expect_last(f, "true_up", 1750, 315);
  feed(f, "m", "2026-02-01T12:00:00+05:30", DAY("2026-03-01"), 600, 93500, 49500);
  assert_int_equal(recheck(f, "2026-02-06T02:00:00+05:30").true_up, 1);
  expect_last(f, "true_up", 4200, 756); /* 92 kWh: takes the place of the first, which waited */
  feed(f, "m", "2026-03-01T00:10:00+05:30", DAY("2026-04-01"), 600, 143000, 50000);
  issue_month(f, 2, "2026-03-03T08:00:00+05:30");
  expect_total(f, account, "2026-02", 31506, NULL); /* 175 + 50 + 42, and 40.50 + 7.56 */
  feed(f, "m", DAY("2026-02-01"), DAY("2026-02-01"), 600, 91000, 0);
  assert_int_equal(recheck(f, "2026-03-04T02:00:00+05:30").true_up, 2);
  expect_last(f, "true_up", 700, 126); /* February's: 52 kWh */
  sm_exception e = {0};
  assert_int_equal(sm_ledger_exception(f->ledger, 3, &e), SM_OK);
  assert_string_equal(e.month, "2026-01");
  assert_int_equal(e.net_minor, -700);
  assert_int_equal(e.tax_minor, -126);
  sm_exception_fini(&e);
  issue_month(f, 3, "2026-04-03T08:00:00+05:30");
  expect_total(f, account, "2026-03", 26550, "\"amount\":\"-7.00\""); /* 50 kWh: 225 + 40.50 */
  assert_int_equal(recheck(f, "2026-04-04T02:00:00+05:30").found, 0);
  nothing_is_wrong(f);
  free(account);
}

/* Above the limit an admin decides. */
static void a_large_difference_waits_for_a_word(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-01"), 600, 81000, 270000);
  feed(f, "m", "2026-02-01T00:10:00+05:30", DAY("2026-03-02"), 600, 351000, 50000);
  sm_recheck_summary summary = recheck(f, "2026-02-06T02:00:00+05:30");
  assert_int_equal(summary.found, 1);
  assert_int_equal(summary.true_up, 0);
  expect_last(f, "open", 160000 - 33000, 28800 - 5940); /* 350 kWh: 1888.00 */
  issue_month(f, 2, "2026-03-03T08:00:00+05:30");
  sm_exception e = last_exception(f);
  assert_null(e.settled_by);
  const char *why = NULL;
  sm_invoice invoice = {0};
  sm_invoice note = {0};
  assert_int_equal(sm_invoicing_reissue(&f->invoicing, tester, e.invoice, e.exception_no, "",
                                        ms("2026-03-05T08:00:00+05:30"), &why, &invoice, &note),
                   SM_ERR_INVALID);
  assert_int_equal(sm_invoicing_reissue(&f->invoicing, tester, e.invoice, e.exception_no,
                                        "the meter was offline", ms("2026-03-05T08:00:00+05:30"),
                                        &why, &invoice, &note),
                   SM_OK);
  assert_string_equal(note.number, "CN2526-000001");
  /* What is owed before it: behind the last invoice, and the one that it stands for taken back. */
  assert_non_null(strstr(invoice.snapshot, "\"balance_before\":\"258.37\",\"balance\":{\"invoice\":"
                                           "\"SM2526-000002\",\"previous\":\"647.77\","
                                           "\"entries\":[{\"kind\":\"credit\",\"at\":"));
  assert_non_null(strstr(invoice.snapshot, "\"amount\":\"-389.40\",\"detail\":"
                                           "\"SM2526-000001\"}]}"));
  assert_non_null(strstr(note.body, "{\"credits\":\"SM2526-000001\",\"reason\":"));
  assert_int_equal(invoice.total_minor, 188800);
  assert_non_null(strstr(invoice.body, "\"difference\":{\"previous\":\"SM2526-000001\","
                                       "\"previous_total\":\"389.40\",\"total\":\"1888.00\","
                                       "\"difference\":\"1498.60\",\"reason\":"));
  sm_invoice_fini(&invoice);
  sm_invoice_fini(&note);
  assert_int_equal(sm_invoicing_reissue(&f->invoicing, tester, e.invoice, e.exception_no, "again",
                                        ms("2026-03-05T08:00:00+05:30"), &why, &invoice, &note),
                   SM_ERR_EXISTS);
  sm_exception_fini(&e);
  expect_last(f, "reissue", 127000, 22860);
  assert_int_equal(recheck(f, "2026-03-06T02:00:00+05:30").found, 0);
  nothing_is_wrong(f);
  free(account);
}

static void a_dismissed_difference_stays_away_until_it_is_another(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-01-25"), 600, 81000, 5000);
  assert_int_equal(recheck(f, "2026-02-05T02:00:00+05:30").found, 1);
  assert_int_equal(sm_ledger_exception_decide(f->ledger, tester, 1, "dismissed", "a gift"), SM_OK);
  assert_int_equal(recheck(f, "2026-02-06T02:00:00+05:30").found, 0);
  /* Other readings, the same amounts. */
  feed(f, "m", "2026-01-25T00:10:00+05:30", DAY("2026-01-26"), 600, 86000, 0);
  assert_int_equal(recheck(f, "2026-02-07T02:00:00+05:30").found, 0);
  feed(f, "m", "2026-01-26T00:10:00+05:30", DAY("2026-01-27"), 600, 86000, 1000);
  sm_recheck_summary summary = recheck(f, "2026-02-08T02:00:00+05:30");
  assert_int_equal(summary.found, 1);
  assert_int_equal(summary.true_up, 0); /* who has decided once decides again */
  expect_last(f, "open", 2100, 378);
  nothing_is_wrong(f);
  free(account);
}

/* Without a next invoice there is nothing to put it on. */
static void a_tenancy_that_ended_is_decided_by_a_word(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  sm_account ended = {0};
  assert_int_equal(sm_ledger_account(f->ledger, account, &ended), SM_OK);
  ended.has_to = true;
  ended.to = (sm_date){2026, 2, 1};
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &ended), SM_OK);
  sm_account_fini(&ended);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-01"), 600, 81000, 10000);
  sm_recheck_summary summary = recheck(f, "2026-02-06T02:00:00+05:30");
  assert_int_equal(summary.found, 1);
  assert_int_equal(summary.true_up, 0);
  expect_last(f, "open", 3500, 630);
  free(account);
}

static uint64_t close_all(fixture *f, const char *now) {
  uint64_t closed = 0;
  assert_int_equal(sm_invoicing_close(&f->invoicing, tester, ms(now), NULL, NULL, &closed), SM_OK);
  return closed;
}

static void end_tenancy(fixture *f, const char *account, sm_date to) {
  sm_account ended = {0};
  assert_int_equal(sm_ledger_account(f->ledger, account, &ended), SM_OK);
  ended.has_to = true;
  ended.to = to;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &ended), SM_OK);
  sm_account_fini(&ended);
}

/* A correction that was to go on the next invoice goes on the last one, issued again. */
static void what_waits_after_the_end_goes_on_the_last_invoice(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  end_tenancy(f, account, (sm_date){2026, 2, 16});
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  issue_month(f, 2, "2026-03-04T08:00:00+05:30");
  int64_t before = balance(f, account);
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-16"), 600, 81000, 10000);
  (void)recheck(f, "2026-03-06T02:00:00+05:30");
  assert_int_equal(close_all(f, "2026-03-06T02:00:00+05:30"), 0); /* nobody has decided it */
  const sm_exception_query all = {.state = "open", .limit = 10};
  sm_exception *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_exceptions(f->ledger, &all, &list, &count), SM_OK);
  assert_int_equal(count, 2); /* of January and of February */
  int64_t owed = 0;
  for (size_t i = 0; i < count; i++) {
    owed += list[i].net_minor + list[i].tax_minor;
    assert_int_equal(
        sm_ledger_exception_decide(f->ledger, tester, list[i].exception_no, "true_up", "agreed"),
        SM_OK);
  }
  sm_exceptions_free(list, count);
  assert_int_equal(close_all(f, "2026-03-06T02:00:00+05:30"), 1);
  assert_int_equal(balance(f, account), before + owed);
  sm_invoice last = {0};
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-02", &last), SM_OK);
  assert_int_equal(last.revision, 2);
  assert_non_null(strstr(last.body, "Correction of 2026-01"));
  sm_invoice_fini(&last);
  assert_int_equal(close_all(f, "2026-03-07T02:00:00+05:30"), 0);
  nothing_is_wrong(f);
  free(account);
}

/* What was billed twice comes back although there is no next invoice. */
static void what_was_billed_twice_comes_back_after_the_end(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  sm_invoice note = {0};
  sm_invoice january = {0};
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-16"), 600, 81000, 10000);
  (void)recheck(f, "2026-02-06T02:00:00+05:30"); /* small: it goes on February's */
  end_tenancy(f, account, (sm_date){2026, 2, 16});
  issue_month(f, 2, "2026-03-04T08:00:00+05:30");
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-01", &january), SM_OK);
  assert_int_equal(sm_invoicing_credit(&f->invoicing, tester, january.number, "not theirs",
                                       ms("2026-03-05T08:00:00+05:30"), &note),
                   SM_OK);
  sm_exception counter = last_exception(f);
  assert_string_equal(counter.cause, "credit");
  int64_t before = balance(f, account);
  assert_true(counter.net_minor < 0);
  assert_int_equal(close_all(f, "2026-03-06T02:00:00+05:30"), 1);
  assert_int_equal(balance(f, account), before + counter.net_minor + counter.tax_minor);
  assert_int_equal(close_all(f, "2026-03-06T02:00:00+05:30"), 0);
  nothing_is_wrong(f);
  sm_exception_fini(&counter);
  sm_invoice_fini(&january);
  sm_invoice_fini(&note);
  free(account);
}

/* The month that is corrected was not the last one; but the last one is issued too. */
static void behind_the_last_invoice_it_is_decided_by_a_word(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  sm_account ended = {0};
  assert_int_equal(sm_ledger_account(f->ledger, account, &ended), SM_OK);
  ended.has_to = true;
  ended.to = (sm_date){2026, 2, 16};
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &ended), SM_OK);
  sm_account_fini(&ended);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  issue_month(f, 2, "2026-03-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-01"), 600, 81000, 10000);
  sm_recheck_summary summary = recheck(f, "2026-03-06T02:00:00+05:30");
  assert_int_equal(summary.found, 1);
  assert_int_equal(summary.true_up, 0);
  expect_last(f, "open", 3500, 630);
  free(account);
}

/* ---- credit notes ---- */

static sm_err issue_one(fixture *f, const char *account, const char *reason, const char *now,
                        const char **why, sm_invoice *invoice) {
  const sm_one_month request = {.actor = tester,
                                .account_id = account,
                                .year = 2026,
                                .month = 1,
                                .reason = reason,
                                .now_ms = ms(now)};
  return sm_invoicing_issue_one(&f->invoicing, &request, why, invoice);
}

static void a_month_is_taken_back_corrected_and_issued_again(void **state) {
  fixture *f = *state;
  static const char now[] = "2026-02-10T08:00:00+05:30";
  char *account = silent_meter(f);
  sm_invoice invoice = {0};
  const char *why = NULL;
  int64_t edit_no = 0;
  sm_problems problems = {0};
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  sm_edit_request edit = {.ledger = f->ledger,
                          .readings = f->readings,
                          .actor = tester,
                          .device_id = "m",
                          .ts_ms = ms("2026-01-31T23:59:00+05:30"),
                          .kind = SM_EDIT_MANUAL,
                          .has_wh = true,
                          .wh = 101000,
                          .reason = "read at the meter",
                          .now_ms = ms(now)};
  assert_int_equal(sm_edit_add(&edit, &problems, &edit_no), SM_ERR_CONFLICT);
  assert_int_equal(issue_one(f, account, "x", now, &why, &invoice), SM_ERR_EXISTS);
  assert_int_equal(
      sm_invoicing_credit(&f->invoicing, tester, "SM2526-000001", "read wrong", ms(now), &invoice),
      SM_OK);
  assert_string_equal(invoice.number, "CN2526-000001");
  sm_invoice_fini(&invoice);
  assert_int_equal(balance(f, account), 0);
  issue_month(f, 1, now); /* the monthly run keeps away from it */
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-01", &invoice), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_edit_add(&edit, &problems, &edit_no), SM_OK);
  assert_int_equal(issue_one(f, account, NULL, now, &why, &invoice), SM_ERR_INVALID);
  assert_int_equal(issue_one(f, account, "read at the meter", now, &why, &invoice), SM_OK);
  assert_int_equal(invoice.revision, 2);
  assert_int_equal(invoice.total_minor, 47200); /* 100 kWh */
  assert_non_null(strstr(invoice.body, "\"difference\":\"82.60\""));
  sm_invoice_fini(&invoice);
  assert_int_equal(balance(f, account), 47200);
  nothing_is_wrong(f);
  free(account);
}

static void a_month_that_is_not_ready_says_why(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  sm_invoice invoice = {0};
  const char *why = NULL;
  assert_int_equal(issue_one(f, account, NULL, "2026-01-31T08:00:00+05:30", &why, &invoice),
                   SM_ERR_RANGE);
  assert_int_equal(issue_one(f, account, NULL, "2026-02-02T08:00:00+05:30", &why, &invoice),
                   SM_ERR_DENIED);
  assert_string_equal(why, "not_settled");
  assert_int_equal(issue_one(f, "a_none", NULL, "2026-02-04T08:00:00+05:30", &why, &invoice),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(issue_one(f, account, NULL, "2026-02-04T08:00:00+05:30", &why, &invoice), SM_OK);
  assert_int_equal(invoice.revision, 1);
  assert_null(strstr(invoice.body, "difference"));
  sm_invoice_fini(&invoice);
  free(account);
}

/* January's correction stands on February's invoice; then January is taken back as a whole and
 * issued again: the correction is turned round, and nothing is paid twice. */
static void a_corrected_month_that_is_taken_back_is_not_paid_twice(void **state) {
  fixture *f = *state;
  char *account = silent_meter(f);
  sm_invoice invoice = {0};
  const char *why = NULL;
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  feed(f, "m", "2026-01-20T00:10:00+05:30", DAY("2026-02-01"), 600, 81000, 10000);
  feed(f, "m", "2026-02-01T00:10:00+05:30", DAY("2026-03-01"), 600, 91000, 50000);
  feed(f, "m", "2026-03-01T00:10:00+05:30", DAY("2026-04-01"), 600, 141000, 50000);
  assert_int_equal(recheck(f, "2026-02-06T02:00:00+05:30").true_up, 1);
  issue_month(f, 2, "2026-03-03T08:00:00+05:30");
  assert_int_equal(balance(f, account), 38940 + 26550 + 4130);
  assert_int_equal(sm_invoicing_credit(&f->invoicing, tester, "SM2526-000001", "all anew",
                                       ms("2026-03-05T08:00:00+05:30"), &invoice),
                   SM_OK);
  sm_invoice_fini(&invoice);
  /* The opposite goes on what is issued next, which is January again. */
  assert_int_equal(issue_one(f, account, "all anew", "2026-03-05T08:00:00+05:30", &why, &invoice),
                   SM_OK);
  assert_int_equal(invoice.total_minor, 43070 - 4130);
  sm_invoice_fini(&invoice);
  assert_int_equal(balance(f, account), 43070 + 26550);
  assert_int_equal(recheck(f, "2026-03-06T02:00:00+05:30").found, 0);
  issue_month(f, 3, "2026-04-03T08:00:00+05:30");
  assert_int_equal(balance(f, account), 43070 + 26550 + 26550);
  nothing_is_wrong(f);
  free(account);
}

/* ---- tariffs ---- */

static sm_tariff *read_tariff(const char *text) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  assert_int_equal(sm_tariff_read_json(text, strlen(text), &tariff, NULL, &problems), SM_OK);
  return tariff;
}

static bool count_effect(void *context, const sm_rebill_effect *effect) {
  (*(int *)context)++;
  assert_string_equal(effect->month, "2026-01");
  assert_int_equal(effect->old_total_minor, 188800);
  assert_int_equal(effect->new_total_minor, 200600); /* 100 × 4.50 in place of 3.50, and 18 % */
  return true;
}

static bool never(void *context) {
  (void)context;
  return false;
}

/* So many times yes, then no. */
static bool for_a_while(void *context) {
  int *left = context;
  return (*left)-- > 0;
}

static void a_tariff_billed_again_is_agreed_to_and_then_decided(void **state) {
  fixture *f = *state;
  static const char now[] = "2026-02-10T08:00:00+05:30";
  static const char text[] =
      "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-01\",\"slabs\":["
      "{\"up_to_kwh\":100,\"rate\":\"4.50\"},{\"up_to_kwh\":300,\"rate\":\"4.50\"},"
      "{\"up_to_kwh\":null,\"rate\":\"6.00\"}],\"fixed_charge\":\"50.00\","
      "\"taxes\":[{\"name\":\"GST\",\"percent\":\"18\"}]}";
  free(add_example(f, "m", 1));
  sm_tariff *tariff = read_tariff(text);
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  sm_rebill_summary effects;
  int count = 0;
  assert_int_equal(
      sm_rebill_effects(&f->invoicing, tariff, ms(now), count_effect, &count, &effects), SM_OK);
  assert_int_equal(count, 1);
  assert_int_equal(effects.count, 1);
  sm_tariff_row *rows = NULL;
  size_t versions = 0;
  assert_int_equal(sm_ledger_tariffs(f->ledger, tariff->name, "", 0, 10, &rows, &versions), SM_OK);
  sm_tariff_rows_free(rows, versions);
  assert_int_equal(versions, 1); /* nothing was changed by looking */
  int32_t version = 0;
  assert_int_equal(
      sm_rebill_apply(&f->invoicing, tester, tariff, "something", ms(now), NULL, NULL, &version),
      SM_ERR_CONFLICT);
  assert_int_equal(sm_rebill_apply(&f->invoicing, tester, tariff, effects.confirm, ms(now), never,
                                   NULL, &version),
                   SM_ERR_CLOSED); /* before it was added */
  assert_int_equal(version, 0);
  int left = 1; /* the one effect is looked at */
  assert_int_equal(sm_rebill_apply(&f->invoicing, tester, tariff, effects.confirm, ms(now),
                                   for_a_while, &left, &version),
                   SM_OK);
  assert_int_equal(version, 2);
  uint64_t opened = 0; /* it was ended behind the adding: what is left is opened later, once */
  assert_int_equal(sm_rebill_process(&f->invoicing, tester, ms(now), NULL, NULL, &opened), SM_OK);
  assert_int_equal(opened, 1);
  assert_int_equal(sm_rebill_process(&f->invoicing, tester, ms(now), NULL, NULL, &opened), SM_OK);
  assert_int_equal(opened, 0);
  sm_exception e = last_exception(f);
  assert_string_equal(e.cause, "tariff");
  assert_string_equal(e.state, "open");
  assert_int_equal(e.net_minor, 10000);
  assert_int_equal(e.tax_minor, 1800);
  assert_int_equal(recheck(f, "2026-02-11T02:00:00+05:30").found, 0);
  assert_int_equal(
      sm_ledger_exception_decide(f->ledger, tester, e.exception_no, "true_up", "agreed"), SM_OK);
  sm_exception_fini(&e);
  assert_int_equal(recheck(f, "2026-02-12T02:00:00+05:30").found, 0);
  issue_month(f, 2, "2026-03-05T08:00:00+05:30");
  e = last_exception(f);
  assert_non_null(e.settled_by);
  sm_exception_fini(&e);
  assert_int_equal(recheck(f, "2026-03-12T02:00:00+05:30").found, 0);
  nothing_is_wrong(f);
  sm_tariff_free(tariff);
}

/* The program died behind the adding of the version: the daily job finds what is left. */
static void what_is_left_of_a_rebill_is_done_by_the_next_day(void **state) {
  fixture *f = *state;
  static const char text[] =
      "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-16\",\"slabs\":["
      "{\"up_to_kwh\":null,\"rate\":\"10.00\"}],\"fixed_charge\":\"50.00\",\"taxes\":[]}";
  free(add_example(f, "m", 1));
  issue_month(f, 1, "2026-02-04T08:00:00+05:30");
  sm_tariff *tariff = read_tariff(text);
  int32_t version = 0;
  assert_int_equal(sm_ledger_tariff_add(f->ledger, tester, tariff->name, tariff->effective_from,
                                        text, true, &version),
                   SM_OK);
  sm_tariff_free(tariff);
  sm_daily_summary daily;
  sm_daily_request request = {
      .actor = tester, .now_ms = ms("2026-02-10T02:00:00+05:30"), .known_ms = INT64_MAX};
  assert_int_equal(sm_invoicing_daily(&f->invoicing, &request, &daily), SM_OK);
  assert_int_equal(daily.rebilled, 1);
  assert_int_equal(daily.recheck.found, 0);
  request.now_ms = ms("2026-02-11T02:00:00+05:30");
  assert_int_equal(sm_invoicing_daily(&f->invoicing, &request, &daily), SM_OK);
  assert_int_equal(daily.rebilled, 0);
  nothing_is_wrong(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(late_use_is_priced_in_its_month_and_stands_on_the_next_invoice),
      TEST(what_comes_twice_is_corrected_by_what_is_new),
      TEST(a_large_difference_waits_for_a_word),
      TEST(a_dismissed_difference_stays_away_until_it_is_another),
      TEST(a_tenancy_that_ended_is_decided_by_a_word),
      TEST(what_waits_after_the_end_goes_on_the_last_invoice),
      TEST(what_was_billed_twice_comes_back_after_the_end),
      TEST(behind_the_last_invoice_it_is_decided_by_a_word),
      TEST(a_month_is_taken_back_corrected_and_issued_again),
      TEST(a_month_that_is_not_ready_says_why),
      TEST(a_corrected_month_that_is_taken_back_is_not_paid_twice),
      TEST(a_tariff_billed_again_is_agreed_to_and_then_decided),
      TEST(what_is_left_of_a_rebill_is_done_by_the_next_day),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
