/* POST /api/tariffs with "rebill": true. */
#ifndef SM_API_REBILL_H
#define SM_API_REBILL_H

#include "api/answer.h"
#include "api/request.h"
#include "model/tariff.h"

struct sm_api;

/* Without the parameter `confirm` it answers 200 with what the version would change, and changes
 * nothing; with the `confirm` of that answer it adds the version (201), unless the effects have
 * changed since (409). What takes longer than `wait` seconds (0 to 10, 5) goes on by itself and is
 * answered 202 with how far it is: the same request again gets what came of it, once. */
void sm_api_rebill(struct sm_api *api, const sm_request *request, const sm_tariff *tariff,
                   sm_answer *answer);

#endif
