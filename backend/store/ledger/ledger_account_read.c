/* Finding and listing tenancies. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>

static void take_account(sm_sql_stmt *q, sm_account *account) {
  *account = (sm_account){.has_from = !sm_sql_is_null(q, 5),
                          .has_to = !sm_sql_is_null(q, 6),
                          .sanctioned_load_w = sm_sql_i64(q, 7)};
  sm_sql_take_text(q, 1, &account->account_id);
  sm_sql_take_text(q, 2, &account->user_id);
  sm_sql_take_blob(q, 3, &account->person_sealed.data, &account->person_sealed.len);
  sm_sql_take_text(q, 4, &account->place);
  if (account->has_from) sm_ledger_take_date(q, 5, &account->from);
  if (account->has_to) sm_ledger_take_date(q, 6, &account->to);
}

#define ACCOUNT_SELECT                                                                             \
  "SELECT a.account_no, a.account_id, u.user_id, a.person_sealed, p.name, a.from_date, "           \
  "a.to_date, "                                                                                    \
  "a.sanctioned_load_w FROM account a LEFT JOIN user u ON u.user_no = a.user_no "                  \
  "LEFT JOIN place p ON p.place_no = a.place_no "

sm_err sm_ledger_accounts_load(sm_sql *db, const int64_t *account_no, sm_account *const *account,
                               size_t count) {
  size_t found = 0;
  sm_sql_stmt q = sm_sql_use(db, ACCOUNT_SELECT "WHERE a.account_no IN " SM_LEDGER_LIST);
  sm_ledger_bind_list(&q, account_no, count);
  for (; sm_sql_row(&q); found++) {
    size_t at = sm_ledger_list_find(account_no, count, sm_sql_i64(&q, 0));
    if (at != SIZE_MAX) take_account(&q, account[at]);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && found != count) err = SM_ERR_NOT_FOUND;
  return err == SM_OK ? sm_ledger_accounts_parts_load(db, account_no, account, count) : err;
}

sm_err sm_ledger_account_load(sm_sql *db, int64_t account_no, sm_account *account) {
  sm_account got = {0};
  sm_account *only = &got;
  sm_err err = sm_ledger_accounts_load(db, &account_no, &only, 1);
  if (err == SM_OK)
    *account = got;
  else
    sm_account_fini(&got);
  return err;
}

sm_err sm_ledger_account(sm_ledger *ledger, const char *account_id, sm_account *account) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t account_no;
  err = sm_ledger_account_no(db, account_id, &account_no);
  if (err == SM_OK) err = sm_ledger_account_load(db, account_no, account);
  sm_ledger_read_end(ledger, db);
  return err;
}

#define ACCOUNT_AFTER                                                                              \
  "a.account_no > CASE ?1 WHEN '' THEN 0 "                                                         \
  "ELSE (SELECT account_no FROM account WHERE account_id = ?1) END "                               \
  "ORDER BY a.account_no LIMIT ?2"

/* Two texts, so that one user's few accounts are found by index. */
static sm_sql_stmt use_account_list(sm_sql *db, const char *user_id) {
  if (user_id == NULL) return sm_sql_use(db, ACCOUNT_SELECT "WHERE " ACCOUNT_AFTER);
  sm_sql_stmt q = sm_sql_use(db, ACCOUNT_SELECT
                             "WHERE a.user_no = (SELECT user_no FROM user WHERE user_id = ?3) "
                             "AND " ACCOUNT_AFTER);
  sm_sql_bind_text(&q, 3, user_id);
  return q;
}

static sm_err list_accounts(sm_sql *db, const char *user_id, const char *after, size_t limit,
                            sm_account **accounts, size_t *count) {
  sm_account *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q = use_account_list(db, user_id);
  sm_sql_bind_text(&q, 1, after);
  sm_ledger_bind_limit(&q, 2, limit);
  while (sm_sql_row(&q)) {
    sm_account *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_account(&q, &list[n++]);
    if (q.err == SM_OK) {
      q.err = sm_ledger_account_parts_load(db, sm_sql_i64(&q, 0), &list[n - 1]);
    }
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    sm_accounts_free(list, n);
    return err;
  }
  *accounts = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_accounts(sm_ledger *ledger, const char *user_id, const char *after, size_t limit,
                          sm_account **accounts, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list_accounts(db, user_id, after, limit, accounts, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- of a device ---- */

static sm_err of_device(sm_ledger *ledger, sm_sql *db, const char *device_id, const char *user_id,
                        int64_t from_ms, int64_t to_ms, sm_account *account) {
  int64_t device_no;
  int64_t user_no = 0;
  sm_err err = sm_ledger_device_no(db, device_id, &device_no);
  if (err == SM_OK && user_id != NULL) err = sm_ledger_user_no(db, user_id, &user_no);
  if (err != SM_OK) return err;
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  err = sm_ledger_servings(ledger, db, device_no, &list, &count);
  if (err != SM_OK) return err;
  const sm_ledger_serving *last = sm_ledger_serving_last(list, count, user_no, from_ms, to_ms);
  int64_t account_no = last != NULL ? last->account_no : 0;
  free(list);
  return account_no != 0 ? sm_ledger_account_load(db, account_no, account) : SM_ERR_NOT_FOUND;
}

sm_err sm_ledger_account_of_device(sm_ledger *ledger, const char *device_id, const char *user_id,
                                   int64_t from_ms, int64_t to_ms, sm_account *account) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = of_device(ledger, db, device_id, user_id, from_ms, to_ms, account);
  sm_ledger_read_end(ledger, db);
  return err;
}
