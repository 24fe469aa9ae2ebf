/* What alerts are judged by. */
#include "base/clock.h"
#include "store/ledger/ledger_alert.h"

#include <stdlib.h>
#include <string.h>

/* ---- thresholds ---- */

typedef struct place {
  int64_t device_no;
  int64_t user_no; /* 0: the operator's */
} place;

static sm_err find(sm_sql *db, const char *device_id, const char *user_id, place *p) {
  *p = (place){0};
  sm_err err = sm_ledger_device_no(db, device_id, &p->device_no);
  if (err == SM_OK && user_id != NULL) err = sm_ledger_user_no(db, user_id, &p->user_no);
  return err;
}

static sm_err load(sm_sql *db, const place *p, char **body) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT body FROM alert_threshold WHERE device_no = ?1 "
                                 "AND coalesce(user_no, 0) = ?2");
  sm_sql_bind_i64(&q, 1, p->device_no);
  sm_sql_bind_i64(&q, 2, p->user_no);
  *body = NULL;
  if (sm_sql_row(&q)) sm_sql_take_text(&q, 0, body);
  return sm_sql_end(&q);
}

sm_err sm_ledger_threshold(sm_ledger *ledger, const char *device_id, const char *user_id,
                           char **body) {
  sm_sql *db;
  place p;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find(db, device_id, user_id, &p);
  if (err == SM_OK) err = load(db, &p, body);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err clear(sm_sql *db, const place *p) {
  sm_sql_stmt q = sm_sql_use(
      db, "DELETE FROM alert_threshold WHERE device_no = ?1 AND coalesce(user_no, 0) = ?2");
  sm_sql_bind_i64(&q, 1, p->device_no);
  sm_sql_bind_i64(&q, 2, p->user_no);
  return sm_sql_run(&q);
}

static sm_err insert(sm_sql *db, const place *p, const char *body) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO alert_threshold (site_no, device_no, user_no, body, "
                                 "changed_ms) VALUES (1, ?1, ?2, ?3, ?4)");
  sm_sql_bind_i64(&q, 1, p->device_no);
  sm_ledger_bind_no(&q, 2, p->user_no);
  sm_sql_bind_text(&q, 3, body);
  sm_sql_bind_i64(&q, 4, sm_clock_now_ms());
  return sm_sql_run(&q);
}

static void write_body(sm_jsonw *w, const char *key, const char *body) {
  sm_jsonw_key(w, key);
  if (body != NULL)
    sm_jsonw_raw(w, body, strlen(body));
  else
    sm_jsonw_null(w);
}

static sm_err set(sm_sql *db, sm_actor actor, const char *device_id, const char *user_id,
                  const char *body) {
  place p;
  char *before = NULL;
  sm_err err = find(db, device_id, user_id, &p);
  if (err == SM_OK) err = load(db, &p, &before);
  bool same = (before == NULL && body == NULL) ||
              (before != NULL && body != NULL && strcmp(before, body) == 0);
  if (err == SM_OK && !same) {
    sm_ledger_detail detail;
    err = clear(db, &p);
    if (err == SM_OK && body != NULL) err = insert(db, &p, body);
    if (err == SM_OK) {
      sm_ledger_detail_open(&detail);
      sm_jsonw_key_text(&detail.w, "of", user_id != NULL ? "owner" : "operator");
      write_body(&detail.w, "before", before);
      write_body(&detail.w, "after", body);
      err = sm_ledger_detail_add(&detail, db, actor, "alert.thresholds", device_id);
    }
  }
  free(before);
  return err;
}

sm_err sm_ledger_threshold_set(sm_ledger *ledger, sm_actor actor, const char *device_id,
                               const char *user_id, const char *body) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, set(db, actor, device_id, user_id, body));
}

/* ---- plans ---- */

static sm_sql_stmt use_plans(sm_ledger *ledger, sm_sql *db, int64_t now_ms, char today[SM_DATE_MAX],
                             int64_t after_no, size_t limit) {
  sm_sql_stmt q = sm_sql_use(
      db,
      "SELECT d.device_no, d.device_id, coalesce(s.sanctioned_load_w, 0), d.modulus_wh, "
      "d.max_power_w, o.body, u.body FROM device d "
      "LEFT JOIN (SELECT m.device_no, t.user_no, t.sanctioned_load_w FROM account_meter m "
      "  JOIN account t ON t.account_no = m.account_no WHERE m.sign = 1 "
      "  AND (m.from_ms IS NULL OR m.from_ms <= ?1) AND (m.to_ms IS NULL OR m.to_ms > ?1) "
      "  AND (t.from_date IS NULL OR t.from_date <= ?2) AND (t.to_date IS NULL OR t.to_date > ?2)) "
      "  s ON s.device_no = d.device_no "
      "LEFT JOIN alert_threshold o ON o.device_no = d.device_no AND o.user_no IS NULL "
      "LEFT JOIN alert_threshold u ON u.device_no = d.device_no AND u.user_no = s.user_no "
      "WHERE d.device_no > ?3 AND d.revoked_ms IS NULL AND (s.sanctioned_load_w > 0 "
      "  OR d.modulus_wh <> 10000000 OR d.max_power_w <> 23000 OR o.body IS NOT NULL "
      "  OR u.body IS NOT NULL) ORDER BY d.device_no LIMIT ?4");
  sm_sql_bind_i64(&q, 1, now_ms);
  sm_sql_bind_text(&q, 2, sm_date_format(sm_zone_date(ledger->zone, now_ms), today));
  sm_sql_bind_i64(&q, 3, after_no);
  sm_ledger_bind_limit(&q, 4, limit);
  return q;
}

sm_err sm_ledger_alert_plans(sm_ledger *ledger, int64_t now_ms, size_t limit, int64_t *after_no,
                             sm_alert_plan_fn each, void *context) {
  sm_sql *db;
  char today[SM_DATE_MAX];
  size_t count = 0;
  int64_t last_no = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = use_plans(ledger, db, now_ms, today, *after_no, limit);
  while (sm_sql_row(&q)) {
    const sm_alert_plan plan = {.device_id = sm_sql_text(&q, 1),
                                .sanctioned_load_w = sm_sql_i64(&q, 2),
                                .modulus_wh = sm_sql_i64(&q, 3),
                                .max_power_w = sm_sql_i64(&q, 4),
                                .operators = sm_sql_text(&q, 5),
                                .owners = sm_sql_text(&q, 6)};
    last_no = sm_sql_i64(&q, 0);
    count++;
    err = each(context, &plan);
    if (err != SM_OK) q.err = err;
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *after_no = count == limit ? last_no : 0;
  return err;
}

sm_err sm_ledger_alert_version(sm_ledger *ledger, int64_t *version) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(db, "SELECT version FROM alert_version WHERE site_no = 1", version);
  sm_ledger_read_end(ledger, db);
  return err;
}
