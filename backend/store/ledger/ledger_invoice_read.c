/* Finding and listing invoices, with the status that follows from what else is in the ledger. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_invoices.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows, with their status ---- */

/* What of the last account's debits is settled: lists mostly have several of one. */
typedef struct settled {
  int64_t account_no; /* 0: none yet */
  sm_statement statement;
  int64_t *part;
} settled;

static void settled_fini(settled *s) {
  sm_statement_fini(&s->statement);
  free(s->part);
  *s = (settled){0};
}

static sm_err settled_load(settled *s, sm_sql *db, int64_t account_no) {
  if (s->account_no == account_no) return SM_OK;
  settled_fini(s);
  sm_err err = sm_ledger_statement_load(db, account_no, &s->statement);
  if (err != SM_OK) return err;
  s->part = calloc(s->statement.debit_count + 1, sizeof *s->part);
  err =
      s->part != NULL ? sm_statement_settle(&s->statement, INT64_MAX, s->part, NULL) : SM_ERR_NOMEM;
  if (err == SM_OK) s->account_no = account_no;
  return err;
}

static int64_t settled_of(const settled *s, int64_t invoice_no) {
  for (size_t i = 0; i < s->statement.debit_count; i++)
    if (s->statement.debit[i].invoice_no == invoice_no && !s->statement.debit[i].fee)
      return s->part[i];
  return 0;
}

static const char *status_of(const sm_invoice *invoice, bool cancelled, int64_t now_ms) {
  if (strcmp(invoice->kind, "invoice") != 0) return "issued";
  if (cancelled) return "cancelled";
  if (invoice->paid_minor >= invoice->total_minor) return "paid";
  return invoice->due_ms < now_ms ? "overdue" : "issued";
}

static sm_err find_state(sm_sql *db, settled *s, int64_t account_no, int64_t invoice_no,
                         bool cancelled, int64_t now_ms, sm_invoice *invoice) {
  bool owed = !cancelled && strcmp(invoice->kind, "invoice") == 0 && invoice->total_minor > 0;
  sm_err err = owed ? settled_load(s, db, account_no) : SM_OK;
  if (err != SM_OK) return err;
  if (owed) invoice->paid_minor = settled_of(s, invoice_no);
  invoice->status = strdup(status_of(invoice, cancelled, now_ms));
  return invoice->status != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* A row of SM_LEDGER_INVOICE_SELECT. What it has at a failure goes with the rest. */
static sm_err take_invoice(sm_sql_stmt *q, settled *s, int64_t now_ms, sm_invoice *invoice) {
  bool cancelled = sm_sql_i64(q, 10) != 0;
  *invoice = (sm_invoice){.revision = (int32_t)sm_sql_i64(q, 6),
                          .total_minor = sm_sql_i64(q, 7),
                          .tax_minor = sm_sql_i64(q, 8),
                          .issued_ms = sm_sql_i64(q, 11),
                          .due_ms = sm_sql_i64(q, 12)};
  sm_sql_take_text(q, 1, &invoice->number);
  sm_sql_take_text(q, 2, &invoice->account_id);
  sm_sql_take_text(q, 3, &invoice->device_id);
  sm_sql_take_text(q, 4, &invoice->kind);
  sm_sql_take_text(q, 5, &invoice->month);
  sm_sql_take_text(q, 9, &invoice->currency);
  sm_sql_take_text(q, 13, &invoice->body);
  sm_sql_take_text(q, 14, &invoice->snapshot);
  if (q->err != SM_OK || invoice->kind == NULL) return q->err != SM_OK ? q->err : SM_ERR_CORRUPT;
  return find_state(q->db, s, sm_sql_i64(q, 15), sm_sql_i64(q, 0), cancelled, now_ms, invoice);
}

sm_err sm_ledger_invoice_state(sm_sql *db, int64_t account_no, int64_t invoice_no,
                               sm_invoice *invoice) {
  settled s = {0};
  sm_err err = find_state(db, &s, account_no, invoice_no, false, sm_clock_now_ms(), invoice);
  settled_fini(&s);
  return err;
}

sm_err sm_ledger_invoice_rows(sm_sql_stmt *q, sm_invoice **invoices, size_t *count,
                              int64_t *last_no) {
  settled s = {0};
  sm_invoice *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  int64_t now_ms = sm_clock_now_ms();
  while (sm_sql_row(q)) {
    sm_invoice *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    *last_no = sm_sql_i64(q, 0);
    sm_err err = take_invoice(q, &s, now_ms, &list[n++]);
    if (err != SM_OK) q->err = err;
  }
  settled_fini(&s);
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    sm_invoices_free(list, n);
    return err;
  }
  *invoices = list;
  *count = n;
  return SM_OK;
}

