#include "store/ledger/ledger_test_util.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"
#include "store/mongo/mongo.h"
#include "store/mongo/test_mongo.h"
#include "store/postgres/postgres.h"
#include "store/postgres/test_server.h"

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const sm_actor tester = {"tester"};

/* Most tests begin with a copy of one new ledger: it takes a while to make. */
static sm_ledger *open_on_server(const char *dir) {
  static const char made[] = "sm-ledger-new";
  char url[TEST_SERVER_URL_MAX];
  bool is_made = strcmp(dir, made) == 0;
  if (!is_made && test_server_create(made, "")) sm_ledger_close(open_on_server(made));
  (void)test_server_create(dir, is_made ? "" : made);
  const sm_postgres_options options = {.url = test_server_url(dir, url),
                                       .data_dir = is_made ? "/tmp" : dir,
                                       .zone = "Asia/Kolkata",
                                       .currency = "INR",
                                       .create = true};
  sm_ledger *ledger = NULL;
  assert_int_equal(sm_postgres_ledger_open(&options, &ledger), SM_OK);
  return ledger;
}

static sm_err try_mongo(const char *dir, const char *zone, const char *currency,
                        sm_ledger **ledger) {
  char url[TEST_MONGO_URL_MAX];
  const sm_mongo_options options = {.url = test_mongo_url(dir, url),
                                    .data_dir = dir,
                                    .zone = zone,
                                    .currency = currency,
                                    .create = true};
  return sm_mongo_ledger_open(&options, ledger);
}

static sm_ledger *open_on_mongo(const char *dir) {
  sm_ledger *ledger = NULL;
  assert_int_equal(try_mongo(dir, "Asia/Kolkata", "INR", &ledger), SM_OK);
  return ledger;
}

sm_ledger *ledger_open(const char *dir) {
  if (test_server_is_there()) return open_on_server(dir);
  if (test_mongo_is_there()) return open_on_mongo(dir);
  const sm_embedded_options options = {.data_dir = dir, .zone = "Asia/Kolkata", .currency = "INR"};
  sm_ledger *ledger = NULL;
  assert_int_equal(sm_embedded_ledger_open(&options, &ledger), SM_OK);
  return ledger;
}

bool on_server(void) {
  return test_server_is_there();
}

void only_embedded(void) {
  if (on_server() || test_mongo_is_there()) skip();
}

sm_err ledger_try(const char *dir, const char *zone, const char *currency, sm_ledger **ledger) {
  char url[TEST_SERVER_URL_MAX];
  if (test_mongo_is_there()) return try_mongo(dir, zone, currency, ledger);
  const sm_postgres_options there = {.url = test_server_url(dir, url),
                                     .data_dir = dir,
                                     .zone = zone,
                                     .currency = currency,
                                     .create = true};
  const sm_embedded_options here = {.data_dir = dir, .zone = zone, .currency = currency};
  return on_server() ? sm_postgres_ledger_open(&there, ledger)
                     : sm_embedded_ledger_open(&here, ledger);
}

void ledger_place(const char *dir) {
  if (on_server()) (void)test_server_create(dir, "");
}

void ledger_remove(const char *dir) {
  static const char *const names[] = {
      "ledger.db",        "ledger.db-wal",         "ledger.db-shm",
      "ledger-copy.db",   "ledger-copy.db-wal",    "ledger-copy.db-shm",
      "ledger-copy.lock", "ledger.mongodb-server", "ledger.mongodb-session"};
  if (on_server()) test_server_drop(dir);
  if (test_mongo_is_there()) test_mongo_drop(dir);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)unlink(path);
  }
}

int ledger_dir_set_up(void **state) {
  assert_int_equal(sm_crypto_init(), SM_OK);
  ledger_fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-ledger-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  *state = f;
  return 0;
}

int ledger_set_up(void **state) {
  (void)ledger_dir_set_up(state);
  ledger_fixture *f = *state;
  f->ledger = ledger_open(f->dir);
  return 0;
}

static void empty_dir(const char *path) {
  DIR *dir = opendir(path);
  assert_non_null(dir);
  const struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    char name[400];
    (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    (void)unlink(name);
  }
  (void)closedir(dir);
}

