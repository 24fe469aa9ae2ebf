#include "base/buf.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/crc32.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "base/put.h"
#include "base/utf8.h"
#include "base/zone.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static sm_err parse(const char *text, unsigned places, int64_t *out) {
  return sm_decimal_parse(text, strlen(text), places, out);
}

static sm_err parse_rounded(const char *text, unsigned places, int64_t *out) {
  return sm_decimal_parse_rounded(text, strlen(text), places, out);
}

static void decimal_reads_exactly(void **state) {
  (void)state;
  int64_t v = 77;
  assert_int_equal(parse("3.50", 6, &v), SM_OK);
  assert_int_equal(v, 3500000);
  assert_int_equal(parse("-0.000001", 6, &v), SM_OK);
  assert_int_equal(v, -1);
  assert_int_equal(parse("-0", 2, &v), SM_OK);
  assert_int_equal(v, 0);
  assert_int_equal(parse("1.500", 1, &v), SM_OK);
  assert_int_equal(v, 15);
  v = 77;
  assert_int_equal(parse("0.0000001", 6, &v), SM_ERR_RANGE);
  assert_int_equal(parse("", 2, &v), SM_ERR_SYNTAX);
  assert_int_equal(parse(".5", 2, &v), SM_ERR_SYNTAX);
  assert_int_equal(parse("5.", 2, &v), SM_ERR_SYNTAX);
  assert_int_equal(parse("+5", 2, &v), SM_ERR_SYNTAX);
  assert_int_equal(parse("1e3", 2, &v), SM_ERR_SYNTAX);
  assert_int_equal(parse("NaN", 2, &v), SM_ERR_SYNTAX);
  assert_int_equal(parse("99999999999999999999", 0, &v), SM_ERR_OVERFLOW);
  assert_int_equal(v, 77); /* untouched on failure */
}

static void decimal_rounds_half_away(void **state) {
  (void)state;
  int64_t v;
  assert_int_equal(parse_rounded("1.0005", 3, &v), SM_OK);
  assert_int_equal(v, 1001);
  assert_int_equal(parse_rounded("1.00049999999999999999", 3, &v), SM_OK);
  assert_int_equal(v, 1000);
  assert_int_equal(parse_rounded("-1.0005", 3, &v), SM_OK);
  assert_int_equal(v, -1001);
  assert_int_equal(parse_rounded("1.2345e3", 3, &v), SM_OK);
  assert_int_equal(v, 1234500);
  assert_int_equal(parse_rounded("12345e-2", 1, &v), SM_OK);
  assert_int_equal(v, 1235);
  assert_int_equal(parse_rounded("4e-4", 3, &v), SM_OK);
  assert_int_equal(v, 0);
  assert_int_equal(parse_rounded("5e-4", 3, &v), SM_OK);
  assert_int_equal(v, 1);
  assert_int_equal(parse_rounded("9e-9", 3, &v), SM_OK);
  assert_int_equal(v, 0);
  assert_int_equal(parse_rounded("1e400", 3, &v), SM_ERR_OVERFLOW);
  assert_int_equal(parse_rounded("0e400", 3, &v), SM_OK);
  assert_int_equal(v, 0);
}

static void decimal_writes_back(void **state) {
  (void)state;
  char text[SM_DECIMAL_TEXT_MAX];
  assert_string_equal(sm_decimal_format(1234500, 6, 2, text), "1.2345");
  assert_string_equal(sm_decimal_format(1000000, 6, 2, text), "1.00");
  assert_string_equal(sm_decimal_format(-5, 2, 2, text), "-0.05");
  assert_string_equal(sm_decimal_format(230400, 3, 0, text), "230.4");
  assert_string_equal(sm_decimal_format(1000000, 3, 0, text), "1000");
  assert_string_equal(sm_decimal_format(INT64_MIN, 2, 2, text), "-92233720368547758.08");
}

