#include "mqtt/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static sm_mqtt_versions fresh(sm_mqtt_version wish) {
  sm_mqtt_versions versions;
  sm_mqtt_versions_init(&versions, wish);
  return versions;
}

static void what_is_asked_for_is_spoken_whatever_happens(void **state) {
  (void)state;
  static const sm_mqtt_version wishes[] = {SM_MQTT_VERSION_5, SM_MQTT_VERSION_3_1_1};
  for (size_t i = 0; i < 2; i++) {
    sm_mqtt_versions v = fresh(wishes[i]);
    for (int round = 0; round < 10; round++) {
      assert_false(sm_mqtt_versions_refused(&v));
      sm_mqtt_versions_unanswered(&v);
      assert_int_equal(v.next, wishes[i]);
    }
  }
}

static void a_refusal_of_the_version_turns_to_the_other_at_once_but_not_in_circles(void **state) {
  (void)state;
  sm_mqtt_versions v = fresh(SM_MQTT_VERSION_AUTO);
  assert_int_equal(v.next, SM_MQTT_VERSION_5);
  assert_true(sm_mqtt_versions_refused(&v));
  assert_int_equal(v.next, SM_MQTT_VERSION_3_1_1);
  assert_false(sm_mqtt_versions_refused(&v)); /* both are refused: wait before the next try */
  assert_int_equal(v.next, SM_MQTT_VERSION_5);
  assert_false(sm_mqtt_versions_refused(&v));
  assert_int_equal(v.next, SM_MQTT_VERSION_3_1_1);
  sm_mqtt_versions_accepted(&v);
  assert_true(sm_mqtt_versions_refused(&v)); /* another broker has come: it is asked anew */
  assert_int_equal(v.next, SM_MQTT_VERSION_5);
}

static void before_anything_has_worked_the_versions_take_turns(void **state) {
  (void)state;
  sm_mqtt_versions v = fresh(SM_MQTT_VERSION_AUTO);
  for (int round = 0; round < 3; round++) {
    assert_int_equal(v.next, SM_MQTT_VERSION_5);
    sm_mqtt_versions_unanswered(&v);
    assert_int_equal(v.next, SM_MQTT_VERSION_3_1_1);
    sm_mqtt_versions_unanswered(&v);
  }
}

static void an_outage_does_not_change_what_has_worked(void **state) {
  (void)state;
  sm_mqtt_versions v = fresh(SM_MQTT_VERSION_AUTO);
  sm_mqtt_versions_accepted(&v);
  for (int outage = 0; outage < 5; outage++) {
    sm_mqtt_versions_unanswered(&v);
    sm_mqtt_versions_unanswered(&v);
    assert_int_equal(v.next, SM_MQTT_VERSION_5);
    sm_mqtt_versions_accepted(&v);
  }
  /* One that does not end may be another broker. */
  for (int i = 0; i < 3; i++) sm_mqtt_versions_unanswered(&v);
  assert_int_equal(v.next, SM_MQTT_VERSION_3_1_1);
  sm_mqtt_versions_unanswered(&v);
  assert_int_equal(v.next, SM_MQTT_VERSION_5);
  sm_mqtt_versions_accepted(&v);
  sm_mqtt_versions_unanswered(&v);
  assert_int_equal(v.next, SM_MQTT_VERSION_5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_asked_for_is_spoken_whatever_happens),
      cmocka_unit_test(a_refusal_of_the_version_turns_to_the_other_at_once_but_not_in_circles),
      cmocka_unit_test(before_anything_has_worked_the_versions_take_turns),
      cmocka_unit_test(an_outage_does_not_change_what_has_worked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
