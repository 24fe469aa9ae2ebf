/* Edits of readings: added, listed, withdrawn, and never changed. */
#include "store/embedded/ledger_schema.h"
#include "store/ledger/ledger_test_util.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static sm_reading_edit_new manual(const char *device_id, const char *at, int64_t wh) {
  int64_t ts_ms = instant(at);
  return (sm_reading_edit_new){.device_id = device_id,
                               .ts_ms = ts_ms,
                               .kind = SM_EDIT_MANUAL,
                               .wh = wh,
                               .reason = "read at the move",
                               .touches_from_ms = ts_ms - 600000,
                               .touches_to_ms = ts_ms + 600000};
}

static sm_err add(const ledger_fixture *f, const sm_reading_edit_new *edit, int64_t *edit_no) {
  return sm_ledger_edit_add(f->ledger, tester, edit, edit_no);
}

static int64_t added(const ledger_fixture *f, sm_reading_edit_new edit) {
  int64_t edit_no = 0;
  assert_int_equal(add(f, &edit, &edit_no), SM_OK);
  return edit_no;
}

static sm_err withdraw(const ledger_fixture *f, const char *device_id, int64_t edit_no) {
  return sm_ledger_edit_withdraw(f->ledger, (sm_actor){"u_1"}, device_id, edit_no, "typed wrong",
                                 INT64_MIN, INT64_MAX);
}

static size_t list(const ledger_fixture *f, const sm_reading_edit_query *query,
                   sm_reading_edit **edits) {
  size_t count = 0;
  assert_int_equal(sm_ledger_edits(f->ledger, query, edits, &count), SM_OK);
  return count;
}

static const sm_reading_edit_query all_of_a = {.device_id = "a",
                                               .from_ms = INT64_MIN,
                                               .to_ms = INT64_MAX,
                                               .after_ms = INT64_MIN,
                                               .withdrawn = true,
                                               .limit = 100};

static void check_chain(const ledger_fixture *f) {
  int64_t checked;
  int64_t bad_no;
  uint8_t head[32];
  assert_int_equal(sm_ledger_audit_verify(f->ledger, &checked, &bad_no, head), SM_OK);
  assert_int_equal(bad_no, 0);
}

static void an_edit_keeps_who_when_and_why(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  sm_reading_edit_new edit = manual("a", "2026-01-15T10:00:00+05:30", 1100000);
  edit.kind = SM_EDIT_CORRECT;
  edit.raw_wh = 9000000;
  int64_t edit_no = added(f, edit);
  sm_reading_edit got;
  assert_int_equal(sm_ledger_edit(f->ledger, "a", edit_no, &got), SM_OK);
  assert_int_equal(got.edit_no, edit_no);
  assert_int_equal(got.kind, SM_EDIT_CORRECT);
  assert_true(got.ts_ms == edit.ts_ms);
  assert_int_equal(got.raw_wh, 9000000);
  assert_int_equal(got.wh, 1100000);
  assert_string_equal(got.reason, "read at the move");
  assert_string_equal(got.made_by, tester.id);
  assert_true(got.made_ms > 0);
  assert_false(got.withdrawn);
  sm_reading_edit_fini(&got);
  assert_int_equal(
      raw_i64(f->dir,
              "SELECT count(*) FROM audit WHERE action = 'reading.edit' "
              "AND subject = 'a' AND CAST(json_extract(detail, '$.wh') AS INTEGER) = 1100000 "
              "AND CAST(json_extract(detail, '$.raw_wh') AS INTEGER) = 9000000 "
              "AND json_extract(detail, '$.kind') = 'correct'"),
      1);
  check_chain(f);
}

static void one_edit_holds_for_an_instant_of_a_register(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  add_device(f->ledger, "b", NULL);
  sm_reading_edit_new edit = manual("a", "2026-01-15T10:00:00Z", 1);
  int64_t first = added(f, edit);
  int64_t edit_no = 77;
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_EXISTS);
  assert_int_equal(edit_no, 77);
  sm_reading_edit_new other = edit;
  other.channel = 1;
  (void)added(f, other);
  other = edit;
  other.device_id = "b";
  (void)added(f, other);
  assert_int_equal(withdraw(f, "a", first), SM_OK);
  (void)added(f, edit);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM reading_edit"), 5);
}

