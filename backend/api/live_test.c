/* The live hub behind a real libmicrohttpd daemon: who is sent what, when, and how often. */
#include "api/live_test_client.h"
#include "api/live_test_server.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALWAYS INT64_MIN, INT64_MAX
#define READY "{\"type\":\"ready\"}"

static int setup(void **state) {
  test_server *s = test_server_new(NULL);
  test_server_device(s, "a1", "anna", ALWAYS);
  test_server_device(s, "a2", "anna", ALWAYS);
  test_server_device(s, "b1", "bert", ALWAYS);
  test_server_store(s, "a1", 1000);
  test_server_store(s, "b1", 1000);
  *state = s;
  return 0;
}

static int teardown(void **state) {
  test_server_free(*state);
  return 0;
}

static ws_client *subscribe(test_server *s, const char *message) {
  ws_client *c = test_server_client(s);
  ws_say(c, message);
  const char *answer = ws_next(c);
  assert_non_null(answer);
  assert_string_equal(answer, READY);
  return c;
}

#define LIST(user, devices) "{\"token\":\"" user "\",\"devices\":[" devices "]}"
#define STAR(user) "{\"token\":\"" user "\",\"devices\":\"*\"}"

/* The next message is this reading, with this count. */
static void expect(ws_client *c, unsigned n, const char *id, int second, bool late) {
  char wanted[128];
  char instant[64];
  (void)snprintf(wanted, sizeof wanted,
                 "{\"type\":\"reading\",\"n\":%u,%s\"reading\":{\"device_id\":\"%s\",", n,
                 late ? "\"late\":true," : "", id);
  (void)snprintf(instant, sizeof instant, "\"timestamp\":\"1970-01-01T00:00:%02dZ\"", second);
  const char *text = ws_next(c);
  if (text == NULL) {
    fail_msg("closed with %d", ws_code(c));
    return;
  }
  if (strncmp(text, wanted, strlen(wanted)) != 0 || strstr(text, instant) == NULL)
    fail_msg("wanted %s … %s, got %s", wanted, instant, text);
}

static void expect_code(ws_client *c, int code) {
  const char *text = ws_next(c);
  if (text != NULL) fail_msg("wanted to be closed with %d, got %s", code, text);
  assert_int_equal(ws_code(c), code);
  ws_free(c);
}

/* ---- what is sent ---- */

static void ready_then_the_last_of_each_then_what_is_stored(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, LIST("anna", "\"a2\",\"a1\""));
  expect(c, 1, "a1", 1, false);
  test_server_publish(s, "b1", 2000, false);
  test_server_publish(s, "a2", 3000, false);
  test_server_publish(s, "a1", 4000, false);
  expect(c, 2, "a2", 3, false);
  expect(c, 3, "a1", 4, false);
  ws_free(c);
}

static void the_reading_is_the_contracts_telemetry_object(void **state) {
  ws_client *c = subscribe(*state, LIST("anna", "\"a1\""));
  assert_string_equal(ws_next(c),
                      "{\"type\":\"reading\",\"n\":1,\"reading\":{\"device_id\":\"a1\","
                      "\"timestamp\":\"1970-01-01T00:00:01Z\",\"voltage\":230.4,\"current\":2.73,"
                      "\"power_w\":628.99,\"energy_kwh\":12.345}}");
  ws_free(c);
}

static void late_readings_say_so(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, LIST("anna", "\"a1\""));
  expect(c, 1, "a1", 1, false);
  test_server_publish(s, "a1", 9000, false);
  test_server_publish(s, "a1", 5000, true);
  expect(c, 2, "a1", 9, false);
  expect(c, 3, "a1", 5, true);
  ws_free(c);
}

/* Stored before the client came, published after: it was sent as the last one already. */
static void what_was_sent_as_the_last_reading_does_not_come_again(void **state) {
  test_server *s = *state;
  test_server_store(s, "a1", 8000);
  ws_client *c = subscribe(s, LIST("anna", "\"a1\""));
  expect(c, 1, "a1", 8, false);
  test_server_publish(s, "a1", 8000, false); /* the same instant */
  test_server_publish(s, "a1", 7000, false); /* overtaken on its way: late for this client */
  test_server_publish(s, "a1", 9000, false);
  expect(c, 2, "a1", 7, true);
  expect(c, 3, "a1", 9, false);
  ws_free(c);
}

