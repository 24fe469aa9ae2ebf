/* Invoices issued on the real embedded stores. */
#include "invoicing/edits.h"
#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUTCOMES_MAX = 512 };

typedef struct told {
  sm_issue_outcome outcome[OUTCOMES_MAX];
  char number[OUTCOMES_MAX][24];
  char reason[OUTCOMES_MAX][24];
  char device_id[OUTCOMES_MAX][65];
  bool estimated[OUTCOMES_MAX];
  size_t count;
  size_t stop_after; /* 0: never */
  sm_issue_summary summary;
} told;

static bool keep(void *context, const sm_issue_result *result) {
  told *t = context;
  assert_true(t->count < OUTCOMES_MAX);
  assert_non_null(result->text);
  t->outcome[t->count] = result->outcome;
  t->estimated[t->count] = result->estimated;
  (void)snprintf(t->number[t->count], 24, "%s", result->number != NULL ? result->number : "");
  (void)snprintf(t->reason[t->count], 24, "%s", result->reason != NULL ? result->reason : "");
  (void)snprintf(t->device_id[t->count], 65, "%s", result->device_id);
  t->count++;
  return t->count != t->stop_after;
}

static sm_issue_request issue_january(const char *now) {
  return (sm_issue_request){.actor = tester, .year = 2026, .month = 1, .now_ms = ms(now)};
}

static sm_err run(fixture *f, const sm_issue_request *request, told *t) {
  *t = (told){.stop_after = t->stop_after};
  return sm_invoicing_issue_month(&f->invoicing, request, keep, t, &t->summary);
}

static void a_month_is_issued_once_and_its_number_stays(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  free(add_example(f, "meter-002", 2));
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 2);
  assert_string_equal(t.number[0], "SM2526-000001");
  assert_string_equal(t.number[1], "SM2526-000002");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 0);
  assert_int_equal(t.summary.already, 2);
  assert_int_equal(t.outcome[0], SM_ISSUE_ALREADY);
  assert_string_equal(t.number[0], "SM2526-000001");
  sm_invoicing_query query = january("meter-002");
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_string_equal(bill->invoice, "SM2526-000002");
  sm_bill_free(bill);
}

static void an_invoice_keeps_bill_tariff_payer_and_what_it_stands_on(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  sm_invoice invoice = {0};
  assert_int_equal(sm_ledger_invoice(f->ledger, "SM2526-000001", &invoice), SM_OK);
  assert_int_equal(invoice.total_minor, 188800);
  assert_int_equal(invoice.tax_minor, 28800);
  assert_string_equal(invoice.month, "2026-01");
  assert_string_equal(invoice.device_id, "meter-001");
  assert_int_equal(invoice.revision, 1);
  assert_int_equal(invoice.issued_ms, ms("2026-02-02T08:00:00+05:30"));
  assert_int_equal(invoice.due_ms, ms("2026-02-17T00:00:00+05:30"));
  assert_non_null(strstr(invoice.body, "\"total\":\"1888.00\""));
  assert_non_null(strstr(invoice.snapshot, "\"zone\":\"Asia/Kolkata\""));
  assert_non_null(strstr(invoice.snapshot, "\"rate\":\"4.50\""));
  assert_non_null(strstr(invoice.snapshot, "\"version\":1"));
  const char *hash = strstr(invoice.snapshot, "\"sha256\":\"");
  assert_non_null(hash);
  assert_int_equal(strspn(hash + 10, "0123456789abcdef"), 64);
  sm_invoice_fini(&invoice);
}

static void a_dry_run_writes_nothing(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  request.dry_run = true;
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 1);
  assert_string_equal(t.number[0], "");
  sm_invoice invoice = {0};
  assert_int_equal(sm_ledger_invoice(f->ledger, "SM2526-000001", &invoice), SM_ERR_NOT_FOUND);
}

static void the_running_and_a_coming_month_are_refused(void **state) {
  fixture *f = *state;
  static told t;
  sm_issue_request request = issue_january("2026-01-31T23:59:59.999+05:30");
  assert_int_equal(run(f, &request, &t), SM_ERR_RANGE);
  request = issue_january("2025-06-01T00:00:00Z");
  assert_int_equal(run(f, &request, &t), SM_ERR_RANGE);
}

