#include "invoicing/explain.h"

#include "base/clock.h"
#include "billing/explain.h"
#include "invoicing/issued.h"
#include "invoicing/snapshot.h"
#include "invoicing/subject.h"
#include "model/money.h"

#include <string.h>

typedef struct explanation {
  const sm_invoicing *invoicing;
  const sm_subject *subject;
  sm_book book;
  sm_collected collected;
  sm_invoice invoice;
  sm_issued issued;
  bool is_issued;
  sm_bill *bill;
  sm_buf members; /* the explanation's own, as an object */
} explanation;

/* An issued month is worked out by what its invoice was worked out with. */
static sm_err take_issued(explanation *e) {
  sm_err err = sm_found_invoice(e->invoicing, e->subject, &e->invoice);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err == SM_OK) err = sm_issued_read(&e->invoice, &e->issued);
  if (err != SM_OK) return err;
  e->is_issued = true;
  e->collected.input.tariff = e->issued.schedule;
  e->collected.input.tariff_count = e->issued.schedule_count;
  return SM_OK;
}

static sm_err compute(explanation *e) {
  sm_jsonw w;
  sm_jsonw_init(&w, &e->members);
  sm_jsonw_object(&w);
  sm_err err = sm_billing_explain(&e->collected.input, &w, &e->bill);
  sm_jsonw_object_end(&w);
  return err == SM_OK ? e->members.err : err;
}

static void write_readings(sm_jsonw *w, const explanation *e, const char *hash) {
  sm_jsonw_key(w, "readings");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "sha256", e->issued.readings_hash);
  sm_jsonw_key_text(w, "sha256_now", hash);
  sm_jsonw_key_bool(w, "changed", strcmp(e->issued.readings_hash, hash) != 0);
  sm_jsonw_object_end(w);
}

static void write_total(sm_jsonw *w, const char *key, int64_t minor, const char *currency) {
  sm_jsonw_key(w, key);
  sm_jsonw_decimal_text(w, minor, sm_currency_digits(currency));
}

static sm_err write_invoice(sm_jsonw *w, const explanation *e) {
  char hash[SM_SHA256_HEX_MAX];
  char text[SM_RFC3339_MAX];
  size_t points;
  sm_jsonw_key(w, "invoice");
  if (!e->is_issued) {
    sm_jsonw_null(w);
    return SM_OK;
  }
  sm_err err = sm_snapshot_hash(&e->collected, e->bill, hash, &points);
  if (err != SM_OK) return err;
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "number", e->invoice.number);
  sm_jsonw_key_int(w, "revision", e->invoice.revision);
  sm_jsonw_key_text(w, "issued_at", sm_rfc3339_format(e->invoice.issued_ms, text));
  write_total(w, "total", e->invoice.total_minor, e->invoice.currency);
  write_total(w, "total_now", e->bill->total_minor, e->bill->currency);
  write_readings(w, e, hash);
  sm_jsonw_object_end(w);
  return SM_OK;
}

/* The members stand in the order in which people ask: first what was issued. */
static sm_err write(explanation *e, sm_buf *out) {
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_err err = write_invoice(&w, e);
  if (err != SM_OK) return err;
  sm_buf_append_char(out, ',');
  sm_buf_append(out, sm_buf_text(&e->members) + 1, e->members.len - 1);
  return out->err;
}

sm_err sm_invoicing_explain_json(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                                 sm_buf *out) {
  sm_found found;
  explanation e = {.invoicing = invoicing, .subject = &found.subject};
  sm_buf_init(&e.members, 0);
  sm_book_init(&e.book, invoicing->ledger);
  sm_err err = sm_found_init(invoicing, query, &found);
  if (err == SM_OK) err = sm_collect(invoicing, &e.book, &found.subject, &e.collected);
  if (err == SM_OK) err = take_issued(&e);
  if (err == SM_OK) err = compute(&e);
  if (err == SM_OK) err = write(&e, out);
  sm_bill_free(e.bill);
  sm_collected_fini(&e.collected);
  sm_issued_fini(&e.issued);
  sm_invoice_fini(&e.invoice);
  sm_book_fini(&e.book);
  sm_found_fini(&found);
  sm_buf_fini(&e.members);
  return err;
}
