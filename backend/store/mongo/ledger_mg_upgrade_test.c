/* Documents of earlier versions become those of today: made of the files of tests/upgrade, which
 * earlier programs wrote, and held against what the embedded store makes of the same files. The
 * server is the double of tests/mongo (no MongoDB). */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger/ledger_test_util.h"
#include "store/mongo/ledger_mg.h"
#include "store/mongo/test_double.h"
#include "store/mongo/test_mongo.h"
#include "store/sqlite/sqlite_util.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { OLD = 9 }; /* what most tests begin with */

typedef struct world {
  char dir[64]; /* names the database too */
  char old[96]; /* a ledger of an earlier program */
} world;

/* ---- files ---- */

static void remove_all(const char *path) {
  DIR *dir = opendir(path);
  const struct dirent *entry;
  while (dir != NULL && (entry = readdir(dir)) != NULL) {
    char name[512];
    (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    (void)unlink(name);
  }
  if (dir != NULL) (void)closedir(dir);
  (void)rmdir(path);
}

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  (void)snprintf(w->dir, sizeof w->dir, "/tmp/sm-upgrade-XXXXXX");
  assert_non_null(mkdtemp(w->dir));
  (void)snprintf(w->old, sizeof w->old, "%s-old.db", w->dir);
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  test_mongo_drop(w->dir);
  mg_remove_file(w->old);
  remove_all(w->dir);
  free(w);
  return 0;
}

static void unpack(const world *w, int version) {
  char command[400];
  (void)snprintf(command, sizeof command, "tar -xJOf %s/ledger-%d.tar.xz ./ledger.db >%s",
                 SM_UPGRADE_FILES, version, w->old);
  assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
}

static sm_sql *open_file(const char *path) {
  sm_sql *db = NULL;
  assert_int_equal(sm_sql_open(&(sm_sql_options){.path = path, .trust_schema = true}, &db), SM_OK);
  return db;
}

/* ---- what a file holds, in whatever order ---- */

typedef struct sum {
  uint8_t of_rows[32];
  size_t rows;
} sum;

static sm_err add_row(void *context, const sm_copy_table *table, const sm_cell *cells) {
  sum *s = context;
  uint8_t digest[32];
  sm_buf text;
  bson_t *doc = mg_row_doc(table, cells);
  sm_buf_init(&text, 0);
  sm_buf_append_text(&text, table->name);
  sm_buf_append(&text, bson_get_data(doc), doc->len);
  bson_destroy(doc);
  sm_sha256(text.data, text.len, digest);
  sm_buf_fini(&text);
  for (size_t i = 0; i < sizeof digest; i++) s->of_rows[i] ^= digest[i];
  s->rows++;
  return SM_OK;
}

static sum sum_of(const char *path) {
  sum s = {.rows = 0};
  sm_copy_table *tables = NULL;
  size_t count = 0;
  sm_sql *db = open_file(path);
  assert_int_equal(sm_copy_tables(db, &tables, &count), SM_OK);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(sm_copy_rows(db, &tables[i], add_row, &s), SM_OK);
  sm_copy_tables_free(tables, count);
  sm_sql_close(db);
  return s;
}

static sum sum_of_copy(const char *dir) {
  char path[200];
  (void)snprintf(path, sizeof path, "%s/ledger-copy.db", dir);
  return sum_of(path);
}

/* What the embedded store makes of the file. */
static sum sum_expected(const world *w) {
  char before[120];
  sm_sql *db = NULL;
  assert_int_equal(sm_ledger_file_write(w->old, sm_ledger_schema_version(), NULL, NULL, &db),
                   SM_OK);
  sm_sql_close(db);
  for (int version = 1; version < sm_ledger_schema_version(); version++) {
    (void)snprintf(before, sizeof before, "%s.format-%d", w->old, version);
    (void)unlink(before);
  }
  return sum_of(w->old);
}

static void expect_sum(const sum *wanted, const sum *got) {
  assert_int_equal(got->rows, wanted->rows);
  assert_memory_equal(got->of_rows, wanted->of_rows, sizeof wanted->of_rows);
}

/* ---- documents of an earlier version ---- */