static void without_a_reading_after_the_month_it_waits_three_days(void **state) {
  fixture *f = *state;
  static told t;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  free(owner);
  feed(f, "meter-001", "2025-12-31T00:00:00+05:30", "2026-01-30T00:00:00+05:30", 600, 0, 100000);
  sm_issue_request request = issue_january("2026-02-03T23:59:59+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.outcome[0], SM_ISSUE_SKIPPED);
  assert_string_equal(t.reason[0], "not_settled");
  request = issue_january("2026-02-04T00:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.outcome[0], SM_ISSUE_ISSUED);
  assert_true(t.estimated[0]);
}

static void an_account_with_nothing_read_or_no_meter_is_passed_over(void **state) {
  fixture *f = *state;
  static told t;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  sm_account_tariff on = {.name = strdup("LT-1 Domestic")};
  sm_account empty = {.user_id = owner, .tariff = &on, .tariff_count = 1};
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &empty), SM_OK);
  sm_issue_request request = issue_january("2026-03-01T00:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.skipped, 2);
  assert_string_equal(t.reason[0], "no_readings");
  assert_string_equal(t.reason[1], "no_meter");
  free(empty.account_id);
  free(on.name);
  free(owner);
}

static void a_negative_total_is_issued_and_lowers_what_is_owed(void **state) {
  fixture *f = *state;
  static told t;
  add_tariff(f, "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-02\",\"slabs\":[{"
                "\"up_to_kwh\":null,\"rate\":\"1.00\"}],\"surcharges\":[{\"name\":\"Rebate\","
                "\"per_kwh\":\"-9.00\"}]}");
  free(add_example(f, "meter-001", 1));
  sm_issue_request request = issue_january("2026-03-01T00:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 1);
  sm_invoice invoice;
  assert_int_equal(sm_ledger_invoice(f->ledger, t.number[0], &invoice), SM_OK);
  assert_true(invoice.total_minor < 0);
  assert_string_equal(invoice.status, "paid");
  sm_invoice_fini(&invoice);
}

static void one_meters_accounts_alone_may_be_issued(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  free(add_example(f, "meter-002", 2));
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  request.device_id = "meter-002";
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.count, 1);
  assert_string_equal(t.device_id[0], "meter-002");
  request.device_id = "meter-999";
  assert_int_equal(run(f, &request, &t), SM_ERR_NOT_FOUND);
}

static void a_stopped_run_goes_on_where_it_was(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  free(add_example(f, "meter-002", 2));
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  t.stop_after = 1;
  request.batch = 1;
  assert_int_equal(run(f, &request, &t), SM_ERR_CLOSED);
  t.stop_after = 0;
  request.now_ms = ms("2026-04-01T00:00:00+05:30");
  memcpy(f->settings.invoice_prefix, "X9", 3);
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.already, 1);
  assert_int_equal(t.summary.issued, 1);
  assert_string_equal(t.number[0], "SM2526-000001");
  assert_string_equal(t.number[1], "X92627-000001");
}

static void accounts_are_walked_page_by_page(void **state) {
  fixture *f = *state;
  static told t;
  char *owner = add_user(f, 1);
  for (int i = 0; i < 401; i++) {
    char device_id[32];
    (void)snprintf(device_id, sizeof device_id, "meter-%03d", i);
    add_device(f, device_id, owner);
  }
  sm_issue_request request = issue_january("2026-03-01T00:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.skipped, 401);
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, NULL, NULL, &t.summary),
                   SM_OK);
  assert_int_equal(t.summary.skipped, 401);
  free(owner);
}

