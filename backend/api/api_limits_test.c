/* How often anybody may ask, seen over real sockets: who is counted, what is answered, what is not
 * held up by somebody else's flood; and what a request may bring. */
#include "api/api_test_util.h"

#include "api/api.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So few a minute that nobody gets another one while the test runs: the burst of ten is all. */
enum { RATE = 1, BURST = 10 };

/* The same stores behind a new server: nobody has asked it anything yet. The tokens stay good. */
static void renew(test_server *s, sm_rate_limits rates) {
  sm_api_options options = s->options;
  options.rates = rates;
  options.trusted_proxies = "127.0.0.1";
  sm_api_free(s->api);
  test_server_start(s, &options);
}

static unsigned from(const test_server *s, const char *address, const char *method,
                     const char *target, test_who who, test_reply *reply) {
  char header[96];
  (void)snprintf(header, sizeof header, "X-Forwarded-For: %s\r\n", address);
  test_reply got = test_ask_with(s, method, target, who, header, NULL);
  unsigned status = got.status;
  if (reply != NULL)
    *reply = got;
  else
    test_reply_fini(&got);
  return status;
}

static void a_person_who_asks_too_often_waits_and_others_do_not(void **state) {
  test_server *s = *state;
  test_reply reply;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_READS] = RATE}});
  /* From ever new addresses, so that it is the person who is counted. */
  for (int i = 0; i < BURST; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "192.0.2.%d", i);
    assert_int_equal(from(s, address, "GET", "/api/devices", ASHA, NULL), 200);
  }
  assert_int_equal(from(s, "192.0.2.99", "GET", "/api/tariffs", ASHA, &reply), 429);
  assert_string_equal(test_header(&reply, "Content-Type"), "application/problem+json");
  long later = strtol(test_header(&reply, "Retry-After"), NULL, 10);
  assert_in_range(later, 1, 60);
  assert_non_null(test_header(&reply, "X-Content-Type-Options"));
  test_reply_fini(&reply);
  assert_int_equal(from(s, "192.0.2.99", "GET", "/api/devices", RAVI, NULL), 200);
}

static void an_address_is_counted_whoever_asks_there(void **state) {
  test_server *s = *state;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_READS] = RATE}});
  for (int i = 0; i < BURST; i++)
    assert_int_equal(
        from(s, "192.0.2.1", "GET", i % 2 == 0 ? "/api/site" : "/none.js", NOBODY, NULL),
        i % 2 == 0 ? 200 : 404);
  assert_int_equal(from(s, "192.0.2.1", "GET", "/", NOBODY, NULL), 429);
  assert_int_equal(from(s, "192.0.2.1", "GET", "/api/devices", ADMIN, NULL), 429);
  assert_int_equal(from(s, "192.0.2.2", "GET", "/api/devices", ADMIN, NULL), 200);
  /* What a client writes in front of its own address changes nothing. */
  assert_int_equal(from(s, "192.0.2.77, 192.0.2.1", "GET", "/", NOBODY, NULL), 429);
  assert_int_equal(from(s, "2001:db8::1", "GET", "/api/site", NOBODY, NULL), 200);
}

static void one_that_is_turned_away_still_learns_whether_the_server_lives(void **state) {
  test_server *s = *state;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_READS] = RATE}});
  for (int i = 0; i < BURST + 5; i++) (void)from(s, "192.0.2.1", "GET", "/api/site", NOBODY, NULL);
  assert_int_equal(from(s, "192.0.2.1", "GET", "/healthz", NOBODY, NULL), 200);
  assert_int_equal(from(s, "192.0.2.1", "GET", "/readyz", NOBODY, NULL), 200);
}

static void costly_routes_have_a_purse_of_their_own(void **state) {
  test_server *s = *state;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_COSTLY] = RATE}});
  static const char target[] = "/api/billing/meter-001/explain?month=2026-01";
  for (int i = 0; i < BURST; i++) assert_int_equal(test_status(s, "GET", target, ASHA, NULL), 200);
  assert_int_equal(test_status(s, "GET", target, ASHA, NULL), 429);
  assert_int_equal(test_status(s, "GET", "/api/devices", ASHA, NULL), 200);
}

static void bad_tokens_are_counted_where_they_come_from(void **state) {
  test_server *s = *state;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_READS] = RATE}});
  for (int i = 0; i < BURST; i++) {
    test_reply reply =
        test_ask_with(s, "GET", "/api/devices", NOBODY, "Authorization: Bearer a.b.c\r\n", NULL);
    assert_int_equal(reply.status, 401);
    test_reply_fini(&reply);
  }
  assert_int_equal(test_status(s, "GET", "/api/devices", ASHA, NULL), 429);
}

