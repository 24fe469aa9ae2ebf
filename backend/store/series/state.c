/* What the file knows of a series without reading its history: `series.state`. NULL: nothing of it
 * is sealed. Version 1: 1, first_ms (signed varint), 1 and the last reading (ts_ms, signed, and
 * reading_column.h) or 0, count of epochs, for each: epoch, next, count of ranges, for each:
 * first and last; CRC-32 of all before it. */
#include "store/series/state.h"

#include "store/series/column.h"
#include "store/series/reading_column.h"
#include "store/series/varint.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

static void put_last(const sm_series *series, sm_buf *out) {
  sm_buf_append_char(out, series->has_last ? 1 : 0);
  if (!series->has_last) return;
  sm_varint_put_signed(out, series->last.ts_ms);
  sm_reading_put(out, &series->last);
}

static void put_sequence(const sm_sequence *sequence, sm_buf *out) {
  sm_varint_put(out, sequence->count);
  for (size_t i = 0; i < sequence->count; i++) {
    const sm_seq_epoch *e = &sequence->epoch[i];
    sm_varint_put(out, e->epoch);
    sm_varint_put(out, e->next);
    sm_varint_put(out, e->range_count);
    for (size_t j = 0; j < e->range_count; j++) {
      sm_varint_put(out, e->ranges[j].first);
      sm_varint_put(out, e->ranges[j].last);
    }
  }
}

void sm_state_encode(const sm_series *series, sm_buf *out) {
  size_t from = out->len;
  sm_buf_append_char(out, VERSION);
  sm_varint_put_signed(out, series->first_ms);
  put_last(series, out);
  put_sequence(&series->sequence, out);
  sm_crc_put(out, from);
}

static void get_last(sm_cursor *in, bool *has_last, sm_reading *last) {
  *has_last = sm_byte_get(in) == 1;
  if (!*has_last) return;
  last->ts_ms = sm_varint_get_signed(in);
  sm_reading_get(in, last);
}

static sm_err get_ranges(sm_cursor *in, sm_seq_epoch *e) {
  uint64_t count = sm_varint_get(in);
  if (in->bad || count > SM_SEQUENCE_RANGES_MAX) return SM_ERR_CORRUPT;
  if (count == 0) return SM_OK;
  e->ranges = calloc((size_t)count, sizeof *e->ranges);
  if (e->ranges == NULL) return SM_ERR_NOMEM;
  e->range_cap = e->range_count = (uint16_t)count;
  uint64_t below = e->next; /* ranges stand apart, each behind the one before */
  for (size_t i = 0; i < count; i++) {
    uint64_t first = sm_varint_get(in);
    uint64_t last = sm_varint_get(in);
    if (in->bad || first <= below || last < first || last > UINT32_MAX) return SM_ERR_CORRUPT;
    e->ranges[i] = (sm_seq_range){.first = (uint32_t)first, .last = (uint32_t)last};
    below = last + 1;
  }
  return SM_OK;
}

static sm_err get_sequence(sm_cursor *in, sm_sequence *sequence) {
  uint64_t count = sm_varint_get(in);
  if (in->bad || count > SM_SEQUENCE_EPOCHS_MAX) return SM_ERR_CORRUPT;
  if (count == 0) return SM_OK;
  sequence->epoch = calloc((size_t)count, sizeof *sequence->epoch);
  if (sequence->epoch == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    sm_seq_epoch *e = &sequence->epoch[sequence->count++];
    uint64_t epoch = sm_varint_get(in);
    e->next = sm_varint_get(in);
    if (epoch > UINT32_MAX || e->next > (uint64_t)UINT32_MAX + 1) return SM_ERR_CORRUPT;
    e->epoch = (uint32_t)epoch;
    err = get_ranges(in, e);
  }
  return err;
}

sm_err sm_state_decode(const uint8_t *data, size_t len, sm_series *series) {
  if (len < SM_CRC_BYTES + 2 || !sm_crc_good(data, len)) return SM_ERR_CORRUPT;
  if (data[0] != VERSION) return SM_ERR_UNSUPPORTED;
  sm_cursor in = {.at = data + 1, .end = data + len - SM_CRC_BYTES};
  int64_t first_ms = sm_varint_get_signed(&in);
  bool has_last = false;
  sm_reading last = {0};
  sm_sequence sequence = {0};
  get_last(&in, &has_last, &last);
  sm_err err = get_sequence(&in, &sequence);
  if (err == SM_OK && (in.bad || in.at != in.end)) err = SM_ERR_CORRUPT;
  if (err != SM_OK) {
    sm_sequence_fini(&sequence);
    return err;
  }
  series->first_ms = first_ms;
  series->has_last = has_last;
  series->last = last;
  sm_sequence_fini(&series->sequence);
  series->sequence = sequence;
  return SM_OK;
}