/* The one row of a statement that is bound. */
static sm_err finish_one(sm_sql_stmt *q, sm_invoice *invoice, int64_t *invoice_no) {
  sm_invoice *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_invoice_rows(q, &list, &count, invoice_no);
  if (err != SM_OK) return err;
  if (count > 0) {
    *invoice = list[0];
    list[0] = (sm_invoice){0};
  }
  sm_invoices_free(list, count);
  return count > 0 ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_ledger_invoice_load(sm_sql *db, const char *number, sm_invoice *invoice,
                              int64_t *invoice_no) {
  sm_sql_stmt q = sm_sql_use(db, SM_LEDGER_INVOICE_SELECT "WHERE i.number = ?1");
  sm_sql_bind_text(&q, 1, number);
  return finish_one(&q, invoice, invoice_no);
}

sm_err sm_ledger_invoice_valid_no(sm_sql *db, const char *number, int64_t *invoice_no,
                                  int64_t *account_no) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT i.invoice_no, i.account_no, "
                                 "EXISTS (" SM_LEDGER_CREDIT_NOTE ") FROM invoice i "
                                 "WHERE i.number = ?1 AND i.kind = 'invoice'");
  sm_sql_bind_text(&q, 1, number);
  bool found = sm_sql_row(&q);
  bool cancelled = found && sm_sql_i64(&q, 2) != 0;
  if (found) {
    *invoice_no = sm_sql_i64(&q, 0);
    *account_no = sm_sql_i64(&q, 1);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  return cancelled ? SM_ERR_CONFLICT : SM_OK;
}

sm_err sm_ledger_invoice_of(sm_ledger *ledger, const char *account_id, const char *month,
                            sm_invoice *invoice) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t invoice_no;
  sm_sql_stmt q =
      sm_sql_use(db, SM_LEDGER_INVOICE_SELECT
                 "WHERE a.account_id = ?1 AND i.kind = 'invoice' AND i.month = ?2 "
                 "AND NOT EXISTS (" SM_LEDGER_CREDIT_NOTE ") ORDER BY i.revision DESC LIMIT 1");
  sm_sql_bind_text(&q, 1, account_id);
  sm_sql_bind_text(&q, 2, month);
  err = finish_one(&q, invoice, &invoice_no);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_invoice(sm_ledger *ledger, const char *number, sm_invoice *invoice) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t invoice_no;
  err = sm_ledger_invoice_load(db, number, invoice, &invoice_no);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- lists ---- */

#define INVOICE_PAGE "i.invoice_no > ?1 ORDER BY i.invoice_no LIMIT ?2"
#define OF_USER "a.user_no = (SELECT u.user_no FROM user u WHERE u.user_id = ?4)"
#define OF_DEVICE                                                                                  \
  "i.account_no IN (SELECT m.account_no FROM device n "                                            \
  "JOIN account_meter m ON m.device_no = n.device_no WHERE n.device_id = ?3)"

/* One text for each filter, so that each finds its rows by index. */
static sm_sql_stmt use_list(sm_sql *db, const char *device_id, const char *user_id) {
  const char *sql;
  if (device_id == NULL && user_id == NULL) {
    sql = SM_LEDGER_INVOICE_SELECT "WHERE " INVOICE_PAGE;
  } else if (user_id == NULL) {
    sql = SM_LEDGER_INVOICE_SELECT "WHERE " OF_DEVICE " AND " INVOICE_PAGE;
  } else if (device_id == NULL) {
    sql = SM_LEDGER_INVOICE_SELECT "WHERE " OF_USER " AND " INVOICE_PAGE;
  } else {
    sql = SM_LEDGER_INVOICE_SELECT "WHERE " OF_DEVICE " AND " OF_USER " AND " INVOICE_PAGE;
  }
  sm_sql_stmt q = sm_sql_use(db, sql);
  if (device_id != NULL) sm_sql_bind_text(&q, 3, device_id);
  if (user_id != NULL) sm_sql_bind_text(&q, 4, user_id);
  return q;
}

sm_err sm_ledger_invoices(sm_ledger *ledger, const char *device_id, const char *user_id,
                          int64_t after_no, size_t limit, sm_invoice **invoices, size_t *count,
                          int64_t *next_no) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t last_no = after_no;
  sm_sql_stmt q = use_list(db, device_id, user_id);
  sm_sql_bind_i64(&q, 1, after_no);
  sm_ledger_bind_limit(&q, 2, limit);
  err = sm_ledger_invoice_rows(&q, invoices, count, &last_no);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *next_no = last_no;
  return err;
}

