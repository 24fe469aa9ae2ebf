/* The daily job on the real embedded stores, on a clock of its own. */
#include "base/clock.h"
#include "invoicing/invoicing_test_kit.h"
#include "invoicing/job.h"
#include "store/ledger_issue.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t now;

static int64_t clock_now(void) {
  return now;
}

static sm_job *new_job(fixture *f, const char *holder) {
  sm_job *job = NULL;
  const sm_job_options options = {
      .invoicing = &f->invoicing, .holder = holder, .now_ms = clock_now};
  assert_int_equal(sm_job_new(&options, &job), SM_OK);
  return job;
}

/* The ledger is made as of an instant, behind its back. */
static void made_at(fixture *f, const char *at) {
  char path[128];
  char sql[128];
  sqlite3 *db = NULL;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  (void)snprintf(sql, sizeof sql, "UPDATE site SET created_ms = %lld", (long long)ms(at));
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static uint64_t issued(sm_job *job) {
  sm_job_stats stats;
  sm_job_stats_get(job, &stats);
  return stats.issued;
}

static void look_at(sm_job *job, const char *at, bool due) {
  now = ms(at);
  assert_int_equal(sm_job_look(job), due);
}

static bool has_invoice(fixture *f, const char *month) {
  char *account = NULL;
  sm_account found;
  sm_invoice invoice;
  assert_int_equal(
      sm_ledger_account_of_device(f->ledger, "meter-001", NULL, INT64_MIN, INT64_MAX, &found),
      SM_OK);
  account = strdup(found.account_id);
  sm_account_fini(&found);
  sm_err err = sm_ledger_invoice_of(f->ledger, account, month, &invoice);
  free(account);
  if (err == SM_OK) sm_invoice_fini(&invoice);
  return err == SM_OK;
}

static void a_month_is_issued_once_a_reading_behind_it_is_there(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  made_at(f, "2026-01-20T00:00:00+05:30");
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-01-31T23:59:59+05:30", true); /* at the start */
  assert_int_equal(issued(job), 0);
  look_at(job, "2026-02-01T00:59:59+05:30", false); /* that day's work is done */
  look_at(job, "2026-02-01T01:00:00+05:30", true);
  assert_int_equal(issued(job), 1);
  assert_true(has_invoice(f, "2026-01"));
  look_at(job, "2026-02-01T13:00:00+05:30", false);
  look_at(job, "2026-02-02T01:00:00+05:30", true);
  assert_int_equal(issued(job), 1);
  sm_job_free(job);
}

static void what_is_not_settled_waits(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2026-01-01T00:00:00+05:30", "2026-01-31T12:00:00+05:30", 3600, 0, 100000);
  made_at(f, "2026-01-01T00:00:00+05:30");
  sm_job *job = new_job(f, "one");
  sm_job_stats stats;
  look_at(job, "2026-02-04T01:00:00+05:30", true);
  sm_job_stats_get(job, &stats);
  assert_int_equal(stats.issued, 0); /* nobody has sent anything in February */
  add_device(f, "meter-002", NULL);
  feed(f, "meter-002", "2026-02-01T00:00:00+05:30", "2026-02-01T00:10:00+05:30", 600, 0, 10);
  look_at(job, "2026-02-02T01:00:00+05:30", true);
  sm_job_stats_get(job, &stats);
  assert_int_equal(stats.issued, 0);
  assert_int_equal(stats.waiting, 1);
  assert_int_equal(stats.runs, 2);
  assert_int_equal(stats.failures, 0);
  assert_int_equal(stats.last_ms, now);
  look_at(job, "2026-02-04T01:00:00+05:30", true);
  sm_job_stats_get(job, &stats);
  assert_int_equal(stats.issued, 1);
  assert_int_equal(stats.waiting, 0);
  sm_job_free(job);
  free(owner);
}

static void months_without_a_server_are_made_up_for(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2025-11-15T00:00:00+05:30", "2026-03-02T12:00:00+05:30", 3600, 0, 900000);
  made_at(f, "2025-12-05T00:00:00+05:30");
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-03-02T12:00:00+05:30", true);
  assert_int_equal(issued(job), 3);
  assert_false(has_invoice(f, "2025-11")); /* older than the ledger */
  assert_true(has_invoice(f, "2025-12"));
  assert_true(has_invoice(f, "2026-01"));
  assert_true(has_invoice(f, "2026-02"));
  sm_job_free(job);
  free(owner);
}

static void what_was_begun_by_hand_is_gone_on_with(void **state) {
  fixture *f = *state;
  sm_issue_summary summary;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2025-10-15T00:00:00+05:30", "2026-03-02T12:00:00+05:30", 3600, 0, 900000);
  made_at(f, "2026-03-01T00:00:00+05:30");
  const sm_issue_request by_hand = {
      .actor = tester, .year = 2025, .month = 12, .now_ms = ms("2026-03-02T08:00:00+05:30")};
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &by_hand, NULL, NULL, &summary), SM_OK);
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-03-02T12:00:00+05:30", true);
  assert_int_equal(issued(job), 2);
  assert_false(has_invoice(f, "2025-11"));
  assert_true(has_invoice(f, "2026-02"));
  sm_job_free(job);
  free(owner);
}

