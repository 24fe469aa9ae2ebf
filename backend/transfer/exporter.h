/* The course of an export: all readings, device by device in the order in which they first came,
 * times ascending, in bounded memory. What it writes is the content of a store: the same readings
 * give the same bytes, so their hash says whether two stores hold the same. One thread. */
#ifndef SM_TRANSFER_EXPORTER_H
#define SM_TRANSFER_EXPORTER_H

#include "base/crypto.h"
#include "base/err.h"
#include "model/reading.h"
#include "store/readings.h"
#include "transfer/export_rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_export_counts {
  uint64_t rows;
  uint64_t devices; /* that are exported in all */
  uint64_t devices_done;
} sm_export_counts;

typedef struct sm_export_options {
  sm_readings *readings; /* borrowed */
  const char *device_id; /* NULL: all */
  int64_t from_ms;
  int64_t to_ms;
  sm_export_format format;
  bool header; /* CSV's first line */
  /* A broken off export goes on behind this reading; NULL: from the beginning. */
  const char *after_id;
  int64_t after_ms;
  void *context;
  sm_err (*write)(void *context, const char *bytes, size_t len);
  void (*advanced)(void *context, const sm_export_counts *counts); /* NULL: nobody asks */
} sm_export_options;

/* *counts is set in any case. SM_ERR_NOT_FOUND: the store does not have the device `after_id`, and
 * nothing was written; else what the store or `write` gave. */
SM_MUST_CHECK sm_err sm_export_run(const sm_export_options *options, sm_export_counts *counts);

/* The content of a store: how many readings, and the SHA-256 of their export as CSV, header
 * included: what `smartmeter export | sha256sum` prints. */
typedef struct sm_export_content {
  uint64_t series;
  uint64_t readings;
  uint8_t digest[SM_SHA256_BYTES];
} sm_export_content;
SM_MUST_CHECK sm_err sm_export_content_of(sm_readings *readings, void *context,
                                          void (*advanced)(void *context,
                                                           const sm_export_counts *counts),
                                          sm_export_content *content);

#endif
