/* Opening, the site, users, sessions and the audit log. */
#include "store/embedded/embedded.h"
#include "store/ledger.h"
#include "store/ledger/ledger_test_util.h"
#include "store/mongo/test_mongo.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* ---- opening ---- */

static void a_new_ledger_has_its_site(void **state) {
  ledger_fixture *f = *state;
  sm_site site;
  assert_int_equal(sm_ledger_site(f->ledger, &site), SM_OK);
  assert_int_equal(site.site_no, 1);
  assert_string_equal(site.zone, "Asia/Kolkata");
  assert_string_equal(site.currency, "INR");
  assert_false(site.demo);
  sm_site_fini(&site);
}

static void the_first_site_stays_when_opened_with_another(void **state) {
  ledger_fixture *f = *state;
  sm_ledger *other;
  assert_int_equal(ledger_try(f->dir, "Europe/Oslo", "NOK", &other), SM_OK);
  sm_site site;
  assert_int_equal(sm_ledger_site(other, &site), SM_OK);
  assert_string_equal(site.zone, "Asia/Kolkata");
  sm_site_fini(&site);
  sm_ledger_close(other);
}

static void files_are_private(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  static const char *const names[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm"};
  for (size_t i = 0; i < 3; i++) {
    char path[100];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
  }
}

static sm_err open_with(const char *dir, const char *zone, const char *currency) {
  sm_ledger *ledger = NULL;
  sm_err err = ledger_try(dir, zone, currency, &ledger);
  sm_ledger_close(ledger);
  return err;
}

static void a_bad_zone_or_currency_makes_no_ledger(void **state) {
  const ledger_fixture *f = *state;
  ledger_place(f->dir);
  assert_int_equal(open_with(f->dir, "Asia/Nowhere", "INR"), SM_ERR_INVALID);
  assert_int_equal(open_with(f->dir, "Asia/Kolkata", "rupee"), SM_ERR_INVALID);
  assert_int_equal(open_with(f->dir, NULL, NULL), SM_ERR_INVALID);
  assert_int_equal(open_with(f->dir, "Asia/Kolkata", "INR"), SM_OK);
}

static void a_newer_ledger_is_refused(void **state) {
  /* A copy's version decides nothing there: ledger_mg_upgrade_test asks what the documents' does.
   */
  if (test_mongo_is_there()) skip();
  ledger_fixture *f = *state;
  assert_int_equal(raw_run(f->dir, on_server() ? "UPDATE schema_version SET version = 99"
                                               : "PRAGMA user_version = 99"),
                   SQLITE_OK);
  assert_int_equal(open_with(f->dir, "Asia/Kolkata", "INR"), SM_ERR_UNSUPPORTED);
}

static void another_programs_file_is_refused(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  assert_int_equal(raw_run(f->dir, "PRAGMA application_id = 7"), SQLITE_OK);
  assert_int_equal(open_with(f->dir, "Asia/Kolkata", "INR"), SM_ERR_CORRUPT);
}

static void a_file_that_is_no_database_is_refused(void **state) {
  only_embedded();
  const ledger_fixture *f = *state;
  char path[100];
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (int i = 0; i < 1000; i++) (void)fputs("not a database\n", file);
  (void)fclose(file);
  assert_int_equal(open_with(f->dir, "Asia/Kolkata", "INR"), SM_ERR_CORRUPT);
}

static void only_a_ledger_without_users_becomes_a_demo(void **state) {
  ledger_fixture *f = *state;
  free(add_user(f->ledger, 1, SM_ROLE_ADMIN));
  assert_int_equal(sm_ledger_mark_demo(f->ledger), SM_ERR_CONFLICT);
  sm_site site;
  assert_int_equal(sm_ledger_site(f->ledger, &site), SM_OK);
  assert_false(site.demo);
  sm_site_fini(&site);
}

static void a_demo_stays_one(void **state) {
  ledger_fixture *f = *state;
  assert_int_equal(sm_ledger_mark_demo(f->ledger), SM_OK);
  free(add_user(f->ledger, 1, SM_ROLE_ADMIN));
  assert_int_equal(sm_ledger_mark_demo(f->ledger), SM_OK);
  ledger_reopen(f);
  sm_site site;
  assert_int_equal(sm_ledger_site(f->ledger, &site), SM_OK);
  assert_true(site.demo);
  sm_site_fini(&site);
}

static void a_fini_may_come_twice(void **state) {
  (void)state;
  sm_user user = {.user_id = strdup("u")};
  sm_user_fini(&user);
  sm_user_fini(&user);
  sm_user_fini(NULL);
  sm_site_fini(NULL);
  sm_device_fini(NULL);
  sm_account_fini(NULL);
  sm_tariff_row_fini(NULL);
  sm_invoice_fini(NULL);
  sm_users_free(NULL, 0);
  sm_ledger_close(NULL);
}

static void roles_have_names(void **state) {
  (void)state;
  sm_role role = SM_ROLE_CONSUMER;
  assert_int_equal(sm_role_parse(sm_role_name(SM_ROLE_ADMIN), &role), SM_OK);
  assert_int_equal(role, SM_ROLE_ADMIN);
  assert_int_equal(sm_role_parse("consumer", &role), SM_OK);
  assert_int_equal(role, SM_ROLE_CONSUMER);
  assert_int_equal(sm_role_parse("Admin", &role), SM_ERR_INVALID);
}

/* ---- users ---- */

static void a_user_comes_back_as_added(void **state) {
  ledger_fixture *f = *state;
  uint8_t sealed[5] = {9, 0, 8, 0, 7};
  char hash[] = "$argon2id$x";
  sm_user user = {.email_sealed = {sealed, 5},
                  .name_sealed = {sealed, 3},
                  .role = SM_ROLE_ADMIN,
                  .password_hash = hash};
  memset(user.email_hash, 0xab, sizeof user.email_hash);
  assert_int_equal(sm_ledger_user_add(f->ledger, tester, &user), SM_OK);
  assert_int_equal(strncmp(user.user_id, "u_", 2), 0);
  ledger_reopen(f);
  sm_user got;
  assert_int_equal(sm_ledger_user_by_email(f->ledger, user.email_hash, &got), SM_OK);
  assert_string_equal(got.user_id, user.user_id);
  assert_int_equal(got.email_sealed.len, 5);
  assert_memory_equal(got.email_sealed.data, sealed, 5);
  assert_int_equal(got.name_sealed.len, 3);
  assert_memory_equal(got.email_hash, user.email_hash, 32);
  assert_int_equal(got.role, SM_ROLE_ADMIN);
  assert_string_equal(got.password_hash, hash);
  assert_false(got.disabled);
  assert_int_equal(got.created_ms, user.created_ms);
  sm_user_fini(&got);
  assert_int_equal(sm_ledger_user_by_id(f->ledger, user.user_id, &got), SM_OK);
  sm_user_fini(&got);
  free(user.user_id);
}

static void an_email_is_taken_once(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  sm_user user = {.role = SM_ROLE_ADMIN};
  memset(user.email_hash, 1, sizeof user.email_hash);
  assert_int_equal(sm_ledger_user_add(f->ledger, tester, &user), SM_ERR_EXISTS);
  assert_null(user.user_id);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit"), 1); /* the first one's */
  free(id);
}

static void unknown_users_are_not_found(void **state) {
  ledger_fixture *f = *state;
  const uint8_t nobody[32] = {1};
  sm_user user;
  assert_int_equal(sm_ledger_user_by_email(f->ledger, nobody, &user), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_user_by_id(f->ledger, "' OR 1=1 --", &user), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_user_set_password(f->ledger, tester, "u_x", "h"), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, "u_x", true), SM_ERR_NOT_FOUND);
}

