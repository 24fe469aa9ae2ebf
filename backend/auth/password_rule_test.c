/* What may become a password. */
#include "auth/password_rule.h"

#include "auth/common_passwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static const char *problem(const char *password) {
  return sm_password_problem(password, strlen(password));
}

static void refused(const char *password, const char *why) {
  const char *got = problem(password);
  if (got == NULL || strstr(got, why) == NULL)
    fail_msg("%s: %s, not %s", password, got == NULL ? "taken" : got, why);
}

static void taken(const char *password) {
  const char *got = problem(password);
  if (got != NULL) fail_msg("%s: %s", password, got);
}

static void the_list_is_long_and_sorted(void **state) {
  (void)state;
  const char *line = strstr(sm_common_passwords, "\n----\n") + 6;
  size_t count = 0;
  for (;;) {
    const char *next = line + strcspn(line, "\n") + 1;
    count++;
    if (*next == '\0') break;
    size_t len = (size_t)(next - line) - 1;
    size_t next_len = strcspn(next, "\n");
    int order = memcmp(line, next, len < next_len ? len : next_len);
    assert_true(order < 0 || (order == 0 && len < next_len));
    line = next;
  }
  assert_true(count > 20000);
}

/* Every line of the list is found, by itself if it is long enough, and else with digits behind it.
 */
static void every_listed_word_is_refused(void **state) {
  (void)state;
  for (const char *line = strstr(sm_common_passwords, "\n----\n") + 6; *line != '\0';) {
    char text[64];
    size_t len = strcspn(line, "\n");
    assert_true(len >= 4 && len <= 32);
    memcpy(text, line, len);
    for (size_t i = len; i < SM_PASSWORD_MIN; i++) text[i] = "2026!5"[i - len];
    if (sm_password_problem(text, len < SM_PASSWORD_MIN ? SM_PASSWORD_MIN : len) == NULL)
      fail_msg("%.*s is taken", (int)len, line);
    line += len + 1;
  }
}

static void case_signs_and_suffixes_do_not_help(void **state) {
  (void)state;
  static const char *const bad[] = {
      "password12",        "PASSWORD12",   "PassWord123!", "Passw0rd2024",   "p@$$w0rd2026",
      "123password",       "!!password!!", "qwertyuiop",   "QwertyUiop1",    "1qaz2wsx3edc",
      "letmein2026",       "Dragon!2026",  "dragondragon", "Welcome2026!!",  "christopher1",
      "smartmeter1",       "SmartMeter26", "electricity",  "dragon12345678", "welcome0000000",
      "password9876543210"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) refused(bad[i], "commonest");
  refused("zzzzzzzzzzzz", "repeated");
  refused("abcdefghijkl", "neighbours");
  refused("9876543210987", "neighbours");
}

static void long_and_other_ones_are_taken(void **state) {
  (void)state;
  static const char *const good[] = {"correct horse battery staple",
                                     "crème brûlée 42",
                                     "password of the old mill",
                                     "nine lives, one meter",
                                     "qzvxkwjpht",
                                     "password83749201",
                                     "दो बिल्ली चार मीटर"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) taken(good[i]);
}

static void length_and_text_are_checked_first(void **state) {
  (void)state;
  static char long_one[SM_PASSWORD_MAX + 2];
  for (size_t i = 0; i < sizeof long_one; i++) long_one[i] = (char)('a' + i * 7 % 26);
  assert_null(sm_password_problem(long_one, SM_PASSWORD_MAX));
  assert_non_null(strstr(sm_password_problem(long_one, SM_PASSWORD_MAX + 1), "at most 256"));
  refused("abkdufgh!", "at least 10");
  refused("abc\xff\xfe zzzzz", "UTF-8");
  assert_non_null(strstr(sm_password_problem("abcde\0fghij", 11), "UTF-8"));
}

static const char *of_meera(const char *password) {
  return sm_password_problem_of(password, strlen(password), "meera.krishnan@lakeview.example",
                                "Meera Lakshmi Krishnan");
}

static void nobody_may_take_their_own_address_or_name(void **state) {
  (void)state;
  static const char *const bad[] = {"meera.krishnan@lakeview.example",
                                    "Meera.Krishnan",
                                    "meerakrishnan1",
                                    "Krishnan2026",
                                    "MEERALAKSHMIKRISHNAN",
                                    "meera lakshmi krishnan!",
                                    "lakeview2026",
                                    "meera12345",
                                    "Meera123456789",
                                    "meerameera"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const char *got = of_meera(bad[i]);
    if (got == NULL || strstr(got, "own") == NULL) fail_msg("%s is taken", bad[i]);
  }
  assert_null(of_meera("krishnan keeps nine bees"));
  assert_null(sm_password_problem_of("nine lives, one", 15, "a@b.example", "Al"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_list_is_long_and_sorted),
      cmocka_unit_test(every_listed_word_is_refused),
      cmocka_unit_test(case_signs_and_suffixes_do_not_help),
      cmocka_unit_test(long_and_other_ones_are_taken),
      cmocka_unit_test(length_and_text_are_checked_first),
      cmocka_unit_test(nobody_may_take_their_own_address_or_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
