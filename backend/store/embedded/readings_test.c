#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/readings_test_util.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void a_reading_is_stored_once(void **state) {
  store_fixture *f = *state;
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 100)), SM_VERDICT_STORED);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 100)), SM_VERDICT_DUPLICATE);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 101)), SM_VERDICT_CONFLICT);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 10000, 102)), SM_VERDICT_STORED);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 5000, 101)), SM_VERDICT_LATE);
  assert_int_equal(commit_one(f->store, "b", make_reading(t0, 100)), SM_VERDICT_STORED);
  assert_int_equal(count_raw(f->store, "a"), 3);
  assert_int_equal(count_raw(f->store, "b"), 1);
  assert_int_equal(count_raw(f->store, "c"), 0);
  assert_int_equal(count_rejects(f->store), 1);
}

static void a_reject_says_where_its_reading_came_from(void **state) {
  store_fixture *f = *state;
  sm_reading_in in[] = {{.device_id = "a", .reading = make_reading(t0, 1)},
                        {.device_id = "a", .reading = make_reading(t0, 2)},
                        {.device_id = "a", .imported = true, .reading = make_reading(t0, 3)}};
  assert_int_equal(commit_all(f->store, in, 3), SM_OK);
  sm_reject_list list;
  assert_int_equal(sm_readings_rejects(f->store, 0, INT64_MAX, 0, 10, &list), SM_OK);
  assert_int_equal(list.count, 2);
  assert_int_equal(list.item[0].topic_len, strlen("meters/a/telemetry"));
  assert_memory_equal(list.item[0].topic, "meters/a/telemetry", list.item[0].topic_len);
  assert_int_equal(list.item[1].topic_len, strlen("import"));
  assert_memory_equal(list.item[1].topic, "import", list.item[1].topic_len);
  sm_reject_list_fini(&list);
}

static void identity_holds_across_seal_and_restart(void **state) {
  store_fixture *f = *state;
  for (int round = 0; round < 3; round++) {
    sm_verdict first = commit_one(f->store, "a", make_reading(t0, 100));
    assert_int_equal(first, round == 0 ? SM_VERDICT_STORED : SM_VERDICT_DUPLICATE);
    (void)commit_one(f->store, "a", make_reading(t0 + 7200000, 200));
    assert_int_equal(commit_one(f->store, "a", make_reading(t0, 99)), SM_VERDICT_CONFLICT);
    if (round == 0) store_reopen(f); /* from the journal */
    if (round == 1) seal_all(f->store);
  }
  store_reopen(f); /* from blocks */
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 100)), SM_VERDICT_DUPLICATE);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 100)), SM_VERDICT_LATE);
  seal_all(f->store);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 100)), SM_VERDICT_DUPLICATE);
  assert_int_equal(count_raw(f->store, "a"), 3);
  assert_int_equal(count_rejects(f->store), 3);
  sm_reading last;
  assert_int_equal(sm_readings_latest(f->store, "a", 0, &last), SM_OK);
  assert_true(last.ts_ms == t0 + 7200000);
  assert_int_equal(sm_readings_latest(f->store, "b", 0, &last), SM_ERR_NOT_FOUND);
}

static void the_same_key_twice_in_a_batch_counts_once(void **state) {
  store_fixture *f = *state;
  sm_reading_in in[] = {{.device_id = "a", .reading = make_reading(t0 + 10, 5)},
                        {.device_id = "a", .reading = make_reading(t0, 4)},
                        {.device_id = "a", .reading = make_reading(t0 + 10, 5)},
                        {.device_id = "a", .reading = make_reading(t0, 3)}};
  assert_int_equal(commit_all(f->store, in, 4), SM_OK);
  assert_int_equal(in[0].verdict, SM_VERDICT_STORED);
  assert_int_equal(in[1].verdict, SM_VERDICT_LATE);
  assert_int_equal(in[2].verdict, SM_VERDICT_DUPLICATE);
  assert_int_equal(in[3].verdict, SM_VERDICT_CONFLICT);
  assert_int_equal(count_raw(f->store, "a"), 2);
}

