/* Many threads, many processes, sudden deaths and full disks. */
#include "base/clock.h"
#include "store/embedded/embedded.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger/ledger_test_util.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Tenancies on their meters m0, m1, …; the ids are freed by free_accounts. */
static void add_accounts(sm_ledger *ledger, char **account, size_t count) {
  char *user = add_user(ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(ledger, "t", "2026-01-01");
  for (size_t i = 0; i < count; i++) {
    char id[24];
    (void)snprintf(id, sizeof id, "m%zu", i);
    add_device(ledger, id, user);
    account[i] = account_of(ledger, id);
  }
  free(user);
}

static void free_accounts(char **account, size_t count) {
  for (size_t i = 0; i < count; i++) free(account[i]);
}

/* ---- threads ---- */

enum { ACCOUNTS = 40, THREADS = 4 };

typedef struct issuer {
  sm_ledger *ledger;
  char **account;
  size_t first;
  int issued;
  int existed;
  int failed;
} issuer;

/* Every thread tries every account, each from another place on. */
static void *issue_all(void *context) {
  issuer *me = context;
  for (size_t i = 0; i < ACCOUNTS; i++) {
    const char *account = me->account[(me->first + i) % ACCOUNTS];
    sm_err err = issue_one(me->ledger, account, "2026-04", 1, 0);
    me->issued += err == SM_OK;
    me->existed += err == SM_ERR_EXISTS;
    me->failed += err != SM_OK && err != SM_ERR_EXISTS;
    sm_invoice got = {0}; /* what somebody issued can be read at once */
    if (sm_ledger_invoice_of(me->ledger, account, "2026-04", &got) != SM_OK) me->failed++;
    sm_invoice_fini(&got);
  }
  return NULL;
}

static void threads_issue_each_account_once_without_gaps(void **state) {
  ledger_fixture *f = *state;
  char *account[ACCOUNTS];
  add_accounts(f->ledger, account, ACCOUNTS);
  pthread_t thread[THREADS];
  issuer me[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    me[i] = (issuer){.ledger = f->ledger, .account = account, .first = i * 7};
    assert_int_equal(pthread_create(&thread[i], NULL, issue_all, &me[i]), 0);
  }
  int issued = 0;
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(me[i].failed, 0);
    assert_int_equal(me[i].issued + me[i].existed, ACCOUNTS);
    issued += me[i].issued;
  }
  assert_int_equal(issued, ACCOUNTS);
  assert_int_equal(check_invoices_whole(f), ACCOUNTS);
  free_accounts(account, ACCOUNTS);
}

static void *ask_known(void *context) {
  sm_ledger *ledger = context;
  intptr_t wrong = 0;
  for (int i = 0; i < 20000; i++) {
    bool known = false;
    if (sm_ledger_device_known(ledger, "always", &known) != SM_OK || !known) wrong++;
    if (sm_ledger_device_known(ledger, "never", &known) != SM_OK || known) wrong++;
  }
  return (void *)wrong;
}

static void threads_ask_for_devices_while_more_are_added(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "always", NULL);
  pthread_t thread[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&thread[i], NULL, ask_known, f->ledger), 0);
  }
  for (int i = 0; i < 100; i++) {
    char id[16];
    (void)snprintf(id, sizeof id, "m%d", i);
    add_device(f->ledger, id, NULL);
    bool known = false;
    assert_int_equal(sm_ledger_device_known(f->ledger, id, &known), SM_OK);
    assert_true(known);
  }
  for (size_t i = 0; i < THREADS; i++) {
    void *wrong;
    assert_int_equal(pthread_join(thread[i], &wrong), 0);
    assert_null(wrong);
  }
}

static void *read_lists(void *context) {
  sm_ledger *ledger = context;
  intptr_t wrong = 0;
  for (int i = 0; i < 200; i++) {
    sm_device *devices;
    size_t count;
    if (sm_ledger_devices(ledger, NULL, "", 100, &devices, &count) != SM_OK) {
      wrong++;
      continue;
    }
    sm_devices_free(devices, count);
  }
  return (void *)wrong;
}

