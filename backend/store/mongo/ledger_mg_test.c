/* What the ledger sends to a server, what it does when that fails, and several servers. The server
 * is the double of tests/mongo (no MongoDB). */
#include "base/clock.h"
#include "store/ledger/ledger_test_util.h"
#include "store/mongo/ledger_mg.h"
#include "store/mongo/test_double.h"
#include "store/mongo/test_mongo.h"

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

/* ---- a second server: a data directory of its own, the same database ---- */

typedef struct second {
  char dir[64];
  sm_ledger *ledger;
} second;

static sm_err open_in(const ledger_fixture *f, const char *dir, sm_ledger **ledger) {
  char url[TEST_MONGO_URL_MAX];
  const sm_mongo_options options = {.url = test_mongo_url(f->dir, url), .data_dir = dir};
  return sm_mongo_ledger_open(&options, ledger);
}

static second open_second(const ledger_fixture *f) {
  second s = {.ledger = NULL};
  (void)snprintf(s.dir, sizeof s.dir, "/tmp/sm-second-XXXXXX");
  assert_non_null(mkdtemp(s.dir));
  assert_int_equal(open_in(f, s.dir, &s.ledger), SM_OK);
  return s;
}

/* The files of a folder whose names begin so ("": all). */
static void remove_files(const char *path, const char *begin) {
  DIR *dir = opendir(path);
  assert_non_null(dir);
  const struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    char name[400];
    (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (strncmp(entry->d_name, begin, strlen(begin)) == 0) (void)unlink(name);
  }
  (void)closedir(dir);
}

static void close_second(second *s) {
  sm_ledger_close(s->ledger);
  remove_files(s->dir, "");
  assert_int_equal(rmdir(s->dir), 0);
}