static void only_an_enabled_admin_counts(void **state) {
  ledger_fixture *f = *state;
  bool has = true;
  free(add_user(f->ledger, 1, SM_ROLE_CONSUMER));
  assert_int_equal(sm_ledger_has_admin(f->ledger, &has), SM_OK);
  assert_false(has);
  char *id = add_user(f->ledger, 2, SM_ROLE_ADMIN);
  assert_int_equal(sm_ledger_has_admin(f->ledger, &has), SM_OK);
  assert_true(has);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, true), SM_OK);
  assert_int_equal(sm_ledger_has_admin(f->ledger, &has), SM_OK);
  assert_false(has);
  free(id);
}

static void pages_of_users_stand_still_while_users_are_added(void **state) {
  ledger_fixture *f = *state;
  char *id[6];
  for (uint8_t i = 0; i < 4; i++) id[i] = add_user(f->ledger, (uint8_t)(i + 1), SM_ROLE_CONSUMER);
  char after[40] = "";
  size_t seen = 0;
  for (;;) {
    sm_user *users;
    size_t count;
    assert_int_equal(sm_ledger_users(f->ledger, after, 2, &users, &count), SM_OK);
    for (size_t i = 0; i < count; i++) assert_string_equal(users[i].user_id, id[seen++]);
    if (count > 0) (void)snprintf(after, sizeof after, "%s", users[count - 1].user_id);
    sm_users_free(users, count);
    if (count == 0) break;
    if (seen == 2) id[4] = add_user(f->ledger, 50, SM_ROLE_CONSUMER);
    if (seen == 4) id[5] = add_user(f->ledger, 51, SM_ROLE_CONSUMER);
  }
  assert_int_equal(seen, 6);
  for (size_t i = 0; i < 6; i++) free(id[i]);
}

