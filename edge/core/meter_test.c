/* The whole meter in simulated time: a module, a flash that loses power, a broker that goes away, a
 * server that is the server's own code (its parser, its sequences). Each reply of the module has a
 * register of its own, by which the reading is known wherever it comes out: at the end every
 * reading that was put down is in the server once, with its time, and in the order of the log. */
#include "core/meter.h"
#include "core/test_flash.h"
#include "core/test_module.h"
#include "ingest/telemetry.h"
#include "model/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REPLIES_MAX = 80000, SECONDS_MAX = 40 * 86400, SETTINGS_SECTORS = 2, HOUR_MS = 3600000 };
static const int64_t begin_ms = 1767225600000; /* 2026-01-01T00:00:00Z */

/* One reply of the module, known by its register. */
typedef struct reply {
  int64_t at_ms;    /* true time */
  bool put_down;    /* the log took it */
  bool in_flight;   /* the power went while it did */
  int64_t stored_s; /* as the server knows it; 0: not */
} reply;

typedef struct world {
  test_flash log;
  test_flash settings;
  test_module module;
  edge_meter meter;
  int64_t true_ms;  /* since begin_ms */
  int64_t start_ms; /* of the meter */
  bool clock_set;
  bool broker_up;
  bool server_up;
  uint32_t loss; /* of messages and of acks, in 256 */
  uint32_t random;
  bool opening;
  char ack[96]; /* on its way to the meter; "": none */
  reply *replies;
  uint32_t reply_count;
  uint32_t *at; /* what the server has of each second from the begin on, by its register */
  sm_sequence sequence;
  uint32_t epoch;
  int64_t newest_s; /* of what the server stored first-hand, in the order it came */
  uint32_t late;    /* stored behind a newer one */
  uint32_t duplicates;
  uint32_t messages;
  uint32_t questions;
  bool tells_no_time;
  int64_t server_off_ms; /* its clock less the true time */
  int64_t clock_off_ms;  /* the meter's */
  bool restart;
  const char *password;    /* that the broker takes; NULL: any */
  const char *certificate; /* that it takes beside; NULL: none */
  char pem[2][EDGE_ENROL_SECRETS][64];
  bool keeps_nothing;
  uint32_t logins;
} world;

static world w;

static uint32_t chance(uint32_t below) {
  w.random = w.random * 1664525 + 1013904223;
  return (w.random >> 8) % below;
}

/* ---- what the meter is put into ---- */

static void before_reply(test_module *module) {
  if (w.reply_count + 1 >= REPLIES_MAX) abort();
  w.reply_count++;
  w.replies[w.reply_count].at_ms = w.true_ms;
  module->says = (edge_sample){.energy_wh = w.reply_count,
                               .power_dw = 6290,
                               .current_ma = 2730,
                               .voltage_dv = (uint16_t)(2300 + w.reply_count % 17),
                               .frequency_dhz = 500,
                               .power_factor_centi = 98};
}

static bool wall(void *context, int64_t *wall_ms) {
  (void)context;
  *wall_ms = begin_ms + w.true_ms + w.clock_off_ms;
  return w.clock_set;
}

static uint32_t random_word(void *context) {
  (void)context;
  return chance(1 << 24);
}

static void open_link(void *context) {
  (void)context;
  w.opening = true;
}

static void close_link(void *context) {
  (void)context;
  w.opening = false;
}

static void on_reading(void *context, const sm_reading *r, const sm_seq_mark *mark,
                       const char *text, size_t len) {
  (void)context;
  (void)text;
  (void)len;
  int64_t at_s = r->ts_ms / 1000;
  reply *known = &w.replies[r->energy_wh];
  if (r->energy_wh < 1 || r->energy_wh > w.reply_count) fail_msg("a reading out of nowhere");
  int64_t second = at_s - begin_ms / 1000;
  if (second >= 0 && second < SECONDS_MAX) {
    if (w.at[second] != 0 && w.at[second] != r->energy_wh)
      fail_msg("readings %u and %lld have one time", (unsigned)w.at[second],
               (long long)r->energy_wh);
    w.at[second] = (uint32_t)r->energy_wh;
  }
  if (known->stored_s == 0) {
    known->stored_s = at_s;
    if (at_s <= w.newest_s) w.late++;
    w.newest_s = at_s;
  } else if (known->stored_s == at_s) {
    w.duplicates++;
  } else {
    fail_msg("reading %lld is there twice", (long long)r->energy_wh);
  }
  if (!mark->present || !mark->has_first) fail_msg("no place in the sequence");
  if (sm_sequence_settle(&w.sequence, mark) != SM_OK) abort();
  w.epoch = mark->epoch;
}

