#include "app/bill_correct.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/printing.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/jsonw.h"
#include "invoicing/invoicing.h"
#include "model/money.h"
#include "store/ledger_issue.h"
#include "transfer/progress.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter bill --month YYYY-MM [--device ID] [--dry-run] [--list | --summary] "
    "[--json]\n"
    "Issues the invoices of a month that is over: one an account, numbered without gaps, and "
    "never\n"
    "twice however often it runs. --dry-run shows what would be issued. Of many accounts only "
    "those\n"
    "are listed that need a look; --list lists all, --summary none.\n"
    "       smartmeter bill credit NUMBER --reason TEXT [--json]\n"
    "takes an invoice back by a credit note, as a whole.\n"
    "       smartmeter bill --month YYYY-MM --account NAME [--reissue --reason TEXT] [--json]\n"
    "issues a month of one account; --reissue: again, after a credit note.\n"
    "       smartmeter bill --recheck [--month YYYY-MM] [--account NAME] [--json]\n"
    "looks what readings that came late make of issued months (`smartmeter exception list`).\n"
    "       smartmeter bill --fees [--json]\n"
    "adds the late fees that have come due; the server does both by itself once a day.\n"
    "NAME is an account's own name, its id, or its place if that has no other account.\n";

enum {
  LISTED_MAX = 100,   /* accounts of a deployment that is listed unasked */
  ATTENTION_MAX = 20, /* lines about those that need a look, of each kind */
  TELL_EVERY = 64     /* accounts between two looks at the clock */
};

typedef struct words {
  const char *month;
  const char *device;
  bool dry_run;
  bool list;
  bool summary;
  bool json;
} words;

typedef struct printer {
  const words *words;
  const char *currency;
  const sm_issue_summary *summary;
  bool first;
  bool list; /* every account */
  uint64_t accounts;
  sm_progress progress;
} printer;

/* ---- accounts ---- */

static void print_line(const printer *p, const sm_issue_result *r) {
  char total[SM_DECIMAL_TEXT_MAX] = "-";
  if (r->has_total) (void)sm_money_format(r->total_minor, p->currency, total);
  const char *outcome = p->words->dry_run && r->outcome == SM_ISSUE_ISSUED
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
  if (r->has_total)
    sm_money_write_key(&w, "total", r->total_minor, p->currency);
  else
    sm_jsonw_key_null(&w, "total");
  sm_jsonw_key_bool(&w, "estimated", r->estimated);
  sm_jsonw_object_end(&w);
  (void)printf("%s%s", p->first ? "" : ",", sm_buf_text(&text));
  p->first = false;
  sm_buf_fini(&text);
}

/* Failures, and those left out for another reason than that they are not settled yet, which they
 * will be by themselves; some of each. */
static bool needs_look(const printer *p, const sm_issue_result *r) {
  const sm_issue_summary *s = p->summary;
  if (r->outcome == SM_ISSUE_FAILED) return s->failed <= ATTENTION_MAX;
  return r->outcome == SM_ISSUE_SKIPPED && strcmp(r->reason, "not_settled") != 0 &&
         s->skipped - s->not_settled <= ATTENTION_MAX;
}

static bool print_result(void *context, const sm_issue_result *result) {
  printer *p = context;
  const sm_issue_summary *s = p->summary;
  if (s->looked_at % TELL_EVERY == 0)
    sm_progress_at(
        &p->progress,
        (sm_progress_point){.count = s->looked_at, .done = s->looked_at, .total = p->accounts});
  if (p->words->summary) return true;
  if (p->words->json) {
    print_object(p, result);
  } else if (p->list || needs_look(p, result)) {
    sm_progress_end(&p->progress);
    print_line(p, result);
  }
  return true;
}

/* ---- the sum ---- */

static void print_json_sum(const printer *p) {
  const sm_issue_summary *s = p->summary;
  const struct {
    const char *key;
    uint64_t value;
  } counts[] = {
      {"issued", s->issued},           {"already", s->already},     {"skipped", s->skipped},
      {"failed", s->failed},           {"estimated", s->estimated}, {"not_settled", s->not_settled},
      {"no_readings", s->no_readings}, {"no_meter", s->no_meter},   {"cancelled", s->cancelled}};
  char total[SM_DECIMAL_TEXT_MAX];
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    (void)printf("\"%s\":%llu,", counts[i].key, (unsigned long long)counts[i].value);
  if (s->total_too_large)
    (void)printf("\"total\":null}\n");
  else
    (void)printf("\"total\":\"%s\"}\n", sm_money_format(s->total_minor, p->currency, total));
}

