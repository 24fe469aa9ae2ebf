/* A journal row: the bytes of one committed batch, written and read piece by piece. Pure.
 *
 * Version 2 (integers are varints, "signed" ones zigzagged):
 *   2, count of readings, count of marks, then for each reading:
 *     series_no (signed difference to the one before), ts_ms (the same), flags (SM_READING_… bits,
 *     and 32: its place in the meter's sequence counts, 64: `seq_first` was given too), energy_wh,
 *     voltage_mv, current_ma, power_mw, then what flags name of frequency, power factor, rssi, seq,
 *     epoch, all signed and, behind a reading of the same series, differences to that one;
 *     seq - seq_first if flags say so;
 *   for each mark (one that no reading of the row implies: a reject's, a duplicate's):
 *     series_no, epoch, seq, 1 + seq - seq_first or 0;
 *   CRC-32 of all before it, little-endian.
 * Version 1 (no marks, no differences but of ts_ms) is read too. */
#ifndef SM_STORE_SERIES_JOURNAL_ROW_H
#define SM_STORE_SERIES_JOURNAL_ROW_H

#include "base/err.h"
#include "model/reading.h"
#include "model/sequence.h"
#include "store/series/varint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_journal_writer {
  uint8_t *data;
  size_t len;
  size_t cap;
  sm_err err; /* the first failure */
  int64_t last_no;
  sm_reading last;
} sm_journal_writer;

void sm_journal_writer_fini(sm_journal_writer *w);
/* Starts a row anew (the memory is kept), then exactly so many readings, then marks, then end. */
void sm_journal_writer_begin(sm_journal_writer *w, size_t readings, size_t marks);
void sm_journal_writer_reading(sm_journal_writer *w, int64_t series_no, const sm_reading *reading,
                               const sm_seq_mark *mark);
void sm_journal_writer_mark(sm_journal_writer *w, int64_t series_no, const sm_seq_mark *mark);
SM_MUST_CHECK sm_err sm_journal_writer_end(sm_journal_writer *w);

/* Whether a mark is what its reading says by itself, so that it goes with it. */
bool sm_journal_implies(const sm_reading *reading, const sm_seq_mark *mark);

typedef struct sm_journal_entry {
  int64_t series_no;
  bool has_reading; /* else a mark alone */
  sm_reading reading;
  sm_seq_mark mark; /* may be not present */
} sm_journal_entry;

typedef struct sm_journal_reader {
  sm_cursor in;
  uint64_t readings_left;
  uint64_t marks_left;
  uint8_t version;
  sm_journal_entry last;
} sm_journal_reader;

/* Checks the whole row's checksum. SM_ERR_CORRUPT, SM_ERR_UNSUPPORTED. */
SM_MUST_CHECK sm_err sm_journal_reader_open(sm_journal_reader *r, const uint8_t *data, size_t len);
/* The next entry; NULL at the end, which is bad unless sm_journal_reader_done. */
const sm_journal_entry *sm_journal_reader_next(sm_journal_reader *r);
bool sm_journal_reader_done(const sm_journal_reader *r);

#endif
