/* The verdicts on a batch's readings: pure, over series in memory. */
#include "store/series/verdicts.h"

#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { READINGS = 8, REJECTS = 3 };

typedef struct bench { /* on which a batch is judged */
  sm_series_table table;
  sm_verdicts v;
  sm_reading_in reading[READINGS];
  sm_reject_in reject[REJECTS];
  sm_ack ack[READINGS + REJECTS];
  sm_readings_batch in;
} bench;

static sm_err series_of(void *context, const char *device_id, uint8_t channel, sm_series **series) {
  bench *b = context;
  return sm_series_table_need(&b->table, device_id, channel, series);
}

static int set_up(void **state) {
  bench *b = calloc(1, sizeof *b);
  assert_non_null(b);
  b->in = (sm_readings_batch){.readings = b->reading, .rejects = b->reject, .acks = b->ack};
  *state = b;
  return 0;
}

static int tear_down(void **state) {
  bench *b = *state;
  sm_verdicts_forget(&b->v);
  sm_verdicts_fini(&b->v);
  sm_series_table_fini(&b->table);
  free(b);
  return 0;
}

static void add(bench *b, const char *device_id, int64_t ts_ms, int64_t energy_wh, uint32_t seq) {
  b->reading[b->in.reading_count++] =
      (sm_reading_in){.device_id = device_id,
                      .reading = {.ts_ms = ts_ms, .energy_wh = energy_wh},
                      .mark = {.present = seq != 0, .epoch = 7, .seq = seq}};
}

static void add_reject(bench *b, const char *device_id, uint32_t seq, int64_t drop_no) {
  b->reject[b->in.reject_count++] =
      (sm_reject_in){.device_id = device_id,
                     .drop_no = drop_no,
                     .mark = {.present = seq != 0, .epoch = 7, .seq = seq}};
}

/* What the store knows of a series. */
static void is_known(bench *b, const char *device_id, int64_t no, int64_t latest_ms) {
  sm_series *series = NULL;
  assert_int_equal(series_of(b, device_id, SM_CHANNEL_IMPORT, &series), SM_OK);
  assert_int_not_equal(series->touched, 0);
  b->v.series[series->touched - 1].no = no;
  b->v.series[series->touched - 1].latest_ms = latest_ms;
}

static void touch(bench *b) {
  assert_int_equal(sm_verdicts_touch(&b->v, &b->in, series_of, b), SM_OK);
}

static void judge(bench *b, int64_t horizon_ms) {
  sm_verdict_key *keys;
  size_t count;
  sm_verdicts_first(&b->v, &b->in, horizon_ms);
  assert_int_equal(sm_verdicts_keys(&b->v, &b->in, &keys, &count), SM_OK);
  assert_int_equal(keys != NULL, b->v.late > 0);
  for (size_t i = 1; i < count; i++)
    assert_true(keys[i - 1].series < keys[i].series || keys[i - 1].ts_ms <= keys[i].ts_ms);
  sm_verdicts_late(&b->v, &b->in, keys, count);
  sm_verdicts_count(&b->v, &b->in);
  free(keys);
}

static void is_stored(bench *b, int64_t no, int64_t ts_ms, int64_t energy_wh) {
  const sm_reading r = {.ts_ms = ts_ms, .energy_wh = energy_wh};
  assert_int_equal(sm_verdicts_found(&b->v, no, &r), SM_OK);
}

static void expect(const bench *b, const uint8_t *verdict) {
  for (size_t i = 0; i < b->in.reading_count; i++)
    assert_int_equal(b->v.item[i].verdict, verdict[i]);
}

static void the_latest_alone_tells_what_is_new(void **state) {
  bench *b = *state;
  add(b, "a", 1000, 1, 0);
  add(b, "a", 2000, 2, 0);
  add(b, "b", 1000, 3, 0);
  touch(b);
  assert_int_equal(b->v.series_count, 2);
  is_known(b, "a", 1, 999);
  judge(b, 0);
  assert_int_equal(b->v.late, 0);
  assert_int_equal(b->v.stored, 3);
  assert_int_equal(b->v.series[0].latest_ms, 2000);
  assert_true(b->v.series[0].stored && b->v.series[1].stored);
  expect(b, (uint8_t[]){SM_VERDICT_STORED, SM_VERDICT_STORED, SM_VERDICT_STORED});
}

