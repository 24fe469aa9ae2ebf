/* What the records of an import say: each is judged exactly like telemetry over MQTT, by
 * sm_telemetry_parse. A row of CSV is put into the words of JSON first, so that there is one set of
 * limits and reasons; a line of JSON may be an object or an array of them. One thread. */
#ifndef SM_TRANSFER_IMPORT_ROWS_H
#define SM_TRANSFER_IMPORT_ROWS_H

#include "base/buf.h"
#include "base/err.h"
#include "ingest/telemetry.h"
#include "transfer/import_file.h"

#include <stdint.h>

typedef struct sm_import_rows sm_import_rows;

SM_MUST_CHECK sm_err sm_import_rows_new(sm_import_format format, sm_import_rows **rows);
void sm_import_rows_free(sm_import_rows *rows); /* NULL is fine */

/* CSV's first record: names of columns, in any order; unknown ones are left out. SM_ERR_INVALID:
 * `problem` says what is wrong with it. */
SM_MUST_CHECK sm_err sm_import_rows_header(sm_import_rows *rows, const sm_import_record *record,
                                           sm_buf *problem);
/* The columns that are left out, parted by commas; "" if there are none. Borrowed. */
const char *sm_import_rows_unknown(sm_import_rows *rows);
/* Where the readings of a record go, and what of it is refused. All is borrowed for the call. */
typedef struct sm_import_sink {
  void *context;
  void (*reading)(void *context, const char *device_id, const sm_reading *reading);
  /* device_id is "" if there is none; `text` is the reading's JSON, or the record if it has none.
   */
  void (*refused)(void *context, const char *device_id, sm_refusal refusal, const char *detail,
                  const char *text, size_t len);
} sm_import_sink;

/* Judges a record. A reading's place in its meter's sequence is not passed on: that this reading is
 * stored says nothing of those that the meter still holds. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_import_rows_judge(sm_import_rows *rows, const sm_import_record *record,
                                          int64_t now_ms, const sm_import_sink *sink);

#endif
