/* What landlords bring and pay: accounts by file, utility bills and what of them comes back, and
 * one statement of all accounts of a place. */
#include "api/account_hooks.h"
#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/month.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "invoicing/account_file.h"
#include "invoicing/recovery.h"
#include "model/money.h"
#include "store/ledger_money.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_money(const sm_api *api, sm_jsonw *w, const char *key, int64_t minor) {
  sm_jsonw_key(w, key);
  sm_jsonw_decimal_text(w, minor, sm_currency_digits(api->options.currency));
}

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
  write_money(api, &w, "opening_balance", result->opening_minor);
  sm_jsonw_object_end(&w);
}

void sm_handle_account_import(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t dry_run;
  sm_problems problems = {0};
  sm_account_file_result result;
  const sm_invoicing invoicing = sm_api_invoicing(api);
  if (!sm_request_param_int(request, answer, "dry_run", 0, 1, 0, &dry_run) ||
      !sm_request_body_is(request, answer, "text/csv"))
    return;
  if (request->body.len == 0) {
    sm_answer_problem(answer, 400,
                      "The body must be CSV: a header such as "
                      "account,person,device and a line an account");
    return;
  }
  if (!sm_api_expensive_enter(api, answer)) return;
  const sm_account_file file = {.invoicing = &invoicing,
                                .actor = sm_request_actor(request),
                                .text = request->body.data,
                                .len = request->body.len,
                                .dry_run = dry_run != 0,
                                .now_ms = sm_api_now_ms(api),
                                .hooks = sm_account_hooks(api->options.identity)};
  sm_err err = sm_account_file_import(&file, &problems, &result);
  sm_api_expensive_leave(api);
  if (err == SM_OK)
    answer_import(api, answer, file.dry_run, &result);
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else
    sm_api_fail(request, answer, err);
}

/* ---- utility bills ---- */

static const char SCOPE[] = "utility-bills";
enum { TEXT_CHARS_MAX = SM_UTILITY_TEXT_MAX, TARIFFS_MAX = 20, PAGE = 500 };

static void write_date(sm_jsonw *w, const char *key, sm_date date) {
  char text[SM_DATE_MAX];
  sm_jsonw_key_text(w, key, sm_date_format(date, text));
}

static void write_bill(const sm_api *api, sm_jsonw *w, const sm_utility_bill *bill) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, "utility_id", bill->utility_id);
  sm_jsonw_key_text(w, "main_meter", bill->device_id);
  sm_jsonw_key_text(w, "supplier", bill->supplier);
  sm_jsonw_key_text(w, "number", bill->number);
  write_date(w, "from", bill->from);
  write_date(w, "to", bill->to);
  sm_jsonw_key_decimal(w, "kwh", bill->energy_wh, 3);
  write_money(api, w, "amount", bill->amount_minor);
  write_money(api, w, "tax", bill->tax_minor);
  sm_jsonw_key_text(w, "currency", bill->currency);
  sm_jsonw_key_text(w, "split", bill->split);
  sm_jsonw_key_text(w, "made_at", sm_rfc3339_format(bill->made_ms, text));
  sm_jsonw_key_text(w, "status", bill->cancelled ? "cancelled" : bill->posted ? "posted" : "open");
  sm_jsonw_key_text(w, "cancel_reason", bill->cancel_reason);
  sm_jsonw_key_text(w, "posted_at", bill->posted ? sm_rfc3339_format(bill->posted_ms, text) : NULL);
}

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
  int64_t limit;
  int64_t after = 0;
  int64_t last = 0;
  char key[SM_CURSOR_KEY_MAX];
  sm_utility_bill *bills;
  size_t count;
  if (!sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, key))
    return;
  if (key[0] != '\0' && sm_decimal_parse(key, strlen(key), 0, &after) != SM_OK) after = 0;
  sm_err err =
      sm_ledger_utilities(api->options.ledger, after, (size_t)limit, &bills, &count, &last);
  bool more = false;
  if (err == SM_OK && count == (size_t)limit) {
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
    write_bill(api, &w, &bills[i]);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  (void)snprintf(key, sizeof key, "%" PRId64, last);
  sm_cursor_write_next(&w, SCOPE, more ? key : NULL);
  sm_jsonw_object_end(&w);
  sm_utility_bills_free(bills, count);
}

