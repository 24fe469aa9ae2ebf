/* What the readings store sends to a server, and what it does when that fails. The server is the
 * double of tests/mongo (no MongoDB): it writes down what it is asked, and fails when it is told
 * to. */
#include "base/crypto.h"
#include "store/embedded/readings_test_util.h"
#include "store/mongo/readings_mg.h"
#include "store/mongo/test_double.h"
#include "store/mongo/test_mongo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a second server: a data directory of its own, the same database ---- */

typedef struct second {
  char dir[64];
  sm_readings *store;
} second;

static second open_second(const store_fixture *f, int64_t retention_days) {
  char url[TEST_MONGO_URL_MAX];
  second s = {.store = NULL};
  (void)snprintf(s.dir, sizeof s.dir, "/tmp/sm-second-XXXXXX");
  assert_non_null(mkdtemp(s.dir));
  const sm_mongo_options options = {
      .url = test_mongo_url(f->dir, url), .data_dir = s.dir, .raw_retention_days = retention_days};
  assert_int_equal(sm_mongo_readings_open(&options, true, &s.store), SM_OK);
  return s;
}

static void close_second(second *s) {
  sm_readings_close(s->store);
  store_dir_remove(s->dir);
}

/* ---- what is made ---- */

static void history_is_a_time_series_with_its_index(void **state) {
  store_fixture *f = *state;
  test_log log = test_log_read(f->dir);
  const bson_t *create = test_log_first(&log, "create", MG_RAW);
  assert_non_null(create);
  assert_string_equal(mg_text(create, "timeseries.timeField"), "ts");
  assert_string_equal(mg_text(create, "timeseries.metaField"), "m");
  const bson_t *index = test_log_first(&log, "createIndexes", MG_RAW);
  assert_non_null(index);
  bson_iter_t iter;
  bson_iter_t keys;
  assert_true(bson_iter_init(&iter, index));
  assert_true(bson_iter_find_descendant(&iter, "indexes.0.key", &keys));
  bson_iter_t key;
  assert_true(bson_iter_recurse(&keys, &key));
  assert_true(bson_iter_next(&key));
  assert_string_equal(bson_iter_key(&key), "m.device");
  assert_int_equal(bson_iter_as_int64(&key), 1);
  assert_true(bson_iter_next(&key));
  assert_string_equal(bson_iter_key(&key), "ts");
  assert_int_equal(bson_iter_as_int64(&key), -1);
  test_log_free(&log);
}

static void history_that_is_no_time_series_is_refused(void **state) {
  store_fixture *f = *state;
  sm_readings_close(f->store);
  f->store = NULL;
  test_command(f->dir, BCON_NEW("drop", BCON_UTF8(MG_RAW)));
  test_command(f->dir, BCON_NEW("create", BCON_UTF8(MG_RAW)));
  assert_int_equal(store_try(&f->options, true, &f->store), SM_ERR_CONFLICT);
  assert_int_equal(store_try(&f->options, false, &f->store), SM_ERR_CONFLICT);
}

static void a_url_that_is_none_is_refused(void **state) {
  store_fixture *f = *state;
  sm_readings *store = NULL;
  const sm_mongo_options options = {.url = "mongodb://", .data_dir = f->dir};
  assert_int_equal(sm_mongo_readings_open(&options, false, &store), SM_ERR_INVALID);
  assert_true(sm_mongo_url("mongodb://a") && sm_mongo_url("mongodb+srv://a"));
  assert_false(sm_mongo_url("postgresql://a") || sm_mongo_url("embedded"));
}

/* ---- what a batch sends ---- */

static void a_batch_is_one_transaction_that_a_majority_has(void **state) {
  store_fixture *f = *state;
  test_log_clear(f->dir);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_STORED);
  test_log log = test_log_read(f->dir);
  const bson_t *first = test_log_first(&log, "insert", MG_SERIES);
  assert_non_null(first);
  assert_true(mg_has(first, "startTransaction"));
  assert_string_equal(mg_text(first, "readConcern.level"), "snapshot");
  int64_t number = mg_i64(first, "txnNumber");
  static const struct {
    const char *command;
    const char *collection;
  } rest[] = {{"insert", MG_JOURNAL}, {"update", MG_DUE}, {"commitTransaction", NULL}};
  for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
    const bson_t *c = test_log_first(&log, rest[i].command, rest[i].collection);
    assert_non_null(c);
    assert_true(mg_has(c, "autocommit") && !mg_has(c, "startTransaction"));
    assert_int_equal(mg_i64(c, "txnNumber"), number);
  }
  const bson_t *commit = test_log_first(&log, "commitTransaction", NULL);
  assert_string_equal(mg_text(commit, "writeConcern.w"), "majority");
  assert_int_equal(test_log_count(&log, "commitTransaction", NULL), 1);
  /* What a transaction cannot hold comes later. */
  assert_null(test_log_first(&log, "insert", MG_RAW));
  test_log_free(&log);
  assert_int_equal(count_raw(f->store, "a"), 1);
}

