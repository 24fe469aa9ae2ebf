/* Bills of suppliers, and what of them is posted, read. */
#include "store/ledger/ledger_internal.h"
#include "store/ledger_landlord.h"

#include <stdlib.h>

#define UTILITY_SELECT                                                                             \
  "SELECT b.utility_no, b.utility_id, d.device_id, b.supplier, b.number, b.from_date, b.to_date, " \
  "b.energy_wh, b.amount_minor, b.tax_minor, b.currency, b.split, b.made_ms, b.made_by, "          \
  "b.cancelled_ms IS NOT NULL, b.cancel_reason, p.posting_no IS NOT NULL, p.posted_ms "            \
  "FROM utility_bill b LEFT JOIN device d ON d.device_no = b.device_no "                           \
  "LEFT JOIN utility_posting p ON p.utility_no = b.utility_no AND p.reversed_ms IS NULL "

static void take_bill(sm_sql_stmt *q, sm_utility_bill *b) {
  *b = (sm_utility_bill){.energy_wh = sm_sql_i64(q, 7),
                         .amount_minor = sm_sql_i64(q, 8),
                         .tax_minor = sm_sql_i64(q, 9),
                         .made_ms = sm_sql_i64(q, 12),
                         .cancelled = sm_sql_i64(q, 14) != 0,
                         .posted = sm_sql_i64(q, 16) != 0,
                         .posted_ms = sm_sql_i64(q, 17)};
  sm_sql_take_text(q, 1, &b->utility_id);
  sm_sql_take_text(q, 2, &b->device_id);
  sm_sql_take_text(q, 3, &b->supplier);
  sm_sql_take_text(q, 4, &b->number);
  sm_ledger_take_date(q, 5, &b->from);
  sm_ledger_take_date(q, 6, &b->to);
  sm_sql_take_text(q, 10, &b->currency);
  sm_sql_take_text(q, 11, &b->split);
  sm_sql_take_text(q, 13, &b->made_by);
  sm_sql_take_text(q, 15, &b->cancel_reason);
}

static sm_err load_members(sm_sql *db, int64_t utility_no, sm_utility_bill *b) {
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT a.account_id FROM utility_member m JOIN account a ON a.account_no = "
                     "m.account_no WHERE m.utility_no = ?1 ORDER BY m.account_no");
  sm_sql_bind_i64(&q, 1, utility_no);
  while (sm_sql_row(&q)) {
    char **grown = sm_ledger_room(b->account_id, &cap, b->account_count, sizeof(char *));
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    b->account_id = grown;
    b->account_id[b->account_count] = NULL;
    sm_sql_take_text(&q, 0, &b->account_id[b->account_count++]);
  }
  return sm_sql_end(&q);
}

static sm_err load(sm_sql *db, const char *utility_id, sm_utility_bill *b) {
  sm_sql_stmt q = sm_sql_use(db, UTILITY_SELECT "WHERE b.utility_id = ?1");
  sm_sql_bind_text(&q, 1, utility_id);
  bool found = sm_sql_row(&q);
  int64_t utility_no = found ? sm_sql_i64(&q, 0) : 0;
  if (found) take_bill(&q, b);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) return SM_ERR_NOT_FOUND;
  return err == SM_OK ? load_members(db, utility_no, b) : err;
}

sm_err sm_ledger_utility(sm_ledger *ledger, const char *utility_id, sm_utility_bill *bill) {
  sm_utility_bill got = {0};
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = load(db, utility_id, &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK)
    *bill = got;
  else
    sm_utility_bill_fini(&got);
  return err;
}

/* ---- entered twice ---- */

/* Typed by hand, so that "77/1 " is 77/1. */
#define PLAIN(text) "upper(replace(" text ", ' ', ''))"

sm_err sm_ledger_utility_find_same(sm_sql *db, const sm_utility_bill *bill,
                                   sm_utility_bill *first) {
  char from[SM_DATE_MAX], to[SM_DATE_MAX];
  sm_utility_bill got = {0};
  sm_sql_stmt q = sm_sql_use(
      db, UTILITY_SELECT
      "WHERE b.site_no = 1 AND b.cancelled_ms IS NULL AND " PLAIN("b.number") " = " PLAIN(
          "?1") " AND (" PLAIN("b.supplier") " = " PLAIN("?2") " OR (b.from_date = ?3 AND "
                                                               "b.to_date = ?4 AND d.device_id IS "
                                                               "?5)) "
                                                               "ORDER BY b.utility_no LIMIT 1");
  sm_sql_bind_text(&q, 1, bill->number);
  sm_sql_bind_text(&q, 2, bill->supplier);
  sm_sql_bind_text(&q, 3, sm_date_format(bill->from, from));
  sm_sql_bind_text(&q, 4, sm_date_format(bill->to, to));
  sm_sql_bind_text(&q, 5, bill->device_id);
  bool found = sm_sql_row(&q);
  if (found) take_bill(&q, &got);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK)
    *first = got;
  else
    sm_utility_bill_fini(&got);
  return err;
}

