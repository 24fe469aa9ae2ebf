#include "store/embedded/journal.h"

#include "store/embedded/reading_column.h"

#include <stdlib.h>

enum { VERSION = 1 };

static int64_t wrapping_sub(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a - (uint64_t)b);
}
static int64_t wrapping_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
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
    sm_reading_put(out, r);
  }
  sm_crc_put(out, from);
}

static void get_item(sm_cursor *in, int64_t last, sm_journal_item *item) {
  uint64_t series_no = sm_varint_get(in);
  if (series_no == 0 || series_no > INT64_MAX) in->bad = true;
  item->series_no = (int64_t)series_no;
  item->reading.ts_ms = wrapping_add(last, sm_varint_get_signed(in));
  sm_reading_get(in, &item->reading);
}

sm_err sm_journal_decode(const uint8_t *data, size_t len, sm_journal_item **items, size_t *count) {
  if (len < SM_CRC_BYTES + 2 || !sm_crc_good(data, len)) return SM_ERR_CORRUPT;
  if (data[0] != VERSION) return SM_ERR_UNSUPPORTED;
  sm_cursor in = {.at = data + 1, .end = data + len - SM_CRC_BYTES};
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
