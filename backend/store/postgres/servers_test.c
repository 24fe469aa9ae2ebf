/* Two servers on one database: both write, nothing is there twice, and each tells what the other
 * has stored. Runs under tests/postgres/with_postgres. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/postgres/logins_pg.h"
#include "store/postgres/pg_sql.h"
#include "store/postgres/postgres.h"
#include "store/postgres/test_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERVERS = 2, DEVICES = 8, READINGS = 120, BATCH = 30 };

static const int64_t t0 = 1767225600000; /* 2026-01-01 */

typedef struct fixture {
  char dir[64];
  char data_dir[SERVERS][80]; /* each its own */
  char url[TEST_SERVER_URL_MAX];
  sm_readings *store[SERVERS];
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-servers-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  (void)test_server_create(f->dir, "");
  (void)test_server_url(f->dir, f->url);
  for (size_t i = 0; i < SERVERS; i++) {
    (void)snprintf(f->data_dir[i], sizeof f->data_dir[i], "%s/%zu", f->dir, i);
    assert_int_equal(mkdir(f->data_dir[i], 0700), 0);
    const sm_postgres_options options = {.url = f->url, .data_dir = f->data_dir[i]};
    assert_int_equal(sm_postgres_readings_open(&options, true, &f->store[i]), SM_OK);
  }
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  for (size_t i = 0; i < SERVERS; i++) {
    char lock[100];
    sm_readings_close(f->store[i]);
    (void)snprintf(lock, sizeof lock, "%s/readings.db.lock", f->data_dir[i]);
    (void)unlink(lock);
    assert_int_equal(rmdir(f->data_dir[i]), 0);
  }
  test_server_drop(f->dir);
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

static sm_reading reading_at(int64_t ts_ms, int64_t wh) {
  return (sm_reading){.ts_ms = ts_ms, .energy_wh = wh, .voltage_mv = 230000};
}

static sm_verdict put(sm_readings *store, const char *device_id, int64_t ts_ms, int64_t wh) {
  sm_reading_in in = {.device_id = device_id, .reading = reading_at(ts_ms, wh)};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  assert_int_equal(sm_readings_commit(store, &batch), SM_OK);
  return in.verdict;
}

/* Others are heard of within a tenth of a second. */
static sm_reading await_latest(sm_readings *store, const char *device_id, int64_t ts_ms) {
  sm_reading latest = {.ts_ms = -1};
  int64_t end_ms = sm_clock_steady_ms() + 10000;
  while (latest.ts_ms != ts_ms && sm_clock_steady_ms() < end_ms) {
    sm_err err = sm_readings_latest(store, device_id, 0, &latest);
    assert_true(err == SM_OK || err == SM_ERR_NOT_FOUND);
    (void)usleep(1000);
  }
  return latest;
}

static void each_tells_what_the_other_stores(void **state) {
  const fixture *f = *state;
  assert_int_equal(put(f->store[0], "a", t0, 10), SM_VERDICT_STORED);
  assert_int_equal(await_latest(f->store[1], "a", t0).energy_wh, 10);
  assert_int_equal(put(f->store[1], "a", t0 + 1000, 11), SM_VERDICT_STORED);
  assert_int_equal(await_latest(f->store[0], "a", t0 + 1000).energy_wh, 11);
  /* Judged by what is stored, not by what is remembered. */
  assert_int_equal(put(f->store[1], "a", t0 + 3000, 13), SM_VERDICT_STORED);
  assert_int_equal(put(f->store[0], "a", t0 + 2000, 12), SM_VERDICT_LATE);
  assert_int_equal(put(f->store[0], "a", t0 + 3000, 13), SM_VERDICT_DUPLICATE);
  assert_int_equal(put(f->store[0], "a", t0 + 3000, 14), SM_VERDICT_CONFLICT);
  assert_int_equal(put(f->store[1], "a", t0 - 1000, 9), SM_VERDICT_LATE);
  int64_t ms = 0;
  (void)put(f->store[1], "b", t0, 1); /* heard of together with what was before it */
  (void)await_latest(f->store[0], "b", t0);
  assert_int_equal(sm_readings_last_ms(f->store[0], &ms), SM_OK);
  assert_int_equal(ms, t0 + 3000);
  (void)put(f->store[0], "b", t0 + 1, 1);
  (void)await_latest(f->store[1], "b", t0 + 1);
  for (size_t i = 0; i < SERVERS; i++) {
    sm_reading_list raw;
    sm_quarter_list quarters;
    assert_int_equal(sm_readings_first_ms(f->store[i], "a", 0, &ms), SM_OK);
    assert_int_equal(ms, t0 - 1000);
    assert_int_equal(sm_readings_raw(f->store[i], "a", 0, 0, INT64_MAX, SIZE_MAX, &raw), SM_OK);
    assert_int_equal(raw.count, 5);
    sm_reading_list_fini(&raw);
    assert_int_equal(sm_readings_quarters(f->store[i], "a", 0, 0, INT64_MAX, SIZE_MAX, &quarters),
                     SM_OK);
    assert_int_equal(quarters.count, 2);
    sm_quarter_list_fini(&quarters);
  }
}

/* ---- at once ---- */

typedef struct worker {
  sm_readings *store;
  unsigned seed;
  uint64_t stored;
  uint32_t acked[DEVICES];
  bool failed;
} worker;

static void shuffle(unsigned *place, size_t count, unsigned *seed) {
  for (size_t i = count - 1; i > 0; i--) {
    size_t j = (size_t)rand_r(seed) % (i + 1);
    unsigned kept = place[i];
    place[i] = place[j];
    place[j] = kept;
  }
}

/* A deadlock or a busy lock is answered as the intake answers it: once more. */
static bool commit(worker *w, sm_readings_batch *batch) {
  sm_err err = SM_ERR_BUSY;
  for (int i = 0; err == SM_ERR_BUSY && i < 100; i++) err = sm_readings_commit(w->store, batch);
  return err == SM_OK;
}

static void note(worker *w, const sm_readings_batch *batch) {
  for (size_t i = 0; i < batch->reading_count; i++) {
    sm_verdict verdict = batch->readings[i].verdict;
    if (verdict == SM_VERDICT_STORED || verdict == SM_VERDICT_LATE)
      w->stored++;
    else if (verdict != SM_VERDICT_DUPLICATE)
      w->failed = true;
  }
  for (size_t i = 0; i < batch->ack_count; i++) {
    uint32_t *acked = &w->acked[batch->acks[i].device_id[1] - '0'];
    if (batch->acks[i].seq > *acked) *acked = batch->acks[i].seq;
  }
}

/* All readings of all devices, in an order of its own, over three months. */
static void *send_all(void *context) {
  static const char *const ids[DEVICES] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};
  worker *w = context;
  unsigned place[DEVICES * READINGS];
  for (unsigned i = 0; i < DEVICES * READINGS; i++) place[i] = i;
  shuffle(place, DEVICES * READINGS, &w->seed);
  for (size_t at = 0; at < DEVICES * READINGS && !w->failed; at += BATCH) {
    sm_reading_in in[BATCH];
    sm_ack acks[BATCH];
    sm_readings_batch batch = {.readings = in, .reading_count = BATCH, .acks = acks};
    for (size_t i = 0; i < BATCH; i++) {
      unsigned seq = place[at + i] % READINGS;
      in[i] = (sm_reading_in){
          .device_id = ids[place[at + i] / READINGS],
          .reading = reading_at(t0 + seq * INT64_C(86400000) * 3 / 4, seq),
          .mark = {.present = true, .has_first = true, .epoch = 1, .first = 1, .seq = seq + 1}};
    }
    if (!commit(w, &batch))
      w->failed = true;
    else
      note(w, &batch);
  }
  return NULL;
}

