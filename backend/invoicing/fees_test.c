/* Late fees and disputes. */
#include "invoicing/disputes.h"
#include "invoicing/fees.h"
#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- days and amounts ---- */

static sm_date date(const char *text) {
  sm_date out;
  assert_int_equal(sm_date_parse(text, &out), SM_OK);
  return out;
}

static void expect_day(sm_date got, const char *wanted) {
  char text[SM_DATE_MAX];
  assert_string_equal(sm_date_format(got, text), wanted);
}

static void a_month_overdue_begins_on_the_same_day_of_each_month(void **state) {
  (void)state;
  expect_day(sm_fee_day(date("2026-02-18"), 0, 0, 1), "2026-02-18");
  expect_day(sm_fee_day(date("2026-02-18"), 5, 0, 1), "2026-02-23");
  expect_day(sm_fee_day(date("2026-02-18"), 5, 3, 2), "2026-03-26");
  expect_day(sm_fee_day(date("2026-01-31"), 0, 0, 2), "2026-02-28");
  expect_day(sm_fee_day(date("2026-01-31"), 0, 0, 3), "2026-03-31");
  expect_day(sm_fee_day(date("2027-11-30"), 0, 0, 4), "2028-02-29");
}

static void a_fee_is_rounded_once(void **state) {
  (void)state;
  int64_t fee = 0;
  assert_int_equal(sm_fee_amount(38940, 1500000, 0, &fee), SM_OK);
  assert_int_equal(fee, 584); /* 1.5 % of 389.40 is 5.841 */
  assert_int_equal(sm_fee_amount(100, 500000, 0, &fee), SM_OK);
  assert_int_equal(fee, 1); /* half a paisa, away from zero */
  assert_int_equal(sm_fee_amount(38940, 0, 2500, &fee), SM_OK);
  assert_int_equal(fee, 2500);
  assert_int_equal(sm_fee_amount(INT64_MAX, INT64_C(200000000), 0, &fee), SM_ERR_OVERFLOW);
}

static void each_day_of_a_dispute_is_frozen_once(void **state) {
  const fixture *f = *state;
  const sm_date due = date("2026-02-18");
  const sm_date until = date("2026-03-10");
  sm_dispute list[] = {{.opened_ms = ms("2026-02-10T10:00:00+05:30"),
                        .resolved = true,
                        .resolved_ms = ms("2026-02-19T23:59:59+05:30")}, /* 18, 19 */
                       {.opened_ms = ms("2026-02-19T23:59:59.500+05:30"),
                        .resolved = true,
                        .resolved_ms = ms("2026-02-20T00:00:00+05:30")}, /* 20 */
                       {.opened_ms = ms("2026-03-09T10:00:00+05:30")}};  /* 9, and open */
  assert_int_equal(sm_fee_frozen_days(f->zone, due, until, list, 0), 0);
  assert_int_equal(sm_fee_frozen_days(f->zone, due, until, list, 1), 2);
  assert_int_equal(sm_fee_frozen_days(f->zone, due, until, list, 2), 3);
  assert_int_equal(sm_fee_frozen_days(f->zone, due, until, list, 3), 4);
}

/* ---- posting ---- */

/* January: 1888.00, issued on the second of February, due on the 17th. */
static char *issue_example(fixture *f) {
  sm_issue_summary summary;
  const sm_issue_request request = {
      .actor = tester, .year = 2026, .month = 1, .now_ms = ms("2026-02-02T08:00:00+05:30")};
  free(add_example(f, "m", 1));
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, NULL, NULL, &summary), SM_OK);
  assert_int_equal(summary.issued, 1);
  sm_invoice invoice = {0};
  assert_int_equal(sm_ledger_invoice(f->ledger, "SM2526-000001", &invoice), SM_OK);
  assert_true(invoice.due_ms == ms("2026-02-17T00:00:00+05:30"));
  char *account = strdup(invoice.account_id);
  sm_invoice_fini(&invoice);
  return account;
}