static void an_admin_with_a_star_is_sent_everything_also_what_is_new(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, STAR("admin"));
  expect(c, 1, "a1", 1, false);
  expect(c, 2, "b1", 1, false);
  test_server_device(s, "c1", "", ALWAYS);
  test_server_publish(s, "c1", 2000, false);
  test_server_publish(s, "a2", 3000, false);
  expect(c, 3, "c1", 2, false);
  expect(c, 4, "a2", 3, false);
  ws_free(c);
}

static void a_consumer_with_a_star_is_sent_own_devices_only(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, STAR("anna"));
  expect(c, 1, "a1", 1, false);
  test_server_publish(s, "b1", 2000, false);
  test_server_publish(s, "a2", 3000, false);
  expect(c, 2, "a2", 3, false);
  ws_free(c);
}

static void readings_of_a_former_tenants_time_are_not_sent(void **state) {
  test_server *s = *state;
  test_server_device(s, "a1", "anna", 5000, 20000);
  ws_client *c = subscribe(s, STAR("anna"));
  test_server_publish(s, "a1", 4000, true);
  test_server_publish(s, "a1", 5000, false);
  test_server_publish(s, "a1", 4999, true);
  test_server_publish(s, "a1", 20000, false);
  test_server_publish(s, "a1", 6000, true);
  expect(c, 1, "a1", 5, false);
  expect(c, 2, "a1", 6, true);
  ws_free(c);
}

static void publish_alert(test_server *s, const char *id, const char *subject, int64_t opened_ms) {
  sm_alert alert = {.alert_no = 5, .kind = SM_ALERT_SILENT, .opened_ms = opened_ms};
  (void)snprintf(alert.device_id, sizeof alert.device_id, "%s", id);
  (void)snprintf(alert.subject, sizeof alert.subject, "%s", subject);
  sm_live_publish_alert(test_server_live(s), &alert);
}

static void expect_alert(ws_client *c, unsigned n, const char *whose) {
  char wanted[160];
  const char *text = ws_next(c);
  (void)snprintf(wanted, sizeof wanted,
                 "{\"type\":\"alert\",\"n\":%u,\"alert\":{\"id\":5,\"kind\":\"silent\",%s,", n,
                 whose);
  assert_non_null(text);
  if (strncmp(text, wanted, strlen(wanted)) != 0) fail_msg("wanted %s, got %s", wanted, text);
  assert_null(strstr(text, "acknowledged_by"));
}

#define OF(id) "\"device_id\":\"" id "\",\"subject\":null"

/* Of somebody else's meter, of the site, and of a former tenant's time they hear nothing. */
static void an_alert_is_sent_to_whom_it_concerns(void **state) {
  test_server *s = *state;
  test_server_device(s, "a9", "anna", 5000, 9000);
  test_server_store(s, "a9", 6000);
  ws_client *anna = subscribe(s, STAR("anna"));
  expect(anna, 1, "a1", 1, false);
  expect(anna, 2, "a9", 6, false);
  ws_client *listed = subscribe(s, LIST("anna", "\"a1\""));
  expect(listed, 1, "a1", 1, false);
  ws_client *admin = subscribe(s, STAR("admin"));
  for (int i = 0; i < 3; i++) assert_non_null(ws_next(admin));
  publish_alert(s, "b1", "", 6000);
  publish_alert(s, "", "broker", 6000);
  publish_alert(s, "a9", "", 4999);
  publish_alert(s, "a9", "", 9000);
  publish_alert(s, "a9", "", 6000);
  publish_alert(s, "a1", "", 6000);
  expect_alert(anna, 3, OF("a9"));
  expect_alert(anna, 4, OF("a1"));
  expect_alert(listed, 2, OF("a1"));
  expect_alert(admin, 4, OF("b1"));
  expect_alert(admin, 5, "\"device_id\":null,\"subject\":\"broker\"");
  for (unsigned n = 6; n <= 8; n++) expect_alert(admin, n, OF("a9"));
  expect_alert(admin, 9, OF("a1"));
  ws_free(anna);
  ws_free(listed);
  ws_free(admin);
}

