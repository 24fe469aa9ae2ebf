#include "api/api.h"
#include "api/invoices.h"
#include "api/list.h"
#include "api/month.h"
#include "api/routes.h"
#include "api/upi_json.h"
#include "api/visible.h"
#include "base/clock.h"
#include "invoicing/invoicing.h"
#include "model/money.h"

#include <stdio.h>
#include <string.h>

sm_invoicing sm_api_invoicing(const sm_api *api) {
  return (sm_invoicing){.ledger = api->options.ledger,
                        .readings = api->options.readings,
                        .zone = api->options.zone,
                        .currency = api->options.currency,
                        .settings = api->options.invoicing};
}

/* ---- the computed bill ---- */

bool sm_request_param_month(const sm_api *api, const sm_request *request, sm_answer *answer,
                            int *year, int *month) {
  const char *text;
  if (!sm_request_param_text(request, answer, "month", &text)) return false;
  if (text == NULL) {
    sm_date today = sm_zone_date(api->options.zone, sm_api_now_ms(api));
    *year = today.year;
    *month = today.month;
    return true;
  }
  if (sm_month_parse(text, year, month) == SM_OK) return true;
  sm_answer_field(answer, 400, "month", "is '%.20s': give a month such as 2026-01", text);
  return false;
}

/* Whether the month is: its bill changes only when somebody or something late changes it. */
static bool is_over(const sm_api *api, const sm_invoicing_query *query) {
  const sm_date today = sm_zone_date(api->options.zone, query->now_ms);
  return query->year < today.year || (query->year == today.year && query->month < today.month);
}

static void answer_bill(sm_api *api, const sm_request *request, sm_answer *answer,
                        const sm_invoicing_query *query) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_bill *bill = NULL;
  sm_err err = sm_invoicing_bill(&invoicing, query, &bill);
  switch (err) {
  case SM_OK: {
    sm_jsonw w = sm_answer_json(answer, 200);
    sm_bill_write_json(&w, bill, api->options.zone);
    sm_bill_free(bill);
    if (is_over(api, query)) answer->cache = SM_CACHE_OWN;
    break;
  }
  case SM_ERR_NOT_FOUND:
    sm_answer_not_found(answer);
    break;
  case SM_ERR_RANGE:
    sm_answer_field(answer, 400, "month", "has not begun");
    break;
  default:
    sm_api_fail(request, answer, err);
    break;
  }
}

bool sm_request_bill_query(const sm_api *api, const sm_request *request, sm_answer *answer,
                           sm_invoicing_query *query) {
  *query = (sm_invoicing_query){.device_id = request->param[0],
                                .user_id = sm_request_own_user(request),
                                .now_ms = sm_api_now_ms(api)};
  return sm_request_param_text(request, answer, "account", &query->account_id) &&
         sm_request_param_month(api, request, answer, &query->year, &query->month);
}

void sm_handle_bill(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_invoicing_query query;
  if (!sm_request_bill_query(api, request, answer, &query) || !sm_api_expensive_enter(api, answer))
    return;
  answer_bill(api, request, answer, &query);
  sm_api_expensive_leave(api);
}

/* ---- invoices ---- */

void sm_api_write_invoice(sm_jsonw *w, const sm_invoice *invoice) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, "number", invoice->number);
  sm_jsonw_key_text(w, "kind", invoice->kind);
  sm_jsonw_key_text(w, "month", invoice->month);
  sm_money_write_key(w, "total", invoice->total_minor, invoice->currency);
  sm_jsonw_key_text(w, "currency", invoice->currency);
  sm_jsonw_key_text(w, "status", invoice->status);
  sm_jsonw_key_text(w, "issued_at", sm_rfc3339_format(invoice->issued_ms, text));
  sm_jsonw_key_text(w, "due_at", sm_rfc3339_format(invoice->due_ms, text));
  sm_jsonw_key_int(w, "revision", invoice->revision);
  sm_jsonw_key_text(w, "account_id", invoice->account_id);
  sm_money_write_key(w, "paid", invoice->paid_minor, invoice->currency);
}