/* Waits until a copy has followed: at most ten seconds. */
static void wait_for(const char *dir, const char *sql, int64_t value) {
  int64_t until_ms = sm_clock_steady_ms() + 10000;
  while (raw_i64(dir, sql) != value) {
    assert_true(sm_clock_steady_ms() < until_ms);
    (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
}

static sm_err try_user(sm_ledger *ledger, uint8_t mark) {
  uint8_t sealed[3] = {mark, 0, mark};
  sm_user user = {.email_sealed = {sealed, sizeof sealed}, .role = SM_ROLE_CONSUMER};
  memset(user.email_hash, mark, sizeof user.email_hash);
  sm_err err = sm_ledger_user_add(ledger, tester, &user);
  free(user.user_id);
  return err;
}

/* ---- what a change sends ---- */

static void a_change_is_one_transaction_that_a_majority_has(void **state) {
  ledger_fixture *f = *state;
  test_log_clear(f->dir);
  assert_int_equal(try_user(f->ledger, 1), SM_OK);
  test_log log = test_log_read(f->dir);
  const bson_t *number = NULL;
  for (size_t i = 0; i < log.count && number == NULL; i++)
    if (mg_has(&log.entry[i], "startTransaction")) number = &log.entry[i];
  assert_non_null(number);
  assert_string_equal(mg_text(number, "update"), MG_LEDGER_META);
  assert_int_equal(mg_i64(number, "updates.0.q.number"), 0);
  assert_int_equal(mg_i64(number, "updates.0.u.$set.number"), 1);
  static const char *const collections[] = {MG_LEDGER_LOG, "users", "audits"};
  for (size_t i = 0; i < 3; i++) {
    const bson_t *insert = test_log_first(&log, "insert", collections[i]);
    assert_non_null(insert);
    assert_int_equal(mg_i64(insert, "txnNumber"), mg_i64(number, "txnNumber"));
    assert_true(mg_has(insert, "autocommit"));
  }
  const bson_t *user = test_log_first(&log, "insert", "users");
  assert_int_equal(mg_i64(user, "documents.0._id"), 1);
  assert_int_equal(mg_i64(user, "documents.0.user_no"), 1);
  assert_string_equal(mg_text(user, "documents.0.role"), "consumer");
  const bson_t *commit = test_log_first(&log, "commitTransaction", NULL);
  assert_non_null(commit);
  assert_string_equal(mg_text(commit, "writeConcern.w"), "majority");
  test_log_free(&log);
}

static void what_changes_nothing_sends_no_change(void **state) {
  ledger_fixture *f = *state;
  assert_int_equal(try_user(f->ledger, 1), SM_OK);
  test_log_clear(f->dir);
  assert_int_equal(try_user(f->ledger, 1), SM_ERR_EXISTS);
  test_log log = test_log_read(f->dir);
  assert_int_equal(test_log_count(&log, "commitTransaction", NULL), 0);
  assert_int_equal(test_log_count(&log, "insert", NULL), 0);
  test_log_free(&log);
  assert_int_equal(try_user(f->ledger, 2), SM_OK); /* and holds nobody up */
}

static void names_of_collections_are_those_of_the_design(void **state) {
  (void)state;
  static const char *const names[][2] = {{"invoice", "invoices"},
                                         {"user", "users"},
                                         {"tariff", "tariffs"},
                                         {"device", "devices"},
                                         {"entry", "entries"},
                                         {"api_key", "api_keys"},
                                         {"invoice_series", "invoice_series"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char name[64];
    mg_collection_of(names[i][0], name);
    assert_string_equal(name, names[i][1]);
  }
}

/* ---- failures ---- */

static void a_commit_whose_answer_is_lost_counts_once(void **state) {
  ledger_fixture *f = *state;
  test_fail(f->dir, "commitTransaction", 1,
            BCON_NEW("closeConnection", BCON_BOOL(true), "afterward", BCON_BOOL(true)));
  assert_int_equal(try_user(f->ledger, 1), SM_OK);
  assert_int_equal(try_user(f->ledger, 1), SM_ERR_EXISTS);
  assert_int_equal(test_count(f->dir, "users"), 1);
  assert_int_equal(test_count(f->dir, MG_LEDGER_LOG), 1);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 1);
}

static void a_change_that_fails_leaves_nothing_anywhere(void **state) {
  ledger_fixture *f = *state;
  static const char *const commands[] = {"insert", "update", "commitTransaction"};
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    test_fail(f->dir, commands[i], 1,
              BCON_NEW("errorCode", BCON_INT32(8000), "codeName", BCON_UTF8("Failed")));
    assert_int_not_equal(try_user(f->ledger, 1), SM_OK);
    test_command(
        f->dir, BCON_NEW("configureFailPoint", BCON_UTF8("failCommand"), "mode", BCON_UTF8("off")));
    assert_int_equal(test_count(f->dir, "users"), 0);
    assert_int_equal(test_count(f->dir, MG_LEDGER_LOG), 0);
    assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 0);
  }
  assert_int_equal(try_user(f->ledger, 1), SM_OK);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM user"), 1);
}

/* ---- several servers ---- */

static void a_second_server_has_what_the_first_has(void **state) {
  ledger_fixture *f = *state;
  assert_int_equal(try_user(f->ledger, 1), SM_OK);
  test_log_clear(f->dir);
  second s = open_second(f);
  test_log log = test_log_read(f->dir);
  const bson_t *find = test_log_first(&log, "find", "users");
  assert_non_null(find);
  assert_string_equal(mg_text(find, "readConcern.level"), "snapshot"); /* all of one moment */
  test_log_free(&log);
  assert_int_equal(raw_i64(s.dir, "SELECT count(*) FROM user"), 1);
  assert_int_equal(try_user(s.ledger, 1), SM_ERR_EXISTS);
  assert_int_equal(try_user(s.ledger, 2), SM_OK);
  wait_for(f->dir, "SELECT count(*) FROM user", 2);
  assert_int_equal(try_user(f->ledger, 2), SM_ERR_EXISTS);
  int64_t checked;
  int64_t bad_no;
  uint8_t head[32];
  assert_int_equal(sm_ledger_audit_verify(s.ledger, &checked, &bad_no, head), SM_OK);
  assert_int_equal(bad_no, 0);
  assert_int_equal(checked, raw_i64(f->dir, "SELECT count(*) FROM audit"));
  close_second(&s);
}

