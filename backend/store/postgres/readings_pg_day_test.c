/* Days that are over are one row each, and tell what their quarters do, whatever comes late. Runs
 * under tests/postgres/with_postgres. */
#include "base/crypto.h"
#include "store/postgres/postgres.h"
#include "store/postgres/test_server.h"
#include "store/series/quarter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

enum { DAYS = 12, STEP_MS = 400000, MOST = DAYS * 86400000 / STEP_MS + 10, LIMIT_W = 5000 };

static const int64_t t0 = 1767225600000; /* 2026-01-01 */
static const char device_id[] = "meter";

typedef struct fixture {
  char dir[64];
  sm_readings *store;
  sm_reading reading[MOST]; /* what is stored, ascending */
  size_t count;
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  char url[TEST_SERVER_URL_MAX];
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-days-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  (void)test_server_create(f->dir, "");
  const sm_postgres_options options = {.url = test_server_url(f->dir, url), .data_dir = f->dir};
  assert_int_equal(sm_postgres_readings_open(&options, true, &f->store), SM_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char lock[100];
  sm_readings_close(f->store);
  test_server_drop(f->dir);
  (void)snprintf(lock, sizeof lock, "%s/readings.db.lock", f->dir);
  (void)unlink(lock);
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

/* ---- what is stored ---- */

static void put(fixture *f, int64_t ts_ms, int64_t wh) {
  const sm_reading r = {
      .ts_ms = ts_ms, .energy_wh = wh, .voltage_mv = 230000, .power_mw = (int32_t)(wh % 1000)};
  sm_reading_in in = {.device_id = device_id, .reading = r};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  size_t at = f->count;
  assert_int_equal(sm_readings_commit(f->store, &batch), SM_OK);
  while (at > 0 && f->reading[at - 1].ts_ms > ts_ms) at--;
  memmove(&f->reading[at + 1], &f->reading[at], (f->count - at) * sizeof r);
  f->reading[at] = r;
  f->count++;
}

/* Twelve days, of which the seventh has nothing. */
static void put_days(fixture *f) {
  static sm_reading_in in[MOST];
  size_t n = 0;
  for (int64_t at = 0; at < DAYS * DAY_MS; at += STEP_MS) {
    if (at / DAY_MS == 6) continue;
    f->reading[n] = (sm_reading){
        .ts_ms = t0 + at, .energy_wh = at / 10000, .voltage_mv = 230000, .power_mw = 1000};
    in[n] = (sm_reading_in){.device_id = device_id, .reading = f->reading[n]};
    n++;
  }
  f->count = n;
  sm_readings_batch batch = {.readings = in, .reading_count = n};
  assert_int_equal(sm_readings_commit(f->store, &batch), SM_OK);
}

static void maintain(fixture *f) {
  assert_int_equal(sm_readings_maintain(f->store, true, NULL), SM_OK);
}

static int64_t rows(const fixture *f) {
  return test_server_i64(f->dir, "SELECT count(*) FROM smartmeter.quarter_day");
}

/* ---- what is told ---- */

static bool same(const sm_quarter *a, const sm_quarter *b) {
  return a->start_ms == b->start_ms && a->first.ts_ms == b->first.ts_ms &&
         a->first.wh == b->first.wh && a->last.ts_ms == b->last.ts_ms && a->last.wh == b->last.wh &&
         a->count == b->count && a->power_sum_mw == b->power_sum_mw &&
         a->power_max_mw == b->power_max_mw && a->voltage_sum_mv == b->voltage_sum_mv &&
         a->gap_max_ms == b->gap_max_ms && a->step_max_w == b->step_max_w && a->fell == b->fell;
}

static void expect(const fixture *f, int64_t from_ms, int64_t to_ms, size_t limit) {
  static sm_quarter made[MOST];
  sm_quarter_list told;
  size_t n = 0;
  size_t count = sm_quarters_of(f->reading, f->count, made);
  assert_int_equal(sm_readings_quarters(f->store, device_id, 0, from_ms, to_ms, limit, &told),
                   SM_OK);
  for (size_t i = 0; i < count && n < limit; i++) {
    if (made[i].start_ms < from_ms || made[i].start_ms >= to_ms) continue;
    assert_true(n < told.count);
    assert_true(same(&told.item[n], &made[i]));
    n++;
  }
  assert_int_equal(told.count, n);
  sm_quarter_list_fini(&told);
}

static void expect_all(const fixture *f) {
  expect(f, 0, INT64_MAX, SIZE_MAX);
  expect(f, t0 + 3 * DAY_MS / 2, t0 + 9 * DAY_MS / 2 + 1, SIZE_MAX); /* both ends cut a day */
  expect(f, t0 + DAY_MS / 3, INT64_MAX, 5);
  expect(f, t0 + 5 * DAY_MS + DAY_MS / 2, INT64_MAX, 200); /* across the day without any */
  expect(f, t0, t0 + 2 * DAY_MS, 0);
}

static void a_day_that_is_over_is_one_row(void **state) {
  fixture *f = *state;
  put_days(f);
  expect_all(f); /* all are due */
  assert_int_equal(rows(f), 0);
  maintain(f);
  assert_int_equal(rows(f), DAYS - 1);
  assert_int_equal(test_server_i64(f->dir, "SELECT count(*) FROM smartmeter.day_due"), 0);
  expect_all(f);
}

static void what_comes_late_is_in_it(void **state) {
  fixture *f = *state;
  put_days(f);
  maintain(f);
  put(f, t0 + 2 * DAY_MS + 12345, (2 * DAY_MS + 12345) / 10000);
  put(f, t0 + 6 * DAY_MS + 777, (6 * DAY_MS + 777) / 10000); /* where there was nothing */
  expect_all(f); /* two are due, in days that have their row */
  maintain(f);
  assert_int_equal(rows(f), DAYS);
  expect_all(f);
  sm_readings_check_result result;
  assert_int_equal(sm_readings_check(f->store, NULL, NULL, NULL, &result), SM_OK);
  assert_int_equal(result.findings, 0);
}

static void one_that_cannot_be_read_is_as_none(void **state) {
  fixture *f = *state;
  put_days(f);
  maintain(f);
  assert_int_equal(test_server_i64(f->dir, "WITH u AS (UPDATE smartmeter.quarter_day SET body = "
                                           "'\\x0203'::bytea WHERE day % 3 = 0 RETURNING 1) "
                                           "SELECT count(*) > 2 FROM u"),
                   1);
  expect_all(f);
}

/* ---- the outline ---- */

static size_t last_at(const sm_trace *trace, int64_t at_ms) {
  size_t i = 0;
  while (i + 1 < trace->count && trace->point[i + 1].ts_ms <= at_ms) i++;
  return i;
}

static bool outline_fits(const fixture *f) {
  int64_t instant_ms[DAYS - 1];
  sm_trace all = {0};
  sm_trace outline = {0};
  bool whole = false;
  for (size_t i = 0; i < DAYS - 1; i++) instant_ms[i] = t0 + (int64_t)i * DAY_MS + 66600000;
  const int64_t to_ms = instant_ms[DAYS - 2];
  assert_int_equal(
      sm_readings_trace(f->store, device_id, 0, instant_ms[0], to_ms, LIMIT_W, NULL, &all), SM_OK);
  assert_int_equal(sm_readings_outline(f->store, device_id, 0, instant_ms[0], to_ms, LIMIT_W,
                                       instant_ms, DAYS - 1, &outline, &whole),
                   SM_OK);
  assert_true(whole ? outline.count == all.count : outline.count < all.count);
  for (size_t i = 0; i < DAYS - 1; i++) {
    const sm_register_point *a = &all.point[last_at(&all, instant_ms[i])];
    const sm_register_point *b = &outline.point[last_at(&outline, instant_ms[i])];
    assert_int_equal(a[0].ts_ms, b[0].ts_ms);
    assert_int_equal(a[0].wh, b[0].wh);
    assert_int_equal(a[1].ts_ms, b[1].ts_ms);
    assert_int_equal(a[1].wh, b[1].wh);
  }
  sm_trace_fini(&all);
  sm_trace_fini(&outline);
  return !whole;
}

static void a_bill_reads_outlines_while_nothing_is_in_doubt(void **state) {
  fixture *f = *state;
  put_days(f);
  maintain(f);
  assert_true(outline_fits(f));
  put(f, t0 + 4 * DAY_MS + 12345, 0); /* it fell: due, then in the row of its day */
  assert_false(outline_fits(f));
  maintain(f);
  assert_false(outline_fits(f));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_day_that_is_over_is_one_row, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_comes_late_is_in_it, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_that_cannot_be_read_is_as_none, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_bill_reads_outlines_while_nothing_is_in_doubt, set_up,
                                      tear_down),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
