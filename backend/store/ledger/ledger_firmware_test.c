/* Firmware in the ledger: releases, their stages, and what meters say. */
#include "base/crypto.h"
#include "store/ledger/ledger_test_util.h"
#include "store/ledger_files.h"
#include "store/ledger_firmware.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static const int64_t t0 = 1769679900000;
enum { FLEET = 20, IMAGE_BYTES = 1000 };

/* Each version has an image of its own; it stays as it is until the next call. */
static const char *image_of(const char *version) {
  static char image[IMAGE_BYTES];
  memset(image, 7, sizeof image);
  memcpy(image, version, strlen(version));
  return image;
}

static void name_image(const char *image, char sha256[65]) {
  uint8_t digest[SM_SHA256_BYTES];
  sm_sha256(image, IMAGE_BYTES, digest);
  (void)sm_hex(digest, sizeof digest, sha256);
}

static sm_release make_release(const char *version, uint32_t counter, const char *cohort) {
  sm_release r = {
      .counter = counter,
      .from_counter = 1,
      .size = IMAGE_BYTES,
      .expires_ms = t0 + 1000000,
      .manifest = "{}",
      .manifest_len = 2,
      .signature = "s",
      .signature_len = 1,
      .rule = {
          .stage = {1, 50, 100}, .stages = 3, .share = 90, .failed = 10, .least = 5, .hold_ms = 0}};
  (void)snprintf(r.product, sizeof r.product, "smartmeter");
  (void)snprintf(r.hardware, sizeof r.hardware, "posix");
  (void)snprintf(r.version, sizeof r.version, "%s", version);
  (void)snprintf(r.cohort, sizeof r.cohort, "%s", cohort);
  (void)snprintf(r.key_id, sizeof r.key_id, "60303ae22b998861");
  name_image(image_of(version), r.sha256);
  return r;
}

static sm_err put(sm_ledger *ledger, sm_release *r) {
  return sm_ledger_firmware_publish(ledger, tester, r, image_of(r->version), t0);
}

static int64_t publish(sm_ledger *ledger, const char *version, uint32_t counter,
                       const char *cohort) {
  sm_release r = make_release(version, counter, cohort);
  assert_int_equal(put(ledger, &r), SM_OK);
  assert_string_equal(r.state, "active");
  return r.release_no;
}

static const char *id_of(int i) {
  static char id[16];
  (void)snprintf(id, sizeof id, "m%02d", i);
  return id;
}

static sm_firmware_said said(const char *device_id, const char *version, uint32_t counter) {
  sm_firmware_said s = {.fresh = true, .at_ms = t0, .report = {.counter = counter}};
  (void)snprintf(s.device_id, sizeof s.device_id, "%s", device_id);
  (void)snprintf(s.report.product, sizeof s.report.product, "smartmeter");
  (void)snprintf(s.report.hardware, sizeof s.report.hardware, "posix");
  (void)snprintf(s.report.version, sizeof s.report.version, "%s", version);
  return s;
}

static bool hear(sm_ledger *ledger, const sm_firmware_said *s) {
  bool changed = false;
  assert_int_equal(sm_ledger_firmware_said(ledger, s, 1, &changed), SM_OK);
  return changed;
}

/* A meter that runs 1.0 says what became of an offer. */
static void answer(sm_ledger *ledger, const char *device_id, const char *version, uint32_t counter,
                   sm_firmware_result result) {
  bool runs = result == SM_FIRMWARE_CONFIRMED;
  sm_firmware_said s = said(device_id, runs ? version : "1.0", runs ? counter : 1);
  s.report.has_offer = true;
  (void)snprintf(s.report.offer_version, sizeof s.report.offer_version, "%s", version);
  s.report.offer_counter = counter;
  s.report.result = result;
  (void)hear(ledger, &s);
}

static void make_fleet(sm_ledger *ledger) {
  for (int i = 0; i < FLEET; i++) {
    add_device(ledger, id_of(i), NULL);
    sm_firmware_said s = said(id_of(i), "1.0", 1);
    assert_true(hear(ledger, &s));
  }
}

static size_t step(sm_ledger *ledger, int64_t now_ms, sm_firmware_event *first) {
  sm_firmware_event events[SM_FIRMWARE_EVENTS_MAX];
  size_t count = 0;
  assert_int_equal(sm_ledger_firmware_step(ledger, now_ms, events, &count), SM_OK);
  if (count > 0 && first != NULL) *first = events[0];
  return count;
}

