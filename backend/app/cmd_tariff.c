#include "app/cmd_tariff_preview.h"
#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "invoicing/recheck.h"
#include "model/money.h"
#include "model/tariff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 256 * 1024 };

static const char usage[] =
    "usage: smartmeter tariff set FILE [--json]\n"
    "       smartmeter tariff set FILE --rebill [--confirm HASH] [--json]\n"
    "       smartmeter tariff list [--json]\n"
    "       smartmeter tariff preview FILE --month YYYY-MM [--device ID | --account NAME | --on "
    "NAME]\n"
    "                                 [--json]\n"
    "FILE holds a tariff as JSON (docs/billing.md shows one); - is standard input. A tariff is "
    "never\n"
    "changed: each `set` adds a version, in force from its effective_from. --rebill is for one "
    "that\n"
    "touches issued months: it lists what it would change, and with the --confirm of that list it\n"
    "adds the version; what differs is then decided by `smartmeter exception`.\n";

static sm_err read_input(const char *path, char **text, size_t *len) {
  return sm_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, FILE_LIMIT, text, len);
}

static sm_err store(sm_program *program, const sm_tariff *tariff, int32_t *version) {
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &body);
  sm_tariff_write_json(&w, tariff);
  sm_err err = body.err;
  if (err == SM_OK)
    err = sm_ledger_tariff_add(program->ledger, sm_cli_actor(), tariff->name,
                               tariff->effective_from, sm_buf_text(&body), false, version);
  sm_buf_fini(&body);
  return err;
}

typedef struct set_words {
  bool json;
  bool rebill;
  const char *confirm;
} set_words;

static bool print_effect(void *context, const sm_rebill_effect *e) {
  const char *currency = *(const char **)context;
  char before[SM_DECIMAL_TEXT_MAX], after[SM_DECIMAL_TEXT_MAX];
  unsigned digits = sm_currency_digits(currency);
  (void)printf("%-16s %s %14s -> %14s %s\n", e->number, e->month,
               sm_decimal_format(e->old_total_minor, digits, digits, before),
               sm_decimal_format(e->new_total_minor, digits, digits, after), currency);
  return true;
}

static sm_err show_effects(const sm_program *program, const sm_tariff *tariff, bool json) {
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_rebill_summary s;
  const char *currency = program->config.currency;
  sm_err err = sm_rebill_effects(&invoicing, tariff, sm_clock_now_ms(), json ? NULL : print_effect,
                                 &currency, &s);
  if (err != SM_OK) return err;
  if (json)
    (void)printf("{\"count\":%llu,\"confirm\":\"%s\"}\n", (unsigned long long)s.count, s.confirm);
  else
    (void)printf("%llu invoices; nothing is changed yet. To bill so: --confirm %s\n",
                 (unsigned long long)s.count, s.confirm);
  return SM_OK;
}

/* *version stays 0 if the effects are only listed. */
static sm_err rebill(sm_program *program, const sm_tariff *tariff, const set_words *w,
                     int32_t *version) {
  if (!sm_program_load_invoicing(program)) return SM_ERR_INVALID;
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK) {
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
    return SM_ERR_INVALID;
  }
  if (w->confirm == NULL) return show_effects(program, tariff, w->json);
  const sm_invoicing invoicing = sm_program_invoicing(program);
  err = sm_rebill_apply(&invoicing, sm_cli_actor(), tariff, w->confirm, sm_clock_now_ms(), NULL,
                        NULL, version);
  if (err == SM_ERR_CONFLICT)
    sm_complain("--confirm is not what the effects are now: look at them again, without it");
  return err;
}

