#include "store/embedded/block.h"

#include "store/series/column.h"
#include "store/series/physics.h"
#include "store/series/reading_column.h"
#include "store/series/wrapping.h"

#include <stdbool.h>
#include <stdlib.h>

enum { VERSION = 2, VERSION_1 = 1 };

/* The columns in the order in which they are written: those that an oracle looks at come first. */
enum { ENERGY, VOLTAGE, CURRENT, POWER, FREQUENCY, POWER_FACTOR, RSSI, SEQ, EPOCH };
static const uint8_t order[SM_READING_COLUMNS] = {VOLTAGE,      CURRENT, POWER, ENERGY, FREQUENCY,
                                                  POWER_FACTOR, RSSI,    SEQ,   EPOCH};
enum { BRIEF_COLUMNS = 4 }; /* as far as a brief decoding goes: those that every reading has */

/* What encoding and decoding have in common while they go through the columns. */
typedef struct pass {
  sm_reading *rows;
  size_t count;
  int64_t first_ms;
  const sm_reading *last; /* the head's copy of the last row: what a column is near */
  uint8_t has_all;        /* the flags that every row has */
  uint32_t *row_of;       /* the rows that have the column at hand, unless all have it */
  bool all;
  size_t n; /* how many these are */
  sm_physics physics;
  sm_column_oracle oracle;
  sm_column_work work;
} pass;

static sm_err pass_init(pass *p, size_t count) {
  p->count = count;
  p->row_of = malloc(count * sizeof *p->row_of);
  sm_err err = p->row_of == NULL ? SM_ERR_NOMEM : sm_column_work_init(&p->work, count);
  if (err != SM_OK) free(p->row_of);
  return err;
}

static void pass_fini(pass *p) {
  sm_column_work_fini(&p->work);
  free(p->row_of);
}

static const sm_column_oracle *times_oracle(pass *p) {
  int64_t span = sm_wrapping_sub(p->last->ts_ms, p->first_ms);
  p->physics = (sm_physics){.step = p->count > 1 ? span / (int64_t)(p->count - 1) : 0};
  p->oracle = sm_physics_times(&p->physics);
  return &p->oracle;
}

static void find_common(pass *p) {
  p->has_all = UINT8_MAX;
  for (size_t i = 0; i < p->count; i++) p->has_all &= p->rows[i].has;
}

/* The rows of one meter nearly always have the same. */
static void find_rows(pass *p, const sm_reading_column *column) {
  p->all = (p->has_all & column->flag) == column->flag;
  p->n = p->all ? p->count : 0;
  for (size_t i = 0; !p->all && i < p->count; i++)
    if (sm_reading_has(&p->rows[i], column)) p->row_of[p->n++] = (uint32_t)i;
}

/* Row `i` of those that have the column. */
static inline sm_reading *row_at(const pass *p, size_t i) {
  return &p->rows[p->all ? i : p->row_of[i]];
}

/* Finds the rows of a column, and who can foretell it; NULL: nobody. */
static const sm_column_oracle *enter_column(pass *p, size_t c, int64_t *before) {
  const sm_reading_column *column = &sm_reading_columns[c];
  find_rows(p, column);
  *before = sm_reading_has(p->last, column) ? column->get(p->last) : 0;
  p->physics =
      (sm_physics){.rows = p->rows, .row_of = p->all ? NULL : p->row_of, .before = *before};
  if (c == POWER)
    p->oracle = sm_physics_power(&p->physics);
  else if (c == ENERGY)
    p->oracle = sm_physics_energy(&p->physics);
  else if (c == POWER_FACTOR)
    p->oracle = sm_physics_power_factor(&p->physics);
  else
    return NULL;
  return &p->oracle;
}

/* ---- encoding ---- */

static void put_head(const sm_reading *readings, size_t count, sm_buf *out) {
  size_t from = out->len;
  const sm_reading *last = &readings[count - 1];
  sm_buf_append_char(out, VERSION);
  sm_varint_put(out, count);
  sm_varint_put_signed(out, readings[0].ts_ms);
  sm_varint_put(out, (uint64_t)last->ts_ms - (uint64_t)readings[0].ts_ms);
  sm_reading_put(out, last);
  sm_crc_put(out, from);
}

