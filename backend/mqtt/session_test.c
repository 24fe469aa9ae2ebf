/* The subscriber against a broker of MQTT 3.1.1 that is a script: what leaves when, byte by byte,
 * and what a broker that breaks the rules gets. What MQTT 5 changes is in session_v5_test.c, shared
 * subscriptions are in share_test.c, the real broker is in subscriber_test.c. */
#include "base/clock.h"
#include "mqtt/test_peer.h"
#include "mqtt/test_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
  test_peer peer;
  test_sink sink;
} fixture;

static void start(fixture *f, sm_mqtt_options options) {
  test_peer_init(&f->peer);
  options.url = f->peer.url;
  options.version = SM_MQTT_VERSION_3_1_1;
  test_sink_start(&f->sink, &options);
}

static void start_welcome(fixture *f, sm_mqtt_options options) {
  start(f, options);
  test_peer_welcome(&f->peer);
}

static void finish(fixture *f) {
  test_sink_fini(&f->sink);
  test_peer_fini(&f->peer);
}

/* ---- acknowledging ---- */

static void pubacks_leave_in_order_and_only_after_the_commit(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_hold(&f.sink, true);
  sm_buf out;
  sm_buf_init(&out, 0);
  test_peer_encode_publish(&out, 5, "meters/a", "1", 1);
  test_peer_encode_publish(&out, 3, "meters/b", "2", 1);
  test_peer_encode_publish(&out, 0, "meters/c", "3", 1); /* QoS 0: taken, not acknowledged */
  test_peer_encode_publish(&out, 900, "meters/d", "4", 1);
  test_peer_send(&f.peer, out.data, out.len);
  test_sink_await_holding(&f.sink);
  assert_int_equal(test_sink_taken(&f.sink), 4);
  assert_false(test_peer_has_bytes(&f.peer));
  assert_int_equal(test_status(&f.sink).acknowledged, 0);
  test_sink_set_hold(&f.sink, false);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x05\x40\x02\x00\x03\x40\x02\x03\x84");
  test_sink_assert_message(&f.sink, 1, "meters/b", "2");
  test_sink_assert_message(&f.sink, 2, "meters/c", "3");
  test_await_acknowledged(&f.sink, 3);
  assert_int_equal(test_status(&f.sink).messages, 4);
  sm_buf_fini(&out);
  finish(&f);
}

/* As NATS does on one connection when an acknowledgement takes longer than its ack_wait. */
static void
a_message_that_comes_twice_in_one_batch_is_handed_on_and_acknowledged_twice(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_hold(&f.sink, true);
  test_peer_publish(&f.peer, 9, "meters/z", "first"); /* its commit holds; the rest piles up */
  test_sink_await_holding(&f.sink);
  TEST_PEER_SEND(&f.peer, "\x32\x0d\x00\x08meters/a\x00\x07x");
  TEST_PEER_SEND(&f.peer, "\x32\x0d\x00\x08meters/b\x00\x08y");
  TEST_PEER_SEND(&f.peer, "\x3a\x0d\x00\x08meters/a\x00\x07x"); /* DUP */
  test_sink_set_hold(&f.sink, false);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x09\x40\x02\x00\x07"
                            "\x40\x02\x00\x08\x40\x02\x00\x07");
  assert_int_equal(test_sink_taken(&f.sink), 4);
  test_sink_assert_message(&f.sink, 3, "meters/a", "x");
  test_await_acknowledged(&f.sink, 4);
  finish(&f);
}

static void bytes_that_come_one_by_one_make_the_same_messages(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  uint8_t packet[256];
  test_peer_accept(&f.peer);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  for (size_t i = 0; i < 4; i++) test_peer_send(&f.peer, &"\x20\x02\x01\x00"[i], 1);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t suback[] = {0x90, 3, packet[2], packet[3], 1};
  for (size_t i = 0; i < sizeof suback; i++) test_peer_send(&f.peer, suback + i, 1);
  sm_buf out;
  sm_buf_init(&out, 0);
  char payload[200];
  memset(payload, 'z', sizeof payload);
  for (uint16_t id = 1; id <= 3; id++)
    test_peer_encode_publish(&out, id, "meters/one-by-one", payload, sizeof payload);
  for (size_t i = 0; i < out.len; i++) test_peer_send(&f.peer, out.data + i, 1);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x00\x03");
  assert_int_equal(test_sink_taken(&f.sink), 3);
  assert_int_equal(test_sink_message(&f.sink, 2).payload_len, sizeof payload);
  sm_buf_fini(&out);
  finish(&f);
}

