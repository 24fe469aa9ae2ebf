/* What survives: sequences and what meters are told, damage of every kind, raw retention, a file of
 * the version before, a copy. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/readings_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_READINGS = 96 }; /* one in 15 minutes */

/* ---- sequences ---- */

static sm_seq_mark mark_of(uint32_t epoch, uint32_t seq, uint32_t first) {
  return (sm_seq_mark){
      .present = true, .has_first = first > 0, .epoch = epoch, .seq = seq, .first = first};
}

static sm_reading_in numbered(const char *device_id, uint32_t epoch, uint32_t seq) {
  sm_reading_in in = {.device_id = device_id,
                      .reading = make_reading(t0 + (int64_t)seq * 10000, seq),
                      .mark = mark_of(epoch, seq, 0)};
  in.reading.has = SM_READING_SEQ | SM_READING_EPOCH;
  in.reading.epoch = epoch;
  return in;
}

/* Commits and gives the one ack, or -1 for none. */
static int64_t told(sm_readings *store, sm_reading_in *in, size_t count) {
  sm_ack acks[64];
  sm_readings_batch batch = {.readings = in, .reading_count = count, .acks = acks};
  assert_in_range(count, 1, 64);
  assert_int_equal(sm_readings_commit(store, &batch), SM_OK);
  if (batch.ack_count == 0) return -1;
  assert_int_equal(batch.ack_count, 1);
  assert_string_equal(acks[0].device_id, in[0].device_id);
  return acks[0].seq;
}

static void what_a_meter_was_told_holds_after_a_restart(void **state) {
  store_fixture *f = *state;
  sm_reading_in first[] = {numbered("a", 7, 1), numbered("a", 7, 2), numbered("a", 7, 4)};
  assert_int_equal(told(f->store, first, 3), 2);
  store_reopen(f); /* from the journal */
  sm_reading_in five = numbered("a", 7, 5);
  assert_int_equal(told(f->store, &five, 1), 2);
  seal_all(f->store);
  store_reopen(f); /* from the series' state */
  sm_reading_in three = numbered("a", 7, 3);
  assert_int_equal(told(f->store, &three, 1), 5);
  assert_int_equal(told(f->store, &three, 1), 5); /* a duplicate is told again */
  store_reopen(f);
  sm_reading_in six = numbered("a", 7, 6);
  assert_int_equal(told(f->store, &six, 1), 6);
}

/* Marks without a stored reading: of a duplicate, a conflict, a reject, with and without seq_first.
 */
static void marks_of_what_is_not_stored_are_kept_too(void **state) {
  store_fixture *f = *state;
  sm_reading_in in = numbered("a", 1, 10);
  in.mark = mark_of(1, 10, 5); /* 5 to 9 are still to come */
  assert_int_equal(told(f->store, &in, 1), 4);
  sm_reading_in duplicate = in; /* the same reading under another number */
  duplicate.mark = mark_of(1, 5, 5);
  assert_int_equal(told(f->store, &duplicate, 1), 5);
  sm_reading_in conflict = in;
  conflict.reading.energy_wh++;
  conflict.mark = mark_of(1, 6, 0);
  assert_int_equal(told(f->store, &conflict, 1), 6);
  const sm_reject_in rejects[] = {{.received_ms = t0,
                                   .topic = "",
                                   .device_id = "a",
                                   .reason = "missing",
                                   .detail = "",
                                   .mark = mark_of(1, 7, 0)},
                                  {.received_ms = t0,
                                   .topic = "",
                                   .device_id = "only-refused",
                                   .reason = "missing",
                                   .detail = "",
                                   .mark = mark_of(0, 3, 0)}};
  sm_ack acks[2];
  sm_readings_batch batch = {.rejects = rejects, .reject_count = 2, .acks = acks};
  assert_int_equal(sm_readings_commit(f->store, &batch), SM_OK);
  assert_int_equal(batch.ack_count, 2);
  for (int round = 0; round < 3; round++) {
    if (round == 2) seal_all(f->store);
    if (round > 0) store_reopen(f);
    sm_readings_batch again = {.rejects = rejects, .reject_count = 2, .acks = acks};
    assert_int_equal(sm_readings_commit(f->store, &again), SM_OK);
    assert_int_equal(again.ack_count, 2);
    assert_int_equal(acks[0].seq, 7);
    assert_int_equal(acks[1].seq, 3);
    assert_string_equal(acks[1].device_id, "only-refused");
  }
  sm_reading last;
  assert_int_equal(sm_readings_latest(f->store, "only-refused", 0, &last), SM_ERR_NOT_FOUND);
  assert_int_equal(count_raw(f->store, "only-refused"), 0);
}

