/* Accounts by the names that people have for them. */
#include "store/ledger/ledger_internal.h"
#include "store/ledger_landlord.h"

#define NAME_SELECT                                                                                \
  "SELECT a.account_id, i.key, p.name, a.from_date, a.to_date FROM account a "                     \
  "LEFT JOIN account_import i ON i.account_no = a.account_no "                                     \
  "LEFT JOIN place p ON p.place_no = a.place_no "

static void take_name(sm_sql_stmt *q, sm_account_name *n) {
  *n = (sm_account_name){.has_from = !sm_sql_is_null(q, 3), .has_to = !sm_sql_is_null(q, 4)};
  sm_sql_take_text(q, 0, &n->account_id);
  sm_sql_take_text(q, 1, &n->name);
  sm_sql_take_text(q, 2, &n->place);
  if (n->has_from) sm_ledger_take_date(q, 3, &n->from);
  if (n->has_to) sm_ledger_take_date(q, 4, &n->to);
}

/* All rows of a bound NAME_SELECT, which ends with it. */
static sm_err take_names(sm_sql_stmt *q, sm_account_name **names, size_t *count) {
  sm_account_name *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  while (sm_sql_row(q)) {
    sm_account_name *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_name(q, &list[n++]);
  }
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    sm_account_names_free(list, n);
    return err;
  }
  *names = list;
  *count = n;
  return SM_OK;
}

/* An id or an own name means one account, whatever place is called so too. */
static sm_err find(sm_sql *db, const char *said, size_t limit, sm_account_name **names,
                   size_t *count) {
  sm_sql_stmt q = sm_sql_use(
      db, NAME_SELECT "WHERE a.account_no IN (SELECT account_no FROM account WHERE account_id = ?1 "
                      "UNION SELECT account_no FROM account_import WHERE site_no = 1 AND key = ?1) "
                      "ORDER BY a.account_no LIMIT ?2");
  sm_sql_bind_text(&q, 1, said);
  sm_ledger_bind_limit(&q, 2, limit);
  sm_err err = take_names(&q, names, count);
  if (err != SM_OK || *count > 0) return err;
  sm_account_names_free(*names, 0);
  q = sm_sql_use(db, NAME_SELECT "WHERE a.place_no = (SELECT place_no FROM place WHERE site_no = 1 "
                                 "AND name = ?1) ORDER BY a.account_no LIMIT ?2");
  sm_sql_bind_text(&q, 1, said);
  sm_ledger_bind_limit(&q, 2, limit);
  return take_names(&q, names, count);
}

sm_err sm_ledger_accounts_called(sm_ledger *ledger, const char *said, size_t limit,
                                 sm_account_name **names, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find(db, said, limit, names, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err of_account(sm_sql *db, const char *account_id, sm_account_name *name) {
  sm_account_name *list = NULL;
  size_t count = 0;
  sm_sql_stmt q = sm_sql_use(db, NAME_SELECT "WHERE a.account_id = ?1");
  sm_sql_bind_text(&q, 1, account_id);
  sm_err err = take_names(&q, &list, &count);
  if (err != SM_OK) return err;
  if (count > 0) {
    *name = list[0];
    list[0] = (sm_account_name){0};
  }
  sm_account_names_free(list, count);
  return count > 0 ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_ledger_account_name(sm_ledger *ledger, const char *account_id, sm_account_name *name) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = of_account(db, account_id, name);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_accounts_waiting(sm_ledger *ledger, const char *after, size_t limit,
                                  sm_account_name **names, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, NAME_SELECT "WHERE a.to_date IS NOT NULL AND EXISTS (SELECT 1 FROM exception e "
                      " WHERE e.account_no = a.account_no AND e.state = 'true_up' AND NOT EXISTS "
                      " (SELECT 1 FROM settled s WHERE s.exception_no = e.exception_no)) "
                      "AND a.account_no > CASE ?1 WHEN '' THEN 0 ELSE "
                      " (SELECT account_no FROM account WHERE account_id = ?1) END "
                      "ORDER BY a.account_no LIMIT ?2");
  sm_sql_bind_text(&q, 1, after);
  sm_ledger_bind_limit(&q, 2, limit);
  err = take_names(&q, names, count);
  sm_ledger_read_end(ledger, db);
  return err;
}
