/* Offers as they come, and what the whole meter makes of them: what it reports, when it restarts,
 * and when a new image counts as healthy. Signature and hash are play things here; ota_test.c and
 * posix/update_test.c have real ones. */
#include "core/firmware.h"

#include "core/crc.h"
#include "core/meter.h"
#include "core/offer.h"
#include "core/test_flash.h"
#include "core/test_module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LOG_SECTORS = 16, SLOT_SECTORS = 2, IMAGE_LEN = 5000, PIECE = 300 };
static const int64_t begin_ms = 1767225600000;

typedef struct world {
  test_flash log;
  test_flash settings;
  test_flash slot;
  test_flash state;
  test_module module;
  edge_ota_port update;
  edge_meter meter;
  int64_t true_ms;
  int64_t start_ms;
  uint32_t hash;
  bool fetching;
  uint32_t fetch_at;
  bool image_there;
  bool opening;
  bool server_up;
  bool clock_set;
  bool new_runs;
  bool on_trial;
  bool tries_next;
  bool restart;
  unsigned restarts;
  unsigned opens;
  unsigned confirms;
  char retained[3000]; /* at the command topic; "": nothing */
  char ack[64];
  char report[EDGE_FIRMWARE_REPORT_MAX]; /* the last one */
  unsigned reports;
  char printed[1024];
} world;

static world w;
static uint8_t image[IMAGE_LEN];

/* ---- the port ---- */

static void before_reply(test_module *module) {
  module->says.energy_wh++;
  module->says.voltage_dv = (uint16_t)(2300 + module->says.energy_wh % 17);
}

static bool wall(void *context, int64_t *wall_ms) {
  (void)context;
  *wall_ms = begin_ms + w.true_ms;
  return w.clock_set;
}

static uint32_t random_word(void *context) {
  (void)context;
  return 77;
}

static void open_link(void *context) {
  (void)context;
  w.opening = true;
  w.opens++;
}

static void close_link(void *context) {
  (void)context;
}

/* The server has all that it is sent. */
static bool publish(void *context, const char *payload, size_t len) {
  (void)context;
  unsigned seq = 0;
  const char *last = NULL;
  if (!w.server_up) return true;
  for (size_t i = 0; i + 7 < len; i++)
    if (memcmp(payload + i, "\"seq\": ", 7) == 0) last = payload + i + 7;
  assert_non_null(last);
  assert_int_equal(sscanf(last, "%u", &seq), 1);
  (void)snprintf(w.ack, sizeof w.ack, "{\"epoch\":%u,\"seq\":%u}", (unsigned)w.meter.ring.epoch,
                 seq);
  return true;
}

static bool report(void *context, const char *payload, size_t len) {
  (void)context;
  assert_true(len < sizeof w.report);
  memcpy(w.report, payload, len);
  w.report[len] = '\0';
  w.reports++;
  return true;
}

static void print(void *context, const char *text, size_t len) {
  (void)context;
  size_t there = strlen(w.printed);
  if (there + len >= sizeof w.printed) return;
  memcpy(w.printed + there, text, len);
  w.printed[there + len] = '\0';
}

static void restart(void *context) {
  (void)context;
  w.restart = true;
  w.restarts++;
}

static bool verify(void *context, const uint8_t *manifest, size_t manifest_len,
                   const uint8_t *signature, size_t signature_len) {
  (void)context;
  (void)manifest;
  return manifest_len > 0 && signature_len == 6 && memcmp(signature, "signed", 6) == 0;
}

static void hash_begin(void *context) {
  (void)context;
  w.hash = 0;
}

static void hash_add(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  w.hash = edge_crc32(w.hash, bytes, len);
}

static void hash_end(void *context, uint8_t sha256[EDGE_OTA_SHA_LEN]) {
  (void)context;
  for (unsigned i = 0; i < EDGE_OTA_SHA_LEN; i++) sha256[i] = (uint8_t)(w.hash >> i % 4 * 8);
}

static void fetch(void *context, const char *url, uint32_t from) {
  (void)context;
  (void)url;
  w.fetching = true;
  w.fetch_at = from;
}

static void stop(void *context) {
  (void)context;
  w.fetching = false;
}

