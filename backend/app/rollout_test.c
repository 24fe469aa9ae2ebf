/* The rollout's thread, a real ledger and a real broker: what it is told, and when it is told
 * again. */
#include "app/rollout.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "mqtt/test_broker.h"
#include "store/embedded/embedded.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

typedef struct fixture {
  char dir[64];
  sm_ledger *ledger;
  sm_offers *offers;
  sm_rollout *rollout;
  test_broker broker;
  sm_mqtt_subscriber *subscriber;
} fixture;

static void take(void *context, const sm_mqtt_message *message) {
  (void)context;
  (void)message;
}

static sm_err commit(void *context) {
  (void)context;
  return SM_OK;
}

static void speak(void *context) {
  fixture *f = context;
  sm_offers_speak(f->offers, f->subscriber);
}

static void start(fixture *f) {
  assert_int_equal(sm_offers_new(&f->offers), SM_OK);
  assert_int_equal(sm_rollout_new(f->ledger, f->offers, &f->rollout), SM_OK);
  static const char *const filters[] = {"meters/+/status"};
  const sm_mqtt_options options = {
      .url = f->broker.url, .client_id = "server", .filters = filters, .filter_count = 1};
  const sm_mqtt_sink sink = {.context = f, .take = take, .commit = commit, .speak = speak};
  assert_int_equal(sm_mqtt_subscriber_new(&options, &sink, &f->subscriber), SM_OK);
  assert_int_equal(sm_mqtt_subscriber_start(f->subscriber), SM_OK);
  assert_int_equal(sm_rollout_start(f->rollout), SM_OK);
}

static void stop(fixture *f) {
  assert_true(sm_mqtt_subscriber_stop(f->subscriber, PATIENCE_MS));
  sm_mqtt_subscriber_free(f->subscriber);
  sm_rollout_free(f->rollout);
  sm_offers_free(f->offers);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-rollout-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  const sm_embedded_options options = {
      .data_dir = f->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &f->ledger), SM_OK);
  test_broker_init(&f->broker);
  test_broker_start(&f->broker, "");
  start(f);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[128];
  stop(f);
  test_broker_fini(&f->broker);
  sm_ledger_close(f->ledger);
  (void)snprintf(command, sizeof command, "rm -rf -- '%s'", f->dir);
  assert_int_equal(system(command), 0);
  free(f);
  return 0;
}

/* ---- meters ---- */

static void say(fixture *f, const char *device_id, const char *version, uint32_t counter) {
  sm_firmware_report report = {.counter = counter};
  (void)snprintf(report.product, sizeof report.product, "smartmeter");
  (void)snprintf(report.hardware, sizeof report.hardware, "sim");
  (void)snprintf(report.version, sizeof report.version, "%s", version);
  sm_rollout_said(f->rollout, device_id, &report, true);
}

static void add(fixture *f, const char *device_id) {
  const sm_device_new device = {.device_id = device_id};
  assert_int_equal(sm_ledger_device_add(f->ledger, (sm_actor){.id = "test"}, &device), SM_OK);
  say(f, device_id, "1.0", 1);
}

static int64_t publish(fixture *f) {
  static const char image[10] = "image";
  uint8_t digest[SM_SHA256_BYTES];
  sm_release r = {.counter = 2,
                  .size = sizeof image,
                  .expires_ms = INT64_MAX,
                  .manifest = "manifest",
                  .manifest_len = 8,
                  .signature = "signature",
                  .signature_len = 9,
                  .cohort = "all",
                  .rule = {.stage = {100}, .stages = 1, .share = 90, .failed = 10, .least = 5}};
  (void)snprintf(r.product, sizeof r.product, "smartmeter");
  (void)snprintf(r.hardware, sizeof r.hardware, "sim");
  (void)snprintf(r.version, sizeof r.version, "1.1");
  sm_sha256(image, sizeof image, digest);
  (void)sm_hex(digest, sizeof digest, r.sha256);
  assert_int_equal(
      sm_ledger_firmware_publish(f->ledger, (sm_actor){.id = "test"}, &r, image, sm_clock_now_ms()),
      SM_OK);
  return r.release_no;
}

/* ---- waiting ---- */

