/* What SQLite may do in the middle of the store's work: roll back by itself, refuse to begin, fail
 * a commit before or after it is durable. Nothing may be stored that was told to have failed, nor
 * the other way round. */
#include "store/embedded/readings_test_util.h"

#include "base/crypto.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const sm_reject_in reject = {.received_ms = 1,
                                    .topic = "t",
                                    .topic_len = 1,
                                    .device_id = "a",
                                    .reason = "malformed",
                                    .detail = "",
                                    .payload = "{",
                                    .payload_len = 1,
                                    .payload_len_sent = 1};

static sm_err commit_with_reject(sm_readings *store, const char *device_id, sm_reading reading) {
  sm_reading_in in = {.device_id = device_id, .reading = reading};
  sm_readings_batch batch = {
      .readings = &in, .reading_count = 1, .rejects = &reject, .reject_count = 1};
  return sm_readings_commit(store, &batch);
}

/* ---- commits ---- */

static int refuse(void *context) {
  (void)context;
  return 1; /* makes a COMMIT a ROLLBACK */
}

static void a_commit_that_fails_leaves_nothing(void **state) {
  store_fixture *f = *state;
  assert_int_equal(commit_with_reject(f->store, "a", make_reading(t0, 1)), SM_OK);
  int64_t bytes = f->store->reject_bytes;
  (void)sqlite3_commit_hook(sm_sql_handle(f->store->db), refuse, NULL);
  assert_int_not_equal(commit_with_reject(f->store, "a", make_reading(t0 + 1000, 2)), SM_OK);
  assert_int_not_equal(commit_with_reject(f->store, "new", make_reading(t0, 2)), SM_OK);
  assert_int_equal(count_raw(f->store, "a"), 1);
  assert_int_equal(count_raw(f->store, "new"), 0);
  assert_int_equal(f->store->reject_bytes, bytes);
  bool done = false;
  assert_int_not_equal(sm_seal_slice(f->store, true, &done), SM_OK);
  (void)sqlite3_commit_hook(sm_sql_handle(f->store->db), NULL, NULL);
  assert_int_equal(commit_one(f->store, "new", make_reading(t0, 2)), SM_VERDICT_STORED);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_DUPLICATE);
  seal_all(f->store);
  store_reopen(f);
  assert_int_equal(count_raw(f->store, "a"), 1);
  assert_int_equal(check_sound(f->store), 2);
}

static int fail_behind(void *context, sqlite3 *handle, const char *name, int pages) {
  (void)context;
  (void)handle;
  (void)name;
  (void)pages;
  return SQLITE_NOMEM; /* COMMIT returns it, and all is written */
}

static void what_is_durable_is_not_told_to_have_failed(void **state) {
  store_fixture *f = *state;
  (void)sqlite3_wal_hook(sm_sql_handle(f->store->db), fail_behind, NULL);
  for (int64_t i = 0; i < 3; i++)
    assert_int_equal(commit_one(f->store, "a", make_reading(t0 + i * 1000, i)), SM_VERDICT_STORED);
  seal_all(f->store);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 3000, 3)), SM_VERDICT_STORED);
  store_reopen(f);
  assert_int_equal(count_raw(f->store, "a"), 4);
  assert_int_equal(check_sound(f->store), 4);
}

/* ---- synced or not ---- */

static void a_slice_that_cannot_begin_leaves_commits_synced(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  sqlite3 *other = NULL;
  assert_int_equal(sqlite3_open(f->store->path, &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_busy_timeout(sm_sql_handle(f->store->db), 0), SQLITE_OK);
  bool done = false;
  assert_int_equal(sm_seal_slice(f->store, true, &done), SM_ERR_BUSY);
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  (void)commit_one(f->store, "a", make_reading(t0 + 1000, 2));
  assert_int_equal(file_i64(f, "PRAGMA synchronous"), 2); /* FULL */
  seal_all(f->store);
  (void)commit_one(f->store, "a", make_reading(t0 + 2000, 3));
  assert_int_equal(file_i64(f, "PRAGMA synchronous"), 2);
}

/* ---- what a start finds ---- */

static void a_batch_that_stands_twice_counts_once(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0 + 5000, 5));
  (void)commit_one(f->store, "a", make_reading(t0 + 1000, 1));
  (void)commit_one(f->store, "a", make_reading(t0 + 3000, 3));
  (void)commit_one(f->store, "a", make_reading(t0 + 7000, 7));
  file_run(f, "INSERT INTO journal(committed_ms, body) SELECT committed_ms, body FROM journal");
  store_reopen(f);
  assert_int_equal(count_raw(f->store, "a"), 4);
  seal_all(f->store);
  assert_int_equal(count_raw(f->store, "a"), 4);
  store_reopen(f);
  assert_int_equal(check_sound(f->store), 4);
}

