#include "invoicing/payment_file.h"

#include "base/checked.h"
#include "invoicing/account_meant.h"
#include "invoicing/payments.h"
#include "invoicing/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum column { ACCOUNT, AMOUNT, RECEIVED, REFERENCE, METHOD, INVOICE, NOTE, COLUMNS } column;

static const char *const names[COLUMNS] = {
    [ACCOUNT] = "account",     [AMOUNT] = "amount", [RECEIVED] = "received",
    [REFERENCE] = "reference", [METHOD] = "method", [INVOICE] = "invoice",
    [NOTE] = "note",
};

static const sm_table_form form = {.column = names,
                                   .column_count = COLUMNS,
                                   .required = REFERENCE + 1,
                                   .row = "payment",
                                   .rows_max = SM_PAYMENT_FILE_ROWS_MAX,
                                   .bytes_max = SM_PAYMENT_FILE_BYTES_MAX};

typedef struct work {
  const sm_payment_file *file;
  sm_problems *problems;
  sm_table rows;
  sm_entry_new *entry; /* one a row, and so the two below */
  char **account_id;
  bool *added;
} work;

static const char *given(const sm_table_row *row, column c) {
  return row->text[c][0] != '\0' ? row->text[c] : NULL;
}

/* ---- one row ---- */

static sm_err take_account(work *w, const sm_table_row *row, char **account_id) {
  char why[SM_ACCOUNT_WHY_MAX];
  if (given(row, ACCOUNT) == NULL) {
    sm_table_problem(w->problems, row, names[ACCOUNT], "is required");
    return SM_OK;
  }
  sm_err err = sm_account_meant(w->file->invoicing->ledger, row->text[ACCOUNT], account_id, why);
  if (err != SM_ERR_NOT_FOUND && err != SM_ERR_CONFLICT) return err;
  sm_table_problem(w->problems, row, names[ACCOUNT], "%s", why);
  return SM_OK;
}

static void take_received(work *w, const sm_table_row *row, int64_t *received_ms) {
  if (given(row, RECEIVED) == NULL)
    sm_table_problem(w->problems, row, names[RECEIVED], "is required: a day such as 2026-02-15");
  else if (sm_payment_received(w->file->invoicing, row->text[RECEIVED], received_ms) != SM_OK)
    sm_table_problem(w->problems, row, names[RECEIVED],
                     "is '%.30s': give a day such as 2026-02-15, or a time such as "
                     "2026-02-15T12:00:00+05:30",
                     row->text[RECEIVED]);
}

/* What a single payment would be told, by line. */
static void check_payment(work *w, const sm_table_row *row, const sm_payment *p,
                          sm_entry_new *entry) {
  sm_problems found = {0};
  sm_payment_check(w->file->invoicing, p, w->file->now_ms, &found, entry);
  for (size_t i = 0; i < found.count && i < SM_PROBLEMS_MAX; i++) {
    const char *field = found.item[i].field;
    bool received = strcmp(field, "received_at") == 0;
    if (received && p->received_ms == INT64_MIN) continue; /* told already */
    sm_table_problem(w->problems, row, received ? names[RECEIVED] : field, "%s",
                     found.item[i].message);
  }
}

static sm_err take_row(work *w, size_t i) {
  const sm_table_row *row = &w->rows.item[i];
  sm_payment p = {.amount = row->text[AMOUNT],
                  .received_ms = INT64_MIN,
                  .method = given(row, METHOD),
                  .reference = given(row, REFERENCE),
                  .invoice = given(row, INVOICE),
                  .note = given(row, NOTE)};
  sm_err err = take_account(w, row, &w->account_id[i]);
  if (err != SM_OK) return err;
  take_received(w, row, &p.received_ms);
  p.account_id = w->account_id[i];
  check_payment(w, row, &p, &w->entry[i]);
  return SM_OK;
}

static sm_err take_rows(work *w) {
  sm_err err = SM_OK;
  w->entry = calloc(w->rows.count + 1, sizeof *w->entry);
  w->account_id = calloc(w->rows.count + 1, sizeof(char *));
  w->added = calloc(w->rows.count + 1, sizeof *w->added);
  if (w->entry == NULL || w->account_id == NULL || w->added == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < w->rows.count && err == SM_OK; i++) err = take_row(w, i);
  return err == SM_OK && sm_problems_any(w->problems) ? SM_ERR_INVALID : err;
}

/* ---- all ---- */

static sm_err tell(work *w, size_t failed, sm_err err) {
  const sm_table_row *row = &w->rows.item[failed];
  if (err == SM_ERR_EXISTS)
    sm_table_problem(w->problems, row, names[REFERENCE],
                     "'%.80s' is that of another entry of this account, which says something else",
                     row->text[REFERENCE]);
  else if (err == SM_ERR_CONFLICT)
    sm_table_problem(w->problems, row, names[INVOICE],
                     "'%.20s' is none of this account's valid invoices", row->text[INVOICE]);
  else
    return err;
  return SM_ERR_INVALID;
}

static sm_err store(work *w, sm_payment_file_result *result) {
  size_t failed = 0;
  sm_payment_file_result out = {.payments = w->rows.count};
  sm_err err = sm_ledger_entries_add(w->file->invoicing->ledger, w->file->actor, w->entry,
                                     w->rows.count, w->file->dry_run, w->added, &failed);
  if (err != SM_OK) return tell(w, failed, err);
  for (size_t i = 0; i < w->rows.count && err == SM_OK; i++) {
    out.added += w->added[i];
    out.known += !w->added[i];
    if (w->added[i]) err = sm_sub_i64(out.added_minor, w->entry[i].amount_minor, &out.added_minor);
  }
  if (err == SM_OK) *result = out;
  return err;
}

static void fini(work *w) {
  for (size_t i = 0; w->account_id != NULL && i < w->rows.count; i++) free(w->account_id[i]);
  free(w->account_id);
  free(w->entry);
  free(w->added);
  sm_table_fini(&w->rows);
}

sm_err sm_payment_file_import(const sm_payment_file *file, sm_problems *problems,
                              sm_payment_file_result *result) {
  work w = {.file = file, .problems = problems};
  sm_err err = sm_table_init(&form, file->text, file->len, problems, &w.rows);
  if (err == SM_OK) err = take_rows(&w);
  if (err == SM_OK) err = store(&w, result);
  fini(&w);
  return err;
}
