/* API keys. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_keys.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* ?1 is now. */
#define KEY_SELECT                                                                                 \
  "SELECT k.key_id, k.name, k.scopes, k.devices, k.created_ms, k.created_by, k.revoked_ms, "       \
  "k.last_used_ms, "                                                                               \
  "(SELECT ends_ms FROM api_secret s WHERE s.key_no = k.key_no ORDER BY made_no DESC LIMIT 1), "   \
  "(SELECT count(*) FROM api_secret s WHERE s.key_no = k.key_no AND s.ends_ms > ?1) "              \
  "FROM api_key k "

static void take_key(sm_sql_stmt *q, sm_api_key *key) {
  *key = (sm_api_key){.created_ms = sm_sql_i64(q, 4),
                      .revoked = !sm_sql_is_null(q, 6),
                      .revoked_ms = sm_sql_i64(q, 6),
                      .used = !sm_sql_is_null(q, 7),
                      .last_used_ms = sm_sql_i64(q, 7),
                      .ends_ms = sm_sql_i64(q, 8),
                      .secrets = sm_sql_i64(q, 9)};
  sm_sql_take_text(q, 0, &key->key_id);
  sm_sql_take_text(q, 1, &key->name);
  sm_sql_take_text(q, 2, &key->scopes);
  sm_sql_take_text(q, 3, &key->devices);
  sm_sql_take_text(q, 5, &key->created_by);
}

/* The one row of a bound statement. */
static sm_err finish_one(sm_sql_stmt *q, sm_api_key *key) {
  sm_api_key got = {0};
  bool found = sm_sql_row(q);
  if (found) take_key(q, &got);
  sm_err err = sm_sql_end(q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK)
    *key = got;
  else
    sm_api_key_fini(&got);
  return err;
}

sm_err sm_ledger_key(sm_ledger *ledger, const char *key_id, int64_t now_ms, sm_api_key *key) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, KEY_SELECT "WHERE k.key_id = ?2");
  sm_sql_bind_i64(&q, 1, now_ms);
  sm_sql_bind_text(&q, 2, key_id);
  err = finish_one(&q, key);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_key_of_secret(sm_ledger *ledger, const uint8_t hash[32], int64_t now_ms,
                               sm_api_key *key) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, KEY_SELECT "JOIN api_secret g ON g.key_no = k.key_no "
                                            "WHERE g.hash = ?2 AND g.ends_ms > ?1 "
                                            "AND k.revoked_ms IS NULL");
  sm_sql_bind_i64(&q, 1, now_ms);
  sm_sql_bind_blob(&q, 2, hash, 32);
  err = finish_one(&q, key);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_keys(sm_ledger *ledger, const char *after, int64_t now_ms, size_t limit,
                      sm_api_key **keys, size_t *count) {
  sm_sql *db;
  sm_api_key *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, KEY_SELECT "WHERE k.key_no > CASE ?2 WHEN '' THEN 0 ELSE "
                                            "(SELECT key_no FROM api_key WHERE key_id = ?2) END "
                                            "ORDER BY k.key_no LIMIT ?3");
  sm_sql_bind_i64(&q, 1, now_ms);
  sm_sql_bind_text(&q, 2, after);
  sm_ledger_bind_limit(&q, 3, limit);
  while (sm_sql_row(&q)) {
    sm_api_key *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_key(&q, &list[n++]);
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    sm_api_keys_free(list, n);
    return err;
  }
  *keys = list;
  *count = n;
  return SM_OK;
}

/* ---- writing ---- */

static sm_err find_no(sm_sql *db, const char *key_id, int64_t *key_no, bool *revoked) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT key_no, revoked_ms IS NOT NULL FROM api_key WHERE key_id = ?1");
  sm_sql_bind_text(&q, 1, key_id);
  bool found = sm_sql_row(&q);
  if (found) {
    *key_no = sm_sql_i64(&q, 0);
    *revoked = sm_sql_i64(&q, 1) != 0;
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err insert_secret(sm_sql *db, int64_t key_no, const sm_api_secret *secret) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO api_secret (hash, site_no, key_no, made_no, ends_ms) VALUES (?1, 1, ?2, "
          "(SELECT coalesce(max(made_no), 0) + 1 FROM api_secret WHERE key_no = ?2), ?3)");
  sm_sql_bind_blob(&q, 1, secret->hash, sizeof secret->hash);
  sm_sql_bind_i64(&q, 2, key_no);
  sm_sql_bind_i64(&q, 3, secret->ends_ms);
  return sm_sql_run(&q);
}

static sm_err check_devices(sm_sql *db, const char *devices) {
  sm_err err = SM_OK;
  while (err == SM_OK && devices != NULL && *devices != '\0') {
    char id[80];
    int64_t device_no;
    size_t len = strcspn(devices, " ");
    if (len >= sizeof id) return SM_ERR_NOT_FOUND;
    memcpy(id, devices, len);
    id[len] = '\0';
    err = sm_ledger_device_no(db, id, &device_no);
    devices += len + (devices[len] == ' ');
  }
  return err;
}

