#include "foreign/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static sm_mappings *good(const char *text) {
  sm_mappings *made = NULL;
  sm_problems problems = {.count = 0};
  sm_err err = sm_mappings_parse(text, strlen(text), &made, &problems);
  for (size_t i = 0; i < problems.count; i++)
    print_error("%s %s\n", problems.item[i].field, problems.item[i].message);
  assert_int_equal(err, SM_OK);
  return made;
}

/* All the fields that are wrong, in order, each with a blank behind it. */
static void assert_wrong(const char *text, const char *fields) {
  sm_mappings *made = NULL;
  sm_problems problems = {.count = 0};
  char all[2048] = "";
  assert_int_equal(sm_mappings_parse(text, strlen(text), &made, &problems), SM_ERR_INVALID);
  assert_null(made);
  for (size_t i = 0; i < problems.count; i++) {
    size_t len = strlen(all);
    (void)snprintf(all + len, sizeof all - len, "%s ", problems.item[i].field);
    assert_true(problems.item[i].message[0] != '\0');
  }
  assert_string_equal(all, fields);
}

static bool matches(const sm_mapping *m, const char *topic, sm_mapping_match *match) {
  return sm_mapping_matches(m, topic, strlen(topic), match);
}

#define ESPHOME_SENSORS                                                                            \
  "\"sensors\": {\"energy\": {\"sensor\": \"energy\", \"unit\": \"Wh\"}, \"power\": \"power\","    \
  "\"voltage\": {\"fixed\": \"230\"}, \"current\": \"current\"}"

static void tasmota_is_a_form(void **state) {
  (void)state;
  sm_mappings *all = good("{\"mappings\": [{\"form\": \"tasmota\", \"topic\": \"tele/+/SENSOR\","
                          "\"zone\": \"Europe/Berlin\"}]}");
  const sm_mapping *m = &all->item[0];
  sm_mapping_match match;
  char filter[SM_MAPPING_FILTER_MAX];
  assert_int_equal(all->count, 1);
  assert_string_equal(m->field[SM_FIELD_ENERGY].source, "/ENERGY/Total");
  assert_string_equal(m->time_source, "/Time");
  assert_string_equal(sm_zone_name(m->zone), "Europe/Berlin");
  assert_false(sm_mapping_is_live(m));
  assert_true(matches(m, "tele/tasmota_1A2B3C/SENSOR", &match));
  assert_string_equal(match.device_id, "tasmota_1A2B3C");
  assert_true(matches(m, "tele/not.a.device/SENSOR", &match));
  assert_string_equal(match.device_id, "");
  assert_false(matches(m, "tele/a/STATE", &match));
  assert_false(matches(m, "tele/a/b/SENSOR", &match));
  assert_false(matches(m, "tele/a/SENSOR/x", &match));
  assert_true(sm_mapping_filter(m, SM_FIELD_ENERGY, filter));
  assert_string_equal(filter, "tele/+/SENSOR");
  assert_false(sm_mapping_filter(m, SM_FIELD_POWER, filter));
  sm_mappings_free(all);
}

static void esphome_has_a_topic_a_sensor(void **state) {
  (void)state;
  sm_mappings *all = good("{\"mappings\": [{\"form\": \"esphome\", \"topic\": \"esphome/+\","
                          "\"interval_s\": 60, " ESPHOME_SENSORS "}]}");
  const sm_mapping *m = &all->item[0];
  sm_mapping_match match;
  char filter[SM_MAPPING_FILTER_MAX];
  assert_true(sm_mapping_is_live(m));
  assert_int_equal(m->interval_ms, 60000);
  assert_int_equal(m->field[SM_FIELD_ENERGY].shift, -3);
  assert_int_equal(m->field[SM_FIELD_VOLTAGE].fixed_milli, 230000);
  assert_true(matches(m, "esphome/shed/sensor/power/state", &match));
  assert_string_equal(match.device_id, "shed");
  assert_int_equal(match.field, SM_FIELD_POWER);
  assert_false(matches(m, "esphome/shed/sensor/wifi/state", &match));
  assert_false(matches(m, "esphome/shed/sensor/power/stat", &match));
  assert_true(sm_mapping_filter(m, SM_FIELD_CURRENT, filter));
  assert_string_equal(filter, "esphome/+/sensor/current/state");
  assert_false(sm_mapping_filter(m, SM_FIELD_VOLTAGE, filter)); /* fixed */
  assert_false(sm_mapping_filter(m, SM_FIELD_FREQUENCY, filter));
  sm_mappings_free(all);
}