static void one_ack_a_device_and_epoch(void **state) {
  store_fixture *f = *state;
  enum { DEVICES = 50 };
  sm_reading_in in[2 * DEVICES];
  char names[DEVICES][8];
  for (uint32_t i = 0; i < DEVICES; i++) {
    (void)snprintf(names[i], sizeof names[i], "m%u", i);
    in[i] = numbered(names[i], 1, 1);
    in[DEVICES + i] = numbered(names[i], i % 2 == 0 ? 1 : 2, 2);
  }
  sm_ack acks[2 * DEVICES];
  sm_readings_batch batch = {.readings = in, .reading_count = 2 * DEVICES, .acks = acks};
  assert_int_equal(sm_readings_commit(f->store, &batch), SM_OK);
  assert_int_equal(batch.ack_count, DEVICES + DEVICES / 2);
}

/* ---- days ---- */

static void commit_days(sm_readings *store, const char *device_id, int64_t first_day,
                        int64_t days) {
  enum { MOST = 12 * DAY_READINGS };
  sm_reading_in in[MOST];
  size_t count = 0;
  for (int64_t i = first_day * DAY_READINGS; i < (first_day + days) * DAY_READINGS; i++)
    in[count++] =
        (sm_reading_in){.device_id = device_id,
                        .reading = make_reading(t0 + i * SM_QUARTER_MS + 1000, 100 + i * 7)};
  assert_in_range(count, 1, MOST);
  assert_int_equal(commit_all(store, in, count), SM_OK);
}

static void days_that_are_over_become_blocks(void **state) {
  only_embedded();
  store_fixture *f = *state;
  commit_days(f->store, "a", 0, 3);
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM block"), 2); /* the third may go on */
  assert_int_equal(file_i64(f, "SELECT count(*) FROM fresh"), 24);
  assert_int_equal(count_raw(f->store, "a"), 3 * DAY_READINGS);
  /* Late data goes the same way and joins. */
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 5, 3)), SM_VERDICT_LATE);
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM block"), 2);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 5, 3)), SM_VERDICT_DUPLICATE);
  assert_int_equal(check_sound(f->store), 3 * DAY_READINGS + 1);
}

/* A day at 10 s of twelve meters, which takes far less room as blocks than by the hour. */
static void what_a_bulk_load_leaves_free_is_given_back(void **state) {
  only_embedded();
  store_fixture *f = *state;
  enum { METERS = 12, DAY = 8640 };
  sm_reading_in *in = calloc(DAY, sizeof *in);
  for (int m = 0; m < METERS; m++) {
    char device_id[16];
    (void)snprintf(device_id, sizeof device_id, "m%d", m);
    for (int i = 0; i < DAY; i++)
      in[i] = (sm_reading_in){.device_id = device_id,
                              .reading = make_reading(t0 + (int64_t)i * 10000, 100 + i)};
    assert_int_equal(commit_all(f->store, in, DAY), SM_OK);
  }
  seal_all(f->store); /* nothing says yet that the day is over */
  int64_t before = file_i64(f, "PRAGMA page_count");
  assert_in_range(before, SHRINK_PAGES_MIN, INT32_MAX);
  commit_one(f->store, "m0", make_reading(t0 + 2 * DAY_MS, 20000));
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM block"), METERS);
  assert_in_range(file_i64(f, "PRAGMA freelist_count"), 0, SHRINK_PAGES_LEFT);
  assert_in_range(file_i64(f, "PRAGMA page_count"), 0, before / 2);
  assert_int_equal(check_sound(f->store), METERS * DAY + 1);
  free(in);
}

static void a_clock_ahead_merges_nothing_early(void **state) {
  only_embedded();
  store_fixture *f = *state;
  int64_t today = sm_clock_now_ms() / DAY_MS * DAY_MS;
  (void)commit_one(f->store, "a", make_reading(today, 1));
  (void)commit_one(f->store, "a", make_reading(today + 40 * DAY_MS, 2));
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM block"), 0);
}

