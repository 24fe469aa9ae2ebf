/* What MQTT 5 changes between the subscriber and a broker that is a script; and how the version is
 * found. See session_test.c. */
#include "mqtt/test_peer.h"
#include "mqtt/test_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
  test_peer peer;
  test_sink sink;
} fixture;

static void start(fixture *f, sm_mqtt_options options) {
  test_peer_init(&f->peer);
  options.url = f->peer.url;
  test_sink_start(&f->sink, &options);
}

/* Accepts a connection and takes its CONNECT, which must be of this version. */
static void accept_connect(fixture *f, uint8_t version) {
  uint8_t packet[256];
  test_peer_accept(&f->peer);
  (void)test_peer_read(&f->peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0x10);
  assert_memory_equal(packet + 2, "\0\4MQTT", 6);
  assert_int_equal(packet[8], version);
}

/* Takes SUBSCRIBE of one filter and grants it. */
static void grant(fixture *f, bool v5) {
  uint8_t packet[256];
  (void)test_peer_read(&f->peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0x82);
  uint8_t suback5[] = {0x90, 4, packet[2], packet[3], 0, 1};
  uint8_t suback4[] = {0x90, 3, packet[2], packet[3], 1};
  test_peer_send(&f->peer, v5 ? suback5 : suback4, v5 ? sizeof suback5 : sizeof suback4);
}

static void welcome(fixture *f) {
  accept_connect(f, 5);
  TEST_PEER_SEND(&f->peer, "\x20\x03\x00\x00\x00");
  grant(f, true);
  test_await_state(&f->sink, SM_MQTT_READY);
}

static void welcome_old(fixture *f) {
  accept_connect(f, 4);
  TEST_PEER_SEND(&f->peer, "\x20\x02\x00\x00");
  grant(f, false);
  test_await_state(&f->sink, SM_MQTT_READY);
}

static void start_welcome(fixture *f, sm_mqtt_options options) {
  start(f, options);
  welcome(f);
}

static void finish(fixture *f) {
  test_sink_fini(&f->sink);
  test_peer_fini(&f->peer);
}

/* ---- version 5 ---- */

static void connect_asks_for_a_session_that_stays_and_for_a_window(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){
                .client_id = "srv", .username = "u", .password = "p", .keepalive_s = 258});
  test_peer_accept(&f.peer);
  TEST_PEER_EXPECT(&f.peer, "\x10\x1e\0\x04MQTT\x05\xc0\x01\x02"
                            "\x08\x11\xff\xff\xff\xff\x21\0\x14"
                            "\0\x03srv\0\x01u\0\x01p");
  finish(&f);
  start(&f, (sm_mqtt_options){.client_id = "srv", .receive_max = 4000});
  test_peer_accept(&f.peer);
  TEST_PEER_EXPECT(&f.peer, "\x10\x18\0\x04MQTT\x05\x00\0\x1e"
                            "\x08\x11\xff\xff\xff\xff\x21\x0f\xa0"
                            "\0\x03srv");
  finish(&f);
}

static void messages_are_taken_and_acknowledged_in_the_short_form(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  assert_int_equal(test_status(&f.sink).version, SM_MQTT_VERSION_5);
  TEST_PEER_SEND(&f.peer, "\x32\x0e\0\x08meters/a\0\5\0x"
                          "\x32\x15\0\x08meters/b\0\3\7\x26\0\1k\0\1vy");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x05\x40\x02\x00\x03");
  test_sink_assert_message(&f.sink, 0, "meters/a", "x");
  test_sink_assert_message(&f.sink, 1, "meters/b", "y");
  test_sink_stop(&f.sink);
  TEST_PEER_EXPECT(&f.peer, "\xe0\x00");
  finish(&f);
}

static void properties_full_of_nonsense_are_skipped_and_the_stream_goes_on(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  TEST_PEER_SEND(&f.peer, "\x32\x12\0\x08meters/a\0\7\4\3\0\1\xffx"
                          "\x32\x0e\0\x08meters/a\0\x08\0y");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x07\x40\x02\x00\x08");
  assert_int_equal(test_sink_taken(&f.sink), 1);
  test_await_acknowledged(&f.sink, 2);
  assert_int_equal(test_status(&f.sink).unusable, 1);
  finish(&f);
}

typedef struct says {
  const char *bytes;
  size_t len;
  const char *reason;
} says;

#define SAYS(bytes_, reason_)                                                                      \
  { bytes_, sizeof(bytes_) - 1, reason_ }

