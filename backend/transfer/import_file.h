/* The file of an import, record by record: CSV or JSON lines, plain or gzip, or standard input.
 * Memory is bounded: a record longer than SM_IMPORT_RECORD_MAX is told as such and passed over.
 * One thread. */
#ifndef SM_TRANSFER_IMPORT_FILE_H
#define SM_TRANSFER_IMPORT_FILE_H

#include "base/crypto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_IMPORT_RECORD_MAX = 256 * 1024, SM_IMPORT_HEAD_MAX = 64 * 1024 };

typedef enum sm_import_format {
  SM_IMPORT_AUTO, /* by content: a line that begins with { or [ is JSON */
  SM_IMPORT_CSV,
  SM_IMPORT_JSONL
} sm_import_format;

typedef struct sm_import_file sm_import_file;

/* What an error of reading it means, for people; static. */
const char *sm_import_file_problem(sm_err err);

typedef struct sm_import_record {
  char *text;    /* borrowed until the next call, which may change it; without a byte order mark */
  size_t len;    /* its line end included; never 0 */
  uint64_t line; /* of its first byte, from 1 */
  uint64_t last_line;
  bool too_long; /* text is its beginning */
} sm_import_record;

/* Where an import may go on: all records before it have been given. In a compressed file the offset
 * is that of the content. */
typedef struct sm_import_place {
  uint64_t offset;
  uint64_t line;
  uint32_t crc; /* CRC-32 of all before it */
} sm_import_place;

/* path "-" is standard input. SM_ERR_NOT_FOUND, SM_ERR_DENIED, SM_ERR_INVALID (a folder),
 * SM_ERR_IO, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_import_file_open(const char *path, sm_import_format format,
                                         sm_import_file **file);
void sm_import_file_close(sm_import_file *file); /* NULL is fine */

/* What the file is (never AUTO); reads its beginning if need be. An empty file is CSV. */
SM_MUST_CHECK sm_err sm_import_file_format(sm_import_file *file, sm_import_format *format);
/* SHA-256 of the content's first *len bytes: at most SM_IMPORT_HEAD_MAX, fewer if it is shorter.
 * Before the first record only. */
SM_MUST_CHECK sm_err sm_import_file_head(sm_import_file *file, size_t *len,
                                         uint8_t digest[SM_SHA256_BYTES]);
/* The next record; blank lines are passed over. SM_ERR_NOT_FOUND at the end, SM_ERR_SYNTAX where
 * compressed data are cut off (what was begun there is not given), SM_ERR_CORRUPT for damaged
 * compression, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_import_file_next(sm_import_file *file, sm_import_record *record);
sm_import_place sm_import_file_place(const sm_import_file *file);
/* Goes on at a place that was given before, behind where the file is now: reads up to there.
 * SM_ERR_CONFLICT: what stands before it is not what stood there. SM_ERR_IO, SM_ERR_SYNTAX,
 * SM_ERR_CORRUPT. */
SM_MUST_CHECK sm_err sm_import_file_seek(sm_import_file *file, sm_import_place place);
/* Bytes read of the file itself and its size; size 0: unknown. */
void sm_import_file_progress(sm_import_file *file, uint64_t *done, uint64_t *total);

#endif