static void a_withdrawal_is_a_row_of_its_own(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  add_device(f->ledger, "b", NULL);
  int64_t edit_no = added(f, manual("a", "2026-01-15T10:00:00Z", 1));
  assert_int_equal(withdraw(f, "b", edit_no), SM_ERR_NOT_FOUND);
  assert_int_equal(withdraw(f, "none", edit_no), SM_ERR_NOT_FOUND);
  assert_int_equal(withdraw(f, "a", edit_no), SM_OK);
  assert_int_equal(withdraw(f, "a", edit_no), SM_ERR_EXISTS);
  assert_int_equal(withdraw(f, "a", edit_no + 1), SM_ERR_NOT_FOUND); /* a withdrawal itself */
  sm_reading_edit got;
  assert_int_equal(sm_ledger_edit(f->ledger, "a", edit_no, &got), SM_OK);
  assert_true(got.withdrawn);
  assert_true(got.withdrawn_ms >= got.made_ms);
  assert_string_equal(got.withdrawn_by, "u_1");
  assert_string_equal(got.withdrawn_reason, "typed wrong");
  sm_reading_edit_fini(&got);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM reading_edit"), 2);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'reading.withdraw'"),
                   1);
  check_chain(f);
}

static void edits_are_listed_by_time_and_paged(void **state) {
  ledger_fixture *f = *state;
  static const char *const at[] = {"2026-01-15T12:00:00Z", "2026-01-15T10:00:00Z",
                                   "2026-01-15T11:00:00Z"};
  add_device(f->ledger, "a", NULL);
  add_device(f->ledger, "b", NULL);
  for (size_t i = 0; i < 3; i++) (void)added(f, manual("a", at[i], (int64_t)i));
  (void)added(f, manual("b", at[0], 9));
  assert_int_equal(withdraw(f, "a", 2), SM_OK);
  (void)added(f, manual("a", at[1], 3)); /* number 6: after 2 of the same instant */
  static const int64_t wanted[] = {2, 6, 3, 1};
  sm_reading_edit_query query = all_of_a;
  query.limit = 1;
  for (size_t i = 0; i < 4; i++) {
    sm_reading_edit *edits;
    assert_int_equal(list(f, &query, &edits), 1);
    assert_int_equal(edits[0].edit_no, wanted[i]);
    query.after_ms = edits[0].ts_ms;
    query.after_no = edits[0].edit_no;
    sm_reading_edits_free(edits, 1);
  }
  sm_reading_edit *edits;
  assert_int_equal(list(f, &query, &edits), 0);
  query = all_of_a;
  query.withdrawn = false;
  query.from_ms = instant(at[1]);
  query.to_ms = instant(at[0]);
  assert_int_equal(list(f, &query, &edits), 2);
  assert_int_equal(edits[0].edit_no, 6);
  assert_int_equal(edits[1].edit_no, 3);
  sm_reading_edits_free(edits, 2);
  query.channel = 1;
  assert_int_equal(list(f, &query, &edits), 0);
  query.device_id = "none";
  assert_int_equal(list(f, &query, &edits), 0);
}

static void what_is_not_an_edit_is_refused(void **state) {
  ledger_fixture *f = *state;
  char long_reason[SM_EDIT_REASON_MAX * 2 + 3];
  add_device(f->ledger, "a", NULL);
  sm_reading_edit_new edit = manual("a", "2026-01-15T10:00:00Z", 1);
  int64_t edit_no = 77;
  edit.reason = "";
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_INVALID);
  edit.reason = NULL;
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_INVALID);
  edit.reason = "\xff";
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_INVALID);
  /* characters count, not bytes: 500 of two bytes are fine, 501 are not */
  for (size_t i = 0; i <= SM_EDIT_REASON_MAX; i++) memcpy(long_reason + 2 * i, "\xc3\xa9", 2);
  long_reason[2 * (SM_EDIT_REASON_MAX + 1)] = '\0';
  edit.reason = long_reason;
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_INVALID);
  edit.reason = "why";
  edit.wh = -1;
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_INVALID);
  edit.wh = 1;
  edit.device_id = "none";
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_NOT_FOUND);
  assert_int_equal(edit_no, 77);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM reading_edit"), 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action LIKE 'reading.%'"), 0);
  edit.device_id = "a";
  long_reason[2 * SM_EDIT_REASON_MAX] = '\0';
  edit.reason = long_reason;
  assert_int_equal(add(f, &edit, &edit_no), SM_OK);
}