static void invoices_of_two_servers_have_one_row_of_numbers(void **state) {
  ledger_fixture *f = *state;
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "T", "2026-01-01");
  add_device(f->ledger, "m1", user);
  char *account = account_of(f->ledger, "m1");
  second s = open_second(f);
  for (int i = 1; i <= 8; i++) {
    char month[] = "2026-01";
    month[6] = (char)('0' + i);
    sm_ledger *one = i % 2 == 0 ? s.ledger : f->ledger;
    sm_ledger *other = i % 2 == 0 ? f->ledger : s.ledger;
    assert_int_equal(issue_one(one, account, month, 1, i), SM_OK);
    assert_int_equal(issue_one(other, account, month, 1, 0), SM_ERR_EXISTS);
  }
  assert_int_equal(check_invoices_whole(f), 8);
  assert_int_equal(test_count(f->dir, "invoices"), 8);
  free(account);
  free(user);
  close_second(&s);
}

static void add_users(const ledger_fixture *f, const char *dir, uint8_t from, uint8_t count) {
  sm_ledger *ledger = NULL;
  if (open_in(f, dir, &ledger) != SM_OK) _exit(1);
  for (uint8_t i = 0; i < count; i++)
    if (try_user(ledger, (uint8_t)(from + i)) != SM_OK) _exit(2);
  _exit(0); /* a child's leaks are nobody's */
}

static void servers_at_once_lose_nothing(void **state) {
  ledger_fixture *f = *state;
  enum { SERVERS = 3, EACH = 8 };
  char dirs[SERVERS][80];
  pid_t child[SERVERS];
  for (int i = 0; i < SERVERS; i++) {
    (void)snprintf(dirs[i], sizeof dirs[i], "%s/%d", f->dir, i);
    child[i] = fork();
    assert_true(child[i] >= 0);
    if (child[i] == 0) add_users(f, dirs[i], (uint8_t)(1 + i * EACH), EACH);
  }
  for (int i = 0; i < SERVERS; i++) {
    int status;
    assert_int_equal(waitpid(child[i], &status, 0), child[i]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
  }
  wait_for(f->dir, "SELECT count(*) FROM user", (int64_t)SERVERS * EACH);
  assert_int_equal(test_count(f->dir, "users"), SERVERS * EACH);
  assert_int_equal(test_count(f->dir, MG_LEDGER_LOG), SERVERS * EACH);
  for (int i = 0; i < SERVERS; i++) {
    remove_files(dirs[i], "");
    assert_int_equal(rmdir(dirs[i]), 0);
  }
}

static void add_until_killed(const ledger_fixture *f, int pipe_fd) {
  sm_ledger *ledger = NULL;
  if (open_in(f, f->dir, &ledger) != SM_OK) _exit(1);
  for (uint8_t i = 1; i < 255; i++) {
    if (try_user(ledger, i) != SM_OK) _exit(2);
    if (write(pipe_fd, &i, 1) != 1) _exit(3);
  }
  _exit(4);
}

/* Killed at any moment, also within a transaction: nothing that was told is lost, and neither its
 * lock nor its transaction holds up who comes next. */
static void a_killed_server_leaves_no_lock(void **state) {
  ledger_fixture *f = *state;
  int pipe_fd[2];
  uint8_t told = 0;
  sm_ledger_close(f->ledger);
  f->ledger = NULL;
  assert_int_equal(pipe(pipe_fd), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) add_until_killed(f, pipe_fd[1]);
  (void)close(pipe_fd[1]);
  for (int i = 0; i < 10; i++) assert_int_equal(read(pipe_fd[0], &told, 1), 1);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  uint8_t more;
  while (read(pipe_fd[0], &more, 1) == 1) told = more;
  (void)close(pipe_fd[0]);
  f->ledger = ledger_open(f->dir);
  int64_t users = raw_i64(f->dir, "SELECT count(*) FROM user");
  assert_true(users == told || users == told + 1);
  assert_int_equal(test_count(f->dir, "users"), users);
  int64_t from_ms = sm_clock_steady_ms();
  assert_int_equal(try_user(f->ledger, 255), SM_OK);
  assert_true(sm_clock_steady_ms() - from_ms < 8000); /* the lock's lease is longer */
}

/* ---- sizes, and damage ---- */

static void a_large_change_goes_in_parts(void **state) {
  ledger_fixture *f = *state;
  enum { BYTES = 9 * 1024 * 1024 };
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "T", "2026-01-01");
  add_device(f->ledger, "m1", user);
  char *account = account_of(f->ledger, "m1");
  second s = open_second(f);
  sm_invoice invoice = make_invoice(account, "2026-01", 1);
  free(invoice.snapshot);
  invoice.snapshot = malloc(BYTES + 1);
  assert_non_null(invoice.snapshot);
  memset(invoice.snapshot, ' ', BYTES);
  invoice.snapshot[0] = '{';
  invoice.snapshot[BYTES - 1] = '}';
  invoice.snapshot[BYTES] = '\0';
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice), SM_OK);
  assert_int_equal(test_count(f->dir, MG_LEDGER_PARTS), 1);
  wait_for(s.dir, "SELECT coalesce(max(length(snapshot)), 0) FROM invoice", BYTES);
  sm_invoice_fini(&invoice);
  free(account);
  free(user);
  close_second(&s);
}

