/* The part of the gate that API keys go through: the same table, another kind of caller. A key may
 * what its scopes say on the routes that name one, for the devices that it is limited to. */
#ifndef SM_API_KEY_GATE_H
#define SM_API_KEY_GATE_H

#include "api/answer.h"
#include "api/request.h"
#include "api/router.h"

#include <stdbool.h>

struct sm_api;

/* Whether the bearer is meant as a key. */
bool sm_key_gate_is(const sm_request *request);
/* Whether the key may; request->caller is set then. Else the answer is there. */
bool sm_key_gate_pass(struct sm_api *api, const sm_route *route, sm_request *request,
                      sm_answer *answer);

#endif
