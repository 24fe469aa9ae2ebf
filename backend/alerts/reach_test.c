/* Which addresses a webhook may reach, and what is signed. */
#include "alerts/reach.h"

#include "alerts/signature.h"
#include "alerts/webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static bool allows(const sm_reach *reach, const char *text) {
  struct sockaddr_storage address = {0};
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    memcpy(&address, &v4, sizeof v4);
  } else {
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    memcpy(&address, &v6, sizeof v6);
  }
  return sm_reach_allows(reach, (const struct sockaddr *)&address);
}

static void only_the_public_internet_is_reached(void **state) {
  (void)state;
  static const char *const good[] = {"8.8.8.8",
                                     "1.1.1.1",
                                     "9.255.255.255",
                                     "11.0.0.0",
                                     "100.63.255.255",
                                     "100.128.0.0",
                                     "126.255.255.255",
                                     "172.15.255.255",
                                     "172.32.0.0",
                                     "192.167.255.255",
                                     "223.255.255.255",
                                     "2606:4700::1111",
                                     "2001:4860:4860::8888",
                                     "::ffff:8.8.8.8"};
  static const char *const bad[] = {"0.0.0.0",
                                    "0.1.2.3",
                                    "10.0.0.1",
                                    "10.255.255.255",
                                    "100.64.0.1",
                                    "100.127.255.255",
                                    "127.0.0.1",
                                    "127.255.255.255",
                                    "169.254.169.254",
                                    "172.16.0.1",
                                    "172.31.255.255",
                                    "192.0.0.1",
                                    "192.0.2.1",
                                    "192.168.0.1",
                                    "198.18.0.1",
                                    "198.19.255.255",
                                    "198.51.100.1",
                                    "203.0.113.1",
                                    "224.0.0.1",
                                    "239.1.1.1",
                                    "240.0.0.1",
                                    "255.255.255.255",
                                    "::",
                                    "::1",
                                    "fe80::1",
                                    "fc00::1",
                                    "fd12::1",
                                    "ff02::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:10.0.0.1",
                                    "64:ff9b::7f00:1",
                                    "2002:7f00:1::1",
                                    "2001:db8::1",
                                    "2001::1",
                                    "3fff::1",
                                    "::7f00:1",
                                    "100::1",
                                    "fec0::1"};
  const sm_reach reach = {.count = 0};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    if (!allows(&reach, good[i])) fail_msg("%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (allows(&reach, bad[i])) fail_msg("%s", bad[i]);
}

static void an_operator_may_allow_more(void **state) {
  (void)state;
  sm_reach reach;
  assert_int_equal(sm_reach_parse("127.0.0.1, 10.1.0.0/16,fd00::/8", &reach), SM_OK);
  assert_true(allows(&reach, "127.0.0.1"));
  assert_true(allows(&reach, "::ffff:127.0.0.1"));
  assert_false(allows(&reach, "127.0.0.2"));
  assert_true(allows(&reach, "10.1.255.1"));
  assert_false(allows(&reach, "10.2.0.1"));
  assert_true(allows(&reach, "fd99::1"));
  assert_false(allows(&reach, "fc99::1"));
  assert_true(allows(&reach, "8.8.8.8"));
  assert_int_equal(sm_reach_parse("", &reach), SM_OK);
  assert_int_equal(reach.count, 0);
}

static void what_is_no_network_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"localhost", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/",
                                    "::1/129",   "1.2.3",       "/8",          "10.0.0.1/8x"};
  sm_reach reach;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (sm_reach_parse(bad[i], &reach) == SM_OK) fail_msg("%s", bad[i]);
  assert_int_equal(sm_reach_parse("1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
                                  "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
                                  "1.1.1.1",
                                  &reach),
                   SM_ERR_RANGE);
}

static void an_address_is_https_alone(void **state) {
  (void)state;
  static const char *const bad[] = {"http://example.org/",       "https://",
                                    "ftp://example.org/",        "https://u:p@example.org/",
                                    "https://exa mple.org/",     "https://example.org/\r\nX: y",
                                    "HTTPS//example.org",        "file:///etc/passwd",
                                    "https://example.org:99999/"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (sm_webhook_url_problem(bad[i]) == NULL) fail_msg("%s", bad[i]);
  assert_null(sm_webhook_url_problem("https://example.org/alerts?token=1"));
  assert_null(sm_webhook_url_problem("https://example.org:8443/"));
}

/* As openssl computes it: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whs_secret */
static void a_signature_is_what_others_compute(void **state) {
  (void)state;
  char out[SM_SIGNATURE_MAX];
  assert_string_equal(
      sm_signature("whs_secret", 1700000000123, "{\"a\":1}", 7, out),
      "t=1700000000,v1=42359816b9cdac4fb62fa04459d2218b257ca9331d835e02a9c7808b91b58019");
  char one[SM_WEBHOOK_SECRET_MAX];
  char other[SM_WEBHOOK_SECRET_MAX];
  assert_int_equal(strlen(sm_webhook_secret(one)), 47);
  assert_string_not_equal(one, sm_webhook_secret(other));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_the_public_internet_is_reached),
      cmocka_unit_test(an_operator_may_allow_more),
      cmocka_unit_test(what_is_no_network_is_refused),
      cmocka_unit_test(an_address_is_https_alone),
      cmocka_unit_test(a_signature_is_what_others_compute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
