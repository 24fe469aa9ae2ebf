/* Stored blocks, journal rows and quarters with any damage, the checksums mended so that the
 * decoders themselves are reached. What decodes must encode to what decodes to the same.
 *
 * An input that begins with a 2 is a block of version 2 without its two checksums, and its second
 * byte says how many bytes the head has behind the version; one that begins with a 5 is the same
 * for a day's quarters of version 2, of which the second byte says how many bytes the course has;
 * any other is taken as it is. */
#include "base/crc32.h"
#include "store/embedded/block.h"
#include "store/embedded/fresh_row.h"
#include "store/series/journal_row.h"
#include "store/series/quarter_block.h"
#include "store/series/reading_column.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_block_again(const sm_reading *readings, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_block_encode(readings, count, &buf);
  sm_reading *again = NULL;
  size_t n = 0;
  if (buf.err != SM_OK ||
      sm_block_decode((const uint8_t *)buf.data, buf.len, &again, &n) != SM_OK || n != count)
    abort();
  for (size_t i = 0; i < n; i++)
    if (readings[i].ts_ms != again[i].ts_ms || !sm_reading_equal(&readings[i], &again[i])) abort();
  free(again);
  sm_buf_fini(&buf);
}

static void check_quarters_again(const sm_quarter *quarters, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_quarter_block_encode(quarters, count, &buf);
  sm_quarter *again = NULL;
  size_t n = 0;
  if (buf.err != SM_OK ||
      sm_quarter_block_decode((const uint8_t *)buf.data, buf.len, &again, &n) != SM_OK ||
      n != count)
    abort();
  for (size_t i = 0; i < n; i++)
    if (quarters[i].start_ms != again[i].start_ms || quarters[i].last.wh != again[i].last.wh ||
        quarters[i].power_sum_mw != again[i].power_sum_mw || quarters[i].fell != again[i].fell)
      abort();
  free(again);
  sm_buf_fini(&buf);
}

/* An outline is some of the quarters, the first and the last among them. */
static void check_outline(const uint8_t *bytes, size_t len, const sm_quarter *quarters,
                          size_t count) {
  sm_quarter some[SM_QUARTERS_A_DAY];
  size_t n = 0;
  bool plain = false;
  int64_t instant_ms[] = {quarters[0].start_ms + 1, quarters[count / 2].first.ts_ms,
                          quarters[count - 1].start_ms};
  if (instant_ms[1] < instant_ms[0] || instant_ms[2] < instant_ms[1]) return;
  const sm_outline_ask ask = {
      .step_limit_w = 1000000, .instant_ms = instant_ms, .instant_count = 3};
  sm_quarter_day day = sm_quarter_day_of(quarters, count);
  if (sm_quarter_block_outline(bytes, len, &ask, some, &n, &plain) != SM_OK) abort();
  if (plain != (!day.fell && day.step_max_w <= ask.step_limit_w)) abort();
  if (!plain) return;
  if (n == 0 || some[0].start_ms != quarters[0].start_ms ||
      some[n - 1].start_ms != quarters[count - 1].start_ms)
    abort();
  for (size_t i = 0, k = 0; i < n; i++, k++) {
    while (k < count && quarters[k].start_ms != some[i].start_ms) k++;
    if (k == count || some[i].first.wh != quarters[k].first.wh ||
        some[i].last.wh != quarters[k].last.wh || some[i].last.ts_ms != quarters[k].last.ts_ms ||
        some[i].count != quarters[k].count || some[i].gap_max_ms != quarters[k].gap_max_ms)
      abort();
  }
}

/* A fresh row of one part (3), or a journal row with marks (4): what follows is the journal row. */
static void assemble_row(const uint8_t *data, size_t size, sm_buf *out) {
  if (data[0] == 3) {
    size_t len = size - 1 + SM_CRC_BYTES;
    sm_buf_append_char(out, 3);
    for (unsigned i = 0; i < 4; i++) sm_buf_append_char(out, (char)(uint8_t)(len >> (8 * i)));
  }
  size_t from = out->len;
  sm_buf_append(out, data + 1, size - 1);
  sm_crc_put(out, from);
}

static void assemble_quarters(const uint8_t *data, size_t size, sm_buf *out) {
  size_t rest = size - 2;
  size_t course = data[1] < rest ? data[1] : rest;
  sm_buf_append_char(out, 2);
  sm_buf_append_char(out, (char)(uint8_t)course);
  sm_buf_append_char(out, 0);
  sm_buf_append(out, data + 2, course);
  sm_crc_put(out, 0);
  sm_buf_append(out, data + 2 + course, rest - course);
  sm_crc_put(out, 0);
}

