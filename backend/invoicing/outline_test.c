/* The outline of a trace says what the whole trace does: thinned it is the same, point for point,
 * whatever happened to a meter and however its readings came. Here, since no store knows what is
 * thinned. */
#include "base/zone.h"
#include "billing/billing.h"
#include "invoicing/thin.h"
#include "store/embedded/readings_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

enum { MOST = 12000, HISTORIES = 60, ZONES = 7, SPAN_DAYS = 36, INSTANTS_MAX = 40 };

static const int64_t second_ms = 1000;

/* What happens to a meter. */
typedef struct history {
  char name[16];
  sm_reading_in in[MOST];
  size_t count;
  int64_t power_w;
  uint64_t random;
} history;

static int64_t below(history *h, int64_t limit) {
  return (int64_t)(next_random(&h->random) % (uint64_t)limit);
}

/* One in `chance`; never, if that is 0. */
static bool happens(history *h, int64_t chance) {
  return chance > 0 && below(h, chance) == 0;
}

static int64_t step_ms(history *h) {
  static const int64_t steps_s[] = {240, 300, 897, 900, 1000, 3600, 7200, 20000};
  return steps_s[below(h, sizeof steps_s / sizeof steps_s[0])] * second_ms;
}

/* Some meters know no trouble, others one kind of it, few all. */
static void make(history *h, int no) {
  h->random = (uint64_t)no * 7919 + 3;
  h->count = 0;
  (void)snprintf(h->name, sizeof h->name, "meter-%d", no);
  bool troubled = no % 3 == 0;
  int64_t step = step_ms(h);
  int64_t jitter = no % 2 == 0 ? 1 : step / 3;
  int64_t gaps = no % 4 == 1 ? 300 : 0;
  int64_t falls = troubled ? 3000 : 0;
  int64_t leaps = troubled || no % 5 == 2 ? 2500 : 0;
  int64_t wild = troubled && no % 2 == 0 ? 2000 : 0;
  int64_t rise_w = 1 + below(h, 4000);
  h->power_w = no % 7 == 6 ? rise_w : 23000; /* a limit that is often reached */
  int64_t at = t0 + below(h, 6 * DAY_MS);
  if (no % 2 == 0) at -= at % (900 * second_ms);
  int64_t wh = below(h, 2000000);
  while (h->count < MOST && at < t0 + SPAN_DAYS * DAY_MS) {
    int64_t reading_wh = happens(h, wild) ? below(h, 9000000) : wh;
    h->in[h->count++] =
        (sm_reading_in){.device_id = h->name, .reading = make_reading(at, reading_wh)};
    int64_t passed = step + below(h, jitter) - jitter / 2;
    if (happens(h, gaps)) passed += below(h, 3 * DAY_MS);
    at += passed;
    wh += below(h, 2 * rise_w + 1) * passed / 3600000;
    if (happens(h, falls)) wh = below(h, 1000);
    if (happens(h, leaps)) wh += 50000;
  }
}

/* Takes out of `from` what `late` chooses, and puts it behind the others. */
static size_t move_late(history *h) {
  size_t on_time = 0;
  size_t late = 0;
  sm_reading_in *moved = calloc(h->count + 1, sizeof *moved);
  assert_non_null(moved);
  for (size_t i = 0; i < h->count; i++) {
    bool is_late = i > 2 && i + 1 < h->count && h->in[i].reading.ts_ms / (DAY_MS / 2) % 9 == 4;
    if (is_late)
      moved[late++] = h->in[i];
    else
      h->in[on_time++] = h->in[i];
  }
  memcpy(h->in + on_time, moved, late * sizeof *moved);
  free(moved);
  return on_time;
}

static void store_some(sm_readings *store, history *h, size_t from, size_t to) {
  for (; from < to; from += 500)
    assert_int_equal(commit_all(store, h->in + from, to - from < 500 ? to - from : 500), SM_OK);
}

/* ---- comparing ---- */

