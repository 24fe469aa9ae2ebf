/* The course of an import: records are judged, gathered into batches, and sent through the port,
 * the next batch being read while the one before is made durable. What a batch brought is counted
 * and told once it is durable, and only then does the place move on from which a broken off import
 * may go on. One thread. */
#ifndef SM_TRANSFER_IMPORTER_H
#define SM_TRANSFER_IMPORTER_H

#include "base/buf.h"
#include "base/err.h"
#include "store/ledger.h"
#include "transfer/import_file.h"
#include "transfer/import_port.h"
#include "transfer/import_rows.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sm_import_counts {
  uint64_t rows; /* of the file, an element of an array being one */
  uint64_t stored;
  uint64_t duplicates;
  uint64_t refused;
  uint64_t by_reason[SM_REFUSAL_COUNT_];
  uint64_t devices_added;
} sm_import_counts;

/* A row that was refused; borrowed for the call. */
typedef struct sm_import_told {
  uint64_t line;
  const char *device_id; /* "" if it has none */
  const char *reason;
  const char *detail;
  const char *payload;
  size_t payload_len;
} sm_import_told;

typedef struct sm_importer_options {
  sm_import_file *file; /* borrowed, at the record to begin with */
  sm_import_rows *rows; /* borrowed, with its header */
  sm_import_port port;
  sm_ledger *ledger; /* borrowed */
  bool add_devices;  /* unknown devices are added first, in the name of `actor` */
  sm_actor actor;
  const char *name; /* of the file, for what is refused */
  void *context;
  void (*told)(void *context, const sm_import_told *told);
  /* After each batch, with the place from which to go on, and all counts so far. */
  void (*advanced)(void *context, sm_import_place place, const sm_import_counts *counts);
  const volatile sig_atomic_t *stop; /* not 0: end after the batches that are on their way */
} sm_importer_options;

/* Imports to the end of the file; `counts` goes on from what it is. SM_ERR_CLOSED: it was told to
 * stop. On other failures `problem` says what happened; what was counted is durable. */
SM_MUST_CHECK sm_err sm_importer_run(const sm_importer_options *options, sm_import_counts *counts,
                                     sm_buf *problem);

#endif
