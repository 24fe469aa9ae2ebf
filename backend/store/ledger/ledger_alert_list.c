/* Lists of alerts. */
#include "store/ledger/ledger_alert.h"

#include <stdlib.h>
#include <string.h>

#define LIST_SELECT "SELECT " SM_ALERT_COLUMNS ", a.device_no " SM_ALERT_FROM
#define LIST_WHERE                                                                                 \
  "(?2 IS NULL OR d.device_id = ?2) AND (?3 IS NULL OR a.kind = ?3) "                              \
  "AND CASE ?4 WHEN 1 THEN a.ended_ms IS NULL AND a.acknowledged_ms IS NULL "                      \
  "WHEN 2 THEN a.ended_ms IS NULL AND a.acknowledged_ms IS NOT NULL "                              \
  "WHEN 3 THEN a.ended_ms IS NULL WHEN 4 THEN a.ended_ms IS NOT NULL ELSE 1 = 1 END "              \
  "AND (?5 = 0 OR a.device_no IN (SELECT m.device_no FROM account_meter m "                        \
  "JOIN account t ON t.account_no = m.account_no WHERE t.user_no = ?5)) "

/* What one user may see of the device that was asked of last. */
typedef struct sight {
  int64_t user_no; /* 0: everything */
  int64_t device_no;
  sm_interval *interval;
  size_t count;
} sight;

static sm_err look(sm_ledger *ledger, sm_sql *db, sight *s, int64_t device_no) {
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  free(s->interval);
  s->interval = NULL;
  s->count = 0;
  sm_err err = sm_ledger_servings(ledger, db, device_no, &list, &count);
  if (err == SM_OK)
    err = sm_ledger_servings_visible(list, count, s->user_no, &s->interval, &s->count);
  free(list);
  s->device_no = err == SM_OK ? device_no : 0;
  return err;
}

static sm_err sees(sm_ledger *ledger, sm_sql *db, sight *s, int64_t device_no, int64_t at_ms,
                   bool *seen) {
  *seen = s->user_no == 0;
  if (*seen) return SM_OK;
  sm_err err = s->device_no != device_no ? look(ledger, db, s, device_no) : SM_OK;
  for (size_t i = 0; err == SM_OK && i < s->count; i++)
    *seen = *seen || (at_ms >= s->interval[i].from_ms && at_ms < s->interval[i].to_ms);
  return err;
}

static sm_sql_stmt use(sm_sql *db, const sm_alert_query *query, int64_t user_no) {
  sm_sql_stmt q =
      query->newest_first
          ? sm_sql_use(db, LIST_SELECT "WHERE (?1 = 0 OR a.alert_no < ?1) AND " LIST_WHERE
                                       "ORDER BY a.alert_no DESC")
          : sm_sql_use(db,
                       LIST_SELECT "WHERE a.alert_no > ?1 AND " LIST_WHERE "ORDER BY a.alert_no");
  sm_sql_bind_i64(&q, 1, query->after_no);
  sm_sql_bind_text(&q, 2, query->device_id);
  sm_sql_bind_text(&q, 3, query->kind);
  sm_sql_bind_i64(&q, 4, query->state);
  sm_sql_bind_i64(&q, 5, user_no);
  return q;
}

static sm_err list(sm_ledger *ledger, sm_sql *db, const sm_alert_query *query, sm_alert **alerts,
                   size_t *count) {
  size_t cap = 0;
  sight s = {0};
  sm_err err = query->user_id != NULL ? sm_ledger_user_no(db, query->user_id, &s.user_no) : SM_OK;
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  sm_sql_stmt q = use(db, query, s.user_no);
  while (*count < query->limit && sm_sql_row(&q)) {
    bool seen = false;
    sm_alert *grown = sm_ledger_room(*alerts, &cap, *count, sizeof **alerts);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    *alerts = grown;
    sm_ledger_alert_take(&q, 0, &grown[*count]);
    err = sees(ledger, db, &s, sm_sql_i64(&q, 11), grown[*count].opened_ms, &seen);
    if (err != SM_OK) q.err = err;
    *count += seen ? 1 : 0;
  }
  free(s.interval);
  return sm_sql_end(&q);
}

sm_err sm_ledger_alerts(sm_ledger *ledger, const sm_alert_query *query, sm_alert **alerts,
                        size_t *count) {
  sm_sql *db;
  sm_alert *got = NULL;
  size_t n = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list(ledger, db, query, &got, &n);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    free(got);
    return err;
  }
  *alerts = got;
  *count = n;
  return SM_OK;
}