static sm_release get(sm_ledger *ledger, int64_t no) {
  sm_release r;
  assert_int_equal(sm_ledger_release(ledger, no, &r), SM_OK);
  return r;
}

/* Those of a phase answer alike; how many. */
static size_t answer_all(sm_ledger *ledger, int64_t no, sm_firmware_result result, size_t most) {
  const sm_firmware_phase offered = SM_FIRMWARE_OFFERED;
  sm_release_device *list = NULL;
  size_t count = 0;
  sm_release r = get(ledger, no);
  assert_int_equal(sm_ledger_release_devices(ledger, no, &offered, 0, most, &list, &count), SM_OK);
  for (size_t i = 0; i < count; i++)
    answer(ledger, list[i].device_id, r.version, r.counter, result);
  free(list);
  return count;
}

static size_t untold(sm_ledger *ledger, sm_firmware_offer offers[FLEET]) {
  size_t count = 0;
  assert_int_equal(sm_ledger_firmware_untold(ledger, offers, FLEET, &count), SM_OK);
  return count;
}

static void a_release_goes_out_stage_by_stage(void **state) {
  ledger_fixture *f = *state;
  sm_firmware_offer offers[FLEET];
  make_fleet(f->ledger);
  int64_t no = publish(f->ledger, "1.1", 2, "all");
  assert_int_equal(untold(f->ledger, offers), 0);
  assert_int_equal(step(f->ledger, t0, NULL), 0);
  /* One of twenty in any case. */
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_OFFERED], 1);
  assert_int_equal(untold(f->ledger, offers), 1);
  assert_true(offers[0].release_no == no);
  assert_int_equal(sm_ledger_firmware_told(f->ledger, offers, 1, t0), SM_OK);
  assert_int_equal(untold(f->ledger, offers), 0);
  assert_int_equal(step(f->ledger, t0, NULL), 0);
  ledger_reopen(f);
  assert_int_equal(answer_all(f->ledger, no, SM_FIRMWARE_TAKEN, 99), 1);
  assert_int_equal(step(f->ledger, t0, NULL), 0);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_UNDER_WAY], 1);
  sm_release_device *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_release_devices(f->ledger, no, NULL, 0, 99, &list, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_string_equal(list[0].result, "taken");
  answer(f->ledger, list[0].device_id, "1.1", 2, SM_FIRMWARE_CONFIRMED);
  free(list);
  sm_firmware_event event;
  assert_int_equal(step(f->ledger, t0 + 5, &event), 1);
  assert_string_equal(event.what, "stage");
  assert_int_equal(event.stage_percent, 50);
  sm_release r = get(f->ledger, no);
  assert_int_equal(r.stage, 1);
  assert_true(r.stage_ms == t0 + 5);
  assert_in_range(r.phase[SM_FIRMWARE_OFFERED], 3, 17);
  /* What is confirmed is taken back, what is new is told. */
  assert_int_equal(untold(f->ledger, offers), r.phase[SM_FIRMWARE_OFFERED] + 1);
  (void)answer_all(f->ledger, no, SM_FIRMWARE_CONFIRMED, 99);
  assert_int_equal(step(f->ledger, t0 + 6, &event), 1);
  assert_int_equal(event.stage_percent, 100);
  (void)answer_all(f->ledger, no, SM_FIRMWARE_CONFIRMED, 99);
  assert_int_equal(step(f->ledger, t0 + 7, NULL), 0);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_RUNS], FLEET);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'firmware.stage'"),
                   2);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'firmware.publish'"),
                   1);
  /* A meter that comes later is offered it too. */
  add_device(f->ledger, "late", NULL);
  sm_firmware_said s = said("late", "1.0", 1);
  (void)hear(f->ledger, &s);
  (void)step(f->ledger, t0 + 8, NULL);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_OFFERED], 1);
}

