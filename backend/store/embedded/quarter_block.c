#include "store/embedded/quarter_block.h"

#include "store/embedded/column.h"
#include "store/embedded/reading_column.h"
#include "store/embedded/wrapping.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

/* ---- the columns; each one may look at those before it ---- */

typedef struct column {
  int64_t (*get)(const sm_quarter *q);
  bool (*set)(sm_quarter *q, int64_t value); /* false: not a value of this column */
  bool shown;                                /* only: passed over by a brief reading */
} column;

static int64_t get_count(const sm_quarter *q) {
  return q->count;
}
static bool set_count(sm_quarter *q, int64_t value) {
  q->count = (uint32_t)value;
  return value > 0 && value <= UINT32_MAX;
}
static int64_t get_first_ms(const sm_quarter *q) {
  return sm_wrapping_sub(q->first.ts_ms, q->start_ms);
}
static bool set_first_ms(sm_quarter *q, int64_t value) {
  q->first.ts_ms = sm_wrapping_add(q->start_ms, value);
  return value >= 0 && value < SM_QUARTER_MS;
}
static int64_t get_last_ms(const sm_quarter *q) {
  return sm_wrapping_sub(q->last.ts_ms, q->first.ts_ms);
}
static bool set_last_ms(sm_quarter *q, int64_t value) {
  q->last.ts_ms = sm_wrapping_add(q->first.ts_ms, value);
  return value >= 0 && value < SM_QUARTER_MS;
}
static int64_t get_used_wh(const sm_quarter *q) {
  return sm_wrapping_sub(q->last.wh, q->first.wh);
}
/* Until first.wh is there, last.wh holds the difference. */
static bool set_used_wh(sm_quarter *q, int64_t value) {
  q->last.wh = value;
  return true;
}
static int64_t get_first_wh(const sm_quarter *q) {
  return q->first.wh;
}
static bool set_first_wh(sm_quarter *q, int64_t value) {
  q->first.wh = value;
  q->last.wh = sm_wrapping_add(value, q->last.wh);
  return true;
}

#define COLUMN(name, type, low, high)                                                              \
  static int64_t get_##name(const sm_quarter *q) {                                                 \
    return (int64_t)q->name;                                                                       \
  }                                                                                                \
  static bool set_##name(sm_quarter *q, int64_t value) {                                           \
    q->name = (type)value;                                                                         \
    return value >= (low) && value <= (high);                                                      \
  }
COLUMN(power_sum_mw, int64_t, INT64_MIN, INT64_MAX)
COLUMN(power_max_mw, int32_t, INT32_MIN, INT32_MAX)
COLUMN(voltage_sum_mv, int64_t, INT64_MIN, INT64_MAX)
COLUMN(voltage_min_mv, int32_t, INT32_MIN, INT32_MAX)
COLUMN(voltage_max_mv, int32_t, INT32_MIN, INT32_MAX)
COLUMN(gap_max_ms, int32_t, 0, SM_QUARTER_MS)
COLUMN(step_max_w, int64_t, 0, INT64_MAX)
COLUMN(fell, bool, 0, 1)
#undef COLUMN