/* -- entering one -- */

/* A body being read; its bill's texts are borrowed from it, but for the list of accounts. */
typedef struct entry {
  sm_api *api;
  const json_t *body;
  sm_problems *problems;
  sm_utility_bill bill;
  const char *tariff[TARIFFS_MAX];
  size_t tariff_count;
  const char *main_meter;
  const char *supplier;
  const char *number;
  const char *split;
} entry;

static void read_money(entry *e, const char *name, bool required, int64_t *minor) {
  const char *text = NULL;
  unsigned digits = sm_currency_digits(e->api->options.currency);
  sm_body_text(e->body, "", name, required, 32, &text, e->problems);
  if (text == NULL) return;
  if (sm_decimal_parse(text, strlen(text), digits, minor) != SM_OK || *minor < 0 ||
      *minor > SM_ENTRY_MAX_MINOR)
    sm_problems_add(e->problems, name, "must be an amount in %s such as \"1234.50\", not below 0",
                    e->api->options.currency);
}

static void read_period(entry *e) {
  bool has_from = false;
  bool has_to = false;
  sm_body_date(e->body, "", "from", &has_from, &e->bill.from, e->problems);
  sm_body_date(e->body, "", "to", &has_to, &e->bill.to, e->problems);
  if (!has_from) sm_problems_add(e->problems, "from", "is required: the first day");
  if (!has_to) sm_problems_add(e->problems, "to", "is required: the day after the last");
  if (has_from && has_to && sm_date_compare(e->bill.from, e->bill.to) >= 0)
    sm_problems_add(e->problems, "to", "is the day after the last, and must be after 'from'");
  else if (has_from && has_to && sm_date_days_between(e->bill.from, e->bill.to) > 370)
    sm_problems_add(e->problems, "to", "is more than a year after 'from'");
}

static void read_split(entry *e) {
  sm_body_text(e->body, "", "split", true, 16, &e->split, e->problems);
  if (e->split != NULL && strcmp(e->split, "equal") != 0 && strcmp(e->split, "use") != 0 &&
      strcmp(e->split, "load") != 0)
    sm_problems_add(e->problems, "split", "must be equal, use or load");
}

static void read_tariffs(entry *e) {
  const json_t *list = sm_body_list(e->body, "", "tariffs", TARIFFS_MAX, e->problems);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (name != NULL)
      e->tariff[e->tariff_count++] = name;
    else
      sm_problems_add(e->problems, "tariffs", "must be a list of names");
  }
}

static void read_bill(entry *e) {
  if (json_object_get(e->body, "main_meter") != NULL)
    sm_body_device_id(e->body, "", "main_meter", &e->main_meter, e->problems);
  sm_body_text(e->body, "", "supplier", true, TEXT_CHARS_MAX, &e->supplier, e->problems);
  sm_body_text(e->body, "", "number", true, TEXT_CHARS_MAX, &e->number, e->problems);
  read_period(e);
  int64_t wh = -1;
  sm_body_milli(e->body, "", "kwh", 0, INT64_C(1000000000000), &wh, e->problems);
  if (json_object_get(e->body, "kwh") == NULL)
    sm_problems_add(e->problems, "kwh", "is required: the energy that is billed");
  e->bill.energy_wh = wh;
  read_money(e, "amount", true, &e->bill.amount_minor);
  read_money(e, "tax", false, &e->bill.tax_minor);
  read_split(e);
  read_tariffs(e);
}

static sm_err add_account(entry *e, const char *account_id) {
  size_t count = e->bill.account_count;
  if (count >= SM_UTILITY_MEMBERS_MAX) {
    sm_problems_add(e->problems, "accounts", "are more than %d", SM_UTILITY_MEMBERS_MAX);
    return SM_ERR_INVALID;
  }
  char **grown = realloc(e->bill.account_id, (count + 1) * sizeof(char *));
  if (grown == NULL) return SM_ERR_NOMEM;
  e->bill.account_id = grown;
  grown[count] = strdup(account_id);
  if (grown[count] == NULL) return SM_ERR_NOMEM;
  e->bill.account_count++;
  return SM_OK;
}

