#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How long after its first exchange a token may be exchanged once more. */
enum { GRACE_MS = 10000 };

static sm_err insert_token(sm_sql *db, const uint8_t hash[32], int64_t user_no, const char *family,
                           int64_t began_ms, int64_t now_ms, int64_t expires_ms) {
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO session (token_hash, site_no, user_no, family, "
                     "created_ms, expires_ms, began_ms) VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6)");
  sm_sql_bind_blob(&q, 1, hash, 32);
  sm_sql_bind_i64(&q, 2, user_no);
  sm_sql_bind_text(&q, 3, family);
  sm_sql_bind_i64(&q, 4, now_ms);
  sm_sql_bind_i64(&q, 5, expires_ms);
  sm_sql_bind_i64(&q, 6, began_ms);
  return sm_sql_run(&q);
}

static sm_err end_family(sm_sql *db, const char *family) {
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM session WHERE family = ?1");
  sm_sql_bind_text(&q, 1, family);
  return sm_sql_run(&q);
}

/* ---- starting ---- */

static sm_err check_user(sm_sql *db, const char *user_id, int64_t *user_no) {
  sm_err err = sm_ledger_user_no(db, user_id, user_no);
  if (err != SM_OK) return err;
  int64_t enabled;
  err = sm_ledger_find_no(db, "SELECT 1 FROM user WHERE user_id = ?1 AND disabled = 0", user_id,
                          &enabled);
  return err == SM_ERR_NOT_FOUND ? SM_ERR_DENIED : err;
}

static sm_err start(sm_sql *db, const char *user_id, const uint8_t token_hash[32], int64_t now_ms,
                    int64_t expires_ms, char family[SM_ID_MAX]) {
  int64_t user_no;
  sm_err err = check_user(db, user_id, &user_no);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM session WHERE expires_ms <= ?1");
  sm_sql_bind_i64(&q, 1, now_ms);
  err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  return insert_token(db, token_hash, user_no, sm_random_id("f_", family), now_ms, now_ms,
                      expires_ms);
}

static_assert(SM_ID_MAX == SM_SESSION_ID_MAX + 1, "a family is a session's id");

sm_err sm_ledger_session_start(sm_ledger *ledger, const char *user_id, const uint8_t token_hash[32],
                               int64_t now_ms, int64_t expires_ms,
                               char session_id[SM_SESSION_ID_MAX + 1]) {
  char family[SM_ID_MAX];
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, start(db, user_id, token_hash, now_ms, expires_ms, family));
  if (err == SM_OK) memcpy(session_id, family, sizeof family);
  return err;
}

/* ---- exchanging ---- */

typedef struct session_row {
  int64_t user_no;
  char *user_id;
  char *family;
  int64_t uses;
  int64_t used_ms;
  int64_t began_ms;
} session_row;

static void session_row_fini(session_row *row) {
  free(row->user_id);
  free(row->family);
}

