/* What the site is set to, and what comes in against what its meters count. */
#include "api/api.h"
#include "api/body.h"
#include "api/month.h"
#include "api/routes.h"
#include "base/decimal.h"
#include "invoicing/losses.h"
#include "model/money.h"
#include "store/ledger_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE_PLACES = 6, RATE_MIN_PLACES = 2, RATE_TEXT_MAX = 32 };

/* ---- settings ---- */

static void write_rate(sm_jsonw *w, const char *key, bool has, int64_t rate_micro) {
  char text[SM_DECIMAL_TEXT_MAX];
  sm_jsonw_key_text(w, key,
                    has ? sm_decimal_format(rate_micro, RATE_PLACES, RATE_MIN_PLACES, text) : NULL);
}

static void write_meters(sm_jsonw *w, const char *key, const sm_main_meters *main) {
  sm_jsonw_key(w, key);
  sm_jsonw_array(w);
  for (size_t i = 0; i < main->count; i++) sm_jsonw_text(w, main->device_id[i]);
  sm_jsonw_array_end(w);
}

/* The server's own note at its start, a JSON object of texts without anything secret. */
static void write_environment(sm_jsonw *w, const char *noted) {
  json_t *root = noted != NULL ? json_loads(noted, JSON_REJECT_DUPLICATES, NULL) : NULL;
  const char *name;
  json_t *value;
  sm_jsonw_key(w, "environment");
  sm_jsonw_array(w);
  json_object_foreach(root, name, value) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "name", name);
    sm_jsonw_key_text(w, "value", json_string_value(value));
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
  json_decref(root);
}

void sm_handle_settings(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_main_meters main = {0};
  char *noted = NULL;
  sm_err err = sm_ledger_main_meters(api->options.ledger, &main);
  if (err == SM_OK) err = sm_ledger_settings_noted(api->options.ledger, &noted);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, 200);
    sm_jsonw_object(&w);
    write_meters(&w, "main_meters", &main);
    write_rate(&w, "supply_rate_per_kwh", main.has_rate, main.rate_micro);
    write_environment(&w, noted);
    sm_jsonw_object_end(&w);
  } else {
    sm_api_fail(request, answer, err);
  }
  free(noted);
  sm_main_meters_fini(&main);
}

/* A body's list of devices, on top of what is set; the texts are copies. */
static sm_err take_meters(const json_t *body, sm_main_meters *main, sm_problems *problems) {
  if (json_object_get(body, "main_meters") == NULL) return SM_OK;
  const json_t *list = sm_body_list(body, "", "main_meters", SM_MAIN_METERS_MAX, problems);
  if (list == NULL) return SM_OK;
  size_t count = json_array_size(list);
  sm_main_meters fresh = {.device_id = calloc(count + 1, sizeof *fresh.device_id),
                          .has_rate = main->has_rate,
                          .rate_micro = main->rate_micro};
  sm_err err = fresh.device_id != NULL ? SM_OK : SM_ERR_NOMEM;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    char path[SM_FIELD_PATH_MAX];
    const char *name = json_string_value(json_array_get(list, i));
    (void)snprintf(path, sizeof path, "main_meters[%zu]", i);
    if (name == NULL) {
      sm_problems_add(problems, path, "must be a device_id");
      continue;
    }
    fresh.device_id[fresh.count] = strdup(name);
    if (fresh.device_id[fresh.count] == NULL)
      err = SM_ERR_NOMEM;
    else
      fresh.count++;
  }
  sm_main_meters_fini(main);
  *main = fresh;
  return err;
}

static void take_rate(const json_t *body, sm_main_meters *main, sm_problems *problems) {
  const json_t *member = json_object_get(body, "supply_rate_per_kwh");
  const char *text = NULL;
  if (member == NULL) return;
  main->has_rate = false;
  main->rate_micro = 0;
  if (json_is_null(member)) return;
  sm_body_text(body, "", "supply_rate_per_kwh", false, RATE_TEXT_MAX, &text, problems);
  if (text == NULL) return;
  if (sm_decimal_parse(text, strlen(text), RATE_PLACES, &main->rate_micro) == SM_OK &&
      main->rate_micro >= 0)
    main->has_rate = true;
  else
    sm_problems_add(problems, "supply_rate_per_kwh",
                    "must be what a kWh costs, such as \"7.20\", with at most six decimals");
}

