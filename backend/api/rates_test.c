#include "api/rates.h"

#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { SECOND_US = 1000000, READS = 60, READS_BURST = 15, ADDRESS_BURST = 60 };

static sm_rates *make(size_t places) {
  static const sm_rate_limits limits = {.a_minute = {[SM_RATE_READS] = READS,
                                                     [SM_RATE_WRITES] = 0,
                                                     [SM_RATE_COSTLY] = 6,
                                                     [SM_RATE_LOGINS] = 12}};
  sm_rates *rates = NULL;
  assert_int_equal(sm_rates_new(&limits, places, &rates), SM_OK);
  return rates;
}

/* How many pass at one instant, of at most 1000. */
static int pass(sm_rates *rates, sm_rate_class rate_class, const char *user, const char *address,
                int64_t now_us) {
  unsigned later = 0;
  int passed = 0;
  while (passed < 1000 &&
         (user != NULL ? sm_rates_take_user(rates, rate_class, user, now_us, &later)
                       : sm_rates_take_address(rates, rate_class, address, now_us, &later)))
    passed++;
  return passed;
}

static void a_burst_passes_then_one_for_each_refill(void **state) {
  (void)state;
  sm_rates *rates = make(0);
  unsigned later = 0;
  assert_int_equal(pass(rates, SM_RATE_READS, "asha", NULL, 0), READS_BURST);
  assert_false(sm_rates_take_user(rates, SM_RATE_READS, "asha", 0, &later));
  assert_int_equal(later, 1);
  assert_int_equal(pass(rates, SM_RATE_READS, "asha", NULL, SECOND_US - 1), 0);
  assert_int_equal(pass(rates, SM_RATE_READS, "asha", NULL, SECOND_US), 1);
  assert_int_equal(pass(rates, SM_RATE_READS, "asha", NULL, 6 * SECOND_US), 5);
  assert_int_equal(pass(rates, SM_RATE_READS, "asha", NULL, 3600LL * SECOND_US), READS_BURST);
  sm_rates_free(rates);
}

static void what_is_refused_costs_nothing_more(void **state) {
  (void)state;
  sm_rates *rates = make(0);
  unsigned later = 0;
  (void)pass(rates, SM_RATE_COSTLY, "asha", NULL, 0);
  for (int i = 0; i < 1000; i++)
    assert_false(sm_rates_take_user(rates, SM_RATE_COSTLY, "asha", 1, &later));
  assert_int_equal(later, 10);
  assert_int_equal(pass(rates, SM_RATE_COSTLY, "asha", NULL, 10LL * SECOND_US), 1);
  sm_rates_free(rates);
}

static void people_classes_and_addresses_are_apart(void **state) {
  (void)state;
  sm_rates *rates = make(0);
  assert_int_equal(pass(rates, SM_RATE_READS, "asha", NULL, 0), READS_BURST);
  assert_int_equal(pass(rates, SM_RATE_READS, "ravi", NULL, 0), READS_BURST);
  assert_int_equal(pass(rates, SM_RATE_COSTLY, "asha", NULL, 0), 10);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "192.0.2.1", 0), ADDRESS_BURST);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "192.0.2.2", 0), ADDRESS_BURST);
  sm_rates_free(rates);
}

static void of_ipv6_the_network_counts(void **state) {
  (void)state;
  sm_rates *rates = make(0);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "2001:db8:1:2::1", 0), ADDRESS_BURST);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "2001:db8:1:2:ffff::9", 0), 0);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "2001:db8:1:3::1", 0), ADDRESS_BURST);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "192.0.2.7", 0), ADDRESS_BURST);
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "::ffff:192.0.2.7", 0), 0);
  sm_rates_free(rates);
}

static void without_limit_all_pass(void **state) {
  (void)state;
  sm_rates *rates = make(0);
  unsigned later = 0;
  assert_int_equal(pass(rates, SM_RATE_WRITES, "asha", NULL, 0), 1000);
  assert_int_equal(pass(rates, SM_RATE_FREE, NULL, "192.0.2.1", 0), 1000);
  assert_true(sm_rates_take_user(NULL, SM_RATE_READS, "asha", 0, &later));
  sm_rates_free(rates);
}

/* Ten thousand strangers in eight places: nobody new is refused, and nothing grows. */
static void strangers_beyond_its_places_are_forgiven(void **state) {
  (void)state;
  sm_rates *rates = make(8);
  unsigned later = 0;
  for (unsigned i = 0; i < 10000; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
    assert_true(sm_rates_take_address(rates, SM_RATE_READS, address, 0, &later));
  }
  sm_rates_free(rates);
}

