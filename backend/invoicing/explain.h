/* Why a bill is what it is, from the stores: what GET …/explain answers and what a dispute keeps.
 *
 * A month without a valid invoice is explained as it would be billed now. One that is issued is
 * explained by the invoice's own tariff versions and corrections, and by the readings as they are
 * now: if those are others than the invoice stands on, it says so, with what the month would come
 * to. Threads and errors as invoicing.h. */
#ifndef SM_INVOICING_EXPLAIN_H
#define SM_INVOICING_EXPLAIN_H

#include "base/buf.h"
#include "invoicing/invoicing.h"

/* Appends the explanation as one JSON object: `invoice` (null: none is issued) and the members of
 * sm_billing_explain. The query and its errors are those of sm_invoicing_bill. */
SM_MUST_CHECK sm_err sm_invoicing_explain_json(const sm_invoicing *invoicing,
                                               const sm_invoicing_query *query, sm_buf *out);
/* The same of an invoice by its number, cancelled or not. SM_ERR_NOT_FOUND also for a credit note.
 */
SM_MUST_CHECK sm_err sm_invoicing_explain_invoice(const sm_invoicing *invoicing, const char *number,
                                                  int64_t now_ms, sm_buf *out);

#endif
