/* The HTTP side itself: what is malformed, too large, too slow, too many, and what every answer
 * carries. */
#include "api/api_test_util.h"

#include "api/api.h"
#include "api/metrics_listener.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_MS = 400, BODY_MS = 400, ANSWER_MS = 700, BODY_LIMIT = 262144 };

static int set_up(void **state) {
  test_server *s = test_server_new();
  test_server_start(s, &(sm_api_options){.header_timeout_ms = HEADER_MS,
                                         .idle_timeout_ms = HEADER_MS,
                                         .body_timeout_ms = BODY_MS,
                                         .answer_timeout_ms = ANSWER_MS,
                                         .connections_each = 20});
  *state = s;
  return 0;
}

static void send_text(int fd, const char *text) {
  test_send(fd, text, strlen(text));
}

/* The status of one raw request, 0 if the server closes without an answer. */
static unsigned raw(const test_server *s, const char *request) {
  test_reply reply;
  int fd = test_connect(s);
  send_text(fd, request);
  bool answered = test_receive(fd, false, &reply);
  unsigned status = answered ? reply.status : 0;
  if (answered) test_reply_fini(&reply);
  (void)close(fd);
  return status;
}

static bool has_closed(int fd) {
  char byte;
  return recv(fd, &byte, 1, 0) <= 0;
}

static void every_answer_tells_browsers_what_they_may_do(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {"/",         "/api/site", "/api/devices",
                                        "/api/none", "/x.js",     "/healthz"};
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
    test_reply reply = test_ask(s, "GET", targets[i], NOBODY, NULL);
    assert_non_null(
        strstr(test_header(&reply, "Content-Security-Policy"), "frame-ancestors 'none'"));
    assert_string_equal(test_header(&reply, "X-Content-Type-Options"), "nosniff");
    assert_non_null(test_header(&reply, "Referrer-Policy"));
    assert_non_null(test_header(&reply, "Date"));
    assert_int_equal(strncmp(test_header(&reply, "X-Request-Id"), "r_", 2), 0);
    assert_null(test_header(&reply, "Strict-Transport-Security"));
    assert_null(test_header(&reply, "Access-Control-Allow-Origin"));
    bool for_all = strcmp(targets[i], "/api/site") == 0;
    if (strncmp(targets[i], "/api/", 5) == 0)
      assert_string_equal(test_header(&reply, "Cache-Control"),
                          for_all ? "public, no-cache" : "no-store");
    test_reply_fini(&reply);
  }
}

static void a_head_is_a_get_without_its_body(void **state) {
  const test_server *s = *state;
  test_reply get = test_ask(s, "GET", "/api/site", NOBODY, NULL);
  test_reply head = test_ask(s, "HEAD", "/api/site", NOBODY, NULL);
  assert_int_equal(head.status, 200);
  char length[32];
  (void)snprintf(length, sizeof length, "%zu", get.body_len);
  assert_string_equal(test_header(&head, "Content-Length"), length);
  assert_int_equal(head.body_len, 0);
  test_reply_fini(&get);
  test_reply_fini(&head);
  assert_int_equal(test_status(s, "HEAD", "/index.html", NOBODY, NULL), 200);
  assert_int_equal(test_status(s, "HEAD", "/api/devices", NOBODY, NULL), 401);
}

static void another_method_is_told_which_are_allowed(void **state) {
  const test_server *s = *state;
  test_reply reply = test_ask(s, "DELETE", "/api/devices", NOBODY, NULL);
  assert_int_equal(reply.status, 405);
  assert_string_equal(test_header(&reply, "Allow"), "GET, HEAD, POST, OPTIONS");
  test_reply_fini(&reply);
  reply = test_ask(s, "OPTIONS", "/api/site", NOBODY, NULL);
  assert_int_equal(reply.status, 204);
  assert_string_equal(test_header(&reply, "Allow"), "GET, HEAD, OPTIONS");
  test_reply_fini(&reply);
  assert_int_equal(test_status(s, "OPTIONS", "/", NOBODY, NULL), 204);
  assert_int_equal(test_status(s, "OPTIONS", "/api/none", NOBODY, NULL), 404);
  assert_int_equal(test_status(s, "BREW", "/", NOBODY, NULL), 405);
  assert_int_equal(test_status(s, "BREW", "/api/none", NOBODY, NULL), 404);
}