static void failures_halt_it(void **state) {
  ledger_fixture *f = *state;
  sm_firmware_offer offers[FLEET];
  make_fleet(f->ledger);
  int64_t no = publish(f->ledger, "1.1", 2, "all");
  (void)step(f->ledger, t0, NULL);
  (void)answer_all(f->ledger, no, SM_FIRMWARE_CONFIRMED, 99);
  (void)step(f->ledger, t0, NULL);
  assert_int_equal(answer_all(f->ledger, no, SM_FIRMWARE_FAILED, 1), 1);
  assert_int_equal(step(f->ledger, t0, NULL), 0); /* two are judged, five are needed */
  assert_int_equal(answer_all(f->ledger, no, SM_FIRMWARE_BAD_SIGNATURE, 3), 3);
  sm_firmware_event event;
  assert_int_equal(step(f->ledger, t0, &event), 1);
  assert_string_equal(event.what, "halted");
  assert_string_equal(event.reason, "4 of 5 meters failed, more than 10 %");
  sm_release r = get(f->ledger, no);
  assert_string_equal(r.state, "halted");
  assert_string_equal(r.reason, event.reason);
  /* Nothing is on offer any more. */
  size_t count = untold(f->ledger, offers);
  for (size_t i = 0; i < count; i++) assert_true(offers[i].release_no == 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM device_firmware WHERE wanted_no <> 0"), 0);
  assert_int_equal(step(f->ledger, t0 + 1, NULL), 0);
  /* By hand it goes on, and what failed before counts no more. */
  assert_int_equal(sm_ledger_firmware_resume(f->ledger, tester, no, t0 + 10), SM_OK);
  assert_int_equal(step(f->ledger, t0 + 11, NULL), 0);
  assert_string_equal(get(f->ledger, no).state, "active");
  assert_true(raw_i64(f->dir, "SELECT count(*) FROM device_firmware WHERE wanted_no <> 0") > 0);
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, tester, no, "by hand", t0 + 12), SM_OK);
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, tester, no, "again", t0 + 13), SM_OK);
  assert_string_equal(get(f->ledger, no).reason, "by hand");
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, tester, no, "", t0), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, tester, 99, "x", t0), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_firmware_resume(f->ledger, tester, 99, t0), SM_ERR_NOT_FOUND);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'firmware.halt'"), 2);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'firmware.resume'"),
                   1);
}

static void only_who_it_is_for_is_offered_it(void **state) {
  ledger_fixture *f = *state;
  static const char *const ids[] = {"fits",   "other_hw", "newer",  "has_it",
                                    "before", "revoked",  "silent", "pilot"};
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    add_device(f->ledger, ids[i], NULL);
    sm_firmware_said s = said(ids[i], "1.0", 1);
    if (strcmp(ids[i], "other_hw") == 0) s.report.hardware[0] = 'P';
    if (strcmp(ids[i], "newer") == 0) s.report.counter = 3;
    if (strcmp(ids[i], "has_it") == 0) s = said(ids[i], "1.1", 2);
    if (strcmp(ids[i], "before") == 0) s.report.counter = 0;
    if (strcmp(ids[i], "silent") != 0) (void)hear(f->ledger, &s);
  }
  assert_int_equal(sm_ledger_device_revoke(f->ledger, tester, "revoked"), SM_OK);
  const sm_device_change change = {.device_id = "pilot", .cohort = "pilots"};
  assert_int_equal(sm_ledger_device_change(f->ledger, tester, &change), SM_OK);
  sm_device device;
  assert_int_equal(sm_ledger_device(f->ledger, "pilot", &device), SM_OK);
  assert_string_equal(device.cohort, "pilots");
  sm_device_fini(&device);
  sm_release r = make_release("1.1", 2, "pilots");
  r.rule.stage[0] = 100;
  r.rule.stages = 1;
  assert_int_equal(put(f->ledger, &r), SM_OK);
  (void)step(f->ledger, t0, NULL);
  sm_release_device *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_release_devices(f->ledger, r.release_no, NULL, 0, 99, &list, &count),
                   SM_OK);
  assert_int_equal(count, 1);
  assert_string_equal(list[0].device_id, "pilot");
  free(list);
  sm_release all = make_release("1.1", 2, "all");
  all.rule = r.rule;
  assert_int_equal(put(f->ledger, &all), SM_OK);
  (void)step(f->ledger, t0, NULL);
  assert_int_equal(sm_ledger_release_devices(f->ledger, all.release_no, NULL, 0, 99, &list, &count),
                   SM_OK);
  assert_int_equal(count, 2); /* the pilot too: "all" are all */
  assert_string_equal(list[0].device_id, "fits");
  assert_string_equal(list[1].device_id, "pilot");
  free(list);
  assert_int_equal(sm_ledger_release_devices(f->ledger, 99, NULL, 0, 99, &list, &count),
                   SM_ERR_NOT_FOUND);
}