/* More than the buffer holds, so that it is used over and over. */
static void a_long_stream_arrives_whole_and_in_order(void **state) {
  (void)state;
  enum { COUNT = 8000 };
  fixture f;
  start_welcome(&f, (sm_mqtt_options){.batch_messages_max = 700});
  sm_buf out;
  sm_buf_init(&out, 0);
  for (unsigned i = 1; i <= COUNT; i++) {
    char payload[512];
    int len = snprintf(payload, sizeof payload, "%u %0*u", i, (int)(i * 7 % 400 + 1), i);
    test_peer_encode_publish(&out, (uint16_t)i, "meters/meter-001/telemetry", payload, (size_t)len);
  }
  test_peer_send(&f.peer, out.data, out.len);
  for (unsigned i = 1; i <= COUNT; i++) {
    uint8_t puback[] = {0x40, 2, (uint8_t)(i >> 8), (uint8_t)i};
    test_peer_expect(&f.peer, puback, sizeof puback);
  }
  assert_int_equal(test_sink_taken(&f.sink), COUNT);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(strtoul(test_sink_message(&f.sink, i).payload, NULL, 10), i + 1);
  sm_buf_fini(&out);
  finish(&f);
}

static void a_packet_larger_than_the_buffer_but_allowed_is_held(void **state) {
  (void)state;
  enum { LEN = 900000 };
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  char *payload = malloc(LEN);
  assert_non_null(payload);
  for (size_t i = 0; i < LEN; i++) payload[i] = (char)('a' + i % 23);
  sm_buf out;
  sm_buf_init(&out, 0);
  test_peer_encode_publish(&out, 1, "meters/small", "s", 1);
  test_peer_encode_publish(&out, 2, "meters/big", payload, LEN);
  test_peer_encode_publish(&out, 3, "meters/small", "t", 1);
  test_peer_send(&f.peer, out.data, out.len);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x00\x03");
  assert_int_equal(test_sink_message(&f.sink, 1).payload_len, LEN);
  assert_false(test_sink_message(&f.sink, 1).truncated);
  assert_memory_equal(test_sink_message(&f.sink, 1).payload, payload, LEN);
  test_sink_assert_message(&f.sink, 2, "meters/small", "t");
  sm_buf_fini(&out);
  free(payload);
  finish(&f);
}

static void a_packet_too_large_is_truncated_and_acknowledged_after_its_last_byte(void **state) {
  (void)state;
  enum { LEN = 3000000 };
  fixture f;
  start_welcome(&f, (sm_mqtt_options){.packet_max = 100000});
  char *payload = malloc(LEN);
  assert_non_null(payload);
  for (size_t i = 0; i < LEN; i++) payload[i] = (char)('a' + i % 23);
  sm_buf out;
  sm_buf_init(&out, 0);
  test_peer_encode_publish(&out, 1, "meters/small", "s", 1);
  test_peer_encode_publish(&out, 2, "meters/big", payload, LEN);
  test_peer_send(&f.peer, out.data, out.len - 1);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01");
  assert_int_equal(test_sink_taken(&f.sink), 1); /* not before all of it is there */
  test_peer_send(&f.peer, out.data + out.len - 1, 1);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x02");
  test_message big = test_sink_message(&f.sink, 1);
  assert_string_equal(big.topic, "meters/big");
  assert_true(big.truncated);
  assert_int_equal(big.payload_len, 4096);
  assert_int_equal(big.payload_len_sent, LEN);
  assert_memory_equal(big.payload, payload, 4096);
  /* The same with what follows in the same stream. */
  test_peer_encode_publish(&out, 3, "meters/small", "t", 1);
  test_peer_send(&f.peer, out.data, out.len);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x00\x03");
  test_sink_assert_message(&f.sink, 4, "meters/small", "t");
  sm_buf_fini(&out);
  free(payload);
  finish(&f);
}

