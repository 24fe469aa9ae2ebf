/* Erasing a person. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct erasing {
  const char *user_id;
  const sm_bytes *email_sealed;
  const uint8_t *email_hash;
  char today[16];
  int64_t user_no;
  size_t accounts;
} erasing;

static sm_err find_user(sm_sql *db, erasing *e, bool *erased) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT user_no, erased_ms IS NOT NULL FROM user WHERE user_id = ?1");
  sm_sql_bind_text(&q, 1, e->user_id);
  bool found = sm_sql_row(&q);
  if (found) {
    e->user_no = sm_sql_i64(&q, 0);
    *erased = sm_sql_i64(&q, 1) != 0;
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err check(sm_sql *db, erasing *e) {
  sm_sql_stmt q = sm_sql_use(
      db,
      "SELECT (SELECT count(*) FROM account WHERE user_no = ?1), "
      "EXISTS (SELECT 1 FROM account WHERE user_no = ?1 AND (to_date IS NULL OR to_date > ?2)), "
      "EXISTS (SELECT 1 FROM user WHERE user_no = ?1 AND role = 'admin' AND disabled = 0) "
      "AND NOT EXISTS (SELECT 1 FROM user WHERE user_no <> ?1 AND role = 'admin' "
      "AND disabled = 0)");
  bool goes_on = false;
  bool last = false;
  sm_sql_bind_i64(&q, 1, e->user_no);
  sm_sql_bind_text(&q, 2, e->today);
  if (sm_sql_row(&q)) {
    e->accounts = (size_t)sm_sql_i64(&q, 0);
    goes_on = sm_sql_i64(&q, 1) != 0;
    last = sm_sql_i64(&q, 2) != 0;
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && goes_on) err = SM_ERR_CONFLICT;
  return err == SM_OK && last ? SM_ERR_DENIED : err;
}

static sm_err clear_user(sm_sql *db, const erasing *e) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE user SET email_hash = ?2, email_sealed = ?3, "
                                 "name_sealed = NULL, phone_sealed = NULL, password_hash = NULL, "
                                 "disabled = 1, erased_ms = ?4 WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, e->user_no);
  sm_sql_bind_blob(&q, 2, e->email_hash, 32);
  sm_sql_bind_blob(&q, 3, e->email_sealed->data, e->email_sealed->len);
  sm_sql_bind_i64(&q, 4, sm_clock_now_ms());
  return sm_sql_run(&q);
}

/* One statement about the rows of user ?1. */
static sm_err clear(sm_sql *db, const char *sql, int64_t user_no) {
  sm_sql_stmt q = sm_sql_use(db, sql);
  sm_sql_bind_i64(&q, 1, user_no);
  return sm_sql_run(&q);
}

static sm_err clear_rows(sm_sql *db, int64_t user_no) {
  static const char *const texts[] = {
      "DELETE FROM session WHERE user_no = ?1",
      "DELETE FROM password_link WHERE user_no = ?1",
      "DELETE FROM notice WHERE user_no = ?1",
      "DELETE FROM alert_threshold WHERE user_no = ?1",
      "UPDATE account SET person_sealed = NULL WHERE user_no = ?1",
      "UPDATE entry SET note = '{}' WHERE note <> '{}' AND kind IN ('payment', "
      "'prepayment', 'opening', 'reversal') "
      "AND account_no IN (SELECT account_no FROM account WHERE user_no = ?1)",
      "UPDATE dispute SET text = '(erased)', "
      "resolution = iif(resolution IS NULL, NULL, '(erased)') "
      "WHERE account_no IN (SELECT account_no FROM account WHERE user_no = ?1)"};
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < sizeof texts / sizeof texts[0]; i++)
    err = clear(db, texts[i], user_no);
  return err;
}

static sm_err erase(sm_sql *db, sm_actor actor, erasing *e) {
  bool erased = false;
  sm_err err = find_user(db, e, &erased);
  if (err == SM_OK && erased) err = SM_ERR_EXISTS;
  if (err == SM_OK) err = check(db, e);
  if (err == SM_OK) err = clear_user(db, e);
  if (err == SM_OK) err = clear_rows(db, e->user_no);
  if (err != SM_OK) return err;
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "accounts", (int64_t)e->accounts);
  return sm_ledger_detail_add(&detail, db, actor, "user.erase", e->user_id);
}

sm_err sm_ledger_user_erase(sm_ledger *ledger, sm_actor actor, const char *user_id,
                            const sm_bytes *email_sealed, const uint8_t email_hash[32],
                            sm_date today, size_t *accounts) {
  sm_sql *db;
  erasing e = {.user_id = user_id, .email_sealed = email_sealed, .email_hash = email_hash};
  (void)snprintf(e.today, sizeof e.today, "%04d-%02d-%02d", today.year % 10000, today.month % 100,
                 today.day % 100);
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, erase(db, actor, &e));
  if (err == SM_OK) *accounts = e.accounts;
  return err;
}
