#include "app/account_words.h"
#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "api/account_hooks.h"
#include "api/account_json.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/file.h"
#include "model/money.h"
#include "store/ledger_landlord.h"
#include "store/ledger_money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter account list [--json]\n"
    "shows who is billed: own name, person, place, meters, tariff, and what is owed.\n"
    "       smartmeter account import FILE [--dry-run] [--json]\n"
    "brings in accounts, their meters and opening balances from CSV (- is standard input): all of "
    "the\n"
    "file or nothing, and the same file again changes nothing. Columns, in any order:\n"
    "  account, person     required: your own name for the account, and the name on the bill\n"
    "  place, email, from, to, device, sign, multiplier, load_kw, tariff, opening_balance\n"
    "Further lines of an account add meters. docs/operations.md tells each column.\n";

static void print_result(const sm_account_file_result *r, const char *currency, bool dry_run,
                         bool json) {
  char opening[SM_DECIMAL_TEXT_MAX];
  (void)sm_money_format(r->opening_minor, currency, opening);
  if (json)
    (void)printf("{\"dry_run\":%s,\"accounts\":%zu,\"added\":%zu,\"known\":%zu,\"meters\":%zu,"
                 "\"opening_balance\":\"%s\"}\n",
                 dry_run ? "true" : "false", r->accounts, r->added, r->known, r->meters, opening);
  else
    (void)printf("%zu accounts %s with %zu meters and %s %s of opening balances; %zu were there "
                 "already\n",
                 r->added, dry_run ? "would be added" : "added", r->meters, opening, currency,
                 r->known);
}

static int import(sm_program *program, const char *path, bool dry_run, bool json) {
  char *text = NULL;
  size_t len = 0;
  sm_problems problems = {.count = 0};
  sm_account_file_result result;
  sm_err err = sm_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, SM_ACCOUNT_FILE_BYTES_MAX,
                            &text, &len);
  if (err != SM_OK) {
    sm_complain("cannot read %s: %s", path, sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  const sm_invoicing invoicing = sm_program_invoicing(program);
  const sm_account_file file = {.invoicing = &invoicing,
                                .actor = sm_cli_actor(),
                                .text = text,
                                .len = len,
                                .dry_run = dry_run,
                                .now_ms = sm_clock_now_ms(),
                                .hooks = sm_account_hooks(program->identity)};
  err = sm_account_file_import(&file, &problems, &result);
  free(text);
  sm_complain_problems(path, &problems);
  if (err == SM_OK)
    print_result(&result, program->config.currency, dry_run, json);
  else if (err != SM_ERR_INVALID)
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- the list ---- */

typedef struct list_context {
  sm_program *program;
  char *site_tariff; /* of accounts without one of their own; NULL: there is none */
  char after[65];    /* the last account's id */
} list_context;

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_account *all = NULL;
  sm_err err = sm_ledger_accounts(c->program->ledger, NULL, c->after, limit, &all, count);
  if (err == SM_OK && *count > 0)
    (void)snprintf(c->after, sizeof c->after, "%s", all[*count - 1].account_id);
  *items = all;
  return err;
}

static void release(void *items, size_t count) {
  sm_accounts_free(items, count);
}

/* The tariff that it is on now; without one of its own it is on the site's first. */
static const char *tariff_of(const list_context *c, const sm_account *account) {
  const sm_date today = sm_zone_date(c->program->config.zone, sm_clock_now_ms());
  const char *on = c->site_tariff != NULL ? c->site_tariff : "-";
  for (size_t i = 0; i < account->tariff_count; i++)
    if (i == 0 || !account->tariff[i].has_from ||
        sm_date_compare(account->tariff[i].from, today) <= 0)
      on = account->tariff[i].name;
  return on;
}

static sm_err write_item(void *context, sm_jsonw *w, const void *item) {
  const list_context *c = context;
  const sm_account *account = item;
  const char *currency = c->program->config.currency;
  sm_account_name name = {0};
  int64_t minor = 0;
  sm_err err = sm_ledger_account_name(c->program->ledger, account->account_id, &name);
  if (err != SM_OK) return err;
  sm_jsonw_key_text(w, "name", name.name);
  sm_account_name_fini(&name);
  err = sm_account_write_members(w, account, c->program->identity);
  if (err == SM_OK)
    err = sm_ledger_balance(c->program->ledger, account->account_id, INT64_MAX, &minor);
  if (err == SM_OK) sm_money_write_key(w, "balance", minor, currency);
  sm_jsonw_key_text(w, "currency", currency);
  sm_jsonw_key_text(w, "tariff", tariff_of(c, account));
  return err;
}

/* "f101, -f102 × 2.5": what counts against it, and by how much, as far as that is not plain. */
static void write_meters(const sm_account *account, sm_buf *out) {
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *m = &account->meter[i];
    char times[SM_DECIMAL_TEXT_MAX];
    sm_buf_printf(out, "%s%s%s", i > 0 ? ", " : "", m->sign < 0 ? "-" : "", m->device_id);
    if (m->multiplier_milli != 1000)
      sm_buf_printf(out, " × %s", sm_decimal_format(m->multiplier_milli, 3, 0, times));
  }
}

