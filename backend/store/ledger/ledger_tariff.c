#include "base/clock.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- adding ---- */

typedef struct version_new {
  const char *name;
  char effective_from[SM_DATE_MAX];
  const char *body;
  bool rebill;
} version_new;

/* The version that holds from that day, if it says the same; else SM_ERR_NOT_FOUND: a new version
 * takes the place of one of the same day. */
static sm_err find_same(sm_sql *db, int64_t tariff_no, const version_new *wanted,
                        int32_t *version) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT version, body = ?3 FROM tariff_version "
                                 "WHERE tariff_no = ?1 AND effective_from = ?2 "
                                 "ORDER BY version DESC LIMIT 1");
  sm_sql_bind_i64(&q, 1, tariff_no);
  sm_sql_bind_text(&q, 2, wanted->effective_from);
  sm_sql_bind_text(&q, 3, wanted->body);
  bool found = sm_sql_row(&q);
  bool same = found && sm_sql_i64(&q, 1) != 0;
  int32_t got = found ? (int32_t)sm_sql_i64(&q, 0) : 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!same) return SM_ERR_NOT_FOUND;
  *version = got;
  return SM_OK;
}

static sm_err insert_version(sm_sql *db, int64_t tariff_no, const version_new *wanted,
                             int32_t *version) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO tariff_version (tariff_no, version, site_no, effective_from, body, "
          "created_ms) VALUES (?1, (SELECT coalesce(max(version), 0) + 1 FROM tariff_version "
          "WHERE tariff_no = ?1), 1, ?2, ?3, ?4) RETURNING version");
  sm_sql_bind_i64(&q, 1, tariff_no);
  sm_sql_bind_text(&q, 2, wanted->effective_from);
  sm_sql_bind_text(&q, 3, wanted->body);
  sm_sql_bind_i64(&q, 4, sm_clock_now_ms());
  if (sm_sql_row(&q)) *version = (int32_t)sm_sql_i64(&q, 0);
  return sm_sql_run(&q);
}

static sm_err find_or_add_tariff(sm_sql *db, const char *name, int64_t *tariff_no) {
  sm_err err = sm_ledger_tariff_no(db, name, tariff_no);
  if (err != SM_ERR_NOT_FOUND) return err;
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO tariff (site_no, name) VALUES (1, ?1)");
  sm_sql_bind_text(&q, 1, name);
  err = sm_sql_run(&q);
  if (err == SM_OK) *tariff_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err audit_version(sm_sql *db, sm_actor actor, const version_new *wanted,
                            int32_t version) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "version", version);
  sm_jsonw_key_text(&detail.w, "effective_from", wanted->effective_from);
  sm_jsonw_key_bool(&detail.w, "rebill", wanted->rebill);
  return sm_ledger_detail_add(&detail, db, actor, "tariff.add", wanted->name);
}

static sm_err add_version(sm_sql *db, sm_actor actor, const version_new *wanted, int32_t *version) {
  int64_t tariff_no = 0;
  sm_err err = find_or_add_tariff(db, wanted->name, &tariff_no);
  if (err != SM_OK) return err;
  err = find_same(db, tariff_no, wanted, version);
  if (err != SM_ERR_NOT_FOUND) return err;
  bool touches = false;
  err = sm_ledger_tariff_touches(db, tariff_no, wanted->effective_from, &touches);
  if (err == SM_OK && touches && !wanted->rebill) err = SM_ERR_CONFLICT;
  if (err == SM_OK) err = insert_version(db, tariff_no, wanted, version);
  if (err == SM_OK && touches)
    err = sm_ledger_rebill_mark(db, tariff_no, wanted->effective_from, *version);
  if (err == SM_OK) err = audit_version(db, actor, wanted, *version);
  return err;
}

sm_err sm_ledger_tariff_add(sm_ledger *ledger, sm_actor actor, const char *name,
                            sm_date effective_from, const char *body, bool rebill,
                            int32_t *version) {
  if (name == NULL || body == NULL || !sm_ledger_date_valid(effective_from)) return SM_ERR_INVALID;
  version_new wanted = {.name = name, .body = body, .rebill = rebill};
  (void)sm_date_format(effective_from, wanted.effective_from);
  int32_t got = 0;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, add_version(db, actor, &wanted, &got));
  if (err == SM_OK) *version = got;
  return err;
}

/* ---- listing ---- */

static void take_row(sm_sql_stmt *q, sm_tariff_row *row) {
  *row = (sm_tariff_row){.version = (int32_t)sm_sql_i64(q, 1), .created_ms = sm_sql_i64(q, 4)};
  sm_sql_take_text(q, 0, &row->name);
  sm_ledger_take_date(q, 2, &row->effective_from);
  sm_sql_take_text(q, 3, &row->body);
}

static sm_err list_rows(sm_sql *db, const char *name, const char *after_name, int32_t after_version,
                        size_t limit, sm_tariff_row **rows, size_t *count) {
  sm_tariff_row *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT t.name, v.version, v.effective_from, v.body, v.created_ms "
          "FROM tariff t JOIN tariff_version v ON v.tariff_no = t.tariff_no "
          "WHERE t.site_no = 1 AND (?1 IS NULL OR t.name = ?1) AND (t.name > ?2 OR (t.name = ?2 "
          "AND (v.effective_from, v.version) > (SELECT p.effective_from, p.version "
          " FROM tariff_version p WHERE p.tariff_no = t.tariff_no AND p.version = ?3))) "
          "ORDER BY t.name, v.effective_from, v.version LIMIT ?4");
  sm_sql_bind_text(&q, 1, name);
  sm_sql_bind_text(&q, 2, after_name != NULL ? after_name : "");
  sm_sql_bind_i64(&q, 3, after_version);
  sm_ledger_bind_limit(&q, 4, limit);
  while (sm_sql_row(&q)) {
    sm_tariff_row *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_row(&q, &list[n++]);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    sm_tariff_rows_free(list, n);
    return err;
  }
  *rows = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_tariffs(sm_ledger *ledger, const char *name, const char *after_name,
                         int32_t after_version, size_t limit, sm_tariff_row **rows, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list_rows(db, name, after_name, after_version, limit, rows, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_choose_tariff(sm_sql *db, const char *wanted, char **name) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT name FROM tariff WHERE ?1 IS NULL OR name = ?1 ORDER BY tariff_no LIMIT 1");
  sm_sql_bind_text(&q, 1, wanted);
  bool found = sm_sql_row(&q);
  char *got = NULL;
  if (found) sm_sql_take_text(&q, 0, &got);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) *name = got;
  return err;
}

sm_err sm_ledger_default_tariff(sm_ledger *ledger, char **name) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_choose_tariff(db, NULL, name);
  sm_ledger_read_end(ledger, db);
  return err;
}
