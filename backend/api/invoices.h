/* What the handlers of invoices share. */
#ifndef SM_API_INVOICES_H
#define SM_API_INVOICES_H

#include "api/answer.h"
#include "api/request.h"
#include "store/ledger.h"

struct sm_api;

/* The invoice request->param[1] of the meter request->param[0], if the caller may see it; the
 * caller frees it. SM_ERR_NOT_FOUND also for somebody else's. */
SM_MUST_CHECK sm_err sm_api_find_invoice(struct sm_api *api, const sm_request *request,
                                         sm_invoice *invoice);
/* The members of an invoice, without its bill, in an object that is open. */
void sm_api_write_invoice(sm_jsonw *w, const sm_invoice *invoice);
/* Answers with an invoice and its bill. */
void sm_api_answer_invoice(sm_answer *answer, unsigned status, const sm_invoice *invoice);

#endif