/* Every number comes back from its text, and has no zero more than wanted. */
static void decimal_comes_back(void **state) {
  (void)state;
  uint64_t random = 1;
  for (unsigned i = 0; i < 20000; i++) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    int64_t value = (int64_t)random >> (i % 64);
    unsigned places = i % 10;
    unsigned least = i / 10 % (places + 1);
    char text[SM_DECIMAL_TEXT_MAX];
    int64_t back;
    (void)sm_decimal_format(value, places, least, text);
    size_t len = strlen(text);
    assert_int_equal(sm_decimal_parse(text, len, places, &back), SM_OK);
    assert_int_equal(back, value);
    const char *point = strchr(text, '.');
    size_t fraction = point == NULL ? 0 : len - (size_t)(point + 1 - text);
    assert_true(fraction >= least && fraction <= places && (point == NULL || fraction > 0));
    assert_true(fraction == least || text[len - 1] != '0');
    assert_true(text[value < 0] != '.' && (text[value < 0] != '0' || text[1 + (value < 0)] == '.' ||
                                           text[1 + (value < 0)] == '\0'));
  }
}

/* What is quick in 64 bits is what 128 give. */
static void division_is_one_whatever_the_width(void **state) {
  (void)state;
  static const int64_t odd[] = {0, 1, -1, 2, -2, 3, INT64_MAX, INT64_MIN, INT64_MAX - 1, 1000};
  enum { ODD = sizeof odd / sizeof odd[0] };
  uint64_t random = 7;
  for (unsigned i = 0; i < 20000 + ODD * ODD * ODD; i++) {
    int64_t v[3];
    for (unsigned k = 0; k < 3; k++) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      v[k] = (int64_t)random >> (random >> 5) % 64;
    }
    if (i < ODD * ODD * ODD) {
      v[0] = odd[i % ODD];
      v[1] = odd[i / ODD % ODD];
      v[2] = odd[i / ODD / ODD];
    }
    if (v[2] == 0) continue;
    int64_t quick = 17;
    int64_t wide = 17;
    sm_err err = sm_div_round_i128((sm_i128)v[0] * v[1], v[2], &wide);
    assert_int_equal(sm_mul_div_round(v[0], v[1], v[2], &quick), err);
    assert_int_equal(quick, wide);
  }
}

static void division_rounds_half_away(void **state) {
  (void)state;
  int64_t v;
  assert_int_equal(sm_mul_div_round(5, 1, 2, &v), SM_OK);
  assert_int_equal(v, 3);
  assert_int_equal(sm_mul_div_round(-5, 1, 2, &v), SM_OK);
  assert_int_equal(v, -3);
  assert_int_equal(sm_mul_div_round(4, 1, 3, &v), SM_OK);
  assert_int_equal(v, 1);
  assert_int_equal(sm_mul_div_round(INT64_MAX, INT64_MAX, INT64_MAX, &v), SM_OK);
  assert_int_equal(v, INT64_MAX);
  assert_int_equal(sm_mul_div_round(INT64_MAX, 2, 1, &v), SM_ERR_OVERFLOW);
}

static void rfc3339_takes_dates_and_nothing_else(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "2026-01-29",
                                    "2026-01-29T09:45:00",
                                    "2026-02-29T00:00:00Z",
                                    "2026-13-01T00:00:00Z",
                                    "2026-01-29T24:00:00Z",
                                    "2026-01-29T09:45:00.Z",
                                    "2026-01-29T09:45:00+25:00",
                                    "2026-01-29T09:45:00Z ",
                                    "1769679900",
                                    "x026-01-29T09:45:00Z"};
  int64_t t = 1;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_rfc3339_parse(bad[i], strlen(bad[i]), &t), SM_ERR_SYNTAX);
  assert_int_equal(t, 1);
  static const char *const same[] = {"2026-01-29T09:45:00Z", "2026-01-29T15:15:00+05:30",
                                     "2026-01-29t09:45:00.0004z"};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    assert_int_equal(sm_rfc3339_parse(same[i], strlen(same[i]), &t), SM_OK);
    assert_int_equal(t, 1769679900000);
  }
  assert_int_equal(sm_rfc3339_parse("2026-01-29T09:45:00.2505Z", 25, &t), SM_OK);
  char text[SM_RFC3339_MAX];
  assert_string_equal(sm_rfc3339_format(t, text), "2026-01-29T09:45:00.251Z");
  assert_string_equal(sm_rfc3339_format_offset(1769679900000, 19800, text),
                      "2026-01-29T15:15:00+05:30");
}

static int64_t instant(const char *text) {
  int64_t t;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &t), SM_OK);
  return t;
}

