/* Login, the refresh cookie, logout, over the real server. */
#include "api/api_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COOKIE_MAX = 256 };

static const char LOGIN[] = "{\"email\":\" Asha@Example.org\",\"password\":\"" TEST_PASSWORD "\"}";

/* The "name=value" of an answer's cookie. */
static char *cookie_of(const test_reply *reply, char out[COOKIE_MAX]) {
  const char *value = test_header(reply, "Set-Cookie");
  assert_non_null(value);
  size_t len = strcspn(value, ";");
  assert_true(len < COOKIE_MAX);
  memcpy(out, value, len);
  out[len] = '\0';
  return out;
}

static void log_in(const test_server *s, char cookie[COOKIE_MAX]) {
  test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY, LOGIN);
  assert_int_equal(reply.status, 200);
  (void)cookie_of(&reply, cookie);
  test_reply_fini(&reply);
}

static test_reply with_cookie(const test_server *s, const char *target, const char *cookie,
                              const char *more) {
  char headers[2 * COOKIE_MAX];
  (void)snprintf(headers, sizeof headers, "Cookie: %s\r\n%s", cookie, more);
  return test_ask_with(s, "POST", target, NOBODY, headers, NULL);
}

static unsigned refresh(const test_server *s, const char *cookie, const char *more) {
  test_reply reply = with_cookie(s, "/api/auth/refresh", cookie, more);
  unsigned status = reply.status;
  test_reply_fini(&reply);
  return status;
}

static void a_login_gives_a_token_a_user_and_a_cookie(void **state) {
  const test_server *s = *state;
  test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY, LOGIN);
  assert_int_equal(reply.status, 200);
  const char *cookie = test_header(&reply, "Set-Cookie");
  assert_int_equal(strncmp(cookie, "smartmeter_refresh=", 19), 0);
  assert_non_null(strstr(cookie, "; HttpOnly"));
  assert_non_null(strstr(cookie, "; SameSite=Strict"));
  assert_non_null(strstr(cookie, "; Path=/api/auth"));
  assert_null(strstr(cookie, "Secure"));
  json_t *root = test_json(&reply);
  json_t *user = json_object_get(root, "user");
  assert_int_equal(json_integer_value(json_object_get(root, "expires_in")), 900);
  assert_string_equal(json_string_value(json_object_get(user, "email")), TEST_ASHA);
  assert_string_equal(json_string_value(json_object_get(user, "role")), "consumer");
  assert_non_null(json_string_value(json_object_get(user, "id")));
  assert_non_null(json_string_value(json_object_get(user, "name")));
  json_decref(root);
  test_reply_fini(&reply);
}

static void a_wrong_login_says_the_same_whatever_is_wrong(void **state) {
  const test_server *s = *state;
  static const char *const bodies[] = {
      "{\"email\":\"asha@example.org\",\"password\":\"wrong\"}",
      "{\"email\":\"unknown@example.org\",\"password\":\"" TEST_PASSWORD "\"}",
      "{\"email\":\"no address\",\"password\":\"x\"}",
      "{\"email\":\"asha@example.org\",\"password\":\"\"}"};
  char first[512] = "";
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY, bodies[i]);
    assert_int_equal(reply.status, 401);
    assert_null(test_header(&reply, "Set-Cookie"));
    if (i == 0) strcpy(first, reply.body);
    assert_string_equal(reply.body, first);
    test_reply_fini(&reply);
  }
}

static void a_login_that_is_none_is_400_or_422(void **state) {
  const test_server *s = *state;
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, NULL), 400);
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, ""), 400);
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, "[]"), 400);
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, "{\"email\":1}"), 422);
  assert_int_equal(
      test_status(s, "POST", "/api/auth/login", NOBODY, "{\"email\":\"a@b.c\",\"password\":[]}"),
      422);
}

static void guessing_is_slowed_down_with_a_429(void **state) {
  const test_server *s = *state;
  unsigned status = 401;
  for (int i = 0; i < 60 && status == 401; i++) {
    test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY,
                                "{\"email\":\"guessed@example.org\",\"password\":\"x\"}");
    status = reply.status;
    if (status == 429) assert_true(atoi(test_header(&reply, "Retry-After")) >= 1);
    test_reply_fini(&reply);
  }
  assert_int_equal(status, 429);
}

static void a_cookie_is_exchanged_for_the_next_one(void **state) {
  const test_server *s = *state;
  char first[COOKIE_MAX];
  char second[COOKIE_MAX];
  log_in(s, first);
  test_reply reply = with_cookie(s, "/api/auth/refresh", first, "");
  assert_int_equal(reply.status, 200);
  assert_string_not_equal(cookie_of(&reply, second), first);
  json_t *root = test_json(&reply);
  assert_non_null(json_string_value(json_object_get(root, "token")));
  json_decref(root);
  test_reply_fini(&reply);
  assert_int_equal(refresh(s, second, ""), 200);
}

static void a_logout_ends_the_session_and_the_cookie(void **state) {
  const test_server *s = *state;
  char cookie[COOKIE_MAX];
  log_in(s, cookie);
  test_reply reply = with_cookie(s, "/api/auth/logout", cookie, "");
  assert_int_equal(reply.status, 204);
  assert_non_null(strstr(test_header(&reply, "Set-Cookie"), "Max-Age=0"));
  test_reply_fini(&reply);
  reply = with_cookie(s, "/api/auth/refresh", cookie, "");
  assert_int_equal(reply.status, 401);
  assert_non_null(strstr(test_header(&reply, "Set-Cookie"), "smartmeter_refresh=;"));
  test_reply_fini(&reply);
}

