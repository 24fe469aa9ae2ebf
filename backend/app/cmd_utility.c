#include "app/account_words.h"
#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "api/utility_json.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "invoicing/utility.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 500 };

static const char usage[] =
    "usage: smartmeter utility add --supplier NAME --number TEXT --from DAY --to DAY --kwh N\n"
    "                          --amount N [--tax N] --split equal|use|load [--main-meter ID]\n"
    "                          [--account NAME ... | --on TARIFF ...] [--json]\n"
    "       smartmeter utility list [--json]\n"
    "       smartmeter utility show --bill NUMBER [--json]\n"
    "       smartmeter utility post --bill NUMBER\n"
    "       smartmeter utility reverse --bill NUMBER --why TEXT\n"
    "       smartmeter utility cancel --bill NUMBER --why TEXT\n"
    "Bills that you have from a supplier, and what of them comes back. `add` enters one (--to is "
    "the day\n"
    "after the last, --amount is without tax); it is recovered from the accounts that are named, "
    "or\n"
    "from all with a meter of their own then. `show` has cost and own invoices side by side, and "
    "what\n"
    "each account takes; `post` puts the common part on the accounts, `reverse` takes that back, "
    "and\n"
    "`cancel` a bill that was entered by mistake. --bill is its number, or its id where two share "
    "one.\n";

typedef struct words {
  const char *supplier;
  const char *number;
  const char *from;
  const char *to;
  const char *kwh;
  const char *amount;
  const char *tax;
  const char *split;
  const char *main_meter;
  const char *bill;
  const char *why;
  sm_option_list account;
  sm_option_list on;
  bool json;
} words;

/* ---- which one ---- */

/* A bill that counts comes before one that is cancelled. */
typedef struct search {
  const char *said;
  sm_utility_bill found;
  bool several;
} search;

static void look_at(search *s, sm_utility_bill *bill) {
  bool is_id = strcmp(bill->utility_id, s->said) == 0;
  if (!is_id && strcmp(bill->number, s->said) != 0) return;
  const sm_utility_bill *before = &s->found;
  bool better = before->utility_id == NULL || is_id || (before->cancelled && !bill->cancelled);
  if (!better) {
    s->several = s->several || bill->cancelled == before->cancelled;
    return;
  }
  s->several = false;
  sm_utility_bill_fini(&s->found);
  s->found = *bill;
  *bill = (sm_utility_bill){0};
}

static sm_err find_all(sm_ledger *ledger, search *s) {
  enum { PAGE = 200 };
  int64_t after = 0;
  for (size_t count = PAGE; count == PAGE;) {
    sm_utility_bill *bills = NULL;
    sm_err err = sm_ledger_utilities(ledger, after, PAGE, &bills, &count, &after);
    if (err != SM_OK) return err;
    for (size_t i = 0; i < count; i++) look_at(s, &bills[i]);
    sm_utility_bills_free(bills, count);
  }
  return SM_OK;
}

/* *utility_id is a heap text; false: it has been told. */
static bool find(sm_program *program, const char *said, char **utility_id) {
  search s = {.said = said};
  sm_err err = find_all(program->ledger, &s);
  bool good = err == SM_OK && s.found.utility_id != NULL && !s.several;
  if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  else if (s.found.utility_id == NULL)
    sm_complain("there is no utility bill %s: `smartmeter utility list` shows them", said);
  else if (s.several)
    sm_complain("several bills have the number %s: give the id, as `smartmeter utility list` "
                "shows it",
                said);
  if (good) {
    *utility_id = s.found.utility_id;
    s.found.utility_id = NULL;
  }
  sm_utility_bill_fini(&s.found);
  return good;
}

/* ---- the list ---- */

typedef struct list_context {
  sm_ledger *ledger;
  int64_t after_no;
} list_context;

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_utility_bill *all = NULL;
  sm_err err = sm_ledger_utilities(c->ledger, c->after_no, limit, &all, count, &c->after_no);
  *items = all;
  return err;
}