/* ---- damage ---- */

static uint64_t damaged(sm_readings *store) {
  sm_readings_stats stats;
  sm_readings_stats_get(store, &stats);
  return stats.damaged;
}

static size_t count_quarters(sm_readings *store, const char *device_id) {
  sm_quarter_list list;
  assert_int_equal(sm_readings_quarters(store, device_id, 0, 0, INT64_MAX / 2, SIZE_MAX, &list),
                   SM_OK);
  size_t count = list.count;
  sm_quarter_list_fini(&list);
  return count;
}

static void a_damaged_block_costs_its_day_and_keeps_its_quarters(void **state) {
  only_embedded();
  store_fixture *f = *state;
  commit_days(f->store, "a", 0, 4);
  seal_all(f->store);
  file_run(f, "UPDATE block SET body = x'0201020304' WHERE block_key ="
              " (SELECT min(block_key) FROM block)");
  assert_int_equal(count_raw(f->store, "a"), 3 * DAY_READINGS);
  assert_int_equal(count_quarters(f->store, "a"), 4 * DAY_READINGS);
  assert_int_equal(damaged(f->store), 1);
  assert_int_equal(count_raw(f->store, "a"), 3 * DAY_READINGS);
  assert_int_equal(damaged(f->store), 1); /* counted once */
  /* A late reading of that day: the old bytes are put aside, the quarters stay. */
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 7, 1)), SM_VERDICT_LATE);
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM damaged WHERE kind = 'block'"), 1);
  assert_int_equal(count_raw(f->store, "a"), 3 * DAY_READINGS + 1);
  assert_int_equal(count_quarters(f->store, "a"), 4 * DAY_READINGS);
  (void)check_sound(f->store);
}

static void a_damaged_quarter_row_is_made_again(void **state) {
  only_embedded();
  store_fixture *f = *state;
  commit_days(f->store, "a", 0, 3);
  seal_all(f->store);
  file_run(f, "UPDATE quarter SET body = x'01020304050607' WHERE quarter_key ="
              " (SELECT min(quarter_key) FROM quarter)");
  assert_int_equal(count_quarters(f->store, "a"), 3 * DAY_READINGS); /* from raw */
  assert_int_equal(damaged(f->store), 1);
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM damaged WHERE kind = 'quarter'"), 1);
  (void)check_sound(f->store);
}

static void a_damaged_journal_row_is_put_aside(void **state) {
  only_embedded();
  store_fixture *f = *state;
  for (int64_t i = 0; i < 3; i++) (void)commit_one(f->store, "a", make_reading(t0 + i, i));
  file_run(f, "UPDATE journal SET body = x'0201020304050607' WHERE journal_no = 2");
  store_reopen(f);
  assert_int_equal(damaged(f->store), 1);
  assert_int_equal(count_raw(f->store, "a"), 2);
  (void)commit_one(f->store, "a", make_reading(t0 + 9, 9));
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM damaged WHERE kind = 'journal'"), 1);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM journal"), 0);
  assert_int_equal(count_raw(f->store, "a"), 3);
}

static void a_series_whose_state_is_damaged_is_found_out_again(void **state) {
  only_embedded();
  store_fixture *f = *state;
  commit_days(f->store, "a", 0, 3);
  seal_all(f->store);
  file_run(f, "UPDATE series SET state = x'0101'");
  store_reopen(f);
  assert_int_equal(damaged(f->store), 1);
  sm_reading last;
  int64_t first_ms;
  assert_int_equal(sm_readings_latest(f->store, "a", 0, &last), SM_OK);
  assert_int_equal(last.ts_ms, t0 + (3 * DAY_READINGS - 1) * SM_QUARTER_MS + 1000);
  assert_int_equal(sm_readings_first_ms(f->store, "a", 0, &first_ms), SM_OK);
  assert_int_equal(first_ms, t0 + 1000);
  assert_int_equal(commit_one(f->store, "a", last), SM_VERDICT_DUPLICATE);
  store_reopen(f);
  assert_int_equal(damaged(f->store), 0); /* written anew */
}

