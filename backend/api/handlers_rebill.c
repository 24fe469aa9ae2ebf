/* A tariff that changes issued months: first what it would change, then, agreed to, the change. */
#include "api/api.h"
#include "api/rebill.h"
#include "base/clock.h"
#include "invoicing/recheck.h"
#include "model/money.h"

#include <string.h>

enum { SHOWN_MAX = 1000, PATIENCE_MS = 20000 };

typedef struct listing {
  sm_jsonw w;
  unsigned digits;
  size_t shown;
} listing;

static void write_money(listing *l, const char *key, int64_t minor) {
  sm_jsonw_key(&l->w, key);
  sm_jsonw_decimal_text(&l->w, minor, l->digits);
}

static bool list_effect(void *context, const sm_rebill_effect *effect) {
  listing *l = context;
  if (l->shown++ >= SHOWN_MAX) return true;
  sm_jsonw_object(&l->w);
  sm_jsonw_key_text(&l->w, "number", effect->number);
  sm_jsonw_key_text(&l->w, "account_id", effect->account_id);
  sm_jsonw_key_text(&l->w, "device_id", effect->device_id);
  sm_jsonw_key_text(&l->w, "month", effect->month);
  write_money(l, "old_total", effect->old_total_minor);
  write_money(l, "new_total", effect->new_total_minor);
  sm_jsonw_object_end(&l->w);
  return true;
}

static sm_err show_effects(sm_api *api, const sm_tariff *tariff, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_rebill_summary summary;
  char day[SM_DATE_MAX];
  listing l = {.w = sm_answer_json(answer, 200),
               .digits = sm_currency_digits(api->options.currency)};
  sm_jsonw_object(&l.w);
  sm_jsonw_key_text(&l.w, "name", tariff->name);
  sm_jsonw_key_text(&l.w, "effective_from", sm_date_format(tariff->effective_from, day));
  sm_jsonw_key(&l.w, "invoices");
  sm_jsonw_array(&l.w);
  sm_err err = sm_rebill_effects(&invoicing, tariff, sm_api_now_ms(api), list_effect, &l, &summary);
  if (err != SM_OK) return err;
  sm_jsonw_array_end(&l.w);
  sm_jsonw_key_int(&l.w, "count", (int64_t)summary.count);
  write_money(&l, "old_total", summary.old_total_minor);
  write_money(&l, "new_total", summary.new_total_minor);
  sm_jsonw_key_text(&l.w, "currency", api->options.currency);
  sm_jsonw_key_text(&l.w, "confirm", summary.confirm);
  sm_jsonw_object_end(&l.w);
  return SM_OK;
}

/* A request is not kept for longer; the daily job opens the rest. */
static bool in_time(void *context) {
  return sm_clock_steady_ms() < *(const int64_t *)context;
}

static sm_err apply(sm_api *api, const sm_request *request, const sm_tariff *tariff,
                    const char *confirm, sm_answer *answer) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  int32_t version = 0;
  int64_t until_ms = sm_clock_steady_ms() + PATIENCE_MS;
  sm_err err = sm_rebill_apply(&invoicing, sm_request_actor(request), tariff, confirm,
                               sm_api_now_ms(api), in_time, &until_ms, &version);
  if (err == SM_ERR_CONFLICT) {
    sm_answer_field(answer, 409, "confirm",
                    "is not what the effects are now: ask without it and look at them again");
    return SM_OK;
  }
  if (err != SM_OK) return err;
  sm_jsonw w = sm_answer_json(answer, 201);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "name", tariff->name);
  sm_jsonw_key_int(&w, "version", version);
  sm_jsonw_object_end(&w);
  return SM_OK;
}

void sm_api_rebill(sm_api *api, const sm_request *request, const sm_tariff *tariff,
                   sm_answer *answer) {
  const char *confirm;
  if (!sm_request_param_text(request, answer, "confirm", &confirm)) return;
  if (!sm_api_expensive_enter(api, answer)) return;
  sm_err err = confirm == NULL ? show_effects(api, tariff, answer)
                               : apply(api, request, tariff, confirm, answer);
  sm_api_expensive_leave(api);
  if (err != SM_OK) sm_api_fail(request, answer, err);
}
