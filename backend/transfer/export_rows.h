/* Readings as rows of CSV or lines of JSON, the way `import` takes them: from what is written the
 * same readings come back. Numbers are written from integers. Made for millions of rows: no memory
 * is allocated. One thread. */
#ifndef SM_TRANSFER_EXPORT_ROWS_H
#define SM_TRANSFER_EXPORT_ROWS_H

#include "model/reading.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_EXPORT_ROW_MAX = 512 }; /* bytes of a row with its line feed */

typedef enum sm_export_format { SM_EXPORT_CSV, SM_EXPORT_JSONL } sm_export_format;

/* Remembers the text of the minute before, since most rows share it. All zero to begin with. */
typedef struct sm_export_clock {
  int64_t minute; /* since 1970 */
  size_t len;     /* of text; 0: none yet */
  char text[32];  /* "2026-01-29T09:45:" */
} sm_export_clock;

/* The first line of CSV, line feed included. */
const char *sm_export_header(void);
/* Writes one row, line feed included, not terminated; its length. JSON is to the byte what
 * sm_reading_write_json writes. */
size_t sm_export_row(sm_export_format format, sm_export_clock *clock, const char *device_id,
                     const sm_reading *reading, char out[SM_EXPORT_ROW_MAX]);

#endif
