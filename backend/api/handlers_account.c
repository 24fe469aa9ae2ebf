#include "api/account_json.h"
#include "api/api.h"
#include "api/list.h"
#include "api/routes.h"
#include "model/money.h"
#include "store/ledger_money.h"

#include <stdlib.h>
#include <string.h>

/* An account, with what it owes now. */
static sm_err write_account(sm_api *api, sm_jsonw *w, const sm_account *account) {
  int64_t balance_minor;
  sm_err err =
      sm_ledger_balance(api->options.ledger, account->account_id, INT64_MAX, &balance_minor);
  if (err != SM_OK) return err;
  sm_jsonw_object(w);
  err = sm_account_write_members(w, account, api->options.identity);
  sm_money_write_key(w, "balance", balance_minor, api->options.currency);
  sm_jsonw_object_end(w);
  return err;
}

void sm_handle_accounts(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_page page;
  if (!sm_page_take(request, answer, "accounts", &page)) return;
  sm_account *accounts;
  size_t count;
  sm_err err = sm_ledger_accounts(api->options.ledger, sm_request_own_user(request), page.key,
                                  page.limit + 1, &accounts, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  size_t shown = sm_page_shown(&page, count);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "accounts");
  sm_jsonw_array(&w);
  for (size_t i = 0; err == SM_OK && i < shown; i++) err = write_account(api, &w, &accounts[i]);
  sm_jsonw_array_end(&w);
  sm_page_write_next(&w, &page, shown<count, shown> 0 ? accounts[shown - 1].account_id : NULL);
  sm_jsonw_object_end(&w);
  sm_accounts_free(accounts, count);
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

static void answer_account(sm_api *api, const sm_request *request, sm_answer *answer,
                           unsigned status, const char *account_id) {
  sm_account account;
  const char *own = sm_request_own_user(request);
  sm_err err = sm_ledger_account(api->options.ledger, account_id, &account);
  if (err == SM_OK) {
    if (own != NULL && (account.user_id == NULL || strcmp(account.user_id, own) != 0)) {
      err = SM_ERR_NOT_FOUND;
    } else {
      sm_jsonw w = sm_answer_json(answer, status);
      err = write_account(api, &w, &account);
    }
    sm_account_fini(&account);
  }
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
}

void sm_handle_account(sm_api *api, const sm_request *request, sm_answer *answer) {
  answer_account(api, request, answer, 200, request->param[0]);
}

/* What the ledger or the body's reading says of a change, as an answer. */
static void answer_refusal(const sm_request *request, sm_answer *answer, sm_err err,
                           const sm_problems *problems) {
  if (sm_problems_any(problems))
    sm_answer_problems(answer, 422, problems);
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(answer, 409, "meters",
                    "a meter would serve two accounts with the same sign at the same time");
  else if (err == SM_ERR_DENIED)
    sm_answer_field(answer, 409, "",
                    "dates, meters, tariffs and load of months that are invoiced cannot be "
                    "changed: change them from a later day");
  else if (err == SM_ERR_INVALID)
    sm_answer_field(answer, 422, "to", "must not be before 'from'");
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_field(answer, 422, "meters", "a meter or tariff that is named is not there");
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_account_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  sm_account account = {0};
  sm_account_body with = {.ledger = api->options.ledger,
                          .identity = api->options.identity,
                          .actor = sm_request_actor(request)};
  sm_err err = sm_account_read_json(&with, body, true, &account, &problems);
  if (err == SM_OK) err = sm_ledger_account_add(api->options.ledger, with.actor, &account);
  if (err == SM_OK)
    answer_account(api, request, answer, 201, account.account_id);
  else
    answer_refusal(request, answer, err, &problems);
  sm_account_fini(&account);
  json_decref(body);
}

static void change(sm_api *api, const sm_request *request, sm_answer *answer, const json_t *body,
                   sm_account *account) {
  sm_problems problems = {0};
  sm_account_body with = {.ledger = api->options.ledger,
                          .identity = api->options.identity,
                          .actor = sm_request_actor(request)};
  sm_err err = sm_account_read_json(&with, body, false, account, &problems);
  if (err == SM_OK) err = sm_ledger_account_change(api->options.ledger, with.actor, account);
  if (err == SM_OK)
    answer_account(api, request, answer, 200, account->account_id);
  else
    answer_refusal(request, answer, err, &problems);
}

void sm_handle_account_change(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_account account;
  sm_err err = sm_ledger_account(api->options.ledger, request->param[0], &account);
  if (err == SM_OK) {
    change(api, request, answer, body, &account);
    sm_account_fini(&account);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else {
    sm_api_fail(request, answer, err);
  }
  json_decref(body);
}
