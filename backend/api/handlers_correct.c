/* Credit notes, months issued again, and exceptions: what an issued month would be now. */
#include "api/api.h"
#include "api/body.h"
#include "api/correction_json.h"
#include "api/invoices.h"
#include "api/list.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "invoicing/correct.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What keeps a month from being issued, in words. */
static void answer_refusal(sm_answer *answer, const char *why) {
  if (strcmp(why, "not_settled") == 0)
    sm_answer_field(answer, 409, "month",
                    "is not settled yet: there is no reading after its end, and it is not long "
                    "over enough to be issued as estimated");
  else
    sm_answer_field(answer, 409, "month", "has no meter or no reading to issue an invoice by");
}

/* What the errors of issuing and taking back have in common. */
static void answer_failure(const sm_request *request, sm_answer *answer, sm_err err,
                           const char *why) {
  if (err == SM_ERR_DENIED && why != NULL)
    answer_refusal(answer, why);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_RANGE)
    sm_answer_field(answer, 422, "month", "is not over");
  else if (err == SM_ERR_INVALID)
    sm_answer_field(answer, 422, "reason", "is required: the month had an invoice before");
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(answer, 409, "", "something was decided at the same time: look again");
  else
    sm_api_fail(request, answer, err);
}

/* ---- a credit note ---- */

void sm_handle_credit(sm_api *api, const sm_request *request, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_problems problems = {0};
  sm_invoice invoice = {0};
  sm_invoice note = {0};
  const char *reason = NULL;
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_body_text(body, "", "reason", true, SM_REASON_MAX, &reason, &problems);
  sm_err err = sm_api_find_invoice(api, request, &invoice);
  if (err == SM_OK && sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else {
    if (err == SM_OK)
      err = sm_invoicing_credit(&invoicing, sm_request_actor(request), invoice.number, reason,
                                sm_api_now_ms(api), &note);
    if (err == SM_OK)
      sm_api_answer_invoice(answer, 201, &note);
    else if (err == SM_ERR_EXISTS)
      sm_answer_field(answer, 409, "number", "is taken back already");
    else
      answer_failure(request, answer, err, NULL);
  }
  sm_invoice_fini(&note);
  sm_invoice_fini(&invoice);
  json_decref(body);
}

/* ---- a month of one account ---- */

/* The account that is meant: the one that is named and has the meter, or the one that it served
 * last in the month. A heap text. */
static sm_err find_account(sm_api *api, const sm_request *request, const char *named,
                           const sm_one_month *month, char **account_id) {
  const sm_zone *zone = api->options.zone;
  const int64_t from_ms = sm_zone_month_start_ms(zone, month->year, month->month);
  const sm_date next =
      sm_date_add_months((sm_date){.year = month->year, .month = month->month, .day = 1}, 1);
  sm_account account = {0};
  sm_err err =
      named != NULL
          ? sm_ledger_account(api->options.ledger, named, &account)
          : sm_ledger_account_of_device(api->options.ledger, request->param[0], NULL, from_ms,
                                        sm_zone_day_start_ms(zone, next), &account);
  if (err != SM_OK) return err;
  bool served = named == NULL;
  for (size_t i = 0; i < account.meter_count; i++)
    served = served || strcmp(account.meter[i].device_id, request->param[0]) == 0;
  if (served) {
    *account_id = account.account_id;
    account.account_id = NULL;
  }
  sm_account_fini(&account);
  return served ? SM_OK : SM_ERR_NOT_FOUND;
}

static void issue_one(sm_api *api, const sm_request *request, sm_answer *answer,
                      const char *account, sm_one_month *month) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  const char *why = NULL;
  char *account_id = NULL;
  sm_invoice invoice = {0};
  sm_err err = find_account(api, request, account, month, &account_id);
  month->account_id = account_id;
  if (err == SM_OK) err = sm_invoicing_issue_one(&invoicing, month, &why, &invoice);
  if (err == SM_OK)
    sm_api_answer_invoice(answer, 201, &invoice);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "month",
                    "has a valid invoice: take it back by a credit note first");
  else
    answer_failure(request, answer, err, why);
  sm_invoice_fini(&invoice);
  free(account_id);
}

void sm_handle_issue(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_problems problems = {0};
  const char *text = NULL;
  const char *account = NULL;
  sm_one_month month = {.actor = sm_request_actor(request), .now_ms = sm_api_now_ms(api)};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_body_text(body, "", "month", true, 10, &text, &problems);
  sm_body_text(body, "", "account", false, SM_PATH_PARAM_MAX, &account, &problems);
  sm_body_text(body, "", "reason", false, SM_REASON_MAX, &month.reason, &problems);
  if (text != NULL && sm_month_parse(text, &month.year, &month.month) != SM_OK)
    sm_problems_add(&problems, "month", "must be a month such as 2026-01");
  if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (sm_api_expensive_enter(api, answer)) {
    issue_one(api, request, answer, account, &month);
    sm_api_expensive_leave(api);
  }
  json_decref(body);
}

/* ---- exceptions ---- */

static void write_decision(sm_jsonw *w, const sm_exception *e) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key(w, "decided");
  if (e->decided_ms == 0) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "at", sm_rfc3339_format(e->decided_ms, text));
  sm_jsonw_key_text(w, "by", e->decided_by);
  sm_jsonw_key_text(w, "reason", e->reason);
  sm_jsonw_object_end(w);
}

