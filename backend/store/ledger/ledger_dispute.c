/* Disputes: a resident's word against an invoice. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_sealed.h"

#include <stdlib.h>

/* ---- opening ---- */

static sm_err count_disputes(sm_sql *db, int64_t invoice_no, int64_t *all, int64_t *open) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT count(*), count(*) - count(resolved_ms) FROM dispute "
                                 "WHERE invoice_no = ?1");
  sm_sql_bind_i64(&q, 1, invoice_no);
  if (sm_sql_row(&q)) {
    *all = sm_sql_i64(&q, 0);
    *open = sm_sql_i64(&q, 1);
  }
  return sm_sql_end(&q);
}

typedef struct dispute_row {
  const char *number;
  const char *text;
  const char *explanation;
  int64_t now_ms;
  int64_t invoice_no;
  int64_t account_no;
} dispute_row;

static sm_err insert_dispute(sm_sql *db, sm_actor actor, const dispute_row *r,
                             int64_t *dispute_no) {
  char *sealed = NULL;
  sm_err err = sm_ledger_seal_text(db, SM_SEALED_DISPUTE, r->text, &sealed);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO dispute (site_no, account_no, invoice_no, opened_ms, opened_by, "
                     "text, explanation) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)");
  sm_sql_bind_i64(&q, 1, r->account_no);
  sm_sql_bind_i64(&q, 2, r->invoice_no);
  sm_sql_bind_i64(&q, 3, r->now_ms);
  sm_sql_bind_text(&q, 4, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_text(&q, 5, sealed);
  sm_sql_bind_text(&q, 6, r->explanation);
  err = sm_sql_run(&q);
  free(sealed);
  if (err == SM_OK) *dispute_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err audit_dispute(sm_sql *db, sm_actor actor, const char *action, const char *number,
                            int64_t dispute_no) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "dispute_no", dispute_no);
  return sm_ledger_detail_add(&detail, db, actor, action, number);
}

static sm_err open_dispute(sm_sql *db, sm_actor actor, dispute_row *r, int64_t *dispute_no) {
  int64_t all = 0;
  int64_t open = 0;
  sm_err err = sm_ledger_invoice_valid_no(db, r->number, &r->invoice_no, &r->account_no);
  if (err == SM_OK) err = count_disputes(db, r->invoice_no, &all, &open);
  if (err == SM_OK && open > 0) err = SM_ERR_EXISTS;
  if (err == SM_OK && all >= SM_DISPUTES_MAX) err = SM_ERR_RANGE;
  if (err == SM_OK) err = insert_dispute(db, actor, r, dispute_no);
  if (err == SM_OK) err = audit_dispute(db, actor, "dispute.open", r->number, *dispute_no);
  return err;
}

sm_err sm_ledger_dispute_open(sm_ledger *ledger, sm_actor actor, const char *number,
                              const char *text, const char *explanation, int64_t now_ms,
                              int64_t *dispute_no) {
  dispute_row r = {.number = number, .text = text, .explanation = explanation, .now_ms = now_ms};
  int64_t no = 0;
  if (!sm_ledger_text_valid(text, SM_DISPUTE_MAX) || explanation == NULL) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, open_dispute(db, actor, &r, &no));
  if (err == SM_OK) *dispute_no = no;
  return err;
}

/* ---- reading ---- */

#define DISPUTE_SELECT                                                                             \
  "SELECT p.dispute_no, a.account_id, d.device_id, i.number, i.month, p.opened_ms, p.opened_by, "  \
  "p.text, p.explanation, p.resolved_ms, p.resolved_by, p.resolution FROM dispute p "              \
  "JOIN invoice i ON i.invoice_no = p.invoice_no JOIN account a ON a.account_no = p.account_no "   \
  "LEFT JOIN device d ON d.device_no = i.device_no "

static void take_dispute(sm_sql_stmt *q, sm_dispute *d) {
  *d = (sm_dispute){.dispute_no = sm_sql_i64(q, 0),
                    .opened_ms = sm_sql_i64(q, 5),
                    .resolved = !sm_sql_is_null(q, 9),
                    .resolved_ms = sm_sql_i64(q, 9)};
  sm_sql_take_text(q, 1, &d->account_id);
  sm_sql_take_text(q, 2, &d->device_id);
  sm_sql_take_text(q, 3, &d->invoice);
  sm_sql_take_text(q, 4, &d->month);
  sm_sql_take_text(q, 6, &d->opened_by);
  sm_ledger_take_sealed(q, 7, SM_SEALED_DISPUTE, &d->text);
  sm_sql_take_text(q, 8, &d->explanation);
  sm_sql_take_text(q, 10, &d->resolved_by);
  sm_ledger_take_sealed(q, 11, SM_SEALED_DISPUTE, &d->resolution);
}

