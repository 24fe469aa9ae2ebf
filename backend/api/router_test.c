#include "api/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static const sm_route table[] = {
    {"GET", "/a", SM_ACCESS_OPEN, {0}, NULL},
    {"POST", "/a", SM_ACCESS_OPEN, {0}, NULL},
    {"GET", "/a/{id}", SM_ACCESS_OPEN, {SM_PARAM_DEVICE}, NULL},
    {"PATCH", "/a/{id}/b", SM_ACCESS_OPEN, {SM_PARAM_OPAQUE}, NULL},
    {"GET", "/i/{id}/{number}", SM_ACCESS_OPEN, {SM_PARAM_DEVICE, SM_PARAM_NUMBER}, NULL},
    {"GET", "/i/{id}/{number}.pdf", SM_ACCESS_OPEN, {SM_PARAM_DEVICE, SM_PARAM_NUMBER}, NULL},
};
enum { ROUTES = sizeof table / sizeof table[0] };

typedef struct found {
  sm_match match;
  const sm_route *route;
  char allow[SM_ALLOW_MAX];
  char param[SM_PATH_PARAMS_MAX][SM_PATH_PARAM_MAX];
} found;

static found look(const char *method, const char *target) {
  sm_request request;
  found out = {0};
  assert_int_equal(sm_request_init(&request, target), SM_OK);
  request.method = method;
  out.match = sm_router_find(table, ROUTES, &request, &out.route, out.allow);
  memcpy(out.param, request.param, sizeof out.param);
  sm_request_fini(&request);
  return out;
}

static void a_path_and_its_method_find_their_route(void **state) {
  (void)state;
  assert_ptr_equal(look("GET", "/a").route, &table[0]);
  assert_ptr_equal(look("POST", "/a?x=1").route, &table[1]);
  assert_ptr_equal(look("HEAD", "/a").route, &table[0]);
  found f = look("GET", "/a/meter-001");
  assert_ptr_equal(f.route, &table[2]);
  assert_string_equal(f.param[0], "meter-001");
  f = look("GET", "/i/m%65ter/SM2627-000001");
  assert_ptr_equal(f.route, &table[4]);
  assert_string_equal(f.param[0], "meter");
  assert_string_equal(f.param[1], "SM2627-000001");
  f = look("GET", "/i/meter/SM2627-000001.pdf");
  assert_ptr_equal(f.route, &table[5]);
  assert_string_equal(f.param[1], "SM2627-000001");
}

static void another_method_is_told_which_ones_there_are(void **state) {
  (void)state;
  found f = look("DELETE", "/a");
  assert_int_equal(f.match, SM_MATCH_METHOD);
  assert_string_equal(f.allow, "GET, HEAD, POST");
  f = look("HEAD", "/a/x/b");
  assert_int_equal(f.match, SM_MATCH_METHOD);
  assert_string_equal(f.allow, "PATCH");
}

static void what_is_not_in_the_table_is_not_found(void **state) {
  (void)state;
  static const char *const absent[] = {"/",
                                       "/b",
                                       "/a/",
                                       "//a",
                                       "/a/x/",
                                       "/a/x/c",
                                       "/a/x/b/c",
                                       "a",
                                       "",
                                       "*",
                                       "/A",
                                       "/i/x",
                                       "/i/x/",
                                       "/i/x/sm-1",
                                       "/i/x/SM-1.PDF",
                                       "/i/x/SM-1.pdf.pdf",
                                       "/i/x/SM-1.pdf/",
                                       "/i/x/.pdf",
                                       "/i/x/pdf",
                                       "/i/x/SM-1%2Epdf",
                                       "/i/x/0123456789ABCDEF0",
                                       "/a/a%20b",
                                       "/a/..",
                                       "/a/%2e%2e",
                                       "/a/x%2Fb",
                                       "/a/%c3%a9"};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
    assert_int_equal(look("GET", absent[i]).match, SM_MATCH_NONE);
  char longest[SM_PATH_PARAM_MAX + 8] = "/a/";
  memset(longest + 3, 'x', 64);
  assert_int_equal(look("GET", longest).match, SM_MATCH_ROUTE);
  longest[3 + 64] = 'x';
  assert_int_equal(look("GET", longest).match, SM_MATCH_NONE);
}

static void a_broken_escape_is_malformed(void **state) {
  (void)state;
  assert_int_equal(look("GET", "/a/%").match, SM_MATCH_MALFORMED);
  assert_int_equal(look("GET", "/a/%zz").match, SM_MATCH_MALFORMED);
  assert_int_equal(look("GET", "/a/%00").match, SM_MATCH_MALFORMED);
  assert_int_equal(look("GET", "/a/%ff").match, SM_MATCH_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_path_and_its_method_find_their_route),
      cmocka_unit_test(another_method_is_told_which_ones_there_are),
      cmocka_unit_test(what_is_not_in_the_table_is_not_found),
      cmocka_unit_test(a_broken_escape_is_malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