static void release(void *items, size_t count) {
  sm_utility_bills_free(items, count);
}

static sm_err write_item(void *context, sm_jsonw *w, const void *item) {
  (void)context;
  sm_utility_write_members(w, item);
  return SM_OK;
}

static void print_bill(const sm_utility_bill *b) {
  char from[SM_DATE_MAX], to[SM_DATE_MAX];
  char kwh[SM_DECIMAL_TEXT_MAX], amount[SM_DECIMAL_TEXT_MAX], tax[SM_DECIMAL_TEXT_MAX];
  (void)printf("%-22s %-9s %s to %s %12s kWh %14s + %s %s  %s %s\n", b->utility_id,
               sm_utility_status(b), sm_date_format(b->from, from), sm_date_format(b->to, to),
               sm_decimal_format(b->energy_wh, 3, 0, kwh),
               sm_money_format(b->amount_minor, b->currency, amount),
               sm_money_format(b->tax_minor, b->currency, tax), b->currency, b->supplier,
               b->number);
}

static void print_item(void *context, const void *item) {
  (void)context;
  print_bill(item);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  list_context c = {.ledger = program->ledger};
  const sm_listing listing = {.plural = "utility_bills",
                              .item_size = sizeof(sm_utility_bill),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_item,
                              .write = write_item};
  return sm_listing_run(&listing, w->json);
}

/* ---- one and its recovery ---- */

static void print_part(sm_ledger *ledger, const sm_recovery_part *p, const char *currency) {
  char label[SM_ACCOUNT_LABEL_MAX], kwh[SM_DECIMAL_TEXT_MAX], load_kw[SM_DECIMAL_TEXT_MAX];
  char energy[SM_DECIMAL_TEXT_MAX], common[SM_DECIMAL_TEXT_MAX], own[SM_DECIMAL_TEXT_MAX];
  (void)printf("%-22s %12s %8s %14s %14s %14s%s%s\n",
               sm_account_words_label(ledger, p->share.account_id, label),
               sm_decimal_format(p->share.use_wh, 3, 0, kwh),
               sm_decimal_format(p->share.load_w, 3, 0, load_kw),
               sm_money_format(p->share.energy_minor, currency, energy),
               sm_money_format(p->share.common_minor, currency, common),
               sm_money_format(p->own_minor, currency, own), p->estimated ? "  estimated" : "",
               p->own_missing > 0 ? "  not all invoiced" : "");
}

static void print_recovery(sm_ledger *ledger, const sm_recovery *r) {
  const char *currency = r->bill.currency;
  char a[SM_DECIMAL_TEXT_MAX], b[SM_DECIMAL_TEXT_MAX], c[SM_DECIMAL_TEXT_MAX];
  print_bill(&r->bill);
  if (r->bill.cancelled) (void)printf("cancelled: %s\n", r->bill.cancel_reason);
  (void)printf("main meter %s kWh%s, flats %s kWh, common %s kWh\n",
               sm_decimal_format(r->main_wh, 3, 0, a), r->main_estimated ? " (estimated)" : "",
               sm_decimal_format(r->flats_wh, 3, 0, b),
               sm_decimal_format(r->difference_wh, 3, 0, c));
  (void)printf("cost %s", sm_money_format(r->cost_minor, currency, a));
  (void)printf(" = energy %s + common %s, parted by: %s\n",
               sm_money_format(r->energy_minor, currency, a),
               sm_money_format(r->common_minor, currency, b), r->bill.split);
  (void)printf("own invoices of the period%s: %s, less the cost: %s; months without one: %zu\n",
               r->prorated ? " (by days)" : "", sm_money_format(r->own_minor, currency, a),
               sm_money_format(r->difference_minor, currency, b), r->own_missing);
  (void)printf("%-22s %12s %8s %14s %14s %14s\n", "account", "kWh", "kW", "own use", "common",
               "invoiced");
  for (size_t i = 0; i < r->part_count; i++) print_part(ledger, &r->part[i], currency);
}