static void raw_is_bounded_by_time_and_limit(void **state) {
  store_fixture *f = *state;
  for (int64_t i = 0; i < 100; i++) {
    (void)commit_one(f->store, "a", make_reading(t0 + i * 600000, i));
    if (i == 40 || i == 70) seal_all(f->store);
  }
  sm_reading_list list;
  assert_int_equal(
      sm_readings_raw(f->store, "a", 0, t0 + 600000, t0 + 60 * 600000, SIZE_MAX, &list), SM_OK);
  assert_int_equal(list.count, 59);
  assert_int_equal(list.item[0].energy_wh, 1);
  assert_int_equal(list.item[58].energy_wh, 59);
  sm_reading_list_fini(&list);
  assert_int_equal(sm_readings_raw(f->store, "a", 0, t0, INT64_MAX, 72, &list), SM_OK);
  assert_int_equal(list.count, 72);
  assert_int_equal(list.item[71].energy_wh, 71);
  sm_reading_list_fini(&list);
  assert_int_equal(sm_readings_raw(f->store, "a", 0, t0 + 5, t0 + 5, 10, &list), SM_OK);
  assert_int_equal(list.count, 0);
}

/* Random readings, sealed at random moments: quarters must be those of the raw readings. */
static void quarters_are_those_of_the_readings(void **state) {
  store_fixture *f = *state;
  uint64_t random = 3;
  for (int i = 0; i < 600; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int64_t ts = t0 + (int64_t)((random >> 40) % 86400) * 1000;
    (void)commit_one(f->store, "a", make_reading(ts, (ts - t0) / 7000));
    if (i % 97 == 0) seal_all(f->store);
    if (i % 211 == 0) store_reopen(f);
  }
  sm_reading_list raw;
  sm_quarter_list quarters;
  assert_int_equal(sm_readings_raw(f->store, "a", 0, t0, t0 + 86400000, SIZE_MAX, &raw), SM_OK);
  assert_int_equal(sm_readings_quarters(f->store, "a", 0, t0, t0 + 86400000, SIZE_MAX, &quarters),
                   SM_OK);
  sm_quarter *wanted = calloc(raw.count, sizeof *wanted);
  assert_non_null(wanted);
  size_t n = sm_quarters_of(raw.item, raw.count, wanted);
  assert_int_equal(quarters.count, n);
  for (size_t i = 0; i < n; i++) {
    assert_true(wanted[i].first.ts_ms == quarters.item[i].first.ts_ms);
    assert_true(wanted[i].first.wh == quarters.item[i].first.wh);
    assert_true(wanted[i].start_ms == quarters.item[i].start_ms);
    assert_int_equal(wanted[i].count, quarters.item[i].count);
    assert_true(wanted[i].last.wh == quarters.item[i].last.wh);
    assert_true(wanted[i].voltage_sum_mv == quarters.item[i].voltage_sum_mv);
    assert_int_equal(wanted[i].gap_max_ms, quarters.item[i].gap_max_ms);
  }
  sm_quarter_list part;
  assert_int_equal(sm_readings_quarters(f->store, "a", 0, t0 + 1, t0 + 86400000, 5, &part), SM_OK);
  assert_int_equal(part.count, 5);
  assert_true(part.item[0].start_ms > t0);
  sm_quarter_list_fini(&part);
  free(wanted);
  sm_reading_list_fini(&raw);
  sm_quarter_list_fini(&quarters);
}

static bool trace_has(const sm_trace *trace, int64_t ts_ms) {
  for (size_t i = 0; i < trace->count; i++)
    if (trace->point[i].ts_ms == ts_ms) return true;
  return false;
}

