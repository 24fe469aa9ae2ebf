/* What client and server agree on: media types, codings, what a client has already, pages of other
 * origins, and the names in a query. */
#include "api/api_test_util.h"

#include <brotli/decode.h>
#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PAGE "https://dashboard.example"
#define WEEK "/api/devices/meter-001/readings?from=2026-01-05T00:00:00Z&to=2026-01-12T00:00:00Z"

static int set_up(void **state) {
  test_server *s = test_server_new();
  test_server_start(s, &(sm_api_options){.allowed_origins = "https://other.example, " PAGE});
  test_log_in_all(s);
  *state = s;
  return 0;
}

static test_reply get_with(const test_server *s, const char *target, test_who who,
                           const char *headers) {
  return test_ask_with(s, "GET", target, who, headers, NULL);
}

/* ---- media types ---- */

static void a_body_of_another_type_is_415_and_says_which(void **state) {
  const test_server *s = *state;
  static const char *const bad[] = {"Content-Type: text/plain\r\n",
                                    "Content-Type: application/json; charset=utf-16\r\n",
                                    "Content-Type: application/x-www-form-urlencoded\r\n",
                                    "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    test_reply reply = test_ask_with(s, "POST", "/api/auth/login", NOBODY, bad[i], "{}");
    assert_int_equal(reply.status, 415);
    test_reply_fini(&reply);
  }
  test_reply reply = test_ask_with(s, "POST", "/api/accounts/import", ADMIN,
                                   "Content-Type: application/json\r\n", "account,person\r\n");
  assert_int_equal(reply.status, 415);
  assert_non_null(strstr(reply.body, "text/csv"));
  test_reply_fini(&reply);
}

static void what_accept_leaves_out_is_406(void **state) {
  const test_server *s = *state;
  static const struct {
    const char *accept;
    unsigned status;
  } cases[] = {{"", 200},
               {"Accept: */*\r\n", 200},
               {"Accept: text/html, */*;q=0.1\r\n", 200},
               {"Accept: application/json\r\n", 200},
               {"Accept: text/csv\r\n", 406},
               {"Accept: application/json;q=0\r\n", 406}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    test_reply reply = get_with(s, "/api/devices", ASHA, cases[i].accept);
    assert_int_equal(reply.status, cases[i].status);
    if (reply.status == 406) assert_non_null(strstr(reply.body, "application/json"));
    test_reply_fini(&reply);
  }
  /* Who may not know what is there is not told what it would be. */
  test_reply reply = get_with(s, "/api/devices", NOBODY, "Accept: text/csv\r\n");
  assert_int_equal(reply.status, 401);
  test_reply_fini(&reply);
}

/* ---- the query ---- */