static void moving_waits_for_a_majority_and_may_be_tried_again(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_log_clear(f->dir);
  seal_all(f->store);
  test_log log = test_log_read(f->dir);
  const bson_t *insert = test_log_first(&log, "insert", MG_RAW);
  assert_non_null(insert);
  assert_string_equal(mg_text(insert, "writeConcern.w"), "majority");
  assert_true(mg_has(insert, "txnNumber"));   /* a retryable write, */
  assert_false(mg_has(insert, "autocommit")); /* in no transaction */
  assert_string_equal(mg_text(insert, "documents.0.m.device"), "a");
  assert_int_equal(mg_i64(insert, "documents.0.ts"), t0);
  assert_int_equal(mg_i64(insert, "documents.0.v.energy_wh"), 1);
  const bson_t *forget = test_log_first(&log, "delete", MG_JOURNAL);
  assert_non_null(forget);
  assert_true(test_log_place(&log, insert) < test_log_place(&log, forget));
  test_log_free(&log);
}

static void a_question_is_for_what_a_majority_has(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_log_clear(f->dir);
  assert_int_equal(count_raw(f->store, "a"), 1);
  test_log log = test_log_read(f->dir);
  const bson_t *journal = test_log_first(&log, "find", MG_JOURNAL);
  const bson_t *raw = test_log_first(&log, "find", MG_RAW);
  assert_non_null(journal);
  assert_non_null(raw);
  assert_string_equal(mg_text(journal, "readConcern.level"), "majority");
  assert_string_equal(mg_text(raw, "readConcern.level"), "majority");
  assert_true(test_log_place(&log, journal) < test_log_place(&log, raw));
  test_log_free(&log);
}

static void a_batch_of_duplicates_writes_nothing(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_log_clear(f->dir);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_DUPLICATE);
  test_log log = test_log_read(f->dir);
  assert_int_equal(test_log_count(&log, "insert", NULL), 0);
  assert_int_equal(test_log_count(&log, "update", NULL), 0);
  test_log_free(&log);
}

/* ---- failures ---- */

static sm_err try_one(sm_readings *store, int64_t ts_ms, int64_t wh) {
  sm_reading_in in = {.device_id = "a", .reading = make_reading(ts_ms, wh)};
  return commit_all(store, &in, 1);
}

static void a_commit_whose_answer_is_lost_counts_once(void **state) {
  store_fixture *f = *state;
  test_log_clear(f->dir);
  test_fail(f->dir, "commitTransaction", 1,
            BCON_NEW("closeConnection", BCON_BOOL(true), "afterward", BCON_BOOL(true)));
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_STORED);
  test_log log = test_log_read(f->dir);
  assert_int_equal(test_log_count(&log, "commitTransaction", NULL), 2); /* asked once more */
  assert_int_equal(test_log_count(&log, "insert", MG_JOURNAL), 1);
  test_log_free(&log);
  assert_int_equal(count_raw(f->store, "a"), 1);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_DUPLICATE);
}

static void a_commit_that_does_not_arrive_is_sent_again(void **state) {
  store_fixture *f = *state;
  test_fail(f->dir, "commitTransaction", 3, BCON_NEW("closeConnection", BCON_BOOL(true)));
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_STORED);
  assert_int_equal(count_raw(f->store, "a"), 1);
}

static void a_majority_that_takes_its_time_is_waited_for(void **state) {
  store_fixture *f = *state;
  test_fail(f->dir, "commitTransaction", 1,
            BCON_NEW("afterward", BCON_BOOL(true), "writeConcernError", "{", "code", BCON_INT32(64),
                     "codeName", BCON_UTF8("WriteConcernFailed"), "errmsg",
                     BCON_UTF8("waiting for replication timed out"), "}"));
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_STORED);
  assert_int_equal(count_raw(f->store, "a"), 1);
}

static void a_primary_that_steps_down_stores_nothing(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_fail(f->dir, "insert", 1,
            BCON_NEW("errorCode", BCON_INT32(10107), "codeName", BCON_UTF8("NotWritablePrimary")));
  assert_int_equal(try_one(f->store, t0 + 1000, 2), SM_ERR_IO);
  assert_int_equal(count_raw(f->store, "a"), 1);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 2)), SM_VERDICT_STORED);
  assert_int_equal(count_raw(f->store, "a"), 2);
}