static void put_documents(const world *w, int version) {
  char url[TEST_MONGO_URL_MAX];
  mg_ledger ledger = {.schema = version};
  sm_sql *db = open_file(w->old);
  assert_int_equal(mg_pool_open(test_mongo_url(w->dir, url), &ledger.pool), SM_OK);
  mg_take(ledger.pool, &ledger.conn);
  assert_int_equal(sm_copy_tables(db, &ledger.tables, &ledger.table_count), SM_OK);
  assert_int_equal(mg_ledger_put(&ledger, db), SM_OK);
  sm_copy_tables_free(ledger.tables, ledger.table_count);
  mg_give(&ledger.conn);
  mg_pool_close(ledger.pool);
  sm_sql_close(db);
}

static sm_err open_at(const world *w, const char *dir, int schema, sm_ledger **ledger) {
  char url[TEST_MONGO_URL_MAX];
  const sm_mongo_options options = {.url = test_mongo_url(w->dir, url), .data_dir = dir};
  return mg_ledger_open_at(&options, schema, ledger);
}

static sm_err open_here(const world *w, sm_ledger **ledger) {
  return open_at(w, w->dir, sm_ledger_schema_version(), ledger);
}

/* Nothing is left of the attempts, and the audit log is what it was. */
static void expect_upgraded(const world *w, const sum *wanted) {
  sm_ledger *ledger = NULL;
  int64_t checked;
  int64_t bad_no;
  uint8_t head[32];
  assert_int_equal(open_here(w, &ledger), SM_OK);
  assert_int_equal(sm_ledger_audit_verify(ledger, &checked, &bad_no, head), SM_OK);
  assert_int_equal(bad_no, 0);
  sm_ledger_close(ledger);
  const sum got = sum_of_copy(w->dir);
  expect_sum(wanted, &got);
  /* And of the documents alone. */
  remove_all(w->dir);
  assert_int_equal(open_here(w, &ledger), SM_OK);
  sm_ledger_close(ledger);
  const sum anew = sum_of_copy(w->dir);
  expect_sum(wanted, &anew);
}

/* ---- tests ---- */

static void each_earlier_version_becomes_todays(void **state) {
  const world *w = *state;
  static const int versions[] = {1, 6, 10, 2, 3, 5, 8, 9};
  const char *all = getenv("SM_TEST_LONG");
  size_t count = all != NULL && all[0] == '1' ? sizeof versions / sizeof versions[0] : 3;
  for (size_t i = 0; i < count; i++) {
    unpack(w, versions[i]);
    put_documents(w, versions[i]);
    const sum wanted = sum_expected(w);
    expect_upgraded(w, &wanted);
    test_mongo_drop(w->dir);
    remove_all(w->dir);
  }
}

static void it_takes_a_number_and_what_is_not_changed_stays(void **state) {
  const world *w = *state;
  sm_ledger *ledger = NULL;
  unpack(w, OLD);
  put_documents(w, OLD);
  test_log_clear(w->dir);
  assert_int_equal(open_here(w, &ledger), SM_OK);
  sm_ledger_close(ledger);
  test_log log = test_log_read(w->dir);
  /* Version 10 gives devices a member more, and people nothing. */
  size_t renamed = 0;
  for (size_t i = 0; i < log.count; i++) {
    const char *to = mg_text(&log.entry[i], "to");
    if (to == NULL) continue;
    renamed++;
    assert_null(strstr(to, ".users"));
  }
  assert_in_range(renamed, 4, 8);
  test_log_free(&log);
}

/* Whatever fails at whatever step: the documents are of the old version, or somebody who opens them
 * makes them whole. */
static void an_upgrade_that_fails_is_gone_on_with(void **state) {
  const world *w = *state;
  static const char *const commands[] = {"find", "insert", "update", "create", "renameCollection"};
  sm_ledger *ledger = NULL;
  unpack(w, OLD);
  put_documents(w, OLD);
  char copy[120];
  (void)snprintf(copy, sizeof copy, "%s", w->old);
  const sum wanted = sum_expected(w);
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    for (int skip = 0; skip < 12; skip += 5) {
      test_command(w->dir, BCON_NEW("configureFailPoint", BCON_UTF8("failCommand"), "mode", "{",
                                    "skip", BCON_INT32(skip), "times", BCON_INT32(1), "}", "data",
                                    "{", "failCommands", "[", BCON_UTF8(commands[i]), "]",
                                    "errorCode", BCON_INT32(8000), "}"));
      sm_err err = open_here(w, &ledger);
      test_command(w->dir, BCON_NEW("configureFailPoint", BCON_UTF8("failCommand"), "mode",
                                    BCON_UTF8("off")));
      if (err == SM_OK) sm_ledger_close(ledger);
    }
    expect_upgraded(w, &wanted);
    test_mongo_drop(w->dir);
    remove_all(w->dir);
    unpack(w, OLD);
    put_documents(w, OLD);
  }
}