/* As the server does: answered, and not stored. */
static bool on_question(void *context, uint32_t asks, bool good, const sm_seq_mark *mark,
                        const char *text, size_t len) {
  (void)context;
  (void)text;
  (void)len;
  assert_true(good);
  w.questions++;
  int64_t now_ms = begin_ms + w.true_ms + w.server_off_ms;
  (void)snprintf(w.ack, sizeof w.ack, "{\"epoch\":%u,\"seq\":%u,\"asked\":%u,\"time\":%u}",
                 (unsigned)mark->epoch, (unsigned)(mark->first - 1), (unsigned)asks,
                 (unsigned)(now_ms / 1000));
  return true;
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t len) {
  (void)context;
  (void)mark;
  (void)text;
  (void)len;
  fail_msg("refused: %s, %s", sm_refusal_word(refusal), detail);
}

static bool publish(void *context, const char *payload, size_t len) {
  (void)context;
  if (!w.broker_up) return false;
  w.messages++;
  if (!w.server_up || chance(256) < w.loss) return true;
  const sm_telemetry_message message = {.device_id = "meter-001",
                                        .payload = payload,
                                        .payload_len = len,
                                        .payload_len_sent = len,
                                        .now_ms = begin_ms + w.true_ms + w.server_off_ms};
  const sm_telemetry_sink sink = {
      .reading = on_reading, .refused = on_refused, .asked = w.tells_no_time ? NULL : on_question};
  w.ack[0] = '\0';
  if (sm_telemetry_parse(&message, &sink) != SM_OK) abort();
  if (w.ack[0] != '\0') {
    if (chance(256) < w.loss) w.ack[0] = '\0';
    return true;
  }
  uint32_t seq;
  if (sm_sequence_acked(&w.sequence, w.epoch, &seq) && chance(256) >= w.loss)
    (void)snprintf(w.ack, sizeof w.ack, "{\"epoch\":%u,\"seq\":%u}", (unsigned)w.epoch,
                   (unsigned)seq);
  return true;
}

static bool keep(void *context, unsigned set, edge_enrol_secret which, const char *pem) {
  (void)context;
  assert_true(strlen(pem) < sizeof w.pem[0][0]);
  if (w.keeps_nothing) return false;
  (void)snprintf(w.pem[set][which], sizeof w.pem[0][0], "%s", pem);
  return true;
}

static void restart(void *context) {
  (void)context;
  w.restart = true;
}

/* ---- running it ---- */

static void power_on(void) {
  static const edge_tuning tuning = EDGE_TUNING_DEFAULTS;
  test_flash_power_on(&w.log);
  const edge_port port = {.serial = test_module_serial(&w.module),
                          .link = {&w, open_link, close_link, publish},
                          .log = test_flash_port(&w.log),
                          .settings = test_flash_port(&w.settings),
                          .wall = wall,
                          .random = random_word,
                          .keep = keep,
                          .restart = restart};
  w.start_ms = w.true_ms;
  w.opening = false;
  w.ack[0] = '\0';
  assert_true(edge_meter_init(&w.meter, &port, &tuning, 0));
}

static void begin(uint32_t sectors) {
  memset(&w, 0, sizeof w);
  w.replies = calloc(REPLIES_MAX, sizeof *w.replies);
  w.at = calloc(SECONDS_MAX, sizeof *w.at);
  assert_non_null(w.replies);
  assert_non_null(w.at);
  w.random = 4711;
  w.clock_set = w.broker_up = w.server_up = true;
  w.module.before = before_reply;
  test_flash_init(&w.log, sectors);
  test_flash_init(&w.settings, SETTINGS_SECTORS);
  edge_settings settings;
  edge_settings_store store;
  edge_flash port = test_flash_port(&w.settings);
  assert_true(edge_settings_load(&store, &port, &settings));
  assert_null(edge_settings_set(&settings, "device_id", "meter-001"));
  assert_null(edge_settings_set(&settings, "host", "broker.example"));
  settings.address = 1;
  assert_true(edge_settings_save(&store, &settings));
  power_on();
}

