/* The store against plain arrays: random arrivals in every order, sealed, merged and reopened at
 * random moments, also in the middle of a seal or merge; and killed while it works. */
#include "base/crypto.h"
#include "store/embedded/readings_test_util.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BATCH_MAX = 60, STEP_MS = 10000 };

/* A value that follows from meter and instant, so that the same reading can be made again. The
 * register falls and jumps now and then. */
static sm_reading reading_of(size_t device, int64_t ts_ms, bool other) {
  int64_t n = (ts_ms - t0) / STEP_MS;
  sm_reading r = make_reading(ts_ms, 1000 + n * 3 + (int64_t)device);
  if (n % 4001 > 3990) r.energy_wh += 90000;         /* wild for a while */
  if (n > 9000 && device == 2) r.energy_wh -= 20000; /* a reset */
  r.power_mw = (int32_t)((n * 7919 + (int64_t)device) % 900000);
  if (other) r.current_ma++;
  if (device % 2 == 1) r.has = SM_READING_FREQUENCY | SM_READING_POWER_FACTOR;
  r.frequency_mhz = 50000 + (int32_t)(n % 7);
  r.power_factor_milli = (int16_t)(n % 1000);
  return r;
}

/* Batch number `no`: nothing of it depends on what came before. Time goes on with the number, and
 * reaches back in many ways. */
static size_t make_batch(uint64_t no, sm_reading_in in[BATCH_MAX], size_t device[BATCH_MAX]) {
  uint64_t random = no * 2654435761U + 17;
  size_t count = 1 + next_random(&random) % BATCH_MAX;
  uint64_t kind = next_random(&random) % 6;
  size_t one = next_random(&random) % ORACLE_DEVICES;
  int64_t now = (int64_t)no * 40;
  for (size_t i = 0; i < count; i++) {
    device[i] = kind < 3 ? next_random(&random) % ORACLE_DEVICES : one;
    int64_t n = now + (int64_t)i;
    if (kind == 1) n = now - (int64_t)(next_random(&random) % 200);
    if (kind == 2) n = (int64_t)(next_random(&random) % (uint64_t)(now + 1));
    if (kind == 4) n = now / 2 + (int64_t)i;  /* a history, in order */
    if (kind == 5) n = now + 40 - (int64_t)i; /* the latest first */
    if (n < 0) n = 0;
    bool other = next_random(&random) % 29 == 0;
    in[i] = (sm_reading_in){.device_id = oracle_name(device[i]),
                            .reading = reading_of(device[i], t0 + n * STEP_MS, other)};
  }
  return count;
}

static void commit_and_compare(sm_readings *store, oracle *o, uint64_t no) {
  sm_reading_in in[BATCH_MAX];
  size_t device[BATCH_MAX];
  size_t count = make_batch(no, in, device);
  assert_int_equal(commit_all(store, in, count), SM_OK);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(in[i].verdict, oracle_take(o, device[i], &in[i].reading));
}

static void one_step(store_fixture *f, uint64_t *random) {
  bool done = false;
  if (on_server()) { /* has no slices: now and then all of it */
    if (next_random(random) % 16 == 0)
      assert_int_equal(sm_readings_maintain(f->store, true, NULL), SM_OK);
    if (next_random(random) % 16 == 0) store_reopen(f);
    return;
  }
  switch (next_random(random) % 12) {
  case 0:
  case 1:
  case 2:
  case 3:
    assert_int_equal(sm_seal_slice(f->store, true, &done), SM_OK);
    break;
  case 4:
  case 5:
    assert_int_equal(sm_merge_slice(f->store, true, &done), SM_OK);
    break;
  case 6:
    store_reopen(f);
    if (!on_server()) f->store->seal_slice_series = 2;
    if (!on_server()) f->store->merge_width = 1;
    break;
  case 7:
    if (next_random(random) % 8 == 0) seal_all(f->store);
    break;
  default:
    break;
  }
}

