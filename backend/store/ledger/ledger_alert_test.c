/* Alerts in the ledger: once each, seen by whom they concern, and their messages. */
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_alerts.h"

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

static const int64_t t0 = 1769679900000; /* 2026-01-29T15:15:00+05:30 */

static sm_alert_change change(const char *device_id, sm_alert_kind kind, bool opens, int64_t at) {
  sm_alert_change c = {.opens = opens,
                       .told = true,
                       .alert = {.kind = kind,
                                 .opened_ms = at,
                                 .ended_ms = at,
                                 .found_ms = at + 5,
                                 .value = 198000,
                                 .limit = 207000}};
  (void)snprintf(c.alert.device_id, sizeof c.alert.device_id, "%s", device_id);
  return c;
}

/* Whether it was applied. */
static bool apply(sm_ledger *ledger, sm_alert_change c, int64_t *alert_no) {
  const sm_alert_apply how = {.now_ms = c.alert.found_ms, .gather_ms = 30000};
  assert_int_equal(sm_ledger_alerts_apply(ledger, &how, &c, 1), SM_OK);
  if (alert_no != NULL) *alert_no = c.alert.alert_no;
  return c.applied;
}

static size_t list(sm_ledger *ledger, sm_alert_query query, sm_alert **alerts) {
  size_t count = 0;
  if (query.limit == 0) query.limit = 100;
  assert_int_equal(sm_ledger_alerts(ledger, &query, alerts, &count), SM_OK);
  return count;
}

static size_t count_of(sm_ledger *ledger, sm_alert_query query) {
  sm_alert *alerts = NULL;
  size_t count = list(ledger, query, &alerts);
  free(alerts);
  return count;
}

static void an_alert_opens_once_and_ends_once(void **state) {
  ledger_fixture *f = *state;
  sm_alert *alerts = NULL;
  int64_t no = 0;
  add_device(f->ledger, "a", NULL);
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0), &no));
  assert_true(no > 0);
  assert_false(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0 + 1), NULL));
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0), NULL));
  ledger_reopen(f);
  assert_false(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0 + 2), NULL));
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, false, t0 + 9), &no));
  assert_false(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, false, t0 + 10), NULL));
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0 + 20), NULL));
  assert_false(apply(f->ledger, change("nobody", SM_ALERT_SILENT, true, t0), NULL));
  assert_int_equal(list(f->ledger, (sm_alert_query){.state = SM_ALERT_ENDED}, &alerts), 1);
  assert_int_equal(alerts[0].alert_no, no);
  assert_true(alerts[0].opened_ms == t0 && alerts[0].ended_ms == t0 + 9);
  assert_int_equal(alerts[0].value, 198000);
  assert_string_equal(alerts[0].device_id, "a");
  free(alerts);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.state = SM_ALERT_UNENDED}), 2);
}

static void what_happened_stays(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0), NULL));
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, false, t0 + 5), NULL));
  assert_int_not_equal(raw_run(f->dir, "DELETE FROM alert"), SQLITE_OK);
  assert_int_not_equal(raw_run(f->dir, "UPDATE alert SET ended_ms = NULL"), SQLITE_OK);
  assert_int_not_equal(raw_run(f->dir, "UPDATE alert SET value = 1"), SQLITE_OK);
  assert_int_not_equal(raw_run(f->dir, "UPDATE alert SET kind = 'x'"), SQLITE_OK);
}

static void of_the_site_there_is_one_a_subject(void **state) {
  ledger_fixture *f = *state;
  sm_alert_change c = change("", SM_ALERT_CERTIFICATE, true, t0);
  sm_alert_change other = c;
  memcpy(c.alert.subject, "broker", 7);
  memcpy(other.alert.subject, "authority", 10);
  assert_true(apply(f->ledger, c, NULL));
  assert_false(apply(f->ledger, c, NULL));
  assert_true(apply(f->ledger, other, NULL));
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.user_id = user}), 0);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.user_id = NULL}), 2);
  free(user);
}

