#include "mqtt/settings.h"

#include "base/buf.h"

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
  assert_int_equal(settings.receive_max, 20);
  assert_int_equal(settings.version, SM_MQTT_VERSION_AUTO);
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

static sm_mqtt_options sharing_options(void) {
  static const char *const shared[] = {"meters/+/telemetry", "x"};
  static const char *const unshared[] = {"meters/+/status"};
  sm_mqtt_options options = good_options();
  options.filters = shared;
  options.filter_count = 2;
  options.unshared_filters = unshared;
  options.unshared_filter_count = 1;
  options.share_group = "bill";
  options.probe_topic = "meters/server/ack";
  return options;
}

static void a_group_is_put_before_what_is_shared(void **state) {
  (void)state;
  sm_mqtt_options options = sharing_options();
  sm_mqtt_settings settings;
  sm_mqtt_reason reason;
  assert_int_equal(sm_mqtt_settings_init(&settings, &options, &reason), SM_OK);
  assert_int_equal(settings.filter_count, 4);
  assert_int_equal(settings.shared_count, 2);
  assert_string_equal(settings.filters[0], "$share/bill/meters/+/telemetry");
  assert_string_equal(settings.filters[1], "$share/bill/x");
  assert_string_equal(settings.filters[2], "meters/+/status");
  assert_string_equal(settings.filters[3], "$share/server-probe/meters/server/ack");
  assert_string_equal(settings.probe_topic, "meters/server/ack");
  sm_mqtt_settings_fini(&settings);
  options.share_group = NULL; /* the probe topic is that of an earlier run then */
  assert_int_equal(sm_mqtt_settings_init(&settings, &options, &reason), SM_OK);
  assert_int_equal(settings.filter_count, 3);
  assert_int_equal(settings.shared_count, 0);
  assert_string_equal(settings.filters[0], "meters/+/telemetry");
  assert_string_equal(settings.probe_topic, "meters/server/ack");
  assert_int_equal(settings.former_count, 1);
  assert_string_equal(settings.former[0], "$share/server-probe/meters/server/ack");
  sm_mqtt_settings_fini(&settings);
}

static void assert_former(const sm_mqtt_options *options, const char *wanted) {
  sm_mqtt_settings settings;
  sm_mqtt_reason reason;
  sm_buf all;
  sm_buf_init(&all, 0);
  assert_int_equal(sm_mqtt_settings_init(&settings, options, &reason), SM_OK);
  for (size_t i = 0; i < settings.former_count; i++) sm_buf_printf(&all, "%s ", settings.former[i]);
  assert_string_equal(sm_buf_text(&all), wanted);
  sm_buf_fini(&all);
  sm_mqtt_settings_fini(&settings);
}

static void what_is_given_up_is_what_is_not_wanted(void **state) {
  (void)state;
  static const char *const former[] = {"$share/old/x", "x", "meters/+/status", "$share/bill/x"};
  sm_mqtt_options options = good_options();
  assert_former(&options, "");
  options = sharing_options();
  assert_former(&options, "meters/+/telemetry x ");
  options.former_filters = former;
  options.former_filter_count = 4;
  assert_former(&options, "meters/+/telemetry x $share/old/x ");
  options.retire = true; /* then all of it */
  assert_former(&options,
                "$share/bill/meters/+/telemetry $share/bill/x meters/+/status "
                "$share/server-probe/meters/server/ack meters/+/telemetry x $share/old/x ");
  options = sharing_options();
  options.share_group = NULL;
  options.former_filters = former;
  options.former_filter_count = 4;
  assert_former(&options, "$share/old/x $share/bill/x $share/server-probe/meters/server/ack ");
  options.former_filters = (const char *const[]){"x", "$share/old"};
  options.former_filter_count = 2;
  assert_refused(&options, "former_filters[1]");
}

static void what_cannot_be_shared_is_refused(void **state) {
  (void)state;
  static const char *const groups[] = {"", "a/b", "a+", "#", "\xff"};
  sm_mqtt_options options = sharing_options();
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
    options.share_group = groups[i];
    assert_refused(&options, "share_group");
  }
  options = sharing_options();
  options.filters = (const char *const[]){"$share/g/a"};
  options.filter_count = 1;
  assert_refused(&options, "shared already");
  options = sharing_options();
  options.filter_count = 0;
  assert_refused(&options, "no filter to share");
  options = sharing_options();
  options.probe_topic = NULL;
  assert_refused(&options, "probe_topic");
  options.probe_topic = "meters/+/ack";
  assert_refused(&options, "probe_topic");
  options.probe_topic = "meters/a/status"; /* would come without being shared */
  assert_refused(&options, "\"meters/+/status\"");
  options.probe_topic = "x";
  assert_refused(&options, "filter \"x\"");
  options = sharing_options();
  options.client_id = "a/b";
  assert_refused(&options, "client_id");
  options = sharing_options();
  options.unshared_filters = (const char *const[]){"b#"};
  assert_refused(&options, "unshared_filters[0]");
  options = good_options();
  options.version = (sm_mqtt_version)3;
  assert_refused(&options, "version");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_have_defaults_and_win_over_the_url),
      cmocka_unit_test(bad_options_are_refused_by_name),
      cmocka_unit_test(a_group_is_put_before_what_is_shared),
      cmocka_unit_test(what_is_given_up_is_what_is_not_wanted),
      cmocka_unit_test(what_cannot_be_shared_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