static void put_has(const sm_reading *readings, size_t count, sm_buf *out) {
  bool same = true;
  for (size_t i = 1; i < count && same; i++) same = readings[i].has == readings[0].has;
  sm_buf_append_char(out, same ? 1 : 0);
  for (size_t i = 0; i < (same ? 1 : count); i++) sm_buf_append_char(out, (char)readings[i].has);
}

static void put_columns(pass *p, sm_buf *out) {
  find_common(p);
  for (size_t i = 0; i < p->count; i++)
    p->work.value[i] = sm_wrapping_sub(p->rows[i].ts_ms, p->first_ms);
  sm_column_write(&p->work, p->count, 0, times_oracle(p), out);
  for (size_t at = 0; at < SM_READING_COLUMNS; at++) {
    size_t c = order[at];
    int64_t before;
    const sm_column_oracle *oracle = enter_column(p, c, &before);
    if (p->n == 0) continue;
    for (size_t i = 0; i < p->n; i++) p->work.value[i] = sm_reading_columns[c].get(row_at(p, i));
    sm_column_write(&p->work, p->n, before, oracle, out);
  }
}

static void fail(sm_buf *out, sm_err err) {
  if (out->err == SM_OK) out->err = err;
}

void sm_block_encode(const sm_reading *readings, size_t count, sm_buf *out) {
  size_t from = out->len;
  pass p = {.rows = (sm_reading *)(uintptr_t)readings /* only read here */,
            .first_ms = readings[0].ts_ms,
            .last = &readings[count - 1]};
  sm_err err = count <= SM_BLOCK_READINGS_MAX ? pass_init(&p, count) : SM_ERR_RANGE;
  if (err != SM_OK) {
    fail(out, err);
    return;
  }
  put_head(readings, count, out);
  put_has(readings, count, out);
  put_columns(&p, out);
  sm_crc_put(out, from);
  pass_fini(&p);
}

/* ---- decoding ---- */

/* What stands before the columns. `data` begins with the version. */
static sm_err get_head(const uint8_t *data, size_t len, sm_block_info *info, size_t *head_len) {
  sm_cursor in = {.at = data + 1, .end = data + len};
  uint64_t count = sm_varint_get(&in);
  sm_block_info out = {.first_ms = sm_varint_get_signed(&in)};
  uint64_t span = sm_varint_get(&in);
  sm_reading_get(&in, &out.last);
  if (in.bad || in.end - in.at < SM_CRC_BYTES) return SM_ERR_CORRUPT;
  *head_len = (size_t)(in.at - data) + SM_CRC_BYTES;
  if (!sm_crc_good(data, *head_len)) return SM_ERR_CORRUPT;
  /* 64 numbers cost 6 bits at least, so a count far beyond the bytes is no reason to allocate. */
  if (count == 0 || count > SM_BLOCK_READINGS_MAX || count / 128 > len) return SM_ERR_CORRUPT;
  out.count = (size_t)count;
  out.last.ts_ms = (int64_t)((uint64_t)out.first_ms + span);
  *info = out;
  return SM_OK;
}

static bool get_has(sm_cursor *in, sm_reading *rows, size_t count) {
  uint8_t same = sm_byte_get(in);
  uint8_t first = sm_byte_get(in);
  if (same > 1) return false;
  for (size_t i = 0; i < count && !in->bad; i++)
    rows[i].has = same == 1 || i == 0 ? first : sm_byte_get(in);
  return !in->bad;
}

static bool get_times(pass *p, sm_cursor *in) {
  if (!sm_column_read(&in->at, in->end, p->count, 0, times_oracle(p), &p->work)) return false;
  for (size_t i = 0; i < p->count; i++) {
    p->rows[i].ts_ms = sm_wrapping_add(p->first_ms, p->work.value[i]);
    if (i > 0 && p->rows[i].ts_ms <= p->rows[i - 1].ts_ms) return false;
  }
  return true;
}

