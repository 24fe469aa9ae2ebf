/* What tables there are. */
#include "store/ledger/ledger_move_table.h"

#include <stdlib.h>
#include <string.h>

void sm_move_shapes_fini(sm_move_shapes *shapes) {
  free(shapes->item);
  *shapes = (sm_move_shapes){0};
}

/* Table, column, type, place in the primary key (0: none). */
static const char sqlite_columns[] =
    "SELECT m.name, p.name, p.type, p.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) p "
    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1, 2";

/* Not the readings', which are in the same schema. */
static const char postgres_columns[] =
    "SELECT c.relname::text, a.attname::text, CASE a.atttypid WHEN 20 THEN 'INTEGER' "
    "WHEN 25 THEN 'TEXT' WHEN 17 THEN 'BLOB' ELSE '' END, "
    "coalesce((SELECT k.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (no, place) "
    "WHERE i.indrelid = c.oid AND i.indisprimary AND k.no = a.attnum), 0) "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = 'smartmeter'::regnamespace AND c.relkind = 'r' "
    "AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
    "AND c.relname NOT IN ('schema_version', 'commit_mark', 'login_bucket', 'login_known', "
    "'readings_meta', 'series', 'series_change', 'reading', 'quarter', 'quarter_due', "
    "'quarter_day', 'day_due', 'course', "
    "'reject') "
    "ORDER BY c.relname::text COLLATE \"C\", a.attname::text COLLATE \"C\"";

static sm_err take_type(const char *name, sm_move_type *type) {
  if (strcmp(name, "INTEGER") == 0)
    *type = SM_MOVE_INTEGER;
  else if (strcmp(name, "TEXT") == 0)
    *type = SM_MOVE_TEXT;
  else if (strcmp(name, "BLOB") == 0)
    *type = SM_MOVE_BLOB;
  else
    return SM_ERR_UNSUPPORTED;
  return SM_OK;
}

static sm_err copy_name(const char *from, char to[SM_MOVE_NAME_MAX]) {
  size_t len = from != NULL ? strlen(from) : SIZE_MAX;
  if (len >= SM_MOVE_NAME_MAX || strchr(from, '"') != NULL) return SM_ERR_UNSUPPORTED;
  memcpy(to, from, len + 1);
  return SM_OK;
}