static void same_points(const sm_trace *a, const sm_trace *b) {
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->from_beginning, b->from_beginning);
  for (size_t i = 0; i < a->count; i++) {
    assert_int_equal(a->point[i].ts_ms, b->point[i].ts_ms);
    assert_int_equal(a->point[i].wh, b->point[i].wh);
    assert_int_equal(a->point[i].gap_ms, b->point[i].gap_ms);
    assert_int_equal(a->point[i].stated, b->point[i].stated);
  }
}

typedef struct asked {
  int64_t from_ms;
  int64_t to_ms;
  int64_t limit_w;
  int64_t instant_ms[INSTANTS_MAX];
  size_t count;
} asked;

/* A month of a zone, or a part of one, with some instants that are no day's start. */
static asked ask(history *h, const sm_zone *zone) {
  static const int64_t odd_ms[] = {0, 1, -1, 450000, 333333};
  asked a = {.limit_w = sm_billing_step_limit_w(h->power_w)};
  sm_date date = sm_zone_date(zone, t0 + (1 + below(h, 4)) * DAY_MS);
  size_t days = 3 + (size_t)below(h, 31);
  int64_t odd = odd_ms[below(h, sizeof odd_ms / sizeof odd_ms[0])];
  for (size_t i = 0; i < days; i++)
    a.instant_ms[a.count++] = sm_zone_day_start_ms(zone, sm_date_add_days(date, (int64_t)i)) + odd;
  a.from_ms = a.instant_ms[0];
  a.to_ms = a.instant_ms[a.count - 1];
  return a;
}

static size_t outlined;
static size_t given_whole;
static size_t kept_whole;

static void compare(sm_readings *store, history *h, const sm_zone *zone) {
  sm_trace all = {0};
  sm_trace some = {0};
  bool whole = true;
  const asked a = ask(h, zone);
  assert_int_equal(sm_readings_trace(store, h->name, 0, a.from_ms, a.to_ms, a.limit_w, NULL, &all),
                   SM_OK);
  assert_int_equal(sm_readings_outline(store, h->name, 0, a.from_ms, a.to_ms, a.limit_w,
                                       a.instant_ms, a.count, &some, &whole),
                   SM_OK);
  if (whole) same_points(&some, &all);
  assert_true(some.count <= all.count);
  bool thinned = sm_trace_thin(&all, a.limit_w, a.instant_ms, a.count);
  bool some_thinned = sm_trace_thin(&some, a.limit_w, a.instant_ms, a.count);
  if (some_thinned || whole) { /* what is taken; else all is read, as above */
    assert_int_equal(some_thinned, thinned);
    same_points(&some, &all);
  }
  outlined += !whole && some_thinned;
  given_whole += whole;
  kept_whole += whole && !thinned;
  sm_trace_fini(&some);
  sm_trace_fini(&all);
}

static void compare_in_all_zones(sm_readings *store, history *h) {
  static const char *const names[ZONES] = {
      "Asia/Kolkata",  "Asia/Kathmandu",      "UTC",         "America/St_Johns",
      "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"};
  for (size_t i = 0; i < ZONES; i++) {
    sm_zone *zone = NULL;
    assert_int_equal(sm_zone_new(names[i], &zone), SM_OK);
    compare(store, h, zone);
    sm_zone_free(zone);
  }
}

/* Rows as they were before: those of some days. */
static void write_some_as_before(store_fixture *f) {
  enum { ROWS = 4096 };
  static int64_t key[ROWS];
  size_t count = 0;
  sm_sql_stmt q = sm_sql_use(f->store->db, "SELECT quarter_key FROM quarter WHERE "
                                           "quarter_key / 4 % 3 = 1 ORDER BY quarter_key");
  while (count < ROWS && sm_sql_row(&q)) key[count++] = sm_sql_i64(&q, 0);
  assert_int_equal(sm_sql_end(&q), SM_OK);
  for (size_t i = 0; i < count; i++) quarter_row_as_before(f->store, key[i]);
  assert_true(count > 0);
}

/* ---- tests ---- */