static void a_name_that_is_not_known_is_refused_by_name(void **state) {
  const test_server *s = *state;
  static const struct {
    const char *target;
    const char *field;
  } cases[] = {{"/api/devices?limits=1", "limits"},
               {"/api/devices?limit=1&limit=2", "limit"},
               {"/api/devices?cursor=&cursor=", "cursor"},
               {"/api/devices?Limit=1", "Limit"},
               {"/api/site?x", "x"},
               {"/api/live?token=abc", "token"},
               {"/api/devices/meter-001/readings?form=2026-01-01T00:00:00Z", "form"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    test_reply reply = get_with(s, cases[i].target, ASHA, "");
    json_t *root = test_json(&reply);
    json_t *errors = json_object_get(root, "errors");
    assert_int_equal(reply.status, 400);
    assert_string_equal(test_text_in(json_array_get(errors, 0), "field"), cases[i].field);
    json_decref(root);
    test_reply_fini(&reply);
  }
  test_reply reply = get_with(s, "/api/devices?limits=1", ASHA, "");
  assert_non_null(strstr(reply.body, "give limit, cursor"));
  test_reply_fini(&reply);
  assert_int_equal(test_status(s, "GET", "/api/devices?x=1", NOBODY, NULL), 401);
  assert_int_equal(test_status(s, "GET", "/healthz?x=1", NOBODY, NULL), 200);
  assert_int_equal(test_status(s, "GET", "/?x=1", NOBODY, NULL), 200);
  assert_int_equal(test_status(s, "GET", "/api/devices/", ASHA, NULL), 404);
}

/* ---- asked for again ---- */

static char *tag_of(const test_server *s, const char *target, test_who who) {
  test_reply reply = get_with(s, target, who, "");
  assert_int_equal(reply.status, 200);
  const char *tag = test_header(&reply, "ETag");
  if (tag == NULL) fail_msg("%s has no ETag", target);
  char *copy = strdup(tag);
  assert_non_null(copy);
  test_reply_fini(&reply);
  return copy;
}

static unsigned ask_again(const test_server *s, const char *target, test_who who, const char *tag) {
  char header[256];
  (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", tag);
  test_reply reply = get_with(s, target, who, header);
  unsigned status = reply.status;
  if (status == 304) {
    assert_int_equal(reply.body_len, 0);
    assert_string_equal(test_header(&reply, "ETag"), tag);
    assert_null(test_header(&reply, "Content-Type"));
  }
  test_reply_fini(&reply);
  return status;
}

static void what_has_not_changed_is_not_sent_again(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {"/api/site", "/api/openapi.json", "/api/tariffs",
                                        "/api/invoices/meter-001",
                                        "/api/billing/meter-001?month=2026-01"};
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
    char *tag = tag_of(s, targets[i], ASHA);
    assert_int_equal(strncmp(tag, "W/\"", 3), 0);
    assert_int_equal(ask_again(s, targets[i], ASHA, tag), 304);
    assert_int_equal(ask_again(s, targets[i], ASHA, "\"other\""), 200);
    free(tag);
  }
  char *tag = tag_of(s, "/api/tariffs", ADMIN);
  json_decref(test_admin_ask(
      s, "POST", "/api/tariffs",
      "{\"name\":\"New\",\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
      "\"rate\":\"3.00\"}],\"fixed_charge\":\"10.00\"}",
      201));
  assert_int_equal(ask_again(s, "/api/tariffs", ADMIN, tag), 200);
  free(tag);
}

static void ones_own_is_kept_for_oneself_alone(void **state) {
  const test_server *s = *state;
  test_reply reply = get_with(s, "/api/tariffs", ASHA, "");
  assert_string_equal(test_header(&reply, "Cache-Control"), "private, no-cache");
  assert_non_null(strstr(test_header(&reply, "Vary"), "Authorization"));
  test_reply_fini(&reply);
  /* The same content to another user has another tag, and no tag opens what is not theirs. */
  char *asha = tag_of(s, "/api/tariffs", ASHA);
  char *ravi = tag_of(s, "/api/tariffs", RAVI);
  assert_string_not_equal(asha, ravi);
  assert_int_equal(ask_again(s, "/api/tariffs", RAVI, asha), 200);
  free(ravi);
  free(asha);
  char *bill = tag_of(s, "/api/billing/meter-001?month=2026-01", ASHA);
  assert_int_equal(ask_again(s, "/api/billing/meter-001?month=2026-01", RAVI, bill), 404);
  assert_int_equal(ask_again(s, "/api/billing/meter-001?month=2026-01", NOBODY, bill), 401);
  assert_int_equal(ask_again(s, "/api/billing/meter-001?month=2026-01", RAVI, "*"), 404);
  free(bill);
  /* What nobody said anything of is not kept, and neither is a month that goes on. */
  static const char *const never[] = {"/api/devices", "/api/billing/meter-001", "/api/accounts"};
  for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
    reply = get_with(s, never[i], ASHA, "If-None-Match: *\r\n");
    assert_int_equal(reply.status, 200);
    assert_null(test_header(&reply, "ETag"));
    assert_string_equal(test_header(&reply, "Cache-Control"), "no-store");
    test_reply_fini(&reply);
  }
}

/* ---- smaller ---- */

static char *widened(const test_reply *reply, const char *coding, size_t size) {
  unsigned char *out = calloc(size + 1, 1);
  size_t got = size;
  assert_non_null(out);
  if (strcmp(coding, "br") == 0) {
    assert_int_equal(BrotliDecoderDecompress(reply->body_len,
                                             (const unsigned char *)(const void *)reply->body, &got,
                                             out),
                     BROTLI_DECODER_RESULT_SUCCESS);
  } else {
    z_stream z = {.next_in = (z_const Bytef *)(void *)reply->body,
                  .avail_in = (uInt)reply->body_len,
                  .next_out = out,
                  .avail_out = (uInt)size};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    got = z.total_out;
    assert_int_equal(inflateEnd(&z), Z_OK);
  }
  assert_int_equal(got, size);
  return (char *)out;
}