static void everybody_sees_their_own_time(void **state) {
  ledger_fixture *f = *state;
  int64_t old_no = 0;
  int64_t new_no = 0;
  sm_alert got;
  char *before = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char *after = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "T", "2025-01-01");
  add_device(f->ledger, "a", NULL);
  sm_account one = make_account(before, "a", "2026-01-01", "2026-01-29", 1);
  sm_account two = make_account(after, "a", "2026-01-29", NULL, 1);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &one), SM_OK);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &two), SM_OK);
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0 - 86400000), &old_no));
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0), &new_no));
  sm_alert *alerts = NULL;
  assert_int_equal(list(f->ledger, (sm_alert_query){.user_id = before}, &alerts), 1);
  assert_int_equal(alerts[0].alert_no, old_no);
  free(alerts);
  assert_int_equal(list(f->ledger, (sm_alert_query){.user_id = after}, &alerts), 1);
  assert_int_equal(alerts[0].alert_no, new_no);
  free(alerts);
  assert_int_equal(sm_ledger_alert_acknowledge(f->ledger, tester, after, old_no, t0, &got),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_alert_acknowledge(f->ledger, tester, NULL, 999, t0, &got),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(
      sm_ledger_alert_acknowledge(f->ledger, (sm_actor){after}, after, new_no, t0 + 1, &got),
      SM_OK);
  assert_true(got.acknowledged && got.acknowledged_ms == t0 + 1);
  assert_string_equal(got.acknowledged_by, after);
  assert_int_equal(sm_ledger_alert_acknowledge(f->ledger, tester, NULL, new_no, t0 + 2, &got),
                   SM_OK);
  assert_true(got.acknowledged_ms == t0 + 1);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.state = SM_ALERT_OPEN}), 1);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.state = SM_ALERT_ACKNOWLEDGED}), 1);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = "
                                   "'alert.acknowledge'"),
                   1);
  sm_account_fini(&one);
  sm_account_fini(&two);
  free(before);
  free(after);
}

static void pages_go_either_way(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  for (int i = 0; i < 5; i++) {
    assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0 + i), NULL));
    assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, false, t0 + i), NULL));
  }
  for (int newest = 0; newest <= 1; newest++) {
    sm_alert_query query = {.newest_first = newest != 0, .limit = 2};
    int64_t wanted = newest ? 5 : 1;
    for (int page = 0; page < 3; page++) {
      sm_alert *alerts = NULL;
      size_t count = list(f->ledger, query, &alerts);
      assert_int_equal(count, page < 2 ? 2 : 1);
      for (size_t i = 0; i < count; i++, wanted += newest ? -1 : 1)
        assert_int_equal(alerts[i].alert_no, wanted);
      query.after_no = alerts[count - 1].alert_no;
      free(alerts);
    }
  }
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.kind = "silent", .device_id = "a"}), 5);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.kind = "overload"}), 0);
  assert_int_equal(count_of(f->ledger, (sm_alert_query){.device_id = "b"}), 0);
}

/* ---- thresholds ---- */

typedef struct plans {
  char text[400];
} plans;

static sm_err note_plan(void *context, const sm_alert_plan *plan) {
  plans *p = context;
  char line[200];
  (void)snprintf(
      line, sizeof line, "%s %lld %s %s;", plan->device_id, (long long)plan->sanctioned_load_w,
      plan->operators != NULL ? plan->operators : "-", plan->owners != NULL ? plan->owners : "-");
  (void)strncat(p->text, line, sizeof p->text - strlen(p->text) - 1);
  return SM_OK;
}

static void expect_plans(sm_ledger *ledger, const char *wanted) {
  plans p = {.text = ""};
  int64_t after_no = 0;
  do {
    assert_int_equal(sm_ledger_alert_plans(ledger, t0, 1, &after_no, note_plan, &p), SM_OK);
  } while (after_no != 0);
  assert_string_equal(p.text, wanted);
}

static void a_word_holds_while_the_meter_is_theirs(void **state) {
  ledger_fixture *f = *state;
  char *before = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char *after = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  char *body = NULL;
  int64_t version = 0;
  int64_t later = 0;
  add_tariff(f->ledger, "T", "2025-01-01");
  add_device(f->ledger, "a", NULL);
  add_device(f->ledger, "b", NULL);
  add_device(f->ledger, "c", NULL);
  expect_plans(f->ledger, "");
  sm_account one = make_account(before, "a", "2026-01-01", "2026-01-29", 1);
  sm_account two = make_account(after, "a", "2026-01-29", NULL, 1);
  two.sanctioned_load_w = 5000;
  assert_int_equal(sm_ledger_alert_version(f->ledger, &version), SM_OK);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &one), SM_OK);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &two), SM_OK);
  assert_int_equal(sm_ledger_alert_version(f->ledger, &later), SM_OK);
  assert_true(later > version);
  expect_plans(f->ledger, "a 5000 - -;");
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "a", before, "{\"x\":1}"), SM_OK);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "a", after, "{\"x\":2}"), SM_OK);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "b", NULL, "{\"x\":3}"), SM_OK);
  assert_int_equal(sm_ledger_alert_version(f->ledger, &version), SM_OK);
  assert_true(version > later);
  expect_plans(f->ledger, "a 5000 - {\"x\":2};b 0 {\"x\":3} -;");
  assert_int_equal(sm_ledger_threshold(f->ledger, "a", before, &body), SM_OK);
  assert_string_equal(body, "{\"x\":1}");
  free(body);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "a", after, NULL), SM_OK);
  assert_int_equal(sm_ledger_threshold(f->ledger, "a", after, &body), SM_OK);
  assert_null(body);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "b", NULL, "{\"x\":3}"), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'alert.thresholds'"),
                   4);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "z", NULL, "{}"), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, tester, "a", NULL, "{"), SM_ERR_INVALID);
  sm_account_fini(&one);
  sm_account_fini(&two);
  free(before);
  free(after);
}