/* The input with its checksums. */
static void assemble(const uint8_t *data, size_t size, sm_buf *out) {
  if (size > 1 && data[0] == 5) {
    assemble_quarters(data, size, out);
    return;
  }
  if (size > 1 && (data[0] == 3 || data[0] == 4)) {
    assemble_row(data, size, out);
    return;
  }
  if (size < 2 || data[0] != 2) {
    sm_buf_append(out, data, size);
  } else {
    size_t rest = size - 2;
    size_t head = data[1] < rest ? data[1] : rest;
    sm_buf_append_char(out, 2);
    sm_buf_append(out, data + 2, head);
    sm_crc_put(out, 0);
    sm_buf_append(out, data + 2 + head, rest - head);
  }
  sm_crc_put(out, 0);
}

static bool same_entry(const sm_journal_entry *a, const sm_journal_entry *b) {
  return a->series_no == b->series_no && a->has_reading == b->has_reading &&
         a->mark.present == b->mark.present && a->mark.has_first == b->mark.has_first &&
         a->mark.seq == b->mark.seq && a->mark.epoch == b->mark.epoch &&
         a->mark.first == b->mark.first && a->reading.ts_ms == b->reading.ts_ms &&
         sm_reading_equal(&a->reading, &b->reading);
}

/* Writes what was read until the first mark that stands alone, and reads that again. */
static void check_row_again(sm_journal_reader *row) {
  enum { KEPT = 64 };
  sm_journal_entry kept[KEPT];
  size_t count = 0;
  const sm_journal_entry *entry;
  while ((entry = sm_journal_reader_next(row)) != NULL)
    if (count < KEPT && entry->has_reading) kept[count++] = *entry;
  if (!sm_journal_reader_done(row)) return;
  sm_journal_writer w = {0};
  sm_journal_writer_begin(&w, count, 0);
  for (size_t i = 0; i < count; i++)
    sm_journal_writer_reading(&w, kept[i].series_no, &kept[i].reading, &kept[i].mark);
  sm_journal_reader again;
  if (sm_journal_writer_end(&w) != SM_OK || sm_journal_reader_open(&again, w.data, w.len) != SM_OK)
    abort();
  for (size_t i = 0; i < count; i++) {
    entry = sm_journal_reader_next(&again);
    if (entry == NULL || !same_entry(entry, &kept[i])) abort();
  }
  if (!sm_journal_reader_done(&again)) abort();
  sm_journal_writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  sm_buf buf;
  sm_buf_init(&buf, 0);
  assemble(data, size, &buf);
  const uint8_t *bytes = (const uint8_t *)buf.data;
  size_t count = 0;
  sm_reading *readings = NULL;
  if (sm_block_decode(bytes, buf.len, &readings, &count) == SM_OK)
    check_block_again(readings, count);
  free(readings);
  sm_block_info info;
  if (sm_block_peek(bytes, buf.len, &info) == SM_OK && info.count == 0) abort();
  sm_journal_reader row;
  if (sm_journal_reader_open(&row, bytes, buf.len) == SM_OK) check_row_again(&row);
  sm_run run = {0};
  sm_err read = sm_fresh_row_read(bytes, buf.len, &run);
  (void)read; /* what could be read of a damaged one is in order too */
  (void)sm_fresh_row_sound(bytes, buf.len);
  for (size_t i = 1; i < run.count; i++)
    if (run.item[i - 1].ts_ms >= run.item[i].ts_ms) abort();
  sm_run_fini(&run);
  sm_quarter *quarters = NULL;
  if (sm_quarter_block_decode(bytes, buf.len, &quarters, &count) == SM_OK) {
    check_quarters_again(quarters, count);
    check_outline(bytes, buf.len, quarters, count);
  }
  bool plain = false;
  sm_quarter some[SM_QUARTERS_A_DAY];
  const sm_outline_ask ask = {.step_limit_w = 1};
  sm_err outlined = sm_quarter_block_outline(bytes, buf.len, &ask, some, &count, &plain);
  if (outlined == SM_OK && count > SM_QUARTERS_A_DAY) abort();
  free(quarters);
  sm_buf_fini(&buf);
  return 0;
}
