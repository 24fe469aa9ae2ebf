/* The copy: made of the documents, and, for a new ledger, the documents of it. */
#include "store/mongo/ledger_mg.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- between processes ---- */

sm_err mg_copy_lock(mg_ledger *ledger, int64_t wait_ms) {
  int64_t until_ms = sm_clock_steady_ms() + wait_ms;
  while (flock(ledger->copy_lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return SM_ERR_IO;
    if (sm_clock_steady_ms() >= until_ms) return SM_ERR_BUSY;
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return SM_OK;
}

void mg_copy_unlock(mg_ledger *ledger) {
  (void)flock(ledger->copy_lock, LOCK_UN);
}

/* ---- the head ---- */

sm_err mg_head_read(mg_conn *conn, mg_head *head) {
  mg_find find;
  mg_find_begin(&find, conn, MG_LEDGER_META, BCON_NEW("_id", BCON_UTF8("head")), NULL);
  const bson_t *doc = mg_find_next(&find);
  const char *id = doc != NULL ? mg_text(doc, "ledger_id") : NULL;
  bool there = id != NULL;
  if (there) {
    (void)snprintf(head->id, sizeof head->id, "%s", id);
    head->schema = mg_i64(doc, "schema");
    head->number = mg_i64(doc, "number");
    head->upgrading = mg_has(doc, "upgrading");
  }
  sm_err err = mg_find_end(&find);
  return err == SM_OK && !there ? SM_ERR_NOT_FOUND : err;
}

/* ---- the file ---- */

void mg_remove_file(const char *file) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
    sm_buf path;
    sm_buf_init(&path, 0);
    sm_buf_printf(&path, "%s%s", file, suffixes[i]);
    (void)unlink(sm_buf_text(&path));
    sm_buf_fini(&path);
  }
}

static sm_err load_tables(mg_ledger *ledger, sm_sql *db) {
  sm_copy_tables_free(ledger->tables, ledger->table_count);
  ledger->tables = NULL;
  ledger->table_count = 0;
  return sm_copy_tables(db, &ledger->tables, &ledger->table_count);
}

/* Which ledger it is a copy of, and where it stands: from then on it is one. */
static sm_err say_where(sm_sql *db, const mg_head *head) {
  sm_err err = sm_sql_exec(db, "CREATE TABLE IF NOT EXISTS copy_state "
                               "(ledger_id TEXT NOT NULL, number INTEGER NOT NULL) STRICT;"
                               "DELETE FROM copy_state");
  sm_sql_stmt q = {.err = err};
  if (err == SM_OK) q = sm_sql_use(db, "INSERT INTO copy_state VALUES (?1, ?2)");
  if (err != SM_OK) return err;
  sm_sql_bind_text(&q, 1, head->id);
  sm_sql_bind_i64(&q, 2, head->number);
  return sm_sql_run(&q);
}

/* ---- a new ledger ---- */

static sm_err add_site(sm_sql *db, void *context) {
  const sm_mongo_options *options = context;
  return sm_ledger_add_site(db, options->zone, options->currency);
}

static sm_err put_row(void *context, const sm_copy_table *table, const sm_cell *cells) {
  mg_bulk *bulk = context;
  mg_bulk_insert(bulk, mg_row_doc(table, cells));
  return bulk->err;
}

static sm_err put_table(mg_ledger *ledger, sm_sql *db, const sm_copy_table *table) {
  char name[64];
  mg_bulk bulk;
  mg_collection_of(table->name, name);
  mg_bulk_begin(&bulk, &ledger->conn, name);
  sm_err err = sm_copy_rows(db, table, put_row, &bulk);
  sm_err end = mg_bulk_end(&bulk);
  return err != SM_OK ? err : end;
}

static sm_err put_head(mg_ledger *ledger) {
  uint8_t random[16];
  char id[33];
  mg_bulk bulk;
  sm_random_bytes(random, sizeof random);
  mg_bulk_begin(&bulk, &ledger->conn, MG_LEDGER_META);
  mg_bulk_insert(&bulk, BCON_NEW("_id", BCON_UTF8("head"), "ledger_id",
                                 BCON_UTF8(sm_hex(random, sizeof random, id)), "schema",
                                 BCON_INT64(ledger->schema), "number", BCON_INT64(0)));
  return mg_bulk_end(&bulk);
}

static bson_t *expiring(const char *collection) {
  enum { KEPT_S = 30 * 86400 };
  return BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key", "{", "at",
                  BCON_INT32(1), "}", "name", BCON_UTF8("expires"), "expireAfterSeconds",
                  BCON_INT32(KEPT_S), "}", "]");
}

/* Of the documents' own: that no number is given twice holds whatever writes them. */
static bson_t *unique(const char *collection, const char *member) {
  return BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key", "{", member,
                  BCON_INT32(1), "}", "name", BCON_UTF8(member), "unique", BCON_BOOL(true), "}",
                  "]");
}

