/* The watch over real stores: what comes in by commits is judged, and a restart neither repeats nor
 * loses anything. The clock is the test's. */
#include "alerts/watch.h"

#include "base/crypto.h"
#include "store/embedded/embedded.h"
#include "store/ledger_alerts.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static const int64_t t0 = 1769679900000; /* 2026-01-29T15:15:00+05:30 */

typedef struct fixture {
  char dir[64];
  sm_ledger *ledger;
  sm_readings *readings;
  sm_zone *zone;
  sm_alert_watch *watch;
  _Atomic int64_t now_ms;
  atomic_int changed;
  _Atomic int64_t month_wh;
} fixture;

static int64_t now_of(void *context) {
  fixture *f = context;
  return atomic_load(&f->now_ms);
}

static void changed(void *context, const sm_alert *alert) {
  fixture *f = context;
  (void)alert;
  (void)atomic_fetch_add(&f->changed, 1);
}

static sm_err month(void *context, const char *device_id, int64_t now_ms, sm_alert_month *out) {
  fixture *f = context;
  (void)device_id;
  (void)now_ms;
  *out = (sm_alert_month){.energy_wh = atomic_load(&f->month_wh)};
  return SM_OK;
}

static void start(fixture *f) {
  const sm_alert_watch_options options = {.ledger = f->ledger,
                                          .readings = f->readings,
                                          .zone = f->zone,
                                          .currency = "INR",
                                          .tick_ms = 5,
                                          .context = f,
                                          .changed = changed,
                                          .month = month,
                                          .now_ms = now_of};
  assert_int_equal(sm_alert_watch_new(&options, &f->watch), SM_OK);
  assert_int_equal(sm_alert_watch_start(f->watch), SM_OK);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  if (f == NULL || sm_crypto_init() != SM_OK) return -1;
  memcpy(f->dir, "/tmp/smartmeter-watch.XXXXXX", 29);
  if (mkdtemp(f->dir) == NULL) return -1;
  const sm_embedded_options options = {
      .data_dir = f->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  if (sm_embedded_ledger_open(&options, &f->ledger) != SM_OK ||
      sm_embedded_readings_open(&options, true, &f->readings) != SM_OK ||
      sm_zone_new("Asia/Kolkata", &f->zone) != SM_OK)
    return -1;
  atomic_store(&f->now_ms, t0);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char path[400];
  sm_alert_watch_free(f->watch);
  sm_readings_close(f->readings);
  sm_ledger_close(f->ledger);
  sm_zone_free(f->zone);
  DIR *dir = opendir(f->dir);
  for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, e->d_name);
    (void)unlink(path);
  }
  if (dir != NULL) (void)closedir(dir);
  (void)rmdir(f->dir);
  free(f);
  return 0;
}

static void add(fixture *f, const char *device_id) {
  const sm_device_new device = {.device_id = device_id};
  assert_int_equal(sm_ledger_device_add(f->ledger, (sm_actor){.id = "cli"}, &device), SM_OK);
}

/* As the pipeline does it. */
static void commit(fixture *f, const char *device_id, int64_t ts_ms, int volt, int64_t wh) {
  sm_reading_in in = {
      .device_id = device_id,
      .reading = {.ts_ms = ts_ms, .energy_wh = wh, .voltage_mv = volt * 1000, .power_mw = 100000}};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  assert_int_equal(sm_readings_commit(f->readings, &batch), SM_OK);
  if (f->watch != NULL) sm_alert_watch_take(f->watch, &batch);
}

static size_t count_of(fixture *f, sm_alert_query query) {
  sm_alert *alerts = NULL;
  size_t count = 0;
  query.limit = 1000;
  assert_int_equal(sm_ledger_alerts(f->ledger, &query, &alerts, &count), SM_OK);
  free(alerts);
  return count;
}

/* Until the ledger has so many; the watch works every second. */
static void expect(fixture *f, sm_alert_query query, size_t wanted) {
  const struct timespec nap = {.tv_nsec = 10000000};
  for (int i = 0; i < 3000 && count_of(f, query) != wanted; i++) (void)nanosleep(&nap, NULL);
  assert_int_equal(count_of(f, query), wanted);
}