static bool get_column(pass *p, sm_cursor *in, size_t c) {
  int64_t before;
  const sm_column_oracle *oracle = enter_column(p, c, &before);
  if (p->n == 0) return true;
  if (!sm_column_read(&in->at, in->end, p->n, before, oracle, &p->work)) return false;
  for (size_t i = 0; i < p->n; i++)
    if (!sm_reading_columns[c].set(row_at(p, i), p->work.value[i])) return false;
  return true;
}

/* The columns behind what is wanted are left alone: the CRC has vouched for them. */
static bool get_brief(pass *p, sm_cursor *in) {
  for (size_t at = 0; at < BRIEF_COLUMNS; at++)
    if (!get_column(p, in, order[at])) return false;
  for (size_t i = 0; i < p->count; i++) p->rows[i].has = 0;
  const sm_reading *row = &p->rows[p->count - 1];
  return row->ts_ms == p->last->ts_ms && row->energy_wh == p->last->energy_wh;
}

static bool get_rows(pass *p, sm_cursor *in, bool brief) {
  if (!get_has(in, p->rows, p->count) || !get_times(p, in)) return false;
  find_common(p);
  if (brief) return get_brief(p, in);
  for (size_t at = 0; at < SM_READING_COLUMNS; at++)
    if (!get_column(p, in, order[at])) return false;
  return in->at == in->end && sm_reading_equal(&p->rows[p->count - 1], p->last);
}

static sm_err decode_v2(const uint8_t *data, size_t len, bool brief, sm_reading **readings,
                        size_t *count) {
  sm_block_info info;
  size_t head_len = 0;
  sm_err err = get_head(data, len, &info, &head_len);
  if (err != SM_OK) return err;
  pass p = {.first_ms = info.first_ms, .last = &info.last};
  p.rows = calloc(info.count, sizeof *p.rows);
  if (p.rows == NULL) return SM_ERR_NOMEM;
  err = pass_init(&p, info.count);
  if (err == SM_OK) {
    sm_cursor in = {.at = data + head_len, .end = data + len - SM_CRC_BYTES};
    if (in.at > in.end || !get_rows(&p, &in, brief)) err = SM_ERR_CORRUPT;
    pass_fini(&p);
  }
  if (err != SM_OK) {
    free(p.rows);
    return err;
  }
  *readings = p.rows;
  *count = info.count;
  return SM_OK;
}

static sm_err decode(const uint8_t *data, size_t len, bool brief, sm_reading **readings,
                     size_t *count) {
  if (len < SM_CRC_BYTES + 2 || !sm_crc_good(data, len)) return SM_ERR_CORRUPT;
  if (data[0] == VERSION) return decode_v2(data, len, brief, readings, count);
  if (data[0] != VERSION_1) return SM_ERR_UNSUPPORTED;
  sm_cursor in = {.at = data + 1, .end = data + len - SM_CRC_BYTES};
  return sm_block_v1_decode(&in, readings, count);
}

sm_err sm_block_decode(const uint8_t *data, size_t len, sm_reading **readings, size_t *count) {
  return decode(data, len, false, readings, count);
}

sm_err sm_block_decode_brief(const uint8_t *data, size_t len, sm_reading **readings,
                             size_t *count) {
  return decode(data, len, true, readings, count);
}

sm_err sm_block_peek(const uint8_t *data, size_t len, sm_block_info *info) {
  if (len < SM_CRC_BYTES + 2) return SM_ERR_CORRUPT;
  size_t head_len;
  if (data[0] == VERSION) return get_head(data, len, info, &head_len);
  sm_reading *readings = NULL;
  size_t count = 0;
  sm_err err = sm_block_decode(data, len, &readings, &count);
  if (err != SM_OK) return err;
  *info =
      (sm_block_info){.count = count, .first_ms = readings[0].ts_ms, .last = readings[count - 1]};
  free(readings);
  return SM_OK;
}
