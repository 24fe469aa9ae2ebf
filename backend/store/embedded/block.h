/* The bytes of a run of readings of one series at rest: column by column, each foretold from what
 * is known and only the error kept (column.h, physics.h). Self-contained; every number is kept
 * exactly. Pure.
 *
 * Version 2 (varints; CRCs are CRC-32, little-endian):
 *   2, count, the first ts_ms (signed), ts_ms of the last less that of the first, the last reading
 *   (reading_column.h), CRC of all this: the head, which a start reads without the rest;
 *   then `has`: 1 and one byte if all are equal, else 0 and a byte each; then columns (column.h):
 *   ts_ms less the first, voltage, current, power, energy, and, of the rows that have them and only
 *   if one has, frequency, power factor, rssi, seq, epoch; CRC of all before it.
 * Version 1 (block_v1.c) is read as well. */
#ifndef SM_STORE_EMBEDDED_BLOCK_H
#define SM_STORE_EMBEDDED_BLOCK_H

#include "base/buf.h"
#include "base/err.h"
#include "model/reading.h"
#include "store/series/varint.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_BLOCK_READINGS_MAX = 3600000 }; /* an hour holds no more instants of 1 ms */

/* Appends a block of `count` readings (1 to SM_BLOCK_READINGS_MAX, ascending by ts_ms). Failure
 * sticks in `out`: SM_ERR_RANGE (too many), SM_ERR_NOMEM. */
void sm_block_encode(const sm_reading *readings, size_t count, sm_buf *out);
/* Reads a block; *readings is heap memory of the caller. SM_ERR_CORRUPT: not what was written;
 * SM_ERR_UNSUPPORTED: of a newer version; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_block_decode(const uint8_t *data, size_t len, sm_reading **readings,
                                     size_t *count);

/* The same without what a bill or a bucket never asks for, which is a third of the work: instant,
 * register, voltage, current and power; `has` is 0. A version 1 block is given whole. */
SM_MUST_CHECK sm_err sm_block_decode_brief(const uint8_t *data, size_t len, sm_reading **readings,
                                           size_t *count);

typedef struct sm_block_info {
  size_t count;
  int64_t first_ms;
  sm_reading last;
} sm_block_info;

/* What its head says, which has a CRC of its own; the rest may be damaged. A version 1 block is
 * decoded for it. The same errors. */
SM_MUST_CHECK sm_err sm_block_peek(const uint8_t *data, size_t len, sm_block_info *info);

/* Between block.c and block_v1.c: what stands behind the version byte. */
SM_MUST_CHECK sm_err sm_block_v1_decode(sm_cursor *in, sm_reading **readings, size_t *count);

#endif