/* ---- messages ---- */

static void want(sm_ledger *ledger, const char *user_id, sm_notice notice) {
  assert_int_equal(sm_ledger_notice_set(ledger, tester, user_id, &notice), SM_OK);
}

/* What is due, as text: "webhook 2 ". */
static void expect_due(sm_ledger *ledger, int64_t now_ms, sm_message_outcome outcome,
                       const char *wanted) {
  char text[200] = "";
  for (;;) {
    sm_alert_parcel p;
    char line[60];
    sm_err err = sm_ledger_parcel_take(ledger, now_ms, now_ms + 60000, &p);
    if (err == SM_ERR_NOT_FOUND) break;
    assert_int_equal(err, SM_OK);
    (void)snprintf(line, sizeof line, "%s%s %zu%s ", p.webhook ? "webhook" : "email",
                   p.wanted ? "" : " unwanted", p.count, p.message[0].ended ? " ended" : "");
    strcat(text, line);
    assert_int_equal(sm_ledger_parcel_done(ledger, &p, outcome, now_ms, now_ms + 1000, "why"),
                     SM_OK);
    sm_alert_parcel_fini(&p);
  }
  assert_string_equal(text, wanted);
}

static void who_wants_to_hear_is_told_once(void **state) {
  ledger_fixture *f = *state;
  uint8_t sealed[] = {1, 2, 3};
  char *admin = add_user(f->ledger, 1, SM_ROLE_ADMIN);
  char *other = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  add_device(f->ledger, "a", NULL);
  add_device(f->ledger, "b", NULL);
  want(f->ledger, other, (sm_notice){.email = true});
  want(f->ledger, admin, (sm_notice){.webhook_sealed = {sealed, sizeof sealed}});
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0), NULL));
  assert_true(apply(f->ledger, change("b", SM_ALERT_VOLTAGE_LOW, true, t0), NULL));
  expect_due(f->ledger, t0 + 29000, SM_MESSAGE_SENT, ""); /* it is gathered */
  expect_due(f->ledger, t0 + 31000, SM_MESSAGE_SENT, "webhook 2 ");
  expect_due(f->ledger, t0 + 999000, SM_MESSAGE_SENT, "");
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, false, t0 + 60000), NULL));
  expect_due(f->ledger, t0 + 91000, SM_MESSAGE_SENT, "webhook 1 ended ");
  assert_int_not_equal(raw_run(f->dir, "UPDATE alert_message SET state = 'waiting'"), SQLITE_OK);
  free(admin);
  free(other);
}

static void what_ended_before_it_was_told_is_not_told(void **state) {
  ledger_fixture *f = *state;
  char *admin = add_user(f->ledger, 1, SM_ROLE_ADMIN);
  add_device(f->ledger, "a", NULL);
  want(f->ledger, admin, (sm_notice){.email = true});
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0), NULL));
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, false, t0 + 1000), NULL));
  expect_due(f->ledger, t0 + 999000, SM_MESSAGE_SENT, "");
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM alert_message WHERE state = 'dropped'"),
                   1);
  /* What is tried is told to have ended. */
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0 + 2000), NULL));
  expect_due(f->ledger, t0 + 40000, SM_MESSAGE_LATER, "email 1 ");
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, false, t0 + 50000), NULL));
  expect_due(f->ledger, t0 + 999000, SM_MESSAGE_SENT, "email 2 ");
  free(admin);
}