static void the_same_from_both_is_there_once(void **state) {
  const fixture *f = *state;
  worker workers[SERVERS];
  pthread_t threads[SERVERS];
  for (unsigned i = 0; i < SERVERS; i++) {
    workers[i] = (worker){.store = f->store[i], .seed = i + 1};
    assert_int_equal(pthread_create(&threads[i], NULL, send_all, &workers[i]), 0);
  }
  uint64_t stored = 0;
  for (size_t i = 0; i < SERVERS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(workers[i].failed);
    stored += workers[i].stored;
  }
  assert_int_equal(stored, DEVICES * READINGS);
  assert_int_equal(test_server_i64(f->dir, "SELECT count(*) FROM smartmeter.reading"),
                   DEVICES * READINGS);
  assert_int_equal(test_server_i64(f->dir, "SELECT count(*) FROM smartmeter.series"), DEVICES);
  for (size_t d = 0; d < DEVICES; d++) {
    uint32_t highest = 0; /* who settled the last gap has told it */
    for (size_t i = 0; i < SERVERS; i++)
      if (workers[i].acked[d] > highest) highest = workers[i].acked[d];
    assert_int_equal(highest, READINGS);
  }
}

typedef struct upkeep {
  sm_readings *store;
  atomic_bool over;
  atomic_bool failed;
} upkeep;

