/* The rows of one table, from one engine to another. */
#include "store/ledger/ledger_move_table.h"

#include "base/crypto.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500 };

/* ---- statements ---- */

/* A connection knows a statement by its address for as long as it lives, so texts that are made
 * here stay: a few for each table. */
typedef struct kept_text {
  struct kept_text *next;
  char text[];
} kept_text;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static kept_text *kept;

static const char *keep_text(const char *sql) {
  for (const kept_text *k = kept; k != NULL; k = k->next)
    if (strcmp(k->text, sql) == 0) return k->text;
  size_t len = strlen(sql);
  kept_text *k = malloc(sizeof *k + len + 1);
  if (k == NULL) return NULL;
  memcpy(k->text, sql, len + 1);
  k->next = kept;
  kept = k;
  return k->text;
}

sm_err sm_move_query_i64(sm_sql *db, const char *sql, int64_t *value) {
  (void)pthread_mutex_lock(&kept_lock);
  const char *text = keep_text(sql);
  (void)pthread_mutex_unlock(&kept_lock);
  return text != NULL ? sm_sql_query_i64(db, text, value) : SM_ERR_NOMEM;
}

/* Takes the text; NULL without memory. */
static const char *keep(sm_buf *sql) {
  const char *out = NULL;
  const char *text = sm_buf_text(sql);
  (void)pthread_mutex_lock(&kept_lock);
  if (sql->err == SM_OK) out = keep_text(text);
  (void)pthread_mutex_unlock(&kept_lock);
  sm_buf_fini(sql);
  return out;
}

static void put_columns(const sm_move_shape *shape, sm_buf *sql) {
  for (size_t i = 0; i < shape->column_count; i++)
    sm_buf_printf(sql, "%s\"%s\"", i > 0 ? ", " : "", shape->column[i].name);
}

static void put_key(const sm_move_shape *shape, sm_buf *sql) {
  for (size_t i = 0; i < shape->key_count; i++)
    sm_buf_printf(sql, "%s\"%s\"", i > 0 ? ", " : "", shape->column[shape->key[i]].name);
}

/* A page of rows, the first or one behind a key. The mark of a move is the store's and not the
 * house's. */
