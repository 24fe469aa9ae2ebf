/* The identity on the embedded ledger: logins, sessions, bearers, users. */
#include "auth/identity.h"

#include "auth/auth_test_util.h"
#include "auth/identity_internal.h"
#include "auth/identity_people.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EMAIL "anna@example.org"
#define PASSWORD "nine lives, one meter"
#define HOME "192.0.2.1"
#define ELSEWHERE "198.51.100.7"

static const sm_actor cli = {"cli"};

typedef struct fixture {
  char dir[TEST_DIR_MAX];
  test_clock clock;
  sm_ledger *ledger;
  sm_identity *identity;
} fixture;

static sm_identity *open_identity(fixture *f) {
  sm_identity_options options = {.ledger = f->ledger,
                                 .data_dir = f->dir,
                                 .password = test_cheap,
                                 .now = test_clock_now,
                                 .steady = test_clock_now,
                                 .now_context = &f->clock};
  sm_identity *identity = NULL;
  assert_int_equal(sm_identity_new(&options, &identity), SM_OK);
  return identity;
}

static void add_user(fixture *f, const char *email, const char *password, sm_role role) {
  sm_problems problems = {0};
  sm_user_new user = {.email = email,
                      .name = "Anna",
                      .password = password,
                      .password_len = password == NULL ? 0 : strlen(password),
                      .role = role};
  char *user_id = NULL;
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &user_id), SM_OK);
  free(user_id);
}

static int setup(void **state) {
  static fixture f;
  (void)test_dir_make(f.dir);
  f.clock.ms = 1767225600000;
  sm_embedded_options options = {.data_dir = f.dir, .zone = "Asia/Kolkata", .currency = "INR"};
  if (sm_embedded_ledger_open(&options, &f.ledger) != SM_OK) return -1;
  f.identity = open_identity(&f);
  add_user(&f, EMAIL, PASSWORD, SM_ROLE_CONSUMER);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  sm_identity_free(f->identity);
  sm_ledger_close(f->ledger);
  test_dir_remove(f->dir);
  return 0;
}

static sm_err try_login(fixture *f, const char *email, const char *password, const char *address,
                        sm_session *session, int64_t *retry_after_s) {
  return sm_identity_login(f->identity, email, password, strlen(password), address, session,
                           retry_after_s);
}

/* Where only the verdict matters. */
static sm_err login(fixture *f, const char *email, const char *password, const char *address) {
  sm_session session = {0};
  int64_t retry_after_s = 0;
  sm_err err = try_login(f, email, password, address, &session, &retry_after_s);
  if (err == SM_OK) sm_session_fini(&session);
  if (err == SM_ERR_BUSY) assert_true(retry_after_s >= 1);
  return err;
}

static sm_session logged_in(fixture *f) {
  sm_session session = {0};
  int64_t retry_after_s = 0;
  assert_int_equal(try_login(f, EMAIL, PASSWORD, HOME, &session, &retry_after_s), SM_OK);
  return session;
}

static sm_err refresh(fixture *f, const char *token, sm_session *session) {
  return sm_identity_refresh(f->identity, token, strlen(token), HOME, session);
}

static sm_err bearer(fixture *f, const char *token, sm_claims *claims) {
  return sm_identity_authenticate(f->identity, token, strlen(token), claims);
}

static int64_t audit_count(fixture *f) {
  sm_audit_entry *entry = NULL;
  size_t count = 0;
  assert_int_equal(
      sm_ledger_audit_entries(f->ledger, INT64_MIN, INT64_MAX, 0, 1000, &entry, &count), SM_OK);
  sm_audit_entries_free(entry, count);
  return (int64_t)count;
}

/* ---- login ---- */

static void a_login_gives_tokens_that_say_who(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  sm_claims claims = {0};
  assert_string_equal(session.user.email, EMAIL);
  assert_string_equal(session.user.name, "Anna");
  assert_int_equal(session.expires_in_s, 900);
  assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  assert_string_equal(claims.user_id, session.user.user_id);
  assert_int_equal(claims.role, SM_ROLE_CONSUMER);
  sm_session_fini(&session);
}

static void an_address_may_be_typed_in_any_case(void **state) {
  assert_int_equal(login(*state, " ANNA@Example.ORG ", PASSWORD, HOME), SM_OK);
}