static void a_cookie_is_taken_from_our_own_pages_only(void **state) {
  const test_server *s = *state;
  char cookie[COOKIE_MAX];
  log_in(s, cookie);
  assert_int_equal(refresh(s, cookie, "Origin: https://evil.example\r\n"), 403);
  assert_int_equal(refresh(s, cookie, "Origin: null\r\n"), 403);
  assert_int_equal(refresh(s, cookie, "Origin: http://127.0.0.1.evil.example\r\n"), 403);
  assert_int_equal(refresh(s, cookie, "Origin: http://127.0.0.1\r\n"), 200);
}

static void without_an_origin_the_distance_counts(void **state) {
  const test_server *s = *state;
  char cookie[COOKIE_MAX];
  log_in(s, cookie);
  assert_int_equal(refresh(s, cookie, "Sec-Fetch-Site: cross-site\r\n"), 403);
  assert_int_equal(refresh(s, cookie, "Sec-Fetch-Site: same-site\r\n"), 403);
  assert_int_equal(refresh(s, cookie, "Sec-Fetch-Site: same-origin\r\n"), 200);
}

/* Two tabs send the same cookie at once, or an answer is lost: both go on. Later it is a thief's.
 */
static void two_tabs_may_send_the_same_cookie(void **state) {
  const test_server *s = *state;
  char first[COOKIE_MAX];
  char second[COOKIE_MAX];
  log_in(s, first);
  test_reply reply = with_cookie(s, "/api/auth/refresh", first, "");
  (void)cookie_of(&reply, second);
  test_reply_fini(&reply);
  assert_int_equal(refresh(s, first, ""), 200);
  assert_int_equal(refresh(s, second, ""), 200);
  assert_int_equal(refresh(s, first, ""), 401); /* a third time is no tab's */
  assert_int_equal(refresh(s, second, ""), 401);
}

static test_reply log_in_from(const test_server *s, const char *headers) {
  return test_ask_with(s, "POST", "/api/auth/login", NOBODY, headers, LOGIN);
}

static void a_page_of_an_allowed_origin_gets_a_cookie_that_comes_back(void **state) {
  test_server *s = *state;
  sm_api *plain = s->api;
  sm_api_options options = s->options;
  options.public_url = "https://meters.example/";
  options.allowed_origins = "https://dash.example";
  assert_int_equal(sm_api_new(&options, &s->api), SM_OK);
  assert_int_equal(sm_api_start(s->api), SM_OK);
  char cookie[COOKIE_MAX];
  test_reply reply = log_in_from(s, "Origin: https://dash.example\r\n");
  assert_non_null(strstr(test_header(&reply, "Set-Cookie"), "; SameSite=None; Secure"));
  (void)cookie_of(&reply, cookie);
  test_reply_fini(&reply);
  assert_int_equal(refresh(s, cookie, "Origin: https://evil.example\r\n"), 403);
  reply = with_cookie(s, "/api/auth/refresh", cookie, "Origin: https://dash.example\r\n");
  assert_int_equal(reply.status, 200);
  assert_non_null(strstr(test_header(&reply, "Set-Cookie"), "; SameSite=None; Secure"));
  test_reply_fini(&reply);
  reply = log_in_from(s, "Origin: https://meters.example\r\n");
  assert_non_null(strstr(test_header(&reply, "Set-Cookie"), "; SameSite=Strict; Secure"));
  test_reply_fini(&reply);
  sm_api_free(s->api);
  options.allowed_origins = "*";
  assert_int_equal(sm_api_new(&options, &s->api), SM_ERR_INVALID);
  s->api = plain;
}

static void cookies_that_are_none_of_ours_are_401(void **state) {
  const test_server *s = *state;
  assert_int_equal(refresh(s, "smartmeter_refresh=", ""), 401);
  assert_int_equal(refresh(s, "smartmeter_refresh=short", ""), 401);
  assert_int_equal(refresh(s, "smartmeter_refresh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""),
                   401);
  assert_int_equal(refresh(s, "other=1", ""), 401);
}

static void behind_https_the_cookie_is_secure(void **state) {
  test_server *s = *state;
  sm_api *plain = s->api;
  sm_api_options options = s->options;
  options.public_url = "https://meters.example/";
  assert_int_equal(sm_api_new(&options, &s->api), SM_OK);
  assert_int_equal(sm_api_start(s->api), SM_OK);
  test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY, LOGIN);
  char cookie[COOKIE_MAX];
  assert_non_null(strstr(test_header(&reply, "Set-Cookie"), "; Secure"));
  (void)cookie_of(&reply, cookie);
  test_reply_fini(&reply);
  assert_int_equal(refresh(s, cookie, "Origin: https://meters.example\r\n"), 200);
  sm_api_free(s->api);
  s->api = plain;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_login_gives_a_token_a_user_and_a_cookie),
      cmocka_unit_test(a_wrong_login_says_the_same_whatever_is_wrong),
      cmocka_unit_test(a_login_that_is_none_is_400_or_422),
      cmocka_unit_test(a_cookie_is_exchanged_for_the_next_one),
      cmocka_unit_test(a_logout_ends_the_session_and_the_cookie),
      cmocka_unit_test(a_cookie_is_taken_from_our_own_pages_only),
      cmocka_unit_test(without_an_origin_the_distance_counts),
      cmocka_unit_test(two_tabs_may_send_the_same_cookie),
      cmocka_unit_test(a_page_of_an_allowed_origin_gets_a_cookie_that_comes_back),
      cmocka_unit_test(cookies_that_are_none_of_ours_are_401),
      cmocka_unit_test(behind_https_the_cookie_is_secure),
      cmocka_unit_test(guessing_is_slowed_down_with_a_429),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
