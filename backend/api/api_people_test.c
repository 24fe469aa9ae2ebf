/* People over the API: made, listed, changed, disabled, let in by a link, and what everybody does
 * with their own profile, password and sessions. */
#include "api/api_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRESH "ten lives, two meters"

/* ---- helps ---- */

static json_t *body_of(test_reply *reply, unsigned status) {
  if (reply->status != status) fail_msg("%u, not %u: %s", reply->status, status, reply->body);
  json_t *root = status == 204 ? NULL : test_json(reply);
  test_reply_fini(reply);
  return root;
}

/* By a bearer's token. */
static test_reply ask_as(const test_server *s, const char *token, const char *method,
                         const char *target, const char *body) {
  char header[2200];
  (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", token);
  return test_ask_with(s, method, target, NOBODY, header, body);
}

static unsigned status_as(const test_server *s, const char *token, const char *method,
                          const char *target, const char *body) {
  test_reply reply = ask_as(s, token, method, target, body);
  unsigned status = reply.status;
  test_reply_fini(&reply);
  return status;
}

static test_reply log_in(const test_server *s, const char *email, const char *password) {
  char body[256];
  (void)snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"%s\"}", email, password);
  return test_ask(s, "POST", "/api/auth/login", NOBODY, body);
}

/* A new session's token, on the heap. */
static char *token_of(const test_server *s, const char *email, const char *password,
                      bool must_change) {
  test_reply reply = log_in(s, email, password);
  json_t *root = body_of(&reply, 200);
  json_t *user = json_object_get(root, "user");
  assert_int_equal(json_is_true(json_object_get(user, "must_change_password")), must_change);
  char *token = strdup(test_text_in(root, "token"));
  json_decref(root);
  return token;
}

/* A person with a temporary password, or a link; the id into `id`, the link's token into `link`. */
static void add_person(const test_server *s, const char *email, const char *role,
                       const char *password, char id[64], char link[64]) {
  char body[400];
  (void)snprintf(body, sizeof body, "{\"email\":\"%s\",\"role\":\"%s\"%s%s%s}", email, role,
                 password == NULL ? "" : ",\"password\":\"", password == NULL ? "" : password,
                 password == NULL ? "" : "\"");
  json_t *root = test_admin_ask(s, "POST", "/api/users", body, 201);
  (void)snprintf(id, 64, "%s", test_text_in(root, "id"));
  json_t *made = json_object_get(root, "link");
  assert_int_equal(made != NULL, password == NULL);
  if (made != NULL) {
    const char *hash = strchr(test_text_in(made, "url"), '#');
    assert_non_null(hash);
    (void)snprintf(link, 64, "%s", hash + 1);
  }
  json_decref(root);
}

static unsigned redeem(const test_server *s, const char *link, const char *password) {
  char body[256];
  (void)snprintf(body, sizeof body, "{\"token\":\"%s\",\"password\":\"%s\"}", link, password);
  return test_status(s, "POST", "/api/auth/redeem", NOBODY, body);
}

static json_t *change(const test_server *s, const char *id, const char *body, unsigned status) {
  char target[128];
  (void)snprintf(target, sizeof target, "/api/users/%s", id);
  return test_admin_ask(s, "PATCH", target, body, status);
}

static int64_t audit_of(const test_server *s, const char *action, const char *subject) {
  sm_audit_entry *entry = NULL;
  size_t count = 0;
  int64_t found = 0;
  assert_int_equal(
      sm_ledger_audit_entries(s->ledger, INT64_MIN, INT64_MAX, 0, 10000, &entry, &count), SM_OK);
  for (size_t i = 0; i < count; i++)
    found += strcmp(entry[i].action, action) == 0 && strcmp(entry[i].subject, subject) == 0;
  sm_audit_entries_free(entry, count);
  return found;
}

static const char *field_of(json_t *problem) {
  return test_text_in(json_array_get(json_object_get(problem, "errors"), 0), "field");
}

/* ---- making ---- */

