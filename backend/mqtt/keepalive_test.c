#include "mqtt/keepalive.h"

#include "mqtt/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_ping_is_due_after_half_an_interval_without_sending(void **state) {
  (void)state;
  sm_mqtt_keepalive k;
  sm_mqtt_keepalive_init(&k, 10, 1000);
  assert_false(sm_mqtt_keepalive_ping_due(&k, 1000, 5999));
  assert_true(sm_mqtt_keepalive_ping_due(&k, 1000, 6000));
  assert_false(sm_mqtt_keepalive_ping_due(&k, 3000, 6000)); /* an acknowledgement went out */
  assert_int_equal(sm_mqtt_keepalive_next_ms(&k, true, 3000), 8000);
  sm_mqtt_keepalive_asked(&k, 6000);
  assert_false(sm_mqtt_keepalive_ping_due(&k, 1000, 6001)); /* queued counts as sent */
}

static void a_silent_broker_is_dead_half_an_interval_after_the_ping(void **state) {
  (void)state;
  sm_mqtt_keepalive k;
  sm_mqtt_keepalive_init(&k, 10, 0);
  assert_false(sm_mqtt_keepalive_dead(&k, true, 100000)); /* it was not asked */
  sm_mqtt_keepalive_asked(&k, 5000);
  assert_int_equal(sm_mqtt_keepalive_next_ms(&k, true, 5000), 10000);
  assert_false(sm_mqtt_keepalive_dead(&k, true, 9999));
  assert_true(sm_mqtt_keepalive_dead(&k, true, 10000));
  sm_mqtt_keepalive_asked(&k, 9000); /* asking again puts nothing off */
  assert_true(sm_mqtt_keepalive_dead(&k, true, 10000));
  sm_mqtt_keepalive_heard(&k, 9500);
  assert_false(sm_mqtt_keepalive_dead(&k, true, 100000));
}

static void who_does_not_listen_judges_nobody(void **state) {
  (void)state;
  sm_mqtt_keepalive k;
  sm_mqtt_keepalive_init(&k, 10, 0);
  sm_mqtt_keepalive_asked(&k, 5000);
  assert_false(sm_mqtt_keepalive_dead(&k, false, 60000));
  assert_int_equal(sm_mqtt_keepalive_next_ms(&k, false, 60000), 65000); /* still pings */
  sm_mqtt_keepalive_listen(&k, 60000);
  assert_false(sm_mqtt_keepalive_dead(&k, true, 64999));
  assert_true(sm_mqtt_keepalive_dead(&k, true, 65000));
}

static void waiting_doubles_up_to_its_ceiling_with_jitter(void **state) {
  (void)state;
  uint32_t seen_low = UINT32_MAX;
  uint32_t seen_high = 0;
  for (int round = 0; round < 50; round++) {
    sm_mqtt_backoff backoff = {.floor_ms = 500, .ceiling_ms = 30000};
    uint32_t step = 500;
    for (int i = 0; i < 12; i++) {
      step = step * 2 > 30000 ? 30000 : step * 2;
      uint32_t wait = sm_mqtt_backoff_next_ms(&backoff);
      assert_in_range(wait, step / 2, step);
      if (i == 11 && wait < seen_low) seen_low = wait;
      if (i == 11 && wait > seen_high) seen_high = wait;
    }
  }
  assert_true(seen_high > seen_low);
  sm_mqtt_backoff worn = {.floor_ms = 500, .ceiling_ms = 30000, .failures = UINT32_MAX};
  assert_in_range(sm_mqtt_backoff_next_ms(&worn), 15000, 30000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_ping_is_due_after_half_an_interval_without_sending),
      cmocka_unit_test(a_silent_broker_is_dead_half_an_interval_after_the_ping),
      cmocka_unit_test(who_does_not_listen_judges_nobody),
      cmocka_unit_test(waiting_doubles_up_to_its_ceiling_with_jitter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
