#include "store/embedded/readings_test_util.h"

#include "base/crypto.h"
#include "store/mongo/mongo.h"
#include "store/mongo/test_mongo.h"
#include "store/postgres/postgres.h"
#include "store/postgres/test_server.h"
#include "store/series/column.h"
#include "store/series/reading_column.h"
#include "store/series/varint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const int64_t t0 = 1767225600000;

bool on_server(void) {
  return test_server_is_there() || test_mongo_is_there();
}

void only_embedded(void) {
  if (on_server()) skip();
}

static sm_err try_mongo(const sm_embedded_options *options, bool writer, sm_readings **store) {
  char url[TEST_MONGO_URL_MAX];
  const sm_mongo_options there = {.url = test_mongo_url(options->data_dir, url),
                                  .data_dir = options->data_dir,
                                  .raw_retention_days = options->raw_retention_days};
  return sm_mongo_readings_open(&there, writer, store);
}

void store_drop(const char *dir) {
  if (test_mongo_is_there()) test_mongo_drop(dir);
  if (test_server_is_there()) test_server_drop(dir);
}

sm_err store_try(const sm_embedded_options *options, bool writer, sm_readings **store) {
  char url[TEST_SERVER_URL_MAX];
  if (!on_server()) return sm_embedded_readings_open(options, writer, store);
  if (test_mongo_is_there()) return try_mongo(options, writer, store);
  (void)test_server_create(options->data_dir, "");
  const sm_postgres_options there = {.url = test_server_url(options->data_dir, url),
                                     .data_dir = options->data_dir,
                                     .raw_retention_days = options->raw_retention_days};
  return sm_postgres_readings_open(&there, writer, store);
}

sm_readings *store_open(const char *dir, bool writer) {
  const sm_embedded_options options = {.data_dir = dir};
  sm_readings *store = NULL;
  assert_int_equal(store_try(&options, writer, &store), SM_OK);
  return store;
}

int store_set_up(void **state) {
  store_fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  assert_int_equal(sm_crypto_init(), SM_OK);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-readings-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->options.data_dir = f->dir;
  f->store = store_open(f->dir, true);
  *state = f;
  return 0;
}

void store_dir_remove(const char *dir) {
  static const char *const names[] = {"readings.db",          "readings.db-wal",
                                      "readings.db-shm",      "readings.db.lock",
                                      "readings.db.format-1", "readings.mongodb-session"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)unlink(path);
  }
  assert_int_equal(rmdir(dir), 0);
}

int store_tear_down(void **state) {
  store_fixture *f = *state;
  sm_readings_close(f->store);
  store_drop(f->dir);
  store_dir_remove(f->dir);
  free(f);
  return 0;
}

void store_reopen(store_fixture *f) {
  sm_readings_close(f->store);
  f->store = NULL;
  assert_int_equal(store_try(&f->options, true, &f->store), SM_OK);
}

sm_reading make_reading(int64_t ts_ms, int64_t wh) {
  return (sm_reading){.ts_ms = ts_ms,
                      .energy_wh = wh,
                      .voltage_mv = 230000 + (int32_t)(wh % 977),
                      .current_ma = 1000,
                      .power_mw = 230000,
                      .has = SM_READING_RSSI | SM_READING_SEQ,
                      .rssi_dbm = -60,
                      .seq = (uint32_t)wh};
}

sm_err commit_all(sm_readings *store, sm_reading_in *in, size_t count) {
  sm_readings_batch batch = {.readings = in, .reading_count = count};
  return sm_readings_commit(store, &batch);
}

sm_verdict commit_one(sm_readings *store, const char *device_id, sm_reading r) {
  sm_reading_in in = {.device_id = device_id, .reading = r};
  assert_int_equal(commit_all(store, &in, 1), SM_OK);
  return in.verdict;
}

size_t count_raw(sm_readings *store, const char *device_id) {
  sm_reading_list list;
  assert_int_equal(sm_readings_raw(store, device_id, 0, 0, INT64_MAX / 2, SIZE_MAX, &list), SM_OK);
  for (size_t i = 1; i < list.count; i++) assert_true(list.item[i - 1].ts_ms < list.item[i].ts_ms);
  size_t count = list.count;
  sm_reading_list_fini(&list);
  return count;
}

size_t count_rejects(sm_readings *store) {
  sm_reject_list list;
  assert_int_equal(sm_readings_rejects(store, 0, INT64_MAX, 0, 1000, &list), SM_OK);
  size_t count = list.count;
  sm_reject_list_fini(&list);
  return count;
}

