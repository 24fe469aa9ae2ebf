#include "api/correction_json.h"
#include "app/account_words.h"
#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "base/file.h"
#include "invoicing/payment_file.h"
#include "invoicing/payments.h"
#include "model/money.h"
#include "store/ledger_landlord.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter payment add --account NAME --amount N --reference TEXT [--received TIME]\n"
    "                          [--method M] [--invoice NUMBER] [--note TEXT] [--json]\n"
    "       smartmeter payment reverse --account NAME --entry NUMBER --why TEXT\n"
    "       smartmeter payment list --account NAME [--json]\n"
    "       smartmeter payment import FILE [--dry-run] [--json]\n"
    "NAME is the account's own name, its id, or its place if that has no other account. TIME is a "
    "day\n"
    "(its beginning) or a time such as 2026-02-15T12:00:00+05:30; now without it.\n"
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

typedef struct list_context {
  sm_ledger *ledger;
  const sm_zone *zone; /* lines have the clock of the site */
  const char *account_id;
  int64_t after_no;
} list_context;

/* ---- the list ---- */

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_entry *all = NULL;
  sm_err err = sm_ledger_entries(c->ledger, c->account_id, c->after_no, limit, &all, count);
  if (err == SM_OK && *count > 0) c->after_no = all[*count - 1].entry_no;
  *items = all;
  return err;
}

static void release(void *items, size_t count) {
  sm_entries_free(items, count);
}

static sm_err write_item(void *context, sm_jsonw *w, const void *item) {
  const sm_entry *e = item;
  (void)context;
  sm_entry_write_head(w, e);
  sm_jsonw_key_int(w, "reverses", e->reverses);
  sm_jsonw_key_int(w, "reversed_by", e->reversed_by);
  sm_jsonw_key_text(w, "by", e->made_by);
  return SM_OK;
}

/* A part of a line's last column, behind a comma unless it is the first. */
static void add_note(sm_buf *notes, const char *format, ...) SM_PRINTF(2, 3);

static void add_note(sm_buf *notes, const char *format, ...) {
  char text[2200];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  sm_buf_printf(notes, "%s%s", notes->len > 0 ? ", " : "", text);
}

/* What there is to say of an entry: the invoice that it is of, its reference, what it was made for
 * or taken back for, and its opposite. */
static void write_notes(const sm_entry *e, sm_buf *notes) {
  if (e->invoice != NULL) add_note(notes, "%s", e->invoice);
  if (e->reference != NULL) add_note(notes, "%s", e->reference);
  if (e->reverses != 0) add_note(notes, "takes back %" PRId64, e->reverses);
  if (e->reason != NULL) add_note(notes, "%s", e->reason);
  if (e->reversed_by != 0) add_note(notes, "taken back by %" PRId64, e->reversed_by);
}

static void print_item(void *context, const void *item) {
  const list_context *c = context;
  const sm_entry *e = item;
  char at[SM_RFC3339_MAX], amount[SM_DECIMAL_TEXT_MAX], balance[SM_DECIMAL_TEXT_MAX];
  sm_buf notes;
  sm_buf_init(&notes, 0);
  write_notes(e, &notes);
  (void)printf("%-6" PRId64 " %-25s %-10s %14s %14s  %s\n", e->entry_no,
               sm_zone_format(c->zone, e->at_ms - e->at_ms % 1000, at), e->kind,
               sm_money_format(e->amount_minor, e->currency, amount),
               sm_money_format(e->balance_minor, e->currency, balance), sm_buf_text(&notes));
  sm_buf_fini(&notes);
}

static void print_name(const sm_account_name *n) {
  (void)printf("account %s%s%s%s", n->name != NULL ? n->name : n->account_id,
               n->name != NULL ? " (" : "", n->name != NULL ? n->account_id : "",
               n->name != NULL ? ")" : "");
  (void)printf("%s%s\n", n->place != NULL ? ", " : "", n->place != NULL ? n->place : "");
}

static void print_json_head(const sm_account_name *n, int64_t balance_minor, const char *currency) {
  sm_buf out;
  sm_jsonw w;
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", n->account_id);
  sm_jsonw_key_text(&w, "name", n->name);
  sm_money_write_key(&w, "balance", balance_minor, currency);
  (void)printf("%s,", sm_buf_text(&out));
  sm_buf_fini(&out);
}

static sm_err print_entries(const sm_program *program, const char *account_id, bool json) {
  char balance[SM_DECIMAL_TEXT_MAX];
  int64_t minor = 0;
  sm_account_name name = {0};
  const char *currency = program->config.currency;
  list_context c = {
      .ledger = program->ledger, .zone = program->config.zone, .account_id = account_id};
  const sm_listing listing = {.plural = "entries",
                              .item_size = sizeof(sm_entry),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_item,
                              .write = write_item};
  sm_err err = sm_ledger_balance(program->ledger, account_id, INT64_MAX, &minor);
  if (err == SM_OK) err = sm_ledger_account_name(program->ledger, account_id, &name);
  if (err != SM_OK) return err;
  if (json)
    print_json_head(&name, minor, currency);
  else
    print_name(&name);
  sm_account_name_fini(&name);
  err = sm_listing_print(&listing, json);
  if (err == SM_OK && json)
    (void)puts("}");
  else if (err == SM_OK)
    (void)printf("owes %s %s\n", sm_money_format(minor, currency, balance), currency);
  return err;
}

static int list(sm_program *program, const words *w, const char *account_id) {
  sm_err err = print_entries(program, account_id, w->json);
  if (err != SM_OK) sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
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
    sm_complain("%s", sm_err_text(err));
}

