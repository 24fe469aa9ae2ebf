/* What comes in against what the meters count, on the real embedded stores. */
#include "invoicing/losses.h"

#include "invoicing/edits.h"
#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JANUARY ms("2026-01-01T00:00:00+05:30"), ms("2026-02-01T00:00:00+05:30")

static char main_id[] = "main", second_id[] = "main-2", inr[] = "INR", equal[] = "equal";

/* Two flats of 350 kWh in January, behind a main meter that counted 800. */
static void make_house(fixture *f) {
  free(add_example(f, "meter-001", 1));
  free(add_example(f, "meter-002", 2));
  add_device(f, "main", NULL);
  feed(f, "main", "2025-12-31T00:00:00+05:30", "2026-01-01T00:00:00+05:30", 600, 0, 0);
  feed(f, "main", "2026-01-01T00:10:00+05:30", "2026-02-01T00:00:00+05:30", 600, 0, 800000);
  feed(f, "main", "2026-02-01T00:10:00+05:30", "2026-02-02T00:00:00+05:30", 600, 800000, 0);
}

static sm_err mark(fixture *f, char **ids, size_t count, bool has_rate, int64_t rate_micro,
                   size_t *failed) {
  const sm_main_meters meters = {
      .device_id = ids, .count = count, .has_rate = has_rate, .rate_micro = rate_micro};
  return sm_ledger_main_meters_set(f->ledger, tester, &meters, failed);
}

static void mark_main(fixture *f, bool has_rate, int64_t rate_micro) {
  char *ids[] = {main_id};
  size_t failed;
  assert_int_equal(mark(f, ids, 1, has_rate, rate_micro, &failed), SM_OK);
}

static sm_losses losses_of_january(fixture *f) {
  sm_losses l = {0};
  assert_int_equal(sm_invoicing_losses(&f->invoicing, JANUARY, &l), SM_OK);
  return l;
}

static void without_a_main_meter_only_the_parts_are_told(void **state) {
  fixture *f = *state;
  make_house(f);
  sm_losses l = losses_of_january(f);
  assert_int_equal(l.main.count, 0);
  assert_int_equal(l.parts, 3);
  assert_int_equal(l.parts_wh, 1500000);
  assert_int_equal(l.rate, SM_LOSS_RATE_NONE);
  sm_losses_fini(&l);
  assert_int_equal(sm_invoicing_losses(&f->invoicing, 5, 5, &l), SM_ERR_INVALID);
}

static void a_loss_is_main_less_parts_by_the_rate_that_is_set(void **state) {
  fixture *f = *state;
  make_house(f);
  mark_main(f, true, 7205000);
  sm_losses l = losses_of_january(f);
  assert_int_equal(l.main_wh, 800000);
  assert_false(l.main_estimated);
  assert_int_equal(l.parts, 2);
  assert_int_equal(l.parts_estimated, 0);
  assert_int_equal(l.parts_wh, 700000);
  assert_int_equal(l.loss_wh, 100000);
  assert_int_equal(l.rate, SM_LOSS_RATE_SET);
  assert_int_equal(l.loss_minor, 72050);
  sm_losses_fini(&l);
}

/* One flat's reading is taken back, which the quick way of reading must not miss. */
static void edited_registers_count_as_they_are_billed(void **state) {
  fixture *f = *state;
  make_house(f);
  mark_main(f, false, 0);
  const sm_edit_request edit = {.ledger = f->ledger,
                                .readings = f->readings,
                                .actor = tester,
                                .device_id = "meter-001",
                                .ts_ms = ms("2026-02-01T00:00:00+05:30"),
                                .kind = SM_EDIT_CORRECT,
                                .has_wh = true,
                                .wh = 1349950,
                                .reason = "misread",
                                .now_ms = ms("2026-02-02T08:00:00+05:30")};
  sm_problems problems = {0};
  int64_t edit_no;
  assert_int_equal(sm_edit_add(&edit, &problems, &edit_no), SM_OK);
  sm_losses l = losses_of_january(f);
  assert_int_equal(l.parts_wh, 699950);
  assert_int_equal(l.rate, SM_LOSS_RATE_NONE);
  sm_losses_fini(&l);
}

static void enter_bill(fixture *f, const char *number, sm_date from, sm_date to, char *device_id,
                       int64_t wh, int64_t amount_minor) {
  sm_account account = {0};
  assert_int_equal(sm_ledger_account_of_device(f->ledger, "meter-001", NULL, JANUARY, &account),
                   SM_OK);
  char *no = strdup(number);
  char *supplier = strdup("BESCOM");
  sm_utility_bill bill = {.device_id = device_id,
                          .supplier = supplier,
                          .number = no,
                          .from = from,
                          .to = to,
                          .energy_wh = wh,
                          .amount_minor = amount_minor,
                          .tax_minor = 1,
                          .currency = inr,
                          .split = equal,
                          .account_id = &account.account_id,
                          .account_count = 1};
  assert_int_equal(sm_ledger_utility_add(f->ledger, tester, &bill), SM_OK);
  free(bill.utility_id);
  free(no);
  free(supplier);
  sm_account_fini(&account);
}