static const char *select_sql(const sm_move_shape *shape, bool first) {
  sm_buf sql;
  sm_buf_init(&sql, 0);
  sm_buf_append_text(&sql, "SELECT ");
  put_columns(shape, &sql);
  sm_buf_printf(&sql, " FROM \"%s\" WHERE ", shape->name);
  if (first) {
    sm_buf_append_text(&sql, "1 = 1");
  } else {
    sm_buf_append_text(&sql, "(");
    put_key(shape, &sql);
    sm_buf_append_text(&sql, ") > (");
    for (size_t i = 0; i < shape->key_count; i++)
      sm_buf_printf(&sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
    sm_buf_append_text(&sql, ")");
  }
  if (strcmp(shape->name, "setting") == 0) sm_buf_append_text(&sql, " AND \"key\" <> 'move'");
  sm_buf_append_text(&sql, " ORDER BY ");
  put_key(shape, &sql);
  sm_buf_printf(&sql, " LIMIT %d", PAGE);
  return keep(&sql);
}

static const char *insert_row_sql(const sm_move_shape *shape) {
  sm_buf sql;
  sm_buf_init(&sql, 0);
  sm_buf_printf(&sql, "INSERT INTO \"%s\" (", shape->name);
  put_columns(shape, &sql);
  sm_buf_append_text(&sql, ") VALUES (");
  for (size_t i = 0; i < shape->column_count; i++)
    sm_buf_printf(&sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
  sm_buf_append_text(&sql, ")");
  return keep(&sql);
}

/* A page at once, as an array for each column: a row at a time would wait for the server each time.
 */
static const char *insert_page_sql(const sm_move_shape *shape) {
  static const char *const types[] = {"bigint", "text", "bytea"};
  sm_buf sql;
  sm_buf_init(&sql, 0);
  sm_buf_printf(&sql, "INSERT INTO \"%s\" (", shape->name);
  put_columns(shape, &sql);
  sm_buf_append_text(&sql, ") SELECT * FROM unnest(");
  for (size_t i = 0; i < shape->column_count; i++)
    sm_buf_printf(&sql, "%sCAST(?%zu AS %s[])", i > 0 ? ", " : "", i + 1,
                  types[shape->column[i].type]);
  sm_buf_append_text(&sql, ")");
  return keep(&sql);
}

/* ---- values ---- */

typedef struct value {
  bool null;
  int64_t number;
  const char *bytes; /* of a text or blob; borrowed */
  size_t len;
} value;

static value take_value(sm_sql_stmt *q, int column, sm_move_type type) {
  value v = {.null = sm_sql_is_null(q, column)};
  if (v.null) return v;
  if (type == SM_MOVE_INTEGER) {
    v.number = sm_sql_i64(q, column);
  } else if (type == SM_MOVE_TEXT) {
    v.bytes = sm_sql_text(q, column);
    v.len = v.bytes != NULL ? strlen(v.bytes) : 0;
  } else {
    v.bytes = sm_sql_blob(q, column, &v.len);
  }
  if (type != SM_MOVE_INTEGER && v.bytes == NULL) v.bytes = "";
  return v;
}

static void bind_value(sm_sql_stmt *q, int index, sm_move_type type, const value *v) {
  if (type == SM_MOVE_INTEGER && v->null)
    sm_sql_bind_null(q, index);
  else if (type == SM_MOVE_INTEGER)
    sm_sql_bind_i64(q, index, v->number);
  else if (type == SM_MOVE_TEXT)
    sm_sql_bind_text(q, index, v->null ? NULL : v->bytes);
  else
    sm_sql_bind_blob(q, index, v->null ? NULL : v->bytes, v->len);
}

static void print_u64(sm_buf *out, uint64_t number) {
  uint8_t bytes[8];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(number >> (8 * i));
  sm_buf_append(out, bytes, sizeof bytes);
}

/* Its bytes for the checksum: no two values have the same. */
static void print_value(sm_buf *out, sm_move_type type, const value *v) {
  sm_buf_append_char(out, v->null ? 0 : (char)(1 + type));
  if (v->null) return;
  print_u64(out, type == SM_MOVE_INTEGER ? (uint64_t)v->number : v->len);
  if (type != SM_MOVE_INTEGER) sm_buf_append(out, v->bytes, v->len);
}

/* An element of PostgreSQL's text of an array. */
static void put_element(sm_buf *array, sm_move_type type, const value *v) {
  static const char digit[] = "0123456789abcdef";
  sm_buf_append_char(array, array->len == 0 ? '{' : ',');
  if (v->null) {
    sm_buf_append_text(array, "NULL");
  } else if (type == SM_MOVE_INTEGER) {
    sm_buf_printf(array, "%lld", (long long)v->number);
  } else {
    sm_buf_append_text(array, type == SM_MOVE_BLOB ? "\"\\\\x" : "\"");
    for (size_t i = 0; i < v->len; i++) {
      unsigned char c = (unsigned char)v->bytes[i];
      if (type == SM_MOVE_BLOB) {
        sm_buf_append_char(array, digit[c >> 4]);
        sm_buf_append_char(array, digit[c & 15]);
      } else {
        if (c == '"' || c == '\\') sm_buf_append_char(array, '\\');
        sm_buf_append_char(array, (char)c);
      }
    }
    sm_buf_append_char(array, '"');
  }
}

/* ---- the other side ---- */

typedef struct sink {
  sm_sql *db; /* NULL: rows are only looked at */
  const sm_move_shape *shape;
  const char *sql;
  bool pages;
  size_t rows; /* in the arrays */
  sm_buf array[SM_MOVE_COLUMNS_MAX];
} sink;

static sm_err sink_init(sink *s, sm_sql *db, const sm_move_shape *shape) {
  *s = (sink){.db = db, .shape = shape};
  for (size_t i = 0; i < SM_MOVE_COLUMNS_MAX; i++) sm_buf_init(&s->array[i], 0);
  if (db == NULL) return SM_OK;
  s->pages = sm_sql_engine_of(db) != SM_SQL_SQLITE;
  s->sql = s->pages ? insert_page_sql(shape) : insert_row_sql(shape);
  return s->sql != NULL ? SM_OK : SM_ERR_NOMEM;
}

static void sink_fini(sink *s) {
  for (size_t i = 0; i < SM_MOVE_COLUMNS_MAX; i++) sm_buf_fini(&s->array[i]);
}

static sm_err sink_row(sink *s, const value *values) {
  if (s->db == NULL) return SM_OK;
  if (s->pages) {
    for (size_t i = 0; i < s->shape->column_count; i++)
      put_element(&s->array[i], s->shape->column[i].type, &values[i]);
    s->rows++;
    return SM_OK;
  }
  sm_sql_stmt q = sm_sql_use(s->db, s->sql);
  for (size_t i = 0; i < s->shape->column_count; i++)
    bind_value(&q, (int)i + 1, s->shape->column[i].type, &values[i]);
  return sm_sql_run(&q);
}

static sm_err sink_flush(sink *s) {
  if (s->rows == 0) return SM_OK;
  sm_sql_stmt q = sm_sql_use(s->db, s->sql);
  for (size_t i = 0; i < s->shape->column_count; i++) {
    sm_buf_append_char(&s->array[i], '}');
    sm_sql_bind_text(&q, (int)i + 1, sm_buf_text(&s->array[i]));
    if (s->array[i].err != SM_OK) q.err = s->array[i].err;
  }
  sm_err err = sm_sql_run(&q);
  for (size_t i = 0; i < s->shape->column_count; i++) sm_buf_clear(&s->array[i]);
  s->rows = 0;
  return err;
}

/* ---- pages ---- */

/* Where the next page begins: the key of the last row, copied. */
typedef struct place {
  value key[SM_MOVE_KEYS_MAX];
  char *bytes[SM_MOVE_KEYS_MAX]; /* heap */
} place;

static void place_fini(place *p) {
  for (size_t i = 0; i < SM_MOVE_KEYS_MAX; i++) free(p->bytes[i]);
  *p = (place){.bytes = {NULL}};
}

static sm_err place_take(place *p, const sm_move_shape *shape, const value *values) {
  place_fini(p);
  for (size_t i = 0; i < shape->key_count; i++) {
    p->key[i] = values[shape->key[i]];
    if (shape->column[shape->key[i]].type == SM_MOVE_INTEGER) continue;
    p->bytes[i] = malloc(p->key[i].len + 1);
    if (p->bytes[i] == NULL) return SM_ERR_NOMEM;
    if (p->key[i].bytes != NULL) memcpy(p->bytes[i], p->key[i].bytes, p->key[i].len);
    p->bytes[i][p->key[i].len] = '\0';
    p->key[i].bytes = p->bytes[i];
  }
  return SM_OK;
}

typedef struct walk {
  sm_sql *db;
  const sm_move_shape *shape;
  const char *first_sql;
  const char *next_sql;
  place last;
  sink to;
  sm_buf print;
  sm_move_table *table;
} walk;

static sm_err walk_row(walk *w, sm_sql_stmt *q) {
  value values[SM_MOVE_COLUMNS_MAX] = {{.null = true}};
  for (size_t i = 0; i < w->shape->column_count; i++) {
    values[i] = take_value(q, (int)i, w->shape->column[i].type);
    print_value(&w->print, w->shape->column[i].type, &values[i]);
  }
  sm_err err = q->err != SM_OK ? q->err : w->print.err;
  if (err == SM_OK) err = sink_row(&w->to, values);
  return err == SM_OK ? place_take(&w->last, w->shape, values) : err;
}

/* Each page's digest is over the one before and its rows: pages are as long on both sides. */
static void add_print(walk *w) {
  sm_buf_append(&w->print, w->table->digest, sizeof w->table->digest);
  if (w->print.err == SM_OK) sm_sha256(w->print.data, w->print.len, w->table->digest);
}

static sm_err walk_page(walk *w, size_t *rows) {
  bool first = w->table->rows == 0;
  sm_err err = SM_OK;
  *rows = 0;
  sm_buf_clear(&w->print);
  sm_sql_stmt q = sm_sql_use(w->db, first ? w->first_sql : w->next_sql);
  for (size_t i = 0; !first && i < w->shape->key_count; i++)
    bind_value(&q, (int)i + 1, w->shape->column[w->shape->key[i]].type, &w->last.key[i]);
  /* What is bound is borrowed, and the place changes with each row: but for SQLite's copy of it,
   * which it has made by the first. */
  place bound = w->last;
  w->last = (place){.bytes = {NULL}};
  while (err == SM_OK && sm_sql_row(&q)) {
    err = walk_row(w, &q);
    ++*rows;
  }
  sm_err end = sm_sql_end(&q);
  place_fini(&bound);
  if (err == SM_OK) err = end;
  if (err == SM_OK) err = sink_flush(&w->to);
  if (err == SM_OK && *rows > 0) add_print(w);
  w->table->rows += *rows;
  return err == SM_OK ? w->print.err : err;
}

sm_err sm_move_rows(sm_sql *from, sm_sql *to, const sm_move_shape *shape, sm_move_count_fn count,
                    void *context, sm_move_table *table) {
  walk w = {.db = from,
            .shape = shape,
            .first_sql = select_sql(shape, true),
            .next_sql = select_sql(shape, false),
            .table = table};
  size_t rows = PAGE;
  *table = (sm_move_table){.rows = 0};
  memcpy(table->name, shape->name, sizeof table->name);
  sm_buf_init(&w.print, 0);
  sm_err err = sink_init(&w.to, to, shape);
  if (err == SM_OK && (w.first_sql == NULL || w.next_sql == NULL)) err = SM_ERR_NOMEM;
  while (err == SM_OK && rows == PAGE) {
    err = walk_page(&w, &rows);
    if (err == SM_OK && count != NULL && !count(context, rows)) err = SM_ERR_CLOSED;
  }
  place_fini(&w.last);
  sink_fini(&w.to);
  sm_buf_fini(&w.print);
  return err;
}

/* ---- emptying ---- */

static sm_err exec(sm_sql *db, sm_buf *sql) {
  const char *text = sm_buf_text(sql);
  sm_err err = sql->err;
  if (err == SM_OK && text[0] != '\0') err = sm_sql_exec(db, text);
  sm_buf_fini(sql);
  return err;
}

/* SQLite has no switch for triggers: they are taken away, and made again from their own words. */
static sm_err drop_triggers(sm_sql *db, sm_move_triggers *triggers) {
  sm_buf again;
  sm_buf drop;
  sm_buf_init(&again, 0);
  sm_buf_init(&drop, 0);
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid");
  while (sm_sql_row(&q)) {
    sm_buf_printf(&drop, "DROP TRIGGER \"%s\";", sm_sql_text(&q, 0));
    sm_buf_append_text(&again, sm_sql_text(&q, 1));
    sm_buf_append_text(&again, ";\n");
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK) err = exec(db, &drop);
  sm_buf_fini(&drop);
  if (err == SM_OK) {
    triggers->sql = sm_buf_take(&again);
    err = triggers->sql != NULL ? SM_OK : SM_ERR_NOMEM;
  }
  sm_buf_fini(&again);
  return err;
}

static sm_err switch_triggers(sm_sql *db, const sm_move_shapes *shapes, const char *how) {
  sm_buf sql;
  sm_buf_init(&sql, 0);
  for (size_t i = 0; i < shapes->count; i++)
    sm_buf_printf(&sql, "ALTER TABLE \"%s\" %s TRIGGER USER;", shapes->item[i].name, how);
  return exec(db, &sql);
}

static sm_err empty_sqlite(sm_sql *db, const sm_move_shapes *shapes, sm_move_triggers *triggers) {
  sm_buf sql;
  sm_err err = drop_triggers(db, triggers);
  if (err != SM_OK) return err;
  sm_buf_init(&sql, 0);
  /* References are looked at when all is there. */
  sm_buf_append_text(&sql, "PRAGMA defer_foreign_keys = ON;");
  for (size_t i = shapes->count; i > 0; i--)
    sm_buf_printf(&sql, "DELETE FROM \"%s\";", shapes->item[i - 1].name);
  return exec(db, &sql);
}

static sm_err empty_postgres(sm_sql *db, const sm_move_shapes *shapes) {
  sm_buf sql;
  sm_err err = switch_triggers(db, shapes, "DISABLE");
  if (err != SM_OK) return err;
  sm_buf_init(&sql, 0);
  sm_buf_append_text(&sql, "TRUNCATE ");
  for (size_t i = 0; i < shapes->count; i++)
    sm_buf_printf(&sql, "%s\"%s\"", i > 0 ? ", " : "", shapes->item[i].name);
  return exec(db, &sql);
}

sm_err sm_move_empty(sm_sql *db, const sm_move_shapes *shapes, sm_move_triggers *triggers) {
  *triggers = (sm_move_triggers){.sql = NULL};
  return sm_sql_engine_of(db) == SM_SQL_SQLITE ? empty_sqlite(db, shapes, triggers)
                                               : empty_postgres(db, shapes);
}

sm_err sm_move_trigger_again(sm_sql *db, const sm_move_shapes *shapes,
                             const sm_move_triggers *triggers) {
  return sm_sql_engine_of(db) == SM_SQL_SQLITE ? sm_sql_exec(db, triggers->sql)
                                               : switch_triggers(db, shapes, "ENABLE");
}

/* ---- numbers ---- */

static bool may_count(const sm_move_shape *shape) {
  return shape->key_count == 1 && shape->column[shape->key[0]].type == SM_MOVE_INTEGER;
}

/* The last number given out; 0 also if the table gives none out. */
static sm_err last_number(sm_sql *db, const sm_move_shape *shape, int64_t *number) {
  sm_buf sql;
  const char *key = shape->column[shape->key[0]].name;
  sm_buf_init(&sql, 0);
  if (sm_sql_engine_of(db) == SM_SQL_SQLITE)
    sm_buf_printf(&sql, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '%s'), 0)",
                  shape->name);
  else
    sm_buf_printf(&sql,
                  "SELECT coalesce((SELECT last_value FROM pg_sequences WHERE schemaname = "
                  "'smartmeter' AND format('%%I.%%I', schemaname, sequencename) = "
                  "pg_get_serial_sequence('\"%s\"', '%s')), 0)",
                  shape->name, key);
  const char *text = keep(&sql);
  return text != NULL ? sm_sql_query_i64(db, text, number) : SM_ERR_NOMEM;
}

