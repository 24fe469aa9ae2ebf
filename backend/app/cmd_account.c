#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "api/account_hooks.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/file.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter account import FILE [--dry-run] [--json]\n"
    "Brings in accounts, their meters and opening balances from CSV (- is standard input): all of "
    "the\n"
    "file or nothing, and the same file again changes nothing. Columns, in any order:\n"
    "  account, person     required: your own name for the account, and the name on the bill\n"
    "  place, email, from, to, device, sign, multiplier, load_kw, tariff, opening_balance\n"
    "Further lines of an account add meters. docs/operations.md tells each column.\n";

static void print_result(const sm_account_file_result *r, const char *currency, bool dry_run,
                         bool json) {
  char opening[SM_DECIMAL_TEXT_MAX];
  unsigned digits = sm_currency_digits(currency);
  (void)sm_decimal_format(r->opening_minor, digits, digits, opening);
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
  for (size_t i = 0; i < problems.count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("%s: %s %s", path, problems.item[i].field, problems.item[i].message);
  if (problems.count > SM_PROBLEMS_MAX)
    sm_complain("%s: and %zu more", path, problems.count - SM_PROBLEMS_MAX);
  if (err == SM_OK)
    print_result(&result, program->config.currency, dry_run, json);
  else if (err != SM_ERR_INVALID)
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_account(int argc, char **argv) {
  bool dry_run = false;
  bool json = false;
  const sm_option options[] = {{"--dry-run", .flag = &dry_run}, {"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc != 3 || strcmp(argv[1], "import") != 0) return sm_misused(usage, "say import FILE");
  sm_program program;
  status = SM_EXIT_FAILED;
  if (sm_program_open(&program, SM_PROGRAM_EXISTING) && sm_program_open_identity(&program) &&
      sm_program_load_invoicing(&program))
    status = import(&program, argv[2], dry_run, json);
  sm_program_fini(&program);
  return status;
}
