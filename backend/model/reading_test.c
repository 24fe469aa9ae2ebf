#include "base/buf.h"
#include "model/money.h"
#include "model/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *id) {
  return sm_device_id_valid(id, strlen(id));
}

static void device_ids_are_1_to_64_of_the_safe_characters(void **state) {
  (void)state;
  char longest[66];
  memset(longest, 'a', sizeof longest);
  assert_true(valid("meter-001"));
  assert_true(valid("A_z-9"));
  assert_true(sm_device_id_valid(longest, 64));
  assert_false(sm_device_id_valid(longest, 65));
  assert_false(valid(""));
  assert_false(valid("meter.1"));
  assert_false(valid("meter/1"));
  assert_false(valid("meter 1"));
  assert_false(valid("m\xc3\xa9ter"));
  assert_false(valid("+"));
  assert_false(valid("#"));
  assert_false(sm_device_id_valid("a\0b", 3));
}

static const sm_reading plain = {.ts_ms = INT64_C(1769679900000),
                                 .energy_wh = 12345,
                                 .voltage_mv = 230400,
                                 .current_ma = 2730,
                                 .power_mw = 628990,
                                 .power_factor_milli = 980,
                                 .rssi_dbm = -60,
                                 .has = SM_READING_POWER_FACTOR | SM_READING_RSSI};

static void two_readings_are_equal_if_all_that_they_have_is(void **state) {
  (void)state;
  sm_reading a = plain;
  sm_reading b = plain;
  b.frequency_mhz = 50000; /* absent in both */
  b.seq = 7;
  assert_true(sm_reading_equal(&a, &b));
  b.has |= SM_READING_SEQ;
  assert_false(sm_reading_equal(&a, &b));
  a.has |= SM_READING_SEQ;
  assert_false(sm_reading_equal(&a, &b));
  a.seq = 7;
  assert_true(sm_reading_equal(&a, &b));
}

static void a_change_of_any_stored_value_makes_readings_differ(void **state) {
  (void)state;
  sm_reading full = plain;
  full.has = 0x1f;
  sm_reading changed[10];
  for (size_t i = 0; i < 10; i++) changed[i] = full;
  changed[0].ts_ms++;
  changed[1].energy_wh++;
  changed[2].voltage_mv++;
  changed[3].current_ma++;
  changed[4].power_mw++;
  changed[5].frequency_mhz++;
  changed[6].seq++;
  changed[7].epoch++;
  changed[8].power_factor_milli++;
  changed[9].rssi_dbm++;
  for (size_t i = 0; i < 10; i++) assert_false(sm_reading_equal(&full, &changed[i]));
}

static void check_json(const sm_reading *reading, const char *expected) {
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_reading_write_json(&w, "meter-001", reading);
  assert_string_equal(sm_buf_text(&buf), expected);
  sm_buf_fini(&buf);
}

static void a_reading_is_written_as_the_contracts_telemetry(void **state) {
  (void)state;
  check_json(&plain, "{\"device_id\":\"meter-001\",\"timestamp\":\"2026-01-29T09:45:00Z\","
                     "\"voltage\":230.4,\"current\":2.73,\"power_w\":628.99,"
                     "\"energy_kwh\":12.345,\"power_factor\":0.98,\"rssi\":-60}");
}

static void absent_members_are_not_written_and_all_present_ones_are(void **state) {
  (void)state;
  sm_reading reading = plain;
  reading.has = 0;
  check_json(&reading, "{\"device_id\":\"meter-001\",\"timestamp\":\"2026-01-29T09:45:00Z\","
                       "\"voltage\":230.4,\"current\":2.73,\"power_w\":628.99,"
                       "\"energy_kwh\":12.345}");
  reading.has = SM_READING_FREQUENCY | SM_READING_SEQ | SM_READING_EPOCH;
  reading.frequency_mhz = 49980;
  reading.seq = UINT32_MAX;
  reading.epoch = 3;
  check_json(&reading, "{\"device_id\":\"meter-001\",\"timestamp\":\"2026-01-29T09:45:00Z\","
                       "\"voltage\":230.4,\"current\":2.73,\"power_w\":628.99,"
                       "\"energy_kwh\":12.345,\"frequency_hz\":49.98,\"seq\":4294967295,"
                       "\"epoch\":3}");
}

static void currencies_have_their_own_digits(void **state) {
  (void)state;
  assert_int_equal(sm_currency_digits("INR"), 2);
  assert_int_equal(sm_currency_digits("EUR"), 2);
  assert_int_equal(sm_currency_digits("JPY"), 0);
  assert_int_equal(sm_currency_digits("KWD"), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(device_ids_are_1_to_64_of_the_safe_characters),
      cmocka_unit_test(two_readings_are_equal_if_all_that_they_have_is),
      cmocka_unit_test(a_change_of_any_stored_value_makes_readings_differ),
      cmocka_unit_test(a_reading_is_written_as_the_contracts_telemetry),
      cmocka_unit_test(absent_members_are_not_written_and_all_present_ones_are),
      cmocka_unit_test(currencies_have_their_own_digits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