static uint64_t fees_on(fixture *f, const char *now) {
  uint64_t posted = 99;
  assert_int_equal(sm_invoicing_late_fees(&f->invoicing, tester, ms(now), &posted), SM_OK);
  return posted;
}

static int64_t balance(fixture *f, const char *account) {
  int64_t minor = 0;
  assert_int_equal(sm_ledger_balance(f->ledger, account, INT64_MAX, &minor), SM_OK);
  return minor;
}

static void pay(fixture *f, const char *account, int64_t minor, const char *at) {
  bool added;
  int64_t no;
  const sm_entry_new entry = {.account_id = account,
                              .kind = "payment",
                              .amount_minor = -minor,
                              .currency = "INR",
                              .at_ms = ms(at),
                              .reference = at};
  assert_int_equal(sm_ledger_entry_add(f->ledger, tester, &entry, &added, &no), SM_OK);
}

static void without_a_setting_nothing_is_posted(void **state) {
  fixture *f = *state;
  char *account = issue_example(f);
  assert_int_equal(fees_on(f, "2026-08-01T02:00:00+05:30"), 0);
  assert_int_equal(balance(f, account), 188800);
  free(account);
}

static void a_fee_comes_each_month_of_what_is_owed_then(void **state) {
  fixture *f = *state;
  char *account = issue_example(f);
  f->settings.late_fee_percent_micro = 2000000;
  f->settings.late_fee_flat_minor = 1000;
  f->settings.late_fee_grace_days = 3;
  assert_int_equal(fees_on(f, "2026-02-19T23:59:59+05:30"), 0);
  assert_int_equal(fees_on(f, "2026-02-20T00:00:00+05:30"), 1); /* 37.76 + 10.00 */
  assert_int_equal(balance(f, account), 188800 + 4776);
  assert_int_equal(fees_on(f, "2026-02-20T00:00:00+05:30"), 0);
  assert_int_equal(fees_on(f, "2026-03-19T23:00:00+05:30"), 0);
  pay(f, account, 100000, "2026-03-05T10:00:00+05:30");
  /* The job was down for two months: each fee is of what was owed on its day. */
  pay(f, account, 50000, "2026-04-01T10:00:00+05:30");
  assert_int_equal(fees_on(f, "2026-04-21T02:00:00+05:30"), 2);
  /* 888.00: 17.76 + 10; 388.00: 7.76 + 10 */
  assert_int_equal(balance(f, account), 188800 + 4776 - 150000 + 2776 + 1776);
  pay(f, account, 38800, "2026-05-19T10:00:00+05:30");
  assert_int_equal(fees_on(f, "2026-12-21T02:00:00+05:30"), 0); /* fees themselves cost nothing */
  free(account);
}

static void what_was_overdue_before_the_switch_is_free(void **state) {
  fixture *f = *state;
  char *account = issue_example(f);
  f->settings.late_fee_percent_micro = 2000000;
  assert_int_equal(fees_on(f, "2026-05-01T02:00:00+05:30"), 0);
  assert_int_equal(fees_on(f, "2026-05-17T02:00:00+05:30"), 1);
  assert_int_equal(balance(f, account), 188800 + 3776);
  free(account);
}

static int64_t dispute(fixture *f, const char *text, const char *now) {
  int64_t no = 0;
  const sm_dispute_request request = {
      .actor = tester, .number = "SM2526-000001", .text = text, .now_ms = ms(now)};
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_OK);
  return no;
}