/* Whether the caller may know of the device at all; the answer is there if not. */
static bool device_is_there(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_visible visible;
  if (!sm_visible_of(api, request, answer, &visible)) return false;
  sm_visible_fini(&visible);
  sm_device device;
  sm_err err = sm_ledger_device(api->options.ledger, request->param[0], &device);
  if (err == SM_OK)
    sm_device_fini(&device);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
  return err == SM_OK;
}

/* next: the place of the last row, if more follow. */
static void answer_invoices(sm_answer *answer, const sm_page *page, const sm_invoice *invoices,
                            size_t count, const int64_t *next) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "invoices");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < count; i++) {
    sm_jsonw_object(&w);
    sm_api_write_invoice(&w, &invoices[i]);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, page, next != NULL, next != NULL ? *next : 0);
  sm_jsonw_object_end(&w);
  answer->cache = SM_CACHE_OWN;
}

static sm_err has_more(sm_api *api, const sm_request *request, int64_t after, bool *more) {
  sm_invoice *invoices;
  size_t count;
  int64_t last;
  sm_err err = sm_ledger_invoices(api->options.ledger, request->param[0],
                                  sm_request_own_user(request), after, 1, &invoices, &count, &last);
  if (err != SM_OK) return err;
  sm_invoices_free(invoices, count);
  *more = count > 0;
  return SM_OK;
}

void sm_handle_invoices(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t last = 0;
  sm_page page;
  char scope[SM_PATH_PARAM_MAX + 16];
  (void)snprintf(scope, sizeof scope, "invoices %s", request->param[0]);
  if (!sm_page_take(request, answer, scope, &page) || !device_is_there(api, request, answer))
    return;
  sm_invoice *invoices;
  size_t count;
  sm_err err =
      sm_ledger_invoices(api->options.ledger, request->param[0], sm_request_own_user(request),
                         page.after_no, page.limit, &invoices, &count, &last);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  /* The ledger tells the place of the last row only, so it is asked again whether one follows. */
  bool more = false;
  if (count == page.limit) err = has_more(api, request, last, &more);
  if (err == SM_OK)
    answer_invoices(answer, &page, invoices, count, more ? &last : NULL);
  else
    sm_api_fail(request, answer, err);
  sm_invoices_free(invoices, count);
}

/* Whether an invoice is of an account that the device served, and the caller may see it. */
static sm_err invoice_is_of(sm_api *api, const sm_request *request, const sm_invoice *invoice) {
  sm_account account;
  sm_err err = sm_ledger_account(api->options.ledger, invoice->account_id, &account);
  if (err != SM_OK) return err;
  const char *own = sm_request_own_user(request);
  bool theirs = own == NULL || (account.user_id != NULL && strcmp(account.user_id, own) == 0);
  bool served =
      strcmp(invoice->device_id == NULL ? "" : invoice->device_id, request->param[0]) == 0;
  for (size_t i = 0; i < account.meter_count; i++)
    if (strcmp(account.meter[i].device_id, request->param[0]) == 0) served = true;
  sm_account_fini(&account);
  return theirs && served ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_api_find_invoice(sm_api *api, const sm_request *request, sm_invoice *invoice) {
  sm_err err = sm_ledger_invoice(api->options.ledger, request->param[1], invoice);
  if (err != SM_OK) return err;
  err = invoice_is_of(api, request, invoice);
  if (err != SM_OK) sm_invoice_fini(invoice);
  return err;
}

void sm_api_answer_invoice(sm_answer *answer, unsigned status, const sm_invoice *invoice) {
  sm_jsonw w = sm_answer_json(answer, status);
  sm_jsonw_object(&w);
  sm_api_write_invoice(&w, invoice);
  sm_jsonw_key(&w, "bill");
  sm_jsonw_raw(&w, invoice->body, strlen(invoice->body));
  sm_upi_write_key(&w, invoice);
  sm_jsonw_object_end(&w);
}

void sm_handle_invoice(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_invoice invoice;
  sm_err err = sm_api_find_invoice(api, request, &invoice);
  if (err == SM_OK) {
    sm_api_answer_invoice(answer, 200, &invoice);
    answer->cache = SM_CACHE_OWN;
    sm_invoice_fini(&invoice);
  }
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
}
