#include "store/postgres/test_server.h"

#include "base/buf.h"
#include "store/postgres/pg_dialect.h"
#include "store/postgres/pg_sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

bool test_server_is_there(void) {
  return getenv("SM_TEST_POSTGRES") != NULL;
}

static const char *name_of(const char *dir) {
  const char *slash = strrchr(dir, '/');
  return slash != NULL ? slash + 1 : dir;
}

static void write_url(const char *name, char url[TEST_SERVER_URL_MAX]) {
  (void)snprintf(url, TEST_SERVER_URL_MAX, "postgresql://smartmeter@/%s?host=%s", name,
                 getenv("SM_TEST_POSTGRES"));
}

const char *test_server_url(const char *dir, char url[TEST_SERVER_URL_MAX]) {
  write_url(name_of(dir), url);
  return url;
}

static PGconn *connect_to(const char *name) {
  char url[TEST_SERVER_URL_MAX];
  write_url(name, url);
  PGconn *conn = PQconnectdb(url);
  if (PQstatus(conn) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(conn));
  PQclear(PQexec(conn, "SET client_min_messages = error; SET search_path = smartmeter;"
                       "SET synchronous_commit = off"));
  return conn;
}

static void must(PGconn *conn, const char *format, const char *name) {
  char sql[200];
  (void)snprintf(sql, sizeof sql, "%s \"%s\"", format, name);
  PGresult *result = PQexec(conn, sql);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) fail_msg("%s: %s", sql, PQerrorMessage(conn));
  PQclear(result);
}

static bool has(PGconn *conn, const char *name) {
  PGresult *result = PQexecParams(conn, "SELECT 1 FROM pg_database WHERE datname = $1", 1, NULL,
                                  &name, NULL, NULL, 0);
  bool there = PQntuples(result) == 1;
  PQclear(result);
  return there;
}

bool test_server_create(const char *dir, const char *like) {
  char rest[100];
  PGconn *conn = connect_to("postgres");
  bool there = has(conn, name_of(dir));
  (void)snprintf(rest, sizeof rest, "%s\" STRATEGY = FILE_COPY TEMPLATE \"%s", name_of(dir), like);
  if (!there) must(conn, "CREATE DATABASE", strcmp(like, "") != 0 ? rest : name_of(dir));
  PQfinish(conn);
  return !there;
}

void test_server_drop(const char *dir) {
  char sql[200];
  PGconn *conn = connect_to("postgres");
  (void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS \"%s\" WITH (FORCE)", name_of(dir));
  PGresult *result = PQexec(conn, sql);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) fail_msg("%s: %s", sql, PQerrorMessage(conn));
  PQclear(result);
  PQfinish(conn);
}

typedef struct wording {
  const char *from;
  const char *to;
} wording;

/* What tests do behind a ledger's back has its own ways of writing. */
static const wording wordings[] = {
    {"PRAGMA foreign_keys = OFF;", "SET session_replication_role = replica;"},
    {"PRAGMA ignore_check_constraints = ON;", ""},
    {"INSERT OR REPLACE", "INSERT"},
    {" BEGIN SELECT RAISE(ABORT, 'x'); END", " FOR EACH ROW EXECUTE FUNCTION refuse('x')"},
};

static const char *reword(const char *at, sm_buf *out) {
  for (size_t i = 0; i < sizeof wordings / sizeof wordings[0]; i++) {
    size_t len = strlen(wordings[i].from);
    if (strncmp(at, wordings[i].from, len) != 0) continue;
    sm_buf_append_text(out, wordings[i].to);
    return at + len;
  }
  static const char drop[] = "DROP TRIGGER ";
  if (strncmp(at, drop, sizeof drop - 1) == 0) { /* PostgreSQL wants to know of which table */
    at += sizeof drop - 1;
    size_t len = strcspn(at, "; ");
    sm_buf_printf(out, "SELECT pg_temp.drop_trigger('%.*s')", (int)len, at);
    return at + len;
  }
  sm_buf_append_char(out, *at);
  return at + 1;
}

static const char drop_function[] =
    "CREATE FUNCTION pg_temp.drop_trigger(wanted text) RETURNS void LANGUAGE plpgsql AS $$ "
    "DECLARE of_table regclass; BEGIN "
    "SELECT tgrelid INTO STRICT of_table FROM pg_trigger WHERE tgname = wanted; "
    "EXECUTE format('DROP TRIGGER %I ON %s', wanted, of_table); END $$";

/* The tests write their SQL as the ledger does. */
static PGresult *run(PGconn *conn, const char *sql) {
  int params = 0;
  sm_buf words;
  sm_buf text;
  sm_buf_init(&words, 0);
  sm_buf_init(&text, 0);
  while (*sql != '\0') sql = reword(sql, &words);
  assert_int_equal(sm_pg_translate(sm_buf_text(&words), &text, &params), SM_OK);
  PQclear(PQexec(conn, drop_function));
  PGresult *result = PQexec(conn, sm_buf_text(&text));
  if (PQresultStatus(result) == PGRES_FATAL_ERROR) print_message("%s", PQerrorMessage(conn));
  sm_buf_fini(&words);
  sm_buf_fini(&text);
  return result;
}

int64_t test_server_i64(const char *dir, const char *sql) {
  PGconn *conn = connect_to(name_of(dir));
  PGresult *result = run(conn, sql);
  if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
    fail_msg("%s: %s", sql, PQerrorMessage(conn));
  const char *value = PQgetvalue(result, 0, 0);
  int64_t number = value[0] == 't' ? 1 : strtoll(value, NULL, 10);
  PQclear(result);
  PQfinish(conn);
  return number;
}

int test_server_run(const char *dir, const char *sql) {
  PGconn *conn = connect_to(name_of(dir));
  PGresult *result = run(conn, sql);
  sm_err err = sm_pg_err(conn, result);
  PQclear(result);
  PQfinish(conn);
  return (int)err;
}
