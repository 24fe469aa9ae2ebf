#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Loads with one setting changed; the settings and the problem are the caller's to end. */
static sm_err load_with(const char *name, const char *value, sm_config *config, sm_buf *problem) {
  sm_buf_init(problem, 0);
  assert_int_equal(setenv(name, value, 1), 0);
  sm_err err = sm_config_load(config, problem);
  assert_int_equal(unsetenv(name), 0);
  return err;
}

static void refused(const char *name, const char *value, const char *fix) {
  sm_config config = {0};
  sm_buf problem;
  assert_int_equal(load_with(name, value, &config, &problem), SM_ERR_INVALID);
  assert_non_null(strstr(sm_buf_text(&problem), name));
  assert_non_null(strstr(sm_buf_text(&problem), value));
  assert_non_null(strstr(sm_buf_text(&problem), fix));
  sm_buf_fini(&problem);
}

static sm_config loaded(const char *name, const char *value) {
  sm_config config = {0};
  sm_buf problem;
  assert_int_equal(load_with(name, value, &config, &problem), SM_OK);
  sm_buf_fini(&problem);
  return config;
}

static void one_connection_is_not_shared(void **state) {
  (void)state;
  sm_config c = loaded("SMARTMETER_MQTT_VERSION", "auto");
  assert_int_equal(c.mqtt_connections, 1);
  assert_null(c.mqtt_share);
  assert_int_equal(c.mqtt_version, 0);
  assert_int_equal(c.raw_retention_days, 0);
  sm_config_fini(&c);
}

static void several_connections_share(void **state) {
  (void)state;
  sm_config c = loaded("SMARTMETER_MQTT_CONNECTIONS", "64");
  assert_int_equal(c.mqtt_connections, 64);
  assert_string_equal(c.mqtt_share, "smartmeter");
  sm_config_fini(&c);
  c = loaded("SMARTMETER_MQTT_SHARE", "north");
  assert_int_equal(c.mqtt_connections, 1);
  assert_string_equal(c.mqtt_share, "north");
  sm_config_fini(&c);
  c = loaded("SMARTMETER_MQTT_SHARE", "none");
  assert_null(c.mqtt_share);
  sm_config_fini(&c);
}

static void servers_share_a_broker_that_has_room_for_several(void **state) {
  (void)state;
  static const char store[] = "postgresql://db.example/smartmeter";
  sm_config c = loaded("SMARTMETER_STORE", store);
  assert_null(c.mqtt_share);
  sm_config_fini(&c);
  (void)setenv("SMARTMETER_MQTT_URL", "mqtts://broker.example", 1);
  c = loaded("SMARTMETER_STORE", store);
  assert_string_equal(c.mqtt_share, "smartmeter");
  sm_config_fini(&c);
  (void)setenv("SMARTMETER_STORE", store, 1);
  c = loaded("SMARTMETER_MQTT_SHARE", "none");
  assert_null(c.mqtt_share);
  sm_config_fini(&c);
  (void)setenv("SMARTMETER_MQTT_CONNECTIONS", "2", 1);
  refused("SMARTMETER_MQTT_SHARE", "none", "each would get every message");
  (void)unsetenv("SMARTMETER_MQTT_CONNECTIONS");
  (void)unsetenv("SMARTMETER_MQTT_URL");
  (void)unsetenv("SMARTMETER_STORE");
}

static void versions_are_named_as_the_standard_does(void **state) {
  (void)state;
  sm_config c = loaded("SMARTMETER_MQTT_VERSION", "5");
  assert_int_equal(c.mqtt_version, 5);
  sm_config_fini(&c);
  c = loaded("SMARTMETER_MQTT_VERSION", "3.1.1");
  assert_int_equal(c.mqtt_version, 4);
  sm_config_fini(&c);
}

static void retention_leaves_what_bills_need(void **state) {
  (void)state;
  sm_config c = loaded("SMARTMETER_RAW_RETENTION_DAYS", "62");
  assert_int_equal(c.raw_retention_days, 62);
  sm_config_fini(&c);
  c = loaded("SMARTMETER_RAW_RETENTION_DAYS", "0");
  assert_int_equal(c.raw_retention_days, 0);
  sm_config_fini(&c);
}