void seal_all(sm_readings *store) {
  assert_int_equal(sm_readings_maintain(store, true, NULL), SM_OK);
  sm_readings_stats stats;
  sm_readings_stats_get(store, &stats);
  assert_int_equal(stats.journal_readings, 0);
  assert_int_equal(stats.hot_bytes, 0);
}

int64_t file_i64(store_fixture *f, const char *sql) {
  int64_t value = 0;
  assert_int_equal(sm_sql_query_i64(f->store->db, sql, &value), SM_OK);
  return value;
}

void file_run(store_fixture *f, const char *sql) {
  assert_int_equal(sm_sql_exec(f->store->db, sql), SM_OK);
}

static void print_finding(void *context, const sm_readings_finding *finding) {
  (void)context;
  print_error("%s %lld %s: %s\n", finding->kind, (long long)finding->key, finding->device_id,
              finding->detail);
}

uint64_t check_sound(sm_readings *store) {
  sm_readings_check_result result;
  assert_int_equal(sm_readings_check(store, print_finding, NULL, NULL, &result), SM_OK);
  assert_int_equal(result.findings, 0);
  return result.readings;
}

static int64_t quarter_value(const sm_quarter *q, size_t column) {
  const int64_t value[] = {q->count,
                           q->first.ts_ms - q->start_ms,
                           q->last.ts_ms - q->first.ts_ms,
                           q->last.wh - q->first.wh,
                           q->first.wh,
                           q->power_sum_mw,
                           q->power_max_mw,
                           q->voltage_sum_mv,
                           q->voltage_min_mv,
                           q->voltage_max_mv,
                           q->gap_max_ms,
                           q->step_max_w,
                           q->fell};
  return value[column];
}

void quarters_encode_1(const sm_quarter *quarters, size_t count, sm_buf *out) {
  enum { COLUMNS = 13 };
  sm_column_work work;
  assert_int_equal(sm_column_work_init(&work, count), SM_OK);
  sm_buf_append_char(out, 1);
  sm_varint_put(out, count);
  sm_varint_put_signed(out, quarters[0].start_ms / SM_QUARTER_MS);
  for (size_t i = 0; i < count; i++)
    work.value[i] = (quarters[i].start_ms - quarters[0].start_ms) / SM_QUARTER_MS;
  sm_column_write(&work, count, 0, NULL, out);
  for (size_t c = 0; c < COLUMNS; c++) {
    for (size_t i = 0; i < count; i++) work.value[i] = quarter_value(&quarters[i], c);
    sm_column_write(&work, count, 0, NULL, out);
  }
  sm_crc_put(out, 0);
  sm_column_work_fini(&work);
}

void quarter_row_as_before(sm_readings *store, int64_t key) {
  sm_quarter_list list = {0};
  bool damaged = false;
  sm_buf body;
  sm_buf_init(&body, 0);
  assert_int_equal(sm_day_quarter_row(store, store->db, key >> DAY_BITS,
                                      key - sm_day_key(key >> DAY_BITS, 0), &list, &damaged),
                   SM_OK);
  assert_false(damaged);
  assert_true(list.count > 0);
  quarters_encode_1(list.item, list.count, &body);
  assert_int_equal(sm_row_write(store->db, DAMAGE_QUARTER, key, &body), SM_OK);
  sm_buf_fini(&body);
  sm_quarter_list_fini(&list);
}

uint64_t next_random(uint64_t *random) {
  *random = *random * 6364136223846793005U + 1442695040888963407U;
  return *random >> 33;
}

/* ---- the oracle ---- */

const char *oracle_name(size_t device) {
  static const char *const names[ORACLE_DEVICES] = {"a", "b", "meter-3", "meter-4", "m5", "m6"};
  return names[device];
}

sm_verdict oracle_take(oracle *o, size_t device, const sm_reading *r) {
  sm_run *run = &o->device[device];
  size_t at = sm_run_find(run, r->ts_ms);
  if (at < run->count && run->item[at].ts_ms == r->ts_ms)
    return sm_reading_equal(&run->item[at], r) ? SM_VERDICT_DUPLICATE : SM_VERDICT_CONFLICT;
  assert_int_equal(sm_run_reserve(run, 1), SM_OK);
  memmove(run->item + at + 1, run->item + at, (run->count - at) * sizeof *run->item);
  run->item[at] = *r;
  run->count++;
  return at + 1 == run->count ? SM_VERDICT_STORED : SM_VERDICT_LATE;
}