static void whatever_comes_in_whatever_order(void **state) {
  store_fixture *f = *state;
  const uint64_t BATCHES = on_server() ? 200 : 600;
  oracle o = {0};
  uint64_t random = 11;
  if (!on_server()) f->store->seal_slice_series = 2;
  if (!on_server()) f->store->merge_width = 1;
  for (uint64_t no = 0; no < BATCHES; no++) {
    commit_and_compare(f->store, &o, no);
    one_step(f, &random);
    if (no % 100 == 99) {
      oracle_compare(&o, f->store, &random);
      (void)check_sound(f->store);
    }
  }
  if (!on_server()) assert_true(file_i64(f, "SELECT count(*) FROM block") > 0);
  seal_all(f->store);
  oracle_compare(&o, f->store, &random);
  store_reopen(f);
  oracle_compare(&o, f->store, &random);
  uint64_t all = 0;
  for (size_t i = 0; i < ORACLE_DEVICES; i++) all += o.device[i].count;
  assert_int_equal(check_sound(f->store), all);
  oracle_fini(&o);
}

/* ---- traces ---- */

/* The quarters that come with a trace are those that the store gives alone, also the cut ones. */
static void same_quarters(const sm_quarter_list *some, sm_readings *store, const char *name,
                          int64_t from_ms, int64_t to_ms) {
  sm_quarter_list list;
  assert_int_equal(
      sm_readings_quarters(store, name, 0, sm_quarter_start_ms(from_ms), to_ms, SIZE_MAX, &list),
      SM_OK);
  assert_int_equal(some->count, list.count);
  for (size_t i = 0; i < list.count; i++)
    assert_memory_equal(&some->item[i], &list.item[i], offsetof(sm_quarter, fell));
  sm_quarter_list_fini(&list);
}

static void same_trace(sm_readings *a, sm_readings *b, const char *name, int64_t from_ms,
                       int64_t to_ms) {
  sm_trace left;
  sm_trace right;
  sm_quarter_list quarters;
  assert_int_equal(sm_readings_survey(a, name, 0, from_ms, to_ms, 27600, NULL, &left, &quarters),
                   SM_OK);
  assert_int_equal(sm_readings_trace(b, name, 0, from_ms, to_ms, 27600, NULL, &right), SM_OK);
  assert_int_equal(left.count, right.count);
  assert_int_equal(left.from_beginning, right.from_beginning);
  for (size_t i = 0; i < left.count; i++) {
    assert_int_equal(left.point[i].ts_ms, right.point[i].ts_ms);
    assert_int_equal(left.point[i].wh, right.point[i].wh);
  }
  same_quarters(&quarters, b, name, from_ms, to_ms);
  sm_quarter_list_fini(&quarters);
  sm_trace_fini(&left);
  sm_trace_fini(&right);
}

static void commit_run(sm_readings *store, const char *name, const sm_run *run) {
  sm_reading_in *in = calloc(run->count + 1, sizeof *in);
  assert_non_null(in);
  for (size_t i = 0; i < run->count; i++)
    in[i] = (sm_reading_in){.device_id = name, .reading = run->item[i]};
  assert_int_equal(commit_all(store, in, run->count), SM_OK);
  free(in);
}

/* A store that got everything in order and never sealed says the same. */
static void a_trace_does_not_depend_on_how_readings_came(void **state) {
  store_fixture *f = *state;
  oracle o = {0};
  uint64_t random = 5;
  for (uint64_t no = 0; no < 300; no++) {
    commit_and_compare(f->store, &o, no);
    one_step(f, &random);
  }
  char dir[] = "/tmp/sm-readings-XXXXXX";
  assert_non_null(mkdtemp(dir));
  sm_readings *plain = store_open(dir, true);
  for (size_t i = 0; i < ORACLE_DEVICES; i++) commit_run(plain, oracle_name(i), &o.device[i]);
  for (int round = 0; round < 40; round++) {
    int64_t from_ms = t0 + (int64_t)(next_random(&random) % 240000) * 1000;
    int64_t to_ms = from_ms + (int64_t)(next_random(&random) % 100000) * 1000;
    for (size_t i = 0; i < ORACLE_DEVICES; i++)
      same_trace(f->store, plain, oracle_name(i), from_ms, to_ms);
  }
  sm_readings_close(plain);
  store_dir_remove(dir);
  oracle_fini(&o);
}