static void a_stamp_is_what_the_format_gives(const sm_zone *zone, int64_t from_ms, int64_t to_ms,
                                             int64_t step_ms) {
  sm_zone_stamp stamp = {.zone = zone};
  for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += step_ms) {
    char wanted[40];
    char got[SM_ZONE_STAMP_MAX + 1];
    *sm_zone_stamp_put(&stamp, at_ms, got) = '\0';
    assert_string_equal(got, sm_zone_format(zone, at_ms, wanted));
  }
}

/* Also on days on which the clock changes, or that do not exist, and from before there were zones.
 */
static void stamps_are_as_if_each_was_written_alone(void **state) {
  (void)state;
  static const char *const names[] = {"UTC",          "Asia/Kolkata",     "Europe/Berlin",
                                      "Asia/Beirut",  "America/New_York", "Australia/Lord_Howe",
                                      "Pacific/Apia", "Africa/Casablanca"};
  const int64_t quarter_ms = 900000;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    sm_zone *zone;
    assert_int_equal(sm_zone_new(names[i], &zone), SM_OK);
    a_stamp_is_what_the_format_gives(zone, instant("2025-12-20T00:00:00Z"),
                                     instant("2027-01-10T00:00:00Z"), quarter_ms);
    a_stamp_is_what_the_format_gives(zone, instant("2011-12-20T00:00:00Z"),
                                     instant("2012-01-10T00:00:00Z"), quarter_ms);
    a_stamp_is_what_the_format_gives(zone, instant("1880-01-01T00:00:00Z"),
                                     instant("1895-01-01T00:00:00Z"), 7919 * 1000);
    a_stamp_is_what_the_format_gives(zone, instant("2026-03-28T00:00:00Z"),
                                     instant("2026-03-30T00:00:00Z"), 1237);
    sm_zone_stamp stamp = {.zone = zone};
    for (int64_t at_ms = instant("2026-11-02T00:00:00Z"); at_ms > 0; at_ms -= 40000000000) {
      char wanted[40];
      char got[SM_ZONE_STAMP_MAX + 1];
      *sm_zone_stamp_put(&stamp, at_ms, got) = '\0';
      assert_string_equal(got, sm_zone_format(zone, at_ms, wanted));
    }
    a_stamp_is_what_the_format_gives(zone, INT64_C(253402214400000), INT64_C(253402387200000),
                                     quarter_ms); /* the year 10000 begins */
    sm_zone_free(zone);
  }
}

/* The fast way of 64 bits and the one of 128 say the same, at the ends too. */
static void both_divisions_round_alike(void **state) {
  (void)state;
  static const int64_t some[] = {
      INT64_MIN, INT64_MIN + 1, -1000001, -1000,         -3,       -2, -1, 0, 1, 2,
      3,         999,           1000,     INT64_MAX - 1, INT64_MAX};
  const size_t count = sizeof some / sizeof some[0];
  uint64_t random = 88172645463325252;
  for (size_t i = 0; i < 20000; i++) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    int64_t value = i < count * count ? some[i / count] : (int64_t)random >> (random % 60);
    random = random * 6364136223846793005U + 1442695040888963407U;
    int64_t divisor = i < count * count ? some[i % count] : (int64_t)random >> (random % 60);
    if (divisor == 0) continue;
    int64_t fast = 0;
    int64_t wide = 0;
    assert_int_equal(sm_div_round_i128(value, divisor, &fast),
                     sm_div_round_wide(value, divisor, &wide));
    assert_int_equal(fast, wide);
  }
  int64_t v = 7;
  assert_int_equal(sm_div_round_wide(-((sm_i128)1 << 100) - 1, (sm_i128)1 << 101, &v), SM_OK);
  assert_int_equal(v, -1);
  assert_int_equal(sm_div_round_wide((sm_i128)1 << 100, 3, &v), SM_ERR_OVERFLOW);
  assert_int_equal(v, -1);
  assert_int_equal(sm_div_round_i128(INT64_MIN, -1, &v), SM_ERR_OVERFLOW);
}