static void a_connection_serves_many_requests_also_sent_at_once(void **state) {
  const test_server *s = *state;
  static const char two[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                            "GET /api/site HTTP/1.1\r\nHost: x\r\n\r\n";
  int fd = test_connect(s);
  for (int round = 0; round < 3; round++) {
    test_reply reply;
    send_text(fd, two);
    assert_true(test_receive(fd, false, &reply));
    assert_string_equal(reply.body, "{\"status\":\"ok\"}");
    test_reply_fini(&reply);
    assert_true(test_receive(fd, false, &reply));
    assert_non_null(strstr(reply.body, "Asia/Kolkata"));
    test_reply_fini(&reply);
  }
  (void)close(fd);
}

static void what_means_two_things_is_refused(void **state) {
  const test_server *s = *state;
  assert_int_equal(raw(s, "GET /api/site HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  assert_int_equal(raw(s, "GET /api/site HTTP/1.1\r\n\r\n"), 400);
  assert_int_equal(raw(s, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                          "Content-Length: 3\r\n\r\n{} "),
                   400);
  assert_int_equal(raw(s, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
                   400);
  assert_int_equal(raw(s, "GET /api/devices HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\n"
                          "Authorization: Bearer b\r\n\r\n"),
                   400);
}

static void nothing_follows_a_request_of_unclear_end(void **state) {
  const test_server *s = *state;
  test_reply reply;
  int fd = test_connect(s);
  send_text(fd, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 48\r\n"
                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                "GET /api/site HTTP/1.1\r\nHost: smuggled\r\n\r\n");
  assert_true(test_receive(fd, false, &reply));
  assert_int_equal(reply.status, 400);
  test_reply_fini(&reply);
  assert_true(has_closed(fd));
  (void)close(fd);
}

static void what_cannot_be_read_is_400(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {"/api/site?a=%", "/api/site?a=%00", "/api/site?%ff",
                                        "/api/devices/%zz/readings", "/api/billing/%00"};
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
    assert_int_equal(test_status(s, "GET", targets[i], NOBODY, NULL), 400);
  unsigned status = raw(s, "nonsense\r\n\r\n");
  assert_true(status == 400 || status == 0);
  status = raw(s, "GET /api/site HTTP/9.9\r\nHost: a\r\n\r\n");
  assert_true(status == 400 || status == 505 || status == 0);
}

static void headers_are_bounded(void **state) {
  const test_server *s = *state;
  enum { LONG = 40000 };
  static char request[LONG + 128];
  strcpy(request, "GET /api/site HTTP/1.1\r\nHost: a\r\nX-Long: ");
  size_t len = strlen(request);
  memset(request + len, 'x', LONG);
  strcpy(request + len + LONG, "\r\n\r\n");
  unsigned status = raw(s, request);
  assert_true(status == 431 || status == 413 || status == 0);
  strcpy(request, "GET /");
  memset(request + 5, 'x', LONG);
  strcpy(request + 5 + LONG, " HTTP/1.1\r\nHost: a\r\n\r\n");
  status = raw(s, request);
  assert_true(status == 414 || status == 431 || status == 413 || status == 0);
}

/* ---- bodies ---- */

static char *spaces(size_t count) {
  char *text = malloc(count + 1);
  assert_non_null(text);
  memset(text, ' ', count);
  text[count] = '\0';
  return text;
}

static void a_body_over_the_limit_is_413_and_one_at_it_is_not(void **state) {
  const test_server *s = *state;
  char *body = spaces(BODY_LIMIT);
  memcpy(body, "{}", 2);
  assert_int_equal(test_status(s, "POST", "/api/auth/login", NOBODY, body), 422);
  free(body);
  body = spaces(BODY_LIMIT + 1);
  memcpy(body, "{}", 2);
  test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY, body);
  assert_int_equal(reply.status, 413);
  assert_string_equal(test_header(&reply, "Content-Type"), "application/problem+json");
  test_reply_fini(&reply);
  free(body);
}

static void a_body_that_says_nothing_of_its_length_is_bounded_too(void **state) {
  const test_server *s = *state;
  test_reply reply;
  char *chunk = spaces(65536);
  int fd = test_connect(s);
  send_text(fd, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
  for (int i = 0; i < 5; i++) {
    send_text(fd, "10000\r\n");
    send_text(fd, chunk);
    send_text(fd, "\r\n");
  }
  send_text(fd, "0\r\n\r\n");
  assert_true(test_receive(fd, false, &reply));
  assert_int_equal(reply.status, 413);
  test_reply_fini(&reply);
  (void)close(fd);
  free(chunk);
}

static void a_body_that_is_announced_as_huge_is_not_waited_for(void **state) {
  const test_server *s = *state;
  assert_int_equal(raw(s, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\n"
                          "Content-Length: 99999999999\r\n\r\n"),
                   413);
  assert_int_equal(raw(s, "POST /api/devices HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                          "Content-Length: 1000\r\n\r\n"),
                   401);
}

static void a_small_chunked_body_is_taken(void **state) {
  const test_server *s = *state;
  assert_int_equal(raw(s, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\n"
                          "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
                   422);
}

/* ---- time ---- */

/* Sends one byte whenever the server has been silent for `every_ms`; gives up after `rounds`. */
static bool is_cut_while_dripping(int fd, int every_ms, int rounds) {
  for (int i = 0; i < rounds; i++) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, every_ms) > 0) return has_closed(fd);
    if (send(fd, "x", 1, MSG_NOSIGNAL) != 1) return true;
  }
  return false;
}

static void a_client_that_drips_its_headers_is_cut(void **state) {
  const test_server *s = *state;
  int fd = test_connect(s);
  send_text(fd, "GET /api/site HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  assert_true(is_cut_while_dripping(fd, HEADER_MS / 8, 200));
  (void)close(fd);
}

static void a_client_that_says_nothing_is_cut(void **state) {
  const test_server *s = *state;
  int fd = test_connect(s);
  assert_true(has_closed(fd));
  (void)close(fd);
}

static void a_client_that_drips_its_body_is_cut(void **state) {
  const test_server *s = *state;
  int fd = test_connect(s);
  send_text(fd, "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Content-Length: 10000\r\n\r\n{");
  assert_true(is_cut_while_dripping(fd, BODY_MS / 8, 200));
  (void)close(fd);
}

static void a_client_that_does_not_take_its_answer_is_cut(void **state) {
  const test_server *s = *state;
  int small = 4096;
  uint64_t before = atomic_load(&s->api->figures.timed_out);
  int fd = test_connect(s);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  /* More answers than any socket buffer holds, none of them read. */
  for (int i = 0; i < 200; i++) send_text(fd, "GET /api/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 500 && atomic_load(&s->api->figures.timed_out) == before; i++)
    (void)poll(NULL, 0, 20);
  assert_int_equal(atomic_load(&s->api->figures.timed_out), before + 1);
  (void)close(fd);
  assert_int_equal(test_status(s, "GET", "/healthz", NOBODY, NULL), 200);
}

static void an_idle_connection_is_closed_after_its_answer(void **state) {
  const test_server *s = *state;
  test_reply reply;
  int fd = test_connect(s);
  send_text(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_true(test_receive(fd, false, &reply));
  test_reply_fini(&reply);
  assert_true(has_closed(fd));
  (void)close(fd);
}

/* ---- numbers ---- */

static void an_address_has_so_many_connections_and_the_rest_wait_outside(void **state) {
  const test_server *s = *state;
  enum { MANY = 40 };
  int fd[MANY];
  int open = 0;
  for (int i = 0; i < MANY; i++) fd[i] = test_connect(s);
  for (int i = 0; i < MANY; i++) send_text(fd[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < MANY; i++) {
    test_reply reply;
    if (!test_receive(fd[i], false, &reply)) continue;
    test_reply_fini(&reply);
    open++;
  }
  for (int i = 0; i < MANY; i++) (void)close(fd[i]);
  assert_in_range(open, 1, 20);
}

/* ---- stopping ---- */

static void stopping_closes_what_is_open_and_a_new_start_serves_again(void **state) {
  test_server *s = *state;
  int idle = test_connect(s);
  int half = test_connect(s);
  send_text(half, "GET /api/site HTTP/1.1\r\nHo");
  sm_api_stop(s->api);
  assert_true(has_closed(idle));
  assert_true(has_closed(half));
  (void)close(idle);
  (void)close(half);
  assert_int_equal(sm_api_start(s->api), SM_OK);
  assert_int_equal(test_status(s, "GET", "/healthz", NOBODY, NULL), 200);
}

static void a_port_that_is_taken_is_said_so(void **state) {
  test_server *s = *state;
  sm_api *second;
  sm_api_options options = s->options;
  options.port = sm_api_port(s->api);
  sm_log_set_level((sm_log_level)(SM_LOG_ERROR + 1));
  assert_int_equal(sm_api_new(&options, &second), SM_OK);
  assert_int_equal(sm_api_start(second), SM_ERR_BUSY);
  sm_api_free(second);
  sm_log_set_level(SM_LOG_ERROR);
}

static void settings_that_cannot_be_used_are_refused(void **state) {
  const test_server *s = *state;
  sm_api *api = NULL;
  sm_log_set_level((sm_log_level)(SM_LOG_ERROR + 1));
  for (int i = 0; i < 6; i++) {
    sm_api_options options = s->options;
    if (i == 0) options.trusted_proxies = "proxy.local";
    if (i == 1) options.public_url = "meters.example";
    if (i == 2) options.public_url = "https://";
    if (i == 3) options.public_url = "https://a b";
    if (i == 4) options.tls_cert = "/nowhere/cert.pem";
    if (i == 5) options.tls_cert = options.tls_key = "/nowhere/cert.pem";
    assert_int_equal(sm_api_new(&options, &api), SM_ERR_INVALID);
  }
  sm_log_set_level(SM_LOG_ERROR);
}

/* ---- the hand-over to the live hub ---- */

static sm_err nobody(void *context, const char *token, size_t len, sm_live_user *user) {
  (void)context;
  (void)token;
  (void)len;
  (void)user;
  return SM_ERR_DENIED;
}

static void a_websocket_is_not_cut_by_the_times_of_requests(void **state) {
  test_server *s = *state;
  static const char handshake[] =
      "GET /api/live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  sm_api *plain = s->api;
  sm_api_options options = s->options;
  sm_live_options hub = {.source = {.authenticate = nobody}, .hello_ms = 60000};
  assert_int_equal(sm_live_new(&hub, &options.live), SM_OK);
  assert_int_equal(sm_live_start(options.live), SM_OK);
  assert_int_equal(sm_api_new(&options, &s->api), SM_OK);
  assert_int_equal(sm_api_start(s->api), SM_OK);
  assert_int_equal(test_status(s, "GET", "/api/live", NOBODY, NULL), 426);
  test_reply reply;
  int fd = test_connect(s);
  send_text(fd, handshake);
  assert_true(test_receive(fd, false, &reply));
  assert_int_equal(reply.status, 101);
  test_reply_fini(&reply);
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  assert_int_equal(poll(&wait, 1, 3 * ANSWER_MS), 0);
  /* An open one does not hold up the end of the server. */
  sm_live_stop(options.live);
  sm_api_free(s->api);
  sm_live_free(options.live);
  (void)close(fd);
  s->api = plain;
}

/* ---- metrics ---- */

static void write_one(void *context, sm_buf *out) {
  sm_buf_printf(out, "# TYPE a counter\na %d\n", *(const int *)context);
}

static unsigned ask_metrics(const sm_metrics_listener *listener, const char *request,
                            test_reply *reply) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(sm_metrics_listener_port(listener))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  send_text(fd, request);
  assert_true(test_receive(fd, false, reply));
  (void)close(fd);
  return reply->status;
}

static void metrics_are_on_a_listener_of_their_own(void **state) {
  (void)state;
  int value = 7;
  sm_metrics_listener *listener;
  test_reply reply;
  assert_int_equal(sm_metrics_listener_start(0, write_one, &value, &listener), SM_OK);
  assert_int_equal(ask_metrics(listener, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &reply), 200);
  assert_string_equal(reply.body, "# TYPE a counter\na 7\n");
  assert_non_null(strstr(test_header(&reply, "Content-Type"), "version=0.0.4"));
  test_reply_fini(&reply);
  assert_int_equal(ask_metrics(listener, "GET /api/site HTTP/1.1\r\nHost: a\r\n\r\n", &reply), 404);
  test_reply_fini(&reply);
  assert_int_equal(ask_metrics(listener,
                               "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
                               &reply),
                   405);
  test_reply_fini(&reply);
  sm_metrics_listener_stop(listener);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_answer_tells_browsers_what_they_may_do),
      cmocka_unit_test(a_head_is_a_get_without_its_body),
      cmocka_unit_test(another_method_is_told_which_are_allowed),
      cmocka_unit_test(a_connection_serves_many_requests_also_sent_at_once),
      cmocka_unit_test(what_means_two_things_is_refused),
      cmocka_unit_test(nothing_follows_a_request_of_unclear_end),
      cmocka_unit_test(what_cannot_be_read_is_400),
      cmocka_unit_test(headers_are_bounded),
      cmocka_unit_test(a_body_over_the_limit_is_413_and_one_at_it_is_not),
      cmocka_unit_test(a_body_that_says_nothing_of_its_length_is_bounded_too),
      cmocka_unit_test(a_body_that_is_announced_as_huge_is_not_waited_for),
      cmocka_unit_test(a_small_chunked_body_is_taken),
      cmocka_unit_test(a_client_that_drips_its_headers_is_cut),
      cmocka_unit_test(a_client_that_says_nothing_is_cut),
      cmocka_unit_test(a_client_that_drips_its_body_is_cut),
      cmocka_unit_test(a_client_that_does_not_take_its_answer_is_cut),
      cmocka_unit_test(an_idle_connection_is_closed_after_its_answer),
      cmocka_unit_test(an_address_has_so_many_connections_and_the_rest_wait_outside),
      cmocka_unit_test(stopping_closes_what_is_open_and_a_new_start_serves_again),
      cmocka_unit_test(a_port_that_is_taken_is_said_so),
      cmocka_unit_test(settings_that_cannot_be_used_are_refused),
      cmocka_unit_test(a_websocket_is_not_cut_by_the_times_of_requests),
      cmocka_unit_test(metrics_are_on_a_listener_of_their_own),
  };
  return cmocka_run_group_tests(tests, set_up, test_server_tear_down);
}