static void a_release_takes_the_place_of_the_one_before(void **state) {
  ledger_fixture *f = *state;
  make_fleet(f->ledger);
  int64_t first = publish(f->ledger, "1.1", 2, "all");
  sm_release same = make_release("1.1", 2, "all");
  assert_int_equal(put(f->ledger, &same), SM_ERR_EXISTS);
  sm_release other = make_release("1.1", 2, "all");
  name_image(image_of("other"), other.sha256);
  assert_int_equal(sm_ledger_firmware_publish(f->ledger, tester, &other, image_of("other"), t0),
                   SM_ERR_CONFLICT);
  sm_release older = make_release("1.2", 1, "all");
  assert_int_equal(put(f->ledger, &older), SM_ERR_RANGE);
  (void)step(f->ledger, t0, NULL);
  int64_t second = publish(f->ledger, "1.2", 3, "all");
  assert_string_equal(get(f->ledger, first).state, "superseded");
  (void)step(f->ledger, t0, NULL);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM device_firmware WHERE wanted_no = 1"), 0);
  assert_int_equal(sm_ledger_firmware_resume(f->ledger, tester, first, t0), SM_ERR_CONFLICT);
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, tester, first, "x", t0), SM_ERR_CONFLICT);
  sm_release *list = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_releases(f->ledger, first, 99, &list, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_true(list[0].release_no == second);
  assert_memory_equal(list[0].manifest, "{}", 2);
  free(list);
  sm_firmware_event event;
  assert_int_equal(step(f->ledger, t0 + 1000000, &event), 1);
  assert_string_equal(event.what, "expired");
  assert_string_equal(get(f->ledger, second).state, "expired");
  /* What is over is no hindrance. */
  sm_release again = make_release("1.2", 3, "all");
  assert_int_equal(put(f->ledger, &again), SM_OK);
  bool known = false;
  assert_int_equal(sm_ledger_firmware_image(f->ledger, again.sha256, &known), SM_OK);
  assert_true(known);
  assert_int_equal(raw_run(f->dir, "DELETE FROM firmware"), SQLITE_CONSTRAINT);
  assert_int_equal(raw_run(f->dir, "UPDATE firmware SET sha256 = 'a'"), SQLITE_CONSTRAINT);
}

static void nothing_is_published_without_its_image(void **state) {
  ledger_fixture *f = *state;
  bool known = true;
  sm_release r = make_release("1.1", 2, "all");
  assert_int_equal(sm_ledger_firmware_publish(f->ledger, tester, &r, image_of("1.2"), t0),
                   SM_ERR_INVALID);
  r.size = IMAGE_BYTES - 1;
  assert_int_equal(put(f->ledger, &r), SM_ERR_INVALID);
  r.size = 0;
  assert_int_equal(put(f->ledger, &r), SM_ERR_INVALID);
  r.size = UINT32_MAX;
  assert_int_equal(put(f->ledger, &r), SM_ERR_INVALID);
  assert_int_equal(sm_ledger_file_known(f->ledger, SM_FILE_FIRMWARE, r.sha256, &known), SM_OK);
  assert_false(known);
  (void)publish(f->ledger, "1.1", 2, "all");
  uint8_t *image = NULL;
  size_t len = 0;
  assert_int_equal(sm_ledger_file_get(f->ledger, SM_FILE_FIRMWARE, r.sha256, &image, &len), SM_OK);
  assert_int_equal(len, IMAGE_BYTES);
  assert_memory_equal(image, image_of("1.1"), len);
  free(image);
  /* What is refused leaves nothing. */
  sm_release older = make_release("1.0", 1, "all");
  assert_int_equal(put(f->ledger, &older), SM_ERR_RANGE);
  assert_int_equal(sm_ledger_file_known(f->ledger, SM_FILE_FIRMWARE, older.sha256, &known), SM_OK);
  assert_false(known);
  /* The same image for another cohort is there once. */
  (void)publish(f->ledger, "1.1", 2, "pilots");
}

static void what_a_meter_says_is_kept_once(void **state) {
  ledger_fixture *f = *state;
  sm_device_firmware got;
  add_device(f->ledger, "a", NULL);
  assert_int_equal(sm_ledger_device_firmware(f->ledger, "a", &got), SM_ERR_NOT_FOUND);
  sm_firmware_said s = said("a", "1.0", 1);
  assert_true(hear(f->ledger, &s));
  assert_false(hear(f->ledger, &s));
  s.at_ms = t0 + 9;
  s.fresh = false;
  assert_false(hear(f->ledger, &s)); /* the broker's copy is no sign of life */
  assert_int_equal(sm_ledger_device_firmware(f->ledger, "a", &got), SM_OK);
  assert_true(got.seen_ms == t0);
  s.fresh = true;
  assert_false(hear(f->ledger, &s));
  assert_int_equal(sm_ledger_device_firmware(f->ledger, "a", &got), SM_OK);
  assert_true(got.seen_ms == t0 + 9);
  assert_false(got.report.has_offer);
  s.report.has_offer = true;
  (void)snprintf(s.report.offer_version, sizeof s.report.offer_version, "9");
  s.report.result = SM_FIRMWARE_MALFORMED;
  s.report.state = SM_FIRMWARE_TRIAL;
  assert_true(hear(f->ledger, &s));
  assert_int_equal(sm_ledger_device_firmware(f->ledger, "a", &got), SM_OK);
  assert_true(got.report.has_offer);
  assert_int_equal(got.report.result, SM_FIRMWARE_MALFORMED);
  assert_int_equal(got.report.state, SM_FIRMWARE_TRIAL);
  sm_firmware_said nobody = said("nobody", "1.0", 1);
  assert_false(hear(f->ledger, &nobody));
}