static bool try_slot(void *context) {
  (void)context;
  w.tries_next = true;
  return true;
}

static void confirm(void *context) {
  (void)context;
  w.on_trial = false;
  w.confirms++;
}

/* ---- the world ---- */

static void start(void) {
  static const edge_tuning tuning = EDGE_TUNING_DEFAULTS;
  w.update = (edge_ota_port){.slot = test_flash_port(&w.slot),
                             .state = test_flash_port(&w.state),
                             .verify = verify,
                             .hash_begin = hash_begin,
                             .hash_add = hash_add,
                             .hash_end = hash_end,
                             .fetch = fetch,
                             .stop = stop,
                             .try_slot = try_slot,
                             .confirm = confirm,
                             .roll_back = restart};
  const edge_port port = {.serial = test_module_serial(&w.module),
                          .link = {&w, open_link, close_link, publish},
                          .log = test_flash_port(&w.log),
                          .settings = test_flash_port(&w.settings),
                          .wall = wall,
                          .random = random_word,
                          .print = print,
                          .restart = restart,
                          .self = {"smartmeter", "h1", w.new_runs ? "1.3.0" : "1.2.0",
                                   w.new_runs ? 13 : 12, w.on_trial},
                          .update = &w.update,
                          .report = report};
  w.start_ms = w.true_ms;
  w.restart = w.opening = w.fetching = false;
  w.ack[0] = '\0';
  assert_true(edge_meter_init(&w.meter, &port, &tuning, 0));
}

/* As a boot loader does. */
static void boot(void) {
  w.new_runs = w.tries_next || (w.new_runs && !w.on_trial);
  w.on_trial = w.tries_next;
  w.tries_next = false;
  start();
}

static int setup(void **state) {
  (void)state;
  memset(&w, 0, sizeof w);
  for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 31 + i / 256);
  w.server_up = w.clock_set = w.image_there = true;
  w.module.before = before_reply;
  w.module.says = (edge_sample){.power_dw = 6290,
                                .current_ma = 2730,
                                .voltage_dv = 2300,
                                .frequency_dhz = 500,
                                .power_factor_centi = 98};
  test_flash_init(&w.log, LOG_SECTORS);
  test_flash_init(&w.settings, EDGE_SETTINGS_SECTORS);
  test_flash_init(&w.slot, SLOT_SECTORS);
  test_flash_init(&w.state, 1);
  edge_settings settings;
  edge_settings_store store;
  edge_flash port = test_flash_port(&w.settings);
  assert_true(edge_settings_load(&store, &port, &settings));
  assert_null(edge_settings_set(&settings, "device_id", "meter-001"));
  assert_null(edge_settings_set(&settings, "host", "broker.example"));
  settings.address = 1;
  assert_true(edge_settings_save(&store, &settings));
  start();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_flash_fini(&w.log);
  test_flash_fini(&w.settings);
  test_flash_fini(&w.slot);
  test_flash_fini(&w.state);
  return 0;
}

static void base64(const char *bytes, size_t len, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < len; i += 3) {
    uint32_t bits = (uint32_t)(uint8_t)bytes[i] << 16;
    if (i + 1 < len) bits |= (uint32_t)(uint8_t)bytes[i + 1] << 8;
    if (i + 2 < len) bits |= (uint8_t)bytes[i + 2];
    for (unsigned part = 0; part < 4; part++) {
      bool there = i + part <= len;
      *out++ = there ? digits[bits >> (18 - 6 * part) & 63] : '=';
    }
  }
  *out = '\0';
}

/* What the server has put at the command topic. */
static void make_offer(const char *version, unsigned counter, const char *hardware,
                       const char *signed_by) {
  char manifest[EDGE_OTA_MANIFEST_MAX];
  char sha[65];
  char text[2][1400];
  uint32_t crc = edge_crc32(0, image, sizeof image);
  for (unsigned i = 0; i < 32; i++) (void)snprintf(sha + 2 * i, 3, "%02x", crc >> i % 4 * 8 & 0xFF);
  int len = snprintf(manifest, sizeof manifest,
                     "{\"product\": \"smartmeter\", \"hardware\": \"%s\", \"version\": \"%s\", "
                     "\"counter\": %u, \"size\": %d, \"sha256\": \"%s\", \"url\": "
                     "\"https://example.org/i\", \"from\": 1, \"expires\": 2000000000, \"key\": "
                     "\"0123456789abcdef\", \"cohort\": \"early\"}",
                     hardware, version, counter, IMAGE_LEN, sha);
  base64(manifest, (size_t)len, text[0]);
  base64(signed_by, strlen(signed_by), text[1]);
  (void)snprintf(w.retained, sizeof w.retained,
                 "{\"firmware\": {\"manifest\": \"%s\", \"signature\": \"%s\"}}", text[0], text[1]);
}

