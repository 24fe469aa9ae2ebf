#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/jsonw.h"
#include "invoicing/payments.h"
#include "model/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200 };

static const char usage[] =
    "usage: smartmeter payment add --account ID --amount N --reference TEXT [--received TIME]\n"
    "                          [--method M] [--invoice NUMBER] [--note TEXT] [--json]\n"
    "       smartmeter payment reverse --account ID --entry NUMBER --why TEXT\n"
    "       smartmeter payment list --account ID [--json]\n"
    "A payment is counted once by its reference, and pays the named invoice, else the oldest\n"
    "first. A wrong one is taken back by its opposite. `list` shows all entries of the account, "
    "with\n"
    "the balance after each: positive is owed. Methods: " SM_PAYMENT_METHODS ".\n";

typedef struct words {
  const char *account;
  const char *amount;
  const char *received;
  const char *method;
  const char *reference;
  const char *invoice;
  const char *note;
  const char *entry;
  const char *why;
  bool json;
} words;

/* ---- the list ---- */

static void key_money(sm_jsonw *w, const char *key, int64_t minor, const char *currency) {
  sm_jsonw_key(w, key);
  sm_jsonw_decimal_text(w, minor, sm_currency_digits(currency));
}

static void print_json(const sm_entry *e, bool first) {
  char text[SM_RFC3339_MAX];
  sm_buf out;
  sm_jsonw w;
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_jsonw_object(&w);
  sm_jsonw_key_int(&w, "no", e->entry_no);
  sm_jsonw_key_text(&w, "kind", e->kind);
  key_money(&w, "amount", e->amount_minor, e->currency);
  key_money(&w, "balance", e->balance_minor, e->currency);
  sm_jsonw_key_text(&w, "currency", e->currency);
  sm_jsonw_key_text(&w, "invoice", e->invoice);
  sm_jsonw_key_text(&w, "at", sm_rfc3339_format(e->at_ms, text));
  sm_jsonw_key_text(&w, "posted_at", sm_rfc3339_format(e->posted_ms, text));
  sm_jsonw_key_text(&w, "method", e->method);
  sm_jsonw_key_text(&w, "reference", e->reference);
  sm_jsonw_key_text(&w, "note", e->reason);
  sm_jsonw_key_int(&w, "reverses", e->reverses);
  sm_jsonw_key_int(&w, "reversed_by", e->reversed_by);
  sm_jsonw_key_text(&w, "by", e->made_by);
  sm_jsonw_object_end(&w);
  (void)printf("%s%s", first ? "" : ",", sm_buf_text(&out));
  sm_buf_fini(&out);
}

static void print_line(const sm_entry *e) {
  char at[SM_RFC3339_MAX], amount[SM_DECIMAL_TEXT_MAX], balance[SM_DECIMAL_TEXT_MAX];
  unsigned digits = sm_currency_digits(e->currency);
  (void)printf("%-6" PRId64 " %-24s %-10s %14s %14s  %s%s%s%s%s\n", e->entry_no,
               sm_rfc3339_format(e->at_ms, at), e->kind,
               sm_decimal_format(e->amount_minor, digits, digits, amount),
               sm_decimal_format(e->balance_minor, digits, digits, balance),
               e->invoice != NULL ? e->invoice : "", e->reference != NULL ? " " : "",
               e->reference != NULL ? e->reference : "", e->reversed_by != 0 ? ", taken back" : "",
               e->reverses != 0 ? ", takes one back" : "");
}

static sm_err print_entries(const sm_program *program, const words *w) {
  int64_t after = 0;
  bool first = true;
  for (size_t count = PAGE; count == PAGE;) {
    sm_entry *list = NULL;
    sm_err err = sm_ledger_entries(program->ledger, w->account, after, PAGE, &list, &count);
    if (err != SM_OK) return err;
    for (size_t i = 0; i < count; i++) {
      if (w->json)
        print_json(&list[i], first);
      else
        print_line(&list[i]);
      first = false;
    }
    if (count > 0) after = list[count - 1].entry_no;
    sm_entries_free(list, count);
  }
  return SM_OK;
}