/* Every page of the file in turn: no start crashes, and one that succeeds serves what it can. */
static void a_damaged_page_is_not_the_end(void **state) {
  only_embedded();
  store_fixture *f = *state;
  enum { PAGE = 4096, METERS = 40 };
  char path[128];
  (void)snprintf(path, sizeof path, "%s/readings.db", f->dir);
  for (int i = 0; i < METERS; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "m%d", i);
    commit_days(f->store, name, 0, 8);
  }
  seal_all(f->store);
  sm_readings_close(f->store); /* all is in the file now, no WAL */
  f->store = NULL;
  FILE *file = fopen(path, "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  long pages = ftell(file) / PAGE;
  assert_true(pages > 20);
  static char kept[PAGE];
  static char junk[PAGE];
  memset(junk, 0x5a, sizeof junk);
  long stopped = 0;
  long hurt = 0; /* pages that cost more than a tenth: the roots of the tables */
  for (long page = 1; page < pages; page++) { /* the first names the file's kind */
    assert_int_equal(fseek(file, page * PAGE, SEEK_SET), 0);
    assert_int_equal(fread(kept, 1, PAGE, file), PAGE);
    assert_int_equal(fseek(file, page * PAGE, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, 1, PAGE, file), PAGE);
    assert_int_equal(fflush(file), 0);
    sm_readings *beside = NULL;
    sm_err err = sm_embedded_readings_open(&f->options, false, &beside);
    if (err != SM_OK) {
      assert_int_equal(err, SM_ERR_CORRUPT);
      stopped++;
    } else {
      size_t served = 0;
      for (int i = 0; i < METERS; i += 7) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%d", i);
        served += count_raw(beside, name);
      }
      if (served < (size_t)6 * 8 * DAY_READINGS * 9 / 10) hurt++;
    }
    sm_readings_close(beside);
    assert_int_equal(fseek(file, page * PAGE, SEEK_SET), 0);
    assert_int_equal(fwrite(kept, 1, PAGE, file), PAGE);
    assert_int_equal(fflush(file), 0);
  }
  assert_int_equal(fclose(file), 0);
  assert_true(stopped + hurt < pages / 5);
  f->store = store_open(f->dir, true);
  assert_int_equal(check_sound(f->store), (uint64_t)METERS * 8 * DAY_READINGS);
}

static void doctor_tells_what_is_wrong(void **state) {
  only_embedded();
  store_fixture *f = *state;
  commit_days(f->store, "a", 0, 4);
  seal_all(f->store);
  (void)commit_one(f->store, "a", make_reading(t0 + 4 * DAY_MS, 1));
  file_run(f, "INSERT INTO block SELECT 999 << 24, body FROM block LIMIT 1"); /* nobody's */
  file_run(f, "UPDATE block SET body = (SELECT body FROM block WHERE block_key ="
              " (SELECT max(block_key) FROM block WHERE block_key < 999 << 24))"
              " WHERE block_key = (SELECT min(block_key) FROM block)"); /* another day's */
  file_run(f, "INSERT INTO journal(committed_ms, body) SELECT 1, body FROM journal"); /* twice */
  file_run(f, "UPDATE fresh SET body = x'0300' WHERE fresh_key ="
              " (SELECT min(fresh_key) FROM fresh)");
  sm_readings_check_result result;
  assert_int_equal(sm_readings_check(f->store, NULL, NULL, NULL, &result), SM_OK);
  assert_true(result.findings >= 4);
}

/* ---- retention ---- */

/* Taken before the horizon passed it, and not sealed yet: its quarter counts it all the same. */
static void what_waits_in_the_journal_is_in_its_quarter_before_raw_goes(void **state) {
  only_embedded();
  store_fixture *f = *state;
  f->options.raw_retention_days = 5;
  store_reopen(f);
  commit_days(f->store, "a", 0, 3);
  seal_all(f->store);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 500, 0)), SM_VERDICT_LATE);
  (void)commit_one(f->store, "a", make_reading(t0 + 7 * DAY_MS, 300000));
  bool done = true;
  assert_int_equal(sm_drop_slice(f->store, &done), SM_OK);
  assert_false(done);
  store_reopen(f);
  assert_int_equal(sm_drop_slice(f->store, &done), SM_OK);
  assert_false(done);
  seal_all(f->store);
  seal_all(f->store);
  assert_int_equal(count_raw(f->store, "a"), DAY_READINGS + 1); /* of the day that is kept */
  sm_quarter_list list;
  assert_int_equal(sm_readings_quarters(f->store, "a", 0, t0, t0 + SM_QUARTER_MS, 9, &list), SM_OK);
  assert_int_equal(list.count, 1);
  assert_int_equal(list.item[0].count, 2);
  assert_int_equal(list.item[0].first.ts_ms, t0 + 500);
  sm_quarter_list_fini(&list);
  assert_int_equal(check_sound(f->store), DAY_READINGS + 1);
}