static void a_copy_that_is_not_the_documents_is_made_anew(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  second s = open_second(f);
  assert_int_equal(raw_run(s.dir, "UPDATE user SET disabled = 1"), 0); /* by hand, in one copy */
  assert_int_equal(sm_ledger_user_set_disabled(f->ledger, tester, id, true), SM_OK);
  /* That change is none there, so the copy follows no more, and nothing is written on it. */
  assert_int_equal(try_user(s.ledger, 2), SM_ERR_IO);
  sm_ledger_close(s.ledger);
  s.ledger = NULL;
  assert_int_equal(open_in(f, s.dir, &s.ledger), SM_OK);
  assert_int_equal(try_user(s.ledger, 2), SM_OK);
  assert_int_equal(raw_i64(s.dir, "SELECT count(*) FROM user WHERE disabled = 1"), 1);
  free(id);
  close_second(&s);
}

/* The documents are all that a copy is made of. */
static void a_lost_copy_is_made_anew(void **state) {
  ledger_fixture *f = *state;
  char *id = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  sm_ledger_close(f->ledger);
  remove_files(f->dir, "ledger-copy.db");
  f->ledger = ledger_open(f->dir);
  sm_user user;
  assert_int_equal(sm_ledger_user_by_id(f->ledger, id, &user), SM_OK);
  assert_int_equal(user.role, SM_ROLE_CONSUMER);
  sm_user_fini(&user);
  free(id);
}

#define T(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(a_change_is_one_transaction_that_a_majority_has),
      T(what_changes_nothing_sends_no_change),
      cmocka_unit_test(names_of_collections_are_those_of_the_design),
      T(a_commit_whose_answer_is_lost_counts_once),
      T(a_change_that_fails_leaves_nothing_anywhere),
      T(a_second_server_has_what_the_first_has),
      T(invoices_of_two_servers_have_one_row_of_numbers),
      T(servers_at_once_lose_nothing),
      T(a_killed_server_leaves_no_lock),
      T(a_large_change_goes_in_parts),
      T(a_copy_that_is_not_the_documents_is_made_anew),
      T(a_lost_copy_is_made_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
