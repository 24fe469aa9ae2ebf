/* The ledger's schema is written twice, for SQLite and for PostgreSQL: what one has the other must
 * have. Runs under tests/postgres/with_postgres. */
#include "base/buf.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"
#include "store/postgres/postgres.h"
#include "store/postgres/test_server.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
  char dir[64];
  sqlite3 *db;
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  char path[100];
  char url[TEST_SERVER_URL_MAX];
  sm_ledger *ledger = NULL;
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-same-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  (void)test_server_create(f->dir, "");
  const sm_embedded_options here = {.data_dir = f->dir, .zone = "UTC", .currency = "INR"};
  const sm_postgres_options there = {.url = test_server_url(f->dir, url),
                                     .data_dir = f->dir,
                                     .zone = "UTC",
                                     .currency = "INR",
                                     .create = true};
  assert_int_equal(sm_embedded_ledger_open(&here, &ledger), SM_OK);
  sm_ledger_close(ledger);
  assert_int_equal(sm_postgres_ledger_open(&there, &ledger), SM_OK);
  sm_ledger_close(ledger);
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &f->db), SQLITE_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  static const char *const names[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm"};
  (void)sqlite3_close(f->db);
  test_server_drop(f->dir);
  for (size_t i = 0; i < 3; i++) {
    char path[100];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
    (void)unlink(path);
  }
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

/* Each row that SQLite gives is a question to PostgreSQL, whose answer is `wanted`. They are asked
 * together; one by one only to find which it was. */
static int64_t ask_all(const fixture *f, const char *rows, int64_t wanted, bool together,
                       sm_buf *all) {
  sqlite3_stmt *stmt;
  int64_t count = 0;
  assert_int_equal(sqlite3_prepare_v2(f->db, rows, -1, &stmt, NULL), SQLITE_OK);
  for (; sqlite3_step(stmt) == SQLITE_ROW; count++) {
    const char *question = (const char *)sqlite3_column_text(stmt, 0);
    if (!together && test_server_i64(f->dir, question) != wanted) fail_msg("not so: %s", question);
    sm_buf_printf(all, "%s(SELECT CAST((%s) AS int) AS got)", count > 0 ? " UNION ALL " : "",
                  question);
  }
  assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
  return count;
}

static void ask_each(const fixture *f, const char *rows, int64_t wanted, int64_t least) {
  sm_buf all;
  sm_buf_init(&all, 0);
  sm_buf_append_text(&all, "SELECT count(*) FROM (");
  assert_true(ask_all(f, rows, wanted, true, &all) >= least);
  sm_buf_printf(&all, ") answers WHERE got <> %lld", (long long)wanted);
  if (test_server_i64(f->dir, sm_buf_text(&all)) != 0) (void)ask_all(f, rows, wanted, false, &all);
  sm_buf_fini(&all);
}

static int64_t here_i64(const fixture *f, const char *sql) {
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(f->db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  int64_t value = sqlite3_column_int64(stmt, 0);
  assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
  return value;
}

/* Type and NOT NULL of each column too; a column of a primary key is never NULL in either. */
static void each_column_is_there(void **state) {
  const fixture *f = *state;
  ask_each(
      f,
      "SELECT printf('SELECT count(*) FROM pg_attribute WHERE attrelid = "
      "to_regclass(''smartmeter.\"%s\"'') AND attname = ''%s'' AND format_type(atttypid, NULL) "
      "= ''%s'' AND attnotnull = %s', m.name, p.name, CASE p.type WHEN 'INTEGER' THEN 'bigint' "
      "WHEN 'TEXT' THEN 'text' ELSE 'bytea' END, iif(p.\"notnull\" OR p.pk, 'true', 'false')) "
      "FROM sqlite_schema m JOIN pragma_table_info(m.name) p "
      "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
      1, 200);
  /* And nothing more, but for the schema's own version. */
  assert_int_equal(
      test_server_i64(f->dir, "SELECT count(*) FROM information_schema.columns c "
                              "JOIN information_schema.tables t "
                              "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
                              "WHERE c.table_schema = 'smartmeter' AND t.table_type = 'BASE TABLE' "
                              "AND t.table_name <> 'schema_version'"),
      here_i64(f, "SELECT count(*) FROM sqlite_schema m JOIN pragma_table_info(m.name) p "
                  "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"));
}

static void each_trigger_is_there(void **state) {
  ask_each(*state,
           "SELECT printf('SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
           "WHERE t.tgname = ''%s'' AND c.relname = ''%s''', name, tbl_name) "
           "FROM sqlite_schema WHERE type = 'trigger'",
           1, 60);
}

/* As many unique indexes and foreign keys of each table. */
static void each_table_is_as_strict(void **state) {
  const fixture *f = *state;
  ask_each(f,
           "SELECT printf('SELECT count(*) = %d FROM pg_constraint c WHERE c.contype = ''f'' AND "
           "c.conrelid = to_regclass(''smartmeter.\"%s\"'')', (SELECT count(DISTINCT id) FROM "
           "pragma_foreign_key_list(m.name)), m.name) FROM sqlite_schema m WHERE m.type = 'table' "
           "AND m.name NOT LIKE 'sqlite_%'",
           1, 25);
  ask_each(f,
           "SELECT printf('SELECT count(*) = %d FROM pg_index i WHERE i.indisunique AND NOT "
           "i.indisprimary AND i.indrelid = to_regclass(''smartmeter.\"%s\"'')', (SELECT count(*) "
           "FROM pragma_index_list(m.name) WHERE \"unique\" AND origin <> 'pk'), m.name) "
           "FROM sqlite_schema m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
           1, 25);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_column_is_there),
      cmocka_unit_test(each_trigger_is_there),
      cmocka_unit_test(each_table_is_as_strict),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