static sm_err table_for(sm_move_shapes *shapes, const char *name, sm_move_shape **out) {
  if (name == NULL) return SM_ERR_UNSUPPORTED;
  if (shapes->count > 0 && strcmp(shapes->item[shapes->count - 1].name, name) == 0) {
    *out = &shapes->item[shapes->count - 1];
    return SM_OK;
  }
  sm_move_shape *item = realloc(shapes->item, (shapes->count + 1) * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  shapes->item = item;
  *out = &item[shapes->count++];
  **out = (sm_move_shape){.column_count = 0};
  return copy_name(name, (*out)->name);
}

static sm_err take_column(sm_sql_stmt *q, sm_move_shapes *shapes) {
  sm_move_shape *shape = NULL;
  const char *type = sm_sql_text(q, 2);
  int64_t place = sm_sql_i64(q, 3);
  sm_err err = table_for(shapes, sm_sql_text(q, 0), &shape);
  if (err == SM_OK && (shape->column_count == SM_MOVE_COLUMNS_MAX || place > SM_MOVE_KEYS_MAX))
    err = SM_ERR_UNSUPPORTED;
  if (err != SM_OK) return err;
  sm_move_column *column = &shape->column[shape->column_count];
  err = copy_name(sm_sql_text(q, 1), column->name);
  if (err == SM_OK) err = take_type(type != NULL ? type : "", &column->type);
  if (place > 0) {
    shape->key[place - 1] = shape->column_count;
    shape->key_count++;
  }
  shape->column_count++;
  return err;
}

/* ---- order ---- */

static const char sqlite_parents[] =
    "SELECT f.\"table\" FROM pragma_foreign_key_list(?1) f WHERE f.\"table\" <> ?1";
static const char postgres_parents[] =
    "SELECT p.relname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
    "JOIN pg_class p ON p.oid = k.confrelid WHERE k.contype = 'f' AND p.oid <> c.oid "
    "AND c.relnamespace = 'smartmeter'::regnamespace AND c.relname::text = ?1";

const sm_move_shape *sm_move_shape_find(const sm_move_shapes *shapes, const char *name) {
  for (size_t i = 0; name != NULL && i < shapes->count; i++)
    if (strcmp(shapes->item[i].name, name) == 0) return &shapes->item[i];
  return NULL;
}

static sm_err is_ready(sm_sql *db, const sm_move_shapes *shapes, const char *name, bool *ready) {
  bool sqlite = sm_sql_engine_of(db) == SM_SQL_SQLITE;
  sm_sql_stmt q = sm_sql_use(db, sqlite ? sqlite_parents : postgres_parents);
  sm_sql_bind_text(&q, 1, name);
  *ready = true;
  while (sm_sql_row(&q)) {
    const sm_move_shape *parent = sm_move_shape_find(shapes, sm_sql_text(&q, 0));
    if (parent != NULL && !parent->placed) *ready = false;
  }
  return sm_sql_end(&q);
}

/* So few tables that looking at all of them again and again is quick. */
static sm_err put_in_order(sm_sql *db, sm_move_shapes *shapes) {
  sm_move_shape *ordered = calloc(shapes->count + 1, sizeof *ordered);
  if (ordered == NULL) return SM_ERR_NOMEM;
  size_t done = 0;
  sm_err err = SM_OK;
  for (size_t before = SIZE_MAX; err == SM_OK && done < shapes->count && done != before;) {
    before = done;
    for (size_t i = 0; err == SM_OK && i < shapes->count; i++) {
      bool ready = false;
      if (shapes->item[i].placed) continue;
      err = is_ready(db, shapes, shapes->item[i].name, &ready);
      if (err != SM_OK || !ready) continue;
      shapes->item[i].placed = true;
      ordered[done++] = shapes->item[i];
    }
  }
  if (err == SM_OK && done < shapes->count) err = SM_ERR_UNSUPPORTED; /* in a circle */
  if (err == SM_OK) {
    free(shapes->item);
    shapes->item = ordered;
  } else {
    free(ordered);
  }
  return err;
}

sm_err sm_move_shapes_read(sm_sql *db, bool ordered, sm_move_shapes *shapes) {
  bool sqlite = sm_sql_engine_of(db) == SM_SQL_SQLITE;
  sm_move_shapes got = {0};
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(db, sqlite ? sqlite_columns : postgres_columns);
  while (err == SM_OK && sm_sql_row(&q)) err = take_column(&q, &got);
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  for (size_t i = 0; err == SM_OK && i < got.count; i++)
    if (got.item[i].key_count == 0) err = SM_ERR_UNSUPPORTED;
  if (err == SM_OK && ordered) err = put_in_order(db, &got);
  if (err == SM_OK)
    *shapes = got;
  else
    sm_move_shapes_fini(&got);
  return err;
}

/* ---- the same? ---- */

static bool shape_same(const sm_move_shape *a, const sm_move_shape *b) {
  if (a->column_count != b->column_count || a->key_count != b->key_count) return false;
  for (size_t i = 0; i < a->column_count; i++)
    if (strcmp(a->column[i].name, b->column[i].name) != 0 || a->column[i].type != b->column[i].type)
      return false;
  for (size_t i = 0; i < a->key_count; i++)
    if (a->key[i] != b->key[i]) return false;
  return true;
}

bool sm_move_shapes_same(const sm_move_shapes *a, const sm_move_shapes *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++) {
    const sm_move_shape *other = sm_move_shape_find(b, a->item[i].name);
    if (other == NULL || !shape_same(&a->item[i], other)) return false;
  }
  return true;
}