sm_err mg_ledger_collection(mg_conn *conn, const char *collection, const char *name) {
  static const struct {
    const char *collection;
    const char *member;
  } ones[] = {{"invoices", "number"}, {"users", "user_id"}, {"devices", "device_id"}};
  sm_err err = mg_make(conn, BCON_NEW("create", BCON_UTF8(name)));
  for (size_t i = 0; err == SM_OK && i < sizeof ones / sizeof ones[0]; i++)
    if (strcmp(ones[i].collection, collection) == 0)
      err = mg_make(conn, unique(name, ones[i].member));
  return err;
}

/* Transactions of servers that run do not make collections. */
static sm_err make_collections(mg_ledger *ledger) {
  static const char *const others[] = {MG_LEDGER_META, MG_LEDGER_LOG, MG_LEDGER_PARTS,
                                       MG_LEDGER_SEQUENCES};
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < ledger->table_count; i++) {
    char name[64];
    mg_collection_of(ledger->tables[i].name, name);
    err = mg_ledger_collection(&ledger->conn, name, name);
  }
  for (size_t i = 0; err == SM_OK && i < sizeof others / sizeof others[0]; i++)
    err = mg_make(&ledger->conn, BCON_NEW("create", BCON_UTF8(others[i])));
  if (err == SM_OK) err = mg_make(&ledger->conn, expiring(MG_LEDGER_LOG));
  return err == SM_OK ? mg_make(&ledger->conn, expiring(MG_LEDGER_PARTS)) : err;
}

static sm_err put_sequences(mg_ledger *ledger, sm_sql *db) {
  mg_sequences all = {.count = 0};
  sm_err err = mg_sequences_risen(db, &(mg_sequences){.count = 0}, &all);
  if (err == SM_OK) err = mg_sequences_put(&ledger->conn, &all);
  mg_sequences_free(&all);
  return err;
}

sm_err mg_ledger_put(mg_ledger *ledger, sm_sql *db) {
  sm_err err = make_collections(ledger);
  if (err == SM_OK) err = mg_begin(&ledger->conn);
  if (err == SM_OK) err = put_head(ledger);
  for (size_t i = 0; err == SM_OK && i < ledger->table_count; i++)
    err = put_table(ledger, db, &ledger->tables[i]);
  if (err == SM_OK) err = put_sequences(ledger, db);
  if (err == SM_OK) err = mg_commit(&ledger->conn);
  mg_abort(&ledger->conn);
  return err == SM_ERR_CONFLICT ? SM_ERR_EXISTS : err;
}

static sm_err begin_copy(mg_conn *conn, sm_sql *db) {
  mg_head head;
  sm_err err = mg_head_read(conn, &head);
  if (err == SM_OK) err = sm_sql_begin_immediate(db);
  if (err != SM_OK) return err;
  head.number = 0;
  err = say_where(db, &head);
  if (err == SM_OK) return sm_sql_commit(db);
  sm_sql_rollback(db);
  return err;
}

sm_err mg_ledger_make(mg_ledger *ledger, const sm_mongo_options *options) {
  sm_mongo_options copy = *options;
  sm_sql *db = NULL;
  mg_remove_file(ledger->path);
  sm_err err = sm_ledger_file_write(ledger->path, ledger->schema, add_site, &copy, &db);
  if (err == SM_OK) err = load_tables(ledger, db);
  if (err == SM_OK) err = mg_ledger_put(ledger, db);
  if (err == SM_OK) err = begin_copy(&ledger->conn, db); /* what was put is what is here */
  sm_sql_close(db);
  if (err != SM_OK) mg_remove_file(ledger->path);
  return err;
}

/* ---- a new copy ---- */

static sm_err fill_table(mg_conn *conn, sm_sql *db, const sm_copy_table *table) {
  char name[64];
  mg_find find;
  const bson_t *doc;
  mg_collection_of(table->name, name);
  mg_find_begin(&find, conn, name, bson_new(), BCON_NEW("batchSize", BCON_INT32(1000)));
  while ((doc = mg_find_next(&find)) != NULL) {
    sm_cell cells[SM_COPY_COLUMNS_MAX];
    find.err = mg_row_take(doc, table, cells);
    if (find.err == SM_OK) find.err = sm_copy_put(db, table, cells);
  }
  return mg_find_end(&find);
}

sm_err mg_copy_fill(mg_conn *conn, sm_sql *db, const sm_copy_table *tables, size_t count) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) err = fill_table(conn, db, &tables[i]);
  return err == SM_OK ? mg_sequences_fill(conn, db) : err;
}

static sm_err empty(const mg_ledger *ledger, sm_sql *db) {
  sm_buf sql;
  sm_buf_init(&sql, 0);
  for (size_t i = 0; i < ledger->table_count; i++)
    sm_buf_printf(&sql, "DELETE FROM \"%s\";", ledger->tables[i].name);
  sm_err err = sql.err;
  if (err == SM_OK) err = sm_sql_exec(db, sm_buf_text(&sql));
  sm_buf_fini(&sql);
  return err;
}