static pid_t open_in_child(const world *w, const char *dir) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child != 0) return child;
  sm_ledger *ledger = NULL;
  _exit(open_at(w, dir, sm_ledger_schema_version(), &ledger) == SM_OK ? 0 : 1);
}

static void killed_at_any_moment_it_is_gone_on_with(void **state) {
  const world *w = *state;
  enum { KILLS = 12, STEP_MS = 15 };
  unpack(w, OLD);
  put_documents(w, OLD);
  const sum wanted = sum_expected(w);
  int killed = 0;
  for (int i = 1; i <= KILLS; i++) {
    pid_t child = open_in_child(w, w->dir);
    int64_t pause_ms = (int64_t)i * STEP_MS;
    (void)nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000}, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status);
  }
  assert_true(killed > 0);
  expect_upgraded(w, &wanted);
}

static void of_servers_at_once_one_does_it(void **state) {
  const world *w = *state;
  enum { SERVERS = 3 };
  char dirs[SERVERS][80];
  pid_t child[SERVERS];
  unpack(w, OLD);
  put_documents(w, OLD);
  const sum wanted = sum_expected(w);
  for (int i = 0; i < SERVERS; i++) {
    (void)snprintf(dirs[i], sizeof dirs[i], "%s-%d", w->dir, i);
    child[i] = open_in_child(w, dirs[i]);
  }
  for (int i = 0; i < SERVERS; i++) {
    int status;
    assert_int_equal(waitpid(child[i], &status, 0), child[i]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    const sum got = sum_of_copy(dirs[i]);
    expect_sum(&wanted, &got);
    remove_all(dirs[i]);
  }
  expect_upgraded(w, &wanted);
}

static sm_err try_user(sm_ledger *ledger, uint8_t mark) {
  uint8_t sealed[3] = {mark, 0, mark};
  sm_user user = {.email_sealed = {sealed, sizeof sealed}, .role = SM_ROLE_CONSUMER};
  memset(user.email_hash, mark, sizeof user.email_hash);
  sm_err err = sm_ledger_user_add(ledger, tester, &user);
  free(user.user_id);
  return err;
}

/* A server of before goes on until then, and writes nothing behind it. */
static void older_programs_are_refused(void **state) {
  const world *w = *state;
  char dir[80];
  sm_ledger *older = NULL;
  sm_ledger *newer = NULL;
  (void)snprintf(dir, sizeof dir, "%s-old", w->dir);
  char url[TEST_MONGO_URL_MAX];
  const sm_mongo_options options = {.url = test_mongo_url(w->dir, url),
                                    .data_dir = dir,
                                    .zone = "Asia/Kolkata",
                                    .currency = "INR",
                                    .create = true};
  assert_int_equal(mg_ledger_open_at(&options, OLD, &older), SM_OK);
  assert_int_equal(try_user(older, 1), SM_OK);
  assert_int_equal(open_here(w, &newer), SM_OK);
  assert_int_equal(try_user(older, 2), SM_ERR_UNSUPPORTED);
  assert_int_equal(try_user(newer, 1), SM_ERR_EXISTS);
  assert_int_equal(try_user(newer, 3), SM_OK);
  sm_ledger_close(older);
  assert_int_equal(open_at(w, dir, OLD, &older), SM_ERR_UNSUPPORTED);
  assert_int_equal(test_count(w->dir, "users"), 2);
  sm_ledger_close(newer);
  /* And this one by what comes after it. */
  test_command(w->dir, BCON_NEW("update", BCON_UTF8(MG_LEDGER_META), "updates", "[", "{", "q", "{",
                                "_id", BCON_UTF8("head"), "}", "u", "{", "$set", "{", "schema",
                                BCON_INT64(sm_ledger_schema_version() + 1), "}", "}", "}", "]"));
  assert_int_equal(open_here(w, &newer), SM_ERR_UNSUPPORTED);
  remove_all(dir);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(each_earlier_version_becomes_todays),   T(it_takes_a_number_and_what_is_not_changed_stays),
      T(an_upgrade_that_fails_is_gone_on_with), T(killed_at_any_moment_it_is_gone_on_with),
      T(of_servers_at_once_one_does_it),        T(older_programs_are_refused),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