static void every_failure_looks_the_same(void **state) {
  fixture *f = *state;
  char *person = NULL;
  add_user(f, "gone@example.org", PASSWORD, SM_ROLE_CONSUMER);
  assert_int_equal(sm_identity_set_disabled(f->identity, cli, "gone@example.org", true), SM_OK);
  assert_int_equal(sm_identity_ensure_person(f->identity, cli, "owner@example.org", &person),
                   SM_OK);
  free(person);
  assert_int_equal(login(f, EMAIL, "another password", HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "nobody@example.org", PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "gone@example.org", PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "owner@example.org", PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "owner@example.org", "", HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "no address at all", PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "", "", ""), SM_ERR_DENIED);
}

/* Time must not tell who is there: whatever is wrong, one hash is computed, of the same cost, and
 * one entry written. */
static void every_failure_costs_the_same(void **state) {
  fixture *f = *state;
  static char giant[5000];
  memset(giant, 'x', sizeof giant - 1);
  char *person = NULL;
  add_user(f, "gone@example.org", PASSWORD, SM_ROLE_CONSUMER);
  assert_int_equal(sm_identity_set_disabled(f->identity, cli, "gone@example.org", true), SM_OK);
  assert_int_equal(sm_identity_ensure_person(f->identity, cli, "owner@example.org", &person),
                   SM_OK);
  free(person);
  const char *const tries[][2] = {{EMAIL, "another password"},
                                  {"nobody@example.org", PASSWORD},
                                  {"gone@example.org", PASSWORD},
                                  {"owner@example.org", PASSWORD},
                                  {"owner@example.org", ""},
                                  {"no address at all", PASSWORD},
                                  {EMAIL, giant},
                                  {"nobody@example.org", giant}};
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
    uint64_t before = sm_passwords_checks(f->identity->passwords);
    int64_t audit_before = audit_count(f);
    assert_int_equal(login(f, tries[i][0], tries[i][1], HOME), SM_ERR_DENIED);
    assert_int_equal(sm_passwords_checks(f->identity->passwords), before + 1);
    assert_int_equal(audit_count(f), audit_before + 1);
  }
  sm_user user = {0};
  uint8_t hash[32];
  assert_int_equal(sm_email_hash(f->identity->sealer, EMAIL, hash), SM_OK);
  assert_int_equal(sm_ledger_user_by_email(f->ledger, hash, &user), SM_OK);
  const char *nobody = sm_passwords_nobody(f->identity->passwords);
  size_t cost = (size_t)(strchr(strchr(nobody + 1, '$') + 1, '$') - nobody);
  cost += strcspn(nobody + cost + 1, "$") + 1; /* "$argon2id$v=19$m=…,t=…,p=1" */
  assert_memory_equal(user.password_hash, nobody, cost);
  sm_user_fini(&user);
}

/* A thousand machines guess at one account: whoever has a session there, or was let in at this
 * address before, does not wait. */
static void the_owner_gets_in_while_many_hammer(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  for (int i = 0; i < 60; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "198.51.100.%d", i);
    (void)login(f, EMAIL, "another password", address);
  }
  assert_int_equal(login(f, EMAIL, PASSWORD, "203.0.113.9"), SM_ERR_BUSY);
  assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_OK);
  sm_session next = {0};
  assert_int_equal(sm_identity_refresh(f->identity, session.refresh, strlen(session.refresh),
                                       "203.0.113.9", &next),
                   SM_OK);
  assert_int_equal(login(f, EMAIL, PASSWORD, "203.0.113.9"), SM_OK); /* known from now on */
  sm_session_fini(&session);
  sm_session_fini(&next);
}

static void guessing_is_slowed_down_and_the_owner_elsewhere_is_not(void **state) {
  fixture *f = *state;
  sm_session session = {0};
  int64_t retry_after_s = 0;
  for (int i = 0; i < 10; i++)
    assert_int_equal(login(f, EMAIL, "another password", HOME), SM_ERR_DENIED);
  assert_int_equal(try_login(f, EMAIL, PASSWORD, HOME, &session, &retry_after_s), SM_ERR_BUSY);
  assert_int_equal(retry_after_s, 5);
  assert_int_equal(login(f, "ANNA@example.org", PASSWORD, HOME), SM_ERR_BUSY);
  assert_int_equal(login(f, EMAIL, PASSWORD, ELSEWHERE), SM_OK);
  f->clock.ms += 5000;
  assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_OK);
}

