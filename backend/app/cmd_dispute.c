#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/jsonw.h"
#include "store/ledger_money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 200 };

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

static void print_json(const sm_dispute *d, bool first) {
  char text[SM_RFC3339_MAX];
  sm_buf out;
  sm_jsonw w;
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_jsonw_object(&w);
  sm_jsonw_key_int(&w, "no", d->dispute_no);
  sm_jsonw_key_text(&w, "account_id", d->account_id);
  sm_jsonw_key_text(&w, "invoice", d->invoice);
  sm_jsonw_key_text(&w, "month", d->month);
  sm_jsonw_key_text(&w, "opened_at", sm_rfc3339_format(d->opened_ms, text));
  sm_jsonw_key_text(&w, "by", d->opened_by);
  sm_jsonw_key_text(&w, "text", d->text);
  sm_jsonw_key_text(&w, "resolution", d->resolution);
  sm_jsonw_object_end(&w);
  (void)printf("%s%s", first ? "" : ",", sm_buf_text(&out));
  sm_buf_fini(&out);
}

static void print_line(const sm_dispute *d) {
  char text[SM_RFC3339_MAX];
  (void)printf("%-6" PRId64 " %-24s %-16s %s  %s%s%s\n", d->dispute_no,
               sm_rfc3339_format(d->opened_ms, text), d->invoice, d->month, d->text,
               d->resolved ? "  -> " : "", d->resolved ? d->resolution : "");
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  sm_dispute_query query = {.open_only = !w->all, .limit = PAGE};
  bool first = true;
  if (w->json) (void)fputs("{\"disputes\":[", stdout);
  for (size_t count = PAGE; count == PAGE;) {
    sm_dispute *all = NULL;
    sm_err err = sm_ledger_disputes(program->ledger, &query, &all, &count);
    if (err != SM_OK) {
      sm_complain("%s", sm_err_text(err));
      return SM_EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
      if (w->json)
        print_json(&all[i], first);
      else
        print_line(&all[i]);
      first = false;
    }
    if (count > 0) query.after_no = all[count - 1].dispute_no;
    sm_disputes_free(all, count);
  }
  if (w->json) (void)puts("]}");
  return SM_EXIT_OK;
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
