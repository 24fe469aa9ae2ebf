/* A journal row: one committed batch, self-contained. Pure.
 *
 * Version 1: 1, count, then for each reading: series_no (varint), ts_ms (signed, the difference to
 * the one before), and the reading (reading_column.h); CRC-32 of all before it. */
#ifndef SM_STORE_EMBEDDED_JOURNAL_H
#define SM_STORE_EMBEDDED_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "model/reading.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_JOURNAL_READINGS_MAX = 4000000 }; /* more than any batch */

typedef struct sm_journal_item {
  int64_t series_no;
  sm_reading reading;
} sm_journal_item;

void sm_journal_encode(const sm_journal_item *items, size_t count, sm_buf *out);
/* *items is heap memory of the caller. SM_ERR_CORRUPT, SM_ERR_UNSUPPORTED, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_journal_decode(const uint8_t *data, size_t len, sm_journal_item **items,
                                       size_t *count);

#endif
