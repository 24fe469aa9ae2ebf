#include "foreign/gather.h"

#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t t0 = INT64_C(1767607200000);

static sm_mapping esphome(void) {
  sm_mapping m = {.topic = "esphome/+",
                  .wild = true,
                  .form = SM_FORM_ESPHOME,
                  .interval_ms = 10000,
                  .stale_ms = 60000};
  for (unsigned i = 0; i <= SM_FIELD_POWER_FACTOR; i++) m.field[i].given = true;
  m.field[SM_FIELD_CURRENT] = (sm_mapping_field){.given = true, .fixed = true, .fixed_milli = 5000};
  return m;
}

static int64_t one_is_known(void *context, const char *device_id) {
  (void)context;
  return strcmp(device_id, "known") == 0 ? t0 : INT64_MIN;
}

static sm_gathered take(sm_gather *g, const char *device_id, sm_field field, int64_t milli,
                        int64_t after_ms) {
  const sm_mapping m = esphome();
  sm_gathered out;
  bool none = milli == INT64_MIN;
  assert_int_equal(
      sm_gather_take(g, &m, device_id, field, none, none ? 0 : milli, t0 + after_ms, &out), SM_OK);
  return out;
}

static sm_gather *new_gather(void) {
  sm_gather *g = NULL;
  assert_int_equal(sm_crypto_init(), SM_OK);
  assert_int_equal(sm_gather_new(one_is_known, NULL, &g), SM_OK);
  return g;
}

static void the_register_makes_the_reading(void **state) {
  (void)state;
  sm_gather *g = new_gather();
  assert_int_equal(take(g, "a", SM_FIELD_VOLTAGE, 230100, 0).step, SM_GATHER_NONE);
  assert_int_equal(take(g, "a", SM_FIELD_POWER, 1200, 10).step, SM_GATHER_NONE);
  sm_gathered r = take(g, "a", SM_FIELD_ENERGY, 12345, 20);
  assert_int_equal(r.step, SM_GATHER_READING);
  assert_int_equal(r.ts_ms, t0 + 20);
  assert_int_equal(r.values.milli[SM_FIELD_ENERGY], 12345);
  assert_int_equal(r.values.milli[SM_FIELD_VOLTAGE], 230100);
  assert_int_equal(r.values.milli[SM_FIELD_CURRENT], 5000);
  assert_false(r.values.has[SM_FIELD_POWER_FACTOR]);
  /* At most one in the interval, to a tenth of it. */
  assert_int_equal(take(g, "a", SM_FIELD_ENERGY, 12346, 5000).step, SM_GATHER_NONE);
  assert_int_equal(take(g, "a", SM_FIELD_POWER_FACTOR, 900, 5001).step, SM_GATHER_NONE);
  r = take(g, "a", SM_FIELD_ENERGY, 12347, 9900);
  assert_int_equal(r.step, SM_GATHER_READING);
  assert_true(r.values.has[SM_FIELD_POWER_FACTOR]);
  sm_gather_free(g);
}

static void it_waits_for_the_others_once(void **state) {
  (void)state;
  sm_gather *g = new_gather();
  assert_int_equal(take(g, "a", SM_FIELD_ENERGY, 1, 0).step, SM_GATHER_NONE);
  assert_int_equal(take(g, "a", SM_FIELD_POWER, 1, 100).step, SM_GATHER_NONE);
  sm_gathered r = take(g, "a", SM_FIELD_VOLTAGE, 1, 200);
  assert_int_equal(r.step, SM_GATHER_READING);
  assert_int_equal(r.ts_ms, t0); /* when the register came */
  assert_int_equal(take(g, "b", SM_FIELD_ENERGY, 1, 0).step, SM_GATHER_NONE);
  r = take(g, "b", SM_FIELD_ENERGY, 2, 10000);
  assert_int_equal(r.step, SM_GATHER_MISSING);
  assert_int_equal(r.missing, SM_FIELD_POWER);
  sm_gather_free(g);
}

static void what_is_old_or_none_is_not_used(void **state) {
  (void)state;
  sm_gather *g = new_gather();
  (void)take(g, "a", SM_FIELD_VOLTAGE, 230000, 0);
  (void)take(g, "a", SM_FIELD_POWER, 100, 0);
  assert_int_equal(take(g, "a", SM_FIELD_ENERGY, 1, 60000).step, SM_GATHER_READING);
  assert_int_equal(take(g, "a", SM_FIELD_ENERGY, 2, 70001).step, SM_GATHER_NONE); /* waits */
  (void)take(g, "a", SM_FIELD_POWER, 100, 70002);
  assert_int_equal(take(g, "a", SM_FIELD_VOLTAGE, 230000, 70003).step, SM_GATHER_READING);
  (void)take(g, "a", SM_FIELD_POWER, INT64_MIN, 80000);
  assert_int_equal(take(g, "a", SM_FIELD_ENERGY, 3, 81000).step, SM_GATHER_NONE);
  assert_int_equal(take(g, "a", SM_FIELD_ENERGY, INT64_MIN, 82000).step, SM_GATHER_NONE);
  assert_int_equal(take(g, "a", SM_FIELD_POWER, 1, 83000).step, SM_GATHER_NONE); /* no register */
  sm_gather_free(g);
}

static void nothing_comes_before_what_is_stored(void **state) {
  (void)state;
  sm_gather *g = new_gather();
  const sm_mapping m = esphome();
  sm_gather_step step;
  assert_int_equal(take(g, "known", SM_FIELD_ENERGY, 1, -5000).step, SM_GATHER_BEHIND);
  assert_int_equal(take(g, "known", SM_FIELD_ENERGY, 1, 5000).step, SM_GATHER_NONE);
  assert_int_equal(sm_gather_due(g, &m, "known", t0, &step), SM_OK);
  assert_int_equal(step, SM_GATHER_BEHIND);
  assert_int_equal(sm_gather_due(g, &m, "known", t0 + 10000, &step), SM_OK);
  assert_int_equal(step, SM_GATHER_READING);
  assert_int_equal(sm_gather_due(g, &m, "known", t0 + 15000, &step), SM_OK);
  assert_int_equal(step, SM_GATHER_NONE);
  sm_gather_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_register_makes_the_reading),
      cmocka_unit_test(it_waits_for_the_others_once),
      cmocka_unit_test(what_is_old_or_none_is_not_used),
      cmocka_unit_test(nothing_comes_before_what_is_stored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
