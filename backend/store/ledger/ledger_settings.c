/* What a server was started with, and the audit entry where that changes. */
#include "store/ledger/ledger_internal.h"
#include "store/ledger_audit.h"

#include <stdlib.h>
#include <string.h>

#define KEY "environment"

static sm_err load(sm_sql *db, char **json) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT value FROM setting WHERE site_no = 1 AND key = '" KEY "'");
  *json = NULL;
  if (sm_sql_row(&q)) sm_sql_take_text(&q, 0, json);
  return sm_sql_end(&q);
}

/* {"before": {…}, "after": {…}} of the members that are not the same in both. */
static sm_err difference(sm_sql *db, const char *before, const char *after, char **detail) {
  static const char sqlite[] =
      "SELECT json_object("
      "'before', json((SELECT json_group_object(b.key, b.value) FROM json_each(?1) b "
      "  WHERE NOT EXISTS (SELECT 1 FROM json_each(?2) a WHERE a.key = b.key "
      "    AND a.value IS b.value))), "
      "'after', json((SELECT json_group_object(a.key, a.value) FROM json_each(?2) a "
      "  WHERE NOT EXISTS (SELECT 1 FROM json_each(?1) b WHERE b.key = a.key "
      "    AND b.value IS a.value))))";
  static const char postgres[] = "SELECT json_difference(?1, ?2)";
  sm_sql_stmt q = sm_sql_use(db, sm_sql_engine_of(db) == SM_SQL_SQLITE ? sqlite : postgres);
  sm_sql_bind_text(&q, 1, before);
  sm_sql_bind_text(&q, 2, after);
  *detail = NULL;
  if (sm_sql_row(&q)) sm_sql_take_text(&q, 0, detail);
  return sm_sql_end(&q);
}

static sm_err store(sm_sql *db, const char *json) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO setting (site_no, key, value) VALUES (1, '" KEY
                                 "', ?1) ON CONFLICT (site_no, key) DO UPDATE SET value = ?1");
  sm_sql_bind_text(&q, 1, json);
  return sm_sql_run(&q);
}

static sm_err note(sm_sql *db, sm_actor actor, const char *json) {
  char *before = NULL;
  char *detail = NULL;
  sm_err err = load(db, &before);
  bool same = err == SM_OK && before != NULL && strcmp(before, json) == 0;
  if (err == SM_OK && !same) {
    err = difference(db, before != NULL ? before : "{}", json, &detail);
    if (err == SM_OK) err = store(db, json);
    if (err == SM_OK) err = sm_ledger_audit_add(db, actor, "settings.change", NULL, detail);
  }
  free(before);
  free(detail);
  return err;
}

sm_err sm_ledger_settings_note(sm_ledger *ledger, sm_actor actor, const char *json) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, note(db, actor, json));
}

sm_err sm_ledger_settings_noted(sm_ledger *ledger, char **json) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = load(db, json);
  sm_ledger_read_end(ledger, db);
  return err;
}
