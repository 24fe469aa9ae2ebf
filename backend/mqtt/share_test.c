/* Shared subscriptions and their proof, against a broker that is a script. That Mosquitto really
 * shares is in subscriber_test.c. */
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
  uint8_t probe[128]; /* the last probe message, as it was published */
  size_t probe_len;
} fixture;

static const char *const shared_filters[] = {"meters/+/telemetry"};
static const char *const unshared_filters[] = {"meters/+/status"};

static void start(fixture *f, sm_mqtt_options options) {
  test_peer_init(&f->peer);
  options.url = f->peer.url;
  if (options.version == SM_MQTT_VERSION_AUTO) options.version = SM_MQTT_VERSION_3_1_1;
  options.client_id = "srv";
  options.filters = shared_filters;
  options.filter_count = 1;
  options.unshared_filters = unshared_filters;
  options.unshared_filter_count = 1;
  options.share_group = "bill";
  options.probe_topic = "meters/srv/ack";
  test_sink_start(&f->sink, &options);
}

static void finish(fixture *f) {
  test_sink_fini(&f->sink);
  test_peer_fini(&f->peer);
}

/* Takes CONNECT, answers so, takes SUBSCRIBE (the 3 filters) and grants them. */
static void accept_session(fixture *f, bool session_present) {
  uint8_t packet[256];
  test_peer_accept(&f->peer);
  (void)test_peer_read(&f->peer, packet, sizeof packet);
  test_peer_send(&f->peer, session_present ? "\x20\x02\x01\x00" : "\x20\x02\x00\x00", 4);
  (void)test_peer_read(&f->peer, packet, sizeof packet);
  static const char wanted[] = "\0\x1e$share/bill/meters/+/telemetry\1"
                               "\0\x0fmeters/+/status\1"
                               "\0\x1f$share/srv-probe/meters/srv/ack\1";
  assert_int_equal(packet[0], 0x82);
  assert_memory_equal(packet + 4, wanted, sizeof wanted - 1);
  uint8_t suback[] = {0x90, 5, packet[2], packet[3], 1, 1, 1};
  test_peer_send(&f->peer, suback, sizeof suback);
}

static void accept_all(fixture *f) {
  accept_session(f, false);
}

/* Takes the probe message. */
static void take_probe(fixture *f) {
  f->probe_len = test_peer_read(&f->peer, f->probe, sizeof f->probe);
  assert_int_equal(f->probe[0], 0x32);
  assert_int_equal(f->probe_len, 2 + 2 + 14 + 2 + 32);
  assert_memory_equal(f->probe + 2, "\0\x0emeters/srv/ack", 16);
}

static void acknowledge_probe(fixture *f) {
  uint8_t puback[] = {0x40, 2, f->probe[18], f->probe[19]};
  test_peer_send(&f->peer, puback, sizeof puback);
}

/* Gives the probe message back as packet `id`, and takes its acknowledgement. */
static void deliver_probe(fixture *f, uint8_t id) {
  f->probe[18] = 0;
  f->probe[19] = id;
  test_peer_send(&f->peer, f->probe, f->probe_len);
  uint8_t puback[] = {0x40, 2, 0, id};
  test_peer_expect(&f->peer, puback, sizeof puback);
}

static void a_probe_that_comes_back_makes_it_ready(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  accept_all(&f);
  take_probe(&f);
  acknowledge_probe(&f);
  test_await_reason(&f.sink, "waiting for the proof");
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  test_peer_publish(&f.peer, 3, "meters/a/telemetry", "x"); /* taken all the same */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\3");
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  deliver_probe(&f, 4);
  test_await_state(&f.sink, SM_MQTT_READY);
  assert_string_equal(test_status(&f.sink).reason, "");
  deliver_probe(&f, 5); /* once more: acknowledged and nothing else */
  test_peer_publish(&f.peer, 6, "meters/srv/ack", "{}");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\6");
  assert_int_equal(test_sink_taken(&f.sink), 1);
  assert_int_equal(test_status(&f.sink).messages, 1);
  finish(&f);
}