static void quiet_hours_hold_a_message_back(void **state) {
  ledger_fixture *f = *state;
  char *admin = add_user(f->ledger, 1, SM_ROLE_ADMIN);
  add_device(f->ledger, "a", NULL);
  /* From 15:00 to 16:00 local; t0 is 15:15. */
  want(f->ledger, admin,
       (sm_notice){.email = true, .has_quiet = true, .quiet_from = 900, .quiet_to = 960});
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0), NULL));
  expect_due(f->ledger, t0 + 44 * 60000, SM_MESSAGE_SENT, "");
  expect_due(f->ledger, t0 + 45 * 60000, SM_MESSAGE_SENT, "email 1 ");
  /* So they do with its end, a day later. */
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, false, t0 + 86400000), NULL));
  expect_due(f->ledger, t0 + 86400000 + 44 * 60000, SM_MESSAGE_SENT, "");
  expect_due(f->ledger, t0 + 86400000 + 45 * 60000, SM_MESSAGE_SENT, "email 1 ended ");
  free(admin);
}

static void a_choice_of_kinds_is_kept(void **state) {
  ledger_fixture *f = *state;
  char *admin = add_user(f->ledger, 1, SM_ROLE_ADMIN);
  char kinds[] = "silent overload";
  sm_notice got;
  add_device(f->ledger, "a", NULL);
  want(f->ledger, admin, (sm_notice){.email = true, .kinds = kinds});
  assert_int_equal(sm_ledger_notice(f->ledger, admin, &got), SM_OK);
  assert_string_equal(got.kinds, kinds);
  sm_notice_fini(&got);
  assert_true(apply(f->ledger, change("a", SM_ALERT_VOLTAGE_LOW, true, t0), NULL));
  assert_true(apply(f->ledger, change("a", SM_ALERT_OVERLOAD, true, t0), NULL));
  expect_due(f->ledger, t0 + 999000, SM_MESSAGE_SENT, "email 1 ");
  assert_int_equal(sm_ledger_notice(f->ledger, "u_none", &got), SM_ERR_NOT_FOUND);
  free(admin);
}

static void a_try_that_dies_is_made_again(void **state) {
  ledger_fixture *f = *state;
  char *admin = add_user(f->ledger, 1, SM_ROLE_ADMIN);
  sm_alert_parcel p;
  add_device(f->ledger, "a", NULL);
  want(f->ledger, admin, (sm_notice){.email = true});
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0), NULL));
  assert_int_equal(sm_ledger_parcel_take(f->ledger, t0 + 60000, t0 + 90000, &p), SM_OK);
  assert_int_equal(p.message[0].tries, 0);
  assert_string_equal(p.user_id, admin);
  sm_alert_parcel_fini(&p);
  assert_int_equal(sm_ledger_parcel_take(f->ledger, t0 + 89000, t0 + 99000, &p), SM_ERR_NOT_FOUND);
  ledger_reopen(f);
  assert_int_equal(sm_ledger_parcel_take(f->ledger, t0 + 90000, t0 + 99000, &p), SM_OK);
  assert_int_equal(p.message[0].tries, 1);
  sm_alert_parcel_fini(&p);
  free(admin);
}

static void who_changed_their_mind_is_not_told(void **state) {
  ledger_fixture *f = *state;
  char *admin = add_user(f->ledger, 1, SM_ROLE_ADMIN);
  add_device(f->ledger, "a", NULL);
  want(f->ledger, admin, (sm_notice){.email = true});
  assert_true(apply(f->ledger, change("a", SM_ALERT_SILENT, true, t0), NULL));
  want(f->ledger, admin, (sm_notice){.email = false});
  expect_due(f->ledger, t0 + 999000, SM_MESSAGE_DROPPED, "email unwanted 1 ");
  sm_alert_change untold = change("a", SM_ALERT_OVERLOAD, true, t0);
  untold.told = false;
  want(f->ledger, admin, (sm_notice){.email = true});
  assert_true(apply(f->ledger, untold, NULL));
  expect_due(f->ledger, t0 + 999000, SM_MESSAGE_SENT, "");
  free(admin);
}

#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LEDGER(an_alert_opens_once_and_ends_once),
      WITH_LEDGER(what_happened_stays),
      WITH_LEDGER(of_the_site_there_is_one_a_subject),
      WITH_LEDGER(everybody_sees_their_own_time),
      WITH_LEDGER(pages_go_either_way),
      WITH_LEDGER(a_word_holds_while_the_meter_is_theirs),
      WITH_LEDGER(who_wants_to_hear_is_told_once),
      WITH_LEDGER(what_ended_before_it_was_told_is_not_told),
      WITH_LEDGER(quiet_hours_hold_a_message_back),
      WITH_LEDGER(a_choice_of_kinds_is_kept),
      WITH_LEDGER(a_try_that_dies_is_made_again),
      WITH_LEDGER(who_changed_their_mind_is_not_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