static const column columns[] = {
    {get_count, set_count, false},
    {get_first_ms, set_first_ms, false},
    {get_last_ms, set_last_ms, false},
    {get_used_wh, set_used_wh, false},
    {get_first_wh, set_first_wh, false},
    {get_power_sum_mw, set_power_sum_mw, true},
    {get_power_max_mw, set_power_max_mw, true},
    {get_voltage_sum_mv, set_voltage_sum_mv, true},
    {get_voltage_min_mv, set_voltage_min_mv, true},
    {get_voltage_max_mv, set_voltage_max_mv, true},
    {get_gap_max_ms, set_gap_max_ms, false},
    {get_step_max_w, set_step_max_w, false},
    {get_fell, set_fell, false},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* ---- bytes ---- */

static void put_columns(const sm_quarter *quarters, size_t count, sm_column_work *work,
                        sm_buf *out) {
  for (size_t i = 0; i < count; i++)
    work->value[i] = (quarters[i].start_ms - quarters[0].start_ms) / SM_QUARTER_MS;
  sm_column_write(work, count, 0, NULL, out);
  for (size_t c = 0; c < COLUMNS; c++) {
    for (size_t i = 0; i < count; i++) work->value[i] = columns[c].get(&quarters[i]);
    sm_column_write(work, count, 0, NULL, out);
  }
}

void sm_quarter_block_encode(const sm_quarter *quarters, size_t count, sm_buf *out) {
  assert(count >= 1 && count <= SM_QUARTERS_A_DAY);
  size_t from = out->len;
  sm_column_work work;
  sm_err err = sm_column_work_init(&work, count);
  if (err != SM_OK) {
    if (out->err == SM_OK) out->err = err;
    return;
  }
  sm_buf_append_char(out, VERSION);
  sm_varint_put(out, count);
  sm_varint_put_signed(out, quarters[0].start_ms / SM_QUARTER_MS);
  put_columns(quarters, count, &work, out);
  sm_crc_put(out, from);
  sm_column_work_fini(&work);
}

static bool get_starts(sm_cursor *in, int64_t first, sm_quarter *out, size_t count,
                       sm_column_work *work) {
  if (!sm_column_read(&in->at, in->end, count, 0, NULL, work)) return false;
  for (size_t i = 0; i < count; i++) {
    int64_t number = work->value[i];
    if (number < 0 || number >= SM_QUARTERS_A_DAY ||
        (i == 0 ? number != 0 : number <= work->value[i - 1]))
      return false;
    out[i] = (sm_quarter){.start_ms = (first + number) * SM_QUARTER_MS};
  }
  return true;
}

static bool get_columns(sm_cursor *in, bool brief, sm_quarter *out, size_t count,
                        sm_column_work *work) {
  for (size_t c = 0; c < COLUMNS; c++) {
    if (brief && columns[c].shown) {
      if (!sm_column_pass(&in->at, in->end, count, work)) return false;
      continue;
    }
    if (!sm_column_read(&in->at, in->end, count, 0, NULL, work)) return false;
    for (size_t i = 0; i < count; i++)
      if (!columns[c].set(&out[i], work->value[i])) return false;
  }
  return in->at == in->end;
}

sm_err sm_quarter_block_read(const uint8_t *data, size_t len, bool brief,
                             sm_quarter quarters[SM_QUARTERS_A_DAY], size_t *count) {
  const int64_t far = INT64_MAX / SM_QUARTER_MS / 2;
  int64_t value[SM_QUARTERS_A_DAY + 1] = {0};
  uint64_t residual[SM_QUARTERS_A_DAY + 1];
  sm_column_work work = {.value = value, .residual = residual};
  if (len < SM_CRC_BYTES + 2 || !sm_crc_good(data, len)) return SM_ERR_CORRUPT;
  if (data[0] != VERSION) return SM_ERR_UNSUPPORTED;
  sm_cursor in = {.at = data + 1, .end = data + len - SM_CRC_BYTES};
  uint64_t n = sm_varint_get(&in);
  int64_t first = sm_varint_get_signed(&in);
  if (in.bad || n == 0 || n > SM_QUARTERS_A_DAY || first < -far || first > far)
    return SM_ERR_CORRUPT;
  if (!get_starts(&in, first, quarters, (size_t)n, &work) ||
      !get_columns(&in, brief, quarters, (size_t)n, &work))
    return SM_ERR_CORRUPT;
  *count = (size_t)n;
  return SM_OK;
}

sm_err sm_quarter_block_decode(const uint8_t *data, size_t len, sm_quarter **quarters,
                               size_t *count) {
  sm_quarter read[SM_QUARTERS_A_DAY];
  size_t n = 0;
  sm_err err = sm_quarter_block_read(data, len, false, read, &n);
  if (err != SM_OK) return err;
  sm_quarter *out = malloc(n * sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  memcpy(out, read, n * sizeof *out);
  *quarters = out;
  *count = n;
  return SM_OK;
}
