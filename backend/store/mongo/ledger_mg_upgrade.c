/* The documents become those of a newer version of the schema.
 *
 * What a version changes are statements of SQL (store/embedded/ledger_N.sql). They run on a file
 * that is made of the documents, and the tables of which the rows are others then go to collections
 * of their own, beside those that are in use: "upgrade_<attempt>_<collection>". So far nothing has
 * changed: cut off, it is begun anew. Then one update of the head says that the documents are of
 * the new version, takes a number of the log, so that no older copy can go on, and names what is to
 * be put in its place. From there on older programs are refused, and whoever is next goes on with
 * it: each collection takes the other's place by a renaming, which done twice is done once.
 *
 * It is done with the head's lock, which is prolonged meanwhile. If it is lost all the same, the
 * number and the version in the head say who was first. */
#include "store/mongo/ledger_mg.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASIDE "upgrade_"

enum { WAIT_MS = 60000, ROWS_AT_ONCE = 1000 };

typedef struct print { /* of a table's rows */
  char table[64];
  uint8_t digest[32];
} print;

typedef struct prints {
  print *item; /* heap */
  size_t count;
} prints;

typedef struct upgrade {
  mg_ledger *ledger;
  mg_head head; /* as it was when the lock was taken */
  char *path;   /* of the file */
  char attempt[17];
  prints before;
  prints after;
  bson_t put; /* arrays of names of collections */
  bson_t gone;
  uint32_t put_count;
  uint32_t gone_count;
} upgrade;

/* ---- what differs ---- */

static sm_err add_row(void *context, const sm_copy_table *table, const sm_cell *cells) {
  print *p = context;
  sm_buf both;
  bson_t *doc = mg_row_doc(table, cells);
  sm_buf_init(&both, 0);
  sm_buf_append(&both, p->digest, sizeof p->digest);
  sm_buf_append(&both, bson_get_data(doc), doc->len);
  bson_destroy(doc);
  sm_err err = both.err;
  if (err == SM_OK) sm_sha256(both.data, both.len, p->digest);
  sm_buf_fini(&both);
  return err;
}

/* Of tables whose columns have other names, the rows have other members. */
static sm_err take_prints(sm_sql *db, const sm_copy_table *tables, size_t count, prints *out) {
  sm_err err = SM_OK;
  out->item = calloc(count + 1, sizeof *out->item);
  if (out->item == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    print *p = &out->item[out->count++];
    (void)snprintf(p->table, sizeof p->table, "%s", tables[i].name);
    err = sm_copy_rows(db, &tables[i], add_row, p);
  }
  return err;
}

static const print *print_of(const prints *list, const char *table) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->item[i].table, table) == 0) return &list->item[i];
  return NULL;
}

static void add_name(bson_t *array, uint32_t *count, const char *table) {
  char collection[64];
  char name[16];
  const char *index;
  mg_collection_of(table, collection);
  size_t len = bson_uint32_to_string((*count)++, &index, name, sizeof name);
  bson_append_utf8(array, index, (int)len, collection, -1);
}

static bool differs(const upgrade *u, const print *after) {
  const print *before = print_of(&u->before, after->table);
  return before == NULL || memcmp(before->digest, after->digest, sizeof after->digest) != 0;
}

/* ---- the file: of the old version, and then of the new one ---- */

/* As the ledger's head is ours, they are those of its number. */
static sm_err fill_file(upgrade *u, sm_sql *db, const sm_copy_table *tables, size_t count) {
  mg_conn conn;
  mg_head head = {.number = -1};
  sm_err err = sm_sql_begin_immediate(db);
  if (err != SM_OK) return err;
  mg_take(u->ledger->pool, &conn);
  err = mg_snapshot(&conn);
  if (err == SM_OK) err = mg_head_read(&conn, &head);
  if (err == SM_OK && (head.number != u->head.number || head.schema != u->head.schema))
    err = SM_ERR_BUSY;
  if (err == SM_OK) err = mg_copy_fill(&conn, db, tables, count);
  mg_give(&conn);
  if (err == SM_OK) return sm_sql_commit(db);
  sm_sql_rollback(db);
  return err;
}

static sm_err make_old_file(upgrade *u) {
  sm_sql *db = NULL;
  sm_copy_table *tables = NULL;
  size_t count = 0;
  mg_remove_file(u->path);
  sm_err err = sm_ledger_file_write(u->path, (int)u->head.schema, NULL, NULL, &db);
  sm_sql_close(db);
  db = NULL;
  if (err == SM_OK) err = sm_copy_open(u->path, &db);
  if (err == SM_OK) err = sm_copy_tables(db, &tables, &count);
  if (err == SM_OK) err = fill_file(u, db, tables, count);
  if (err == SM_OK) err = take_prints(db, tables, count, &u->before);
  sm_copy_tables_free(tables, count);
  sm_sql_close(db);
  return err;
}

/* MongoDB's own backups are the copy of before. */
static void remove_old_copy(const upgrade *u) {
  sm_buf path;
  sm_buf_init(&path, 0);
  sm_buf_printf(&path, "%s.format-%lld", u->path, (long long)u->head.schema);
  (void)unlink(sm_buf_text(&path));
  sm_buf_fini(&path);
}

