#include "api/visible.h"

#include "api/api.h"

#include <stdlib.h>

/* Joins intervals that touch or overlap: a meter may serve two accounts of one person at once. */
static size_t join(sm_interval *interval, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && interval[i].from_ms <= interval[kept - 1].to_ms) {
      if (interval[i].to_ms > interval[kept - 1].to_ms)
        interval[kept - 1].to_ms = interval[i].to_ms;
    } else {
      interval[kept++] = interval[i];
    }
  }
  return kept;
}

sm_err sm_visible_get(sm_api *api, const sm_request *request, const char *device_id,
                      sm_visible *visible) {
  sm_visible out = {0};
  if (sm_request_is_admin(request)) {
    out.interval = calloc(1, sizeof *out.interval);
    if (out.interval == NULL) return SM_ERR_NOMEM;
    out.interval[0] = (sm_interval){.from_ms = INT64_MIN, .to_ms = INT64_MAX};
    out.count = 1;
  } else {
    sm_err err = sm_ledger_device_intervals(api->options.ledger, request->caller.user_id, device_id,
                                            &out.interval, &out.count);
    if (err != SM_OK) return err;
    out.count = join(out.interval, out.count);
  }
  if (out.count > 0) {
    *visible = out;
    return SM_OK;
  }
  free(out.interval);
  return SM_ERR_NOT_FOUND;
}

bool sm_visible_of(sm_api *api, const sm_request *request, sm_answer *answer, sm_visible *visible) {
  sm_err err = sm_visible_get(api, request, request->param[0], visible);
  if (err == SM_OK) return true;
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
  return false;
}

void sm_visible_fini(sm_visible *visible) {
  free(visible->interval);
  *visible = (sm_visible){0};
}

bool sm_visible_at(const sm_visible *visible, int64_t at_ms) {
  for (size_t i = 0; i < visible->count; i++)
    if (at_ms >= visible->interval[i].from_ms && at_ms < visible->interval[i].to_ms) return true;
  return false;
}