static void a_topic_no_one_may_use_is_skipped_and_the_stream_goes_on(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_peer_publish(&f.peer, 7, "meters/\xff/telemetry", "x");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x07");
  test_peer_publish(&f.peer, 8, "meters/a", "good");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x08");
  assert_int_equal(test_sink_taken(&f.sink), 1);
  test_sink_assert_message(&f.sink, 0, "meters/a", "good");
  test_await_acknowledged(&f.sink, 2);
  assert_int_equal(test_status(&f.sink).unusable, 1);
  finish(&f);
}

/* ---- a store that fails ---- */

static void while_the_commit_fails_nothing_is_acknowledged_or_read(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_result(&f.sink, SM_ERR_FULL);
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_tries(&f.sink, 2);
  test_await_state(&f.sink, SM_MQTT_STALLED);
  test_await_reason(&f.sink, "no room left");
  test_peer_publish(&f.peer, 2, "meters/a", "two");
  test_sink_await_tries(&f.sink, 2);
  assert_int_equal(test_sink_taken(&f.sink), 1);
  assert_false(test_peer_has_bytes(&f.peer));
  test_sink_set_result(&f.sink, SM_OK);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01\x40\x02\x00\x02");
  test_await_state(&f.sink, SM_MQTT_READY);
  test_sink_assert_message(&f.sink, 1, "meters/a", "two");
  finish(&f);
}

/* Messages that were read together with those of the failing batch must not be forgotten. */
static void after_a_stall_what_was_already_read_goes_on(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){.batch_messages_max = 2});
  test_sink_set_result(&f.sink, SM_ERR_IO);
  sm_buf out;
  sm_buf_init(&out, 0);
  for (uint16_t id = 1; id <= 5; id++) test_peer_encode_publish(&out, id, "meters/a", "x", 1);
  test_peer_send(&f.peer, out.data, out.len);
  test_sink_await_tries(&f.sink, 2);
  assert_int_equal(test_sink_taken(&f.sink), 2);
  test_sink_set_result(&f.sink, SM_OK);
  for (uint8_t id = 1; id <= 5; id++) {
    uint8_t puback[] = {0x40, 2, 0, id};
    test_peer_expect(&f.peer, puback, sizeof puback);
  }
  sm_buf_fini(&out);
  finish(&f);
}

static void a_stalled_subscriber_keeps_pinging_and_blames_nobody(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){.keepalive_s = 1});
  test_sink_set_result(&f.sink, SM_ERR_IO);
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  for (int i = 0; i < 4; i++) TEST_PEER_EXPECT(&f.peer, "\xc0\x00"); /* none answered */
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_STALLED);
  test_sink_set_result(&f.sink, SM_OK);
  uint8_t packet[4];
  do {
    (void)test_peer_read(&f.peer, packet, sizeof packet);
  } while (packet[0] == 0xc0);
  assert_memory_equal(packet, "\x40\x02\x00\x01", 4);
  TEST_PEER_SEND(&f.peer, "\xd0\x00");
  test_await_state(&f.sink, SM_MQTT_READY);
  assert_int_equal(test_status(&f.sink).connects, 1);
  finish(&f);
}

static void a_batch_that_outlives_its_connection_is_stored_but_not_acknowledged(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_result(&f.sink, SM_ERR_IO);
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_tries(&f.sink, 1);
  test_peer_reset(&f.peer);
  test_sink_await_tries(&f.sink, 2);
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_STALLED);
  test_sink_set_result(&f.sink, SM_OK);
  test_sink_await_committed(&f.sink, 1);
  test_peer_welcome(&f.peer);
  test_peer_publish(&f.peer, 77, "meters/a", "one"); /* it comes again, under another id */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x4d");
  test_sink_await_committed(&f.sink, 2);
  test_await_acknowledged(&f.sink, 1);
  assert_int_equal(test_status(&f.sink).acknowledged, 1);
  finish(&f);
}

/* ---- stopping ---- */

