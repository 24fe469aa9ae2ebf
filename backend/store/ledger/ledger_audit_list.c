/* The audit log as it is listed. */
#include "store/ledger/ledger_internal.h"
#include "store/ledger_audit.h"

#include <stdlib.h>
#include <string.h>

static void take_entry(sm_sql_stmt *q, sm_audit_entry *entry) {
  *entry = (sm_audit_entry){.audit_no = sm_sql_i64(q, 0), .at_ms = sm_sql_i64(q, 1)};
  sm_sql_take_text(q, 2, &entry->actor);
  sm_sql_take_text(q, 3, &entry->action);
  sm_sql_take_text(q, 4, &entry->subject);
  sm_sql_take_text(q, 5, &entry->detail);
  size_t len;
  const void *hash = sm_sql_blob(q, 6, &len);
  if (len == sizeof entry->hash) memcpy(entry->hash, hash, len);
}

/* Steps a bound SELECT to its end, and gives it back. */
static sm_err take_entries(sm_sql_stmt *q, sm_audit_entry **entries, size_t *count) {
  sm_audit_entry *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  while (sm_sql_row(q)) {
    sm_audit_entry *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_entry(q, &list[n++]);
  }
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    sm_audit_entries_free(list, n);
    return err;
  }
  *entries = list;
  *count = n;
  return SM_OK;
}

#define COLUMNS "SELECT audit_no, at_ms, actor, action, subject, detail, hash FROM audit "
#define FILTER                                                                                     \
  " AND at_ms >= ?2 AND at_ms < ?3 "                                                               \
  "AND (?5 IS NULL OR action = ?5 OR (?5 LIKE '%.' AND substr(action, 1, length(?5)) = ?5)) "      \
  "AND (?6 IS NULL OR actor = ?6) "
#define UP "audit_no > ?1" FILTER "ORDER BY audit_no LIMIT ?4"
#define DOWN "audit_no < ?1" FILTER "ORDER BY audit_no DESC LIMIT ?4"
#define OF_SUBJECT COLUMNS "WHERE subject = ?7 AND "

static sm_sql_stmt select_entries(sm_sql *db, const sm_audit_query *query) {
  if (query->subject != NULL)
    return query->newest_first ? sm_sql_use(db, OF_SUBJECT DOWN) : sm_sql_use(db, OF_SUBJECT UP);
  return query->newest_first ? sm_sql_use(db, COLUMNS "WHERE " DOWN)
                             : sm_sql_use(db, COLUMNS "WHERE " UP);
}

sm_err sm_ledger_audit_list(sm_ledger *ledger, const sm_audit_query *query,
                            sm_audit_entry **entries, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  bool from_last = query->newest_first && query->after_no == 0;
  sm_sql_stmt q = select_entries(db, query);
  sm_sql_bind_i64(&q, 1, from_last ? INT64_MAX : query->after_no);
  sm_sql_bind_i64(&q, 2, query->from_ms);
  sm_sql_bind_i64(&q, 3, query->to_ms);
  sm_ledger_bind_limit(&q, 4, query->limit);
  sm_sql_bind_text(&q, 5, query->action);
  sm_sql_bind_text(&q, 6, query->actor);
  if (query->subject != NULL) sm_sql_bind_text(&q, 7, query->subject);
  err = take_entries(&q, entries, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_audit_entries(sm_ledger *ledger, int64_t from_ms, int64_t to_ms, int64_t after_no,
                               size_t limit, sm_audit_entry **entries, size_t *count) {
  const sm_audit_query query = {
      .from_ms = from_ms, .to_ms = to_ms, .after_no = after_no, .limit = limit};
  return sm_ledger_audit_list(ledger, &query, entries, count);
}

sm_err sm_ledger_audit_of_invoice(sm_ledger *ledger, const char *number, int64_t *audit_no,
                                  uint8_t hash[32]) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  bool found = false;
  sm_sql_stmt q = sm_sql_use(db, "SELECT audit_no, hash FROM audit WHERE subject = ?1 "
                                 "AND action = 'invoice.issue' ORDER BY audit_no LIMIT 1");
  sm_sql_bind_text(&q, 1, number);
  if (sm_sql_row(&q)) {
    size_t len;
    const void *data = sm_sql_blob(&q, 1, &len);
    *audit_no = sm_sql_i64(&q, 0);
    found = len == 32;
    if (found) memcpy(hash, data, 32);
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}