/* ---- collections beside ---- */

typedef struct putting {
  mg_ledger *ledger;
  const char *name;
  mg_bulk bulk;
} putting;

static sm_err put_row(void *context, const sm_copy_table *table, const sm_cell *cells) {
  putting *p = context;
  mg_bulk_insert(&p->bulk, mg_row_doc(table, cells));
  if (p->bulk.err != SM_OK || p->bulk.count < ROWS_AT_ONCE) return p->bulk.err;
  sm_err err = mg_bulk_end(&p->bulk);
  mg_bulk_begin(&p->bulk, &p->ledger->conn, p->name);
  return err == SM_OK ? mg_head_keep(p->ledger) : err;
}

static void name_aside(const char *attempt, const char *collection, char name[160]) {
  (void)snprintf(name, 160, ASIDE "%s_%s", attempt, collection);
}

static sm_err put_table(upgrade *u, sm_sql *db, const sm_copy_table *table) {
  char collection[64];
  char name[160];
  mg_ledger *ledger = u->ledger;
  putting p = {.ledger = ledger, .name = name};
  mg_collection_of(table->name, collection);
  name_aside(u->attempt, collection, name);
  sm_err err = mg_ledger_collection(&ledger->conn, collection, name);
  if (err != SM_OK) return err;
  mg_bulk_begin(&p.bulk, &ledger->conn, name);
  err = sm_copy_rows(db, table, put_row, &p);
  sm_err end = mg_bulk_end(&p.bulk);
  add_name(&u->put, &u->put_count, table->name);
  return err != SM_OK ? err : end;
}

static sm_err put_tables(upgrade *u, sm_sql *db, const sm_copy_table *tables, size_t count) {
  sm_err err = take_prints(db, tables, count, &u->after);
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    if (differs(u, &u->after.item[i])) err = put_table(u, db, &tables[i]);
    if (err == SM_OK) err = mg_head_keep(u->ledger);
  }
  for (size_t i = 0; err == SM_OK && i < u->before.count; i++)
    if (print_of(&u->after, u->before.item[i].table) == NULL)
      add_name(&u->gone, &u->gone_count, u->before.item[i].table);
  return err;
}

static sm_err put_sequences(mg_ledger *ledger, sm_sql *db) {
  mg_sequences all = {.count = 0};
  sm_err err = mg_make(&ledger->conn, BCON_NEW("create", BCON_UTF8(MG_LEDGER_SEQUENCES)));
  if (err == SM_OK) err = mg_sequences_risen(db, &(mg_sequences){.count = 0}, &all);
  if (err == SM_OK) err = mg_sequences_put(&ledger->conn, &all);
  mg_sequences_free(&all);
  return err;
}

static sm_err put_new_file(upgrade *u) {
  sm_sql *db = NULL;
  sm_copy_table *tables = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_file_write(u->path, u->ledger->schema, NULL, NULL, &db);
  if (err == SM_OK) err = mg_head_keep(u->ledger);
  if (err == SM_OK) err = sm_copy_tables(db, &tables, &count);
  if (err == SM_OK) err = put_tables(u, db, tables, count);
  if (err == SM_OK) err = put_sequences(u->ledger, db);
  sm_copy_tables_free(tables, count);
  sm_sql_close(db);
  return err;
}

/* ---- the step between ---- */

static sm_err say_so(upgrade *u) {
  mg_bulk bulk;
  mg_ledger *ledger = u->ledger;
  int64_t number = u->head.number;
  mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_META);
  mg_bulk_update(&bulk,
                 BCON_NEW("_id", BCON_UTF8("head"), "number", BCON_INT64(number), "schema",
                          BCON_INT64(u->head.schema), "holder", BCON_UTF8(ledger->me)),
                 BCON_NEW("$set", "{", "number", BCON_INT64(number + 1), "schema",
                          BCON_INT64(ledger->schema), "upgrading", "{", "attempt",
                          BCON_UTF8(u->attempt), "put", BCON_ARRAY(&u->put), "gone",
                          BCON_ARRAY(&u->gone), "}", "}"),
                 false);
  sm_err err = mg_bulk_end(&bulk);
  return err == SM_OK && bulk.matched != 1 ? SM_ERR_BUSY : err;
}

static void fini(upgrade *u) {
  if (u->path != NULL) mg_remove_file(u->path);
  if (u->path != NULL) remove_old_copy(u);
  free(u->path);
  free(u->before.item);
  free(u->after.item);
  bson_destroy(&u->put);
  bson_destroy(&u->gone);
}

static sm_err prepare(mg_ledger *ledger, const mg_head *head) {
  uint8_t random[8];
  upgrade u = {.ledger = ledger, .head = *head};
  bson_init(&u.put);
  bson_init(&u.gone);
  sm_random_bytes(random, sizeof random);
  (void)sm_hex(random, sizeof random, u.attempt);
  u.path = sm_path_join(ledger->data_dir, "ledger-upgrade.db");
  sm_log(SM_LOG_INFO, "ledger.upgrades", SM_LOG_INT("from", head->schema),
         SM_LOG_INT("to", ledger->schema));
  sm_err err = u.path != NULL ? make_old_file(&u) : SM_ERR_NOMEM;
  if (err == SM_OK) err = mg_head_keep(ledger);
  if (err == SM_OK) err = put_new_file(&u);
  if (err == SM_OK) err = say_so(&u);
  fini(&u);
  return err;
}