static void a_trace_is_short_where_plain_and_whole_where_not(void **state) {
  store_fixture *f = *state;
  const int64_t wild_at = t0 + 50 * 60000;
  for (int64_t i = 0; i < 240; i++) {
    int64_t ts = t0 + i * 60000;
    (void)commit_one(f->store, "a", make_reading(ts, ts == wild_at ? 9000000 : 1000 + i * 4));
  }
  seal_all(f->store);
  sm_trace trace;
  assert_int_equal(
      sm_readings_trace(f->store, "a", 0, t0 + 90 * 60000, t0 + 150 * 60000, 27600, NULL, &trace),
      SM_OK);
  /* The last plain quarter before 90 min is 75-90; after 150 min it is 150-165. */
  assert_false(trace.from_beginning);
  assert_int_equal(trace.count, 12);
  assert_true(trace.point[0].ts_ms == t0 + 75 * 60000);
  assert_true(trace.point[11].ts_ms == t0 + 164 * 60000);
  sm_trace_fini(&trace);
  assert_int_equal(sm_readings_trace(f->store, "a", 0, t0, t0 + 60 * 60000, 27600, NULL, &trace),
                   SM_OK);
  assert_true(trace.from_beginning);
  for (int64_t i = 30; i < 75; i++) assert_true(trace_has(&trace, t0 + i * 60000));
  assert_false(trace_has(&trace, t0 + 5 * 60000));
  sm_trace_fini(&trace);
  assert_int_equal(
      sm_readings_trace(f->store, "none", 0, INT64_MIN, INT64_MAX, 27600, NULL, &trace), SM_OK);
  assert_int_equal(trace.count, 0);
  assert_int_equal(sm_readings_trace(f->store, "a", 0, INT64_MIN, INT64_MAX, 27600, NULL, &trace),
                   SM_OK);
  assert_true(trace_has(&trace, t0 + 239 * 60000));
  sm_trace_fini(&trace);
}

/* Each step may be 2 Wh above the limit; a quarter of such steps is far above it at its ends. */
static void a_trace_gives_a_quarter_whole_that_creeps_over_the_limit(void **state) {
  store_fixture *f = *state;
  for (int64_t i = 0; i < 90; i++)
    (void)commit_one(f->store, "a", make_reading(t0 + i * 10000, i * 4));
  sm_trace trace;
  assert_int_equal(sm_readings_trace(f->store, "a", 0, t0, t0 + 900000, 1000, NULL, &trace), SM_OK);
  assert_int_equal(trace.count, 90);
  sm_trace_fini(&trace);
  assert_int_equal(sm_readings_trace(f->store, "a", 0, t0, t0 + 900000, 1500, NULL, &trace), SM_OK);
  assert_int_equal(trace.count, 2);
  sm_trace_fini(&trace);
}

static void a_trace_of_a_meter_that_sends_hourly_is_short_too(void **state) {
  store_fixture *f = *state;
  for (int64_t i = 0; i < 240; i++)
    (void)commit_one(f->store, "a", make_reading(t0 + i * 3600000, 1000 + i * 300));
  for (int sealed = 0; sealed < 2; sealed++) {
    sm_trace trace;
    assert_int_equal(sm_readings_trace(f->store, "a", 0, t0 + 100 * 3600000LL + 1000,
                                       t0 + 102 * 3600000LL + 1000, 27600, NULL, &trace),
                     SM_OK);
    /* Hours 97, 98, 99 agree in whole quarters before, 103, 104, 105 after. */
    assert_int_equal(trace.count, 9);
    assert_true(trace.point[0].ts_ms == t0 + 97 * 3600000LL);
    assert_true(trace.point[8].ts_ms == t0 + 105 * 3600000LL);
    assert_false(trace.from_beginning);
    sm_trace_fini(&trace);
    seal_all(f->store);
  }
}

/* Going back and on as far as it takes: three readings are three days. */
static void a_trace_of_a_meter_that_sends_daily_goes_as_far_as_it_must(void **state) {
  store_fixture *f = *state;
  enum { DAYS = 120, FALL = 57 };
  const int64_t day = 86400000;
  for (int64_t i = 0; i < DAYS; i++)
    (void)commit_one(f->store, "a", make_reading(t0 + i * day, 1000 + (i < FALL ? 500000 : i) + i));
  for (int sealed = 0; sealed < 2; sealed++) {
    sm_trace trace;
    sm_quarter_list quarters;
    assert_int_equal(sm_readings_survey(f->store, "a", 0, t0 + (FALL + 1) * day + 1,
                                        t0 + (FALL + 3) * day + 1, 27600, NULL, &trace, &quarters),
                     SM_OK);
    /* Behind the fall only one agrees, in a quarter before `from` that is not cut. */
    assert_true(trace.point[0].ts_ms == t0 + (FALL - 3) * day);
    assert_true(trace.point[trace.count - 1].ts_ms == t0 + (FALL + 6) * day);
    assert_int_equal(trace.count, 10);
    assert_int_equal(quarters.count, 3);
    assert_true(quarters.item[0].start_ms == t0 + (FALL + 1) * day);
    sm_quarter_list_fini(&quarters);
    sm_trace_fini(&trace);
    assert_int_equal(sm_readings_survey(f->store, "a", 0, t0 + 9 * DAYS * day, t0 + 10 * DAYS * day,
                                        27600, NULL, &trace, &quarters),
                     SM_OK);
    assert_int_equal(trace.count, 3);
    assert_true(trace.point[2].ts_ms == t0 + (DAYS - 1) * day);
    assert_int_equal(quarters.count, 0);
    sm_quarter_list_fini(&quarters);
    sm_trace_fini(&trace);
    seal_all(f->store);
  }
}