static int fail(sm_err err, const words *w) {
  if (err == SM_ERR_NOT_FOUND && w->entry != NULL)
    sm_complain("account %s has no entry %s", w->account, w->entry);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no account %s", w->account);
  else
    sm_complain("%s", sm_err_text(err));
  return SM_EXIT_FAILED;
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  char balance[SM_DECIMAL_TEXT_MAX];
  int64_t minor = 0;
  unsigned digits = sm_currency_digits(program->config.currency);
  if (w->account == NULL) return sm_misused(usage, "--account is missing");
  sm_err err = sm_ledger_balance(program->ledger, w->account, INT64_MAX, &minor);
  if (err != SM_OK) return fail(err, w);
  (void)sm_decimal_format(minor, digits, digits, balance);
  if (w->json) (void)printf("{\"balance\":\"%s\",\"entries\":[", balance);
  err = print_entries(program, w);
  if (err != SM_OK) return fail(err, w);
  if (w->json)
    (void)puts("]}");
  else
    (void)printf("owes %s %s\n", balance, program->config.currency);
  return SM_EXIT_OK;
}

/* ---- adding ---- */

static void complain_of(sm_err err, const words *w, const sm_problems *problems) {
  for (size_t i = 0; i < problems->count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("--%s %s",
                strcmp(problems->item[i].field, "received_at") == 0 ? "received"
                                                                    : problems->item[i].field,
                problems->item[i].message);
  if (problems->count > 0) return;
  if (err == SM_ERR_EXISTS)
    sm_complain("the reference '%s' is that of another entry of this account: `smartmeter payment "
                "list` shows it",
                w->reference);
  else
    (void)fail(err, w);
}

static int add(sm_program *program, const void *context) {
  const words *w = context;
  sm_problems problems = {0};
  bool added = false;
  int64_t no = 0;
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_payment payment = {.account_id = w->account,
                        .amount = w->amount,
                        .received_ms = sm_clock_now_ms(),
                        .method = w->method,
                        .reference = w->reference,
                        .invoice = w->invoice,
                        .note = w->note};
  if (w->account == NULL) return sm_misused(usage, "--account is missing");
  if (w->amount == NULL) return sm_misused(usage, "--amount is missing");
  if (w->received != NULL &&
      sm_rfc3339_parse(w->received, strlen(w->received), &payment.received_ms) != SM_OK)
    return sm_misused(usage, "--received must be a time such as 2026-02-15T12:00:00+05:30");
  sm_err err = sm_payment_add(&invoicing, sm_cli_actor(), &payment, sm_clock_now_ms(), &problems,
                              &added, &no);
  if (err != SM_OK) {
    complain_of(err, w, &problems);
    return SM_EXIT_FAILED;
  }
  if (w->json)
    (void)printf("{\"no\":%" PRId64 ",\"added\":%s}\n", no, added ? "true" : "false");
  else
    (void)printf("entry %" PRId64 "%s\n", no, added ? "" : ", which was there already");
  return SM_EXIT_OK;
}

static int reverse(sm_program *program, const void *context) {
  const words *w = context;
  int64_t entry_no;
  int64_t no = 0;
  if (w->account == NULL) return sm_misused(usage, "--account is missing");
  if (w->entry == NULL || sm_decimal_parse(w->entry, strlen(w->entry), 0, &entry_no) != SM_OK)
    return sm_misused(usage, "--entry must be the number of an entry");
  if (w->why == NULL || w->why[0] == '\0') return sm_misused(usage, "--why is missing");
  sm_err err =
      sm_ledger_entry_reverse(program->ledger, sm_cli_actor(), w->account, entry_no, w->why, &no);
  if (err == SM_OK) {
    (void)printf("entry %" PRId64 " takes entry %" PRId64 " back\n", no, entry_no);
    return SM_EXIT_OK;
  }
  if (err == SM_ERR_EXISTS)
    sm_complain("it is taken back already");
  else if (err == SM_ERR_DENIED)
    sm_complain("it is an invoice, which `smartmeter bill credit` takes back, or nothing that can "
                "be taken back");
  else if (err == SM_ERR_INVALID)
    sm_complain("--why must have 1 to %d characters", SM_REASON_MAX);
  else
    return fail(err, w);
  return SM_EXIT_FAILED;
}

int sm_cmd_payment(int argc, char **argv) {
  static const sm_verb verbs[] = {{"add", add, .names = false},
                                  {"reverse", reverse, .names = false},
                                  {"list", list, .names = false}};
  words w = {0};
  const sm_option options[] = {{"--account", .text = &w.account},
                               {"--amount", .text = &w.amount},
                               {"--received", .text = &w.received},
                               {"--method", .text = &w.method},
                               {"--reference", .text = &w.reference},
                               {"--invoice", .text = &w.invoice},
                               {"--note", .text = &w.note},
                               {"--entry", .text = &w.entry},
                               {"--why", .text = &w.why},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
