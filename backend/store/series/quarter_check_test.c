/* What the doctor tells of rows of 15 minutes: pure. */
#include "store/series/quarter_check.h"

#include "store/series/quarter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { QUARTERS = 3 };

static sm_reading reading[] = {
    {.ts_ms = 1000, .energy_wh = 10},
    {.ts_ms = 2000, .energy_wh = 11},
    {.ts_ms = SM_QUARTER_MS, .energy_wh = 20},
    {.ts_ms = 4 * (int64_t)SM_QUARTER_MS + 5, .energy_wh = 30},
};
static const sm_run raw = {.item = reading, .count = sizeof reading / sizeof reading[0]};

typedef struct told {
  int64_t key[QUARTERS];
  const char *detail;
  size_t count;
} told;

static void note(void *context, const sm_readings_finding *finding) {
  told *t = context;
  assert_string_equal(finding->kind, "quarter");
  assert_string_equal(finding->device_id, "m1");
  assert_true(t->count < QUARTERS);
  t->detail = finding->detail;
  t->key[t->count++] = finding->key;
}

static told check(sm_quarter *rows, size_t count, sm_readings_check_result *result) {
  told t = {.count = 0};
  sm_quarter_check c = {.finding = note, .context = &t};
  const sm_quarter_list list = {.item = rows, .count = count};
  assert_int_equal(sm_quarter_check_series(&c, "m1", &raw, &list), SM_OK);
  *result = c.result;
  return t;
}

static void make(sm_quarter rows[QUARTERS + 1]) {
  assert_int_equal(sm_quarters_of(raw.item, raw.count, rows), QUARTERS);
}

static void rows_that_are_right_are_counted(void **state) {
  (void)state;
  sm_quarter rows[QUARTERS + 1];
  sm_readings_check_result result;
  make(rows);
  assert_int_equal(check(rows, QUARTERS, &result).count, 0);
  assert_int_equal(result.findings, 0);
  assert_int_equal(result.series, 1);
  assert_int_equal(result.readings, raw.count);
  assert_int_equal(result.quarters, QUARTERS);
}

/* Their raw readings are gone. */
static void rows_of_before_stand_for_themselves(void **state) {
  (void)state;
  sm_quarter rows[QUARTERS + 2];
  sm_readings_check_result result;
  make(rows + 1);
  rows[0] = rows[1];
  rows[0].start_ms = -SM_QUARTER_MS;
  assert_int_equal(check(rows, QUARTERS + 1, &result).count, 0);
  assert_int_equal(result.quarters, QUARTERS + 1);
}

static void a_row_that_lacks_is_told(void **state) {
  (void)state;
  sm_quarter rows[QUARTERS + 1];
  sm_readings_check_result result;
  make(rows);
  rows[1] = rows[2];
  told t = check(rows, QUARTERS - 1, &result);
  assert_int_equal(t.count, 1);
  assert_int_equal(t.key[0], SM_QUARTER_MS);
  assert_non_null(strstr(t.detail, "missing"));
  assert_int_equal(check(rows, 0, &result).count, QUARTERS);
  assert_int_equal(result.findings, QUARTERS);
}

static void a_row_that_says_otherwise_is_told(void **state) {
  (void)state;
  sm_quarter rows[QUARTERS + 1];
  sm_readings_check_result result;
  make(rows);
  rows[2].last.wh++;
  told t = check(rows, QUARTERS, &result);
  assert_int_equal(t.count, 1);
  assert_int_equal(t.key[0], 4 * SM_QUARTER_MS);
  assert_non_null(strstr(t.detail, "not what the raw readings give"));
}

/* Each member counts. */
static void quarters_are_equal_in_all(void **state) {
  (void)state;
  sm_quarter rows[QUARTERS + 1];
  make(rows);
  assert_true(sm_quarter_equal(&rows[0], &rows[0]));
  assert_false(sm_quarter_equal(&rows[0], &rows[1]));
#define DIFFERS(member)                                                                            \
  do {                                                                                             \
    sm_quarter other = rows[0];                                                                    \
    other.member++;                                                                                \
    assert_false(sm_quarter_equal(&rows[0], &other));                                              \
  } while (0)
  DIFFERS(start_ms);
  DIFFERS(first.ts_ms);
  DIFFERS(first.wh);
  DIFFERS(last.ts_ms);
  DIFFERS(last.wh);
  DIFFERS(count);
  DIFFERS(power_sum_mw);
  DIFFERS(power_max_mw);
  DIFFERS(voltage_sum_mv);
  DIFFERS(voltage_min_mv);
  DIFFERS(voltage_max_mv);
  DIFFERS(gap_max_ms);
  DIFFERS(step_max_w);
  sm_quarter other = rows[0];
  other.fell = !other.fell;
  assert_false(sm_quarter_equal(&rows[0], &other));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_that_are_right_are_counted),
      cmocka_unit_test(rows_of_before_stand_for_themselves),
      cmocka_unit_test(a_row_that_lacks_is_told),
      cmocka_unit_test(a_row_that_says_otherwise_is_told),
      cmocka_unit_test(quarters_are_equal_in_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
