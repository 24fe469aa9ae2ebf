#include "store/sqlite/sql_migrate.h"
#include "store/sqlite/sqlite_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
  char dir[64];
  char path[80];
  sm_sql *db;
} fixture;

static sm_err open_db(const char *path, bool create, bool read_only, sm_sql **db) {
  return sm_sql_open(&(sm_sql_options){.path = path, .create = create, .read_only = read_only}, db);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-sqlite-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  (void)snprintf(f->path, sizeof f->path, "%s/x.db", f->dir);
  assert_int_equal(open_db(f->path, true, false, &f->db), SM_OK);
  assert_int_equal(sm_sql_exec(f->db, "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT UNIQUE "
                                      "CHECK (v <> 'bad'), b BLOB, r INTEGER REFERENCES t) STRICT"),
                   SM_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  sm_sql_close(f->db);
  (void)unlink(f->path);
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

static sm_err put(sm_sql *db, const char *text, const void *blob, size_t len, int64_t reference) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO t (v, b, r) VALUES (?1, ?2, nullif(?3, 0))");
  sm_sql_bind_text(&q, 1, text);
  sm_sql_bind_blob(&q, 2, blob, len);
  sm_sql_bind_i64(&q, 3, reference);
  return sm_sql_run(&q);
}

static void values_come_back_as_bound(void **state) {
  fixture *f = *state;
  assert_int_equal(put(f->db, "0012", "a\0b", 3, 0), SM_OK);
  assert_int_equal(put(f->db, NULL, "", 0, 0), SM_OK);
  assert_int_equal(put(f->db, "x", NULL, 0, 0), SM_OK);
  assert_int_equal(sm_sql_last_insert_no(f->db), 3);
  char *text;
  uint8_t *blob;
  size_t len;
  sm_sql_stmt q = sm_sql_use(f->db, "SELECT v, b FROM t ORDER BY k");
  assert_true(sm_sql_row(&q));
  sm_sql_take_text(&q, 0, &text);
  sm_sql_take_blob(&q, 1, &blob, &len);
  assert_string_equal(text, "0012");
  assert_int_equal(len, 3);
  assert_memory_equal(blob, "a\0b", 3);
  free(text);
  free(blob);
  assert_true(sm_sql_row(&q));
  sm_sql_take_text(&q, 0, &text);
  sm_sql_take_blob(&q, 1, &blob, &len);
  assert_null(text);
  assert_non_null(blob); /* empty is not absent */
  assert_int_equal(len, 0);
  free(blob);
  assert_true(sm_sql_row(&q));
  sm_sql_take_blob(&q, 1, &blob, &len);
  assert_null(blob);
  assert_false(sm_sql_row(&q));
  assert_int_equal(sm_sql_end(&q), SM_OK);
}

static void constraints_have_their_errors(void **state) {
  fixture *f = *state;
  assert_int_equal(put(f->db, "one", NULL, 0, 0), SM_OK);
  assert_int_equal(put(f->db, "one", NULL, 0, 0), SM_ERR_EXISTS);
  assert_int_equal(put(f->db, "bad", NULL, 0, 0), SM_ERR_INVALID);
  assert_int_equal(put(f->db, "two", NULL, 0, 99), SM_ERR_CONFLICT); /* foreign key */
  assert_int_equal(put(f->db, "two", NULL, 0, 1), SM_OK);            /* the statement still works */
}

static void the_first_failure_sticks(void **state) {
  fixture *f = *state;
  sm_sql_stmt q = sm_sql_use(f->db, "SELECT nothing FROM nowhere");
  sm_sql_bind_i64(&q, 1, 1);
  assert_false(sm_sql_row(&q));
  assert_int_equal(sm_sql_end(&q), SM_ERR_INTERNAL);
  q = sm_sql_use(f->db, "SELECT 1 WHERE ?1");
  sm_sql_bind_i64(&q, 7, 1); /* there is no ?7 */
  sm_sql_bind_i64(&q, 1, 1);
  assert_false(sm_sql_row(&q));
  assert_int_equal(sm_sql_end(&q), SM_ERR_INTERNAL);
}

static void double_quotes_are_no_texts(void **state) {
  fixture *f = *state;
  assert_int_equal(sm_sql_exec(f->db, "SELECT \"nothing\""), SM_ERR_INTERNAL);
}

static void a_lock_of_another_is_busy(void **state) {
  fixture *f = *state;
  sm_sql *other;
  assert_int_equal(open_db(f->path, false, false, &other), SM_OK);
  assert_int_equal(sm_sql_begin_immediate(other), SM_OK);
  assert_int_equal(sm_sql_begin_immediate(f->db), SM_ERR_BUSY);
  assert_int_equal(put(f->db, "x", NULL, 0, 0), SM_ERR_BUSY);
  sm_sql_rollback(other);
  assert_int_equal(put(f->db, "x", NULL, 0, 0), SM_OK);
  sm_sql_close(other);
}

static void a_reader_sees_one_snapshot_and_never_writes(void **state) {
  fixture *f = *state;
  sm_sql *reader;
  assert_int_equal(open_db(f->path, false, true, &reader), SM_OK);
  assert_int_equal(put(reader, "x", NULL, 0, 0), SM_ERR_IO);
  int64_t count = -1;
  assert_int_equal(sm_sql_begin(reader), SM_OK);
  assert_int_equal(sm_sql_query_i64(reader, "SELECT count(*) FROM t", &count), SM_OK);
  assert_int_equal(put(f->db, "x", NULL, 0, 0), SM_OK);
  assert_int_equal(sm_sql_query_i64(reader, "SELECT count(*) FROM t", &count), SM_OK);
  assert_int_equal(count, 0);
  sm_sql_rollback(reader);
  assert_int_equal(sm_sql_query_i64(reader, "SELECT count(*) FROM t", &count), SM_OK);
  assert_int_equal(count, 1);
  assert_int_equal(sm_sql_query_i64(reader, "SELECT k FROM t WHERE k = 9", &count),
                   SM_ERR_NOT_FOUND);
  sm_sql_close(reader);
}

static void a_missing_file_is_made_only_on_request(void **state) {
  fixture *f = *state;
  char path[100];
  (void)snprintf(path, sizeof path, "%s/none.db", f->dir);
  sm_sql *db;
  assert_int_equal(open_db(path, false, false, &db), SM_ERR_NOT_FOUND);
  assert_int_equal(open_db("/nonexistent/x.db", true, false, &db), SM_ERR_IO);
  struct stat st;
  assert_int_equal(stat(f->path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static sm_err count_init(sm_sql *db, void *context) {
  (void)db;
  ++*(int *)context;
  return SM_OK;
}

/* What was there before the steps that followed, and nothing half beside it. */
static void is_copy_of(const char *path, int version) {
  char copy[120];
  char partial[140];
  (void)snprintf(copy, sizeof copy, "%s.format-%d", path, version);
  (void)snprintf(partial, sizeof partial, "%s.partial", copy);
  struct stat st;
  assert_int_equal(stat(copy, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_not_equal(stat(partial, &st), 0);
  sm_sql *db;
  int64_t value = 0;
  assert_int_equal(open_db(copy, false, false, &db), SM_OK);
  assert_int_equal(sm_sql_query_i64(db, "PRAGMA user_version", &value), SM_OK);
  assert_int_equal(value, version);
  assert_int_equal(sm_sql_query_i64(db, "SELECT count(*) FROM pragma_table_info('a')", &value),
                   SM_OK);
  assert_int_equal(value, version);
  sm_sql_close(db);
  assert_int_equal(unlink(copy), 0);
}

static void migrations_go_forward_once(void **state) {
  fixture *f = *state;
  char path[100];
  (void)snprintf(path, sizeof path, "%s/m.db", f->dir);
  static const sm_sql_migration steps[] = {{"CREATE TABLE a (x INTEGER) STRICT"},
                                           {"ALTER TABLE a ADD COLUMN y INTEGER"},
                                           {"CREATE TABLE b (; broken"}};
  sm_sql *db;
  int inits = 0;
  assert_int_equal(open_db(path, true, false, &db), SM_OK);
  assert_int_equal(sm_sql_migrate(db, 7, steps, 1, count_init, &inits), SM_OK);
  assert_int_equal(sm_sql_migrate(db, 7, steps, 1, count_init, &inits), SM_OK);
  assert_int_equal(sm_sql_migrate(db, 7, steps, 2, count_init, &inits), SM_OK);
  assert_int_equal(inits, 1); /* for a new file only */
  is_copy_of(path, 1);
  assert_int_equal(sm_sql_exec(db, "INSERT INTO a (x, y) VALUES (1, 2)"), SM_OK);
  assert_int_equal(sm_sql_migrate(db, 7, steps, 1, NULL, NULL), SM_ERR_UNSUPPORTED);
  assert_int_equal(sm_sql_migrate(db, 8, steps, 2, NULL, NULL), SM_ERR_CORRUPT);
  assert_int_equal(sm_sql_migrate(db, 7, steps, 3, NULL, NULL), SM_ERR_INTERNAL);
  assert_int_equal(sm_sql_migrate(db, 7, steps, 2, NULL, NULL), SM_OK);             /* as it was */
  assert_int_equal(sm_sql_migrate(f->db, 7, steps, 2, NULL, NULL), SM_ERR_CORRUPT); /* not ours */
  is_copy_of(path, 2); /* of the attempt that failed */
  sm_sql_close(db);
  (void)unlink(path);
}

/* As SQLite does by itself without memory or disk. */
static void what_follows_a_lost_transaction_is_not_stored(void **state) {
  fixture *f = *state;
  assert_int_equal(put(f->db, "before", NULL, 0, 0), SM_OK);
  assert_int_equal(sm_sql_begin_immediate(f->db), SM_OK);
  assert_int_equal(put(f->db, "in", NULL, 0, 0), SM_OK);
  sm_sql_stmt q = sm_sql_use(f->db, "INSERT OR ROLLBACK INTO t (v) VALUES ('before')");
  assert_int_equal(sm_sql_run(&q), SM_ERR_EXISTS);
  assert_int_equal(put(f->db, "behind", NULL, 0, 0), SM_ERR_INTERNAL);
  assert_int_equal(sm_sql_exec(f->db, "DELETE FROM t"), SM_ERR_INTERNAL);
  assert_int_equal(sm_sql_commit(f->db), SM_ERR_INTERNAL);
  int64_t count = 0;
  assert_int_equal(sm_sql_query_i64(f->db, "SELECT count(*) FROM t", &count), SM_OK);
  assert_int_equal(count, 1);
  assert_int_equal(sm_sql_begin_immediate(f->db), SM_OK);
  assert_int_equal(put(f->db, "in", NULL, 0, 0), SM_OK);
  assert_int_equal(sm_sql_commit(f->db), SM_OK);
}

static void the_way_out_of_a_transaction_takes_no_memory(void **state) {
  fixture *f = *state;
  assert_int_equal(sqlite3_db_config(sm_sql_handle(f->db), SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0),
                   SQLITE_OK);
  assert_int_equal(sm_sql_begin_immediate(f->db), SM_OK);
  assert_int_equal(put(f->db, "in", NULL, 0, 0), SM_OK);
  sqlite3_int64 before = sqlite3_hard_heap_limit64(1);
  sm_sql_rollback(f->db);
  (void)sqlite3_hard_heap_limit64(before);
  assert_int_equal(sm_sql_begin_immediate(f->db), SM_OK);
  sm_sql_rollback(f->db);
}

#define SQL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  /* With its account of memory, which the program does without: a limit wants it. */
  if (sqlite3_initialize() != SQLITE_OK) return 1;
  const struct CMUnitTest tests[] = {
      SQL_TEST(values_come_back_as_bound),
      SQL_TEST(constraints_have_their_errors),
      SQL_TEST(the_first_failure_sticks),
      SQL_TEST(double_quotes_are_no_texts),
      SQL_TEST(a_lock_of_another_is_busy),
      SQL_TEST(a_reader_sees_one_snapshot_and_never_writes),
      SQL_TEST(a_missing_file_is_made_only_on_request),
      SQL_TEST(what_follows_a_lost_transaction_is_not_stored),
      SQL_TEST(the_way_out_of_a_transaction_takes_no_memory),
      SQL_TEST(migrations_go_forward_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