static void the_page_of_the_api_is_the_dashboards(void **state) {
  const test_server *s = *state;
  test_reply reply = get_with(s, "/api/docs", NOBODY, "");
  assert_int_equal(reply.status, 200);
  assert_string_equal(reply.body, "<!doctype html>the API");
  assert_string_equal(test_header(&reply, "Content-Type"), "text/html; charset=utf-8");
  assert_non_null(strstr(test_header(&reply, "Content-Security-Policy"), "style-src 'self'"));
  test_reply_fini(&reply);
  char *tag = tag_of(s, "/api/docs", NOBODY);
  char header[160];
  (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", tag);
  reply = get_with(s, "/api/docs", NOBODY, header);
  assert_int_equal(reply.status, 304);
  test_reply_fini(&reply);
  free(tag);
}

static void what_is_large_comes_smaller_and_is_the_same(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {WEEK, "/api/openapi.json"};
  static const char *const codings[] = {"gzip", "br"};
  for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
    test_reply plain = get_with(s, targets[t], ASHA, "");
    assert_null(test_header(&plain, "Content-Encoding"));
    assert_non_null(strstr(test_header(&plain, "Vary"), "Accept-Encoding"));
    for (size_t c = 0; c < sizeof codings / sizeof codings[0]; c++) {
      char header[64];
      (void)snprintf(header, sizeof header, "Accept-Encoding: %s\r\n", codings[c]);
      test_reply reply = get_with(s, targets[t], ASHA, header);
      assert_string_equal(test_header(&reply, "Content-Encoding"), codings[c]);
      assert_string_equal(test_header(&reply, "Content-Type"), "application/json");
      assert_non_null(strstr(test_header(&reply, "Vary"), "Accept-Encoding"));
      assert_true(reply.body_len < plain.body_len / 3);
      char *again = widened(&reply, codings[c], plain.body_len);
      assert_memory_equal(again, plain.body, plain.body_len);
      free(again);
      test_reply head = test_ask_with(s, "HEAD", targets[t], ASHA, header, NULL);
      char length[32];
      (void)snprintf(length, sizeof length, "%zu", reply.body_len);
      assert_string_equal(test_header(&head, "Content-Length"), length);
      test_reply_fini(&head);
      test_reply_fini(&reply);
    }
    test_reply_fini(&plain);
  }
}

static void assert_plain(const test_server *s, const char *method, const char *target, test_who who,
                         const char *body) {
  test_reply reply = test_ask_with(s, method, target, who, "Accept-Encoding: br, gzip\r\n", body);
  if (test_header(&reply, "Content-Encoding") != NULL) fail_msg("%s %s", method, target);
  test_reply_fini(&reply);
}

static void what_is_small_secret_or_wrong_comes_as_it_is(void **state) {
  const test_server *s = *state;
  assert_plain(s, "GET", "/api/site", NOBODY, NULL);
  assert_plain(s, "GET", "/api/none", NOBODY, NULL);
  assert_plain(s, "GET", "/api/devices?x=1", ASHA, NULL);
  assert_plain(s, "POST", "/api/auth/login", NOBODY,
               "{\"email\":\"" TEST_ASHA "\",\"password\":\"" TEST_PASSWORD "\"}");
  /* Larger than what is squeezed of a GET. */
  assert_plain(s, "POST", "/api/tariffs/preview", ADMIN,
               "{\"month\":\"2026-01\",\"device_id\":\"meter-001\",\"tariff\":{\"name\":\"X\","
               "\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_kwh\":null,\"rate\":"
               "\"3.00\"}],\"fixed_charge\":\"10.00\"}}");
}

/* ---- pages of other origins ---- */

static void a_named_origin_may_read_and_no_other(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {"/api/site", "/api/devices", "/api/none",
                                        "/api/devices?x=1"};
  static const char *const others[] = {"",
                                       "Origin: https://dashboard.example.evil.example\r\n",
                                       "Origin: http://dashboard.example\r\n",
                                       "Origin: https://dashboard.example:8443\r\n",
                                       "Origin: null\r\n",
                                       "Origin: *\r\n"};
  for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
    test_reply reply = get_with(s, targets[t], NOBODY, "Origin: " PAGE "\r\n");
    assert_string_equal(test_header(&reply, "Access-Control-Allow-Origin"), PAGE);
    assert_string_equal(test_header(&reply, "Access-Control-Allow-Credentials"), "true");
    assert_non_null(strstr(test_header(&reply, "Access-Control-Expose-Headers"), "Retry-After"));
    assert_non_null(strstr(test_header(&reply, "Vary"), "Origin"));
    test_reply_fini(&reply);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
      reply = get_with(s, targets[t], NOBODY, others[i]);
      assert_null(test_header(&reply, "Access-Control-Allow-Origin"));
      assert_null(test_header(&reply, "Access-Control-Allow-Credentials"));
      assert_non_null(strstr(test_header(&reply, "Vary"), "Origin"));
      test_reply_fini(&reply);
    }
  }
  test_reply page = get_with(s, "/index.html", NOBODY, "Origin: " PAGE "\r\n");
  assert_null(test_header(&page, "Access-Control-Allow-Origin"));
  test_reply_fini(&page);
}