int ledger_tear_down(void **state) {
  ledger_fixture *f = *state;
  sm_ledger_close(f->ledger);
  if (test_server_is_there()) test_server_drop(f->dir);
  if (test_mongo_is_there()) test_mongo_drop(f->dir);
  empty_dir(f->dir);
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

void ledger_reopen(ledger_fixture *f) {
  sm_ledger_close(f->ledger);
  f->ledger = ledger_open(f->dir);
}

/* ---- things ---- */

char *add_user(sm_ledger *ledger, uint8_t mark, sm_role role) {
  uint8_t sealed[3] = {mark, 0, mark};
  sm_user user = {.email_sealed = {sealed, sizeof sealed}, .role = role};
  memset(user.email_hash, mark, sizeof user.email_hash);
  assert_int_equal(sm_ledger_user_add(ledger, tester, &user), SM_OK);
  assert_non_null(user.user_id);
  return user.user_id;
}

static sm_date date_of(const char *text) {
  sm_date date;
  assert_int_equal(sm_date_parse(text, &date), SM_OK);
  return date;
}

void add_tariff(sm_ledger *ledger, const char *name, const char *from) {
  int32_t version;
  assert_int_equal(sm_ledger_tariff_add(ledger, tester, name, date_of(from), "{}", false, &version),
                   SM_OK);
}

void add_device(sm_ledger *ledger, const char *device_id, const char *owner) {
  const sm_device_new device = {.device_id = device_id, .owner_user_id = owner};
  assert_int_equal(sm_ledger_device_add(ledger, tester, &device), SM_OK);
}

char *account_of(sm_ledger *ledger, const char *device_id) {
  sm_account account;
  assert_int_equal(
      sm_ledger_account_of_device(ledger, device_id, NULL, INT64_MIN, INT64_MAX, &account), SM_OK);
  char *account_id = account.account_id;
  account.account_id = NULL;
  sm_account_fini(&account);
  return account_id;
}

static char *copy(const char *text) {
  char *out = text != NULL ? strdup(text) : NULL;
  assert_true((out == NULL) == (text == NULL));
  return out;
}

sm_account make_account(const char *user_id, const char *device_id, const char *from,
                        const char *to, int32_t sign) {
  sm_account account = {.user_id = copy(user_id), .has_from = from != NULL, .has_to = to != NULL};
  if (from != NULL) account.from = date_of(from);
  if (to != NULL) account.to = date_of(to);
  account.meter = calloc(1, sizeof *account.meter);
  assert_non_null(account.meter);
  account.meter[0] = (sm_account_meter){.device_id = copy(device_id),
                                        .from_ms = INT64_MIN,
                                        .to_ms = INT64_MAX,
                                        .sign = sign,
                                        .multiplier_milli = 1000};
  account.meter_count = 1;
  return account;
}

int64_t instant(const char *rfc3339) {
  int64_t ms;
  assert_int_equal(sm_rfc3339_parse(rfc3339, strlen(rfc3339), &ms), SM_OK);
  return ms;
}

sm_invoice make_invoice(const char *account_id, const char *month, int32_t revision) {
  return (sm_invoice){.account_id = copy(account_id),
                      .kind = copy("invoice"),
                      .month = copy(month),
                      .revision = revision,
                      .total_minor = 11800,
                      .tax_minor = 1800,
                      .currency = copy("INR"),
                      .issued_ms = instant("2026-05-03T00:00:00Z"),
                      .due_ms = instant("2199-01-01T00:00:00Z"),
                      .body = copy("{\"total\":\"118.00\"}"),
                      .snapshot = copy("{}")};
}

sm_err issue_one(sm_ledger *ledger, const char *account_id, const char *month, int32_t revision,
                 int serial) {
  sm_invoice invoice = make_invoice(account_id, month, revision);
  sm_err err = sm_ledger_invoice_issue(ledger, tester, "SM", "2627", &invoice);
  if (err == SM_OK && serial != 0) {
    char number[24];
    (void)snprintf(number, sizeof number, "SM2627-%06d", serial);
    assert_string_equal(invoice.number, number);
  }
  sm_invoice_fini(&invoice);
  return err;
}

/* ---- behind the ledger's back ---- */

static sqlite3 *raw_open(const char *dir) {
  char path[100];
  (void)snprintf(path, sizeof path, "%s/%s", dir,
                 test_mongo_is_there() ? "ledger-copy.db" : "ledger.db");
  sqlite3 *db;
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  (void)sqlite3_busy_timeout(db, 10000);
  return db;
}

int64_t raw_i64(const char *dir, const char *sql) {
  if (test_server_is_there()) return test_server_i64(dir, sql);
  sqlite3 *db = raw_open(dir);
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  int64_t value = sqlite3_column_int64(stmt, 0);
  (void)sqlite3_finalize(stmt);
  (void)sqlite3_close(db);
  return value;
}

/* What PostgreSQL refuses is told as SQLite tells it. */
static int run_on_server(const char *dir, const char *sql) {
  sm_err err = (sm_err)test_server_run(dir, sql);
  bool refused = err == SM_ERR_EXISTS || err == SM_ERR_CONFLICT || err == SM_ERR_INVALID;
  if (refused) return SQLITE_CONSTRAINT;
  return err == SM_OK ? SQLITE_OK : SQLITE_ERROR;
}

int raw_run(const char *dir, const char *sql) {
  if (test_server_is_there()) return run_on_server(dir, sql);
  sqlite3 *db = raw_open(dir);
  int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
  (void)sqlite3_close(db);
  return result;
}

int64_t check_invoices_whole(const ledger_fixture *f) {
  int64_t count = raw_i64(f->dir, "SELECT count(*) FROM invoice");
  assert_int_equal(raw_i64(f->dir, "SELECT coalesce(max(serial), 0) FROM invoice"), count);
  assert_int_equal(raw_i64(f->dir, "SELECT coalesce(sum(last_serial), 0) FROM invoice_series"),
                   count);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM entry JOIN invoice USING (invoice_no) "
                                   "WHERE amount_minor = total_minor"),
                   count);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM entry"), count);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM invoice i JOIN audit a ON "
                                   "a.action = 'invoice.issue' AND a.subject = i.number"),
                   count);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'invoice.issue'"),
                   count);
  int64_t checked;
  int64_t bad_no;
  uint8_t head[32];
  assert_int_equal(sm_ledger_audit_verify(f->ledger, &checked, &bad_no, head), SM_OK);
  assert_int_equal(bad_no, 0);
  return count;
}
