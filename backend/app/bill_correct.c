#include "app/bill_correct.h"

#include "app/account_words.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "invoicing/closing.h"
#include "invoicing/correct.h"
#include "invoicing/fees.h"
#include "invoicing/recheck.h"
#include "model/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool open_all(sm_program *program) {
  if (!sm_program_load_invoicing(program)) return false;
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK)
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
  return err == SM_OK;
}

static void print_invoice(const sm_invoice *invoice, bool json) {
  char total[SM_DECIMAL_TEXT_MAX];
  (void)sm_money_format(invoice->total_minor, invoice->currency, total);
  if (json)
    (void)printf("{\"number\":\"%s\",\"kind\":\"%s\",\"month\":\"%s\",\"revision\":%d,"
                 "\"total\":\"%s\",\"currency\":\"%s\"}\n",
                 invoice->number, invoice->kind, invoice->month, (int)invoice->revision, total,
                 invoice->currency);
  else
    (void)printf("%s  %s %s  %s %s\n", invoice->number,
                 strcmp(invoice->kind, "credit_note") == 0 ? "credit note for" : "invoice for",
                 invoice->month, total, invoice->currency);
}

/* ---- credit ---- */

int sm_bill_credit(sm_program *program, const sm_bill_words *w) {
  sm_invoice note = {0};
  if (!sm_program_load_invoicing(program)) return SM_EXIT_FAILED;
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_err err = sm_invoicing_credit(&invoicing, sm_cli_actor(), w->number, w->reason,
                                   sm_clock_now_ms(), &note);
  if (err == SM_OK)
    print_invoice(&note, w->json);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no invoice %s", w->number);
  else if (err == SM_ERR_EXISTS)
    sm_complain("%s is taken back already", w->number);
  else if (err == SM_ERR_INVALID)
    sm_complain("--reason must have 1 to %d characters", SM_REASON_MAX);
  else
    sm_complain("%s", sm_err_text(err));
  sm_invoice_fini(&note);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- one account ---- */

static void complain_of_month(const sm_bill_words *w, sm_err err, const char *why) {
  if (err == SM_ERR_DENIED && why != NULL && strcmp(why, "not_settled") == 0)
    sm_complain("%s is not settled yet: there is no reading after its end", w->month);
  else if (err == SM_ERR_DENIED)
    sm_complain("no meter of account %s was read by the end of %s", w->account, w->month);
  else if (err == SM_ERR_EXISTS)
    sm_complain("the month has a valid invoice: take it back first, with `smartmeter bill credit`");
  else if (err == SM_ERR_INVALID)
    sm_complain("--reason is needed: the month had an invoice before");
  else if (err == SM_ERR_RANGE)
    sm_complain("%s is not over: only past months are invoiced", w->month);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("the tenancy of account %s has no day in %s", w->account, w->month);
  else if (err == SM_ERR_CONFLICT)
    sm_complain("the account changed at the same time: try again");
  else
    sm_complain("%s", sm_err_text(err));
}

static int issue_one(const sm_program *program, const sm_bill_words *w, const char *account_id) {
  const char *why = NULL;
  sm_invoice invoice = {0};
  sm_one_month month = {.actor = sm_cli_actor(),
                        .account_id = account_id,
                        .reason = w->reason,
                        .now_ms = sm_clock_now_ms()};
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_err err = sm_month_parse(w->month, &month.year, &month.month);
  if (err == SM_OK) err = sm_invoicing_issue_one(&invoicing, &month, &why, &invoice);
  if (err == SM_OK)
    print_invoice(&invoice, w->json);
  else
    complain_of_month(w, err, why);
  sm_invoice_fini(&invoice);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_bill_one(sm_program *program, const sm_bill_words *w) {
  char *account_id = NULL;
  if (!open_all(program) || !sm_account_words_find(program->ledger, w->account, &account_id))
    return SM_EXIT_FAILED;
  int status = issue_one(program, w, account_id);
  free(account_id);
  return status;
}

/* ---- looking again ---- */

static void print_recheck(const sm_recheck_summary *s, uint64_t rebilled, uint64_t closed,
                          bool json) {
  if (json)
    (void)printf("{\"checked\":%" PRIu64 ",\"found\":%" PRIu64 ",\"true_up\":%" PRIu64
                 ",\"failed\":%" PRIu64 ",\"closed\":%" PRIu64 "}\n",
                 s->checked, s->found + rebilled, s->true_up, s->failed, closed);
  else
    (void)printf("%" PRIu64 " invoices looked at, %" PRIu64 " differ (%" PRIu64
                 " go on the next invoice), %" PRIu64 " failed\n",
                 s->checked, s->found + rebilled, s->true_up, s->failed);
  if (!json && closed > 0)
    (void)printf("%" PRIu64 " last invoices of ended tenancies issued again, with what waited\n",
                 closed);
}

static int recheck(const sm_program *program, const sm_bill_words *w, const char *account_id) {
  char from[16], to[16];
  uint64_t rebilled = 0;
  uint64_t closed = 0;
  sm_recheck_summary s = {0};
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_recheck_request request = {.actor = sm_cli_actor(),
                                .from_month = w->month,
                                .to_month = w->month,
                                .account_id = account_id,
                                .now_ms = sm_clock_now_ms()};
  if (w->month == NULL) {
    if (!sm_recheck_months(&invoicing, request.now_ms, from, to)) {
      sm_complain("SMARTMETER_RECHECK_MONTHS is 0: give --month");
      return SM_EXIT_FAILED;
    }
    request.from_month = from;
    request.to_month = to;
  }
  sm_err err = sm_rebill_process(&invoicing, request.actor, request.now_ms, NULL, NULL, &rebilled);
  if (err == SM_OK) err = sm_invoicing_recheck(&invoicing, &request, &s);
  if (err == SM_OK)
    err = sm_invoicing_close(&invoicing, request.actor, request.now_ms, NULL, NULL, &closed);
  if (err != SM_OK) {
    sm_complain("%s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  print_recheck(&s, rebilled, closed, w->json);
  return s.failed == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_bill_recheck(sm_program *program, const sm_bill_words *w) {
  char *account_id = NULL;
  if (!open_all(program)) return SM_EXIT_FAILED;
  if (w->account != NULL && !sm_account_words_find(program->ledger, w->account, &account_id))
    return SM_EXIT_FAILED;
  int status = recheck(program, w, account_id);
  free(account_id);
  return status;
}

/* ---- late fees ---- */

int sm_bill_fees(sm_program *program, const sm_bill_words *w) {
  uint64_t posted = 0;
  if (!sm_program_load_invoicing(program)) return SM_EXIT_FAILED;
  const sm_invoicing invoicing = sm_program_invoicing(program);
  sm_err err = sm_invoicing_late_fees(&invoicing, sm_cli_actor(), sm_clock_now_ms(), &posted);
  if (err != SM_OK) {
    sm_complain("%s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  (void)printf(w->json ? "{\"fees\":%" PRIu64 "}\n" : "%" PRIu64 " late fees\n", posted);
  return SM_EXIT_OK;
}
