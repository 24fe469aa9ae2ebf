#include "store/ledger_move.h"

#include "store/ledger/ledger_internal.h"
#include "store/ledger/ledger_move_table.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "WHERE site_no = 1 AND key = 'move'"

/* ---- the mark ---- */

/* "left 1790000000000 smartmeter-0badcafe PostgreSQL, db.example/smartmeter" */
static sm_err take_mark(const char *text, sm_move_mark *mark) {
  bool left = strncmp(text, "left ", 5) == 0;
  char *end = NULL;
  if (!left && strncmp(text, "arriving ", 9) != 0) return SM_ERR_CORRUPT;
  long long at_ms = strtoll(text + (left ? 5 : 9), &end, 10);
  const char *house = *end == ' ' ? end + 1 : "";
  size_t len = strcspn(house, " ");
  if (at_ms <= 0 || len == 0 || len >= sizeof mark->house || house[len] == '\0')
    return SM_ERR_CORRUPT;
  *mark = (sm_move_mark){.state = left ? SM_MOVE_LEFT : SM_MOVE_ARRIVING, .at_ms = at_ms};
  memcpy(mark->house, house, len);
  (void)snprintf(mark->where, sizeof mark->where, "%s", house + len + 1);
  return SM_OK;
}

static sm_err read_mark(sm_sql *db, sm_move_mark *mark) {
  *mark = (sm_move_mark){.state = SM_MOVE_NONE};
  sm_sql_stmt q = sm_sql_use(db, "SELECT value FROM setting " MARK);
  if (sm_sql_row(&q)) {
    const char *text = sm_sql_text(&q, 0);
    q.err = text != NULL ? take_mark(text, mark) : SM_ERR_CORRUPT;
  }
  return sm_sql_end(&q);
}

static sm_err write_mark(sm_sql *db, const sm_move_mark *mark) {
  char text[SM_MOVE_WHERE_MAX + SM_MOVE_HOUSE_MAX + 48];
  (void)snprintf(text, sizeof text, "%s %" PRId64 " %s %s",
                 mark->state == SM_MOVE_LEFT ? "left" : "arriving", mark->at_ms, mark->house,
                 mark->where);
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO setting (site_no, key, value) VALUES (1, 'move', ?1) "
                                 "ON CONFLICT (site_no, key) DO UPDATE SET value = excluded.value");
  sm_sql_bind_text(&q, 1, text);
  return sm_sql_run(&q);
}

sm_err sm_ledger_move_check(sm_sql *db) {
  sm_move_mark mark;
  sm_err err = read_mark(db, &mark);
  return err == SM_OK && mark.state != SM_MOVE_NONE ? SM_ERR_MOVED : err;
}

sm_err sm_ledger_move_mark(sm_ledger *ledger, sm_move_mark *mark) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = read_mark(db, mark);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_move_unused(sm_ledger *ledger, bool *unused) {
  sm_sql *db;
  int64_t used = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(db,
                         "SELECT EXISTS (SELECT 1 FROM user) OR EXISTS (SELECT 1 FROM device) OR "
                         "EXISTS (SELECT 1 FROM tariff) OR EXISTS (SELECT 1 FROM audit)",
                         &used);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *unused = used == 0;
  return err;
}

/* A write of the move itself, which the mark does not stop. */
static sm_err begin_moving(sm_ledger *ledger, sm_sql **db) {
  ledger->moving = true;
  sm_err err = sm_ledger_write_begin(ledger, db);
  if (err != SM_OK) ledger->moving = false;
  return err;
}

static sm_err end_moving(sm_ledger *ledger, sm_err err) {
  err = sm_ledger_write_end(ledger, err);
  ledger->moving = false;
  return err;
}

static sm_err take_away(sm_sql *db, sm_actor actor, const sm_move_mark *mark) {
  sm_ledger_detail detail;
  sm_err err = sm_sql_exec(db, "DELETE FROM setting " MARK);
  if (err != SM_OK) return err;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "from", mark->where);
  return sm_ledger_detail_add(&detail, db, actor, "store.move", NULL);
}

sm_err sm_ledger_move_set_mark(sm_ledger *ledger, sm_actor actor, const sm_move_mark *mark) {
  sm_sql *db;
  sm_err err = begin_moving(ledger, &db);
  if (err != SM_OK) return err;
  err = mark->state == SM_MOVE_NONE ? take_away(db, actor, mark) : write_mark(db, mark);
  return end_moving(ledger, err);
}

/* ---- all tables ---- */

void sm_move_ledger_fini(sm_move_ledger *moved) {
  free(moved->table);
  *moved = (sm_move_ledger){.table = NULL};
}

typedef struct move {
  const sm_ledger_move_options *options;
  sm_sql *from;
  sm_sql *to;
  sm_move_shapes shapes; /* in the order in which they are filled */
  sm_move_mark arriving;
  uint64_t done;
  uint64_t total;
  sm_move_ledger *moved;
} move;

static bool on_rows(void *context, uint64_t rows) {
  move *m = context;
  m->done += rows;
  return m->options->progress == NULL ||
         m->options->progress(m->options->context, m->done, m->total);
}