static void rates_have_defaults_and_can_be_turned_off(void **state) {
  (void)state;
  sm_config c = loaded("SMARTMETER_RATE_COSTLY", "0");
  assert_int_equal(c.rate_reads, 3000);
  assert_int_equal(c.rate_writes, 600);
  assert_int_equal(c.rate_costly, 0);
  assert_int_equal(c.rate_logins, 60);
  assert_true(c.seccomp);
  sm_config_fini(&c);
  c = loaded("SMARTMETER_SECCOMP", "0");
  assert_false(c.seccomp);
  assert_int_equal(c.rate_costly, 120);
  sm_config_fini(&c);
}

static void the_authority_is_beside_the_data(void **state) {
  (void)state;
  sm_config c = loaded("SMARTMETER_DATA_DIR", "/srv/meters/site//");
  assert_string_equal(c.ca_dir, "/srv/meters/site.ca");
  sm_config_fini(&c);
  static const char *const within[] = {"./var", "./var/ca", "."};
  for (size_t i = 0; i < sizeof within / sizeof within[0]; i++)
    refused("SMARTMETER_CA_DIR", within[i], "neither lie in the data folder");
}

static void what_is_wrong_is_named_with_its_fix(void **state) {
  (void)state;
  static const char *const counts[] = {"0", "65", "-1", "1.5", "many", "99999999999999999999"};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    refused("SMARTMETER_MQTT_CONNECTIONS", counts[i], "from 1 to 64");
  static const char *const groups[] = {"a/b", "a+", "#", "a b", "$share"};
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
    refused("SMARTMETER_MQTT_SHARE", groups[i], "such as smartmeter");
  static const char *const rates[] = {"-1", "60001", "often"};
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
    refused("SMARTMETER_RATE_READS", rates[i], "from 1 to 60000, or 0");
  refused("SMARTMETER_SECCOMP", "no", "0 or 1");
  refused("SMARTMETER_MQTT_VERSION", "3.1", "auto, 5 or 3.1.1");
  static const char *const days[] = {"1", "61", "-62", "36501", "two months"};
  for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
    refused("SMARTMETER_RAW_RETENTION_DAYS", days[i], "from 62");
}

static void all_that_is_wrong_is_told(void **state) {
  (void)state;
  sm_config config = {0};
  sm_buf problem;
  assert_int_equal(setenv("SMARTMETER_SECCOMP", "no", 1), 0);
  assert_int_equal(setenv("SMARTMETER_MQTT_VERSION", "3.1", 1), 0);
  assert_int_equal(load_with("SMARTMETER_RATE_LOGINS", "often", &config, &problem), SM_ERR_INVALID);
  const char *text = sm_buf_text(&problem);
  static const char *const names[] = {"SMARTMETER_MQTT_VERSION is", "\nSMARTMETER_RATE_LOGINS is",
                                      "\nSMARTMETER_SECCOMP is"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    text = strstr(text, names[i]);
    assert_non_null(text);
  }
  sm_buf_fini(&problem);
  assert_int_equal(unsetenv("SMARTMETER_SECCOMP"), 0);
  assert_int_equal(unsetenv("SMARTMETER_MQTT_VERSION"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_connection_is_not_shared),
      cmocka_unit_test(several_connections_share),
      cmocka_unit_test(servers_share_a_broker_that_has_room_for_several),
      cmocka_unit_test(versions_are_named_as_the_standard_does),
      cmocka_unit_test(retention_leaves_what_bills_need),
      cmocka_unit_test(rates_have_defaults_and_can_be_turned_off),
      cmocka_unit_test(the_authority_is_beside_the_data),
      cmocka_unit_test(what_is_wrong_is_named_with_its_fix),
      cmocka_unit_test(all_that_is_wrong_is_told),
  };
  /* Where no .env is; and nothing of the developer's own settings. */
  if (chdir("/") != 0) return 1;
  static const char *const names[] = {
      "SMARTMETER_MQTT_CONNECTIONS",   "SMARTMETER_MQTT_SHARE",  "SMARTMETER_MQTT_VERSION",
      "SMARTMETER_RAW_RETENTION_DAYS", "SMARTMETER_RATE_READS",  "SMARTMETER_RATE_WRITES",
      "SMARTMETER_RATE_COSTLY",        "SMARTMETER_RATE_LOGINS", "SMARTMETER_SECCOMP",
      "SMARTMETER_DATA_DIR",           "SMARTMETER_CA_DIR"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) (void)unsetenv(names[i]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
