#include "store/series/journal_row.h"

#include "base/crc32.h"
#include "store/series/reading_column.h"
#include "store/series/wrapping.h"

#include <stdlib.h>
#include <string.h>

enum {
  VERSION = 2,
  VERSION_PLAIN = 1,
  ENTRY_BYTES_MAX = 160, /* more than any entry takes */
  HAS_MARK = 32,
  HAS_FIRST = 64
};

/* ---- writing ---- */

void sm_journal_writer_fini(sm_journal_writer *w) {
  free(w->data);
  *w = (sm_journal_writer){0};
}

static bool make_room(sm_journal_writer *w) {
  if (w->err != SM_OK) return false;
  if (w->cap - w->len >= ENTRY_BYTES_MAX) return true;
  size_t cap = w->cap < 4096 ? 4096 : w->cap * 2;
  uint8_t *data = realloc(w->data, cap);
  if (data == NULL) {
    w->err = SM_ERR_NOMEM;
    return false;
  }
  w->data = data;
  w->cap = cap;
  return true;
}

void sm_journal_writer_begin(sm_journal_writer *w, size_t readings, size_t marks) {
  w->len = 0;
  w->err = SM_OK;
  w->last_no = 0;
  w->last = (sm_reading){0};
  if (!make_room(w)) return;
  w->data[0] = VERSION;
  uint8_t *at = sm_varint_write(w->data + 1, readings);
  w->len = (size_t)(sm_varint_write(at, marks) - w->data);
}

bool sm_journal_implies(const sm_reading *r, const sm_seq_mark *mark) {
  bool first_fits = !mark->has_first || mark->first <= mark->seq;
  return mark->present && first_fits && (r->has & SM_READING_SEQ) != 0 && r->seq == mark->seq &&
         ((r->has & SM_READING_EPOCH) != 0 ? r->epoch : 0) == mark->epoch;
}

static uint8_t *put_optional(uint8_t *at, const sm_reading *r, const sm_reading *base) {
  if (r->has & SM_READING_FREQUENCY)
    at = sm_varint_write_signed(at, (int64_t)r->frequency_mhz - base->frequency_mhz);
  if (r->has & SM_READING_POWER_FACTOR)
    at = sm_varint_write_signed(at, (int64_t)r->power_factor_milli - base->power_factor_milli);
  if (r->has & SM_READING_RSSI)
    at = sm_varint_write_signed(at, (int64_t)r->rssi_dbm - base->rssi_dbm);
  if (r->has & SM_READING_SEQ) at = sm_varint_write_signed(at, (int64_t)r->seq - base->seq);
  if (r->has & SM_READING_EPOCH) at = sm_varint_write_signed(at, (int64_t)r->epoch - base->epoch);
  return at;
}

/* Members that a reading does not have may hold anything; the next one's differences are to 0. */
static void keep_last(sm_journal_writer *w, const sm_reading *r) {
  w->last = *r;
  if (!(r->has & SM_READING_FREQUENCY)) w->last.frequency_mhz = 0;
  if (!(r->has & SM_READING_POWER_FACTOR)) w->last.power_factor_milli = 0;
  if (!(r->has & SM_READING_RSSI)) w->last.rssi_dbm = 0;
  if (!(r->has & SM_READING_SEQ)) w->last.seq = 0;
  if (!(r->has & SM_READING_EPOCH)) w->last.epoch = 0;
}

void sm_journal_writer_reading(sm_journal_writer *w, int64_t series_no, const sm_reading *r,
                               const sm_seq_mark *mark) {
  static const sm_reading zero = {0};
  if (!make_room(w)) return;
  const sm_reading *base = series_no == w->last_no ? &w->last : &zero;
  bool implied = sm_journal_implies(r, mark);
  uint8_t flags = r->has;
  if (implied) flags |= HAS_MARK;
  if (implied && mark->has_first) flags |= HAS_FIRST;
  uint8_t *at = sm_varint_write_signed(w->data + w->len, series_no - w->last_no);
  at = sm_varint_write_signed(at, sm_wrapping_sub(r->ts_ms, w->last.ts_ms));
  *at++ = flags;
  at = sm_varint_write_signed(at, sm_wrapping_sub(r->energy_wh, base->energy_wh));
  at = sm_varint_write_signed(at, (int64_t)r->voltage_mv - base->voltage_mv);
  at = sm_varint_write_signed(at, (int64_t)r->current_ma - base->current_ma);
  at = sm_varint_write_signed(at, (int64_t)r->power_mw - base->power_mw);
  at = put_optional(at, r, base);
  if (flags & HAS_FIRST) at = sm_varint_write(at, mark->seq - mark->first);
  w->len = (size_t)(at - w->data);
  w->last_no = series_no;
  keep_last(w, r);
}

void sm_journal_writer_mark(sm_journal_writer *w, int64_t series_no, const sm_seq_mark *mark) {
  if (!make_room(w)) return;
  bool first = mark->has_first && mark->first <= mark->seq;
  uint8_t *at = sm_varint_write(w->data + w->len, (uint64_t)series_no);
  at = sm_varint_write(at, mark->epoch);
  at = sm_varint_write(at, mark->seq);
  at = sm_varint_write(at, first ? 1 + (uint64_t)(mark->seq - mark->first) : 0);
  w->len = (size_t)(at - w->data);
}

sm_err sm_journal_writer_end(sm_journal_writer *w) {
  if (!make_room(w)) return w->err;
  uint32_t crc = sm_crc32(w->data, w->len);
  for (unsigned i = 0; i < SM_CRC_BYTES; i++) w->data[w->len++] = (uint8_t)(crc >> (8 * i));
  return SM_OK;
}

