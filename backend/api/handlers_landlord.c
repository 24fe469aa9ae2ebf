/* What landlords bring and pay: accounts by file, utility bills and what of them comes back, and
 * one statement of all accounts of a place. */
#include "api/account_hooks.h"
#include "api/api.h"
#include "api/body.h"
#include "api/csv_body.h"
#include "api/list.h"
#include "api/month.h"
#include "api/routes.h"
#include "api/utility_json.h"
#include "base/decimal.h"
#include "invoicing/account_file.h"
#include "invoicing/recovery.h"
#include "invoicing/utility.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- accounts by file ---- */

static void answer_import(sm_api *api, sm_answer *answer, bool dry_run,
                          const sm_account_file_result *result) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_bool(&w, "dry_run", dry_run);
  sm_jsonw_key_int(&w, "accounts", (int64_t)result->accounts);
  sm_jsonw_key_int(&w, "added", (int64_t)result->added);
  sm_jsonw_key_int(&w, "known", (int64_t)result->known);
  sm_jsonw_key_int(&w, "meters", (int64_t)result->meters);
  sm_money_write_key(&w, "opening_balance", result->opening_minor, api->options.currency);
  sm_jsonw_object_end(&w);
}

void sm_handle_account_import(sm_api *api, const sm_request *request, sm_answer *answer) {
  bool dry_run;
  sm_problems problems = {0};
  sm_account_file_result result;
  const sm_invoicing invoicing = sm_api_invoicing(api);
  if (!sm_csv_body_begin(api, request, answer,
                         "a header such as account,person,device and a line an account", &dry_run))
    return;
  const sm_account_file file = {.invoicing = &invoicing,
                                .actor = sm_request_actor(request),
                                .text = request->body.data,
                                .len = request->body.len,
                                .dry_run = dry_run,
                                .now_ms = sm_api_now_ms(api),
                                .hooks = sm_account_hooks(api->options.identity)};
  sm_err err = sm_account_file_import(&file, &problems, &result);
  if (sm_csv_body_end(api, request, answer, err, &problems))
    answer_import(api, answer, dry_run, &result);
}

/* ---- utility bills ---- */

enum { TEXT_CHARS_MAX = SM_UTILITY_TEXT_MAX, TARIFFS_MAX = 20 };

/* The ledger tells the place of the last row only, so it is asked again whether one follows. */
static sm_err more_utilities(sm_api *api, int64_t after, bool *more) {
  sm_utility_bill *bills;
  size_t count;
  int64_t last;
  sm_err err = sm_ledger_utilities(api->options.ledger, after, 1, &bills, &count, &last);
  if (err != SM_OK) return err;
  sm_utility_bills_free(bills, count);
  *more = count > 0;
  return SM_OK;
}

void sm_handle_utilities(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t last = 0;
  sm_page page;
  sm_utility_bill *bills;
  size_t count;
  if (!sm_page_take(request, answer, "utility-bills", &page)) return;
  sm_err err =
      sm_ledger_utilities(api->options.ledger, page.after_no, page.limit, &bills, &count, &last);
  bool more = false;
  if (err == SM_OK && count == page.limit) {
    err = more_utilities(api, last, &more);
    if (err != SM_OK) sm_utility_bills_free(bills, count);
  }
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "utility_bills");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < count; i++) {
    sm_jsonw_object(&w);
    sm_utility_write_members(&w, &bills[i]);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, &page, more, last);
  sm_jsonw_object_end(&w);
  sm_utility_bills_free(bills, count);
}

/* -- entering one -- */

/* A body being read; what the request says is borrowed from it. */
typedef struct entry {
  const json_t *body;
  sm_problems *problems;
  sm_utility_request request;
  const char *tariff[TARIFFS_MAX];
  const char **account; /* heap */
} entry;

static void read_tariffs(entry *e) {
  const json_t *list = sm_body_list(e->body, "", "tariffs", TARIFFS_MAX, e->problems);
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (name != NULL)
      e->tariff[count++] = name;
    else
      sm_problems_add(e->problems, "tariffs", "must be a list of names");
  }
  e->request.tariff = e->tariff;
  e->request.tariff_count = count;
}

static sm_err read_accounts(entry *e) {
  const json_t *list = sm_body_list(e->body, "", "accounts", SM_UTILITY_MEMBERS_MAX, e->problems);
  size_t count = json_array_size(list);
  if (list == NULL) return SM_OK;
  e->account = calloc(count + 1, sizeof *e->account);
  if (e->account == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < count; i++) {
    char path[SM_FIELD_PATH_MAX];
    (void)snprintf(path, sizeof path, "accounts[%zu]", i);
    e->account[i] = json_string_value(json_array_get(list, i));
    if (e->account[i] == NULL) sm_problems_add(e->problems, path, "must be an account_id");
  }
  e->request.accounts = true;
  e->request.account = e->account;
  e->request.account_count = count;
  return SM_OK;
}