static void more_readers_than_connections_take_turns(void **state) {
  ledger_fixture *f = *state;
  enum { READERS = SM_LEDGER_READERS_MAX * 2 };
  add_device(f->ledger, "m", NULL);
  pthread_t thread[READERS];
  for (size_t i = 0; i < READERS; i++) {
    assert_int_equal(pthread_create(&thread[i], NULL, read_lists, f->ledger), 0);
  }
  for (size_t i = 0; i < READERS; i++) {
    void *wrong;
    assert_int_equal(pthread_join(thread[i], &wrong), 0);
    assert_null(wrong);
  }
}

/* ---- processes ---- */

static int wait_for(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
  return status;
}

/* A child: opens when the gate closes, adds one device. Never returns. */
static void open_and_add(const char *dir, int gate, int child) {
  char byte;
  while (read(gate, &byte, 1) < 0 && errno == EINTR) {
  }
  sm_ledger *ledger = NULL;
  char id[16];
  (void)snprintf(id, sizeof id, "m%d", child);
  const sm_device_new device = {.device_id = id};
  sm_err err = ledger_try(dir, "Asia/Kolkata", "INR", &ledger);
  if (err == SM_OK) err = sm_ledger_device_add(ledger, tester, &device);
  sm_ledger_close(ledger);
  _exit((int)err);
}

static void processes_open_a_new_ledger_at_once(void **state) {
  const ledger_fixture *f = *state;
  enum { CHILDREN = 4, ROUNDS = 10 };
  for (int round = 0; round < ROUNDS; round++) {
    char dir[100];
    (void)snprintf(dir, sizeof dir, "%s", f->dir);
    ledger_place(dir);
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    pid_t pid[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
      pid[i] = fork();
      assert_true(pid[i] >= 0);
      if (pid[i] != 0) continue;
      (void)close(gate[1]);
      open_and_add(dir, gate[0], i);
    }
    (void)close(gate[0]);
    (void)close(gate[1]); /* all go */
    for (int i = 0; i < CHILDREN; i++) assert_int_equal(wait_for(pid[i]), 0);
    assert_int_equal(raw_i64(dir, "SELECT count(*) FROM device"), CHILDREN);
    assert_int_equal(raw_i64(dir, "SELECT count(*) FROM site"), 1);
    assert_int_equal(raw_i64(dir, "SELECT count(*) = max(audit_no) FROM audit"), 1);
    ledger_remove(dir);
  }
}

/* A child: issues one revision after another and tells each. Never returns. */
static void issue_until_killed(const char *dir, const char *account, int told, int32_t revision) {
  sm_ledger *ledger = NULL;
  if (ledger_try(dir, "Asia/Kolkata", "INR", &ledger) != SM_OK) _exit(1);
  for (;;) {
    if (issue_one(ledger, account, "2026-04", ++revision, 0) != SM_OK) _exit(2);
    if (write(told, "x", 1) != 1) _exit(3);
  }
}

static void a_killed_issuer_leaves_whole_invoices(void **state) {
  ledger_fixture *f = *state;
  char *account;
  add_accounts(f->ledger, &account, 1);
  sm_ledger_close(f->ledger); /* connections must not be carried over a fork */
  f->ledger = NULL;
  int64_t count = 0;
  for (int round = 0; round < 20; round++) {
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
      (void)close(told[0]);
      issue_until_killed(f->dir, account, told[1], (int32_t)count);
    }
    (void)close(told[1]);
    char byte;
    for (int i = 0; i <= round % 7; i++) assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status = wait_for(pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    int64_t acknowledged = round % 7 + 1;
    while (read(told[0], &byte, 1) == 1) acknowledged++;
    (void)close(told[0]);
    f->ledger = ledger_open(f->dir);
    int64_t now = check_invoices_whole(f);
    assert_true(now >= count + acknowledged && now <= count + acknowledged + 1);
    count = now;
    sm_ledger_close(f->ledger);
    f->ledger = NULL;
  }
  free(account);
}

/* ---- a full disk ---- */

/* Issues until it fails; the error. */
static sm_err issue_until_failure(const ledger_fixture *f, const char *account, int32_t *revision) {
  char *body = malloc(8000);
  assert_non_null(body);
  memset(body, ' ', 8000);
  memcpy(body, "{}", 2);
  body[7999] = '\0';
  sm_err err = SM_OK;
  while (err == SM_OK && *revision < 5000) {
    sm_invoice invoice = make_invoice(account, "2026-04", *revision + 1);
    free(invoice.body);
    invoice.body = body;
    err = sm_ledger_invoice_issue(f->ledger, tester, "SM", "2627", &invoice);
    invoice.body = NULL;
    sm_invoice_fini(&invoice);
    if (err == SM_OK) (*revision)++;
  }
  free(body);
  return err;
}

