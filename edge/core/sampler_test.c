#include "core/sampler.h"

#include "core/test_module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static test_module module;
static edge_sampler sampler;
static int64_t now_ms;

static int setup(void **state) {
  (void)state;
  now_ms = 0;
  module = (test_module){.says = {.voltage_dv = 2304,
                                  .current_ma = 2730,
                                  .power_dw = 6290,
                                  .energy_wh = 70000,
                                  .frequency_dhz = 500,
                                  .power_factor_centi = 98}};
  edge_sampler_settings settings = EDGE_SAMPLER_DEFAULTS;
  settings.address = 1;
  const edge_serial serial = test_module_serial(&module);
  edge_sampler_init(&sampler, &settings, &serial, 0);
  return 0;
}

/* Polls until a round has ended. */
static edge_sampler_event round_of(edge_sampler_result *result) {
  for (int i = 0; i < 10000; i++) {
    edge_sampler_event event = edge_sampler_poll(&sampler, now_ms, result);
    if (event != EDGE_SAMPLER_NOTHING) return event;
    now_ms += 10;
  }
  fail_msg("no round ends");
  return EDGE_SAMPLER_NOTHING;
}

static void expect_sample(uint32_t energy_wh) {
  edge_sampler_result result;
  assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
  assert_int_equal(result.sample.energy_wh, energy_wh);
}

static void expect_failure(edge_sampler_fault fault) {
  edge_sampler_result result;
  assert_int_equal(round_of(&result), EDGE_SAMPLER_FAILED);
  assert_string_equal(edge_sampler_fault_word(result.fault), edge_sampler_fault_word(fault));
}

static void rounds_keep_to_their_grid(void **state) {
  (void)state;
  edge_sampler_result result;
  for (int i = 0; i < 5; i++) {
    assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
    assert_int_equal(result.asked_ms, 10000 * i);
    assert_int_equal(edge_sampler_due_ms(&sampler), 10000 * (i + 1));
    now_ms = edge_sampler_due_ms(&sampler);
    module.says.voltage_dv++;
  }
  now_ms += 25000; /* something held everything up: no two rounds at once */
  assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
  assert_int_equal(edge_sampler_due_ms(&sampler), 80000);
}

static void a_fault_is_asked_again(void **state) {
  (void)state;
  static const test_mode modes[] = {SILENT, BAD_CRC, CUT, STRANGER, REFUSES};
  static const edge_sampler_fault faults[] = {EDGE_FAULT_SILENT, EDGE_FAULT_CRC, EDGE_FAULT_CUT,
                                              EDGE_FAULT_ADDRESS, EDGE_FAULT_EXCEPTION};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    module.mode = modes[i];
    module.mode_for = 2;
    module.requests = 0;
    module.says.energy_wh++;
    expect_sample(module.says.energy_wh);
    assert_int_equal(module.requests, 3);
    assert_int_equal(sampler.faults[faults[i]], 2);
  }
}

static void a_failed_round_gives_nothing(void **state) {
  (void)state;
  expect_sample(70000);
  module.mode = SILENT;
  module.mode_for = 3;
  edge_sampler_result result;
  assert_int_equal(round_of(&result), EDGE_SAMPLER_FAILED);
  assert_int_equal(result.sample.voltage_dv, 0); /* not the last one's */
  assert_int_equal(result.fault, EDGE_FAULT_SILENT);
  expect_sample(70000);
}

static void noise_before_a_reply_is_thrown_away(void **state) {
  (void)state;
  module.mode = NOISY;
  module.mode_for = 1;
  expect_sample(70000);
  assert_int_equal(module.requests, 1);
}

static void a_late_reply_is_not_the_next_ones(void **state) {
  (void)state;
  edge_sampler_result result;
  module.mode = SILENT;
  module.mode_for = 1;
  assert_int_equal(edge_sampler_poll(&sampler, 0, &result), EDGE_SAMPLER_NOTHING);
  assert_int_equal(edge_sampler_poll(&sampler, 300, &result), EDGE_SAMPLER_NOTHING);
  test_module_put_reply(&module, 1); /* comes after the time is over */
  module.says.energy_wh = 70001;
  now_ms = 310;
  expect_sample(70001);
}

