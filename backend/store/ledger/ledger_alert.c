/* Alerts opened, ended and acknowledged. */
#include "store/ledger/ledger_alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_words(sm_sql_stmt *q, int column, char *out, size_t cap) {
  const char *text = sm_sql_text(q, column);
  (void)snprintf(out, cap, "%s", text != NULL ? text : "");
}

void sm_ledger_alert_take(sm_sql_stmt *q, int at, sm_alert *alert) {
  const char *kind = sm_sql_text(q, at + 1);
  *alert = (sm_alert){.alert_no = sm_sql_i64(q, at),
                      .opened_ms = sm_sql_i64(q, at + 4),
                      .found_ms = sm_sql_i64(q, at + 5),
                      .value = sm_sql_i64(q, at + 6),
                      .limit = sm_sql_i64(q, at + 7),
                      .ended = !sm_sql_is_null(q, at + 8),
                      .ended_ms = sm_sql_i64(q, at + 8),
                      .acknowledged = !sm_sql_is_null(q, at + 9),
                      .acknowledged_ms = sm_sql_i64(q, at + 9)};
  if (kind == NULL || sm_alert_kind_parse(kind, &alert->kind) != SM_OK) q->err = SM_ERR_CORRUPT;
  take_words(q, at + 2, alert->device_id, sizeof alert->device_id);
  take_words(q, at + 3, alert->subject, sizeof alert->subject);
  take_words(q, at + 10, alert->acknowledged_by, sizeof alert->acknowledged_by);
}

sm_err sm_ledger_alert_load(sm_sql *db, int64_t alert_no, sm_alert *alert) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT " SM_ALERT_COLUMNS SM_ALERT_FROM "WHERE a.alert_no = ?1");
  sm_sql_bind_i64(&q, 1, alert_no);
  bool found = sm_sql_row(&q);
  if (found) sm_ledger_alert_take(&q, 0, alert);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

/* ---- opening and ending ---- */

/* 0: there is none. */
static sm_err find_open(sm_sql *db, int64_t device_no, const sm_alert *alert, int64_t *alert_no) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT alert_no FROM alert WHERE coalesce(device_no, 0) = ?1 "
                                 "AND kind = ?2 AND subject = ?3 AND ended_ms IS NULL");
  sm_sql_bind_i64(&q, 1, device_no);
  sm_sql_bind_text(&q, 2, sm_alert_kind_name(alert->kind));
  sm_sql_bind_text(&q, 3, alert->subject);
  *alert_no = sm_sql_row(&q) ? sm_sql_i64(&q, 0) : 0;
  return sm_sql_end(&q);
}

static sm_err insert(sm_sql *db, int64_t device_no, sm_alert *alert) {
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO alert (site_no, device_no, kind, subject, opened_ms, found_ms, "
                     "value, limit_value) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  sm_ledger_bind_no(&q, 1, device_no);
  sm_sql_bind_text(&q, 2, sm_alert_kind_name(alert->kind));
  sm_sql_bind_text(&q, 3, alert->subject);
  sm_sql_bind_i64(&q, 4, alert->opened_ms);
  sm_sql_bind_i64(&q, 5, alert->found_ms);
  sm_sql_bind_i64(&q, 6, alert->value);
  sm_sql_bind_i64(&q, 7, alert->limit);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) alert->alert_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err end(sm_sql *db, int64_t alert_no, int64_t ended_ms) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE alert SET ended_ms = ?2 WHERE alert_no = ?1");
  sm_sql_bind_i64(&q, 1, alert_no);
  sm_sql_bind_i64(&q, 2, ended_ms);
  return sm_sql_run(&q);
}

static sm_err apply(sm_ledger *ledger, sm_sql *db, const sm_alert_apply *how,
                    sm_alert_change *change) {
  int64_t device_no = 0;
  int64_t open_no = 0;
  sm_alert *alert = &change->alert;
  change->applied = false;
  if (alert->device_id[0] != '\0') {
    sm_err err = sm_ledger_device_no(db, alert->device_id, &device_no);
    if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  }
  sm_err err = find_open(db, device_no, alert, &open_no);
  if (err != SM_OK || change->opens == (open_no != 0)) return err;
  if (change->opens) {
    err = insert(db, device_no, alert);
    if (err == SM_OK && change->told)
      err = sm_ledger_messages_add(ledger, db, device_no, alert, how);
  } else {
    err = end(db, open_no, alert->ended_ms);
    if (err == SM_OK) err = sm_ledger_alert_load(db, open_no, alert);
    if (err == SM_OK) err = sm_ledger_messages_end(ledger, db, alert, how);
  }
  change->applied = err == SM_OK;
  return err;
}

sm_err sm_ledger_alerts_apply(sm_ledger *ledger, const sm_alert_apply *how,
                              sm_alert_change *changes, size_t count) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++) err = apply(ledger, db, how, &changes[i]);
  return sm_ledger_write_end(ledger, err);
}

/* ---- acknowledging ---- */

static sm_err check_visible(sm_ledger *ledger, sm_sql *db, const char *user_id,
                            const sm_alert *alert) {
  int64_t device_no = 0;
  int64_t user_no = 0;
  sm_ledger_serving *list = NULL;
  sm_interval *interval = NULL;
  size_t count = 0;
  size_t intervals = 0;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err == SM_OK) err = sm_ledger_device_no(db, alert->device_id, &device_no);
  if (err == SM_OK) err = sm_ledger_servings(ledger, db, device_no, &list, &count);
  if (err == SM_OK) err = sm_ledger_servings_visible(list, count, user_no, &interval, &intervals);
  bool seen = false;
  for (size_t i = 0; err == SM_OK && i < intervals; i++)
    seen =
        seen || (alert->opened_ms >= interval[i].from_ms && alert->opened_ms < interval[i].to_ms);
  free(list);
  free(interval);
  return err == SM_OK && !seen ? SM_ERR_NOT_FOUND : err;
}

static sm_err acknowledge(sm_ledger *ledger, sm_sql *db, sm_actor actor, const char *user_id,
                          int64_t alert_no, int64_t now_ms, sm_alert *alert) {
  char subject[24];
  sm_err err = sm_ledger_alert_load(db, alert_no, alert);
  if (err == SM_OK && user_id != NULL) err = check_visible(ledger, db, user_id, alert);
  if (err != SM_OK || alert->acknowledged) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "UPDATE alert SET acknowledged_ms = ?2, acknowledged_by = ?3 WHERE alert_no = ?1");
  sm_sql_bind_i64(&q, 1, alert_no);
  sm_sql_bind_i64(&q, 2, now_ms);
  sm_sql_bind_text(&q, 3, actor.id != NULL ? actor.id : "server");
  err = sm_sql_run(&q);
  (void)snprintf(subject, sizeof subject, "%lld", (long long)alert_no);
  if (err == SM_OK) err = sm_ledger_audit_add(db, actor, "alert.acknowledge", subject, NULL);
  return err == SM_OK ? sm_ledger_alert_load(db, alert_no, alert) : err;
}

sm_err sm_ledger_alert_acknowledge(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                   int64_t alert_no, int64_t now_ms, sm_alert *alert) {
  sm_sql *db;
  sm_alert got = {0};
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err =
      sm_ledger_write_end(ledger, acknowledge(ledger, db, actor, user_id, alert_no, now_ms, &got));
  if (err == SM_OK) *alert = got;
  return err;
}