static void without_a_rate_the_latest_bill_of_the_supplier_prices_it(void **state) {
  fixture *f = *state;
  make_house(f);
  mark_main(f, false, 0);
  const sm_date december = {2025, 12, 1}, january_day = {2026, 1, 1}, february = {2026, 2, 1};
  enter_bill(f, "2", january_day, february, main_id, 900000, 699999);
  enter_bill(f, "1", december, january_day, main_id, 900000, 999999);
  char other[] = "meter-002";
  enter_bill(f, "3", january_day, february, other, 100, 999999); /* not of a main meter */
  sm_losses l = losses_of_january(f);
  assert_int_equal(l.rate, SM_LOSS_RATE_BILL);
  assert_string_equal(l.bill.number, "2");
  assert_int_equal(l.rate_micro, 7777778); /* 7000.00 over 900 kWh */
  assert_int_equal(l.loss_minor, 77778);
  sm_losses_fini(&l);
}

/* A meter behind another one, which an account subtracts, is counted by that one already. */
static void who_stands_behind_another_is_not_counted_twice(void **state) {
  fixture *f = *state;
  make_house(f);
  mark_main(f, false, 0);
  add_device(f, "shop", NULL);
  feed(f, "shop", "2025-12-31T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 3600, 0, 90000);
  sm_losses l = losses_of_january(f);
  assert_int_equal(l.parts, 3);
  sm_losses_fini(&l);
  sm_account account = {0};
  assert_int_equal(sm_ledger_account_of_device(f->ledger, "meter-001", NULL, JANUARY, &account),
                   SM_OK);
  char shop[] = "shop", own[] = "meter-001";
  sm_account_meter meters[] = {{.device_id = own,
                                .from_ms = INT64_MIN,
                                .to_ms = INT64_MAX,
                                .sign = 1,
                                .multiplier_milli = 2000},
                               {.device_id = shop,
                                .from_ms = INT64_MIN,
                                .to_ms = INT64_MAX,
                                .sign = -1,
                                .multiplier_milli = 1000}};
  sm_account_meter *held = account.meter;
  size_t count = account.meter_count;
  account.meter = meters;
  account.meter_count = 2;
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &account), SM_OK);
  account.meter = held;
  account.meter_count = count;
  sm_account_fini(&account);
  l = losses_of_january(f);
  assert_int_equal(l.parts, 2);
  assert_int_equal(l.parts_wh, 2 * 350000 + 350000); /* the multiplier counts */
  sm_losses_fini(&l);
}

static void who_came_within_the_month_is_whole_from_its_first_reading_on(void **state) {
  fixture *f = *state;
  make_house(f);
  mark_main(f, false, 0);
  add_device(f, "new", NULL);
  feed(f, "new", "2026-01-20T00:00:00+05:30", "2026-02-02T00:00:00+05:30", 600, 5000, 130000);
  add_device(f, "silent", NULL);
  sm_losses l = losses_of_january(f);
  assert_int_equal(l.parts, 4);
  assert_int_equal(l.parts_wh, 700000 + 120000);
  assert_int_equal(l.parts_estimated, 1); /* of the silent one nothing is known */
  sm_losses_fini(&l);
}

static void main_meters_are_checked_kept_and_audited(void **state) {
  fixture *f = *state;
  sm_main_meters got = {0};
  size_t failed = 99;
  make_house(f);
  add_device(f, "main-2", NULL);
  char absent[] = "absent";
  char *bad[] = {main_id, absent};
  char *twice[] = {main_id, main_id};
  char *both[] = {main_id, second_id};
  assert_int_equal(mark(f, bad, 2, false, 0, &failed), SM_ERR_NOT_FOUND);
  assert_int_equal(failed, 1);
  assert_int_equal(mark(f, twice, 2, false, 0, &failed), SM_ERR_EXISTS);
  assert_int_equal(mark(f, both, 2, true, -1, &failed), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_main_meters(f->ledger, &got), SM_OK);
  assert_int_equal(got.count, 0);
  assert_int_equal(mark(f, both, 2, true, 0, &failed), SM_OK);
  assert_int_equal(sm_ledger_main_meters(f->ledger, &got), SM_OK);
  assert_int_equal(got.count, 2);
  assert_string_equal(got.device_id[1], "main-2");
  assert_true(got.has_rate);
  assert_int_equal(got.rate_micro, 0);
  sm_main_meters_fini(&got);
  sm_audit_entry *entry = NULL;
  size_t count = 0;
  assert_int_equal(
      sm_ledger_audit_entries(f->ledger, INT64_MIN, INT64_MAX, 0, 1000, &entry, &count), SM_OK);
  assert_string_equal(entry[count - 1].action, "site.main_meters");
  assert_non_null(strstr(entry[count - 1].detail, "main-2"));
  sm_audit_entries_free(entry, count);
  assert_int_equal(mark(f, NULL, 0, false, 0, &failed), SM_OK);
  assert_int_equal(sm_ledger_main_meters(f->ledger, &got), SM_OK);
  assert_int_equal(got.count, 0);
  assert_false(got.has_rate);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(without_a_main_meter_only_the_parts_are_told),
      TEST(a_loss_is_main_less_parts_by_the_rate_that_is_set),
      TEST(edited_registers_count_as_they_are_billed),
      TEST(without_a_rate_the_latest_bill_of_the_supplier_prices_it),
      TEST(who_stands_behind_another_is_not_counted_twice),
      TEST(who_came_within_the_month_is_whole_from_its_first_reading_on),
      TEST(main_meters_are_checked_kept_and_audited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