static void days_of_waiting_and_paying_are_settings(void **state) {
  fixture *f = *state;
  static told t;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2026-01-01T00:00:00+05:30", "2026-01-31T12:00:00+05:30", 3600, 0, 100000);
  f->settings.settle_days = 7;
  f->settings.due_days = 30;
  sm_issue_request request = issue_january("2026-02-07T23:59:59+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_string_equal(t.reason[0], "not_settled");
  request.now_ms = ms("2026-02-08T00:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 1);
  sm_invoice invoice;
  assert_int_equal(sm_ledger_invoice(f->ledger, t.number[0], &invoice), SM_OK);
  assert_int_equal(invoice.due_ms, ms("2026-03-10T00:00:00+05:30"));
  sm_invoice_fini(&invoice);
  free(owner);
}

/* ---- many at once, and what happens meanwhile ---- */

static char *account_of(fixture *f, const char *device_id) {
  sm_account account;
  assert_int_equal(
      sm_ledger_account_of_device(f->ledger, device_id, NULL, INT64_MIN, INT64_MAX, &account),
      SM_OK);
  char *id = strdup(account.account_id);
  assert_non_null(id);
  sm_account_fini(&account);
  return id;
}

static void an_invoice_knows_what_was_owed_and_used_before(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  sm_issue_request request = {
      .actor = tester, .year = 2025, .month = 12, .now_ms = ms("2026-02-02T08:00:00+05:30")};
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 1);
  sm_invoice december, january;
  assert_int_equal(sm_ledger_invoice(f->ledger, t.number[0], &december), SM_OK);
  assert_non_null(strstr(december.snapshot, "\"balance_before\":\"0.00\""));
  assert_non_null(strstr(december.snapshot, "\"history\":[{\"month\":\"2025-12\",\"kwh\":10}]"));
  request = issue_january("2026-02-02T08:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(sm_ledger_invoice(f->ledger, t.number[0], &january), SM_OK);
  assert_non_null(strstr(january.snapshot, "\"history\":[{\"month\":\"2025-12\",\"kwh\":10},"
                                           "{\"month\":\"2026-01\",\"kwh\":350}]"));
  char owed[64];
  (void)snprintf(owed, sizeof owed, "\"balance_before\":\"%lld.%02lld\"",
                 (long long)(december.total_minor / 100), (long long)(december.total_minor % 100));
  assert_non_null(strstr(january.snapshot, owed));
  (void)snprintf(owed, sizeof owed, "\"previous\":\"%lld.%02lld\",\"entries\":[]",
                 (long long)(december.total_minor / 100), (long long)(december.total_minor % 100));
  assert_non_null(strstr(january.snapshot, owed));
  assert_non_null(strstr(january.snapshot, "\"account_name\":null"));
  assert_non_null(strstr(january.snapshot, "\"language\":\"en\""));
  assert_non_null(strstr(january.snapshot, "\"upi\":null"));
  sm_invoice_fini(&december);
  sm_invoice_fini(&january);
}

/* Measured until mid January: 310 kWh in December's 31 days are 10 a day. */
static void a_silent_meter_goes_on_by_the_average_if_so_set(void **state) {
  fixture *f = *state;
  static told t;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2025-12-01T00:00:00+05:30", "2026-01-01T00:00:00+05:30", 3600, 1000,
       310000);
  feed(f, "meter-001", "2026-01-01T01:00:00+05:30", "2026-01-11T00:00:00+05:30", 3600, 311000,
       100000);
  sm_issue_request request = {
      .actor = tester, .year = 2025, .month = 12, .now_ms = ms("2026-02-10T08:00:00+05:30")};
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 1);
  sm_invoicing_query query = january("meter-001");
  query.now_ms = request.now_ms;
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_int_equal(bill->consumption_wh, 100000);
  sm_bill_free(bill);
  f->settings.after_last_reading = SM_AFTER_LAST_READING_AVERAGE;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_int_equal(bill->consumption_wh, 100000 + 21 * 10000);
  assert_true(bill->estimated);
  request.month = 1;
  request.year = 2026;
  assert_int_equal(run(f, &request, &t), SM_OK);
  assert_int_equal(t.summary.issued, 1);
  assert_int_equal(t.summary.total_minor, bill->total_minor);
  sm_bill_free(bill);
  free(owner);
}

static void what_is_printed_is_kept(void **state) {
  fixture *f = *state;
  static told t;
  free(add_example(f, "meter-001", 1));
  char name[] = "Lake \"View\"", address[] = "12 Lake Road\nPune", upi[] = "lake@bank";
  f->settings.seller_name = f->settings.upi_name = name;
  f->settings.seller_address = address;
  f->settings.upi_id = upi;
  f->settings.arrears = false;
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  assert_int_equal(run(f, &request, &t), SM_OK);
  sm_invoice invoice;
  assert_int_equal(sm_ledger_invoice(f->ledger, t.number[0], &invoice), SM_OK);
  assert_non_null(strstr(invoice.snapshot, "\"seller\":{\"name\":\"Lake \\\"View\\\"\",\"address\":"
                                           "\"12 Lake Road\\nPune\",\"tax_id\":null}"));
  assert_non_null(strstr(invoice.snapshot, "\"upi\":{\"id\":\"lake@bank\""));
  assert_null(strstr(invoice.snapshot, "balance_before"));
  sm_invoice_fini(&invoice);
}

static void add_meters(fixture *f, int count) {
  char *owner = add_user(f, 1);
  for (int i = 0; i < count; i++) {
    char device_id[32];
    (void)snprintf(device_id, sizeof device_id, "meter-%03d", i);
    add_device(f, device_id, owner);
    feed(f, device_id, "2025-12-31T18:00:00+05:30", "2026-02-01T06:00:00+05:30", 21600, 1000,
         100000 + i);
  }
  free(owner);
}

static void threads_and_batches_change_nothing(void **state) {
  fixture *f = *state;
  enum { METERS = 40 };
  static told alone, many;
  add_meters(f, METERS);
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  request.threads = 4;
  request.batch = 3;
  assert_int_equal(run(f, &request, &many), SM_OK);
  assert_int_equal(many.summary.issued, METERS);
  assert_int_equal(many.summary.looked_at, METERS);
  int64_t total = 0;
  for (int i = 0; i < METERS; i++) {
    char number[24];
    sm_invoice invoice;
    (void)snprintf(number, sizeof number, "SM2526-%06d", i + 1);
    assert_string_equal(many.number[i], number);
    assert_int_equal(sm_ledger_invoice(f->ledger, number, &invoice), SM_OK);
    assert_string_equal(invoice.device_id, many.device_id[i]);
    total += invoice.total_minor;
    sm_invoice_fini(&invoice);
  }
  assert_int_equal(many.summary.total_minor, total);
  request.threads = 1;
  request.batch = 1000;
  request.dry_run = true;
  assert_int_equal(run(f, &request, &alone), SM_OK);
  assert_int_equal(alone.summary.already, METERS);
  for (int i = 0; i < METERS; i++) assert_string_equal(alone.number[i], many.number[i]);
  request.open_only = true;
  assert_int_equal(run(f, &request, &alone), SM_OK);
  assert_int_equal(alone.summary.looked_at, 0);
}