static void who_gets_a_temporary_password_must_change_it_first(void **state) {
  const test_server *s = *state;
  char id[64];
  add_person(s, "bert@example.org", "admin", TEST_PASSWORD, id, NULL);
  char *token = token_of(s, "bert@example.org", TEST_PASSWORD, true);
  static const char *const shut[][2] = {{"GET", "/api/devices"},  {"GET", "/api/users"},
                                        {"POST", "/api/users"},   {"GET", "/api/me/sessions"},
                                        {"PATCH", "/api/me"},     {"GET", "/api/accounts"},
                                        {"POST", "/api/devices"}, {"GET", "/api/rejects"}};
  for (size_t i = 0; i < sizeof shut / sizeof shut[0]; i++) {
    test_reply reply = ask_as(s, token, shut[i][0], shut[i][1], "{}");
    assert_int_equal(reply.status, 403);
    assert_non_null(strstr(reply.body, "/api/me/password"));
    test_reply_fini(&reply);
  }
  assert_int_equal(status_as(s, token, "GET", "/api/me", NULL), 200);
  assert_int_equal(status_as(s, token, "POST", "/api/me/password",
                             "{\"current\":\"" TEST_PASSWORD "\",\"new\":\"" TEST_PASSWORD "\"}"),
                   422);
  assert_int_equal(status_as(s, token, "POST", "/api/me/password",
                             "{\"current\":\"" TEST_PASSWORD "\",\"new\":\"" FRESH "\"}"),
                   204);
  assert_int_equal(status_as(s, token, "GET", "/api/devices", NULL), 200);
  free(token);
  token = token_of(s, "bert@example.org", FRESH, false);
  free(token);
  assert_int_equal(audit_of(s, "user.add", id), 1);
  assert_int_equal(audit_of(s, "user.set_password", id), 1);
  json_decref(change(s, id, "{\"disabled\":true}", 200));
}

static void a_link_lets_somebody_in_once(void **state) {
  const test_server *s = *state;
  char id[64];
  char link[64] = "";
  add_person(s, "mira@example.org", "consumer", NULL, id, link);
  assert_int_equal(redeem(s, "nonsense", FRESH), 422);
  assert_int_equal(redeem(s, link, "mira@example.org"), 422);
  assert_int_equal(redeem(s, link, FRESH), 204);
  assert_int_equal(redeem(s, link, FRESH), 422);
  char *token = token_of(s, "mira@example.org", FRESH, false);
  /* Forgotten: an admin's link, which ends what was before. */
  char target[128];
  (void)snprintf(target, sizeof target, "/api/users/%s/reset-link", id);
  json_t *made = test_admin_ask(s, "POST", target, NULL, 201);
  const char *url = test_text_in(made, "url");
  assert_int_equal(strncmp(url, "/password#", 10), 0); /* no SMARTMETER_PUBLIC_URL here */
  assert_non_null(test_text_in(made, "expires_at"));
  assert_int_equal(redeem(s, url + 10, "nine bees, one hive"), 204);
  assert_int_equal(status_as(s, token, "GET", "/api/devices", NULL), 401);
  json_decref(made);
  free(token);
  assert_int_equal(audit_of(s, "user.link", id), 2);
  assert_int_equal(audit_of(s, "user.redeem_link", id), 2);
  json_decref(change(s, id, "{\"disabled\":true}", 200));
  json_t *problem = test_admin_ask(s, "POST", target, NULL, 409);
  assert_string_equal(field_of(problem), "disabled");
  json_decref(problem);
}

static void a_link_has_the_public_address(void **state) {
  test_server *s = *state;
  sm_api *plain = s->api;
  sm_api_options options = s->options;
  options.public_url = "https://meters.example/town/";
  assert_int_equal(sm_api_new(&options, &s->api), SM_OK);
  assert_int_equal(sm_api_start(s->api), SM_OK);
  json_t *root = test_admin_ask(s, "POST", "/api/users",
                                "{\"email\":\"tara@example.org\",\"name\":\"Tara\"}", 201);
  const char *url = test_text_in(json_object_get(root, "link"), "url");
  assert_int_equal(strncmp(url, "https://meters.example/town/password#", 37), 0);
  assert_int_equal(strlen(url), 37 + 43);
  assert_string_equal(test_text_in(root, "role"), "consumer");
  json_decref(root);
  sm_api_free(s->api);
  s->api = plain;
}

