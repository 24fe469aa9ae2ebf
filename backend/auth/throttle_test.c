#include "auth/throttle.h"

#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t anna[32] = {1};
static const uint8_t bert[32] = {2};

static sm_throttle *make(const sm_throttle_options *options) {
  sm_throttle *t = NULL;
  assert_int_equal(sm_throttle_new(options, &t), SM_OK);
  return t;
}

static bool may(sm_throttle *t, const uint8_t account[32], const char *address, int64_t now) {
  int64_t wait = -1;
  sm_err err = sm_throttle_take(t, account, address, now, &wait);
  if (err != SM_OK) assert_true(err == SM_ERR_BUSY && wait > 0);
  return err == SM_OK;
}

static void ten_quick_tries_then_one_in_five_seconds(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  int64_t wait = 0;
  for (int i = 0; i < 10; i++) assert_true(may(t, anna, "192.0.2.1", 1000));
  assert_int_equal(sm_throttle_take(t, anna, "192.0.2.1", 1000, &wait), SM_ERR_BUSY);
  assert_int_equal(wait, 5000);
  assert_false(may(t, anna, "192.0.2.1", 5999));
  assert_true(may(t, anna, "192.0.2.1", 6000));
  assert_false(may(t, anna, "192.0.2.1", 6000));
  assert_true(may(t, anna, "192.0.2.1", 11000));
  sm_throttle_free(t);
}

static void a_guesser_locks_out_neither_the_owner_elsewhere_nor_the_neighbour(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  int64_t now = 0;
  int guesses = 0;
  for (; now < 3600000; now += 500) guesses += may(t, anna, "192.0.2.1", now);
  assert_int_equal(guesses, 10 + 3600 / 5 - 1);
  assert_true(may(t, anna, "198.51.100.7", now));
  assert_true(may(t, bert, "192.0.2.1", now));
  sm_throttle_free(t);
}

static void many_accounts_from_one_address_are_limited(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  int passed = 0;
  for (uint8_t i = 0; i < 250; i++) {
    const uint8_t account[32] = {9, i};
    passed += may(t, account, "192.0.2.1", 0);
  }
  assert_int_equal(passed, 100);
  assert_true(may(t, anna, "192.0.2.2", 0));
  sm_throttle_free(t);
}

static void one_account_from_many_addresses_is_limited(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  int passed = 0;
  for (int i = 0; i < 250; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "192.0.2.%d", i);
    passed += may(t, anna, address, 0);
  }
  assert_int_equal(passed, 50);
  sm_throttle_free(t);
}

static void an_ipv6_network_is_one_address(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  for (int i = 0; i < 10; i++) {
    char address[64];
    (void)snprintf(address, sizeof address, "2001:db8:1:2::%x", i);
    assert_true(may(t, anna, address, 0));
  }
  assert_false(may(t, anna, "2001:db8:1:2:ffff::1", 0));
  assert_true(may(t, anna, "2001:db8:1:3::1", 0));
  sm_throttle_free(t);
}

static void a_mapped_ipv4_address_is_that_address(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  for (int i = 0; i < 10; i++) assert_true(may(t, anna, "::ffff:192.0.2.1", 0));
  assert_false(may(t, anna, "192.0.2.1", 0));
  sm_throttle_free(t);
}

static void who_succeeds_never_waits(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  for (int i = 0; i < 1000; i++) {
    assert_true(may(t, anna, "192.0.2.1", 0));
    sm_throttle_forgive(t, anna, "192.0.2.1", 0);
  }
  sm_throttle_free(t);
}

/* A thousand machines at one account: they wait, its owner at home does not, and neither at an
 * address that guesses at all accounts. */
