/* The bytes of readings at rest: a block (the readings of one series and one hour, column by
 * column) and a journal row (one committed batch). Both are self-contained and end in a CRC-32.
 * Pure.
 *
 * Block, version 1 (all integers varints, "signed" ones zigzagged, CRC little-endian):
 *   1, count, then a column each: ts_ms (first, then differences of differences), energy_wh (first,
 *   then differences), voltage_mv, current_ma, power_mw (the same), has (1 byte: 1 and one byte if
 * all are equal, else 0 and a byte each), then frequency, power factor, rssi, seq, epoch as
 * differences over the rows that have them; CRC-32 of all before it. Journal row, version 1: 1,
 * count, then for each reading: series_no, ts_ms (difference to the one before), has, and the
 *   values; CRC-32 of all before it. */
#ifndef SM_STORE_EMBEDDED_BLOCK_H
#define SM_STORE_EMBEDDED_BLOCK_H

#include "base/buf.h"
#include "base/err.h"
#include "model/reading.h"

#include <stddef.h>
#include <stdint.h>

enum {
  SM_BLOCK_READINGS_MAX = 3600000,  /* an hour holds no more instants of 1 ms */
  SM_JOURNAL_READINGS_MAX = 4000000 /* more than any batch */
};

/* Appends a block of `count` readings (1 or more, ascending by ts_ms). Failure sticks in `out`. */
void sm_block_encode(const sm_reading *readings, size_t count, sm_buf *out);
/* Reads a block; *readings is heap memory of the caller. SM_ERR_CORRUPT: not what was written;
 * SM_ERR_UNSUPPORTED: of a newer version; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_block_decode(const uint8_t *data, size_t len, sm_reading **readings,
                                     size_t *count);

/* What a block's first bytes say. */
typedef struct sm_block_info {
  size_t count;
  int64_t first_ms;
  sm_reading last;
} sm_block_info;
/* Reads the small header alone, which has a checksum of its own. SM_ERR_CORRUPT,
 * SM_ERR_UNSUPPORTED, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_block_peek(const uint8_t *data, size_t len, sm_block_info *info);

typedef struct sm_journal_item {
  int64_t series_no;
  sm_reading reading;
} sm_journal_item;

void sm_journal_encode(const sm_journal_item *items, size_t count, sm_buf *out);
SM_MUST_CHECK sm_err sm_journal_decode(const uint8_t *data, size_t len, sm_journal_item **items,
                                       size_t *count);

#endif
