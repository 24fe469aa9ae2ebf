#include "store/sqlite/sql_copy.h"

#include "base/buf.h"
#include "base/log.h"
#include "store/sqlite/sqlite_util.h"

#include <stdlib.h>
#include <string.h>

/* ---- tables ---- */

static sm_err add_column(sm_copy_table *t, const char *name, int key) {
  if (t->columns == SM_COPY_COLUMNS_MAX) return SM_ERR_RANGE;
  t->column[t->columns] = strdup(name);
  if (t->column[t->columns] == NULL) return SM_ERR_NOMEM;
  t->key[t->columns++] = key;
  return SM_OK;
}

static sm_err take_columns(sm_sql *db, sm_copy_table *t) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid");
  sm_sql_bind_text(&q, 1, t->name);
  while (sm_sql_row(&q)) q.err = add_column(t, sm_sql_text(&q, 0), (int)sm_sql_i64(&q, 1));
  return sm_sql_end(&q);
}

static sm_err add_table(sm_copy_table **tables, size_t *count, const char *name) {
  sm_copy_table *list = realloc(*tables, (*count + 1) * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  *tables = list;
  list[*count] = (sm_copy_table){.name = strdup(name)};
  return list[(*count)++].name != NULL ? SM_OK : SM_ERR_NOMEM;
}

void sm_copy_tables_free(sm_copy_table *tables, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (size_t c = 0; c < tables[i].columns; c++) free(tables[i].column[c]);
    free(tables[i].name);
  }
  free(tables);
}

sm_err sm_copy_tables(sm_sql *db, sm_copy_table **out, size_t *count) {
  sm_copy_table *tables = NULL;
  size_t n = 0;
  sm_sql_stmt q = sm_sql_use(
      db,
      "SELECT s.name FROM sqlite_schema s WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite~_%' "
      "ESCAPE '~' AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) WHERE pk > 0) "
      "ORDER BY s.name");
  while (sm_sql_row(&q)) q.err = add_table(&tables, &n, sm_sql_text(&q, 0));
  sm_err err = sm_sql_end(&q);
  for (size_t i = 0; err == SM_OK && i < n; i++) err = take_columns(db, &tables[i]);
  if (err != SM_OK) {
    sm_copy_tables_free(tables, n);
    return err;
  }
  *out = tables;
  *count = n;
  return SM_OK;
}

/* ---- rows: by SQLite itself, since sql.h takes literals only ---- */

static sm_cell cell_of(sqlite3_value *value) {
  if (value == NULL) return (sm_cell){.kind = SM_CELL_NONE};
  switch (sqlite3_value_type(value)) {
  case SQLITE_INTEGER:
    return (sm_cell){.kind = SM_CELL_I64, .i64 = sqlite3_value_int64(value)};
  case SQLITE_NULL:
    return (sm_cell){.kind = SM_CELL_NULL};
  case SQLITE_BLOB:
    return (sm_cell){.kind = SM_CELL_BLOB,
                     .data = sqlite3_value_blob(value),
                     .len = (size_t)sqlite3_value_bytes(value)};
  default:
    return (sm_cell){.kind = SM_CELL_TEXT,
                     .data = sqlite3_value_text(value),
                     .len = (size_t)sqlite3_value_bytes(value)};
  }
}

static sm_err prepare(sm_sql *db, sm_buf *sql, sqlite3_stmt **stmt) {
  if (sql->err != SM_OK) return sql->err;
  return sm_sql_err(sm_sql_handle(db),
                    sqlite3_prepare_v2(sm_sql_handle(db), sm_buf_text(sql), -1, stmt, NULL));
}

static void put_columns(sm_buf *sql, const sm_copy_table *t, const sm_cell *cells) {
  const char *between = "";
  for (size_t c = 0; c < t->columns; c++) {
    if (cells != NULL && cells[c].kind == SM_CELL_NONE) continue;
    sm_buf_printf(sql, "%s\"%s\"", between, t->column[c]);
    between = ", ";
  }
}

static sm_err row_of(sqlite3_stmt *stmt, const sm_copy_table *t, sm_copy_row_fn each,
                     void *context) {
  sm_cell cells[SM_COPY_COLUMNS_MAX];
  for (size_t c = 0; c < t->columns; c++) cells[c] = cell_of(sqlite3_column_value(stmt, (int)c));
  return each(context, t, cells);
}

sm_err sm_copy_rows(sm_sql *db, const sm_copy_table *t, sm_copy_row_fn each, void *context) {
  sm_buf sql;
  sqlite3_stmt *stmt = NULL;
  sm_buf_init(&sql, 0);
  sm_buf_append_text(&sql, "SELECT ");
  put_columns(&sql, t, NULL);
  sm_buf_printf(&sql, " FROM \"%s\"", t->name);
  sm_err err = prepare(db, &sql, &stmt);
  sm_buf_fini(&sql);
  int result = SQLITE_ROW;
  while (err == SM_OK && (result = sqlite3_step(stmt)) == SQLITE_ROW)
    err = row_of(stmt, t, each, context);
  if (err == SM_OK && result != SQLITE_DONE) err = sm_sql_err(sm_sql_handle(db), result);
  (void)sqlite3_finalize(stmt);
  return err;
}

static int bind_cell(sqlite3_stmt *stmt, int index, const sm_cell *cell) {
  switch (cell->kind) {
  case SM_CELL_I64:
    return sqlite3_bind_int64(stmt, index, cell->i64);
  case SM_CELL_TEXT:
    return sqlite3_bind_text64(stmt, index, cell->data, cell->len, SQLITE_STATIC, SQLITE_UTF8);
  case SM_CELL_BLOB:
    return sqlite3_bind_blob64(stmt, index, cell->len > 0 ? cell->data : "", cell->len,
                               SQLITE_STATIC);
  default:
    return sqlite3_bind_null(stmt, index);
  }
}

