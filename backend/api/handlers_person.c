/* A person's data: exported, by themselves too, and erased. */
#include "api/api.h"
#include "api/routes.h"
#include "auth/identity_people.h"
#include "auth/person.h"

#include <string.h>

void sm_handle_person_export(sm_api *api, const sm_request *request, sm_answer *answer) {
  const char *own = sm_request_own_user(request);
  if (own != NULL && strcmp(own, request->param[0]) != 0) {
    sm_answer_not_found(answer);
    return;
  }
  if (!sm_api_expensive_enter(api, answer)) return;
  (void)sm_answer_json(answer, 200);
  sm_err err = sm_person_export(api->options.ledger, sm_identity_sealer(api->options.identity),
                                request->param[0], sm_api_now_ms(api), &answer->body);
  sm_api_expensive_leave(api);
  if (err == SM_OK)
    sm_answer_header_add(answer, "Content-Disposition", "attachment; filename=\"person.json\"");
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_person_erase(sm_api *api, const sm_request *request, sm_answer *answer) {
  size_t accounts = 0;
  sm_date today = sm_zone_date(api->options.zone, sm_api_now_ms(api));
  sm_err err = sm_identity_erase(api->options.identity, sm_request_actor(request),
                                 request->param[0], today, &accounts);
  if (err == SM_OK || err == SM_ERR_EXISTS)
    sm_answer_empty(answer, 204);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_CONFLICT)
    sm_answer_problem(answer, 409,
                      "A tenancy of theirs goes on: end it, and issue its last bill, first.");
  else if (err == SM_ERR_DENIED)
    sm_answer_problem(answer, 409, "This is the last administrator: add another one first.");
  else
    sm_api_fail(request, answer, err);
}