static int print_one(sm_program *program, const char *utility_id, bool json) {
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_recovery recovery = {0};
  sm_err err = sm_invoicing_recovery(&invoicing, utility_id, &recovery);
  if (err != SM_OK) {
    sm_complain("%s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  if (json) {
    sm_buf out;
    sm_jsonw j;
    sm_buf_init(&out, 0);
    sm_jsonw_init(&j, &out);
    sm_recovery_write_json(&j, &recovery);
    sm_print_json(&out);
    sm_buf_fini(&out);
  } else {
    print_recovery(program->ledger, &recovery);
  }
  sm_recovery_fini(&recovery);
  return SM_EXIT_OK;
}

static bool open_readings(sm_program *program) {
  if (!sm_program_load_invoicing(program)) return false;
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK)
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
  return err == SM_OK;
}

/* ---- entering ---- */

static void take_day(const char *field, const char *text, bool *has, sm_date *day,
                     sm_problems *problems) {
  if (text == NULL) return;
  *has = sm_date_parse(text, day) == SM_OK;
  if (!*has) sm_problems_add(problems, field, "is '%.20s': give a date such as 2026-01-31", text);
}

static void take_words(const words *w, sm_utility_request *r, sm_problems *problems) {
  *r = (sm_utility_request){.main_meter = w->main_meter,
                            .supplier = w->supplier,
                            .number = w->number,
                            .amount = w->amount,
                            .tax = w->tax,
                            .split = w->split,
                            .accounts = w->account.count > 0,
                            .account = w->account.item,
                            .account_count = w->account.count,
                            .tariff = w->on.item,
                            .tariff_count = w->on.count};
  take_day("from", w->from, &r->has_from, &r->from, problems);
  take_day("to", w->to, &r->has_to, &r->to, problems);
  if (w->kwh == NULL) return;
  r->has_kwh = sm_decimal_parse(w->kwh, strlen(w->kwh), 3, &r->energy_wh) == SM_OK;
  if (!r->has_kwh)
    sm_problems_add(problems, "kwh", "is '%.20s': give a number with at most 3 decimals", w->kwh);
}

/* The fields have their options' names, but for two; of accounts the field's index tells which. */
static void complain_fields(const sm_problems *problems) {
  for (size_t i = 0; i < problems->count && i < SM_PROBLEMS_MAX; i++) {
    const char *field = problems->item[i].field;
    if (strcmp(field, "main_meter") == 0) field = "main-meter";
    if (strncmp(field, "accounts", 8) == 0) field = "account";
    sm_complain("--%s %s", field, problems->item[i].message);
  }
}

static int add(sm_program *program, const void *context) {
  const words *w = context;
  char same[SM_UTILITY_SAME_MAX];
  sm_problems problems = {0};
  sm_utility_request request;
  sm_utility_bill bill = {0};
  int status = SM_EXIT_FAILED;
  if (w->account.count > 0 && w->on.count > 0)
    return sm_misused(usage, "--account and --on exclude each other");
  if (!open_readings(program)) return SM_EXIT_FAILED;
  const sm_invoicing invoicing = sm_program_invoicing(program);
  take_words(w, &request, &problems);
  sm_err err = sm_utility_enter(&invoicing, sm_cli_actor(), &request, &problems, &bill);
  if (err == SM_OK) {
    status = print_one(program, bill.utility_id, w->json);
  } else if (err == SM_ERR_EXISTS) {
    sm_utility_say_same(&bill, same);
    sm_complain("--number %s", same);
  } else if (sm_problems_any(&problems)) {
    complain_fields(&problems);
  } else {
    sm_complain("%s", err == SM_ERR_INVALID ? "a text is longer than 80 characters, or not one line"
                                            : sm_err_text(err));
  }
  sm_utility_bill_fini(&bill);
  return status;
}

/* ---- posting, taking back, cancelling ---- */