static void a_cursor_is_never_sql(void **state) {
  ledger_fixture *f = *state;
  free(add_user(f->ledger, 1, SM_ROLE_CONSUMER));
  sm_user *users;
  size_t count;
  const char *evil = "'; DELETE FROM user; --";
  assert_int_equal(sm_ledger_users(f->ledger, evil, 10, &users, &count), SM_OK);
  assert_int_equal(count, 0);
  sm_users_free(users, count);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 1);
}

/* ---- sessions ---- */

enum { T0 = 1000000, DAY = 86400000 };

static const uint8_t *token(uint8_t n) {
  static uint8_t tokens[256][32];
  memset(tokens[n], n, 32);
  return tokens[n];
}

static sm_err start(const ledger_fixture *f, const char *user_id, uint8_t n) {
  char session_id[SM_SESSION_ID_MAX + 1];
  return sm_ledger_session_start(f->ledger, user_id, token(n), T0, T0 + DAY, session_id);
}

static sm_err rotate(const ledger_fixture *f, uint8_t from, uint8_t to, int64_t at) {
  char *user_id = NULL;
  char session_id[SM_SESSION_ID_MAX + 1];
  sm_err err = sm_ledger_session_rotate(f->ledger, token(from), token(to), at, at + DAY, &user_id,
                                        session_id);
  assert_true((err == SM_OK) == (user_id != NULL));
  free(user_id);
  return err;
}

static void a_session_goes_from_token_to_token(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  char *owner = NULL;
  char session_id[SM_SESSION_ID_MAX + 1];
  assert_int_equal(sm_ledger_session_rotate(f->ledger, token(1), token(2), T0 + 900000, T0 + DAY,
                                            &owner, session_id),
                   SM_OK);
  assert_string_equal(owner, id);
  assert_int_equal(rotate(f, 2, 3, T0 + 1800000), SM_OK);
  assert_int_equal(rotate(f, 9, 4, T0 + 1800000), SM_ERR_NOT_FOUND);
  free(owner);
  free(id);
}

