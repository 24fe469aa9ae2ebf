/* Leases: who does what only one should do at a time. */
#include "store/embedded/ledger_internal.h"
#include "store/ledger_issue.h"

static sm_err take(sm_sql *db, const char *name, const char *holder, int64_t now_ms, int64_t for_ms,
                   bool *taken) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO lease (site_no, name, holder, until_ms) VALUES (1, ?1, ?2, ?3 + ?4) "
          "ON CONFLICT (site_no, name) DO UPDATE SET holder = ?2, until_ms = ?3 + ?4 "
          "WHERE lease.holder = ?2 OR lease.until_ms <= ?3 OR lease.until_ms > ?3 + ?4");
  sm_sql_bind_text(&q, 1, name);
  sm_sql_bind_text(&q, 2, holder);
  sm_sql_bind_i64(&q, 3, now_ms);
  sm_sql_bind_i64(&q, 4, for_ms);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) *taken = sm_sql_changes(db) > 0;
  return err;
}

sm_err sm_ledger_lease_take(sm_ledger *ledger, const char *name, const char *holder, int64_t now_ms,
                            int64_t for_ms, bool *taken) {
  sm_sql *db;
  bool got = false;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, take(db, name, holder, now_ms, for_ms, &got));
  if (err == SM_OK) *taken = got;
  return err;
}

sm_err sm_ledger_lease_give(sm_ledger *ledger, const char *name, const char *holder) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, "DELETE FROM lease WHERE site_no = 1 AND name = ?1 AND holder = ?2");
  sm_sql_bind_text(&q, 1, name);
  sm_sql_bind_text(&q, 2, holder);
  return sm_ledger_write_end(ledger, sm_sql_run(&q));
}
