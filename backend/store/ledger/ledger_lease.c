/* Leases: who does what only one should do at a time. Each is one row and one statement, so they
 * are right without the ledger's lock; where the backing has a connection for them they do not take
 * it.
 */
#include "store/ledger_lease.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_issue.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- their connection ---- */

static bool apart(const sm_ledger *ledger) {
  return ledger->backing.open_leases != NULL;
}

static sm_err lock(sm_ledger *ledger) {
  (void)pthread_mutex_lock(&ledger->lease_lock);
  if (ledger->leases != NULL) return SM_OK;
  sm_err err = ledger->backing.open_leases(ledger->backing.context, &ledger->leases);
  if (err != SM_OK) (void)pthread_mutex_unlock(&ledger->lease_lock);
  return err;
}

static sm_err begin_apart(sm_ledger *ledger, sm_sql **db) {
  sm_err err = lock(ledger);
  if (err != SM_OK) return err;
  err = sm_sql_begin_immediate(ledger->leases);
  if (err == SM_OK) {
    err = sm_ledger_move_check(ledger->leases);
    if (err != SM_OK) sm_sql_rollback(ledger->leases);
  }
  if (err != SM_OK)
    (void)pthread_mutex_unlock(&ledger->lease_lock);
  else
    *db = ledger->leases;
  return err;
}

static sm_err end_apart(sm_ledger *ledger, sm_err err) {
  if (err == SM_OK)
    err = sm_sql_commit(ledger->leases);
  else
    sm_sql_rollback(ledger->leases);
  (void)pthread_mutex_unlock(&ledger->lease_lock);
  return err;
}

static sm_err begin(sm_ledger *ledger, sm_sql **db) {
  return apart(ledger) ? begin_apart(ledger, db) : sm_ledger_write_begin(ledger, db);
}

static sm_err end(sm_ledger *ledger, sm_err err) {
  return apart(ledger) ? end_apart(ledger, err) : sm_ledger_write_end(ledger, err);
}

static sm_err begin_list(sm_ledger *ledger, sm_sql **db) {
  if (!apart(ledger)) return sm_ledger_read_begin(ledger, db);
  sm_err err = lock(ledger);
  if (err != SM_OK) return err;
  err = sm_sql_begin(ledger->leases);
  if (err != SM_OK)
    (void)pthread_mutex_unlock(&ledger->lease_lock);
  else
    *db = ledger->leases;
  return err;
}

static void end_list(sm_ledger *ledger, sm_sql *db) {
  if (!apart(ledger)) {
    sm_ledger_read_end(ledger, db);
    return;
  }
  sm_sql_rollback(db);
  (void)pthread_mutex_unlock(&ledger->lease_lock);
}

/* ---- one ---- */

/* One that ends later than any clock that agrees with this one would have it was made by a clock
 * that has been set back. */
static sm_err take(sm_sql *db, const char *name, const char *holder, int64_t now_ms, int64_t for_ms,
                   bool *taken) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO lease (site_no, name, holder, until_ms) VALUES (1, ?1, ?2, ?3 + ?4) "
          "ON CONFLICT (site_no, name) DO UPDATE SET holder = ?2, until_ms = ?3 + ?4 "
          "WHERE lease.holder = ?2 OR lease.until_ms <= ?3 OR lease.until_ms > ?3 + 2 * ?4");
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
  sm_err err = begin(ledger, &db);
  if (err != SM_OK) return err;
  err = end(ledger, take(db, name, holder, now_ms, for_ms, &got));
  if (err == SM_OK) *taken = got;
  return err;
}

sm_err sm_ledger_lease_give(sm_ledger *ledger, const char *name, const char *holder) {
  sm_sql *db;
  sm_err err = begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, "DELETE FROM lease WHERE site_no = 1 AND name = ?1 AND holder = ?2");
  sm_sql_bind_text(&q, 1, name);
  sm_sql_bind_text(&q, 2, holder);
  return end(ledger, sm_sql_run(&q));
}

/* ---- several ---- */

static sm_err list_all(sm_sql *db, const char *prefix, sm_lease **list, size_t *count) {
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(db, "SELECT name, holder, until_ms FROM lease WHERE site_no = 1 "
                                 "AND substr(name, 1, length(?1)) = ?1 ORDER BY name");
  sm_sql_bind_text(&q, 1, prefix);
  while (sm_sql_row(&q)) {
    const char *name = sm_sql_text(&q, 0);
    const char *holder = sm_sql_text(&q, 1);
    sm_lease *room = sm_ledger_room(*list, &cap, *count, sizeof *room);
    if (room == NULL || name == NULL || holder == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    *list = room;
    sm_lease *lease = &room[(*count)++];
    *lease = (sm_lease){.until_ms = sm_sql_i64(&q, 2)};
    (void)snprintf(lease->name, sizeof lease->name, "%s", name);
    (void)snprintf(lease->holder, sizeof lease->holder, "%s", holder);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_leases(sm_ledger *ledger, const char *prefix, sm_lease **list, size_t *count) {
  sm_sql *db;
  sm_lease *found = NULL;
  size_t n = 0;
  sm_err err = begin_list(ledger, &db);
  if (err != SM_OK) return err;
  err = list_all(db, prefix, &found, &n);
  end_list(ledger, db);
  if (err != SM_OK) {
    free(found);
    return err;
  }
  *list = found;
  *count = n;
  return SM_OK;
}

static sm_err set_until(sm_ledger *ledger, const char *prefix, const char *holder,
                        int64_t until_ms) {
  sm_sql *db;
  sm_err err = begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE lease SET until_ms = ?3 WHERE site_no = 1 AND holder = ?2 "
                                 "AND substr(name, 1, length(?1)) = ?1");
  sm_sql_bind_text(&q, 1, prefix);
  sm_sql_bind_text(&q, 2, holder);
  sm_sql_bind_i64(&q, 3, until_ms);
  return end(ledger, sm_sql_run(&q));
}

sm_err sm_ledger_leases_keep(sm_ledger *ledger, const char *prefix, const char *holder,
                             int64_t now_ms, int64_t for_ms) {
  return set_until(ledger, prefix, holder, now_ms + for_ms);
}

sm_err sm_ledger_leases_end(sm_ledger *ledger, const char *prefix, const char *holder) {
  return set_until(ledger, prefix, holder, 0);
}
