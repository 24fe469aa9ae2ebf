#include "base/checked.h"
#include "store/ledger_money.h"

#include <stdlib.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* The debit that a credit names; NULL if it names none that holds. */
static const sm_debit *named(const sm_statement *s, const sm_credit_item *credit,
                             int64_t as_of_ms) {
  if (credit->invoice_no == 0) return NULL;
  for (size_t i = 0; i < s->debit_count; i++) {
    const sm_debit *debit = &s->debit[i];
    if (debit->invoice_no == credit->invoice_no && !debit->fee && debit->at_ms <= as_of_ms)
      return debit;
  }
  return NULL;
}

/* What the credits leave over after what they name is paid. */
static sm_err pay_named(const sm_statement *s, int64_t as_of_ms, int64_t *settled, int64_t *left) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < s->credit_count; i++) {
    const sm_credit_item *credit = &s->credit[i];
    if (credit->at_ms > as_of_ms) continue;
    int64_t over = credit->amount_minor;
    const sm_debit *debit = named(s, credit, as_of_ms);
    if (debit != NULL) {
      int64_t *so_far = &settled[debit - s->debit];
      int64_t part = least(over, debit->amount_minor - *so_far);
      *so_far += part;
      over -= part;
    }
    err = sm_add_i64(*left, over, left);
  }
  return err;
}

sm_err sm_statement_settle(const sm_statement *statement, int64_t as_of_ms, int64_t *settled,
                           int64_t *spare_minor) {
  int64_t left = 0;
  for (size_t i = 0; i < statement->debit_count; i++) settled[i] = 0;
  sm_err err = pay_named(statement, as_of_ms, settled, &left);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < statement->debit_count; i++) {
    const sm_debit *debit = &statement->debit[i];
    if (debit->at_ms > as_of_ms) continue;
    int64_t part = least(left, debit->amount_minor - settled[i]);
    settled[i] += part;
    left -= part;
  }
  if (spare_minor != NULL) *spare_minor = left;
  return SM_OK;
}

/* Every fini leaves a zeroed struct, as in ledger_types.c. */

void sm_statement_fini(sm_statement *statement) {
  if (statement == NULL) return;
  for (size_t i = 0; i < statement->debit_count; i++) {
    free(statement->debit[i].number);
    free(statement->debit[i].month);
  }
  free(statement->debit);
  free(statement->credit);
  free(statement->account_id);
  *statement = (sm_statement){0};
}

void sm_statements_free(sm_statement *statements, size_t count) {
  for (size_t i = 0; i < count; i++) sm_statement_fini(&statements[i]);
  free(statements);
}

void sm_entry_fini(sm_entry *entry) {
  if (entry == NULL) return;
  free(entry->kind);
  free(entry->currency);
  free(entry->invoice);
  free(entry->method);
  free(entry->reference);
  free(entry->reason);
  free(entry->made_by);
  *entry = (sm_entry){0};
}

void sm_entries_free(sm_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) sm_entry_fini(&entries[i]);
  free(entries);
}

void sm_exception_fini(sm_exception *exception) {
  if (exception == NULL) return;
  for (size_t i = 0; i < exception->tax_count; i++) free(exception->tax[i].name);
  free(exception->tax);
  free(exception->account_id);
  free(exception->device_id);
  free(exception->invoice);
  free(exception->month);
  free(exception->cause);
  free(exception->state);
  free(exception->readings_hash);
  free(exception->currency);
  free(exception->body);
  free(exception->decided_by);
  free(exception->reason);
  free(exception->settled_by);
  *exception = (sm_exception){0};
}

void sm_exceptions_free(sm_exception *exceptions, size_t count) {
  for (size_t i = 0; i < count; i++) sm_exception_fini(&exceptions[i]);
  free(exceptions);
}

void sm_rebills_free(sm_rebill *rebills, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(rebills[i].invoice);
    free(rebills[i].tariff);
  }
  free(rebills);
}

void sm_dispute_fini(sm_dispute *dispute) {
  if (dispute == NULL) return;
  free(dispute->account_id);
  free(dispute->device_id);
  free(dispute->invoice);
  free(dispute->month);
  free(dispute->opened_by);
  free(dispute->text);
  free(dispute->explanation);
  free(dispute->resolved_by);
  free(dispute->resolution);
  *dispute = (sm_dispute){0};
}

void sm_disputes_free(sm_dispute *disputes, size_t count) {
  for (size_t i = 0; i < count; i++) sm_dispute_fini(&disputes[i]);
  free(disputes);
}