static void end(void) {
  sm_sequence_fini(&w.sequence);
  free(w.replies);
  free(w.at);
  test_flash_fini(&w.log);
  test_flash_fini(&w.settings);
}

/* Whether the broker takes the login that the meter comes with. */
static bool lets_in(void) {
  edge_login login = edge_meter_login(&w.meter);
  w.logins++;
  if (w.certificate != NULL && login.username[0] == '\0' &&
      strstr(w.pem[login.secrets][EDGE_ENROL_CERTIFICATE], w.certificate) != NULL)
    return true;
  return w.password == NULL || strcmp(login.password, w.password) == 0;
}

static void link_events(int64_t now_ms) {
  if (w.opening) {
    w.opening = false;
    if (w.broker_up && lets_in())
      edge_meter_opened(&w.meter, now_ms);
    else
      edge_meter_closed(&w.meter, now_ms);
  }
  if (w.ack[0] != '\0') {
    edge_uplink_ack(&w.meter.uplink, w.ack, strlen(w.ack), now_ms);
    w.ack[0] = '\0';
  }
}

static void break_link(void) {
  w.broker_up = false;
  w.ack[0] = '\0';
  edge_meter_closed(&w.meter, w.true_ms - w.start_ms);
}

/* Runs for some time, or until the power goes. */
static void run(int64_t for_ms) {
  int64_t until_ms = w.true_ms + for_ms;
  while (w.true_ms < until_ms && !w.log.off) {
    int64_t now_ms = w.true_ms - w.start_ms;
    uint32_t before = w.meter.last_seq;
    uint32_t n = w.reply_count;
    edge_meter_poll(&w.meter, now_ms);
    if (w.log.off)
      w.replies[n].in_flight = true;
    else if (w.meter.last_seq != before)
      w.replies[w.meter.last.sample.energy_wh].put_down = true;
    if (w.log.off) return;
    link_events(now_ms);
    int64_t due_ms = edge_meter_due_ms(&w.meter, now_ms);
    /* A serial line is looked at as often as bytes may come. */
    if (w.meter.sampler.state == EDGE_SAMPLER_WAITING && due_ms > now_ms + 20) due_ms = now_ms + 20;
    if (due_ms <= now_ms) due_ms = now_ms + 1;
    w.true_ms = due_ms + w.start_ms < until_ms ? due_ms + w.start_ms : until_ms;
  }
}

static void drain(void) {
  w.broker_up = w.server_up = w.clock_set = true;
  w.loss = 0;
  for (int i = 0; i < 200 && edge_ring_backlog(&w.meter.ring) > 1; i++) run(60000);
  run(60000);
}

/* Every reading that was put down is in the server, near its true time; gives how many. */
static uint32_t check_all(int64_t tolerance_s) {
  uint32_t count = 0;
  for (uint32_t n = 1; n <= w.reply_count; n++) {
    const reply *r = &w.replies[n];
    if (r->put_down && r->stored_s == 0) fail_msg("reading %u is missing", (unsigned)n);
    if (r->stored_s == 0) continue;
    if (!r->put_down && !r->in_flight) fail_msg("reading %u was never put down", (unsigned)n);
    int64_t apart_s = r->stored_s - (begin_ms + r->at_ms) / 1000;
    /* Both clocks say whole seconds, and a start takes one at least. */
    if (apart_s < -3 || apart_s > tolerance_s + 1)
      fail_msg("reading %u is %lld s from its time", (unsigned)n, (long long)apart_s);
    count++;
  }
  return count;
}

/* ---- tests ---- */

static void an_hour_without_trouble(void **state) {
  (void)state;
  begin(16);
  run(HOUR_MS);
  assert_int_equal(check_all(0), 361); /* one more, when the clock's time stood */
  assert_int_equal(w.duplicates, 0);
  assert_int_equal(w.late, 0);
  assert_true(w.messages >= 360);
  assert_int_equal(edge_meter_led(&w.meter), EDGE_LED_GOOD);
  end();
}

