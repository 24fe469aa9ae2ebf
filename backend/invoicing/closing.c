#include "invoicing/closing.h"

#include "base/log.h"
#include "invoicing/correct.h"
#include "invoicing/differ.h"
#include "store/ledger_landlord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, PATIENCE_DAYS = 60 };

static const char REASON[] = "corrections of the tenancy that came after its last invoice";

typedef struct closing {
  const sm_invoicing *invoicing;
  sm_actor actor;
  int64_t now_ms;
  sm_book book;
  uint64_t *closed;
} closing;

/* ---- the last invoice ---- */

/* The valid one of the latest month. SM_ERR_NOT_FOUND. */
static sm_err find_latest(const closing *c, const char *account_id, sm_invoice *latest) {
  int64_t after = 0;
  sm_invoice got = {0};
  for (size_t count = PAGE; count == PAGE;) {
    sm_invoice *list = NULL;
    sm_err err = sm_ledger_invoices_valid(c->invoicing->ledger, account_id, "0001-01", "9999-12",
                                          after, PAGE, &list, &count, &after);
    if (err != SM_OK) {
      sm_invoice_fini(&got);
      return err;
    }
    for (size_t i = 0; i < count; i++) {
      if (got.month != NULL && strcmp(list[i].month, got.month) <= 0) continue;
      sm_invoice_fini(&got);
      got = list[i];
      list[i] = (sm_invoice){0};
    }
    sm_invoices_free(list, count);
  }
  if (got.number == NULL) return SM_ERR_NOT_FOUND;
  *latest = got;
  return SM_OK;
}

/* Whether no later month of the tenancy is issued any more: the last one is, or it has been over
 * for so long that nothing was there to issue. */
static bool is_last(const closing *c, const sm_account_name *name, const sm_invoice *invoice) {
  char month[16];
  const sm_date day = sm_date_add_days(name->to, -1);
  (void)snprintf(month, sizeof month, "%04d-%02d", day.year, day.month);
  if (strcmp(month, invoice->month) <= 0) return true;
  return sm_zone_day_start_ms(c->invoicing->zone, sm_date_add_days(name->to, PATIENCE_DAYS)) <=
         c->now_ms;
}

static sm_err is_disputed(const closing *c, const char *number, bool *yes) {
  const sm_dispute_query query = {.invoice = number, .open_only = true, .limit = 1};
  sm_dispute *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_disputes(c->invoicing->ledger, &query, &list, &count);
  if (err != SM_OK) return err;
  sm_disputes_free(list, count);
  *yes = count > 0;
  return SM_OK;
}

/* ---- what would change ---- */

/* A correction of the invoice itself that waits and is all that it differs by; 0: none. */
static int64_t waiting_no(const sm_past *past) {
  for (size_t i = 0; i < past->exception_count; i++) {
    const sm_exception *e = &past->exception[i];
    if (strcmp(e->state, "true_up") == 0 && strcmp(e->cause, "credit") != 0 &&
        e->settled_by == NULL)
      return e->exception_no;
  }
  return 0;
}

/* Issued again the month is what it is now: nobody has agreed to more than what waits. */
static sm_err may_issue(closing *c, const sm_past *past, bool *yes, int64_t *exception_no) {
  sm_made made = {0};
  sm_issued difference = {0};
  *yes = false;
  *exception_no = waiting_no(past);
  if (sm_past_has_open(past)) return SM_OK;
  sm_err err = sm_past_compute(c->invoicing, &c->book, past, true, c->now_ms, &made);
  if (err == SM_OK) err = sm_past_difference(c->invoicing, past, made.bill, &difference);
  if (err == SM_OK)
    *yes = *exception_no != 0 ? sm_past_has_same(past, &difference)
                              : difference.net_minor == 0 && difference.tax_count == 0;
  sm_issued_fini(&difference);
  sm_made_fini(&made);
  return err;
}

/* ---- one account ---- */

static sm_err issue_again(closing *c, const char *number, int64_t exception_no) {
  const char *why = NULL;
  sm_invoice invoice = {0};
  sm_invoice note = {0};
  sm_err err = sm_invoicing_reissue(c->invoicing, c->actor, number, exception_no, REASON, c->now_ms,
                                    &why, &invoice, &note);
  if (err == SM_OK) (*c->closed)++;
  sm_invoice_fini(&invoice);
  sm_invoice_fini(&note);
  /* Changed meanwhile, or not to be issued now: the next run sees it as it is then. */
  return err == SM_ERR_CONFLICT || err == SM_ERR_EXISTS || err == SM_ERR_DENIED ? SM_OK : err;
}

/* Takes the invoice over. */
static sm_err close_with(closing *c, sm_invoice *invoice) {
  sm_past past = {0};
  bool disputed = false;
  bool may = false;
  int64_t exception_no = 0;
  sm_err err = sm_past_load(c->invoicing, invoice, &past);
  if (err == SM_OK) err = is_disputed(c, past.invoice.number, &disputed);
  if (err == SM_OK && !disputed) err = may_issue(c, &past, &may, &exception_no);
  if (err == SM_OK && may) err = issue_again(c, past.invoice.number, exception_no);
  sm_past_fini(&past);
  return err;
}

static sm_err close_account(closing *c, const sm_account_name *name) {
  sm_invoice latest = {0};
  sm_err err = find_latest(c, name->account_id, &latest);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err == SM_OK && is_last(c, name, &latest)) return close_with(c, &latest);
  sm_invoice_fini(&latest);
  return err;
}

/* ---- all ---- */

/* What is wrong with one account does not keep the others waiting. */
static sm_err pass(const sm_account_name *name, sm_err err) {
  if (err == SM_OK || err == SM_ERR_NOMEM || err == SM_ERR_FULL || err == SM_ERR_IO ||
      err == SM_ERR_BUSY)
    return err;
  sm_log(SM_LOG_ERROR, "closing.failed", SM_LOG_TEXT("account", name->account_id),
         SM_LOG_TEXT("reason", sm_err_text(err)));
  return SM_OK;
}

sm_err sm_invoicing_close(const sm_invoicing *invoicing, sm_actor actor, int64_t now_ms,
                          sm_go_on_fn *go_on, void *context, uint64_t *closed) {
  char after[65] = "";
  sm_err err = SM_OK;
  closing c = {.invoicing = invoicing, .actor = actor, .now_ms = now_ms, .closed = closed};
  *closed = 0;
  sm_book_init(&c.book, invoicing->ledger);
  for (size_t count = PAGE; err == SM_OK && count == PAGE;) {
    sm_account_name *names = NULL;
    err = sm_ledger_accounts_waiting(invoicing->ledger, after, PAGE, &names, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; err == SM_OK && i < count; i++) {
      if (go_on != NULL && !go_on(context)) err = SM_ERR_CLOSED;
      if (err == SM_OK) err = pass(&names[i], close_account(&c, &names[i]));
    }
    if (count > 0) (void)snprintf(after, sizeof after, "%s", names[count - 1].account_id);
    sm_account_names_free(names, count);
  }
  sm_book_fini(&c.book);
  return err;
}