static void edits_resist_plain_sql(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  (void)added(f, manual("a", "2026-01-15T10:00:00Z", 1));
  assert_int_equal(withdraw(f, "a", 1), SM_OK);
  (void)added(f, manual("a", "2026-01-15T10:00:00Z", 2));
  static const char *const tries[] = {
      "UPDATE reading_edit SET wh = 5 WHERE edit_no = 1",
      "UPDATE reading_edit SET reason = 'x'",
      "DELETE FROM reading_edit",
      "INSERT OR REPLACE INTO reading_edit SELECT * FROM reading_edit WHERE edit_no = 1",
      /* withdrawn a second time, a withdrawal withdrawn, one of another instant */
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, ts_ms, 'withdraw', NULL, NULL, 1, 'x', "
      "0, 'x' FROM reading_edit WHERE edit_no = 1",
      "INSERT OR REPLACE INTO reading_edit SELECT 9, 1, device_no, 0, ts_ms, 'withdraw', NULL, "
      "NULL, 1, 'x', 0, 'x' FROM reading_edit WHERE edit_no = 1",
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, ts_ms, 'withdraw', NULL, NULL, 2, 'x', "
      "0, 'x' FROM reading_edit WHERE edit_no = 1",
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, ts_ms + 1, 'withdraw', NULL, NULL, 3, "
      "'x', 0, 'x' FROM reading_edit WHERE edit_no = 1",
      /* a second one of the same instant */
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, ts_ms, 'manual', NULL, 7, NULL, 'x', 0, "
      "'x' FROM reading_edit WHERE edit_no = 1",
      /* shapes that are none */
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, 1, 'void', NULL, NULL, NULL, 'x', 0, "
      "'x' FROM reading_edit WHERE edit_no = 1",
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, 1, 'manual', 7, 7, NULL, 'x', 0, 'x' "
      "FROM reading_edit WHERE edit_no = 1",
      "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, 1, 'manual', NULL, 7, NULL, '', 0, 'x' "
      "FROM reading_edit WHERE edit_no = 1",
  };
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
    if (raw_run(f->dir, tries[i]) != SQLITE_CONSTRAINT) fail_msg("done: %s", tries[i]);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM reading_edit"), 3);
  /* the same with nothing wrong goes in: it is the wrong that was refused */
  assert_int_equal(
      raw_run(f->dir, "INSERT INTO reading_edit SELECT 9, 1, device_no, 0, ts_ms + 1, 'manual', "
                      "NULL, 7, NULL, 'x', 0, 'x' FROM reading_edit WHERE edit_no = 1"),
      SQLITE_OK);
}

/* ---- what is invoiced ---- */

static void set_span(sm_reading_edit_new *edit, const char *from, const char *to) {
  edit->touches_from_ms = instant(from);
  edit->touches_to_ms = instant(to);
}

