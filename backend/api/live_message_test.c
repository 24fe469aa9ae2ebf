#include "api/live_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sm_err parse(const char *text, sm_live_message *message) {
  return sm_live_message_parse(text, strlen(text), message);
}

static void a_list_is_sorted_and_each_id_kept_once(void **state) {
  (void)state;
  sm_live_message m = {0};
  assert_int_equal(parse("{\"devices\":[\"b\",\"a\",\"b\"],\"token\":\"t\",\"x\":1}", &m), SM_OK);
  assert_string_equal(m.token, "t");
  assert_int_equal(m.choice, SM_LIVE_CHOICE_LIST);
  assert_int_equal(m.device_count, 2);
  assert_string_equal(m.device[0], "a");
  assert_string_equal(m.device[1], "b");
  sm_live_message_fini(&m);
}

static void a_star_and_a_renewal_are_told_apart(void **state) {
  (void)state;
  sm_live_message m = {0};
  assert_int_equal(parse("{\"token\":\"t\",\"devices\":\"*\"}", &m), SM_OK);
  assert_int_equal(m.choice, SM_LIVE_CHOICE_ALL);
  sm_live_message_fini(&m);
  assert_int_equal(parse("{\"token\":\"t\"}", &m), SM_OK);
  assert_int_equal(m.choice, SM_LIVE_CHOICE_NONE);
  sm_live_message_fini(&m);
}

static void bad_messages_say_what_kind_of_bad(void **state) {
  (void)state;
  static const struct {
    const char *text;
    sm_err err;
  } bad[] = {
      {"", SM_ERR_SYNTAX},
      {"[]", SM_ERR_SYNTAX},
      {"\"*\"", SM_ERR_SYNTAX},
      {"{}", SM_ERR_SYNTAX},
      {"{\"token\":\"\"}", SM_ERR_SYNTAX},
      {"{\"token\":7,\"devices\":\"*\"}", SM_ERR_SYNTAX},
      {"{\"token\":\"t\",\"token\":\"u\",\"devices\":\"*\"}", SM_ERR_SYNTAX},
      {"{\"token\":\"t\",\"devices\":\"*\"} x", SM_ERR_SYNTAX},
      {"{\"token\":\"t\",\"devices\":\"**\"}", SM_ERR_INVALID},
      {"{\"token\":\"t\",\"devices\":\"*\\u0000\"}", SM_ERR_SYNTAX},
      {"{\"token\":\"t\",\"devices\":[]}", SM_ERR_INVALID},
      {"{\"token\":\"t\",\"devices\":null}", SM_ERR_INVALID},
      {"{\"token\":\"t\",\"devices\":{}}", SM_ERR_INVALID},
      {"{\"token\":\"t\",\"devices\":[1]}", SM_ERR_INVALID},
      {"{\"token\":\"t\",\"devices\":[[\"a\"]]}", SM_ERR_INVALID},
      {"{\"token\":\"t\",\"devices\":[\"a.b\"]}", SM_ERR_NOT_FOUND},
      {"{\"token\":\"t\",\"devices\":[\"\"]}", SM_ERR_NOT_FOUND},
      {"{\"token\":\"t\",\"devices\":[\"a\",\"../b\"]}", SM_ERR_NOT_FOUND},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_live_message m = {0};
    assert_int_equal(parse(bad[i].text, &m), bad[i].err);
    assert_null(m.token);
  }
}

static void nesting_and_size_are_bounded(void **state) {
  (void)state;
  static char deep[SM_LIVE_MESSAGE_MAX + 1];
  sm_live_message m = {0};
  memset(deep, '[', sizeof deep);
  assert_int_equal(sm_live_message_parse(deep, SM_LIVE_MESSAGE_MAX, &m), SM_ERR_SYNTAX);
  memset(deep, ' ', sizeof deep);
  static const char good[] = "{\"token\":\"t\"}";
  memcpy(deep, good, sizeof good - 1);
  assert_int_equal(sm_live_message_parse(deep, SM_LIVE_MESSAGE_MAX, &m), SM_OK);
  sm_live_message_fini(&m);
  assert_int_equal(sm_live_message_parse(deep, SM_LIVE_MESSAGE_MAX + 1, &m), SM_ERR_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_list_is_sorted_and_each_id_kept_once),
      cmocka_unit_test(a_star_and_a_renewal_are_told_apart),
      cmocka_unit_test(bad_messages_say_what_kind_of_bad),
      cmocka_unit_test(nesting_and_size_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
