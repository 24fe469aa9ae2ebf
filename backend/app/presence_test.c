#include "app/presence.h"
#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sign(sm_presence_table *table, const char *device_id, int64_t at_ms) {
  sm_presence_begin(table);
  sm_presence_sign(table, device_id, at_ms);
  sm_presence_end(table);
}

static void status(sm_presence_table *table, const char *device_id, bool online) {
  sm_presence_begin(table);
  sm_presence_status(table, device_id, online);
  sm_presence_end(table);
}

static void a_reading_is_a_sign_of_life(void **state) {
  (void)state;
  sm_presence_table *table = sm_presence_table_new();
  sm_presence p;
  assert_non_null(table);
  assert_false(sm_presence_get(table, "a", &p));
  sign(table, "a", 1000);
  assert_true(sm_presence_get(table, "a", &p));
  assert_true(p.seen && p.online && p.last_seen_ms == 1000);
  sign(table, "a", 500); /* a late reading says nothing new */
  assert_true(sm_presence_get(table, "a", &p));
  assert_true(p.last_seen_ms == 1000);
  sm_presence_table_free(table);
}

static void a_status_changes_what_is_said_not_when_it_was_seen(void **state) {
  (void)state;
  sm_presence_table *table = sm_presence_table_new();
  sm_presence p;
  assert_non_null(table);
  status(table, "a", false); /* a retained last will, of whatever age */
  assert_true(sm_presence_get(table, "a", &p));
  assert_false(p.seen || p.online);
  sign(table, "a", 2000);
  status(table, "a", false);
  assert_true(sm_presence_get(table, "a", &p));
  assert_true(p.seen && !p.online && p.last_seen_ms == 2000);
  sign(table, "a", 1999); /* older than its farewell */
  assert_true(sm_presence_get(table, "a", &p));
  assert_false(p.online);
  sign(table, "a", 3000);
  assert_true(sm_presence_get(table, "a", &p));
  assert_true(p.online);
  sm_presence_table_free(table);
  sm_presence_table_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reading_is_a_sign_of_life),
      cmocka_unit_test(a_status_changes_what_is_said_not_when_it_was_seen),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