static void devices_that_come_and_go_appear_and_vanish(void **state) {
  (void)state;
  sm_live_options options = {.recheck_ms = 1};
  test_server *s = test_server_new(&options);
  test_server_device(s, "a1", "anna", ALWAYS);
  test_server_device(s, "a2", "bert", ALWAYS);
  test_server_device(s, "a3", "bert", ALWAYS);
  test_server_store(s, "a1", 1000);
  test_server_store(s, "a2", 1000);
  ws_client *c = subscribe(s, STAR("anna"));
  expect(c, 1, "a1", 1, false);
  test_server_device(s, "a2", "anna", ALWAYS); /* its last reading is what says that it is seen */
  expect(c, 2, "a2", 1, false);
  test_server_store(s, "a3", 1000);
  test_server_device(s, "a1", "bert", ALWAYS);
  test_server_device(s, "a3", "anna", ALWAYS);
  expect(c, 3, "a3", 1, false); /* by the same look a1 is gone */
  test_server_publish(s, "a1", 2000, false);
  test_server_publish(s, "a2", 3000, false);
  expect(c, 4, "a2", 3, false);
  ws_free(c);
  test_server_free(s);
}

static void a_listed_device_that_is_taken_away_closes_with_4404(void **state) {
  (void)state;
  sm_live_options options = {.recheck_ms = 1};
  test_server *s = test_server_new(&options);
  test_server_device(s, "a1", "anna", ALWAYS);
  ws_client *c = subscribe(s, LIST("anna", "\"a1\""));
  test_server_device(s, "a1", "bert", ALWAYS);
  expect_code(c, 4404);
  test_server_free(s);
}

static void other_devices_can_be_asked_for_on_the_same_connection(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, LIST("anna", "\"a1\""));
  expect(c, 1, "a1", 1, false);
  ws_say(c, LIST("anna", "\"a2\""));
  assert_string_equal(ws_next(c), READY);
  test_server_publish(s, "a1", 2000, false);
  test_server_publish(s, "a2", 3000, false);
  expect(c, 2, "a2", 3, false);
  ws_free(c);
}

/* ---- who may ---- */

static void say_and_expect(test_server *s, const char *message, int code) {
  ws_client *c = test_server_client(s);
  ws_say(c, message);
  expect_code(c, code);
}

static void no_bad_or_ended_tokens_close_with_4401(void **state) {
  test_server *s = *state;
  say_and_expect(s, STAR("bad"), 4401);
  say_and_expect(s, "{\"devices\":\"*\"}", 4401);
  say_and_expect(s, "hello", 4401);
  say_and_expect(s, STAR("anna/1000000"), 4401);
  say_and_expect(s, STAR("broken"), 1011);
}

static void devices_of_others_unknown_and_impossible_ones_close_with_4404(void **state) {
  test_server *s = *state;
  say_and_expect(s, LIST("anna", "\"a1\",\"b1\""), 4404);
  say_and_expect(s, LIST("anna", "\"nobody\""), 4404);
  say_and_expect(s, LIST("admin", "\"nobody\""), 4404);
  say_and_expect(s, LIST("anna", "\"a/b\""), 4404);
}

static void a_first_message_without_devices_closes_with_1008(void **state) {
  say_and_expect(*state, "{\"token\":\"anna\"}", 1008);
  say_and_expect(*state, "{\"token\":\"anna\",\"devices\":7}", 1008);
}

static void who_says_nothing_is_closed_with_4401(void **state) {
  (void)state;
  sm_live_options options = {.hello_ms = 1};
  test_server *s = test_server_new(&options);
  expect_code(test_server_client(s), 4401);
  test_server_free(s);
}

