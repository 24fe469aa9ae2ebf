#include "invoicing/differ.h"

#include "base/checked.h"
#include "model/money.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sm_past_fini(sm_past *past) {
  if (past == NULL) return;
  sm_invoice_fini(&past->invoice);
  sm_account_fini(&past->account);
  sm_issued_fini(&past->issued);
  sm_issued_fini(&past->latest);
  sm_exceptions_free(past->exception, past->exception_count);
  *past = (sm_past){0};
}

/* ---- loading ---- */

static sm_err read_hash(const char *snapshot, char hash[SM_SHA256_HEX_MAX]) {
  json_t *root = json_loads(snapshot, 0, NULL);
  const char *text =
      json_string_value(json_object_get(json_object_get(root, "readings"), "sha256"));
  bool good = text != NULL && strlen(text) < SM_SHA256_HEX_MAX;
  if (good) (void)snprintf(hash, SM_SHA256_HEX_MAX, "%s", text);
  json_decref(root);
  return good ? SM_OK : SM_ERR_CORRUPT;
}

static bool is(const char *text, const char *word) {
  return strcmp(text, word) == 0;
}

/* Whether how an exception was computed is how the month is computed from then on. */
static bool leads(const sm_exception *e) {
  return !is(e->cause, "credit") && !is(e->state, "dismissed") && !is(e->state, "superseded") &&
         !is(e->state, "void");
}

static sm_err find_latest(const sm_invoicing *invoicing, sm_past *past) {
  for (size_t i = past->exception_count; i-- > 0;) {
    if (!leads(&past->exception[i])) continue;
    past->has_latest = true;
    return sm_issued_read(past->exception[i].body, sm_currency_digits(invoicing->currency),
                          &past->latest);
  }
  return SM_OK;
}

static sm_err load(const sm_invoicing *invoicing, sm_past *past) {
  const sm_exception_query query = {.invoice = past->invoice.number, .limit = SIZE_MAX};
  sm_err err = sm_ledger_account(invoicing->ledger, past->invoice.account_id, &past->account);
  if (err == SM_OK)
    err = sm_issued_read(past->invoice.body, sm_currency_digits(past->invoice.currency),
                         &past->issued);
  if (err == SM_OK) err = read_hash(past->invoice.snapshot, past->hash);
  if (err == SM_OK)
    err = sm_ledger_exceptions(invoicing->ledger, &query, &past->exception, &past->exception_count);
  return err == SM_OK ? find_latest(invoicing, past) : err;
}

sm_err sm_past_load(const sm_invoicing *invoicing, sm_invoice *invoice, sm_past *past) {
  sm_past out = {.invoice = *invoice};
  *invoice = (sm_invoice){0};
  sm_err err = load(invoicing, &out);
  if (err == SM_OK)
    *past = out;
  else
    sm_past_fini(&out);
  return err;
}

/* ---- what is known ---- */

int64_t sm_past_last_no(const sm_past *past) {
  return past->exception_count > 0 ? past->exception[past->exception_count - 1].exception_no : 0;
}

bool sm_past_has_hash(const sm_past *past, const char *hash) {
  for (size_t i = past->exception_count; i-- > 0;) {
    const sm_exception *e = &past->exception[i];
    if (!is(e->cause, "credit")) return !is(e->state, "superseded") && is(e->readings_hash, hash);
  }
  return is(past->hash, hash);
}

static bool settled(const sm_exception *e) {
  return e->settled_by != NULL;
}

static bool unsettled(const sm_exception *e) {
  return !settled(e) && !is(e->cause, "credit") &&
         (is(e->state, "open") || is(e->state, "true_up"));
}

bool sm_past_has_unsettled(const sm_past *past) {
  for (size_t i = 0; i < past->exception_count; i++)
    if (unsettled(&past->exception[i])) return true;
  return false;
}

bool sm_past_has_open(const sm_past *past) {
  for (size_t i = 0; i < past->exception_count; i++)
    if (is(past->exception[i].state, "open")) return true;
  return false;
}

static bool same_taxes(const sm_exception *e, const sm_issued *d) {
  size_t equal = 0;
  for (size_t i = 0; i < e->tax_count; i++)
    for (size_t k = 0; k < d->tax_count; k++)
      equal += is(e->tax[i].name, d->tax[k].name) &&
               e->tax[i].percent_micro == d->tax[k].percent_micro &&
               e->tax[i].amount_minor == d->tax[k].amount_minor;
  return equal == e->tax_count && equal == d->tax_count;
}

