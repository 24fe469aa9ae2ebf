#include "app/cmd_tariff_preview.h"

#include "app/account_words.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "invoicing/preview.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 256 * 1024, PAGE = 200 };

static const char usage[] = "usage: smartmeter tariff preview FILE --month YYYY-MM [--device ID | "
                            "--account NAME | --on NAME]\n"
                            "                                 [--json]\n"
                            "Bills a month that is over by the draft in FILE (- is standard input) "
                            "and compares it with what\n"
                            "it cost; nothing is written. Without --device or --account: all "
                            "accounts, or those on a tariff.\n";

typedef struct words {
  const char *month;
  const char *device;
  const char *account;
  const char *on;
  bool json;
} words;

typedef struct printer {
  bool json;
  bool first;
  const char *currency;
  sm_preview_sums sums;
} printer;

static void print_object(printer *p, const sm_preview_result *r) {
  sm_buf text;
  sm_jsonw w;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", r->account_id);
  sm_jsonw_key_text(&w, "device_id", r->device_id);
  sm_jsonw_key_text(&w, "error", r->err != SM_OK ? sm_err_text(r->err) : NULL);
  if (r->err == SM_OK) {
    sm_jsonw_key_decimal(&w, "consumption_kwh", r->new_bill->consumption_wh, 3);
    sm_jsonw_key_text(&w, "invoice", r->invoice);
    sm_money_write_key(&w, "old_total", r->old_minor, p->currency);
    sm_money_write_key(&w, "new_total", r->new_bill->total_minor, p->currency);
    sm_money_write_key(&w, "difference", r->difference_minor, p->currency);
  }
  sm_jsonw_object_end(&w);
  (void)printf("%s%s", p->first ? "" : ",", sm_buf_text(&text));
  p->first = false;
  sm_buf_fini(&text);
}

static void print_row(const printer *p, const char *name, const char *kwh, const int64_t minor[3],
                      const char *billed) {
  char text[3][SM_DECIMAL_TEXT_MAX];
  for (int i = 0; i < 3; i++) (void)sm_money_format(minor[i], p->currency, text[i]);
  (void)printf("%-24s %12s %14s %14s %14s  %s\n", name, kwh, text[0], text[1], text[2], billed);
}

static bool print_result(void *context, const sm_preview_result *r) {
  printer *p = context;
  char kwh[SM_DECIMAL_TEXT_MAX];
  if (p->json) {
    print_object(p, r);
  } else if (r->err != SM_OK) {
    (void)printf("%-24s %s\n", r->device_id, sm_err_text(r->err));
  } else {
    const int64_t minor[3] = {r->old_minor, r->new_bill->total_minor, r->difference_minor};
    print_row(p, r->device_id, sm_decimal_format(r->new_bill->consumption_wh, 3, 3, kwh), minor,
              r->invoice != NULL ? r->invoice : "computed now");
  }
  return true;
}

static void print_table_end(const printer *p, const int64_t minor[3]) {
  char name[40], billed[60];
  const sm_preview_sums *s = &p->sums;
  (void)snprintf(name, sizeof name, "%zu accounts", s->accounts);
  (void)snprintf(billed, sizeof billed, "%zu as invoiced, %zu computed now", s->invoiced,
                 s->accounts - s->invoiced);
  print_row(p, name, "", minor, billed);
}

static void print_sums(const printer *p) {
  const int64_t minor[3] = {p->sums.old_minor, p->sums.new_minor, p->sums.difference_minor};
  char text[3][SM_DECIMAL_TEXT_MAX];
  if (!p->json) {
    print_table_end(p, minor);
    return;
  }
  for (int i = 0; i < 3; i++) (void)sm_money_format(minor[i], p->currency, text[i]);
  (void)printf("],\"sums\":{\"accounts\":%zu,\"failed\":%zu,\"invoiced\":%zu,\"old_total\":\"%s\","
               "\"new_total\":\"%s\",\"difference\":\"%s\"}}\n",
               p->sums.accounts, p->sums.failed, p->sums.invoiced, text[0], text[1], text[2]);
}

static sm_err add_sums(sm_preview_sums *all, const sm_preview_sums *page) {
  all->accounts += page->accounts;
  all->failed += page->failed;
  all->invoiced += page->invoiced;
  sm_err err = sm_add_i64(all->old_minor, page->old_minor, &all->old_minor);
  if (err == SM_OK) err = sm_add_i64(all->new_minor, page->new_minor, &all->new_minor);
  if (err == SM_OK)
    err = sm_add_i64(all->difference_minor, page->difference_minor, &all->difference_minor);
  return err;
}

static sm_err preview_all(sm_program *program, sm_preview_request *request, printer *p) {
  const sm_invoicing invoicing = sm_program_invoicing(program);
  char *after = strdup("");
  sm_err err = after != NULL ? SM_OK : SM_ERR_NOMEM;
  while (err == SM_OK && after != NULL) {
    sm_preview_sums sums;
    char *next = NULL;
    request->after = after;
    err = sm_invoicing_preview(&invoicing, request, print_result, p, &sums, &next);
    if (err == SM_OK) err = add_sums(&p->sums, &sums);
    free(after);
    after = next;
  }
  free(after);
  return err;
}

