#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

static void take_user(sm_sql_stmt *q, sm_user *user) {
  *user = (sm_user){.disabled = sm_sql_i64(q, 6) != 0,
                    .created_ms = sm_sql_i64(q, 7),
                    .must_change = sm_sql_i64(q, 8) != 0};
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
  sm_sql_take_text(q, 9, &user->language);
}

sm_err sm_ledger_user_one(sm_sql_stmt *q, sm_user *user) {
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
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO user (site_no, " SM_USER_COLUMNS ") "
                                 "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  sm_sql_bind_text(&q, 1, user_id);
  sm_sql_bind_blob(&q, 2, user->email_hash, sizeof user->email_hash);
  sm_sql_bind_blob(&q, 3, user->email_sealed.data, user->email_sealed.len);
  sm_sql_bind_blob(&q, 4, user->name_sealed.data, user->name_sealed.len);
  sm_sql_bind_text(&q, 5, sm_role_name(user->role));
  sm_sql_bind_text(&q, 6, user->password_hash);
  sm_sql_bind_i64(&q, 7, user->disabled);
  sm_sql_bind_i64(&q, 8, now_ms);
  sm_sql_bind_i64(&q, 9, user->must_change);
  sm_sql_bind_text(&q, 10, user->language);
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
  sm_sql_stmt q = sm_sql_use(db, "SELECT " SM_USER_COLUMNS " FROM user WHERE email_hash = ?1");
  sm_sql_bind_blob(&q, 1, email_hash, 32);
  err = sm_ledger_user_one(&q, user);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_user_by_id(sm_ledger *ledger, const char *user_id, sm_user *user) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "SELECT " SM_USER_COLUMNS " FROM user WHERE user_id = ?1");
  sm_sql_bind_text(&q, 1, user_id);
  err = sm_ledger_user_one(&q, user);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err list_users(sm_sql *db, const sm_user_filter *filter, const char *after, size_t limit,
                         sm_user **users, size_t *count) {
  sm_user *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT " SM_USER_COLUMNS " FROM user WHERE user_no > CASE ?1 WHEN '' THEN 0 "
                     "ELSE (SELECT user_no FROM user WHERE user_id = ?1) END "
                     "AND (?3 IS NULL OR email_hash = ?3) AND (?4 IS NULL OR role = ?4) "
                     "AND (?5 IS NULL OR disabled = ?5) ORDER BY user_no LIMIT ?2");
  sm_sql_bind_text(&q, 1, after);
  sm_ledger_bind_limit(&q, 2, limit);
  sm_sql_bind_blob(&q, 3, filter->email_hash, 32);
  sm_sql_bind_text(&q, 4, filter->by_role ? sm_role_name(filter->role) : NULL);
  if (filter->by_disabled) {
    sm_sql_bind_i64(&q, 5, filter->disabled);
  } else {
    sm_sql_bind_null(&q, 5);
  }
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

sm_err sm_ledger_users_find(sm_ledger *ledger, const sm_user_filter *filter, const char *after,
                            size_t limit, sm_user **users, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list_users(db, filter, after, limit, users, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_users(sm_ledger *ledger, const char *after, size_t limit, sm_user **users,
                       size_t *count) {
  return sm_ledger_users_find(ledger, &(sm_user_filter){.email_hash = NULL}, after, limit, users,
                              count);
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

/* All but `keep`, and what would let somebody in beside a session. */
static sm_err end_ways_in(sm_sql *db, int64_t user_no, const char *keep) {
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM session WHERE user_no = ?1 AND family IS NOT ?2");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_text(&q, 2, keep);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  q = sm_sql_use(db, "DELETE FROM password_link WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  return sm_sql_run(&q);
}

sm_err sm_ledger_password_write(sm_sql *db, int64_t user_no, const char *password_hash,
                                bool must_change, const char *keep_session) {
  sm_sql_stmt q =
      sm_sql_use(db, "UPDATE user SET password_hash = ?2, must_change = ?3 WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_text(&q, 2, password_hash);
  sm_sql_bind_i64(&q, 3, must_change);
  sm_err err = sm_sql_run(&q);
  return err == SM_OK ? end_ways_in(db, user_no, keep_session) : err;
}

static sm_err set_password(sm_sql *db, sm_actor actor, const char *user_id,
                           const char *password_hash, bool must_change, const char *keep) {
  int64_t user_no;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err == SM_OK) err = sm_ledger_password_write(db, user_no, password_hash, must_change, keep);
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, actor, "user.set_password", user_id,
                             must_change ? "{\"must_change\":true}" : NULL);
}

sm_err sm_ledger_password_set(sm_ledger *ledger, sm_actor actor, const char *user_id,
                              const char *password_hash, bool must_change,
                              const char *keep_session) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(
      ledger, set_password(db, actor, user_id, password_hash, must_change, keep_session));
}

sm_err sm_ledger_user_set_password(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                   const char *password_hash) {
  return sm_ledger_password_set(ledger, actor, user_id, password_hash, false, NULL);
}

sm_err sm_ledger_disabled_write(sm_sql *db, sm_actor actor, int64_t user_no, const char *user_id,
                                bool disabled) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE user SET disabled = ?2 WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_i64(&q, 2, disabled);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) err = end_ways_in(db, user_no, NULL);
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, actor, disabled ? "user.disable" : "user.enable", user_id, NULL);
}

sm_err sm_ledger_user_set_disabled(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                   bool disabled) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t user_no;
  err = sm_ledger_user_no(db, user_id, &user_no);
  if (err == SM_OK) err = sm_ledger_disabled_write(db, actor, user_no, user_id, disabled);
  return sm_ledger_write_end(ledger, err);
}
