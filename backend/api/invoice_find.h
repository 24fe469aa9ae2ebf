/* The invoice that a request names, if its caller may see it. */
#ifndef SM_API_INVOICE_FIND_H
#define SM_API_INVOICE_FIND_H

#include "api/answer.h"
#include "api/request.h"
#include "store/ledger.h"

#include <stdbool.h>

struct sm_api;

/* The invoice {number} of an account that the device {id} served, the path's two parameters. False:
 * answered, with a 404 if it is absent or somebody else's. The caller finis *invoice. */
bool sm_invoice_find(struct sm_api *api, const sm_request *request, sm_answer *answer,
                     sm_invoice *invoice);

#endif
