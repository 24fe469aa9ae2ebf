/* Edits through both real stores: what they do to a bill, what they may touch, and back again. */
#include "invoicing/edits.h"
#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static const int64_t none = -1; /* of a register: not given */

static sm_edit_request request(fixture *f, const char *at, sm_edit_kind kind, int64_t wh) {
  return (sm_edit_request){.ledger = f->ledger,
                           .readings = f->readings,
                           .actor = tester,
                           .device_id = "meter-001",
                           .ts_ms = ms(at),
                           .kind = kind,
                           .has_wh = wh != none,
                           .wh = wh != none ? wh : 0,
                           .reason = "because",
                           .now_ms = ms("2026-02-02T08:00:00+05:30")};
}

static sm_err try_add(const sm_edit_request *r) {
  sm_problems problems = {0};
  int64_t edit_no;
  return sm_edit_add(r, &problems, &edit_no);
}

static int64_t added(const sm_edit_request *r) {
  sm_problems problems = {0};
  int64_t edit_no = 0;
  sm_err err = sm_edit_add(r, &problems, &edit_no);
  if (err != SM_OK)
    fail_msg("%s: %s %s", sm_err_text(err), problems.item[0].field, problems.item[0].message);
  return edit_no;
}

static void refused(const sm_edit_request *r, const char *field) {
  sm_problems problems = {0};
  int64_t edit_no = 77;
  assert_int_equal(sm_edit_add(r, &problems, &edit_no), SM_ERR_INVALID);
  assert_true(problems.count > 0);
  assert_string_equal(problems.item[0].field, field);
  assert_int_equal(edit_no, 77);
}

static sm_bill *bill_of(fixture *f) {
  sm_invoicing_query query = january("meter-001");
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  return bill;
}

/* One reading for the meter, 0.350 kWh an hour around it. */
static void store_one(fixture *f, const char *at, int64_t wh) {
  sm_reading_in in = {.device_id = "meter-001", .reading = {.ts_ms = ms(at), .energy_wh = wh}};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  assert_int_equal(sm_readings_commit(f->readings, &batch), SM_OK);
  assert_int_equal(in.verdict, SM_VERDICT_LATE);
}

static void a_correction_moves_the_bill_and_a_withdrawal_moves_it_back(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  sm_bill *bill = bill_of(f);
  assert_int_equal(bill->consumption_wh, 350000);
  assert_int_equal(bill->edit_count, 0);
  sm_bill_free(bill);
  sm_edit_request r = request(f, "2026-02-01T00:00:00+05:30", SM_EDIT_CORRECT, 1349990);
  int64_t edit_no = added(&r);
  bill = bill_of(f);
  assert_int_equal(bill->closing_wh, 1349990);
  assert_int_equal(bill->edit_count, 1);
  assert_int_equal(bill->edit[0].edit_no, edit_no);
  assert_int_equal(bill->edit[0].before_wh, 1350000);
  assert_int_equal(bill->edit[0].after_wh, 1349990);
  assert_true(bill->edit[0].believed);
  assert_string_equal(bill->edit[0].by, "operator");
  assert_string_equal(bill->edit[0].reason, "because");
  sm_bill_free(bill);
  assert_int_equal(try_add(&r), SM_ERR_EXISTS);
  assert_int_equal(sm_edit_withdraw(f->ledger, f->readings, tester, "meter-001", edit_no, "not so"),
                   SM_OK);
  bill = bill_of(f);
  assert_int_equal(bill->closing_wh, 1350000);
  assert_int_equal(bill->edit_count, 0);
  sm_bill_free(bill);
}

static void a_void_takes_a_reading_out_and_leaves_it_stored(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  store_one(f, "2026-01-15T10:05:00+05:30", 9000000);
  sm_bill *bill = bill_of(f);
  assert_int_equal(bill->suspects, 1);
  sm_bill_free(bill);
  sm_edit_request r = request(f, "2026-01-15T10:05:00+05:30", SM_EDIT_VOID, none);
  (void)added(&r);
  bill = bill_of(f);
  assert_int_equal(bill->suspects, 0);
  assert_int_equal(bill->consumption_wh, 350000);
  assert_int_equal(bill->edit[0].kind, SM_EDIT_VOID);
  assert_int_equal(bill->edit[0].before_wh, 9000000);
  sm_bill_free(bill);
  sm_reading_list raw;
  assert_int_equal(sm_readings_raw(f->readings, "meter-001", 0, r.ts_ms, r.ts_ms + 1, 1, &raw),
                   SM_OK);
  assert_int_equal(raw.count, 1);
  assert_int_equal(raw.item[0].energy_wh, 9000000);
  sm_reading_list_fini(&raw);
}

static void a_meter_that_is_only_read_by_hand_has_a_bill(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  add_device(f, "meter-001", owner);
  sm_edit_request r = request(f, "2026-01-01T00:00:00+05:30", SM_EDIT_MANUAL, 1000000);
  (void)added(&r);
  r = request(f, "2026-02-01T00:00:00+05:30", SM_EDIT_MANUAL, 1350000);
  (void)added(&r);
  sm_bill *bill = bill_of(f);
  assert_int_equal(bill->consumption_wh, 350000);
  assert_int_equal(bill->total_minor, 188800);
  assert_false(bill->estimated);
  assert_int_equal(bill->edit_count, 2);
  sm_bill_free(bill);
  free(owner);
}