/* ---- reading ---- */

sm_err sm_journal_reader_open(sm_journal_reader *r, const uint8_t *data, size_t len) {
  if (len < SM_CRC_BYTES + 2 || !sm_crc_good(data, len)) return SM_ERR_CORRUPT;
  if (data[0] != VERSION && data[0] != VERSION_PLAIN) return SM_ERR_UNSUPPORTED;
  *r = (sm_journal_reader){.in = {.at = data + 1, .end = data + len - SM_CRC_BYTES},
                           .version = data[0]};
  r->readings_left = sm_varint_get(&r->in);
  if (r->version == VERSION) r->marks_left = sm_varint_get(&r->in);
  return r->in.bad ? SM_ERR_CORRUPT : SM_OK;
}

/* A value within its column's bounds, else the row is bad. */
static int64_t get(sm_cursor *in, int64_t base, int64_t low, int64_t high) {
  int64_t value = sm_wrapping_add(base, sm_varint_get_signed(in));
  if (value >= low && value <= high) return value;
  in->bad = true;
  return 0;
}

static void get_values(sm_cursor *in, const sm_reading *base, sm_reading *out) {
  out->energy_wh = get(in, base->energy_wh, INT64_MIN, INT64_MAX);
  out->voltage_mv = (int32_t)get(in, base->voltage_mv, INT32_MIN, INT32_MAX);
  out->current_ma = (int32_t)get(in, base->current_ma, INT32_MIN, INT32_MAX);
  out->power_mw = (int32_t)get(in, base->power_mw, INT32_MIN, INT32_MAX);
  if (out->has & SM_READING_FREQUENCY)
    out->frequency_mhz = (int32_t)get(in, base->frequency_mhz, INT32_MIN, INT32_MAX);
  if (out->has & SM_READING_POWER_FACTOR)
    out->power_factor_milli = (int16_t)get(in, base->power_factor_milli, INT16_MIN, INT16_MAX);
  if (out->has & SM_READING_RSSI)
    out->rssi_dbm = (int16_t)get(in, base->rssi_dbm, INT16_MIN, INT16_MAX);
  if (out->has & SM_READING_SEQ) out->seq = (uint32_t)get(in, base->seq, 0, UINT32_MAX);
  if (out->has & SM_READING_EPOCH) out->epoch = (uint32_t)get(in, base->epoch, 0, UINT32_MAX);
}

static void get_mark(sm_cursor *in, uint8_t flags, const sm_reading *r, sm_seq_mark *mark) {
  *mark = (sm_seq_mark){0};
  if ((flags & HAS_FIRST && !(flags & HAS_MARK)) ||
      (flags & HAS_MARK && !(r->has & SM_READING_SEQ)))
    in->bad = true; /* nothing that a writer makes */
  if (!(flags & HAS_MARK)) return;
  mark->present = true;
  mark->seq = r->seq;
  mark->epoch = r->has & SM_READING_EPOCH ? r->epoch : 0;
  if (!(flags & HAS_FIRST)) return;
  uint64_t back = sm_varint_get(in);
  if (back > mark->seq) in->bad = true;
  mark->has_first = true;
  mark->first = (uint32_t)(mark->seq - back);
}

static void next_reading(sm_journal_reader *r) {
  static const sm_reading zero = {0};
  sm_journal_entry before = r->last;
  bool plain = r->version == VERSION_PLAIN;
  int64_t no = plain ? (int64_t)sm_varint_get(&r->in)
                     : sm_wrapping_add(before.series_no, sm_varint_get_signed(&r->in));
  bool same = !plain && no == before.series_no;
  sm_journal_entry *out = &r->last;
  *out = (sm_journal_entry){.series_no = no, .has_reading = true};
  out->reading.ts_ms = sm_wrapping_add(before.reading.ts_ms, sm_varint_get_signed(&r->in));
  uint8_t flags = sm_byte_get(&r->in);
  out->reading.has = (uint8_t)(flags & ~(HAS_MARK | HAS_FIRST));
  if (plain && out->reading.has != flags) r->in.bad = true;
  get_values(&r->in, same ? &before.reading : &zero, &out->reading);
  if (!plain) get_mark(&r->in, flags, &out->reading, &out->mark);
}

static void next_mark(sm_journal_reader *r) {
  uint64_t no = sm_varint_get(&r->in);
  uint64_t epoch = sm_varint_get(&r->in);
  uint64_t seq = sm_varint_get(&r->in);
  uint64_t first = sm_varint_get(&r->in);
  if (no > INT64_MAX || epoch > UINT32_MAX || seq > UINT32_MAX || first > seq + 1) r->in.bad = true;
  r->last = (sm_journal_entry){.series_no = (int64_t)no,
                               .mark = {.present = true,
                                        .has_first = first > 0,
                                        .epoch = (uint32_t)epoch,
                                        .seq = (uint32_t)seq,
                                        .first = (uint32_t)(first > 0 ? seq - (first - 1) : 0)}};
}

const sm_journal_entry *sm_journal_reader_next(sm_journal_reader *r) {
  if (r->in.bad || r->readings_left + r->marks_left == 0) return NULL;
  if (r->readings_left > 0) {
    r->readings_left--;
    next_reading(r);
  } else {
    r->marks_left--;
    next_mark(r);
  }
  if (r->last.series_no <= 0) r->in.bad = true;
  return r->in.bad ? NULL : &r->last;
}

bool sm_journal_reader_done(const sm_journal_reader *r) {
  return !r->in.bad && r->readings_left + r->marks_left == 0 && r->in.at == r->in.end;
}