static void each_connection_proves_anew(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){0});
  accept_all(&f);
  take_probe(&f);
  deliver_probe(&f, 1);
  test_await_state(&f.sink, SM_MQTT_READY);
  fixture old = f;
  test_peer_reset(&f.peer);
  accept_all(&f);
  take_probe(&f);
  assert_memory_not_equal(f.probe + 20, old.probe + 20, 32);
  old.peer = f.peer;
  deliver_probe(&old, 2); /* what an earlier connection has left proves nothing */
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  deliver_probe(&f, 3);
  test_await_state(&f.sink, SM_MQTT_READY);
  finish(&f);
}

static void a_probe_that_does_not_come_is_told_and_sent_again_and_may_come_late(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.probe_timeout_ms = 50});
  accept_all(&f);
  take_probe(&f);
  acknowledge_probe(&f);
  test_await_reason(&f.sink, "the broker grants shared subscriptions but does not deliver to them: "
                             "run one server with SMARTMETER_MQTT_SHARE=none and one "
                             "connection, or partition by topic filter");
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  fixture first = f;
  take_probe(&f); /* with the same token */
  assert_memory_equal(f.probe + 20, first.probe + 20, 32);
  test_peer_publish(&f.peer, 9, "meters/a/status", "online"); /* what is not shared works */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\x09");
  test_await_reason(&f.sink, "does not deliver"); /* still */
  deliver_probe(&first, 1);
  test_await_state(&f.sink, SM_MQTT_READY);
  assert_int_equal(test_status(&f.sink).connects, 1);
  finish(&f);
}

/* The time runs from the last message that came by a shared filter. The subscriber's pings, one
 * each half second, are the clock. */
static void behind_a_backlog_the_probe_has_time(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.probe_timeout_ms = 1500, .keepalive_s = 1});
  accept_all(&f);
  take_probe(&f);
  for (int half_seconds = 0; half_seconds < 5; half_seconds++) {
    test_peer_publish(&f.peer, 0, "meters/a/telemetry", "x");
    TEST_PEER_EXPECT(&f.peer, "\xc0\x00");
    TEST_PEER_SEND(&f.peer, "\xd0\x00");
  }
  test_await_reason(&f.sink, "waiting for the proof");
  deliver_probe(&f, 2);
  test_await_state(&f.sink, SM_MQTT_READY);
  finish(&f);
}

/* They may come by what the session holds unshared. */
static void a_stream_of_messages_does_not_put_the_verdict_off_for_ever(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.probe_timeout_ms = 50});
  accept_session(&f, true);
  take_probe(&f);
  while (strstr(test_status(&f.sink).reason, "does not deliver") == NULL) {
    test_peer_publish(&f.peer, 1, "meters/a/telemetry", "x");
    TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\1");
  }
  take_probe(&f); /* again */
  finish(&f);
}

/* Takes an UNSUBSCRIBE of the filter that was subscribed without a group once. */
static void take_unsubscribe(fixture *f, uint8_t id[2]) {
  uint8_t packet[64];
  size_t len = test_peer_read(&f->peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0xa2);
  assert_int_equal(len, 2 + 2 + 2 + 18);
  assert_memory_equal(packet + 4, "\0\x12meters/+/telemetry", 20);
  memcpy(id, packet + 2, 2);
}

static void once_proved_what_was_unshared_is_given_up(void **state) {
  (void)state;
  fixture f;
  uint8_t id[2];
  start(&f, (sm_mqtt_options){0});
  accept_session(&f, true);
  take_probe(&f);
  acknowledge_probe(&f);
  f.probe[18] = 0;
  f.probe[19] = 77;
  test_peer_send(&f.peer, f.probe, f.probe_len);
  /* The UNSUBSCRIBE goes out at once, the acknowledgement with its batch. */
  take_unsubscribe(&f, id);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\x4d");
  deliver_probe(&f, 78); /* what was unshared brings a copy: it changes nothing */
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  uint8_t unsuback[] = {0xb0, 2, id[0], id[1]};
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  test_await_state(&f.sink, SM_MQTT_READY);
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  test_await_reason(&f.sink, "UNSUBACK does not answer");
  finish(&f);
}