static void *maintain(void *context) {
  upkeep *u = context;
  while (!atomic_load(&u->over)) {
    sm_err err = sm_readings_maintain(u->store, true, NULL);
    if (err != SM_OK && err != SM_ERR_BUSY) atomic_store(&u->failed, true);
  }
  return NULL;
}

static void count_finding(void *context, const sm_readings_finding *finding) {
  (void)finding;
  ++*(size_t *)context;
}

/* Rows of quarters are made by one server while the other adds to the same quarters. */
static void quarters_know_all_of_their_readings(void **state) {
  const fixture *f = *state;
  enum { TIMES = 150 };
  upkeep u = {.store = f->store[1]};
  pthread_t thread;
  size_t findings = 0;
  sm_readings_check_result result;
  assert_int_equal(pthread_create(&thread, NULL, maintain, &u), 0);
  for (int64_t i = 0; i < TIMES; i++)
    (void)put(f->store[0], "q", t0 + i % 3 * 900000 + i * 1000, i);
  atomic_store(&u.over, true);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_false(atomic_load(&u.failed));
  assert_int_equal(sm_readings_maintain(f->store[0], true, NULL), SM_OK);
  assert_int_equal(test_server_i64(f->dir, "SELECT sum(count)::bigint FROM smartmeter.quarter"),
                   TIMES);
  assert_int_equal(sm_readings_check(f->store[0], count_finding, NULL, &findings, &result), SM_OK);
  assert_int_equal(findings, 0);
}

/* Who has not looked for longer than changes are noted reads all. */
/* As on a standby that took over without having heard of two meters, and gave their numbers to each
 * other: nothing goes to the wrong one. */
static void numbers_that_are_anothers_by_now_are_looked_up(void **state) {
  fixture *f = *state;
  assert_int_equal(put(f->store[0], "a", t0, 1000), SM_VERDICT_STORED);
  assert_int_equal(put(f->store[0], "b", t0, 2000), SM_VERDICT_STORED);
  assert_int_equal(put(f->store[0], "c", t0, 3000), SM_VERDICT_STORED);
  assert_int_equal(
      test_server_run(
          f->dir, "BEGIN; SET LOCAL search_path = smartmeter;"
                  "UPDATE series SET device_id = device_id || '-' WHERE device_id IN ('a', 'b');"
                  "UPDATE series SET device_id = CASE device_id WHEN 'a-' THEN 'b' ELSE 'a' END "
                  "WHERE device_id LIKE '%-';"
                  "DELETE FROM reading WHERE series_no = (SELECT series_no FROM series WHERE "
                  "device_id = 'c');"
                  "DELETE FROM series WHERE device_id = 'c'; COMMIT"),
      0);
  sm_reading_in in[3];
  static const char *const ids[] = {"a", "b", "c"};
  for (size_t i = 0; i < 3; i++)
    in[i] =
        (sm_reading_in){.device_id = ids[i], .reading = reading_at(t0 + 1000, 5000 + (int64_t)i)};
  sm_readings_batch batch = {.readings = in, .reading_count = 3};
  assert_int_equal(sm_readings_commit(f->store[0], &batch), SM_OK);
  for (size_t i = 0; i < 3; i++) {
    char sql[300];
    assert_int_equal(in[i].verdict, SM_VERDICT_STORED);
    (void)snprintf(sql, sizeof sql,
                   "SELECT energy_wh FROM smartmeter.reading r JOIN smartmeter.series s USING "
                   "(series_no) WHERE device_id = '%s' AND ts_ms = %lld",
                   ids[i], (long long)t0 + 1000);
    assert_int_equal(test_server_i64(f->dir, sql), 5000 + (int64_t)i);
  }
  /* And the next goes without asking. */
  assert_int_equal(put(f->store[0], "b", t0 + 2000, 6000), SM_VERDICT_STORED);
}

/* Its rows are locked, no time limit of the database ends that, and it may be stopped for hours. */
static void one_that_is_stopped_in_a_copy_is_not_waited_for(void **state) {
  fixture *f = *state;
  sm_sql *stuck = NULL;
  assert_int_equal(put(f->store[0], "a", t0, 1000), SM_VERDICT_STORED);
  const sm_pg_options options = {.url = f->url, .schema = "smartmeter", .lock_no = 2};
  assert_int_equal(sm_pg_open(&options, &stuck), SM_OK);
  assert_int_equal(sm_pg_begin_shared(stuck), SM_OK);
  assert_int_equal(sm_sql_exec(stuck, "SELECT 1 FROM series WHERE device_id = 'a' FOR UPDATE"),
                   SM_OK);
  PGresult *copy = PQexec(sm_pg_handle(stuck), "COPY reading FROM STDIN");
  assert_int_equal(PQresultStatus(copy), PGRES_COPY_IN);
  PQclear(copy);
  sm_reading_in in = {.device_id = "a", .reading = reading_at(t0 + 1000, 2000)};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  int64_t end_ms = sm_clock_steady_ms() + 120000;
  sm_err err = SM_ERR_BUSY;
  while (err == SM_ERR_BUSY && sm_clock_steady_ms() < end_ms)
    err = sm_readings_commit(f->store[0], &batch);
  assert_int_equal(err, SM_OK);
  sm_sql_close(stuck);
}