void oracle_fini(oracle *o) {
  for (size_t i = 0; i < ORACLE_DEVICES; i++) sm_run_fini(&o->device[i]);
}

static void compare_raw(const sm_run *run, const char *name, sm_readings *store, int64_t from_ms,
                        int64_t to_ms, size_t limit) {
  size_t first = sm_run_find(run, from_ms);
  size_t end = sm_run_find(run, to_ms);
  if (end > first && end - first > limit) end = first + limit;
  sm_reading_list list;
  assert_int_equal(sm_readings_raw(store, name, 0, from_ms, to_ms, limit, &list), SM_OK);
  assert_int_equal(list.count, end - first);
  for (size_t i = 0; i < list.count; i++) {
    assert_int_equal(list.item[i].ts_ms, run->item[first + i].ts_ms);
    assert_true(sm_reading_equal(&list.item[i], &run->item[first + i]));
  }
  sm_reading_list_fini(&list);
}

static void same_quarter(const sm_quarter *a, const sm_quarter *b) {
  assert_int_equal(a->start_ms, b->start_ms);
  assert_int_equal(a->first.ts_ms, b->first.ts_ms);
  assert_int_equal(a->first.wh, b->first.wh);
  assert_int_equal(a->last.ts_ms, b->last.ts_ms);
  assert_int_equal(a->last.wh, b->last.wh);
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->power_sum_mw, b->power_sum_mw);
  assert_int_equal(a->voltage_sum_mv, b->voltage_sum_mv);
  assert_int_equal(a->voltage_min_mv, b->voltage_min_mv);
  assert_int_equal(a->voltage_max_mv, b->voltage_max_mv);
  assert_int_equal(a->gap_max_ms, b->gap_max_ms);
  assert_int_equal(a->step_max_w, b->step_max_w);
  assert_int_equal(a->fell, b->fell);
}

static void compare_quarters(const sm_run *run, const char *name, sm_readings *store,
                             int64_t from_ms, int64_t to_ms, size_t limit) {
  sm_quarter *made = calloc(run->count + 1, sizeof *made);
  assert_non_null(made);
  size_t count = sm_quarters_of(run->item, run->count, made);
  sm_quarter_list list;
  assert_int_equal(sm_readings_quarters(store, name, 0, from_ms, to_ms, limit, &list), SM_OK);
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    if (made[i].start_ms < from_ms || made[i].start_ms >= to_ms || n == limit) continue;
    assert_true(n < list.count);
    same_quarter(&made[i], &list.item[n++]);
  }
  assert_int_equal(n, list.count);
  sm_quarter_list_fini(&list);
  free(made);
}

static void compare_ends(const sm_run *run, const char *name, sm_readings *store) {
  sm_reading last;
  int64_t first_ms;
  sm_err err = sm_readings_latest(store, name, 0, &last);
  assert_int_equal(err, run->count > 0 ? SM_OK : SM_ERR_NOT_FOUND);
  assert_int_equal(sm_readings_first_ms(store, name, 0, &first_ms), err);
  if (err != SM_OK) return;
  assert_true(sm_reading_equal(&last, &run->item[run->count - 1]));
  assert_int_equal(last.ts_ms, run->item[run->count - 1].ts_ms);
  assert_int_equal(first_ms, run->item[0].ts_ms);
}

void oracle_compare(const oracle *o, sm_readings *store, uint64_t *random) {
  for (size_t i = 0; i < ORACLE_DEVICES; i++) {
    const sm_run *run = &o->device[i];
    const char *name = oracle_name(i);
    compare_ends(run, name, store);
    compare_raw(run, name, store, 0, INT64_MAX, SIZE_MAX);
    compare_quarters(run, name, store, 0, INT64_MAX / 2, SIZE_MAX);
    if (run->count == 0) continue;
    int64_t span = run->item[run->count - 1].ts_ms - run->item[0].ts_ms + 2;
    int64_t from_ms = run->item[0].ts_ms + (int64_t)next_random(random) % span;
    int64_t to_ms = from_ms + (int64_t)next_random(random) % (span / 2 + 1);
    compare_raw(run, name, store, from_ms, to_ms, 1 + next_random(random) % 50);
    compare_raw(run, name, store, from_ms, to_ms, SIZE_MAX);
    compare_quarters(run, name, store, from_ms, to_ms, 1 + next_random(random) % 20);
  }
}
