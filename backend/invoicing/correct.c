#include "invoicing/correct.h"

#include "base/checked.h"
#include "invoicing/make.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bodies ---- */

/* A JSON object with members put behind its brace. */
static sm_err put_in_front(const char *object, const char *credits, const char *reason,
                           sm_buf *out) {
  sm_jsonw w;
  if (object[0] != '{') return SM_ERR_CORRUPT;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "credits", credits);
  sm_jsonw_key_text(&w, "reason", reason);
  if (object[1] != '}') sm_buf_append(out, ",", 1);
  sm_buf_append(out, object + 1, strlen(object + 1));
  return out->err;
}

/* What is issued in the place of an invoice says how far it differs. */
static sm_err write_difference(const sm_invoice *previous, const sm_bill *bill, const char *reason,
                               sm_buf *body) {
  sm_jsonw w;
  int64_t difference;
  sm_err err = sm_sub_i64(bill->total_minor, previous->total_minor, &difference);
  if (err != SM_OK) return err;
  if (body->err != SM_OK || body->len < 2) return body->err != SM_OK ? body->err : SM_ERR_INTERNAL;
  body->len--; /* its brace, which comes back below */
  sm_buf_append(body, ",\"difference\":", strlen(",\"difference\":"));
  sm_jsonw_init(&w, body);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "previous", previous->number);
  sm_money_write_key(&w, "previous_total", previous->total_minor, bill->currency);
  sm_money_write_key(&w, "total", bill->total_minor, bill->currency);
  sm_money_write_key(&w, "difference", difference, bill->currency);
  sm_jsonw_key_text(&w, "reason", reason);
  sm_jsonw_object_end(&w);
  sm_buf_append(body, "}", 1);
  return body->err;
}

/* ---- credit notes ---- */

static sm_err credit_of(const sm_invoicing *invoicing, const sm_invoice *invoice,
                        const char *reason, int64_t now_ms, char year[SM_FINANCIAL_YEAR_MAX],
                        sm_buf *body, sm_credit_new *credit) {
  if (strcmp(invoice->kind, "invoice") != 0) return SM_ERR_NOT_FOUND;
  sm_err err = put_in_front(invoice->body, invoice->number, reason, body);
  if (err != SM_OK) return err;
  *credit = (sm_credit_new){.number = invoice->number,
                            .prefix = invoicing->settings->credit_prefix,
                            .financial_year =
                                sm_financial_year(sm_zone_date(invoicing->zone, now_ms), year),
                            .reason = reason,
                            .issued_ms = now_ms,
                            .body = sm_buf_text(body),
                            .snapshot = invoice->snapshot};
  return SM_OK;
}

sm_err sm_invoicing_credit(const sm_invoicing *invoicing, sm_actor actor, const char *number,
                           const char *reason, int64_t now_ms, sm_invoice *note) {
  char year[SM_FINANCIAL_YEAR_MAX];
  sm_invoice invoice = {0};
  sm_credit_new credit;
  sm_buf body;
  sm_err err = sm_ledger_invoice(invoicing->ledger, number, &invoice);
  if (err != SM_OK) return err;
  sm_buf_init(&body, 0);
  err = credit_of(invoicing, &invoice, reason, now_ms, year, &body, &credit);
  if (err == SM_OK) err = sm_ledger_credit(invoicing->ledger, actor, &credit, note);
  sm_buf_fini(&body);
  sm_invoice_fini(&invoice);
  return err;
}

/* ---- one month ---- */

/* A month of an account in the making. */
typedef struct one {
  const sm_invoicing *invoicing;
  sm_book book;
  sm_issue_candidate candidate;
  sm_invoice previous; /* the last one of the month; no number: none */
  sm_make make;
  sm_made made;
  sm_buf body;
  char month[16];
  char year[SM_FINANCIAL_YEAR_MAX];
} one;

static void one_init(one *o, const sm_invoicing *invoicing, int year, int month, int64_t now_ms) {
  *o = (one){.invoicing = invoicing, .make = {.year = year, .month = month, .now_ms = now_ms}};
  o->make.account = &o->candidate.account;
  o->make.candidate = &o->candidate;
  (void)snprintf(o->month, sizeof o->month, "%04d-%02d", year, month);
  (void)sm_financial_year(sm_zone_date(invoicing->zone, now_ms), o->year);
  sm_book_init(&o->book, invoicing->ledger);
  sm_buf_init(&o->body, 0);
}

