#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Splits `text`, and gives its fields back as "a|b|c". */
static const char *split(const char *text, sm_err expected) {
  static char record[200];
  static char out[200];
  sm_csv_field fields[8];
  size_t count = 0;
  size_t at = 0;
  (void)snprintf(record, sizeof record, "%s", text);
  assert_int_equal(sm_csv_split(record, strlen(record), fields, 8, &count), expected);
  for (size_t i = 0; i < count && i < 8; i++)
    at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s", i > 0 ? "|" : "",
                           (int)fields[i].len, fields[i].text);
  out[at] = '\0';
  return out;
}

static void fields_are_parted(void **state) {
  (void)state;
  assert_string_equal(split("a,b,c\n", SM_OK), "a|b|c");
  assert_string_equal(split("a,b,c\r\n", SM_OK), "a|b|c");
  assert_string_equal(split("a,b,c", SM_OK), "a|b|c");
  assert_string_equal(split("a,,\n", SM_OK), "a||");
  assert_string_equal(split(",\n", SM_OK), "|");
  assert_string_equal(split("\n", SM_OK), "");
  assert_string_equal(split(" a , b", SM_OK), " a | b");
}

static void quotes_keep_what_is_inside(void **state) {
  (void)state;
  assert_string_equal(split("\"a\",b\n", SM_OK), "a|b");
  assert_string_equal(split("\"a,b\",c\n", SM_OK), "a,b|c");
  assert_string_equal(split("\"a\"\"b\",\"\"\n", SM_OK), "a\"b|");
  assert_string_equal(split("x,\"a\nb\"\r\n", SM_OK), "x|a\nb");
  assert_string_equal(split("a\"b,c\n", SM_OK), "a\"b|c");
}

static void broken_quotes_are_refused(void **state) {
  (void)state;
  (void)split("\"a,b\n", SM_ERR_SYNTAX);
  (void)split("\"a\"b,c\n", SM_ERR_SYNTAX);
  (void)split("\"", SM_ERR_SYNTAX);
  (void)split("a,\"b\"\"\n", SM_ERR_SYNTAX);
}

static void more_fields_than_room_are_counted(void **state) {
  (void)state;
  char record[] = "1,2,3,4";
  sm_csv_field fields[2];
  size_t count = 0;
  assert_int_equal(sm_csv_split(record, strlen(record), fields, 2, &count), SM_OK);
  assert_int_equal(count, 4);
}

static size_t record_len(const char *text, size_t expected_lines) {
  size_t lines = 0;
  size_t len = sm_csv_record_len(text, strlen(text), &lines);
  if (len > 0) assert_int_equal(lines, expected_lines);
  return len;
}

static void a_record_ends_at_a_line_feed_outside_of_quotes(void **state) {
  (void)state;
  assert_int_equal(record_len("", 0), 0);
  assert_int_equal(record_len("a,b", 0), 0);
  assert_int_equal(record_len("a,b\nc", 1), 4);
  assert_int_equal(record_len("\"a\nb\",c\nd", 2), 8);
  assert_int_equal(record_len("\"a\nb", 0), 0);
  assert_int_equal(record_len("\"a\n\"\"b\"", 0), 0);
  assert_int_equal(record_len("a\"b\nc", 1), 4); /* a stray quote swallows nothing */
  assert_int_equal(record_len("\"a\"\n", 1), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_parted),
      cmocka_unit_test(quotes_keep_what_is_inside),
      cmocka_unit_test(broken_quotes_are_refused),
      cmocka_unit_test(more_fields_than_room_are_counted),
      cmocka_unit_test(a_record_ends_at_a_line_feed_outside_of_quotes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
