/* What is to change for an account: the tariff that is decided and not yet in force. */
#include "api/api.h"
#include "api/routes.h"
#include "invoicing/coming.h"
#include "model/money.h"

#include <stdio.h>

static void write_tariff(sm_jsonw *w, const sm_coming *coming) {
  char text[SM_DATE_MAX];
  sm_jsonw_key(w, "tariff");
  if (coming->tariff == NULL) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "name", coming->tariff);
  sm_jsonw_key_int(w, "version", coming->version);
  sm_jsonw_key_text(w, "from", sm_date_format(coming->from, text));
  sm_jsonw_object_end(w);
}

static void write_preview(sm_jsonw *w, const sm_coming *coming, const char *currency) {
  sm_jsonw_key(w, "preview");
  if (!coming->has_totals) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "invoice", coming->invoice);
  sm_jsonw_key_decimal(w, "consumption_kwh", coming->consumption_wh, 3);
  sm_money_write_key(w, "old_total", coming->old_minor, currency);
  sm_money_write_key(w, "new_total", coming->new_minor, currency);
  sm_money_write_key(w, "difference", coming->difference_minor, currency);
  sm_jsonw_object_end(w);
}

static void answer_coming(const sm_api *api, sm_answer *answer, const sm_coming *coming) {
  char month[16];
  (void)snprintf(month, sizeof month, "%04d-%02d", coming->year, coming->month);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", coming->account_id);
  sm_jsonw_key_text(&w, "month", month);
  sm_jsonw_key_text(&w, "currency", api->options.currency);
  write_tariff(&w, coming);
  write_preview(&w, coming, api->options.currency);
  sm_jsonw_object_end(&w);
}

void sm_handle_coming(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_invoicing_query query = {.device_id = request->param[0],
                              .user_id = sm_request_own_user(request),
                              .now_ms = sm_api_now_ms(api)};
  sm_coming coming = {0};
  if (!sm_request_param_text(request, answer, "account", &query.account_id) ||
      !sm_api_expensive_enter(api, answer))
    return;
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_err err = sm_invoicing_coming(&invoicing, &query, &coming);
  sm_api_expensive_leave(api);
  if (err == SM_OK)
    answer_coming(api, answer, &coming);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
  sm_coming_fini(&coming);
}