static void one_fini(one *o) {
  sm_made_fini(&o->made);
  sm_buf_fini(&o->body);
  sm_book_fini(&o->book);
  sm_issue_candidate_fini(&o->candidate);
  sm_invoice_fini(&o->previous);
}

static sm_err load(one *o, const char *account_id) {
  int64_t from_ms, to_ms;
  sm_month_span(o->invoicing->zone, o->make.year, o->make.month, &from_ms, &to_ms);
  if (to_ms > o->make.now_ms) return SM_ERR_RANGE;
  sm_err err = sm_ledger_issue_candidate(o->invoicing->ledger, account_id, o->month, &o->candidate);
  if (err != SM_OK) return err;
  err = sm_ledger_invoice_last(o->invoicing->ledger, account_id, o->month, &o->previous);
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

static sm_err compute(one *o, const char *reason, const char **why) {
  sm_err err = sm_make_bill(o->invoicing, &o->book, &o->make, &o->made);
  if (err != SM_OK) return err;
  *why = sm_make_refusal(o->invoicing, &o->make, &o->made);
  if (*why != NULL) return SM_ERR_DENIED;
  err = sm_make_body(o->invoicing, o->made.bill, &o->body);
  if (err == SM_OK && o->previous.number != NULL)
    err = write_difference(&o->previous, o->made.bill, reason, &o->body);
  return err;
}

static sm_err make_invoice(one *o, sm_invoice *invoice) {
  const sm_make_parts parts = {.candidate = &o->candidate,
                               .collected = &o->made.collected,
                               .bill = o->made.bill,
                               .true_ups = &o->made.true_ups,
                               .now_ms = o->make.now_ms,
                               .revision = o->previous.revision + 1};
  return sm_make_invoice(o->invoicing, &parts, &o->body, invoice);
}

static bool is_valid(const sm_invoice *invoice) {
  return invoice->number != NULL && strcmp(invoice->status, "cancelled") != 0;
}

static bool reason_given(const char *reason) {
  return reason != NULL && reason[0] != '\0' && strlen(reason) <= (size_t)SM_REASON_MAX * 4;
}

/* Issues it, unless what it was computed on has changed since. */
static sm_err issue_item(const one *o, sm_actor actor, sm_invoice *invoice) {
  sm_issue_item item = {.invoice = *invoice, .basis = o->candidate.basis};
  sm_err err = sm_ledger_issue_batch(o->invoicing->ledger, actor,
                                     o->invoicing->settings->invoice_prefix, o->year, &item, 1);
  if (err == SM_OK) err = item.err;
  *invoice = item.invoice;
  if (err != SM_OK) return err;
  sm_invoice issued = {0};
  err = sm_ledger_invoice(o->invoicing->ledger, invoice->number, &issued);
  if (err != SM_OK) return err;
  sm_invoice_fini(invoice);
  *invoice = issued;
  return SM_OK;
}

static sm_err issue(one *o, const sm_one_month *request, const char **why, sm_invoice *invoice) {
  sm_err err = load(o, request->account_id);
  if (err != SM_OK) return err;
  if (is_valid(&o->previous)) return SM_ERR_EXISTS;
  if (o->previous.number != NULL && !reason_given(request->reason)) return SM_ERR_INVALID;
  err = compute(o, request->reason, why);
  if (err == SM_OK) err = make_invoice(o, invoice);
  return err == SM_OK ? issue_item(o, request->actor, invoice) : err;
}

sm_err sm_invoicing_issue_one(const sm_invoicing *invoicing, const sm_one_month *request,
                              const char **why, sm_invoice *invoice) {
  one o;
  sm_invoice out = {0};
  *why = NULL;
  one_init(&o, invoicing, request->year, request->month, request->now_ms);
  sm_err err = issue(&o, request, why, &out);
  one_fini(&o);
  if (err == SM_OK)
    *invoice = out;
  else
    sm_invoice_fini(&out);
  return err;
}

/* ---- both ---- */

/* What is taken back in the same transaction, as the entry that it will be. There is room: the
 * ledger gives no more than one a kind, or fewer. */
static sm_err add_entry(sm_issue_candidate *c, const char *kind, const char *reverses,
                        int64_t amount_minor, int64_t now_ms, const char *detail) {
  if (c->entry_count == SM_ISSUE_ENTRIES_MAX) return SM_ERR_INTERNAL;
  sm_issue_entry entry = {.amount_minor = amount_minor, .at_ms = now_ms, .count = 1};
  (void)snprintf(entry.kind, sizeof entry.kind, "%s", kind);
  (void)snprintf(entry.reverses, sizeof entry.reverses, "%s", reverses);
  if (detail != NULL) entry.detail = strdup(detail);
  if (detail != NULL && entry.detail == NULL) return SM_ERR_NOMEM;
  c->entry[c->entry_count++] = entry;
  return SM_OK; /* NOLINT(clang-analyzer-unix.Malloc): the candidate frees it */
}

/* What is owed before an invoice that takes another one's place: that one and its late fees are
 * taken back first. */
static sm_err balance_without(one *o) {
  sm_statement statement = {0};
  int64_t fees_minor = 0;
  int64_t credit_minor = 0;
  int64_t *balance = &o->candidate.balance_minor;
  sm_err err = sm_ledger_statement(o->invoicing->ledger, o->previous.account_id, &statement);
  if (err != SM_OK) return err;
  err = sm_sub_i64(*balance, o->previous.total_minor, balance);
  if (err == SM_OK) err = sm_sub_i64(0, o->previous.total_minor, &credit_minor);
  for (size_t i = 0; err == SM_OK && i < statement.debit_count; i++) {
    const sm_debit *debit = &statement.debit[i];
    if (!debit->fee || debit->number == NULL || strcmp(debit->number, o->previous.number) != 0)
      continue;
    err = sm_sub_i64(*balance, debit->amount_minor, balance);
    if (err == SM_OK) err = sm_add_i64(fees_minor, debit->amount_minor, &fees_minor);
  }
  sm_statement_fini(&statement);
  if (err != SM_OK) return err;
  if (credit_minor != 0)
    err = add_entry(&o->candidate, "credit", "", credit_minor, o->make.now_ms, o->previous.number);
  if (err == SM_OK && fees_minor != 0)
    err = add_entry(&o->candidate, "reversal", "fee", -fees_minor, o->make.now_ms, NULL);
  return err;
}

static sm_err reissue(one *o, sm_actor actor, int64_t exception_no, const char *reason,
                      const char **why, sm_invoice *invoice, sm_invoice *note) {
  sm_buf credited;
  sm_credit_new credit;
  char year[SM_FINANCIAL_YEAR_MAX];
  o->make.replaces = o->previous.number;
  sm_err err = balance_without(o);
  if (err == SM_OK) err = compute(o, reason, why);
  if (err == SM_OK) err = make_invoice(o, invoice);
  if (err != SM_OK) return err;
  sm_buf_init(&credited, 0);
  err = credit_of(o->invoicing, &o->previous, reason, o->make.now_ms, year, &credited, &credit);
  credit.basis = &o->candidate.basis;
  if (err == SM_OK)
    err = sm_ledger_reissue(o->invoicing->ledger, actor, &credit, exception_no,
                            o->invoicing->settings->invoice_prefix, o->year, invoice, note);
  sm_buf_fini(&credited);
  return err;
}

sm_err sm_invoicing_reissue(const sm_invoicing *invoicing, sm_actor actor, const char *number,
                            int64_t exception_no, const char *reason, int64_t now_ms,
                            const char **why, sm_invoice *invoice, sm_invoice *note) {
  one o;
  int year, month;
  sm_invoice old = {0};
  sm_invoice out = {0};
  *why = NULL;
  if (!reason_given(reason)) return SM_ERR_INVALID;
  sm_err err = sm_ledger_invoice(invoicing->ledger, number, &old);
  if (err != SM_OK) return err;
  if (strcmp(old.kind, "invoice") != 0) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK && !is_valid(&old)) err = SM_ERR_EXISTS;
  if (err == SM_OK) err = sm_month_parse(old.month, &year, &month);
  if (err == SM_OK) {
    one_init(&o, invoicing, year, month, now_ms);
    err = load(&o, old.account_id);
    if (err == SM_OK && strcmp(o.previous.number, number) != 0) err = SM_ERR_CONFLICT;
    if (err == SM_OK) err = reissue(&o, actor, exception_no, reason, why, &out, note);
    one_fini(&o);
  }
  sm_invoice_fini(&old);
  if (err == SM_OK)
    *invoice = out;
  else
    sm_invoice_fini(&out);
  return err;
}