static void an_open_connection_ends_with_its_token(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, LIST("anna/2000000", "\"a2\""));
  test_server_clock(s, 2000000);
  expect_code(c, 4401);
}

static void a_new_token_keeps_it_open(void **state) {
  test_server *s = *state;
  ws_client *c = subscribe(s, LIST("anna/2000000", "\"a2\""));
  ws_client *other = subscribe(s, LIST("anna/2000000", "\"a2\""));
  ws_say(c, "{\"token\":\"anna/3000000\"}");
  assert_string_equal(ws_next(c), "{\"type\":\"renewed\"}");
  test_server_clock(s, 2500000);
  expect_code(other, 4401); /* so the hub has looked at the clock */
  test_server_publish(s, "a2", 2000, false);
  expect(c, 1, "a2", 2, false);
  test_server_clock(s, 3000000);
  expect_code(c, 4401);
}

static void a_token_of_somebody_else_does_not_renew(void **state) {
  ws_client *c = subscribe(*state, LIST("anna", "\"a2\""));
  ws_say(c, "{\"token\":\"admin\"}");
  expect_code(c, 4401);
}

static void a_disabled_user_is_closed_with_4401(void **state) {
  (void)state;
  sm_live_options options = {.recheck_ms = 1};
  test_server *s = test_server_new(&options);
  ws_client *c = subscribe(s, STAR("anna"));
  test_server_disable(s, "anna");
  expect_code(c, 4401);
  test_server_free(s);
}

static void too_many_messages_close_with_1008(void **state) {
  ws_client *c = subscribe(*state, LIST("anna", "\"a2\""));
  for (int i = 0; i < 12; i++) ws_say(c, "{\"token\":\"anna\"}");
  const char *text;
  while ((text = ws_next(c)) != NULL) assert_string_equal(text, "{\"type\":\"renewed\"}");
  expect_code(c, 1008);
}

static void one_user_has_a_bounded_number_of_connections(void **state) {
  (void)state;
  sm_live_options options = {.clients_per_user = 2};
  test_server *s = test_server_new(&options);
  ws_client *first = subscribe(s, STAR("anna"));
  ws_client *second = subscribe(s, STAR("anna"));
  say_and_expect(s, STAR("anna"), 4429);
  ws_free(subscribe(s, STAR("bert")));
  ws_free(first);
  ws_free(second);
  test_server_free(s);
}

/* ---- load ---- */

static unsigned count_of(const char *text) {
  const char *n = text == NULL ? NULL : strstr(text, "\"n\":");
  assert_non_null(n);
  if (n == NULL) abort();
  return (unsigned)strtoul(n + 4, NULL, 10);
}

static uint64_t dropped(test_server *s) {
  sm_live_stats stats;
  sm_live_stats_get(test_server_live(s), &stats);
  return stats.frames_dropped;
}

static void a_slow_client_loses_frames_and_others_none(void **state) {
  (void)state;
  sm_live_options options = {.queue_bytes = 16384};
  test_server *s = test_server_new(&options);
  test_server_device(s, "a1", "anna", ALWAYS);
  ws_options small = {.receive_buffer = 4096};
  ws_client *fast = subscribe(s, STAR("anna"));
  ws_client *slow = ws_open(test_server_port(s), &small);
  ws_say(slow, STAR("anna"));
  assert_string_equal(ws_next(slow), READY);
  unsigned sent = 0;
  while (dropped(s) < 100) {
    /* Few enough to fit the queue of one who reads. */
    for (int i = 0; i < 20; i++) test_server_publish(s, "a1", ++sent, false);
    for (unsigned i = sent - 19; i <= sent; i++) assert_int_equal(count_of(ws_next(fast)), i);
  }
  sm_live_stats stats;
  sm_live_stats_get(test_server_live(s), &stats);
  assert_true(stats.queued_bytes <= 16384 + 4096);
  /* It catches up: what comes is in order, with gaps, up to the end of what was kept. */
  unsigned got = 0;
  unsigned last = 0;
  while (last < sent) {
    const char *text = ws_next(slow);
    unsigned n = count_of(text);
    assert_true(n > last);
    last = n;
    got++;
    if (got + dropped(s) == sent && last < sent) { /* all that was queued is read: send more */
      test_server_publish(s, "a1", ++sent, false);
      assert_int_equal(count_of(ws_next(fast)), sent);
    }
  }
  assert_true(got < sent);
  ws_free(slow);
  ws_free(fast);
  test_server_free(s);
}

