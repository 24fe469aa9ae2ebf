#include "store/sql/sql.h"

#include "store/sql/driver.h"

#include <stdlib.h>
#include <string.h>

sm_sql_engine sm_sql_engine_of(const sm_sql *db) {
  return db->driver->engine;
}

void sm_sql_set_context(sm_sql *db, void *context) {
  db->context = context;
}

void *sm_sql_context(const sm_sql *db) {
  return db->context;
}

void sm_sql_close(sm_sql *db) {
  if (db != NULL) db->driver->close(db);
}

sm_err sm_sql_exec(sm_sql *db, const char *sql) {
  return db->driver->exec(db, sql);
}

sm_err sm_sql_begin(sm_sql *db) {
  return db->driver->begin(db, false);
}

sm_err sm_sql_begin_immediate(sm_sql *db) {
  return db->driver->begin(db, true);
}

sm_err sm_sql_commit(sm_sql *db) {
  return db->driver->commit(db);
}

void sm_sql_rollback(sm_sql *db) {
  db->driver->rollback(db);
}

int64_t sm_sql_changes(sm_sql *db) {
  return db->driver->changes(db);
}

int64_t sm_sql_last_insert_no(sm_sql *db) {
  return db->driver->last_insert_no(db);
}

/* ---- statements ---- */

sm_sql_stmt sm_sql_use(sm_sql *db, const char *sql) {
  sm_sql_stmt q = {.db = db};
  db->driver->use(&q, sql);
  return q;
}

void sm_sql_bind_i64(sm_sql_stmt *q, int index, int64_t value) {
  if (q->err == SM_OK) q->db->driver->bind_i64(q, index, value);
}

void sm_sql_bind_text(sm_sql_stmt *q, int index, const char *text) {
  if (q->err == SM_OK) q->db->driver->bind_text(q, index, text);
}

void sm_sql_bind_blob(sm_sql_stmt *q, int index, const void *data, size_t len) {
  if (q->err == SM_OK) q->db->driver->bind_blob(q, index, data, len);
}

void sm_sql_bind_null(sm_sql_stmt *q, int index) {
  if (q->err == SM_OK) q->db->driver->bind_null(q, index);
}

bool sm_sql_row(sm_sql_stmt *q) {
  return q->err == SM_OK && q->db->driver->row(q);
}

int64_t sm_sql_i64(sm_sql_stmt *q, int column) {
  return q->db->driver->i64(q, column);
}

bool sm_sql_is_null(sm_sql_stmt *q, int column) {
  return q->db->driver->is_null(q, column);
}

const char *sm_sql_text(sm_sql_stmt *q, int column) {
  return q->db->driver->text(q, column);
}

const void *sm_sql_blob(sm_sql_stmt *q, int column, size_t *len) {
  return q->db->driver->blob(q, column, len);
}

void sm_sql_take_blob(sm_sql_stmt *q, int column, uint8_t **data, size_t *len) {
  *data = NULL;
  *len = 0;
  if (q->err != SM_OK || sm_sql_is_null(q, column)) return;
  size_t got;
  const void *from = sm_sql_blob(q, column, &got);
  uint8_t *copy = malloc(got + 1);
  if (copy == NULL || (from == NULL && got > 0)) {
    free(copy);
    q->err = SM_ERR_NOMEM;
    return;
  }
  if (got > 0) memcpy(copy, from, got);
  copy[got] = 0;
  *data = copy;
  *len = got;
}

void sm_sql_take_text(sm_sql_stmt *q, int column, char **text) {
  *text = NULL;
  if (q->err != SM_OK || sm_sql_is_null(q, column)) return;
  const char *from = sm_sql_text(q, column);
  *text = from != NULL ? strdup(from) : NULL;
  if (*text == NULL) q->err = SM_ERR_NOMEM;
}

void sm_sql_again(sm_sql_stmt *q) {
  if (q->stmt != NULL) q->db->driver->again(q);
}

sm_err sm_sql_end(sm_sql_stmt *q) {
  if (q->stmt == NULL) return q->err;
  q->db->driver->end(q);
  q->stmt = NULL;
  return q->err;
}

sm_err sm_sql_run(sm_sql_stmt *q) {
  while (sm_sql_row(q)) {
  }
  return sm_sql_end(q);
}

sm_err sm_sql_later(sm_sql_stmt *q) {
  if (q->db->driver->later == NULL) return sm_sql_run(q);
  if (q->err == SM_OK) q->db->driver->later(q);
  return sm_sql_end(q);
}

sm_err sm_sql_query_i64(sm_sql *db, const char *sql, int64_t *value) {
  sm_sql_stmt q = sm_sql_use(db, sql);
  bool found = sm_sql_row(&q);
  int64_t got = found ? sm_sql_i64(&q, 0) : 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  *value = got;
  return SM_OK;
}
