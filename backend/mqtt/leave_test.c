/* Giving up filters of an earlier run, and retiring, against a broker that is a script. That
 * Mosquitto loses nothing by it is in subscriber_test.c. */
#include "mqtt/test_peer.h"
#include "mqtt/test_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
  test_peer peer;
  test_sink sink;
  atomic_int ready;
  atomic_int retired;
} fixture;

static void reached(void *context, sm_mqtt_state state) {
  fixture *f = context;
  if (state == SM_MQTT_READY) atomic_fetch_add(&f->ready, 1);
  if (state == SM_MQTT_RETIRED) atomic_fetch_add(&f->retired, 1);
}

static const char *const plain_filters[] = {"meters/t"};

static void start(fixture *f, sm_mqtt_options options) {
  atomic_init(&f->ready, 0);
  atomic_init(&f->retired, 0);
  test_peer_init(&f->peer);
  options.url = f->peer.url;
  if (options.version == SM_MQTT_VERSION_AUTO) options.version = SM_MQTT_VERSION_3_1_1;
  options.client_id = "srv";
  options.filters = plain_filters;
  options.filter_count = 1;
  options.retire_quiet_ms = 20;
  options.reached = reached;
  options.reached_context = f;
  test_sink_start(&f->sink, &options);
}

static void finish(fixture *f) {
  test_sink_fini(&f->sink);
  test_peer_fini(&f->peer);
}

/* Takes a CONNECT of 3.1.1, clean or not, and answers it. */
static void connect_with(fixture *f, bool clean, bool session_present) {
  test_peer_accept(&f->peer);
  test_peer_expect(&f->peer,
                   clean ? "\x10\x0f\x00\x04MQTT\x04\x02\x00\x1e\x00\x03srv"
                         : "\x10\x0f\x00\x04MQTT\x04\x00\x00\x1e\x00\x03srv",
                   17);
  test_peer_send(&f->peer, session_present ? "\x20\x02\x01\x00" : "\x20\x02\x00\x00", 4);
}

/* Takes an UNSUBSCRIBE of this, and says what acknowledges it. */
static void take_unsubscribe(fixture *f, const char *filters, size_t len, uint8_t unsuback[4]) {
  uint8_t packet[128];
  assert_int_equal(test_peer_read(&f->peer, packet, sizeof packet), 4 + len);
  assert_int_equal(packet[0], 0xa2);
  assert_memory_equal(packet + 4, filters, len);
  memcpy(unsuback, (uint8_t[]){0xb0, 2, packet[2], packet[3]}, 4);
}
#define TAKE_UNSUBSCRIBE(f_, filters_, unsuback_)                                                  \
  take_unsubscribe((f_), (filters_), sizeof(filters_) - 1, (unsuback_))

/* ---- former filters ---- */

static const char *const former_filters[] = {"$share/g/t", "meters/t", "$share/h/t"};

static void start_former(fixture *f, bool session_present) {
  start(f, (sm_mqtt_options){.former_filters = former_filters, .former_filter_count = 3});
  uint8_t packet[64];
  connect_with(f, false, session_present);
  (void)test_peer_read(&f->peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0x82);
  uint8_t suback[] = {0x90, 3, packet[2], packet[3], 1};
  test_peer_send(&f->peer, suback, sizeof suback);
}

static void what_is_asked_for_no_more_is_given_up(void **state) {
  (void)state;
  fixture f;
  uint8_t unsuback[4];
  start_former(&f, true);
  TAKE_UNSUBSCRIBE(&f, "\0\x0a$share/g/t\0\x0a$share/h/t", unsuback);
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  test_peer_publish(&f.peer, 1, "meters/t", "x"); /* queued before: taken */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\1");
  assert_int_equal(atomic_load(&f.ready), 0);
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  test_await_state(&f.sink, SM_MQTT_READY);
  test_peer_publish(&f.peer, 2, "meters/t",
                    "y"); /* the round of READY is over when it is answered */
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\2");
  assert_int_equal(atomic_load(&f.ready), 1);
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  test_await_reason(&f.sink, "UNSUBACK does not answer");
  finish(&f);
}

static void a_new_session_has_nothing_to_give_up(void **state) {
  (void)state;
  fixture f;
  start_former(&f, false);
  test_await_state(&f.sink, SM_MQTT_READY);
  test_peer_publish(&f.peer, 1, "meters/t", "x");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\1"); /* and nothing before */
  finish(&f);
}

/* ---- retiring ---- */

static const char all_filters[] = "\0\x08meters/t\0\x0a$share/g/t";

static void start_retire(fixture *f, sm_mqtt_version version) {
  start(f, (sm_mqtt_options){.version = version,
                             .retire = true,
                             .former_filters = former_filters,
                             .former_filter_count = 1,
                             .probe_topic = NULL});
}

static void answer_unsubscribe(fixture *f) {
  uint8_t unsuback[4];
  TAKE_UNSUBSCRIBE(f, all_filters, unsuback);
  test_peer_send(&f->peer, unsuback, sizeof unsuback);
}

/* The session is empty at once, and the subscriber says goodbye. */
static void drain(fixture *f) {
  connect_with(f, false, true);
  answer_unsubscribe(f);
  answer_unsubscribe(f);
  TEST_PEER_EXPECT(&f->peer, "\xe0\x00");
  test_peer_expect_end(&f->peer);
}

static void expect_retired(fixture *f) {
  TEST_PEER_EXPECT(&f->peer, "\xe0\x00");
  test_peer_expect_end(&f->peer);
  test_await_state(&f->sink, SM_MQTT_RETIRED);
  assert_string_equal(test_status(&f->sink).reason, "");
  test_sink_stop(&f->sink);
  assert_int_equal(atomic_load(&f->retired), 1);
  assert_int_equal(atomic_load(&f->ready), 0);
}