static void three_days_offline_are_replayed_in_order(void **state) {
  (void)state;
  begin(256);
  run(HOUR_MS);
  break_link();
  run(72 * (int64_t)HOUR_MS);
  assert_int_equal(edge_meter_led(&w.meter), EDGE_LED_NO_LINK);
  uint32_t waited = edge_ring_backlog(&w.meter.ring);
  assert_in_range(waited, 25900, 25940);
  w.broker_up = true;
  uint32_t messages = w.messages;
  int64_t from_ms = w.true_ms;
  while (edge_ring_backlog(&w.meter.ring) > 1) run(1000);
  print_message("%u readings replayed in %u messages and %lld s of the meter's time\n",
                (unsigned)waited, (unsigned)(w.messages - messages),
                (long long)(w.true_ms - from_ms) / 1000);
  run(60000);
  assert_true(check_all(0) >= 26280);
  assert_int_equal(w.late, 0);
  assert_int_equal(w.meter.ring.dropped, 0);
  end();
}

static void more_than_it_holds_loses_the_oldest_only(void **state) {
  (void)state;
  begin(16);
  uint32_t holds = edge_ring_capacity(&w.meter.ring);
  break_link();
  run((int64_t)(holds + 1000) * 10000);
  assert_true(w.meter.ring.dropped >= 800);
  drain();
  for (uint32_t n = 1; n <= w.meter.ring.dropped; n++) w.replies[n].put_down = false;
  assert_true(check_all(0) >= holds);
  assert_int_equal(w.late, 0);
  end();
}

static void readings_before_the_clock_get_their_time(void **state) {
  (void)state;
  begin(16);
  w.clock_set = false;
  run(HOUR_MS / 2);
  assert_int_equal(w.messages, 0);
  w.clock_set = true;
  run(HOUR_MS / 2);
  assert_int_equal(check_all(0), 361); /* one more, when the clock's time stood */
  assert_int_equal(w.late, 0);
  end();
}

static void starts_without_a_clock_are_told_apart(void **state) {
  (void)state;
  begin(16);
  run(60000);
  for (int i = 0; i < 3; i++) {
    power_on();
    w.clock_set = false;
    run(600000);
  }
  w.clock_set = true;
  run(600000);
  drain();
  (void)check_all(60);
  assert_int_equal(w.late, 0);
  end();
}

static void a_restart_sends_little_again(void **state) {
  (void)state;
  begin(16);
  for (int i = 0; i < 20; i++) {
    run(170000);
    power_on();
  }
  drain();
  (void)check_all(0);
  assert_true(w.duplicates <= 20 * 6);
  end();
}

/* Days of everything at once. */
static void nothing_is_lost_or_counted_twice(void **state) {
  (void)state;
  begin(32);
  w.loss = 20;
  uint32_t cuts = 0;
  for (int i = 0; i < 600; i++) {
    switch (chance(6)) {
    case 0:
      break_link();
      break;
    case 1:
      w.server_up = !w.server_up;
      break;
    case 2:
      w.module.mode = (test_mode)(1 + chance(6));
      w.module.mode_for = 1 + chance(6);
      break;
    case 3:
      w.log.cut_at = w.log.operations + chance(30);
      w.log.cut_byte = chance(2) ? chance(33) : chance(EDGE_SECTOR_SIZE);
      w.log.erase_backwards = chance(2) != 0;
      break;
    default:
      w.broker_up = true;
      break;
    }
    run((int64_t)(1 + chance(30)) * 60000);
    if (!w.log.off) continue;
    cuts++;
    w.true_ms += 500 + (int64_t)chance(5000);
    w.module.len = 0;
    power_on();
  }
  drain();
  uint32_t count = check_all(0);
  assert_int_equal(w.meter.ring.dropped, 0);
  print_message("%u readings, %u power cuts, %u sent twice and known\n", (unsigned)count,
                (unsigned)cuts, (unsigned)w.duplicates);
  assert_true(cuts > 20 && count > 10000);
  end();
}

static void command(const char *text) {
  edge_meter_command(&w.meter, text, strlen(text), w.true_ms - w.start_ms);
}