/* Until so many meters are in that phase, and the broker was told all. */
static void await(fixture *f, sm_firmware_phase phase, uint64_t count) {
  int64_t end = sm_clock_steady_ms() + PATIENCE_MS;
  sm_firmware_figures figures = {0};
  do {
    const struct timespec pause = {.tv_nsec = 20000000};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(sm_ledger_firmware_figures(f->ledger, &figures), SM_OK);
    if (figures.phase[phase] == count && figures.untold == 0 && sm_offers_empty(f->offers)) return;
  } while (sm_clock_steady_ms() < end);
  fail_msg("%llu are %s and %llu are to be told", (unsigned long long)figures.phase[phase],
           sm_firmware_phase_name(phase), (unsigned long long)figures.untold);
}

/* What the broker holds for a meter, as a newcomer hears it: "" is nothing. */
static void held(const fixture *f, const char *device_id, char out[256]) {
  char command[256];
  (void)snprintf(command, sizeof command,
                 "mosquitto_sub -h 127.0.0.1 -p %u -t meters/%s/command -C 1 -W 1 --retained-only "
                 "2>/dev/null",
                 (unsigned)f->broker.port, device_id);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  out[0] = '\0';
  if (fgets(out, 256, pipe) == NULL) out[0] = '\0';
  (void)pclose(pipe);
}

static const char offer[] = "{\"firmware\":{\"manifest\":\"bWFuaWZlc3Q=\",\"signature\":"
                            "\"c2lnbmF0dXJl\"}}\n";

static void await_held(const fixture *f, const char *device_id, const char *text) {
  char got[256];
  int64_t end = sm_clock_steady_ms() + PATIENCE_MS;
  do held(f, device_id, got);
  while (strcmp(got, text) != 0 && sm_clock_steady_ms() < end);
  assert_string_equal(got, text);
}

/* ---- tests ---- */

static void an_offer_is_held_until_it_is_taken(void **state) {
  fixture *f = *state;
  add(f, "a");
  add(f, "b");
  (void)publish(f);
  await(f, SM_FIRMWARE_OFFERED, 2);
  await_held(f, "a", offer);
  await_held(f, "b", offer);
  say(f, "a", "1.1", 2);
  await(f, SM_FIRMWARE_RUNS, 1);
  await_held(f, "a", "");
  await_held(f, "b", offer);
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_rollout_write_metrics(f->rollout, &out);
  assert_non_null(strstr(sm_buf_text(&out), "smartmeter_firmware_reports_total 3\n"));
  assert_non_null(strstr(sm_buf_text(&out), "smartmeter_firmware_releases_active 1\n"));
  assert_non_null(strstr(sm_buf_text(&out), "smartmeter_firmware_meters{state=\"confirmed\"} 1\n"));
  sm_buf_fini(&out);
}

static void a_broker_that_lost_all_is_told_again(void **state) {
  fixture *f = *state;
  add(f, "a");
  add(f, "b");
  int64_t no = publish(f);
  await(f, SM_FIRMWARE_OFFERED, 2);
  say(f, "a", "1.1", 2);
  await(f, SM_FIRMWARE_RUNS, 1);
  uint64_t before = sm_offers_connection(f->offers);
  test_broker_end(&f->broker, SIGKILL); /* it has saved nothing */
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, (sm_actor){.id = "test"}, no, "x", 1), SM_OK);
  assert_int_equal(sm_ledger_firmware_resume(f->ledger, (sm_actor){.id = "test"}, no, 1), SM_OK);
  test_broker_start(&f->broker, "");
  /* An offer that it should not have, as if it had lost that it was taken back. */
  char port[8];
  (void)snprintf(port, sizeof port, "%u", (unsigned)f->broker.port);
  TEST_RUN("mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-r", "-t",
           "meters/a/command", "-m", "stale");
  int64_t end = sm_clock_steady_ms() + PATIENCE_MS;
  while (sm_offers_connection(f->offers) == before && sm_clock_steady_ms() < end) {
    const struct timespec pause = {.tv_nsec = 20000000};
    (void)nanosleep(&pause, NULL);
  }
  await_held(f, "b", offer);
  await_held(f, "a", "");
}

static void a_server_that_starts_again_goes_on(void **state) {
  fixture *f = *state;
  add(f, "a");
  (void)publish(f);
  await(f, SM_FIRMWARE_OFFERED, 1);
  stop(f);
  start(f);
  say(f, "a", "1.1", 2);
  await(f, SM_FIRMWARE_RUNS, 1);
  await_held(f, "a", "");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {CASE(an_offer_is_held_until_it_is_taken),
                                     CASE(a_broker_that_lost_all_is_told_again),
                                     CASE(a_server_that_starts_again_goes_on)};
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
