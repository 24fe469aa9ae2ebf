#include "store/embedded/block.h"

#include "base/crc32.h"
#include "store/embedded/varint.h"

#include <stdbool.h>
#include <stdlib.h>

enum { VERSION = 1, CRC_BYTES = 4 };

/* The columns behind ts_ms and has, as 64-bit numbers; `flag` 0: every reading has it. */
typedef struct column {
  uint8_t flag;
  int64_t (*get)(const sm_reading *r);
  bool (*set)(sm_reading *r, int64_t value); /* false: not a value of this column */
} column;

static bool fits(int64_t value, int64_t low, int64_t high) {
  return value >= low && value <= high;
}

#define COLUMN(name, type, low, high)                                                              \
  static int64_t get_##name(const sm_reading *r) {                                                 \
    return (int64_t)r->name;                                                                       \
  }                                                                                                \
  static bool set_##name(sm_reading *r, int64_t value) {                                           \
    if (!fits(value, (low), (high))) return false;                                                 \
    r->name = (type)value;                                                                         \
    return true;                                                                                   \
  }

COLUMN(energy_wh, int64_t, INT64_MIN, INT64_MAX)
COLUMN(voltage_mv, int32_t, INT32_MIN, INT32_MAX)
COLUMN(current_ma, int32_t, INT32_MIN, INT32_MAX)
COLUMN(power_mw, int32_t, INT32_MIN, INT32_MAX)
COLUMN(frequency_mhz, int32_t, INT32_MIN, INT32_MAX)
COLUMN(power_factor_milli, int16_t, INT16_MIN, INT16_MAX)
COLUMN(rssi_dbm, int16_t, INT16_MIN, INT16_MAX)
COLUMN(seq, uint32_t, 0, UINT32_MAX)
COLUMN(epoch, uint32_t, 0, UINT32_MAX)
#undef COLUMN

static const column columns[] = {
    {0, get_energy_wh, set_energy_wh},
    {0, get_voltage_mv, set_voltage_mv},
    {0, get_current_ma, set_current_ma},
    {0, get_power_mw, set_power_mw},
    {SM_READING_FREQUENCY, get_frequency_mhz, set_frequency_mhz},
    {SM_READING_POWER_FACTOR, get_power_factor_milli, set_power_factor_milli},
    {SM_READING_RSSI, get_rssi_dbm, set_rssi_dbm},
    {SM_READING_SEQ, get_seq, set_seq},
    {SM_READING_EPOCH, get_epoch, set_epoch},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

/* Differences wrap in 64 bits, so that no pair of values overflows; adding wraps back. */
static int64_t wrapping_sub(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a - (uint64_t)b);
}
static int64_t wrapping_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void put_crc(sm_buf *out, size_t from) {
  if (out->err != SM_OK) return;
  uint32_t crc = sm_crc32(out->data + from, out->len - from);
  for (unsigned shift = 0; shift < 32; shift += 8)
    sm_buf_append_char(out, (char)(uint8_t)(crc >> shift));
}

/* The cursor over what stands between version and CRC. */
static sm_err open_checked(const uint8_t *data, size_t len, sm_cursor *in) {
  if (len < CRC_BYTES + 2) return SM_ERR_CORRUPT;
  size_t body = len - CRC_BYTES;
  uint32_t crc = 0;
  for (unsigned i = 0; i < CRC_BYTES; i++) crc |= (uint32_t)data[body + i] << (8 * i);
  if (crc != sm_crc32(data, body)) return SM_ERR_CORRUPT;
  if (data[0] != VERSION) return SM_ERR_UNSUPPORTED;
  *in = (sm_cursor){.at = data + 1, .end = data + body};
  return SM_OK;
}

static void put_times(const sm_reading *readings, size_t count, sm_buf *out) {
  int64_t last = 0;
  int64_t step = 0;
  for (size_t i = 0; i < count; i++) {
    int64_t now = wrapping_sub(readings[i].ts_ms, last);
    sm_varint_put_signed(out, i < 2 ? now : wrapping_sub(now, step));
    step = now;
    last = readings[i].ts_ms;
  }
}

static void put_has(const sm_reading *readings, size_t count, sm_buf *out) {
  bool same = true;
  for (size_t i = 1; i < count && same; i++) same = readings[i].has == readings[0].has;
  sm_buf_append_char(out, same ? 1 : 0);
  for (size_t i = 0; i < (same ? 1 : count); i++) sm_buf_append_char(out, (char)readings[i].has);
}

static void put_column(const column *c, const sm_reading *readings, size_t count, sm_buf *out) {
  int64_t last = 0;
  for (size_t i = 0; i < count; i++) {
    if (c->flag != 0 && !(readings[i].has & c->flag)) continue;
    int64_t value = c->get(&readings[i]);
    sm_varint_put_signed(out, wrapping_sub(value, last));
    last = value;
  }
}

void sm_block_encode(const sm_reading *readings, size_t count, sm_buf *out) {
  size_t from = out->len;
  sm_buf_append_char(out, VERSION);
  sm_varint_put(out, count);
  put_times(readings, count, out);
  put_has(readings, count, out);
  for (size_t c = 0; c < COLUMN_COUNT; c++) put_column(&columns[c], readings, count, out);
  put_crc(out, from);
}

