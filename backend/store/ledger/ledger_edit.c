/* Adding and withdrawing edits of readings. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a row says beside its number, whatever its kind. */
typedef struct edit_row {
  int64_t device_no;
  uint8_t channel;
  int64_t ts_ms;
  const char *kind;
  bool has_raw;
  int64_t raw_wh;
  bool has_wh;
  int64_t wh;
  int64_t withdraws; /* 0: nothing */
  const char *reason;
} edit_row;

/* ---- checking ---- */

typedef struct touched {
  sm_ledger *ledger;
  const sm_ledger_serving *serving;
  size_t serving_count;
  int64_t from_ms;
  int64_t to_ms;
  sm_touched_invoice *list; /* the first `cap` of those that are hit */
  size_t cap;
  size_t count;
} touched;

/* Whether the span reaches into the part of a month in which the meter served the account. A change
 * of the register between two edges moves neither. */
static bool reaches(const touched *t, int64_t account_no, sm_date month) {
  int64_t from_ms = sm_zone_day_start_ms(t->ledger->zone, month);
  int64_t to_ms = sm_zone_day_start_ms(t->ledger->zone, sm_date_add_months(month, 1));
  for (size_t i = 0; i < t->serving_count; i++) {
    const sm_ledger_serving *s = &t->serving[i];
    if (s->account_no != account_no) continue;
    int64_t begin_ms = s->from_ms > from_ms ? s->from_ms : from_ms;
    int64_t end_ms = s->to_ms < to_ms ? s->to_ms : to_ms;
    if (begin_ms < end_ms && t->from_ms < end_ms && t->to_ms > begin_ms) return true;
  }
  return false;
}

static void note(touched *t, const char *number, sm_date month) {
  if (t->count < t->cap) {
    sm_touched_invoice *to = &t->list[t->count];
    (void)snprintf(to->number, sizeof to->number, "%s", number);
    (void)snprintf(to->month, sizeof to->month, "%04d-%02d", month.year, month.month);
  }
  t->count++;
}

/* The valid invoices that stand on the register in that span. */
static sm_err find_invoiced_months(sm_sql *db, int64_t device_no, touched *t) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT i.account_no, i.month || '-01', i.number FROM account_meter m "
          "JOIN invoice i ON i.account_no = m.account_no AND i.kind = 'invoice' "
          "WHERE m.device_no = ?1 AND NOT EXISTS (SELECT 1 FROM invoice c "
          " WHERE c.account_no = i.account_no AND c.kind = 'credit_note' AND c.month = i.month "
          " AND c.revision = i.revision) GROUP BY i.invoice_no, i.account_no, i.month, i.number "
          "ORDER BY i.month, i.invoice_no");
  sm_sql_bind_i64(&q, 1, device_no);
  while (sm_sql_row(&q)) {
    sm_date month = {0};
    sm_ledger_take_date(&q, 1, &month);
    if (q.err == SM_OK && reaches(t, sm_sql_i64(&q, 0), month)) note(t, sm_sql_text(&q, 2), month);
  }
  return sm_sql_end(&q);
}

static sm_err find_invoiced(sm_sql *db, int64_t device_no, touched *t) {
  sm_ledger_serving *list = NULL;
  sm_err err = sm_ledger_servings(t->ledger, db, device_no, &list, &t->serving_count);
  if (err != SM_OK) return err;
  t->serving = list;
  err = find_invoiced_months(db, device_no, t);
  t->serving = NULL;
  free(list);
  return err;
}

/* SM_ERR_CONFLICT: a valid invoice stands on the register in that span. */
static sm_err check_invoiced(sm_ledger *ledger, sm_sql *db, int64_t device_no, int64_t from_ms,
                             int64_t to_ms) {
  touched t = {.ledger = ledger, .from_ms = from_ms, .to_ms = to_ms};
  sm_err err = find_invoiced(db, device_no, &t);
  return err == SM_OK && t.count > 0 ? SM_ERR_CONFLICT : err;
}

sm_err sm_ledger_edit_touches(sm_ledger *ledger, const char *device_id, int64_t touches_from_ms,
                              int64_t touches_to_ms, sm_touched_invoice *list, size_t cap,
                              size_t *count) {
  touched t = {.ledger = ledger,
               .from_ms = touches_from_ms,
               .to_ms = touches_to_ms,
               .list = list,
               .cap = cap};
  int64_t device_no = 0;
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_device_no(db, device_id, &device_no);
  if (err == SM_OK) err = find_invoiced(db, device_no, &t);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *count = t.count;
  return err;
}

/* SM_ERR_EXISTS: an edit of that instant holds. */
static sm_err check_alone(sm_sql *db, const edit_row *row) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT 1 FROM reading_edit e WHERE e.device_no = ?1 AND e.channel = ?2 "
                     "AND e.ts_ms = ?3 AND e.kind <> 'withdraw' "
                     "AND NOT EXISTS (SELECT 1 FROM reading_edit w WHERE w.withdraws = e.edit_no)");
  sm_sql_bind_i64(&q, 1, row->device_no);
  sm_sql_bind_i64(&q, 2, row->channel);
  sm_sql_bind_i64(&q, 3, row->ts_ms);
  bool found = sm_sql_row(&q);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && found ? SM_ERR_EXISTS : err;
}

/* ---- writing ---- */

