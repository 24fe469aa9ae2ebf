/* Payloads as devices in the field send them (docs/third-party-meters.md says where they were
 * seen), and what they come to. */
#include "foreign/instant.h"
#include "foreign/translate.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int64_t at(const char *text) {
  int64_t ms = 0;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &ms), SM_OK);
  return ms;
}

static sm_mappings *mapping_of(const char *members) {
  char text[1024];
  sm_mappings *made = NULL;
  sm_problems problems = {.count = 0};
  (void)snprintf(text, sizeof text, "{\"mappings\": [{%s}]}", members);
  assert_int_equal(sm_mappings_parse(text, strlen(text), &made, &problems), SM_OK);
  return made;
}

#define TASMOTA "\"form\": \"tasmota\", \"topic\": \"tele/+/SENSOR\", \"zone\": "
#define JSON "\"form\": \"json\", \"topic\": \"other/+/data\", \"fields\": {\"energy\": "

static sm_foreign_result translated(const char *mapping, const char *payload, const char *now) {
  sm_mappings *all = mapping_of(mapping);
  const sm_foreign_message message = {.mapping = &all->item[0],
                                      .device_id = "m1",
                                      .payload = payload,
                                      .payload_len = strlen(payload),
                                      .payload_len_sent = strlen(payload),
                                      .now_ms = at(now)};
  sm_foreign_result r = {.outcome = SM_FOREIGN_REFUSED};
  sm_buf text;
  sm_buf_init(&text, 0);
  assert_int_equal(sm_foreign_translate(&message, &text, &r), SM_OK);
  sm_buf_fini(&text);
  sm_mappings_free(all);
  return r;
}

static void assert_reading(const sm_foreign_result *r, const char *when, int64_t energy_wh,
                           int32_t power_mw, int32_t voltage_mv, int32_t current_ma) {
  if (r->outcome != SM_FOREIGN_READING) print_error("%s\n", r->detail);
  assert_int_equal(r->outcome, SM_FOREIGN_READING);
  assert_int_equal(r->reading.ts_ms, at(when));
  assert_int_equal(r->reading.energy_wh, energy_wh);
  assert_int_equal(r->reading.power_mw, power_mw);
  assert_int_equal(r->reading.voltage_mv, voltage_mv);
  assert_int_equal(r->reading.current_ma, current_ma);
}

static void assert_refused(const char *mapping, const char *payload, const char *now,
                           sm_refusal refusal) {
  sm_foreign_result r = translated(mapping, payload, now);
  assert_int_equal(r.outcome, SM_FOREIGN_REFUSED);
  assert_string_equal(sm_refusal_word(r.refusal), sm_refusal_word(refusal));
  assert_true(r.detail[0] != '\0');
}

static const char plug[] =
    "{\"Time\":\"2023-05-19T20:52:56\",\"ENERGY\":{\"TotalStartTime\":\"2022-03-20T15:20:48\","
    "\"Total\":514.153,\"Yesterday\":1.495,\"Today\":0.537,\"Period\":0,\"Power\":56,"
    "\"ApparentPower\":92,\"ReactivePower\":73,\"Factor\":0.61,\"Voltage\":234,\"Current\":0.392}}";
static const char dual[] =
    "{\"Time\":\"2026-09-18T11:19:21\",\"ENERGY\":{\"TotalStartTime\":\"2026-09-16T00:00:00\","
    "\"Total\":[2.813,0.254],\"Yesterday\":[1.530,0.125],\"Today\":[0.772,0.059],\"Power\":[52,5],"
    "\"ApparentPower\":[66,10],\"ReactivePower\":[40,9],\"Factor\":[0.79,0.50],\"Voltage\":235,"
    "\"Current\":[0.278,0.044],\"BL09XX\":{\"Temperature\":46.5}}}";