static void tell(void) {
  edge_meter_command(&w.meter, w.retained, strlen(w.retained), w.true_ms - w.start_ms);
}

static void serve(int64_t now_ms) {
  if (!w.fetching) return;
  if (!w.image_there || w.fetch_at == IMAGE_LEN) {
    w.fetching = false;
    edge_ota_fetched(&w.meter.firmware.ota, now_ms);
    return;
  }
  uint32_t from = w.fetch_at;
  uint32_t some = IMAGE_LEN - from < PIECE ? IMAGE_LEN - from : PIECE;
  w.fetch_at += some;
  edge_ota_bytes(&w.meter.firmware.ota, image + from, some, now_ms);
}

/* Until that time has passed, or it restarts. */
static void run(int64_t for_ms) {
  for (int64_t until_ms = w.true_ms + for_ms; w.true_ms < until_ms && !w.restart; w.true_ms += 20) {
    int64_t now_ms = w.true_ms - w.start_ms;
    edge_meter_poll(&w.meter, now_ms);
    if (w.restart) return;
    if (w.opening) {
      w.opening = false;
      edge_meter_opened(&w.meter, now_ms);
      if (w.retained[0] != '\0') tell();
    }
    if (w.ack[0] != '\0') edge_uplink_ack(&w.meter.uplink, w.ack, strlen(w.ack), now_ms);
    w.ack[0] = '\0';
    serve(now_ms);
  }
}

static void says(const char *part) {
  if (strstr(w.report, part) == NULL) fail_msg("%s is not in %s", part, w.report);
}

#define SELF(v, c)                                                                                 \
  "{\"product\": \"smartmeter\", \"hardware\": \"h1\", \"version\": \"" v "\", \"counter\": " c    \
  ", \"state\": "

/* ---- offers as they are written ---- */

static edge_offer_kind read_offer(const char *manifest, const char *signature, edge_offer *offer) {
  static uint8_t room[EDGE_OFFER_ROOM];
  char text[3000];
  int len = snprintf(text, sizeof text,
                     "{\"firmware\": {\"manifest\": \"%s\", \"x\": 1, \"signature\": \"%s\"}}",
                     manifest, signature);
  return edge_offer_read(text, (size_t)len, room, offer);
}

static void an_offer_is_taken_apart(void **state) {
  (void)state;
  edge_offer o;
  assert_int_equal(read_offer("TWFu", "TWE=", &o), EDGE_OFFER_GOOD);
  assert_int_equal(o.manifest_len, 3);
  assert_memory_equal(o.manifest, "Man", 3);
  assert_int_equal(o.signature_len, 2);
  assert_memory_equal(o.signature, "Ma", 2);
  assert_int_equal(read_offer("TQ==", "+/+\\/", &o), EDGE_OFFER_GOOD);
  assert_int_equal(o.manifest_len, 1);
  assert_memory_equal(o.signature, "\xFB\xFF\xBF", 3);
  static const char *const bad[] = {"",     "T",    "TW",   "TWE",   "TQ=",      "TQ===", "====",
                                    "=TQ=", "TR==", "TWF=", "TW Fu", "TQ==TWFu", "TW-_",  "TWF\\u"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    if (read_offer(bad[i], "TWFu", &o) != EDGE_OFFER_BAD) fail_msg("%s is taken", bad[i]);
    if (read_offer("TWFu", bad[i], &o) != EDGE_OFFER_BAD) fail_msg("%s is taken", bad[i]);
  }
}

