/* Several servers on one ledger: who leads, and what becomes of leases that nobody prolongs.
 * Waiting functions fail the test when what they wait for does not happen within a minute. */
#include "app/member.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"
#include "store/ledger_issue.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEASE_MS = 600, PATIENCE_MS = 60000 };

typedef struct server {
  sm_ledger *ledger;
  sm_member *member;
  atomic_uint turns;
  atomic_uint led; /* times that it began to lead */
  atomic_bool leads;
  atomic_int_fast64_t until_ms;
} server;

typedef struct fixture {
  char dir[64];
  server server[2];
} fixture;

static void turn(void *context, const sm_lease *list, size_t count, int64_t now_ms,
                 int64_t until_ms) {
  server *s = context;
  (void)list;
  (void)count;
  (void)now_ms;
  atomic_store(&s->until_ms, until_ms);
  atomic_fetch_add(&s->turns, 1);
}

static void lead(void *context, bool leads) {
  server *s = context;
  if (leads) atomic_fetch_add(&s->led, 1);
  atomic_store(&s->leads, leads);
}

static void start(fixture *f, size_t i, const char *id) {
  server *s = &f->server[i];
  const sm_member_options options = {.ledger = s->ledger,
                                     .server_id = id,
                                     .lease_ms = LEASE_MS,
                                     .context = s,
                                     .turn = turn,
                                     .lead = lead};
  assert_int_equal(sm_member_new(&options, &s->member), SM_OK);
  assert_int_equal(sm_member_start(s->member), SM_OK);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-member-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  const sm_embedded_options options = {
      .data_dir = f->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  for (size_t i = 0; i < 2; i++)
    assert_int_equal(sm_embedded_ledger_open(&options, &f->server[i].ledger), SM_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[128];
  for (size_t i = 0; i < 2; i++) {
    sm_member_free(f->server[i].member);
    sm_ledger_close(f->server[i].ledger);
  }
  (void)snprintf(command, sizeof command, "rm -rf -- '%s'", f->dir);
  assert_int_equal(system(command), 0);
  free(f);
  return 0;
}

#define AWAIT(condition)                                                                           \
  do {                                                                                             \
    int64_t await_ms = sm_clock_steady_ms() + PATIENCE_MS;                                         \
    while (!(condition)) {                                                                         \
      assert_true(sm_clock_steady_ms() < await_ms);                                                \
      (void)usleep(2000);                                                                          \
    }                                                                                              \
  } while (false)

static void the_first_leads_and_the_next_follows_it(void **state) {
  fixture *f = *state;
  server *one = &f->server[0];
  server *two = &f->server[1];
  start(f, 0, "one");
  assert_true(atomic_load(&one->leads));
  assert_int_equal(sm_member_others(one->member), 0);
  start(f, 1, "two");
  assert_false(atomic_load(&two->leads));
  assert_int_equal(sm_member_others(two->member), 1);
  AWAIT(sm_member_others(one->member) == 1);
  /* It stops, and tells so: nobody waits for the lease. */
  sm_member_stop(one->member);
  sm_member_leave(one->member);
  AWAIT(sm_member_leads(two->member) && sm_member_others(two->member) == 0);
  assert_int_equal(atomic_load(&two->led), 1);
}

static void one_that_is_gone_without_a_word_is_followed(void **state) {
  fixture *f = *state;
  server *two = &f->server[1];
  start(f, 0, "one");
  start(f, 1, "two");
  sm_member_stop(f->server[0].member);
  /* Its leases end, and it knows that without looking. */
  AWAIT(!sm_member_leads(f->server[0].member));
  assert_false(sm_member_is_there(f->server[0].member));
  AWAIT(sm_member_leads(two->member));
}

/* The write lock of the ledger's file, held by somebody else. */
static sqlite3 *hold_up(const fixture *f) {
  char path[100];
  sqlite3 *db = NULL;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  AWAIT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
  return db;
}

static void who_cannot_prolong_knows_it_at_the_end_of_its_time(void **state) {
  fixture *f = *state;
  server *one = &f->server[0];
  start(f, 0, "one");
  assert_true(sm_member_leads(one->member));
  assert_true(atomic_load(&one->until_ms) <= sm_clock_steady_ms() + LEASE_MS);
  sqlite3 *db = hold_up(f);
  /* Its own thread may be waiting for the ledger all the while. */
  AWAIT(!sm_member_leads(one->member));
  assert_false(sm_member_is_there(one->member));
  assert_true(atomic_load(&one->until_ms) <= sm_clock_steady_ms());
  assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  AWAIT(sm_member_leads(one->member));
  /* It was told that it leads no more, and that it does again. */
  AWAIT(atomic_load(&one->led) == 2);
}

/* As after it was stopped for longer than its leases: another one has taken what was its own. */
static void what_another_has_taken_is_not_prolonged(void **state) {
  fixture *f = *state;
  server *one = &f->server[0];
  bool taken = false;
  start(f, 0, "one");
  sm_member_stop(one->member);
  AWAIT(!sm_member_is_there(one->member));
  AWAIT(sm_ledger_lease_take(f->server[1].ledger, "fleet/lead", "two", sm_clock_now_ms(), 3600000,
                             &taken) == SM_OK &&
        taken);
  sm_member_free(one->member);
  atomic_store(&one->leads, false);
  start(f, 0, "one");
  unsigned turns = atomic_load(&one->turns);
  AWAIT(atomic_load(&one->turns) > turns + 2);
  assert_false(sm_member_leads(one->member));
  assert_true(sm_member_is_there(one->member));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(the_first_leads_and_the_next_follows_it),
      T(one_that_is_gone_without_a_word_is_followed),
      T(who_cannot_prolong_knows_it_at_the_end_of_its_time),
      T(what_another_has_taken_is_not_prolonged),
  };
#undef T
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