static sm_err take_named(entry *e, const json_t *list) {
  sm_err err = SM_OK;
  for (size_t i = 0; i < json_array_size(list) && err == SM_OK; i++) {
    char path[SM_FIELD_PATH_MAX];
    sm_account account = {0};
    const char *id = json_string_value(json_array_get(list, i));
    (void)snprintf(path, sizeof path, "accounts[%zu]", i);
    err = id != NULL ? sm_ledger_account(e->api->options.ledger, id, &account) : SM_ERR_NOT_FOUND;
    sm_account_fini(&account);
    for (size_t k = 0; err == SM_OK && k < e->bill.account_count; k++)
      if (strcmp(e->bill.account_id[k], id) == 0)
        sm_problems_add(e->problems, path, "is there twice");
    if (err == SM_OK) {
      err = add_account(e, id);
    } else if (err == SM_ERR_NOT_FOUND) {
      sm_problems_add(e->problems, path, "is not there: give an account_id");
      err = SM_OK;
    }
  }
  return err;
}

/* Whether a bill is recovered from an account that nobody named: it has days in the period and a
 * meter of its own then, other than the main one, and is on one of the tariffs, if any are given.
 */
static bool is_flat(const entry *e, const sm_account *account) {
  const sm_zone *zone = e->api->options.zone;
  int64_t from_ms = sm_zone_day_start_ms(zone, e->bill.from);
  int64_t to_ms = sm_zone_day_start_ms(zone, e->bill.to);
  if (account->has_from && sm_date_compare(account->from, e->bill.to) >= 0) return false;
  if (account->has_to && sm_date_compare(account->to, e->bill.from) <= 0) return false;
  bool on = e->tariff_count == 0;
  for (size_t i = 0; i < account->tariff_count; i++)
    for (size_t k = 0; k < e->tariff_count; k++)
      on = on || strcmp(account->tariff[i].name, e->tariff[k]) == 0;
  bool own = false;
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *meter = &account->meter[i];
    if (e->main_meter != NULL && strcmp(meter->device_id, e->main_meter) == 0) return false;
    own = own || (meter->sign > 0 && meter->from_ms < to_ms && meter->to_ms > from_ms);
  }
  return on && own;
}

static sm_err take_flats(entry *e) {
  char after[65] = "";
  sm_err err = SM_OK;
  size_t count = PAGE;
  while (err == SM_OK && count == PAGE) {
    sm_account *accounts = NULL;
    err = sm_ledger_accounts(e->api->options.ledger, NULL, after, PAGE, &accounts, &count);
    if (err != SM_OK) return err;
    for (size_t i = 0; i < count && err == SM_OK; i++)
      if (is_flat(e, &accounts[i])) err = add_account(e, accounts[i].account_id);
    if (count > 0) (void)snprintf(after, sizeof after, "%s", accounts[count - 1].account_id);
    sm_accounts_free(accounts, count);
  }
  return err;
}

static sm_err take_members(entry *e) {
  const json_t *list = sm_body_list(e->body, "", "accounts", SM_UTILITY_MEMBERS_MAX, e->problems);
  sm_err err = list != NULL ? take_named(e, list) : take_flats(e);
  if (err == SM_OK && e->bill.account_count == 0 && !sm_problems_any(e->problems))
    sm_problems_add(e->problems, "accounts",
                    "there is none to recover it from: no account has a meter of its own in the "
                    "period%s",
                    e->tariff_count > 0 ? " on these tariffs" : "");
  return err == SM_ERR_INVALID ? SM_OK : err;
}

/* A copy of borrowed texts, so that the bill is freed as one. */
static sm_err own_texts(entry *e) {
  sm_utility_bill *b = &e->bill;
  b->device_id = e->main_meter != NULL ? strdup(e->main_meter) : NULL;
  b->supplier = strdup(e->supplier);
  b->number = strdup(e->number);
  b->split = strdup(e->split);
  b->currency = strdup(e->api->options.currency);
  bool all = b->supplier != NULL && b->number != NULL && b->split != NULL && b->currency != NULL &&
             (e->main_meter == NULL || b->device_id != NULL);
  return all ? SM_OK : SM_ERR_NOMEM;
}

