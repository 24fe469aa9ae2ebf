/* A fresh row: the readings of one series and hour until their day is merged. It is written at
 * every seal of that hour, so what is there already must not be decoded and encoded again: a row is
 * parts, one a seal, put one behind the other. Pure.
 *
 * Version 3: 3, then for each part its length (4 bytes, little-endian) and a journal row
 * (journal_row.h) whose series_no is 1 throughout. Rows of versions 1 and 2 are blocks (block.h):
 * a file of before held its hours as these. */
#ifndef SM_STORE_EMBEDDED_FRESH_ROW_H
#define SM_STORE_EMBEDDED_FRESH_ROW_H

#include "base/buf.h"
#include "store/series/journal_row.h"
#include "store/series/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether bytes are a row of version 3 of which nothing is damaged, so that parts can follow. */
bool sm_fresh_row_sound(const uint8_t *data, size_t len);
/* Appends a part of readings in order to a row (empty: begins it); `w` is memory to work with. A
 * failure sticks in `row`. */
void sm_fresh_row_add(sm_buf *row, const sm_reading *readings, size_t count, sm_journal_writer *w);
/* Reads all parts, in the order of their instants. SM_ERR_CORRUPT, SM_ERR_UNSUPPORTED: a part
 * cannot be read; `run` has the others. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_fresh_row_read(const uint8_t *data, size_t len, sm_run *run);

#endif