/* What a trace keeps of a day is of that day, and of that trace. */
static void doubts_on_several_days_are_each_given_whole(void **state) {
  store_fixture *f = *state;
  enum { DAYS = 4, STEP_MS = 60000, A_DAY = 1440 };
  sm_reading_in *in = calloc((size_t)DAYS * A_DAY, sizeof *in);
  assert_non_null(in);
  for (int64_t i = 0; i < (int64_t)DAYS * A_DAY; i++) {
    bool wild = i % A_DAY == 100 || i % A_DAY == 900;
    in[i] = (sm_reading_in){.device_id = "a",
                            .reading = make_reading(t0 + i * STEP_MS, wild ? 9000000 : i * 2)};
  }
  assert_int_equal(commit_all(f->store, in, (size_t)DAYS * A_DAY), SM_OK);
  free(in);
  for (int round = 0; round < 3; round++) {
    sm_trace trace;
    int64_t late_ms = t0 + (int64_t)(round + 1) * A_DAY * STEP_MS + 100 * STEP_MS + 1 + round;
    (void)commit_one(f->store, "a", make_reading(late_ms, 8000000));
    if (round > 0) seal_all(f->store);
    assert_int_equal(sm_readings_trace(f->store, "a", 0, t0, t0 + (int64_t)DAYS * A_DAY * STEP_MS,
                                       27600, NULL, &trace),
                     SM_OK);
    assert_true(trace_has(&trace, late_ms));
    for (int64_t day = 0; day < DAYS; day++)
      for (int64_t i = 90; i < 105; i++) {
        assert_true(trace_has(&trace, t0 + (day * A_DAY + i) * STEP_MS));
        assert_true(trace_has(&trace, t0 + (day * A_DAY + 800 + i) * STEP_MS));
      }
    assert_true(trace.count < (size_t)DAYS * (96 * 2 + 10 * 15));
    for (size_t i = 1; i < trace.count; i++)
      assert_true(trace.point[i].ts_ms > trace.point[i - 1].ts_ms);
    sm_trace_fini(&trace);
  }
}

static void rejects_are_kept_with_their_bytes(void **state) {
  store_fixture *f = *state;
  char payload[SM_REJECT_PAYLOAD_MAX + 10];
  memset(payload, 0xff, sizeof payload);
  const sm_reject_in in[] = {{.received_ms = t0,
                              .topic = "meters/\0x",
                              .topic_len = 9,
                              .device_id = "x",
                              .reason = "malformed",
                              .detail = "not JSON",
                              .payload = payload,
                              .payload_len = sizeof payload,
                              .payload_len_sent = 999999},
                             {.received_ms = t0 + 1,
                              .topic = "",
                              .device_id = "",
                              .reason = "bad_topic",
                              .detail = "d",
                              .payload = NULL}};
  assert_int_equal(
      sm_readings_commit(f->store, &(sm_readings_batch){.rejects = in, .reject_count = 2}), SM_OK);
  sm_reject_list list;
  assert_int_equal(sm_readings_rejects(f->store, t0, t0 + 2, 0, 10, &list), SM_OK);
  assert_int_equal(list.count, 2);
  assert_int_equal(list.item[0].payload_len, SM_REJECT_PAYLOAD_MAX);
  assert_int_equal(list.item[0].payload_len_sent, 999999);
  assert_int_equal(list.item[0].topic_len, 9);
  int64_t first = list.item[0].reject_no;
  sm_reject_list_fini(&list);
  assert_int_equal(sm_readings_rejects(f->store, t0, t0 + 2, first, 10, &list), SM_OK);
  assert_int_equal(list.count, 1);
  sm_reject_list_fini(&list);
}

