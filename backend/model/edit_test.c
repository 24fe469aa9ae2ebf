#include "model/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* after the ones above, which it wants */
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static const sm_edit edit[] = {{.ts_ms = 5, .kind = SM_EDIT_MANUAL, .wh = 50},
                               {.ts_ms = 20, .kind = SM_EDIT_VOID},
                               {.ts_ms = 30, .kind = SM_EDIT_CORRECT, .wh = 300},
                               {.ts_ms = 45, .kind = SM_EDIT_MANUAL, .wh = 450}};
static const sm_edits edits = {.item = edit, .count = COUNT(edit)};

typedef struct wanted {
  int64_t ts_ms;
  int64_t wh;
  bool stated;
} wanted;

static void check(const sm_register_point *point, size_t count, int64_t from_ms, int64_t to_ms,
                  const wanted *want, size_t want_count) {
  sm_register_point *once = NULL;
  sm_register_point *twice = NULL;
  size_t n = 0;
  size_t m = 0;
  assert_int_equal(sm_edits_apply(&edits, from_ms, to_ms, point, count, &once, &n), SM_OK);
  assert_int_equal(n, want_count);
  for (size_t i = 0; i < want_count; i++) {
    assert_int_equal(once[i].ts_ms, want[i].ts_ms);
    assert_int_equal(once[i].wh, want[i].wh);
    assert_int_equal(once[i].stated, want[i].stated);
  }
  assert_int_equal(sm_edits_apply(&edits, from_ms, to_ms, once, n, &twice, &m), SM_OK);
  assert_int_equal(m, n);
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(twice[i].ts_ms, once[i].ts_ms);
    assert_int_equal(twice[i].wh, once[i].wh);
    assert_int_equal(twice[i].stated, once[i].stated);
  }
  free(once);
  free(twice);
}

static void a_void_goes_a_correction_stands_a_manual_one_joins(void **state) {
  (void)state;
  const sm_register_point point[] = {{.ts_ms = 10, .wh = 100},
                                     {.ts_ms = 20, .wh = 9999},
                                     {.ts_ms = 30, .wh = 9998},
                                     {.ts_ms = 40, .wh = 400}};
  const wanted all[] = {
      {5, 50, true}, {10, 100, false}, {30, 300, true}, {40, 400, false}, {45, 450, true}};
  check(point, COUNT(point), INT64_MIN, INT64_MAX, all, COUNT(all));
}

static void a_gap_is_known_only_to_the_old_neighbour(void **state) {
  (void)state;
  const sm_register_point point[] = {
      {.ts_ms = 1, .wh = 1, .gap_ms = 9},    {.ts_ms = 2, .wh = 1, .gap_ms = 8},
      {.ts_ms = 10, .wh = 100, .gap_ms = 7}, /* 5 comes between */
      {.ts_ms = 20, .wh = 150, .gap_ms = 6}, /* voided */
      {.ts_ms = 25, .wh = 160, .gap_ms = 5}, {.ts_ms = 28, .wh = 170, .gap_ms = 4}};
  sm_register_point *out = NULL;
  size_t n = 0;
  assert_int_equal(sm_edits_apply(&edits, INT64_MIN, 26, point, COUNT(point), &out, &n), SM_OK);
  static const int32_t gaps[] = {0, 8, 0, 0, 0, 4};
  assert_int_equal(n, COUNT(gaps));
  for (size_t i = 0; i < n; i++) assert_int_equal(out[i].gap_ms, gaps[i]);
  free(out);
}

static void edits_outside_the_span_add_nothing(void **state) {
  (void)state;
  const sm_register_point point[] = {{.ts_ms = 10, .wh = 100}, {.ts_ms = 30, .wh = 9998}};
  const wanted some[] = {{10, 100, false}, {30, 300, true}};
  check(point, COUNT(point), 6, 45, some, COUNT(some));
  /* and yet a point that is edited does not stand */
  const wanted few[] = {{10, 100, false}};
  check(point, COUNT(point), 6, 30, few, COUNT(few));
}

static void several_points_of_an_edited_instant_all_go(void **state) {
  (void)state;
  const sm_register_point point[] = {{.ts_ms = 20, .wh = 9999},
                                     {.ts_ms = 20, .wh = 9999},
                                     {.ts_ms = 30, .wh = 9998},
                                     {.ts_ms = 30, .wh = 9998},
                                     {.ts_ms = 45, .wh = 1}};
  const wanted want[] = {{30, 300, true}, {45, 450, true}};
  check(point, COUNT(point), 10, INT64_MAX, want, COUNT(want));
}

static void a_meter_without_readings_has_what_was_read_by_hand(void **state) {
  (void)state;
  const wanted want[] = {{5, 50, true}, {30, 300, true}, {45, 450, true}};
  check(NULL, 0, INT64_MIN, INT64_MAX, want, COUNT(want));
}

static void without_edits_all_stays(void **state) {
  (void)state;
  const sm_edits none = {0};
  const sm_register_point point[] = {{.ts_ms = 10, .wh = 100}, {.ts_ms = 20, .wh = 9999}};
  sm_register_point *got = NULL;
  size_t count = 0;
  assert_int_equal(sm_edits_apply(&none, INT64_MIN, INT64_MAX, point, COUNT(point), &got, &count),
                   SM_OK);
  assert_int_equal(count, 2);
  assert_int_equal(got[1].wh, 9999);
  free(got);
  assert_int_equal(sm_edits_apply(&none, INT64_MIN, INT64_MAX, NULL, 0, &got, &count), SM_OK);
  assert_int_equal(count, 0);
  assert_null(got);
}

static void spans_and_instants_are_looked_up(void **state) {
  (void)state;
  assert_true(sm_edits_touch(&edits, 20, 21));
  assert_true(sm_edits_touch(&edits, 0, 6));
  assert_false(sm_edits_touch(&edits, 0, 5));
  assert_false(sm_edits_touch(&edits, 21, 30));
  assert_false(sm_edits_touch(&edits, 46, INT64_MAX));
  assert_ptr_equal(sm_edits_at(&edits, 30), &edit[2]);
  assert_null(sm_edits_at(&edits, 31));
  assert_null(sm_edits_at(&edits, 46));
}

static void kinds_have_names(void **state) {
  (void)state;
  for (int kind = SM_EDIT_MANUAL; kind <= SM_EDIT_CORRECT; kind++) {
    sm_edit_kind back = SM_EDIT_MANUAL;
    assert_int_equal(sm_edit_kind_parse(sm_edit_kind_name((sm_edit_kind)kind), &back), SM_OK);
    assert_int_equal(back, kind);
  }
  sm_edit_kind kind;
  assert_int_equal(sm_edit_kind_parse("withdraw", &kind), SM_ERR_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_void_goes_a_correction_stands_a_manual_one_joins),
      cmocka_unit_test(a_gap_is_known_only_to_the_old_neighbour),
      cmocka_unit_test(edits_outside_the_span_add_nothing),
      cmocka_unit_test(several_points_of_an_edited_instant_all_go),
      cmocka_unit_test(a_meter_without_readings_has_what_was_read_by_hand),
      cmocka_unit_test(without_edits_all_stays),
      cmocka_unit_test(spans_and_instants_are_looked_up),
      cmocka_unit_test(kinds_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
