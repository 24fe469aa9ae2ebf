/* What the file knows of a series without reading its history: `series.state`. NULL: nothing of it
 * is sealed. Version 1: 1, first_ms (signed varint), 1 and the last reading (ts_ms, signed, and
 * reading_column.h) or 0, count of epochs, for each: epoch, next, count of ranges, for each:
 * first and last; CRC-32 of all before it. */
#include "store/embedded/readings_internal.h"

#include "store/embedded/reading_column.h"
#include "store/embedded/varint.h"

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

sm_err sm_state_write(sm_readings *store, sm_series *series) {
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_state_encode(series, &body);
  sm_err err = body.err;
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(store->db, "UPDATE series SET state = ?1 WHERE series_no = ?2");
    sm_sql_bind_blob(&q, 1, body.data, body.len);
    sm_sql_bind_i64(&q, 2, series->no);
    err = sm_sql_run(&q);
  }
  sm_buf_fini(&body);
  return err;
}

/* ---- when it is missing ---- */

static void take_bounds(sm_series *series, const sm_run *run) {
  if (run->count == 0) return;
  const sm_reading *last = &run->item[run->count - 1];
  if (!series->has_last || run->item[0].ts_ms < series->first_ms)
    series->first_ms = run->item[0].ts_ms;
  if (!series->has_last || last->ts_ms > series->last.ts_ms) series->last = *last;
  series->has_last = true;
}

static sm_err day_bounds(sm_readings *store, sm_series *series, int64_t day) {
  day_rows rows = {0};
  sm_err err = sm_day_load(store, store->db, series->no, day, false, &rows);
  if (err == SM_OK) {
    take_bounds(series, &rows.run);
    if (rows.block_damaged || rows.fresh_damaged) series->unsure = true;
  }
  sm_run_fini(&rows.run);
  return err;
}

/* Raw that was dropped has left its quarters. */
static sm_err quarter_bounds(sm_readings *store, sm_series *series) {
  int64_t day = -1;
  int64_t max = sm_day_of(TS_MAX_MS);
  sm_err err = sm_day_next(store, store->db, sm_quarter_next_sql, series->no, 0, max, &day);
  if (err != SM_OK || day < 0) return err;
  sm_quarter_list list = {0};
  bool damaged = false;
  err = sm_day_quarter_row(store, store->db, series->no, day, &list, &damaged);
  if (err == SM_OK && list.count > 0 &&
      (!series->has_last || list.item[0].first.ts_ms < series->first_ms))
    series->first_ms = list.item[0].first.ts_ms;
  sm_quarter_list_fini(&list);
  return err;
}

/* Everything of a series, day by day. */
static sm_err all_bounds(sm_readings *store, sm_series *series) {
  int64_t max = sm_day_of(TS_MAX_MS);
  int64_t day = 0;
  sm_err err = SM_OK;
  for (int64_t from = 0; err == SM_OK && from <= max; from = day + 1) {
    err = sm_day_next(store, store->db, sm_block_next_sql, series->no, from, max, &day);
    if (err != SM_OK || day < 0) break;
    err = day_bounds(store, series, day);
  }
  int64_t hour = 0;
  for (int64_t from = 0; err == SM_OK; from = (hour / DAY_HOURS + 1) * DAY_HOURS) {
    err = sm_fresh_next_hour(store, store->db, series->no, from, (max + 1) * DAY_HOURS, &hour);
    if (err != SM_OK || hour < 0) break;
    err = day_bounds(store, series, hour / DAY_HOURS);
  }
  return err;
}

/* The first and the last day of the blocks are enough. */
static sm_err block_bounds(sm_readings *store, sm_series *series) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT min(block_key), max(block_key) FROM block"
                                        " WHERE block_key BETWEEN ?1 AND ?2");
  int64_t from = sm_day_key(series->no, 0);
  sm_sql_bind_i64(&q, 1, from);
  sm_sql_bind_i64(&q, 2, sm_day_key(series->no + (int64_t)1, 0) - 1);
  bool found = sm_sql_row(&q) && !sm_sql_is_null(&q, 0);
  int64_t first = found ? sm_sql_i64(&q, 0) - from : 0;
  int64_t last = found ? sm_sql_i64(&q, 1) - from : 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK || !found) return err;
  err = day_bounds(store, series, first);
  return err == SM_OK && last != first ? day_bounds(store, series, last) : err;
}

sm_err sm_state_rebuild(sm_readings *store, sm_series *series, int64_t first_hour,
                        int64_t last_hour) {
  series->has_last = false;
  series->state_behind = true;
  sm_err err = block_bounds(store, series);
  if (err == SM_OK && first_hour >= 0) err = day_bounds(store, series, first_hour / DAY_HOURS);
  if (err == SM_OK && last_hour / DAY_HOURS > first_hour / DAY_HOURS)
    err = day_bounds(store, series, last_hour / DAY_HOURS);
  /* Damage at the ends hides them: then all is looked at. */
  if (err == SM_ERR_CORRUPT || (err == SM_OK && series->unsure)) {
    err = all_bounds(store, series);
  }
  return err == SM_OK ? quarter_bounds(store, series) : err;
}