static sm_err read_bill(entry *e) {
  sm_utility_request *r = &e->request;
  if (json_object_get(e->body, "main_meter") != NULL)
    sm_body_device_id(e->body, "", "main_meter", &r->main_meter, e->problems);
  sm_body_text(e->body, "", "supplier", false, TEXT_CHARS_MAX, &r->supplier, e->problems);
  sm_body_text(e->body, "", "number", false, TEXT_CHARS_MAX, &r->number, e->problems);
  sm_body_date(e->body, "", "from", &r->has_from, &r->from, e->problems);
  sm_body_date(e->body, "", "to", &r->has_to, &r->to, e->problems);
  r->energy_wh = -1;
  sm_body_milli(e->body, "", "kwh", 0, INT64_C(1000000000000), &r->energy_wh, e->problems);
  r->has_kwh = r->energy_wh >= 0;
  sm_body_text(e->body, "", "amount", false, 32, &r->amount, e->problems);
  sm_body_text(e->body, "", "tax", false, 32, &r->tax, e->problems);
  sm_body_text(e->body, "", "split", false, 16, &r->split, e->problems);
  read_tariffs(e);
  return read_accounts(e);
}

static void answer_recovery(sm_api *api, const sm_request *request, sm_answer *answer,
                            unsigned status, const char *utility_id);

static void enter_bill(sm_api *api, entry *e, const sm_request *request, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  char same[SM_UTILITY_SAME_MAX];
  sm_utility_bill bill = {0};
  sm_err err = read_bill(e);
  if (err == SM_OK)
    err = sm_utility_enter(&invoicing, sm_request_actor(request), &e->request, e->problems, &bill);
  if (err == SM_OK) {
    answer_recovery(api, request, answer, 201, bill.utility_id);
  } else if (err == SM_ERR_EXISTS) {
    sm_utility_say_same(&bill, same);
    sm_answer_field(answer, 409, "number", "%s", same);
  } else if (err == SM_ERR_INVALID && sm_problems_any(e->problems)) {
    sm_answer_problems(answer, 422, e->problems);
  } else {
    sm_api_fail(request, answer, err);
  }
  sm_utility_bill_fini(&bill);
}

void sm_handle_utility_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_problems problems = {0};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  entry e = {.body = body, .problems = &problems};
  if (sm_api_expensive_enter(api, answer)) {
    enter_bill(api, &e, request, answer);
    sm_api_expensive_leave(api);
  }
  free(e.account);
  json_decref(body);
}

/* -- its recovery -- */

static void answer_recovery(sm_api *api, const sm_request *request, sm_answer *answer,
                            unsigned status, const char *utility_id) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_recovery recovery;
  sm_err err = sm_invoicing_recovery(&invoicing, utility_id, &recovery);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, status);
    sm_recovery_write_json(&w, &recovery);
    sm_recovery_fini(&recovery);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else {
    sm_api_fail(request, answer, err);
  }
}

void sm_handle_utility(sm_api *api, const sm_request *request, sm_answer *answer) {
  if (!sm_api_expensive_enter(api, answer)) return;
  answer_recovery(api, request, answer, 200, request->param[0]);
  sm_api_expensive_leave(api);
}

/* -- posting, taking back, cancelling -- */

static void answer_step(sm_api *api, const sm_request *request, sm_answer *answer, sm_err err,
                        const char *exists, const char *conflict) {
  switch (err) {
  case SM_OK:
    answer_recovery(api, request, answer, 200, request->param[0]);
    break;
  case SM_ERR_NOT_FOUND:
    sm_answer_not_found(answer);
    break;
  case SM_ERR_EXISTS:
    sm_answer_problem(answer, 409, "%s", exists);
    break;
  case SM_ERR_CONFLICT:
    sm_answer_problem(answer, 409, "%s", conflict);
    break;
  case SM_ERR_RANGE:
    sm_answer_problem(answer, 409, "its period is not over: the use is not known yet");
    break;
  default:
    sm_api_fail(request, answer, err);
    break;
  }
}

void sm_handle_utility_post(sm_api *api, const sm_request *request, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  if (!sm_api_expensive_enter(api, answer)) return;
  sm_err err = sm_invoicing_recovery_post(&invoicing, sm_request_actor(request), request->param[0],
                                          sm_api_now_ms(api));
  answer_step(api, request, answer, err, "its common part is on the accounts already",
              "the bill is cancelled");
  sm_api_expensive_leave(api);
}

/* The reason of a body, NULL after a problem was answered. The text is the body's. */
static const char *take_reason(json_t *body, sm_answer *answer) {
  const char *reason = NULL;
  sm_problems problems = {0};
  sm_body_text(body, "", "reason", true, SM_UTILITY_REASON_MAX, &reason, &problems);
  if (sm_problems_any(&problems)) sm_answer_problems(answer, 422, &problems);
  return sm_problems_any(&problems) ? NULL : reason;
}

typedef sm_err step_fn(sm_ledger *ledger, sm_actor actor, const char *utility_id,
                       const char *reason);

static void take_step(sm_api *api, const sm_request *request, sm_answer *answer, step_fn *step,
                      const char *exists, const char *conflict) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  const char *reason = take_reason(body, answer);
  if (reason != NULL && sm_api_expensive_enter(api, answer)) {
    sm_err err = step(api->options.ledger, sm_request_actor(request), request->param[0], reason);
    answer_step(api, request, answer, err, exists, conflict);
    sm_api_expensive_leave(api);
  }
  json_decref(body);
}

void sm_handle_utility_reverse(sm_api *api, const sm_request *request, sm_answer *answer) {
  take_step(api, request, answer, sm_ledger_utility_reverse, "", "it is not posted");
}

void sm_handle_utility_cancel(sm_api *api, const sm_request *request, sm_answer *answer) {
  take_step(api, request, answer, sm_ledger_utility_cancel, "it is cancelled already",
            "its common part is on the accounts: take that back first");
}
