/* What a plain writer does: each reading is a statement of its own, and a transaction of its own,
 * over one connection to a PostgreSQL. The table has no key unless --keyed, which keeps a reading
 * that comes twice once, as the server does. Prints what it wrote. */
#include "arguments.h"
#include "clocks.h"
#include "source.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 8, FIELD_CHARS = 24 };

typedef struct rows {
  const char *url;
  bool make;
  bool keyed;
  uint64_t steps;
  bench_plan plan;
  PGconn *conn;
  uint64_t readings;
} rows;

static _Noreturn void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_rows: %s: %s\n", what, why);
  exit(1);
}

static void read_arguments(int argc, char **argv, rows *r) {
  uint64_t devices = 200;
  uint64_t first = 1;
  uint64_t start_s = 0;
  uint64_t interval_s = 10;
  r->steps = 100;
  r->plan.seed = 1;
  const bench_argument arguments[] = {
      {"--url", "of the database", .text = &r->url},
      {"--make", "make the table first", .flag = &r->make},
      {"--keyed", "a reading that comes twice is kept once", .flag = &r->keyed},
      {"--devices", "how many meters", .number = &devices},
      {"--first", "number of the first meter", .number = &first},
      {"--start", "time of the first reading, seconds since 1970", .number = &start_s},
      {"--interval", "seconds between readings", .number = &interval_s},
      {"--steps", "readings of each meter", .number = &r->steps},
      {"--seed", "of the data", .number = &r->plan.seed},
  };
  bench_arguments_read(argc, argv, "bench_rows: a statement and a commit for each reading",
                       arguments, sizeof arguments / sizeof arguments[0]);
  if (r->url == NULL) fail("--url", "is needed");
  if (start_s == 0 || interval_s == 0 || devices == 0) fail("arguments", "0 is not possible");
  r->plan.noise = BENCH_NOISY;
  r->plan.devices = (uint32_t)devices;
  r->plan.first_no = (uint32_t)first;
  r->plan.start_ms = (int64_t)start_s * 1000;
  r->plan.interval_s = (uint32_t)interval_s;
}

static void must(rows *r, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    fail("PostgreSQL", PQerrorMessage(r->conn));
  PQclear(result);
}

static void set_up(rows *r) {
  r->conn = PQconnectdb(r->url);
  if (PQstatus(r->conn) != CONNECTION_OK) fail("PostgreSQL", PQerrorMessage(r->conn));
  if (r->make) {
    must(r,
         PQexec(r->conn, "CREATE TABLE telemetry (time timestamptz NOT NULL, device text NOT NULL, "
                         "voltage float8, current float8, power_w float8, energy_kwh float8, "
                         "power_factor float8, frequency_hz float8)"));
    if (r->keyed) must(r, PQexec(r->conn, "ALTER TABLE telemetry ADD PRIMARY KEY (device, time)"));
  }
  must(r, PQprepare(r->conn, "put",
                    "INSERT INTO telemetry VALUES (to_timestamp($1::float8 / 1000), $2, $3, $4, "
                    "$5, $6, $7, $8) ON CONFLICT DO NOTHING",
                    FIELDS, NULL));
}

static void decimal(char out[FIELD_CHARS], uint32_t value, uint32_t unit) {
  (void)snprintf(out, FIELD_CHARS, "%.3f", (double)value / unit);
}

static void put(rows *r, uint32_t no, const bench_reading *reading) {
  char text[FIELDS][FIELD_CHARS];
  const char *values[FIELDS];
  for (size_t i = 0; i < FIELDS; i++) values[i] = text[i];
  (void)snprintf(text[0], FIELD_CHARS, "%lld", (long long)reading->ts_ms);
  text[1][bench_write_id(text[1], no)] = '\0';
  decimal(text[2], reading->voltage_dv, 10);
  decimal(text[3], reading->current_ma, 1000);
  decimal(text[4], reading->power_dw, 10);
  decimal(text[5], reading->energy_wh, 1000);
  decimal(text[6], reading->power_factor_pct, 100);
  decimal(text[7], reading->frequency_dhz, 10);
  must(r, PQexecPrepared(r->conn, "put", FIELDS, values, NULL, NULL, 0));
  r->readings++;
}

int main(int argc, char **argv) {
  static rows r;
  static bench_group group;
  read_arguments(argc, argv, &r);
  set_up(&r);
  bench_source *source = bench_source_new(&r.plan);
  if (source == NULL) fail("memory", "not enough");
  int64_t wall_ns = bench_wall_ns();
  bench_source_run(source, r.steps, 1);
  while (bench_source_next(source, &group))
    for (uint32_t i = 0; i < group.count; i++) put(&r, group.no, &group.reading[i]);
  wall_ns = bench_wall_ns() - wall_ns;
  bench_source_free(source);
  PQfinish(r.conn);
  (void)printf("readings=%llu\nwall_us=%lld\n", (unsigned long long)r.readings,
               (long long)(wall_ns / 1000));
  return 0;
}
