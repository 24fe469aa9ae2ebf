/* The words and numbers of a printed invoice. */
#include "document/amount.h"
#include "document/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <string.h>

static void money(int64_t minor, const char *currency, const char *wanted) {
  char text[SM_AMOUNT_TEXT_MAX];
  assert_string_equal(sm_amount_text(minor, currency, text), wanted);
}

static void rupees_are_grouped_as_in_india(void **state) {
  (void)state;
  money(0, "INR",
        "₹\xc2\xa0"
        "0.00");
  money(99999, "INR",
        "₹\xc2\xa0"
        "999.99");
  money(100000, "INR",
        "₹\xc2\xa0"
        "1,000.00");
  money(9999999, "INR",
        "₹\xc2\xa0"
        "99,999.99");
  money(12345600, "INR",
        "₹\xc2\xa0"
        "1,23,456.00");
  money(-12345600, "INR",
        "−₹\xc2\xa0"
        "1,23,456.00");
  money(INT64_C(100000000000000000), "INR",
        "₹\xc2\xa0"
        "1,00,00,00,00,00,00,000.00");
  money(INT64_MAX, "INR",
        "₹\xc2\xa0"
        "92,23,37,20,36,85,47,758.07");
}

static void other_currencies_by_thousands_and_with_their_own_digits(void **state) {
  (void)state;
  money(12345678, "EUR",
        "EUR\xc2\xa0"
        "123,456.78");
  money(-1, "EUR",
        "−EUR\xc2\xa0"
        "0.01");
  money(1234567, "JPY",
        "JPY\xc2\xa0"
        "1,234,567");
  money(1234567, "KWD",
        "KWD\xc2\xa0"
        "1,234.567");
}

static void energy_and_decimals(void **state) {
  (void)state;
  char text[SM_AMOUNT_TEXT_MAX];
  assert_string_equal(sm_energy_text(1350000, 3, "INR", text), "1,350.000");
  assert_string_equal(sm_energy_text(1350000, 0, "INR", text), "1,350");
  assert_string_equal(sm_energy_text(-250, 0, "INR", text), "−0.25");
  assert_string_equal(sm_energy_text(123456789000, 0, "EUR", text), "123,456,789");
  assert_string_equal(sm_decimal_words("18.00", 1, "INR", text), "18");
  assert_string_equal(sm_decimal_words("0.50", 1, "INR", text), "0.5");
  assert_string_equal(sm_decimal_words("1600.00", 0, "INR", text), "1,600.00");
  assert_string_equal(sm_decimal_words("-10.00", 1, "INR", text), "−10");
}

static void what_is_no_number_stays_as_it_is(void **state) {
  (void)state;
  char text[SM_AMOUNT_TEXT_MAX];
  static const char *const odd[] = {"", "-", ".", "1.", ".5", "1e9", "+1", "1,0", "abc", "1.2.3"};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
    assert_string_equal(sm_decimal_words(odd[i], 1, "INR", text), odd[i]);
  char longest[201];
  memset(longest, '9', 200);
  longest[200] = '\0';
  assert_int_equal(strlen(sm_decimal_words(longest, 0, "INR", text)), 40);
}

static void every_word_is_there_in_every_language(void **state) {
  (void)state;
  for (int language = 0; language < SM_LANGUAGE_COUNT; language++) {
    for (int word = 0; word < SM_WORD_COUNT; word++) {
      bool row_has_its_own = word == SM_WORD_NO_DEMAND && language == SM_LANGUAGE_EN;
      if (!row_has_its_own) assert_non_null(sm_word_text((sm_language)language, (sm_word)word));
    }
    for (int month = 1; month <= 12; month++) {
      assert_true(sm_month_name((sm_language)language, month)[0] != '\0');
      assert_true(sm_month_short((sm_language)language, month)[0] != '\0');
    }
  }
}

static void gaps_are_filled_in_and_cut_off(void **state) {
  (void)state;
  char text[64], little[8];
  const char *const two[] = {"1", "12"};
  assert_string_equal(sm_word_fill(SM_LANGUAGE_EN, SM_WORD_PAGE, two, 2, text, sizeof text),
                      "Page 1 of 12");
  assert_string_equal(sm_word_fill(SM_LANGUAGE_EN, SM_WORD_PAGE, two, 2, little, sizeof little),
                      "Page 1 ");
  const char *const sly[] = {"%s%n%s", "x"};
  assert_string_equal(sm_word_fill(SM_LANGUAGE_EN, SM_WORD_PAGE, sly, 2, text, sizeof text),
                      "Page %s%n%s of x");
}

