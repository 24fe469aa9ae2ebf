/* The parameter `month` of what is about a month. */
#ifndef SM_API_MONTH_H
#define SM_API_MONTH_H

#include "api/api.h"
#include "api/request.h"

/* The running month if it is not given. False: the answer is a 400 that names it. */
bool sm_request_param_month(const sm_api *api, const sm_request *request, sm_answer *answer,
                            int *year, int *month);

#endif
