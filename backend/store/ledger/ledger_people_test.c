/* Who may be here, links, changes by admins, and a ledger from before all of these. */
#include "store/embedded/ledger_schema.h"
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_people.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { T0 = 1000000, DAY = 86400000 };

static const uint8_t hash_a[32] = {1};
static const uint8_t hash_b[32] = {2};

static int64_t version(const ledger_fixture *f) {
  int64_t got = 0;
  assert_int_equal(sm_ledger_people_version(f->ledger, &got), SM_OK);
  return got;
}

static sm_err standing(const ledger_fixture *f, const char *user_id, const char *session_id) {
  sm_standing got;
  return sm_ledger_standing(f->ledger, user_id, session_id, &got);
}

static char *add_admin(const ledger_fixture *f, uint8_t mark) {
  char *id = add_user(f->ledger, mark, SM_ROLE_ADMIN);
  assert_int_equal(sm_ledger_user_set_password(f->ledger, tester, id, "hash"), SM_OK);
  return id;
}

/* ---- who may be here ---- */

static void a_standing_ends_with_the_session_and_the_user(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char *other = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  char session[SM_SESSION_ID_MAX + 1];
  assert_int_equal(sm_ledger_session_start(f->ledger, id, hash_a, T0, T0 + DAY, session), SM_OK);
  assert_int_equal(standing(f, id, NULL), SM_OK);
  assert_int_equal(standing(f, id, session), SM_OK);
  assert_int_equal(standing(f, other, session), SM_ERR_NOT_FOUND);
  assert_int_equal(standing(f, id, "f_none"), SM_ERR_NOT_FOUND);
  assert_int_equal(standing(f, "u_none", NULL), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_session_end(f->ledger, hash_a), SM_OK);
  assert_int_equal(standing(f, id, session), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, true), SM_OK);
  assert_int_equal(standing(f, id, NULL), SM_ERR_NOT_FOUND);
  free(id);
  free(other);
}

/* What is remembered must be forgotten at these, and needs not be at the rest. */
static void the_version_moves_when_somebody_may_be_shut_out(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char session[SM_SESSION_ID_MAX + 1];
  char *user_id = NULL;
  int64_t was = version(f);
  assert_int_equal(sm_ledger_session_start(f->ledger, id, hash_a, T0, T0 + DAY, session), SM_OK);
  assert_int_equal(
      sm_ledger_session_rotate(f->ledger, hash_a, hash_b, T0, T0 + DAY, &user_id, session), SM_OK);
  assert_int_equal(sm_ledger_audit(f->ledger, tester, "login.failed", "", NULL), SM_OK);
  assert_int_equal(version(f), was);
  free(user_id);

  assert_int_equal(sm_ledger_session_end(f->ledger, hash_b), SM_OK);
  assert_true(version(f) > was);
  was = version(f);
  assert_int_equal(sm_ledger_user_set_password(f->ledger, tester, id, "hash"), SM_OK);
  assert_true(version(f) > was);
  was = version(f);
  const sm_user_change promoted = {.set_role = true, .role = SM_ROLE_ADMIN};
  assert_int_equal(sm_ledger_user_change(f->ledger, tester, id, &promoted), SM_OK);
  assert_true(version(f) > was);
  was = version(f);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, true), SM_OK);
  assert_true(version(f) > was);
  free(id);
}

