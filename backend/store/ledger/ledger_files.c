/* Logos and images of firmware, by their hashes. */
#include "store/ledger/ledger_files.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

const char *sm_file_kind_name(sm_file_kind kind) {
  return kind == SM_FILE_LOGO ? "logo" : "firmware";
}

bool sm_file_name_valid(const char *name) {
  return strlen(name) == SM_FILE_NAME_MAX - 1 &&
         strspn(name, "0123456789abcdef") == SM_FILE_NAME_MAX - 1;
}

static void name_of(const void *bytes, size_t len, char name[SM_FILE_NAME_MAX]) {
  uint8_t digest[SM_SHA256_BYTES];
  sm_sha256(bytes, len, digest);
  (void)sm_hex(digest, sizeof digest, name);
}

/* ---- finding ---- */

typedef struct file_row {
  int64_t no; /* 0: there is none */
  int64_t size;
} file_row;

static sm_err find_row(sm_sql *db, sm_file_kind kind, const char *name, file_row *row) {
  *row = (file_row){.no = 0};
  sm_sql_stmt q = sm_sql_use(db, "SELECT file_no, size FROM file WHERE kind = ?1 AND sha256 = ?2");
  sm_sql_bind_text(&q, 1, sm_file_kind_name(kind));
  sm_sql_bind_text(&q, 2, name);
  if (sm_sql_row(&q)) *row = (file_row){.no = sm_sql_i64(&q, 0), .size = sm_sql_i64(&q, 1)};
  return sm_sql_end(&q);
}

sm_err sm_ledger_file_known(sm_ledger *ledger, sm_file_kind kind, const char *name, bool *known) {
  sm_sql *db;
  file_row row;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find_row(db, kind, name, &row);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *known = row.no != 0;
  return err;
}

/* ---- putting in ---- */

static sm_err insert_row(sm_sql *db, sm_file_kind kind, const char *name, size_t size,
                         int64_t now_ms, int64_t *file_no) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO file (site_no, kind, sha256, size, created_ms) "
                                 "VALUES (1, ?1, ?2, ?3, ?4)");
  sm_sql_bind_text(&q, 1, sm_file_kind_name(kind));
  sm_sql_bind_text(&q, 2, name);
  sm_sql_bind_i64(&q, 3, (int64_t)size);
  sm_sql_bind_i64(&q, 4, now_ms);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) *file_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err insert_parts(sm_sql *db, int64_t file_no, const uint8_t *bytes, size_t len) {
  int64_t part_no = 0;
  sm_err err = SM_OK;
  for (size_t at = 0; err == SM_OK && at < len; at += SM_FILE_PART_BYTES) {
    size_t size = len - at < SM_FILE_PART_BYTES ? len - at : SM_FILE_PART_BYTES;
    sm_sql_stmt q =
        sm_sql_use(db, "INSERT INTO file_part (file_no, part_no, bytes) VALUES (?1, ?2, ?3)");
    sm_sql_bind_i64(&q, 1, file_no);
    sm_sql_bind_i64(&q, 2, part_no++);
    sm_sql_bind_blob(&q, 3, bytes + at, size);
    err = sm_sql_run(&q);
  }
  return err;
}

sm_err sm_ledger_file_insert(sm_sql *db, sm_file_kind kind, const void *bytes, size_t len,
                             int64_t now_ms, const char name[SM_FILE_NAME_MAX], bool *added) {
  file_row row;
  sm_err err = find_row(db, kind, name, &row);
  if (err == SM_OK) *added = row.no == 0;
  if (err != SM_OK || row.no != 0) return err;
  err = insert_row(db, kind, name, len, now_ms, &row.no);
  return err == SM_OK ? insert_parts(db, row.no, bytes, len) : err;
}