static void tasmota_of_one_phase(void **state) {
  (void)state;
  sm_foreign_result r = translated(TASMOTA "\"Europe/Berlin\"", plug, "2023-05-19T18:52:57Z");
  assert_reading(&r, "2023-05-19T18:52:56Z", 514153, 56000, 234000, 392);
  assert_int_equal(r.reading.has, SM_READING_POWER_FACTOR);
  assert_int_equal(r.reading.power_factor_milli, 610);
  r = translated(TASMOTA "\"Asia/Kolkata\"", plug, "2023-05-19T18:52:57Z");
  assert_int_equal(r.reading.ts_ms, at("2023-05-19T15:22:56Z"));
  r = translated(TASMOTA "\"Europe/Berlin\", \"time\": \"device\"",
                 "{\"Time\":\"2025-10-26T02:30:00+01:00\",\"ENERGY\":{\"Total\":1.5,\"Power\":0,"
                 "\"Factor\":0.00,\"Voltage\":0,\"Current\":0.000,\"Frequency\":0}}",
                 "2025-10-26T01:30:01Z");
  assert_reading(&r, "2025-10-26T01:30:00Z", 1500, 0, 0, 0); /* and 0 Hz is left out */
  assert_int_equal(r.reading.has, SM_READING_POWER_FACTOR);
}

/* Five places (EnergyRes 5), rounded half away from zero as telemetry is. */
static void tasmota_is_exact(void **state) {
  (void)state;
  sm_foreign_result r = translated(
      TASMOTA "\"UTC\"",
      "{\"Time\":\"2023-04-04T17:01:33\",\"Switch1\":\"ON\",\"ENERGY\":{\"TotalStartTime\":"
      "\"2020-01-05T12:41:22\",\"Total\":14.68792,\"Yesterday\":0.00001,\"Today\":0.00869,"
      "\"Period\":1,"
      "\"Power\":32,\"ApparentPower\":35,\"ReactivePower\":16,\"Factor\":0.89,\"Voltage\":238,"
      "\"Current\":0.148}}",
      "2023-04-04T17:01:34Z");
  assert_reading(&r, "2023-04-04T17:01:33Z", 14688, 32000, 238000, 148);
  r = translated(TASMOTA "\"UTC\"",
                 "{\"Time\":\"2023-04-04T17:01:33\",\"ENERGY\":{\"Total\":123456.7895,\"Power\":1,"
                 "\"Voltage\":1,\"Current\":1}}",
                 "2023-04-04T17:01:34Z");
  assert_int_equal(r.reading.energy_wh, 123456790); /* beyond our own meters' 10,000 kWh */
}

static void tasmota_of_several_phases(void **state) {
  (void)state;
  sm_foreign_result r = translated(TASMOTA "\"UTC\"", dual, "2026-09-18T11:19:22Z");
  assert_reading(&r, "2026-09-18T11:19:21Z", 3067, 57000, 235000, 278);
  assert_int_equal(r.reading.has, 0); /* two factors are none */
  r = translated(TASMOTA "\"UTC\", \"phase\": 2", dual, "2026-09-18T11:19:22Z");
  assert_reading(&r, "2026-09-18T11:19:21Z", 254, 5000, 235000, 44);
  assert_int_equal(r.reading.power_factor_milli, 500);
  assert_refused(TASMOTA "\"UTC\", \"phase\": 3", dual, "2026-09-18T11:19:22Z", SM_REFUSAL_MISSING);
  /* Three phases and one register of them all: what one phase used is not there. */
  static const char three[] =
      "{\"Time\":\"2026-01-05T10:00:00\",\"ENERGY\":{\"Total\":812.345,\"Power\":[100,200,300],"
      "\"Factor\":[0.9,0.9,0.9],\"Frequency\":50,\"Voltage\":[229,231,230],\"Current\":[0.5,0.9,1."
      "4]}}";
  r = translated(TASMOTA "\"UTC\"", three, "2026-01-05T10:00:01Z");
  assert_reading(&r, "2026-01-05T10:00:00Z", 812345, 600000, 231000, 1400);
  assert_int_equal(r.reading.frequency_mhz, 50000);
  assert_refused(TASMOTA "\"UTC\", \"phase\": 1", three, "2026-01-05T10:00:01Z",
                 SM_REFUSAL_WRONG_TYPE);
}

