/* Numbers that SQLite has given out (AUTOINCREMENT): a copy that is made of the documents must not
 * give out again what a row had that is gone. A table without a primary key holds them
 * (sqlite_sequence), so that they are in no change: they have a collection of their own, and go
 * along in the log. They only rise. */
#include "store/mongo/ledger_mg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mg_sequences_free(mg_sequences *list) {
  free(list->item);
  *list = (mg_sequences){.count = 0};
}

static mg_sequence *find(const mg_sequences *list, const char *table) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->item[i].table, table) == 0) return &list->item[i];
  return NULL;
}

static sm_err add(mg_sequences *list, const char *table, int64_t number) {
  mg_sequence *item = realloc(list->item, (list->count + 1) * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  list->item = item;
  item[list->count].number = number;
  (void)snprintf(item[list->count++].table, sizeof item->table, "%s", table);
  return SM_OK;
}

sm_err mg_sequences_risen(sm_sql *db, const mg_sequences *known, mg_sequences *risen) {
  mg_sequences list = {.count = 0};
  sm_sql_stmt q = sm_sql_use(db, "SELECT name, seq FROM sqlite_sequence ORDER BY name");
  while (sm_sql_row(&q)) {
    const char *table = sm_sql_text(&q, 0);
    const mg_sequence *was = table != NULL ? find(known, table) : NULL;
    int64_t number = sm_sql_i64(&q, 1);
    if (table != NULL && number > 0 && (was == NULL || was->number < number))
      q.err = add(&list, table, number);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK)
    *risen = list;
  else
    mg_sequences_free(&list);
  return err;
}

sm_err mg_sequences_learn(mg_sequences *known, const mg_sequences *risen) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < risen->count; i++) {
    mg_sequence *was = find(known, risen->item[i].table);
    if (was != NULL)
      was->number = risen->item[i].number;
    else
      err = add(known, risen->item[i].table, risen->item[i].number);
  }
  return err;
}

sm_err mg_sequences_put(mg_conn *conn, const mg_sequences *risen) {
  mg_bulk bulk;
  if (risen->count == 0) return SM_OK;
  mg_bulk_begin(&bulk, conn, MG_LEDGER_SEQUENCES);
  for (size_t i = 0; i < risen->count; i++)
    mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8(risen->item[i].table)),
                   BCON_NEW("$max", "{", "number", BCON_INT64(risen->item[i].number), "}"), true);
  return mg_bulk_end(&bulk);
}

void mg_sequences_note(bson_t *doc, const mg_sequences *risen) {
  bson_t list;
  if (risen->count == 0) return;
  BSON_APPEND_DOCUMENT_BEGIN(doc, "sequences", &list);
  for (size_t i = 0; i < risen->count; i++)
    BSON_APPEND_INT64(&list, risen->item[i].table, risen->item[i].number);
  bson_append_document_end(doc, &list);
}

static sm_err raise_one(sm_sql *db, const char *table, int64_t number) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1");
  sm_sql_bind_text(&q, 1, table);
  sm_sql_bind_i64(&q, 2, number);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK || sm_sql_changes(db) > 0) return err;
  q = sm_sql_use(db, "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE EXISTS "
                     "(SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)");
  sm_sql_bind_text(&q, 1, table);
  sm_sql_bind_i64(&q, 2, number);
  return sm_sql_run(&q);
}

sm_err mg_sequences_raise(sm_sql *db, const bson_t *doc) {
  bson_iter_t iter;
  bson_iter_t list;
  sm_err err = SM_OK;
  if (!bson_iter_init_find(&iter, doc, "sequences")) return SM_OK;
  if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &list)) return SM_ERR_CORRUPT;
  while (err == SM_OK && bson_iter_next(&list))
    err = raise_one(db, bson_iter_key(&list), bson_iter_as_int64(&list));
  return err;
}

sm_err mg_sequences_fill(mg_conn *conn, sm_sql *db) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_LEDGER_SEQUENCES, bson_new(), NULL);
  while ((doc = mg_find_next(&find)) != NULL) {
    const char *table = mg_text(doc, "_id");
    find.err = table != NULL ? raise_one(db, table, mg_i64(doc, "number")) : SM_ERR_CORRUPT;
  }
  return mg_find_end(&find);
}
