/* One statement of a place for a month: all its accounts, such as one for the grid and one for the
 * generator, each with its own meter, tariff and bill. */
#include "api/api.h"
#include "api/body.h"
#include "api/month.h"
#include "api/routes.h"
#include "base/checked.h"
#include "invoicing/invoicing.h"
#include "model/money.h"
#include "store/ledger_landlord.h"
#include "store/ledger_money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_CHARS_MAX = 80, ACCOUNTS_MAX = 50 };

typedef struct statement {
  sm_api *api;
  sm_jsonw w;
  int year;
  int month;
  int64_t now_ms;
  size_t count;
  int64_t total_minor;
  int64_t balance_minor;
} statement;

static void write_money(statement *s, const char *key, int64_t minor) {
  sm_money_write_key(&s->w, key, minor, s->api->options.currency);
}

static sm_err add_up(statement *s, int64_t total_minor, int64_t balance_minor) {
  s->count++;
  sm_err err = sm_add_i64(s->total_minor, total_minor, &s->total_minor);
  return err == SM_OK ? sm_add_i64(s->balance_minor, balance_minor, &s->balance_minor) : err;
}

static void write_head(statement *s, const sm_account *account, const char *number,
                       int64_t total_minor, int64_t balance_minor) {
  sm_jsonw_key_text(&s->w, "account_id", account->account_id);
  sm_jsonw_key(&s->w, "tariffs");
  sm_jsonw_array(&s->w);
  for (size_t i = 0; i < account->tariff_count; i++) sm_jsonw_text(&s->w, account->tariff[i].name);
  sm_jsonw_array_end(&s->w);
  sm_jsonw_key_text(&s->w, "invoice", number);
  write_money(s, "total", total_minor);
  write_money(s, "balance", balance_minor);
  sm_jsonw_key(&s->w, "bill");
}

/* As issued, if the month is. */
static sm_err write_issued(statement *s, const sm_account *account, const sm_invoice *invoice,
                           int64_t balance_minor) {
  sm_jsonw_object(&s->w);
  write_head(s, account, invoice->number, invoice->total_minor, balance_minor);
  sm_jsonw_raw(&s->w, invoice->body, strlen(invoice->body));
  sm_jsonw_object_end(&s->w);
  return add_up(s, invoice->total_minor, balance_minor);
}

/* Else as it would be; an account without days in the month is left out. */
static sm_err write_computed(statement *s, const sm_account *account, int64_t balance_minor) {
  const sm_invoicing invoicing = sm_api_invoicing(s->api);
  const sm_invoicing_query query = {
      .account_id = account->account_id, .year = s->year, .month = s->month, .now_ms = s->now_ms};
  sm_bill *bill = NULL;
  sm_err err = sm_invoicing_bill(&invoicing, &query, &bill);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  sm_jsonw_object(&s->w);
  write_head(s, account, NULL, bill->total_minor, balance_minor);
  sm_bill_write_json(&s->w, bill, s->api->options.zone);
  sm_jsonw_object_end(&s->w);
  err = add_up(s, bill->total_minor, balance_minor);
  sm_bill_free(bill);
  return err;
}

static sm_err write_account(statement *s, const sm_account *account) {
  char month[16];
  sm_invoice invoice = {0};
  int64_t balance_minor = 0;
  sm_ledger *ledger = s->api->options.ledger;
  (void)snprintf(month, sizeof month, "%04d-%02d", s->year, s->month);
  sm_err err = sm_ledger_balance(ledger, account->account_id, INT64_MAX, &balance_minor);
  if (err != SM_OK) return err;
  err = sm_ledger_invoice_of(ledger, account->account_id, month, &invoice);
  if (err == SM_ERR_NOT_FOUND) return write_computed(s, account, balance_minor);
  if (err == SM_OK) err = write_issued(s, account, &invoice, balance_minor);
  sm_invoice_fini(&invoice);
  return err;
}

static void write_sums(statement *s) {
  sm_jsonw_key(&s->w, "sums");
  sm_jsonw_object(&s->w);
  sm_jsonw_key_int(&s->w, "accounts", (int64_t)s->count);
  write_money(s, "total", s->total_minor);
  write_money(s, "balance", s->balance_minor);
  sm_jsonw_object_end(&s->w);
}

static void answer_statement(statement *s, const sm_request *request, sm_answer *answer,
                             const char *place) {
  char month[16];
  sm_account *accounts = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_accounts_of_place(
      s->api->options.ledger, place, sm_request_own_user(request), ACCOUNTS_MAX, &accounts, &count);
  if (err == SM_OK && count == 0) {
    sm_accounts_free(accounts, count);
    sm_answer_not_found(answer);
    return;
  }
  s->w = sm_answer_json(answer, 200);
  (void)snprintf(month, sizeof month, "%04d-%02d", s->year, s->month);
  sm_jsonw_object(&s->w);
  sm_jsonw_key_text(&s->w, "place", place);
  sm_jsonw_key_text(&s->w, "month", month);
  sm_jsonw_key_text(&s->w, "currency", s->api->options.currency);
  sm_jsonw_key(&s->w, "accounts");
  sm_jsonw_array(&s->w);
  for (size_t i = 0; i < count && err == SM_OK; i++) err = write_account(s, &accounts[i]);
  sm_jsonw_array_end(&s->w);
  write_sums(s);
  sm_jsonw_object_end(&s->w);
  sm_accounts_free(accounts, count);
  if (err == SM_ERR_RANGE)
    sm_answer_field(answer, 400, "month", "has not begun");
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
}

void sm_handle_statement(sm_api *api, const sm_request *request, sm_answer *answer) {
  const char *place;
  statement s = {.api = api, .now_ms = sm_api_now_ms(api)};
  if (!sm_request_param_text(request, answer, "place", &place) ||
      !sm_request_param_month(api, request, answer, &s.year, &s.month))
    return;
  if (place == NULL || !sm_text_plain(place, PLACE_CHARS_MAX)) {
    sm_answer_field(answer, 400, "place",
                    "is required: the name of a place, as its accounts have it");
    return;
  }
  if (!sm_api_expensive_enter(api, answer)) return;
  answer_statement(&s, request, answer, place);
  sm_api_expensive_leave(api);
}
