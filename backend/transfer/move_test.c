/* Passes between two stores of one engine: of files, or, under tests/postgres/with_postgres, of a
 * server. From one engine to the other is tests/blackbox/migrate_test.sh. */
#include "transfer/move.h"

#include "base/crypto.h"
#include "store/embedded/readings_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct world {
  store_fixture *from;
  store_fixture *to;
} world;

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  void *one = NULL;
  void *two = NULL;
  assert_non_null(w);
  if (store_set_up(&one) != 0 || store_set_up(&two) != 0) return 1;
  w->from = one;
  w->to = two;
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  void *one = w->from;
  void *two = w->to;
  int failed = store_tear_down(&one) + store_tear_down(&two);
  free(w);
  return failed;
}

/* ---- a house ---- */

enum { DAYS = 3, READINGS = 40 };

static void commit_marked(sm_readings *store, const char *device_id, int64_t ts_ms, uint32_t seq,
                          sm_ack *ack) {
  sm_reading_in in = {.device_id = device_id,
                      .reading = make_reading(ts_ms, 5000 + seq),
                      .mark = {.present = true, .epoch = 7, .seq = seq}};
  in.reading.has = SM_READING_SEQ | SM_READING_EPOCH;
  in.reading.seq = seq;
  in.reading.epoch = 7;
  sm_readings_batch batch = {.readings = &in, .reading_count = 1, .acks = ack};
  assert_int_equal(sm_readings_commit(store, &batch), SM_OK);
  assert_int_equal(batch.ack_count, 1);
}

static void fill(sm_readings *store) {
  sm_ack ack;
  sm_reading_in in[2 * DAYS * READINGS];
  size_t count = 0;
  for (int64_t day = 0; day < DAYS; day++)
    for (int64_t i = 0; i < READINGS; i++) {
      int64_t ts_ms = t0 + day * DAY_MS + i * 600000;
      in[count++] =
          (sm_reading_in){.device_id = "m1", .reading = make_reading(ts_ms, 1000 + day * 100 + i)};
      in[count++] = (sm_reading_in){.device_id = "m2",
                                    .reading = make_reading(ts_ms + 1, i < 20 ? 9000 + i : i)};
    }
  assert_int_equal(commit_all(store, in, count), SM_OK);
  commit_marked(store, "m3", t0, 1, &ack);
  commit_marked(store, "m3", t0 + 1000, 2, &ack);
  commit_marked(store, "m3", t0 + 3000, 4, &ack);
  assert_int_equal(ack.seq, 2);
  /* One is refused, and kept. */
  assert_int_equal(commit_one(store, "m1", make_reading(t0, 77)), SM_VERDICT_CONFLICT);
}

static sm_err try_pass(const world *w, bool whole, sm_move_counts *counts) {
  const sm_move_pass pass = {.from = w->from->store, .to = w->to->store, .whole = whole};
  return sm_move_pass_run(&pass, counts);
}

static sm_move_counts run_pass(const world *w, bool whole) {
  sm_move_counts counts = {.series = 0};
  assert_int_equal(try_pass(w, whole, &counts), SM_OK);
  return counts;
}

static void expect_same(const world *w, const char *device_id) {
  sm_reading_list a = {0};
  sm_reading_list b = {0};
  assert_int_equal(sm_readings_raw(w->from->store, device_id, 0, 0, INT64_MAX, SIZE_MAX, &a),
                   SM_OK);
  assert_int_equal(sm_readings_raw(w->to->store, device_id, 0, 0, INT64_MAX, SIZE_MAX, &b), SM_OK);
  assert_int_equal(a.count, b.count);
  for (size_t i = 0; i < a.count; i++) assert_true(sm_reading_equal(&a.item[i], &b.item[i]));
  sm_reading_list_fini(&a);
  sm_reading_list_fini(&b);
}

/* ---- tests ---- */

static void a_pass_copies_all(void **state) {
  const world *w = *state;
  fill(w->from->store);
  sm_move_counts counts = run_pass(w, false);
  assert_int_equal(counts.series, 3);
  assert_int_equal(counts.readings, 2 * DAYS * READINGS + 3);
  assert_int_equal(counts.readings_put, counts.readings);
  assert_int_equal(counts.days_put, 2 * DAYS + 1);
  assert_int_equal(counts.rejects, 1);
  for (size_t i = 0; i < 3; i++) expect_same(w, (const char *[]){"m1", "m2", "m3"}[i]);
  assert_int_equal(count_rejects(w->to->store), 1);
  /* And a second one nothing. */
  counts = run_pass(w, true);
  assert_int_equal(counts.days_put, 0);
  assert_int_equal(counts.raw, counts.readings);
  (void)check_sound(w->to->store);
}

