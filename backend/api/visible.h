/* What of a device a caller may see: all of it for an admin, the intervals of their own accounts
 * for a consumer. None is a 404, the same as for a device that is not there. */
#ifndef SM_API_VISIBLE_H
#define SM_API_VISIBLE_H

#include "api/answer.h"
#include "api/request.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>

struct sm_api;

typedef struct sm_visible {
  sm_interval *interval; /* by time, apart from each other */
  size_t count;
} sm_visible;

/* Of the device request->param[0]. False: nothing, and the answer (404, or a failure) is there.
 * That the device exists is not said for an admin. fini after true. */
bool sm_visible_of(struct sm_api *api, const sm_request *request, sm_answer *answer,
                   sm_visible *visible);
/* Of any device; SM_ERR_NOT_FOUND: nothing. */
SM_MUST_CHECK sm_err sm_visible_get(struct sm_api *api, const sm_request *request,
                                    const char *device_id, sm_visible *visible);
void sm_visible_fini(sm_visible *visible);

bool sm_visible_at(const sm_visible *visible, int64_t at_ms);

#endif