static void what_cannot_be_is_refused(void **state) {
  (void)state;
  const edge_sample good = module.says;
  edge_sample bad[6] = {good, good, good, good, good, good};
  bad[0].voltage_dv = 5001;
  bad[1].current_ma = 120001;
  bad[2].power_dw = 600001;
  bad[3].energy_wh = 10000000;
  bad[4].frequency_dhz = 0;
  bad[5].power_factor_centi = 101;
  for (size_t i = 0; i < 6; i++) {
    module.says = bad[i];
    expect_failure(EDGE_FAULT_IMPLAUSIBLE);
  }
  module.says = good;
  expect_sample(70000);
}

static void a_register_that_fell_is_believed_the_second_time(void **state) {
  (void)state;
  edge_sampler_result result;
  expect_sample(70000);
  module.says.energy_wh = 3;
  module.requests = 0;
  assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
  assert_int_equal(result.sample.energy_wh, 3);
  assert_true(result.leapt);
  assert_int_equal(module.requests, 2);
  assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
  assert_false(result.leapt);
}

static void a_single_leap_is_not_believed(void **state) {
  (void)state;
  expect_sample(70000);
  edge_sampler_result result;
  now_ms = edge_sampler_due_ms(&sampler);
  module.says.energy_wh = 900000;
  assert_int_equal(edge_sampler_poll(&sampler, now_ms, &result), EDGE_SAMPLER_NOTHING);
  assert_int_equal(edge_sampler_poll(&sampler, now_ms, &result), EDGE_SAMPLER_NOTHING);
  module.says.energy_wh = 70001;
  expect_sample(70001);
  assert_int_equal(sampler.faults[EDGE_FAULT_UNCONFIRMED], 1);
}

static void a_register_below_the_stored_one_is_confirmed(void **state) {
  (void)state;
  edge_sampler_result result;
  edge_sampler_remember(&sampler, 80000);
  assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
  assert_true(result.leapt);
  setup(state);
  edge_sampler_remember(&sampler, 60000); /* who knows how long it was off */
  assert_int_equal(round_of(&result), EDGE_SAMPLER_SAMPLE);
  assert_false(result.leapt);
}

static void a_frozen_module_is_noticed_and_thaws(void **state) {
  (void)state;
  for (int i = 0; i < 30; i++) expect_sample(70000);
  expect_failure(EDGE_FAULT_FROZEN);
  expect_failure(EDGE_FAULT_FROZEN);
  assert_true(sampler.frozen);
  module.says.voltage_dv++;
  expect_sample(70000);
  assert_false(sampler.frozen);
}

static void a_line_that_never_stops_keeps_nobody(void **state) {
  (void)state;
  edge_sampler_result result;
  module.mode = SILENT;
  module.mode_for = 1000;
  for (int i = 0; i < 300; i++) {
    module.len = sizeof module.bytes;
    memset(module.bytes, 0x01, sizeof module.bytes);
    if (edge_sampler_poll(&sampler, now_ms, &result) == EDGE_SAMPLER_FAILED) return;
    now_ms += 10;
  }
  fail_msg("the round never ends");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(rounds_keep_to_their_grid),
      TEST(a_fault_is_asked_again),
      TEST(a_failed_round_gives_nothing),
      TEST(noise_before_a_reply_is_thrown_away),
      TEST(a_late_reply_is_not_the_next_ones),
      TEST(what_cannot_be_is_refused),
      TEST(a_register_that_fell_is_believed_the_second_time),
      TEST(a_single_leap_is_not_believed),
      TEST(a_register_below_the_stored_one_is_confirmed),
      TEST(a_frozen_module_is_noticed_and_thaws),
      TEST(a_line_that_never_stops_keeps_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
