#include "transfer/import_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t now_ms = 1769680000000; /* 2026-01-29 */

#define HEADER "device_id,timestamp,voltage,current,power_w,energy_kwh"
#define GOOD "m1,2026-01-01T00:00:00Z,230.4,2.73,628.99,12.345"

/* What a record came to: "reading m1 12345;" and "refused malformed;" in their order. */
typedef struct log {
  char text[400];
} log;

static void on_reading(void *context, const char *device_id, const sm_reading *reading) {
  log *l = context;
  size_t at = strlen(l->text);
  (void)snprintf(l->text + at, sizeof l->text - at, "reading %s %lld;", device_id,
                 (long long)reading->energy_wh);
}

static void on_refused(void *context, const char *device_id, sm_refusal refusal, const char *detail,
                       const char *text, size_t len) {
  log *l = context;
  size_t at = strlen(l->text);
  (void)device_id;
  assert_true(detail[0] != '\0');
  assert_true(text != NULL || len == 0);
  (void)snprintf(l->text + at, sizeof l->text - at, "refused %s;", sm_refusal_word(refusal));
}

static const char *judge(sm_import_rows *rows, const char *text) {
  static log l;
  char record_text[1000];
  l.text[0] = '\0';
  const sm_import_sink sink = {.context = &l, .reading = on_reading, .refused = on_refused};
  (void)snprintf(record_text, sizeof record_text, "%s\n", text);
  const sm_import_record record = {.text = record_text, .len = strlen(record_text), .line = 2};
  assert_int_equal(sm_import_rows_judge(rows, &record, now_ms, &sink), SM_OK);
  return l.text;
}

static sm_err header(sm_import_rows *rows, const char *text) {
  char record_text[400];
  sm_buf problem;
  sm_buf_init(&problem, 0);
  (void)snprintf(record_text, sizeof record_text, "%s\n", text);
  const sm_import_record record = {.text = record_text, .len = strlen(record_text), .line = 1};
  sm_err err = sm_import_rows_header(rows, &record, &problem);
  assert_true((err == SM_OK) == (problem.len == 0));
  sm_buf_fini(&problem);
  return err;
}

static sm_import_rows *csv(const char *header_text) {
  sm_import_rows *rows = NULL;
  assert_int_equal(sm_import_rows_new(SM_IMPORT_CSV, &rows), SM_OK);
  assert_int_equal(header(rows, header_text), SM_OK);
  return rows;
}

static void a_row_is_judged_like_telemetry(void **state) {
  (void)state;
  sm_import_rows *rows = csv(HEADER);
  assert_string_equal(judge(rows, GOOD), "reading m1 12345;");
  assert_string_equal(judge(rows, "\"m1\",\"2026-01-01T00:00:00Z\",\"230.4\",2.73,628.99,12.345"),
                      "reading m1 12345;");
  assert_string_equal(judge(rows, "m1,2026-01-01T00:00:00Z,900,2.73,628.99,12.345"),
                      "refused out_of_range;");
  assert_string_equal(judge(rows, "m1,2026-01-01T00:00:00Z,,2.73,628.99,12.345"),
                      "refused missing;");
  assert_string_equal(judge(rows, "m1,2026-01-01T00:00:00Z,x,2.73,628.99,12.345"),
                      "refused wrong_type;");
  assert_string_equal(judge(rows, "m1,yesterday,230,2.73,628.99,12.345"), "refused bad_timestamp;");
  assert_string_equal(judge(rows, "m1,2019-01-01T00:00:00Z,230,2.73,628.99,12.345"),
                      "refused too_old;");
  assert_string_equal(judge(rows, "m.1,2026-01-01T00:00:00Z,230,2.73,628.99,12.345"),
                      "refused bad_topic;");
  assert_string_equal(judge(rows, ",2026-01-01T00:00:00Z,230,2.73,628.99,12.345"),
                      "refused missing;");
  assert_string_equal(judge(rows, "m1,2026-01-01T00:00:00Z,230"), "refused malformed;");
  assert_string_equal(judge(rows, "m1,\"2026,230,1,1,1"), "refused malformed;");
  assert_string_equal(judge(rows, "m1,\"2026\\\"\"\",230,1,1,1"), "refused bad_timestamp;");
  sm_import_rows_free(rows);
}

static void columns_may_stand_in_any_order(void **state) {
  (void)state;
  sm_import_rows *rows =
      csv("energy_kwh,note,power_w,current,voltage,\"timestamp\",device_id,rssi");
  assert_string_equal(judge(rows, "1.0005,hello,1,1,230,2026-01-01T05:30:00+05:30,m2,-60"),
                      "reading m2 1001;");
  sm_import_rows_free(rows);
}

static void a_header_must_be_one(void **state) {
  (void)state;
  sm_import_rows *rows = NULL;
  assert_int_equal(sm_import_rows_new(SM_IMPORT_CSV, &rows), SM_OK);
  assert_int_equal(header(rows, GOOD), SM_ERR_INVALID);
  assert_int_equal(header(rows, "device_id,timestamp"), SM_ERR_INVALID);
  assert_int_equal(header(rows, HEADER ",voltage"), SM_ERR_INVALID);
  assert_int_equal(header(rows, "device_id;timestamp;voltage;current;power_w;energy_kwh"),
                   SM_ERR_INVALID);
  assert_int_equal(header(rows, "\"device_id"), SM_ERR_INVALID);
  assert_int_equal(header(rows, HEADER), SM_OK);
  sm_import_rows_free(rows);
}

static void json_lines_are_objects_or_arrays(void **state) {
  (void)state;
  sm_import_rows *rows = NULL;
  assert_int_equal(sm_import_rows_new(SM_IMPORT_JSONL, &rows), SM_OK);
#define OBJECT(id)                                                                                 \
  "{\"device_id\":\"" id "\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"voltage\":230,"              \
  "\"current\":1,\"power_w\":1,\"energy_kwh\":2}"
  assert_string_equal(judge(rows, OBJECT("m1")), "reading m1 2000;");
  assert_string_equal(judge(rows, "[" OBJECT("m1") ", {\"device_id\":\"m3\"}, " OBJECT("m2") "]"),
                      "reading m1 2000;refused missing;reading m2 2000;");
  assert_string_equal(judge(rows, "[]"), "refused empty_array;");
  assert_string_equal(judge(rows, "[" OBJECT("m1")), "refused malformed;");
  assert_string_equal(judge(rows, "{\"a\":1}"), "refused missing;");
  assert_string_equal(judge(rows, "{\"device_id\":7}"), "refused wrong_type;");
  assert_string_equal(judge(rows, "hello"), "refused malformed;");
  sm_import_rows_free(rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_row_is_judged_like_telemetry),
      cmocka_unit_test(columns_may_stand_in_any_order),
      cmocka_unit_test(a_header_must_be_one),
      cmocka_unit_test(json_lines_are_objects_or_arrays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
