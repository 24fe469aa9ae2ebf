/* Credit notes, alone or together with the invoice that is issued in place of the old one. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text) {
  return text != NULL ? strdup(text) : NULL;
}

/* The note that takes an invoice back as a whole. */
static sm_err make_note(const sm_credit_new *c, const sm_invoice *invoice, sm_invoice *note) {
  *note = (sm_invoice){.account_id = copy(invoice->account_id),
                       .device_id = copy(invoice->device_id),
                       .kind = strdup("credit_note"),
                       .month = copy(invoice->month),
                       .revision = invoice->revision,
                       .total_minor = invoice->total_minor,
                       .tax_minor = invoice->tax_minor,
                       .currency = copy(invoice->currency),
                       .issued_ms = c->issued_ms,
                       .due_ms = c->issued_ms,
                       .body = copy(c->body),
                       .snapshot = copy(c->snapshot)};
  bool all = note->account_id != NULL && note->kind != NULL && note->month != NULL &&
             note->currency != NULL && note->body != NULL && note->snapshot != NULL &&
             (note->device_id != NULL || invoice->device_id == NULL);
  return all ? SM_OK : SM_ERR_NOMEM;
}

/* The late fees of an invoice that was wrong are taken back with it. */
static sm_err reverse_fees(sm_sql *db, sm_actor actor, int64_t invoice_no) {
  for (;;) {
    int64_t reversal_no;
    sm_sql_stmt q = sm_sql_use(
        db, "SELECT e.entry_no FROM entry e WHERE e.invoice_no = ?1 AND e.kind = 'fee' AND NOT "
            "EXISTS (SELECT 1 FROM entry r WHERE r.reverses = e.entry_no) LIMIT 1");
    sm_sql_bind_i64(&q, 1, invoice_no);
    bool found = sm_sql_row(&q);
    int64_t entry_no = found ? sm_sql_i64(&q, 0) : 0;
    sm_err err = sm_sql_end(&q);
    if (err == SM_OK && found)
      err = sm_ledger_reversal_insert(db, actor, entry_no,
                                      "the invoice was taken back by a credit note", &reversal_no);
    if (err != SM_OK || !found) return err;
  }
}

static sm_err audit_credit(sm_sql *db, sm_actor actor, const sm_credit_new *c,
                           const sm_invoice *note) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "credit_note", note->number);
  sm_jsonw_key_int(&detail.w, "total_minor", note->total_minor);
  sm_jsonw_key_text(&detail.w, "reason", c->reason);
  return sm_ledger_detail_add(&detail, db, actor, "invoice.credit", c->number);
}

/* What was said against an invoice that is no more has its answer. */
static sm_err close_dispute(sm_sql *db, sm_actor actor, const sm_credit_new *c, int64_t invoice_no,
                            const sm_invoice *note) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_printf(&text, "The invoice was taken back by credit note %s: %s", note->number, c->reason);
  sm_err err = text.err;
  if (err == SM_OK)
    err = sm_ledger_dispute_close(db, actor, invoice_no, sm_buf_text(&text), c->issued_ms);
  sm_buf_fini(&text);
  return err;
}

static sm_err credit_loaded(sm_sql *db, sm_actor actor, const sm_credit_new *c,
                            const sm_invoice *invoice, int64_t invoice_no, sm_invoice *note) {
  if (strcmp(invoice->kind, "invoice") != 0) return SM_ERR_NOT_FOUND;
  if (strcmp(invoice->status, "cancelled") == 0) return SM_ERR_EXISTS;
  sm_err err = sm_ledger_exceptions_credited(db, actor, invoice_no);
  if (err == SM_OK) err = reverse_fees(db, actor, invoice_no);
  if (err == SM_OK) err = make_note(c, invoice, note);
  if (err == SM_OK) err = sm_ledger_invoice_insert(db, actor, c->prefix, c->financial_year, note);
  if (err == SM_OK) err = close_dispute(db, actor, c, invoice_no, note);
  return err == SM_OK ? audit_credit(db, actor, c, note) : err;
}

static sm_err credit(sm_sql *db, sm_actor actor, const sm_credit_new *c, sm_invoice *note) {
  sm_invoice invoice = {0};
  int64_t invoice_no = 0;
  sm_err err = sm_ledger_invoice_load(db, c->number, &invoice, &invoice_no);
  if (err != SM_OK) return err;
  err = credit_loaded(db, actor, c, &invoice, invoice_no, note);
  sm_invoice_fini(&invoice);
  return err;
}

static bool credit_valid(const sm_credit_new *c) {
  return c->number != NULL && c->prefix != NULL && c->financial_year != NULL && c->body != NULL &&
         c->snapshot != NULL && sm_ledger_text_valid(c->reason, SM_REASON_MAX);
}

sm_err sm_ledger_credit(sm_ledger *ledger, sm_actor actor, const sm_credit_new *c,
                        sm_invoice *note) {
  sm_invoice got = {0};
  if (!credit_valid(c)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) err = sm_ledger_write_end(ledger, credit(db, actor, c, &got));
  if (err == SM_OK)
    *note = got;
  else
    sm_invoice_fini(&got);
  return err;
}

/* Only while nobody else has decided it. */
static sm_err take_exception(sm_sql *db, sm_actor actor, int64_t exception_no,
                             const sm_credit_new *c) {
  if (exception_no == 0) return SM_OK;
  sm_sql_stmt q = sm_sql_use(db, "SELECT i.number IS ?2, e.state IN ('open', 'true_up') AND "
                                 "e.cause <> 'credit' AND NOT EXISTS (SELECT 1 FROM settled s "
                                 "WHERE s.exception_no = e.exception_no) FROM exception e "
                                 "JOIN invoice i USING (invoice_no) WHERE e.exception_no = ?1");
  sm_sql_bind_i64(&q, 1, exception_no);
  sm_sql_bind_text(&q, 2, c->number);
  bool found = sm_sql_row(&q) && sm_sql_i64(&q, 0) != 0;
  bool can = found && sm_sql_i64(&q, 1) != 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  if (!can) return SM_ERR_EXISTS;
  return sm_ledger_exception_set(db, actor, exception_no, "reissue", c->reason);
}

static sm_err check_basis(sm_sql *db, const sm_credit_new *c, const sm_invoice *invoice) {
  int64_t tariffs_no = 0;
  if (c->basis == NULL) return SM_OK;
  sm_err err = sm_ledger_tariffs_no(db, &tariffs_no);
  return err == SM_OK ? sm_ledger_basis_check(db, invoice->account_id, c->basis, tariffs_no) : err;
}

sm_err sm_ledger_reissue(sm_ledger *ledger, sm_actor actor, const sm_credit_new *c,
                         int64_t exception_no, const char *prefix, const char *financial_year,
                         sm_invoice *invoice, sm_invoice *note) {
  sm_invoice got = {0};
  if (!credit_valid(c)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = check_basis(db, c, invoice);
  if (err == SM_OK) err = take_exception(db, actor, exception_no, c);
  if (err == SM_OK) err = credit(db, actor, c, &got);
  if (err == SM_OK) err = sm_ledger_invoice_insert(db, actor, prefix, financial_year, invoice);
  err = sm_ledger_write_end(ledger, err);
  if (err == SM_OK) {
    *note = got;
    return SM_OK;
  }
  sm_invoice_fini(&got);
  free(invoice->number); /* of one that was not committed */
  free(invoice->status);
  invoice->number = NULL;
  invoice->status = NULL;
  return err;
}