static void unknown_accounts_are_slowed_down_alike(void **state) {
  fixture *f = *state;
  for (int i = 0; i < 10; i++)
    assert_int_equal(login(f, "nobody@example.org", PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, "nobody@example.org", PASSWORD, HOME), SM_ERR_BUSY);
}

static void who_knows_the_password_is_never_slowed_down(void **state) {
  for (int i = 0; i < 30; i++) assert_int_equal(login(*state, EMAIL, PASSWORD, HOME), SM_OK);
}

static size_t failures_in_audit(fixture *f, bool *names_what_was_typed) {
  sm_audit_entry *entry = NULL;
  size_t count = 0;
  size_t failed = 0;
  *names_what_was_typed = false;
  assert_int_equal(
      sm_ledger_audit_entries(f->ledger, INT64_MIN, INT64_MAX, 0, 1000, &entry, &count), SM_OK);
  for (size_t i = 0; i < count; i++) {
    failed += strcmp(entry[i].action, "login.failed") == 0;
    if (strstr(entry[i].detail, "example.org") != NULL) *names_what_was_typed = true;
  }
  sm_audit_entries_free(entry, count);
  return failed;
}

static void failed_logins_are_in_the_audit_log_at_a_bounded_rate(void **state) {
  fixture *f = *state;
  bool names = true;
  assert_int_equal(login(f, EMAIL, "another password", HOME), SM_ERR_DENIED);
  assert_int_equal(failures_in_audit(f, &names), 1);
  for (int i = 0; i < 90; i++) {
    char email[64];
    char address[32];
    (void)snprintf(email, sizeof email, "user%d@example.org", i);
    (void)snprintf(address, sizeof address, "203.0.113.%d", i);
    assert_int_equal(login(f, email, PASSWORD, address), SM_ERR_DENIED);
  }
  assert_int_equal(failures_in_audit(f, &names), 60);
  assert_false(names);
}

/* ---- sessions ---- */

static void a_refresh_gives_new_tokens_again_and_again(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  for (int i = 0; i < 3; i++) {
    sm_session next = {0};
    sm_claims claims = {0};
    f->clock.ms += 900000;
    assert_int_equal(bearer(f, session.token, &claims), SM_ERR_DENIED);
    assert_int_equal(refresh(f, session.refresh, &next), SM_OK);
    assert_string_not_equal(next.refresh, session.refresh);
    assert_int_equal(bearer(f, next.token, &claims), SM_OK);
    assert_string_equal(next.user.email, EMAIL);
    sm_session_fini(&session);
    session = next;
  }
  sm_session_fini(&session);
}

static void a_token_used_twice_ends_the_whole_session(void **state) {
  fixture *f = *state;
  sm_session first = logged_in(f);
  sm_session second = {0};
  sm_session none = {0};
  assert_int_equal(refresh(f, first.refresh, &second), SM_OK);
  f->clock.ms += 11000;
  assert_int_equal(refresh(f, first.refresh, &none), SM_ERR_DENIED);
  assert_int_equal(refresh(f, second.refresh, &none), SM_ERR_DENIED);
  sm_session_fini(&first);
  sm_session_fini(&second);
}

static void a_lost_answer_may_be_asked_for_again_at_once(void **state) {
  fixture *f = *state;
  sm_session first = logged_in(f);
  sm_session lost = {0};
  sm_session again = {0};
  sm_session next = {0};
  assert_int_equal(refresh(f, first.refresh, &lost), SM_OK);
  f->clock.ms += 2000;
  assert_int_equal(refresh(f, first.refresh, &again), SM_OK);
  assert_int_equal(refresh(f, again.refresh, &next), SM_OK);
  sm_session_fini(&first);
  sm_session_fini(&lost);
  sm_session_fini(&again);
  sm_session_fini(&next);
}

static void sessions_end_by_logout_and_by_time(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  sm_session none = {0};
  assert_int_equal(sm_identity_logout(f->identity, session.refresh, strlen(session.refresh)),
                   SM_OK);
  assert_int_equal(refresh(f, session.refresh, &none), SM_ERR_DENIED);
  assert_int_equal(sm_identity_logout(f->identity, session.refresh, strlen(session.refresh)),
                   SM_OK);
  assert_int_equal(sm_identity_logout(f->identity, "nonsense", 8), SM_OK);
  assert_int_equal(sm_identity_logout(f->identity, NULL, 0), SM_OK);
  sm_session_fini(&session);
  session = logged_in(f);
  f->clock.ms += (int64_t)SM_REFRESH_LIFE_S * 1000;
  assert_int_equal(refresh(f, session.refresh, &none), SM_ERR_DENIED);
  sm_session_fini(&session);
}