static void what_stands_on_a_months_edge_is_named(void **state) {
  fixture *f = *state;
  char touched[SM_EDIT_TOUCHES_MAX];
  free(add_example(f, "meter-001", 1));
  feed(f, "meter-001", "2026-02-02T00:10:00+05:30", "2026-03-01T01:00:00+05:30", 600, 1355100, 900);
  sm_edit_request r = request(f, "2026-02-01T00:00:00+05:30", SM_EDIT_CORRECT, 1349990);
  int64_t edit_no = added(&r);
  assert_int_equal(sm_edit_touches(f->ledger, f->readings, "meter-001", r.ts_ms, touched), SM_OK);
  assert_string_equal(touched, "");
  sm_issue_request issue = {
      .actor = tester, .year = 2026, .month = 1, .now_ms = ms("2026-03-02T08:00:00+05:30")};
  sm_issue_summary summary;
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &issue, NULL, NULL, &summary), SM_OK);
  issue.month = 2;
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &issue, NULL, NULL, &summary), SM_OK);
  static const char both[] = "SM2526-000001 (2026-01), SM2526-000002 (2026-02)";
  assert_int_equal(sm_edit_touches(f->ledger, f->readings, "meter-001", r.ts_ms, touched), SM_OK);
  assert_string_equal(touched, both);
  assert_int_equal(
      sm_edit_withdrawal_touches(f->ledger, f->readings, "meter-001", edit_no, touched), SM_OK);
  assert_string_equal(touched, both);
  assert_int_equal(sm_edit_touches(f->ledger, f->readings, "meter-001",
                                   ms("2026-01-15T10:05:00+05:30"), touched),
                   SM_OK);
  assert_string_equal(touched, "SM2526-000001 (2026-01)");
  assert_int_equal(sm_edit_touches(f->ledger, f->readings, "absent", r.ts_ms, touched),
                   SM_ERR_NOT_FOUND);
}

static void an_invoiced_month_is_not_edited_from_either_side(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  sm_edit_request before = request(f, "2026-01-20T10:00:00+05:30", SM_EDIT_VOID, none);
  int64_t edit_no = added(&before);
  sm_issue_request issue = {
      .actor = tester, .year = 2026, .month = 1, .now_ms = ms("2026-02-02T08:00:00+05:30")};
  sm_issue_summary summary;
  assert_int_equal(sm_invoicing_issue_month(&f->invoicing, &issue, NULL, NULL, &summary), SM_OK);
  assert_int_equal(summary.issued, 1);
  static const char *const inside[] = {"2026-01-15T10:05:00+05:30", "2026-02-01T00:05:00+05:30",
                                       "2026-01-01T00:05:00+05:30", "2025-12-31T23:55:00+05:30"};
  for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
    sm_edit_request r = request(f, inside[i], SM_EDIT_MANUAL, 1000000);
    if (try_add(&r) != SM_ERR_CONFLICT) fail_msg("%s", inside[i]);
  }
  assert_int_equal(sm_edit_withdraw(f->ledger, f->readings, tester, "meter-001", edit_no, "not so"),
                   SM_ERR_CONFLICT);
  sm_edit_request after = request(f, "2026-02-01T12:00:00+05:30", SM_EDIT_VOID, none);
  edit_no = added(&after);
  assert_int_equal(sm_edit_withdraw(f->ledger, f->readings, tester, "meter-001", edit_no, "not so"),
                   SM_OK);
}

static void what_cannot_be_is_told_by_its_field(void **state) {
  fixture *f = *state;
  free(add_example(f, "meter-001", 1));
  const char *at = "2026-01-15T10:05:00+05:30"; /* between two readings */
  sm_edit_request r = request(f, at, SM_EDIT_VOID, none);
  refused(&r, "at");
  r = request(f, at, SM_EDIT_CORRECT, 5);
  refused(&r, "at");
  r = request(f, "2026-02-02T08:00:01+05:30", SM_EDIT_MANUAL, 5);
  refused(&r, "at");
  r = request(f, "2019-12-31T00:00:00Z", SM_EDIT_MANUAL, 5);
  refused(&r, "at");
  r = request(f, "2026-01-15T10:00:00+05:30", SM_EDIT_VOID, 5);
  refused(&r, "kwh");
  r = request(f, at, SM_EDIT_MANUAL, none);
  refused(&r, "kwh");
  r = request(f, at, SM_EDIT_MANUAL, 10000001);
  refused(&r, "kwh");
  r = request(f, at, SM_EDIT_MANUAL, 5);
  r.reason = "";
  refused(&r, "reason");
  r.reason = "why";
  r.device_id = "none";
  assert_int_equal(try_add(&r), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_edit_withdraw(f->ledger, f->readings, tester, "meter-001", 1, "x"),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_edit_withdraw(f->ledger, f->readings, tester, "none", 1, "x"),
                   SM_ERR_NOT_FOUND);
}

static void an_author_is_a_role(void **state) {
  (void)state;
  assert_string_equal(sm_edit_author("u_abc"), "admin");
  assert_string_equal(sm_edit_author("cli"), "operator");
  assert_string_equal(sm_edit_author("server"), "server");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_correction_moves_the_bill_and_a_withdrawal_moves_it_back),
      TEST(a_void_takes_a_reading_out_and_leaves_it_stored),
      TEST(a_meter_that_is_only_read_by_hand_has_a_bill),
      TEST(what_stands_on_a_months_edge_is_named),
      TEST(an_invoiced_month_is_not_edited_from_either_side),
      TEST(what_cannot_be_is_told_by_its_field),
      cmocka_unit_test(an_author_is_a_role),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