static void two_hundred_clients_all_get_every_reading(void **state) {
  (void)state;
  enum { N = 200, EVENTS = 20 };
  sm_live_options options = {.clients_per_user = N};
  test_server *s = test_server_new(&options);
  test_server_device(s, "a1", "anna", ALWAYS);
  ws_client *c[N];
  for (int i = 0; i < N; i++) {
    const char *how = i % 3 == 0   ? STAR("anna")
                      : i % 3 == 1 ? LIST("anna", "\"a1\"")
                                   : STAR("admin");
    c[i] = subscribe(s, how);
  }
  for (int e = 1; e <= EVENTS; e++) test_server_publish(s, "a1", e * 1000, false);
  for (int i = 0; i < N; i++)
    for (unsigned e = 1; e <= EVENTS; e++) expect(c[i], e, "a1", (int)e, false);
  for (int i = 0; i < N; i++) ws_free(c[i]);
  test_server_free(s);
}

/* Five thousand last readings are far more than the queue holds: they come a page at a time, while
 * another client is served, and what is published meanwhile neither doubles nor is missed. */
static void a_large_fleet_streams_through_a_small_queue(void **state) {
  (void)state;
  enum { FLEET = 5000 };
  sm_live_options options = {.queue_bytes = 16384};
  test_server *s = test_server_new(&options);
  char id[16];
  for (int i = 0; i < FLEET; i++) {
    (void)snprintf(id, sizeof id, "m%04d", i);
    test_server_device(s, id, "anna", ALWAYS);
    test_server_store(s, id, 1000);
  }
  test_server_device(s, "z", "bert", ALWAYS);
  ws_client *fleet = test_server_client(s);
  test_server_hold(s);
  ws_say(fleet, STAR("admin"));
  test_server_await_held(s); /* at the first device */
  test_server_publish(s, "m4999", 3000, false);
  test_server_release(s);
  ws_client *other = subscribe(s, STAR("bert"));
  test_server_publish(s, "z", 2000, false);
  expect(other, 1, "z", 2, false);
  assert_string_equal(ws_next(fleet), READY);
  for (unsigned i = 0; i < FLEET; i++) {
    (void)snprintf(id, sizeof id, "m%04u", i);
    expect(fleet, i + 1, id, i == FLEET - 1 ? 3 : 1, false);
  }
  expect(fleet, FLEET + 1, "z", 2, false);
  ws_free(fleet);
  ws_free(other);
  test_server_free(s);
}

/* The hub is held in its question for a2's last reading while more is published than may wait. */
static void what_the_hub_itself_drops_shows_in_everybodys_count(void **state) {
  (void)state;
  sm_live_options options = {.pending_max = 2};
  test_server *s = test_server_new(&options);
  test_server_device(s, "a1", "anna", ALWAYS);
  test_server_device(s, "a2", "anna", ALWAYS);
  ws_client *c = subscribe(s, LIST("anna", "\"a1\""));
  test_server_publish(s, "a1", 1000, false);
  expect(c, 1, "a1", 1, false);
  test_server_hold(s);
  ws_client *other = test_server_client(s);
  ws_say(other, LIST("anna", "\"a2\""));
  test_server_await_held(s);
  for (int i = 2; i <= 6; i++) test_server_publish(s, "a1", i * 1000, false);
  test_server_release(s);
  expect(c, 3, "a1", 5, false);
  expect(c, 4, "a1", 6, false);
  sm_live_stats stats;
  sm_live_stats_get(test_server_live(s), &stats);
  assert_int_equal(stats.overflowed, 3);
  ws_free(other);
  ws_free(c);
  test_server_free(s);
}

/* ---- ends ---- */