static void nonsense_is_no_refresh_token(void **state) {
  fixture *f = *state;
  sm_session none = {0};
  char unknown[SM_REFRESH_TOKEN_MAX];
  assert_int_equal(refresh(f, "", &none), SM_ERR_DENIED);
  assert_int_equal(refresh(f, "nonsense", &none), SM_ERR_DENIED);
  assert_int_equal(refresh(f, sm_refresh_token_make(unknown), &none), SM_ERR_DENIED);
}

/* ---- bearers ---- */

static void a_disabled_user_is_out_at_once_and_can_come_back(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  sm_session none = {0};
  sm_claims claims = {0};
  assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  assert_int_equal(sm_identity_set_disabled(f->identity, cli, EMAIL, true), SM_OK);
  assert_int_equal(bearer(f, session.token, &claims), SM_ERR_DENIED);
  assert_int_equal(refresh(f, session.refresh, &none), SM_ERR_DENIED);
  assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(sm_identity_set_disabled(f->identity, cli, EMAIL, false), SM_OK);
  assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_OK);
  sm_session_fini(&session);
}

/* The command line is another process on the same ledger. */
static void what_another_process_disables_is_out_within_a_second(void **state) {
  fixture *f = *state;
  sm_identity *other = open_identity(f);
  sm_session session = logged_in(f);
  sm_claims claims = {0};
  assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  assert_int_equal(sm_identity_set_disabled(other, cli, EMAIL, true), SM_OK);
  f->clock.ms += SM_ACTIVE_MS;
  assert_int_equal(bearer(f, session.token, &claims), SM_ERR_DENIED);
  sm_session_fini(&session);
  sm_identity_free(other);
}

/* What is remembered outlives everything but a change. */
static void nothing_is_asked_again_while_nothing_changes(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  sm_claims claims = {0};
  assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  uint64_t changes = f->identity->changes;
  for (int i = 0; i < 20; i++) {
    f->clock.ms += SM_ACTIVE_MS;
    assert_int_equal(login(f, "nobody@example.org", PASSWORD, ELSEWHERE),
                     i < 10 ? SM_ERR_DENIED : SM_ERR_BUSY); /* writes to the audit log */
    assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  }
  assert_int_equal(f->identity->changes, changes);
  sm_session_fini(&session);
}

static void a_token_ends_with_its_session(void **state) {
  fixture *f = *state;
  sm_session here = logged_in(f);
  sm_session there = logged_in(f);
  sm_claims claims = {0};
  assert_string_not_equal(here.session_id, there.session_id);
  assert_int_equal(bearer(f, here.token, &claims), SM_OK);
  assert_string_equal(claims.session_id, here.session_id);
  assert_int_equal(sm_identity_logout(f->identity, here.refresh, strlen(here.refresh)), SM_OK);
  assert_int_equal(bearer(f, here.token, &claims), SM_ERR_DENIED);
  assert_int_equal(bearer(f, there.token, &claims), SM_OK);
  assert_int_equal(sm_identity_session_close(f->identity, cli, "u_nobody", there.session_id),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(
      sm_identity_session_close(f->identity, cli, there.user.user_id, there.session_id), SM_OK);
  assert_int_equal(bearer(f, there.token, &claims), SM_ERR_DENIED);
  sm_session_fini(&here);
  sm_session_fini(&there);
}

static void tokens_of_nobody_are_denied(void **state) {
  fixture *f = *state;
  sm_claims claims = {0};
  sm_standing standing;
  assert_int_equal(bearer(f, "", &claims), SM_ERR_DENIED);
  assert_int_equal(bearer(f, "a.b.c", &claims), SM_ERR_DENIED);
  assert_int_equal(sm_identity_active(f->identity, "u_nobody", NULL, &standing), SM_ERR_DENIED);
  assert_int_equal(sm_identity_active(f->identity, "", NULL, &standing), SM_ERR_DENIED);
}

typedef struct crowd {
  fixture *f;
  const char *token;
  atomic_bool over;
  atomic_int wrong;
} crowd;

static void *ask_again(void *context) {
  crowd *c = context;
  while (!atomic_load(&c->over)) {
    sm_claims claims;
    if (bearer(c->f, c->token, &claims) != SM_OK) atomic_fetch_add(&c->wrong, 1);
  }
  return NULL;
}

/* Nobody who may be here is ever turned away for what happens to others, nor for new keys. */
static void many_ask_while_people_and_keys_change(void **state) {
  fixture *f = *state;
  enum { THREADS = 4 };
  pthread_t thread[THREADS];
  sm_session session = logged_in(f);
  crowd c = {.f = f, .token = session.token};
  add_user(f, "bert@example.org", PASSWORD, SM_ROLE_CONSUMER);
  sm_identity *other = open_identity(f);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&thread[i], NULL, ask_again, &c), 0);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(sm_identity_set_disabled(i % 4 < 2 ? f->identity : other, cli,
                                              "bert@example.org", i % 2 == 0),
                     SM_OK);
    assert_int_equal(sm_identity_rotate_tokens(other, cli, false), SM_OK);
    assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_OK); /* signs with the new key */
  }
  atomic_store(&c.over, true);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
  assert_int_equal(atomic_load(&c.wrong), 0);
  sm_identity_free(other);
  sm_session_fini(&session);
}

