#include "app/discovery.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *written(const char *name, uint8_t has) {
  const sm_discovery d = {.device_id = "meter-001", .name = name, .version = "0.1.0", .has = has};
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_discovery_write(&d, &text);
  json_t *root = json_loads(sm_buf_text(&text), JSON_REJECT_DUPLICATES, NULL);
  sm_buf_fini(&text);
  assert_non_null(root);
  return root;
}

static const char *text_at(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  assert_non_null(text);
  return text;
}

static void a_meter_is_a_device(void **state) {
  (void)state;
  json_t *root = written("Flat \"4\"", 0);
  const json_t *device = json_object_get(root, "device");
  const json_t *parts = json_object_get(root, "components");
  assert_string_equal(text_at(device, "name"), "Flat \"4\"");
  assert_string_equal(text_at(root, "state_topic"), "meters/meter-001/telemetry");
  assert_string_equal(text_at(root, "availability_topic"), "meters/meter-001/status");
  assert_string_equal(text_at(json_object_get(root, "origin"), "name"), "Smartmeter");
  assert_int_equal(json_object_size(parts), 4);
  const json_t *energy = json_object_get(parts, "energy");
  assert_string_equal(text_at(energy, "platform"), "sensor");
  assert_string_equal(text_at(energy, "unique_id"), "smartmeter_meter-001_energy");
  assert_string_equal(text_at(energy, "device_class"), "energy");
  assert_string_equal(text_at(energy, "state_class"), "total_increasing");
  assert_string_equal(text_at(energy, "unit_of_measurement"), "kWh");
  json_decref(root);
}

static void it_has_the_sensors_that_it_has(void **state) {
  (void)state;
  json_t *root = written(NULL, SM_READING_POWER_FACTOR | SM_READING_FREQUENCY | SM_READING_RSSI);
  const json_t *parts = json_object_get(root, "components");
  assert_int_equal(json_object_size(parts), 7);
  assert_null(json_object_get(json_object_get(parts, "power_factor"), "unit_of_measurement"));
  assert_string_equal(text_at(json_object_get(root, "device"), "name"), "Meter meter-001");
  json_decref(root);
}

static void topics_lead_there_and_back(void **state) {
  (void)state;
  char topic[SM_DISCOVERY_TOPIC_MAX];
  char id[SM_DEVICE_ID_MAX + 1];
  assert_string_equal(sm_discovery_topic("homeassistant", "meter-001", topic),
                      "homeassistant/device/smartmeter_meter-001/config");
  assert_true(sm_discovery_topic_is("homeassistant", topic, strlen(topic), id));
  assert_string_equal(id, "meter-001");
  assert_false(sm_discovery_topic_is("home", topic, strlen(topic), id));
  static const char *const others[] = {
      "homeassistant/device/tasmota_1/config", "homeassistant/device/smartmeter_/config",
      "homeassistant/device/smartmeter_a/b/config", "homeassistant/sensor/smartmeter_a/config"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    assert_false(sm_discovery_topic_is("homeassistant", others[i], strlen(others[i]), id));
}

static void prefixes(void **state) {
  (void)state;
  assert_true(sm_discovery_prefix_valid("homeassistant"));
  assert_true(sm_discovery_prefix_valid("site/ha"));
  assert_false(sm_discovery_prefix_valid(""));
  assert_false(sm_discovery_prefix_valid("/ha"));
  assert_false(sm_discovery_prefix_valid("ha/"));
  assert_false(sm_discovery_prefix_valid("ha/#"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_meter_is_a_device),
      cmocka_unit_test(it_has_the_sensors_that_it_has),
      cmocka_unit_test(topics_lead_there_and_back),
      cmocka_unit_test(prefixes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