static void a_used_token_ends_its_family(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  assert_int_equal(start(f, id, 100), SM_OK); /* another family */
  assert_int_equal(rotate(f, 1, 2, T0), SM_OK);
  assert_int_equal(rotate(f, 2, 3, T0 + 20000), SM_OK);
  assert_int_equal(rotate(f, 1, 4, T0 + 20000), SM_ERR_DENIED);
  assert_int_equal(rotate(f, 3, 5, T0 + 20001), SM_ERR_NOT_FOUND); /* the thief's, or ours */
  assert_int_equal(rotate(f, 100, 101, T0 + 20001), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'session.reuse'"), 1);
  free(id);
}

static void a_token_may_be_used_once_more_within_ten_seconds(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  assert_int_equal(rotate(f, 1, 2, T0), SM_OK);
  assert_int_equal(rotate(f, 1, 3, T0 + 9999), SM_OK);
  assert_int_equal(rotate(f, 2, 4, T0 + 10000), SM_OK); /* both successors live */
  assert_int_equal(rotate(f, 3, 5, T0 + 10000), SM_OK);
  assert_int_equal(rotate(f, 4, 6, T0 + 10001), SM_OK);
  assert_int_equal(rotate(f, 4, 7, T0 + 10002), SM_OK);
  assert_int_equal(rotate(f, 4, 8, T0 + 10003), SM_ERR_DENIED); /* a third time */
  free(id);
}

static void after_ten_seconds_a_used_token_is_denied(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  assert_int_equal(rotate(f, 1, 2, T0), SM_OK);
  assert_int_equal(rotate(f, 1, 3, T0 + 10000), SM_ERR_DENIED);
  free(id);
}

static void an_expired_token_is_unknown(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  assert_int_equal(rotate(f, 1, 2, T0 + DAY), SM_ERR_NOT_FOUND);
  char session_id[SM_SESSION_ID_MAX + 1];
  assert_int_equal(
      sm_ledger_session_start(f->ledger, id, token(5), T0 + DAY, T0 + 2 * DAY, session_id), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM session"), 1); /* the old one is gone */
  free(id);
}

static void a_session_ends_by_any_of_its_tokens(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  assert_int_equal(rotate(f, 1, 2, T0), SM_OK);
  assert_int_equal(sm_ledger_session_end(f->ledger, token(77)), SM_OK);
  assert_int_equal(sm_ledger_session_end(f->ledger, token(1)), SM_OK);
  assert_int_equal(rotate(f, 2, 3, T0), SM_ERR_NOT_FOUND);
  free(id);
}

static void a_new_password_or_a_ban_ends_all_sessions(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(start(f, id, 1), SM_OK);
  assert_int_equal(sm_ledger_user_set_password(f->ledger, tester, id, "hash"), SM_OK);
  assert_int_equal(rotate(f, 1, 2, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(start(f, id, 3), SM_OK);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, true), SM_OK);
  assert_int_equal(rotate(f, 3, 4, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(start(f, id, 5), SM_ERR_DENIED);
  assert_int_equal(start(f, "u_nobody", 5), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, false), SM_OK);
  assert_int_equal(start(f, id, 5), SM_OK);
  assert_int_equal(start(f, id, 5), SM_ERR_EXISTS);
  free(id);
}

/* ---- audit ---- */

static int64_t verify(const ledger_fixture *f, int64_t *checked) {
  int64_t bad_no = -1;
  uint8_t head[32];
  assert_int_equal(sm_ledger_audit_verify(f->ledger, checked, &bad_no, head), SM_OK);
  return bad_no;
}

static void add_audit(const ledger_fixture *f, int count) {
  for (int i = 0; i < count; i++) {
    assert_int_equal(sm_ledger_audit(f->ledger, tester, "login.failed", "u_1", "{\"n\":1}"), SM_OK);
  }
}

static void the_audit_chain_holds(void **state) {
  ledger_fixture *f = *state;
  int64_t checked;
  assert_int_equal(verify(f, &checked), 0);
  assert_int_equal(checked, 0);
  add_audit(f, 3);
  assert_int_equal(sm_ledger_audit(f->ledger, (sm_actor){NULL}, "a", NULL, NULL), SM_OK);
  assert_int_equal(verify(f, &checked), 0);
  assert_int_equal(checked, 4);
  assert_int_equal(sm_ledger_audit(f->ledger, tester, "a", "b", "not json"), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_audit(f->ledger, tester, "", "b", "{}"), SM_ERR_INVALID);
}

static void audit_entries_come_in_pages(void **state) {
  ledger_fixture *f = *state;
  add_audit(f, 5);
  sm_audit_entry *entries;
  size_t count;
  assert_int_equal(sm_ledger_audit_entries(f->ledger, 0, INT64_MAX, 2, 2, &entries, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_int_equal(entries[0].audit_no, 3);
  assert_string_equal(entries[0].actor, "tester");
  assert_string_equal(entries[0].action, "login.failed");
  assert_string_equal(entries[0].subject, "u_1");
  assert_string_equal(entries[1].detail, "{\"n\":1}");
  sm_audit_entries_free(entries, count);
  assert_int_equal(sm_ledger_audit_entries(f->ledger, 0, 1, 0, 9, &entries, &count), SM_OK);
  assert_int_equal(count, 0);
  sm_audit_entries_free(entries, count);
}

static void the_audit_log_resists_plain_sql(void **state) {
  ledger_fixture *f = *state;
  add_audit(f, 2);
  static const char *const tries[] = {
      "UPDATE audit SET actor = 'x' WHERE audit_no = 1",
      "DELETE FROM audit WHERE audit_no = 2",
      "INSERT OR REPLACE INTO audit SELECT audit_no, site_no, at_ms, 'x', action, subject, "
      "detail, previous_hash, hash FROM audit WHERE audit_no = 2",
      "INSERT INTO audit SELECT 9, site_no, at_ms, 'x', action, subject, detail, hash, hash "
      "FROM audit WHERE audit_no = 2",
      "INSERT INTO audit SELECT 3, site_no, at_ms, 'x', action, subject, detail, previous_hash, "
      "hash FROM audit WHERE audit_no = 2",
  };
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
    assert_int_equal(raw_run(f->dir, tries[i]), SQLITE_CONSTRAINT);
  }
  int64_t checked;
  assert_int_equal(verify(f, &checked), 0);
  assert_int_equal(checked, 2);
}

static void an_edited_audit_entry_is_found(void **state) {
  ledger_fixture *f = *state;
  add_audit(f, 6);
  assert_int_equal(raw_run(f->dir, "DROP TRIGGER audit_keep; DROP TRIGGER audit_stay;"
                                   "UPDATE audit SET at_ms = at_ms + 1 WHERE audit_no = 5"),
                   SQLITE_OK);
  int64_t checked;
  assert_int_equal(verify(f, &checked), 5);
  assert_int_equal(checked, 4);
  assert_int_equal(
      raw_run(f->dir,
              on_server()
                  ? "UPDATE audit SET action = action || 'x' WHERE audit_no = 4"
                  : "UPDATE audit SET action = action || char(0) || 'x' WHERE audit_no = 4"),
      SQLITE_OK);
  assert_int_equal(verify(f, &checked), 4);
  assert_int_equal(raw_run(f->dir, "DELETE FROM audit WHERE audit_no = 2"), SQLITE_OK);
  assert_int_equal(verify(f, &checked), 3);
  assert_int_equal(checked, 1);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_dir_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(a_new_ledger_has_its_site),
      LEDGER_TEST(the_first_site_stays_when_opened_with_another),
      LEDGER_TEST(files_are_private),
      DIR_TEST(a_bad_zone_or_currency_makes_no_ledger),
      LEDGER_TEST(a_newer_ledger_is_refused),
      LEDGER_TEST(another_programs_file_is_refused),
      DIR_TEST(a_file_that_is_no_database_is_refused),
      LEDGER_TEST(only_a_ledger_without_users_becomes_a_demo),
      LEDGER_TEST(a_demo_stays_one),
      cmocka_unit_test(a_fini_may_come_twice),
      cmocka_unit_test(roles_have_names),
      LEDGER_TEST(a_user_comes_back_as_added),
      LEDGER_TEST(an_email_is_taken_once),
      LEDGER_TEST(unknown_users_are_not_found),
      LEDGER_TEST(only_an_enabled_admin_counts),
      LEDGER_TEST(pages_of_users_stand_still_while_users_are_added),
      LEDGER_TEST(a_cursor_is_never_sql),
      LEDGER_TEST(a_session_goes_from_token_to_token),
      LEDGER_TEST(a_used_token_ends_its_family),
      LEDGER_TEST(a_token_may_be_used_once_more_within_ten_seconds),
      LEDGER_TEST(after_ten_seconds_a_used_token_is_denied),
      LEDGER_TEST(an_expired_token_is_unknown),
      LEDGER_TEST(a_session_ends_by_any_of_its_tokens),
      LEDGER_TEST(a_new_password_or_a_ban_ends_all_sessions),
      LEDGER_TEST(the_audit_chain_holds),
      LEDGER_TEST(audit_entries_come_in_pages),
      LEDGER_TEST(the_audit_log_resists_plain_sql),
      LEDGER_TEST(an_edited_audit_entry_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