static void get_times(sm_cursor *in, sm_reading *readings, size_t count) {
  int64_t last = 0;
  int64_t step = 0;
  for (size_t i = 0; i < count && !in->bad; i++) {
    int64_t value = sm_varint_get_signed(in);
    step = i < 2 ? value : wrapping_add(step, value);
    last = wrapping_add(last, step);
    if (i > 0 && last <= readings[i - 1].ts_ms) in->bad = true;
    readings[i].ts_ms = last;
  }
}

static void get_has(sm_cursor *in, sm_reading *readings, size_t count) {
  bool same = sm_byte_get(in) == 1;
  uint8_t first = sm_byte_get(in);
  for (size_t i = 0; i < count && !in->bad; i++)
    readings[i].has = same || i == 0 ? first : sm_byte_get(in);
}

static void get_column(const column *c, sm_cursor *in, sm_reading *readings, size_t count) {
  int64_t last = 0;
  for (size_t i = 0; i < count && !in->bad; i++) {
    if (c->flag != 0 && !(readings[i].has & c->flag)) continue;
    last = wrapping_add(last, sm_varint_get_signed(in));
    if (!c->set(&readings[i], last)) in->bad = true;
  }
}

sm_err sm_block_decode(const uint8_t *data, size_t len, sm_reading **readings, size_t *count) {
  sm_cursor in;
  sm_err err = open_checked(data, len, &in);
  if (err != SM_OK) return err;
  uint64_t n = sm_varint_get(&in);
  /* Every reading costs bytes, so a count beyond the bytes is damage, not a reason to allocate. */
  if (in.bad || n == 0 || n > SM_BLOCK_READINGS_MAX || n > len) return SM_ERR_CORRUPT;
  sm_reading *out = calloc((size_t)n, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  get_times(&in, out, (size_t)n);
  get_has(&in, out, (size_t)n);
  for (size_t c = 0; c < COLUMN_COUNT; c++) get_column(&columns[c], &in, out, (size_t)n);
  if (in.bad || in.at != in.end) {
    free(out);
    return SM_ERR_CORRUPT;
  }
  *readings = out;
  *count = (size_t)n;
  return SM_OK;
}

sm_err sm_block_peek(const uint8_t *data, size_t len, sm_block_info *info) {
  sm_reading *readings = NULL;
  size_t count = 0;
  sm_err err = sm_block_decode(data, len, &readings, &count);
  if (err != SM_OK) return err;
  *info =
      (sm_block_info){.count = count, .first_ms = readings[0].ts_ms, .last = readings[count - 1]};
  free(readings);
  return SM_OK;
}

void sm_journal_encode(const sm_journal_item *items, size_t count, sm_buf *out) {
  size_t from = out->len;
  sm_buf_append_char(out, VERSION);
  sm_varint_put(out, count);
  int64_t last = 0;
  for (size_t i = 0; i < count; i++) {
    const sm_reading *r = &items[i].reading;
    sm_varint_put(out, (uint64_t)items[i].series_no);
    sm_varint_put_signed(out, wrapping_sub(r->ts_ms, last));
    last = r->ts_ms;
    sm_buf_append_char(out, (char)r->has);
    for (size_t c = 0; c < COLUMN_COUNT; c++)
      if (columns[c].flag == 0 || (r->has & columns[c].flag))
        sm_varint_put_signed(out, columns[c].get(r));
  }
  put_crc(out, from);
}

static void get_item(sm_cursor *in, int64_t last, sm_journal_item *item) {
  uint64_t series_no = sm_varint_get(in);
  if (series_no == 0 || series_no > INT64_MAX) in->bad = true;
  item->series_no = (int64_t)series_no;
  sm_reading *r = &item->reading;
  r->ts_ms = wrapping_add(last, sm_varint_get_signed(in));
  r->has = sm_byte_get(in);
  for (size_t c = 0; c < COLUMN_COUNT && !in->bad; c++) {
    if (columns[c].flag != 0 && !(r->has & columns[c].flag)) continue;
    if (!columns[c].set(r, sm_varint_get_signed(in))) in->bad = true;
  }
}

sm_err sm_journal_decode(const uint8_t *data, size_t len, sm_journal_item **items, size_t *count) {
  sm_cursor in;
  sm_err err = open_checked(data, len, &in);
  if (err != SM_OK) return err;
  uint64_t n = sm_varint_get(&in);
  if (in.bad || n == 0 || n > SM_JOURNAL_READINGS_MAX || n > len) return SM_ERR_CORRUPT;
  sm_journal_item *out = calloc((size_t)n, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < n && !in.bad; i++)
    get_item(&in, i == 0 ? 0 : out[i - 1].reading.ts_ms, &out[i]);
  if (in.bad || in.at != in.end) {
    free(out);
    return SM_ERR_CORRUPT;
  }
  *items = out;
  *count = (size_t)n;
  return SM_OK;
}
