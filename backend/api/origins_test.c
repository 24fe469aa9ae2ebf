#include "api/origins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static sm_origins parsed(const char *text) {
  sm_origins origins;
  sm_buf problem;
  sm_buf_init(&problem, 4096);
  assert_int_equal(sm_origins_parse(text, &origins, &problem), SM_OK);
  assert_int_equal(problem.len, 0);
  sm_buf_fini(&problem);
  return origins;
}

static void no_setting_is_no_origin(void **state) {
  (void)state;
  static const char *const nothing[] = {NULL, "", " ", " , ,"};
  for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
    sm_origins origins = parsed(nothing[i]);
    assert_int_equal(origins.count, 0);
    assert_false(sm_origins_has(&origins, "https://a.example"));
    assert_false(sm_origins_has(&origins, ""));
    assert_false(sm_origins_has(&origins, NULL));
    sm_origins_fini(&origins);
  }
}

static void an_origin_is_matched_as_a_whole(void **state) {
  (void)state;
  sm_origins origins =
      parsed("https://Meters.example , http://localhost:3000,https://[2001:db8::1]:8443");
  assert_int_equal(origins.count, 3);
  assert_null(origins.item[3]);
  static const char *const good[] = {"https://meters.example", "http://localhost:3000",
                                     "https://[2001:db8::1]:8443"};
  static const char *const bad[] = {"http://meters.example",
                                    "https://meters.example:444",
                                    "https://meters.example.evil.example",
                                    "https://evil.meters.example",
                                    "https://meters.exampl",
                                    "https://METERS.example",
                                    "https://meters.example/",
                                    "null",
                                    "",
                                    "http://localhost"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    assert_true(sm_origins_has(&origins, good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_false(sm_origins_has(&origins, bad[i]));
  sm_origins_fini(&origins);
}

static void what_is_no_origin_is_refused_with_its_remedy(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"*", "wildcards"},
      {"https://*.example", "wildcards"},
      {"meters.example", "begin with https://"},
      {"null", "begin with https://"},
      {"ftp://meters.example", "begin with https://"},
      {"https://", "host"},
      {"https://.example", "host"},
      {"https://[::1", "host"},
      {"https://meters.example/", "leave out what follows"},
      {"https://meters.example/app", "leave out what follows"},
      {"https://user@meters.example", "leave out what follows"},
      {"https://meters.example:0", "port"},
      {"https://meters.example:080", "port"},
      {"https://meters.example:65536", "port"},
      {"https://meters.example:8080x", "port"},
      {"https://meters.example:443", "own port"},
      {"http://meters.example:80", "own port"},
      {"https://a.example https://b.example", "leave out what follows"},
      {"https://a.example\r\nX: y", "leave out what follows"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_origins origins = {.count = 7};
    sm_buf problem;
    sm_buf_init(&problem, 4096);
    assert_int_equal(sm_origins_parse(bad[i][0], &origins, &problem), SM_ERR_INVALID);
    if (strstr(sm_buf_text(&problem), bad[i][1]) == NULL)
      fail_msg("%s: %s", bad[i][0], sm_buf_text(&problem));
    assert_int_equal(origins.count, 7);
    sm_buf_fini(&problem);
  }
}

static void there_may_be_thirty_two(void **state) {
  (void)state;
  sm_buf text;
  sm_buf problem;
  sm_origins origins;
  sm_buf_init(&text, 0);
  sm_buf_init(&problem, 4096);
  for (int i = 0; i < SM_ORIGINS_MAX; i++) sm_buf_printf(&text, "https://m%d.example,", i);
  origins = parsed(sm_buf_text(&text));
  assert_int_equal(origins.count, SM_ORIGINS_MAX);
  sm_origins_fini(&origins);
  sm_buf_append_text(&text, "https://one.more.example");
  assert_int_equal(sm_origins_parse(sm_buf_text(&text), &origins, &problem), SM_ERR_INVALID);
  sm_buf_fini(&text);
  sm_buf_fini(&problem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_setting_is_no_origin),
      cmocka_unit_test(an_origin_is_matched_as_a_whole),
      cmocka_unit_test(what_is_no_origin_is_refused_with_its_remedy),
      cmocka_unit_test(there_may_be_thirty_two),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
