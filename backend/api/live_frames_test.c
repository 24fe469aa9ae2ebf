/* The edge of the live hub: the handshake, and frames that no honest client sends. */
#include "api/live_test_client.h"
#include "api/live_test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STAR "{\"token\":\"anna\",\"devices\":\"*\"}"

static int setup(void **state) {
  static const sm_live_options options = {.closing_ms = 1};
  *state = test_server_new(&options);
  return 0;
}

static int teardown(void **state) {
  test_server_free(*state);
  return 0;
}

static void the_handshake_proves_itself(void **state) {
  ws_client *c = test_server_client(*state);
  assert_non_null(strstr(ws_head(c), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  assert_non_null(strstr(ws_head(c), "Upgrade: websocket\r\n"));
  assert_null(strstr(ws_head(c), "Sec-WebSocket-Extensions"));
  ws_free(c);
}

static int status_with(test_server *s, const char *headers) {
  ws_options options = {.headers = headers};
  ws_client *c = ws_open(test_server_port(s), &options);
  int status = ws_status(c);
  ws_free(c);
  return status;
}

#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void handshakes_that_are_none_are_refused(void **state) {
  test_server *s = *state;
  assert_int_equal(status_with(s, ""), 426);
  assert_int_equal(status_with(s, "Upgrade: h2c\r\nConnection: Upgrade\r\n" V13 KEY), 426);
  assert_int_equal(status_with(s, "Upgrade: websocket\r\nConnection: close\r\n" V13 KEY), 426);
  assert_int_equal(status_with(s, UP KEY), 426);
  assert_int_equal(status_with(s, UP KEY "Sec-WebSocket-Version: 8\r\n"), 426);
  assert_int_equal(status_with(s, UP V13), 400);
  assert_int_equal(status_with(s, UP V13 "Sec-WebSocket-Key: short==\r\n"), 400);
  assert_int_equal(status_with(s, UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==\r\n"), 400);
}

static void only_pages_of_our_own_may_connect(void **state) {
  (void)state;
  static const char *const origins[] = {"https://meters.example", NULL};
  sm_live_options options = {.origins = origins};
  test_server *s = test_server_new(&options);
  char own[200];
  (void)snprintf(own, sizeof own, UP V13 KEY "Origin: http://127.0.0.1:%u\r\n",
                 test_server_port(s));
  assert_int_equal(status_with(s, own), 101);
  assert_int_equal(status_with(s, UP V13 KEY "Origin: https://meters.example\r\n"), 101);
  assert_int_equal(status_with(s, UP V13 KEY "Origin: https://evil.example\r\n"), 403);
  assert_int_equal(status_with(s, UP V13 KEY "Origin: https://meters.example.evil\r\n"), 403);
  assert_int_equal(status_with(s, UP V13 KEY "Origin: null\r\n"), 403);
  assert_int_equal(status_with(s, UP V13 KEY "Origin: http://127.0.0.1\r\n"), 403);
  test_server_free(s);
}

static void a_full_hub_refuses_until_somebody_leaves(void **state) {
  (void)state;
  sm_live_options options = {.clients_max = 1};
  test_server *s = test_server_new(&options);
  ws_client *first = test_server_client(s);
  ws_say(first, STAR);
  assert_string_equal(ws_next(first), "{\"type\":\"ready\"}");
  ws_client *second = ws_open(test_server_port(s), NULL);
  assert_int_equal(ws_status(second), 503);
  ws_free(second);
  ws_say(first, "nonsense");
  assert_int_equal(ws_code(first), 4401);
  ws_wait_end_deaf(first);
  /* Its place is free when the hub has let it go, a moment after the socket was closed. */
  second = ws_open(test_server_port(s), NULL);
  for (int tries = 0; ws_status(second) == 503 && tries < 2000; tries++) {
    ws_free(second);
    second = ws_open(test_server_port(s), NULL);
  }
  assert_int_equal(ws_status(second), 101);
  ws_free(first);
  ws_free(second);
  test_server_free(s);
}

static void a_first_message_sent_with_the_request_is_heard(void **state) {
  test_server *s = *state;
  char frame[6 + sizeof STAR] = {(char)0x81, (char)(0x80 | (sizeof STAR - 1))};
  memcpy(frame + 6, STAR, sizeof STAR - 1);
  ws_options options = {.early = frame, .early_len = 6 + sizeof STAR - 1};
  ws_client *c = ws_open(test_server_port(s), &options);
  assert_string_equal(ws_next(c), "{\"type\":\"ready\"}");
  ws_free(c);
}

static void a_message_in_pieces_with_a_ping_between_is_one(void **state) {
  ws_client *c = test_server_client(*state);
  ws_frame(c, 0x01, STAR, 5);
  ws_frame(c, 0x89, "hi", 2);
  ws_frame(c, 0x00, &STAR[5], 5);
  ws_frame(c, 0x80, &STAR[10], sizeof STAR - 1 - 10);
  assert_string_equal(ws_next(c), "{\"type\":\"ready\"}");
  assert_int_equal(ws_pongs(c), 1);
  ws_free(c);
}

static int code_after_frame(test_server *s, uint8_t head, const void *payload, size_t len) {
  ws_client *c = test_server_client(s);
  ws_frame(c, head, payload, len);
  int code = ws_code(c);
  ws_wait_end_deaf(c);
  ws_free(c);
  return code;
}

static void frames_against_the_protocol_close_with_1002(void **state) {
  test_server *s = *state;
  static const char big_ping[126];
  assert_int_equal(code_after_frame(s, 0xc1, STAR, sizeof STAR - 1), 1002); /* compressed */
  assert_int_equal(code_after_frame(s, 0xa1, STAR, sizeof STAR - 1), 1002);
  assert_int_equal(code_after_frame(s, 0x83, "x", 1), 1002); /* opcode 3 */
  assert_int_equal(code_after_frame(s, 0x8b, "x", 1), 1002); /* opcode 11 */
  assert_int_equal(code_after_frame(s, 0x80, "x", 1), 1002); /* goes on from nothing */
  assert_int_equal(code_after_frame(s, 0x09, "x", 1), 1002); /* a ping in pieces */
  assert_int_equal(code_after_frame(s, 0x89, big_ping, sizeof big_ping), 1002);
  assert_int_equal(code_after_frame(s, 0x88, "\x03\xed", 2), 1002); /* 1005 is not for frames */
}

static void an_unmasked_frame_closes_with_1002(void **state) {
  ws_client *c = test_server_client(*state);
  ws_raw(c, "\x81\x02hi", 4);
  assert_int_equal(ws_code(c), 1002);
  ws_free(c);
}

static void a_second_message_inside_a_first_closes_with_1002(void **state) {
  ws_client *c = test_server_client(*state);
  ws_frame(c, 0x01, "{", 1);
  ws_frame(c, 0x81, "{", 1);
  assert_int_equal(ws_code(c), 1002);
  ws_free(c);
}

static void binary_bad_utf8_and_giants_have_their_codes(void **state) {
  test_server *s = *state;
  static char giant[20000];
  memset(giant, ' ', sizeof giant);
  assert_int_equal(code_after_frame(s, 0x82, STAR, sizeof STAR - 1), 1003);
  assert_int_equal(code_after_frame(s, 0x81, "\xff\xfe", 2), 1007);
  assert_int_equal(code_after_frame(s, 0x81, giant, sizeof giant), 1009);
  /* A length of 2^62 is refused at its first byte. */
  ws_client *c = test_server_client(s);
  ws_raw(c, "\x81\xff\x40\0\0\0\0\0\0\0\0\0\0\0 ", 15);
  assert_int_equal(ws_code(c), 1009);
  ws_free(c);
}

static void a_message_in_countless_pieces_closes_with_1009(void **state) {
  ws_client *c = test_server_client(*state);
  ws_frame(c, 0x01, "{", 1);
  for (int i = 0; i < 300; i++) ws_frame(c, 0x00, "", 0);
  assert_int_equal(ws_code(c), 1009);
  ws_free(c);
}

static void a_close_is_answered(void **state) {
  ws_client *c = test_server_client(*state);
  ws_frame(c, 0x88, "\x03\xe8", 2);
  assert_int_equal(ws_code(c), 1000);
  ws_wait_end_deaf(c);
  ws_free(c);
}

static void a_client_that_vanishes_is_forgotten(void **state) {
  test_server *s = *state;
  for (int i = 0; i < 20; i++) ws_free(test_server_client(s));
  ws_client *c = test_server_client(s);
  ws_say(c, STAR);
  assert_string_equal(ws_next(c), "{\"type\":\"ready\"}");
  ws_free(c);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      SERVED(the_handshake_proves_itself),
      SERVED(handshakes_that_are_none_are_refused),
      cmocka_unit_test(only_pages_of_our_own_may_connect),
      cmocka_unit_test(a_full_hub_refuses_until_somebody_leaves),
      SERVED(a_first_message_sent_with_the_request_is_heard),
      SERVED(a_message_in_pieces_with_a_ping_between_is_one),
      SERVED(frames_against_the_protocol_close_with_1002),
      SERVED(an_unmasked_frame_closes_with_1002),
      SERVED(a_second_message_inside_a_first_closes_with_1002),
      SERVED(binary_bad_utf8_and_giants_have_their_codes),
      SERVED(a_message_in_countless_pieces_closes_with_1009),
      SERVED(a_close_is_answered),
      SERVED(a_client_that_vanishes_is_forgotten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
