/* Disputes: a resident's word against an invoice. */
#include "api/api.h"
#include "api/body.h"
#include "api/invoices.h"
#include "api/list.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "invoicing/disputes.h"
#include "invoicing/edits.h"
#include "invoicing/explain.h"

#include <string.h>

/* ---- one ---- */

static void write_author(sm_jsonw *w, const sm_request *request, const char *by) {
  const char *own = sm_request_own_user(request);
  bool me = own != NULL && strcmp(by, own) == 0;
  sm_jsonw_key_text(w, "by", me ? "you" : sm_edit_author(by));
  sm_jsonw_key_text(w, "by_user", sm_request_is_admin(request) ? by : NULL);
}

/* Without the braces, and without the explanation, which is long. */
static void write_dispute(sm_jsonw *w, const sm_request *request, const sm_dispute *d) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_int(w, "no", d->dispute_no);
  sm_jsonw_key_text(w, "account_id", d->account_id);
  sm_jsonw_key_text(w, "device_id", d->device_id);
  sm_jsonw_key_text(w, "invoice", d->invoice);
  sm_jsonw_key_text(w, "month", d->month);
  sm_jsonw_key_text(w, "opened_at", sm_rfc3339_format(d->opened_ms, text));
  write_author(w, request, d->opened_by);
  sm_jsonw_key_text(w, "text", d->text);
  sm_jsonw_key(w, "resolved");
  if (d->resolved) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "at", sm_rfc3339_format(d->resolved_ms, text));
    sm_jsonw_key_text(w, "text", d->resolution);
    sm_jsonw_key_text(w, "by_user", sm_request_is_admin(request) ? d->resolved_by : NULL);
    sm_jsonw_object_end(w);
  } else {
    sm_jsonw_null(w);
  }
}

/* Whether the caller may see it: of an account of theirs. */
static sm_err find_dispute(sm_api *api, const sm_request *request, sm_dispute *dispute) {
  int64_t no;
  sm_account account;
  const char *own = sm_request_own_user(request);
  if (sm_decimal_parse(request->param[0], strlen(request->param[0]), 0, &no) != SM_OK)
    return SM_ERR_NOT_FOUND;
  sm_err err = sm_ledger_dispute(api->options.ledger, no, dispute);
  if (err != SM_OK || own == NULL) return err;
  err = sm_ledger_account(api->options.ledger, dispute->account_id, &account);
  if (err == SM_OK) {
    if (account.user_id == NULL || strcmp(account.user_id, own) != 0) err = SM_ERR_NOT_FOUND;
    sm_account_fini(&account);
  }
  if (err != SM_OK) sm_dispute_fini(dispute);
  return err;
}

static void answer_dispute(const sm_request *request, sm_answer *answer, unsigned status,
                           const sm_dispute *d) {
  sm_jsonw w = sm_answer_json(answer, status);
  sm_jsonw_object(&w);
  write_dispute(&w, request, d);
  sm_jsonw_key(&w, "explanation");
  sm_jsonw_raw(&w, d->explanation, strlen(d->explanation));
  sm_jsonw_object_end(&w);
}

static void answer_no(sm_api *api, const sm_request *request, sm_answer *answer, unsigned status,
                      int64_t no) {
  sm_dispute dispute = {0};
  sm_err err = sm_ledger_dispute(api->options.ledger, no, &dispute);
  if (err == SM_OK)
    answer_dispute(request, answer, status, &dispute);
  else
    sm_api_fail(request, answer, err);
  sm_dispute_fini(&dispute);
}

void sm_handle_dispute(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_dispute dispute = {0};
  sm_err err = find_dispute(api, request, &dispute);
  if (err == SM_OK)
    answer_dispute(request, answer, 200, &dispute);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
  sm_dispute_fini(&dispute);
}

/* ---- the list ---- */

static int64_t row_no(const void *row) {
  const sm_dispute *d = row;
  return d->dispute_no;
}

static void write_row(const void *context, sm_jsonw *w, const void *row) {
  write_dispute(w, context, row);
}

void sm_handle_disputes(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_dispute_query query = {.user_id = sm_request_own_user(request)};
  sm_dispute *list = NULL;
  size_t count = 0;
  int64_t open;
  sm_page page;
  if (!sm_request_param_int(request, answer, "open", 0, 1, 0, &open) ||
      !sm_page_take(request, answer, "disputes", &page))
    return;
  query.open_only = open != 0;
  query.after_no = page.after_no;
  query.limit = page.limit + 1;
  sm_err err = sm_ledger_disputes(api->options.ledger, &query, &list, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  const sm_page_rows rows = {.plural = "disputes",
                             .row = list,
                             .row_size = sizeof *list,
                             .count = count,
                             .no = row_no,
                             .write = write_row,
                             .context = request};
  sm_page_answer(answer, &page, &rows);
  sm_disputes_free(list, count);
}

/* ---- opening and resolving ---- */

static void answer_opened(sm_api *api, const sm_request *request, sm_answer *answer, sm_err err,
                          int64_t no) {
  if (err == SM_OK)
    answer_no(api, request, answer, 201, no);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "number", "has an open dispute already, which is decided first");
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(answer, 409, "number", "is cancelled: there is nothing to dispute");
  else if (err == SM_ERR_RANGE)
    sm_answer_field(answer, 409, "number", "was disputed %d times: talk to the operator",
                    SM_DISPUTES_MAX);
  else
    sm_api_fail(request, answer, err);
}

/* Why the bill is what it is, as it can be told at this moment. */
static sm_err explain(void *context, const sm_invoice *invoice, sm_buf *out) {
  const sm_api *api = context;
  const sm_invoicing invoicing = sm_api_invoicing(api);
  return sm_invoicing_explain_invoice(&invoicing, invoice->number, sm_api_now_ms(api), out);
}

void sm_handle_dispute_open(sm_api *api, const sm_request *request, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_problems problems = {0};
  sm_invoice invoice = {0};
  int64_t no = 0;
  sm_dispute_request dispute = {.actor = sm_request_actor(request),
                                .now_ms = sm_api_now_ms(api),
                                .explain = explain,
                                .context = api};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_body_text(body, "", "text", true, SM_DISPUTE_MAX, &dispute.text, &problems);
  sm_err err = sm_api_find_invoice(api, request, &invoice);
  if (err == SM_OK && sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (err != SM_OK) {
    answer_opened(api, request, answer, err, no);
  } else if (sm_api_expensive_enter(api, answer)) {
    dispute.number = invoice.number;
    err = sm_invoicing_dispute(&invoicing, &dispute, &no);
    answer_opened(api, request, answer, err, no);
    sm_api_expensive_leave(api);
  }
  sm_invoice_fini(&invoice);
  json_decref(body);
}

void sm_handle_dispute_resolve(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_problems problems = {0};
  const char *text = NULL;
  int64_t no;
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_body_text(body, "", "text", true, SM_DISPUTE_MAX, &text, &problems);
  if (sm_decimal_parse(request->param[0], strlen(request->param[0]), 0, &no) != SM_OK) {
    sm_answer_not_found(answer);
  } else if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else {
    sm_err err = sm_ledger_dispute_resolve(api->options.ledger, sm_request_actor(request), no, text,
                                           sm_api_now_ms(api));
    if (err == SM_OK)
      answer_no(api, request, answer, 200, no);
    else if (err == SM_ERR_NOT_FOUND)
      sm_answer_not_found(answer);
    else if (err == SM_ERR_EXISTS)
      sm_answer_field(answer, 409, "no", "is resolved already");
    else
      sm_api_fail(request, answer, err);
  }
  json_decref(body);
}