static void a_password_keeps_the_session_that_made_it(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char here[SM_SESSION_ID_MAX + 1];
  char there[SM_SESSION_ID_MAX + 1];
  assert_int_equal(sm_ledger_session_start(f->ledger, id, hash_a, T0, T0 + DAY, here), SM_OK);
  assert_int_equal(sm_ledger_session_start(f->ledger, id, hash_b, T0 + 5, T0 + DAY, there), SM_OK);
  sm_session_row *rows = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_sessions(f->ledger, id, T0 + 6, &rows, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(rows[0].session_id, there); /* the latest first */
  assert_int_equal(rows[1].began_ms, T0);
  free(rows);
  assert_int_equal(sm_ledger_password_set(f->ledger, tester, id, "hash", true, here), SM_OK);
  assert_int_equal(standing(f, id, here), SM_OK);
  assert_int_equal(standing(f, id, there), SM_ERR_NOT_FOUND);
  sm_user user;
  assert_int_equal(sm_ledger_user_by_id(f->ledger, id, &user), SM_OK);
  assert_true(user.must_change);
  sm_user_fini(&user);
  assert_int_equal(sm_ledger_session_close(f->ledger, tester, "u_none", here), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_session_close(f->ledger, tester, id, here), SM_OK);
  assert_int_equal(standing(f, id, here), SM_ERR_NOT_FOUND);
  free(id);
}

static void a_session_remembers_its_login(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char first[SM_SESSION_ID_MAX + 1];
  char second[SM_SESSION_ID_MAX + 1];
  char *user_id = NULL;
  sm_session_row *rows = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_session_start(f->ledger, id, hash_a, T0, T0 + 100, first), SM_OK);
  assert_int_equal(
      sm_ledger_session_rotate(f->ledger, hash_a, hash_b, T0 + 50, T0 + 200, &user_id, second),
      SM_OK);
  assert_string_equal(first, second);
  assert_int_equal(sm_ledger_sessions(f->ledger, id, T0 + 150, &rows, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_int_equal(rows[0].began_ms, T0); /* though the row of the login has ended */
  assert_int_equal(rows[0].renewed_ms, T0 + 50);
  assert_int_equal(rows[0].expires_ms, T0 + 200);
  free(rows);
  free(user_id);
  free(id);
}

/* ---- links ---- */

static sm_err redeem(const ledger_fixture *f, const uint8_t hash[32], int64_t at) {
  return sm_ledger_link_redeem(f->ledger, hash, at, "new hash");
}

static void a_link_is_good_once_and_for_its_time(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  sm_user user;
  assert_int_equal(sm_ledger_link_make(f->ledger, tester, "u_none", hash_a, T0, T0 + DAY),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_link_make(f->ledger, tester, id, hash_a, T0, T0 + DAY), SM_OK);
  assert_int_equal(sm_ledger_link_user(f->ledger, hash_a, T0 + DAY, &user), SM_ERR_NOT_FOUND);
  assert_int_equal(redeem(f, hash_a, T0 + DAY), SM_ERR_NOT_FOUND);
  assert_int_equal(redeem(f, hash_b, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_link_make(f->ledger, tester, id, hash_b, T0, T0 + DAY), SM_OK);
  assert_int_equal(redeem(f, hash_a, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_link_user(f->ledger, hash_b, T0, &user), SM_OK);
  assert_string_equal(user.user_id, id);
  sm_user_fini(&user);
  assert_int_equal(redeem(f, hash_b, T0), SM_OK);
  assert_int_equal(redeem(f, hash_b, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM password_link"), 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user WHERE password_hash = 'new hash'"),
                   1);
  free(id);
}

static void a_link_goes_with_its_user_and_with_a_new_password(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(sm_ledger_link_make(f->ledger, tester, id, hash_a, T0, T0 + DAY), SM_OK);
  assert_int_equal(sm_ledger_user_set_password(f->ledger, tester, id, "hash"), SM_OK);
  assert_int_equal(redeem(f, hash_a, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_link_make(f->ledger, tester, id, hash_a, T0, T0 + DAY), SM_OK);
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, true), SM_OK);
  assert_int_equal(redeem(f, hash_a, T0), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_link_make(f->ledger, tester, id, hash_a, T0, T0 + DAY), SM_ERR_DENIED);
  free(id);
}

/* ---- admins ---- */

typedef struct contest {
  sm_ledger *ledger;
  const char *user_id;
  sm_err err;
} contest;

static void *disable(void *context) {
  contest *c = context;
  const sm_user_change off = {.set_disabled = true, .disabled = true};
  c->err = sm_ledger_user_change(c->ledger, tester, c->user_id, &off);
  return NULL;
}

static void two_admins_who_disable_each_other_leave_one(void **state) {
  ledger_fixture *f = *state;
  char *one = add_admin(f, 1);
  char *two = add_admin(f, 2);
  sm_ledger *second = ledger_open(f->dir); /* another process */
  contest c[2] = {{.ledger = f->ledger, .user_id = one}, {.ledger = second, .user_id = two}};
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, disable, &c[i]), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
  assert_true((c[0].err == SM_OK && c[1].err == SM_ERR_CONFLICT) ||
              (c[1].err == SM_OK && c[0].err == SM_ERR_CONFLICT));
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user WHERE disabled = 0"), 1);
  sm_ledger_close(second);
  free(one);
  free(two);
}

static void what_is_as_it_was_writes_nothing(void **state) {
  ledger_fixture *f = *state;
  char *id = add_admin(f, 1);
  int64_t entries = raw_i64(f->dir, "SELECT count(*) FROM audit");
  const sm_user_change same = {.set_role = true, .role = SM_ROLE_ADMIN, .set_disabled = true};
  assert_int_equal(sm_ledger_user_change(f->ledger, tester, id, &same), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit"), entries);
  free(id);
}

/* ---- a ledger from before ---- */

static void a_ledger_of_version_5_keeps_its_people(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  char path[100];
  sqlite3 *db;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  const char *const schemas[] = {sm_ledger_schema_1, sm_ledger_schema_2, sm_ledger_schema_3,
                                 sm_ledger_schema_4, sm_ledger_schema_5};
  for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
    assert_int_equal(sqlite3_exec(db, schemas[i], NULL, NULL, NULL), SQLITE_OK);
  static const char old[] =
      "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x534d4c31; PRAGMA user_version = 5; "
      "INSERT INTO site VALUES (1, 'Old', 'Asia/Kolkata', 'INR', '{}', 0, 0);"
      "INSERT INTO user (site_no, user_id, email_hash, role, password_hash, created_ms) VALUES "
      "(1, 'u_old', zeroblob(32), 'admin', 'hash', 7);"
      "INSERT INTO session (token_hash, site_no, user_no, family, created_ms, expires_ms) VALUES "
      "(zeroblob(32), 1, 1, 'f_old', 8, 1000);";
  assert_int_equal(sqlite3_exec(db, old, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  f->ledger = ledger_open(f->dir);
  sm_user user;
  assert_int_equal(sm_ledger_user_by_id(f->ledger, "u_old", &user), SM_OK);
  assert_false(user.must_change);
  assert_null(user.language);
  sm_user_fini(&user);
  assert_int_equal(standing(f, "u_old", "f_old"), SM_OK);
  sm_session_row *rows = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_sessions(f->ledger, "u_old", 9, &rows, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_int_equal(rows[0].began_ms, 8);
  free(rows);
  int64_t was = version(f);
  assert_int_equal(sm_ledger_user_set_password(f->ledger, tester, "u_old", "other"), SM_OK);
  assert_true(version(f) > was);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON(a_standing_ends_with_the_session_and_the_user),
      ON(the_version_moves_when_somebody_may_be_shut_out),
      ON(a_password_keeps_the_session_that_made_it),
      ON(a_session_remembers_its_login),
      ON(a_link_is_good_once_and_for_its_time),
      ON(a_link_goes_with_its_user_and_with_a_new_password),
      ON(two_admins_who_disable_each_other_leave_one),
      ON(what_is_as_it_was_writes_nothing),
      cmocka_unit_test_setup_teardown(a_ledger_of_version_5_keeps_its_people, ledger_dir_set_up,
                                      ledger_tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
