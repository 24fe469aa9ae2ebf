/* What a MongoDB server sends, as documents: rows of the ledger and its log, readings, quarters,
 * courses, series, refused messages. The first byte says which. What is taken is the same when it
 * is written and taken again, and a change of the log is applied as a whole or not at all. */
#include "base/crypto.h"
#include "base/log.h"
#include "store/mongo/ledger_mg.h"
#include "store/mongo/readings_mg.h"
#include "store/sqlite/sqlite_util.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DOCUMENT_MAX = 1 << 16 };

/* ---- a small ledger ---- */

static sm_sql *db;
static sm_copy_table *tables;
static size_t table_count;

static const char begin_anew[] =
    "DELETE FROM user; DELETE FROM pair; DELETE FROM copy_state;"
    "INSERT INTO copy_state VALUES ('x', 0);"
    "INSERT INTO user VALUES (1, 'one', x'01', 1), (2, 'two', NULL, 2);"
    "INSERT INTO pair VALUES (1, 'a', 1)";

static void must(sm_err err) {
  if (err != SM_OK) abort();
}

static void end_world(void) {
  sm_copy_tables_free(tables, table_count);
  sm_sql_close(db);
}

/* On a file that is gone as soon as it is open, in memory as far as that can be. */
static void make_world(void) {
  char dir[] = "/tmp/sm-fuzz-XXXXXX";
  char path[64];
  sm_sql *fresh = NULL;
  sm_log_set_level((sm_log_level)(SM_LOG_ERROR + 1));
  must(sm_crypto_init());
  if (mkdtemp(dir) == NULL) abort();
  (void)snprintf(path, sizeof path, "%s/x", dir);
  must(sm_sql_open(&(sm_sql_options){.path = path, .create = true, .trust_schema = true}, &fresh));
  must(sm_sql_exec(fresh, "CREATE TABLE user (user_no INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT "
                          "NOT NULL, sealed BLOB, born_ms INTEGER) STRICT;"
                          "CREATE TABLE pair (a INTEGER, b TEXT, c INTEGER, PRIMARY KEY (a, b)) "
                          "STRICT, WITHOUT ROWID;"
                          "CREATE TABLE copy_state (ledger_id TEXT NOT NULL, number INTEGER NOT "
                          "NULL) STRICT"));
  sm_sql_close(fresh);
  must(sm_copy_open(path, &db));
  must(sm_sql_exec(db, "PRAGMA synchronous = OFF"));
  must(sm_sql_exec(db, begin_anew));
  must(sm_copy_tables(db, &tables, &table_count));
  mg_remove_file(path);
  (void)rmdir(dir);
  (void)atexit(end_world);
}

static int64_t number_of(const char *sql) {
  int64_t value = 0;
  must(sm_sql_query_i64(db, sql, &value));
  return value;
}

/* ---- rows ---- */

