/* Corrections that wait for the next invoice of a tenancy that has ended and has none: they go on
 * its last one, which is taken back and issued again with them, in one transaction. So the
 * account's balance has them, on a document with its taxes.
 *
 * Threads and errors as for invoicing.h. */
#ifndef SM_INVOICING_CLOSING_H
#define SM_INVOICING_CLOSING_H

#include "invoicing/recheck.h"

/* *closed counts the invoices issued again. Left as it is, to wait: an account whose last invoice
 * is disputed, or would change by more than what waits (that is for a person to decide), or whose
 * last month may still be issued. Once each, however often it runs. */
SM_MUST_CHECK sm_err sm_invoicing_close(const sm_invoicing *invoicing, sm_actor actor,
                                        int64_t now_ms, sm_go_on_fn *go_on, void *context,
                                        uint64_t *closed);

#endif