static int put_row(sqlite3_stmt *stmt, const sm_copy_table *t, const sm_cell *cells) {
  int index = 0;
  int result = SQLITE_OK;
  for (size_t c = 0; result == SQLITE_OK && c < t->columns; c++)
    if (cells[c].kind != SM_CELL_NONE) result = bind_cell(stmt, ++index, &cells[c]);
  return result == SQLITE_OK ? sqlite3_step(stmt) : result;
}

sm_err sm_copy_put(sm_sql *db, const sm_copy_table *t, const sm_cell *cells) {
  sm_buf sql;
  sqlite3_stmt *stmt = NULL;
  const char *between = "";
  sm_buf_init(&sql, 0);
  sm_buf_printf(&sql, "INSERT INTO \"%s\" (", t->name);
  put_columns(&sql, t, cells);
  sm_buf_append_text(&sql, ") VALUES (");
  for (size_t c = 0; c < t->columns; c++) {
    if (cells[c].kind == SM_CELL_NONE) continue;
    sm_buf_printf(&sql, "%s?", between);
    between = ", ";
  }
  sm_buf_append_text(&sql, ")");
  sm_err err = prepare(db, &sql, &stmt);
  sm_buf_fini(&sql);
  if (err == SM_OK) err = sm_sql_err(sm_sql_handle(db), put_row(stmt, t, cells));
  (void)sqlite3_finalize(stmt);
  return err;
}

/* ---- changes ---- */

static void cells_of(sqlite3_changeset_iter *iter, int columns,
                     int (*get)(sqlite3_changeset_iter *, int, sqlite3_value **), sm_cell *cells) {
  for (int c = 0; c < columns; c++) {
    sqlite3_value *value = NULL;
    if (get(iter, c, &value) != SQLITE_OK) value = NULL;
    cells[c] = cell_of(value);
  }
}

static sm_err tell_change(sqlite3_changeset_iter *iter, sm_change_fn each, void *context) {
  const char *table = NULL;
  int columns = 0;
  int op = 0;
  sm_cell before[SM_COPY_COLUMNS_MAX] = {{.kind = SM_CELL_NONE}};
  sm_cell after[SM_COPY_COLUMNS_MAX] = {{.kind = SM_CELL_NONE}};
  int result = sqlite3changeset_op(iter, &table, &columns, &op, NULL);
  if (result != SQLITE_OK) return sm_sql_err(NULL, result);
  if (columns > SM_COPY_COLUMNS_MAX) return SM_ERR_RANGE;
  if (op != SQLITE_INSERT) cells_of(iter, columns, sqlite3changeset_old, before);
  if (op != SQLITE_DELETE) cells_of(iter, columns, sqlite3changeset_new, after);
  sm_change_kind kind = op == SQLITE_INSERT   ? SM_CHANGE_INSERT
                        : op == SQLITE_DELETE ? SM_CHANGE_DELETE
                                              : SM_CHANGE_UPDATE;
  return each(context, table, kind, before, after);
}

sm_err sm_changes_each(const void *changes, size_t len, sm_change_fn each, void *context) {
  sqlite3_changeset_iter *iter = NULL;
  if (len > INT32_MAX) return SM_ERR_RANGE;
  int result = sqlite3changeset_start(&iter, (int)len, (void *)(uintptr_t)changes);
  if (result != SQLITE_OK) return sm_sql_err(NULL, result);
  sm_err err = SM_OK;
  while (err == SM_OK && sqlite3changeset_next(iter) == SQLITE_ROW)
    err = tell_change(iter, each, context);
  int end = sqlite3changeset_finalize(iter);
  return err == SM_OK ? sm_sql_err(NULL, end) : err;
}

static int refuse(void *context, int conflict, sqlite3_changeset_iter *iter) {
  (void)context;
  const char *table = "";
  int columns = 0;
  int op = 0;
  (void)sqlite3changeset_op(iter, &table, &columns, &op, NULL);
  sm_log(SM_LOG_WARN, "store.copy_differs", SM_LOG_TEXT("table", table != NULL ? table : ""),
         SM_LOG_INT("conflict", conflict), SM_LOG_INT("operation", op));
  return SQLITE_CHANGESET_ABORT;
}

sm_err sm_changes_apply(sm_sql *db, const void *changes, size_t len) {
  if (len > INT32_MAX) return SM_ERR_RANGE;
  int result = sqlite3changeset_apply(sm_sql_handle(db), (int)len, (void *)(uintptr_t)changes, NULL,
                                      refuse, NULL);
  if ((result & 0xff) == SQLITE_ABORT || (result & 0xff) == SQLITE_CONSTRAINT)
    return SM_ERR_CORRUPT;
  return sm_sql_err(sm_sql_handle(db), result);
}

sm_err sm_copy_open(const char *path, sm_sql **out) {
  enum { WAIT_MS = 10000 };
  sm_sql *db = NULL;
  sm_err err = sm_sql_open(
      &(sm_sql_options){.path = path, .trust_schema = true, .busy_timeout_ms = WAIT_MS}, &db);
  if (err != SM_OK) return err;
  int result = sqlite3_db_config(sm_sql_handle(db), SQLITE_DBCONFIG_ENABLE_FKEY, 0, (int *)NULL);
  if (result == SQLITE_OK)
    result = sqlite3_db_config(sm_sql_handle(db), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
  err = sm_sql_err(sm_sql_handle(db), result);
  if (err == SM_OK)
    *out = db;
  else
    sm_sql_close(db);
  return err;
}