static void what_cannot_be_set_is_refused_by_its_name(void **state) {
  const test_server *s = *state;
  static const struct {
    const char *body;
    const char *field;
  } bad[] = {
      {"{}", "email"},
      {"{\"email\":\"nobody\"}", "email"},
      {"{\"email\":\"a@b.example\",\"role\":\"root\"}", "role"},
      {"{\"email\":\"a@b.example\",\"role\":null}", "role"},
      {"{\"email\":\"a@b.example\",\"role\":1}", "role"},
      {"{\"email\":\"a@b.example\",\"name\":\"\"}", "name"},
      {"{\"email\":\"a@b.example\",\"password\":\"short\"}", "password"},
      {"{\"email\":\"a@b.example\",\"password\":\"Password2026\"}", "password"},
      {"{\"email\":\"long.name@b.example\",\"password\":\"LongName2026\"}", "password"},
      {"{\"email\":\"a@b.example\",\"id\":\"u_mine\"}", "id"},
      {"{\"email\":\"a@b.example\",\"disabled\":false}", "disabled"},
      {"{\"email\":\"a@b.example\",\"must_change_password\":false}", "must_change_password"},
      {"{\"email\":\"a@b.example\",\"password_hash\":\"$argon2id$\"}", "password_hash"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    json_t *problem = test_admin_ask(s, "POST", "/api/users", bad[i].body, 422);
    if (strcmp(field_of(problem), bad[i].field) != 0)
      fail_msg("%s: %s", bad[i].body, field_of(problem));
    json_decref(problem);
  }
  json_t *problem =
      test_admin_ask(s, "POST", "/api/users", "{\"email\":\"ASHA@example.org\"}", 409);
  assert_string_equal(field_of(problem), "email");
  json_decref(problem);
}

/* ---- listing ---- */

static size_t count_at(const test_server *s, const char *target) {
  json_t *root = test_get(s, target, ADMIN);
  size_t count = json_array_size(json_object_get(root, "users"));
  json_decref(root);
  return count;
}

static void people_are_listed_by_page_and_filter(void **state) {
  const test_server *s = *state;
  size_t all = count_at(s, "/api/users");
  assert_true(all >= 3);
  size_t seen = 0;
  char target[512] = "/api/users?limit=2";
  while (target[0] != '\0') {
    json_t *root = test_get(s, target, ADMIN);
    seen += json_array_size(json_object_get(root, "users"));
    const char *next = test_text_in(root, "next");
    target[0] = '\0';
    if (next != NULL) (void)snprintf(target, sizeof target, "/api/users?limit=2&cursor=%s", next);
    json_decref(root);
  }
  assert_int_equal(seen, all);
  assert_int_equal(count_at(s, "/api/users?email=ASHA%40example.org"), 1);
  assert_int_equal(count_at(s, "/api/users?email=nobody%40example.org"), 0);
  assert_int_equal(count_at(s, "/api/users?role=admin") + count_at(s, "/api/users?role=consumer"),
                   all);
  assert_int_equal(
      count_at(s, "/api/users?disabled=true") + count_at(s, "/api/users?disabled=false"), all);
  static const char *const bad[] = {"/api/users?email=asha", "/api/users?role=root",
                                    "/api/users?disabled=1", "/api/users?cursor=x",
                                    "/api/users?limit=0"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(test_status(s, "GET", bad[i], ADMIN, NULL), 400);
}

static void nothing_secret_is_in_a_person(void **state) {
  const test_server *s = *state;
  test_reply reply = test_ask(s, "GET", "/api/users", ADMIN, NULL);
  assert_null(strstr(reply.body, "argon2"));
  assert_null(strstr(reply.body, "hash"));
  test_reply_fini(&reply);
}

/* ---- changing ---- */

static void what_an_admin_changes_holds_at_once(void **state) {
  const test_server *s = *state;
  char id[64];
  char target[128];
  add_person(s, "carl@example.org", "consumer", NULL, id, target);
  assert_int_equal(redeem(s, target, FRESH), 204);
  char *token = token_of(s, "carl@example.org", FRESH, false);
  assert_int_equal(status_as(s, token, "GET", "/api/users", NULL), 403);
  json_t *person = change(s, id, "{\"role\":\"admin\",\"name\":\"Carl\"}", 200);
  assert_string_equal(test_text_in(person, "role"), "admin");
  assert_string_equal(test_text_in(person, "name"), "Carl");
  json_decref(person);
  assert_int_equal(status_as(s, token, "GET", "/api/users", NULL), 200);
  person = change(s, id, "{\"name\":null,\"role\":\"consumer\"}", 200);
  assert_true(json_is_null(json_object_get(person, "name")));
  json_decref(person);
  assert_int_equal(status_as(s, token, "GET", "/api/users", NULL), 403);
  json_decref(change(s, id, "{\"disabled\":true}", 200));
  assert_int_equal(status_as(s, token, "GET", "/api/me", NULL), 401);
  test_reply reply = log_in(s, "carl@example.org", FRESH);
  assert_int_equal(reply.status, 401);
  test_reply_fini(&reply);
  json_decref(change(s, id, "{\"disabled\":false}", 200));
  assert_int_equal(status_as(s, token, "GET", "/api/me", NULL), 401); /* its session has ended */
  free(token);
  token = token_of(s, "carl@example.org", FRESH, false);
  free(token);
  json_decref(change(s, id, "{}", 200));
  (void)snprintf(target, sizeof target, "/api/users/%s", id);
  json_decref(test_get(s, target, ADMIN));
  assert_int_equal(audit_of(s, "user.change", id), 2);
  assert_int_equal(audit_of(s, "user.disable", id), 1);
  assert_int_equal(audit_of(s, "user.enable", id), 1);
}

static void a_change_takes_its_own_members_only(void **state) {
  const test_server *s = *state;
  char id[64];
  char link[64];
  add_person(s, "dora@example.org", "consumer", NULL, id, link);
  static const char *const fields[] = {"email",      "id",           "password", "language",
                                       "created_at", "has_password", "user_id"};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    char body[96];
    (void)snprintf(body, sizeof body, "{\"name\":\"X\",\"%s\":\"x\"}", fields[i]);
    json_t *problem = change(s, id, body, 422);
    assert_string_equal(field_of(problem), fields[i]);
    json_decref(problem);
  }
  static const char *const wrong[] = {"{\"disabled\":\"yes\"}", "{\"role\":\"king\"}",
                                      "{\"name\":\"a\\nb\"}", "{\"name\":7}"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    json_decref(change(s, id, wrong[i], 422));
  json_decref(change(s, "u_nobody", "{\"disabled\":true}", 404));
  assert_int_equal(audit_of(s, "user.change", id), 0);
}

static char *id_of(const test_server *s, const char *email) {
  char target[128];
  (void)snprintf(target, sizeof target, "/api/users?email=%s", email);
  json_t *root = test_get(s, target, ADMIN);
  char *id = strdup(test_text_in(json_array_get(json_object_get(root, "users"), 0), "id"));
  json_decref(root);
  return id;
}

static void the_last_admin_can_be_neither_disabled_nor_demoted(void **state) {
  const test_server *s = *state;
  char *id = id_of(s, TEST_ADMIN);
  json_t *problem = change(s, id, "{\"disabled\":true}", 409);
  assert_string_equal(field_of(problem), "disabled");
  json_decref(problem);
  problem = change(s, id, "{\"role\":\"consumer\"}", 409);
  assert_string_equal(field_of(problem), "role");
  json_decref(problem);
  /* One who has no password yet does not count. */
  char other[64];
  char link[64];
  add_person(s, "second@example.org", "admin", NULL, other, link);
  json_decref(change(s, id, "{\"disabled\":true}", 409));
  assert_int_equal(test_status(s, "GET", "/api/users", ADMIN, NULL), 200);
  json_decref(change(s, other, "{\"role\":\"consumer\"}", 200));
  free(id);
}

/* ---- oneself ---- */

static void who_is_erased_is_out_at_once(void **state) {
  const test_server *s = *state;
  char id[64];
  char target[128];
  add_person(s, "ines@example.org", "consumer", TEST_PASSWORD, id, NULL);
  char *token = token_of(s, "ines@example.org", TEST_PASSWORD, true);
  /* So that it is remembered who she is. */
  assert_int_equal(status_as(s, token, "GET", "/api/me", NULL), 200);
  (void)snprintf(target, sizeof target, "/api/users/%s/erase", id);
  assert_int_equal(test_status(s, "POST", target, ADMIN, NULL), 204);
  assert_int_equal(status_as(s, token, "GET", "/api/me", NULL), 401);
  free(token);
}

static void everybody_changes_their_own_name_and_language(void **state) {
  const test_server *s = *state;
  test_reply reply =
      test_ask(s, "PATCH", "/api/me", ASHA,
               "{\"name\":\"\xE0\xA4\x86\xE0\xA4\xB6\xE0\xA4\xBE\",\"language\":\"hi\"}");
  json_t *me = body_of(&reply, 200);
  assert_string_equal(test_text_in(me, "language"), "hi");
  assert_string_equal(test_text_in(me, "email"), TEST_ASHA);
  json_decref(me);
  me = test_get(s, "/api/me", ASHA);
  assert_string_equal(test_text_in(me, "name"), "\xE0\xA4\x86\xE0\xA4\xB6\xE0\xA4\xBE");
  json_decref(me);
  static const char *const bad[] = {"{\"role\":\"admin\"}", "{\"email\":\"a@b.example\"}",
                                    "{\"disabled\":false}", "{\"language\":\"fr\"}",
                                    "{\"must_change_password\":false}"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(test_status(s, "PATCH", "/api/me", ASHA, bad[i]), 422);
  assert_int_equal(test_status(s, "PATCH", "/api/me", ASHA, "{\"language\":null}"), 200);
}

static json_t *sessions_of(const test_server *s, const char *token) {
  test_reply reply = ask_as(s, token, "GET", "/api/me/sessions", NULL);
  return body_of(&reply, 200);
}

static void ones_sessions_are_listed_and_ended(void **state) {
  const test_server *s = *state;
  char id[64];
  char link[64];
  char target[128] = "";
  add_person(s, "erik@example.org", "consumer", NULL, id, link);
  assert_int_equal(redeem(s, link, FRESH), 204);
  char *here = token_of(s, "erik@example.org", FRESH, false);
  char *there = token_of(s, "erik@example.org", FRESH, false);
  json_t *root = sessions_of(s, here);
  json_t *list = json_object_get(root, "sessions");
  assert_int_equal(json_array_size(list), 2);
  size_t current = 0;
  for (size_t i = 0; i < 2; i++) {
    json_t *one = json_array_get(list, i);
    if (json_is_true(json_object_get(one, "current")))
      current++;
    else
      (void)snprintf(target, sizeof target, "/api/me/sessions/%s", test_text_in(one, "id"));
  }
  assert_int_equal(current, 1);
  json_decref(root);
  assert_int_equal(test_status(s, "DELETE", target, ASHA, NULL), 404); /* somebody else's */
  assert_int_equal(test_status(s, "DELETE", target, ADMIN, NULL), 404);
  assert_int_equal(status_as(s, here, "DELETE", target, NULL), 204);
  assert_int_equal(status_as(s, there, "GET", "/api/me", NULL), 401);
  assert_int_equal(status_as(s, here, "DELETE", target, NULL), 404);
  assert_int_equal(status_as(s, here, "GET", "/api/me", NULL), 200);
  assert_int_equal(audit_of(s, "session.end", id), 1);
  free(here);
  free(there);
}

static void a_new_password_ends_the_other_sessions(void **state) {
  const test_server *s = *state;
  char id[64];
  char link[64];
  add_person(s, "fina@example.org", "consumer", NULL, id, link);
  assert_int_equal(redeem(s, link, FRESH), 204);
  char *here = token_of(s, "fina@example.org", FRESH, false);
  char *there = token_of(s, "fina@example.org", FRESH, false);
  static const char *const bad[] = {
      "{\"current\":\"wrong, whatever\",\"new\":\"nine bees, one hive\"}",
      "{\"current\":\"" FRESH "\",\"new\":\"password1234\"}",
      "{\"current\":\"" FRESH "\",\"new\":\"fina@example.org\"}",
      "{\"current\":\"" FRESH "\"}",
      "{\"new\":\"nine bees, one hive\"}",
      "{\"current\":\"" FRESH "\",\"new\":\"nine bees, one hive\",\"email\":\"asha@example.org\"}"};
  static const char *const fields[] = {"current", "new", "new", "new", "current", "email"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    test_reply reply = ask_as(s, here, "POST", "/api/me/password", bad[i]);
    json_t *problem = body_of(&reply, 422);
    assert_string_equal(field_of(problem), fields[i]);
    json_decref(problem);
  }
  assert_int_equal(audit_of(s, "password.failed", id), 1);
  assert_int_equal(status_as(s, here, "POST", "/api/me/password",
                             "{\"current\":\"" FRESH "\",\"new\":\"nine bees, one hive\"}"),
                   204);
  assert_int_equal(status_as(s, here, "GET", "/api/me", NULL), 200);
  assert_int_equal(status_as(s, there, "GET", "/api/me", NULL), 401);
  free(here);
  free(there);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_gets_a_temporary_password_must_change_it_first),
      cmocka_unit_test(a_link_lets_somebody_in_once),
      cmocka_unit_test(a_link_has_the_public_address),
      cmocka_unit_test(what_cannot_be_set_is_refused_by_its_name),
      cmocka_unit_test(people_are_listed_by_page_and_filter),
      cmocka_unit_test(nothing_secret_is_in_a_person),
      cmocka_unit_test(what_an_admin_changes_holds_at_once),
      cmocka_unit_test(a_change_takes_its_own_members_only),
      cmocka_unit_test(the_last_admin_can_be_neither_disabled_nor_demoted),
      cmocka_unit_test(who_is_erased_is_out_at_once),
      cmocka_unit_test(everybody_changes_their_own_name_and_language),
      cmocka_unit_test(ones_sessions_are_listed_and_ended),
      cmocka_unit_test(a_new_password_ends_the_other_sessions),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