static int add(sm_program *program, const words *w, const char *account_id) {
  sm_problems problems = {0};
  bool added = false;
  int64_t no = 0;
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_payment payment = {.account_id = account_id,
                        .amount = w->amount,
                        .received_ms = sm_clock_now_ms(),
                        .method = w->method,
                        .reference = w->reference,
                        .invoice = w->invoice,
                        .note = w->note};
  if (w->amount == NULL) return sm_misused(usage, "--amount is missing");
  if (w->received != NULL &&
      sm_payment_received(&invoicing, w->received, &payment.received_ms) != SM_OK) {
    sm_complain("--received is '%.40s': give a day such as 2026-02-15, or a time such as "
                "2026-02-15T12:00:00+05:30",
                w->received);
    return SM_EXIT_USAGE;
  }
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

static int reverse(sm_program *program, const words *w, const char *account_id) {
  int64_t entry_no;
  int64_t no = 0;
  if (w->entry == NULL || sm_decimal_parse(w->entry, strlen(w->entry), 0, &entry_no) != SM_OK)
    return sm_misused(usage, "--entry must be the number of an entry");
  if (w->why == NULL || w->why[0] == '\0') return sm_misused(usage, "--why is missing");
  sm_err err =
      sm_ledger_entry_reverse(program->ledger, sm_cli_actor(), account_id, entry_no, w->why, &no);
  if (err == SM_OK)
    (void)printf("entry %" PRId64 " takes entry %" PRId64 " back\n", no, entry_no);
  else if (err == SM_ERR_EXISTS)
    sm_complain("it is taken back already");
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("account %s has no entry %s", w->account, w->entry);
  else if (err == SM_ERR_DENIED)
    sm_complain("it is an invoice, which `smartmeter bill credit` takes back, part of a utility "
                "bill, which `smartmeter utility reverse` does, or nothing that can be taken back");
  else if (err == SM_ERR_INVALID)
    sm_complain("--why must have 1 to %d characters", SM_REASON_MAX);
  else
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- by file ---- */

static void print_imported(const sm_payment_file_result *r, const char *currency, bool dry_run,
                           bool json) {
  char sum[SM_DECIMAL_TEXT_MAX];
  (void)sm_money_format(r->added_minor, currency, sum);
  if (json)
    (void)printf(
        "{\"dry_run\":%s,\"payments\":%zu,\"added\":%zu,\"known\":%zu,\"amount\":\"%s\"}\n",
        dry_run ? "true" : "false", r->payments, r->added, r->known, sum);
  else
    (void)printf("%zu payments %s, %s %s; %zu were there already\n", r->added,
                 dry_run ? "would be added" : "added", sum, currency, r->known);
}

static int import_file(sm_program *program, const char *path, bool dry_run, bool json) {
  char *text = NULL;
  size_t len = 0;
  sm_problems problems = {.count = 0};
  sm_payment_file_result result;
  sm_err err = sm_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, SM_PAYMENT_FILE_BYTES_MAX,
                            &text, &len);
  if (err != SM_OK) {
    sm_complain("cannot read %s: %s", path, sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  const sm_invoicing invoicing = sm_program_invoicing(program);
  const sm_payment_file file = {.invoicing = &invoicing,
                                .actor = sm_cli_actor(),
                                .text = text,
                                .len = len,
                                .dry_run = dry_run,
                                .now_ms = sm_clock_now_ms()};
  err = sm_payment_file_import(&file, &problems, &result);
  free(text);
  sm_complain_problems(path, &problems);
  if (err == SM_OK)
    print_imported(&result, program->config.currency, dry_run, json);
  else if (err != SM_ERR_INVALID)
    sm_complain("%s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int import_payments(const char *path, bool dry_run, bool json) {
  sm_program program;
  int status = sm_program_open(&program, SM_PROGRAM_EXISTING)
                   ? import_file(&program, path, dry_run, json)
                   : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}

/* ---- the command ---- */

typedef int (*account_verb)(sm_program *program, const words *w, const char *account_id);

static int with_account(sm_program *program, const words *w, account_verb verb) {
  char *account_id = NULL;
  if (w->account == NULL) return sm_misused(usage, "--account is missing");
  if (!sm_account_words_find(program->ledger, w->account, &account_id)) return SM_EXIT_FAILED;
  int status = verb(program, w, account_id);
  free(account_id);
  return status;
}

static int run_add(sm_program *program, const void *context) {
  return with_account(program, context, add);
}

static int run_reverse(sm_program *program, const void *context) {
  return with_account(program, context, reverse);
}

static int run_list(sm_program *program, const void *context) {
  return with_account(program, context, list);
}

int sm_cmd_payment(int argc, char **argv) {
  static const sm_verb verbs[] = {{"add", run_add, .names = false},
                                  {"reverse", run_reverse, .names = false},
                                  {"list", run_list, .names = false}};
  words w = {0};
  bool dry_run = false;
  const sm_option options[] = {{"--account", .text = &w.account},
                               {"--amount", .text = &w.amount},
                               {"--received", .text = &w.received},
                               {"--method", .text = &w.method},
                               {"--reference", .text = &w.reference},
                               {"--invoice", .text = &w.invoice},
                               {"--note", .text = &w.note},
                               {"--entry", .text = &w.entry},
                               {"--why", .text = &w.why},
                               {"--dry-run", .flag = &dry_run},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc == 3 && strcmp(argv[1], "import") == 0) return import_payments(argv[2], dry_run, w.json);
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
