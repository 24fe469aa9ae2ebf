/* A draft tariff on a real past month, on the real embedded stores. */
#include "invoicing/preview.h"

#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DRAFT                                                                                      \
  "{\"name\":\"Flat\",\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_kwh\":null,"           \
  "\"rate\":\"5.00\"}],\"fixed_charge\":\"0.00\",\"taxes\":[]}"

typedef struct told {
  char account_id[8][64];
  int64_t old_minor[8];
  int64_t new_minor[8];
  bool invoiced[8];
  sm_err err[8];
  size_t count;
} told;

static bool keep(void *context, const sm_preview_result *r) {
  told *t = context;
  assert_true(t->count < 8);
  (void)snprintf(t->account_id[t->count], 64, "%s", r->account_id != NULL ? r->account_id : "");
  t->err[t->count] = r->err;
  if (r->err == SM_OK) {
    t->invoiced[t->count] = r->invoice != NULL;
    t->old_minor[t->count] = r->old_minor;
    t->new_minor[t->count] = r->new_bill->total_minor;
    assert_int_equal(r->difference_minor, r->new_bill->total_minor - r->old_minor);
    assert_true((r->old_bill == NULL) == (r->invoice != NULL));
    if (r->old_bill != NULL) assert_int_equal(r->old_bill->total_minor, r->old_minor);
  }
  t->count++;
  return true;
}

static sm_tariff *draft(void) {
  sm_tariff *tariff = NULL;
  sm_problems problems = {0};
  assert_int_equal(sm_tariff_read_json(DRAFT, strlen(DRAFT), &tariff, NULL, &problems), SM_OK);
  return tariff;
}

static sm_preview_request request_for(const sm_tariff *tariff) {
  return (sm_preview_request){.tariff = tariff,
                              .year = 2026,
                              .month = 1,
                              .after = "",
                              .limit = 100,
                              .now_ms = ms("2026-02-02T08:00:00+05:30")};
}

static void a_month_is_billed_by_the_draft_and_compared(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  sm_tariff *tariff = draft();
  sm_preview_request request = request_for(tariff);
  request.device_id = "meter-001";
  told t = {0};
  sm_preview_sums sums;
  char *next = NULL;
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next), SM_OK);
  assert_null(next);
  assert_int_equal(t.count, 1);
  assert_int_equal(t.old_minor[0], 188800);
  assert_int_equal(t.new_minor[0], 175000); /* 350 × 5.00 */
  assert_int_equal(sums.difference_minor, -13800);
  sm_tariff_row *rows = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_tariffs(f->ledger, "Flat", "", 0, 10, &rows, &count), SM_OK);
  assert_int_equal(count, 0); /* nothing was written */
  sm_tariff_rows_free(rows, count);
  sm_tariff_free(tariff);
}

static void all_accounts_come_in_pages_that_add_up(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  free(add_example(f, "meter-002", 2));
  free(add_example(f, "meter-003", 3));
  sm_tariff *tariff = draft();
  sm_preview_request request = request_for(tariff);
  request.limit = 2;
  told t = {0};
  int64_t old_minor = 0;
  char *after = strdup("");
  size_t pages = 0;
  while (after != NULL) {
    sm_preview_sums sums;
    char *next = NULL;
    request.after = after;
    assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next), SM_OK);
    old_minor += sums.old_minor;
    free(after);
    after = next;
    pages++;
  }
  assert_int_equal(pages, 2);
  assert_int_equal(t.count, 3);
  assert_int_equal(old_minor, 3 * 188800);
  t.count = 0;
  request.after = "";
  request.limit = 100;
  request.on = "Another tariff";
  sm_preview_sums sums;
  char *next = NULL;
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next),
                   SM_ERR_INVALID); /* it is not there */
  request.on = "LT-1 Domestic";
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next), SM_OK);
  assert_int_equal(t.count, 3);
  sm_tariff_free(tariff);
}

/* What was billed stays what it cost, also after readings that came late. */
static void an_issued_month_is_compared_as_it_was_issued(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  feed(f, "meter-001", "2025-12-31T23:00:00+05:30", "2026-01-20T00:00:00+05:30", 600, 1000000,
       80000);
  const sm_issue_request issue = {
      .actor = tester, .year = 2026, .month = 1, .now_ms = ms("2026-02-10T08:00:00+05:30")};
  sm_issue_summary issued;
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &issue, NULL, NULL, &issued), SM_OK);
  assert_int_equal(issued.issued, 1);
  feed(f, "meter-001", "2026-02-01T00:00:00+05:30", "2026-02-01T01:00:00+05:30", 600, 1100000, 100);
  sm_tariff *tariff = draft();
  sm_preview_request request = request_for(tariff);
  request.now_ms = issue.now_ms;
  told t = {0};
  sm_preview_sums sums;
  char *next = NULL;
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next), SM_OK);
  assert_int_equal(t.count, 1);
  assert_true(t.invoiced[0]);
  assert_int_equal(t.old_minor[0], issued.total_minor);
  assert_in_range(t.new_minor[0], 49900, 50000); /* 100 kWh less an hour's part × 5.00 */
  assert_int_equal(sums.invoiced, 1);
  sm_tariff_free(tariff);
  free(owner);
}

/* The account's own tariff asks for no times, and yet every reading counts for the draft. */
static void a_draft_measures_inside_days_where_the_tariff_does_not(void **state) {
  fixture *f = *state;
  static const char peak[] =
      "{\"name\":\"Peak\",\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
      "\"rate\":\"5.00\"}],\"fixed_charge\":\"0.00\",\"taxes\":[],\"time_of_day\":[{\"name\":"
      "\"Half\",\"from\":\"06:00\",\"to\":\"18:00\",\"percent\":\"20\"}]}";
  sm_tariff *tariff = NULL;
  sm_problems problems = {0};
  free(add_example(f, "meter-001", 1));
  assert_int_equal(sm_tariff_read_json(peak, strlen(peak), &tariff, NULL, &problems), SM_OK);
  sm_preview_request request = request_for(tariff);
  request.device_id = "meter-001";
  told t = {0};
  sm_preview_sums sums;
  char *next = NULL;
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next), SM_OK);
  assert_int_equal(t.old_minor[0], 188800);
  /* an even use: half of 1750.00 and 20 % of it, to a few Wh of the day's edges */
  assert_in_range(t.new_minor[0], 175000 + 17480, 175000 + 17520);
  sm_tariff_free(tariff);
}

static void what_cannot_be_previewed_is_refused(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  sm_tariff *tariff = draft();
  sm_preview_request request = request_for(tariff);
  told t = {0};
  sm_preview_sums sums;
  char *next = NULL;
  request.now_ms = ms("2026-01-31T23:59:59+05:30");
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next),
                   SM_ERR_RANGE);
  request = request_for(tariff);
  request.account_id = "a_nobody";
  assert_int_equal(sm_invoicing_preview(&f->invoicing, &request, keep, &t, &sums, &next),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(t.count, 0);
  sm_tariff_free(tariff);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_month_is_billed_by_the_draft_and_compared),
      TEST(all_accounts_come_in_pages_that_add_up),
      TEST(an_issued_month_is_compared_as_it_was_issued),
      TEST(a_draft_measures_inside_days_where_the_tariff_does_not),
      TEST(what_cannot_be_previewed_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