static void without_proof_nothing_is_given_up(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.probe_timeout_ms = 50});
  accept_session(&f, true);
  take_probe(&f);
  test_await_reason(&f.sink, "does not deliver");
  take_probe(&f); /* and nothing else */
  finish(&f);
}

static void a_refused_probe_message_is_told_with_its_reason(void **state) {
  (void)state;
  fixture f;
  uint8_t packet[256];
  start(&f, (sm_mqtt_options){.version = SM_MQTT_VERSION_5});
  test_peer_accept(&f.peer);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  TEST_PEER_SEND(&f.peer, "\x20\x03\0\0\0");
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t suback[] = {0x90, 6, packet[2], packet[3], 0, 1, 1, 1};
  test_peer_send(&f.peer, suback, sizeof suback);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t puback[] = {0x40, 3, packet[18], packet[19], 0x87};
  test_peer_send(&f.peer, puback, sizeof puback);
  test_await_reason(&f.sink, "refuses the probe message under \"meters/srv/ack\": not authorised");
  (void)test_peer_read(&f.peer, packet, sizeof packet); /* again, and now it comes */
  packet[18] = 0;
  packet[19] = 7;
  test_peer_send(&f.peer, packet, 2 + (size_t)packet[1]);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\7");
  test_await_state(&f.sink, SM_MQTT_READY);
  finish(&f);
}

static void a_broker_that_says_it_does_not_share_is_believed(void **state) {
  (void)state;
  fixture f;
  uint8_t packet[256];
  start(&f, (sm_mqtt_options){.version = SM_MQTT_VERSION_5});
  test_peer_accept(&f.peer);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  TEST_PEER_SEND(&f.peer, "\x20\x05\0\0\2\x2a\0");
  test_peer_expect_end(&f.peer);
  test_await_reason(&f.sink, "does not offer shared subscriptions");
  finish(&f);
}

/* The probe waits behind a batch that the store does not take, and its time with it. */
static void a_stall_is_not_held_against_the_broker(void **state) {
  (void)state;
  fixture f;
  start(&f, (sm_mqtt_options){.probe_timeout_ms = 300});
  accept_all(&f);
  take_probe(&f);
  test_sink_set_result(&f.sink, SM_ERR_IO);
  test_peer_publish(&f.peer, 1, "meters/a/telemetry", "x");
  test_await_state(&f.sink, SM_MQTT_STALLED);
  test_sink_await_tries(&f.sink, 3);
  test_sink_set_result(&f.sink, SM_OK);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\1");
  test_await_reason(&f.sink, "waiting for the proof");
  deliver_probe(&f, 2);
  test_await_state(&f.sink, SM_MQTT_READY);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_probe_that_comes_back_makes_it_ready),
      cmocka_unit_test(each_connection_proves_anew),
      cmocka_unit_test(a_probe_that_does_not_come_is_told_and_sent_again_and_may_come_late),
      cmocka_unit_test(behind_a_backlog_the_probe_has_time),
      cmocka_unit_test(a_stream_of_messages_does_not_put_the_verdict_off_for_ever),
      cmocka_unit_test(once_proved_what_was_unshared_is_given_up),
      cmocka_unit_test(without_proof_nothing_is_given_up),
      cmocka_unit_test(a_refused_probe_message_is_told_with_its_reason),
      cmocka_unit_test(a_broker_that_says_it_does_not_share_is_believed),
      cmocka_unit_test(a_stall_is_not_held_against_the_broker),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
