#include "store/postgres/pg_sql.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "store/postgres/pg_connect.h"
#include "store/postgres/pg_dialect.h"
#include "store/sql/driver.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
  VALUES_MAX = 48,     /* of one statement */
  DECODED_MAX = 8,     /* blobs of one row that are looked at together */
  NUMBER_CHARS = 24,   /* an int64 as text */
  LOCK_CLASS = 0x534d, /* "SM": of the advisory locks */
  /* How long a lost answer is asked after: a standby is promoted meanwhile, or never. */
  FIND_OUT_MS = 30000,
  FIND_OUT_PAUSE_NS = 200000000,
  HOLDER_BYTES = 8,
  LATER_MAX = 64 /* statements whose answers wait to be read */
};

/* Types by their fixed numbers in PostgreSQL's catalogue. */
static const Oid type_int8 = 20;
static const Oid type_text = 25;
static const Oid type_bytea = 17;

typedef struct value {
  Oid type;
  const char *data; /* borrowed, or number; NULL is NULL */
  int len;
  char number[NUMBER_CHARS];
} value;

/* A statement of the connection's cache. */
typedef struct statement {
  const char *sql; /* the key is its address */
  char *text;      /* in PostgreSQL's words */
  char name[16];
  int params;
  bool prepared; /* in the present session, for `types` */
  bool in_use;
  bool executed;
  bool binary; /* its rows */
  Oid types[VALUES_MAX];
  value values[VALUES_MAX];
  PGresult *result;
  int row; /* of the result, -1 before the first */
  unsigned char *decoded[DECODED_MAX];
  size_t decoded_count;
} statement;

typedef struct pg {
  sm_sql base;
  PGconn *conn;
  char *url;
  char schema[64];
  bool read_only;
  int32_t lock_no;
  bool shared;
  int32_t limit_ms;
  char holder[2 * HOLDER_BYTES + 1]; /* of the commit marks; "": it makes none */
  int64_t mark;                      /* of the last commit */
  statement **cache;
  size_t count;
  size_t cap;
  bool begun;       /* and neither committed nor rolled back by us */
  bool writes;      /* it was begun as a writer's */
  bool left;        /* a reader's transaction has been ended, and nobody has read the answer */
  bool warned;      /* the server warned during the statement that runs */
  size_t later;     /* statements that were sent and not answered yet: then it is a pipeline */
  sm_err later_err; /* the first failure of such */
  int64_t changes;
  uint64_t session;
  int64_t timeline;
} pg;

static const sm_sql_driver driver;

static pg *of(sm_sql *db) {
  return (pg *)db;
}

static pg *its(const sm_sql_stmt *q) {
  return (pg *)q->db;
}

/* ---- result codes ---- */

static void log_words(const char *words, const char *code) {
  char line[300];
  (void)snprintf(line, sizeof line, "%s", words != NULL ? words : "");
  line[strcspn(line, "\n")] = '\0';
  sm_log(SM_LOG_ERROR, "store.postgres", SM_LOG_TEXT("message", line), SM_LOG_TEXT("code", code));
}

static bool begins(const char *code, const char *with) {
  return strncmp(code, with, strlen(with)) == 0;
}

typedef struct state_err {
  const char *begin; /* of the SQLSTATE */
  sm_err err;
} state_err;

/* The first that fits. */
static const state_err state_errs[] = {
    {"23505", SM_ERR_EXISTS},   {"23P01", SM_ERR_EXISTS},   {"23503", SM_ERR_CONFLICT},
    {"23001", SM_ERR_CONFLICT}, {"P0001", SM_ERR_CONFLICT}, {"23", SM_ERR_INVALID},
    {"22003", SM_ERR_RANGE},    {"22", SM_ERR_INVALID},     {"54000", SM_ERR_RANGE},
    {"53100", SM_ERR_FULL},     {"53200", SM_ERR_NOMEM},    {"53300", SM_ERR_BUSY},
    {"55P03", SM_ERR_BUSY},     {"40", SM_ERR_BUSY},        {"57014", SM_ERR_BUSY},
    {"57P03", SM_ERR_BUSY},     {"57P", SM_ERR_IO},         {"08", SM_ERR_IO},
    {"25P03", SM_ERR_IO},       {"25006", SM_ERR_IO},       {"58", SM_ERR_IO},
    {"42501", SM_ERR_DENIED},   {"XX001", SM_ERR_CORRUPT},  {"XX002", SM_ERR_CORRUPT},
    {"25P02", SM_ERR_INTERNAL},
};