static const char another_login[] =
    "{\"type\": \"credentials\", \"credentials\": {\"kind\": \"password\", \"mqtt\": {\"host\": "
    "\"new.example\", \"port\": 8883, \"username\": \"meter-001~2\", \"password\": \"new\"}, "
    "\"ca_pem\": \"-----BEGIN\\n\", \"old_ends\": \"2026-02-08T00:00:00Z\"}}";

static void another_login_is_taken_once_it_was_let_in(void **state) {
  (void)state;
  begin(16);
  run(60000);
  command(another_login);
  w.password = "new"; /* only that from now on */
  run(60000);
  assert_string_equal(w.meter.settings.username, "meter-001~2");
  assert_string_equal(w.meter.settings.host, "new.example");
  assert_string_equal(w.meter.settings.next_password, "");
  power_on();
  run(60000);
  drain();
  assert_string_equal(edge_meter_login(&w.meter).password, "new");
  (void)check_all(0);
  end();
}

static void a_login_that_is_not_let_in_leaves_the_old_one(void **state) {
  (void)state;
  begin(16);
  run(60000);
  w.password = ""; /* the old one */
  command(another_login);
  run(600000);
  assert_int_equal(w.meter.uplink.state, EDGE_UPLINK_OPEN);
  assert_string_equal(edge_meter_login(&w.meter).password, "");
  assert_string_equal(w.meter.settings.next_password, "new"); /* for later */
  uint32_t logins = w.logins;
  run(HOUR_MS);
  assert_int_equal(w.logins, logins + 2); /* once more, and back */
  power_on();
  w.password = "new";
  run(600000);
  drain();
  assert_string_equal(w.meter.settings.password, "new");
  (void)check_all(0);
  end();
}

#define PEM(what, words) "-----BEGIN " what "-----\\n" words "\\n-----END-----\\n"
#define CERTIFICATE(words)                                                                         \
  "{\"type\": \"credentials\", \"credentials\": {\"kind\": \"certificate\", \"mqtt\": {\"host\": " \
  "\"new.example\", \"port\": 8884, \"username\": \"meter-001\"}, \"certificate_pem\": \"" PEM(    \
      "CERTIFICATE", words) "\", \"key_pem\": \"" PEM("KEY",                                       \
                                                      words) "\", \"serial\": \"1\", \"ca_pem\": " \
                                                             "\"" PEM("CA", words) "\"}}"

static void another_certificate_is_taken_once_it_was_let_in(void **state) {
  (void)state;
  begin(16);
  w.password = "none";
  run(60000);
  assert_int_equal(w.meter.uplink.stats.opened, 0);
  w.password = "";
  run(600000);
  command(CERTIFICATE("first"));
  w.certificate = "first";
  w.password = "none"; /* only that from now on */
  run(60000);
  assert_int_equal(w.meter.settings.secrets, 1);
  assert_string_equal(w.meter.settings.host, "new.example");
  assert_int_equal(edge_meter_login(&w.meter).port, 8884);
  assert_non_null(strstr(w.pem[1][EDGE_ENROL_KEY], "first"));
  assert_non_null(strstr(w.pem[1][EDGE_ENROL_CA], "first"));
  power_on();
  run(60000);
  /* The one that is not let in leaves it as it is, and is there for later. */
  command(CERTIFICATE("second"));
  run(600000);
  assert_int_equal(w.meter.uplink.state, EDGE_UPLINK_OPEN);
  assert_int_equal(w.meter.settings.secrets, 1);
  assert_non_null(strstr(w.pem[1][EDGE_ENROL_CERTIFICATE], "first"));
  w.certificate = "second";
  power_on();
  run(600000);
  assert_int_equal(w.meter.settings.secrets, 0);
  assert_non_null(strstr(w.pem[0][EDGE_ENROL_CERTIFICATE], "second"));
  assert_string_equal(w.pem[1][EDGE_ENROL_CERTIFICATE], ""); /* the old one is forgotten */
  assert_string_equal(w.pem[1][EDGE_ENROL_KEY], "");
  drain();
  (void)check_all(0);
  end();
}