static void there_is_one_writer_and_readers_beside_it(void **state) {
  store_fixture *f = *state;
  const sm_embedded_options options = {.data_dir = f->dir};
  sm_readings *other = NULL;
  assert_int_equal(store_try(&options, true, &other), SM_ERR_BUSY);
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  sm_readings *beside = store_open(f->dir, false);
  (void)commit_one(f->store, "a", make_reading(t0 + 1000, 2));
  seal_all(f->store);
  assert_int_equal(count_raw(beside, "a"), on_server() ? 2 : 1); /* a file is read by snapshot */
  sm_reading_in in = {.device_id = "a", .reading = make_reading(t0, 1)};
  assert_int_equal(commit_all(beside, &in, 1), SM_ERR_DENIED);
  assert_string_equal(sm_readings_client_id(beside), sm_readings_client_id(f->store));
  sm_readings_close(beside);
  const sm_embedded_options nowhere = {.data_dir = "/nonexistent"};
  assert_int_equal(store_try(&nowhere, false, &other), SM_ERR_NOT_FOUND);
  store_drop(nowhere.data_dir);
}

static void a_full_disk_stores_nothing_and_passes(void **state) {
  only_embedded();
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  int64_t pages = 0;
  assert_int_equal(sm_sql_query_i64(f->store->db, "PRAGMA page_count", &pages), SM_OK);
  char sql[64];
  (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", (int)pages + 1);
  assert_int_equal(sm_sql_exec(f->store->db, sql), SM_OK);
  enum { MANY = 2000 };
  sm_reading_in *in = calloc(MANY, sizeof *in);
  assert_non_null(in);
  for (int64_t i = 0; i < MANY; i++)
    in[i] =
        (sm_reading_in){.device_id = i % 2 ? "a" : "new", .reading = make_reading(t0 + 1 + i, i)};
  assert_int_equal(commit_all(f->store, in, MANY), SM_ERR_FULL);
  assert_int_equal(count_raw(f->store, "a"), 1);
  assert_int_equal(count_raw(f->store, "new"), 0);
  assert_int_equal(sm_sql_exec(f->store->db, "PRAGMA max_page_count = 1000000"), SM_OK);
  assert_int_equal(commit_all(f->store, in, MANY), SM_OK);
  assert_int_equal(count_raw(f->store, "a"), 1 + MANY / 2);
  store_reopen(f);
  assert_int_equal(count_raw(f->store, "new"), MANY / 2);
  free(in);
}

static void damage_is_told_and_the_rest_is_served(void **state) {
  only_embedded();
  store_fixture *f = *state;
  for (int64_t i = 0; i < 3; i++)
    (void)commit_one(f->store, "a", make_reading(t0 + i * 3600000, i));
  seal_all(f->store);
  assert_int_equal(sm_sql_exec(f->store->db,
                               "UPDATE fresh SET body = x'0102030405060708'"
                               " WHERE fresh_key = (SELECT max(fresh_key) FROM fresh)"),
                   SM_OK);
  store_reopen(f);
  assert_int_equal(count_raw(f->store, "a"), 2);
  sm_reading last;
  assert_int_equal(sm_readings_latest(f->store, "a", 0, &last), SM_OK);
  assert_int_equal(last.energy_wh, 2); /* stands with the series too */
  /* The hour goes on, and the damaged bytes are kept. */
  (void)commit_one(f->store, "a", make_reading(t0 + 2 * 3600000 + 1, 7));
  seal_all(f->store);
  assert_int_equal(count_raw(f->store, "a"), 3);
  int64_t kept = 0;
  assert_int_equal(sm_sql_query_i64(f->store->db, "SELECT count(*) FROM damaged", &kept), SM_OK);
  assert_int_equal(kept, 1);
}

/* A child commits, tells each committed number through a pipe, and is killed: all told must be
 * there. */
static void commit_until_killed(const char *dir, int pipe_fd, int64_t from) {
  sm_readings *store = store_open(dir, true);
  for (int64_t i = from;; i++) {
    (void)commit_one(store, "a", make_reading(t0 + i * 10000, i));
    if (i % 16 == 0 && sm_readings_maintain(store, true, NULL) != SM_OK) _exit(1);
    if (write(pipe_fd, &i, sizeof i) != (ssize_t)sizeof i) _exit(1);
  }
}

static void a_killed_writer_loses_nothing_it_told(void **state) {
  store_fixture *f = *state;
  sm_readings_close(f->store);
  f->store = NULL;
  int64_t next = 0;
  for (int round = 0; round < 10; round++) {
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) commit_until_killed(f->dir, pipe_fd[1], next);
    int64_t told = -1;
    for (int i = 0; i < 20 + 7 * round; i++)
      assert_int_equal(read(pipe_fd[0], &told, sizeof told), sizeof told);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(pipe_fd[1]);
    int64_t more;
    while (read(pipe_fd[0], &more, sizeof more) == (ssize_t)sizeof more) told = more;
    (void)close(pipe_fd[0]);
    f->store = store_open(f->dir, true);
    size_t count = count_raw(f->store, "a");
    assert_true(count == (size_t)told + 1 || count == (size_t)told + 2);
    next = (int64_t)count;
    sm_readings_close(f->store);
    f->store = NULL;
  }
  f->store = store_open(f->dir, true);
}

