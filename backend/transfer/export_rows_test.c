#include "base/buf.h"
#include "transfer/export_rows.h"
#include "transfer/import_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t now_ms = 1769680000000; /* 2026-01-29 */

/* The same numbers at every run; not for secrets. */
static uint64_t next(uint64_t *seed) {
  *seed = *seed * 6364136223846793005U + 1442695040888963407U;
  return *seed >> 33;
}

static sm_reading make_reading(uint64_t *seed) {
  sm_reading r = {.ts_ms = 1577836800000 + (int64_t)(next(seed) % 191000000) * 1000,
                  .energy_wh = (int64_t)(next(seed) % 10000001),
                  .voltage_mv = (int32_t)(next(seed) % 500001),
                  .current_ma = (int32_t)(next(seed) % 120001),
                  .power_mw = (int32_t)(next(seed) % 60000001),
                  .has = (uint8_t)(next(seed) % 32)};
  if (next(seed) % 4 == 0) r.ts_ms += (int64_t)(next(seed) % 1000);
  if (r.has & SM_READING_POWER_FACTOR) r.power_factor_milli = (int16_t)(next(seed) % 1001);
  if (r.has & SM_READING_RSSI) r.rssi_dbm = (int16_t) - (int)(next(seed) % 128);
  if (r.has & SM_READING_FREQUENCY) r.frequency_mhz = 45000 + (int32_t)(next(seed) % 20001);
  if (r.has & SM_READING_SEQ) r.seq = (uint32_t)next(seed);
  if (r.has & SM_READING_EPOCH) r.epoch = UINT32_MAX - (uint32_t)(next(seed) % 3);
  return r;
}

typedef struct taken {
  size_t readings;
  sm_reading reading;
  char device_id[SM_DEVICE_ID_MAX + 1];
} taken;

static void on_reading(void *context, const char *device_id, const sm_reading *reading) {
  taken *t = context;
  t->readings++;
  t->reading = *reading;
  (void)snprintf(t->device_id, sizeof t->device_id, "%s", device_id);
}

static void on_refused(void *context, const char *device_id, sm_refusal refusal, const char *detail,
                       const char *text, size_t len) {
  (void)context;
  (void)device_id;
  print_message("refused: %s: %s: %.*s\n", sm_refusal_word(refusal), detail, (int)len, text);
  fail();
}

static sm_import_rows *rows_of(sm_import_format format) {
  sm_import_rows *rows = NULL;
  assert_int_equal(sm_import_rows_new(format, &rows), SM_OK);
  if (format != SM_IMPORT_CSV) return rows;
  char header[SM_EXPORT_ROW_MAX];
  sm_buf problem;
  sm_buf_init(&problem, 0);
  (void)snprintf(header, sizeof header, "%s", sm_export_header());
  const sm_import_record record = {.text = header, .len = strlen(header), .line = 1};
  assert_int_equal(sm_import_rows_header(rows, &record, &problem), SM_OK);
  sm_buf_fini(&problem);
  return rows;
}

/* What is exported is imported as the same reading, in both formats. */
static void rows_come_back(void **state) {
  (void)state;
  uint64_t seed = 7;
  static const sm_import_format formats[] = {SM_IMPORT_CSV, SM_IMPORT_JSONL};
  for (size_t f = 0; f < 2; f++) {
    sm_import_rows *rows = rows_of(formats[f]);
    sm_export_clock clock = {0};
    for (int i = 0; i < 3000; i++) {
      char row[SM_EXPORT_ROW_MAX];
      taken t = {0};
      const sm_import_sink sink = {.context = &t, .reading = on_reading, .refused = on_refused};
      const sm_reading r = make_reading(&seed);
      const sm_export_format format = formats[f] == SM_IMPORT_CSV ? SM_EXPORT_CSV : SM_EXPORT_JSONL;
      sm_import_record record = {.text = row, .line = 1};
      record.len = sm_export_row(format, &clock, "meter-001", &r, row);
      assert_int_equal(sm_import_rows_judge(rows, &record, now_ms, &sink), SM_OK);
      assert_int_equal(t.readings, 1);
      assert_string_equal(t.device_id, "meter-001");
      assert_true(sm_reading_equal(&t.reading, &r));
    }
    sm_import_rows_free(rows);
  }
}

static void json_is_what_the_api_writes(void **state) {
  (void)state;
  uint64_t seed = 3;
  sm_export_clock clock = {0};
  for (int i = 0; i < 3000; i++) {
    char row[SM_EXPORT_ROW_MAX];
    const sm_reading r = make_reading(&seed);
    sm_buf text;
    sm_buf_init(&text, 0);
    sm_jsonw w;
    sm_jsonw_init(&w, &text);
    sm_reading_write_json(&w, "m", &r);
    sm_buf_append_char(&text, '\n');
    size_t len = sm_export_row(SM_EXPORT_JSONL, &clock, "m", &r, row);
    assert_int_equal(len, text.len);
    assert_memory_equal(row, text.data, len);
    sm_buf_fini(&text);
  }
}

/* Cells come to spreadsheets, where =, +, -, @, a tab or a carriage return at the beginning make a
 * formula. Ids have none of these but '-', and of numbers '-' is the sign. */
static void an_id_that_begins_with_a_minus_is_no_formula(void **state) {
  (void)state;
  uint64_t seed = 9;
  sm_export_clock clock = {0};
  char row[SM_EXPORT_ROW_MAX];
  taken t = {0};
  const sm_import_sink sink = {.context = &t, .reading = on_reading, .refused = on_refused};
  const sm_reading r = make_reading(&seed);
  sm_import_rows *rows = rows_of(SM_IMPORT_CSV);
  sm_import_record record = {.text = row, .line = 1};
  record.len = sm_export_row(SM_EXPORT_CSV, &clock, "-2-3", &r, row);
  assert_memory_equal(row, "'-2-3,", 6);
  assert_int_equal(sm_import_rows_judge(rows, &record, now_ms, &sink), SM_OK);
  assert_string_equal(t.device_id, "-2-3");
  assert_true(sm_reading_equal(&t.reading, &r));
  sm_import_rows_free(rows);
}

static void the_longest_row_has_room(void **state) {
  (void)state;
  char id[SM_DEVICE_ID_MAX + 1];
  char row[SM_EXPORT_ROW_MAX];
  sm_export_clock clock = {0};
  memset(id, 'x', SM_DEVICE_ID_MAX);
  id[SM_DEVICE_ID_MAX] = '\0';
  const sm_reading r = {.ts_ms = 253402300799999,
                        .energy_wh = INT64_MIN + 1,
                        .voltage_mv = INT32_MIN + 1,
                        .current_ma = INT32_MIN + 1,
                        .power_mw = INT32_MIN + 1,
                        .frequency_mhz = INT32_MIN + 1,
                        .seq = UINT32_MAX,
                        .epoch = UINT32_MAX,
                        .power_factor_milli = INT16_MIN + 1,
                        .rssi_dbm = INT16_MIN + 1,
                        .has = 31};
  assert_true(sm_export_row(SM_EXPORT_JSONL, &clock, id, &r, row) < SM_EXPORT_ROW_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_come_back),
      cmocka_unit_test(json_is_what_the_api_writes),
      cmocka_unit_test(an_id_that_begins_with_a_minus_is_no_formula),
      cmocka_unit_test(the_longest_row_has_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
