/* What printing asks of the ledger beside store/ledger.h: the invoices of a month, all of them.
 * The same rules hold. */
#ifndef SM_STORE_LEDGER_PRINT_H
#define SM_STORE_LEDGER_PRINT_H

#include "store/ledger.h"

/* The invoices and credit notes for a month ("2026-01"), in the order of their issue, as the
 * cursors of sm_ledger_invoices: the one before each of them, so that a list of one row after it
 * gives that invoice. A heap list that the caller frees, NULL if there are none. */
SM_MUST_CHECK sm_err sm_ledger_invoices_of_month(sm_ledger *ledger, const char *month,
                                                 int64_t **after_no, size_t *count);

#endif