static void readings_of_a_lost_series_are_put_aside(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  (void)commit_one(f->store, "b", make_reading(t0, 1));
  file_run(f, "DELETE FROM series WHERE device_id = 'a'");
  store_reopen(f);
  seal_all(f->store);
  assert_int_equal(count_raw(f->store, "b"), 1);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM journal"), 0);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM damaged WHERE kind = 'journal'"), 1);
}

/* ---- a page that cannot be read ---- */

enum { FLEET = 200, READINGS = 60 };

static void commit_fleet(sm_readings *store, int64_t ts_ms, int64_t wh) {
  static char name[FLEET][16];
  static sm_reading_in in[FLEET];
  for (int i = 0; i < FLEET; i++) {
    (void)snprintf(name[i], sizeof name[i], "m%03d", i);
    in[i] = (sm_reading_in){.device_id = name[i], .reading = make_reading(ts_ms, wh)};
  }
  assert_int_equal(commit_all(store, in, FLEET), SM_OK);
}

static void spoil_page_of_fresh(store_fixture *f) {
  int64_t page = file_i64(f, "SELECT pageno FROM dbstat WHERE name = 'fresh'"
                             " AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET 3");
  int64_t size = file_i64(f, "PRAGMA page_size");
  file_run(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  sm_readings_close(f->store);
  f->store = NULL;
  char path[128];
  (void)snprintf(path, sizeof path, "%s/readings.db", f->dir);
  FILE *file = fopen(path, "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, (long)((page - 1) * size), SEEK_SET), 0);
  assert_int_equal(fwrite("damaged!", 1, 8, file), 8);
  assert_int_equal(fclose(file), 0);
  f->store = store_open(f->dir, true);
}

/* Late readings look there, and the seal wants to write there. */
static void a_damaged_page_stops_neither_commits_nor_seals(void **state) {
  store_fixture *f = *state;
  for (int64_t i = 0; i < READINGS; i++) commit_fleet(f->store, t0 + i * 60000, i);
  seal_all(f->store);
  spoil_page_of_fresh(f);
  commit_fleet(f->store, t0 + 30 * 60000 + 500, 30);
  commit_fleet(f->store, t0 + READINGS * 60000, READINGS);
  sm_err err = SM_ERR_CORRUPT;
  for (int tries = 0; err == SM_ERR_CORRUPT && tries < FLEET; tries++)
    err = sm_readings_maintain(f->store, true, NULL);
  assert_int_equal(err, SM_OK);
  sm_readings_stats stats;
  sm_readings_stats_get(f->store, &stats);
  assert_int_equal(stats.journal_readings, 0);
  store_reopen(f);
  size_t whole = 0;
  for (int i = 0; i < FLEET; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "m%03d", i);
    size_t count = count_raw(f->store, name);
    assert_true(count == READINGS + 2 || count == 2); /* what was damaged, and nothing else */
    if (count > 2) whole++;
  }
  assert_in_range(whole, FLEET / 2, FLEET - 1);
}

/* ---- readers without end ---- */

static void *commit_beside(void *store) {
  (void)commit_one(store, "a", make_reading(t0, 1));
  return NULL;
}

static void a_commit_that_waits_goes_before_later_readers(void **state) {
  store_fixture *f = *state;
  pthread_t thread;
  bool kept_out = false;
  assert_int_equal(pthread_rwlock_rdlock(&f->store->lock), 0);
  assert_int_equal(pthread_create(&thread, NULL, commit_beside, f->store), 0);
  for (int tries = 0; !kept_out && tries < 10000000; tries++) {
    kept_out = pthread_rwlock_tryrdlock(&f->store->lock) != 0;
    if (!kept_out) assert_int_equal(pthread_rwlock_unlock(&f->store->lock), 0);
    (void)sched_yield();
  }
  assert_int_equal(pthread_rwlock_unlock(&f->store->lock), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_true(kept_out);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
  const struct CMUnitTest tests[] = {
      T(a_commit_that_fails_leaves_nothing),
      T(what_is_durable_is_not_told_to_have_failed),
      T(a_slice_that_cannot_begin_leaves_commits_synced),
      T(a_batch_that_stands_twice_counts_once),
      T(a_damaged_page_stops_neither_commits_nor_seals),
      T(a_commit_that_waits_goes_before_later_readers),
      T(readings_of_a_lost_series_are_put_aside),
  };
#undef T
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
