/* A deployment that has a month to bill: bench_town makes its folder, with an account, a meter and
 * a month of readings for each of --accounts, straight into the stores, as bringing it in by MQTT
 * would take longer than what is measured. bench_town --plain LEDGER measures what SQLite alone
 * takes for the rows that a billing run wrote: the same bytes into tables without a rule, a
 * trigger, a check or a second index, in transactions of the same size, durable like the ledger's.
 */
#include "arguments.h"
#include "data.h"

#include "base/crypto.h"
#include "base/zone.h"
#include "model/tariff.h"
#include "store/embedded/embedded.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ZONE "Asia/Kolkata"
#define DAY_MS INT64_C(86400000)

enum { COMMIT_MAX = 20000, BATCH = 256 };

static _Noreturn void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_town: %s: %s\n", what, why);
  exit(1);
}

static void must(sm_err err, const char *what) {
  if (err != SM_OK) fail(what, sm_err_text(err));
}

static void must_sql(sqlite3 *db, int result, const char *what) {
  if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW)
    fail(what, sqlite3_errmsg(db));
}

static sqlite3 *open_sql(const char *path) {
  sqlite3 *db = NULL;
  must_sql(db, sqlite3_open(path, &db), path);
  return db;
}

static void run_sql(sqlite3 *db, const char *sql) {
  must_sql(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

/* ---- the ledger ---- */

static void add_tariff(sm_ledger *ledger) {
  int32_t version;
  const sm_date from = {.year = 2020, .month = 1, .day = 1};
  must(sm_ledger_tariff_add(ledger, (sm_actor){.id = "bench"}, "LT-1 Domestic", from,
                            sm_tariff_default_json(), false, &version),
       "tariff");
}

/* One transaction, by SQL: the ledger adds one meter at a time, each for good. */
static void add_accounts(const char *dir, uint64_t accounts) {
  char path[4096];
  char sql[1024];
  (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
  sqlite3 *db = open_sql(path);
  run_sql(db, "PRAGMA foreign_keys = ON; BEGIN");
  (void)snprintf(sql, sizeof sql,
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %llu) "
                 "INSERT INTO device (device_no, site_no, device_id, created_ms, changed_no) "
                 "SELECT i, 1, printf('meter-%%06d', i), 0, i FROM n",
                 (unsigned long long)accounts);
  run_sql(db, sql);
  run_sql(db, "INSERT INTO place (place_no, site_no, name) "
              "SELECT device_no, 1, printf('Flat %d', device_no) FROM device");
  run_sql(db, "INSERT INTO account (account_no, site_no, account_id, place_no, person_sealed, "
              "sanctioned_load_w, created_ms) SELECT device_no, 1, "
              "printf('a_%020d', device_no), device_no, zeroblob(60), 5000, 0 FROM device");
  run_sql(db, "INSERT INTO account_meter (site_no, account_no, device_no, sign, multiplier_milli) "
              "SELECT 1, device_no, device_no, 1, 1000 FROM device");
  run_sql(db, "INSERT INTO account_tariff (account_no, from_date, site_no, tariff_no) "
              "SELECT device_no, '', 1, 1 FROM device");
  run_sql(db, "COMMIT");
  must_sql(db, sqlite3_close(db), "ledger");
}

/* ---- readings ---- */

typedef struct town {
  sm_readings *readings;
  bench_meter *meter;
  char (*id)[BENCH_ID_LEN + 1];
  uint64_t accounts;
  int64_t step_s;
  sm_reading_in *batch;
  size_t in_batch;
  uint64_t stored;
} town;

static void commit(town *t) {
  const sm_readings_batch batch = {.readings = t->batch, .reading_count = t->in_batch};
  sm_readings_batch copy = batch;
  if (t->in_batch > 0) must(sm_readings_commit(t->readings, &copy), "readings");
  t->stored += t->in_batch;
  t->in_batch = 0;
}

static void put(town *t, size_t meter, int64_t ts_ms) {
  bench_reading r;
  bench_meter_next(&t->meter[meter], ts_ms, (uint32_t)t->step_s, &r);
  t->batch[t->in_batch++] = (sm_reading_in){.device_id = t->id[meter],
                                            .reading = {.ts_ms = ts_ms,
                                                        .energy_wh = r.energy_wh,
                                                        .voltage_mv = (int32_t)r.voltage_dv * 100,
                                                        .current_ma = (int32_t)r.current_ma,
                                                        .power_mw = (int32_t)r.power_dw * 100}};
  if (t->in_batch == COMMIT_MAX) commit(t);
}

/* A day of all meters, meter after meter, then sealed. */
static void put_day(town *t, int64_t from_ms, int64_t to_ms) {
  for (size_t i = 0; i < t->accounts; i++)
    for (int64_t at = from_ms; at < to_ms; at += t->step_s * 1000)
      put(t, i, at + (int64_t)(i % 60));
  commit(t);
  must(sm_readings_maintain(t->readings, true, NULL), "sealing");
}

static void add_readings(town *t, int64_t from_ms, int64_t to_ms) {
  t->meter = calloc(t->accounts, sizeof *t->meter);
  t->id = calloc(t->accounts, sizeof *t->id);
  t->batch = calloc(COMMIT_MAX, sizeof *t->batch);
  if (t->meter == NULL || t->id == NULL || t->batch == NULL) fail("memory", "not enough");
  for (size_t i = 0; i < t->accounts; i++) {
    bench_meter_init(&t->meter[i], 1, (uint32_t)i + 1, BENCH_CALM);
    t->id[i][bench_write_id(t->id[i], (uint32_t)i + 1)] = '\0';
  }
  for (int64_t day = from_ms; day < to_ms; day += DAY_MS)
    put_day(t, day, day + DAY_MS < to_ms ? day + DAY_MS : to_ms);
  /* Days are merged when later readings show that they are over. */
  for (size_t i = 0; i < t->accounts; i++) put(t, i, to_ms + DAY_MS);
  commit(t);
  for (int i = 0; i < 3; i++) must(sm_readings_maintain(t->readings, true, NULL), "merging");
  free(t->meter);
  free(t->id);
  free(t->batch);
}

static void make(const char *dir, const char *month, uint64_t accounts, uint64_t step_s) {
  int year;
  int number;
  sm_zone *zone = NULL;
  sm_ledger *ledger = NULL;
  const sm_embedded_options options = {.data_dir = dir, .zone = ZONE, .currency = "INR"};
  if (sm_month_parse(month, &year, &number) != SM_OK) fail("--month", "is not such as 2026-01");
  must(sm_crypto_init(), "random numbers");
  must(sm_zone_new(ZONE, &zone), "zone");
  must(sm_embedded_ledger_open(&options, &ledger), "ledger");
  add_tariff(ledger);
  sm_ledger_close(ledger);
  add_accounts(dir, accounts);
  town t = {.accounts = accounts, .step_s = (int64_t)step_s};
  must(sm_embedded_readings_open(&options, true, &t.readings), "readings");
  sm_date next = sm_date_add_months((sm_date){year, number, 1}, 1);
  /* From a day of UTC before the month to one behind it. */
  int64_t from_ms = (sm_zone_month_start_ms(zone, year, number) / DAY_MS - 1) * DAY_MS;
  int64_t to_ms = (sm_zone_day_start_ms(zone, next) / DAY_MS + 2) * DAY_MS;
  add_readings(&t, from_ms, to_ms);
  sm_readings_close(t.readings);
  sm_zone_free(zone);
  (void)printf("accounts=%llu\nreadings=%llu\n", (unsigned long long)accounts,
               (unsigned long long)t.stored);
}

/* ---- the plain baseline ---- */

typedef struct table {
  const char *select;
  const char *insert;
  int columns;
} table;

static const table tables[] = {
    {"SELECT account_no, device_no, kind, month, revision, series, financial_year, serial, number, "
     "total_minor, tax_minor, currency, issued_ms, due_ms, body, snapshot FROM invoice",
     "INSERT INTO invoice VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)", 16},
    {"SELECT account_no, kind, amount_minor, currency, invoice_no, at_ms FROM entry",
     "INSERT INTO entry VALUES (?1,?2,?3,?4,?5,?6)", 6},
    {"SELECT at_ms, actor, action, subject, detail, previous_hash, hash FROM audit "
     "WHERE action = 'invoice.issue'",
     "INSERT INTO audit VALUES (?1,?2,?3,?4,?5,?6,?7)", 7},
};
enum { TABLES = sizeof tables / sizeof tables[0] };

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *stmt = NULL;
  must_sql(db, sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), sql);
  return stmt;
}

