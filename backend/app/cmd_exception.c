#include "api/correction_json.h"
#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "invoicing/correct.h"
#include "model/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 200 };

static const char usage[] =
    "usage: smartmeter exception list [--state STATE] [--json]\n"
    "       smartmeter exception true_up --no NUMBER|all --why TEXT\n"
    "       smartmeter exception reissue --no NUMBER|all --why TEXT\n"
    "       smartmeter exception dismiss --no NUMBER|all --why TEXT\n"
    "What issued months would be now, by readings that came late or a tariff that is billed "
    "again.\n"
    "`true_up` puts the difference on the account's next invoice; `reissue` takes the invoice "
    "back\n"
    "and issues the month again; `dismiss` bills nothing. `all` is every one that is open.\n";

typedef struct words {
  const char *state;
  const char *no;
  const char *why;
  bool json;
} words;

typedef struct list_context {
  sm_ledger *ledger;
  sm_exception_query query;
} list_context;

/* ---- the list ---- */

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_exception *all = NULL;
  c->query.limit = limit;
  sm_err err = sm_ledger_exceptions(c->ledger, &c->query, &all, count);
  if (err == SM_OK && *count > 0) c->query.after_no = all[*count - 1].exception_no;
  *items = all;
  return err;
}

static void release(void *items, size_t count) {
  sm_exceptions_free(items, count);
}

static sm_err write_item(void *context, sm_jsonw *w, const void *item) {
  const sm_exception *e = item;
  (void)context;
  sm_exception_write_head(w, e);
  sm_money_write_key(w, "net", e->net_minor, e->currency);
  sm_money_write_key(w, "tax", e->tax_minor, e->currency);
  sm_money_write_key(w, "difference", e->net_minor + e->tax_minor, e->currency);
  sm_jsonw_key_text(w, "reason", e->reason);
  sm_jsonw_key_text(w, "settled_by", e->settled_by);
  return SM_OK;
}

static void print_item(void *context, const void *item) {
  const sm_exception *e = item;
  char difference[SM_DECIMAL_TEXT_MAX];
  (void)context;
  (void)printf("%-6" PRId64 " %-10s %-9s %-16s %s %14s %s  %s%s\n", e->exception_no, e->state,
               e->cause, e->invoice, e->month,
               sm_money_format(e->net_minor + e->tax_minor, e->currency, difference), e->currency,
               e->settled_by != NULL ? "on " : "", e->settled_by != NULL ? e->settled_by : "");
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  list_context c = {.ledger = program->ledger, .query = {.state = w->state}};
  const sm_listing listing = {.plural = "exceptions",
                              .item_size = sizeof(sm_exception),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_item,
                              .write = write_item};
  return sm_listing_run(&listing, w->json);
}

/* ---- deciding ---- */

static sm_err reissue(const sm_invoicing *invoicing, const sm_exception *e, const char *why) {
  const char *refusal = NULL;
  sm_invoice invoice = {0};
  sm_invoice note = {0};
  sm_err err = sm_invoicing_reissue(invoicing, sm_cli_actor(), e->invoice, e->exception_no, why,
                                    sm_clock_now_ms(), &refusal, &invoice, &note);
  if (err == SM_OK)
    (void)printf("%s, %s in place of %s\n", note.number, invoice.number, e->invoice);
  sm_invoice_fini(&invoice);
  sm_invoice_fini(&note);
  return err;
}

static bool decide(const sm_program *program, const sm_exception *e, const char *action,
                   const char *why) {
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_err err = strcmp(action, "reissue") == 0
                   ? reissue(&invoicing, e, why)
                   : sm_ledger_exception_decide(program->ledger, sm_cli_actor(), e->exception_no,
                                                action, why);
  if (err == SM_ERR_EXISTS)
    sm_complain("%" PRId64 " is decided already, or stands on an invoice", e->exception_no);
  else if (err == SM_ERR_DENIED)
    sm_complain("%" PRId64 " cannot be decided so", e->exception_no);
  else if (err == SM_ERR_INVALID)
    sm_complain("--why must have 1 to %d characters", SM_REASON_MAX);
  else if (err != SM_OK)
    sm_complain("%" PRId64 ": %s", e->exception_no, sm_err_text(err));
  return err == SM_OK;
}

static int decide_all(const sm_program *program, const char *action, const char *why) {
  sm_exception_query query = {.state = "open", .limit = PAGE};
  uint64_t done = 0;
  bool good = true;
  for (size_t count = PAGE; count == PAGE;) {
    sm_exception *all = NULL;
    sm_err err = sm_ledger_exceptions(program->ledger, &query, &all, &count);
    if (err != SM_OK) {
      sm_complain("%s", sm_err_text(err));
      return SM_EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
      bool decided = decide(program, &all[i], action, why);
      done += decided;
      good = good && decided;
    }
    if (count > 0) query.after_no = all[count - 1].exception_no;
    sm_exceptions_free(all, count);
  }
  (void)printf("%" PRIu64 " decided\n", done);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int run(sm_program *program, const words *w, const char *action) {
  int64_t no;
  sm_exception e = {0};
  bool all = w->no != NULL && strcmp(w->no, "all") == 0;
  if (w->no == NULL || (!all && sm_decimal_parse(w->no, strlen(w->no), 0, &no) != SM_OK))
    return sm_misused(usage, "--no must be the number of an exception, or all");
  if (w->why == NULL || w->why[0] == '\0') return sm_misused(usage, "--why is missing");
  if (!sm_program_load_invoicing(program)) return SM_EXIT_FAILED;
  sm_err err = strcmp(action, "reissue") == 0 ? sm_program_open_readings(program, false) : SM_OK;
  if (err != SM_OK) {
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
    return SM_EXIT_FAILED;
  }
  if (all) return decide_all(program, action, w->why);
  err = sm_ledger_exception(program->ledger, no, &e);
  if (err != SM_OK) {
    sm_complain(err == SM_ERR_NOT_FOUND ? "there is no exception %s"
                                        : "%s: the ledger cannot be read",
                w->no);
    return SM_EXIT_FAILED;
  }
  bool good = decide(program, &e, action, w->why);
  if (good) (void)printf("exception %s: %s\n", w->no, action);
  sm_exception_fini(&e);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int true_up(sm_program *program, const void *context) {
  return run(program, context, "true_up");
}

static int issue_again(sm_program *program, const void *context) {
  return run(program, context, "reissue");
}

static int dismiss(sm_program *program, const void *context) {
  return run(program, context, "dismissed");
}

int sm_cmd_exception(int argc, char **argv) {
  static const sm_verb verbs[] = {{"list", list, .names = false},
                                  {"true_up", true_up, .names = false},
                                  {"reissue", issue_again, .names = false},
                                  {"dismiss", dismiss, .names = false}};
  words w = {0};
  const sm_option options[] = {{"--state", .text = &w.state},
                               {"--no", .text = &w.no},
                               {"--why", .text = &w.why},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