static void on_trial_it_is_not_confirmed(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  sm_firmware_said s = said("a", "1.0", 1);
  (void)hear(f->ledger, &s);
  int64_t no = publish(f->ledger, "1.1", 2, "all");
  (void)step(f->ledger, t0, NULL);
  s = said("a", "1.1", 2);
  s.report.state = SM_FIRMWARE_TRIAL;
  (void)hear(f->ledger, &s);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_OFFERED], 1);
  s.report.state = SM_FIRMWARE_IDLE;
  (void)hear(f->ledger, &s);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_RUNS], 1);
}

static void what_cannot_be_read_is_what_is_on_offer(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "a", NULL);
  sm_firmware_said s = said("a", "1.0", 1);
  (void)hear(f->ledger, &s);
  answer(f->ledger, "a", "unknown", 0, SM_FIRMWARE_MALFORMED); /* nothing is */
  int64_t no = publish(f->ledger, "1.1", 2, "all");
  (void)step(f->ledger, t0, NULL);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_OFFERED], 1);
  answer(f->ledger, "a", "unknown", 0, SM_FIRMWARE_BAD_SIGNATURE);
  assert_int_equal(get(f->ledger, no).phase[SM_FIRMWARE_FAULTY], 1);
}

static void what_the_broker_holds_can_be_forgotten(void **state) {
  ledger_fixture *f = *state;
  sm_firmware_offer offers[FLEET];
  int64_t before = 0;
  int64_t after = 0;
  make_fleet(f->ledger);
  assert_int_equal(sm_ledger_firmware_version(f->ledger, &before), SM_OK);
  (void)publish(f->ledger, "1.1", 2, "all");
  assert_int_equal(sm_ledger_firmware_version(f->ledger, &after), SM_OK);
  assert_true(before != after);
  (void)step(f->ledger, t0, NULL);
  size_t count = untold(f->ledger, offers);
  assert_int_equal(sm_ledger_firmware_told(f->ledger, offers, count, t0), SM_OK);
  sm_firmware_figures figures;
  assert_int_equal(sm_ledger_firmware_figures(f->ledger, &figures), SM_OK);
  assert_int_equal(figures.active, 1);
  assert_int_equal(figures.untold, 0);
  assert_int_equal(figures.phase[SM_FIRMWARE_OFFERED], count);
  assert_int_equal(sm_ledger_firmware_forget(f->ledger, t0 + 1), SM_OK);
  assert_int_equal(untold(f->ledger, offers), count);
  /* What was taken back lately may be there again. */
  assert_int_equal(sm_ledger_firmware_halt(f->ledger, tester, 1, "x", t0), SM_OK);
  assert_int_equal(untold(f->ledger, offers), count);
  assert_true(offers[0].release_no == 0);
  assert_int_equal(sm_ledger_firmware_told(f->ledger, offers, count, t0), SM_OK);
  assert_int_equal(untold(f->ledger, offers), 0);
  assert_int_equal(sm_ledger_firmware_forget(f->ledger, t0 + 1), SM_OK);
  assert_int_equal(untold(f->ledger, offers), 0);
  assert_int_equal(sm_ledger_firmware_forget(f->ledger, t0), SM_OK);
  assert_int_equal(untold(f->ledger, offers), count);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)
  const struct CMUnitTest tests[] = {
      CASE(a_release_goes_out_stage_by_stage),
      CASE(failures_halt_it),
      CASE(only_who_it_is_for_is_offered_it),
      CASE(a_release_takes_the_place_of_the_one_before),
      CASE(nothing_is_published_without_its_image),
      CASE(what_a_meter_says_is_kept_once),
      CASE(on_trial_it_is_not_confirmed),
      CASE(what_cannot_be_read_is_what_is_on_offer),
      CASE(what_the_broker_holds_can_be_forgotten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
