/* Reading edits of readings, each with its withdrawal. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>

#define COLUMNS                                                                                    \
  "e.edit_no, e.channel, e.ts_ms, e.kind, e.raw_wh, e.wh, e.reason, e.made_ms, e.made_by, "        \
  "w.made_ms, w.made_by, w.reason FROM reading_edit e "                                            \
  "LEFT JOIN reading_edit w ON w.withdraws = e.edit_no "

static void take_edit(sm_sql_stmt *q, sm_reading_edit *edit) {
  *edit = (sm_reading_edit){.edit_no = sm_sql_i64(q, 0),
                            .channel = (uint8_t)sm_sql_i64(q, 1),
                            .ts_ms = sm_sql_i64(q, 2),
                            .raw_wh = sm_sql_i64(q, 4),
                            .wh = sm_sql_i64(q, 5),
                            .made_ms = sm_sql_i64(q, 7),
                            .withdrawn = !sm_sql_is_null(q, 9),
                            .withdrawn_ms = sm_sql_i64(q, 9)};
  const char *kind = sm_sql_text(q, 3);
  if (kind == NULL || sm_edit_kind_parse(kind, &edit->kind) != SM_OK) q->err = SM_ERR_CORRUPT;
  sm_sql_take_text(q, 6, &edit->reason);
  sm_sql_take_text(q, 8, &edit->made_by);
  sm_sql_take_text(q, 10, &edit->withdrawn_by);
  sm_sql_take_text(q, 11, &edit->withdrawn_reason);
}

sm_err sm_ledger_edit_load(sm_sql *db, int64_t device_no, int64_t edit_no, sm_reading_edit *edit) {
  sm_reading_edit got = {0};
  sm_sql_stmt q = sm_sql_use(db, "SELECT " COLUMNS "WHERE e.edit_no = ?1 AND e.device_no = ?2 "
                                 "AND e.kind <> 'withdraw'");
  sm_sql_bind_i64(&q, 1, edit_no);
  sm_sql_bind_i64(&q, 2, device_no);
  bool found = sm_sql_row(&q);
  if (found) take_edit(&q, &got);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK)
    *edit = got;
  else
    sm_reading_edit_fini(&got);
  return err;
}

sm_err sm_ledger_edit(sm_ledger *ledger, const char *device_id, int64_t edit_no,
                      sm_reading_edit *edit) {
  sm_sql *db;
  int64_t device_no;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_device_no(db, device_id, &device_no);
  if (err == SM_OK) err = sm_ledger_edit_load(db, device_no, edit_no, edit);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err list_edits(sm_sql *db, const sm_reading_edit_query *query, sm_reading_edit **edits,
                         size_t *count) {
  sm_reading_edit *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT " COLUMNS "WHERE e.device_no = (SELECT device_no FROM device "
                     " WHERE device_id = ?1) AND e.channel = ?2 AND e.ts_ms >= ?3 AND e.ts_ms < ?4 "
                     "AND (e.ts_ms, e.edit_no) > (?5, ?6) AND e.kind <> 'withdraw' "
                     "AND (?7 <> 0 OR w.edit_no IS NULL) ORDER BY e.ts_ms, e.edit_no LIMIT ?8");
  sm_sql_bind_text(&q, 1, query->device_id);
  sm_sql_bind_i64(&q, 2, query->channel);
  sm_sql_bind_i64(&q, 3, query->from_ms);
  sm_sql_bind_i64(&q, 4, query->to_ms);
  sm_sql_bind_i64(&q, 5, query->after_ms);
  sm_sql_bind_i64(&q, 6, query->after_no);
  sm_sql_bind_i64(&q, 7, query->withdrawn ? 1 : 0);
  sm_ledger_bind_limit(&q, 8, query->limit);
  while (sm_sql_row(&q)) {
    sm_reading_edit *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_edit(&q, &list[n++]);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    sm_reading_edits_free(list, n);
    return err;
  }
  *edits = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_edits(sm_ledger *ledger, const sm_reading_edit_query *query,
                       sm_reading_edit **edits, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = list_edits(db, query, edits, count);
  sm_ledger_read_end(ledger, db);
  return err;
}
