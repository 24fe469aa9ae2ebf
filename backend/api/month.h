/* What of requests is about a month. */
#ifndef SM_API_MONTH_H
#define SM_API_MONTH_H

#include "api/api.h"
#include "api/request.h"

/* The running month if it is not given. False: the answer is a 400 that names it. */
bool sm_request_param_month(const sm_api *api, const sm_request *request, sm_answer *answer,
                            int *year, int *month);
/* The bill that is asked for: the meter of the path, `account` and `month`, as the caller may see
 * it. False: the answer is a 400. */
bool sm_request_bill_query(const sm_api *api, const sm_request *request, sm_answer *answer,
                           sm_invoicing_query *query);

#endif