/* ---- users ---- */

static void bad_users_are_refused_field_by_field(void **state) {
  fixture *f = *state;
  sm_problems problems = {0};
  char *user_id = NULL;
  sm_user_new user = {.email = "anna", .name = "a\nb", .password = "short", .password_len = 5};
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &user_id),
                   SM_ERR_INVALID);
  assert_int_equal(problems.count, 3);
  assert_string_equal(problems.item[0].field, "email");
  assert_string_equal(problems.item[1].field, "name");
  assert_string_equal(problems.item[2].field, "password");
  assert_null(user_id);
}

static void an_address_is_taken_once_however_it_is_typed(void **state) {
  fixture *f = *state;
  sm_problems problems = {0};
  char *user_id = NULL;
  sm_user_new user = {
      .email = "Anna@EXAMPLE.org", .password = PASSWORD, .password_len = strlen(PASSWORD)};
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &user_id),
                   SM_ERR_EXISTS);
  assert_null(user_id);
}

static void an_owner_who_was_only_named_can_be_given_a_password(void **state) {
  fixture *f = *state;
  char *first = NULL;
  char *second = NULL;
  assert_int_equal(sm_identity_ensure_person(f->identity, cli, "owner@example.org", &first), SM_OK);
  assert_int_equal(sm_identity_ensure_person(f->identity, cli, "Owner@example.org", &second),
                   SM_OK);
  assert_string_equal(first, second);
  free(second);
  sm_problems problems = {0};
  sm_user_new user = {.email = "owner@example.org",
                      .password = PASSWORD,
                      .password_len = strlen(PASSWORD),
                      .role = SM_ROLE_ADMIN};
  /* Not by the way to an admin. */
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &second),
                   SM_ERR_EXISTS);
  user.role = SM_ROLE_CONSUMER;
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &second), SM_OK);
  assert_string_equal(first, second);
  assert_int_equal(login(f, "owner@example.org", PASSWORD, HOME), SM_OK);
  free(first);
  free(second);
}

static void a_new_password_ends_the_old_one_and_all_sessions(void **state) {
  fixture *f = *state;
  sm_problems problems = {0};
  sm_session session = logged_in(f);
  sm_session none = {0};
  static const char fresh[] = "ten lives, two meters";
  assert_int_equal(sm_identity_set_password(f->identity, cli, EMAIL, "short", 5, &problems),
                   SM_ERR_INVALID);
  assert_int_equal(sm_identity_set_password(f->identity, cli, "nobody@example.org", fresh,
                                            strlen(fresh), &problems),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(
      sm_identity_set_password(f->identity, cli, EMAIL, fresh, strlen(fresh), &problems), SM_OK);
  assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, EMAIL, fresh, HOME), SM_OK);
  assert_int_equal(refresh(f, session.refresh, &none), SM_ERR_DENIED);
  sm_session_fini(&session);
}

/* ---- passwords of one's own, and links ---- */

static sm_err change_password(fixture *f, const sm_session *session, const char *current,
                              const char *fresh, const char **field) {
  static sm_problems problems;
  problems = (sm_problems){0};
  int64_t retry_after_s = 0;
  const sm_password_new change = {.user_id = session->user.user_id,
                                  .session_id = session->session_id,
                                  .address = HOME,
                                  .current = current,
                                  .current_len = strlen(current),
                                  .password = fresh,
                                  .password_len = strlen(fresh)};
  sm_err err = sm_identity_change_password(f->identity, &change, &problems, &retry_after_s);
  *field = problems.count > 0 ? problems.item[0].field : "";
  return err;
}

