#include "invoicing/invoicing_test_kit.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "model/tariff.h"
#include "store/embedded/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

const sm_actor tester = {.id = "cli"};

int64_t ms(const char *time) {
  int64_t out = 0;
  assert_int_equal(sm_rfc3339_parse(time, strlen(time), &out), SM_OK);
  return out;
}

void add_tariff(fixture *f, const char *json) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  int32_t version = 0;
  if (sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems) != SM_OK)
    fail_msg("%s: %s", problems.item[0].field, problems.item[0].message);
  assert_int_equal(sm_ledger_tariff_add(f->ledger, tester, tariff->name, tariff->effective_from,
                                        json, false, &version),
                   SM_OK);
  sm_tariff_free(tariff);
}

int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-invoicing-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  sm_log_set_level(SM_LOG_WARN);
  assert_int_equal(sm_crypto_init(), SM_OK);
  sm_embedded_options options = {.data_dir = f->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  assert_int_equal(sm_zone_new("Asia/Kolkata", &f->zone), SM_OK);
  assert_int_equal(sm_embedded_ledger_open(&options, &f->ledger), SM_OK);
  assert_int_equal(sm_embedded_readings_open(&options, true, &f->readings), SM_OK);
  sm_invoicing_settings_default("INR", &f->settings);
  f->invoicing = (sm_invoicing){.ledger = f->ledger,
                                .readings = f->readings,
                                .zone = f->zone,
                                .currency = "INR",
                                .settings = &f->settings};
  add_tariff(f, sm_tariff_default_json());
  *state = f;
  return 0;
}

static void remove_files(const char *dir) {
  DIR *open = opendir(dir);
  assert_non_null(open);
  for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    if (entry->d_name[0] != '.') (void)unlink(path);
  }
  closedir(open);
  (void)rmdir(dir);
}

int tear_down(void **state) {
  fixture *f = *state;
  sm_readings_close(f->readings);
  sm_ledger_close(f->ledger);
  sm_zone_free(f->zone);
  remove_files(f->dir);
  free(f);
  return 0;
}

char *add_user(fixture *f, uint8_t mark) {
  sm_user user = {.role = SM_ROLE_CONSUMER, .created_ms = 1};
  memset(user.email_hash, mark, sizeof user.email_hash);
  user.email_sealed.data = malloc(1);
  user.name_sealed.data = malloc(1);
  assert_non_null(user.email_sealed.data);
  assert_non_null(user.name_sealed.data);
  user.email_sealed.data[0] = mark;
  user.name_sealed.data[0] = mark;
  user.email_sealed.len = user.name_sealed.len = 1;
  assert_int_equal(sm_ledger_user_add(f->ledger, tester, &user), SM_OK);
  char *id = strdup(user.user_id);
  assert_non_null(id);
  sm_user_fini(&user);
  return id;
}

void add_device(fixture *f, const char *device_id, const char *owner) {
  sm_device_new device = {.device_id = device_id, .owner_user_id = owner};
  assert_int_equal(sm_ledger_device_add(f->ledger, tester, &device), SM_OK);
}

void feed(fixture *f, const char *device_id, const char *from, const char *to, int64_t step_s,
          int64_t start_wh, int64_t use_wh) {
  static sm_reading_in batch[KIT_BATCH];
  int64_t begin = ms(from), end = ms(to);
  size_t count = 0;
  for (int64_t at = begin; at <= end; at += step_s * 1000) {
    batch[count++] = (sm_reading_in){
        .device_id = device_id,
        .reading = {.ts_ms = at,
                    .energy_wh =
                        start_wh + (end > begin ? use_wh * (at - begin) / (end - begin) : 0),
                    .voltage_mv = 230000}};
    if (count < KIT_BATCH && at + step_s * 1000 <= end) continue;
    assert_int_equal(sm_readings_commit(f->readings, &(sm_readings_batch){.readings = batch,
                                                                          .reading_count = count}),
                     SM_OK);
    count = 0;
  }
  assert_int_equal(sm_readings_maintain(f->readings, true, NULL), SM_OK);
}

char *add_example(fixture *f, const char *device_id, uint8_t mark) {
  char *owner = add_user(f, mark);
  add_device(f, device_id, owner);
  feed(f, device_id, "2025-12-31T00:00:00+05:30", "2026-01-01T00:00:00+05:30", 600, 990000, 10000);
  feed(f, device_id, "2026-01-01T00:10:00+05:30", "2026-02-01T00:00:00+05:30", 600, 1000078,
       349922);
  feed(f, device_id, "2026-02-01T00:10:00+05:30", "2026-02-02T00:00:00+05:30", 600, 1350050, 5000);
  return owner;
}

sm_invoicing_query january(const char *device_id) {
  return (sm_invoicing_query){
      .device_id = device_id, .year = 2026, .month = 1, .now_ms = ms("2026-02-02T08:00:00+05:30")};
}