static void a_peer_that_answers_no_ping_is_dropped(void **state) {
  (void)state;
  sm_live_options options = {.ping_ms = 300};
  test_server *s = test_server_new(&options);
  ws_client *c = subscribe(s, STAR("anna"));
  ws_wait_end_deaf(c);
  ws_free(c);
  test_server_free(s);
}

/* One that says "I am here" again and again and reads nothing would hold its queue for ever. */
static void a_peer_that_talks_and_never_reads_is_dropped(void **state) {
  (void)state;
  sm_live_options options = {.ping_ms = 200, .queue_bytes = 16384};
  test_server *s = test_server_new(&options);
  test_server_device(s, "a1", "anna", ALWAYS);
  ws_options small = {.receive_buffer = 4096};
  ws_client *talker = ws_open(test_server_port(s), &small);
  ws_say(talker, STAR("anna"));
  assert_string_equal(ws_next(talker), READY);
  unsigned sent = 0;
  bool there = true;
  /* First the sockets' own buffers fill, then the queue. */
  for (int round = 0; there && round < 10000; round++) {
    for (int i = 0; i < 50; i++) test_server_publish(s, "a1", ++sent, false);
    (void)poll(NULL, 0, 2);
    there = ws_pong(talker);
  }
  assert_false(there);
  ws_free(talker);
  test_server_free(s);
}

static void a_stop_closes_with_1001(void **state) {
  (void)state;
  test_server *s = test_server_new(NULL);
  test_server_device(s, "a1", "anna", ALWAYS);
  ws_client *c = subscribe(s, STAR("anna"));
  ws_client *silent = subscribe(s, LIST("anna", "\"a1\""));
  sm_live_stop(test_server_live(s));
  expect_code(c, 1001);
  expect_code(silent, 1001);
  test_server_publish(s, "a1", 2000, false);
  /* The daemon still runs: who comes now is refused. */
  ws_client *late = ws_open(test_server_port(s), NULL);
  assert_int_equal(ws_status(late), 503);
  ws_free(late);
  test_server_free(s);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      SERVED(ready_then_the_last_of_each_then_what_is_stored),
      SERVED(the_reading_is_the_contracts_telemetry_object),
      SERVED(late_readings_say_so),
      SERVED(what_was_sent_as_the_last_reading_does_not_come_again),
      SERVED(an_admin_with_a_star_is_sent_everything_also_what_is_new),
      SERVED(a_consumer_with_a_star_is_sent_own_devices_only),
      SERVED(readings_of_a_former_tenants_time_are_not_sent),
      SERVED(an_alert_is_sent_to_whom_it_concerns),
      cmocka_unit_test(devices_that_come_and_go_appear_and_vanish),
      cmocka_unit_test(a_listed_device_that_is_taken_away_closes_with_4404),
      SERVED(other_devices_can_be_asked_for_on_the_same_connection),
      SERVED(no_bad_or_ended_tokens_close_with_4401),
      SERVED(devices_of_others_unknown_and_impossible_ones_close_with_4404),
      SERVED(a_first_message_without_devices_closes_with_1008),
      cmocka_unit_test(who_says_nothing_is_closed_with_4401),
      SERVED(an_open_connection_ends_with_its_token),
      SERVED(a_new_token_keeps_it_open),
      SERVED(a_token_of_somebody_else_does_not_renew),
      cmocka_unit_test(a_disabled_user_is_closed_with_4401),
      SERVED(too_many_messages_close_with_1008),
      cmocka_unit_test(one_user_has_a_bounded_number_of_connections),
      cmocka_unit_test(a_slow_client_loses_frames_and_others_none),
      cmocka_unit_test(two_hundred_clients_all_get_every_reading),
      cmocka_unit_test(a_large_fleet_streams_through_a_small_queue),
      cmocka_unit_test(what_the_hub_itself_drops_shows_in_everybodys_count),
      cmocka_unit_test(a_peer_that_answers_no_ping_is_dropped),
      cmocka_unit_test(a_peer_that_talks_and_never_reads_is_dropped),
      cmocka_unit_test(a_stop_closes_with_1001),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