static void ones_own_new_password_ends_the_other_sessions(void **state) {
  fixture *f = *state;
  static const char fresh[] = "ten lives, two meters";
  sm_session here = logged_in(f);
  sm_session there = logged_in(f);
  sm_claims claims = {0};
  const char *field = NULL;
  bool names = false;
  assert_int_equal(change_password(f, &here, "another password", fresh, &field), SM_ERR_INVALID);
  assert_string_equal(field, "current");
  assert_int_equal(failures_in_audit(f, &names), 0); /* it is no login */
  assert_int_equal(change_password(f, &here, PASSWORD, "short", &field), SM_ERR_INVALID);
  assert_string_equal(field, "new");
  assert_int_equal(change_password(f, &here, PASSWORD, PASSWORD, &field), SM_ERR_INVALID);
  assert_string_equal(field, "new");
  assert_int_equal(change_password(f, &here, PASSWORD, "anna@Example.org!", &field),
                   SM_ERR_INVALID);
  assert_int_equal(bearer(f, there.token, &claims), SM_OK);
  assert_int_equal(change_password(f, &here, PASSWORD, fresh, &field), SM_OK);
  assert_int_equal(bearer(f, here.token, &claims), SM_OK);
  assert_int_equal(bearer(f, there.token, &claims), SM_ERR_DENIED);
  assert_int_equal(login(f, EMAIL, PASSWORD, HOME), SM_ERR_DENIED);
  assert_int_equal(login(f, EMAIL, fresh, HOME), SM_OK);
  sm_session_fini(&here);
  sm_session_fini(&there);
}

static void guessing_the_present_password_is_slowed_down(void **state) {
  fixture *f = *state;
  sm_session session = logged_in(f);
  const char *field = NULL;
  for (int i = 0; i < 10; i++)
    assert_int_equal(change_password(f, &session, "another password", "ten lives", &field),
                     SM_ERR_INVALID);
  assert_int_equal(change_password(f, &session, "another password", "ten lives", &field),
                   SM_ERR_BUSY);
  sm_session_fini(&session);
}

static void a_password_for_the_first_login_must_be_changed(void **state) {
  fixture *f = *state;
  sm_problems problems = {0};
  char *user_id = NULL;
  const char *field = NULL;
  sm_user_new user = {.email = "bert@example.org",
                      .password = PASSWORD,
                      .password_len = strlen(PASSWORD),
                      .must_change = true};
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &user_id), SM_OK);
  sm_session session = {0};
  sm_claims claims = {0};
  int64_t retry_after_s = 0;
  assert_int_equal(try_login(f, "bert@example.org", PASSWORD, HOME, &session, &retry_after_s),
                   SM_OK);
  assert_true(session.user.must_change);
  assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  assert_true(claims.must_change);
  assert_int_equal(change_password(f, &session, PASSWORD, "ten lives, two meters", &field), SM_OK);
  assert_int_equal(bearer(f, session.token, &claims), SM_OK);
  assert_false(claims.must_change);
  sm_session_fini(&session);
  free(user_id);
}

static sm_err redeem(fixture *f, const char *token, const char *password) {
  sm_problems problems = {0};
  return sm_identity_redeem(f->identity, token, strlen(token), password, strlen(password), HOME,
                            &problems);
}

static void a_link_sets_a_password_once(void **state) {
  fixture *f = *state;
  static const char fresh[] = "ten lives, two meters";
  sm_session session = logged_in(f);
  sm_claims claims = {0};
  sm_link first;
  sm_link second;
  const char *anna = session.user.user_id;
  assert_int_equal(sm_identity_link_make(f->identity, cli, "u_nobody", &first), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_identity_link_make(f->identity, cli, anna, &first), SM_OK);
  assert_int_equal(sm_identity_link_make(f->identity, cli, anna, &second), SM_OK);
  assert_int_equal(bearer(f, session.token, &claims), SM_OK); /* nobody is put out by a link */
  assert_int_equal(redeem(f, first.token, fresh), SM_ERR_DENIED);
  assert_int_equal(redeem(f, "nonsense", fresh), SM_ERR_DENIED);
  assert_int_equal(redeem(f, session.refresh, fresh), SM_ERR_DENIED);
  assert_int_equal(redeem(f, second.token, "anna@example.org"), SM_ERR_INVALID);
  assert_int_equal(redeem(f, second.token, fresh), SM_OK);
  assert_int_equal(redeem(f, second.token, PASSWORD), SM_ERR_DENIED);
  assert_int_equal(bearer(f, session.token, &claims), SM_ERR_DENIED);
  assert_int_equal(login(f, EMAIL, fresh, HOME), SM_OK);
  sm_session_fini(&session);
}

