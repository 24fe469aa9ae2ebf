#include "api/cursor.h"
#include "api/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

enum { NOW = 1769679900 };
#define NOW_MS (INT64_C(1000) * NOW)

typedef struct fixture {
  sm_request request;
  sm_answer answer;
} fixture;

static void open_fixture(fixture *f, const char *target) {
  assert_int_equal(sm_request_init(&f->request, target), SM_OK);
  assert_int_equal(sm_query_parse(&f->request.query, f->request.raw_query), SM_OK);
  sm_answer_init(&f->answer);
}

static void close_fixture(fixture *f) {
  sm_answer_fini(&f->answer);
  sm_request_fini(&f->request);
}

/* Whether the range of a query is refused with a 400 that names a parameter. */
static bool range_names(const char *query, const char *name) {
  fixture f;
  char wanted[64] = "\"field\":\"";
  int64_t from = 0;
  int64_t to = 0;
  open_fixture(&f, query);
  bool good = sm_request_param_range(&f.request, &f.answer, NOW_MS, &from, &to);
  bool named = !good && f.answer.status == 400 &&
               strstr(sm_buf_text(&f.answer.body), strcat(wanted, name)) != NULL;
  close_fixture(&f);
  return named;
}

static void a_range_is_by_default_the_last_day(void **state) {
  (void)state;
  fixture f;
  int64_t from;
  int64_t to;
  open_fixture(&f, "/x");
  assert_true(sm_request_param_range(&f.request, &f.answer, NOW_MS, &from, &to));
  assert_int_equal(to, NOW_MS);
  assert_int_equal(from, NOW_MS - 86400000);
  close_fixture(&f);
}

static void a_plus_in_a_time_is_taken_literally(void **state) {
  (void)state;
  fixture f;
  int64_t from;
  int64_t to;
  open_fixture(&f, "/x?from=2026-01-01T00:00:00+05:30&to=2026-01-01T00:00:00%2B01:00");
  assert_true(sm_request_param_range(&f.request, &f.answer, NOW_MS, &from, &to));
  assert_int_equal(from, INT64_C(1767205800000));
  assert_int_equal(to, INT64_C(1767222000000));
  close_fixture(&f);
}

static void a_bad_range_names_the_parameter(void **state) {
  (void)state;
  assert_true(range_names("/x?from=yesterday", "from"));
  assert_true(range_names("/x?from=", "from"));
  assert_true(range_names("/x?from=2026-01-01T00:00:00%2005:30", "from"));
  assert_true(range_names("/x?from=2026-13-01T00:00:00Z", "from"));
  assert_true(range_names("/x?to=2026-02-30T00:00:00Z", "to"));
  assert_true(range_names("/x?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"));
  assert_true(range_names("/x?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from"));
  assert_true(range_names("/x?from=2126-01-01T00:00:00Z", "from"));
  assert_true(range_names("/x?to=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "to"));
}

static void a_number_out_of_its_bounds_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"/x?limit=0",        "/x?limit=1001",
                                    "/x?limit=-1",       "/x?limit=1.0",
                                    "/x?limit=ten",      "/x?limit=",
                                    "/x?limit=+5",       "/x?limit=%205",
                                    "/x?limit=1e2",      "/x?limit=99999999999999999999",
                                    "/x?limit=5&limit=5"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    fixture f;
    int64_t limit = 7;
    open_fixture(&f, bad[i]);
    assert_false(sm_request_param_int(&f.request, &f.answer, "limit", 1, 1000, 100, &limit));
    assert_int_equal(f.answer.status, 400);
    assert_int_equal(limit, 7);
    close_fixture(&f);
  }
  fixture f;
  int64_t limit;
  open_fixture(&f, "/x?limit=1000");
  assert_true(sm_request_param_int(&f.request, &f.answer, "limit", 1, 1000, 100, &limit));
  assert_int_equal(limit, 1000);
  assert_true(sm_request_param_int(&f.request, &f.answer, "other", 1, 1000, 100, &limit));
  assert_int_equal(limit, 100);
  close_fixture(&f);
}

static void a_cursor_of_another_list_is_refused(void **state) {
  (void)state;
  char target[SM_CURSOR_TEXT_MAX + 16] = "/x?cursor=";
  char key[SM_CURSOR_KEY_MAX];
  fixture f;
  (void)sm_cursor_format("devices", "m1", target + strlen(target));
  open_fixture(&f, target);
  assert_false(sm_request_param_cursor(&f.request, &f.answer, "accounts", key));
  assert_int_equal(f.answer.status, 400);
  assert_true(sm_request_param_cursor(&f.request, &f.answer, "devices", key));
  assert_string_equal(key, "m1");
  close_fixture(&f);
}

