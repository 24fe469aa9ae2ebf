#include "store/postgres/readings_pg.h"

sm_reading pg_take_reading(sm_sql_stmt *q, int column) {
  return (sm_reading){.ts_ms = sm_sql_i64(q, column),
                      .energy_wh = sm_sql_i64(q, column + 1),
                      .voltage_mv = (int32_t)sm_sql_i64(q, column + 2),
                      .current_ma = (int32_t)sm_sql_i64(q, column + 3),
                      .power_mw = (int32_t)sm_sql_i64(q, column + 4),
                      .frequency_mhz = (int32_t)sm_sql_i64(q, column + 5),
                      .seq = (uint32_t)sm_sql_i64(q, column + 6),
                      .epoch = (uint32_t)sm_sql_i64(q, column + 7),
                      .power_factor_milli = (int16_t)sm_sql_i64(q, column + 8),
                      .rssi_dbm = (int16_t)sm_sql_i64(q, column + 9),
                      .has = (uint8_t)sm_sql_i64(q, column + 10)};
}

sm_quarter pg_take_quarter(sm_sql_stmt *q, int column) {
  return (sm_quarter){
      .start_ms = sm_sql_i64(q, column),
      .first = {.ts_ms = sm_sql_i64(q, column + 1), .wh = sm_sql_i64(q, column + 2)},
      .last = {.ts_ms = sm_sql_i64(q, column + 3), .wh = sm_sql_i64(q, column + 4)},
      .count = (uint32_t)sm_sql_i64(q, column + 5),
      .power_sum_mw = sm_sql_i64(q, column + 6),
      .power_max_mw = (int32_t)sm_sql_i64(q, column + 7),
      .voltage_sum_mv = sm_sql_i64(q, column + 8),
      .voltage_min_mv = (int32_t)sm_sql_i64(q, column + 9),
      .voltage_max_mv = (int32_t)sm_sql_i64(q, column + 10),
      .gap_max_ms = (int32_t)sm_sql_i64(q, column + 11),
      .step_max_w = sm_sql_i64(q, column + 12),
      .fell = sm_sql_i64(q, column + 13) != 0};
}

int64_t pg_quarter_value(const sm_quarter *q, size_t column) {
  const int64_t value[PG_QUARTER_COLUMN_COUNT] = {q->start_ms,       q->first.ts_ms,
                                                  q->first.wh,       q->last.ts_ms,
                                                  q->last.wh,        q->count,
                                                  q->power_sum_mw,   q->power_max_mw,
                                                  q->voltage_sum_mv, q->voltage_min_mv,
                                                  q->voltage_max_mv, q->gap_max_ms,
                                                  q->step_max_w,     q->fell};
  return value[column];
}

/* ---- arrays ---- */

static void separate(sm_buf *array) {
  sm_buf_append_char(array, array->len == 0 ? '{' : ',');
}

void pg_array_i64(sm_buf *array, int64_t value) {
  char text[24];
  char *at = text + sizeof text;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    *--at = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (value < 0) *--at = '-';
  separate(array);
  sm_buf_append(array, at, (size_t)(text + sizeof text - at));
}

void pg_array_word(sm_buf *array, const char *word) {
  separate(array);
  sm_buf_append_char(array, '"');
  sm_buf_append_text(array, word);
  sm_buf_append_char(array, '"');
}

void pg_array_bytes(sm_buf *array, const void *data, size_t len) {
  static const char digit[] = "0123456789abcdef";
  const uint8_t *bytes = data;
  separate(array);
  sm_buf_append_text(array, "\"\\\\x");
  for (size_t i = 0; i < len; i++) {
    sm_buf_append_char(array, digit[bytes[i] >> 4]);
    sm_buf_append_char(array, digit[bytes[i] & 15]);
  }
  sm_buf_append_char(array, '"');
}

const char *pg_array_end(sm_buf *array) {
  sm_buf_append_text(array, array->len == 0 ? "{}" : "}");
  return sm_buf_text(array);
}

void pg_array_bind(sm_sql_stmt *q, int index, sm_buf *array) {
  const char *text = pg_array_end(array);
  if (array->err != SM_OK && q->err == SM_OK) q->err = array->err;
  sm_sql_bind_text(q, index, text);
}
