/* Many invoices in one transaction. */
#include "store/ledger_issue.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

sm_err sm_ledger_basis_check(sm_sql *db, const char *account_id, const sm_issue_basis *basis,
                             int64_t tariffs_no) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT a.changed_no, coalesce((SELECT max(e.entry_no) FROM entry e "
          "WHERE e.account_no = a.account_no), 0) FROM account a WHERE a.account_id = ?1");
  sm_sql_bind_text(&q, 1, account_id);
  bool found = sm_sql_row(&q);
  bool same = found && sm_sql_i64(&q, 0) == basis->changed_no &&
              sm_sql_i64(&q, 1) == basis->entry_no && tariffs_no == basis->tariffs_no;
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  return err == SM_OK && !same ? SM_ERR_CONFLICT : err;
}

static sm_err issue_all(sm_sql *db, sm_ledger_issuing *run, sm_issue_item *items, size_t count) {
  sm_err err = sm_ledger_tariffs_no(db, &run->tariffs_no);
  return err == SM_OK ? sm_ledger_invoice_put_all(db, run, items, count) : err;
}

sm_err sm_ledger_issue_batch(sm_ledger *ledger, sm_actor actor, const char *prefix,
                             const char *financial_year, sm_issue_item *items, size_t count) {
  sm_sql *db;
  sm_ledger_issuing run = {
      .actor = actor, .prefix = prefix, .financial_year = financial_year, .last_serial = -1};
  if (count == 0) return SM_OK;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) err = sm_ledger_write_end(ledger, issue_all(db, &run, items, count));
  if (err == SM_OK) return SM_OK;
  for (size_t i = 0; i < count; i++) {
    free(items[i].invoice.number);
    items[i].invoice.number = NULL;
    items[i].err = err;
  }
  return err;
}