static int tell_step(sm_err err, const words *w, const char *done, const char *exists,
                     const char *conflict) {
  if (err == SM_OK)
    (void)printf("%s %s\n", w->bill, done);
  else if (err == SM_ERR_EXISTS)
    sm_complain("%s %s", w->bill, exists);
  else if (err == SM_ERR_CONFLICT)
    sm_complain("%s %s", w->bill, conflict);
  else if (err == SM_ERR_RANGE)
    sm_complain("the period of %s is not over: the use is not known yet", w->bill);
  else if (err == SM_ERR_INVALID)
    sm_complain("--why must have 1 to %d characters", SM_UTILITY_REASON_MAX);
  else
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int show(sm_program *program, const words *w, const char *utility_id) {
  return open_readings(program) ? print_one(program, utility_id, w->json) : SM_EXIT_FAILED;
}

static int post(sm_program *program, const words *w, const char *utility_id) {
  if (!open_readings(program)) return SM_EXIT_FAILED;
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_err err =
      sm_invoicing_recovery_post(&invoicing, sm_cli_actor(), utility_id, sm_clock_now_ms());
  return tell_step(err, w, "is posted: its common part is on the accounts", "is posted already",
                   "is cancelled");
}

static int reverse(sm_program *program, const words *w, const char *utility_id) {
  if (w->why == NULL || w->why[0] == '\0')
    return sm_misused(usage, "--why is missing: residents may read it");
  sm_err err = sm_ledger_utility_reverse(program->ledger, sm_cli_actor(), utility_id, w->why);
  return tell_step(err, w, "is taken back from the accounts", "is taken back already",
                   "is not posted");
}

static int cancel(sm_program *program, const words *w, const char *utility_id) {
  if (w->why == NULL || w->why[0] == '\0') return sm_misused(usage, "--why is missing");
  sm_err err = sm_ledger_utility_cancel(program->ledger, sm_cli_actor(), utility_id, w->why);
  return tell_step(err, w, "is cancelled", "is cancelled already",
                   "is on the accounts: take that back first, with `smartmeter utility reverse`");
}

/* ---- the command ---- */

typedef int (*bill_verb)(sm_program *program, const words *w, const char *utility_id);

static int with_bill(sm_program *program, const words *w, bill_verb verb) {
  char *utility_id = NULL;
  if (w->bill == NULL) return sm_misused(usage, "--bill is missing: its number or id");
  if (!find(program, w->bill, &utility_id)) return SM_EXIT_FAILED;
  int status = verb(program, w, utility_id);
  free(utility_id);
  return status;
}

static int run_show(sm_program *program, const void *context) {
  return with_bill(program, context, show);
}

static int run_post(sm_program *program, const void *context) {
  return with_bill(program, context, post);
}

static int run_reverse(sm_program *program, const void *context) {
  return with_bill(program, context, reverse);
}

static int run_cancel(sm_program *program, const void *context) {
  return with_bill(program, context, cancel);
}

int sm_cmd_utility(int argc, char **argv) {
  static const sm_verb verbs[] = {{"add", add, .names = false},
                                  {"list", list, .names = false},
                                  {"show", run_show, .names = false},
                                  {"post", run_post, .names = false},
                                  {"reverse", run_reverse, .names = false},
                                  {"cancel", run_cancel, .names = false}};
  static const char *account[NAMES_MAX], *on[NAMES_MAX];
  words w = {.account = {.item = account, .cap = NAMES_MAX}, .on = {.item = on, .cap = NAMES_MAX}};
  const sm_option options[] = {{"--supplier", .text = &w.supplier},
                               {"--number", .text = &w.number},
                               {"--from", .text = &w.from},
                               {"--to", .text = &w.to},
                               {"--kwh", .text = &w.kwh},
                               {"--amount", .text = &w.amount},
                               {"--tax", .text = &w.tax},
                               {"--split", .text = &w.split},
                               {"--bill", .text = &w.bill},
                               {"--main-meter", .text = &w.main_meter},
                               {"--why", .text = &w.why},
                               {"--account", .list = &w.account},
                               {"--on", .list = &w.on},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