static void random_histories_are_outlined_as_they_are_traced(void **state) {
  store_fixture *f = *state;
  static history h;
  outlined = given_whole = kept_whole = 0;
  for (int no = 0; no < HISTORIES; no++) {
    make(&h, no);
    size_t on_time = no % 2 == 0 ? h.count : move_late(&h);
    store_some(f->store, &h, 0, on_time);
    if (no % 3 != 2) seal_all(f->store); /* some days are rows, the last are not */
    compare_in_all_zones(f->store, &h);
    if (on_time == h.count) continue;
    store_some(f->store, &h, on_time, h.count);
    compare_in_all_zones(f->store, &h); /* late ones lie beside the rows */
    seal_all(f->store);
    compare_in_all_zones(f->store, &h);
  }
  (void)check_sound(f->store);
  assert_true(outlined > 300);
  assert_true(given_whole > 100);
  assert_true(kept_whole > 50);
}

static void rows_from_before_are_outlined_too(void **state) {
  store_fixture *f = *state;
  static history h;
  outlined = 0;
  for (int no = 0; no < HISTORIES / 3; no++) {
    make(&h, no);
    store_some(f->store, &h, 0, h.count);
  }
  seal_all(f->store);
  write_some_as_before(f);
  (void)check_sound(f->store);
  for (int no = 0; no < HISTORIES / 3; no++) {
    make(&h, no);
    compare_in_all_zones(f->store, &h);
  }
  assert_true(outlined > 50);
}

/* A day that cannot be read, or is gone, is no reason to leave out what stands beside it. */
static void damaged_rows_are_passed_over(void **state) {
  store_fixture *f = *state;
  static history h;
  make(&h, 4);
  store_some(f->store, &h, 0, h.count);
  seal_all(f->store);
  file_run(
      f, "UPDATE quarter SET body = CAST(substr(body, 1, 20) || x'ff' || substr(body, 22) AS BLOB) "
         "WHERE quarter_key % 5 = 2");
  file_run(f, "DELETE FROM quarter WHERE quarter_key % 7 = 3");
  for (int i = 0; i < 20; i++) compare_in_all_zones(f->store, &h);
}

static void a_meter_without_readings_has_an_empty_outline(void **state) {
  store_fixture *f = *state;
  sm_trace trace;
  bool whole = false;
  assert_int_equal(sm_readings_outline(f->store, "none", 0, INT64_MIN, INT64_MAX, 27599, NULL, 0,
                                       &trace, &whole),
                   SM_OK);
  assert_true(whole);
  assert_int_equal(trace.count, 0);
  sm_trace_fini(&trace);
}

/* The ends of time are an ask like any other. */
static void all_of_it_can_be_outlined(void **state) {
  store_fixture *f = *state;
  static history h;
  sm_trace all;
  sm_trace some;
  bool whole = true;
  make(&h, 8);
  store_some(f->store, &h, 0, h.count);
  seal_all(f->store);
  assert_int_equal(sm_readings_trace(f->store, h.name, 0, INT64_MIN, INT64_MAX, 27599, NULL, &all),
                   SM_OK);
  assert_int_equal(
      sm_readings_outline(f->store, h.name, 0, INT64_MIN, INT64_MAX, 27599, NULL, 0, &some, &whole),
      SM_OK);
  assert_false(whole);
  assert_true(some.count < all.count / 4);
  assert_true(sm_trace_thin(&all, 27599, NULL, 0));
  assert_true(sm_trace_thin(&some, 27599, NULL, 0));
  same_points(&some, &all);
  sm_trace_fini(&some);
  sm_trace_fini(&all);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
  const struct CMUnitTest tests[] = {
      T(random_histories_are_outlined_as_they_are_traced),
      T(rows_from_before_are_outlined_too),
      T(damaged_rows_are_passed_over),
      T(a_meter_without_readings_has_an_empty_outline),
      T(all_of_it_can_be_outlined),
  };
#undef T
  return cmocka_run_group_tests(tests, NULL, NULL);
}