sm_err sm_ledger_invoice_last(sm_ledger *ledger, const char *account_id, const char *month,
                              sm_invoice *invoice) {
  sm_sql *db;
  int64_t invoice_no;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, SM_LEDGER_INVOICE_SELECT
                             "WHERE a.account_id = ?1 AND i.kind = 'invoice' AND i.month = ?2 "
                             "ORDER BY i.revision DESC LIMIT 1");
  sm_sql_bind_text(&q, 1, account_id);
  sm_sql_bind_text(&q, 2, month);
  err = finish_one(&q, invoice, &invoice_no);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_invoices_valid(sm_ledger *ledger, const char *account_id, const char *from_month,
                                const char *to_month, int64_t after_no, size_t limit,
                                sm_invoice **invoices, size_t *count, int64_t *next_no) {
  sm_sql *db;
  int64_t last_no = after_no;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, SM_LEDGER_INVOICE_SELECT
                 "WHERE i.invoice_no > ?1 AND i.kind = 'invoice' "
                 "AND i.month BETWEEN ?3 AND ?4 AND (?5 IS NULL OR a.account_id = ?5) "
                 "AND NOT EXISTS (" SM_LEDGER_CREDIT_NOTE ") ORDER BY i.invoice_no LIMIT ?2");
  sm_sql_bind_i64(&q, 1, after_no);
  sm_ledger_bind_limit(&q, 2, limit);
  sm_sql_bind_text(&q, 3, from_month);
  sm_sql_bind_text(&q, 4, to_month);
  sm_sql_bind_text(&q, 5, account_id);
  err = sm_ledger_invoice_rows(&q, invoices, count, &last_no);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *next_no = last_no;
  return err;
}

/* ---- looking for some of all ---- */

/* As SM_LEDGER_INVOICE_SELECT, without the texts that are long, with what tells them apart. */
#define FIND_SELECT                                                                                \
  "SELECT i.invoice_no, i.number, a.account_id, d.device_id, i.kind, i.month, i.revision, "        \
  "i.total_minor, i.tax_minor, i.currency, EXISTS (" SM_LEDGER_CREDIT_NOTE "), i.issued_ms, "      \
  "i.due_ms, NULL, NULL, i.account_no, p.name, "                                                   \
  "CAST(json_extract(i.body, '$.estimated') AS TEXT) IN ('1', 'true') "                            \
  "FROM invoice i JOIN account a ON a.account_no = i.account_no "                                  \
  "LEFT JOIN device d ON d.device_no = i.device_no "                                               \
  "LEFT JOIN place p ON p.place_no = a.place_no "                                                  \
  "WHERE i.invoice_no > ?1 AND (?3 IS NULL OR i.month = ?3) AND (?4 IS NULL OR i.kind = ?4) "      \
  "AND (?5 IS NULL OR a.account_id = ?5) AND (?6 IS NULL OR instr(lower(i.number), lower(?6)) > "  \
  "0 "                                                                                             \
  "OR instr(lower(p.name), lower(?6)) > 0 OR instr(lower(d.device_id), lower(?6)) > 0) "           \
  "ORDER BY i.invoice_no LIMIT ?2"

static bool is_wanted(const sm_invoice_wish *wish, const sm_invoice *invoice) {
  return wish->status == NULL || strcmp(wish->status, invoice->status) == 0;
}

static sm_err find_one(sm_sql_stmt *q, settled *s, int64_t now_ms, const sm_invoice_wish *wish,
                       sm_invoice_rows *out, size_t *cap) {
  sm_invoice_row *grown = sm_ledger_room(out->item, cap, out->count, sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  out->item = grown;
  sm_invoice_row *row = &out->item[out->count];
  *row = (sm_invoice_row){.estimated = sm_sql_i64(q, 17) != 0};
  out->count++; /* what it has at a failure goes with the rest */
  sm_err err = take_invoice(q, s, now_ms, &row->invoice);
  if (err != SM_OK) return err;
  sm_sql_take_text(q, 16, &row->place);
  if (is_wanted(wish, &row->invoice)) return q->err;
  sm_invoice_fini(&row->invoice);
  free(row->place);
  out->count--;
  return q->err;
}

static sm_err find_rows(sm_sql_stmt *q, const sm_invoice_wish *wish, size_t limit,
                        sm_invoice_rows *out) {
  settled s = {0};
  size_t cap = 0;
  size_t looked = 0;
  int64_t now_ms = sm_clock_now_ms();
  while (sm_sql_row(q)) {
    if (out->count == limit || looked == SM_INVOICE_SCAN_MAX) {
      out->more = true;
      break;
    }
    looked++;
    out->last_no = sm_sql_i64(q, 0);
    sm_err err = find_one(q, &s, now_ms, wish, out, &cap);
    if (err != SM_OK) q->err = err;
  }
  settled_fini(&s);
  return sm_sql_end(q);
}

sm_err sm_ledger_invoices_find(sm_ledger *ledger, const sm_invoice_wish *wish, int64_t after_no,
                               size_t limit, sm_invoice_rows *rows) {
  sm_sql *db;
  sm_invoice_rows out = {.last_no = after_no};
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, FIND_SELECT);
  sm_sql_bind_i64(&q, 1, after_no);
  sm_ledger_bind_limit(&q, 2, SM_INVOICE_SCAN_MAX + 1);
  sm_sql_bind_text(&q, 3, wish->month);
  sm_sql_bind_text(&q, 4, wish->kind);
  sm_sql_bind_text(&q, 5, wish->account_id);
  sm_sql_bind_text(&q, 6, wish->text);
  err = find_rows(&q, wish, limit, &out);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK)
    *rows = out;
  else
    sm_invoice_rows_fini(&out);
  return err;
}