static int64_t cpu_us(void) {
  struct rusage u;
  (void)getrusage(RUSAGE_SELF, &u);
  return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
         u.ru_stime.tv_usec;
}

/* Moves one row of each table; only what the insert costs is counted. */
static bool copy_row(sqlite3_stmt *from[TABLES], sqlite3_stmt *to[TABLES], sqlite3 *out,
                     int64_t *spent_us) {
  for (size_t k = 0; k < TABLES; k++)
    if (sqlite3_step(from[k]) != SQLITE_ROW) return false;
  int64_t begun_us = cpu_us();
  for (size_t k = 0; k < TABLES; k++) {
    for (int c = 0; c < tables[k].columns; c++)
      must_sql(out, sqlite3_bind_value(to[k], c + 1, sqlite3_column_value(from[k], c)), "bind");
    must_sql(out, sqlite3_step(to[k]), "insert");
    (void)sqlite3_reset(to[k]);
  }
  *spent_us += cpu_us() - begun_us;
  return true;
}

static void copy_all(sqlite3 *in, sqlite3 *out, uint64_t *rows, int64_t *spent_us) {
  sqlite3_stmt *from[TABLES];
  sqlite3_stmt *to[TABLES];
  for (size_t k = 0; k < TABLES; k++) {
    from[k] = prepare(in, tables[k].select);
    to[k] = prepare(out, tables[k].insert);
  }
  bool more = true;
  while (more) {
    run_sql(out, "BEGIN IMMEDIATE");
    for (int i = 0; i < BATCH && more; i++) {
      more = copy_row(from, to, out, spent_us);
      if (more) (*rows)++;
    }
    int64_t begun_us = cpu_us();
    run_sql(out, "COMMIT");
    *spent_us += cpu_us() - begun_us;
  }
  for (size_t k = 0; k < TABLES; k++) {
    (void)sqlite3_finalize(from[k]);
    (void)sqlite3_finalize(to[k]);
  }
}

