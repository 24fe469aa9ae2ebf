/* The bytes of the quarters of one series and one day at rest. Self-contained, every number kept
 * exactly. Pure.
 *
 * Version 1: 1, count (varint), the number of the first quarter (start_ms / SM_QUARTER_MS, signed
 * varint), then columns (column.h): number less the first, count, first ts less start, last ts less
 * first ts, last Wh less first Wh, first Wh, sum and highest of power, sum, lowest and highest of
 * voltage, longest gap, highest step, fell; CRC-32 of all before it, little-endian. */
#ifndef SM_STORE_EMBEDDED_QUARTER_BLOCK_H
#define SM_STORE_EMBEDDED_QUARTER_BLOCK_H

#include "base/buf.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_QUARTERS_A_DAY = 96 };

/* Appends `count` quarters (1 to SM_QUARTERS_A_DAY, ascending by start_ms). A failure sticks in
 * `out`. */
void sm_quarter_block_encode(const sm_quarter *quarters, size_t count, sm_buf *out);
/* *quarters is heap memory of the caller. SM_ERR_CORRUPT, SM_ERR_UNSUPPORTED, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_quarter_block_decode(const uint8_t *data, size_t len, sm_quarter **quarters,
                                             size_t *count);

/* The same into memory of the caller, taking none. brief: what only shows, sums and extremes of
 * power and voltage, is passed over and left 0; the register's course needs none of it. */
SM_MUST_CHECK sm_err sm_quarter_block_read(const uint8_t *data, size_t len, bool brief,
                                           sm_quarter quarters[SM_QUARTERS_A_DAY], size_t *count);

#endif