static sm_err highest_number(sm_sql *db, const sm_move_shape *shape, int64_t *number) {
  sm_buf sql;
  sm_buf_init(&sql, 0);
  sm_buf_printf(&sql, "SELECT coalesce(max(\"%s\"), 0) FROM \"%s\"",
                shape->column[shape->key[0]].name, shape->name);
  const char *text = keep(&sql);
  return text != NULL ? sm_sql_query_i64(db, text, number) : SM_ERR_NOMEM;
}

/* Whether the engine gives the numbers of a table out, and not the program. */
static sm_err gives_numbers(sm_sql *db, const sm_move_shape *shape, bool *gives) {
  sm_buf sql;
  int64_t found = 0;
  sm_buf_init(&sql, 0);
  if (sm_sql_engine_of(db) == SM_SQL_SQLITE)
    sm_buf_printf(&sql,
                  "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s' AND "
                  "sql LIKE '%%AUTOINCREMENT%%'",
                  shape->name);
  else
    sm_buf_printf(&sql, "SELECT count(pg_get_serial_sequence('\"%s\"', '%s'))", shape->name,
                  shape->column[shape->key[0]].name);
  const char *text = keep(&sql);
  sm_err err = text != NULL ? sm_sql_query_i64(db, text, &found) : SM_ERR_NOMEM;
  *gives = found > 0;
  return err;
}