static void old_raw_goes_and_quarters_and_bills_stay(void **state) {
  only_embedded();
  store_fixture *f = *state;
  f->options.raw_retention_days = 5;
  store_reopen(f);
  commit_days(f->store, "a", 0, 3);
  /* a register that falls on the second day of another meter, and jumps at its end */
  static sm_reading_in in[8640];
  for (int64_t i = 0; i < 3 * 8640; i++) {
    int64_t wh = i < 8640 + 4000 ? 5000 + i : i - 8640;
    if (i > 2 * 8640) wh += 100000;
    in[i % 8640] = (sm_reading_in){.device_id = "b", .reading = make_reading(t0 + i * 10000, wh)};
    if (i % 8640 == 8639) assert_int_equal(commit_all(f->store, in, 8640), SM_OK);
  }
  sm_trace before;
  assert_int_equal(sm_readings_trace(f->store, "b", 0, t0, t0 + 3 * DAY_MS, 27600, NULL, &before),
                   SM_OK);
  commit_days(f->store, "a", 3, 8);
  (void)commit_one(f->store, "b", make_reading(t0 + 11 * DAY_MS, 300000));
  seal_all(f->store);
  seal_all(f->store);
  /* The newest is of day 11: what is before day 6 is gone. */
  assert_int_equal(count_raw(f->store, "a"), 5 * DAY_READINGS);
  assert_int_equal(count_raw(f->store, "b"), 1);
  assert_int_equal(count_quarters(f->store, "a"), 11 * DAY_READINGS);
  sm_trace after;
  assert_int_equal(
      sm_readings_trace(f->store, "b", 0, t0, t0 + 3 * DAY_MS - 900000, 27600, NULL, &after),
      SM_OK);
  assert_true(after.from_beginning);
  for (size_t i = 0; i + 2 < before.count; i++) {
    assert_int_equal(before.point[i].ts_ms, after.point[i].ts_ms);
    assert_int_equal(before.point[i].wh, after.point[i].wh);
  }
  sm_trace_fini(&before);
  sm_trace_fini(&after);
  /* What comes from before cannot be judged. */
  size_t rejects = count_rejects(f->store);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 100)),
                   SM_VERDICT_PAST_RETENTION);
  assert_int_equal(count_rejects(f->store), rejects + 1);
  f->options.raw_retention_days = 0;
  store_reopen(f); /* what was dropped stays unknown */
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1000, 100)),
                   SM_VERDICT_PAST_RETENTION);
  int64_t first_ms;
  assert_int_equal(sm_readings_first_ms(f->store, "a", 0, &first_ms), SM_OK);
  assert_int_equal(first_ms, t0 + 1000);
  (void)check_sound(f->store);
}

/* ---- the version before ---- */

static const char v1_schema[] =
    "DROP TABLE fresh; DROP TABLE course; DROP TABLE seal; DROP TABLE quarter;"
    "ALTER TABLE series DROP COLUMN state;"
    "CREATE TABLE quarter(quarter_key INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;"
    "PRAGMA user_version = 1";