static void expect_usable_when_full(const ledger_fixture *f, const char *account, int32_t issued) {
  assert_int_equal(check_invoices_whole(f), issued);
  sm_invoice got;
  assert_int_equal(sm_ledger_invoice_of(f->ledger, account, "2026-04", &got), SM_OK);
  assert_int_equal(got.revision, issued);
  sm_invoice_fini(&got);
  bool known = false;
  assert_int_equal(sm_ledger_device_known(f->ledger, "m0", &known), SM_OK);
  assert_true(known);
}

static void a_file_that_may_not_grow_is_full_and_usable(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  char *account;
  add_accounts(f->ledger, &account, 1);
  assert_int_equal(sm_sql_exec(f->ledger->writer, "PRAGMA max_page_count = 140"), SM_OK);
  int32_t issued = 0;
  assert_int_equal(issue_until_failure(f, account, &issued), SM_ERR_FULL);
  assert_true(issued > 0);
  assert_int_equal(issue_until_failure(f, account, &issued), SM_ERR_FULL);
  expect_usable_when_full(f, account, issued);
  assert_int_equal(sm_sql_exec(f->ledger->writer, "PRAGMA max_page_count = 1000000"), SM_OK);
  assert_int_equal(issue_one(f->ledger, account, "2026-04", issued + 1, issued + 1), SM_OK);
  assert_int_equal(check_invoices_whole(f), issued + 1);
  free(account);
}

/* A small disk over the folder, whose end also comes when a test fails. */
static int disk_tear_down(void **state) {
  ledger_fixture *f = *state;
  sm_ledger_close(f->ledger);
  f->ledger = NULL;
  (void)umount(f->dir); /* fails where there was none */
  return ledger_tear_down(state);
}

static void a_full_disk_is_full_and_usable(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  if (mount("tmpfs", f->dir, "tmpfs", 0, "size=1m") != 0) skip(); /* not root */
  f->ledger = ledger_open(f->dir);
  char *account;
  add_accounts(f->ledger, &account, 1);
  char ballast[100];
  (void)snprintf(ballast, sizeof ballast, "%s/ballast", f->dir);
  FILE *file = fopen(ballast, "w");
  assert_non_null(file);
  for (int i = 0; i < 200000; i++) (void)fputc('x', file);
  (void)fclose(file);
  int32_t issued = 0;
  assert_int_equal(issue_until_failure(f, account, &issued), SM_ERR_FULL);
  assert_true(issued > 0);
  expect_usable_when_full(f, account, issued);
  assert_int_equal(unlink(ballast), 0); /* room again: it goes on by itself */
  assert_int_equal(issue_one(f->ledger, account, "2026-04", issued + 1, issued + 1), SM_OK);
  ledger_reopen(f);
  assert_int_equal(check_invoices_whole(f), issued + 1);
  free(account);
}

static void a_disk_without_room_for_a_ledger_says_so(void **state) {
  only_embedded();
  ledger_fixture *f = *state;
  if (mount("tmpfs", f->dir, "tmpfs", 0, "size=64k") != 0) skip();
  const sm_embedded_options options = {
      .data_dir = f->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  sm_ledger *ledger = NULL;
  assert_int_equal(sm_embedded_ledger_open(&options, &ledger), SM_ERR_FULL);
  assert_null(ledger);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_dir_set_up, ledger_tear_down)
#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_dir_set_up, disk_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(threads_issue_each_account_once_without_gaps),
      LEDGER_TEST(threads_ask_for_devices_while_more_are_added),
      LEDGER_TEST(more_readers_than_connections_take_turns),
      DIR_TEST(processes_open_a_new_ledger_at_once),
      LEDGER_TEST(a_killed_issuer_leaves_whole_invoices),
      LEDGER_TEST(a_file_that_may_not_grow_is_full_and_usable),
      DISK_TEST(a_full_disk_is_full_and_usable),
      DISK_TEST(a_disk_without_room_for_a_ledger_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