static void print_part(const char *what, uint64_t count) {
  if (count > 0) (void)printf("  %llu %s\n", (unsigned long long)count, what);
}

static void print_sum(const printer *p) {
  const sm_issue_summary *s = p->summary;
  char total[SM_DECIMAL_TEXT_MAX];
  if (s->issued > 0 && !s->total_too_large)
    (void)printf("%s %s in all%s", sm_money_format(s->total_minor, p->currency, total), p->currency,
                 s->estimated > 0 ? "" : "\n");
  if (s->issued > 0 && s->estimated > 0)
    (void)printf("%s%llu estimated\n", s->total_too_large ? "" : ", ",
                 (unsigned long long)s->estimated);
  if (s->skipped > 0) (void)printf("skipped:\n");
  print_part("not settled: issued once a reading after the month is there, or some days after it",
             s->not_settled);
  print_part("without a reading by the end of the month", s->no_readings);
  print_part("without a meter in the month", s->no_meter);
  print_part("cancelled by a credit note: an admin issues them again", s->cancelled);
  (void)printf("%s: %llu %s, %llu already issued, %llu skipped, %llu failed\n", p->words->month,
               (unsigned long long)s->issued, p->words->dry_run ? "to issue" : "issued",
               (unsigned long long)s->already, (unsigned long long)s->skipped,
               (unsigned long long)s->failed);
}

/* ---- nothing at all ---- */

/* The day on which the first tenancy begins, if none is open at its beginning. */
static bool first_day(sm_ledger *ledger, sm_date *first) {
  enum { PAGE = 500 };
  char after[65] = "";
  bool found = false;
  bool dated = true;
  for (size_t count = PAGE; count == PAGE && dated;) {
    sm_account *list = NULL;
    if (sm_ledger_accounts(ledger, NULL, after, PAGE, &list, &count) != SM_OK) return false;
    for (size_t i = 0; i < count && dated; i++) {
      dated = list[i].has_from;
      if (dated && (!found || sm_date_compare(list[i].from, *first) < 0)) *first = list[i].from;
      found = found || dated;
    }
    if (count > 0) (void)snprintf(after, sizeof after, "%s", list[count - 1].account_id);
    sm_accounts_free(list, count);
  }
  return found && dated;
}

/* A month in which nobody has to do with anything says why. */
static void explain_nothing(const sm_program *program, const printer *p) {
  const sm_issue_summary *s = p->summary;
  const words *w = p->words;
  char day[SM_DATE_MAX];
  sm_date first;
  if (s->issued + s->already + s->skipped + s->failed > 0) return;
  if (p->accounts == 0)
    (void)puts("there are no accounts: `smartmeter account import` brings them in");
  else if (w->device != NULL)
    (void)printf("meter %s served no account in %s\n", w->device, w->month);
  else if (first_day(program->ledger, &first))
    (void)printf("no account has a day in %s: the first one begins on %s\n", w->month,
                 sm_date_format(first, day));
  else
    (void)printf("no account has a day in %s\n", w->month);
}

/* ---- the run ---- */

static void complain_of(const words *w, sm_err err) {
  if (err == SM_ERR_RANGE)
    sm_complain("%s is not over: only past months are invoiced", w->month);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no device %s", w->device);
  else if (err != SM_OK)
    sm_complain("%s; what was issued stays, and the same command goes on with the rest",
                sm_err_text(err));
}