static void write_days(const sm_account *account, sm_buf *out) {
  char day[SM_DATE_MAX];
  if (account->has_from) sm_buf_printf(out, ", from %s", sm_date_format(account->from, day));
  if (account->has_to) sm_buf_printf(out, ", to %s", sm_date_format(account->to, day));
}

static void print_item(void *context, const void *item) {
  const list_context *c = context;
  const sm_account *account = item;
  char label[SM_ACCOUNT_LABEL_MAX], balance[SM_DECIMAL_TEXT_MAX] = "?";
  char *person = NULL;
  int64_t minor = 0;
  sm_buf rest;
  sm_buf_init(&rest, 0);
  write_meters(account, &rest);
  sm_buf_printf(&rest, "%s%s", rest.len > 0 ? "  " : "", tariff_of(c, account));
  write_days(account, &rest);
  if (sm_account_person(account, c->program->identity, &person) != SM_OK) person = NULL;
  if (sm_ledger_balance(c->program->ledger, account->account_id, INT64_MAX, &minor) == SM_OK)
    (void)sm_money_format(minor, c->program->config.currency, balance);
  (void)sm_account_words_label(c->program->ledger, account->account_id, label);
  (void)printf("%-16s %-22s %-20s %-14s %12s  %s\n",
               strcmp(label, account->account_id) != 0 ? label : "-", account->account_id,
               person != NULL ? person : "?", account->place != NULL ? account->place : "-",
               balance, sm_buf_text(&rest));
  free(person);
  sm_buf_fini(&rest);
}

static int list(sm_program *program, bool json) {
  list_context c = {.program = program};
  sm_err err = sm_ledger_default_tariff(program->ledger, &c.site_tariff);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) {
    sm_complain("%s", sm_complain_text(err));
    return SM_EXIT_FAILED;
  }
  const sm_listing listing = {.plural = "accounts",
                              .item_size = sizeof(sm_account),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_item,
                              .write = write_item};
  if (!json)
    (void)printf("%-16s %-22s %-20s %-14s %12s  %s\n", "own name", "id", "person", "place", "owes",
                 "meters, tariff, days");
  int status = sm_listing_run(&listing, json);
  free(c.site_tariff);
  return status;
}

/* ---- the command ---- */

int sm_cmd_account(int argc, char **argv) {
  bool dry_run = false;
  bool json = false;
  const sm_option options[] = {{"--dry-run", .flag = &dry_run}, {"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  bool is_list = argc == 2 && strcmp(argv[1], "list") == 0;
  bool is_import = argc == 3 && strcmp(argv[1], "import") == 0;
  if (!is_list && !is_import) return sm_misused(usage, "say list, or import FILE");
  sm_program program;
  status = SM_EXIT_FAILED;
  if (sm_program_open(&program, SM_PROGRAM_EXISTING) && sm_program_open_identity(&program) &&
      sm_program_load_invoicing(&program))
    status = is_list ? list(&program, json) : import(&program, argv[2], dry_run, json);
  sm_program_fini(&program);
  return status;
}
