#include "store/embedded/fresh_row.h"

#include "store/embedded/block.h"
#include "store/series/reading_column.h"

#include <stdlib.h>

enum { VERSION = 3, LENGTH_BYTES = 4, SERIES_NO = 1 };

/* The part at *at; false: the frame is broken or ends. */
static bool next_part(const uint8_t **at, const uint8_t *end, const uint8_t **part, size_t *len) {
  if (end - *at < LENGTH_BYTES) return false;
  uint32_t length = 0;
  for (unsigned i = 0; i < LENGTH_BYTES; i++) length |= (uint32_t)(*at)[i] << (8 * i);
  if (length > (size_t)(end - *at) - LENGTH_BYTES) return false;
  *part = *at + LENGTH_BYTES;
  *len = length;
  *at += LENGTH_BYTES + length;
  return true;
}

bool sm_fresh_row_sound(const uint8_t *data, size_t len) {
  if (len == 0 || data[0] != VERSION) return false;
  const uint8_t *at = data + 1;
  const uint8_t *part;
  size_t part_len;
  while (next_part(&at, data + len, &part, &part_len)) {
    sm_journal_reader r;
    if (sm_journal_reader_open(&r, part, part_len) != SM_OK) return false;
  }
  return at == data + len;
}

void sm_fresh_row_add(sm_buf *row, const sm_reading *readings, size_t count, sm_journal_writer *w) {
  static const sm_seq_mark no_mark = {0};
  if (row->len == 0) sm_buf_append_char(row, VERSION);
  sm_journal_writer_begin(w, count, 0);
  for (size_t i = 0; i < count; i++)
    sm_journal_writer_reading(w, SERIES_NO, &readings[i], &no_mark);
  sm_err err = sm_journal_writer_end(w);
  if (err == SM_OK && w->len > UINT32_MAX) err = SM_ERR_RANGE;
  if (err != SM_OK) {
    if (row->err == SM_OK) row->err = err;
    return;
  }
  uint8_t length[LENGTH_BYTES];
  for (unsigned i = 0; i < LENGTH_BYTES; i++) length[i] = (uint8_t)(w->len >> (8 * i));
  sm_buf_append(row, length, sizeof length);
  sm_buf_append(row, w->data, w->len);
}

/* One part, whose readings must be in order. */
static sm_err read_part(const uint8_t *part, size_t len, sm_run *out) {
  sm_journal_reader r;
  sm_err err = sm_journal_reader_open(&r, part, len);
  if (err != SM_OK) return err;
  if (r.readings_left > len) return SM_ERR_CORRUPT;
  err = sm_run_reserve(out, (size_t)r.readings_left);
  const sm_journal_entry *entry;
  while (err == SM_OK && (entry = sm_journal_reader_next(&r)) != NULL) {
    bool in_order = out->count == 0 || out->item[out->count - 1].ts_ms < entry->reading.ts_ms;
    if (!entry->has_reading || !in_order) return SM_ERR_CORRUPT;
    out->item[out->count++] = entry->reading;
  }
  return err == SM_OK && !sm_journal_reader_done(&r) ? SM_ERR_CORRUPT : err;
}

static sm_err read_block(const uint8_t *data, size_t len, sm_run *run) {
  sm_run block = {0};
  sm_err err = sm_block_decode(data, len, &block.item, &block.count);
  if (err == SM_OK) err = sm_run_join(run, block.item, block.count);
  sm_run_fini(&block);
  return err;
}

sm_err sm_fresh_row_read(const uint8_t *data, size_t len, sm_run *run) {
  if (len == 0) return SM_ERR_CORRUPT;
  if (data[0] != VERSION) return read_block(data, len, run);
  const uint8_t *at = data + 1;
  const uint8_t *part;
  size_t part_len;
  sm_err worst = SM_OK;
  while (next_part(&at, data + len, &part, &part_len)) {
    sm_run one = {0};
    sm_err err = read_part(part, part_len, &one);
    if (err == SM_OK) err = sm_run_join(run, one.item, one.count);
    sm_run_fini(&one);
    if (err == SM_ERR_NOMEM) return err;
    if (err != SM_OK) worst = err;
  }
  return at == data + len ? worst : SM_ERR_CORRUPT;
}