static void what_an_invoice_stands_on_is_not_edited(void **state) {
  ledger_fixture *f = *state;
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "t", "2026-01-01");
  add_device(f->ledger, "a", user);
  add_device(f->ledger, "b", user);
  char *account = account_of(f->ledger, "a");
  int64_t before = added(f, manual("a", "2026-01-15T10:00:00+05:30", 1));
  assert_int_equal(issue_one(f->ledger, account, "2026-01", 1, 1), SM_OK);
  int64_t edit_no = 0;
  sm_reading_edit_new edit = manual("a", "2026-02-01T00:20:00+05:30", 1);
  set_span(&edit, "2026-01-31T23:59:00+05:30", "2026-02-01T00:30:00+05:30");
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_CONFLICT);
  assert_int_equal(withdraw(f, "a", before), SM_ERR_CONFLICT);
  set_span(&edit, "2025-12-31T23:30:00+05:30", "2026-01-01T00:01:00+05:30");
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_CONFLICT);
  edit.touches_from_ms = INT64_MIN;
  edit.touches_to_ms = INT64_MAX;
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_CONFLICT);
  /* a reading at the very edge keeps it where it was */
  set_span(&edit, "2026-02-01T00:00:00+05:30", "2026-02-01T00:30:00+05:30");
  assert_int_equal(add(f, &edit, &edit_no), SM_OK);
  edit = manual("a", "2025-12-31T23:20:00+05:30", 1);
  set_span(&edit, "2025-12-31T23:10:00+05:30", "2026-01-01T00:00:00+05:30");
  assert_int_equal(add(f, &edit, &edit_no), SM_OK);
  /* another meter's invoice is none of its business */
  (void)added(f, manual("b", "2026-01-15T10:00:00+05:30", 1));
  /* a credit note opens the month again */
  sm_invoice note = make_invoice(account, "2026-01", 1);
  free(note.kind);
  note.kind = strdup("credit_note");
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "CN", "2627", &note), SM_OK);
  sm_invoice_fini(&note);
  assert_int_equal(withdraw(f, "a", before), SM_OK);
  free(account);
  free(user);
}

/* Two tenancies in turn: the invoice of one does not bind what the meter did for the other. */
static void only_the_time_in_service_of_the_invoiced_account_counts(void **state) {
  ledger_fixture *f = *state;
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "t", "2026-01-01");
  add_device(f->ledger, "a", NULL);
  sm_account account = make_account(user, "a", NULL, "2026-01-10", 1);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &account), SM_OK);
  assert_int_equal(issue_one(f->ledger, account.account_id, "2026-01", 1, 1), SM_OK);
  int64_t edit_no = 0;
  sm_reading_edit_new edit = manual("a", "2026-01-09T23:55:00+05:30", 1);
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_CONFLICT);
  edit = manual("a", "2026-01-10T00:05:00+05:30", 1);
  assert_int_equal(add(f, &edit, &edit_no), SM_ERR_CONFLICT); /* from 23:55 on */
  edit = manual("a", "2026-01-10T00:10:00+05:30", 1);
  assert_int_equal(add(f, &edit, &edit_no), SM_OK);
  sm_account_fini(&account);
  free(user);
}

/* ---- an old file ---- */

static void a_ledger_of_version_1_is_brought_up(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  char path[100];
  sqlite3 *db;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sm_ledger_schema_1, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(db,
                   "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x534d4c31; "
                   "PRAGMA user_version = 1; INSERT INTO site VALUES "
                   "(1, 'Old', 'Asia/Kolkata', 'INR', '{}', 0, 0); INSERT INTO device "
                   "(site_no, device_id, created_ms, changed_no) VALUES (1, 'a', 0, 1)",
                   NULL, NULL, NULL),
      SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  f->ledger = ledger_open(f->dir);
  assert_true(raw_i64(f->dir, "PRAGMA user_version") >= 2);
  (void)added(f, manual("a", "2026-01-15T10:00:00Z", 1));
  ledger_reopen(f);
  sm_reading_edit *edits;
  assert_int_equal(list(f, &all_of_a, &edits), 1);
  sm_reading_edits_free(edits, 1);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(an_edit_keeps_who_when_and_why),
      LEDGER_TEST(one_edit_holds_for_an_instant_of_a_register),
      LEDGER_TEST(a_withdrawal_is_a_row_of_its_own),
      LEDGER_TEST(edits_are_listed_by_time_and_paged),
      LEDGER_TEST(what_is_not_an_edit_is_refused),
      LEDGER_TEST(edits_resist_plain_sql),
      LEDGER_TEST(what_an_invoice_stands_on_is_not_edited),
      LEDGER_TEST(only_the_time_in_service_of_the_invoiced_account_counts),
      cmocka_unit_test_setup_teardown(a_ledger_of_version_1_is_brought_up, ledger_dir_set_up,
                                      ledger_tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