/* Stopping judges what is queued: then nothing more can come. */
static void restart(fixture *f) {
  sm_alert_watch_free(f->watch);
  f->watch = NULL;
  start(f);
}

static const sm_alert_query low = {.kind = "voltage_low", .state = SM_ALERT_UNENDED};
static const sm_alert_query silent = {.kind = "silent"};

static void a_restart_repeats_nothing_and_loses_nothing(void **state) {
  fixture *f = *state;
  add(f, "m1");
  start(f);
  commit(f, "m1", t0 - 300000, 200, 1000);
  commit(f, "m1", t0 - 240000, 200, 1001);
  expect(f, low, 1);
  restart(f);
  commit(f, "m1", t0 - 200000, 200, 1002);
  commit(f, "m1", t0 - 130000, 200, 1002);
  restart(f);
  assert_int_equal(count_of(f, (sm_alert_query){.limit = 10}), 1);
  commit(f, "m1", t0 - 120000, 230, 1003);
  commit(f, "m1", t0 - 60000, 230, 1004);
  expect(f, (sm_alert_query){.state = SM_ALERT_ENDED}, 1);
  assert_int_equal(atomic_load(&f->changed), 2);
}

/* What is committed and not judged when the power fails begins anew; what the store says of the
 * register is known all the same. */
static void a_register_that_fell_while_nobody_watched_is_seen(void **state) {
  fixture *f = *state;
  add(f, "m1");
  commit(f, "m1", t0 - 300000, 230, 50000);
  start(f);
  for (int i = 0; i < 3; i++) commit(f, "m1", t0 - 200000 + i * 1000, 230, i);
  expect(f, (sm_alert_query){.kind = "register_reset"}, 1);
}

static void a_meter_that_died_with_the_server_is_silent(void **state) {
  fixture *f = *state;
  add(f, "m1");
  add(f, "never");
  commit(f, "m1", t0 - 3600000, 230, 50000);
  start(f);
  expect(f, silent, 1);
  restart(f);
  restart(f);
  assert_int_equal(count_of(f, silent), 1);
  commit(f, "m1", t0 - 61000, 230, 50001);
  commit(f, "m1", t0 - 1000, 230, 50001);
  expect(f, (sm_alert_query){.kind = "silent", .state = SM_ALERT_ENDED}, 1);
}

/* A reading that was shed is in the store, and that is asked before a meter is called silent. */
static void what_was_shed_does_not_make_a_meter_silent(void **state) {
  fixture *f = *state;
  add(f, "m1");
  commit(f, "m1", t0 - 60000, 230, 50000);
  start(f);
  sm_reading_in in = {.device_id = "m1", .reading = {.ts_ms = t0 + 7190000, .voltage_mv = 230000}};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  assert_int_equal(sm_readings_commit(f->readings, &batch), SM_OK); /* the watch is not told */
  atomic_store(&f->now_ms, t0 + 7200000); /* behind it: the watch may look at once */
  add(f, "m2");
  commit(f, "m2", t0 + 7199000, 200, 1);
  commit(f, "m2", t0 + 7199000 + 60000, 200, 1);
  expect(f, low, 1);
  const struct timespec sweep = {.tv_nsec = 200000000};
  (void)nanosleep(&sweep, NULL);
  sm_alert_watch_stop(f->watch);
  assert_int_equal(count_of(f, silent), 0);
}

static void a_meter_that_is_taken_away_has_no_alerts(void **state) {
  fixture *f = *state;
  add(f, "m1");
  commit(f, "m1", t0 - 3600000, 230, 50000);
  start(f);
  expect(f, silent, 1);
  assert_int_equal(sm_ledger_device_revoke(f->ledger, (sm_actor){.id = "cli"}, "m1"), SM_OK);
  expect(f, (sm_alert_query){.state = SM_ALERT_UNENDED}, 0);
}

