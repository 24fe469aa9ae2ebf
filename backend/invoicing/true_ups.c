#include "invoicing/true_ups.h"

#include <stdlib.h>
#include <string.h>

void sm_true_ups_fini(sm_true_ups *true_ups) {
  if (true_ups == NULL) return;
  sm_exceptions_free(true_ups->exception, true_ups->count);
  free(true_ups->item);
  free(true_ups->tax);
  *true_ups = (sm_true_ups){0};
}

static sm_err fill(sm_true_ups *t) {
  size_t taxes = 0;
  for (size_t i = 0; i < t->count; i++) taxes += t->exception[i].tax_count;
  t->item = calloc(t->count + 1, sizeof *t->item);
  t->tax = calloc(taxes + 1, sizeof *t->tax);
  if (t->item == NULL || t->tax == NULL) return SM_ERR_NOMEM;
  sm_billing_true_up_tax *next = t->tax;
  for (size_t i = 0; i < t->count; i++) {
    const sm_exception *e = &t->exception[i];
    sm_billing_true_up *item = &t->item[i];
    *item = (sm_billing_true_up){.net_minor = e->net_minor, .tax = next, .tax_count = e->tax_count};
    if (sm_month_parse(e->month, &item->year, &item->month) != SM_OK) return SM_ERR_CORRUPT;
    for (size_t k = 0; k < e->tax_count; k++)
      *next++ = (sm_billing_true_up_tax){.name = e->tax[k].name,
                                         .percent_micro = e->tax[k].percent_micro,
                                         .base_minor = e->tax[k].base_minor,
                                         .amount_minor = e->tax[k].amount_minor};
  }
  return SM_OK;
}

static sm_err finish(sm_err err, sm_true_ups *out, sm_true_ups *true_ups) {
  if (err == SM_OK) err = fill(out);
  if (err == SM_OK)
    *true_ups = *out;
  else
    sm_true_ups_fini(out);
  return err;
}

sm_err sm_true_ups_waiting(sm_ledger *ledger, const char *account_id, sm_true_ups *true_ups) {
  sm_true_ups out = {0};
  return finish(sm_ledger_true_ups(ledger, account_id, &out.exception, &out.count), &out, true_ups);
}

sm_err sm_true_ups_of(sm_ledger *ledger, const char *invoice, sm_true_ups *true_ups) {
  sm_true_ups out = {0};
  const sm_exception_query query = {.settled_by = invoice, .limit = SIZE_MAX};
  return finish(sm_ledger_exceptions(ledger, &query, &out.exception, &out.count), &out, true_ups);
}

/* Appends what `from` has; what does not move is freed. */
static sm_err append(sm_true_ups *to, sm_exception *from, size_t count) {
  sm_exception *more = realloc(to->exception, (to->count + count + 1) * sizeof *more);
  if (more == NULL) {
    sm_exceptions_free(from, count);
    return SM_ERR_NOMEM;
  }
  to->exception = more;
  if (count > 0) memcpy(&more[to->count], from, count * sizeof *more);
  to->count += count;
  free(from);
  return SM_OK;
}

static void leave_out(sm_true_ups *t, const char *invoice) {
  size_t kept = 0;
  for (size_t i = 0; i < t->count; i++) {
    if (strcmp(t->exception[i].invoice, invoice) == 0 &&
        strcmp(t->exception[i].cause, "credit") != 0)
      sm_exception_fini(&t->exception[i]);
    else
      t->exception[kept++] = t->exception[i];
  }
  t->count = kept;
}

sm_err sm_true_ups_replacing(sm_ledger *ledger, const char *account_id, const char *invoice,
                             sm_true_ups *true_ups) {
  sm_true_ups out = {0};
  sm_exception *held = NULL;
  size_t count = 0;
  const sm_exception_query query = {.settled_by = invoice, .limit = SIZE_MAX};
  sm_err err = sm_ledger_true_ups(ledger, account_id, &out.exception, &out.count);
  if (err == SM_OK) {
    leave_out(&out, invoice);
    err = sm_ledger_exceptions(ledger, &query, &held, &count);
  }
  if (err == SM_OK) err = append(&out, held, count);
  return finish(err, &out, true_ups);
}

sm_err sm_true_ups_settle(const sm_true_ups *true_ups, sm_invoice *invoice) {
  invoice->settles = calloc(true_ups->count + 1, sizeof *invoice->settles);
  if (invoice->settles == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < true_ups->count; i++)
    invoice->settles[i] = true_ups->exception[i].exception_no;
  invoice->settle_count = true_ups->count;
  return SM_OK;
}
