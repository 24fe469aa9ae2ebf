#include "store/ledger/ledger_internal.h"

#include <string.h>

/* ---- changing ---- */

/* What of a user decides over the rest. */
typedef struct user_now {
  int64_t user_no;
  sm_role role;
  bool disabled;
  bool can_log_in;
} user_now;

static sm_err load(sm_sql *db, const char *user_id, user_now *now) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT user_no, role, disabled, password_hash IS NOT NULL "
                                 "FROM user WHERE user_id = ?1");
  sm_sql_bind_text(&q, 1, user_id);
  bool found = sm_sql_row(&q);
  const char *role = found ? sm_sql_text(&q, 1) : NULL;
  if (found) {
    now->user_no = sm_sql_i64(&q, 0);
    now->disabled = sm_sql_i64(&q, 2) != 0;
    now->can_log_in = sm_sql_i64(&q, 3) != 0;
    if (role == NULL || sm_role_parse(role, &now->role) != SM_OK) q.err = SM_ERR_CORRUPT;
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static bool is_admin(const user_now *user) {
  return user->role == SM_ROLE_ADMIN && !user->disabled && user->can_log_in;
}

/* Somebody must be left who can undo it. */
static sm_err check_admin_left(sm_sql *db, const user_now *was, const user_now *will) {
  if (!is_admin(was) || is_admin(will)) return SM_OK;
  sm_sql_stmt q = sm_sql_use(db, "SELECT EXISTS (SELECT 1 FROM user WHERE role = 'admin' "
                                 "AND disabled = 0 AND password_hash IS NOT NULL "
                                 "AND user_no <> ?1)");
  sm_sql_bind_i64(&q, 1, was->user_no);
  bool other = sm_sql_row(&q) && sm_sql_i64(&q, 0) != 0;
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !other ? SM_ERR_CONFLICT : err;
}

static sm_err write_row(sm_sql *db, int64_t user_no, const sm_user_change *change, sm_role role) {
  sm_sql_stmt q =
      sm_sql_use(db, "UPDATE user SET name_sealed = CASE ?2 WHEN 1 THEN ?3 ELSE name_sealed END, "
                     "language = CASE ?4 WHEN 1 THEN ?5 ELSE language END, role = ?6 "
                     "WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_i64(&q, 2, change->set_name);
  sm_sql_bind_blob(&q, 3, change->name_sealed.data, change->name_sealed.len);
  sm_sql_bind_i64(&q, 4, change->set_language);
  sm_sql_bind_text(&q, 5, change->language);
  sm_sql_bind_text(&q, 6, sm_role_name(role));
  return sm_sql_run(&q);
}

/* Names are not written: an audit log is kept for ever. */
static sm_err audit_change(sm_sql *db, sm_actor actor, const char *user_id,
                           const sm_user_change *change, const user_now *was) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  if (change->set_name) sm_jsonw_key_bool(&detail.w, "name", true);
  if (change->set_language) sm_jsonw_key_text(&detail.w, "language", change->language);
  if (change->set_role && change->role != was->role) {
    sm_jsonw_key_text(&detail.w, "role_before", sm_role_name(was->role));
    sm_jsonw_key_text(&detail.w, "role", sm_role_name(change->role));
  }
  return sm_ledger_detail_add(&detail, db, actor, "user.change", user_id);
}

static sm_err apply(sm_sql *db, sm_actor actor, const char *user_id, const sm_user_change *change) {
  user_now was = {0};
  sm_err err = load(db, user_id, &was);
  if (err != SM_OK) return err;
  user_now will = was;
  if (change->set_role) will.role = change->role;
  if (change->set_disabled) will.disabled = change->disabled;
  err = check_admin_left(db, &was, &will);
  if (err == SM_OK && (change->set_name || change->set_language || will.role != was.role)) {
    err = write_row(db, was.user_no, change, will.role);
    if (err == SM_OK) err = audit_change(db, actor, user_id, change, &was);
  }
  if (err == SM_OK && will.disabled != was.disabled)
    err = sm_ledger_disabled_write(db, actor, was.user_no, user_id, will.disabled);
  return err;
}

sm_err sm_ledger_user_change(sm_ledger *ledger, sm_actor actor, const char *user_id,
                             const sm_user_change *change) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, apply(db, actor, user_id, change));
}

/* ---- who may be here ---- */

static sm_err find_standing(sm_sql *db, const char *user_id, const char *session_id,
                            sm_standing *standing) {
  sm_standing got = {.role = SM_ROLE_CONSUMER};
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT role, must_change FROM user u WHERE user_id = ?1 AND disabled = 0 "
                     "AND (?2 IS NULL OR EXISTS (SELECT 1 FROM session s "
                     "WHERE s.family = ?2 AND s.user_no = u.user_no))");
  sm_sql_bind_text(&q, 1, user_id);
  sm_sql_bind_text(&q, 2, session_id);
  bool found = sm_sql_row(&q);
  const char *role = found ? sm_sql_text(&q, 0) : NULL;
  if (found) {
    got.must_change = sm_sql_i64(&q, 1) != 0;
    if (role == NULL || sm_role_parse(role, &got.role) != SM_OK) q.err = SM_ERR_CORRUPT;
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) *standing = got;
  return err;
}

sm_err sm_ledger_standing(sm_ledger *ledger, const char *user_id, const char *session_id,
                          sm_standing *standing) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find_standing(db, user_id, session_id, standing);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_people_version(sm_ledger *ledger, int64_t *version) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t got = 0;
  err = sm_sql_query_i64(db, "SELECT version FROM people_version WHERE site_no = 1", &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *version = got;
  return err;
}