static void json_names_its_fields(void **state) {
  (void)state;
  sm_mappings *all =
      good("{\"mappings\": [{\"form\": \"json\", \"topic\": \"other/cellar/data\","
           "\"device_id\": \"meter-9\", \"time\": {\"pointer\": \"/t\", \"as\": \"unix_s\"},"
           "\"fields\": {\"energy\": {\"pointer\": \"/e/0\", \"unit\": \"MWh\", \"decimals\": 2},"
           "\"power\": \"/p\", \"voltage\": \"/u\", \"current\": {\"pointer\": \"/i\", \"unit\":"
           "\"mA\"}, \"power_factor\": {\"pointer\": \"/pf\", \"unit\": \"%\"}}}]}");
  const sm_mapping *m = &all->item[0];
  sm_mapping_match match;
  assert_int_equal(m->time, SM_TIME_UNIX_S);
  assert_int_equal(m->field[SM_FIELD_ENERGY].shift, 1);
  assert_int_equal(m->field[SM_FIELD_POWER_FACTOR].shift, -2);
  assert_true(matches(m, "other/cellar/data", &match));
  assert_string_equal(match.device_id, "meter-9");
  sm_mappings_free(all);
}

static void all_that_is_wrong_is_told_at_once(void **state) {
  (void)state;
  assert_wrong("{", "mappings ");
  assert_wrong("[]", "mappings ");
  assert_wrong("{\"mappings\": []}", "mappings ");
  assert_wrong("{\"mappings\": [7, {}], \"more\": 1}",
               "more mappings[0] mappings[1].topic mappings[1].form ");
  assert_wrong(
      "{\"mappings\": [{\"form\": \"tasmota\", \"topic\": \"tele/#\", \"zone\": \"Mars\","
      "\"phase\": 9, \"fields\": {}}, {\"form\": \"tasmota\", \"topic\": \"tele/a/SENSOR\"}]}",
      "mappings[0].topic mappings[0].phase mappings[0].fields mappings[0].zone "
      "mappings[1].device_id mappings[1].zone ");
  assert_wrong(
      "{\"mappings\": [{\"form\": \"json\", \"topic\": \"a/+/b+\", \"fields\": {\"energy\":"
      "{\"fixed\": \"1\"}, \"power\": {\"pointer\": \"p\", \"unit\": \"hp\"}, \"watts\": 1}}]}",
      "mappings[0].topic mappings[0].fields.energy.fixed mappings[0].fields.power.pointer "
      "mappings[0].fields.power.unit mappings[0].fields.voltage mappings[0].fields.current "
      "mappings[0].fields.watts mappings[0].time ");
  assert_wrong("{\"mappings\": [{\"form\": \"esphome\", \"topic\": \"meters/+\", \"interval_s\": 0,"
               "\"device_id\": \"a b\", " ESPHOME_SENSORS "}]}",
               "mappings[0].topic mappings[0].device_id mappings[0].interval_s ");
  assert_wrong("{\"mappings\": [{\"form\": \"esphome\", \"topic\": \"a/+\", \"device_id\": \"x\", "
               "\"sensors\": {\"energy\": \"a/b\"}}]}",
               "mappings[0].device_id mappings[0].sensors.energy mappings[0].sensors.power "
               "mappings[0].sensors.voltage mappings[0].sensors.current ");
}

static void one_message_is_one_meters_once(void **state) {
  (void)state;
  assert_wrong("{\"mappings\": [{\"form\": \"tasmota\", \"topic\": \"tele/+/SENSOR\", \"zone\":"
               "\"UTC\"}, {\"form\": \"tasmota\", \"topic\": \"tele/+/SENSOR\", \"zone\": \"UTC\","
               "\"phase\": 2}]}",
               "mappings[1].topic ");
  sm_mappings_free(
      good("{\"mappings\": [{\"form\": \"tasmota\", \"topic\": \"tele/dual/SENSOR\", \"zone\":"
           "\"UTC\", \"phase\": 1, \"device_id\": \"one\"}, {\"form\": \"tasmota\", \"topic\":"
           "\"tele/dual/SENSOR\", \"zone\": \"UTC\", \"phase\": 2, \"device_id\": \"two\"}]}"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tasmota_is_a_form),
      cmocka_unit_test(esphome_has_a_topic_a_sensor),
      cmocka_unit_test(json_names_its_fields),
      cmocka_unit_test(all_that_is_wrong_is_told_at_once),
      cmocka_unit_test(one_message_is_one_meters_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