static void a_link_ends_by_time_by_a_new_password_and_with_its_user(void **state) {
  fixture *f = *state;
  static const char fresh[] = "ten lives, two meters";
  sm_problems problems = {0};
  sm_session session = logged_in(f);
  const char *anna = session.user.user_id;
  sm_link link;
  assert_int_equal(sm_identity_link_make(f->identity, cli, anna, &link), SM_OK);
  f->clock.ms += (int64_t)SM_LINK_LIFE_S * 1000;
  assert_int_equal(redeem(f, link.token, fresh), SM_ERR_DENIED);
  assert_int_equal(sm_identity_link_make(f->identity, cli, anna, &link), SM_OK);
  assert_int_equal(
      sm_identity_set_password(f->identity, cli, EMAIL, fresh, strlen(fresh), &problems), SM_OK);
  assert_int_equal(redeem(f, link.token, PASSWORD), SM_ERR_DENIED);
  assert_int_equal(sm_identity_link_make(f->identity, cli, anna, &link), SM_OK);
  assert_int_equal(sm_identity_set_disabled(f->identity, cli, EMAIL, true), SM_OK);
  assert_int_equal(redeem(f, link.token, PASSWORD), SM_ERR_DENIED);
  assert_int_equal(sm_identity_link_make(f->identity, cli, anna, &link), SM_ERR_DENIED);
  sm_session_fini(&session);
}

/* ---- changes by admins ---- */

static void the_last_admin_stays(void **state) {
  fixture *f = *state;
  sm_problems problems = {0};
  char *ids[2] = {NULL, NULL};
  for (int i = 0; i < 2; i++) {
    sm_user_new user = {.email = i == 0 ? "one@example.org" : "two@example.org",
                        .password = PASSWORD,
                        .password_len = strlen(PASSWORD),
                        .role = SM_ROLE_ADMIN};
    assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &ids[i]), SM_OK);
  }
  const sm_person_change off = {.set_disabled = true, .disabled = true};
  const sm_person_change on = {.set_disabled = true};
  const sm_person_change demoted = {.set_role = true, .role = SM_ROLE_CONSUMER};
  const sm_person_change named = {.set_name = true, .name = "One"};
  assert_int_equal(sm_identity_change(f->identity, cli, ids[1], &off, &problems), SM_OK);
  assert_int_equal(sm_identity_change(f->identity, cli, ids[0], &off, &problems), SM_ERR_CONFLICT);
  assert_int_equal(sm_identity_change(f->identity, cli, ids[0], &demoted, &problems),
                   SM_ERR_CONFLICT);
  assert_int_equal(sm_identity_change(f->identity, cli, ids[0], &named, &problems), SM_OK);
  assert_int_equal(sm_identity_change(f->identity, cli, ids[1], &on, &problems), SM_OK);
  assert_int_equal(sm_identity_change(f->identity, cli, ids[0], &demoted, &problems), SM_OK);
  assert_int_equal(sm_identity_change(f->identity, cli, ids[1], &off, &problems), SM_ERR_CONFLICT);
  assert_int_equal(sm_identity_change(f->identity, cli, "u_x", &off, &problems), SM_ERR_NOT_FOUND);
  free(ids[0]);
  free(ids[1]);
}

static size_t found(fixture *f, const sm_people_filter *filter) {
  sm_person *people = NULL;
  size_t count = 0;
  assert_int_equal(sm_identity_people_find(f->identity, filter, "", 10, &people, &count), SM_OK);
  sm_people_free(people, count);
  return count;
}

