/* The order of changes: written, and followed. */
#include "store/mongo/ledger_mg.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { PART_BYTES = 8 * 1024 * 1024 }; /* of a change in one document, which has 16 MB */

/* ---- where the copy stands: a table without a primary key, so that it is in no change ---- */

sm_err mg_copy_at(sm_sql *db, const char *ledger_id, int64_t *number) {
  int64_t there = 0;
  sm_err err = sm_sql_query_i64(
      db, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'copy_state')", &there);
  if (err != SM_OK || there == 0) return err == SM_OK ? SM_ERR_NOT_FOUND : err;
  sm_sql_stmt q = sm_sql_use(db, "SELECT ledger_id, number FROM copy_state");
  bool same = sm_sql_row(&q) && strcmp(sm_sql_text(&q, 0), ledger_id) == 0;
  int64_t at = same ? sm_sql_i64(&q, 1) : 0;
  err = sm_sql_end(&q);
  if (err == SM_OK && !same) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) *number = at;
  return err;
}

sm_err mg_copy_set(sm_sql *db, int64_t number) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE copy_state SET number = ?1");
  sm_sql_bind_i64(&q, 1, number);
  sm_err err = sm_sql_run(&q);
  return err == SM_OK && sm_sql_changes(db) != 1 ? SM_ERR_CORRUPT : err;
}

/* ---- writing ---- */

typedef struct writing {
  mg_ledger *ledger;
  mg_bulk bulk; /* of the table whose changes are coming */
  const sm_copy_table *table;
} writing;

static sm_err end_table(writing *w) {
  sm_err err = w->table != NULL ? mg_bulk_end(&w->bulk) : SM_OK;
  w->table = NULL;
  return err;
}

/* Changes come table by table. */
static sm_err begin_table(writing *w, const char *name) {
  char collection[64];
  if (w->table != NULL && strcmp(w->table->name, name) == 0) return SM_OK;
  sm_err err = end_table(w);
  if (err != SM_OK) return err;
  w->table = mg_table(w->ledger, name);
  if (w->table == NULL) return SM_ERR_INTERNAL;
  mg_collection_of(name, collection);
  mg_bulk_begin(&w->bulk, &w->ledger->conn, collection);
  return SM_OK;
}

static sm_err write_row(void *context, const char *table, sm_change_kind kind,
                        const sm_cell *before, const sm_cell *after) {
  writing *w = context;
  sm_err err = begin_table(w, table);
  if (err != SM_OK) return err;
  if (kind == SM_CHANGE_INSERT)
    mg_bulk_insert(&w->bulk, mg_row_doc(w->table, after));
  else if (kind == SM_CHANGE_DELETE)
    mg_bulk_delete(&w->bulk, mg_row_id(w->table, before));
  else
    mg_bulk_update(&w->bulk, mg_row_id(w->table, before), mg_row_set(w->table, after), false);
  return w->bulk.err;
}

static sm_err write_rows(mg_ledger *ledger, const void *changes, size_t len) {
  writing w = {.ledger = ledger};
  sm_err err = sm_changes_each(changes, len, write_row, &w);
  sm_err end = end_table(&w);
  return err != SM_OK ? err : end;
}

static sm_err write_log(mg_ledger *ledger, int64_t number, const uint8_t *changes, size_t len,
                        const mg_sequences *risen) {
  mg_bulk bulk;
  int64_t now_ms = sm_clock_now_ms();
  size_t first = len < PART_BYTES ? len : PART_BYTES;
  bson_t *doc = BCON_NEW("_id", BCON_INT64(number), "by", BCON_UTF8(ledger->me), "at",
                         BCON_DATE_TIME(now_ms), "bytes", BCON_INT64((int64_t)len));
  bson_append_binary(doc, "changes", -1, BSON_SUBTYPE_BINARY, changes, (uint32_t)first);
  mg_sequences_note(doc, risen);
  if (len > first) {
    mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_PARTS);
    for (size_t at = first; at < len; at += PART_BYTES) {
      size_t size = len - at < PART_BYTES ? len - at : PART_BYTES;
      bson_t *part = BCON_NEW("_id", "{", "number", BCON_INT64(number), "at",
                              BCON_INT64((int64_t)at), "}", "at", BCON_DATE_TIME(now_ms));
      bson_append_binary(part, "changes", -1, BSON_SUBTYPE_BINARY, changes + at, (uint32_t)size);
      mg_bulk_insert(&bulk, part);
    }
    sm_err err = mg_bulk_end(&bulk);
    if (err != SM_OK) {
      bson_destroy(doc);
      return err;
    }
  }
  mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_LOG);
  mg_bulk_insert(&bulk, doc);
  return mg_bulk_end(&bulk);
}