typedef struct reading_thread {
  sm_readings *store;
  atomic_bool stop;
  size_t highest;
} reading_thread;

static void *read_on(void *context) {
  reading_thread *t = context;
  while (!atomic_load(&t->stop)) {
    sm_reading_list list;
    if (sm_readings_raw(t->store, "a", 0, t0, INT64_MAX / 2, SIZE_MAX, &list) != SM_OK) abort();
    /* Never fewer than before, never a hole: each reading is its index. */
    if (list.count < t->highest) abort();
    for (size_t i = 0; i < list.count; i++)
      if (list.item[i].energy_wh != (int64_t)i) abort();
    t->highest = list.count;
    sm_reading_list_fini(&list);
    sm_reading last;
    sm_err err = sm_readings_latest(t->store, "a", 0, &last);
    if (err != SM_OK && err != SM_ERR_NOT_FOUND) abort();
  }
  return NULL;
}

static void readers_see_every_reading_once_while_it_is_sealed(void **state) {
  store_fixture *f = *state;
  reading_thread threads[3];
  pthread_t ids[3];
  for (size_t i = 0; i < 3; i++) {
    threads[i] = (reading_thread){.store = f->store};
    assert_int_equal(pthread_create(&ids[i], NULL, read_on, &threads[i]), 0);
  }
  for (int64_t i = 0; i < 300; i++) {
    (void)commit_one(f->store, "a", make_reading(t0 + i * 60000, i));
    if (i % 11 == 0) seal_all(f->store);
  }
  for (size_t i = 0; i < 3; i++) atomic_store(&threads[i].stop, true);
  for (size_t i = 0; i < 3; i++) assert_int_equal(pthread_join(ids[i], NULL), 0);
  assert_int_equal(count_raw(f->store, "a"), 300);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
  const struct CMUnitTest tests[] = {
      T(a_reading_is_stored_once),
      T(a_reject_says_where_its_reading_came_from),
      T(identity_holds_across_seal_and_restart),
      T(the_same_key_twice_in_a_batch_counts_once),
      T(raw_is_bounded_by_time_and_limit),
      T(quarters_are_those_of_the_readings),
      T(a_trace_is_short_where_plain_and_whole_where_not),
      T(a_trace_gives_a_quarter_whole_that_creeps_over_the_limit),
      T(a_trace_of_a_meter_that_sends_hourly_is_short_too),
      T(a_trace_of_a_meter_that_sends_daily_goes_as_far_as_it_must),
      T(doubts_on_several_days_are_each_given_whole),
      T(rejects_are_kept_with_their_bytes),
      T(there_is_one_writer_and_readers_beside_it),
      T(a_full_disk_stores_nothing_and_passes),
      T(damage_is_told_and_the_rest_is_served),
      T(a_killed_writer_loses_nothing_it_told),
      T(readers_see_every_reading_once_while_it_is_sealed),
  };
#undef T
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
