#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const bench_plan plan = {.seed = 7,
                                .noise = BENCH_NOISY,
                                .first_no = 1,
                                .devices = 3,
                                .start_ms = 1769680200000,
                                .interval_s = 10};

static void reading_is_written_as_the_protocol_says(void **state) {
  (void)state;
  const bench_reading reading = {.ts_ms = 1769679900000,
                                 .energy_wh = 12345,
                                 .voltage_dv = 2304,
                                 .current_ma = 2730,
                                 .power_dw = 6290,
                                 .power_factor_pct = 98,
                                 .frequency_dhz = 500};
  char text[BENCH_TEXT_MAX];
  size_t len = bench_write_json(text, 42, &reading, 0);
  static const char json[] =
      "{\"device_id\":\"meter-000042\",\"timestamp\":\"2026-01-29T09:45:00Z\",\"voltage\":230.4,"
      "\"current\":2.730,\"power_w\":629.0,\"energy_kwh\":12.345,\"power_factor\":0.98,"
      "\"frequency_hz\":50.0}";
  assert_int_equal(len, sizeof json - 1);
  assert_memory_equal(text, json, len);

  len = bench_write_json(text, 42, &reading, 9);
  static const char seq[] = ",\"seq\":9,\"epoch\":1,\"seq_first\":1}";
  assert_memory_equal(text + len - (sizeof seq - 1), seq, sizeof seq - 1);

  len = bench_write_line(text, 42, &reading);
  static const char line[] =
      "telemetry,device=meter-000042 voltage=230.4,current=2.730,power_w=629.0,energy_kwh=12.345,"
      "power_factor=0.98,frequency_hz=50.0 1769679900000";
  assert_int_equal(len, sizeof line - 1);
  assert_memory_equal(text, line, len);
}

static void times_are_civil_dates(void **state) {
  (void)state;
  static const struct {
    int64_t ts_ms;
    const char *text;
  } cases[] = {
      {951782399000, "2000-02-28T23:59:59Z"},  {951782400000, "2000-02-29T00:00:00Z"},
      {1709164800000, "2024-02-29T00:00:00Z"}, {1767225599000, "2025-12-31T23:59:59Z"},
      {1772323200000, "2026-03-01T00:00:00Z"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[BENCH_TEXT_MAX + 1];
    const bench_reading reading = {.ts_ms = cases[i].ts_ms};
    text[bench_write_json(text, 1, &reading, 0)] = '\0';
    assert_non_null(strstr(text, cases[i].text));
  }
}

static void readings_are_what_a_meter_can_say(void **state) {
  (void)state;
  static bench_group group;
  uint32_t last_wh[3] = {0};
  bench_source *source = bench_source_new(&plan);
  assert_non_null(source);
  bench_source_run(source, 20000, 1);
  while (bench_source_next(source, &group)) {
    const bench_reading *r = &group.reading[0];
    assert_in_range(r->voltage_dv, 2000, 2600);
    assert_in_range(r->current_ma, 0, 120000);
    assert_in_range(r->power_dw, 1, 600000);
    assert_in_range(r->power_factor_pct, 50, 100);
    assert_in_range(r->frequency_dhz, 480, 520);
    assert_in_range(r->energy_wh, last_wh[group.no - 1], 9999999);
    last_wh[group.no - 1] = r->energy_wh;
  }
  bench_source_free(source);
}

/* All readings of `steps` steps in messages of `per_message`, ordered by device, then time. */
static void collect(uint64_t steps, uint32_t per_message, bench_reading *out) {
  static bench_group group;
  uint64_t done[3] = {0};
  bench_source *source = bench_source_new(&plan);
  assert_non_null(source);
  bench_source_run(source, steps, per_message);
  while (bench_source_next(source, &group)) {
    uint64_t *at = &done[group.no - 1];
    assert_int_equal(group.seq, *at + 1);
    assert_int_equal(group.reading[0].ts_ms, plan.start_ms + (int64_t)*at * 10000);
    memcpy(&out[(group.no - 1) * steps + *at], group.reading, group.count * sizeof *out);
    *at += group.count;
  }
  for (size_t i = 0; i < 3; i++) assert_int_equal(done[i], steps);
  bench_source_free(source);
}

static void messages_change_the_order_and_nothing_else(void **state) {
  (void)state;
  enum { STEPS = 1003 };
  static bench_reading one[3 * STEPS];
  static bench_reading many[3 * STEPS];
  collect(STEPS, 1, one);
  collect(STEPS, 100, many);
  assert_memory_equal(one, many, sizeof one);
}

static void a_run_goes_on_where_the_last_one_ended(void **state) {
  (void)state;
  static bench_group group;
  static bench_reading whole[3 * 30];
  collect(30, 1, whole);
  bench_source *source = bench_source_new(&plan);
  assert_non_null(source);
  bench_source_run(source, 10, 1);
  while (bench_source_next(source, &group)) continue;
  bench_source_run(source, 20, 20);
  assert_true(bench_source_next(source, &group));
  assert_int_equal(group.no, 1);
  assert_int_equal(group.seq, 11);
  assert_memory_equal(group.reading, &whole[10], 20 * sizeof whole[0]);
  bench_source_free(source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reading_is_written_as_the_protocol_says),
      cmocka_unit_test(times_are_civil_dates),
      cmocka_unit_test(readings_are_what_a_meter_can_say),
      cmocka_unit_test(messages_change_the_order_and_nothing_else),
      cmocka_unit_test(a_run_goes_on_where_the_last_one_ended),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
