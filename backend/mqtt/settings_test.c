#include "mqtt/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const one_filter[] = {"meters/#"};

static sm_mqtt_options good_options(void) {
  return (sm_mqtt_options){
      .url = "mqtt://u:p@localhost",
      .client_id = "server",
      .filters = one_filter,
      .filter_count = 1,
  };
}

static void assert_refused(const sm_mqtt_options *options, const char *part) {
  sm_mqtt_settings settings;
  sm_mqtt_reason reason = {""};
  assert_int_equal(sm_mqtt_settings_init(&settings, options, &reason), SM_ERR_INVALID);
  if (strstr(reason.text, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, reason.text);
}

static void options_have_defaults_and_win_over_the_url(void **state) {
  (void)state;
  sm_mqtt_options options = good_options();
  sm_mqtt_settings settings;
  sm_mqtt_reason reason;
  assert_int_equal(sm_mqtt_settings_init(&settings, &options, &reason), SM_OK);
  assert_string_equal(settings.username, "u");
  assert_string_equal(settings.password, "p");
  assert_int_equal(settings.keepalive_s, 30);
  assert_int_equal(settings.batch_messages_max, 2000);
  assert_int_equal(settings.batch_age_max_ms, 5);
  assert_int_equal(settings.packet_max, 1024 * 1024);
  sm_mqtt_settings_fini(&settings);
  options.username = "other";
  options.password = "word";
  options.keepalive_s = 7;
  assert_int_equal(sm_mqtt_settings_init(&settings, &options, &reason), SM_OK);
  assert_string_equal(settings.username, "other");
  assert_string_equal(settings.password, "word");
  assert_int_equal(settings.keepalive_s, 7);
  sm_mqtt_settings_fini(&settings);
}

static void bad_options_are_refused_by_name(void **state) {
  (void)state;
  sm_mqtt_options options = good_options();
  options.url = NULL;
  assert_refused(&options, "url");
  options = good_options();
  options.client_id = "";
  assert_refused(&options, "client_id");
  options.client_id = "\xff";
  assert_refused(&options, "client_id");
  options = good_options();
  options.filter_count = 0;
  assert_refused(&options, "filters");
  options.filters = (const char *const[]){"a", "b#"};
  options.filter_count = 2;
  assert_refused(&options, "filters[1]");
  options = good_options();
  options.url = "mqtt://localhost";
  options.password = "word";
  assert_refused(&options, "password");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_have_defaults_and_win_over_the_url),
      cmocka_unit_test(bad_options_are_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
