#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "store/ledger_money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter dispute list [--all] [--json]\n"
    "       smartmeter dispute resolve --no NUMBER --text TEXT\n"
    "What residents say against their invoices. While one is open no late fee is added. `list` "
    "shows\n"
    "the open ones, --all the resolved ones too; the resident reads the text that resolves it.\n";

typedef struct words {
  const char *no;
  const char *text;
  bool all;
  bool json;
} words;

typedef struct list_context {
  sm_ledger *ledger;
  sm_dispute_query query;
} list_context;

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_dispute *all = NULL;
  c->query.limit = limit;
  sm_err err = sm_ledger_disputes(c->ledger, &c->query, &all, count);
  if (err == SM_OK && *count > 0) c->query.after_no = all[*count - 1].dispute_no;
  *items = all;
  return err;
}

static void release(void *items, size_t count) {
  sm_disputes_free(items, count);
}

static sm_err write_item(void *context, sm_jsonw *w, const void *item) {
  const sm_dispute *d = item;
  char text[SM_RFC3339_MAX];
  (void)context;
  sm_jsonw_key_int(w, "no", d->dispute_no);
  sm_jsonw_key_text(w, "account_id", d->account_id);
  sm_jsonw_key_text(w, "invoice", d->invoice);
  sm_jsonw_key_text(w, "month", d->month);
  sm_jsonw_key_text(w, "opened_at", sm_rfc3339_format(d->opened_ms, text));
  sm_jsonw_key_text(w, "by", d->opened_by);
  sm_jsonw_key_text(w, "text", d->text);
  sm_jsonw_key_text(w, "resolution", d->resolution);
  return SM_OK;
}

static void print_item(void *context, const void *item) {
  const sm_dispute *d = item;
  char text[SM_RFC3339_MAX];
  (void)context;
  (void)printf("%-6" PRId64 " %-24s %-16s %s  %s%s%s\n", d->dispute_no,
               sm_rfc3339_format(d->opened_ms, text), d->invoice, d->month, d->text,
               d->resolved ? "  -> " : "", d->resolved ? d->resolution : "");
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  list_context c = {.ledger = program->ledger, .query = {.open_only = !w->all}};
  const sm_listing listing = {.plural = "disputes",
                              .item_size = sizeof(sm_dispute),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_item,
                              .write = write_item};
  return sm_listing_run(&listing, w->json);
}

static int resolve(sm_program *program, const void *context) {
  const words *w = context;
  int64_t no;
  if (w->no == NULL || sm_decimal_parse(w->no, strlen(w->no), 0, &no) != SM_OK)
    return sm_misused(usage, "--no must be the number of a dispute");
  if (w->text == NULL || w->text[0] == '\0')
    return sm_misused(usage, "--text is missing: the resident reads it");
  sm_err err =
      sm_ledger_dispute_resolve(program->ledger, sm_cli_actor(), no, w->text, sm_clock_now_ms());
  if (err == SM_OK)
    (void)printf("dispute %s is resolved\n", w->no);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no dispute %s", w->no);
  else if (err == SM_ERR_EXISTS)
    sm_complain("dispute %s is resolved already", w->no);
  else if (err == SM_ERR_INVALID)
    sm_complain("--text must have 1 to %d characters", SM_DISPUTE_MAX);
  else
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_dispute(int argc, char **argv) {
  static const sm_verb verbs[] = {{"list", list, .names = false},
                                  {"resolve", resolve, .names = false}};
  words w = {0};
  const sm_option options[] = {{"--no", .text = &w.no},
                               {"--text", .text = &w.text},
                               {"--all", .flag = &w.all},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