static void no_more_than_twelve_months_are_looked_at(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2024-11-15T00:00:00+05:30", "2026-03-02T12:00:00+05:30", 3600, 0, 2000000);
  made_at(f, "2024-11-01T00:00:00+05:30");
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-03-02T12:00:00+05:30", true);
  assert_int_equal(issued(job), 12);
  assert_false(has_invoice(f, "2025-02"));
  assert_true(has_invoice(f, "2025-03"));
  sm_job_free(job);
  free(owner);
}

static void a_clock_that_jumps_doubles_nothing(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  made_at(f, "2026-01-20T00:00:00+05:30");
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-02-02T12:00:00+05:30", true);
  assert_int_equal(issued(job), 1);
  look_at(job, "2026-01-10T12:00:00+05:30", true); /* back: before the ledger was made */
  look_at(job, "2026-02-02T12:00:00+05:30", true);
  look_at(job, "2026-01-31T12:00:00+05:30", true);
  assert_int_equal(issued(job), 1);
  look_at(job, "2031-01-31T12:00:00+05:30", true); /* far ahead, and the meters are not */
  assert_int_equal(issued(job), 1);
  look_at(job, "2026-02-03T12:00:00+05:30", true);
  assert_int_equal(issued(job), 1);
  sm_ledger_check_result result;
  assert_int_equal(sm_ledger_check(f->ledger, NULL, NULL, NULL, &result), SM_OK);
  sm_job_free(job);
}

static void of_two_servers_one_works(void **state) {
  fixture *f = *state;
  bool taken = false;
  sm_job_stats stats;
  free(add_example(f, "meter-001", 1));
  made_at(f, "2026-01-20T00:00:00+05:30");
  now = ms("2026-02-02T12:00:00+05:30");
  assert_int_equal(sm_ledger_lease_take(f->ledger, "billing", "two", now, 600000, &taken), SM_OK);
  assert_true(taken);
  sm_job *one = new_job(f, "one");
  look_at(one, "2026-02-02T12:00:00+05:30", true);
  sm_job_stats_get(one, &stats);
  assert_int_equal(stats.issued, 0);
  assert_int_equal(stats.runs, 0);
  assert_int_equal(stats.failures, 0);
  look_at(one, "2026-02-02T12:00:01+05:30", false); /* it waits for the other */
  sm_job *two = new_job(f, "two");                  /* started again, it finds its own lease */
  look_at(two, "2026-02-02T12:00:02+05:30", true);
  assert_int_equal(issued(two), 1);
  sm_job_free(one);
  sm_job_free(two);
}