/* ---- into their places ---- */

typedef sm_err (*name_fn)(mg_conn *conn, const char *attempt, const char *collection);

static sm_err put_in_place(mg_conn *conn, const char *attempt, const char *collection) {
  char name[160];
  name_aside(attempt, collection, name);
  return mg_rename(conn, name, collection);
}

static sm_err take_away(mg_conn *conn, const char *attempt, const char *collection) {
  (void)attempt;
  return mg_drop(conn, collection);
}

static sm_err each_name(mg_ledger *ledger, const bson_t *head, const char *path, name_fn each) {
  bson_iter_t iter;
  bson_iter_t found;
  bson_iter_t list;
  const char *attempt = mg_text(head, "upgrading.attempt");
  sm_err err = SM_OK;
  if (attempt == NULL || !bson_iter_init(&iter, head) ||
      !bson_iter_find_descendant(&iter, path, &found) || !bson_iter_recurse(&found, &list))
    return SM_ERR_CORRUPT;
  while (err == SM_OK && bson_iter_next(&list)) {
    const char *name = BSON_ITER_HOLDS_UTF8(&list) ? bson_iter_utf8(&list, NULL) : NULL;
    err = name != NULL && strlen(name) < 64 ? each(&ledger->conn, attempt, name) : SM_ERR_CORRUPT;
    if (err == SM_OK) err = mg_head_keep(ledger);
  }
  return err;
}

/* What attempts that came to nothing have left: those that are there now. Who comes behind has a
 * new name for his. */
static sm_err drop_aside(mg_conn *conn, char **names) {
  sm_err err = SM_OK;
  for (char **name = names; err == SM_OK && *name != NULL; name++)
    if (strncmp(*name, ASIDE, sizeof ASIDE - 1) == 0) err = mg_drop(conn, *name);
  return err;
}

static sm_err say_done(mg_ledger *ledger) {
  mg_bulk bulk;
  char **names = NULL;
  sm_err err = mg_names(&ledger->conn, &names);
  if (err != SM_OK) return err;
  mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_META);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("head"), "holder", BCON_UTF8(ledger->me)),
                 BCON_NEW("$unset", "{", "upgrading", BCON_UTF8(""), "}"), false);
  err = mg_bulk_end(&bulk);
  if (err == SM_OK && bulk.matched != 1) err = SM_ERR_BUSY;
  if (err == SM_OK) err = drop_aside(&ledger->conn, names);
  bson_strfreev(names);
  return err;
}

static sm_err finish(mg_ledger *ledger) {
  mg_find find;
  bson_t *head = NULL;
  mg_find_begin(&find, &ledger->conn, MG_LEDGER_META, BCON_NEW("_id", BCON_UTF8("head")), NULL);
  const bson_t *doc = mg_find_next(&find);
  if (doc != NULL) head = bson_copy(doc);
  sm_err err = mg_find_end(&find);
  if (err == SM_OK && head == NULL) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) err = each_name(ledger, head, "upgrading.put", put_in_place);
  if (err == SM_OK) err = each_name(ledger, head, "upgrading.gone", take_away);
  if (err == SM_OK) err = say_done(ledger);
  bson_destroy(head);
  if (err == SM_OK) sm_log(SM_LOG_INFO, "ledger.upgraded", SM_LOG_INT("to", ledger->schema));
  return err;
}

static sm_err complain_newer(const mg_ledger *ledger, const mg_head *head) {
  sm_log(SM_LOG_ERROR, "ledger.schema", SM_LOG_INT("documents", head->schema),
         SM_LOG_INT("program", ledger->schema),
         SM_LOG_TEXT("message", "the documents are of a newer version of this program"));
  return SM_ERR_UNSUPPORTED;
}

static sm_err upgrade_locked(mg_ledger *ledger) {
  mg_head head;
  sm_err err = mg_head_read(&ledger->conn, &head);
  if (err != SM_OK) return err;
  if (head.schema > ledger->schema) return complain_newer(ledger, &head);
  /* An upgrade that was cut off is gone on with, before the next one. */
  if (head.upgrading) err = finish(ledger);
  if (err != SM_OK || head.schema == ledger->schema) return err;
  err = prepare(ledger, &head);
  return err == SM_OK ? finish(ledger) : err;
}

sm_err mg_upgrade(mg_ledger *ledger) {
  mg_head head;
  sm_err err = mg_head_read(&ledger->conn, &head);
  if (err == SM_OK && head.schema > ledger->schema) return complain_newer(ledger, &head);
  if (err == SM_OK) err = mg_head_take(ledger, WAIT_MS);
  if (err != SM_OK) return err;
  err = upgrade_locked(ledger);
  mg_head_give(ledger);
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}