static void a_connection_lost_in_the_middle_stores_nothing(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_fail(f->dir, "update", 1, BCON_NEW("closeConnection", BCON_BOOL(true)));
  sm_err err = try_one(f->store, t0 + 1000, 2);
  if (err == SM_OK) { /* it was tried again at once */
    assert_int_equal(count_raw(f->store, "a"), 2);
    return;
  }
  assert_int_equal(count_raw(f->store, "a"), 1);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 2)), SM_VERDICT_STORED);
}

static void a_write_conflict_is_judged_again(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_fail(f->dir, "update", 2,
            BCON_NEW("errorCode", BCON_INT32(112), "codeName", BCON_UTF8("WriteConflict"),
                     "errorLabels", "[", BCON_UTF8("TransientTransactionError"), "]"));
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 2)), SM_VERDICT_STORED);
  assert_int_equal(count_raw(f->store, "a"), 2);
}

static void what_is_moved_twice_counts_once(void **state) {
  store_fixture *f = *state;
  for (int64_t i = 0; i < 5; i++) (void)commit_one(f->store, "a", make_reading(t0 + i * 1000, i));
  test_fail(f->dir, "delete", 1,
            BCON_NEW("errorCode", BCON_INT32(8000), "codeName", BCON_UTF8("Failed")));
  assert_int_equal(sm_readings_maintain(f->store, true, NULL), SM_ERR_IO);
  assert_int_equal(test_count(f->dir, MG_RAW), 5);
  assert_int_equal(count_raw(f->store, "a"), 5); /* in both places */
  seal_all(f->store);
  assert_int_equal(test_count(f->dir, MG_RAW), 10);
  assert_int_equal(test_count(f->dir, MG_JOURNAL), 0);
  assert_int_equal(count_raw(f->store, "a"), 5);
  sm_quarter_list list;
  assert_int_equal(sm_readings_quarters(f->store, "a", 0, t0, t0 + SM_QUARTER_MS, 10, &list),
                   SM_OK);
  assert_int_equal(list.count, 1);
  assert_int_equal(list.item[0].count, 5);
  sm_quarter_list_fini(&list);
  assert_int_equal(check_sound(f->store), 5);
}

static void an_answer_lost_while_moving_moves_once(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  test_fail(f->dir, "insert", 1,
            BCON_NEW("closeConnection", BCON_BOOL(true), "afterward", BCON_BOOL(true)));
  seal_all(f->store);
  assert_int_equal(test_count(f->dir, MG_RAW), 1); /* the server knew the retryable write */
  assert_int_equal(count_raw(f->store, "a"), 1);
}

/* ---- several servers ---- */

static void two_servers_know_each_others_readings(void **state) {
  store_fixture *f = *state;
  second s = open_second(f, 0);
  for (int64_t i = 0; i < 20; i++) {
    sm_readings *one = i % 2 == 0 ? f->store : s.store;
    sm_readings *other = i % 2 == 0 ? s.store : f->store;
    sm_reading r = make_reading(t0 + i * 1000, i);
    assert_int_equal(commit_one(one, "a", r), SM_VERDICT_STORED);
    assert_int_equal(commit_one(other, "a", r), SM_VERDICT_DUPLICATE);
    r.energy_wh += 100;
    assert_int_equal(commit_one(other, "a", r), SM_VERDICT_CONFLICT);
  }
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 500, 3)), SM_VERDICT_LATE);
  seal_all(s.store);
  assert_int_equal(count_raw(f->store, "a"), 21);
  assert_int_equal(count_raw(s.store, "a"), 21);
  assert_int_equal(count_rejects(f->store), 20);
  assert_int_equal(check_sound(s.store), 21);
  close_second(&s);
}

static void a_meter_that_two_servers_meet_at_once_has_one_number(void **state) {
  store_fixture *f = *state;
  second s = open_second(f, 0);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 1)), SM_VERDICT_STORED);
  assert_int_equal(commit_one(s.store, "b", make_reading(t0, 1)), SM_VERDICT_STORED);
  assert_int_equal(commit_one(s.store, "a", make_reading(t0, 1)), SM_VERDICT_DUPLICATE);
  assert_int_equal(test_count(f->dir, MG_SERIES), 2);
  seal_all(f->store);
  assert_int_equal(count_raw(s.store, "b"), 1);
  close_second(&s);
}

