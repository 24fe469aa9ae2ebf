/* The subscriber against the real Mosquitto. What each byte must be is in session_test.c. */
#include "mqtt/test_broker.h"
#include "mqtt/test_sink.h"

#include "base/buf.h"
#include "base/file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void start_ready(test_sink *sink, const sm_mqtt_options *options) {
  test_sink_start(sink, options);
  test_await_state(sink, SM_MQTT_READY);
}

/* How many of the numbers 0 … count - 1 are among the committed payloads of some sinks. */
typedef struct tally {
  bool *seen;
  size_t count;
  size_t distinct;
} tally;

static void tally_init(tally *t, size_t count) {
  *t = (tally){.seen = calloc(count, sizeof *t->seen), .count = count};
  assert_non_null(t->seen);
}

static void tally_add(tally *t, test_sink *stopped) {
  assert_null(stopped->subscriber);
  for (size_t i = 0; i < stopped->committed; i++) {
    size_t number = strtoul(stopped->messages[i].payload, NULL, 10);
    assert_true(number < t->count);
    if (!t->seen[number]) t->distinct++;
    t->seen[number] = true;
  }
}

/* Waits until a message under this topic is committed. */
static void await_topic(test_sink *sink, const char *topic) {
  size_t i = 0;
  do {
    test_sink_await_committed(sink, i + 1);
  } while (strcmp(test_sink_message(sink, i++).topic, topic) != 0);
}

/* ---- the plain way ---- */

static void messages_are_stored_in_order_and_acknowledged(void **state) {
  (void)state;
  enum { COUNT = 5000 };
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_broker_publish_numbers(&broker, "meters/a/telemetry", 0, COUNT);
  test_sink_await_committed(&sink, COUNT);
  test_await_acknowledged(&sink, COUNT);
  sm_mqtt_status status = test_status(&sink);
  assert_int_equal(status.messages, COUNT);
  assert_true(status.commits > 0 && status.commits <= COUNT);
  test_sink_stop(&sink);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(strtoul(sink.messages[i].payload, NULL, 10), i);
    assert_int_equal(sink.messages[i].qos, 1);
  }
  test_sink_fini(&sink);
  /* All were acknowledged: the session holds nothing any more. */
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_broker_publish(&broker, "meters/a/telemetry", "last");
  test_sink_await_committed(&sink, 1);
  test_sink_assert_message(&sink, 0, "meters/a/telemetry", "last");
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