static void what_is_wrong_is_refused_for_it(void **state) {
  (void)state;
  static const char now[] = "2026-01-05T10:00:01Z";
  assert_refused(TASMOTA "\"UTC\"", "{\"Time\":", now, SM_REFUSAL_MALFORMED);
  assert_refused(TASMOTA "\"UTC\"", "{\"Time\":1,\"Time\":2}", now, SM_REFUSAL_DUPLICATE_MEMBER);
  /* A clock that is not set, east of Greenwich: before 1970. */
  assert_refused(TASMOTA "\"Europe/Berlin\"",
                 "{\"Time\":\"1970-01-01T00:00:12\",\"ENERGY\":{\"Total\":1,\"Power\":1,"
                 "\"Voltage\":1,\"Current\":1}}",
                 now, SM_REFUSAL_TOO_OLD);
  assert_refused(TASMOTA "\"Europe/Berlin\"",
                 "{\"Time\":\"0001-01-01T00:00:12\",\"ENERGY\":{\"Total\":1,\"Power\":1,"
                 "\"Voltage\":1,\"Current\":1}}",
                 now, SM_REFUSAL_BAD_TIMESTAMP);

  assert_refused(
      TASMOTA "\"UTC\"",
      "{\"Time\":\"1970-01-01T00:00:12\",\"ENERGY\":{\"Total\":1,\"Power\":1,\"Voltage\":1,"
      "\"Current\":1}}",
      now, SM_REFUSAL_TOO_OLD);
  assert_refused(
      TASMOTA "\"UTC\"",
      "{\"Time\":\"2026-01-05T11:00:00\",\"ENERGY\":{\"Total\":1,\"Power\":1,\"Voltage\":1,"
      "\"Current\":1}}",
      now, SM_REFUSAL_IN_FUTURE);
  assert_refused(
      TASMOTA "\"UTC\"",
      "{\"Time\":\"2026-01-05T10:00:00\",\"ENERGY\":{\"Total\":1,\"Power\":-20,\"Voltage\":1,"
      "\"Current\":1}}",
      now, SM_REFUSAL_OUT_OF_RANGE);
  assert_refused(
      TASMOTA "\"UTC\"",
      "{\"Time\":\"2026-01-05T10:00:00\",\"ENERGY\":{\"Total\":null,\"Power\":1,\"Voltage\":1,"
      "\"Current\":1}}",
      now, SM_REFUSAL_WRONG_TYPE);
  assert_refused(
      TASMOTA "\"UTC\"",
      "{\"Time\":\"2026-01-05T10:00:00\",\"ENERGY\":{\"Total\":1e300,\"Power\":1,\"Voltage\":"
      "1,\"Current\":1}}",
      now, SM_REFUSAL_OUT_OF_RANGE);
  assert_refused(TASMOTA "\"UTC\"",
                 "{\"ENERGY\":{\"Total\":1,\"Power\":1,\"Voltage\":1,\"Current\":1}}", now,
                 SM_REFUSAL_MISSING);
  /* A thermometer on the same topic is no refused meter. */
  sm_foreign_result r =
      translated(TASMOTA "\"UTC\"",
                 "{\"Time\":\"2026-01-05T10:00:00\",\"AM2301\":{\"Temperature\":21.4}}", now);
  assert_int_equal(r.outcome, SM_FOREIGN_NOTHING);
}

static void json_by_pointers(void **state) {
  (void)state;
  sm_foreign_result r = translated(
      JSON
      "{\"pointer\": \"/a~1b/0/wh\", \"unit\": \"Wh\"}, \"power\": {\"pointer\": \"/p\", \"unit\":"
      "\"kW\"}, \"voltage\": {\"fixed\": \"230\"}, \"current\": {\"pointer\": \"/i\", \"decimals\":"
      "2}, \"rssi\": \"/rssi\"}, \"time\": {\"pointer\": \"/t\", \"as\": \"unix_ms\"}",
      "{\"t\":1767607200250,\"a/b\":[{\"wh\":\"12345.5\"}],\"p\":1.2345e0,\"i\":537,\"rssi\":-71}",
      "2026-01-05T10:00:01Z");
  assert_reading(&r, "2026-01-05T10:00:00.250Z", 12346, 1234500, 230000, 5370);
  assert_int_equal(r.reading.rssi_dbm, -71);
}