/* A quarter whose reading came while it was made is made again. */
static void a_mark_that_changed_meanwhile_stays(void **state) {
  store_fixture *f = *state;
  (void)commit_one(f->store, "a", make_reading(t0, 1));
  seal_all(f->store);
  second s = open_second(f, 0);
  (void)commit_one(f->store, "a", make_reading(t0 + 1000, 2));
  test_fail(f->dir, "delete", 1,
            BCON_NEW("errorCode", BCON_INT32(112), "codeName", BCON_UTF8("WriteConflict"),
                     "errorLabels", "[", BCON_UTF8("TransientTransactionError"), "]"));
  sm_err err = sm_readings_maintain(s.store, true, NULL);
  if (err != SM_OK) assert_int_equal(sm_readings_maintain(s.store, true, NULL), SM_OK);
  assert_int_equal(check_sound(f->store), 2);
  close_second(&s);
}

/* ---- retention ---- */

static void old_raw_goes_and_quarters_and_traces_stay(void **state) {
  store_fixture *f = *state;
  enum { DAYS = 12, STEP_MS = 600000, PER_DAY = 144, KEPT = 3 };
  sm_reading_in *in = calloc((size_t)DAYS * PER_DAY, sizeof *in);
  assert_non_null(in);
  for (int64_t i = 0; i < (int64_t)DAYS * PER_DAY; i++) {
    bool wild = i == 2 * PER_DAY + 70; /* a register that jumps and comes back, on the third day */
    in[i] = (sm_reading_in){.device_id = "a",
                            .reading = make_reading(t0 + i * STEP_MS, wild ? 9000000 : i * 20)};
  }
  assert_int_equal(commit_all(f->store, in, (size_t)DAYS * PER_DAY), SM_OK);
  seal_all(f->store);
  sm_trace before;
  int64_t end_ms = t0 + DAYS * DAY_MS;
  assert_int_equal(sm_readings_trace(f->store, "a", 0, t0, end_ms, 27600, NULL, &before), SM_OK);
  second s = open_second(f, KEPT);
  seal_all(s.store);
  int64_t kept = (int64_t)(KEPT + 1) * PER_DAY; /* whole days */
  assert_int_equal(test_count(f->dir, MG_RAW), kept);
  assert_int_equal(count_raw(s.store, "a"), kept);
  sm_quarter_list list;
  assert_int_equal(sm_readings_quarters(s.store, "a", 0, t0, end_ms, SIZE_MAX, &list), SM_OK);
  assert_int_equal(list.count, (size_t)DAYS * 96);
  sm_quarter_list_fini(&list);
  sm_trace after;
  assert_int_equal(sm_readings_trace(s.store, "a", 0, t0, end_ms, 27600, NULL, &after), SM_OK);
  assert_int_equal(after.count, before.count);
  for (size_t i = 0; i < after.count; i++) {
    assert_int_equal(after.point[i].ts_ms, before.point[i].ts_ms);
    assert_int_equal(after.point[i].wh, before.point[i].wh);
  }
  sm_trace_fini(&before);
  sm_trace_fini(&after);
  assert_int_equal(commit_one(s.store, "a", make_reading(t0 + 1, 1)), SM_VERDICT_PAST_RETENTION);
  sm_readings_stats stats;
  sm_readings_stats_get(s.store, &stats);
  assert_int_equal(stats.dropped_days, DAYS - KEPT - 1);
  free(in);
  close_second(&s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(history_is_a_time_series_with_its_index),
      T(history_that_is_no_time_series_is_refused),
      T(a_url_that_is_none_is_refused),
      T(a_batch_is_one_transaction_that_a_majority_has),
      T(moving_waits_for_a_majority_and_may_be_tried_again),
      T(a_question_is_for_what_a_majority_has),
      T(a_batch_of_duplicates_writes_nothing),
      T(a_commit_whose_answer_is_lost_counts_once),
      T(a_commit_that_does_not_arrive_is_sent_again),
      T(a_majority_that_takes_its_time_is_waited_for),
      T(a_primary_that_steps_down_stores_nothing),
      T(a_connection_lost_in_the_middle_stores_nothing),
      T(a_write_conflict_is_judged_again),
      T(what_is_moved_twice_counts_once),
      T(an_answer_lost_while_moving_moves_once),
      T(two_servers_know_each_others_readings),
      T(a_meter_that_two_servers_meet_at_once_has_one_number),
      T(a_mark_that_changed_meanwhile_stays),
      T(old_raw_goes_and_quarters_and_traces_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
