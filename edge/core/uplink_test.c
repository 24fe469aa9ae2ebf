#include "core/uplink.h"

#include "core/test_flash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { EPOCH = 5 };

static test_flash device;
static edge_ring ring;
static edge_uplink uplink;
static char room[4096];
static unsigned opens;
static unsigned closes;
static bool takes;
static char sent[4096]; /* the last message */
static unsigned messages;

static void open_link(void *context) {
  (void)context;
  opens++;
}

static void close_link(void *context) {
  (void)context;
  closes++;
}

static bool publish(void *context, const char *payload, size_t len) {
  (void)context;
  if (!takes) return false;
  memcpy(sent, payload, len);
  sent[len] = '\0';
  messages++;
  return true;
}

static const edge_uplink_settings settings = {.batch_max = 4,
                                              .open_ms = 1000,
                                              .pause_first_ms = 1000,
                                              .pause_max_ms = 60000,
                                              .ack_ms = 1000,
                                              .ack_max_ms = 8000,
                                              .tries_a_link = 3,
                                              .replay_gap_ms = 100};

static int setup(void **state) {
  (void)state;
  opens = closes = messages = 0;
  takes = true;
  test_flash_init(&device, 8);
  edge_flash port = test_flash_port(&device);
  assert_true(edge_ring_mount(&ring, &port, EPOCH, 1));
  const edge_link link = {NULL, open_link, close_link, publish};
  edge_uplink_init(&uplink, &settings, &link, &ring, NULL, 1, "m1", NULL, room, sizeof room, 99, 0);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_flash_fini(&device);
  return 0;
}

static void append(uint32_t wall_s, uint32_t uptime_s) {
  edge_record record = {.wall_s = wall_s, .uptime_s = uptime_s, .boot = 1};
  uint32_t seq;
  assert_true(edge_ring_append(&ring, &record, &seq));
}

static void append_many(unsigned count) {
  for (unsigned i = 0; i < count; i++) append(1767225600 + 10 * i, 10 * i);
}

static void connect_at(int64_t now_ms) {
  edge_uplink_poll(&uplink, now_ms);
  assert_int_equal(uplink.state, EDGE_UPLINK_OPENING);
  edge_uplink_opened(&uplink, now_ms);
}

static void ack(uint32_t seq, int64_t now_ms) {
  char text[64];
  (void)snprintf(text, sizeof text, "{\"epoch\":%u,\"seq\":%u}", EPOCH, (unsigned)seq);
  edge_uplink_ack(&uplink, text, strlen(text), now_ms);
}

static unsigned readings_sent(void) {
  unsigned count = 0;
  for (const char *at = sent; (at = strstr(at, "\"seq\"")) != NULL; at++) count++;
  return count;
}

static void one_is_an_object_and_more_an_array(void **state) {
  (void)state;
  append_many(1);
  connect_at(0);
  edge_uplink_poll(&uplink, 0);
  assert_int_equal(sent[0], '{');
  assert_int_equal(sent[strlen(sent) - 1], '}');
  ack(1, 10);
  append_many(3);
  edge_uplink_poll(&uplink, 20);
  assert_int_equal(messages, 2);
  assert_int_equal(sent[0], '[');
  assert_int_equal(readings_sent(), 3);
}

static void the_next_waits_for_the_server(void **state) {
  (void)state;
  append_many(10);
  connect_at(0);
  for (int64_t t = 0; t < 1000; t += 50) edge_uplink_poll(&uplink, t);
  assert_int_equal(messages, 1);
  ack(3, 900); /* not yet all of it */
  edge_uplink_poll(&uplink, 950);
  assert_int_equal(messages, 1);
  ack(4, 960);
  edge_uplink_poll(&uplink, 961);
  assert_int_equal(messages, 1); /* a backlog goes with pauses */
  edge_uplink_poll(&uplink, 1160);
  assert_int_equal(messages, 2);
  assert_non_null(strstr(sent, "\"seq\": 5, \"epoch\": 5, \"seq_first\": 5"));
}

static void what_is_not_acknowledged_is_sent_again_more_seldom(void **state) {
  (void)state;
  append_many(1);
  connect_at(0);
  edge_uplink_poll(&uplink, 0);
  edge_uplink_poll(&uplink, 999);
  assert_int_equal(messages, 1);
  edge_uplink_poll(&uplink, 1000);
  assert_int_equal(messages, 2);
  edge_uplink_poll(&uplink, 2999);
  assert_int_equal(messages, 2);
  edge_uplink_poll(&uplink, 3000);
  assert_int_equal(messages, 3);
  edge_uplink_poll(&uplink, 7000);
  assert_int_equal(messages, 3); /* over another connection from now on */
  assert_int_equal(closes, 1);
  assert_int_equal(uplink.state, EDGE_UPLINK_PAUSED);
}

static void a_lost_connection_sends_again(void **state) {
  (void)state;
  append_many(2);
  connect_at(0);
  edge_uplink_poll(&uplink, 0);
  edge_uplink_closed(&uplink, 10);
  edge_uplink_poll(&uplink, 20);
  assert_int_equal(opens, 1);
  connect_at(1100);
  edge_uplink_poll(&uplink, 1100);
  assert_int_equal(messages, 2);
  assert_int_equal(readings_sent(), 2);
}

