/* Every setting: what it is without, what it may be, and what is said of one that it may not. */
#include "invoicing/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the ones above, which it wants */
#include <cmocka.h>

enum { SET_MAX = 8 };

static struct {
  const char *name;
  const char *value;
} set[SET_MAX];

static char *get(const char *name) {
  for (size_t i = 0; i < SET_MAX; i++)
    if (set[i].name != NULL && strcmp(set[i].name, name) == 0) return strdup(set[i].value);
  return NULL;
}

static void give(const char *name, const char *value) {
  size_t i = 0;
  while (set[i].name != NULL && strcmp(set[i].name, name) != 0) i++;
  assert_true(i < SET_MAX);
  set[i].name = name;
  set[i].value = value;
}

static int begin(void **state) {
  (void)state;
  memset(set, 0, sizeof set);
  return 0;
}

static sm_invoicing_settings loaded_in(const char *currency) {
  sm_invoicing_settings s;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  if (sm_invoicing_settings_load(get, currency, &s, &problem) != SM_OK)
    fail_msg("%s", sm_buf_text(&problem));
  sm_buf_fini(&problem);
  return s;
}

static sm_invoicing_settings loaded(const char *name, const char *value) {
  give(name, value);
  return loaded_in("INR");
}

/* The problem has to name the variable and the way out. */
static void refused_in(const char *currency, const char *name, const char *fix) {
  sm_invoicing_settings s = {.due_days = 77};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_invoicing_settings_load(get, currency, &s, &problem), SM_ERR_INVALID);
  assert_int_equal(s.due_days, 77);
  assert_non_null(strstr(sm_buf_text(&problem), name));
  if (strstr(sm_buf_text(&problem), fix) == NULL) fail_msg("%s", sm_buf_text(&problem));
  sm_buf_fini(&problem);
}

static void refused(const char *name, const char *value, const char *fix) {
  (void)begin(NULL);
  give(name, value);
  refused_in("INR", name, fix);
}

static void nothing_set_is_the_default(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_INVOICE_PREFIX", ""); /* empty is not set */
  assert_string_equal(s.invoice_prefix, "SM");
  assert_string_equal(s.credit_prefix, "CN");
  assert_int_equal(s.due_days, 15);
  assert_int_equal(s.settle_days, 3);
  assert_true(s.billing_job);
  assert_int_equal(s.billing_delay_s, 300);
  assert_true(s.arrears);
  assert_int_equal(s.late_fee_percent_micro, 0);
  assert_int_equal(s.late_fee_flat_minor, 0);
  assert_int_equal(s.late_fee_grace_days, 0);
  assert_int_equal(s.after_last_reading, SM_AFTER_LAST_READING_STILL);
  assert_int_equal(s.recheck_months, 3);
  assert_int_equal(s.true_up_limit_minor, 10000);
  assert_string_equal(s.language, "en");
  assert_null(s.seller_name);
  assert_null(s.upi_id);
  sm_invoicing_settings_fini(&s);
  s = loaded_in("JPY");
  assert_int_equal(s.true_up_limit_minor, 100);
  sm_invoicing_settings_fini(&s);
}

static void prefixes_make_numbers_of_sixteen_characters(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_INVOICE_PREFIX", "AB12C");
  assert_string_equal(s.invoice_prefix, "AB12C");
  sm_invoicing_settings_fini(&s);
  static const char *const bad[] = {"AB12CD", "sm", "S M", "SM-", "É", "S\n"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    refused("SMARTMETER_INVOICE_PREFIX", bad[i], "1 to 5 of A-Z and 0-9");
    refused("SMARTMETER_CREDIT_PREFIX", bad[i], "1 to 5 of A-Z and 0-9");
  }
  refused("SMARTMETER_INVOICE_PREFIX", "CN", "another one");
  refused("SMARTMETER_CREDIT_PREFIX", "SM", "another one");
}

