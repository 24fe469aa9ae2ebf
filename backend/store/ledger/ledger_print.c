#include "store/ledger_print.h"

#include "store/ledger/ledger_internal.h"

#include <stdlib.h>

sm_err sm_ledger_invoices_of_month(sm_ledger *ledger, const char *month, int64_t **after_no,
                                   size_t *count) {
  sm_sql *db;
  int64_t *list = NULL;
  size_t cap = 0, n = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  /* All of it is in the index of (account, kind, month, revision): no bill is read for this. */
  sm_sql_stmt q = sm_sql_use(db, "SELECT invoice_no FROM invoice WHERE month = ?1 ORDER BY 1");
  sm_sql_bind_text(&q, 1, month);
  while (sm_sql_row(&q)) {
    int64_t *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    list[n++] = sm_sql_i64(&q, 0) - 1;
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    free(list);
    return err;
  }
  *after_no = list;
  *count = n;
  return SM_OK;
}