static void what_ends_a_connection_is_told_in_words(void **state) {
  (void)state;
  static const says cases[] = {
      SAYS("\xe0\x01\x8e", "ends the connection: another client has taken over"),
      SAYS("\xe0\x02\x8b\x00", "ends the connection: the broker is shutting down"),
      SAYS("\xe0\x00", "ends the connection: for no reason"),
      SAYS("\xf0\x01\x18", "broke the protocol: a packet of a kind"),
      SAYS("\x32\x11\0\x08meters/a\0\7\3\x23\0\1x", "broke the protocol: a property that"),
      SAYS("\x20\x03\0\0\0", "broke the protocol: a second CONNACK"),
      SAYS("\xb0\x04\0\1\0\0", "broke the protocol: UNSUBACK does not answer"),
      SAYS("\x32\x0e\0\x08meters/a\0\7\x05x", "properties are longer than their packet"),
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture f;
    start_welcome(&f, (sm_mqtt_options){0});
    test_peer_send(&f.peer, cases[i].bytes, cases[i].len);
    test_peer_expect_end(&f.peer);
    test_await_reason(&f.sink, cases[i].reason);
    assert_int_equal(test_sink_taken(&f.sink), 0);
    finish(&f);
  }
}

static void a_broker_that_cannot_do_what_is_needed_is_refused(void **state) {
  (void)state;
  static const says cases[] = {
      SAYS("\x20\x03\0\x86\0", "bad user name or password"),
      SAYS("\x20\x03\0\x97\0", "a quota is used up"),
      SAYS("\x20\x05\0\0\2\x24\0", "does not offer QoS 1"),
      SAYS("\x20\x05\0\0\2\x28\0", "does not offer subscriptions with wildcards"),
      SAYS("\x20\x08\0\0\5\x27\0\0\0\x08", "no packet as long as our SUBSCRIBE"),
      SAYS("\x20\x08\0\0\5\x12\0\2id", "broke the protocol"), /* another client id than ours */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture f;
    start(&f, (sm_mqtt_options){.version = SM_MQTT_VERSION_5});
    accept_connect(&f, 5);
    test_peer_send(&f.peer, cases[i].bytes, cases[i].len);
    test_peer_expect_end(&f.peer);
    test_await_reason(&f.sink, cases[i].reason);
    assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
    finish(&f);
  }
}

static void a_refused_filter_is_named_with_its_reason(void **state) {
  (void)state;
  fixture f;
  uint8_t packet[256];
  start(&f, (sm_mqtt_options){0});
  accept_connect(&f, 5);
  TEST_PEER_SEND(&f.peer, "\x20\x03\0\0\0");
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t no[] = {0x90, 4, packet[2], packet[3], 0, 0x87};
  test_peer_send(&f.peer, no, sizeof no);
  test_await_reason(&f.sink, "refuses the subscription to \"meters/#\": not authorised");
  grant(&f, true); /* it asks again */
  test_await_state(&f.sink, SM_MQTT_READY);
  finish(&f);
}

static void the_keepalive_of_the_broker_is_kept(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.keepalive_s = 600});
  accept_connect(&f, 5);
  TEST_PEER_SEND(&f.peer, "\x20\x06\0\0\3\x13\0\1"); /* 1 s */
  grant(&f, true);
  TEST_PEER_EXPECT(&f.peer, "\xc0\x00");
  finish(&f);
}

/* ---- publishing ---- */

/* Sends a message whose commit publishes, and takes its acknowledgement. */
static void provoke(fixture *f, uint8_t id) {
  uint8_t publish[] = {0x32, 14, 0, 8, 'm', 'e', 't', 'e', 'r', 's', '/', 'a', 0, id, 0, 'x'};
  uint8_t puback[] = {0x40, 2, 0, id};
  test_peer_send(&f->peer, publish, sizeof publish);
  test_peer_expect(&f->peer, puback, sizeof puback);
}

/* More than the broker takes at once waits for its answers, and is not lost. */
static void own_messages_wait_for_the_brokers_window(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  accept_connect(&f, 5);
  TEST_PEER_SEND(&f.peer, "\x20\x06\0\0\3\x21\0\2"); /* two at once */
  grant(&f, true);
  test_sink_set_publish(&f.sink, "m/ack");
  provoke(&f, 1); /* SUBSCRIBE had id 1 */
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\2\0n");
  provoke(&f, 2);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\3\0n");
  for (uint8_t id = 3; id <= 6; id++) provoke(&f, id); /* no more of ours comes */
  assert_int_equal(test_sink_published(&f.sink), SM_OK);
  assert_false(test_peer_has_bytes(&f.peer));
  TEST_PEER_SEND(&f.peer, "\x40\x02\0\3");
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\4\0n");
  TEST_PEER_SEND(&f.peer, "\x40\x02\0\2\x40\x02\0\4");
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\5\0n\x32\x0b\0\5m/ack\0\6\0n");
  TEST_PEER_SEND(&f.peer, "\x40\x02\0\5\x40\x02\0\6");
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\7\0n");
  provoke(&f, 9);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\x08\0n");
  finish(&f);
}