static sm_err issue(sm_program *program, const words *w, int year, int month,
                    sm_issue_summary *summary) {
  const sm_invoicing invoicing = sm_program_invoicing(program);
  const sm_issue_request request = {.actor = sm_cli_actor(),
                                    .year = year,
                                    .month = month,
                                    .device_id = w->device,
                                    .dry_run = w->dry_run,
                                    .now_ms = sm_clock_now_ms()};
  printer p = {.words = w, .currency = program->config.currency, .summary = summary, .first = true};
  sm_err err = sm_ledger_account_count(program->ledger, &p.accounts);
  if (err != SM_OK) return err;
  p.list = w->list || w->device != NULL || p.accounts <= LISTED_MAX;
  sm_progress_init(&p.progress, stderr, "billing", "accounts");
  if (w->json)
    (void)printf("{\"month\":\"%s\",\"currency\":\"%s\",\"dry_run\":%s,%s", w->month, p.currency,
                 w->dry_run ? "true" : "false", w->summary ? "" : "\"accounts\":[");
  err = sm_invoicing_issue_month(&invoicing, &request, print_result, &p, summary);
  sm_progress_end(&p.progress);
  if (w->json) (void)printf("%s", w->summary ? "" : "],");
  if (w->json) {
    print_json_sum(&p);
  } else if (err == SM_OK) {
    explain_nothing(program, &p);
    print_sum(&p);
  }
  return err;
}

static int run(sm_program *program, const words *w, int year, int month) {
  sm_issue_summary summary = {.issued = 0};
  if (!sm_program_load_invoicing(program) || !sm_printing_keep_logo(program)) return SM_EXIT_FAILED;
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK) {
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
    return SM_EXIT_FAILED;
  }
  err = issue(program, w, year, month, &summary);
  complain_of(w, err);
  return err == SM_OK && summary.failed == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* The other things that it does: NULL if the words mean the run of a month, else what is wrong with
 * them, or "" and *run. */
typedef int (*correction)(sm_program *program, const sm_bill_words *words);
typedef struct modes {
  bool credit;
  bool recheck;
  bool reissue;
  bool fees;
} modes;

static const char *choose(const modes *m, const sm_bill_words *w, correction *chosen) {
  int year, month;
  bool good_month = w->month != NULL && sm_month_parse(w->month, &year, &month) == SM_OK;
  if (m->credit) {
    *chosen = sm_bill_credit;
    return w->reason == NULL ? "--reason is missing: residents may read it" : "";
  }
  if (m->recheck) {
    *chosen = sm_bill_recheck;
    return w->month != NULL && !good_month ? "--month must be a month such as 2026-01" : "";
  }
  if (m->fees) {
    *chosen = sm_bill_fees;
    return "";
  }
  if (w->account == NULL) return m->reissue ? "--reissue needs --account" : NULL;
  *chosen = sm_bill_one;
  if (!good_month) return "--month must be a month such as 2026-01";
  return m->reissue && w->reason == NULL ? "--reason is missing: residents may read it" : "";
}

static int correct(const sm_bill_words *w, correction chosen) {
  sm_program program;
  int status =
      sm_program_open(&program, SM_PROGRAM_EXISTING) ? chosen(&program, w) : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}

int sm_cmd_bill(int argc, char **argv) {
  words w = {0};
  modes m = {0};
  sm_bill_words more = {0};
  correction chosen = NULL;
  const sm_option options[] = {
      {"--month", .text = &w.month},        {"--device", .text = &w.device},
      {"--account", .text = &more.account}, {"--reason", .text = &more.reason},
      {"--reissue", .flag = &m.reissue},    {"--recheck", .flag = &m.recheck},
      {"--fees", .flag = &m.fees},          {"--dry-run", .flag = &w.dry_run},
      {"--list", .flag = &w.list},          {"--summary", .flag = &w.summary},
      {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  int year;
  int month;
  more.month = w.month;
  more.json = w.json;
  m.credit = argc == 3 && strcmp(argv[1], "credit") == 0;
  if (m.credit) more.number = argv[2];
  const char *wrong = argc > 1 && !m.credit ? NULL : choose(&m, &more, &chosen);
  if (wrong != NULL) return wrong[0] != '\0' ? sm_misused(usage, wrong) : correct(&more, chosen);
  if (argc > 1) return sm_misused(usage, "there is a word too many");
  if (w.list && w.summary) return sm_misused(usage, "--list and --summary contradict each other");
  if (w.month == NULL || sm_month_parse(w.month, &year, &month) != SM_OK)
    return sm_misused(usage, "--month must be a month such as 2026-01");
  sm_program program;
  status = sm_program_open(&program, SM_PROGRAM_EXISTING) ? run(&program, &w, year, month)
                                                          : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}
