/* Rows as documents: a member a column, by its name; _id is the primary key. */
#include "store/mongo/ledger_mg.h"

#include <stdio.h>
#include <string.h>

static bool is_vowel(char c) {
  return c != '\0' && strchr("aeiou", c) != NULL;
}

void mg_collection_of(const char *table, char name[64]) {
  size_t len = strlen(table);
  char last = len > 0 ? table[len - 1] : '\0';
  if (last == 'y' && len > 1 && !is_vowel(table[len - 2]))
    (void)snprintf(name, 64, "%.*sies", (int)len - 1, table);
  else
    (void)snprintf(name, 64, "%s%s", table, last == 's' ? "" : "s");
}

const sm_copy_table *mg_table(const mg_ledger *ledger, const char *name) {
  for (size_t i = 0; i < ledger->table_count; i++)
    if (strcmp(ledger->tables[i].name, name) == 0) return &ledger->tables[i];
  return NULL;
}

static void put_cell(bson_t *doc, const char *name, const sm_cell *cell) {
  switch (cell->kind) {
  case SM_CELL_I64:
    BSON_APPEND_INT64(doc, name, cell->i64);
    break;
  case SM_CELL_TEXT:
    bson_append_utf8(doc, name, -1, cell->len > 0 ? cell->data : "", (int)cell->len);
    break;
  case SM_CELL_BLOB:
    bson_append_binary(doc, name, -1, BSON_SUBTYPE_BINARY,
                       cell->len > 0 ? cell->data : (const void *)"", (uint32_t)cell->len);
    break;
  case SM_CELL_NULL:
    BSON_APPEND_NULL(doc, name);
    break;
  default:
    break;
  }
}

static size_t column_of_key(const sm_copy_table *t, int place) {
  size_t c = 0;
  while (c < t->columns && t->key[c] != place) c++;
  return c;
}

static void put_id(bson_t *doc, const sm_copy_table *t, const sm_cell *cells) {
  bson_t id;
  if (column_of_key(t, 2) == t->columns) {
    put_cell(doc, "_id", &cells[column_of_key(t, 1)]);
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(doc, "_id", &id);
  for (int place = 1; column_of_key(t, place) < t->columns; place++) {
    size_t c = column_of_key(t, place);
    put_cell(&id, t->column[c], &cells[c]);
  }
  bson_append_document_end(doc, &id);
}

bson_t *mg_row_id(const sm_copy_table *t, const sm_cell *cells) {
  bson_t *doc = bson_new();
  put_id(doc, t, cells);
  return doc;
}

bson_t *mg_row_doc(const sm_copy_table *t, const sm_cell *cells) {
  bson_t *doc = bson_new();
  put_id(doc, t, cells);
  for (size_t c = 0; c < t->columns; c++) put_cell(doc, t->column[c], &cells[c]);
  return doc;
}

bson_t *mg_row_set(const sm_copy_table *t, const sm_cell *after) {
  bson_t set;
  bson_t *update = bson_new();
  BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
  for (size_t c = 0; c < t->columns; c++) put_cell(&set, t->column[c], &after[c]);
  bson_append_document_end(update, &set);
  return update;
}

static sm_err take_cell(const bson_iter_t *member, sm_cell *cell) {
  uint32_t len = 0;
  bson_subtype_t subtype;
  const uint8_t *data = NULL;
  switch (bson_iter_type(member)) {
  case BSON_TYPE_NULL:
    *cell = (sm_cell){.kind = SM_CELL_NULL};
    return SM_OK;
  case BSON_TYPE_INT32:
  case BSON_TYPE_INT64:
    *cell = (sm_cell){.kind = SM_CELL_I64, .i64 = bson_iter_as_int64(member)};
    return SM_OK;
  case BSON_TYPE_UTF8:
    data = (const uint8_t *)bson_iter_utf8(member, &len);
    *cell = (sm_cell){.kind = SM_CELL_TEXT, .data = data, .len = len};
    return SM_OK;
  case BSON_TYPE_BINARY:
    bson_iter_binary(member, &subtype, &len, &data);
    *cell = (sm_cell){.kind = SM_CELL_BLOB, .data = data, .len = len};
    return SM_OK;
  default:
    return SM_ERR_CORRUPT;
  }
}

sm_err mg_row_take(const bson_t *doc, const sm_copy_table *t, sm_cell *cells) {
  bson_iter_t member;
  for (size_t c = 0; c < t->columns; c++) {
    cells[c] = (sm_cell){.kind = SM_CELL_NONE};
    if (!bson_iter_init_find(&member, doc, t->column[c])) continue;
    sm_err err = take_cell(&member, &cells[c]);
    if (err != SM_OK) return err;
  }
  for (size_t c = 0; c < t->columns; c++)
    if (t->key[c] != 0 && (cells[c].kind == SM_CELL_NONE || cells[c].kind == SM_CELL_NULL))
      return SM_ERR_CORRUPT;
  return SM_OK;
}