/* Takes the number, and gives the lock back in the same step. */
static sm_err take_number(mg_ledger *ledger, int64_t number) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_META);
  mg_bulk_update(&bulk,
                 BCON_NEW("_id", BCON_UTF8("head"), "number", BCON_INT64(number), "schema",
                          BCON_INT64(ledger->schema), "holder", BCON_UTF8(ledger->me)),
                 BCON_NEW("$set", "{", "number", BCON_INT64(number + 1), "holder", BCON_NULL, "}"),
                 false);
  sm_err err = mg_bulk_end(&bulk);
  return err == SM_OK && bulk.matched != 1 ? SM_ERR_BUSY : err;
}

sm_err mg_write_change(mg_ledger *ledger, int64_t number, const void *changes, size_t len,
                       const mg_sequences *risen) {
  sm_err err = mg_begin(&ledger->conn);
  if (err == SM_OK) err = take_number(ledger, number);
  if (err == SM_OK) err = write_log(ledger, number + 1, changes, len, risen);
  if (err == SM_OK) err = mg_sequences_put(&ledger->conn, risen);
  if (err == SM_OK) err = write_rows(ledger, changes, len);
  if (err == SM_OK) err = mg_commit(&ledger->conn);
  mg_abort(&ledger->conn);
  return err == SM_ERR_CONFLICT || err == SM_ERR_EXISTS ? SM_ERR_BUSY : err;
}

/* ---- following ---- */

static sm_err add_parts(mg_conn *conn, int64_t number, sm_buf *whole) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_LEDGER_PARTS, BCON_NEW("_id.number", BCON_INT64(number)),
                BCON_NEW("sort", "{", "_id.at", BCON_INT32(1), "}"));
  while ((doc = mg_find_next(&find)) != NULL) {
    size_t len;
    const uint8_t *data = mg_bytes(doc, "changes", &len);
    if (data == NULL || (size_t)mg_i64(doc, "_id.at") != whole->len) find.err = SM_ERR_CORRUPT;
    sm_buf_append(whole, data, len);
  }
  return mg_find_end(&find);
}

static sm_err apply(sm_sql *db, const bson_t *doc, const void *changes, size_t len) {
  sm_err err = sm_sql_begin_immediate(db);
  if (err != SM_OK) return err;
  err = sm_changes_apply(db, changes, len);
  if (err == SM_OK) err = mg_sequences_raise(db, doc);
  if (err == SM_OK) err = mg_copy_set(db, mg_i64(doc, "_id"));
  if (err == SM_OK) return sm_sql_commit(db);
  sm_sql_rollback(db);
  return err;
}

sm_err mg_log_apply(mg_conn *conn, sm_sql *db, const bson_t *doc) {
  size_t len;
  sm_buf whole;
  int64_t bytes = mg_i64(doc, "bytes");
  const uint8_t *data = mg_bytes(doc, "changes", &len);
  if (data == NULL || bytes < 0) return SM_ERR_CORRUPT;
  if (len == (size_t)bytes) return apply(db, doc, data, len);
  sm_buf_init(&whole, 0);
  sm_buf_append(&whole, data, len);
  sm_err err = add_parts(conn, mg_i64(doc, "_id"), &whole);
  if (err == SM_OK) err = whole.err;
  if (err == SM_OK && whole.len != (size_t)bytes) err = SM_ERR_CORRUPT;
  if (err == SM_OK) err = apply(db, doc, whole.data, whole.len);
  sm_buf_fini(&whole);
  return err;
}

/* What the log has behind `at`, in one order without a gap. */
static sm_err follow_from(mg_ledger *ledger, int64_t *at) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, &ledger->conn, MG_LEDGER_LOG,
                BCON_NEW("_id", "{", "$gt", BCON_INT64(*at), "}"),
                BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT32(20)));
  while ((doc = mg_find_next(&find)) != NULL) {
    find.err = mg_i64(doc, "_id") == *at + 1 ? mg_log_apply(&ledger->conn, ledger->follow, doc)
                                             : SM_ERR_CORRUPT;
    if (find.err == SM_OK) (*at)++;
  }
  return mg_find_end(&find);
}

sm_err mg_follow(mg_ledger *ledger) {
  int64_t at = 0;
  mg_head head;
  sm_err err = mg_head_read(&ledger->conn, &head);
  if (err == SM_OK && (head.schema != ledger->schema || head.upgrading)) err = SM_ERR_UNSUPPORTED;
  if (err == SM_OK) err = mg_copy_at(ledger->follow, head.id, &at);
  if (err == SM_ERR_NOT_FOUND) return SM_ERR_CORRUPT;
  if (err == SM_OK && at < head.number) err = follow_from(ledger, &at);
  if (err == SM_OK && at < head.number) err = SM_ERR_CORRUPT; /* the log was trimmed */
  if (err == SM_ERR_CORRUPT)
    sm_log(SM_LOG_ERROR, "ledger.copy",
           SM_LOG_TEXT("message", "the copy cannot follow the log: "
                                  "it is made anew at the next start"),
           SM_LOG_INT("at", at));
  return err;
}
