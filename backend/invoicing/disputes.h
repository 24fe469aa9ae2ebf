/* Opening a dispute: the bill's explanation as it is at that moment stays with it.
 *
 * Threads and errors as for invoicing.h. */
#ifndef SM_INVOICING_DISPUTES_H
#define SM_INVOICING_DISPUTES_H

#include "invoicing/invoicing.h"
#include "store/ledger_money.h"

/* Writes the explanation of an issued invoice as JSON. */
typedef sm_err sm_explain_fn(void *context, const sm_invoice *invoice, sm_buf *out);

typedef struct sm_dispute_request {
  sm_actor actor;
  const char *number;
  const char *text;
  int64_t now_ms;
  sm_explain_fn *explain; /* NULL: the invoice's own bill is kept */
  void *context;
} sm_dispute_request;

/* *dispute_no is set. The errors of sm_ledger_dispute_open. If no explanation can be made the bill
 * is kept: nobody is kept from disputing by that. */
SM_MUST_CHECK sm_err sm_invoicing_dispute(const sm_invoicing *invoicing,
                                          const sm_dispute_request *request, int64_t *dispute_no);

#endif