static void stop_commits_acknowledges_and_says_goodbye(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_committed(&f.sink, 1);
  test_sink_stop(&f.sink);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01\xe0\x00");
  test_peer_expect_end(&f.peer);
  finish(&f);
}

static void stop_in_a_stall_tries_once_more_and_leaves_the_rest_to_the_broker(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_result(&f.sink, SM_ERR_IO);
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_tries(&f.sink, 1);
  test_sink_stop(&f.sink);
  TEST_PEER_EXPECT(&f.peer, "\xe0\x00");
  test_peer_expect_end(&f.peer);
  assert_int_equal(f.sink.committed, 0);
  finish(&f);
}

static void stop_interrupts_every_wait(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  test_peer_accept(&f.peer); /* and never an answer */
  test_sink_stop(&f.sink);
  finish(&f);
  start(&f, (sm_mqtt_options){0});
  test_peer_accept(&f.peer);
  test_peer_close(&f.peer);
  test_await_reason(&f.sink, "closed the connection"); /* it waits to try again */
  int64_t before_ms = sm_clock_steady_ms();
  test_sink_stop(&f.sink);
  assert_true(sm_clock_steady_ms() - before_ms < 5000);
  finish(&f);
}

static void stop_gives_up_on_a_commit_that_hangs(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_hold(&f.sink, true);
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_holding(&f.sink);
  assert_false(sm_mqtt_subscriber_stop(f.sink.subscriber, 50));
  assert_int_equal(sm_mqtt_subscriber_start(f.sink.subscriber), SM_ERR_BUSY);
  test_sink_set_hold(&f.sink, false);
  test_sink_await_committed(&f.sink, 1);
  test_await_state(&f.sink, SM_MQTT_STOPPED);
  finish(&f);
}

static void a_stopped_subscriber_starts_again(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_result(&f.sink, SM_ERR_IO);
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_tries(&f.sink, 1);
  assert_true(sm_mqtt_subscriber_stop(f.sink.subscriber, 5000));
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_STOPPED);
  assert_true(sm_mqtt_subscriber_stop(f.sink.subscriber, 5000));
  test_sink_set_result(&f.sink, SM_OK);
  assert_int_equal(sm_mqtt_subscriber_start(f.sink.subscriber), SM_OK);
  test_sink_await_committed(&f.sink, 1); /* what was left is made durable first */
  test_peer_welcome(&f.peer);
  test_peer_publish(&f.peer, 2, "meters/a", "two");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x02");
  finish(&f);
}

/* ---- publishing ---- */

static void what_a_commit_publishes_follows_its_pubacks(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_publish(&f.sink, "m/ack");
  test_sink_set_result(&f.sink, SM_ERR_IO); /* what a failed commit published is forgotten */
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  test_sink_await_tries(&f.sink, 2);
  test_sink_set_result(&f.sink, SM_OK);
  /* SUBSCRIBE had id 1 */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01\x32\x0a\x00\x05m/ack\x00\x02n");
  TEST_PEER_SEND(&f.peer, "\x40\x02\x00\x02");
  test_peer_publish(&f.peer, 2, "meters/a", "two");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x02\x32\x0a\x00\x05m/ack\x00\x03n");
  assert_int_equal(test_sink_published(&f.sink), SM_OK);
  finish(&f);
}

static void a_topic_with_a_wildcard_is_not_published(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_publish(&f.sink, "meters/+/ack");
  test_peer_publish(&f.peer, 1, "meters/a", "one");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x01");
  test_sink_await_committed(&f.sink, 1);
  test_sink_stop(&f.sink);
  assert_int_equal(test_sink_published(&f.sink), SM_ERR_INVALID);
  finish(&f);
}

/* ---- a broker that says no, nothing, or nonsense ---- */