static void a_threshold_holds_without_a_restart(void **state) {
  fixture *f = *state;
  add(f, "m1");
  start(f);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, (sm_actor){.id = "cli"}, "m1", NULL,
                                           "{\"voltage_low\":{\"below_v\":220,\"for_s\":0},"
                                           "\"budget_energy\":{\"month_kwh\":5}}"),
                   SM_OK);
  commit(f, "m1", t0 - 60000, 219, 1);
  expect(f, low, 1);
  assert_int_equal(count_of(f, (sm_alert_query){.kind = "budget_energy"}), 0);
  atomic_store(&f->month_wh, 5000);
  atomic_store(&f->now_ms, t0 + 11000);
  commit(f, "m1", t0, 219, 2);
  expect(f, (sm_alert_query){.kind = "budget_energy"}, 1);
  assert_int_equal(sm_ledger_threshold_set(f->ledger, (sm_actor){.id = "cli"}, "m1", NULL,
                                           "{\"voltage_low\":{\"enabled\":false}}"),
                   SM_OK);
  expect(f, (sm_alert_query){.state = SM_ALERT_UNENDED}, 0);
}

static void certificates_are_watched_as_they_are_seen(void **state) {
  fixture *f = *state;
  const int64_t day = 86400000;
  const sm_alert_query open = {.kind = "certificate", .state = SM_ALERT_UNENDED};
  add(f, "m1");
  start(f);
  sm_alert_certificate *list = calloc(2, sizeof *list);
  assert_non_null(list);
  memcpy(list[0].device_id, "m1", 3);
  list[0].ends_ms = t0 + 10 * day;
  memcpy(list[1].subject, "broker", 7);
  list[1].ends_ms = t0 + 10 * day;
  sm_alert_watch_certificates(f->watch, list, 2);
  expect(f, open, 2);
  restart(f);
  list = calloc(1, sizeof *list);
  assert_non_null(list);
  memcpy(list[0].subject, "broker", 7);
  list[0].ends_ms = t0 + 300 * day;
  /* The meter's is gone, the broker's was renewed. */
  sm_alert_watch_certificates(f->watch, list, 1);
  expect(f, open, 0);
}

/* More than the queue holds at once: some are shed and counted, and nobody waits. */
static void too_much_is_shed_and_counted(void **state) {
  enum { MANY = 40000 };
  fixture *f = *state;
  sm_buf metrics;
  sm_reading_in *in = calloc(MANY, sizeof *in);
  assert_non_null(in);
  add(f, "m1");
  start(f);
  for (size_t i = 0; i < MANY; i++)
    in[i] = (sm_reading_in){.device_id = "m1",
                            .reading = {.ts_ms = t0 + (int64_t)i, .voltage_mv = 230000},
                            .verdict = SM_VERDICT_STORED};
  sm_readings_batch batch = {.readings = in, .reading_count = MANY};
  sm_alert_watch_take(f->watch, &batch);
  sm_alert_watch_stop(f->watch);
  sm_buf_init(&metrics, 0);
  sm_alert_watch_write_metrics(f->watch, &metrics);
  long long shed = 0;
  long long judged = 0;
  const char *at = strstr(sm_buf_text(&metrics), "\nsmartmeter_alerts_shed_total ");
  assert_non_null(at);
  assert_int_equal(sscanf(at, "\nsmartmeter_alerts_shed_total %lld", &shed), 1);
  at = strstr(sm_buf_text(&metrics), "\nsmartmeter_alerts_judged_total ");
  assert_int_equal(sscanf(at, "\nsmartmeter_alerts_judged_total %lld", &judged), 1);
  assert_int_equal(shed + judged, MANY);
  assert_true(shed >= MANY - 16384);
  sm_buf_fini(&metrics);
  free(in);
}

#define WITH_STORES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_STORES(a_restart_repeats_nothing_and_loses_nothing),
      WITH_STORES(a_register_that_fell_while_nobody_watched_is_seen),
      WITH_STORES(a_meter_that_died_with_the_server_is_silent),
      WITH_STORES(what_was_shed_does_not_make_a_meter_silent),
      WITH_STORES(a_meter_that_is_taken_away_has_no_alerts),
      WITH_STORES(a_threshold_holds_without_a_restart),
      WITH_STORES(certificates_are_watched_as_they_are_seen),
      WITH_STORES(too_much_is_shed_and_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