static int set(sm_program *program, const char *path, const set_words *w) {
  bool json = w->json;
  char *text = NULL;
  size_t len = 0;
  sm_err err = read_input(path, &text, &len);
  if (err != SM_OK) {
    sm_complain("cannot read %s: %s", path, sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  sm_problems problems = {.count = 0};
  sm_tariff *tariff = NULL;
  bool asked = false; /* the file may say rebill too, as the API's body does */
  err = sm_tariff_read_json(text, len, &tariff, w->rebill ? &asked : NULL, &problems);
  free(text);
  if (err == SM_OK) err = sm_tariff_supported(tariff, program->config.currency, &problems);
  int32_t version = 0;
  if (err == SM_OK && w->rebill)
    err = rebill(program, tariff, w, &version);
  else if (err == SM_OK)
    err = store(program, tariff, &version);
  for (size_t i = 0; i < problems.count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("%s: %s", problems.item[i].field[0] != '\0' ? problems.item[i].field : path,
                problems.item[i].message);
  if (err == SM_ERR_CONFLICT && !w->rebill)
    sm_complain("it would change months that are invoiced: choose a later effective_from, or look "
                "at what it would change with --rebill");
  else if (err != SM_OK && err != SM_ERR_CONFLICT && err != SM_ERR_INVALID && problems.count == 0)
    sm_complain("%s", sm_err_text(err));
  if (err == SM_OK && version == 0)
    (void)fflush(stdout); /* listed */
  else if (err == SM_OK && json)
    (void)printf("{\"version\":%d}\n", (int)version);
  else if (err == SM_OK)
    (void)printf("'%s' version %d%s\n", tariff->name, (int)version,
                 w->rebill ? "; each issued month that it changes waits for a word: `smartmeter "
                             "exception list --state open` shows them"
                           : "");
  sm_tariff_free(tariff);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- the list ---- */

typedef struct list_context {
  sm_ledger *ledger;
  char after_name[512];
  int32_t after_version;
} list_context;

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_tariff_row *rows = NULL;
  sm_err err =
      sm_ledger_tariffs(c->ledger, NULL, c->after_name, c->after_version, limit, &rows, count);
  if (err == SM_OK && *count > 0) {
    (void)snprintf(c->after_name, sizeof c->after_name, "%s", rows[*count - 1].name);
    c->after_version = rows[*count - 1].version;
  }
  *items = rows;
  return err;
}

static void release(void *items, size_t count) {
  sm_tariff_rows_free(items, count);
}

static void print_row(void *context, const void *item) {
  const sm_tariff_row *row = item;
  char date[SM_DATE_MAX];
  (void)context;
  (void)printf("%-30s version %-3d from %s\n", row->name, (int)row->version,
               sm_date_format(row->effective_from, date));
}

static sm_err write_row(void *context, sm_jsonw *w, const void *item) {
  const sm_tariff_row *row = item;
  (void)context;
  sm_jsonw_key_int(w, "version", row->version);
  sm_jsonw_key(w, "tariff");
  sm_jsonw_raw(w, row->body, strlen(row->body));
  return SM_OK;
}

static int list(sm_program *program, bool json) {
  list_context c = {.ledger = program->ledger};
  const sm_listing listing = {.plural = "tariffs",
                              .item_size = sizeof(sm_tariff_row),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_row,
                              .write = write_row};
  return sm_listing_run(&listing, json);
}

/* ---- the command ---- */

int sm_cmd_tariff(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "preview") == 0) return sm_cmd_tariff_preview(argc, argv);
  set_words w = {0};
  const sm_option options[] = {{"--json", .flag = &w.json},
                               {"--rebill", .flag = &w.rebill},
                               {"--confirm", .text = &w.confirm}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  bool is_set = argc == 3 && strcmp(argv[1], "set") == 0;
  bool is_list = argc == 2 && strcmp(argv[1], "list") == 0;
  if (!is_set && !is_list) return sm_misused(usage, "say set FILE, list, or preview FILE");
  sm_program program;
  status = SM_EXIT_FAILED;
  if (sm_program_open(&program, is_set ? SM_PROGRAM_MAY_CREATE : SM_PROGRAM_EXISTING))
    status = is_set ? set(&program, argv[2], &w) : list(&program, w.json);
  sm_program_fini(&program);
  return status;
}