static void a_retired_session_is_emptied_and_then_ended(void **state) {
  (void)state;
  fixture f;
  uint8_t unsuback[4];
  start_retire(&f, SM_MQTT_VERSION_3_1_1);
  connect_with(&f, false, true);
  TAKE_UNSUBSCRIBE(&f, all_filters, unsuback); /* before anything else, and no SUBSCRIBE */
  test_peer_publish(&f.peer, 1, "meters/t", "1");
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\1");
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  TAKE_UNSUBSCRIBE(&f, all_filters, unsuback); /* after a pause, to hear whether that was all */
  test_peer_publish(&f.peer, 2, "meters/t", "2");
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\2"); /* it was not */
  answer_unsubscribe(&f);
  TEST_PEER_EXPECT(&f.peer, "\xe0\x00");
  test_peer_expect_end(&f.peer);
  assert_int_equal(test_status(&f.sink).state, SM_MQTT_CONNECTING);
  connect_with(&f, true, false);
  expect_retired(&f);
  assert_int_equal(f.sink.committed, 2);
  finish(&f);
}

static void a_connection_lost_while_it_is_emptied_begins_again(void **state) {
  (void)state;
  fixture f;
  start_retire(&f, SM_MQTT_VERSION_3_1_1);
  connect_with(&f, false, true);
  answer_unsubscribe(&f);
  test_peer_reset(&f.peer);
  drain(&f);
  connect_with(&f, true, false);
  expect_retired(&f);
  finish(&f);
}

static void a_connection_lost_while_it_is_ended_ends_it_again(void **state) {
  (void)state;
  fixture f;
  start_retire(&f, SM_MQTT_VERSION_3_1_1);
  drain(&f);
  test_peer_accept(&f.peer);
  test_peer_reset(&f.peer);
  connect_with(&f, true, false);
  expect_retired(&f);
  finish(&f);
}

/* What the store does not take is no reason to think that nothing is left. */
static void a_stall_ends_no_session(void **state) {
  (void)state;
  fixture f;
  start_retire(&f, SM_MQTT_VERSION_3_1_1);
  connect_with(&f, false, true);
  test_sink_set_result(&f.sink, SM_ERR_IO);
  test_peer_publish(&f.peer, 1, "meters/t", "1");
  answer_unsubscribe(&f);
  test_await_state(&f.sink, SM_MQTT_STALLED);
  test_sink_await_tries(&f.sink, 2);
  assert_false(test_peer_has_bytes(&f.peer));
  test_sink_set_result(&f.sink, SM_OK);
  TEST_PEER_EXPECT(&f.peer, "\x40\x02\0\1");
  answer_unsubscribe(&f);
  /* Whether the first answer was read before the stall or after it, the second is the proof. */
  TEST_PEER_EXPECT(&f.peer, "\xe0\x00");
  connect_with(&f, true, false);
  expect_retired(&f);
  finish(&f);
}

static void the_same_in_version_5(void **state) {
  (void)state;
  fixture f;
  uint8_t packet[128];
  start_retire(&f, SM_MQTT_VERSION_5);
  test_peer_accept(&f.peer);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  TEST_PEER_SEND(&f.peer, "\x20\x03\1\0\0");
  for (int i = 0; i < 2; i++) { /* one filter is gone, one never was there */
    (void)test_peer_read(&f.peer, packet, sizeof packet);
    uint8_t unsuback[] = {0xb0, 5, packet[2], packet[3], 0, 0, 0x11};
    test_peer_send(&f.peer, unsuback, sizeof unsuback);
  }
  TEST_PEER_EXPECT(&f.peer, "\xe0\x00");
  test_peer_accept(&f.peer);
  /* A clean start, and a session that ends with its connection. */
  TEST_PEER_EXPECT(&f.peer, "\x10\x18\x00\x04MQTT\x05\x02\x00\x1e"
                            "\x08\x11\x00\x00\x00\x00\x21\x00\x14\x00\x03srv");
  TEST_PEER_SEND(&f.peer, "\x20\x03\0\0\0");
  expect_retired(&f);
  finish(&f);
}

static void a_broker_that_does_not_let_it_go_is_told(void **state) {
  (void)state;
  fixture f;
  uint8_t packet[128];
  start_retire(&f, SM_MQTT_VERSION_5);
  test_peer_accept(&f.peer);
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  TEST_PEER_SEND(&f.peer, "\x20\x03\1\0\0");
  (void)test_peer_read(&f.peer, packet, sizeof packet);
  uint8_t unsuback[] = {0xb0, 5, packet[2], packet[3], 0, 0, 0x87};
  test_peer_send(&f.peer, unsuback, sizeof unsuback);
  test_peer_expect_end(&f.peer);
  test_await_reason(&f.sink, "refuses to end a subscription: not authorised");
  assert_int_equal(atomic_load(&f.retired), 0);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_asked_for_no_more_is_given_up),
      cmocka_unit_test(a_new_session_has_nothing_to_give_up),
      cmocka_unit_test(a_retired_session_is_emptied_and_then_ended),
      cmocka_unit_test(a_connection_lost_while_it_is_emptied_begins_again),
      cmocka_unit_test(a_connection_lost_while_it_is_ended_ends_it_again),
      cmocka_unit_test(a_stall_ends_no_session),
      cmocka_unit_test(the_same_in_version_5),
      cmocka_unit_test(a_broker_that_does_not_let_it_go_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
