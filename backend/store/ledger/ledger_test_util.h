/* For the ledger's tests: a ledger in a folder of its own, what is needed before a tenancy can be
 * billed, and looks into the file behind the ledger's back. */
#ifndef SM_STORE_LEDGER_LEDGER_TEST_UTIL_H
#define SM_STORE_LEDGER_LEDGER_TEST_UTIL_H

#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ledger_fixture {
  char dir[64];
  sm_ledger *ledger;
} ledger_fixture;

/* For cmocka: a new ledger (Asia/Kolkata, INR) in *state, and its end with all files. */
int ledger_set_up(void **state);
int ledger_tear_down(void **state);
/* The same without a ledger in it: for tests that open by themselves. */
int ledger_dir_set_up(void **state);

sm_ledger *ledger_open(const char *dir);
/* The same with what a new one begins with, and without asserting anything. On a server the
 * database is made first by ledger_place. */
sm_err ledger_try(const char *dir, const char *zone, const char *currency, sm_ledger **ledger);
void ledger_place(const char *dir);
/* Takes a ledger away that nobody has open. */
void ledger_remove(const char *dir);
void ledger_reopen(ledger_fixture *f);

/* For tests of what only SQLite files have: skips the test if it runs on a server. */
void only_embedded(void);
bool on_server(void);

extern const sm_actor tester;

/* All of these must succeed. Ids are heap texts. */
char *add_user(sm_ledger *ledger, uint8_t mark, sm_role role);
void add_tariff(sm_ledger *ledger, const char *name, const char *from);
void add_device(sm_ledger *ledger, const char *device_id, const char *owner);
/* The account that a device serves in all of time. */
char *account_of(sm_ledger *ledger, const char *device_id);
/* A tenancy of one meter; dates "YYYY-MM-DD" or NULL. What it gives is freed with free_account. */
sm_account make_account(const char *user_id, const char *device_id, const char *from,
                        const char *to, int32_t sign);

int64_t instant(const char *rfc3339);
/* A good invoice of 118.00 INR; texts on the heap. */
sm_invoice make_invoice(const char *account_id, const char *month, int32_t revision);
/* SM_ERR of an issue into the series SM2627; the number that was given is checked to be `serial`
 * if that is not 0. */
sm_err issue_one(sm_ledger *ledger, const char *account_id, const char *month, int32_t revision,
                 int serial);

/* One integer from the file, and a change of it, by a connection of their own. raw_run gives
 * SQLite's result code. */
int64_t raw_i64(const char *dir, const char *sql);
int raw_run(const char *dir, const char *sql);

/* Numbers consecutive, one entry and one audit entry each, chain whole. Gives their count. */
int64_t check_invoices_whole(const ledger_fixture *f);

#endif