/* All rows of a bound DISPUTE_SELECT, which ends with it. */
static sm_err take_rows(sm_sql_stmt *q, sm_dispute **disputes, size_t *count) {
  sm_dispute *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  while (sm_sql_row(q)) {
    sm_dispute *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_dispute(q, &list[n++]);
  }
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    sm_disputes_free(list, n);
    return err;
  }
  *disputes = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_disputes(sm_ledger *ledger, const sm_dispute_query *query, sm_dispute **disputes,
                          size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, DISPUTE_SELECT "WHERE p.dispute_no > ?1 AND (?2 IS NULL OR a.user_no = "
                         "(SELECT u.user_no FROM user u WHERE u.user_id = ?2)) "
                         "AND (?3 IS NULL OR p.invoice_no = (SELECT n.invoice_no FROM invoice n "
                         " WHERE n.number = ?3)) AND (?4 = 0 OR p.resolved_ms IS NULL) "
                         "ORDER BY p.dispute_no LIMIT ?5");
  sm_sql_bind_i64(&q, 1, query->after_no);
  sm_sql_bind_text(&q, 2, query->user_id);
  sm_sql_bind_text(&q, 3, query->invoice);
  sm_sql_bind_i64(&q, 4, query->open_only ? 1 : 0);
  sm_ledger_bind_limit(&q, 5, query->limit);
  err = take_rows(&q, disputes, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err load_dispute(sm_sql *db, int64_t dispute_no, sm_dispute *dispute) {
  sm_dispute *list = NULL;
  size_t count = 0;
  sm_sql_stmt q = sm_sql_use(db, DISPUTE_SELECT "WHERE p.dispute_no = ?1");
  sm_sql_bind_i64(&q, 1, dispute_no);
  sm_err err = take_rows(&q, &list, &count);
  if (err != SM_OK) return err;
  if (count > 0) {
    *dispute = list[0];
    list[0] = (sm_dispute){0};
  }
  sm_disputes_free(list, count);
  return count > 0 ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_ledger_dispute(sm_ledger *ledger, int64_t dispute_no, sm_dispute *dispute) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = load_dispute(db, dispute_no, dispute);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- resolving ---- */

static sm_err set_resolved(sm_sql *db, sm_actor actor, int64_t dispute_no, const char *number,
                           const char *text, int64_t now_ms) {
  char *sealed = NULL;
  sm_err err = sm_ledger_seal_text(db, SM_SEALED_DISPUTE, text, &sealed);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE dispute SET resolved_ms = max(?2, opened_ms), "
                                 "resolved_by = ?3, resolution = ?4 WHERE dispute_no = ?1");
  sm_sql_bind_i64(&q, 1, dispute_no);
  sm_sql_bind_i64(&q, 2, now_ms);
  sm_sql_bind_text(&q, 3, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_text(&q, 4, sealed);
  err = sm_sql_run(&q);
  free(sealed);
  return err == SM_OK ? audit_dispute(db, actor, "dispute.resolve", number, dispute_no) : err;
}

static sm_err resolve(sm_sql *db, sm_actor actor, int64_t dispute_no, const char *text,
                      int64_t now_ms) {
  sm_dispute dispute = {0};
  sm_err err = load_dispute(db, dispute_no, &dispute);
  if (err != SM_OK) return err;
  err = dispute.resolved ? SM_ERR_EXISTS
                         : set_resolved(db, actor, dispute_no, dispute.invoice, text, now_ms);
  sm_dispute_fini(&dispute);
  return err;
}

sm_err sm_ledger_dispute_close(sm_sql *db, sm_actor actor, int64_t invoice_no, const char *text,
                               int64_t now_ms) {
  sm_dispute *list = NULL;
  size_t count = 0;
  sm_sql_stmt q =
      sm_sql_use(db, DISPUTE_SELECT "WHERE p.invoice_no = ?1 AND p.resolved_ms IS NULL");
  sm_sql_bind_i64(&q, 1, invoice_no);
  sm_err err = take_rows(&q, &list, &count);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = set_resolved(db, actor, list[i].dispute_no, list[i].invoice, text, now_ms);
  sm_disputes_free(list, count);
  return err;
}

sm_err sm_ledger_dispute_resolve(sm_ledger *ledger, sm_actor actor, int64_t dispute_no,
                                 const char *text, int64_t now_ms) {
  if (!sm_ledger_text_valid(text, SM_DISPUTE_MAX)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, resolve(db, actor, dispute_no, text, now_ms));
}