/* Rows as version 1 of the program wrote them: a block an hour, a journal row with one reading. */
static void make_v1(store_fixture *f, int64_t hours) {
  file_run(f, v1_schema);
  file_run(f, "INSERT INTO series(series_no, device_id) VALUES(1, 'a')");
  for (int64_t h = 0; h < hours; h++) {
    sm_reading r[2] = {make_reading(t0 + h * HOUR_MS, 100 + h),
                       make_reading(t0 + h * HOUR_MS + 1800000, 100 + h)};
    sm_buf body;
    sm_buf_init(&body, 0);
    sm_block_encode(r, 2, &body);
    sm_sql_stmt q = sm_sql_use(f->store->db, "INSERT INTO block(block_key, body) VALUES(?1, ?2)");
    sm_sql_bind_i64(&q, 1, ((int64_t)1 << 24) + r[0].ts_ms / HOUR_MS);
    sm_sql_bind_blob(&q, 2, body.data, body.len);
    assert_int_equal(sm_sql_run(&q), SM_OK);
    sm_buf_fini(&body);
  }
}

static void a_file_of_the_version_before_is_taken_over(void **state) {
  only_embedded();
  store_fixture *f = *state;
  make_v1(f, 60);
  store_reopen(f);
  char before[128];
  (void)snprintf(before, sizeof before, "%s/readings.db.format-1", f->dir);
  assert_int_equal(access(before, R_OK), 0);
  assert_int_equal(count_raw(f->store, "a"), 120);
  assert_int_equal(count_quarters(f->store, "a"), 120);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 100)), SM_VERDICT_DUPLICATE);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0, 101)), SM_VERDICT_CONFLICT);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 1, 100)), SM_VERDICT_LATE);
  assert_int_equal(commit_one(f->store, "a", make_reading(t0 + 60 * HOUR_MS, 160)),
                   SM_VERDICT_STORED);
  seal_all(f->store);
  assert_int_equal(file_i64(f, "SELECT count(*) FROM block"), 2);
  assert_int_equal(check_sound(f->store), 122);
  store_reopen(f);
  assert_int_equal(count_raw(f->store, "a"), 122);
}

/* ---- each, backup ---- */

static sm_err count_span(void *context, const sm_readings_span *span) {
  int *count = context;
  assert_true(span->first_ms <= span->last_ms);
  return ++*count == 3 ? SM_ERR_CLOSED : SM_OK;
}

static void a_copy_is_the_store_of_its_moment(void **state) {
  only_embedded();
  store_fixture *f = *state;
  commit_days(f->store, "a", 0, 3);
  seal_all(f->store);
  commit_days(f->store, "b", 0, 1);
  int count = 0;
  assert_int_equal(sm_readings_each(f->store, count_span, &count), SM_OK);
  assert_int_equal(count, 2);
  char dir[] = "/tmp/sm-readings-XXXXXX";
  assert_non_null(mkdtemp(dir));
  char path[64];
  (void)snprintf(path, sizeof path, "%s/readings.db", dir);
  assert_int_equal(sm_readings_backup(f->store, path, NULL, NULL), SM_OK);
  assert_int_equal(sm_readings_backup(f->store, path, NULL, NULL), SM_ERR_EXISTS);
  (void)commit_one(f->store, "b", make_reading(t0 + 9 * DAY_MS, 1));
  sm_readings *copy = store_open(dir, true);
  assert_int_equal(count_raw(copy, "a"), 3 * DAY_READINGS);
  assert_int_equal(count_raw(copy, "b"), DAY_READINGS);
  assert_int_equal(check_sound(copy), 4 * DAY_READINGS);
  sm_readings_close(copy);
  store_dir_remove(dir);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
  const struct CMUnitTest tests[] = {
      T(what_a_meter_was_told_holds_after_a_restart),
      T(marks_of_what_is_not_stored_are_kept_too),
      T(one_ack_a_device_and_epoch),
      T(days_that_are_over_become_blocks),
      T(what_a_bulk_load_leaves_free_is_given_back),
      T(a_clock_ahead_merges_nothing_early),
      T(a_damaged_block_costs_its_day_and_keeps_its_quarters),
      T(a_damaged_quarter_row_is_made_again),
      T(a_damaged_journal_row_is_put_aside),
      T(a_series_whose_state_is_damaged_is_found_out_again),
      T(a_damaged_page_is_not_the_end),
      T(doctor_tells_what_is_wrong),
      T(what_waits_in_the_journal_is_in_its_quarter_before_raw_goes),
      T(old_raw_goes_and_quarters_and_bills_stay),
      T(a_file_of_the_version_before_is_taken_over),
      T(a_copy_is_the_store_of_its_moment),
  };
#undef T
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