static void answer_recovery(sm_api *api, const sm_request *request, sm_answer *answer,
                            unsigned status, const char *utility_id);

static void store_bill(entry *e, const sm_request *request, sm_answer *answer) {
  sm_err err = own_texts(e);
  if (err == SM_OK)
    err = sm_ledger_utility_add(e->api->options.ledger, sm_request_actor(request), &e->bill);
  if (err == SM_OK)
    answer_recovery(e->api, request, answer, 201, e->bill.utility_id);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "number",
                    "this bill of the supplier is entered already: cancel "
                    "it to enter it anew");
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_field(answer, 422, "main_meter", "is not there");
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_utility_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_problems problems = {0};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  entry e = {.api = api, .body = body, .problems = &problems};
  if (sm_api_expensive_enter(api, answer)) {
    read_bill(&e);
    sm_err err = take_members(&e);
    if (err != SM_OK)
      sm_api_fail(request, answer, err);
    else if (sm_problems_any(&problems))
      sm_answer_problems(answer, 422, &problems);
    else
      store_bill(&e, request, answer);
    sm_api_expensive_leave(api);
  }
  sm_utility_bill_fini(&e.bill);
  json_decref(body);
}

/* -- its recovery -- */

static void write_part(const sm_api *api, sm_jsonw *w, const sm_recovery_part *part) {
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "account_id", part->share.account_id);
  sm_jsonw_key_decimal(w, "kwh", part->share.use_wh, 3);
  sm_jsonw_key_bool(w, "estimated", part->estimated);
  sm_jsonw_key_decimal(w, "sanctioned_load_kw", part->share.load_w, 3);
  write_money(api, w, "energy_cost", part->share.energy_minor);
  write_money(api, w, "common_cost", part->share.common_minor);
  write_money(api, w, "invoiced", part->own_minor);
  sm_jsonw_key_int(w, "invoices", (int64_t)part->own_invoices);
  sm_jsonw_key_int(w, "not_invoiced", (int64_t)part->own_missing);
  sm_jsonw_object_end(w);
}

static void write_recovery(const sm_api *api, sm_jsonw *w, const sm_recovery *r) {
  sm_jsonw_object(w);
  write_bill(api, w, &r->bill);
  sm_jsonw_key(w, "energy");
  sm_jsonw_object(w);
  sm_jsonw_key_decimal(w, "billed_kwh", r->bill.energy_wh, 3);
  sm_jsonw_key_decimal(w, "main_kwh", r->main_wh, 3);
  sm_jsonw_key_bool(w, "main_estimated", r->main_estimated);
  sm_jsonw_key_decimal(w, "flats_kwh", r->flats_wh, 3);
  sm_jsonw_key_decimal(w, "difference_kwh", r->difference_wh, 3);
  sm_jsonw_object_end(w);
  sm_jsonw_key(w, "money");
  sm_jsonw_object(w);
  write_money(api, w, "cost", r->cost_minor);
  write_money(api, w, "energy_cost", r->energy_minor);
  write_money(api, w, "common_cost", r->common_minor);
  write_money(api, w, "invoiced", r->own_minor);
  sm_jsonw_key_bool(w, "prorated", r->prorated);
  sm_jsonw_key_int(w, "not_invoiced", (int64_t)r->own_missing);
  write_money(api, w, "difference", r->difference_minor);
  sm_jsonw_object_end(w);
  sm_jsonw_key(w, "accounts");
  sm_jsonw_array(w);
  for (size_t i = 0; i < r->part_count; i++) write_part(api, w, &r->part[i]);
  sm_jsonw_array_end(w);
  sm_jsonw_object_end(w);
}

static void answer_recovery(sm_api *api, const sm_request *request, sm_answer *answer,
                            unsigned status, const char *utility_id) {
  const sm_invoicing invoicing = sm_api_invoicing(api);
  sm_recovery recovery;
  sm_err err = sm_invoicing_recovery(&invoicing, utility_id, &recovery);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, status);
    write_recovery(api, &w, &recovery);
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