static void certificates_that_cannot_be_kept_are_not_taken(void **state) {
  (void)state;
  begin(16);
  run(60000);
  w.keeps_nothing = true;
  command(CERTIFICATE("first"));
  w.keeps_nothing = false;
  command("{\"type\": \"credentials\", \"credentials\": {\"kind\": \"certificate\", \"mqtt\": "
          "{\"host\": \"h\", \"port\": 1}, \"ca_pem\": \"" PEM(
              "CA", "x") "\", \"certificate_pem\": \"" PEM("CERTIFICATE",
                                                           "x") "\", \"key_pem\": \"none\"}}");
  assert_string_equal(w.pem[1][EDGE_ENROL_CA], ""); /* the key was looked at before */
  w.meter.port.keep = NULL;
  command(CERTIFICATE("first"));
  assert_int_equal(w.meter.strange_commands, 3);
  assert_string_equal(w.meter.settings.next_host, "");
  end();
}

static void commands_that_are_not_understood_change_nothing(void **state) {
  (void)state;
  static const char *const strange[] = {
      "",
      "{}",
      "{\"type\": \"credentials\"}",
      "{\"type\": \"reset\"}",
      "{\"type\": \"credentials\", \"credentials\": {\"kind\": \"psk\", \"mqtt\": {}}}",
      "{\"type\": \"credentials\", \"credentials\": {\"kind\": \"password\", \"mqtt\": {\"host\": "
      "\"h\", \"port\": 70000, \"username\": \"u\", \"password\": \"p\"}}}",
      "{\"type\": \"credentials\", \"credentials\": {\"kind\": \"password\", \"mqtt\": {\"host\": "
      "\"h\", \"port\": 1, \"username\": \"u\", \"password\": \"a\\nb\"}}}"};
  begin(16);
  run(60000);
  uint32_t writes = w.settings.writes;
  for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) command(strange[i]);
  assert_int_equal(w.meter.strange_commands, sizeof strange / sizeof strange[0]);
  assert_int_equal(w.settings.writes, writes);
  run(60000);
  assert_int_equal(w.meter.uplink.stats.opened, 1);
  end();
}

/* ---- the clock held against the server's ---- */

enum { MINUTE_MS = 60000 };

/* How many of those put down the server does not have. */
static uint32_t missing(void) {
  uint32_t count = 0;
  for (uint32_t n = 1; n <= w.reply_count; n++)
    if (w.replies[n].put_down && w.replies[n].stored_s == 0) count++;
  return count;
}

static void a_clock_that_is_put_right_loses_nothing(void **state) {
  (void)state;
  static const int64_t off_ms[] = {2 * (int64_t)HOUR_MS, -2 * (int64_t)HOUR_MS, 6 * MINUTE_MS,
                                   365 * 24 * (int64_t)HOUR_MS};
  for (size_t i = 0; i < sizeof off_ms / sizeof off_ms[0]; i++) {
    begin(16);
    w.clock_off_ms = off_ms[i];
    run(10 * MINUTE_MS);
    assert_int_equal(w.meter.clock.state, EDGE_CLOCK_APART);
    assert_int_equal(w.newest_s, 0); /* nothing was stored, nothing refused */
    assert_true(w.questions >= 5);
    w.clock_off_ms = 0;
    run(2 * MINUTE_MS);
    assert_int_equal(w.meter.clock.state, EDGE_CLOCK_GOOD);
    assert_true(check_all(0) >= 72);
    assert_int_equal(w.late, 0);
    end();
  }
}

static void the_servers_time_is_used_after_an_hour(void **state) {
  (void)state;
  begin(16);
  w.clock_off_ms = 2 * (int64_t)HOUR_MS;
  run(HOUR_MS / 2);
  assert_in_range(-w.meter.clock.differs_s, 7198, 7201);
  power_on(); /* counts anew */
  run(HOUR_MS - MINUTE_MS);
  assert_int_equal(w.newest_s, 0);
  run(10 * MINUTE_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_SERVER);
  /* Of the first start it is known only that it was before the second. */
  drain();
  assert_true(check_all(12) >= 5 * 90);
  assert_int_equal(w.late, 0);
  w.clock_off_ms = 0;
  run(MINUTE_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_GOOD);
  end();
}

