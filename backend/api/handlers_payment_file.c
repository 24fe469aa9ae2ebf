/* Payments by file, as a bank gives them. */
#include "api/api.h"
#include "api/csv_body.h"
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
  bool dry_run;
  sm_problems problems = {0};
  sm_payment_file_result result;
  const sm_invoicing invoicing = sm_api_invoicing(api);
  if (!sm_csv_body_begin(api, request, answer,
                         "a header such as "
                         "account,amount,received,reference and a line a payment",
                         &dry_run))
    return;
  const sm_payment_file file = {.invoicing = &invoicing,
                                .actor = sm_request_actor(request),
                                .text = request->body.data,
                                .len = request->body.len,
                                .dry_run = dry_run,
                                .now_ms = sm_api_now_ms(api)};
  sm_err err = sm_payment_file_import(&file, &problems, &result);
  if (sm_csv_body_end(api, request, answer, err, &problems))
    answer_import(api, answer, dry_run, &result);
}
