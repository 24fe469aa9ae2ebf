/* A batch of an import as it is filled: readings and refusals, each with its line in the file. It
 * is small enough that live readings never wait long behind it, and that its frame fits. */
#ifndef SM_TRANSFER_IMPORT_BATCH_H
#define SM_TRANSFER_IMPORT_BATCH_H

#include "base/err.h"
#include "ingest/telemetry.h"
#include "store/readings.h"
#include "transfer/import_file.h"

#include <stdbool.h>
#include <stdint.h>

enum { SM_IMPORT_BATCH_READINGS = 4000, SM_IMPORT_BATCH_REJECT_BYTES = 256 * 1024 };

typedef struct sm_import_batch sm_import_batch;

SM_MUST_CHECK sm_err sm_import_batch_new(sm_import_batch **batch);
void sm_import_batch_free(sm_import_batch *batch); /* NULL is fine */
void sm_import_batch_clear(sm_import_batch *batch);

/* Whether a record may not have room any more. */
bool sm_import_batch_full(const sm_import_batch *batch);
bool sm_import_batch_empty(const sm_import_batch *batch);

/* SM_ERR_NOMEM. Texts are copied. */
SM_MUST_CHECK sm_err sm_import_batch_add(sm_import_batch *batch, const char *device_id,
                                         const sm_reading *reading, uint64_t line);
typedef struct sm_import_refusal {
  const char *device_id; /* "" if it has none */
  sm_refusal reason;
  const char *detail;
  const char *payload;
  size_t payload_len;
  const char *topic; /* what stands in its place: the file and the line */
  uint64_t line;
} sm_import_refusal;
SM_MUST_CHECK sm_err sm_import_batch_refuse(sm_import_batch *batch,
                                            const sm_import_refusal *refusal);

/* What is committed; borrowed, valid until the batch changes. */
sm_readings_batch *sm_import_batch_get(sm_import_batch *batch);
uint64_t sm_import_batch_line(const sm_import_batch *batch, size_t reading);
uint64_t sm_import_batch_reject_line(const sm_import_batch *batch, size_t reject);
/* Where an import may go on once the batch is durable; the caller's. */
void sm_import_batch_set_place(sm_import_batch *batch, sm_import_place place);
sm_import_place sm_import_batch_place(const sm_import_batch *batch);

#endif