static void what_comes_between_stop_and_start_is_kept_by_the_session(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_sink_fini(&sink);
  test_broker_publish_numbers(&broker, "meters/a/telemetry", 0, 3000);
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_sink_await_committed(&sink, 3000);
  test_sink_stop(&sink);
  tally t;
  tally_init(&t, 3000);
  tally_add(&t, &sink);
  assert_int_equal(t.distinct, 3000);
  free(t.seen);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

static void retained_messages_come_and_are_marked(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  char port[8];
  (void)snprintf(port, sizeof port, "%u", (unsigned)broker.port);
  TEST_RUN("mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-r", "-t", "meters/a/status",
           "-m", "online");
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_sink_await_committed(&sink, 1);
  test_sink_assert_message(&sink, 0, "meters/a/status", "online");
  assert_true(test_sink_message(&sink, 0).retained);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

/* QoS 0 and no session: what was said before is not there, but for what is retained. */
static void who_listens_live_hears_nothing_late(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  const sm_mqtt_options live = {.url = broker.url, .live = true};
  start_ready(&sink, &live);
  test_broker_publish(&broker, "meters/a/telemetry", "now");
  test_sink_await_committed(&sink, 1);
  test_sink_assert_message(&sink, 0, "meters/a/telemetry", "now");
  assert_int_equal(test_sink_message(&sink, 0).qos, 0);
  test_sink_fini(&sink);
  test_broker_publish(&broker, "meters/a/telemetry", "meanwhile");
  start_ready(&sink, &live);
  test_broker_publish(&broker, "meters/a/telemetry", "again");
  test_sink_await_committed(&sink, 1);
  test_sink_assert_message(&sink, 0, "meters/a/telemetry", "again");
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

static void what_commit_publishes_reaches_a_subscriber(void **state) {
  (void)state;
  static const char *const acks[] = {"meters/+/ack"};
  static const char *const telemetry[] = {"meters/+/telemetry"};
  test_broker broker;
  test_sink meter;
  test_sink server;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  start_ready(&meter,
              &(sm_mqtt_options){
                  .url = broker.url, .client_id = "meter", .filters = acks, .filter_count = 1});
  start_ready(&server,
              &(sm_mqtt_options){.url = broker.url, .filters = telemetry, .filter_count = 1});
  test_sink_set_publish(&server, "meters/a/ack");
  test_broker_publish(&broker, "meters/a/telemetry", "1");
  test_sink_await_committed(&meter, 1);
  test_sink_assert_message(&meter, 0, "meters/a/ack", "n");
  assert_int_equal(test_sink_message(&meter, 0).qos, 1);
  test_sink_fini(&server);
  test_sink_fini(&meter);
  test_broker_fini(&broker);
}

static void what_is_said_unasked_is_retained_until_it_is_taken_back(void **state) {
  (void)state;
  static const sm_mqtt_version versions[] = {SM_MQTT_VERSION_3_1_1, SM_MQTT_VERSION_5};
  static const char *const telemetry[] = {"meters/+/telemetry"};
  static const char *const commands[] = {"meters/+/command"};
  static const char *const ids[] = {"meter-4", "another-4", "meter-5", "another-5"};
  test_broker broker;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  for (unsigned i = 0; i < 2; i++) {
    test_sink meter;
    test_sink server;
    const sm_mqtt_options hears = {
        .url = broker.url, .client_id = ids[2 * i], .filters = commands, .filter_count = 1};
    start_ready(&server, &(sm_mqtt_options){.url = broker.url,
                                            .version = versions[i],
                                            .filters = telemetry,
                                            .filter_count = 1});
    test_sink_say(&server, "meters/a/command", "first");
    test_sink_say(&server, "meters/a/command", "offer");
    start_ready(&meter, &hears);
    test_sink_await_committed(&meter, 1);
    test_sink_assert_message(&meter, 0, "meters/a/command", "offer");
    assert_true(test_sink_message(&meter, 0).retained);
    test_sink_say(&server, "meters/a/command", "");
    test_sink_await_committed(&meter, 2);
    test_sink_assert_message(&meter, 1, "meters/a/command", "");
    test_sink_fini(&meter);
    /* A connection later the broker holds nothing any more. */
    test_sink_say(&server, "meters/b/command", "other");
    start_ready(&meter, &(sm_mqtt_options){.url = broker.url,
                                           .client_id = ids[2 * i + 1],
                                           .filters = commands,
                                           .filter_count = 1});
    test_sink_await_committed(&meter, 1);
    test_sink_assert_message(&meter, 0, "meters/b/command", "other");
    test_sink_say(&server, "meters/b/command", "");
    test_sink_fini(&meter);
    test_sink_fini(&server);
  }
  test_broker_fini(&broker);
}

/* ---- versions and sharing ---- */

static void each_version_of_mqtt_does_the_same(void **state) {
  (void)state;
  static const sm_mqtt_version asked[] = {SM_MQTT_VERSION_3_1_1, SM_MQTT_VERSION_5,
                                          SM_MQTT_VERSION_AUTO};
  static const sm_mqtt_version spoken[] = {SM_MQTT_VERSION_3_1_1, SM_MQTT_VERSION_5,
                                           SM_MQTT_VERSION_5};
  test_broker broker;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  for (unsigned i = 0; i < 3; i++) { /* one session, in one version after the other */
    test_sink sink;
    test_broker_publish_numbers(&broker, "meters/a/telemetry", i * 100, i * 100 + 50);
    start_ready(&sink, &(sm_mqtt_options){.url = broker.url, .version = asked[i]});
    test_broker_publish_numbers(&broker, "meters/a/telemetry", i * 100 + 50, i * 100 + 100);
    size_t first = i == 0 ? 50 : 0; /* the session begins with the first connection */
    test_sink_await_committed(&sink, 100 - first);
    assert_int_equal(test_status(&sink).version, spoken[i]);
    test_sink_stop(&sink);
    for (size_t j = 0; j < sink.committed; j++)
      assert_int_equal(strtoul(sink.messages[j].payload, NULL, 10), i * 100 + first + j);
    test_sink_fini(&sink);
  }
  test_broker_fini(&broker);
}

enum { MEMBERS = 3 };

static void start_members(test_sink *sinks, const char *url, sm_mqtt_version version) {
  static const char *const ids[MEMBERS] = {"server-1", "server-2", "server-3"};
  static const char *const probes[MEMBERS] = {"meters/server-1/ack", "meters/server-2/ack",
                                              "meters/server-3/ack"};
  static const char *const shared[] = {"meters/+/telemetry"};
  static const char *const unshared[] = {"meters/+/status"};
  for (size_t i = 0; i < MEMBERS; i++)
    start_ready(&sinks[i], &(sm_mqtt_options){.url = url,
                                              .version = version,
                                              .client_id = ids[i],
                                              .filters = shared,
                                              .filter_count = 1,
                                              .unshared_filters = unshared,
                                              .unshared_filter_count = 1,
                                              .share_group = "bill",
                                              .probe_topic = probes[i]});
}

/* Each takes some, together they take each once, and all hear what is not shared. */
static void members_of_a_group_share_the_messages(void **state) {
  (void)state;
  enum { COUNT = 3000 };
  static const char *const unshared_before[] = {"meters/+/telemetry"};
  static const sm_mqtt_version versions[] = {SM_MQTT_VERSION_5, SM_MQTT_VERSION_3_1_1};
  for (size_t v = 0; v < 2; v++) {
    test_broker broker;
    test_sink sinks[MEMBERS];
    test_broker_init(&broker);
    test_broker_start(&broker, "");
    /* A time without a group: its session has the same filter unshared. */
    start_ready(&sinks[0], &(sm_mqtt_options){.url = broker.url,
                                              .client_id = "server-1",
                                              .filters = unshared_before,
                                              .filter_count = 1});
    test_sink_fini(&sinks[0]);
    start_members(sinks, broker.url, versions[v]);
    test_broker_publish_numbers(&broker, "meters/a/telemetry", 0, COUNT);
    /* The broker keeps the order of each: this one is the last of all three. */
    test_broker_publish(&broker, "meters/a/status", "2999");
    tally t;
    tally_init(&t, COUNT);
    size_t total = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
      await_topic(&sinks[i], "meters/a/status");
      test_sink_stop(&sinks[i]);
      assert_true(sinks[i].committed > 1);
      total += sinks[i].committed;
      tally_add(&t, &sinks[i]);
      test_sink_fini(&sinks[i]);
    }
    assert_int_equal(t.distinct, COUNT);
    assert_int_equal(total, COUNT + MEMBERS);
    free(t.seen);
    test_broker_fini(&broker);
  }
}

/* What the broker has queued for a member that is taken out of use is handed on, more than its
 * window holds; then the other alone gets each message, and once. */
static void a_member_that_retires_leaves_nothing_behind(void **state) {
  (void)state;
  enum { COUNT = 4000 };
  static const char *const telemetry[] = {"meters/+/telemetry"};
  static const char *const former[] = {"$share/bill/meters/+/telemetry"};
  static const sm_mqtt_version versions[] = {SM_MQTT_VERSION_5, SM_MQTT_VERSION_3_1_1};
  for (size_t v = 0; v < 2; v++) {
    test_broker broker;
    test_sink sinks[MEMBERS];
    test_broker_init(&broker);
    test_broker_start(&broker, "max_inflight_messages 20\n");
    start_members(sinks, broker.url, versions[v]);
    for (size_t i = 0; i < MEMBERS; i++) test_sink_fini(&sinks[i]);
    test_broker_publish_numbers(&broker, "meters/a/telemetry", 0, COUNT);
    sm_mqtt_options options = {.url = broker.url,
                               .version = versions[v],
                               .client_id = "server-1",
                               .receive_max = 20,
                               .filters = telemetry,
                               .filter_count = 1,
                               .former_filters = former,
                               .former_filter_count = 1};
    start_ready(&sinks[0], &options);
    options.retire = true;
    options.retire_quiet_ms = 100;
    options.client_id = "server-2";
    test_sink_start(&sinks[1], &options);
    options.client_id = "server-3";
    test_sink_start(&sinks[2], &options);
    test_await_state(&sinks[1], SM_MQTT_RETIRED);
    test_await_state(&sinks[2], SM_MQTT_RETIRED);
    test_broker_publish(&broker, "meters/b/telemetry", "0"); /* behind all that was queued */
    await_topic(&sinks[0], "meters/b/telemetry");
    tally t;
    tally_init(&t, COUNT);
    size_t total = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
      test_sink_stop(&sinks[i]);
      assert_true(sinks[i].committed > 40);
      total += sinks[i].committed;
      tally_add(&t, &sinks[i]);
      test_sink_fini(&sinks[i]);
    }
    assert_int_equal(t.distinct, COUNT);
    assert_int_equal(total, COUNT + 1);
    free(t.seen);
    test_broker_fini(&broker);
  }
}

/* A broker that lets nobody read the probe's topic shares and cannot prove it. */
static void without_proof_it_is_not_ready(void **state) {
  (void)state;
  static const char *const shared[] = {"meters/+/telemetry"};
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  const char *acl = test_broker_path(&broker, "acl");
  static const char rules[] = "topic readwrite meters/+/telemetry\ntopic read meters/+/ack\n";
  assert_int_equal(sm_file_write_private(acl, rules, sizeof rules - 1), SM_OK);
  char more[200];
  /* With no limit to its queues this broker (2.0.11) ends a connection that it denies a message. */
  (void)snprintf(more, sizeof more, "acl_file %s\nmax_queued_messages 1000\n", acl);
  test_broker_start(&broker, more);
  sm_mqtt_options options = {.url = broker.url,
                             .filters = shared,
                             .filter_count = 1,
                             .share_group = "bill",
                             .probe_topic = "meters/server/ack",
                             .probe_timeout_ms = 200};
  test_sink_start(&sink, &options);
  test_await_reason(&sink, "refuses the probe message"); /* MQTT 5 tells */
  assert_int_equal(test_status(&sink).state, SM_MQTT_CONNECTING);
  test_sink_fini(&sink);
  options.version = SM_MQTT_VERSION_3_1_1;
  test_sink_start(&sink, &options);
  test_await_reason(&sink, "does not deliver to them"); /* 3.1.1 cannot */
  assert_int_equal(test_status(&sink).state, SM_MQTT_CONNECTING);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

/* ---- a client id that may be somebody else's ---- */

static bool is_allowed(void *context) {
  return atomic_load((atomic_bool *)context);
}

static void who_is_not_allowed_makes_no_connection(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_sink heir;
  atomic_bool allowed = false;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  sm_mqtt_options options = {
      .url = broker.url, .client_id = "slot", .allowed = is_allowed, .allowed_context = &allowed};
  test_sink_start(&sink, &options);
  test_await_reason(&sink, "not allowed");
  assert_int_equal(test_status(&sink).connects, 0);
  atomic_store(&allowed, true);
  test_await_state(&sink, SM_MQTT_READY);
  test_broker_publish(&broker, "meters/a/telemetry", "1");
  test_await_acknowledged(&sink, 1);
  /* It ends the connection by itself, and the session waits for whoever serves it. */
  atomic_store(&allowed, false);
  test_await_reason(&sink, "not allowed");
  test_broker_publish(&broker, "meters/a/telemetry", "2");
  start_ready(&heir, &(sm_mqtt_options){.url = broker.url, .client_id = "slot"});
  test_sink_await_committed(&heir, 1);
  test_sink_assert_message(&heir, 0, "meters/a/telemetry", "2");
  test_sink_fini(&heir);
  assert_int_equal(test_status(&sink).connects, 1);
  /* Allowed again, it goes on at once: nothing is wrong with the broker. */
  test_broker_publish(&broker, "meters/a/telemetry", "3");
  atomic_store(&allowed, true);
  test_sink_await_committed(&sink, 2);
  test_sink_assert_message(&sink, 1, "meters/a/telemetry", "3");
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

/* It does not speak before it is asked whether it may: the process may have been stopped between.
 */
static void a_batch_of_one_that_is_not_allowed_any_more_is_stored_all_the_same(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  atomic_bool allowed = true;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  test_sink_start(
      &sink,
      &(sm_mqtt_options){.url = broker.url, .allowed = is_allowed, .allowed_context = &allowed});
  test_await_state(&sink, SM_MQTT_READY);
  test_sink_set_result(&sink, SM_ERR_IO);
  test_broker_publish(&broker, "meters/a/telemetry", "1");
  test_sink_await_tries(&sink, 2);
  atomic_store(&allowed, false);
  test_sink_await_tries(&sink, 2);
  test_sink_set_result(&sink, SM_OK);
  test_sink_await_committed(&sink, 1);
  test_await_reason(&sink, "not allowed");
  /* Not acknowledged, as there is no connection: it comes again. */
  assert_int_equal(test_status(&sink).acknowledged, 0);
  atomic_store(&allowed, true);
  test_sink_await_committed(&sink, 2);
  test_sink_assert_message(&sink, 1, "meters/a/telemetry", "1");
  test_await_acknowledged(&sink, 1);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

/* ---- faults ---- */

static void what_could_not_be_committed_comes_again(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_sink_set_result(&sink, SM_ERR_FULL);
  test_broker_publish_numbers(&broker, "meters/a/telemetry", 0, 500);
  test_sink_await_tries(&sink, 2);
  test_await_state(&sink, SM_MQTT_STALLED);
  assert_int_equal(test_status(&sink).acknowledged, 0);
  test_sink_stop(&sink);
  assert_int_equal(sink.committed, 0);
  test_sink_fini(&sink);

  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_sink_await_committed(&sink, 500);
  test_sink_stop(&sink);
  for (size_t i = 0; i < 500; i++) assert_int_equal(strtoul(sink.messages[i].payload, NULL, 10), i);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

static void a_store_that_recovers_gets_all(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  for (unsigned round = 0; round < 3; round++) {
    test_sink_set_result(&sink, SM_ERR_IO);
    test_broker_publish_numbers(&broker, "meters/a/telemetry", round * 200, round * 200 + 200);
    test_sink_await_tries(&sink, 2);
    test_sink_set_result(&sink, SM_OK);
    test_sink_await_committed(&sink, (size_t)round * 200 + 200);
  }
  test_await_acknowledged(&sink, 600);
  test_sink_stop(&sink);
  for (size_t i = 0; i < 600; i++) assert_int_equal(strtoul(sink.messages[i].payload, NULL, 10), i);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

/* Waits until this one is committed. */
static void await_payload(test_sink *sink, const char *payload) {
  size_t i = 0;
  do {
    test_sink_await_committed(sink, i + 1);
  } while (strcmp(test_sink_message(sink, i++).payload, payload) != 0);
}

/* The broker is killed with messages that it has acknowledged to the publisher and that the store
 * has not taken. */
static void a_broker_that_is_killed_and_comes_back_loses_nothing(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, TEST_BROKER_SAVES_ALWAYS);
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  test_sink_set_result(&sink, SM_ERR_IO);
  test_broker_publish_numbers(&broker, "meters/a/telemetry", 0, 60);
  /* This broker saves at the end of the round in which something changed; when it answers once
   * more, that round is over. */
  test_broker_publish(&broker, "other", "x");
  test_sink_await_tries(&sink, 1);
  test_broker_end(&broker, SIGKILL);
  test_sink_await_tries(&sink, 2);
  test_sink_set_result(&sink, SM_OK);
  test_broker_start(&broker, TEST_BROKER_SAVES_ALWAYS);
  test_broker_publish_numbers(&broker, "meters/a/telemetry", 60, 80);
  test_await_state(&sink, SM_MQTT_READY);
  await_payload(&sink, "79"); /* the broker keeps the order: all others were before it */
  assert_int_equal(test_status(&sink).connects, 2);
  test_sink_stop(&sink);
  tally t;
  tally_init(&t, 80);
  tally_add(&t, &sink);
  assert_int_equal(t.distinct, 80);
  free(t.seen);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

static void a_broker_that_comes_late_is_found(void **state) {
  (void)state;
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_sink_start(&sink, &(sm_mqtt_options){.url = broker.url});
  test_await_reason(&sink, "connection refused");
  assert_int_equal(test_status(&sink).state, SM_MQTT_CONNECTING);
  test_broker_start(&broker, "");
  test_await_state(&sink, SM_MQTT_READY);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

static void a_host_that_does_not_exist_is_named(void **state) {
  (void)state;
  test_sink sink;
  test_sink_start(&sink, &(sm_mqtt_options){.url = "mqtt://no-such-host.invalid"});
  test_await_reason(&sink, "\"no-such-host.invalid\" cannot be looked up");
  test_sink_fini(&sink);
}

static void a_message_too_large_is_truncated_and_the_stream_goes_on(void **state) {
  (void)state;
  enum { LEN = 1500000 };
  test_broker broker;
  test_sink sink;
  test_broker_init(&broker);
  test_broker_start(&broker, "");
  start_ready(&sink, &(sm_mqtt_options){.url = broker.url});
  char *payload = malloc(LEN + 1);
  assert_non_null(payload);
  for (size_t i = 0; i < LEN; i++) payload[i] = (char)('a' + i % 23);
  payload[LEN] = '\0';
  test_broker_publish(&broker, "meters/a/telemetry", "before");
  test_broker_publish(&broker, "meters/a/telemetry", payload);
  test_broker_publish(&broker, "meters/a/telemetry", "behind");
  test_sink_await_committed(&sink, 3);
  test_await_acknowledged(&sink, 3);
  test_sink_assert_message(&sink, 0, "meters/a/telemetry", "before");
  test_sink_assert_message(&sink, 2, "meters/a/telemetry", "behind");
  test_message large = test_sink_message(&sink, 1);
  assert_true(large.truncated);
  assert_int_equal(large.payload_len, 4096);
  assert_int_equal(large.payload_len_sent, LEN);
  assert_memory_equal(large.payload, payload, 4096);
  assert_int_equal(test_status(&sink).connects, 1);
  free(payload);
  test_sink_fini(&sink);
  test_broker_fini(&broker);
}

/* ---- TLS and passwords ---- */

typedef struct secure {
  test_broker broker;
  uint16_t name_port;    /* certificate for DNS:localhost, passwords */
  uint16_t address_port; /* certificate for IP:127.0.0.1, passwords */
  char url[128];
} secure;

static void add_listener(secure *s, sm_buf *config, uint16_t port, const char *certificate) {
  const test_broker *broker = &s->broker;
  char key[64];
  char pem[64];
  (void)snprintf(key, sizeof key, "%s.key", certificate);
  (void)snprintf(pem, sizeof pem, "%s.pem", certificate);
  sm_buf_printf(config,
                "listener %u 127.0.0.1\nallow_anonymous false\npassword_file %s\n"
                "certfile %s\nkeyfile %s\n",
                (unsigned)port, test_broker_path(broker, "passwords"),
                test_broker_path(broker, pem), test_broker_path(broker, key));
}

static void secure_start(secure *s) {
  test_broker_init(&s->broker);
  s->name_port = test_free_port();
  s->address_port = test_free_port();
  test_broker_make_ca(&s->broker, "ca");
  test_broker_make_ca(&s->broker, "other-ca");
  test_broker_make_certificate(&s->broker, "ca", "name", "DNS:localhost");
  test_broker_make_certificate(&s->broker, "ca", "address", "IP:127.0.0.1");
  const char *passwords = test_broker_path(&s->broker, "passwords");
  assert_int_equal(sm_file_write_private(passwords, "", 0), SM_OK);
  TEST_RUN("mosquitto_passwd", "-b", passwords, "server", "p@ss:word");
  sm_buf config;
  sm_buf_init(&config, 0);
  add_listener(s, &config, s->name_port, "name");
  add_listener(s, &config, s->address_port, "address");
  test_broker_start(&s->broker, sm_buf_text(&config));
  sm_buf_fini(&config);
}

static const char *secure_url(secure *s, const char *user_at_host, uint16_t port) {
  (void)snprintf(s->url, sizeof s->url, "mqtts://%s:%u", user_at_host, (unsigned)port);
  return s->url;
}

static void assert_reason(const char *url, const char *ca_file, const char *reason) {
  test_sink sink;
  test_sink_start(&sink, &(sm_mqtt_options){.url = url, .ca_file = ca_file});
  test_await_reason(&sink, reason);
  sm_mqtt_status status = test_status(&sink);
  assert_int_equal(status.state, SM_MQTT_CONNECTING);
  assert_int_equal(status.connects, 0);
  test_sink_fini(&sink);
}

static void tls_with_a_verified_broker_and_a_password_works(void **state) {
  (void)state;
  secure s;
  test_sink sink;
  secure_start(&s);
  const char *ca = test_broker_path(&s.broker, "ca.pem");
  start_ready(&sink, &(sm_mqtt_options){
                         .url = secure_url(&s, "server:p%40ss%3Aword@localhost", s.name_port),
                         .ca_file = ca});
  test_broker_publish_numbers(&s.broker, "meters/a/telemetry", 0, 1);
  test_sink_await_committed(&sink, 1);
  test_sink_fini(&sink);

  start_ready(&sink, &(sm_mqtt_options){.url = secure_url(&s, "127.0.0.1", s.address_port),
                                        .username = "server",
                                        .password = "p@ss:word",
                                        .ca_file = ca});
  test_broker_publish_numbers(&s.broker, "meters/a/telemetry", 0, 3000);
  test_await_acknowledged(&sink, 3000);
  test_sink_stop(&sink);
  for (size_t i = 0; i < 3000; i++)
    assert_int_equal(strtoul(sink.messages[i].payload, NULL, 10), i);
  test_sink_fini(&sink);
  test_broker_fini(&s.broker);
}

static void who_is_not_let_in_over_tls_is_told_why(void **state) {
  (void)state;
  secure s;
  secure_start(&s);
  const char *ca = test_broker_path(&s.broker, "ca.pem");
  const char *other = test_broker_path(&s.broker, "other-ca.pem");
  const char *user = "server:p%40ss%3Aword@localhost";
  assert_reason(secure_url(&s, "server:wrong@localhost", s.name_port), ca, "not authorised");
  assert_reason(secure_url(&s, "localhost", s.name_port), ca, "not authorised");
  assert_reason(secure_url(&s, user, s.name_port), other, "certificate is not accepted");
  assert_reason(secure_url(&s, user, s.name_port), NULL, "certificate is not accepted");
  assert_reason(secure_url(&s, user, s.address_port), ca,
                "not accepted for \"localhost\": hostname mismatch");
  assert_reason(secure_url(&s, "127.0.0.1", s.name_port), ca,
                "not accepted for \"127.0.0.1\": IP address mismatch");
  assert_reason(secure_url(&s, user, s.name_port), test_broker_path(&s.broker, "none.pem"),
                "not there, or not readable");
  assert_reason(secure_url(&s, user, s.broker.port), ca, "no TLS with the broker");
  test_broker_fini(&s.broker);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_are_stored_in_order_and_acknowledged),
      cmocka_unit_test(what_comes_between_stop_and_start_is_kept_by_the_session),
      cmocka_unit_test(retained_messages_come_and_are_marked),
      cmocka_unit_test(who_listens_live_hears_nothing_late),
      cmocka_unit_test(what_commit_publishes_reaches_a_subscriber),
      cmocka_unit_test(what_is_said_unasked_is_retained_until_it_is_taken_back),
      cmocka_unit_test(each_version_of_mqtt_does_the_same),
      cmocka_unit_test(members_of_a_group_share_the_messages),
      cmocka_unit_test(a_member_that_retires_leaves_nothing_behind),
      cmocka_unit_test(without_proof_it_is_not_ready),
      cmocka_unit_test(who_is_not_allowed_makes_no_connection),
      cmocka_unit_test(a_batch_of_one_that_is_not_allowed_any_more_is_stored_all_the_same),
      cmocka_unit_test(what_could_not_be_committed_comes_again),
      cmocka_unit_test(a_store_that_recovers_gets_all),
      cmocka_unit_test(a_broker_that_is_killed_and_comes_back_loses_nothing),
      cmocka_unit_test(a_broker_that_comes_late_is_found),
      cmocka_unit_test(a_host_that_does_not_exist_is_named),
      cmocka_unit_test(a_message_too_large_is_truncated_and_the_stream_goes_on),
      cmocka_unit_test(tls_with_a_verified_broker_and_a_password_works),
      cmocka_unit_test(who_is_not_let_in_over_tls_is_told_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
