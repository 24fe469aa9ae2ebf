#include "api/negotiate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>

static void the_coding_that_is_wanted_most_is_taken(void **state) {
  (void)state;
  static const struct {
    const char *header;
    sm_coding coding;
  } cases[] = {{NULL, SM_CODING_IDENTITY},
               {"", SM_CODING_IDENTITY},
               {"gzip", SM_CODING_GZIP},
               {"x-gzip", SM_CODING_GZIP},
               {"GZIP", SM_CODING_GZIP},
               {"br", SM_CODING_BR},
               {"gzip, deflate, br, zstd", SM_CODING_BR},
               {"br;q=0.5, gzip", SM_CODING_GZIP},
               {"br;q=0.5,gzip;q=0.5", SM_CODING_BR},
               {"gzip;q=0", SM_CODING_IDENTITY},
               {"gzip;q=0.000, br;q=0.001", SM_CODING_BR},
               {"identity, gzip;q=0.5", SM_CODING_IDENTITY},
               {"identity;q=0.5, gzip", SM_CODING_GZIP},
               {"identity;q=0", SM_CODING_IDENTITY},
               {"identity;q=0, *", SM_CODING_BR},
               {"*", SM_CODING_BR},
               {"*;q=0", SM_CODING_IDENTITY},
               {"br;q=0, *", SM_CODING_GZIP},
               {"gzip;q=1.5", SM_CODING_IDENTITY},
               {"gzip;q=x, br;q=", SM_CODING_IDENTITY},
               {"gzip ; q=0.3 , br ;q=0.2", SM_CODING_GZIP},
               {"gzipped, brotli", SM_CODING_IDENTITY},
               {",,;,", SM_CODING_IDENTITY}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (sm_negotiate_coding(cases[i].header) != cases[i].coding)
      fail_msg("%s: %s", cases[i].header == NULL ? "none" : cases[i].header,
               sm_coding_name(sm_negotiate_coding(cases[i].header)));
}

static void a_type_is_taken_by_its_closest_range(void **state) {
  (void)state;
  static const struct {
    const char *header;
    bool taken;
  } cases[] = {{NULL, true},
               {"", true},
               {"*/*", true},
               {"application/json", true},
               {"Application/JSON; charset=utf-8", true},
               {"application/*", true},
               {"text/html", false},
               {"text/html, */*;q=0.8", true},
               {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
               {"application/json;q=0", false},
               {"application/json;q=0, */*", false},
               {"application/*;q=0, */*;q=1", false},
               {"application/*;q=0, application/json", true},
               {"application/jsonp", false},
               {"application/", false},
               {"text/*", false},
               {";;;", true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (sm_negotiate_type(cases[i].header, "application/json") != cases[i].taken)
      fail_msg("%s", cases[i].header == NULL ? "none" : cases[i].header);
}

static void an_etag_is_found_whole_and_weakly(void **state) {
  (void)state;
  assert_true(sm_negotiate_match("\"a\"", "\"a\""));
  assert_true(sm_negotiate_match("W/\"a\"", "\"a\""));
  assert_true(sm_negotiate_match("\"a\"", "W/\"a\""));
  assert_true(sm_negotiate_match("\"b\", W/\"a\"", "W/\"a\""));
  assert_true(sm_negotiate_match("\"b,\"  ,  \"a\"", "\"a\""));
  assert_true(sm_negotiate_match(" * ", "\"a\""));
  assert_false(sm_negotiate_match(NULL, "\"a\""));
  assert_false(sm_negotiate_match("\"a\"", NULL));
  assert_false(sm_negotiate_match("", "\"a\""));
  assert_false(sm_negotiate_match("a", "\"a\""));
  assert_false(sm_negotiate_match("\"ab\"", "\"a\""));
  assert_false(sm_negotiate_match("\"b\"a\"c\"", "\"a\""));
  assert_false(sm_negotiate_match("\"a", "\"a\""));
  assert_false(sm_negotiate_match("\"*\"", "\"a\""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_coding_that_is_wanted_most_is_taken),
      cmocka_unit_test(a_type_is_taken_by_its_closest_range),
      cmocka_unit_test(an_etag_is_found_whole_and_weakly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