static void every_refusal_is_told_in_words(void **state) {
  (void)state;
  static const char *const words[] = {
      "does not speak this version", "client id",      "not available",
      "bad user name or password",   "not authorised", "unknown reason"};
  for (uint8_t code = 1; code <= 6; code++) {
    fixture f;
    uint8_t packet[256];
    start(&f, (sm_mqtt_options){0});
    test_peer_accept(&f.peer);
    (void)test_peer_read(&f.peer, packet, sizeof packet);
    uint8_t connack[] = {0x20, 2, 0, code};
    test_peer_send(&f.peer, connack, sizeof connack);
    test_peer_expect_end(&f.peer);
    test_await_reason(&f.sink, words[code - 1]);
    assert_int_equal(test_status(&f.sink).connects, 0);
    if (code == 6) { /* whatever it was, it tries again */
      test_peer_welcome(&f.peer);
      test_await_state(&f.sink, SM_MQTT_READY);
      assert_string_equal(test_status(&f.sink).reason, "");
    }
    finish(&f);
  }
}

static void a_refused_filter_is_named_and_asked_for_again(void **state) {
  (void)state;
  static const char *const filters[] = {"meters/+/telemetry", "meters/+/status", "x/#"};
  fixture f;
  uint8_t packet[256];
  start(&f, (sm_mqtt_options){.filters = filters, .filter_count = 3});
  test_peer_accept(&f.peer);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  TEST_PEER_SEND(&f.peer, "\x20\x02\x00\x00");
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t some[] = {0x90, 5, packet[2], packet[3], 1, 0x80, 0};
  test_peer_send(&f.peer, some, sizeof some);
  test_await_reason(&f.sink, "refuses the subscription to \"meters/+/status\"");
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  test_peer_publish(&f.peer, 9, "meters/a/telemetry", "x"); /* what is granted works */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x09");
  /* Only the others are asked for. */
  size_t len = test_peer_read(&f.peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0x82);
  assert_int_equal(len, 2 + 2 + (2 + 15 + 1) + (2 + 3 + 1));
  assert_memory_equal(packet + 6, "meters/+/status", 15);
  uint8_t one[] = {0x90, 4, packet[2], packet[3], 1, 0};
  test_peer_send(&f.peer, one, sizeof one);
  test_await_reason(&f.sink, "grants only QoS 0 for the filter \"x/#\"");
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t rest[] = {0x90, 3, packet[2], packet[3], 1};
  test_peer_send(&f.peer, rest, sizeof rest);
  test_await_state(&f.sink, SM_MQTT_READY);
  finish(&f);
}

static void a_broker_that_answers_no_ping_is_given_up(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){.keepalive_s = 1});
  for (int i = 0; i < 3; i++) { /* as long as it answers it is alive */
    TEST_PEER_EXPECT(&f.peer, "\xc0\x00");
    TEST_PEER_SEND(&f.peer, "\xd0\x00");
  }
  TEST_PEER_EXPECT(&f.peer, "\xc0\x00");
  test_await_reason(&f.sink, "does not answer PINGREQ");
  test_peer_welcome(&f.peer);
  test_await_state(&f.sink, SM_MQTT_READY);
  assert_int_equal(test_status(&f.sink).connects, 2);
  finish(&f);
}

typedef struct nonsense {
  const char *bytes;
  size_t len;
  const char *reason;
} nonsense;

#define NONSENSE(bytes_, reason_)                                                                  \
  { bytes_, sizeof(bytes_) - 1, reason_ }

static void every_breach_ends_the_connection_with_its_reason(void **state) {
  (void)state;
  static const nonsense cases[] = {
      NONSENSE("\x30\xff\xff\xff\xff\x01", "more than four bytes"),
      NONSENSE("\x32\x05\x00\x01t\x00\x00", "packet id 0"),
      NONSENSE("\x36\x05\x00\x01t\x00\x01", "QoS"),
      NONSENSE("\x20\x02\x00\x00", "second CONNACK"),
      NONSENSE("\x90\x03\x00\x63\x01", "SUBACK does not answer"),
      NONSENSE("\x10\x00", "of a kind"),
      NONSENSE("\x30\x03\x00\x09t", "shorter than its topic"),
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture f;
    start_welcome(&f, (sm_mqtt_options){0});
    test_await_state(&f.sink, SM_MQTT_READY);
    test_peer_send(&f.peer, cases[i].bytes, cases[i].len);
    test_peer_expect_end(&f.peer);
    test_await_reason(&f.sink, cases[i].reason);
    test_await_reason(&f.sink, "broke the protocol");
    finish(&f);
  }
}