static void older_ones_are_looked_up(void **state) {
  bench *b = *state;
  add(b, "a", 1000, 1, 0); /* the same is stored */
  add(b, "a", 2000, 9, 0); /* another one is */
  add(b, "a", 3000, 3, 0); /* nothing is */
  add(b, "a", 9000, 9, 0);
  touch(b);
  is_known(b, "a", 5, 8000);
  is_stored(b, 5, 2000, 2);
  is_stored(b, 5, 1000, 1);
  is_stored(b, 5, 1000, 1); /* told twice */
  is_stored(b, 4, 3000, 3); /* of another series */
  judge(b, 0);
  expect(b, (uint8_t[]){SM_VERDICT_DUPLICATE, SM_VERDICT_CONFLICT, SM_VERDICT_LATE,
                        SM_VERDICT_STORED});
  assert_int_equal(b->v.late, 3);
  assert_int_equal(b->v.refused, 1);
  assert_int_equal(b->v.stored, 2);
}

/* Of one key twice in a batch the first counts, whether it is new or late. */
static void the_first_of_a_key_counts(void **state) {
  bench *b = *state;
  add(b, "a", 5000, 1, 0);
  add(b, "a", 5000, 1, 0);
  add(b, "a", 5000, 2, 0);
  add(b, "a", 1000, 3, 0);
  add(b, "a", 1000, 4, 0);
  add(b, "a", 1000, 3, 0);
  touch(b);
  judge(b, 0);
  expect(b, (uint8_t[]){SM_VERDICT_STORED, SM_VERDICT_DUPLICATE, SM_VERDICT_CONFLICT,
                        SM_VERDICT_LATE, SM_VERDICT_CONFLICT, SM_VERDICT_DUPLICATE});
  assert_int_equal(b->v.stored, 2);
  assert_int_equal(b->v.refused, 2);
}

static void before_the_horizon_is_refused(void **state) {
  bench *b = *state;
  add(b, "a", 999, 1, 0);
  add(b, "a", 1000, 1, 0);
  add(b, "a", 999, 1, 0);
  touch(b);
  judge(b, 1000);
  expect(b, (uint8_t[]){SM_VERDICT_PAST_RETENTION, SM_VERDICT_STORED, SM_VERDICT_PAST_RETENTION});
  assert_int_equal(b->v.refused, 2);
  assert_int_equal(b->v.stored, 1);
}

static void instants_that_are_none_end_it(void **state) {
  bench *b = *state;
  add(b, "a", -1, 1, 0);
  assert_int_equal(sm_verdicts_touch(&b->v, &b->in, series_of, b), SM_ERR_RANGE);
  b->reading[0].reading.ts_ms = INT64_MAX;
  assert_int_equal(sm_verdicts_touch(&b->v, &b->in, series_of, b), SM_ERR_RANGE);
  b->reading[0].reading.ts_ms = ((int64_t)1 << 24) * 86400000 - 1;
  assert_int_equal(sm_verdicts_touch(&b->v, &b->in, series_of, b), SM_OK);
}

static sm_err count_one(void *context, const sm_reject_in *reject) {
  size_t *count = context;
  assert_true(strcmp(reject->reason, "conflict") == 0 ||
              strcmp(reject->reason, "past_retention") == 0);
  ++*count;
  return *count < 2 ? SM_OK : SM_ERR_FULL;
}

static void the_refused_become_rejects(void **state) {
  bench *b = *state;
  size_t count = 0;
  add(b, "a", 1, 1, 0);
  add(b, "a", 2000, 1, 0);
  add(b, "a", 2000, 2, 0);
  add(b, "a", 2000, 3, 0);
  touch(b);
  judge(b, 1000);
  assert_int_equal(b->v.refused, 3);
  assert_int_equal(sm_verdicts_refused(&b->v, &b->in, 5, count_one, &count), SM_ERR_FULL);
  assert_int_equal(count, 2);
}

