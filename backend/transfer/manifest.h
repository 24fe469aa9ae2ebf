/* What makes a folder a backup: manifest.json, written last, which names every file with its size
 * and SHA-256, and what the stores in them hold. */
#ifndef SM_TRANSFER_MANIFEST_H
#define SM_TRANSFER_MANIFEST_H

#include "base/err.h"
#include "transfer/exporter.h"
#include "transfer/filecopy.h"

#include <stdint.h>

enum { SM_MANIFEST_FORMAT = 1, SM_MANIFEST_PATH_MAX = 160, SM_MANIFEST_FILES_MAX = 4096 };

typedef struct sm_manifest_file {
  char path[SM_MANIFEST_PATH_MAX]; /* in the backup and in the data folder: "broker/ca.crt" */
  sm_file_print print;
} sm_manifest_file;

/* What was read from the copy when it was made. */
typedef struct sm_manifest_content {
  sm_export_content readings;
  uint64_t users;
  uint64_t devices;
  uint64_t accounts;
  uint64_t invoices;
  uint64_t entries;
  int64_t audit_count;
  uint8_t audit_head[SM_SHA256_BYTES];
  uint64_t findings; /* of the doctor */
} sm_manifest_content;

typedef struct sm_manifest {
  int64_t created_ms;
  sm_manifest_file *file; /* heap */
  size_t file_count;
  char (*secret)[SM_MANIFEST_PATH_MAX]; /* heap; what was left out, since keys are kept apart */
  size_t secret_count;
  sm_manifest_content content;
} sm_manifest;

void sm_manifest_fini(sm_manifest *manifest); /* safe on a zeroed one */
/* Adds a file. SM_ERR_RANGE: its path is too long, or there are too many; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_manifest_add(sm_manifest *manifest, const char *path,
                                     const sm_file_print *print);
/* Names a secret that was left out. The same errors. */
SM_MUST_CHECK sm_err sm_manifest_add_secret(sm_manifest *manifest, const char *path);
/* Whether two contents are the same, the doctor's findings left aside. */
bool sm_manifest_content_equal(const sm_manifest_content *a, const sm_manifest_content *b);

/* Writes `dir`/manifest.json, synced. */
SM_MUST_CHECK sm_err sm_manifest_write(const sm_manifest *manifest, const char *dir);
/* SM_ERR_NOT_FOUND: there is none, so `dir` is no backup. SM_ERR_CORRUPT: not what this program
 * writes, which a path that leads out of the folder is too. SM_ERR_UNSUPPORTED: of a newer format.
 */
SM_MUST_CHECK sm_err sm_manifest_read(const char *dir, sm_manifest *manifest);

#endif