static void set_main(sm_api *api, const sm_request *request, sm_answer *answer,
                     const sm_main_meters *main) {
  char path[SM_FIELD_PATH_MAX];
  size_t failed = 0;
  sm_err err =
      sm_ledger_main_meters_set(api->options.ledger, sm_request_actor(request), main, &failed);
  (void)snprintf(path, sizeof path, "main_meters[%zu]", failed);
  if (err == SM_OK)
    sm_handle_settings(api, request, answer);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_field(answer, 422, path, "is no meter of this site: add it first");
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 422, path, "stands there twice");
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_settings_change(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"main_meters", "supply_rate_per_kwh", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  sm_main_meters main = {0};
  sm_body_only(body, members, &problems);
  sm_err err = sm_ledger_main_meters(api->options.ledger, &main);
  if (err == SM_OK) err = take_meters(body, &main, &problems);
  if (err == SM_OK) take_rate(body, &main, &problems);
  if (err != SM_OK)
    sm_api_fail(request, answer, err);
  else if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else
    set_main(api, request, answer, &main);
  sm_main_meters_fini(&main);
  json_decref(body);
}

/* ---- losses ---- */

typedef struct asked {
  int year;
  int month;
  int64_t from_ms;
  int64_t to_ms;
} asked;

static void write_main(sm_jsonw *w, const sm_losses *l) {
  sm_jsonw_key(w, "main");
  if (l->main.count == 0) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_object(w);
  write_meters(w, "meters", &l->main);
  sm_jsonw_key_decimal(w, "kwh", l->main_wh, 3);
  sm_jsonw_key_bool(w, "estimated", l->main_estimated);
  sm_jsonw_object_end(w);
}

static void write_parts(sm_jsonw *w, const sm_losses *l) {
  sm_jsonw_key(w, "parts");
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "meters", (int64_t)l->parts);
  sm_jsonw_key_int(w, "estimated", (int64_t)l->parts_estimated);
  sm_jsonw_key_decimal(w, "kwh", l->parts_wh, 3);
  sm_jsonw_object_end(w);
}

static void write_loss(sm_jsonw *w, const sm_losses *l, const char *currency) {
  static const char *const words[] = {NULL, "setting", "utility_bill"};
  char amount[SM_DECIMAL_TEXT_MAX];
  sm_jsonw_key(w, "loss");
  if (l->main.count == 0) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_object(w);
  sm_jsonw_key_decimal(w, "kwh", l->loss_wh, 3);
  sm_jsonw_key_text(w, "rate_from", words[l->rate]);
  write_rate(w, "rate_per_kwh", l->rate != SM_LOSS_RATE_NONE, l->rate_micro);
  sm_jsonw_key_text(w, "utility_id", l->bill.utility_id);
  sm_jsonw_key_text(w, "amount",
                    l->rate != SM_LOSS_RATE_NONE ? sm_money_format(l->loss_minor, currency, amount)
                                                 : NULL);
  sm_jsonw_object_end(w);
}

static void write_instant(const sm_api *api, sm_jsonw *w, const char *key, int64_t ms) {
  char text[40];
  sm_jsonw_key_text(w, key, sm_zone_format(api->options.zone, ms, text));
}

static void answer_losses(sm_api *api, const sm_request *request, sm_answer *answer,
                          const asked *a) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_losses losses = {0};
  char month[16];
  sm_err err = sm_invoicing_losses(&invoicing, a->from_ms, a->to_ms, &losses);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  (void)snprintf(month, sizeof month, "%04d-%02d", a->year, a->month);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "month", month);
  write_instant(api, &w, "from", a->from_ms);
  write_instant(api, &w, "to", a->to_ms);
  sm_jsonw_key_text(&w, "currency", api->options.currency);
  write_main(&w, &losses);
  write_parts(&w, &losses);
  write_loss(&w, &losses, api->options.currency);
  sm_jsonw_object_end(&w);
  sm_losses_fini(&losses);
}

void sm_handle_losses(sm_api *api, const sm_request *request, sm_answer *answer) {
  asked a;
  if (!sm_request_param_month(api, request, answer, &a.year, &a.month)) return;
  const sm_date first = {.year = a.year, .month = a.month, .day = 1};
  int64_t now_ms = sm_api_now_ms(api);
  a.from_ms = sm_zone_day_start_ms(api->options.zone, first);
  a.to_ms = sm_zone_day_start_ms(api->options.zone, sm_date_add_months(first, 1));
  /* Up to a quarter that is over for a while: a meter that is there has readings on both sides. */
  if (a.to_ms > now_ms) a.to_ms = (now_ms / SM_QUARTER_MS - 1) * SM_QUARTER_MS;
  if (a.to_ms <= a.from_ms && a.from_ms < now_ms) a.to_ms = now_ms;
  if (a.from_ms >= a.to_ms) {
    sm_answer_field(answer, 400, "month", "has not begun");
    return;
  }
  if (!sm_api_expensive_enter(api, answer)) return;
  answer_losses(api, request, answer, &a);
  sm_api_expensive_leave(api);
}
