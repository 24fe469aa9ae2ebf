#include "invoicing/explain.h"

#include "base/clock.h"
#include "billing/explain.h"
#include "invoicing/differ.h"
#include "invoicing/subject.h"
#include "model/money.h"

#include <string.h>

/* The bill's own explanation is written first, since what stands before it is known after it. */
typedef struct explanation {
  const sm_invoicing *invoicing;
  sm_book book;
  sm_bill *bill;
  sm_buf members; /* an object */
} explanation;

static void init(explanation *e, const sm_invoicing *invoicing) {
  *e = (explanation){.invoicing = invoicing};
  sm_buf_init(&e->members, 0);
  sm_book_init(&e->book, invoicing->ledger);
}

static void fini(explanation *e) {
  sm_bill_free(e->bill);
  sm_book_fini(&e->book);
  sm_buf_fini(&e->members);
}

static sm_err explain(explanation *e, const sm_billing_input *input) {
  sm_jsonw w;
  sm_jsonw_init(&w, &e->members);
  sm_jsonw_object(&w);
  sm_err err = sm_billing_explain(input, &w, &e->bill);
  sm_jsonw_object_end(&w);
  return err == SM_OK ? e->members.err : err;
}

static sm_err append_members(explanation *e, sm_buf *out) {
  sm_buf_append_char(out, ',');
  sm_buf_append(out, sm_buf_text(&e->members) + 1, e->members.len - 1);
  return out->err;
}

/* ---- an issued month ---- */
static void write_invoice(sm_jsonw *w, const explanation *e, const sm_past *past,
                          const char *hash) {
  char text[SM_RFC3339_MAX];
  const sm_invoice *invoice = &past->invoice;
  sm_jsonw_key(w, "invoice");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "number", invoice->number);
  sm_jsonw_key_int(w, "revision", invoice->revision);
  sm_jsonw_key_text(w, "issued_at", sm_rfc3339_format(invoice->issued_ms, text));
  sm_money_write_key(w, "total", invoice->total_minor, invoice->currency);
  sm_money_write_key(w, "total_now", e->bill->total_minor, e->bill->currency);
  sm_jsonw_key(w, "readings");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "sha256", past->hash);
  sm_jsonw_key_text(w, "sha256_now", hash);
  sm_jsonw_key_bool(w, "changed", strcmp(past->hash, hash) != 0);
  sm_jsonw_object_end(w);
  sm_jsonw_object_end(w);
}

/* By the invoice's own versions and corrections. */
static sm_err explain_past(explanation *e, const sm_past *past, int64_t now_ms, sm_buf *out) {
  sm_jsonw w;
  sm_made made = {0};
  sm_make make = {.account = &past->account,
                  .now_ms = now_ms,
                  .again = past->invoice.number,
                  .by = &past->issued};
  sm_err err = sm_month_parse(past->invoice.month, &make.year, &make.month);
  if (err != SM_OK) return SM_ERR_CORRUPT;
  err = sm_make_bill(e->invoicing, &e->book, &make, &made);
  if (err == SM_OK) err = explain(e, &made.collected.input);
  if (err == SM_OK) {
    sm_jsonw_init(&w, out);
    sm_jsonw_object(&w);
    write_invoice(&w, e, past, made.hash);
    err = append_members(e, out);
  }
  sm_made_fini(&made);
  return err;
}

sm_err sm_invoicing_explain_invoice(const sm_invoicing *invoicing, const char *number,
                                    int64_t now_ms, sm_buf *out) {
  explanation e;
  sm_invoice invoice = {0};
  sm_past past = {0};
  sm_err err = sm_ledger_invoice(invoicing->ledger, number, &invoice);
  if (err != SM_OK) return err;
  if (strcmp(invoice.kind, "invoice") != 0) {
    sm_invoice_fini(&invoice);
    return SM_ERR_NOT_FOUND;
  }
  init(&e, invoicing);
  err = sm_past_load(invoicing, &invoice, &past);
  if (err == SM_OK) err = explain_past(&e, &past, now_ms, out);
  sm_past_fini(&past);
  fini(&e);
  return err;
}

/* ---- a month that is not ---- */
static sm_err explain_subject(explanation *e, const sm_subject *subject, sm_buf *out) {
  sm_jsonw w;
  sm_collected collected = {0};
  sm_err err = sm_collect(e->invoicing, &e->book, subject, &collected);
  if (err == SM_OK) err = explain(e, &collected.input);
  if (err == SM_OK) {
    sm_jsonw_init(&w, out);
    sm_jsonw_object(&w);
    sm_jsonw_key_null(&w, "invoice");
    err = append_members(e, out);
  }
  sm_collected_fini(&collected);
  return err;
}

static sm_err explain_found(const sm_invoicing *invoicing, const sm_subject *subject, sm_buf *out) {
  explanation e;
  sm_invoice invoice = {0};
  sm_err err = sm_found_invoice(invoicing, subject, &invoice);
  if (err == SM_OK) {
    err = sm_invoicing_explain_invoice(invoicing, invoice.number, subject->now_ms, out);
    sm_invoice_fini(&invoice);
    return err;
  }
  if (err != SM_ERR_NOT_FOUND) return err;
  init(&e, invoicing);
  err = explain_subject(&e, subject, out);
  fini(&e);
  return err;
}

sm_err sm_invoicing_explain_json(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                                 sm_buf *out) {
  sm_found found;
  sm_err err = sm_found_init(invoicing, query, &found);
  if (err == SM_OK) err = explain_found(invoicing, &found.subject, out);
  sm_found_fini(&found);
  return err;
}