static bool cell_same(const sm_cell *a, const sm_cell *b) {
  return a->kind == b->kind && a->i64 == b->i64 && a->len == b->len &&
         (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void take_row(const bson_t *doc) {
  for (size_t i = 0; i < table_count; i++) {
    sm_cell cells[SM_COPY_COLUMNS_MAX];
    sm_cell again[SM_COPY_COLUMNS_MAX];
    if (mg_row_take(doc, &tables[i], cells) != SM_OK) continue;
    bson_t *same = mg_row_doc(&tables[i], cells);
    must(mg_row_take(same, &tables[i], again));
    for (size_t c = 0; c < tables[i].columns; c++)
      if (!cell_same(&cells[c], &again[c])) abort();
    bson_destroy(same);
    must(sm_sql_begin_immediate(db));
    sm_err unused = sm_copy_put(db, &tables[i], cells);
    (void)unused;
    sm_sql_rollback(db);
  }
}

/* ---- the log ---- */

static sm_err look(void *context, const char *name, sm_change_kind kind, const sm_cell *before,
                   const sm_cell *after) {
  (void)context;
  for (size_t i = 0; i < table_count; i++) {
    if (strcmp(tables[i].name, name) != 0) continue;
    bson_destroy(mg_row_id(&tables[i], kind == SM_CHANGE_INSERT ? after : before));
    bson_destroy(kind == SM_CHANGE_UPDATE ? mg_row_set(&tables[i], after)
                                          : mg_row_doc(&tables[i], before));
  }
  return SM_OK;
}

static void take_change(const bson_t *doc) {
  static const char rows_sql[] =
      "SELECT (SELECT count(*) FROM user) * 1000 + (SELECT count(*) FROM pair)";
  size_t len = 0;
  const uint8_t *changes = mg_bytes(doc, "changes", &len);
  if (changes == NULL || mg_i64(doc, "bytes") != (int64_t)len) return; /* parts are asked for */
  sm_err seen = sm_changes_each(changes, len, look, NULL);
  (void)seen;
  int64_t number = mg_i64(doc, "_id");
  int64_t before = number_of("SELECT number FROM copy_state");
  int64_t rows = number_of(rows_sql);
  if (mg_log_apply(NULL, db, doc) == SM_OK) {
    if (number_of("SELECT number FROM copy_state") != number) abort();
    must(sm_sql_exec(db, begin_anew));
  } else if (number_of("SELECT number FROM copy_state") != before || number_of(rows_sql) != rows) {
    abort();
  }
}

/* ---- readings ---- */

static void take_raw(const bson_t *doc) {
  const sm_reading r = mg_take_raw(doc);
  bson_t *same = mg_raw_doc("m", 0, &r);
  const sm_reading again = mg_take_raw(same);
  if (!sm_reading_equal(&r, &again)) abort();
  bson_destroy(same);
}

static void take_quarter(const bson_t *doc) {
  const sm_quarter q = mg_take_quarter(doc);
  bson_t *same = mg_quarter_doc("m", 0, &q);
  const sm_quarter again = mg_take_quarter(same);
  if (!sm_quarter_equal(&q, &again)) abort();
  bson_destroy(same);
}

static void take_course(const bson_t *doc) {
  enum { FROM = 1000, TO = 100000 };
  sm_run run = {0};
  if (mg_take_course(doc, FROM, TO, &run) == SM_OK)
    for (size_t i = 0; i < run.count; i++)
      if (run.item[i].ts_ms < FROM || run.item[i].ts_ms >= TO) abort();
  sm_run_fini(&run);
}

static sm_err count_entry(void *context, int64_t series_no, const sm_reading *reading) {
  size_t *count = context;
  (void)series_no;
  (void)reading;
  ++*count;
  return SM_OK;
}

static void take_journal(const bson_t *doc) {
  size_t count = 0;
  sm_err unused = mg_journal_doc_walk(doc, count_entry, &count);
  (void)unused;
  if (count > DOCUMENT_MAX) abort(); /* an entry takes a byte at least */
}

static void take_series(const bson_t *doc) {
  sm_move_series series = {0};
  sm_buf_init(&series.state, 0);
  if (mg_take_series(doc, &series) == SM_OK && series.state.len == 0) abort();
  sm_move_series_fini(&series);
}

static void take_reject(const bson_t *doc) {
  sm_reject *r = calloc(1, sizeof *r);
  if (r == NULL) abort();
  must(mg_take_reject(doc, r));
  sm_reject_list list = {.item = r, .count = 1};
  sm_reject_list_fini(&list);
}

/* The length and the last byte of a document are put right, so that the rest is looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const takes[])(const bson_t *doc) = {take_row,     take_change, take_raw,
                                                     take_quarter, take_course, take_journal,
                                                     take_series,  take_reject};
  bson_t doc;
  if (db == NULL) make_world();
  if (size < 6 || size > DOCUMENT_MAX) return 0;
  size_t len = size - 1;
  uint8_t *copy = malloc(len);
  if (copy == NULL) abort();
  memcpy(copy, data + 1, len);
  for (size_t i = 0; i < 4; i++) copy[i] = (uint8_t)(len >> (8 * i));
  copy[len - 1] = 0;
  if (bson_init_static(&doc, copy, len)) takes[data[0] % (sizeof takes / sizeof takes[0])](&doc);
  free(copy);
  return 0;
}