static void bind_wh(sm_sql_stmt *q, int index, bool has, int64_t wh) {
  if (has)
    sm_sql_bind_i64(q, index, wh);
  else
    sm_sql_bind_null(q, index);
}

static sm_err insert_row(sm_sql *db, sm_actor actor, const edit_row *row, int64_t *edit_no) {
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO reading_edit (site_no, device_no, channel, ts_ms, kind, raw_wh, "
                     "wh, withdraws, reason, made_ms, made_by) "
                     "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  sm_sql_bind_i64(&q, 1, row->device_no);
  sm_sql_bind_i64(&q, 2, row->channel);
  sm_sql_bind_i64(&q, 3, row->ts_ms);
  sm_sql_bind_text(&q, 4, row->kind);
  bind_wh(&q, 5, row->has_raw, row->raw_wh);
  bind_wh(&q, 6, row->has_wh, row->wh);
  sm_ledger_bind_no(&q, 7, row->withdraws);
  sm_sql_bind_text(&q, 8, row->reason);
  sm_sql_bind_i64(&q, 9, sm_clock_now_ms());
  sm_sql_bind_text(&q, 10, actor.id != NULL ? actor.id : "server");
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) *edit_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err audit_row(sm_sql *db, sm_actor actor, const char *device_id, const edit_row *row,
                        int64_t edit_no) {
  char at[SM_RFC3339_MAX];
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "edit_no", edit_no);
  if (row->channel != 0) sm_jsonw_key_int(&detail.w, "channel", row->channel);
  sm_jsonw_key_text(&detail.w, "at", sm_rfc3339_format(row->ts_ms, at));
  sm_jsonw_key_text(&detail.w, "kind", row->kind);
  if (row->has_raw) sm_jsonw_key_int(&detail.w, "raw_wh", row->raw_wh);
  if (row->has_wh) sm_jsonw_key_int(&detail.w, "wh", row->wh);
  if (row->withdraws != 0) sm_jsonw_key_int(&detail.w, "withdraws", row->withdraws);
  sm_jsonw_key_text(&detail.w, "reason", row->reason);
  return sm_ledger_detail_add(&detail, db, actor,
                              row->withdraws != 0 ? "reading.withdraw" : "reading.edit", device_id);
}

static sm_err add(sm_ledger *ledger, sm_sql *db, sm_actor actor, const sm_reading_edit_new *edit,
                  int64_t *edit_no) {
  edit_row row = {.channel = edit->channel,
                  .ts_ms = edit->ts_ms,
                  .kind = sm_edit_kind_name(edit->kind),
                  .has_raw = edit->kind != SM_EDIT_MANUAL,
                  .raw_wh = edit->raw_wh,
                  .has_wh = edit->kind != SM_EDIT_VOID,
                  .wh = edit->wh,
                  .reason = edit->reason};
  sm_err err = sm_ledger_device_no(db, edit->device_id, &row.device_no);
  if (err == SM_OK) err = check_alone(db, &row);
  if (err == SM_OK)
    err = check_invoiced(ledger, db, row.device_no, edit->touches_from_ms, edit->touches_to_ms);
  if (err == SM_OK) err = insert_row(db, actor, &row, edit_no);
  if (err == SM_OK) err = audit_row(db, actor, edit->device_id, &row, *edit_no);
  return err;
}

sm_err sm_ledger_edit_add(sm_ledger *ledger, sm_actor actor, const sm_reading_edit_new *edit,
                          int64_t *edit_no) {
  int64_t got = 0;
  if (!sm_ledger_text_valid(edit->reason, SM_EDIT_REASON_MAX)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, add(ledger, db, actor, edit, &got));
  if (err == SM_OK) *edit_no = got;
  return err;
}

/* ---- withdrawing ---- */

typedef struct withdrawal {
  const char *device_id;
  int64_t edit_no;
  const char *reason;
  int64_t from_ms;
  int64_t to_ms;
} withdrawal;

static sm_err withdraw(sm_ledger *ledger, sm_sql *db, sm_actor actor, const withdrawal *w) {
  sm_reading_edit edit = {0};
  edit_row row = {.kind = "withdraw", .withdraws = w->edit_no, .reason = w->reason};
  int64_t row_no = 0;
  sm_err err = sm_ledger_device_no(db, w->device_id, &row.device_no);
  if (err == SM_OK) err = sm_ledger_edit_load(db, row.device_no, w->edit_no, &edit);
  if (err != SM_OK) return err;
  row.channel = edit.channel;
  row.ts_ms = edit.ts_ms;
  if (edit.withdrawn) err = SM_ERR_EXISTS;
  sm_reading_edit_fini(&edit);
  if (err == SM_OK) err = check_invoiced(ledger, db, row.device_no, w->from_ms, w->to_ms);
  if (err == SM_OK) err = insert_row(db, actor, &row, &row_no);
  if (err == SM_OK) err = audit_row(db, actor, w->device_id, &row, row_no);
  return err;
}

sm_err sm_ledger_edit_withdraw(sm_ledger *ledger, sm_actor actor, const char *device_id,
                               int64_t edit_no, const char *reason, int64_t touches_from_ms,
                               int64_t touches_to_ms) {
  const withdrawal w = {.device_id = device_id,
                        .edit_no = edit_no,
                        .reason = reason,
                        .from_ms = touches_from_ms,
                        .to_ms = touches_to_ms};
  if (!sm_ledger_text_valid(reason, SM_EDIT_REASON_MAX)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, withdraw(ledger, db, actor, &w));
}