static void headers_that_mean_two_things_are_noticed(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, "/x");
  sm_request_header(&f.request, "x-forwarded-for", "1.1.1.1");
  sm_request_header(&f.request, "X-Forwarded-For", "2.2.2.2");
  assert_null(f.request.repeated);
  assert_string_equal(f.request.header[SM_HEADER_FORWARDED_FOR], "2.2.2.2");
  sm_request_header(&f.request, "content-length", "5");
  sm_request_header(&f.request, "Content-Length", "6");
  assert_string_equal(f.request.repeated, "Content-Length");
  close_fixture(&f);
}

static void a_cookie_is_found_by_its_whole_name(void **state) {
  (void)state;
  fixture f;
  const char *value = NULL;
  size_t len = 0;
  open_fixture(&f, "/x");
  assert_int_equal(sm_request_cookie(&f.request, "refresh", &value, &len), SM_ERR_NOT_FOUND);
  sm_request_header(&f.request, "Cookie", "xrefresh=1; refreshx=2;refresh=abc; other=3");
  assert_int_equal(sm_request_cookie(&f.request, "refresh", &value, &len), SM_OK);
  assert_int_equal(len, 3);
  assert_memory_equal(value, "abc", 3);
  assert_int_equal(sm_request_cookie(&f.request, "resh", &value, &len), SM_ERR_NOT_FOUND);
  close_fixture(&f);
}

static void a_bearer_token_is_what_follows_the_word(void **state) {
  (void)state;
  static const char *const bad[] = {"", "Bearer", "Bearer ", "Basic YTpi", "BearerX"};
  fixture f;
  const char *token;
  size_t len;
  open_fixture(&f, "/x");
  assert_int_equal(sm_request_bearer(&f.request, &token, &len), SM_ERR_NOT_FOUND);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    f.request.header[SM_HEADER_AUTHORIZATION] = bad[i];
    assert_int_equal(sm_request_bearer(&f.request, &token, &len), SM_ERR_SYNTAX);
  }
  f.request.header[SM_HEADER_AUTHORIZATION] = "bearer  a.b.c";
  assert_int_equal(sm_request_bearer(&f.request, &token, &len), SM_OK);
  assert_string_equal(token, "a.b.c");
  assert_int_equal(len, 5);
  close_fixture(&f);
}

static bool body_is_taken(const char *type, const char *text, size_t len) {
  fixture f;
  open_fixture(&f, "/x");
  f.request.header[SM_HEADER_CONTENT_TYPE] = type;
  sm_buf_append(&f.request.body, text, len);
  json_t *root = sm_request_object(&f.request, &f.answer);
  if (root == NULL) assert_true(f.answer.status == 400 || f.answer.status == 415);
  json_decref(root);
  close_fixture(&f);
  return root != NULL;
}

static void a_body_is_one_json_object_and_says_so(void **state) {
  (void)state;
  static const char json[] = "application/json";
  assert_true(body_is_taken(json, "{}", 2));
  assert_true(body_is_taken("Application/JSON; charset=UTF-8", "{\"a\":1}", 7));
  assert_false(body_is_taken(NULL, "{}", 2));
  assert_false(body_is_taken("text/plain", "{}", 2));
  assert_false(body_is_taken("application/jsonx", "{}", 2));
  assert_false(body_is_taken("application/json; charset=latin1", "{}", 2));
  assert_false(body_is_taken(json, "", 0));
  assert_false(body_is_taken(json, "[]", 2));
  assert_false(body_is_taken(json, "\"a\"", 3));
  assert_false(body_is_taken(json, "{\"a\":1,\"a\":2}", 13));
  assert_false(body_is_taken(json, "{\"a\":\"\xff\"}", 9));
  assert_false(body_is_taken(json, "{\"a\":NaN}", 9));
  assert_false(body_is_taken(json, "{} x", 4));
  assert_false(body_is_taken(json, "{\"a\":\"\\u0000\"}", 14));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_range_is_by_default_the_last_day),
      cmocka_unit_test(a_plus_in_a_time_is_taken_literally),
      cmocka_unit_test(a_bad_range_names_the_parameter),
      cmocka_unit_test(a_number_out_of_its_bounds_is_refused),
      cmocka_unit_test(a_cursor_of_another_list_is_refused),
      cmocka_unit_test(headers_that_mean_two_things_are_noticed),
      cmocka_unit_test(a_cookie_is_found_by_its_whole_name),
      cmocka_unit_test(a_bearer_token_is_what_follows_the_word),
      cmocka_unit_test(a_body_is_one_json_object_and_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
