#include "api/answer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static json_t *body_of(sm_answer *answer) {
  json_t *root = json_loads(sm_buf_text(&answer->body), JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(root);
  return root;
}

static const char *text_at(json_t *root, const char *key) {
  return json_string_value(json_object_get(root, key));
}

static void a_problem_has_the_members_of_rfc_9457(void **state) {
  (void)state;
  sm_answer answer;
  sm_answer_init(&answer);
  sm_answer_problem(&answer, 409, "The name '%s' is taken.", "a\"b");
  assert_int_equal(answer.status, 409);
  assert_string_equal(answer.content_type, "application/problem+json");
  json_t *root = body_of(&answer);
  assert_string_equal(text_at(root, "type"), "about:blank");
  assert_string_equal(text_at(root, "title"), "Conflict");
  assert_string_equal(text_at(root, "detail"), "The name 'a\"b' is taken.");
  assert_int_equal(json_integer_value(json_object_get(root, "status")), 409);
  assert_null(json_object_get(root, "errors"));
  json_decref(root);
  sm_answer_fini(&answer);
}

static void fields_that_are_wrong_are_listed_and_the_first_is_the_detail(void **state) {
  (void)state;
  sm_answer answer;
  sm_problems problems = {0};
  sm_answer_init(&answer);
  sm_problems_add(&problems, "slabs[1].rate", "must be %s", "positive");
  sm_problems_add(&problems, "name", "is required");
  sm_answer_problems(&answer, 422, &problems);
  json_t *root = body_of(&answer);
  json_t *errors = json_object_get(root, "errors");
  assert_int_equal(json_array_size(errors), 2);
  assert_string_equal(text_at(json_array_get(errors, 0), "field"), "slabs[1].rate");
  assert_string_equal(text_at(json_array_get(errors, 0), "message"), "must be positive");
  assert_string_equal(text_at(root, "detail"), "slabs[1].rate: must be positive, and 1 more.");
  json_decref(root);
  for (size_t i = 0; i < 2 * SM_PROBLEMS_MAX; i++) sm_problems_add(&problems, "x", "is wrong");
  sm_answer_problems(&answer, 422, &problems);
  root = body_of(&answer);
  assert_int_equal(json_array_size(json_object_get(root, "errors")), SM_PROBLEMS_MAX);
  json_decref(root);
  sm_answer_fini(&answer);
}

static void what_passes_by_itself_is_503_with_a_time_and_the_rest_is_500(void **state) {
  (void)state;
  sm_answer answer;
  sm_answer_init(&answer);
  sm_answer_failure(&answer, SM_ERR_BUSY);
  assert_int_equal(answer.status, 503);
  assert_string_equal(answer.header[0].name, "Retry-After");
  assert_string_equal(answer.header[0].value, "1");
  sm_answer_clear(&answer);
  assert_int_equal(answer.header_count, 0);
  sm_answer_failure(&answer, SM_ERR_CORRUPT);
  assert_int_equal(answer.status, 500);
  sm_answer_fini(&answer);
}

static void a_body_or_header_that_failed_becomes_a_500(void **state) {
  (void)state;
  sm_answer answer;
  sm_answer_init(&answer);
  sm_answer_finish(&answer); /* nobody answered */
  assert_int_equal(answer.status, 500);
  sm_answer_clear(&answer);
  sm_answer_text(&answer, 200, "text/plain", "x");
  sm_answer_header_add(&answer, "X-A", "one\r\nX-B: two");
  assert_int_equal(answer.header_count, 0);
  sm_answer_finish(&answer);
  assert_int_equal(answer.status, 500);
  sm_answer_clear(&answer);
  answer.body.limit = 8;
  sm_jsonw w = sm_answer_json(&answer, 200);
  sm_jsonw_text(&w, "longer than eight bytes");
  sm_answer_finish(&answer);
  assert_int_equal(answer.status, 500);
  sm_answer_fini(&answer);
}

static void an_answer_is_replaced_as_a_whole(void **state) {
  (void)state;
  sm_answer answer;
  sm_answer_init(&answer);
  sm_jsonw w = sm_answer_json(&answer, 200);
  sm_jsonw_object(&w);
  sm_answer_not_found(&answer);
  json_t *root = body_of(&answer);
  assert_string_equal(text_at(root, "title"), "Not Found");
  json_decref(root);
  sm_answer_empty(&answer, 204);
  assert_int_equal(answer.body.len, 0);
  assert_null(answer.content_type);
  sm_answer_fini(&answer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_problem_has_the_members_of_rfc_9457),
      cmocka_unit_test(fields_that_are_wrong_are_listed_and_the_first_is_the_detail),
      cmocka_unit_test(what_passes_by_itself_is_503_with_a_time_and_the_rest_is_500),
      cmocka_unit_test(a_body_or_header_that_failed_becomes_a_500),
      cmocka_unit_test(an_answer_is_replaced_as_a_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