static sm_err insert_key(sm_sql *db, sm_actor actor, const sm_api_key *key) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO api_key (site_no, key_id, name, scopes, devices, "
                                 "created_ms, created_by) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)");
  sm_sql_bind_text(&q, 1, key->key_id);
  sm_sql_bind_text(&q, 2, key->name);
  sm_sql_bind_text(&q, 3, key->scopes);
  sm_sql_bind_text(&q, 4, key->devices);
  sm_sql_bind_i64(&q, 5, key->created_ms);
  sm_sql_bind_text(&q, 6, actor.id != NULL ? actor.id : "server");
  return sm_sql_run(&q);
}

static sm_err audit_key(sm_sql *db, sm_actor actor, const char *action, const char *key_id,
                        const sm_api_key *key, int64_t ends_ms) {
  char at[SM_RFC3339_MAX];
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  if (key != NULL) {
    sm_jsonw_key_text(&detail.w, "scopes", key->scopes);
    sm_jsonw_key_text(&detail.w, "devices", key->devices);
  }
  sm_jsonw_key_text(&detail.w, "ends_at", sm_rfc3339_format(ends_ms, at));
  return sm_ledger_detail_add(&detail, db, actor, action, key_id);
}

static sm_err add(sm_sql *db, sm_actor actor, const sm_api_key *key, const sm_api_secret *secret) {
  sm_err err = check_devices(db, key->devices);
  if (err == SM_OK) err = insert_key(db, actor, key);
  if (err == SM_OK) err = insert_secret(db, sm_sql_last_insert_no(db), secret);
  if (err == SM_OK) err = audit_key(db, actor, "key.add", key->key_id, key, secret->ends_ms);
  return err;
}

sm_err sm_ledger_key_add(sm_ledger *ledger, sm_actor actor, sm_api_key *key,
                         const sm_api_secret *secret) {
  char id[SM_ID_MAX];
  sm_sql *db;
  sm_api_key row = *key;
  row.created_ms = sm_clock_now_ms();
  row.key_id = strdup(sm_random_id("k_", id));
  if (row.key_id == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) err = sm_ledger_write_end(ledger, add(db, actor, &row, secret));
  if (err != SM_OK) {
    free(row.key_id);
    return err;
  }
  key->key_id = row.key_id;
  key->created_ms = row.created_ms;
  return SM_OK;
}

/* Of the older secrets the newest goes on for a while; what has ended is forgotten. */
static sm_err end_older(sm_sql *db, int64_t key_no, int64_t now_ms, int64_t old_ends_ms) {
  sm_sql_stmt q =
      sm_sql_use(db, "DELETE FROM api_secret WHERE key_no = ?1 AND (ends_ms <= ?2 OR made_no < "
                     "(SELECT max(made_no) FROM api_secret WHERE key_no = ?1))");
  sm_sql_bind_i64(&q, 1, key_no);
  sm_sql_bind_i64(&q, 2, now_ms);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  q = sm_sql_use(db, "UPDATE api_secret SET ends_ms = min(ends_ms, ?2) WHERE key_no = ?1");
  sm_sql_bind_i64(&q, 1, key_no);
  sm_sql_bind_i64(&q, 2, old_ends_ms);
  return sm_sql_run(&q);
}

static sm_err rotate(sm_sql *db, sm_actor actor, const char *key_id, const sm_api_secret *secret,
                     int64_t now_ms, int64_t old_ends_ms) {
  int64_t key_no = 0;
  bool revoked = false;
  sm_err err = find_no(db, key_id, &key_no, &revoked);
  if (err == SM_OK && revoked) err = SM_ERR_DENIED;
  if (err == SM_OK) err = end_older(db, key_no, now_ms, old_ends_ms);
  if (err == SM_OK) err = insert_secret(db, key_no, secret);
  if (err == SM_OK) err = audit_key(db, actor, "key.rotate", key_id, NULL, secret->ends_ms);
  return err;
}

sm_err sm_ledger_key_rotate(sm_ledger *ledger, sm_actor actor, const char *key_id,
                            const sm_api_secret *secret, int64_t now_ms, int64_t old_ends_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, rotate(db, actor, key_id, secret, now_ms, old_ends_ms));
}

static sm_err revoke(sm_sql *db, sm_actor actor, const char *key_id) {
  int64_t key_no = 0;
  bool revoked = false;
  sm_err err = find_no(db, key_id, &key_no, &revoked);
  if (err != SM_OK || revoked) return err;
  sm_sql_stmt q = sm_sql_use(db, "DELETE FROM api_secret WHERE key_no = ?1");
  sm_sql_bind_i64(&q, 1, key_no);
  err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  q = sm_sql_use(db, "UPDATE api_key SET revoked_ms = ?2 WHERE key_no = ?1");
  sm_sql_bind_i64(&q, 1, key_no);
  sm_sql_bind_i64(&q, 2, sm_clock_now_ms());
  err = sm_sql_run(&q);
  return err == SM_OK ? sm_ledger_audit_add(db, actor, "key.revoke", key_id, NULL) : err;
}

sm_err sm_ledger_key_revoke(sm_ledger *ledger, sm_actor actor, const char *key_id) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, revoke(db, actor, key_id));
}

sm_err sm_ledger_key_used(sm_ledger *ledger, const char *key_id, int64_t now_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "UPDATE api_key SET last_used_ms = ?2 WHERE key_id = ?1 AND revoked_ms IS NULL");
  sm_sql_bind_text(&q, 1, key_id);
  sm_sql_bind_i64(&q, 2, now_ms);
  return sm_ledger_write_end(ledger, sm_sql_run(&q));
}
