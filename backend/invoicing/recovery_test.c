/* A supplier's bill and what of it comes back, on the real embedded stores. */
#include "invoicing/recovery.h"

#include "invoicing/invoicing_test_kit.h"
#include "store/ledger_money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FLATS = 2 };

typedef struct house {
  char *account[FLATS];
  char *utility_id;
} house;

static char *account_of(fixture *f, const char *device_id) {
  sm_account account = {0};
  assert_int_equal(sm_ledger_account_of_device(f->ledger, device_id, NULL,
                                               ms("2026-01-01T00:00:00+05:30"),
                                               ms("2026-02-01T00:00:00+05:30"), &account),
                   SM_OK);
  char *id = strdup(account.account_id);
  assert_non_null(id);
  sm_account_fini(&account);
  return id;
}

static char main_meter[] = "main", supplier[] = "BESCOM", number[] = "1", inr[] = "INR";

/* Two flats of 350 kWh in January, 1888.00 each when issued, and a main meter that counted more. */
static house make_house(fixture *f, const char *split, int64_t main_wh, int64_t amount_minor) {
  house h = {0};
  free(add_example(f, "meter-001", 1));
  free(add_example(f, "meter-002", 2));
  add_device(f, "main", NULL);
  feed(f, "main", "2025-12-31T00:00:00+05:30", "2026-01-01T00:00:00+05:30", 600, 0, 0);
  feed(f, "main", "2026-01-01T00:10:00+05:30", "2026-02-01T00:00:00+05:30", 600, 0, main_wh);
  feed(f, "main", "2026-02-01T00:10:00+05:30", "2026-02-02T00:00:00+05:30", 600, main_wh, 0);
  h.account[0] = account_of(f, "meter-001");
  h.account[1] = account_of(f, "meter-002");
  char *how = strdup(split);
  sm_utility_bill bill = {.device_id = main_meter,
                          .supplier = supplier,
                          .number = number,
                          .from = {2026, 1, 1},
                          .to = {2026, 2, 1},
                          .energy_wh = main_wh,
                          .amount_minor = amount_minor,
                          .currency = inr,
                          .split = how,
                          .account_id = h.account,
                          .account_count = FLATS};
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  h.utility_id = bill.utility_id;
  free(how);
  return h;
}

static void free_house(house *h) {
  for (size_t i = 0; i < FLATS; i++) free(h->account[i]);
  free(h->utility_id);
}

static sm_recovery recover(fixture *f, const house *h) {
  sm_recovery r = {0};
  assert_int_equal(sm_invoicing_recovery(&f->invoicing, h->utility_id, &r), SM_OK);
  assert_int_equal(r.energy_minor + r.common_minor, r.cost_minor); /* nothing lost, whatever */
  return r;
}

static void cost_is_parted_by_use_and_what_is_common(void **state) {
  fixture *f = *state;
  house h = make_house(f, "equal", 800000, 800001);
  sm_recovery r = recover(f, &h);
  assert_int_equal(r.main_wh, 800000);
  assert_false(r.main_estimated);
  assert_int_equal(r.flats_wh, 700000);
  assert_int_equal(r.difference_wh, 100000);
  /* 350 : 350 : 100 of 8000.01: 3500.004375 twice, 1000.00125: the unit left goes to the first */
  assert_int_equal(r.part[0].share.energy_minor, 350001);
  assert_int_equal(r.part[1].share.energy_minor, 350000);
  assert_int_equal(r.common_minor, 100000);
  assert_int_equal(r.part[0].share.common_minor, 50000);
  assert_int_equal(r.own_minor, 0);
  assert_int_equal(r.own_missing, 2); /* January is not issued yet */
  sm_recovery_fini(&r);
  const sm_issue_request request = {
      .actor = tester, .year = 2026, .month = 1, .now_ms = ms("2026-02-02T08:00:00+05:30")};
  sm_issue_summary summary;
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &request, NULL, NULL, &summary), SM_OK);
  r = recover(f, &h);
  assert_int_equal(r.own_minor, 2 * 188800);
  assert_int_equal(r.difference_minor, 2 * 188800 - 800001);
  assert_int_equal(r.own_missing, 0);
  assert_false(r.prorated);
  sm_recovery_fini(&r);
  free_house(&h);
}

static void what_is_posted_stands_whatever_is_read_later(void **state) {
  fixture *f = *state;
  int64_t balance = 0;
  house h = make_house(f, "use", 800000, 800000);
  assert_int_equal(sm_invoicing_recovery_post(&f->invoicing, tester, h.utility_id,
                                              ms("2026-01-31T00:00:00+05:30")),
                   SM_ERR_RANGE);
  int64_t now_ms = ms("2026-02-02T00:00:00+05:30");
  assert_int_equal(sm_invoicing_recovery_post(&f->invoicing, tester, h.utility_id, now_ms), SM_OK);
  assert_int_equal(sm_invoicing_recovery_post(&f->invoicing, tester, h.utility_id, now_ms),
                   SM_ERR_EXISTS);
  assert_int_equal(sm_ledger_balance(f->ledger, h.account[0], INT64_MAX, &balance), SM_OK);
  assert_int_equal(balance, 50000);
  /* a reading that comes late moves the main meter's register at the end by half of 10 kWh */
  feed(f, "main", "2026-01-31T23:55:00+05:30", "2026-01-31T23:55:00+05:30", 60, 795000, 0);
  sm_recovery r = recover(f, &h);
  assert_true(r.bill.posted);
  assert_int_equal(r.part[0].share.common_minor, 50000);
  sm_recovery_fini(&r);
  assert_int_equal(sm_ledger_utility_reverse(f->ledger, tester, h.utility_id, "main meter faulty"),
                   SM_OK);
  assert_int_equal(sm_ledger_balance(f->ledger, h.account[0], INT64_MAX, &balance), SM_OK);
  assert_int_equal(balance, 0);
  free_house(&h);
}

static void flats_that_count_more_than_the_main_meter_leave_nothing_common(void **state) {
  fixture *f = *state;
  house h = make_house(f, "load", 600000, 600000);
  sm_recovery r = recover(f, &h);
  assert_int_equal(r.difference_wh, -100000);
  assert_int_equal(r.common_minor, 0);
  assert_int_equal(r.part[0].share.energy_minor, 300000);
  sm_recovery_fini(&r);
  free_house(&h);
}

static void a_bill_that_is_not_there(void **state) {
  fixture *f = *state;
  sm_recovery r = {0};
  assert_int_equal(sm_invoicing_recovery(&f->invoicing, "b_none", &r), SM_ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(cost_is_parted_by_use_and_what_is_common),
      TEST(what_is_posted_stands_whatever_is_read_later),
      TEST(flats_that_count_more_than_the_main_meter_leave_nothing_common),
      TEST(a_bill_that_is_not_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
