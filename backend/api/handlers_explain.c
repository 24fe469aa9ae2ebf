/* Why a bill is what it is, and what a month would have cost by another tariff. */
#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/month.h"
#include "api/routes.h"
#include "invoicing/explain.h"
#include "invoicing/preview.h"
#include "model/money.h"

#include <stdlib.h>
#include <string.h>

/* ---- the explanation ---- */

static void answer_explanation(sm_api *api, const sm_request *request, sm_answer *answer,
                               const sm_invoicing_query *query) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_buf text;
  sm_buf_init(&text, SM_ANSWER_BODY_MAX);
  sm_err err = sm_invoicing_explain_json(&invoicing, query, &text);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, 200);
    sm_jsonw_raw(&w, sm_buf_text(&text), text.len);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else if (err == SM_ERR_RANGE) {
    sm_answer_field(answer, 400, "month", "has not begun");
  } else {
    sm_api_fail(request, answer, err);
  }
  sm_buf_fini(&text);
}

void sm_handle_explain(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_invoicing_query query;
  if (!sm_request_bill_query(api, request, answer, &query) || !sm_api_expensive_enter(api, answer))
    return;
  answer_explanation(api, request, answer, &query);
  sm_api_expensive_leave(api);
}

/* ---- the preview of a tariff ---- */

static const char SCOPE[] = "preview";
enum { LIMIT_MAX = 200, LIMIT_DEFAULT = 100 };

typedef struct preview {
  sm_preview_request request;
  sm_tariff *tariff;
  bool one; /* of one account: with both bills */
} preview;

