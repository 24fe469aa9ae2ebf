/* The store's trace of an edited register, judged by billing: it must say the same as all readings
 * with all edits, wherever it is cut. Here, since no store knows of billing. */
#include "billing/billing.h"
#include "billing/register.h"
#include "invoicing/invoicing_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

enum { MODULUS = 10000000, POWER = 23000, READINGS = 1500, EDITS = 16, ROUNDS = 40 };

static const int64_t minute_ms = 60000;

static int64_t begin_ms(void) {
  return ms("2026-01-05T00:00:00+05:30");
}

static void store(fixture *f, sm_reading_in *in, size_t count) {
  sm_readings_batch batch = {.readings = in, .reading_count = count};
  assert_int_equal(sm_readings_commit(f->readings, &batch), SM_OK);
}

static sm_trace trace_of(fixture *f, const char *device_id, int64_t from_ms, int64_t to_ms,
                         const sm_edits *edits) {
  sm_trace trace = {0};
  assert_int_equal(sm_readings_trace(f->readings, device_id, SM_CHANNEL_IMPORT, from_ms, to_ms,
                                     sm_billing_step_limit_w(POWER), edits, &trace),
                   SM_OK);
  return trace;
}

static const sm_register_point *point_at(const sm_trace *trace, int64_t ts_ms) {
  for (size_t i = 0; i < trace->count; i++)
    if (trace->point[i].ts_ms == ts_ms) return &trace->point[i];
  return NULL;
}

/* ---- what an edit does to a trace ---- */

static void edited_quarters_come_whole_and_edited(void **state) {
  fixture *f = *state;
  static sm_reading_in in[240];
  int64_t t0 = begin_ms();
  for (int i = 0; i < 240; i++)
    in[i] = (sm_reading_in){.device_id = "a",
                            .reading = {.ts_ms = t0 + i * minute_ms, .energy_wh = 1000 + 4 * i}};
  store(f, in, 240);
  const sm_edit edit[] = {
      {.ts_ms = t0 + 65 * minute_ms, .kind = SM_EDIT_VOID},
      {.ts_ms = t0 + 70 * minute_ms, .kind = SM_EDIT_CORRECT, .wh = 1281},
      {.ts_ms = t0 + 70 * minute_ms + 5000, .kind = SM_EDIT_MANUAL, .wh = 1282},
  };
  const sm_edits edits = {.item = edit, .count = 3};
  sm_trace trace = trace_of(f, "a", t0 + 30 * minute_ms, t0 + 120 * minute_ms, &edits);
  assert_null(point_at(&trace, t0 + 65 * minute_ms));
  assert_non_null(point_at(&trace, t0 + 66 * minute_ms));
  assert_false(point_at(&trace, t0 + 66 * minute_ms)->stated);
  assert_true(point_at(&trace, t0 + 70 * minute_ms)->stated);
  assert_int_equal(point_at(&trace, t0 + 70 * minute_ms)->wh, 1281);
  assert_int_equal(point_at(&trace, t0 + 70 * minute_ms + 5000)->wh, 1282);
  assert_null(point_at(&trace, t0 + 35 * minute_ms)); /* plain: its ends only */
  sm_trace_fini(&trace);
  trace = trace_of(f, "a", t0 + 30 * minute_ms, t0 + 120 * minute_ms, NULL);
  assert_null(point_at(&trace, t0 + 65 * minute_ms)); /* plain again, and inside a quarter */
  assert_int_equal(point_at(&trace, t0 + 60 * minute_ms)->wh, 1240);
  sm_trace_fini(&trace);
}

