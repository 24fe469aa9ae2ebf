/* What an account owes and what pays it, read for sm_statement_settle. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* What was taken back is in neither list: an invoice and its credit note, an entry and its
 * reversal. */
#define STATEMENT_SELECT                                                                           \
  "SELECT e.entry_no, e.kind, e.amount_minor, coalesce(e.invoice_no, 0), e.at_ms, i.number, "      \
  "i.month, i.due_ms, e.part FROM entry e LEFT JOIN invoice i ON i.invoice_no = e.invoice_no "     \
  "WHERE e.account_no = ?1 AND e.kind <> 'reversal' AND e.amount_minor <> 0 "                      \
  "AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.reverses = e.entry_no) "                          \
  "AND (e.kind <> 'credit' OR i.kind IS NOT 'credit_note') "                                       \
  "AND (e.kind <> 'invoice' OR NOT EXISTS (" SM_LEDGER_CREDIT_NOTE ")) "                           \
  "ORDER BY e.entry_no"

static sm_err add_debit(sm_sql_stmt *q, sm_statement *s, size_t *cap) {
  sm_debit *grown = sm_ledger_room(s->debit, cap, s->debit_count, sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  s->debit = grown;
  const char *kind = sm_sql_text(q, 1);
  bool invoice = kind != NULL && strcmp(kind, "invoice") == 0;
  sm_debit *debit = &s->debit[s->debit_count++];
  *debit = (sm_debit){.entry_no = sm_sql_i64(q, 0),
                      .invoice_no = sm_sql_i64(q, 3),
                      .fee = kind != NULL && strcmp(kind, "fee") == 0,
                      .part = (int32_t)sm_sql_i64(q, 8),
                      .amount_minor = sm_sql_i64(q, 2),
                      .at_ms = sm_sql_i64(q, 4),
                      .due_ms = sm_sql_i64(q, invoice ? 7 : 4)};
  sm_sql_take_text(q, 5, &debit->number);
  sm_sql_take_text(q, 6, &debit->month);
  return q->err;
}

static sm_err add_credit(sm_sql_stmt *q, sm_statement *s, size_t *cap) {
  sm_credit_item *grown = sm_ledger_room(s->credit, cap, s->credit_count, sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  int64_t amount = sm_sql_i64(q, 2);
  if (amount == INT64_MIN) return SM_ERR_OVERFLOW;
  s->credit = grown;
  s->credit[s->credit_count++] = (sm_credit_item){
      .amount_minor = -amount, .invoice_no = sm_sql_i64(q, 3), .at_ms = sm_sql_i64(q, 4)};
  return SM_OK;
}

sm_err sm_ledger_statement_load(sm_sql *db, int64_t account_no, sm_statement *statement) {
  sm_statement got = {0};
  size_t debit_cap = 0;
  size_t credit_cap = 0;
  sm_sql_stmt q = sm_sql_use(db, STATEMENT_SELECT);
  sm_sql_bind_i64(&q, 1, account_no);
  while (sm_sql_row(&q)) {
    sm_err added =
        sm_sql_i64(&q, 2) > 0 ? add_debit(&q, &got, &debit_cap) : add_credit(&q, &got, &credit_cap);
    if (added != SM_OK) q.err = added;
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK)
    *statement = got;
  else
    sm_statement_fini(&got);
  return err;
}

sm_err sm_ledger_statement(sm_ledger *ledger, const char *account_id, sm_statement *statement) {
  sm_sql *db;
  int64_t account_no = 0;
  sm_statement got = {0};
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_account_no(db, account_id, &account_no);
  if (err == SM_OK) err = sm_ledger_statement_load(db, account_no, &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) {
    got.account_id = strdup(account_id);
    if (got.account_id == NULL) err = SM_ERR_NOMEM;
  }
  if (err == SM_OK)
    *statement = got;
  else
    sm_statement_fini(&got);
  return err;
}

typedef struct page {
  sm_statement *item;
  size_t count;
  int64_t last_no;
} page;

static sm_err read_page(sm_sql *db, int64_t due_before_ms, size_t limit, page *p) {
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT a.account_no, a.account_id FROM account a WHERE a.account_no > ?1 "
                     "AND EXISTS (SELECT 1 FROM invoice i WHERE i.account_no = a.account_no "
                     " AND i.kind = 'invoice' AND i.due_ms < ?2) ORDER BY a.account_no LIMIT ?3");
  sm_sql_bind_i64(&q, 1, p->last_no);
  sm_sql_bind_i64(&q, 2, due_before_ms);
  sm_ledger_bind_limit(&q, 3, limit);
  while (sm_sql_row(&q)) {
    sm_statement *grown = sm_ledger_room(p->item, &cap, p->count, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    p->item = grown;
    int64_t account_no = sm_sql_i64(&q, 0);
    sm_err loaded = sm_ledger_statement_load(db, account_no, &p->item[p->count]);
    if (loaded != SM_OK) {
      q.err = loaded;
      break;
    }
    sm_sql_take_text(&q, 1, &p->item[p->count++].account_id);
    p->last_no = account_no;
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_statements(sm_ledger *ledger, int64_t due_before_ms, int64_t after_no,
                            size_t limit, sm_statement **statements, size_t *count,
                            int64_t *next_no) {
  page p = {.last_no = after_no};
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = read_page(db, due_before_ms, limit, &p);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    sm_statements_free(p.item, p.count);
    return err;
  }
  *statements = p.item;
  *count = p.count;
  *next_no = p.last_no;
  return SM_OK;
}