static void a_clock_that_jumps_is_looked_past(void **state) {
  (void)state;
  begin(16);
  run(10 * MINUTE_MS);
  w.clock_off_ms = 2 * (int64_t)HOUR_MS;
  run(10 * MINUTE_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_SERVER);
  w.clock_off_ms = -90 * (int64_t)HOUR_MS;
  run(3 * (int64_t)HOUR_MS);
  w.clock_off_ms = 0;
  run(10 * MINUTE_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_GOOD);
  assert_true(check_all(1) >= 3 * 360);
  assert_int_equal(missing(), 0);
  assert_int_equal(w.late, 0);
  end();
}

/* A machine that came up with a clock of yesterday, broker and server, and is put right later. */
static void a_server_whose_clock_went_back_is_waited_for(void **state) {
  (void)state;
  begin(256);
  run(10 * MINUTE_MS);
  break_link();
  run(MINUTE_MS);
  w.broker_up = true;
  w.server_off_ms = -24 * (int64_t)HOUR_MS;
  run(6 * (int64_t)HOUR_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_APART);
  assert_true(missing() >= 5 * 360);
  w.server_off_ms = 0;
  run(10 * MINUTE_MS);
  drain();
  assert_true(check_all(0) >= 6 * 360);
  assert_int_equal(w.late, 0);
  end();
}

static void a_server_that_tells_no_time_is_served(void **state) {
  (void)state;
  begin(16);
  w.tells_no_time = true;
  run(HOUR_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_UNTOLD);
  assert_int_equal(missing(), 0);
  assert_in_range(check_all(0), 360, 361);
  w.tells_no_time = false; /* a newer server */
  run(2 * (int64_t)HOUR_MS);
  assert_int_equal(w.meter.clock.state, EDGE_CLOCK_GOOD);
  (void)check_all(0);
  end();
}

/* Starts that never heard of the server have the time that their clock said, if that can be. */
static void starts_that_were_not_checked_keep_their_time(void **state) {
  (void)state;
  begin(32);
  w.broker_up = false;
  for (int i = 0; i < 4; i++) {
    run(20 * MINUTE_MS);
    w.true_ms += 40 * MINUTE_MS; /* without power */
    power_on();
  }
  w.broker_up = true;
  w.module.mode = SILENT; /* and nothing new to go by */
  w.module.mode_for = 30;
  run(3 * MINUTE_MS);
  assert_int_equal(missing(), 0);
  assert_in_range(check_all(0), 4 * 120, 4 * 122);
  assert_int_equal(w.late, 0);
  end();
}

/* Starts that take hardly any time: no two readings have one time. */
static void starts_within_a_second_give_no_time_twice(void **state) {
  (void)state;
  begin(16);
  w.meter.settings.interval_s = 2;
  assert_true(edge_settings_save(&w.meter.store, &w.meter.settings));
  for (int i = 0; i < 500; i++) {
    run(3000 + (int64_t)chance(6000));
    w.true_ms += (int64_t)chance(300);
    w.module.len = 0;
    power_on();
    w.server_up = chance(4) != 0;
  }
  drain();
  assert_int_equal(missing(), 0);
  assert_int_equal(w.late, 0);
  end();
}

static void days_with_clocks_that_go_wrong_lose_nothing(void **state) {
  (void)state;
  begin(64);
  w.loss = 20;
  for (int i = 0; i < 120; i++) {
    switch (chance(5)) {
    case 0:
      w.clock_off_ms = ((int64_t)chance(48) - 24) * 600000;
      break;
    case 1:
      w.server_up = !w.server_up;
      break;
    case 2:
      break_link();
      break;
    case 3:
      w.true_ms += 5000;
      w.module.len = 0;
      power_on();
      break;
    default:
      w.broker_up = true;
      w.clock_off_ms = 0;
      break;
    }
    run((int64_t)(1 + chance(30)) * MINUTE_MS);
  }
  w.clock_off_ms = 0;
  drain();
  assert_int_equal(missing(), 0); /* on_refused and on_reading see to the rest */
  assert_int_equal(w.meter.ring.dropped, 0);
  end();
}

static unsigned asked_to_set_up;

static void set_up(void *context) {
  (void)context;
  asked_to_set_up++;
}