sm_err sm_ledger_file_put(sm_ledger *ledger, sm_file_kind kind, const void *bytes, size_t len,
                          int64_t now_ms, char name[SM_FILE_NAME_MAX], bool *added) {
  sm_sql *db;
  char hash[SM_FILE_NAME_MAX];
  bool fresh = false;
  bool known = false;
  if (len == 0) return SM_ERR_INVALID;
  if (len > SM_FILE_BYTES_MAX) return SM_ERR_RANGE;
  name_of(bytes, len, hash);
  /* At each start the same ones are put in: no writer waits for that. */
  sm_err err = sm_ledger_file_known(ledger, kind, hash, &known);
  if (err == SM_OK && !known) {
    err = sm_ledger_write_begin(ledger, &db);
    if (err != SM_OK) return err;
    err = sm_ledger_write_end(ledger,
                              sm_ledger_file_insert(db, kind, bytes, len, now_ms, hash, &fresh));
  }
  if (err != SM_OK) return err;
  memcpy(name, hash, sizeof hash);
  if (added != NULL) *added = fresh;
  return SM_OK;
}

/* ---- reading ---- */

/* SM_ERR_CORRUPT: there are not the parts of that size. */
static sm_err read_parts(sm_sql *db, const file_row *row, uint8_t *bytes) {
  size_t at = 0;
  size_t size = (size_t)row->size;
  int64_t part_no = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT part_no, bytes FROM file_part WHERE file_no = ?1 ORDER BY part_no");
  sm_sql_bind_i64(&q, 1, row->no);
  while (sm_sql_row(&q)) {
    size_t len = 0;
    const void *part = sm_sql_blob(&q, 1, &len);
    if (part == NULL || sm_sql_i64(&q, 0) != part_no++ || len > size - at) {
      q.err = SM_ERR_CORRUPT;
    } else {
      memcpy(bytes + at, part, len);
      at += len;
    }
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && at != size ? SM_ERR_CORRUPT : err;
}

static sm_err read_file(sm_sql *db, const file_row *row, const char *name, uint8_t **out) {
  char hash[SM_FILE_NAME_MAX];
  if (row->size < 1 || row->size > SM_FILE_BYTES_MAX) return SM_ERR_CORRUPT;
  uint8_t *bytes = malloc((size_t)row->size);
  if (bytes == NULL) return SM_ERR_NOMEM;
  sm_err err = read_parts(db, row, bytes);
  if (err == SM_OK) name_of(bytes, (size_t)row->size, hash);
  if (err == SM_OK && strcmp(hash, name) != 0) err = SM_ERR_CORRUPT;
  if (err == SM_OK)
    *out = bytes;
  else
    free(bytes);
  return err;
}

sm_err sm_ledger_file_get(sm_ledger *ledger, sm_file_kind kind, const char *name, uint8_t **bytes,
                          size_t *len) {
  sm_sql *db;
  file_row row;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find_row(db, kind, name, &row);
  if (err == SM_OK && row.no == 0) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) err = read_file(db, &row, name, bytes);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *len = (size_t)row.size;
  if (err == SM_ERR_CORRUPT)
    sm_log(SM_LOG_ERROR, "ledger.file_damaged", SM_LOG_TEXT("kind", sm_file_kind_name(kind)),
           SM_LOG_TEXT("sha256", name));
  return err;
}

/* ---- the doctor ---- */

sm_err sm_ledger_files_check(sm_sql *db, sm_ledger_file_bad_fn bad, void *context) {
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(db, "SELECT file_no, size, kind, sha256 FROM file ORDER BY file_no");
  while (err == SM_OK && sm_sql_row(&q)) {
    const file_row row = {.no = sm_sql_i64(&q, 0), .size = sm_sql_i64(&q, 1)};
    const char *kind = sm_sql_text(&q, 2);
    const char *name = sm_sql_text(&q, 3);
    uint8_t *bytes = NULL;
    if (kind == NULL || name == NULL) {
      q.err = SM_ERR_CORRUPT;
      break;
    }
    err = read_file(db, &row, name, &bytes);
    free(bytes);
    if (err != SM_ERR_CORRUPT) continue;
    bad(context, kind, name, "its stored bytes are not those of its name");
    err = SM_OK;
  }
  sm_err ended = sm_sql_end(&q);
  return err != SM_OK ? err : ended;
}