static void days_have_bounds(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_DUE_DAYS", "0");
  assert_int_equal(s.due_days, 0);
  s = loaded("SMARTMETER_SETTLE_DAYS", "28");
  assert_int_equal(s.settle_days, 28);
  s = loaded("SMARTMETER_LATE_FEE_GRACE_DAYS", "365");
  assert_int_equal(s.late_fee_grace_days, 365);
  s = loaded("SMARTMETER_BILLING_DELAY", "86400");
  assert_int_equal(s.billing_delay_s, 86400);
  s = loaded("SMARTMETER_RECHECK_MONTHS", "0");
  assert_int_equal(s.recheck_months, 0);
  static const char *const bad[] = {"-1", "366", "1.5", "many", " 3", "99999999999999999999"};
  static const char *const names[] = {"SMARTMETER_DUE_DAYS", "SMARTMETER_SETTLE_DAYS",
                                      "SMARTMETER_LATE_FEE_GRACE_DAYS",
                                      "SMARTMETER_RECHECK_MONTHS"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
      refused(names[k], bad[i], "a number of ");
  refused("SMARTMETER_SETTLE_DAYS", "29", "0 to 28");
  refused("SMARTMETER_BILLING_DELAY", "86401", "0 to 86400");
  refused("SMARTMETER_RECHECK_MONTHS", "13", "0 to 12");
}

static void flags_are_nought_or_one(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_BILLING_JOB", "0");
  assert_false(s.billing_job);
  s = loaded("SMARTMETER_ARREARS", "0");
  assert_false(s.arrears);
  refused("SMARTMETER_BILLING_JOB", "yes", "0 or 1");
  refused("SMARTMETER_ARREARS", "10", "0 or 1");
}

static void amounts_are_of_the_currency(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_LATE_FEE_FLAT", "49.5");
  assert_int_equal(s.late_fee_flat_minor, 4950);
  s = loaded("SMARTMETER_LATE_FEE_PERCENT", "1.25");
  assert_int_equal(s.late_fee_percent_micro, 1250000);
  s = loaded("SMARTMETER_TRUE_UP_LIMIT", "1000000");
  assert_int_equal(s.true_up_limit_minor, 100000000);
  refused("SMARTMETER_TRUE_UP_LIMIT", "1000000.01", "from 0 to 1000000");
  refused("SMARTMETER_TRUE_UP_LIMIT", "-1", "from 0");
  refused("SMARTMETER_LATE_FEE_FLAT", "0.001", "an amount");
  refused("SMARTMETER_LATE_FEE_PERCENT", "100.000001", "from 0 to 100");
  refused("SMARTMETER_LATE_FEE_PERCENT", "1.5%", "such as 1.5");
  (void)begin(NULL);
  give("SMARTMETER_LATE_FEE_FLAT", "0.5");
  refused_in("JPY", "SMARTMETER_LATE_FEE_FLAT", "an amount");
}

static void words_are_those_that_are_known(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_AFTER_LAST_READING", "average");
  assert_int_equal(s.after_last_reading, SM_AFTER_LAST_READING_AVERAGE);
  s = loaded("SMARTMETER_INVOICE_LANGUAGE", "hi");
  assert_string_equal(s.language, "hi");
  refused("SMARTMETER_AFTER_LAST_READING", "stop", "still or average");
  refused("SMARTMETER_INVOICE_LANGUAGE", "fr", "en or hi");
}

static void texts_have_lines_of_visible_characters(void **state) {
  (void)state;
  give("SMARTMETER_SELLER_NAME", "हरित सोसायटी");
  sm_invoicing_settings s =
      loaded("SMARTMETER_SELLER_ADDRESS", "12 Lake Road\\nPune 411001\nIndia");
  assert_string_equal(s.seller_name, "हरित सोसायटी");
  assert_string_equal(s.seller_address, "12 Lake Road\nPune 411001\nIndia");
  sm_invoicing_settings_fini(&s);
  /* U+202E, letter by letter: a source has none of these. */
  static const char turned[] = {'a', (char)0xe2, (char)0x80, (char)0xae, 'b', '\0'};
  static const char *const bad[] = {"two\\nlines", "a\tb", "\xff\xfe", turned,
                                    "next line \xc2\x85"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused("SMARTMETER_SELLER_NAME", bad[i], "one line");
  refused("SMARTMETER_INVOICE_NOTE", "1\\n2\\n3\\n4\\n5\\n6\\n7", "6 lines");
  char text[122];
  memset(text, 'x', 121);
  text[121] = '\0';
  refused("SMARTMETER_SELLER_TAX_ID", text, "120");
  text[120] = '\0';
  (void)begin(NULL);
  s = loaded("SMARTMETER_SELLER_TAX_ID", text);
  assert_string_equal(s.seller_tax_id, text);
  sm_invoicing_settings_fini(&s);
}

static void the_code_of_goods_has_digits(void **state) {
  (void)state;
  sm_invoicing_settings s = loaded("SMARTMETER_HSN", "27160000");
  assert_string_equal(s.hsn, "27160000");
  sm_invoicing_settings_fini(&s);
  static const char *const bad[] = {"271", "271600001", "2716 00", "HSN2716"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused("SMARTMETER_HSN", bad[i], "4 to 8 digits");
}

static void upi_wants_who_is_paid(void **state) {
  (void)state;
  give("SMARTMETER_SELLER_NAME", "Lake View");
  sm_invoicing_settings s = loaded("SMARTMETER_UPI_ID", "lake.view-1@okbank");
  assert_string_equal(s.upi_id, "lake.view-1@okbank");
  assert_string_equal(s.upi_name, "Lake View");
  sm_invoicing_settings_fini(&s);
  s = loaded("SMARTMETER_UPI_NAME", "LV Society");
  assert_string_equal(s.upi_name, "LV Society");
  sm_invoicing_settings_fini(&s);
  refused_in("KWD", "SMARTMETER_UPI_ID", "INR only");
  refused("SMARTMETER_UPI_ID", "lake@okbank", "SMARTMETER_UPI_NAME");
  static const char *const bad[] = {"lake",      "l@okbank",    "lake@b",       "la ke@okbank",
                                    "lake@ok.b", "lake@o@bank", "lake&@okbank", "@okbank"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused("SMARTMETER_UPI_ID", bad[i], "such as society@bank");
}

static void write_file(const char *path, const void *data, size_t len) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

static void a_logo_is_a_picture_that_is_there(void **state) {
  (void)state;
  char path[] = "/tmp/sm-logo-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  (void)close(fd);
  static const char good[] = "\x89PNG\r\n\x1a\nrest";
  write_file(path, good, strlen(good));
  sm_invoicing_settings s = loaded("SMARTMETER_INVOICE_LOGO", path);
  assert_string_equal(s.logo, path);
  assert_int_equal(strspn(s.logo_sha256, "0123456789abcdef"), 64);
  sm_invoicing_settings_fini(&s);
  static const char *const bad[] = {"GIF89a", "", "<svg xmlns='…'/>", "\x89PNG"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    write_file(path, bad[i], strlen(bad[i]));
    refused("SMARTMETER_INVOICE_LOGO", path, "PNG picture");
  }
  char *large = calloc(1, SM_INVOICE_LOGO_BYTES_MAX + 1);
  assert_non_null(large);
  write_file(path, large, SM_INVOICE_LOGO_BYTES_MAX + 1);
  free(large);
  refused("SMARTMETER_INVOICE_LOGO", path, "1 MiB");
  (void)unlink(path);
  refused("SMARTMETER_INVOICE_LOGO", path, "can be read");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(nothing_set_is_the_default, begin),
      cmocka_unit_test_setup(prefixes_make_numbers_of_sixteen_characters, begin),
      cmocka_unit_test_setup(days_have_bounds, begin),
      cmocka_unit_test_setup(flags_are_nought_or_one, begin),
      cmocka_unit_test_setup(amounts_are_of_the_currency, begin),
      cmocka_unit_test_setup(words_are_those_that_are_known, begin),
      cmocka_unit_test_setup(texts_have_lines_of_visible_characters, begin),
      cmocka_unit_test_setup(the_code_of_goods_has_digits, begin),
      cmocka_unit_test_setup(upi_wants_who_is_paid, begin),
      cmocka_unit_test_setup(a_logo_is_a_picture_that_is_there, begin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