static sm_err set_number_sqlite(sm_sql *db, const sm_move_shape *shape, int64_t number) {
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM sqlite_sequence WHERE name = ?1");
  sm_sql_bind_text(&q, 1, shape->name);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  q = sm_sql_use(db, "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)");
  sm_sql_bind_text(&q, 1, shape->name);
  sm_sql_bind_i64(&q, 2, number);
  return sm_sql_run(&q);
}

static sm_err set_number_postgres(sm_sql *db, const sm_move_shape *shape, int64_t number) {
  sm_buf sql;
  sm_buf_init(&sql, 0);
  sm_buf_printf(&sql, "SELECT setval(pg_get_serial_sequence('\"%s\"', '%s'), %lld)", shape->name,
                shape->column[shape->key[0]].name, (long long)number);
  return exec(db, &sql);
}

sm_err sm_move_numbers(sm_sql *from, sm_sql *to, const sm_move_shape *shape) {
  int64_t number = 0;
  int64_t highest = 0;
  bool gives = false;
  if (!may_count(shape)) return SM_OK;
  sm_err err = gives_numbers(to, shape, &gives);
  if (err != SM_OK || !gives) return err;
  err = last_number(from, shape, &number);
  if (err == SM_OK) err = highest_number(to, shape, &highest);
  if (err != SM_OK) return err;
  if (highest > number) number = highest;
  if (number <= 0) return SM_OK; /* none was given out yet */
  return sm_sql_engine_of(to) == SM_SQL_SQLITE ? set_number_sqlite(to, shape, number)
                                               : set_number_postgres(to, shape, number);
}