static void time_of(const char *text, const char *zone_name, const char *now, const char *wanted) {
  sm_zone *zone = NULL;
  int64_t ms = 0;
  assert_int_equal(sm_zone_new(zone_name, &zone), SM_OK);
  const char *wrong = sm_foreign_instant(text, strlen(text), zone, at(now), &ms);
  sm_zone_free(zone);
  if (wanted == NULL) {
    assert_non_null(wrong);
    return;
  }
  assert_null(wrong);
  assert_int_equal(ms, at(wanted));
}

static void local_times(void **state) {
  (void)state;
  static const char berlin[] = "Europe/Berlin";
  time_of("2026-07-01T12:00:00", berlin, "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z");
  time_of("2026-01-01T12:00:00.5", berlin, "2026-07-01T10:00:00Z", "2026-01-01T11:00:00.500Z");
  time_of("2026-01-29T09:45:00+05:30", berlin, "2026-07-01T10:00:00Z", "2026-01-29T04:15:00Z");
  /* The last Sunday of October: 02:30 is there twice, an hour apart. */
  time_of("2026-10-25T02:30:00", berlin, "2026-10-25T00:30:01Z", "2026-10-25T00:30:00Z");
  time_of("2026-10-25T02:30:00", berlin, "2026-10-25T01:30:01Z", "2026-10-25T01:30:00Z");
  time_of("2026-10-25T02:30:00", berlin, "2026-10-25T01:10:00Z", NULL);
  time_of("2026-10-25T02:30:00", berlin, "2026-10-26T10:00:00Z", NULL);
  time_of("2026-10-25T01:59:59", berlin, "2026-10-26T10:00:00Z", "2026-10-24T23:59:59Z");
  time_of("2026-10-25T03:00:00", berlin, "2026-10-26T10:00:00Z", "2026-10-25T02:00:00Z");
  /* The last Sunday of March: 02:30 is not there. */
  time_of("2026-03-29T02:30:00", berlin, "2026-03-29T01:30:00Z", NULL);
  time_of("2026-03-29T03:00:00", berlin, "2026-03-29T01:30:00Z", "2026-03-29T01:00:00Z");
  time_of("", berlin, "2026-03-29T01:30:00Z", NULL);
  time_of("2026-02-30T00:00:00", berlin, "2026-03-29T01:30:00Z", NULL);
}

static void states_of_sensors(void **state) {
  (void)state;
  const sm_mapping_field plain = {.given = true};
  const sm_mapping_field wh = {.given = true, .shift = -3};
  bool none = true;
  int64_t milli = 0;
  assert_true(sm_foreign_state(&plain, "1.23456", 7, &none, &milli));
  assert_false(none);
  assert_int_equal(milli, 1235);
  assert_true(sm_foreign_state(&wh, "1234.5", 6, &none, &milli));
  assert_int_equal(milli, 1235);
  assert_true(sm_foreign_state(&plain, "nan", 3, &none, &milli) && none);
  assert_true(sm_foreign_state(&plain, "", 0, &none, &milli) && none);
  assert_false(sm_foreign_state(&plain, "on", 2, &none, &milli));
  assert_false(sm_foreign_state(&plain, "1.2 W", 5, &none, &milli));
  assert_false(sm_foreign_state(&plain, "-", 1, &none, &milli));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tasmota_of_one_phase),
      cmocka_unit_test(tasmota_is_exact),
      cmocka_unit_test(tasmota_of_several_phases),
      cmocka_unit_test(what_is_wrong_is_refused_for_it),
      cmocka_unit_test(json_by_pointers),
      cmocka_unit_test(local_times),
      cmocka_unit_test(states_of_sensors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