static void hold_button(int64_t ms) {
  for (int64_t at = 0; at <= ms; at += 50) edge_meter_press(&w.meter, true, at);
  edge_meter_press(&w.meter, false, ms + 50);
  edge_meter_press(&w.meter, false, ms + 150);
}

/* Held 5 s it is the port's, if it can; 15 s forget the settings and not the log. */
static void the_button_sets_up_or_forgets(void **state) {
  (void)state;
  begin(256);
  run(60000);
  hold_button(6000);
  assert_int_equal(asked_to_set_up, 0);
  w.meter.port.set_up = set_up;
  memset(&w.meter.button, 0, sizeof w.meter.button);
  hold_button(6000);
  assert_int_equal(asked_to_set_up, 1);
  assert_true(edge_meter_is_set_up(&w.meter));
  assert_false(w.restart);
  memset(&w.meter.button, 0, sizeof w.meter.button);
  hold_button(16000);
  assert_int_equal(asked_to_set_up, 1);
  assert_true(w.restart);
  uint32_t last = w.meter.last_seq;
  power_on();
  assert_false(edge_meter_is_set_up(&w.meter));
  assert_int_equal(w.meter.last_seq, last);
  end();
}

/* What a year does to the flash, taken from a week. */
static void wear_is_little(void **state) {
  (void)state;
  begin(256);
  uint32_t set_up = w.log.writes;
  run(7 * 24 * (int64_t)HOUR_MS);
  uint32_t readings = w.reply_count;
  uint32_t log_erases = 0;
  for (uint32_t i = EDGE_RING_MARK_SECTORS; i < 256; i++) log_erases += w.log.erases[i];
  uint32_t mark_erases = w.log.erases[0] + w.log.erases[1];
  uint32_t per_mark_sector_a_year = mark_erases * 52 / 2;
  /* A sector of readings is erased once each time round. */
  uint32_t rounds_a_year = 8640 * 365 / (254 * EDGE_RING_SLOTS);
  print_message("a week, one reading in 10 s: %u readings, %u writes, %u bytes; %u sectors of "
                "readings and %u of "
                "marks erased\n",
                (unsigned)readings, (unsigned)(w.log.writes - set_up),
                (unsigned)w.log.bytes_written, (unsigned)log_erases, (unsigned)mark_erases);
  print_message("a year: each sector of readings erased %u times, of marks %u times; 100,000 "
                "erases last %u years\n",
                (unsigned)rounds_a_year, (unsigned)per_mark_sector_a_year,
                (unsigned)(100000 / (per_mark_sector_a_year + 1)));
  assert_true(w.log.bytes_written < readings * 40);
  assert_true(100000 / (per_mark_sector_a_year + 1) > 50);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_hour_without_trouble),
      cmocka_unit_test(three_days_offline_are_replayed_in_order),
      cmocka_unit_test(more_than_it_holds_loses_the_oldest_only),
      cmocka_unit_test(readings_before_the_clock_get_their_time),
      cmocka_unit_test(starts_without_a_clock_are_told_apart),
      cmocka_unit_test(a_restart_sends_little_again),
      cmocka_unit_test(nothing_is_lost_or_counted_twice),
      cmocka_unit_test(another_login_is_taken_once_it_was_let_in),
      cmocka_unit_test(a_login_that_is_not_let_in_leaves_the_old_one),
      cmocka_unit_test(another_certificate_is_taken_once_it_was_let_in),
      cmocka_unit_test(certificates_that_cannot_be_kept_are_not_taken),
      cmocka_unit_test(commands_that_are_not_understood_change_nothing),
      cmocka_unit_test(the_button_sets_up_or_forgets),
      cmocka_unit_test(a_clock_that_is_put_right_loses_nothing),
      cmocka_unit_test(the_servers_time_is_used_after_an_hour),
      cmocka_unit_test(a_clock_that_jumps_is_looked_past),
      cmocka_unit_test(a_server_whose_clock_went_back_is_waited_for),
      cmocka_unit_test(a_server_that_tells_no_time_is_served),
      cmocka_unit_test(starts_that_were_not_checked_keep_their_time),
      cmocka_unit_test(starts_within_a_second_give_no_time_twice),
      cmocka_unit_test(days_with_clocks_that_go_wrong_lose_nothing),
      cmocka_unit_test(wear_is_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