bool sm_past_has_same(const sm_past *past, const sm_issued *difference) {
  for (size_t i = 0; i < past->exception_count; i++) {
    const sm_exception *e = &past->exception[i];
    if (unsettled(e) && e->net_minor == difference->net_minor && same_taxes(e, difference))
      return true;
  }
  return false;
}

bool sm_past_dismissed(const sm_past *past, const sm_issued *same) {
  for (size_t i = 0; i < past->exception_count; i++) {
    const sm_exception *e = &past->exception[i];
    if (!is(e->state, "dismissed")) continue;
    if (same == NULL || (e->net_minor == same->net_minor && same_taxes(e, same))) return true;
  }
  return false;
}

/* ---- computing ---- */

sm_err sm_past_compute(const sm_invoicing *invoicing, sm_book *book, const sm_past *past, bool anew,
                       int64_t now_ms, sm_made *made) {
  sm_make make = {.account = &past->account, .now_ms = now_ms, .again = past->invoice.number};
  if (!anew) make.by = past->has_latest ? &past->latest : &past->issued;
  int64_t from_ms, to_ms;
  if (sm_month_parse(past->invoice.month, &make.year, &make.month) != SM_OK) return SM_ERR_CORRUPT;
  sm_month_span(invoicing->zone, make.year, make.month, &from_ms, &to_ms);
  if (to_ms > now_ms) return SM_ERR_RANGE; /* the clock was set back */
  return sm_make_bill(invoicing, book, &make, made);
}

static sm_err subtract(sm_issued *from, int64_t net_minor) {
  return sm_sub_i64(from->net_minor, net_minor, &from->net_minor);
}

static sm_err subtract_tax(sm_issued *from, const char *name, int64_t percent_micro,
                           int64_t base_minor, int64_t amount_minor) {
  if (base_minor == INT64_MIN || amount_minor == INT64_MIN) return SM_ERR_OVERFLOW;
  return sm_issued_add_tax(from, name, percent_micro, -base_minor, -amount_minor);
}

static sm_err subtract_invoice(sm_issued *out, const sm_issued *issued) {
  sm_err err = subtract(out, issued->net_minor);
  for (size_t i = 0; err == SM_OK && i < issued->tax_count; i++)
    err = subtract_tax(out, issued->tax[i].name, issued->tax[i].percent_micro,
                       issued->tax[i].base_minor, issued->tax[i].amount_minor);
  return err;
}

static sm_err subtract_exception(sm_issued *out, const sm_exception *e) {
  sm_err err = subtract(out, e->net_minor);
  for (size_t i = 0; err == SM_OK && i < e->tax_count; i++)
    err = subtract_tax(out, e->tax[i].name, e->tax[i].percent_micro, e->tax[i].base_minor,
                       e->tax[i].amount_minor);
  return err;
}

static void drop_nothing(sm_issued *out) {
  size_t kept = 0;
  for (size_t i = 0; i < out->tax_count; i++) {
    if (out->tax[i].amount_minor == 0)
      free(out->tax[i].name);
    else
      out->tax[kept++] = out->tax[i];
  }
  out->tax_count = kept;
}

sm_err sm_past_difference(const sm_invoicing *invoicing, const sm_past *past, const sm_bill *bill,
                          sm_issued *difference) {
  sm_issued out = {0};
  sm_err err = sm_issued_of_bill(bill, invoicing->zone, &out);
  if (err == SM_OK) err = subtract_invoice(&out, &past->issued);
  for (size_t i = 0; err == SM_OK && i < past->exception_count; i++)
    if (settled(&past->exception[i])) err = subtract_exception(&out, &past->exception[i]);
  drop_nothing(&out);
  if (err == SM_OK)
    *difference = out;
  else
    sm_issued_fini(&out);
  return err;
}

sm_err sm_difference_total(const sm_issued *difference, int64_t *total_minor) {
  int64_t sum = difference->net_minor;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < difference->tax_count; i++)
    err = sm_add_i64(sum, difference->tax[i].amount_minor, &sum);
  if (err == SM_OK) *total_minor = sum;
  return err;
}