static void a_dispute_freezes_the_fee(void **state) {
  fixture *f = *state;
  char *account = issue_example(f);
  f->settings.late_fee_flat_minor = 5000;
  assert_int_equal(fees_on(f, "2026-02-05T02:00:00+05:30"), 0);
  int64_t no = dispute(f, "I was away", "2026-02-10T10:00:00+05:30");
  assert_int_equal(fees_on(f, "2026-03-20T02:00:00+05:30"), 0);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "The meter is right",
                                             ms("2026-03-20T12:00:00+05:30")),
                   SM_OK);
  /* 17 February to 20 March: 32 days do not count. */
  assert_int_equal(fees_on(f, "2026-03-20T23:00:00+05:30"), 0);
  assert_int_equal(fees_on(f, "2026-03-21T02:00:00+05:30"), 1);
  assert_int_equal(fees_on(f, "2026-04-20T02:00:00+05:30"), 0);
  assert_int_equal(fees_on(f, "2026-04-21T02:00:00+05:30"), 1);
  assert_int_equal(balance(f, account), 188800 + 10000);
  sm_dispute got = {0};
  assert_int_equal(sm_ledger_dispute(f->ledger, no, &got), SM_OK);
  assert_non_null(strstr(got.explanation, "\"total\":\"1888.00\"")); /* the bill is kept */
  assert_string_equal(got.month, "2026-01");
  sm_dispute_fini(&got);
  free(account);
}

/* ---- disputes ---- */

static sm_err explain(void *context, const sm_invoice *invoice, sm_buf *out) {
  sm_buf_printf(out, "{\"why\":\"%s %s\"}", (const char *)context, invoice->number);
  return SM_OK;
}
static sm_err cannot_explain(void *context, const sm_invoice *invoice, sm_buf *out) {
  (void)context;
  (void)invoice;
  sm_buf_printf(out, "{");
  return SM_ERR_IO;
}

static void a_dispute_keeps_the_explanation_of_its_moment(void **state) {
  fixture *f = *state;
  char word[] = "because";
  int64_t no = 0;
  sm_dispute got = {0};
  free(issue_example(f));
  sm_dispute_request request = {.actor = tester,
                                .number = "SM2526-000001",
                                .text = "Why?",
                                .now_ms = 1,
                                .explain = explain,
                                .context = word};
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_OK);
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_dispute(f->ledger, no, &got), SM_OK);
  assert_string_equal(got.explanation, "{\"why\":\"because SM2526-000001\"}");
  sm_dispute_fini(&got);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "", 2), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "So", 2), SM_OK);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "So", 2), SM_ERR_EXISTS);
  request.explain = cannot_explain;
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_OK);
  assert_int_equal(sm_ledger_dispute(f->ledger, no, &got), SM_OK);
  assert_non_null(strstr(got.explanation, "\"total\":\"1888.00\""));
  sm_dispute_fini(&got);
  request.number = "SM2526-000002";
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_ERR_NOT_FOUND);
  request.text = "";
  request.number = "SM2526-000001";
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_ERR_INVALID);
}

static void an_invoice_is_disputed_so_often_and_no_more(void **state) {
  fixture *f = *state;
  int64_t no = 0;
  free(issue_example(f));
  for (int i = 0; i < SM_DISPUTES_MAX; i++) {
    no = dispute(f, "again", "2026-02-10T10:00:00+05:30");
    assert_int_equal(sm_ledger_dispute_resolve(f->ledger, tester, no, "no", 1), SM_OK);
  }
  const sm_dispute_request request = {.actor = tester, .number = "SM2526-000001", .text = "again"};
  assert_int_equal(sm_invoicing_dispute(&f->invoicing, &request, &no), SM_ERR_RANGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_month_overdue_begins_on_the_same_day_of_each_month),
      cmocka_unit_test(a_fee_is_rounded_once),
      TEST(each_day_of_a_dispute_is_frozen_once),
      TEST(without_a_setting_nothing_is_posted),
      TEST(a_fee_comes_each_month_of_what_is_owed_then),
      TEST(what_was_overdue_before_the_switch_is_free),
      TEST(a_dispute_freezes_the_fee),
      TEST(a_dispute_keeps_the_explanation_of_its_moment),
      TEST(an_invoice_is_disputed_so_often_and_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
