#include "api/csv_body.h"

bool sm_csv_body_begin(sm_api *api, const sm_request *request, sm_answer *answer, const char *what,
                       bool *dry_run) {
  int64_t dry = 0;
  if (!sm_request_param_int(request, answer, "dry_run", 0, 1, 0, &dry) ||
      !sm_request_body_is(request, answer, "text/csv"))
    return false;
  *dry_run = dry != 0;
  if (request->body.len == 0) {
    sm_answer_problem(answer, 400, "The body must be CSV: %s", what);
    return false;
  }
  return sm_api_expensive_enter(api, answer);
}

bool sm_csv_body_end(sm_api *api, const sm_request *request, sm_answer *answer, sm_err err,
                     const sm_problems *problems) {
  sm_api_expensive_leave(api);
  if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, problems);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
  return err == SM_OK;
}