static void people_are_found_by_address_role_and_state(void **state) {
  fixture *f = *state;
  sm_person *none = NULL;
  size_t count = 0;
  add_user(f, "one@example.org", PASSWORD, SM_ROLE_ADMIN);
  add_user(f, "off@example.org", PASSWORD, SM_ROLE_CONSUMER);
  assert_int_equal(sm_identity_set_disabled(f->identity, cli, "off@example.org", true), SM_OK);
  assert_int_equal(found(f, &(sm_people_filter){0}), 3);
  assert_int_equal(found(f, &(sm_people_filter){.email = "ONE@example.org"}), 1);
  assert_int_equal(found(f, &(sm_people_filter){.email = "two@example.org"}), 0);
  assert_int_equal(found(f, &(sm_people_filter){.by_role = true, .role = SM_ROLE_ADMIN}), 1);
  assert_int_equal(found(f, &(sm_people_filter){.by_role = true}), 2);
  assert_int_equal(found(f, &(sm_people_filter){.by_disabled = true, .disabled = true}), 1);
  assert_int_equal(found(f, &(sm_people_filter){.by_role = true, .by_disabled = true}), 1);
  const sm_people_filter wrong = {.email = "one"};
  assert_int_equal(sm_identity_people_find(f->identity, &wrong, "", 10, &none, &count),
                   SM_ERR_INVALID);
}

static void people_are_listed_opened(void **state) {
  fixture *f = *state;
  sm_person *people = NULL;
  size_t count = 0;
  char *owner = NULL;
  assert_int_equal(sm_identity_ensure_person(f->identity, cli, "owner@example.org", &owner), SM_OK);
  assert_int_equal(sm_identity_people(f->identity, "", 10, &people, &count), SM_OK);
  assert_int_equal(count, 2);
  for (size_t i = 0; i < count; i++) {
    bool is_owner = strcmp(people[i].user_id, owner) == 0;
    assert_string_equal(people[i].email, is_owner ? "owner@example.org" : EMAIL);
    assert_int_equal(people[i].has_password, !is_owner);
  }
  sm_people_free(people, count);
  sm_person person = {0};
  assert_int_equal(sm_identity_person(f->identity, owner, &person), SM_OK);
  assert_null(person.name);
  sm_person_fini(&person);
  assert_int_equal(sm_identity_person(f->identity, "u_nobody", &person), SM_ERR_NOT_FOUND);
  free(owner);
}

#define ON_LEDGER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_LEDGER(a_login_gives_tokens_that_say_who),
      ON_LEDGER(an_address_may_be_typed_in_any_case),
      ON_LEDGER(every_failure_looks_the_same),
      ON_LEDGER(every_failure_costs_the_same),
      ON_LEDGER(guessing_is_slowed_down_and_the_owner_elsewhere_is_not),
      ON_LEDGER(the_owner_gets_in_while_many_hammer),
      ON_LEDGER(unknown_accounts_are_slowed_down_alike),
      ON_LEDGER(who_knows_the_password_is_never_slowed_down),
      ON_LEDGER(failed_logins_are_in_the_audit_log_at_a_bounded_rate),
      ON_LEDGER(a_refresh_gives_new_tokens_again_and_again),
      ON_LEDGER(a_token_used_twice_ends_the_whole_session),
      ON_LEDGER(a_lost_answer_may_be_asked_for_again_at_once),
      ON_LEDGER(sessions_end_by_logout_and_by_time),
      ON_LEDGER(nonsense_is_no_refresh_token),
      ON_LEDGER(a_disabled_user_is_out_at_once_and_can_come_back),
      ON_LEDGER(what_another_process_disables_is_out_within_a_second),
      ON_LEDGER(a_token_ends_with_its_session),
      ON_LEDGER(many_ask_while_people_and_keys_change),
      ON_LEDGER(nothing_is_asked_again_while_nothing_changes),
      ON_LEDGER(tokens_of_nobody_are_denied),
      ON_LEDGER(bad_users_are_refused_field_by_field),
      ON_LEDGER(an_address_is_taken_once_however_it_is_typed),
      ON_LEDGER(an_owner_who_was_only_named_can_be_given_a_password),
      ON_LEDGER(a_new_password_ends_the_old_one_and_all_sessions),
      ON_LEDGER(ones_own_new_password_ends_the_other_sessions),
      ON_LEDGER(guessing_the_present_password_is_slowed_down),
      ON_LEDGER(a_password_for_the_first_login_must_be_changed),
      ON_LEDGER(a_link_sets_a_password_once),
      ON_LEDGER(a_link_ends_by_time_by_a_new_password_and_with_its_user),
      ON_LEDGER(the_last_admin_stays),
      ON_LEDGER(people_are_found_by_address_role_and_state),
      ON_LEDGER(people_are_listed_opened),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