static void names_that_the_program_gives_are_translated(void **state) {
  (void)state;
  char text[64];
  assert_string_equal(sm_line_name(SM_LANGUAGE_EN, "Fixed charge", text, sizeof text),
                      "Fixed charge");
  assert_string_equal(sm_line_name(SM_LANGUAGE_HI, "Fixed charge", text, sizeof text), "स्थायी शुल्क");
  assert_string_equal(sm_line_name(SM_LANGUAGE_HI, "over 300 kWh", text, sizeof text),
                      "300 kWh से अधिक");
  assert_string_equal(sm_line_name(SM_LANGUAGE_HI, "over the top", text, sizeof text),
                      "over the top");
}

static void dates_as_people_say_them(void **state) {
  (void)state;
  char text[SM_DATE_WORDS_MAX];
  sm_zone *zone;
  assert_int_equal(sm_zone_new("Asia/Kolkata", &zone), SM_OK);
  assert_string_equal(sm_date_words(SM_LANGUAGE_EN, (sm_date){2026, 2, 1}, text),
                      "1 February 2026");
  assert_string_equal(sm_month_words(SM_LANGUAGE_HI, (sm_date){2026, 1, 1}, text), "जनवरी 2026");
  assert_string_equal(sm_instant_words(SM_LANGUAGE_EN, zone, INT64_C(1767205800000), text),
                      "1 Jan 2026, 00:00");
  sm_zone_free(zone);
}

static void periods_and_days_are_short(void **state) {
  (void)state;
  char text[SM_PERIOD_WORDS_MAX], days[SM_DAYS_WORDS_MAX];
  char *rest;
  assert_string_equal(
      sm_period_words(SM_LANGUAGE_EN, (sm_date){2026, 9, 1}, (sm_date){2026, 9, 30}, text, &rest),
      "1 – 30 September 2026");
  assert_null(rest);
  assert_string_equal(
      sm_period_words(SM_LANGUAGE_EN, (sm_date){2026, 9, 5}, (sm_date){2026, 9, 5}, text, &rest),
      "5 September 2026");
  assert_string_equal(
      sm_period_words(SM_LANGUAGE_HI, (sm_date){2026, 9, 15}, (sm_date){2026, 10, 14}, text, &rest),
      "15 सितंबर – 14 अक्टूबर 2026");
  assert_string_equal(rest, "14 अक्टूबर 2026");
  assert_string_equal(
      sm_period_words(SM_LANGUAGE_EN, (sm_date){2025, 12, 15}, (sm_date){2026, 1, 14}, text, &rest),
      "15 December 2025 – 14 January 2026");
  assert_string_equal(sm_days_words(SM_LANGUAGE_EN, 0x1f, days), "Mon–Fri");
  assert_string_equal(sm_days_words(SM_LANGUAGE_EN, 0xff, days), "Mon–Sun, holidays");
  assert_string_equal(sm_days_words(SM_LANGUAGE_HI, 0xaa, days), "मंगल, गुरु, शनि, अवकाश");
  assert_string_equal(sm_days_words(SM_LANGUAGE_EN, 0, days), "");
}

static void entries_and_corrections_have_names(void **state) {
  (void)state;
  char text[96];
  assert_string_equal(sm_entry_word(SM_LANGUAGE_EN, "fee", NULL), "Late fee");
  assert_string_equal(sm_entry_word(SM_LANGUAGE_EN, "reversal", "fee"), "Late fee taken back");
  assert_string_equal(sm_entry_word(SM_LANGUAGE_HI, "gift", NULL), "gift");
  assert_string_equal(sm_method_word(SM_LANGUAGE_EN, "bank"), "bank transfer");
  assert_null(sm_method_word(SM_LANGUAGE_EN, "other"));
  assert_string_equal(sm_line_name(SM_LANGUAGE_EN, "Correction of 2026-10", text, sizeof text),
                      "Correction of October 2026");
  assert_string_equal(sm_line_name(SM_LANGUAGE_HI, "Correction of 2026-10", text, sizeof text),
                      "अक्टूबर 2026 का सुधार");
  assert_string_equal(sm_line_name(SM_LANGUAGE_EN, "GST, correction of 2026-10", text, sizeof text),
                      "GST, correction of October 2026");
  assert_string_equal(sm_line_name(SM_LANGUAGE_HI, "GST, correction of 2026-10", text, sizeof text),
                      "GST, अक्टूबर 2026 का सुधार");
  assert_string_equal(sm_line_name(SM_LANGUAGE_HI, "Correction of faults", text, sizeof text),
                      "Correction of faults");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rupees_are_grouped_as_in_india),
      cmocka_unit_test(other_currencies_by_thousands_and_with_their_own_digits),
      cmocka_unit_test(energy_and_decimals),
      cmocka_unit_test(what_is_no_number_stays_as_it_is),
      cmocka_unit_test(every_word_is_there_in_every_language),
      cmocka_unit_test(gaps_are_filled_in_and_cut_off),
      cmocka_unit_test(names_that_the_program_gives_are_translated),
      cmocka_unit_test(dates_as_people_say_them),
      cmocka_unit_test(periods_and_days_are_short),
      cmocka_unit_test(entries_and_corrections_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