static void an_offer_fills_its_room_and_no_more(void **state) {
  (void)state;
  edge_offer o;
  char bytes[EDGE_OTA_MANIFEST_MAX + 1];
  char text[1400];
  memset(bytes, 'm', sizeof bytes);
  base64(bytes, EDGE_OTA_MANIFEST_MAX, text);
  assert_int_equal(read_offer(text, "TWFu", &o), EDGE_OFFER_GOOD);
  assert_int_equal(o.manifest_len, EDGE_OTA_MANIFEST_MAX);
  base64(bytes, EDGE_OTA_MANIFEST_MAX + 1, text);
  assert_int_equal(read_offer(text, "TWFu", &o), EDGE_OFFER_BAD);
  base64(bytes, EDGE_OTA_SIGNATURE_MAX, text);
  assert_int_equal(read_offer("TWFu", text, &o), EDGE_OFFER_GOOD);
  base64(bytes, EDGE_OTA_SIGNATURE_MAX + 1, text);
  assert_int_equal(read_offer("TWFu", text, &o), EDGE_OFFER_BAD);
}

/* ---- the meter ---- */

static void what_runs_is_told_at_each_connection(void **state) {
  (void)state;
  run(30000);
  assert_string_equal(w.report, SELF("1.2.0", "12") "\"idle\"}");
  assert_int_equal(w.reports, 1);
  edge_meter_closed(&w.meter, w.true_ms - w.start_ms);
  run(60000);
  assert_int_equal(w.reports, 2);
}

static void an_offer_ends_in_the_new_image_and_each_step_is_told(void **state) {
  (void)state;
  run(30000);
  make_offer("1.3.0", 13, "h1", "signed");
  tell();
  run(60);
  says("\"state\": \"fetching\", \"offer\": {\"version\": \"1.3.0\", \"counter\": 13, \"result\": "
       "\"taken\", \"at\": ");
  assert_int_equal(edge_meter_led(&w.meter), EDGE_LED_UPDATE);
  run(60000);
  assert_true(w.restart);
  says("\"state\": \"ready\"");
  assert_true(w.reports < 16);
  boot();
  assert_true(w.on_trial);
  w.reports = 0;
  run(60000);
  assert_false(w.restart);
  assert_int_equal(w.confirms, 1);
  assert_int_equal(edge_meter_led(&w.meter), EDGE_LED_GOOD);
  assert_string_equal(w.report, SELF("1.3.0", "13") "\"idle\", \"offer\": {\"version\": \"1.3.0\", "
                                                    "\"counter\": 13, \"result\": \"confirmed\", "
                                                    "\"at\": 5000}}");
  assert_int_equal(w.reports, 2); /* on trial, and confirmed */
  boot();
  run(60000);
  assert_int_equal(w.restarts, 1); /* the same offer is there again, and is what runs */
  says("\"result\": \"confirmed\"");
}

static void it_restarts_when_the_server_has_its_readings(void **state) {
  (void)state;
  run(30000);
  w.server_up = false;
  make_offer("1.3.0", 13, "h1", "signed");
  tell();
  run(600000);
  assert_int_equal(w.meter.firmware.ota.state, EDGE_OTA_READY);
  assert_false(w.restart);
  w.server_up = true;
  run(1800000);
  assert_true(w.restart);
  assert_int_equal(w.meter.sampler.state, EDGE_SAMPLER_IDLE);
  assert_true(edge_ring_backlog(&w.meter.ring) <= 6);
}

static void an_old_backlog_that_is_acknowledged_is_not_health(void **state) {
  (void)state;
  w.server_up = false;
  run(60000);
  w.server_up = true;
  w.module.mode = SILENT; /* the new image cannot read its module */
  w.module.mode_for = 1000000;
  w.new_runs = w.on_trial = true;
  start();
  run(590000);
  assert_int_equal(edge_ring_backlog(&w.meter.ring), 0);
  assert_int_equal(w.confirms, 0);
  run(20000);
  assert_true(w.restart);
  boot();
  assert_false(w.new_runs);
}