static void a_preflight_is_answered_without_a_token(void **state) {
  const test_server *s = *state;
  static const char ask[] = "Origin: " PAGE "\r\nAccess-Control-Request-Method: PATCH\r\n"
                            "Access-Control-Request-Headers: authorization, content-type\r\n";
  test_reply reply = test_ask_with(s, "OPTIONS", "/api/accounts/a_1", NOBODY, ask, NULL);
  assert_int_equal(reply.status, 204);
  assert_string_equal(test_header(&reply, "Access-Control-Allow-Origin"), PAGE);
  assert_non_null(strstr(test_header(&reply, "Access-Control-Allow-Methods"), "PATCH"));
  assert_non_null(strstr(test_header(&reply, "Access-Control-Allow-Headers"), "Authorization"));
  assert_string_equal(test_header(&reply, "Access-Control-Max-Age"), "600");
  test_reply_fini(&reply);
  reply = test_ask_with(s, "OPTIONS", "/api/accounts/a_1", NOBODY,
                        "Origin: https://evil.example\r\nAccess-Control-Request-Method: PATCH\r\n",
                        NULL);
  assert_int_equal(reply.status, 204);
  assert_null(test_header(&reply, "Access-Control-Allow-Origin"));
  assert_null(test_header(&reply, "Access-Control-Allow-Methods"));
  test_reply_fini(&reply);
}

static void the_cookie_is_taken_from_named_origins_only(void **state) {
  const test_server *s = *state;
  static const struct {
    const char *origin;
    unsigned status;
  } cases[] = {{"Origin: " PAGE "\r\n", 401},
               {"Origin: http://127.0.0.1\r\n", 401},
               {"Origin: https://evil.example\r\n", 403},
               {"Origin: null\r\n", 403}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    test_reply reply = test_ask_with(s, "POST", "/api/auth/refresh", NOBODY, cases[i].origin, NULL);
    assert_int_equal(reply.status, cases[i].status);
    test_reply_fini(&reply);
  }
}

static void without_the_setting_nobody_is_named(void **state) {
  (void)state;
  test_server *s = test_server_new();
  test_server_start(s, &(sm_api_options){.port = 0});
  test_reply reply = get_with(s, "/api/site", NOBODY, "Origin: " PAGE "\r\n");
  assert_null(test_header(&reply, "Access-Control-Allow-Origin"));
  assert_string_equal(test_header(&reply, "Vary"), "Accept-Encoding");
  test_reply_fini(&reply);
  test_server_free(s);
}

static void a_setting_that_is_none_is_refused(void **state) {
  const test_server *s = *state;
  static const char *const bad[] = {"*", "https://a.example/", "a.example"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_api_options options = s->options;
    sm_api *api = NULL;
    options.allowed_origins = bad[i];
    assert_int_equal(sm_api_new(&options, &api), SM_ERR_INVALID);
    assert_null(api);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_body_of_another_type_is_415_and_says_which),
      cmocka_unit_test(what_accept_leaves_out_is_406),
      cmocka_unit_test(a_name_that_is_not_known_is_refused_by_name),
      cmocka_unit_test(what_has_not_changed_is_not_sent_again),
      cmocka_unit_test(ones_own_is_kept_for_oneself_alone),
      cmocka_unit_test(the_page_of_the_api_is_the_dashboards),
      cmocka_unit_test(what_is_large_comes_smaller_and_is_the_same),
      cmocka_unit_test(what_is_small_secret_or_wrong_comes_as_it_is),
      cmocka_unit_test(a_named_origin_may_read_and_no_other),
      cmocka_unit_test(a_preflight_is_answered_without_a_token),
      cmocka_unit_test(the_cookie_is_taken_from_named_origins_only),
      cmocka_unit_test(without_the_setting_nobody_is_named),
      cmocka_unit_test(a_setting_that_is_none_is_refused),
  };
  return cmocka_run_group_tests(tests, set_up, test_server_tear_down);
}
