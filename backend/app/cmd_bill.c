#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/jsonw.h"
#include "invoicing/invoicing.h"
#include "model/money.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter bill --month YYYY-MM [--device ID] [--dry-run] [--json]\n"
    "Issues the invoices of a month that is over: one an account, numbered without gaps, and "
    "never\n"
    "twice however often it runs. --dry-run shows what would be issued.\n";

typedef struct printer {
  bool json;
  bool first;
  bool dry_run;
  const char *currency;
} printer;

static void print_line(const printer *p, const sm_issue_result *r) {
  char total[SM_DECIMAL_TEXT_MAX] = "-";
  unsigned digits = sm_currency_digits(p->currency);
  if (r->has_total) (void)sm_decimal_format(r->total_minor, digits, digits, total);
  const char *outcome = p->dry_run && r->outcome == SM_ISSUE_ISSUED
                            ? "would issue"
                            : sm_issue_outcome_name(r->outcome);
  (void)printf("%-12s %-16s %-20s %12s %s%s%s%s\n", outcome, r->number != NULL ? r->number : "-",
               r->device_id, total, p->currency, r->estimated ? "  estimated" : "",
               r->text[0] != '\0' ? "  " : "", r->text);
}

static void print_object(printer *p, const sm_issue_result *r) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", r->account_id);
  sm_jsonw_key_text(&w, "device_id", r->device_id);
  sm_jsonw_key_text(&w, "outcome", sm_issue_outcome_name(r->outcome));
  sm_jsonw_key_text(&w, "number", r->number);
  sm_jsonw_key_text(&w, "reason", r->reason);
  sm_jsonw_key_text(&w, "text", r->text);
  sm_jsonw_key(&w, "total");
  if (r->has_total)
    sm_jsonw_decimal_text(&w, r->total_minor, sm_currency_digits(p->currency));
  else
    sm_jsonw_null(&w);
  sm_jsonw_key_bool(&w, "estimated", r->estimated);
  sm_jsonw_object_end(&w);
  (void)printf("%s%s", p->first ? "" : ",", sm_buf_text(&text));
  p->first = false;
  sm_buf_fini(&text);
}

static bool print_result(void *context, const sm_issue_result *result) {
  printer *p = context;
  if (p->json)
    print_object(p, result);
  else
    print_line(p, result);
  return true;
}

typedef struct words {
  const char *month;
  const char *device;
  bool dry_run;
  bool json;
} words;

static int run(sm_program *program, const words *w, int year, int month) {
  if (!sm_program_load_invoicing(program)) return SM_EXIT_FAILED;
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK) {
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
    return SM_EXIT_FAILED;
  }
  const sm_invoicing invoicing = sm_program_invoicing(program);
  const sm_issue_request request = {.actor = sm_cli_actor(),
                                    .year = year,
                                    .month = month,
                                    .device_id = w->device,
                                    .dry_run = w->dry_run,
                                    .now_ms = sm_clock_now_ms()};
  printer p = {
      .json = w->json, .first = true, .dry_run = w->dry_run, .currency = program->config.currency};
  sm_issue_summary summary = {.issued = 0};
  if (w->json) (void)printf("{\"month\":\"%s\",\"accounts\":[", w->month);
  err = sm_invoicing_issue_month(&invoicing, &request, print_result, &p, &summary);
  if (w->json)
    (void)printf("],\"issued\":%llu,\"already\":%llu,\"skipped\":%llu,\"failed\":%llu}\n",
                 (unsigned long long)summary.issued, (unsigned long long)summary.already,
                 (unsigned long long)summary.skipped, (unsigned long long)summary.failed);
  else if (err == SM_OK)
    (void)printf("%s: %llu %s, %llu already issued, %llu skipped, %llu failed\n", w->month,
                 (unsigned long long)summary.issued, w->dry_run ? "to issue" : "issued",
                 (unsigned long long)summary.already, (unsigned long long)summary.skipped,
                 (unsigned long long)summary.failed);
  if (err == SM_ERR_RANGE)
    sm_complain("%s is not over: only past months are invoiced", w->month);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no device %s", w->device);
  else if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK && summary.failed == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_bill(int argc, char **argv) {
  words w = {0};
  const sm_option options[] = {{"--month", .text = &w.month},
                               {"--device", .text = &w.device},
                               {"--dry-run", .flag = &w.dry_run},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  int year;
  int month;
  if (argc > 1) return sm_misused(usage, "there is a word too many");
  if (w.month == NULL || sm_month_parse(w.month, &year, &month) != SM_OK)
    return sm_misused(usage, "--month must be a month such as 2026-01");
  sm_program program;
  status = sm_program_open(&program, SM_PROGRAM_EXISTING) ? run(&program, &w, year, month)
                                                          : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}
