/* Blocks as they were written before version 2: read, never written. Behind version and count:
 * ts_ms (first, then differences of differences), `has` (1 and one byte if all are equal, else 0
 * and a byte each), then each column as differences over the rows that have it; all varints. */
#include "store/embedded/block.h"
#include "store/series/reading_column.h"
#include "store/series/wrapping.h"

#include <stdlib.h>

static void get_times(sm_cursor *in, sm_reading *readings, size_t count) {
  int64_t last = 0;
  int64_t step = 0;
  for (size_t i = 0; i < count && !in->bad; i++) {
    int64_t value = sm_varint_get_signed(in);
    step = i < 2 ? value : sm_wrapping_add(step, value);
    last = sm_wrapping_add(last, step);
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

static void get_column(const sm_reading_column *c, sm_cursor *in, sm_reading *readings,
                       size_t count) {
  int64_t last = 0;
  for (size_t i = 0; i < count && !in->bad; i++) {
    if (!sm_reading_has(&readings[i], c)) continue;
    last = sm_wrapping_add(last, sm_varint_get_signed(in));
    if (!c->set(&readings[i], last)) in->bad = true;
  }
}

sm_err sm_block_v1_decode(sm_cursor *in, sm_reading **readings, size_t *count) {
  uint64_t n = sm_varint_get(in);
  /* Every reading costs bytes, so a count beyond the bytes is damage, not a reason to allocate. */
  if (in->bad || n == 0 || n > (uint64_t)(in->end - in->at)) return SM_ERR_CORRUPT;
  sm_reading *out = calloc((size_t)n, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  get_times(in, out, (size_t)n);
  get_has(in, out, (size_t)n);
  for (size_t c = 0; c < SM_READING_COLUMNS; c++)
    get_column(&sm_reading_columns[c], in, out, (size_t)n);
  if (in->bad || in->at != in->end) {
    free(out);
    return SM_ERR_CORRUPT;
  }
  *readings = out;
  *count = (size_t)n;
  return SM_OK;
}