static void a_failure_is_told_and_tried_again_later(void **state) {
  fixture *f = *state;
  sm_job_stats stats;
  free(add_example(f, "meter-001", 1));
  made_at(f, "2026-01-20T00:00:00+05:30");
  memcpy(f->settings.invoice_prefix, "bad", 4); /* the ledger refuses it */
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-02-02T12:00:00+05:30", true);
  sm_job_stats_get(job, &stats);
  assert_int_equal(stats.failures, 1);
  assert_int_equal(stats.issued, 0);
  look_at(job, "2026-02-02T12:30:00+05:30", false);
  sm_job_free(job);
}

static void its_thread_starts_and_stops(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  made_at(f, "2026-01-20T00:00:00+05:30");
  now = ms("2026-02-02T12:00:00+05:30");
  sm_job *job = new_job(f, "one");
  assert_int_equal(sm_job_start(job), SM_OK);
  int64_t until_ms = sm_clock_steady_ms() + 60000;
  while (issued(job) == 0 && sm_clock_steady_ms() < until_ms) continue;
  assert_int_equal(issued(job), 1);
  assert_true(sm_job_stop(job, 60000));
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_job_write_metrics(job, &text);
  sm_job_write_metrics(NULL, &text);
  assert_non_null(strstr(sm_buf_text(&text), "\nsmartmeter_billing_invoices_total 1\n"));
  sm_buf_fini(&text);
  sm_job_free(job);
  assert_true(sm_job_stop(NULL, 0));
  sm_job_free(NULL);
}

static void nothing_found(void *context, const sm_ledger_finding *finding) {
  (void)context;
  fail_msg("%s %s: %s", finding->kind, finding->subject, finding->detail);
}

/* What came late stands on the month that the same day's work issues; and no fee is for a day that
 * no reading has reached, however far the clock has jumped. */
static void it_looks_after_what_is_issued(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  f->settings.late_fee_flat_minor = 1000;
  add_device(f, "meter-001", owner);
  free(owner);
  made_at(f, "2026-01-01T00:00:00+05:30");
  feed(f, "meter-001", "2025-12-31T00:00:00+05:30", "2026-01-01T00:00:00+05:30", 600, 0, 1000);
  feed(f, "meter-001", "2026-01-01T00:10:00+05:30", "2026-01-20T00:00:00+05:30", 600, 1000, 80000);
  feed(f, "meter-001", "2026-02-04T00:00:00+05:30", "2026-02-04T01:00:00+05:30", 600, 81000, 0);
  sm_job *job = new_job(f, "one");
  look_at(job, "2026-02-04T02:00:00+05:30", true);
  assert_int_equal(issued(job), 1);
  feed(f, "meter-001", "2026-01-20T00:10:00+05:30", "2026-02-03T23:50:00+05:30", 600, 81000, 0);
  feed(f, "meter-001", "2026-02-04T01:10:00+05:30", "2026-03-01T00:30:00+05:30", 600, 81000, 50000);
  look_at(job, "2030-03-01T01:30:00+05:30", true); /* due on the 19th of February 2026 */
  assert_int_equal(issued(job), 2);
  sm_ledger_check_result result;
  assert_int_equal(sm_ledger_check(f->ledger, nothing_found, NULL, NULL, &result), SM_OK);
  assert_int_equal(result.entries, 3); /* two invoices and one fee */
  assert_int_equal(result.findings, 0);
  sm_job_free(job);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_looks_after_what_is_issued),
      TEST(a_month_is_issued_once_a_reading_behind_it_is_there),
      TEST(what_is_not_settled_waits),
      TEST(months_without_a_server_are_made_up_for),
      TEST(what_was_begun_by_hand_is_gone_on_with),
      TEST(no_more_than_twelve_months_are_looked_at),
      TEST(a_clock_that_jumps_doubles_nothing),
      TEST(of_two_servers_one_works),
      TEST(a_failure_is_told_and_tried_again_later),
      TEST(its_thread_starts_and_stops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