/* ---- killed ---- */

static void work_until_killed(const char *dir, int pipe_fd, uint64_t from) {
  sm_readings *store = store_open(dir, true);
  if (!on_server()) store->seal_slice_series = 1;
  if (!on_server()) store->merge_width = 1;
  uint64_t random = from + 1;
  sm_reading_in in[BATCH_MAX];
  size_t device[BATCH_MAX];
  for (uint64_t no = from;; no++) {
    size_t count = make_batch(no, in, device);
    if (commit_all(store, in, count) != SM_OK) _exit(1);
    if (write(pipe_fd, &no, sizeof no) != (ssize_t)sizeof no) _exit(1);
    for (uint64_t slices = next_random(&random) % 6; slices > 0; slices--) {
      if (on_server()) {
        if (slices == 1 && sm_readings_maintain(store, true, NULL) != SM_OK) _exit(1);
        continue;
      }
      bool done = false;
      sm_err err = sm_seal_slice(store, true, &done);
      if (err == SM_OK && !done) err = sm_merge_slice(store, true, &done);
      if (err != SM_OK) _exit(1);
    }
  }
}

/* The batch after the last one told may have been stored too, whole. */
static void take_untold(sm_readings *store, oracle *o, uint64_t *next) {
  sm_reading_in in[BATCH_MAX];
  size_t device[BATCH_MAX];
  size_t count = make_batch(*next, in, device);
  oracle after = {0};
  for (size_t i = 0; i < ORACLE_DEVICES; i++)
    assert_int_equal(sm_run_join(&after.device[i], o->device[i].item, o->device[i].count), SM_OK);
  for (size_t i = 0; i < count; i++) (void)oracle_take(&after, device[i], &in[i].reading);
  bool stored = false;
  for (size_t i = 0; i < ORACLE_DEVICES; i++)
    if (after.device[i].count != o->device[i].count)
      stored = stored || count_raw(store, oracle_name(i)) == after.device[i].count;
  if (stored) {
    oracle_fini(o);
    *o = after;
    ++*next;
  } else {
    oracle_fini(&after);
  }
}

static void killed_at_any_moment_it_has_what_it_told(void **state) {
  store_fixture *f = *state;
  sm_readings_close(f->store);
  f->store = NULL;
  oracle o = {0};
  uint64_t next = 0;
  uint64_t random = 3;
  for (int round = 0; round < 8; round++) {
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) work_until_killed(f->dir, pipe_fd[1], next);
    (void)close(pipe_fd[1]);
    uint64_t told = 0;
    for (uint64_t i = 0; i < 5 + next_random(&random) % 60; i++)
      assert_int_equal(read(pipe_fd[0], &told, sizeof told), sizeof told);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    uint64_t more;
    while (read(pipe_fd[0], &more, sizeof more) == (ssize_t)sizeof more) told = more;
    (void)close(pipe_fd[0]);
    for (; next <= told; next++) {
      sm_reading_in in[BATCH_MAX];
      size_t device[BATCH_MAX];
      size_t count = make_batch(next, in, device);
      for (size_t i = 0; i < count; i++) (void)oracle_take(&o, device[i], &in[i].reading);
    }
    f->store = store_open(f->dir, true);
    take_untold(f->store, &o, &next);
    oracle_compare(&o, f->store, &random);
    (void)check_sound(f->store);
    sm_readings_close(f->store);
    f->store = NULL;
  }
  oracle_fini(&o);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
  const struct CMUnitTest tests[] = {
      T(whatever_comes_in_whatever_order),
      T(a_trace_does_not_depend_on_how_readings_came),
      T(killed_at_any_moment_it_has_what_it_told),
  };
#undef T
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