/* As engines do: `next` begins as what is stored. */
static void settle(bench *b) {
  for (size_t i = 0; i < b->v.series_count; i++) {
    const sm_series *s = b->v.series[i].series;
    b->v.series[i].next = sm_series_new(s->device_id, s->channel);
    assert_non_null(b->v.series[i].next);
  }
  sm_verdicts_settle(&b->v, &b->in);
}

static void a_series_is_brought_forward(void **state) {
  bench *b = *state;
  add(b, "a", 5000, 1, 0);
  add(b, "a", 1000, 3, 0);
  add(b, "a", 2000, 4, 0);
  add(b, "b", 10, 4, 0);
  touch(b);
  judge(b, 100);
  settle(b);
  const sm_series *next = b->v.series[0].next;
  assert_true(next->has_last);
  assert_int_equal(next->first_ms, 1000);
  assert_int_equal(next->last.ts_ms, 5000);
  assert_false(b->v.series[1].next->has_last); /* refused */
}

static void marks_are_settled_and_acknowledged(void **state) {
  bench *b = *state;
  add(b, "a", 1000, 1, 1);
  add(b, "b", 1000, 1, 0); /* has no sequence */
  add_reject(b, "a", 2, 0);
  add_reject(b, "c", 1, 0);   /* with nothing but a reject */
  add_reject(b, "d", 1, 123); /* leaves: no mark of its own */
  touch(b);
  assert_int_equal(b->v.series_count, 3);
  judge(b, 0);
  settle(b);
  sm_verdicts_tell(&b->v, &b->in);
  assert_int_equal(b->reading[0].verdict, SM_VERDICT_STORED);
  assert_int_equal(b->in.ack_count, 2);
  assert_string_equal(b->ack[0].device_id, "a");
  assert_int_equal(b->ack[0].epoch, 7);
  assert_int_equal(b->ack[0].seq, 2);
  assert_string_equal(b->ack[1].device_id, "c");
  assert_int_equal(b->ack[1].seq, 1);
}

static void duplicates_are_no_news(void **state) {
  bench *b = *state;
  add(b, "a", 1000, 1, 0);
  touch(b);
  is_known(b, "a", 1, 1000);
  is_stored(b, 1, 1000, 1);
  judge(b, 0);
  expect(b, (uint8_t[]){SM_VERDICT_DUPLICATE});
  assert_false(sm_verdicts_has_news(&b->v, &b->in));
  b->v.series[0].marked = true;
  assert_true(sm_verdicts_has_news(&b->v, &b->in));
}

/* The next batch begins with nothing of this one. */
static void it_is_forgotten(void **state) {
  bench *b = *state;
  add(b, "a", 1000, 1, 0);
  add(b, "a", 1000, 2, 0);
  touch(b);
  judge(b, 0);
  settle(b);
  sm_verdicts_forget(&b->v);
  assert_int_equal(b->v.stored + b->v.late + b->v.refused + b->v.found_count, 0);
  sm_series *series = sm_series_table_get(&b->table, "a", SM_CHANNEL_IMPORT);
  assert_int_equal(series->touched, 0);
  b->in.reading_count = 0;
  add(b, "b", 1000, 1, 0);
  touch(b);
  assert_int_equal(b->v.series_count, 1);
  judge(b, 0);
  assert_int_equal(b->v.stored, 1);
}

int main(void) {
  if (sm_crypto_init() != SM_OK) return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(the_latest_alone_tells_what_is_new),
      TEST(older_ones_are_looked_up),
      TEST(the_first_of_a_key_counts),
      TEST(before_the_horizon_is_refused),
      TEST(instants_that_are_none_end_it),
      TEST(the_refused_become_rejects),
      TEST(a_series_is_brought_forward),
      TEST(marks_are_settled_and_acknowledged),
      TEST(duplicates_are_no_news),
      TEST(it_is_forgotten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