static void sealed_or_not_is_the_same(void **state) {
  const world *w = *state;
  fill(w->from->store);
  sm_move_counts before = run_pass(w, true);
  seal_all(w->from->store);
  sm_move_counts after = run_pass(w, true);
  assert_int_equal(after.days_put, 0);
  assert_memory_equal(before.digest, after.digest, sizeof before.digest);
}

static void what_came_meanwhile_is_found(void **state) {
  const world *w = *state;
  fill(w->from->store);
  (void)run_pass(w, false);
  seal_all(w->from->store);
  assert_int_equal(commit_one(w->from->store, "m1", make_reading(t0 + 5000, 1000)),
                   SM_VERDICT_LATE);
  (void)commit_one(w->from->store, "m4", make_reading(t0, 1));
  sm_move_counts counts = run_pass(w, false);
  assert_int_equal(counts.days_put, 2);
  assert_int_equal(counts.series, 4);
  expect_same(w, "m1");
  expect_same(w, "m4");
  assert_int_equal(run_pass(w, true).days_put, 0);
}

static void the_new_store_goes_on(void **state) {
  const world *w = *state;
  sm_ack ack;
  sm_move_meta meta;
  fill(w->from->store);
  (void)run_pass(w, false);
  assert_int_equal(sm_readings_move_meta(w->from->store, &meta), SM_OK);
  meta.horizon_ms = t0 - DAY_MS;
  assert_int_equal(sm_readings_move_set_meta(w->to->store, &meta), SM_OK);
  store_reopen(w->to);
  sm_readings *to = w->to->store;
  assert_string_equal(sm_readings_client_id(to), sm_readings_client_id(w->from->store));
  /* Each reading once, in the order that it had, and what is settled stays settled. */
  assert_int_equal(commit_one(to, "m1", make_reading(t0, 1000)), SM_VERDICT_DUPLICATE);
  assert_int_equal(commit_one(to, "m1", make_reading(t0 + 7000, 1000)), SM_VERDICT_LATE);
  assert_int_equal(commit_one(to, "m1", make_reading(t0 - 2 * DAY_MS, 1)),
                   SM_VERDICT_PAST_RETENTION);
  commit_marked(to, "m3", t0 + 2000, 3, &ack);
  assert_int_equal(ack.seq, 4);
  assert_int_equal(commit_one(to, "m9", make_reading(t0, 1)), SM_VERDICT_STORED);
  assert_int_equal(count_rejects(to), 2);
  seal_all(to);
  (void)check_sound(to);
}

static void what_is_no_copy_is_refused(void **state) {
  const world *w = *state;
  sm_move_counts counts;
  fill(w->from->store);
  (void)run_pass(w, false);
  (void)commit_one(w->to->store, "m1", make_reading(t0 + 9000, 1000));
  assert_int_equal(try_pass(w, false, &counts), SM_ERR_CONFLICT);
  assert_int_equal(count_raw(w->to->store, "m1"), DAYS * READINGS + 1);
}

static void another_house_is_refused(void **state) {
  const world *w = *state;
  sm_move_counts counts;
  (void)commit_one(w->from->store, "mine", make_reading(t0, 1));
  (void)commit_one(w->to->store, "theirs", make_reading(t0, 1));
  assert_int_equal(try_pass(w, false, &counts), SM_ERR_CONFLICT);
  assert_int_equal(count_raw(w->to->store, "theirs"), 1);
}

static bool end_at_once(void *context, uint64_t readings, uint64_t done, uint64_t total) {
  (void)context;
  return readings < READINGS || done > total;
}

static void it_can_be_broken_off(void **state) {
  const world *w = *state;
  sm_move_counts counts;
  fill(w->from->store);
  const sm_move_pass pass = {.from = w->from->store, .to = w->to->store, .progress = end_at_once};
  assert_int_equal(sm_move_pass_run(&pass, &counts), SM_ERR_CLOSED);
  (void)run_pass(w, false);
  assert_int_equal(run_pass(w, true).days_put, 0);
  expect_same(w, "m1");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(a_pass_copies_all),     T(sealed_or_not_is_the_same),  T(what_came_meanwhile_is_found),
      T(the_new_store_goes_on), T(what_is_no_copy_is_refused), T(another_house_is_refused),
      T(it_can_be_broken_off),
  };
#undef T
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
