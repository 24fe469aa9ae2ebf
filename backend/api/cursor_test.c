#include "api/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static void a_key_comes_back_for_its_own_list_only(void **state) {
  (void)state;
  char text[SM_CURSOR_TEXT_MAX];
  char key[SM_CURSOR_KEY_MAX] = "before";
  (void)sm_cursor_format("readings meter-001 1h", "1769679900000", text);
  assert_null(strpbrk(text, "+/=&?#% "));
  assert_int_equal(sm_cursor_parse("readings meter-001 1d", text, key), SM_ERR_SYNTAX);
  assert_int_equal(sm_cursor_parse("readings meter-002 1h", text, key), SM_ERR_SYNTAX);
  assert_string_equal(key, "before");
  assert_int_equal(sm_cursor_parse("readings meter-001 1h", text, key), SM_OK);
  assert_string_equal(key, "1769679900000");
}

static void the_longest_key_fits(void **state) {
  (void)state;
  char longest[SM_CURSOR_KEY_MAX];
  char text[SM_CURSOR_TEXT_MAX];
  char key[SM_CURSOR_KEY_MAX];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  (void)sm_cursor_format("s", longest, text);
  assert_int_equal(sm_cursor_parse("s", text, key), SM_OK);
  assert_string_equal(key, longest);
}

static void an_edited_or_cut_cursor_is_refused(void **state) {
  (void)state;
  char text[SM_CURSOR_TEXT_MAX];
  char key[SM_CURSOR_KEY_MAX];
  (void)sm_cursor_format("devices", "meter-001", text);
  size_t len = strlen(text);
  for (size_t i = 0; i < len; i++) {
    char edited[SM_CURSOR_TEXT_MAX];
    strcpy(edited, text);
    edited[i] = edited[i] == 'A' ? 'B' : 'A';
    assert_int_equal(sm_cursor_parse("devices", edited, key), SM_ERR_SYNTAX);
    strcpy(edited, text);
    edited[i] = '\0';
    assert_int_equal(sm_cursor_parse("devices", edited, key), SM_ERR_SYNTAX);
  }
  static const char *const bad[] = {"", "x", "====", "meter-001", "!!!!!!!!!!!!", "AAAAAAAAAAAA"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_cursor_parse("devices", bad[i], key), SM_ERR_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_comes_back_for_its_own_list_only),
      cmocka_unit_test(the_longest_key_fits),
      cmocka_unit_test(an_edited_or_cut_cursor_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