static void plain(const char *ledger, const char *path) {
  uint64_t rows = 0;
  int64_t spent_us = 0;
  if (access(path, F_OK) == 0) fail(path, "is there already");
  sqlite3 *in = open_sql(ledger);
  sqlite3 *out = open_sql(path);
  run_sql(out, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
               "CREATE TABLE invoice (account_no, device_no, kind, month, revision, series, "
               "financial_year, serial, number, total_minor, tax_minor, currency, issued_ms, "
               "due_ms, body, snapshot);"
               "CREATE TABLE entry (account_no, kind, amount_minor, currency, invoice_no, at_ms);"
               "CREATE TABLE audit (at_ms, actor, action, subject, detail, previous_hash, hash)");
  copy_all(in, out, &rows, &spent_us);
  must_sql(out, sqlite3_close(out), path);
  must_sql(in, sqlite3_close(in), ledger);
  (void)printf("rows=%llu\ncpu_us=%lld\n", (unsigned long long)rows, (long long)spent_us);
}

int main(int argc, char **argv) {
  const char *dir = NULL;
  const char *month = NULL;
  const char *ledger = NULL;
  uint64_t accounts = 1000;
  uint64_t step_s = 3600;
  const bench_argument arguments[] = {
      {"--dir", "the folder that is made; with --plain the file", .text = &dir},
      {"--month", "such as 2026-01", .text = &month},
      {"--accounts", "how many", .number = &accounts},
      {"--step", "seconds between readings", .number = &step_s},
      {"--plain", "a ledger whose invoices, entries and audit are inserted", .text = &ledger},
  };
  bench_arguments_read(argc, argv, "bench_town: a deployment with a month to bill", arguments,
                       sizeof arguments / sizeof arguments[0]);
  if (dir == NULL) fail("--dir", "is needed");
  if (ledger != NULL) {
    plain(ledger, dir);
    return 0;
  }
  if (month == NULL || accounts == 0 || accounts > 999999 || step_s == 0 || step_s > 3600)
    fail("arguments", "--month is needed, 1 to 999999 --accounts, a --step of 1 to 3600");
  make(dir, month, accounts, step_s);
  return 0;
}