static void a_zone_is_steady_between_changes_of_its_clock(void **state) {
  (void)state;
  sm_zone *zone;
  assert_int_equal(sm_zone_new("Europe/Berlin", &zone), SM_OK);
  int64_t change = instant("2026-03-29T01:00:00Z");
  assert_true(sm_zone_is_steady(zone, change - 86400000, change - 1));
  assert_false(sm_zone_is_steady(zone, change - 86400000, change));
  assert_true(sm_zone_is_steady(zone, change, change + 86400000));
  sm_zone_free(zone);
  /* the same offset before and after a month of another is not steady */
  assert_int_equal(sm_zone_new("Africa/Casablanca", &zone), SM_OK);
  assert_int_equal(sm_zone_offset_s(zone, instant("2026-02-01T00:00:00Z")),
                   sm_zone_offset_s(zone, instant("2026-04-01T00:00:00Z")));
  assert_false(
      sm_zone_is_steady(zone, instant("2026-02-01T00:00:00Z"), instant("2026-04-01T00:00:00Z")));
  sm_zone_free(zone);
}

static void days_begin_where_the_zone_says(void **state) {
  (void)state;
  sm_zone *zone;
  assert_int_equal(sm_zone_new("Nowhere/Land", &zone), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_zone_new("../etc/passwd", &zone), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_zone_new("Asia/Kolkata", &zone), SM_OK);
  assert_int_equal(sm_zone_month_start_ms(zone, 2026, 1), instant("2025-12-31T18:30:00Z"));
  sm_date date = sm_zone_date(zone, instant("2025-12-31T18:29:59Z"));
  assert_int_equal(date.year, 2025);
  assert_int_equal(sm_zone_minute_of_day(zone, instant("2025-12-31T18:29:59Z")), 1439);
  sm_zone_free(zone);
  assert_int_equal(sm_zone_new("Europe/Berlin", &zone), SM_OK);
  assert_int_equal(sm_zone_day_start_ms(zone, (sm_date){2026, 3, 29}),
                   instant("2026-03-28T23:00:00Z"));
  assert_int_equal(sm_zone_day_start_ms(zone, (sm_date){2026, 3, 30}),
                   instant("2026-03-29T22:00:00Z"));
  assert_int_equal(sm_zone_day_start_ms(zone, (sm_date){2050, 7, 1}),
                   instant("2050-06-30T22:00:00Z"));
  sm_zone_free(zone);
  /* Beirut skips midnight: the day begins at 01:00. */
  assert_int_equal(sm_zone_new("Asia/Beirut", &zone), SM_OK);
  assert_int_equal(sm_zone_day_start_ms(zone, (sm_date){2024, 3, 31}),
                   instant("2024-03-30T22:00:00Z"));
  sm_zone_free(zone);
  sm_zone_free(NULL);
}

static void calendar_arithmetic(void **state) {
  (void)state;
  sm_date d;
  assert_int_equal(sm_date_parse("2028-02-29", &d), SM_OK);
  assert_int_equal(sm_date_parse("2026-02-29", &d), SM_ERR_SYNTAX);
  d = sm_date_add_days(d, 1);
  assert_int_equal(d.month, 3);
  d = sm_date_add_months(d, -3);
  assert_int_equal(d.year, 2027);
  assert_int_equal(d.month, 12);
  int year;
  int month;
  assert_int_equal(sm_month_parse("2026-00", &year, &month), SM_ERR_SYNTAX);
  assert_int_equal(sm_month_parse("2026-1", &year, &month), SM_ERR_SYNTAX);
  assert_int_equal(sm_month_parse("2026-12", &year, &month), SM_OK);
  for (int64_t day = -800000; day < 800000; day += 13) {
    int y;
    int m;
    int dd;
    sm_civil_from_days(day, &y, &m, &dd);
    assert_true(sm_days_from_civil(y, m, dd) == day);
  }
}

static void json_is_written_safely(void **state) {
  (void)state;
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &buf);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "a\"b", "x\\\n\x01\xff€</script>");
  sm_jsonw_key(&w, "list");
  sm_jsonw_array(&w);
  sm_jsonw_decimal(&w, 628990, 3);
  sm_jsonw_null(&w);
  sm_jsonw_array_end(&w);
  sm_jsonw_key(&w, "total");
  sm_jsonw_decimal_text(&w, 188800, 2);
  sm_jsonw_object_end(&w);
  assert_string_equal(
      sm_buf_text(&buf),
      "{\"a\\\"b\":\"x\\\\\\n\\u0001\xef\xbf\xbd€</script>\",\"list\":[628.99,null],"
      "\"total\":\"1888.00\"}");
  sm_buf_fini(&buf);
}