static sm_err of_state(const char *code) {
  for (size_t i = 0; i < sizeof state_errs / sizeof state_errs[0]; i++)
    if (begins(code, state_errs[i].begin)) return state_errs[i].err;
  return SM_ERR_INTERNAL;
}

sm_err sm_pg_err(PGconn *conn, const PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
    return SM_OK;
  const char *code = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  if (code == NULL) { /* libpq's own words: mostly that the connection broke */
    bool lost = PQstatus(conn) != CONNECTION_OK;
    log_words(PQerrorMessage(conn), "");
    return lost ? SM_ERR_IO : SM_ERR_NOMEM;
  }
  sm_err err = of_state(code);
  bool expected = err == SM_ERR_EXISTS || err == SM_ERR_CONFLICT || err == SM_ERR_INVALID ||
                  err == SM_ERR_RANGE || strcmp(code, "25P02") == 0;
  if (!expected) log_words(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), code);
  return err;
}

/* ---- answers that were not waited for ---- */

/* One statement's, or the pipeline's end: true then. */
static bool take_answer(pg *db) {
  PGresult *result = PQgetResult(db->conn);
  ExecStatusType status = PQresultStatus(result);
  bool end = status == PGRES_PIPELINE_SYNC || PQstatus(db->conn) != CONNECTION_OK;
  if (result != NULL && status != PGRES_PIPELINE_SYNC && status != PGRES_PIPELINE_ABORTED) {
    sm_err err = sm_pg_err(db->conn, result);
    if (db->later_err == SM_OK) db->later_err = err;
  }
  PQclear(result);
  return end;
}

/* Waits for all of them; the first failure, once. */
static sm_err settle(pg *db) {
  if (db->later > 0) {
    db->later = 0;
    if (PQpipelineSync(db->conn) != 1) (void)shutdown(PQsocket(db->conn), SHUT_RDWR);
    while (PQstatus(db->conn) == CONNECTION_OK && !take_answer(db)) continue;
    bool left = PQstatus(db->conn) == CONNECTION_OK && PQexitPipelineMode(db->conn) == 1;
    if (!left && db->later_err == SM_OK) db->later_err = SM_ERR_IO;
  }
  sm_err err = db->later_err;
  db->later_err = SM_OK;
  return err;
}

/* ---- connections ---- */