/* Between two accounts of a run, when the next page is computed already. */
typedef struct meddler {
  fixture *f;
  void (*meddle)(fixture *f);
  sm_issue_summary summary;
} meddler;

static bool meddle_once(void *context, const sm_issue_result *result) {
  meddler *m = context;
  assert_int_not_equal(result->outcome, SM_ISSUE_FAILED);
  if (m->meddle != NULL) m->meddle(m->f);
  m->meddle = NULL;
  return true;
}

static void correct_every_january(fixture *f) {
  for (int i = 1; i < 6; i++) {
    char device_id[32];
    int64_t no;
    sm_problems problems = {0};
    (void)snprintf(device_id, sizeof device_id, "meter-%03d", i);
    const sm_edit_request edit = {.ledger = f->ledger,
                                  .readings = f->readings,
                                  .actor = tester,
                                  .device_id = device_id,
                                  .ts_ms = ms("2026-02-01T00:00:00+05:30"),
                                  .kind = SM_EDIT_CORRECT,
                                  .has_wh = true,
                                  .wh = 100500,
                                  .reason = "read again",
                                  .now_ms = ms("2026-02-02T08:00:00+05:30")};
    assert_int_equal(sm_edit_add(&edit, &problems, &no), SM_OK);
  }
}

/* All invoices but the first are what a bill says that is computed now. */
static void check_against_bills(fixture *f, int count) {
  for (int i = 1; i < count; i++) {
    char device_id[32];
    sm_bill *bill = NULL;
    sm_invoice invoice;
    (void)snprintf(device_id, sizeof device_id, "meter-%03d", i);
    sm_invoicing_query query = january(device_id);
    assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
    char *account = account_of(f, device_id);
    assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-01", &invoice), SM_OK);
    assert_int_equal(invoice.total_minor, bill->total_minor);
    free(account);
    sm_invoice_fini(&invoice);
    sm_bill_free(bill);
  }
}

static void an_edit_during_the_run_is_on_the_invoice(void **state) {
  fixture *f = *state;
  enum { METERS = 6 };
  meddler m = {.f = f, .meddle = correct_every_january};
  add_meters(f, METERS);
  sm_issue_request request = issue_january("2026-02-02T08:00:00+05:30");
  request.batch = 1;
  request.threads = 2;
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, meddle_once, &m, &m.summary),
                   SM_OK);
  assert_int_equal(m.summary.issued, METERS);
  check_against_bills(f, METERS);
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, NULL, NULL, &m.summary),
                   SM_OK);
  assert_int_equal(m.summary.already, METERS);
}

static void the_financial_year_begins_in_april(void **state) {
  (void)state;
  char text[SM_FINANCIAL_YEAR_MAX];
  assert_string_equal(sm_financial_year((sm_date){2026, 3, 31}, text), "2526");
  assert_string_equal(sm_financial_year((sm_date){2026, 4, 1}, text), "2627");
  assert_string_equal(sm_financial_year((sm_date){2099, 12, 1}, text), "9900");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_month_is_issued_once_and_its_number_stays),
      TEST(an_invoice_keeps_bill_tariff_payer_and_what_it_stands_on),
      TEST(a_dry_run_writes_nothing),
      TEST(the_running_and_a_coming_month_are_refused),
      TEST(without_a_reading_after_the_month_it_waits_three_days),
      TEST(an_account_with_nothing_read_or_no_meter_is_passed_over),
      TEST(a_negative_total_is_issued_and_lowers_what_is_owed),
      TEST(one_meters_accounts_alone_may_be_issued),
      TEST(a_stopped_run_goes_on_where_it_was),
      TEST(accounts_are_walked_page_by_page),
      TEST(days_of_waiting_and_paying_are_settings),
      TEST(an_invoice_knows_what_was_owed_and_used_before),
      TEST(a_silent_meter_goes_on_by_the_average_if_so_set),
      TEST(what_is_printed_is_kept),
      TEST(threads_and_batches_change_nothing),
      TEST(an_edit_during_the_run_is_on_the_invoice),
      cmocka_unit_test(the_financial_year_begins_in_april),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