static void logins_are_counted_before_a_password_is_looked_at(void **state) {
  test_server *s = *state;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_LOGINS] = RATE}});
  for (int i = 0; i < BURST; i++)
    assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, "{}"), 422);
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, "{}"), 429);
  assert_int_equal(test_status(s, "GET", "/api/site", NOBODY, NULL), 200);
}

static void refusals_show_in_the_metrics(void **state) {
  test_server *s = *state;
  sm_buf out;
  renew(s, (sm_rate_limits){.a_minute = {[SM_RATE_READS] = RATE}});
  for (int i = 0; i < BURST + 3; i++) (void)test_status(s, "GET", "/api/site", NOBODY, NULL);
  sm_buf_init(&out, 0);
  sm_rates_write_metrics(s->api->rates, &out);
  assert_non_null(strstr(sm_buf_text(&out),
                         "smartmeter_http_rate_limited_total{class=\"reads\",by=\"address\"} 3\n"));
  sm_buf_fini(&out);
}

/* ---- behind a proxy that does TLS ---- */

static void an_https_address_is_to_be_kept(void **state) {
  test_server *s = *state;
  sm_api_options options = s->options;
  options.public_url = "https://meters.example";
  sm_api_free(s->api);
  test_server_start(s, &options);
  test_reply reply = test_ask(s, "GET", "/api/none", NOBODY, NULL);
  assert_non_null(strstr(test_header(&reply, "Strict-Transport-Security"), "max-age="));
  test_reply_fini(&reply);
  options.public_url = NULL;
  sm_api_free(s->api);
  test_server_start(s, &options);
}

/* ---- what a request may bring ---- */

static unsigned raw(const test_server *s, const char *request) {
  test_reply reply;
  int fd = test_connect(s);
  test_send(fd, request, strlen(request));
  bool answered = test_receive(fd, false, &reply);
  unsigned status = answered ? reply.status : 0;
  if (answered) test_reply_fini(&reply);
  (void)close(fd);
  return status;
}

static void headers_are_few(void **state) {
  test_server *s = *state;
  renew(s, (sm_rate_limits){.a_minute = {0}});
  char request[4096];
  for (int more = 0; more < 2; more++) {
    size_t len = (size_t)snprintf(request, sizeof request, "GET /api/site HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < SM_HEADERS_MAX + more; i++)
      len += (size_t)snprintf(request + len, sizeof request - len, "X-%d: a\r\n", i);
    (void)snprintf(request + len, sizeof request - len, "\r\n");
    assert_int_equal(raw(s, request), more == 0 ? 200 : 431);
  }
}

static void codings_that_are_not_known_are_refused(void **state) {
  test_server *s = *state;
  static const char *const codings[] = {"gzip", "gzip, chunked", "chunked, chunked", "xchunked",
                                        "identity"};
  for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
    char request[256];
    (void)snprintf(request, sizeof request,
                   "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: %s\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                   codings[i]);
    unsigned status = raw(s, request);
    assert_true(status == 501 || status == 400 || status == 0);
  }
}

static void bodies_are_flat(void **state) {
  test_server *s = *state;
  static char body[100000];
  for (int deep = SM_BODY_DEPTH_MAX; deep <= 40000; deep = deep * 2 + 1) {
    size_t len = (size_t)snprintf(body, sizeof body, "{\"a\":");
    for (int i = 1; i < deep; i++) body[len++] = '[';
    for (int i = 1; i < deep; i++) body[len++] = ']';
    (void)snprintf(body + len, sizeof body - len, "}");
    assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, body),
                     deep == SM_BODY_DEPTH_MAX ? 422 : 400);
  }
  /* Brackets in a text nest nothing. */
  memset(body, '[', 200);
  memcpy(body, "{\"email\":\"\\\"", 12);
  memcpy(body + 200, "\"}", 3);
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, body), 422);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_person_who_asks_too_often_waits_and_others_do_not),
      cmocka_unit_test(an_address_is_counted_whoever_asks_there),
      cmocka_unit_test(one_that_is_turned_away_still_learns_whether_the_server_lives),
      cmocka_unit_test(costly_routes_have_a_purse_of_their_own),
      cmocka_unit_test(bad_tokens_are_counted_where_they_come_from),
      cmocka_unit_test(logins_are_counted_before_a_password_is_looked_at),
      cmocka_unit_test(refusals_show_in_the_metrics),
      cmocka_unit_test(an_https_address_is_to_be_kept),
      cmocka_unit_test(headers_are_few),
      cmocka_unit_test(codings_that_are_not_known_are_refused),
      cmocka_unit_test(bodies_are_flat),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