/* The draft, with each of its problems under "tariff.". */
static sm_err read_tariff(const sm_api *api, const json_t *body, preview *p,
                          sm_problems *problems) {
  const json_t *object = json_object_get(body, "tariff");
  sm_problems found = {0};
  if (!json_is_object(object)) {
    sm_problems_add(problems, "tariff", "is required: an object as POST /api/tariffs takes it");
    return SM_OK;
  }
  char *text = json_dumps(object, 0);
  if (text == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_tariff_read_json(text, strlen(text), &p->tariff, NULL, &found);
  free(text);
  if (err == SM_OK) err = sm_tariff_supported(p->tariff, api->options.currency, &found);
  for (size_t i = 0; i < found.count && i < SM_PROBLEMS_MAX; i++) {
    char path[SM_FIELD_PATH_MAX];
    sm_problems_add(problems, sm_field_path("tariff", found.item[i].field, path), "%s",
                    found.item[i].message);
  }
  p->request.tariff = p->tariff;
  return sm_problems_any(&found) ? SM_OK : err;
}

static sm_err read_preview(sm_api *api, const json_t *body, preview *p, sm_problems *problems) {
  const char *month = NULL;
  sm_err err = read_tariff(api, body, p, problems);
  sm_body_text(body, "", "month", true, 20, &month, problems);
  if (month != NULL && sm_month_parse(month, &p->request.year, &p->request.month) != SM_OK)
    sm_problems_add(problems, "month", "must be a month such as 2026-01");
  if (json_object_get(body, "device_id") != NULL)
    sm_body_device_id(body, "", "device_id", &p->request.device_id, problems);
  sm_body_text(body, "", "account_id", false, 64, &p->request.account_id, problems);
  sm_body_text(body, "", "on", false, SM_TARIFF_NAME_CHARS, &p->request.on, problems);
  p->one = p->request.device_id != NULL || p->request.account_id != NULL;
  if (p->one && p->request.on != NULL)
    sm_problems_add(problems, "on",
                    "is for all accounts: leave it out beside device_id or "
                    "account_id");
  return err;
}

typedef struct listing {
  const sm_api *api;
  sm_jsonw *w;
  bool bills;
} listing;

static void write_money(const listing *l, const char *key, int64_t minor) {
  sm_money_write_key(l->w, key, minor, l->api->options.currency);
}

static void write_bill(const listing *l, const char *key, const sm_bill *bill) {
  sm_jsonw_key(l->w, key);
  sm_bill_write_json(l->w, bill, l->api->options.zone);
}

static void write_old_bill(const listing *l, const sm_preview_result *r) {
  if (r->invoice == NULL) {
    write_bill(l, "old_bill", r->old_bill);
    return;
  }
  sm_jsonw_key(l->w, "old_bill");
  sm_jsonw_raw(l->w, r->invoice_body, strlen(r->invoice_body));
}

static bool write_account(void *context, const sm_preview_result *r) {
  const listing *l = context;
  sm_jsonw_object(l->w);
  sm_jsonw_key_text(l->w, "account_id", r->account_id);
  sm_jsonw_key_text(l->w, "device_id", r->device_id);
  sm_jsonw_key_text(l->w, "error", r->err != SM_OK ? sm_err_text(r->err) : NULL);
  if (r->err == SM_OK) {
    sm_jsonw_key_decimal(l->w, "consumption_kwh", r->new_bill->consumption_wh, 3);
    sm_jsonw_key_bool(l->w, "estimated", r->new_bill->estimated);
    sm_jsonw_key_text(l->w, "invoice", r->invoice);
    write_money(l, "old_total", r->old_minor);
    write_money(l, "new_total", r->new_bill->total_minor);
    write_money(l, "difference", r->difference_minor);
  }
  if (r->err == SM_OK && l->bills) {
    write_old_bill(l, r);
    write_bill(l, "new_bill", r->new_bill);
  }
  sm_jsonw_object_end(l->w);
  return true;
}

static void write_sums(const listing *l, const sm_preview_sums *sums) {
  sm_jsonw_key(l->w, "sums");
  sm_jsonw_object(l->w);
  sm_jsonw_key_int(l->w, "accounts", (int64_t)sums->accounts);
  sm_jsonw_key_int(l->w, "failed", (int64_t)sums->failed);
  sm_jsonw_key_int(l->w, "invoiced", (int64_t)sums->invoiced);
  write_money(l, "old_total", sums->old_minor);
  write_money(l, "new_total", sums->new_minor);
  write_money(l, "difference", sums->difference_minor);
  sm_jsonw_object_end(l->w);
}

static void answer_preview(sm_api *api, const sm_request *request, sm_answer *answer,
                           const preview *p) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  char month[16];
  char *next = NULL;
  sm_preview_sums sums;
  sm_jsonw w = sm_answer_json(answer, 200);
  listing l = {.api = api, .w = &w, .bills = p->one};
  sm_jsonw_object(&w);
  (void)snprintf(month, sizeof month, "%04d-%02d", p->request.year, p->request.month);
  sm_jsonw_key_text(&w, "month", month);
  sm_jsonw_key_text(&w, "currency", api->options.currency);
  sm_jsonw_key(&w, "accounts");
  sm_jsonw_array(&w);
  sm_err err = sm_invoicing_preview(&invoicing, &p->request, write_account, &l, &sums, &next);
  sm_jsonw_array_end(&w);
  if (err == SM_OK) {
    write_sums(&l, &sums);
    sm_cursor_write_next(&w, SCOPE, next);
    sm_jsonw_object_end(&w);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else if (err == SM_ERR_RANGE) {
    sm_answer_field(answer, 422, "month", "is not over: only past months can be compared");
  } else if (err == SM_ERR_INVALID) {
    sm_answer_field(answer, 422, "on", "is not there: give the name of one from /api/tariffs");
  } else {
    sm_api_fail(request, answer, err);
  }
  free(next);
}

void sm_handle_tariff_preview(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t limit;
  char after[SM_CURSOR_KEY_MAX];
  preview p = {.request = {.after = after, .now_ms = sm_api_now_ms(api)}};
  sm_problems problems = {0};
  if (!sm_request_param_int(request, answer, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, after))
    return;
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  p.request.limit = (size_t)limit;
  sm_err err = read_preview(api, body, &p, &problems);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
  } else if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (sm_api_expensive_enter(api, answer)) {
    answer_preview(api, request, answer, &p);
    sm_api_expensive_leave(api);
  }
  sm_tariff_free(p.tariff);
  json_decref(body);
}