static void the_owner_at_a_known_address_gets_in_while_many_hammer(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  assert_true(may(t, anna, "192.0.2.1", 0));
  sm_throttle_forgive(t, anna, "192.0.2.1", 0);
  sm_throttle_know(t, anna, "192.0.2.1", 0);
  int64_t now = 1000;
  for (; now < 60000; now += 10) {
    char address[32];
    (void)snprintf(address, sizeof address, "198.51.%d.%d", (int)(now / 10 % 4),
                   (int)(now / 10 % 250));
    (void)may(t, anna, address, now);
    const uint8_t account[32] = {9, (uint8_t)(now / 10), (uint8_t)(now / 2560)};
    (void)may(t, account, "192.0.2.1", now);
  }
  (void)may(t, anna, "203.0.113.4", now);
  (void)may(t, (const uint8_t[32]){8}, "192.0.2.1", now);
  assert_false(may(t, anna, "203.0.113.5", now)); /* nobody knows this one */
  assert_false(may(t, bert, "192.0.2.1", now));   /* and bert was never here */
  for (int i = 0; i < 10; i++) assert_true(may(t, anna, "192.0.2.1", now));
  assert_false(may(t, anna, "192.0.2.1", now)); /* a guesser beside her is as slow as ever */
  sm_throttle_free(t);
}

static void what_is_known_is_forgotten_after_thirty_days(void **state) {
  (void)state;
  sm_throttle *t = make(NULL);
  const int64_t later = INT64_C(30) * 86400000;
  sm_throttle_know(t, anna, "192.0.2.1", 0);
  for (int i = 0; i < 100; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "198.51.100.%d", i);
    (void)may(t, anna, address, later - 1);
  }
  assert_true(may(t, anna, "192.0.2.1", later - 1));
  assert_false(may(t, anna, "192.0.2.1", later));
  sm_throttle_free(t);
}

static void of_what_is_known_the_oldest_is_given_up(void **state) {
  (void)state;
  sm_throttle_options options = {.known = 8, .account = {1, 1000000}};
  sm_throttle *t = make(&options);
  char address[32];
  for (int i = 0; i < 9; i++) {
    (void)snprintf(address, sizeof address, "192.0.2.%d", i);
    sm_throttle_know(t, anna, address, i);
  }
  assert_true(may(t, anna, "198.51.100.1", 10)); /* empties the account's */
  assert_false(may(t, anna, "192.0.2.0", 10));
  for (int i = 1; i < 9; i++) {
    (void)snprintf(address, sizeof address, "192.0.2.%d", i);
    assert_true(may(t, anna, address, 10));
  }
  sm_throttle_free(t);
}

/* More guessers than slots: what is given up is nearest to full, never the busiest bucket. */
static void a_full_table_keeps_the_worst_guesser(void **state) {
  (void)state;
  sm_throttle_options options = {.slots = 8};
  sm_throttle *t = make(&options);
  for (int i = 0; i < 10; i++) assert_true(may(t, anna, "192.0.2.1", 0));
  for (int i = 0; i < 200; i++) {
    const uint8_t account[32] = {7, (uint8_t)i};
    char address[32];
    (void)snprintf(address, sizeof address, "198.51.100.%d", i);
    assert_true(may(t, account, address, 0));
  }
  assert_false(may(t, anna, "192.0.2.1", 0));
  sm_throttle_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ten_quick_tries_then_one_in_five_seconds),
      cmocka_unit_test(a_guesser_locks_out_neither_the_owner_elsewhere_nor_the_neighbour),
      cmocka_unit_test(many_accounts_from_one_address_are_limited),
      cmocka_unit_test(one_account_from_many_addresses_is_limited),
      cmocka_unit_test(an_ipv6_network_is_one_address),
      cmocka_unit_test(a_mapped_ipv4_address_is_that_address),
      cmocka_unit_test(who_succeeds_never_waits),
      cmocka_unit_test(the_owner_at_a_known_address_gets_in_while_many_hammer),
      cmocka_unit_test(what_is_known_is_forgotten_after_thirty_days),
      cmocka_unit_test(of_what_is_known_the_oldest_is_given_up),
      cmocka_unit_test(a_full_table_keeps_the_worst_guesser),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
