#include "invoicing/utility.h"

#include "base/decimal.h"
#include "invoicing/account_meant.h"
#include "model/money.h"
#include "store/ledger_money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS_MAX = 370, PAGE = 500 };

/* A bill in the making. */
typedef struct entry {
  const sm_invoicing *invoicing;
  const sm_utility_request *request;
  sm_problems *problems;
  char *site_tariff; /* of accounts without one of their own; NULL: none */
  sm_utility_bill bill;
} entry;

/* ---- fields ---- */

static bool has_problem(const sm_problems *problems, const char *field) {
  for (size_t i = 0; i < problems->count && i < SM_PROBLEMS_MAX; i++)
    if (strcmp(problems->item[i].field, field) == 0) return true;
  return false;
}

/* What could not be read has been told already. */
static void require(const entry *e, bool given, const char *field, const char *what) {
  if (!given && !has_problem(e->problems, field))
    sm_problems_add(e->problems, field, "is required%s", what);
}

static void check_money(const entry *e, const char *field, const char *text, int64_t *minor) {
  const char *currency = e->invoicing->currency;
  if (text == NULL) return;
  if (sm_decimal_parse(text, strlen(text), sm_currency_digits(currency), minor) != SM_OK ||
      *minor < 0 || *minor > SM_ENTRY_MAX_MINOR)
    sm_problems_add(e->problems, field, "must be an amount in %s such as \"1234.50\", not below 0",
                    currency);
}

static void check_period(const entry *e) {
  const sm_utility_request *r = e->request;
  require(e, r->has_from, "from", ": the first day");
  require(e, r->has_to, "to", ": the day after the last");
  if (!r->has_from || !r->has_to) return;
  if (sm_date_compare(r->from, r->to) >= 0)
    sm_problems_add(e->problems, "to", "is the day after the last, and must be after 'from'");
  else if (sm_date_days_between(r->from, r->to) > DAYS_MAX)
    sm_problems_add(e->problems, "to", "is more than a year after 'from'");
}

static void check_split(const entry *e) {
  const char *split = e->request->split;
  require(e, split != NULL, "split", ": equal, use or load");
  if (split != NULL && strcmp(split, "equal") != 0 && strcmp(split, "use") != 0 &&
      strcmp(split, "load") != 0)
    sm_problems_add(e->problems, "split", "must be equal, use or load");
}

static void check_fields(entry *e) {
  const sm_utility_request *r = e->request;
  require(e, r->supplier != NULL, "supplier", "");
  require(e, r->number != NULL, "number", ": it tells that a bill is not entered twice");
  check_period(e);
  require(e, r->has_kwh, "kwh", ": the energy that is billed");
  if (r->has_kwh && r->energy_wh < 0) sm_problems_add(e->problems, "kwh", "must not be below 0");
  require(e, r->amount != NULL, "amount", ": what it costs without tax");
  check_money(e, "amount", r->amount, &e->bill.amount_minor);
  check_money(e, "tax", r->tax, &e->bill.tax_minor);
  check_split(e);
  e->bill.from = r->from;
  e->bill.to = r->to;
  e->bill.energy_wh = r->energy_wh;
}

/* ---- from whom ---- */

/* Takes the text over, also on an error. */
static sm_err add_member(entry *e, char *account_id) {
  size_t count = e->bill.account_count;
  char **grown = NULL;
  if (account_id == NULL) return SM_ERR_NOMEM;
  if (count >= SM_UTILITY_MEMBERS_MAX)
    sm_problems_add(e->problems, "accounts", "are more than %d", SM_UTILITY_MEMBERS_MAX);
  else
    grown = realloc(e->bill.account_id, (count + 1) * sizeof(char *));
  if (grown == NULL) {
    free(account_id);
    return count >= SM_UTILITY_MEMBERS_MAX ? SM_ERR_INVALID : SM_ERR_NOMEM;
  }
  e->bill.account_id = grown;
  grown[count] = account_id;
  e->bill.account_count++;
  return SM_OK;
}

static bool is_member(const entry *e, const char *account_id) {
  for (size_t i = 0; i < e->bill.account_count; i++)
    if (strcmp(e->bill.account_id[i], account_id) == 0) return true;
  return false;
}

static sm_err take_one(entry *e, size_t i) {
  char field[32];
  char why[SM_ACCOUNT_WHY_MAX];
  char *account_id = NULL;
  (void)snprintf(field, sizeof field, "accounts[%zu]", i);
  if (e->request->account[i] == NULL) return SM_OK; /* told already */
  sm_err err = sm_account_meant(e->invoicing->ledger, e->request->account[i], &account_id, why);
  if (err == SM_ERR_NOT_FOUND || err == SM_ERR_CONFLICT) {
    sm_problems_add(e->problems, field, "%s", why);
    return SM_OK;
  }
  if (err != SM_OK) return err;
  if (!is_member(e, account_id)) return add_member(e, account_id);
  free(account_id);
  sm_problems_add(e->problems, field, "is there twice");
  return SM_OK;
}

/* Whether a bill is recovered from an account that nobody named: it has days in the period and a
 * meter of its own then, other than the main one, and is on one of the tariffs, if any are given.
 */
