/* An account's own ledger: payments, and what it owes. */
#include "api/api.h"
#include "api/body.h"
#include "api/correction_json.h"
#include "api/list.h"
#include "api/routes.h"
#include "base/decimal.h"
#include "invoicing/edits.h"
#include "invoicing/payments.h"
#include "model/money.h"

#include <stdio.h>
#include <string.h>

/* ---- one entry ---- */

static void write_no(sm_jsonw *w, const char *key, int64_t no) {
  if (no != 0)
    sm_jsonw_key_int(w, key, no);
  else
    sm_jsonw_key_null(w, key);
}

static void write_entry(sm_jsonw *w, const sm_request *request, const sm_entry *e) {
  sm_jsonw_object(w);
  sm_entry_write_head(w, e);
  write_no(w, "month_overdue", e->part);
  write_no(w, "reverses", e->reverses);
  write_no(w, "reversed_by", e->reversed_by);
  sm_jsonw_key_text(w, "by", e->made_by != NULL ? sm_edit_author(e->made_by) : NULL);
  sm_jsonw_key_text(w, "by_user", sm_request_is_admin(request) ? e->made_by : NULL);
  sm_jsonw_object_end(w);
}

static void answer_entry(sm_api *api, const sm_request *request, sm_answer *answer, unsigned status,
                         int64_t entry_no) {
  sm_entry entry;
  sm_err err = sm_ledger_entry(api->options.ledger, request->param[0], entry_no, &entry);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, status);
  write_entry(&w, request, &entry);
  sm_entry_fini(&entry);
}

/* ---- the list ---- */

/* Whether the account request->param[0] is one that the caller may see. */
static bool account_is_there(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_account account;
  const char *own = sm_request_own_user(request);
  sm_err err = sm_ledger_account(api->options.ledger, request->param[0], &account);
  if (err == SM_OK) {
    if (own != NULL && (account.user_id == NULL || strcmp(account.user_id, own) != 0))
      err = SM_ERR_NOT_FOUND;
    sm_account_fini(&account);
  }
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
  return err == SM_OK;
}

static void answer_entries(sm_api *api, const sm_request *request, sm_answer *answer,
                           const sm_page *page) {
  sm_entry *entries = NULL;
  size_t count = 0;
  int64_t balance = 0;
  sm_ledger *ledger = api->options.ledger;
  sm_err err = sm_ledger_balance(ledger, request->param[0], INT64_MAX, &balance);
  if (err == SM_OK)
    err = sm_ledger_entries(ledger, request->param[0], page->after_no, page->limit + 1, &entries,
                            &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  size_t shown = sm_page_shown(page, count);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", request->param[0]);
  sm_money_write_key(&w, "balance", balance, api->options.currency);
  sm_jsonw_key_text(&w, "currency", api->options.currency);
  sm_jsonw_key(&w, "entries");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++) write_entry(&w, request, &entries[i]);
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, page, shown<count, shown> 0 ? entries[shown - 1].entry_no : 0);
  sm_jsonw_object_end(&w);
  sm_entries_free(entries, count);
}

void sm_handle_entries(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_page page;
  char scope[SM_PATH_PARAM_MAX + 16];
  (void)snprintf(scope, sizeof scope, "entries %s", request->param[0]);
  if (!sm_page_take(request, answer, scope, &page) || !account_is_there(api, request, answer))
    return;
  answer_entries(api, request, answer, &page);
}

/* ---- payments ---- */

/* false: it is none. Visible ASCII, so that it is the same in every log. */
static bool take_key(const sm_request *request, const char **key) {
  const char *text = request->header[SM_HEADER_IDEMPOTENCY_KEY];
  *key = text;
  if (text == NULL) return true;
  size_t len = strlen(text);
  for (size_t i = 0; i < len; i++)
    if (text[i] < 0x21 || text[i] > 0x7e) return false;
  return len >= 1 && len <= SM_REFERENCE_MAX;
}

static void take_payment(const json_t *body, sm_payment *out, sm_problems *problems) {
  out->received_ms = INT64_MIN;
  sm_body_text(body, "", "amount", true, 40, &out->amount, problems);
  sm_body_text(body, "", "currency", false, 10, &out->currency, problems);
  sm_body_instant(body, "", "received_at", &out->received_ms, problems);
  sm_body_text(body, "", "method", false, 20, &out->method, problems);
  sm_body_text(body, "", "reference", false, SM_REFERENCE_MAX, &out->reference, problems);
  sm_body_text(body, "", "invoice", false, 20, &out->invoice, problems);
  sm_body_text(body, "", "note", false, SM_REASON_MAX, &out->note, problems);
}

void sm_handle_payment(sm_api *api, const sm_request *request, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_problems problems = {0};
  sm_payment payment = {.account_id = request->param[0]};
  int64_t entry_no = 0;
  bool added = false;
  if (!take_key(request, &payment.request_key)) {
    sm_answer_problem(answer, 400, "Idempotency-Key must have 1 to %d visible ASCII characters.",
                      SM_REFERENCE_MAX);
    return;
  }
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  take_payment(body, &payment, &problems);
  sm_err err = sm_problems_any(&problems)
                   ? SM_ERR_INVALID
                   : sm_payment_add(&invoicing, sm_request_actor(request), &payment,
                                    sm_api_now_ms(api), &problems, &added, &entry_no);
  if (err == SM_OK)
    answer_entry(api, request, answer, added ? 201 : 200, entry_no);
  else if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "reference",
                    "or key is that of an entry that says something else: look at the account's "
                    "entries, and give another one if this is another payment");
  else
    sm_api_fail(request, answer, err);
  json_decref(body);
}

void sm_handle_entry_reverse(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_problems problems = {0};
  const char *reason = NULL;
  int64_t entry_no;
  int64_t reversal_no = 0;
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_body_text(body, "", "reason", true, SM_REASON_MAX, &reason, &problems);
  if (sm_decimal_parse(request->param[1], strlen(request->param[1]), 0, &entry_no) != SM_OK) {
    sm_answer_not_found(answer);
  } else if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else {
    sm_err err = sm_ledger_entry_reverse(api->options.ledger, sm_request_actor(request),
                                         request->param[0], entry_no, reason, &reversal_no);
    if (err == SM_OK)
      answer_entry(api, request, answer, 201, reversal_no);
    else if (err == SM_ERR_NOT_FOUND)
      sm_answer_not_found(answer);
    else if (err == SM_ERR_EXISTS)
      sm_answer_field(answer, 409, "no", "is taken back already");
    else if (err == SM_ERR_DENIED)
      sm_answer_field(
          answer, 409, "no",
          "is an invoice, which a credit note takes back, or a credit note or reversal, "
          "which nothing does");
    else
      sm_api_fail(request, answer, err);
  }
  json_decref(body);
}
