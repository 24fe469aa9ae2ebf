/* Payments by file, as a bank gives them. */
#include "api/api.h"
#include "api/routes.h"
#include "invoicing/payment_file.h"
#include "model/money.h"

static void answer_import(sm_api *api, sm_answer *answer, bool dry_run,
                          const sm_payment_file_result *result) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_bool(&w, "dry_run", dry_run);
  sm_jsonw_key_int(&w, "payments", (int64_t)result->payments);
  sm_jsonw_key_int(&w, "added", (int64_t)result->added);
  sm_jsonw_key_int(&w, "known", (int64_t)result->known);
  sm_money_write_key(&w, "amount", result->added_minor, api->options.currency);
  sm_jsonw_object_end(&w);
}

void sm_handle_payment_import(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t dry_run;
  sm_problems problems = {0};
  sm_payment_file_result result;
  const sm_invoicing invoicing = sm_api_invoicing(api);
  if (!sm_request_param_int(request, answer, "dry_run", 0, 1, 0, &dry_run) ||
      !sm_request_body_is(request, answer, "text/csv"))
    return;
  if (request->body.len == 0) {
    sm_answer_problem(answer, 400,
                      "The body must be CSV: a header such as "
                      "account,amount,received,reference and a line a payment");
    return;
  }
  if (!sm_api_expensive_enter(api, answer)) return;
  const sm_payment_file file = {.invoicing = &invoicing,
                                .actor = sm_request_actor(request),
                                .text = request->body.data,
                                .len = request->body.len,
                                .dry_run = dry_run != 0,
                                .now_ms = sm_api_now_ms(api)};
  sm_err err = sm_payment_file_import(&file, &problems, &result);
  sm_api_expensive_leave(api);
  if (err == SM_OK)
    answer_import(api, answer, file.dry_run, &result);
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else
    sm_api_fail(request, answer, err);
}
