#include "api/surface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>

static const sm_route routes[] = {{"GET", "/a/{id}", SM_ACCESS_OPEN, {SM_PARAM_OPAQUE}, NULL},
                                  {"POST", "/a/{id}", SM_ACCESS_OPEN, {SM_PARAM_OPAQUE}, NULL},
                                  {"GET", "/not/there", SM_ACCESS_OPEN, {0}, NULL}};

static const char document[] =
    "{\"paths\":{\"/a/{id}\":{"
    "\"parameters\":[{\"name\":\"id\",\"in\":\"path\"},{\"name\":\"lang\",\"in\":\"query\"}],"
    "\"get\":{\"parameters\":[{\"$ref\":\"#/components/parameters/Limit\"},"
    "{\"name\":\"If-None-Match\",\"in\":\"header\"}],"
    "\"responses\":{\"200\":{\"content\":{\"application/json\":{},\"text/csv\":{}}},"
    "\"404\":{\"content\":{\"application/problem+json\":{}}}}},"
    "\"post\":{\"responses\":{\"204\":{}}}}},"
    "\"components\":{\"parameters\":{\"Limit\":{\"name\":\"limit\",\"in\":\"query\"}}}}";

static sm_surface *surface_of(const char *text) {
  sm_surface *surface;
  assert_int_equal(sm_surface_new(text, routes, 3, &surface), SM_OK);
  return surface;
}

static void members_are_those_of_path_and_operation(void **state) {
  (void)state;
  sm_surface *surface = surface_of(document);
  assert_true(sm_surface_has_member(surface, &routes[0], "limit"));
  assert_true(sm_surface_has_member(surface, &routes[0], "lang"));
  assert_false(sm_surface_has_member(surface, &routes[0], "id"));
  assert_false(sm_surface_has_member(surface, &routes[0], "If-None-Match"));
  assert_false(sm_surface_has_member(surface, &routes[0], ""));
  assert_true(sm_surface_has_member(surface, &routes[1], "lang"));
  assert_false(sm_surface_has_member(surface, &routes[1], "limit"));
  assert_false(sm_surface_has_member(surface, &routes[2], "lang"));
  assert_string_equal(sm_surface_members(surface, &routes[0]), "lang, limit");
  assert_string_equal(sm_surface_members(surface, &routes[2]), "");
  sm_surface_free(surface);
}

static void types_are_those_of_good_answers(void **state) {
  (void)state;
  sm_surface *surface = surface_of(document);
  char *const *types = sm_surface_types(surface, &routes[0]);
  assert_string_equal(types[0], "application/json");
  assert_string_equal(types[1], "text/csv");
  assert_null(types[2]);
  assert_null(sm_surface_types(surface, &routes[1])[0]);
  assert_null(sm_surface_types(surface, &routes[2])[0]);
  sm_surface_free(surface);
}

static void a_document_that_is_none_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
      "", "{", "{\"paths\":{},\"paths\":{}}",
      "{\"paths\":{\"/a/{id}\":{\"parameters\":[{\"$ref\":\"#/components/parameters/X\"}]}}}",
      "{\"paths\":{\"/a/{id}\":{\"parameters\":[{\"$ref\":\"elsewhere\"}]}}}"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_surface *surface = NULL;
    assert_int_equal(sm_surface_new(bad[i], routes, 3, &surface), SM_ERR_SYNTAX);
    assert_null(surface);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_are_those_of_path_and_operation),
      cmocka_unit_test(types_are_those_of_good_answers),
      cmocka_unit_test(a_document_that_is_none_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