static void nonsense_instead_of_connack_ends_the_connection(void **state) {
  (void)state;
  static const nonsense cases[] = {
      NONSENSE("HTTP/1.1 400 Bad Request\r\n", "broke the protocol"),
      NONSENSE("\x32\x06\x00\x01t\x00\x01x", "before CONNACK"),
      NONSENSE("\x90\x03\x00\x01\x01", "before CONNACK"),
      NONSENSE("\x20\x02\x01\x01", "yet has a session"),
      NONSENSE("\x15\x03\x03\x00\x02\x02\x28", "broke the protocol"), /* a TLS alert */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture f;
    start(&f, (sm_mqtt_options){0});
    test_peer_accept(&f.peer);
    uint8_t packet[256];
    (void)test_peer_read(&f.peer, packet, sizeof packet);
    test_peer_send(&f.peer, cases[i].bytes, cases[i].len);
    test_peer_expect_end(&f.peer);
    test_await_reason(&f.sink, cases[i].reason);
    assert_int_equal(test_sink_taken(&f.sink), 0);
    finish(&f);
  }
}

/* What came before the breach is stored; the broker will send it again. */
static void messages_before_a_breach_are_stored(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  TEST_PEER_SEND(&f.peer, "\x32\x0e\x00\x08meters/a\x00\x01\x6f\x6b\xf0\x00");
  test_sink_await_committed(&f.sink, 1);
  test_sink_assert_message(&f.sink, 0, "meters/a", "ok");
  finish(&f);
}

static void connect_says_who_and_keeps_the_session(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){
                .client_id = "srv", .username = "u", .password = "p", .keepalive_s = 258});
  test_peer_accept(&f.peer);
  TEST_PEER_EXPECT(&f.peer, "\x10\x15\x00\x04MQTT\x04\xc0\x01\x02\x00\x03srv\x00\x01u\x00\x01p");
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pubacks_leave_in_order_and_only_after_the_commit),
      cmocka_unit_test(a_message_that_comes_twice_in_one_batch_is_handed_on_and_acknowledged_twice),
      cmocka_unit_test(bytes_that_come_one_by_one_make_the_same_messages),
      cmocka_unit_test(a_long_stream_arrives_whole_and_in_order),
      cmocka_unit_test(a_packet_larger_than_the_buffer_but_allowed_is_held),
      cmocka_unit_test(a_packet_too_large_is_truncated_and_acknowledged_after_its_last_byte),
      cmocka_unit_test(a_topic_no_one_may_use_is_skipped_and_the_stream_goes_on),
      cmocka_unit_test(while_the_commit_fails_nothing_is_acknowledged_or_read),
      cmocka_unit_test(after_a_stall_what_was_already_read_goes_on),
      cmocka_unit_test(a_stalled_subscriber_keeps_pinging_and_blames_nobody),
      cmocka_unit_test(a_batch_that_outlives_its_connection_is_stored_but_not_acknowledged),
      cmocka_unit_test(stop_commits_acknowledges_and_says_goodbye),
      cmocka_unit_test(stop_in_a_stall_tries_once_more_and_leaves_the_rest_to_the_broker),
      cmocka_unit_test(stop_interrupts_every_wait),
      cmocka_unit_test(stop_gives_up_on_a_commit_that_hangs),
      cmocka_unit_test(a_stopped_subscriber_starts_again),
      cmocka_unit_test(what_a_commit_publishes_follows_its_pubacks),
      cmocka_unit_test(a_topic_with_a_wildcard_is_not_published),
      cmocka_unit_test(every_refusal_is_told_in_words),
      cmocka_unit_test(a_refused_filter_is_named_and_asked_for_again),
      cmocka_unit_test(a_broker_that_answers_no_ping_is_given_up),
      cmocka_unit_test(every_breach_ends_the_connection_with_its_reason),
      cmocka_unit_test(nonsense_instead_of_connack_ends_the_connection),
      cmocka_unit_test(messages_before_a_breach_are_stored),
      cmocka_unit_test(connect_says_who_and_keeps_the_session),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