static sm_err find_session(sm_sql *db, const uint8_t hash[32], int64_t now_ms, session_row *row) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT s.user_no, u.user_id, s.family, s.uses, s.used_ms, "
          "coalesce(s.began_ms, s.created_ms) FROM session s JOIN user u ON u.user_no = s.user_no "
          "WHERE s.token_hash = ?1 AND s.expires_ms > ?2 AND u.disabled = 0");
  sm_sql_bind_blob(&q, 1, hash, 32);
  sm_sql_bind_i64(&q, 2, now_ms);
  bool found = sm_sql_row(&q);
  if (found) {
    row->user_no = sm_sql_i64(&q, 0);
    sm_sql_take_text(&q, 1, &row->user_id);
    sm_sql_take_text(&q, 2, &row->family);
    row->uses = sm_sql_i64(&q, 3);
    row->used_ms = sm_sql_i64(&q, 4);
    row->began_ms = sm_sql_i64(&q, 5);
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err mark_used(sm_sql *db, const uint8_t old_hash[32], const uint8_t new_hash[32],
                        int64_t now_ms) {
  sm_sql_stmt q =
      sm_sql_use(db, "UPDATE session SET uses = uses + 1, used_ms = coalesce(used_ms, ?3), "
                     "successor = ?2 WHERE token_hash = ?1");
  sm_sql_bind_blob(&q, 1, old_hash, 32);
  sm_sql_bind_blob(&q, 2, new_hash, 32);
  sm_sql_bind_i64(&q, 3, now_ms);
  return sm_sql_run(&q);
}

/* *reused: what was done is to be kept although the answer is no. */
static sm_err rotate(sm_sql *db, const session_row *row, const uint8_t old_hash[32],
                     const uint8_t new_hash[32], int64_t now_ms, int64_t expires_ms, bool *reused) {
  if (row->uses > 1 || (row->uses == 1 && now_ms - row->used_ms >= GRACE_MS)) {
    *reused = true;
    sm_err err = end_family(db, row->family);
    if (err != SM_OK) return err;
    return sm_ledger_audit_add(db, (sm_actor){"server"}, "session.reuse", row->user_id, NULL);
  }
  sm_err err = mark_used(db, old_hash, new_hash, now_ms);
  if (err != SM_OK) return err;
  return insert_token(db, new_hash, row->user_no, row->family, row->began_ms, now_ms, expires_ms);
}

sm_err sm_ledger_session_rotate(sm_ledger *ledger, const uint8_t old_hash[32],
                                const uint8_t new_hash[32], int64_t now_ms, int64_t expires_ms,
                                char **user_id, char session_id[SM_SESSION_ID_MAX + 1]) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  session_row row = {0};
  bool reused = false;
  err = find_session(db, old_hash, now_ms, &row);
  if (err == SM_OK) err = rotate(db, &row, old_hash, new_hash, now_ms, expires_ms, &reused);
  err = sm_ledger_write_end(ledger, err);
  if (err == SM_OK && reused) err = SM_ERR_DENIED;
  size_t family_len = row.family != NULL ? strlen(row.family) : 0;
  if (err == SM_OK && (family_len == 0 || family_len > SM_SESSION_ID_MAX)) err = SM_ERR_CORRUPT;
  if (err == SM_OK) {
    *user_id = row.user_id;
    row.user_id = NULL;
    memcpy(session_id, row.family, family_len + 1);
  }
  session_row_fini(&row);
  return err;
}

/* ---- ending ---- */

sm_err sm_ledger_session_end(sm_ledger *ledger, const uint8_t token_hash[32]) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM session WHERE family = "
                                 "(SELECT family FROM session WHERE token_hash = ?1)");
  sm_sql_bind_blob(&q, 1, token_hash, 32);
  return sm_ledger_write_end(ledger, sm_sql_run(&q));
}

static sm_err close_one(sm_sql *db, sm_actor actor, const char *user_id, const char *session_id) {
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM session WHERE family = ?2 "
                                 "AND user_no = (SELECT user_no FROM user WHERE user_id = ?1)");
  sm_sql_bind_text(&q, 1, user_id);
  sm_sql_bind_text(&q, 2, session_id);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  if (sm_sql_changes(db) == 0) return SM_ERR_NOT_FOUND;
  return sm_ledger_audit_add(db, actor, "session.end", user_id, NULL);
}

sm_err sm_ledger_session_close(sm_ledger *ledger, sm_actor actor, const char *user_id,
                               const char *session_id) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, close_one(db, actor, user_id, session_id));
}

/* ---- listing ---- */

static sm_err list_sessions(sm_sql *db, const char *user_id, int64_t now_ms, sm_session_row **rows,
                            size_t *count) {
  sm_session_row *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT family, min(coalesce(began_ms, created_ms)), max(created_ms), "
                     "max(expires_ms) FROM session WHERE expires_ms > ?2 "
                     "AND user_no = (SELECT user_no FROM user WHERE user_id = ?1) "
                     "GROUP BY family ORDER BY max(created_ms) DESC, family LIMIT 100");
  sm_sql_bind_text(&q, 1, user_id);
  sm_sql_bind_i64(&q, 2, now_ms);
  while (sm_sql_row(&q)) {
    sm_session_row *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    const char *family = sm_sql_text(&q, 0);
    if (grown != NULL) list = grown;
    if (grown == NULL || family == NULL || strlen(family) > SM_SESSION_ID_MAX) {
      q.err = grown == NULL ? SM_ERR_NOMEM : SM_ERR_CORRUPT;
      break;
    }
    list[n] = (sm_session_row){.began_ms = sm_sql_i64(&q, 1),
                               .renewed_ms = sm_sql_i64(&q, 2),
                               .expires_ms = sm_sql_i64(&q, 3)};
    memcpy(list[n++].session_id, family, strlen(family) + 1);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    free(list);
    return err;
  }
  *rows = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_sessions(sm_ledger *ledger, const char *user_id, int64_t now_ms,
                          sm_session_row **rows, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list_sessions(db, user_id, now_ms, rows, count);
  sm_ledger_read_end(ledger, db);
  return err;
}
