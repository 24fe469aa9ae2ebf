/* Finding and listing invoices, with the status that follows from what else is in the ledger. */
#include "base/clock.h"
#include "store/embedded/ledger_internal.h"

#include <stdlib.h>

/* Of invoice i, at the instant ?1. */
#define STATUS                                                                                     \
  "CASE WHEN i.kind = 'credit_note' THEN 'issued' WHEN EXISTS (" CREDIT_NOTE ") THEN 'cancelled' " \
  "WHEN (SELECT sum(e.amount_minor) FROM entry e WHERE e.invoice_no = i.invoice_no) <= 0 "         \
  "THEN 'paid' WHEN i.due_ms < ?1 THEN 'overdue' ELSE 'issued' END"
#define CREDIT_NOTE                                                                                \
  "SELECT 1 FROM invoice c WHERE c.account_no = i.account_no AND c.kind = 'credit_note' "          \
  "AND c.month = i.month AND c.revision = i.revision"
#define INVOICE_SELECT                                                                             \
  "SELECT i.invoice_no, i.number, a.account_id, d.device_id, i.kind, i.month, i.revision, "        \
  "i.total_minor, i.tax_minor, i.currency, " STATUS ", i.issued_ms, i.due_ms, i.body, i.snapshot " \
  "FROM invoice i JOIN account a ON a.account_no = i.account_no "                                  \
  "LEFT JOIN device d ON d.device_no = i.device_no "

static void take_invoice(sm_sql_stmt *q, sm_invoice *invoice) {
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
  sm_sql_take_text(q, 10, &invoice->status);
  sm_sql_take_text(q, 13, &invoice->body);
  sm_sql_take_text(q, 14, &invoice->snapshot);
}

sm_err sm_ledger_invoice_status(sm_sql *db, int64_t invoice_no, char **status) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT " STATUS " FROM invoice i WHERE i.invoice_no = ?2");
  sm_sql_bind_i64(&q, 1, sm_clock_now_ms());
  sm_sql_bind_i64(&q, 2, invoice_no);
  char *got = NULL;
  bool found = sm_sql_row(&q);
  if (found) sm_sql_take_text(&q, 0, &got);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) *status = got;
  return err;
}

/* The one row of a statement that is bound but for ?1. */
static sm_err finish_one(sm_sql_stmt *q, sm_invoice *invoice) {
  sm_invoice got = {0};
  sm_sql_bind_i64(q, 1, sm_clock_now_ms());
  bool found = sm_sql_row(q);
  if (found) take_invoice(q, &got);
  sm_err err = sm_sql_end(q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) {
    *invoice = got;
  } else {
    sm_invoice_fini(&got);
  }
  return err;
}

sm_err sm_ledger_invoice_of(sm_ledger *ledger, const char *account_id, const char *month,
                            sm_invoice *invoice) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, INVOICE_SELECT
                             "WHERE a.account_id = ?2 AND i.kind = 'invoice' AND i.month = ?3 "
                             "AND NOT EXISTS (" CREDIT_NOTE ") ORDER BY i.revision DESC LIMIT 1");
  sm_sql_bind_text(&q, 2, account_id);
  sm_sql_bind_text(&q, 3, month);
  err = finish_one(&q, invoice);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_invoice(sm_ledger *ledger, const char *number, sm_invoice *invoice) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, INVOICE_SELECT "WHERE i.number = ?2");
  sm_sql_bind_text(&q, 2, number);
  err = finish_one(&q, invoice);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- lists ---- */

#define INVOICE_PAGE "i.invoice_no > ?2 ORDER BY i.invoice_no LIMIT ?3"
#define OF_USER "a.user_no = (SELECT u.user_no FROM user u WHERE u.user_id = ?5)"
#define OF_DEVICE                                                                                  \
  "i.account_no IN (SELECT m.account_no FROM device n "                                            \
  "JOIN account_meter m ON m.device_no = n.device_no WHERE n.device_id = ?4)"

/* One text for each filter, so that each finds its rows by index. */
static sm_sql_stmt use_list(sm_sql *db, const char *device_id, const char *user_id) {
  const char *sql;
  if (device_id == NULL && user_id == NULL) {
    sql = INVOICE_SELECT "WHERE " INVOICE_PAGE;
  } else if (user_id == NULL) {
    sql = INVOICE_SELECT "WHERE " OF_DEVICE " AND " INVOICE_PAGE;
  } else if (device_id == NULL) {
    sql = INVOICE_SELECT "WHERE " OF_USER " AND " INVOICE_PAGE;
  } else {
    sql = INVOICE_SELECT "WHERE " OF_DEVICE " AND " OF_USER " AND " INVOICE_PAGE;
  }
  sm_sql_stmt q = sm_sql_use(db, sql);
  if (device_id != NULL) sm_sql_bind_text(&q, 4, device_id);
  if (user_id != NULL) sm_sql_bind_text(&q, 5, user_id);
  return q;
}

typedef struct invoice_page {
  sm_invoice *item;
  size_t count;
  int64_t last_no;
} invoice_page;

static sm_err read_page(sm_sql *db, const char *device_id, const char *user_id, int64_t after_no,
                        size_t limit, invoice_page *page) {
  size_t cap = 0;
  *page = (invoice_page){.last_no = after_no};
  sm_sql_stmt q = use_list(db, device_id, user_id);
  sm_sql_bind_i64(&q, 1, sm_clock_now_ms());
  sm_sql_bind_i64(&q, 2, after_no);
  sm_ledger_bind_limit(&q, 3, limit);
  while (sm_sql_row(&q)) {
    sm_invoice *grown = sm_ledger_room(page->item, &cap, page->count, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    page->item = grown;
    page->last_no = sm_sql_i64(&q, 0);
    take_invoice(&q, &page->item[page->count++]);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_invoices(sm_ledger *ledger, const char *device_id, const char *user_id,
                          int64_t after_no, size_t limit, sm_invoice **invoices, size_t *count,
                          int64_t *next_no) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  invoice_page page;
  err = read_page(db, device_id, user_id, after_no, limit, &page);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    sm_invoices_free(page.item, page.count);
    return err;
  }
  *invoices = page.item;
  *count = page.count;
  *next_no = page.last_no;
  return SM_OK;
}
