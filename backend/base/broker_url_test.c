#include "base/broker_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_url(const char *text, bool tls, const char *host, unsigned port,
                       const char *username, const char *password) {
  sm_broker_url url;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  if (sm_broker_url_parse(text, &url, &problem) != SM_OK)
    fail_msg("%s: %s", text, sm_buf_text(&problem));
  sm_buf_fini(&problem);
  assert_int_equal(url.tls, tls);
  assert_string_equal(url.host, host);
  assert_int_equal(url.port, port);
  assert_int_equal(url.username == NULL, username == NULL);
  if (username != NULL) assert_string_equal(url.username, username);
  assert_int_equal(url.password == NULL, password == NULL);
  if (password != NULL) assert_string_equal(url.password, password);
  sm_broker_url_fini(&url);
}

static void urls_are_read(void **state) {
  (void)state;
  assert_url("mqtt://localhost", false, "localhost", 1883, NULL, NULL);
  assert_url("mqtts://broker.example.org", true, "broker.example.org", 8883, NULL, NULL);
  assert_url("MQTTS://broker:1/", true, "broker", 1, NULL, NULL);
  assert_url("mqtt://192.0.2.7:65535", false, "192.0.2.7", 65535, NULL, NULL);
  assert_url("mqtt://[::1]", false, "::1", 1883, NULL, NULL);
  assert_url("mqtts://u:p@[2001:db8::7]:8884/", true, "2001:db8::7", 8884, "u", "p");
  assert_url("mqtt://server@h", false, "h", 1883, "server", NULL);
  assert_url("mqtt://u:p:q@h", false, "h", 1883, "u", "p:q");
  assert_url("mqtt://server:@h", false, "h", 1883, "server", "");
  assert_url("mqtt://a%40b:%3a%2F%23%25%C3%a9@h:7", false, "h", 7, "a@b", ":/#%\xc3\xa9");
}

static void every_malformed_url_is_refused_with_its_reason(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *reason; /* a part of it */
  } cases[] = {
      {"", "must begin with mqtt://"},
      {"localhost:1883", "must begin with mqtt://"},
      {"http://localhost", "must begin with mqtt://"},
      {"mqtt:/localhost", "must begin with mqtt://"},
      {"mqtt://", "host is missing"},
      {"mqtt:///", "host is missing"},
      {"mqtt://:1883", "host is missing"},
      {"mqtt://u:p@", "host is missing"},
      {"mqtt://h:", "port must be"},
      {"mqtt://h:0", "port must be"},
      {"mqtt://h:65536", "port must be"},
      {"mqtt://h:999999999999", "port must be"},
      {"mqtt://h:-1", "port must be"},
      {"mqtt://h:18a3", "port must be"},
      {"mqtt://h: 1883", "port must be"},
      {"mqtt://h/topic", "nothing may follow"},
      {"mqtt://h?x=1", "nothing may follow"},
      {"mqtt://h#x", "nothing may follow"},
      {"mqtt://u:pa/ss@h", "%2F"},
      {"mqtt://u:p@ss@h", "%40"},
      {"mqtt://@h", "user name before '@' is empty"},
      {"mqtt://:secret@h", "user name before '@' is empty"},
      {"mqtt://u:100%@h", "%25"},
      {"mqtt://u:%4@h", "%25"},
      {"mqtt://u:%g1@h", "%25"},
      {"mqtt://u:%00@h", "NUL"},
      {"mqtt://u%00:p@h", "NUL"},
      {"mqtt://%ff:p@h", "UTF-8"},
      {"mqtt://u:%c0%80@h", "UTF-8"},
      {"mqtt://ho st", "character that no host has"},
      {"mqtt://h\xc3\xb4st", "character that no host has"},
      {"mqtt://h%6Fst", "character that no host has"},
      {"mqtt://-h", "begins with"},
      {"mqtt://.h", "begins with"},
      {"mqtt://::1", "more than one ':'"},
      {"mqtt://2001:db8::7", "more than one ':'"},
      {"mqtt://[::1", "']'"},
      {"mqtt://[::1]x", "only a ':'"},
      {"mqtt://[::1]1883", "only a ':'"},
      {"mqtt://[]", "not an IPv6 address"},
      {"mqtt://[localhost]", "not an IPv6 address"},
      {"mqtt://[127.0.0.1]", "not an IPv6 address"},
      {"mqtt://[fe80::1%25eth0]", "not an IPv6 address"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_broker_url url = {.port = 77};
    sm_buf problem;
    sm_buf_init(&problem, 0);
    sm_err err = sm_broker_url_parse(cases[i].text, &url, &problem);
    const char *said = sm_buf_text(&problem);
    if (err != SM_ERR_INVALID || strstr(said, cases[i].reason) == NULL)
      fail_msg("\"%s\": %d \"%s\"", cases[i].text, (int)err, said);
    assert_int_equal(url.port, 77); /* untouched on failure */
    assert_null(strstr(said, "secret"));
    sm_buf_fini(&problem);
  }
}

static void a_host_that_is_too_long_is_refused(void **state) {
  (void)state;
  char text[7 + 254 + 1] = "mqtt://";
  memset(text + 7, 'h', 254);
  text[7 + 254] = '\0';
  sm_broker_url url;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_broker_url_parse(text, &url, &problem), SM_ERR_INVALID);
  text[7 + 253] = '\0';
  assert_int_equal(sm_broker_url_parse(text, &url, &problem), SM_OK);
  sm_broker_url_fini(&url);
  sm_buf_fini(&problem);
}

static void an_address_is_shown_without_its_secrets(void **state) {
  (void)state;
  sm_broker_url url;
  sm_buf problem;
  char shown[SM_BROKER_URL_SHOWN_MAX];
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_broker_url_parse("mqtts://u:secret@[::1]", &url, &problem), SM_OK);
  assert_string_equal(sm_broker_url_show(&url, shown), "mqtts://[::1]:8883");
  sm_broker_url_fini(&url);
  assert_int_equal(sm_broker_url_parse("mqtt://u:secret@broker:9000/", &url, &problem), SM_OK);
  assert_string_equal(sm_broker_url_show(&url, shown), "mqtt://broker:9000");
  sm_broker_url_fini(&url);
  sm_buf_fini(&problem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(urls_are_read),
      cmocka_unit_test(every_malformed_url_is_refused_with_its_reason),
      cmocka_unit_test(a_host_that_is_too_long_is_refused),
      cmocka_unit_test(an_address_is_shown_without_its_secrets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
