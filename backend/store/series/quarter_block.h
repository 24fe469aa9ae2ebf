/* The bytes of the quarters of one series and one day at rest. Self-contained, every number kept
 * exactly. Pure.
 *
 * Version 2: 2, the bytes of the course (2, little-endian); the course: count (varint), the number
 * of the first quarter (start_ms / SM_QUARTER_MS, signed varint), of the day as a whole the highest
 * step (varint) and whether the register fell (0 or 1; sm_quarter_day), the first Wh of the first
 * quarter (signed varint), then columns (column.h): number less the first, count, first ts less
 * start, last ts less first ts, last Wh less first Wh, first Wh (the number before it: that above),
 * longest gap, highest step, fell; CRC-32 of all before it; columns of what only shows:
 * sum and highest of power, sum, lowest and highest of voltage; CRC-32 of all before it. Checksums
 * are little-endian.
 *
 * Version 1, which is still read: 1, count and first number as above, all columns, those that only
 * show before the longest gap; CRC-32 of all before it. */
#ifndef SM_STORE_SERIES_QUARTER_BLOCK_H
#define SM_STORE_SERIES_QUARTER_BLOCK_H

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
 * power and voltage, is not looked at and is 0; the register's course needs none of it. */
SM_MUST_CHECK sm_err sm_quarter_block_read(const uint8_t *data, size_t len, bool brief,
                                           sm_quarter quarters[SM_QUARTERS_A_DAY], size_t *count);

/* The register's course through the quarters of a day, the steps from one quarter to the next among
 * them. */
typedef struct sm_quarter_day {
  int64_t step_max_w; /* of all steps inside quarters, from end to end of one, and between two */
  bool fell;
} sm_quarter_day;
sm_quarter_day sm_quarter_day_of(const sm_quarter *quarters, size_t count);

/* Who asks for the register at some instants only. */
typedef struct sm_outline_ask {
  int64_t step_limit_w;
  const int64_t *instant_ms; /* ascending */
  size_t instant_count;
} sm_outline_ask;

/* The outline of a day: brief, and only the first quarter, the last, and those with the last point
 * (first or last reading of a quarter) at or before each instant and with the first one behind it.
 * Only where nothing in the day is in doubt, as what is left out cannot be judged: else *plain is
 * false, and nothing is given. */
SM_MUST_CHECK sm_err sm_quarter_block_outline(const uint8_t *data, size_t len,
                                              const sm_outline_ask *ask,
                                              sm_quarter quarters[SM_QUARTERS_A_DAY], size_t *count,
                                              bool *plain);

#endif