/* The one who floods keeps his place: the fuller buckets go first. */
static void a_flooder_is_not_forgotten_for_passers_by(void **state) {
  (void)state;
  sm_rates *rates = make(8);
  unsigned later = 0;
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "192.0.2.1", 0), ADDRESS_BURST);
  for (unsigned i = 0; i < 1000; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "10.0.%u.%u", i >> 8, i & 255);
    (void)sm_rates_take_address(rates, SM_RATE_READS, address, 0, &later);
  }
  assert_int_equal(pass(rates, SM_RATE_READS, NULL, "192.0.2.1", 0), 0);
  sm_rates_free(rates);
}

static void refusals_are_counted(void **state) {
  (void)state;
  sm_rates *rates = make(0);
  sm_buf out;
  sm_buf_init(&out, 0);
  (void)pass(rates, SM_RATE_LOGINS, NULL, "192.0.2.1", 0);
  sm_rates_write_metrics(rates, &out);
  assert_non_null(strstr(sm_buf_text(&out), "_total{class=\"logins\",by=\"address\"} 1\n"));
  assert_non_null(strstr(sm_buf_text(&out), "_total{class=\"reads\",by=\"user\"} 0\n"));
  sm_buf_fini(&out);
  sm_rates_free(rates);
}

static const sm_route *route(const char *method, const char *pattern) {
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(table[i].method, method) == 0 && strcmp(table[i].pattern, pattern) == 0)
      return &table[i];
  fail_msg("there is no route %s %s", method, pattern);
  return NULL;
}

static void costly_routes_are_known_as_such(void **state) {
  (void)state;
  static const struct {
    const char *method;
    const char *pattern;
    sm_rate_class rate_class;
  } cases[] = {
      {"GET", "/healthz", SM_RATE_FREE},
      {"GET", "/readyz", SM_RATE_FREE},
      {"GET", "/api/devices", SM_RATE_READS},
      {"GET", "/api/live", SM_RATE_READS},
      {"POST", "/api/devices", SM_RATE_WRITES},
      {"PATCH", "/api/accounts/{id}", SM_RATE_WRITES},
      {"POST", "/api/auth/login", SM_RATE_LOGINS},
      {"POST", "/api/auth/refresh", SM_RATE_WRITES},
      {"POST", "/api/auth/logout", SM_RATE_WRITES},
      {"GET", "/api/billing/{id}/explain", SM_RATE_COSTLY},
      {"GET", "/api/billing/{id}/coming", SM_RATE_COSTLY},
      {"GET", "/api/billing/{id}", SM_RATE_READS},
      {"POST", "/api/tariffs", SM_RATE_COSTLY},
      {"POST", "/api/tariffs/preview", SM_RATE_COSTLY},
      {"GET", "/api/tariffs", SM_RATE_READS},
      {"GET", "/api/invoices/{id}/{number}.pdf", SM_RATE_COSTLY},
      {"GET", "/api/invoices/{id}/{number}", SM_RATE_READS},
      {"GET", "/api/invoices.zip", SM_RATE_COSTLY},
      {"POST", "/api/billing-run", SM_RATE_COSTLY},
      {"POST", "/api/payments/import", SM_RATE_COSTLY},
      {"POST", "/api/invoices/{id}", SM_RATE_COSTLY},
      {"POST", "/api/invoices/{id}/{number}/credit", SM_RATE_COSTLY},
      {"POST", "/api/accounts/import", SM_RATE_COSTLY},
      {"GET", "/api/statements", SM_RATE_COSTLY},
      {"POST", "/api/utility-bills", SM_RATE_COSTLY},
      {"POST", "/api/utility-bills/{id}/post", SM_RATE_COSTLY},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(sm_rate_class_of(route(cases[i].method, cases[i].pattern)),
                     cases[i].rate_class);
  assert_int_equal(sm_rate_class_of(NULL), SM_RATE_READS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_burst_passes_then_one_for_each_refill),
      cmocka_unit_test(what_is_refused_costs_nothing_more),
      cmocka_unit_test(people_classes_and_addresses_are_apart),
      cmocka_unit_test(of_ipv6_the_network_counts),
      cmocka_unit_test(without_limit_all_pass),
      cmocka_unit_test(strangers_beyond_its_places_are_forgiven),
      cmocka_unit_test(a_flooder_is_not_forgotten_for_passers_by),
      cmocka_unit_test(refusals_are_counted),
      cmocka_unit_test(costly_routes_are_known_as_such),
  };
  if (sodium_init() < 0) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
