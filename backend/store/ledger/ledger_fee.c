/* Late fees: an entry a month that an invoice is overdue, once. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>

#define SINCE_KEY "late_fee.since"

/* ---- from which day ---- */

static sm_err find_since(sm_sql *db, bool *found, sm_date *since) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT value FROM setting WHERE site_no = 1 AND key = '" SINCE_KEY "'");
  *found = sm_sql_row(&q);
  if (*found) sm_ledger_take_date(&q, 0, since);
  return sm_sql_end(&q);
}

static sm_err set_since(sm_sql *db, bool on, sm_date today, sm_date *since) {
  bool found = false;
  char text[SM_DATE_MAX];
  sm_err err = find_since(db, &found, since);
  if (err != SM_OK || found == on) return err;
  if (on) {
    sm_sql_stmt q =
        sm_sql_use(db, "INSERT INTO setting (site_no, key, value) VALUES (1, '" SINCE_KEY "', ?1)");
    sm_sql_bind_text(&q, 1, sm_date_format(today, text));
    *since = today;
    err = sm_sql_run(&q);
  } else {
    err = sm_sql_exec(db, "DELETE FROM setting WHERE site_no = 1 AND key = '" SINCE_KEY "'");
  }
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, (sm_actor){"server"}, on ? "late_fee.begin" : "late_fee.end", NULL,
                             NULL);
}

sm_err sm_ledger_late_fees_since(sm_ledger *ledger, bool on, sm_date today, sm_date *since) {
  sm_sql *db;
  bool found = false;
  sm_date got = today;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = find_since(db, &found, &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK && found != on) {
    err = sm_ledger_write_begin(ledger, &db);
    if (err == SM_OK) err = sm_ledger_write_end(ledger, set_since(db, on, today, &got));
  }
  if (err == SM_OK) *since = got;
  return err;
}

/* ---- adding ---- */

typedef struct fee_row {
  const char *number;
  int32_t part;
  int64_t amount_minor;
  int64_t at_ms;
  const char *reason;
  int64_t invoice_no;
  int64_t account_no;
} fee_row;

static sm_err check_free(sm_sql *db, const fee_row *r) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT EXISTS (SELECT 1 FROM entry WHERE invoice_no = ?1 AND kind = 'fee' AND "
          "part = ?2), EXISTS (SELECT 1 FROM dispute WHERE invoice_no = ?1 AND resolved_ms IS "
          "NULL)");
  sm_sql_bind_i64(&q, 1, r->invoice_no);
  sm_sql_bind_i64(&q, 2, r->part);
  bool row = sm_sql_row(&q);
  bool there = row && sm_sql_i64(&q, 0) != 0;
  bool disputed = row && sm_sql_i64(&q, 1) != 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (there) return SM_ERR_EXISTS;
  return disputed ? SM_ERR_CONFLICT : SM_OK;
}

static sm_err insert_fee(sm_sql *db, sm_actor actor, const fee_row *r) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, invoice_no, "
          "at_ms, posted_ms, made_by, part, note) SELECT 1, account_no, 'fee', ?2, currency, "
          "invoice_no, ?3, ?4, ?5, ?6, json_object('reason', ?7) FROM invoice "
          "WHERE invoice_no = ?1");
  sm_sql_bind_i64(&q, 1, r->invoice_no);
  sm_sql_bind_i64(&q, 2, r->amount_minor);
  sm_sql_bind_i64(&q, 3, r->at_ms);
  sm_sql_bind_i64(&q, 4, sm_clock_now_ms());
  sm_sql_bind_text(&q, 5, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_i64(&q, 6, r->part);
  sm_sql_bind_text(&q, 7, r->reason);
  return sm_sql_run(&q);
}

static sm_err add_fee(sm_sql *db, sm_actor actor, fee_row *r) {
  sm_err err = sm_ledger_invoice_valid_no(db, r->number, &r->invoice_no, &r->account_no);
  if (err == SM_OK) err = check_free(db, r);
  if (err == SM_OK) err = insert_fee(db, actor, r);
  if (err != SM_OK) return err;
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "month_overdue", r->part);
  sm_jsonw_key_int(&detail.w, "amount_minor", r->amount_minor);
  return sm_ledger_detail_add(&detail, db, actor, "fee.add", r->number);
}

sm_err sm_ledger_fee_add(sm_ledger *ledger, sm_actor actor, const char *number, int32_t part,
                         int64_t amount_minor, int64_t at_ms, const char *reason) {
  fee_row r = {.number = number,
               .part = part,
               .amount_minor = amount_minor,
               .at_ms = at_ms,
               .reason = reason};
  if (part < 1 || amount_minor <= 0 || amount_minor > SM_ENTRY_MAX_MINOR ||
      !sm_ledger_text_valid(reason, SM_REASON_MAX))
    return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, add_fee(db, actor, &r));
}