static void what_was_read_by_hand_stands_before_after_and_without_readings(void **state) {
  fixture *f = *state;
  int64_t t0 = begin_ms();
  sm_reading_in in[3];
  for (int i = 0; i < 3; i++)
    in[i] = (sm_reading_in){.device_id = "a",
                            .reading = {.ts_ms = t0 + i * minute_ms, .energy_wh = 1000 + i}};
  store(f, in, 3);
  const sm_edit edit[] = {
      {.ts_ms = t0 - 86400000, .kind = SM_EDIT_MANUAL, .wh = 900},
      {.ts_ms = t0 + 86400000, .kind = SM_EDIT_MANUAL, .wh = 2000},
  };
  const sm_edits edits = {.item = edit, .count = 2};
  sm_trace trace = trace_of(f, "a", t0, t0 + minute_ms, &edits);
  assert_int_equal(trace.count, 2 + 2); /* the quarter's ends: no edit touches it */
  assert_int_equal(trace.point[0].wh, 900);
  assert_int_equal(trace.point[3].wh, 2000);
  assert_true(trace.from_beginning);
  sm_trace_fini(&trace);
  trace = trace_of(f, "never-read", t0, t0 + minute_ms, &edits);
  assert_int_equal(trace.count, 2);
  assert_true(trace.from_beginning);
  sm_trace_fini(&trace);
}

/* ---- the same as all of it ---- */
static size_t close_quarters;
static size_t loose_quarters;

typedef struct history {
  sm_register_point all[READINGS];
  size_t count;
  sm_edit edit[EDITS];
  size_t edit_count;
  uint64_t random;
} history;

static int64_t below(history *h, int64_t limit) {
  h->random = h->random * 6364136223846793005U + 1442695040888963407U;
  return (int64_t)((h->random >> 33) % (uint64_t)limit);
}

/* Readings every minute or so with gaps; now and then a wild one, a reset, a jump. */
static void make_readings(history *h) {
  int64_t at = begin_ms();
  int64_t wh = 500000;
  for (h->count = 0; h->count < READINGS; h->count++) {
    int64_t chance = below(h, 300);
    at += chance == 0 || chance > 290 ? 7200000 : minute_ms - below(h, 20000);
    if (chance > 280 && chance <= 284) at += 4 * minute_ms + below(h, 2 * minute_ms);
    wh += below(h, 60);
    if (chance == 1) wh = below(h, 1000);
    if (chance == 2) wh += 300000;
    h->all[h->count] =
        (sm_register_point){.ts_ms = at, .wh = chance >= 3 && chance < 6 ? below(h, 900000) : wh};
  }
}

/* Of any kind, right, a little wrong or quite wrong, at readings and between them; pairs that agree
 * in gaps. */
static size_t make_edit(history *h, sm_edit *out) {
  size_t i = (size_t)below(h, READINGS - 1);
  bool pair = below(h, 3) == 0;
  while (pair && i < READINGS - 2 && h->all[i + 1].ts_ms - h->all[i].ts_ms < 2 * SM_QUARTER_MS) i++;
  const sm_register_point *at = &h->all[i];
  sm_edit_kind kind = pair ? SM_EDIT_MANUAL : (sm_edit_kind)below(h, 3);
  int64_t wrong = below(h, 4) == 0 ? below(h, 200000) : below(h, 20);
  int64_t span_ms = at[1].ts_ms - at->ts_ms - 10;
  out[0] = (sm_edit){.ts_ms = at->ts_ms + (kind == SM_EDIT_MANUAL ? 1 + below(h, span_ms) : 0),
                     .kind = kind,
                     .wh = kind == SM_EDIT_VOID ? 0 : at->wh + wrong};
  out[1] = out[0];
  out[1].ts_ms++;
  return pair ? 2 : 1;
}

static int by_time(const void *a, const void *b) {
  const sm_edit *x = a;
  const sm_edit *y = b;
  return (x->ts_ms > y->ts_ms) - (x->ts_ms < y->ts_ms);
}

static void make_edits(history *h) {
  sm_edit *list = h->edit;
  size_t made = 0;
  while (made + 1 < EDITS) made += make_edit(h, &list[made]);
  qsort(list, made, sizeof *list, by_time);
  h->edit_count = 0;
  for (size_t i = 0; i < made; i++)
    if (h->edit_count == 0 || list[i].ts_ms != list[h->edit_count - 1].ts_ms)
      list[h->edit_count++] = list[i];
}