/* All documents as they were at one moment, and the number of that moment, in place of what is
 * there. */
static sm_err fill(mg_ledger *ledger, mg_conn *conn, sm_sql *db) {
  mg_head head;
  sm_err err = sm_sql_begin_immediate(db);
  if (err != SM_OK) return err;
  err = empty(ledger, db);
  if (err == SM_OK) err = mg_head_read(conn, &head);
  if (err == SM_OK && (head.schema != ledger->schema || head.upgrading)) err = SM_ERR_UNSUPPORTED;
  if (err == SM_OK) err = mg_copy_fill(conn, db, ledger->tables, ledger->table_count);
  if (err == SM_OK) err = say_where(db, &head);
  if (err == SM_OK) return sm_sql_commit(db);
  sm_sql_rollback(db);
  return err;
}

static sm_err fill_from_snapshot(mg_ledger *ledger) {
  mg_conn conn;
  sm_err err = load_tables(ledger, ledger->follow);
  if (err != SM_OK) return err;
  mg_take(ledger->pool, &conn);
  err = mg_snapshot(&conn);
  if (err == SM_OK) err = fill(ledger, &conn, ledger->follow);
  mg_give(&conn);
  return err;
}

/* ---- the file ---- */

bool mg_copy_is_ours(const mg_ledger *ledger) {
  struct stat st;
  return stat(ledger->path, &st) == 0 && st.st_dev == ledger->device && st.st_ino == ledger->inode;
}

static sm_err open_file(mg_ledger *ledger) {
  struct stat st;
  sm_err err = sm_copy_open(ledger->path, &ledger->follow);
  if (err == SM_OK && stat(ledger->path, &st) != 0) err = SM_ERR_IO;
  if (err != SM_OK) return err;
  ledger->device = st.st_dev;
  ledger->inode = st.st_ino;
  return SM_OK;
}

static sm_err version_of(sm_sql *db, int64_t *version) {
  return sm_sql_query_i64(db, "PRAGMA user_version", version);
}

/* Other processes may have it open, and go on with it if it is filled where it is. */
static bool is_usable(const mg_ledger *ledger) {
  int64_t version = 0;
  if (ledger->follow == NULL || version_of(ledger->follow, &version) != SM_OK) return false;
  sm_sql_stmt q = sm_sql_use(ledger->follow, "PRAGMA quick_check(1)");
  const char *text = sm_sql_row(&q) ? sm_sql_text(&q, 0) : NULL;
  bool whole = text != NULL && strcmp(text, "ok") == 0;
  return sm_sql_end(&q) == SM_OK && whole && version == ledger->schema;
}

static sm_err replace_file(mg_ledger *ledger) {
  sm_sql *db = NULL;
  sm_sql_close(ledger->follow);
  ledger->follow = NULL;
  mg_remove_file(ledger->path);
  sm_err err = sm_ledger_file_write(ledger->path, ledger->schema, NULL, NULL, &db);
  sm_sql_close(db);
  return err == SM_OK ? open_file(ledger) : err;
}

static sm_err make_anew(mg_ledger *ledger) {
  bool usable = is_usable(ledger);
  sm_err err = usable ? fill_from_snapshot(ledger) : SM_ERR_CORRUPT;
  if (err == SM_ERR_CORRUPT) { /* of the file; or it is one of another version */
    err = replace_file(ledger);
    if (err == SM_OK) err = fill_from_snapshot(ledger);
  }
  if (err == SM_OK)
    sm_log(SM_LOG_INFO, "ledger.copied", SM_LOG_TEXT("file", ledger->path),
           SM_LOG_TEXT("how", usable ? "in place" : "a new file"));
  return err;
}

static sm_err open_copy(mg_ledger *ledger, const mg_head *head) {
  int64_t at = 0;
  int64_t version = 0;
  sm_err err = open_file(ledger);
  if (err == SM_OK) err = version_of(ledger->follow, &version);
  if (err == SM_OK && version != ledger->schema) err = SM_ERR_CORRUPT;
  if (err == SM_OK) err = mg_copy_at(ledger->follow, head->id, &at);
  if (err == SM_OK && at > head->number) err = SM_ERR_CORRUPT; /* the server's data went back */
  return err == SM_OK ? load_tables(ledger, ledger->follow) : err;
}

sm_err mg_copy_make(mg_ledger *ledger, const mg_head *head) {
  sm_err err = open_copy(ledger, head);
  if (err == SM_OK) err = mg_follow(ledger);
  if (err == SM_ERR_NOT_FOUND || err == SM_ERR_CORRUPT) err = make_anew(ledger);
  return err == SM_OK ? mg_follow(ledger) : err;
}
