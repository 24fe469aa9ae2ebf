#include "store/ledger/ledger_internal.h"

/* ---- making ---- */

static sm_err insert_link(sm_sql *db, sm_actor actor, int64_t user_no, const uint8_t hash[32],
                          int64_t now_ms, int64_t expires_ms) {
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM password_link WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  q = sm_sql_use(db, "INSERT INTO password_link (link_hash, site_no, user_no, made_by, created_ms, "
                     "expires_ms) VALUES (?1, 1, ?2, ?3, ?4, ?5)");
  sm_sql_bind_blob(&q, 1, hash, 32);
  sm_sql_bind_i64(&q, 2, user_no);
  sm_sql_bind_text(&q, 3, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_i64(&q, 4, now_ms);
  sm_sql_bind_i64(&q, 5, expires_ms);
  return sm_sql_run(&q);
}

static sm_err make(sm_sql *db, sm_actor actor, const char *user_id, const uint8_t hash[32],
                   int64_t now_ms, int64_t expires_ms) {
  int64_t user_no;
  int64_t enabled;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err != SM_OK) return err;
  err = sm_ledger_find_no(db, "SELECT 1 FROM user WHERE user_id = ?1 AND disabled = 0", user_id,
                          &enabled);
  if (err == SM_ERR_NOT_FOUND) err = SM_ERR_DENIED;
  if (err == SM_OK) err = insert_link(db, actor, user_no, hash, now_ms, expires_ms);
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, actor, "user.link", user_id, NULL);
}

sm_err sm_ledger_link_make(sm_ledger *ledger, sm_actor actor, const char *user_id,
                           const uint8_t link_hash[32], int64_t now_ms, int64_t expires_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, make(db, actor, user_id, link_hash, now_ms, expires_ms));
}

/* ---- using ---- */

static sm_err find_user(sm_sql *db, const uint8_t hash[32], int64_t now_ms, sm_user *user) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT " SM_USER_COLUMNS " FROM user WHERE disabled = 0 "
                                 "AND user_no = (SELECT user_no FROM password_link "
                                 "WHERE link_hash = ?1 AND expires_ms > ?2)");
  sm_sql_bind_blob(&q, 1, hash, 32);
  sm_sql_bind_i64(&q, 2, now_ms);
  return sm_ledger_user_one(&q, user);
}

sm_err sm_ledger_link_user(sm_ledger *ledger, const uint8_t link_hash[32], int64_t now_ms,
                           sm_user *user) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find_user(db, link_hash, now_ms, user);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* The link goes with the new password, as every other one of that user would. */
static sm_err redeem(sm_sql *db, const uint8_t hash[32], int64_t now_ms,
                     const char *password_hash) {
  sm_user user = {0};
  int64_t user_no;
  sm_err err = find_user(db, hash, now_ms, &user);
  if (err == SM_OK) err = sm_ledger_user_no(db, user.user_id, &user_no);
  if (err == SM_OK) err = sm_ledger_password_write(db, user_no, password_hash, false, NULL);
  if (err == SM_OK)
    err = sm_ledger_audit_add(db, (sm_actor){user.user_id}, "user.redeem_link", user.user_id, NULL);
  sm_user_fini(&user);
  return err;
}

sm_err sm_ledger_link_redeem(sm_ledger *ledger, const uint8_t link_hash[32], int64_t now_ms,
                             const char *password_hash) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, redeem(db, link_hash, now_ms, password_hash));
}
