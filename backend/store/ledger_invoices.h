/* Looking for invoices in the whole deployment. A part of the ledger's contract: what
 * store/ledger.h says of threads, transactions, texts and errors holds here too. */
#ifndef SM_STORE_LEDGER_INVOICES_H
#define SM_STORE_LEDGER_INVOICES_H

#include "store/ledger.h"

enum { SM_INVOICE_SCAN_MAX = 2000 }; /* invoices that one call looks at */

/* What is not NULL must hold. */
typedef struct sm_invoice_wish {
  const char *month;  /* "2026-01" */
  const char *kind;   /* "invoice", "credit_note" */
  const char *status; /* sm_invoice.status */
  const char *account_id;
  const char *text; /* in the number, the place or the meter's id; in any case of letters */
} sm_invoice_wish;

typedef struct sm_invoice_row {
  sm_invoice invoice; /* without body and snapshot */
  char *place;        /* NULL */
  bool estimated;
} sm_invoice_row;

typedef struct sm_invoice_rows {
  sm_invoice_row *item;
  size_t count;
  bool more;       /* there are others to look at, after last_no */
  int64_t last_no; /* the last one that was looked at; after_no if there is none */
} sm_invoice_rows;
void sm_invoice_rows_fini(sm_invoice_rows *rows);

/* By issue, after `after_no` (0 first). Since a status follows from other rows, a call may look at
 * SM_INVOICE_SCAN_MAX of them and give fewer than `limit`, with `more`. fini after success. */
SM_MUST_CHECK sm_err sm_ledger_invoices_find(sm_ledger *ledger, const sm_invoice_wish *wish,
                                             int64_t after_no, size_t limit, sm_invoice_rows *rows);

#endif