static void take_notice(void *context, const PGresult *result) {
  const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == NULL || strcmp(severity, "WARNING") != 0) return;
  ((pg *)context)->warned = true;
  sm_log(SM_LOG_WARN, "store.postgres",
         SM_LOG_TEXT("message", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

/* Gives the connection up where it takes too long: to libpq the server is then gone. */
static void await_answer(const pg *db) {
  int64_t until_ms = sm_clock_steady_ms() + db->limit_ms;
  while (PQisBusy(db->conn) != 0) {
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
    int64_t left_ms = until_ms - sm_clock_steady_ms();
    if (left_ms > 0) {
      if (poll(&fd, 1, (int)left_ms) <= 0) continue;
    } else {
      (void)shutdown(fd.fd, SHUT_RDWR);
    }
    if (PQconsumeInput(db->conn) == 0) return;
  }
}

/* What was sent (1, as libpq says it), answered: the last result, as PQexec has it. */
static PGresult *answer(const pg *db, int sent) {
  PGresult *last = NULL;
  if (sent != 1) return NULL;
  for (;;) {
    await_answer(db);
    PGresult *result = PQgetResult(db->conn);
    if (result == NULL) return last;
    PQclear(last);
    last = result;
  }
}

/* The last result of words; the caller clears it. PQexec first passes over what was not read. */
static PGresult *ask(pg *db, const char *sql) {
  return db->limit_ms == 0 ? PQexec(db->conn, sql) : answer(db, PQsendQuery(db->conn, sql));
}

static sm_err run_words(pg *db, const char *sql) {
  PGresult *result = ask(db, sql);
  sm_err err = sm_pg_err(db->conn, result);
  PQclear(result);
  return err;
}

/* What each session needs, whatever the server's and the role's defaults are. A server that was
 * stopped in the middle of a transaction, or is cut off there, holds its locks no longer than it
 * takes the others to miss it. */
static sm_err set_up_session(pg *db) {
  char sql[1100];
  (void)snprintf(
      sql, sizeof sql,
      "SET client_min_messages = warning;"
      "SET search_path = %s; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = hex;"
      "SET standard_conforming_strings = on; SET jit = off; SET lock_timeout = '10s';"
      "SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '%s';"
      "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
      "SET tcp_keepalives_count = 2; SET tcp_user_timeout = '15s';"
      "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
      " WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);%s",
      db->schema, db->read_only ? "60s" : "15s",
      db->read_only ? "SET default_transaction_read_only = on" : "");
  for (size_t i = 0; i < db->count; i++) db->cache[i]->prepared = false;
  db->session++;
  return run_words(db, sql);
}

static sm_err connect_first(pg *db) {
  sm_err err = sm_pg_connect(db->url, false, &db->conn, &db->timeline);
  if (err == SM_OK) (void)PQsetNoticeReceiver(db->conn, take_notice, db);
  return err;
}

/* Maybe at another server than before. */
static sm_err connect_again(pg *db) {
  PGconn *conn = NULL;
  sm_err err = sm_pg_connect(db->url, true, &conn, &db->timeline);
  if (err != SM_OK) return err;
  PQfinish(db->conn);
  db->conn = conn;
  (void)PQsetNoticeReceiver(db->conn, take_notice, db);
  sm_log(SM_LOG_INFO, "store.postgres", SM_LOG_TEXT("message", "connected again"),
         SM_LOG_TEXT("host", PQhost(conn)), SM_LOG_TEXT("port", PQport(conn)));
  return set_up_session(db);
}

static bool is_on(const pg *db, const char *parameter) {
  const char *told = PQparameterStatus(db->conn, parameter);
  return told != NULL && strcmp(told, "on") == 0;
}

/* A server that was made read-only, as a former primary is, serves no writer any more. */
static bool serves(const pg *db) {
  if (PQstatus(db->conn) != CONNECTION_OK) return false;
  return db->read_only ||
         !(is_on(db, "default_transaction_read_only") || is_on(db, "in_hot_standby"));
}

static void free_statement(statement *s) {
  assert(!s->in_use);
  free(s->text);
  free(s);
}

static void close_it(sm_sql *base) {
  pg *db = of(base);
  for (size_t i = 0; i < db->count; i++) free_statement(db->cache[i]);
  free(db->cache);
  PQfinish(db->conn);
  free(db->url);
  free(db);
}

static bool schema_valid(const char *name) {
  size_t len = strlen(name);
  return len > 0 && len < 60 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

sm_err sm_pg_open(const sm_pg_options *options, sm_sql **out) {
  if (!schema_valid(options->schema)) return SM_ERR_INVALID;
  pg *db = calloc(1, sizeof *db);
  if (db == NULL) return SM_ERR_NOMEM;
  db->base.driver = &driver;
  db->read_only = options->read_only;
  db->lock_no = options->lock_no;
  db->shared = options->shared;
  db->limit_ms = options->limit_ms;
  (void)snprintf(db->schema, sizeof db->schema, "%s", options->schema);
  if (options->marks) {
    uint8_t random[HOLDER_BYTES];
    sm_random_bytes(random, sizeof random);
    (void)sm_hex(random, sizeof random, db->holder);
  }
  db->url = strdup(options->url);
  sm_err err = db->url != NULL ? connect_first(db) : SM_ERR_NOMEM;
  if (err == SM_OK) err = set_up_session(db);
  if (err != SM_OK) {
    close_it(&db->base);
    return err;
  }
  *out = &db->base;
  return SM_OK;
}

uint64_t sm_pg_session(sm_sql *db) {
  return of(db)->session;
}

int64_t sm_pg_timeline(sm_sql *db) {
  return of(db)->timeline;
}

PGconn *sm_pg_handle(sm_sql *base) {
  pg *db = of(base);
  assert(db->later == 0);
  return db->conn;
}

/* ---- transactions ---- */

static bool in_transaction(const pg *db) {
  PGTransactionStatusType status = PQtransactionStatus(db->conn);
  return status != PQTRANS_IDLE && status != PQTRANS_UNKNOWN;
}

/* After a failed statement PostgreSQL takes nothing more until the rollback, and a lost connection
 * has rolled back. */
static bool transaction_is_lost(const pg *db) {
  return db->begun && PQtransactionStatus(db->conn) != PQTRANS_INTRANS;
}

static sm_err exec(sm_sql *base, const char *sql) {
  pg *db = of(base);
  sm_err err = settle(db);
  if (err != SM_OK) return err;
  return transaction_is_lost(db) ? SM_ERR_INTERNAL : run_words(db, sql);
}

static void rollback(sm_sql *base) {
  pg *db = of(base);
  sm_err err = settle(db);
  (void)err; /* of what is taken back */
  bool reader = db->begun && !db->writes;
  if (!db->begun && db->left) return;
  db->begun = false;
  /* Nobody waits for a reader's end: PQexec and its like pass over the answer before the next
   * statement, and what sends with a time limit does not. */
  if (reader && db->limit_ms == 0 && PQtransactionStatus(db->conn) == PQTRANS_INTRANS &&
      PQsendQuery(db->conn, "ROLLBACK") == 1)
    db->left = true;
  else if (in_transaction(db))
    PQclear(ask(db, "ROLLBACK"));
}

typedef enum beginning { READING, SHARED, ALONE } beginning;

static void begin_words(const pg *db, beginning how, char sql[120]) {
  if (how == READING)
    (void)snprintf(sql, 120, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  else
    (void)snprintf(sql, 120,
                   "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock%s(%d, %d)",
                   how == SHARED ? "_shared" : "", LOCK_CLASS, (int)db->lock_no);
}

/* An idle connection may have been cut without a word: that is found out here, and mended once. */
static sm_err begin_as(sm_sql *base, beginning how) {
  pg *db = of(base);
  char sql[120];
  sm_err err = SM_OK;
  db->begun = db->left = false;
  begin_words(db, how, sql);
  if (serves(db)) {
    err = run_words(db, sql);
    if (err == SM_OK || PQstatus(db->conn) == CONNECTION_OK) goto done;
  }
  err = connect_again(db);
  if (err == SM_OK) err = run_words(db, sql);
done:
  if (err != SM_OK) rollback(base);
  db->begun = err == SM_OK;
  db->writes = how != READING;
  return err;
}

static sm_err begin(sm_sql *db, bool immediate) {
  return begin_as(db, !immediate ? READING : of(db)->shared ? SHARED : ALONE);
}

sm_err sm_pg_begin_shared(sm_sql *db) {
  return begin_as(db, SHARED);
}

/* The transaction's end, with what will tell that it took place. Without a time limit: a commit
 * that waits for its standby is not to be cut short. */
static void commit_words(pg *db, char sql[400]) {
  char mark[300] = "";
  if (db->writes && db->holder[0] != '\0')
    (void)snprintf(mark, sizeof mark,
                   "INSERT INTO %s.commit_mark (holder, mark) VALUES ('%s', %lld) "
                   "ON CONFLICT (holder) DO UPDATE SET mark = excluded.mark, at = now();",
                   db->schema, db->holder, (long long)++db->mark);
  (void)snprintf(sql, 400, "SET LOCAL statement_timeout = 0; %s COMMIT", mark);
}

sm_err sm_pg_await_standby(sm_sql *base) {
  sm_err err = settle(of(base));
  if (err != SM_OK) return err;
  return run_words(of(base), "SELECT pg_logical_emit_message(true, 'smartmeter', '')");
}

/* What the mark says when nobody else writes: the transaction in question has ended by then, or is
 * on no server that counts. The answer itself is as durable as a commit. */
static sm_err read_mark(pg *db, int64_t *mark) {
  char sql[160];
  sm_err err = begin(&db->base, true);
  if (err != SM_OK) return err;
  *mark = 0;
  (void)snprintf(sql, sizeof sql, "SELECT mark FROM %s.commit_mark WHERE holder = '%s'", db->schema,
                 db->holder);
  PGresult *result = ask(db, sql);
  err = sm_pg_err(db->conn, result);
  if (err == SM_OK && PQntuples(result) == 1) *mark = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
  PQclear(result);
  if (err == SM_OK) err = sm_pg_await_standby(&db->base);
  db->warned = false;
  if (err == SM_OK) err = run_words(db, "SET LOCAL statement_timeout = 0; COMMIT");
  if (err == SM_OK && db->warned) err = SM_ERR_IO;
  rollback(&db->base);
  return err;
}

/* After a commit whose answer was lost: SM_OK, it took place; SM_ERR_IO, it did not, or no server
 * could be asked. */
static sm_err find_out(pg *db) {
  int64_t until_ms = sm_clock_steady_ms() + FIND_OUT_MS;
  int64_t wanted = db->mark;
  int64_t mark = 0;
  sm_err err;
  do {
    err = read_mark(db, &mark);
    if (err != SM_ERR_IO && err != SM_ERR_BUSY) break;
    (void)nanosleep(&(struct timespec){.tv_nsec = FIND_OUT_PAUSE_NS}, NULL);
  } while (sm_clock_steady_ms() < until_ms);
  bool committed = err == SM_OK && mark == wanted;
  const char *found = committed      ? "it took place"
                      : err == SM_OK ? "it did not take place"
                                     : "unknown";
  sm_log(err == SM_OK ? SM_LOG_WARN : SM_LOG_ERROR, "store.postgres_lost_answer",
         SM_LOG_TEXT("message", "the answer to a commit was lost"), SM_LOG_TEXT("found", found));
  return committed ? SM_OK : SM_ERR_IO;
}

/* A commit that waits for its standby and is cut short has warned, and is nothing that anybody may
 * be told of. */
static sm_err commit(sm_sql *base) {
  pg *db = of(base);
  char sql[400];
  sm_err later = settle(db);
  if (later != SM_OK || transaction_is_lost(db)) {
    rollback(base);
    return later != SM_OK ? later : SM_ERR_INTERNAL;
  }
  db->warned = false;
  commit_words(db, sql);
  sm_err err = run_words(db, sql);
  bool unsure = err == SM_OK ? db->warned : PQstatus(db->conn) != CONNECTION_OK;
  rollback(base);
  if (!unsure) return err;
  return db->writes && db->holder[0] != '\0' ? find_out(db) : SM_ERR_IO;
}

/* ---- statements ---- */

static sm_err add_statement(pg *db, const char *sql, statement **out) {
  if (db->count == db->cap) {
    size_t cap = db->cap == 0 ? 32 : db->cap * 2;
    statement **grown = realloc(db->cache, cap * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    db->cache = grown;
    db->cap = cap;
  }
  statement *s = calloc(1, sizeof *s);
  if (s == NULL) return SM_ERR_NOMEM;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_err err = sm_pg_translate(sql, &text, &s->params);
  if (err == SM_OK && s->params > VALUES_MAX) err = SM_ERR_INTERNAL;
  if (err == SM_OK) s->text = sm_buf_take(&text);
  if (err == SM_OK && s->text == NULL) err = SM_ERR_NOMEM;
  sm_buf_fini(&text);
  if (err != SM_OK) {
    free(s);
    return err;
  }
  s->sql = sql;
  (void)snprintf(s->name, sizeof s->name, "s%zu", db->count);
  db->cache[db->count++] = s;
  *out = s;
  return SM_OK;
}

static void use(sm_sql_stmt *q, const char *sql) {
  pg *db = its(q);
  statement *s = NULL;
  for (size_t i = 0; i < db->count && s == NULL; i++)
    if (db->cache[i]->sql == sql) s = db->cache[i];
  if (s == NULL) q->err = add_statement(db, sql, &s);
  if (q->err != SM_OK) return;
  assert(!s->in_use);
  s->in_use = true;
  s->binary = false;
  /* What is not bound is a NULL that fits where a number does. */
  for (int i = 0; i < s->params; i++) s->values[i] = (value){.type = type_int8};
  q->stmt = s;
}

static value *value_at(sm_sql_stmt *q, int index) {
  statement *s = q->stmt;
  if (index < 1 || index > s->params) {
    q->err = SM_ERR_INTERNAL;
    return NULL;
  }
  return &s->values[index - 1];
}

static void bind_i64(sm_sql_stmt *q, int index, int64_t number) {
  value *v = value_at(q, index);
  if (v == NULL) return;
  int len = snprintf(v->number, sizeof v->number, "%lld", (long long)number);
  v->type = type_int8;
  v->data = v->number;
  v->len = len;
}

static void bind_text(sm_sql_stmt *q, int index, const char *text) {
  value *v = value_at(q, index);
  if (v == NULL) return;
  v->type = type_text;
  v->data = text;
  v->len = text != NULL ? (int)strlen(text) : 0;
}

static void bind_blob(sm_sql_stmt *q, int index, const void *data, size_t len) {
  value *v = value_at(q, index);
  if (v == NULL) return;
  if (len > INT32_MAX / 2) {
    q->err = SM_ERR_RANGE;
    return;
  }
  v->type = type_bytea;
  v->data = data;
  v->len = (int)len;
}

static void bind_null(sm_sql_stmt *q, int index) {
  value *v = value_at(q, index);
  if (v != NULL) *v = (value){.type = type_int8};
}

static bool types_fit(const statement *s) {
  for (int i = 0; i < s->params; i++)
    if (s->types[i] != s->values[i].type) return false;
  return true;
}

/* Prepared when its values are known: their types are what it is prepared for. Two uses of one
 * statement with other types are rare, and prepare it anew. */
static sm_err prepare(pg *db, statement *s) {
  if (s->prepared && types_fit(s)) return SM_OK;
  char sql[40];
  (void)snprintf(sql, sizeof sql, "DEALLOCATE %s", s->name);
  sm_err err = s->prepared ? run_words(db, sql) : SM_OK;
  s->prepared = false;
  if (err != SM_OK) return err;
  for (int i = 0; i < s->params; i++) s->types[i] = s->values[i].type;
  PGresult *result =
      db->limit_ms == 0
          ? PQprepare(db->conn, s->name, s->text, s->params, s->types)
          : answer(db, PQsendPrepare(db->conn, s->name, s->text, s->params, s->types));
  err = sm_pg_err(db->conn, result);
  PQclear(result);
  s->prepared = err == SM_OK;
  return err;
}

/* The values as libpq takes them. */
typedef struct sent {
  const char *data[VALUES_MAX];
  int len[VALUES_MAX];
  int format[VALUES_MAX];
} sent;

static void fill(const statement *s, sent *out) {
  for (int i = 0; i < s->params; i++) {
    out->data[i] = s->values[i].data;
    out->len[i] = s->values[i].len;
    out->format[i] = s->values[i].type == type_bytea;
  }
}

static sm_err execute(pg *db, statement *s) {
  sent with;
  sm_err err = settle(db);
  if (err == SM_OK) err = prepare(db, s);
  if (err != SM_OK) return err;
  fill(s, &with);
  const int format = s->binary ? 1 : 0;
  s->result =
      db->limit_ms == 0
          ? PQexecPrepared(db->conn, s->name, s->params, with.data, with.len, with.format, format)
          : answer(db, PQsendQueryPrepared(db->conn, s->name, s->params, with.data, with.len,
                                           with.format, format));
  err = sm_pg_err(db->conn, s->result);
  const char *changed = err == SM_OK ? PQcmdTuples(s->result) : "";
  if (changed[0] != '\0' && !begins(PQcmdStatus(s->result), "SELECT"))
    db->changes = strtoll(changed, NULL, 10);
  return err;
}

/* libpq copies the values. One that must be prepared first waits for those before it. */
static void later(sm_sql_stmt *q) {
  pg *db = its(q);
  statement *s = q->stmt;
  sent with;
  if (!(s->prepared && types_fit(s)) || db->later == LATER_MAX) q->err = settle(db);
  if (q->err == SM_OK && db->later == 0) {
    if (transaction_is_lost(db)) q->err = SM_ERR_INTERNAL;
    if (q->err == SM_OK) q->err = prepare(db, s);
    if (q->err == SM_OK && PQenterPipelineMode(db->conn) != 1) q->err = SM_ERR_IO;
  }
  if (q->err != SM_OK) return;
  fill(s, &with);
  db->later++; /* also of one that fails: the pipeline has begun */
  if (PQsendQueryPrepared(db->conn, s->name, s->params, with.data, with.len, with.format, 0) != 1)
    q->err = SM_ERR_IO;
}

static void forget_decoded(statement *s) {
  for (size_t i = 0; i < s->decoded_count; i++) PQfreemem(s->decoded[i]);
  s->decoded_count = 0;
}

static void forget_result(statement *s) {
  forget_decoded(s);
  PQclear(s->result);
  s->result = NULL;
  s->executed = false;
  s->row = -1;
}

/* Outside of a transaction a lost connection is mended here. */
static sm_err execute_first(pg *db, statement *s) {
  if (!db->begun && PQstatus(db->conn) != CONNECTION_OK) {
    sm_err err = connect_again(db);
    if (err != SM_OK) return err;
  }
  return execute(db, s);
}

static bool row(sm_sql_stmt *q) {
  pg *db = its(q);
  statement *s = q->stmt;
  if (db->later > 0) q->err = settle(db);
  if (q->err == SM_OK && transaction_is_lost(db)) q->err = SM_ERR_INTERNAL;
  if (q->err != SM_OK) return false;
  if (!s->executed) {
    s->executed = true;
    s->row = -1;
    q->err = execute_first(db, s);
    if (q->err != SM_OK) return false;
  }
  forget_decoded(s);
  if (s->row < PQntuples(s->result)) s->row++;
  return s->row < PQntuples(s->result);
}

static bool there(const statement *s, int column) {
  return s->result != NULL && s->row >= 0 && s->row < PQntuples(s->result) &&
         PQgetisnull(s->result, s->row, column) == 0;
}

static bool is_null(sm_sql_stmt *q, int column) {
  return !there(q->stmt, column);
}

static const char *text(sm_sql_stmt *q, int column) {
  const statement *s = q->stmt;
  return there(s, column) ? PQgetvalue(s->result, s->row, column) : NULL;
}

void sm_pg_binary(sm_sql_stmt *q) {
  if (q->err == SM_OK) ((statement *)q->stmt)->binary = true;
}

static int64_t big_endian(const char *data, int len) {
  uint64_t got = len > 0 && (data[0] & 0x80) != 0 ? UINT64_MAX : 0;
  for (int i = 0; i < len; i++) got = got << 8 | (uint8_t)data[i];
  return (int64_t)got;
}

/* Numbers, also numeric ones (a sum's), and truth. */
static int64_t number(sm_sql_stmt *q, int column) {
  const statement *s = q->stmt;
  const char *words = text(q, column);
  if (words == NULL) return 0;
  if (s->binary && PQftype(s->result, column) != type_text)
    return big_endian(words, PQgetlength(s->result, s->row, column));
  if (words[0] == 't' && words[1] == '\0') return 1;
  errno = 0;
  int64_t got = strtoll(words, NULL, 10);
  if (errno == ERANGE && q->err == SM_OK) q->err = SM_ERR_RANGE;
  return got;
}

static const void *blob(sm_sql_stmt *q, int column, size_t *len) {
  statement *s = q->stmt;
  *len = 0;
  if (!there(s, column)) return NULL;
  const char *words = PQgetvalue(s->result, s->row, column);
  if (PQftype(s->result, column) != type_bytea) {
    *len = strlen(words);
    return words;
  }
  if (s->binary) {
    *len = (size_t)PQgetlength(s->result, s->row, column);
    return words;
  }
  if (s->decoded_count == DECODED_MAX) {
    if (q->err == SM_OK) q->err = SM_ERR_INTERNAL;
    return NULL;
  }
  unsigned char *data = PQunescapeBytea((const unsigned char *)words, len);
  if (data == NULL) {
    if (q->err == SM_OK) q->err = SM_ERR_NOMEM;
    return NULL;
  }
  s->decoded[s->decoded_count++] = data;
  return data;
}

static void again(sm_sql_stmt *q) {
  forget_result(q->stmt);
}

static void end_use(sm_sql_stmt *q) {
  statement *s = q->stmt;
  forget_result(s);
  s->in_use = false;
}

/* ---- the engine ---- */

static int64_t changes(sm_sql *db) {
  return of(db)->changes;
}

static int64_t last_insert_no(sm_sql *db) {
  int64_t no = 0;
  return sm_sql_query_i64(db, "SELECT lastval()", &no) == SM_OK ? no : 0;
}

static const sm_sql_driver driver = {.engine = SM_SQL_POSTGRES,
                                     .close = close_it,
                                     .exec = exec,
                                     .begin = begin,
                                     .commit = commit,
                                     .rollback = rollback,
                                     .changes = changes,
                                     .last_insert_no = last_insert_no,
                                     .use = use,
                                     .bind_i64 = bind_i64,
                                     .bind_text = bind_text,
                                     .bind_blob = bind_blob,
                                     .bind_null = bind_null,
                                     .row = row,
                                     .i64 = number,
                                     .is_null = is_null,
                                     .text = text,
                                     .blob = blob,
                                     .again = again,
                                     .end = end_use,
                                     .later = later};

/* ---- migrations ---- */

static sm_err read_version(sm_sql *db, const char *part, size_t newest, size_t *version) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT version FROM schema_version WHERE part = ?1");
  sm_sql_bind_text(&q, 1, part);
  int64_t at = sm_sql_row(&q) ? sm_sql_i64(&q, 0) : 0;
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && (at < 0 || at > (int64_t)newest)) err = SM_ERR_UNSUPPORTED;
  if (err == SM_OK) *version = (size_t)at;
  return err;
}

static sm_err write_version(sm_sql *db, const char *part, size_t version) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO schema_version (part, version) VALUES (?1, ?2) "
                                 "ON CONFLICT (part) DO UPDATE SET version = ?2");
  sm_sql_bind_text(&q, 1, part);
  sm_sql_bind_i64(&q, 2, (int64_t)version);
  return sm_sql_run(&q);
}

static sm_err make_schema(sm_sql *db) {
  char sql[600];
  (void)snprintf(sql, sizeof sql,
                 "CREATE SCHEMA IF NOT EXISTS %s;"
                 "CREATE TABLE IF NOT EXISTS schema_version"
                 " (part text COLLATE \"C\" PRIMARY KEY, version bigint NOT NULL);"
                 "CREATE TABLE IF NOT EXISTS commit_mark (holder text COLLATE \"C\" PRIMARY KEY,"
                 " mark bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());"
                 "DELETE FROM commit_mark WHERE at < now() - interval '30 days'",
                 of(db)->schema);
  return sm_sql_exec(db, sql);
}

static sm_err migrate_locked(sm_sql *db, const char *part, const sm_pg_migration *steps,
                             size_t count, sm_err (*init)(sm_sql *, void *), void *context) {
  size_t version = 0;
  sm_err err = make_schema(db);
  if (err == SM_OK) err = read_version(db, part, count, &version);
  if (err != SM_OK || version == count) return err;
  for (size_t i = version; err == SM_OK && i < count; i++) err = sm_sql_exec(db, steps[i].sql);
  if (err == SM_OK) err = write_version(db, part, count);
  if (err == SM_OK && version == 0 && init != NULL) err = init(db, context);
  return err;
}

sm_err sm_pg_migrate(sm_sql *db, const char *part, const sm_pg_migration *steps, size_t count,
                     sm_err (*init)(sm_sql *db, void *context), void *context) {
  sm_err err = sm_sql_begin_immediate(db);
  if (err != SM_OK) return err;
  err = migrate_locked(db, part, steps, count, init, context);
  if (err == SM_OK) return sm_sql_commit(db);
  sm_sql_rollback(db);
  return err;
}