static bool is_flat(const entry *e, const sm_account *account) {
  const sm_utility_request *r = e->request;
  int64_t from_ms = sm_zone_day_start_ms(e->invoicing->zone, r->from);
  int64_t to_ms = sm_zone_day_start_ms(e->invoicing->zone, r->to);
  if (account->has_from && sm_date_compare(account->from, r->to) >= 0) return false;
  if (account->has_to && sm_date_compare(account->to, r->from) <= 0) return false;
  bool on = r->tariff_count == 0;
  for (size_t k = 0; k < r->tariff_count && account->tariff_count == 0; k++)
    on = on || (e->site_tariff != NULL && strcmp(e->site_tariff, r->tariff[k]) == 0);
  for (size_t i = 0; i < account->tariff_count; i++)
    for (size_t k = 0; k < r->tariff_count; k++)
      on = on || strcmp(account->tariff[i].name, r->tariff[k]) == 0;
  bool own = false;
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *meter = &account->meter[i];
    if (r->main_meter != NULL && strcmp(meter->device_id, r->main_meter) == 0) return false;
    own = own || (meter->sign > 0 && meter->from_ms < to_ms && meter->to_ms > from_ms);
  }
  return on && own;
}

static sm_err take_flats(entry *e) {
  char after[65] = "";
  sm_err err = sm_ledger_default_tariff(e->invoicing->ledger, &e->site_tariff);
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  for (size_t count = PAGE; err == SM_OK && count == PAGE;) {
    sm_account *accounts = NULL;
    err = sm_ledger_accounts(e->invoicing->ledger, NULL, after, PAGE, &accounts, &count);
    if (err != SM_OK) return err;
    for (size_t i = 0; i < count && err == SM_OK; i++)
      if (is_flat(e, &accounts[i])) err = add_member(e, strdup(accounts[i].account_id));
    if (count > 0) (void)snprintf(after, sizeof after, "%s", accounts[count - 1].account_id);
    sm_accounts_free(accounts, count);
  }
  return err;
}

static sm_err take_members(entry *e) {
  const sm_utility_request *r = e->request;
  sm_err err = SM_OK;
  if (r->accounts)
    for (size_t i = 0; err == SM_OK && i < r->account_count; i++) err = take_one(e, i);
  else
    err = take_flats(e);
  if (err == SM_OK && e->bill.account_count == 0 && !sm_problems_any(e->problems))
    sm_problems_add(e->problems, "accounts",
                    "there is none to recover it from: no account has a meter of its own in the "
                    "period%s",
                    r->tariff_count > 0 ? " on these tariffs" : "");
  return err == SM_ERR_INVALID ? SM_OK : err;
}

/* ---- the whole ---- */

/* Copies, so that the bill is freed as one. */
static sm_err own_texts(entry *e) {
  const sm_utility_request *r = e->request;
  sm_utility_bill *b = &e->bill;
  b->device_id = r->main_meter != NULL ? strdup(r->main_meter) : NULL;
  b->supplier = strdup(r->supplier);
  b->number = strdup(r->number);
  b->split = strdup(r->split);
  b->currency = strdup(e->invoicing->currency);
  bool all = b->supplier != NULL && b->number != NULL && b->split != NULL && b->currency != NULL &&
             (r->main_meter == NULL || b->device_id != NULL);
  return all ? SM_OK : SM_ERR_NOMEM;
}

/* SM_ERR_NOT_FOUND: the accounts were there a moment ago, so it is the meter. */
static sm_err store(entry *e, sm_actor actor) {
  sm_ledger *ledger = e->invoicing->ledger;
  sm_utility_bill first = {0};
  sm_err err = own_texts(e);
  if (err == SM_OK) err = sm_ledger_utility_add(ledger, actor, &e->bill);
  if (err == SM_ERR_NOT_FOUND) {
    sm_problems_add(e->problems, "main_meter", "is not there");
    return SM_ERR_INVALID;
  }
  if (err != SM_ERR_EXISTS) return err;
  err = sm_ledger_utility_same(ledger, &e->bill, &first);
  if (err == SM_ERR_NOT_FOUND) return SM_ERR_BUSY; /* cancelled just now */
  if (err != SM_OK) return err;
  sm_utility_bill_fini(&e->bill);
  e->bill = first;
  return SM_ERR_EXISTS;
}

sm_err sm_utility_enter(const sm_invoicing *invoicing, sm_actor actor,
                        const sm_utility_request *request, sm_problems *problems,
                        sm_utility_bill *bill) {
  entry e = {.invoicing = invoicing, .request = request, .problems = problems};
  check_fields(&e);
  sm_err err = request->has_from && request->has_to ? take_members(&e) : SM_OK;
  if (err == SM_OK && sm_problems_any(problems)) err = SM_ERR_INVALID;
  if (err == SM_OK) err = store(&e, actor);
  free(e.site_tariff);
  if (err == SM_OK || err == SM_ERR_EXISTS)
    *bill = e.bill;
  else
    sm_utility_bill_fini(&e.bill);
  return err;
}

void sm_utility_say_same(const sm_utility_bill *first, char out[SM_UTILITY_SAME_MAX]) {
  char from[SM_DATE_MAX], to[SM_DATE_MAX];
  (void)snprintf(out, SM_UTILITY_SAME_MAX,
                 "is entered already, as %.30s of %.30s %.30s, %s to %s: cancel that one if it is "
                 "wrong; another bill has another number",
                 first->utility_id, first->supplier, first->number,
                 sm_date_format(first->from, from), sm_date_format(first->to, to));
}