static sm_err count_rows(move *m) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < m->shapes.count; i++) {
    char sql[SM_MOVE_NAME_MAX + 40];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\"", m->shapes.item[i].name);
    int64_t rows = 0;
    err = sm_move_query_i64(m->from, sql, &rows);
    m->total += 2 * (uint64_t)rows; /* written, and read back */
  }
  return err;
}

static sm_err move_table(move *m, const sm_move_shape *shape, sm_move_table *table) {
  sm_move_table back;
  sm_err err = sm_move_rows(m->from, m->to, shape, on_rows, m, table);
  if (err == SM_OK) err = sm_move_rows(m->to, NULL, shape, on_rows, m, &back);
  if (err == SM_OK &&
      (back.rows != table->rows || memcmp(back.digest, table->digest, sizeof back.digest) != 0)) {
    sm_log(SM_LOG_ERROR, "ledger.move", SM_LOG_TEXT("table", shape->name),
           SM_LOG_TEXT("message", "what was written is not what is read back"));
    err = SM_ERR_CORRUPT;
  }
  return err == SM_OK ? sm_move_numbers(m->from, m->to, shape) : err;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const sm_move_table *)a)->name, ((const sm_move_table *)b)->name);
}

static void sum_up(sm_move_ledger *moved) {
  uint8_t both[64];
  if (moved->count > 0) qsort(moved->table, moved->count, sizeof *moved->table, by_name);
  memset(moved->digest, 0, sizeof moved->digest);
  for (size_t i = 0; i < moved->count; i++) {
    moved->rows += moved->table[i].rows;
    memcpy(both, moved->digest, 32);
    memcpy(both + 32, moved->table[i].digest, 32);
    sm_sha256(both, sizeof both, moved->digest);
  }
}

static sm_err move_tables(move *m) {
  sm_move_triggers triggers;
  sm_err err = sm_move_empty(m->to, &m->shapes, &triggers);
  for (size_t i = 0; err == SM_OK && i < m->shapes.count; i++)
    err = move_table(m, &m->shapes.item[i], &m->moved->table[m->moved->count++]);
  if (err == SM_OK) err = sm_move_trigger_again(m->to, &m->shapes, &triggers);
  if (err == SM_OK) err = write_mark(m->to, &m->arriving);
  free(triggers.sql);
  if (err == SM_OK) sum_up(m->moved);
  return err;
}

static sm_err look_at_both(move *m) {
  sm_move_shapes theirs = {0};
  sm_err err = read_mark(m->to, &m->arriving);
  if (err == SM_OK && m->arriving.state != SM_MOVE_ARRIVING) err = SM_ERR_INVALID;
  if (err == SM_OK) err = sm_move_shapes_read(m->to, true, &m->shapes);
  if (err == SM_OK) err = sm_move_shapes_read(m->from, false, &theirs);
  if (err == SM_OK && !sm_move_shapes_same(&m->shapes, &theirs)) err = SM_ERR_UNSUPPORTED;
  sm_move_shapes_fini(&theirs);
  if (err == SM_OK) err = count_rows(m);
  if (err != SM_OK) return err;
  m->moved->table = calloc(m->shapes.count + 1, sizeof *m->moved->table);
  return m->moved->table != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* One table may take longer than a transaction may wait elsewhere. */
static sm_err without_limits(sm_sql *db) {
  if (sm_sql_engine_of(db) == SM_SQL_SQLITE) return SM_OK;
  return sm_sql_exec(db, "SET LOCAL idle_in_transaction_session_timeout = 0;"
                         "SET LOCAL statement_timeout = 0");
}

static sm_err move_into(move *m) {
  const sm_ledger_move_options *o = m->options;
  sm_err err = begin_moving(o->to, &m->to);
  if (err != SM_OK) return err;
  err = without_limits(m->to);
  if (err == SM_OK) err = look_at_both(m);
  if (err == SM_OK) err = move_tables(m);
  sm_move_shapes_fini(&m->shapes);
  return end_moving(o->to, err);
}

static sm_err move_held(move *m) {
  const sm_ledger_move_options *o = m->options;
  sm_err err = begin_moving(o->from, &m->from);
  if (err != SM_OK) return err;
  err = without_limits(m->from);
  if (err == SM_OK) err = move_into(m);
  if (err == SM_OK) err = write_mark(m->from, o->left);
  return end_moving(o->from, err);
}

static sm_err move_snapshot(move *m) {
  const sm_ledger_move_options *o = m->options;
  sm_err err = sm_ledger_read_begin(o->from, &m->from);
  if (err != SM_OK) return err;
  err = without_limits(m->from);
  if (err == SM_OK) err = move_into(m);
  sm_ledger_read_end(o->from, m->from);
  return err;
}

sm_err sm_ledger_move(const sm_ledger_move_options *options, sm_move_ledger *moved) {
  sm_move_ledger got = {.table = NULL};
  move m = {.options = options, .moved = &got};
  sm_err err = options->left != NULL ? move_held(&m) : move_snapshot(&m);
  if (err == SM_OK)
    *moved = got;
  else
    sm_move_ledger_fini(&got);
  return err;
}