static sm_course judged(const sm_register_point *point, size_t count) {
  sm_course course;
  assert_int_equal(sm_course_init(&course, point, count, MODULUS, POWER), SM_OK);
  return course;
}

static int64_t total(const sm_course *course, int64_t at_ms) {
  int64_t wh = 0;
  assert_int_equal(sm_course_total(course, 1000, at_ms, &wh), SM_OK);
  return wh;
}

/* Whether a span was read without a pause of more than 5 minutes from before it to behind it. */
static bool closely(const sm_course *course, int64_t from_ms, int64_t to_ms) {
  if (course->point_count == 0 || course->point[0].ts_ms > from_ms ||
      course->point[course->point_count - 1].ts_ms < to_ms)
    return false;
  for (size_t i = 1; i < course->point_count; i++)
    if (course->point[i].ts_ms > from_ms && course->point[i - 1].ts_ms < to_ms &&
        sm_register_gap_ms(&course->point[i - 1], &course->point[i]) > 300000)
      return false;
  return true;
}

/* The use of every quarter in a span, and how closely it was read, by the trace of that span and by
 * everything. */
static void compare_span(fixture *f, const char *device_id, const history *h, int64_t from_ms,
                         int64_t to_ms) {
  const sm_edits edits = {.item = h->edit, .count = h->edit_count};
  sm_register_point *whole = NULL;
  size_t count = 0;
  assert_int_equal(sm_edits_apply(&edits, INT64_MIN, INT64_MAX, h->all, h->count, &whole, &count),
                   SM_OK);
  sm_trace trace = trace_of(f, device_id, from_ms, to_ms, &edits);
  sm_course by_all = judged(whole, count);
  sm_course by_trace = judged(trace.point, trace.count);
  for (int64_t at = from_ms; at < to_ms; at += SM_QUARTER_MS) {
    int64_t next = at + SM_QUARTER_MS;
    assert_int_equal(total(&by_trace, next) - total(&by_trace, at),
                     total(&by_all, next) - total(&by_all, at));
    bool close = closely(&by_all, at, next);
    assert_int_equal(closely(&by_trace, at, next), close);
    close_quarters += close;
    loose_quarters += !close;
  }
  sm_course_fini(&by_all);
  sm_course_fini(&by_trace);
  sm_trace_fini(&trace);
  free(whole);
}

static void a_trace_is_judged_as_everything_would_be(void **state) {
  fixture *f = *state;
  static sm_reading_in in[READINGS];
  static history h;
  for (int round = 0; round < ROUNDS; round++) {
    char device_id[24];
    (void)snprintf(device_id, sizeof device_id, "meter-%d", round);
    h.random = (uint64_t)round + 1;
    make_readings(&h);
    make_edits(&h);
    for (size_t i = 0; i < h.count; i++)
      in[i] = (sm_reading_in){.device_id = device_id,
                              .reading = {.ts_ms = h.all[i].ts_ms, .energy_wh = h.all[i].wh}};
    store(f, in, h.count);
    if (round % 2 == 0) assert_int_equal(sm_readings_maintain(f->readings, true, NULL), SM_OK);
    int64_t first = h.all[0].ts_ms - h.all[0].ts_ms % SM_QUARTER_MS;
    int64_t quarters = (h.all[h.count - 1].ts_ms - first) / SM_QUARTER_MS;
    compare_span(f, device_id, &h, first - 4 * SM_QUARTER_MS,
                 first + (quarters + 4) * SM_QUARTER_MS);
    for (int i = 0; i < 20; i++) {
      int64_t from = first + below(&h, quarters) * SM_QUARTER_MS;
      compare_span(f, device_id, &h, from, from + (1 + below(&h, 30)) * SM_QUARTER_MS);
    }
  }
  assert_true(close_quarters > 1000 && loose_quarters > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(edited_quarters_come_whole_and_edited),
      TEST(what_was_read_by_hand_stands_before_after_and_without_readings),
      TEST(a_trace_is_judged_as_everything_would_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