static void what_waits_is_forgotten_with_its_connection(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  accept_connect(&f, 5);
  TEST_PEER_SEND(&f.peer, "\x20\x06\0\0\3\x21\0\1");
  grant(&f, true);
  test_sink_set_publish(&f.sink, "m/ack");
  provoke(&f, 1);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\2\0n");
  provoke(&f, 2);
  test_peer_reset(&f.peer);
  welcome(&f);
  test_sink_set_publish(&f.sink, "m/new");
  provoke(&f, 3);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/new\0\5\0n");
  finish(&f);
}

static void a_refused_message_of_ours_is_counted_and_nothing_more(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_sink_set_publish(&f.sink, "m/ack");
  provoke(&f, 1);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\2\0n");
  TEST_PEER_SEND(&f.peer, "\x40\x03\0\2\x87");
  provoke(&f, 2);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\3\0n");
  TEST_PEER_SEND(&f.peer, "\x40\x03\0\3\x10"); /* nobody listens: fine */
  provoke(&f, 3);
  test_await_acknowledged(&f.sink, 3);
  sm_mqtt_status status = test_status(&f.sink);
  assert_int_equal(status.publishes_refused, 1);
  assert_int_equal(status.connects, 1);
  finish(&f);
}

static void a_message_larger_than_the_broker_takes_is_not_sent(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  accept_connect(&f, 5);
  TEST_PEER_SEND(&f.peer, "\x20\x08\0\0\5\x27\0\0\0\x20"); /* 32 bytes */
  grant(&f, true);
  test_sink_set_publish(&f.sink, "m/a-topic-that-is-too-long");
  provoke(&f, 1);
  test_sink_await_committed(&f.sink, 1);
  test_sink_set_publish(&f.sink, "m/ack");
  assert_int_equal(test_sink_published(&f.sink), SM_ERR_RANGE);
  provoke(&f, 2);
  TEST_PEER_EXPECT(&f.peer, "\x32\x0b\0\5m/ack\0\2\0n");
  finish(&f);
}

/* ---- which version ---- */

static void a_broker_that_refuses_version_5_is_asked_in_the_other_at_once(void **state) {
  (void)state;
  static const says cases[] = {
      SAYS("\x20\x02\0\1", ""),
      SAYS("\x20\x03\0\x84\0", ""),
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture f;
    start(&f, (sm_mqtt_options){0});
    accept_connect(&f, 5);
    test_peer_send(&f.peer, cases[i].bytes, cases[i].len);
    test_peer_expect_end(&f.peer);
    welcome_old(&f);
    assert_int_equal(test_status(&f.sink).version, SM_MQTT_VERSION_3_1_1);
    test_peer_publish(&f.peer, 7, "meters/a", "x");
    TEST_PEER_EXPECT(&f.peer, "\x40\x02\x00\x07");
    test_peer_reset(&f.peer); /* it is remembered */
    welcome_old(&f);
    finish(&f);
  }
}

static void a_broker_that_closes_at_version_5_is_asked_in_the_other_next(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  accept_connect(&f, 5);
  test_peer_reset(&f.peer);
  welcome_old(&f);
  finish(&f);
}

static void an_outage_does_not_change_the_version(void **state) {
  (void)state;
  fixture f;
  start_welcome(&f, (sm_mqtt_options){0});
  test_peer_reset(&f.peer);
  accept_connect(&f, 5); /* it stops just now */
  test_peer_reset(&f.peer);
  welcome(&f);
  finish(&f);
}

static void the_version_asked_for_is_the_only_one(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.version = SM_MQTT_VERSION_5});
  accept_connect(&f, 5);
  TEST_PEER_SEND(&f.peer, "\x20\x02\0\1");
  test_peer_expect_end(&f.peer);
  test_await_reason(&f.sink, "does not speak this version of MQTT");
  welcome(&f);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(connect_asks_for_a_session_that_stays_and_for_a_window),
      cmocka_unit_test(messages_are_taken_and_acknowledged_in_the_short_form),
      cmocka_unit_test(properties_full_of_nonsense_are_skipped_and_the_stream_goes_on),
      cmocka_unit_test(what_ends_a_connection_is_told_in_words),
      cmocka_unit_test(a_broker_that_cannot_do_what_is_needed_is_refused),
      cmocka_unit_test(a_refused_filter_is_named_with_its_reason),
      cmocka_unit_test(the_keepalive_of_the_broker_is_kept),
      cmocka_unit_test(own_messages_wait_for_the_brokers_window),
      cmocka_unit_test(what_waits_is_forgotten_with_its_connection),
      cmocka_unit_test(a_refused_message_of_ours_is_counted_and_nothing_more),
      cmocka_unit_test(a_message_larger_than_the_broker_takes_is_not_sent),
      cmocka_unit_test(a_broker_that_refuses_version_5_is_asked_in_the_other_at_once),
      cmocka_unit_test(a_broker_that_closes_at_version_5_is_asked_in_the_other_next),
      cmocka_unit_test(an_outage_does_not_change_the_version),
      cmocka_unit_test(the_version_asked_for_is_the_only_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