/* Without the braces. */
static void write_exception(sm_jsonw *w, const sm_exception *e) {
  char text[SM_RFC3339_MAX];
  sm_exception_write_head(w, e);
  sm_jsonw_key_text(w, "found_at", sm_rfc3339_format(e->found_ms, text));
  sm_money_write_key(w, "old_total", e->old_total_minor, e->currency);
  sm_money_write_key(w, "new_total", e->new_total_minor, e->currency);
  sm_money_write_key(w, "net", e->net_minor, e->currency);
  sm_jsonw_key(w, "taxes");
  sm_jsonw_array(w);
  for (size_t i = 0; i < e->tax_count; i++) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "name", e->tax[i].name);
    sm_money_write_key(w, "amount", e->tax[i].amount_minor, e->currency);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
  sm_money_write_key(w, "difference", e->net_minor + e->tax_minor, e->currency);
  sm_jsonw_key_text(w, "currency", e->currency);
  write_decision(w, e);
  sm_jsonw_key_text(w, "settled_by", e->settled_by);
}

static bool is_state(const char *text) {
  static const char *const states[] = {"open",      "true_up",    "reissue",
                                       "dismissed", "superseded", "void"};
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
    if (strcmp(states[i], text) == 0) return true;
  return false;
}

static int64_t row_no(const void *row) {
  const sm_exception *e = row;
  return e->exception_no;
}

static void write_row(const void *context, sm_jsonw *w, const void *row) {
  (void)context;
  write_exception(w, row);
}

void sm_handle_exceptions(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_exception_query query = {.after_no = 0};
  sm_exception *list = NULL;
  size_t count = 0;
  sm_page page;
  if (!sm_request_param_text(request, answer, "state", &query.state) ||
      !sm_request_param_text(request, answer, "account", &query.account_id) ||
      !sm_page_take(request, answer, "exceptions", &page))
    return;
  if (query.state != NULL && !is_state(query.state)) {
    sm_answer_field(answer, 400, "state",
                    "must be open, true_up, reissue, dismissed, superseded or void");
    return;
  }
  query.after_no = page.after_no;
  query.limit = page.limit + 1;
  sm_err err = sm_ledger_exceptions(api->options.ledger, &query, &list, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  const sm_page_rows rows = {.plural = "exceptions",
                             .row = list,
                             .row_size = sizeof *list,
                             .count = count,
                             .no = row_no,
                             .write = write_row};
  sm_page_answer(answer, &page, &rows);
  sm_exceptions_free(list, count);
}

static sm_err reissue(sm_api *api, const sm_request *request, const sm_exception *e,
                      const char *reason, const char **why) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_invoice invoice = {0};
  sm_invoice note = {0};
  sm_err err =
      sm_invoicing_reissue(&invoicing, sm_request_actor(request), e->invoice, e->exception_no,
                           reason, sm_api_now_ms(api), why, &invoice, &note);
  sm_invoice_fini(&invoice);
  sm_invoice_fini(&note);
  return err;
}

static void answer_decided(sm_api *api, const sm_request *request, sm_answer *answer, int64_t no) {
  sm_exception e = {0};
  sm_err err = sm_ledger_exception(api->options.ledger, no, &e);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  write_exception(&w, &e);
  sm_jsonw_object_end(&w);
  sm_exception_fini(&e);
}

static void decide(sm_api *api, const sm_request *request, sm_answer *answer, int64_t no,
                   const char *action, const char *reason) {
  sm_exception e = {0};
  const char *why = NULL;
  sm_err err = sm_ledger_exception(api->options.ledger, no, &e);
  if (err == SM_OK && strcmp(action, "reissue") == 0)
    err = reissue(api, request, &e, reason, &why);
  else if (err == SM_OK)
    err = sm_ledger_exception_decide(api->options.ledger, sm_request_actor(request), no,
                                     strcmp(action, "dismiss") == 0 ? "dismissed" : "true_up",
                                     reason);
  sm_exception_fini(&e);
  if (err == SM_OK)
    answer_decided(api, request, answer, no);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "no", "is decided already, or stands on an invoice");
  else if (err == SM_ERR_DENIED && why == NULL)
    sm_answer_field(answer, 409, "no",
                    "takes back what was billed twice: it goes on the next invoice in any case");
  else
    answer_failure(request, answer, err, why);
}

void sm_handle_exception_decide(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_problems problems = {0};
  const char *action = NULL;
  const char *reason = NULL;
  int64_t no;
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_body_text(body, "", "action", true, 20, &action, &problems);
  sm_body_text(body, "", "reason", true, SM_REASON_MAX, &reason, &problems);
  if (action != NULL && strcmp(action, "true_up") != 0 && strcmp(action, "reissue") != 0 &&
      strcmp(action, "dismiss") != 0)
    sm_problems_add(&problems, "action", "must be true_up, reissue or dismiss");
  if (sm_decimal_parse(request->param[0], strlen(request->param[0]), 0, &no) != SM_OK)
    sm_answer_not_found(answer);
  else if (sm_problems_any(&problems) || action == NULL || reason == NULL)
    sm_answer_problems(answer, 422, &problems);
  else if (sm_api_expensive_enter(api, answer)) {
    decide(api, request, answer, no, action, reason);
    sm_api_expensive_leave(api);
  }
  json_decref(body);
}