sm_err sm_ledger_utility_same(sm_ledger *ledger, const sm_utility_bill *bill,
                              sm_utility_bill *first) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_utility_find_same(db, bill, first);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- the list ---- */

static sm_err list(sm_sql *db, int64_t after_no, size_t limit, sm_utility_bill **bills,
                   size_t *count, int64_t *next_no) {
  sm_utility_bill *rows = NULL;
  size_t n = 0;
  size_t cap = 0;
  int64_t last = after_no;
  sm_sql_stmt q =
      sm_sql_use(db, UTILITY_SELECT "WHERE b.utility_no > ?1 ORDER BY b.utility_no LIMIT ?2");
  sm_sql_bind_i64(&q, 1, after_no);
  sm_ledger_bind_limit(&q, 2, limit);
  while (sm_sql_row(&q)) {
    sm_utility_bill *grown = sm_ledger_room(rows, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    rows = grown;
    last = sm_sql_i64(&q, 0);
    take_bill(&q, &rows[n++]);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    sm_utility_bills_free(rows, n);
    return err;
  }
  *bills = rows;
  *count = n;
  *next_no = last;
  return SM_OK;
}

sm_err sm_ledger_utilities(sm_ledger *ledger, int64_t after_no, size_t limit,
                           sm_utility_bill **bills, size_t *count, int64_t *next_no) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list(db, after_no, limit, bills, count, next_no);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err load_shares(sm_sql *db, const char *utility_id, sm_utility_share **shares,
                          size_t *count) {
  sm_utility_share *rows = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT a.account_id, s.use_wh, s.load_w, s.energy_minor, s.common_minor FROM "
          "utility_bill b JOIN utility_posting p ON p.utility_no = b.utility_no AND p.reversed_ms "
          "IS NULL JOIN utility_share s ON s.posting_no = p.posting_no JOIN account a ON "
          "a.account_no = s.account_no WHERE b.utility_id = ?1 ORDER BY s.account_no");
  sm_sql_bind_text(&q, 1, utility_id);
  while (sm_sql_row(&q)) {
    sm_utility_share *grown = sm_ledger_room(rows, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    rows = grown;
    rows[n] = (sm_utility_share){.use_wh = sm_sql_i64(&q, 1),
                                 .load_w = sm_sql_i64(&q, 2),
                                 .energy_minor = sm_sql_i64(&q, 3),
                                 .common_minor = sm_sql_i64(&q, 4)};
    sm_sql_take_text(&q, 0, &rows[n++].account_id);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && n == 0) err = SM_ERR_NOT_FOUND;
  if (err != SM_OK) {
    sm_utility_shares_free(rows, n);
    return err;
  }
  *shares = rows;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_utility_posted(sm_ledger *ledger, const char *utility_id,
                                sm_utility_share **shares, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = load_shares(db, utility_id, shares, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- the accounts of a place ---- */

static sm_err load_accounts(sm_sql *db, const int64_t *account_no, size_t count,
                            sm_account **accounts) {
  sm_account *list = calloc(count + 1, sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  size_t n = 0;
  for (; n < count && err == SM_OK; n++) err = sm_ledger_account_load(db, account_no[n], &list[n]);
  if (err == SM_OK)
    *accounts = list;
  else
    sm_accounts_free(list, n);
  return err;
}

static sm_err find_accounts(sm_sql *db, const char *place, const char *user_id, size_t limit,
                            int64_t *account_no, size_t *count) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT a.account_no FROM place p JOIN account a ON a.place_no = p.place_no "
          "LEFT JOIN user u ON u.user_no = a.user_no WHERE p.site_no = 1 AND p.name = ?1 "
          "AND (?2 IS NULL OR u.user_id = ?2) ORDER BY a.account_no LIMIT ?3");
  sm_sql_bind_text(&q, 1, place);
  sm_sql_bind_text(&q, 2, user_id);
  sm_ledger_bind_limit(&q, 3, limit);
  size_t n = 0;
  while (sm_sql_row(&q)) account_no[n++] = sm_sql_i64(&q, 0);
  *count = n;
  return sm_sql_end(&q);
}

sm_err sm_ledger_accounts_of_place(sm_ledger *ledger, const char *place, const char *user_id,
                                   size_t limit, sm_account **accounts, size_t *count) {
  sm_sql *db;
  size_t n = 0;
  int64_t *account_no = calloc(limit + 1, sizeof *account_no);
  if (account_no == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err == SM_OK) {
    err = find_accounts(db, place, user_id, limit, account_no, &n);
    if (err == SM_OK) err = load_accounts(db, account_no, n, accounts);
    sm_ledger_read_end(ledger, db);
  }
  free(account_no);
  if (err == SM_OK) *count = n;
  return err;
}