static void refusals_are_told(void **state) {
  (void)state;
  static const struct {
    const char *hardware;
    unsigned counter;
    const char *signed_by;
    const char *told;
  } offers[] = {
      {"h1", 13, "forged",
       "\"version\": \"1.9.0\", \"counter\": 13, \"result\": \"bad_signature\""},
      {"h2", 13, "signed", "\"result\": \"other_hardware\", \"at\": 0"},
      {"h1", 11, "signed", "\"counter\": 11, \"result\": \"older\""},
  };
  run(30000);
  for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
    make_offer("1.9.0", offers[i].counter, offers[i].hardware, offers[i].signed_by);
    tell();
    run(40);
    says("\"state\": \"idle\"");
    says(offers[i].told);
  }
  (void)strcpy(w.retained, "{\"firmware\": {\"manifest\": \"AAAA\"}}");
  tell();
  run(40);
  says("{\"version\": \"unknown\", \"counter\": 0, \"result\": \"malformed\", \"at\": 0}");
  assert_int_equal(w.state.operations + w.slot.operations, 0);
  (void)strcpy(w.retained, "");
  tell();
  run(40);
  assert_string_equal(w.report, SELF("1.2.0", "12") "\"idle\"}");
}

static void what_is_withdrawn_is_dropped_for_good(void **state) {
  (void)state;
  run(30000);
  w.image_there = false;
  make_offer("1.3.0", 13, "h1", "signed");
  tell();
  run(10000);
  says("\"fetching\"");
  w.retained[0] = '\0';
  tell();
  run(10000);
  assert_string_equal(w.report, SELF("1.2.0", "12") "\"idle\"}");
  w.image_there = true;
  start();
  run(60000);
  assert_int_equal(w.restarts, 0);
}

static void a_newer_offer_replaces_one_that_never_comes(void **state) {
  (void)state;
  run(30000);
  w.image_there = false;
  make_offer("1.2.9", 13, "h1", "signed");
  tell();
  run(3600000);
  w.image_there = true;
  make_offer("1.3.0", 13, "h1", "signed");
  tell();
  run(60000);
  assert_true(w.restart);
  says("\"version\": \"1.3.0\"");
}

static void an_offer_during_a_trial_is_asked_for_again(void **state) {
  (void)state;
  w.new_runs = w.on_trial = true;
  start();
  make_offer("1.4.0", 14, "h1", "signed");
  run(60000);
  assert_int_equal(w.confirms, 1);
  assert_true(w.restart); /* into the next one */
  assert_int_equal(w.opens, 2);
}

static void an_offer_before_the_clock_is_set_waits_for_it(void **state) {
  (void)state;
  w.clock_set = false;
  run(30000);
  make_offer("1.3.0", 13, "h1", "signed");
  tell();
  run(60000);
  assert_int_equal(w.meter.firmware.ota.state, EDGE_OTA_IDLE);
  assert_null(strstr(w.report, "offer"));
  w.clock_set = true;
  run(120000);
  assert_true(w.restart);
}

static void the_console_tells(void **state) {
  (void)state;
  run(30000);
  make_offer("1.3.0", 13, "h1", "signed");
  tell();
  run(40);
  edge_meter_type(&w.meter, "firmware\r", 9);
  assert_non_null(strstr(w.printed,
                         "version 1.2.0\r\ncounter 12\r\nhardware h1\r\nstate fetching\r\n"
                         "offer 1.3.0\r\n  result taken\r\n  bytes 5000\r\n"));
}

static void other_commands_are_as_before(void **state) {
  (void)state;
  run(30000);
  (void)strcpy(w.retained, "{\"type\": \"reset\"}");
  tell();
  assert_int_equal(w.meter.strange_commands, 1);
  assert_int_equal(w.meter.commands, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_offer_is_taken_apart),
      cmocka_unit_test(an_offer_fills_its_room_and_no_more),
      TEST(what_runs_is_told_at_each_connection),
      TEST(an_offer_ends_in_the_new_image_and_each_step_is_told),
      TEST(it_restarts_when_the_server_has_its_readings),
      TEST(an_old_backlog_that_is_acknowledged_is_not_health),
      TEST(refusals_are_told),
      TEST(what_is_withdrawn_is_dropped_for_good),
      TEST(a_newer_offer_replaces_one_that_never_comes),
      TEST(an_offer_during_a_trial_is_asked_for_again),
      TEST(an_offer_before_the_clock_is_set_waits_for_it),
      TEST(the_console_tells),
      TEST(other_commands_are_as_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