static void pauses_double_with_a_random_half(void **state) {
  (void)state;
  int64_t now_ms = 0;
  int64_t pause_ms = 1000;
  for (int i = 0; i < 10; i++) {
    edge_uplink_poll(&uplink, now_ms);
    assert_int_equal(uplink.state, EDGE_UPLINK_OPENING);
    edge_uplink_closed(&uplink, now_ms);
    int64_t waits_ms = edge_uplink_due_ms(&uplink) - now_ms;
    assert_in_range(waits_ms, pause_ms / 2, pause_ms);
    now_ms += waits_ms;
    pause_ms = pause_ms * 2 < 60000 ? pause_ms * 2 : 60000;
  }
}

static void an_attempt_has_its_time(void **state) {
  (void)state;
  edge_uplink_poll(&uplink, 0);
  edge_uplink_poll(&uplink, 999);
  assert_int_equal(closes, 0);
  edge_uplink_poll(&uplink, 1000);
  assert_int_equal(closes, 1);
  edge_uplink_opened(&uplink, 1001); /* too late */
  assert_int_equal(uplink.state, EDGE_UPLINK_PAUSED);
}

static void strange_acks_free_nothing(void **state) {
  (void)state;
  static const char *const strange[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"epoch\":5}",
                                        "{\"epoch\":6,\"seq\":1}",
                                        "{\"epoch\":5,\"seq\":3}",
                                        "{\"epoch\":5,\"seq\":-1}",
                                        "{\"epoch\":5,\"seq\":\"1\"}",
                                        "{\"epoch\":5,\"seq\":1",
                                        "{\"epoch\":5,\"seq\":1}}",
                                        "{\"epoch\":5,\"seq\":4294967297}"};
  append_many(2);
  for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
    edge_uplink_ack(&uplink, strange[i], strlen(strange[i]), 0);
    assert_int_equal(uplink.stats.strange_acks, i + 1);
    assert_int_equal(edge_ring_first(&ring), 1);
  }
  static const char other_order[] = " { \"seq\" : 1 , \"more\": [{\"seq\": 2}], \"epoch\" : 5 } ";
  edge_uplink_ack(&uplink, other_order, strlen(other_order), 0);
  assert_int_equal(edge_ring_first(&ring), 2);
}

static void a_number_left_out_does_not_hold_up(void **state) {
  (void)state;
  append_many(4);
  device.bytes[EDGE_RING_MARK_SECTORS * EDGE_SECTOR_SIZE + 3 * EDGE_RECORD_LEN] ^= 1; /* seq 3 */
  connect_at(0);
  edge_uplink_poll(&uplink, 0);
  assert_int_equal(readings_sent(), 3);
  ack(2, 10); /* the server waits for 3 */
  edge_uplink_poll(&uplink, 500);
  assert_int_equal(messages, 2);
  assert_non_null(strstr(sent, "\"seq\": 4, \"epoch\": 5, \"seq_first\": 4"));
}

static void without_a_clock_nothing_goes(void **state) {
  (void)state;
  append(0, 5);
  append(0, 15);
  connect_at(0);
  edge_uplink_poll(&uplink, 0);
  assert_int_equal(messages, 0);
  append(1767225625, 25);
  edge_uplink_poll(&uplink, 10);
  assert_int_equal(messages, 1);
  assert_non_null(strstr(sent, "2026-01-01T00:00:05Z"));
  assert_non_null(strstr(sent, "2026-01-01T00:00:15Z"));
  assert_non_null(strstr(sent, "2026-01-01T00:00:25Z"));
}

static void clocks_put_back_a_little_give_no_time_twice(void **state) {
  (void)state;
  assert_int_equal(edge_stamp_next(0, 1000), 1000);
  assert_int_equal(edge_stamp_next(1000, 1010), 1010);
  assert_int_equal(edge_stamp_next(1010, 1010), 1011);
  assert_int_equal(edge_stamp_next(1010, 900), 1011);
  assert_int_equal(edge_stamp_next(10000, 900), 900);
}

static void a_link_that_takes_nothing_is_closed(void **state) {
  (void)state;
  append_many(1);
  connect_at(0);
  takes = false;
  edge_uplink_poll(&uplink, 0);
  assert_int_equal(closes, 1);
  assert_int_equal(uplink.state, EDGE_UPLINK_PAUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_is_an_object_and_more_an_array),
      TEST(the_next_waits_for_the_server),
      TEST(what_is_not_acknowledged_is_sent_again_more_seldom),
      TEST(a_lost_connection_sends_again),
      TEST(pauses_double_with_a_random_half),
      TEST(an_attempt_has_its_time),
      TEST(strange_acks_free_nothing),
      TEST(a_number_left_out_does_not_hold_up),
      TEST(without_a_clock_nothing_goes),
      TEST(clocks_put_back_a_little_give_no_time_twice),
      TEST(a_link_that_takes_nothing_is_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
