#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

#define USER_COLUMNS                                                                               \
  "user_id, email_hash, email_sealed, name_sealed, role, password_hash, disabled, created_ms"

static void take_user(sm_sql_stmt *q, sm_user *user) {
  *user = (sm_user){.disabled = sm_sql_i64(q, 6) != 0, .created_ms = sm_sql_i64(q, 7)};
  sm_sql_take_text(q, 0, &user->user_id);
  size_t len;
  const void *hash = sm_sql_blob(q, 1, &len);
  if (len == sizeof user->email_hash) memcpy(user->email_hash, hash, len);
  sm_sql_take_blob(q, 2, &user->email_sealed.data, &user->email_sealed.len);
  sm_sql_take_blob(q, 3, &user->name_sealed.data, &user->name_sealed.len);
  const char *role = sm_sql_text(q, 4);
  if (q->err == SM_OK && (role == NULL || sm_role_parse(role, &user->role) != SM_OK)) {
    q->err = SM_ERR_CORRUPT;
  }
  sm_sql_take_text(q, 5, &user->password_hash);
}

/* The one row of a statement that is bound. */
static sm_err finish_one(sm_sql_stmt *q, sm_user *user) {
  sm_user got = {0};
  bool found = sm_sql_row(q);
  if (found) take_user(q, &got);
  sm_err err = sm_sql_end(q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) {
    *user = got;
  } else {
    sm_user_fini(&got);
  }
  return err;
}

/* ---- adding ---- */

static sm_err insert_user(sm_sql *db, const sm_user *user, const char *user_id, int64_t now_ms) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO user (site_no, " USER_COLUMNS ") "
                                 "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  sm_sql_bind_text(&q, 1, user_id);
  sm_sql_bind_blob(&q, 2, user->email_hash, sizeof user->email_hash);
  sm_sql_bind_blob(&q, 3, user->email_sealed.data, user->email_sealed.len);
  sm_sql_bind_blob(&q, 4, user->name_sealed.data, user->name_sealed.len);
  sm_sql_bind_text(&q, 5, sm_role_name(user->role));
  sm_sql_bind_text(&q, 6, user->password_hash);
  sm_sql_bind_i64(&q, 7, user->disabled);
  sm_sql_bind_i64(&q, 8, now_ms);
  return sm_sql_run(&q);
}

sm_err sm_ledger_user_insert(sm_sql *db, sm_actor actor, const sm_user *user, const char *user_id,
                             int64_t now_ms) {
  sm_err err = insert_user(db, user, user_id, now_ms);
  if (err != SM_OK) return err;
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "role", sm_role_name(user->role));
  sm_jsonw_key_bool(&detail.w, "can_log_in", user->password_hash != NULL && !user->disabled);
  return sm_ledger_detail_add(&detail, db, actor, "user.add", user_id);
}

sm_err sm_ledger_user_add(sm_ledger *ledger, sm_actor actor, sm_user *user) {
  char id[SM_ID_MAX];
  char *user_id = strdup(sm_random_id("u_", id));
  if (user_id == NULL) return SM_ERR_NOMEM;
  int64_t now_ms = sm_clock_now_ms();
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) {
    err = sm_ledger_write_end(ledger, sm_ledger_user_insert(db, actor, user, user_id, now_ms));
  }
  if (err != SM_OK) {
    free(user_id);
    return err;
  }
  user->user_id = user_id;
  user->created_ms = now_ms;
  return SM_OK;
}

/* ---- finding ---- */

sm_err sm_ledger_user_by_email(sm_ledger *ledger, const uint8_t email_hash[32], sm_user *user) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "SELECT " USER_COLUMNS " FROM user WHERE email_hash = ?1");
  sm_sql_bind_blob(&q, 1, email_hash, 32);
  err = finish_one(&q, user);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_user_by_id(sm_ledger *ledger, const char *user_id, sm_user *user) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "SELECT " USER_COLUMNS " FROM user WHERE user_id = ?1");
  sm_sql_bind_text(&q, 1, user_id);
  err = finish_one(&q, user);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err list_users(sm_sql *db, const char *after, size_t limit, sm_user **users,
                         size_t *count) {
  sm_user *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT " USER_COLUMNS " FROM user WHERE user_no > CASE ?1 WHEN '' THEN 0 "
                     "ELSE (SELECT user_no FROM user WHERE user_id = ?1) END "
                     "ORDER BY user_no LIMIT ?2");
  sm_sql_bind_text(&q, 1, after);
  sm_ledger_bind_limit(&q, 2, limit);
  while (sm_sql_row(&q)) {
    sm_user *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_user(&q, &list[n++]);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    sm_users_free(list, n);
    return err;
  }
  *users = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_users(sm_ledger *ledger, const char *after, size_t limit, sm_user **users,
                       size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list_users(db, after, limit, users, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_has_admin(sm_ledger *ledger, bool *has) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t found = 0;
  err = sm_sql_query_i64(
      db, "SELECT EXISTS (SELECT 1 FROM user WHERE role = 'admin' AND disabled = 0)", &found);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *has = found != 0;
  return err;
}

/* ---- changing ---- */

static sm_err end_sessions(sm_sql *db, int64_t user_no) {
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM session WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  return sm_sql_run(&q);
}

static sm_err set_password(sm_sql *db, sm_actor actor, const char *user_id,
                           const char *password_hash) {
  int64_t user_no;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE user SET password_hash = ?2 WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_text(&q, 2, password_hash);
  err = sm_sql_run(&q);
  if (err == SM_OK) err = end_sessions(db, user_no);
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, actor, "user.set_password", user_id, NULL);
}

sm_err sm_ledger_user_set_password(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                   const char *password_hash) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, set_password(db, actor, user_id, password_hash));
}

static sm_err set_disabled(sm_sql *db, sm_actor actor, const char *user_id, bool disabled) {
  int64_t user_no;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE user SET disabled = ?2 WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_i64(&q, 2, disabled);
  err = sm_sql_run(&q);
  if (err == SM_OK) err = end_sessions(db, user_no);
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, actor, disabled ? "user.disable" : "user.enable", user_id, NULL);
}

sm_err sm_ledger_user_set_disabled(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                   bool disabled) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, set_disabled(db, actor, user_id, disabled));
}
