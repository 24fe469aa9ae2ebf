/* The members of a reading beside its instant and `has`, one by one, as 64-bit numbers: what the
 * byte formats of readings (journal rows, blocks) have in common. The order is that of the files:
 * append only. */
#ifndef SM_STORE_SERIES_READING_COLUMN_H
#define SM_STORE_SERIES_READING_COLUMN_H

#include "base/buf.h"
#include "model/reading.h"
#include "store/series/varint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_READING_COLUMNS = 9 };

typedef struct sm_reading_column {
  uint8_t flag; /* the SM_READING_… that says whether a reading has it; 0: every one */
  int64_t (*get)(const sm_reading *r);
  bool (*set)(sm_reading *r, int64_t value); /* false: not a value of this column */
} sm_reading_column;

/* energy_wh, voltage_mv, current_ma, power_mw, frequency_mhz, power_factor_milli, rssi_dbm, seq,
 * epoch */
extern const sm_reading_column sm_reading_columns[SM_READING_COLUMNS];

static inline bool sm_reading_has(const sm_reading *r, const sm_reading_column *column) {
  return column->flag == 0 || (r->has & column->flag) != 0;
}

/* One reading whole: `has`, then each member that it has, signed varints. The instant is the
 * caller's. Reading what is no value makes the cursor bad. */
void sm_reading_put(sm_buf *out, const sm_reading *r);
void sm_reading_get(sm_cursor *in, sm_reading *r);

/* What ends every stored run of bytes: the CRC-32 of data[from..], little-endian. */
enum { SM_CRC_BYTES = 4 };
void sm_crc_put(sm_buf *out, size_t from);
/* Whether the last SM_CRC_BYTES of the `len` are the CRC of what is before. */
bool sm_crc_good(const uint8_t *data, size_t len);

#endif
