#include "api/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static const char *client(const char *trusted, const char *peer, const char *forwarded) {
  static char out[SM_ADDRESS_TEXT_MAX];
  sm_proxies proxies;
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  assert_int_equal(sm_proxies_parse(trusted, &proxies), SM_OK);
  bool is_v4 = inet_pton(AF_INET, peer, &v4.sin_addr) == 1;
  if (!is_v4) assert_int_equal(inet_pton(AF_INET6, peer, &v6.sin6_addr), 1);
  sm_client_address(&proxies, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
                    forwarded, out);
  return out;
}

static void a_stranger_is_who_he_is_whatever_he_claims(void **state) {
  (void)state;
  assert_string_equal(client(NULL, "203.0.113.9", "10.0.0.1"), "203.0.113.9");
  assert_string_equal(client("10.0.0.0/8", "203.0.113.9", "10.0.0.1"), "203.0.113.9");
  assert_string_equal(client(NULL, "2001:db8::1", NULL), "2001:db8::1");
}

static void a_trusted_proxy_is_believed_as_far_as_trust_goes(void **state) {
  (void)state;
  const char *trusted = "127.0.0.1, 10.1.0.0/16,2001:db8::/32";
  assert_string_equal(client(trusted, "127.0.0.1", "198.51.100.7"), "198.51.100.7");
  /* what stands further left was said by the client itself */
  assert_string_equal(client(trusted, "127.0.0.1", "1.2.3.4, 198.51.100.7"), "198.51.100.7");
  assert_string_equal(client(trusted, "127.0.0.1", "198.51.100.7 , 10.1.2.3"), "198.51.100.7");
  assert_string_equal(client(trusted, "127.0.0.1", "198.51.100.7, 10.2.0.1"), "10.2.0.1");
  assert_string_equal(client(trusted, "::ffff:127.0.0.1", "198.51.100.7"), "198.51.100.7");
  assert_string_equal(client(trusted, "2001:db8:5::1", "2001:db9::5"), "2001:db9::5");
  assert_string_equal(client(trusted, "127.0.0.1", NULL), "127.0.0.1");
}

static void nonsense_in_the_header_ends_the_walk(void **state) {
  (void)state;
  const char *trusted = "127.0.0.1";
  assert_string_equal(client(trusted, "127.0.0.1", ""), "127.0.0.1");
  assert_string_equal(client(trusted, "127.0.0.1", ",,"), "127.0.0.1");
  assert_string_equal(client(trusted, "127.0.0.1", "unknown"), "127.0.0.1");
  assert_string_equal(client(trusted, "127.0.0.1", "5.5.5.5, <script>"), "127.0.0.1");
  assert_string_equal(client(trusted, "127.0.0.1", "5.5.5.5:1234"), "127.0.0.1");
}

static void networks_that_are_none_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"10.0.0",  "10.0.0.0/33", "10.0.0.0/",         "10.0.0.0/-1",
                                    "::1/129", "localhost",   "10.0.0.1;10.0.0.2", "10.0.0.0/8/8"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_proxies proxies;
    assert_int_equal(sm_proxies_parse(bad[i], &proxies), SM_ERR_SYNTAX);
  }
  sm_proxies all;
  assert_int_equal(sm_proxies_parse("0.0.0.0/0", &all), SM_OK);
  assert_string_equal(client("0.0.0.0/0", "9.9.9.9", "8.8.8.8"), "8.8.8.8");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stranger_is_who_he_is_whatever_he_claims),
      cmocka_unit_test(a_trusted_proxy_is_believed_as_far_as_trust_goes),
      cmocka_unit_test(nonsense_in_the_header_ends_the_walk),
      cmocka_unit_test(networks_that_are_none_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