static void buf_keeps_its_limit(void **state) {
  (void)state;
  sm_buf buf;
  sm_buf_init(&buf, 4);
  sm_buf_append_text(&buf, "abcd");
  assert_int_equal(buf.err, SM_OK);
  sm_buf_append_char(&buf, 'e');
  assert_int_equal(buf.err, SM_ERR_RANGE);
  assert_null(sm_buf_take(&buf));
  sm_buf_fini(&buf);
}

static void utf8_is_strict(void **state) {
  (void)state;
  assert_true(sm_utf8_valid("\xc3\xa4\xe0\xa4\x85\xf0\x9f\x94\x8c", 9));
  assert_false(sm_utf8_valid("\xc0\x80", 2));
  assert_false(sm_utf8_valid("\xed\xa0\x80", 3));
  assert_false(sm_utf8_valid("\xf4\x90\x80\x80", 4));
  assert_false(sm_utf8_valid("\xe2\x82", 2));
}

static void crc_is_the_known_one(void **state) {
  (void)state;
  assert_int_equal(sm_crc32("123456789", 9), 0xcbf43926);
}

/* ---- files ---- */

static const char private_path[] = "base_test.private";

static void *write_often(void *text) {
  for (int i = 0; i < 100; i++)
    if (sm_file_write_private(private_path, text, strlen(text)) != SM_OK) return NULL;
  return text;
}

/* Two threads that write one file each write it whole. */
static void a_private_file_is_written_whole_by_whoever_is_last(void **state) {
  (void)state;
  static char one[] = "the one", other[] = "the other one";
  pthread_t thread;
  void *good = NULL;
  char *text = NULL;
  size_t len = 0;
  assert_int_equal(pthread_create(&thread, NULL, write_often, one), 0);
  assert_non_null(write_often(other));
  assert_int_equal(pthread_join(thread, &good), 0);
  assert_non_null(good);
  assert_int_equal(sm_file_read(private_path, 100, &text, &len), SM_OK);
  assert_true(strcmp(text, one) == 0 || strcmp(text, other) == 0);
  free(text);
  assert_int_equal(unlink(private_path), 0);
}

/* Before and after sm_crypto_init, which may choose another way. */
static void sha256_is_the_known_one(void **state) {
  (void)state;
  for (int round = 0; round < 2; round++) {
    uint8_t digest[SM_SHA256_BYTES];
    char hex[SM_SHA256_HEX_MAX];
    sm_sha256("abc", 3, digest);
    assert_string_equal(sm_hex(digest, sizeof digest, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sm_sha256("", 0, digest);
    assert_string_equal(sm_hex(digest, sizeof digest, hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sm_crypto_init(), SM_OK);
  }
}

static void numbers_are_put_as_printf_writes_them(void **state) {
  (void)state;
  uint64_t power = 1;
  for (int digits = 0; digits < 20; digits++, power *= 10) {
    const uint64_t some[] = {power - 1, power, power + 1, power * 7 + 5, UINT64_MAX / power};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
      char put[SM_PUT_U64_MAX + 1];
      char printed[SM_PUT_U64_MAX + 1];
      *sm_put_u64(put, some[i]) = '\0';
      (void)snprintf(printed, sizeof printed, "%" PRIu64, some[i]);
      assert_string_equal(put, printed);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sha256_is_the_known_one),
      cmocka_unit_test(numbers_are_put_as_printf_writes_them),
      cmocka_unit_test(decimal_reads_exactly),
      cmocka_unit_test(decimal_rounds_half_away),
      cmocka_unit_test(decimal_writes_back),
      cmocka_unit_test(decimal_comes_back),
      cmocka_unit_test(division_rounds_half_away),
      cmocka_unit_test(division_is_one_whatever_the_width),
      cmocka_unit_test(rfc3339_takes_dates_and_nothing_else),
      cmocka_unit_test(both_divisions_round_alike),
      cmocka_unit_test(a_zone_is_steady_between_changes_of_its_clock),
      cmocka_unit_test(days_begin_where_the_zone_says),
      cmocka_unit_test(stamps_are_as_if_each_was_written_alone),
      cmocka_unit_test(calendar_arithmetic),
      cmocka_unit_test(json_is_written_safely),
      cmocka_unit_test(buf_keeps_its_limit),
      cmocka_unit_test(utf8_is_strict),
      cmocka_unit_test(crc_is_the_known_one),
      cmocka_unit_test(a_private_file_is_written_whole_by_whoever_is_last),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