/* A name that is wrong is told before anything is printed. */
static bool on_is_there(const sm_program *program, const char *on) {
  sm_tariff_row *rows = NULL;
  size_t count = 0;
  if (on == NULL) return true;
  sm_err err = sm_ledger_tariffs(program->ledger, on, "", 0, 1, &rows, &count);
  if (err == SM_OK) sm_tariff_rows_free(rows, count);
  if (err == SM_OK && count == 0)
    sm_complain("there is no tariff '%s': `smartmeter tariff list` names those that are", on);
  else if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK && count > 0;
}

static void complain_of(const words *w, sm_err err) {
  if (err == SM_ERR_RANGE)
    sm_complain("%s is not over: only past months can be compared", w->month);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no such device or account with days in %s", w->month);
  else
    sm_complain("%s", sm_err_text(err));
}

/* An empty table says why it is empty. */
static void explain_nothing(const words *w) {
  if (w->on != NULL)
    sm_complain("no account that is put on '%s' has a day and a meter in %s", w->on, w->month);
  else
    sm_complain("no account has a day and a meter in %s", w->month);
}

static int compare(sm_program *program, const words *w, sm_preview_request *request) {
  printer p = {.json = w->json, .first = true, .currency = program->config.currency};
  if (w->json)
    (void)printf("{\"month\":\"%s\",\"currency\":\"%s\",\"accounts\":[", w->month,
                 program->config.currency);
  else
    (void)printf("%-24s %12s %14s %14s %14s  %s\n", "meter", "kWh", "as billed", "by the draft",
                 "difference", "billed by");
  sm_err err = preview_all(program, request, &p);
  if (err != SM_OK) {
    complain_of(w, err);
    return SM_EXIT_FAILED;
  }
  print_sums(&p);
  if (!w->json && p.sums.accounts + p.sums.failed == 0) explain_nothing(w);
  return p.sums.failed == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int run(sm_program *program, const words *w, sm_preview_request *request) {
  char *account_id = NULL;
  int status = SM_EXIT_FAILED;
  if (!on_is_there(program, w->on) || !sm_program_load_invoicing(program)) return SM_EXIT_FAILED;
  if (w->account != NULL && !sm_account_words_find(program->ledger, w->account, &account_id))
    return SM_EXIT_FAILED;
  request->account_id = account_id;
  sm_err err = sm_program_open_readings(program, false);
  if (err == SM_OK)
    status = compare(program, w, request);
  else
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
  free(account_id);
  return status;
}

/* Tells what is wrong with the draft, field by field. */
static sm_tariff *read_draft(const char *path, const char *currency) {
  char *text = NULL;
  size_t len = 0;
  sm_problems problems = {.count = 0};
  sm_tariff *tariff = NULL;
  sm_err err = sm_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, FILE_LIMIT, &text, &len);
  if (err != SM_OK) {
    sm_complain("cannot read %s: %s", path, sm_err_text(err));
    return NULL;
  }
  err = sm_tariff_read_json(text, len, &tariff, NULL, &problems);
  free(text);
  if (err == SM_OK) err = sm_tariff_supported(tariff, currency, &problems);
  for (size_t i = 0; i < problems.count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("%s: %s", problems.item[i].field[0] != '\0' ? problems.item[i].field : path,
                problems.item[i].message);
  if (err != SM_OK && problems.count == 0) sm_complain("%s", sm_err_text(err));
  if (err == SM_OK) return tariff;
  sm_tariff_free(tariff);
  return NULL;
}

int sm_cmd_tariff_preview(int argc, char **argv) {
  words w = {0};
  const sm_option options[] = {{"--month", .text = &w.month},
                               {"--device", .text = &w.device},
                               {"--account", .text = &w.account},
                               {"--on", .text = &w.on},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  sm_preview_request request = {
      .device_id = w.device, .on = w.on, .limit = PAGE, .now_ms = sm_clock_now_ms()};
  if (argc != 3) return sm_misused(usage, "say which FILE");
  if (w.month == NULL || sm_month_parse(w.month, &request.year, &request.month) != SM_OK)
    return sm_misused(usage, "--month must be a month such as 2026-01");
  if ((w.device != NULL) + (w.account != NULL) + (w.on != NULL) > 1)
    return sm_misused(usage, "say one of --device, --account, --on");
  sm_program program;
  sm_tariff *draft = NULL;
  status = SM_EXIT_FAILED;
  if (sm_program_open(&program, SM_PROGRAM_EXISTING))
    draft = read_draft(argv[2], program.config.currency);
  request.tariff = draft;
  if (draft != NULL) status = run(&program, &w, &request);
  sm_tariff_free(draft);
  sm_program_fini(&program);
  return status;
}