static void a_server_that_slept_hears_of_all(void **state) {
  const fixture *f = *state;
  (void)put(f->store[0], "a", t0, 1);
  (void)await_latest(f->store[1], "a", t0);
  (void)put(f->store[0], "a", t0 + 1000, 2);
  assert_int_equal(test_server_run(f->dir, "UPDATE smartmeter.series_change SET changed_at = "
                                           "changed_at - interval '1 hour'"),
                   0);
  assert_int_equal(sm_readings_maintain(f->store[0], true, NULL), SM_OK);
  assert_int_equal(test_server_i64(f->dir, "SELECT count(*) FROM smartmeter.series_change"), 0);
  assert_int_equal(await_latest(f->store[1], "a", t0 + 1000).energy_wh, 2);
}

/* ---- tries of logins ---- */

static void tries_are_counted_for_all_servers(void **state) {
  const fixture *f = *state;
  enum { BURST = 5, HOUR_MS = 3600000 };
  const sm_pg_bucket both[] = {{.tag = UINT64_MAX - 1, .burst = BURST, .refill_ms = HOUR_MS},
                               {.tag = 7, .burst = 2 * BURST, .refill_ms = HOUR_MS}};
  sm_pg_logins *logins[SERVERS];
  int64_t wait_ms = -1;
  for (size_t i = 0; i < SERVERS; i++)
    assert_int_equal(sm_pg_logins_new(f->url, &logins[i]), SM_OK);
  for (size_t i = 0; i < BURST; i++) {
    assert_int_equal(sm_pg_logins_take(logins[i % SERVERS], both, 2, &wait_ms), SM_OK);
    assert_int_equal(wait_ms, 0);
  }
  for (size_t i = 0; i < SERVERS; i++) { /* the first is empty, so nothing is taken of the second */
    assert_int_equal(sm_pg_logins_take(logins[i], both, 2, &wait_ms), SM_OK);
    assert_true(wait_ms > HOUR_MS / 2 && wait_ms <= HOUR_MS);
  }
  for (size_t i = 0; i < BURST; i++) {
    assert_int_equal(sm_pg_logins_take(logins[i % SERVERS], &both[1], 1, &wait_ms), SM_OK);
    assert_int_equal(wait_ms, 0);
  }
  assert_int_equal(sm_pg_logins_take(logins[0], &both[1], 1, &wait_ms), SM_OK);
  assert_true(wait_ms > 0);
  assert_int_equal(sm_pg_logins_give(logins[1], &both[1], 1), SM_OK);
  assert_int_equal(sm_pg_logins_take(logins[0], &both[1], 1, &wait_ms), SM_OK);
  assert_int_equal(wait_ms, 0);

  bool known = true;
  assert_int_equal(sm_pg_logins_known(logins[0], both[0].tag, HOUR_MS, &known), SM_OK);
  assert_false(known);
  assert_int_equal(sm_pg_logins_know(logins[1], both[0].tag), SM_OK);
  assert_int_equal(sm_pg_logins_known(logins[0], both[0].tag, HOUR_MS, &known), SM_OK);
  assert_true(known);
  assert_int_equal(sm_pg_logins_known(logins[0], both[0].tag, -HOUR_MS, &known), SM_OK);
  assert_false(known);
  for (size_t i = 0; i < SERVERS; i++) sm_pg_logins_free(logins[i]);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(each_tells_what_the_other_stores),
      T(the_same_from_both_is_there_once),
      T(quarters_know_all_of_their_readings),
      T(a_server_that_slept_hears_of_all),
      T(numbers_that_are_anothers_by_now_are_looked_up),
      T(one_that_is_stopped_in_a_copy_is_not_waited_for),
      T(tries_are_counted_for_all_servers),
  };
  if (!test_server_is_there() || sm_crypto_init() != SM_OK) {
    (void)fprintf(stderr, "run me under tests/postgres/with_postgres\n");
    return 1;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
