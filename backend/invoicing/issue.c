#include "invoicing/invoicing.h"

#include "billing/billing.h"
#include "invoicing/collect.h"
#include "invoicing/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200, FIRST_REVISION = 1, TEXT_MAX = 256 };

typedef struct run {
  const sm_invoicing *invoicing;
  const sm_issue_request *request;
  sm_issue_fn *each;
  void *context;
  sm_issue_summary *summary;
  sm_book book;
  char month[16];
  int64_t from_ms; /* the month */
  int64_t to_ms;
} run;

/* One account being issued: what is told of it, and what that borrows. */
typedef struct job {
  sm_issue_result result;
  sm_invoice found; /* the invoice that it has, or gets */
  char text[TEXT_MAX];
} job;

const char *sm_issue_outcome_name(sm_issue_outcome outcome) {
  static const char *const names[] = {[SM_ISSUE_ISSUED] = "issued",
                                      [SM_ISSUE_ALREADY] = "already",
                                      [SM_ISSUE_SKIPPED] = "skipped",
                                      [SM_ISSUE_FAILED] = "failed"};
  return names[outcome];
}

char *sm_financial_year(sm_date date, char out[SM_FINANCIAL_YEAR_MAX]) {
  int start = date.month >= 4 ? date.year : date.year - 1;
  (void)snprintf(out, SM_FINANCIAL_YEAR_MAX, "%02u%02u", (unsigned)start % 100,
                 (unsigned)(start + 1) % 100);
  return out;
}

static void skip(job *j, const char *reason, const char *text) {
  j->result.outcome = SM_ISSUE_SKIPPED;
  j->result.reason = reason;
  (void)snprintf(j->text, sizeof j->text, "%s", text);
}

static void fail(job *j, sm_err err) {
  j->result.outcome = SM_ISSUE_FAILED;
  j->result.err = err;
  (void)snprintf(j->text, sizeof j->text, "%s", sm_err_text(err));
}

/* ---- whether to issue ---- */
/* Looks whether the account has its invoice. */
static sm_err look_up(run *r, job *j) {
  sm_err err =
      sm_ledger_invoice_of(r->invoicing->ledger, j->result.account_id, r->month, &j->found);
  if (err != SM_OK) return err;
  j->result.outcome = SM_ISSUE_ALREADY;
  j->result.number = j->found.number;
  j->result.total_minor = j->found.total_minor;
  j->result.has_total = true;
  return SM_OK;
}

/* When it is no longer waited for a reading after the period. */
static int64_t deadline_ms(const run *r, const sm_bill *bill) {
  sm_date end = sm_zone_date(r->invoicing->zone, bill->to_ms);
  return sm_zone_day_start_ms(r->invoicing->zone,
                              sm_date_add_days(end, r->invoicing->settings->settle_days));
}

static bool ready(const run *r, const sm_bill *bill, job *j) {
  char until[40];
  if (bill->days == 0) {
    skip(j, "no_readings", "No meter of this account had been read by the end of the month.");
    return false;
  }
  int64_t until_ms = deadline_ms(r, bill);
  if (!bill->settled && r->request->now_ms < until_ms) {
    skip(j, "not_settled", "");
    (void)snprintf(j->text, sizeof j->text,
                   "Not settled yet: there is no reading after the end of the period. It is issued "
                   "when there is one, or as estimated from %s.",
                   sm_zone_format(r->invoicing->zone, until_ms, until));
    return false;
  }
  return true;
}

/* ---- issuing ---- */
static sm_err write_body(const run *r, const sm_bill *bill, sm_buf *out) {
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_bill_write_json(&w, bill, r->invoicing->zone);
  return out->err;
}

static sm_err fill_invoice(const run *r, const sm_bill *bill, sm_buf *body, sm_buf *snapshot,
                           sm_invoice *invoice) {
  const sm_zone *zone = r->invoicing->zone;
  sm_date due =
      sm_date_add_days(sm_zone_date(zone, r->request->now_ms), r->invoicing->settings->due_days);
  invoice->account_id = strdup(bill->account_id);
  invoice->device_id = bill->device_id[0] != '\0' ? strdup(bill->device_id) : NULL;
  invoice->kind = strdup("invoice");
  invoice->month = strdup(r->month);
  invoice->revision = FIRST_REVISION;
  invoice->total_minor = bill->total_minor;
  invoice->tax_minor = bill->tax_minor;
  invoice->currency = strdup(bill->currency);
  invoice->issued_ms = r->request->now_ms;
  invoice->due_ms = sm_zone_day_start_ms(zone, due);
  invoice->body = sm_buf_take(body);
  invoice->snapshot = sm_buf_take(snapshot);
  bool all = invoice->account_id != NULL && invoice->kind != NULL && invoice->month != NULL &&
             invoice->currency != NULL && invoice->body != NULL && invoice->snapshot != NULL &&
             (invoice->device_id != NULL || bill->device_id[0] == '\0');
  return all ? SM_OK : SM_ERR_NOMEM;
}

static sm_err write_invoice(run *r, const sm_account *account, const sm_collected *collected,
                            const sm_bill *bill, job *j) {
  char year[SM_FINANCIAL_YEAR_MAX];
  sm_buf body, snapshot;
  sm_invoice invoice = {0};
  (void)sm_financial_year(sm_zone_date(r->invoicing->zone, r->request->now_ms), year);
  sm_buf_init(&body, 0);
  sm_buf_init(&snapshot, 0);
  sm_err err = write_body(r, bill, &body);
  if (err == SM_OK) err = sm_snapshot_write(account, collected, bill, &snapshot);
  if (err == SM_OK) err = fill_invoice(r, bill, &body, &snapshot, &invoice);
  if (err == SM_OK)
    err = sm_ledger_invoice_issue(r->invoicing->ledger, r->request->actor,
                                  r->invoicing->settings->invoice_prefix, year, &invoice);
  sm_buf_fini(&body);
  sm_buf_fini(&snapshot);
  if (err == SM_OK) {
    j->found = invoice;
    j->result.number = invoice.number;
    return SM_OK;
  }
  sm_invoice_fini(&invoice);
  return err;
}

/* Another run was faster, or the only one was cancelled: then a new revision is an admin's word. */
static void settle_exists(run *r, job *j) {
  sm_err err = look_up(r, j);
  if (err == SM_ERR_NOT_FOUND)
    skip(j, "cancelled", "The invoice of this month was cancelled; a new one is not made here.");
  else if (err != SM_OK)
    fail(j, err);
}

static void issue_bill(run *r, const sm_account *account, const sm_collected *collected,
                       const sm_bill *bill, job *j) {
  j->result.device_id = bill->device_id;
  j->result.has_total = true;
  j->result.total_minor = bill->total_minor;
  j->result.estimated = bill->estimated;
  if (!ready(r, bill, j)) return;
  j->result.outcome = SM_ISSUE_ISSUED;
  if (r->request->dry_run) return;
  sm_err err = write_invoice(r, account, collected, bill, j);
  if (err == SM_ERR_EXISTS)
    settle_exists(r, j);
  else if (err != SM_OK)
    fail(j, err);
}

/* ---- the accounts ---- */
static bool concerned(const run *r, const sm_account *account) {
  const sm_zone *zone = r->invoicing->zone;
  if (account->has_from && sm_zone_day_start_ms(zone, account->from) >= r->to_ms) return false;
  if (account->has_to && sm_zone_day_start_ms(zone, account->to) <= r->from_ms) return false;
  if (account->has_from && account->has_to && sm_date_compare(account->from, account->to) >= 0)
    return false;
  if (r->request->device_id == NULL) return true;
  for (size_t i = 0; i < account->meter_count; i++)
    if (strcmp(account->meter[i].device_id, r->request->device_id) == 0 &&
        sm_meter_serves(&account->meter[i], r->from_ms, r->to_ms))
      return true;
  return false;
}

static bool tell(run *r, job *j) {
  j->result.text = j->text;
  switch (j->result.outcome) {
  case SM_ISSUE_ISSUED:
    r->summary->issued++;
    break;
  case SM_ISSUE_ALREADY:
    r->summary->already++;
    break;
  case SM_ISSUE_SKIPPED:
    r->summary->skipped++;
    break;
  case SM_ISSUE_FAILED:
    r->summary->failed++;
    break;
  }
  return r->each == NULL || r->each(r->context, &j->result);
}

static sm_err issue_account(run *r, const sm_account *account) {
  job j = {.result = {.account_id = account->account_id, .device_id = ""}};
  sm_collected collected = {0};
  sm_bill *bill = NULL;
  sm_subject subject = {.account = account,
                        .year = r->request->year,
                        .month = r->request->month,
                        .now_ms = r->request->now_ms};
  const sm_account_meter *last = sm_last_meter(account, r->from_ms, r->to_ms);
  if (last != NULL) j.result.device_id = last->device_id;
  sm_err err = look_up(r, &j);
  if (err == SM_ERR_NOT_FOUND && last == NULL) {
    skip(&j, "no_meter", "No meter serves this account in the month.");
    err = SM_OK;
  } else if (err == SM_ERR_NOT_FOUND) {
    err = sm_collect(r->invoicing, &r->book, &subject, &collected);
    if (err == SM_OK) err = sm_billing_compute(&collected.input, &bill);
    if (err == SM_OK) issue_bill(r, account, &collected, bill, &j);
  }
  if (err != SM_OK) fail(&j, err);
  bool go_on = tell(r, &j);
  sm_bill_free(bill);
  sm_collected_fini(&collected);
  sm_invoice_fini(&j.found);
  return go_on ? SM_OK : SM_ERR_CLOSED;
}

static sm_err issue_page(run *r, char **after, bool *more) {
  sm_account *accounts = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_accounts(r->invoicing->ledger, NULL, *after != NULL ? *after : "", PAGE,
                                  &accounts, &count);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < count && err == SM_OK; i++)
    if (concerned(r, &accounts[i])) err = issue_account(r, &accounts[i]);
  *more = count == PAGE;
  free(*after);
  *after = *more ? strdup(accounts[count - 1].account_id) : NULL;
  if (*more && *after == NULL && err == SM_OK) err = SM_ERR_NOMEM;
  sm_accounts_free(accounts, count);
  return err;
}

static sm_err check_device(const run *r) {
  if (r->request->device_id == NULL) return SM_OK;
  sm_device device = {0};
  sm_err err = sm_ledger_device(r->invoicing->ledger, r->request->device_id, &device);
  sm_device_fini(&device);
  return err;
}

sm_err sm_invoicing_issue_month(const sm_invoicing *invoicing, const sm_issue_request *request,
                                sm_issue_fn *each, void *context, sm_issue_summary *summary) {
  run r = {.invoicing = invoicing,
           .request = request,
           .each = each,
           .context = context,
           .summary = summary};
  char *after = NULL;
  bool more = true;
  *summary = (sm_issue_summary){0};
  sm_month_span(invoicing->zone, request->year, request->month, &r.from_ms, &r.to_ms);
  if (r.to_ms > request->now_ms) return SM_ERR_RANGE;
  sm_err err = check_device(&r);
  if (err != SM_OK) return err;
  (void)snprintf(r.month, sizeof r.month, "%04d-%02d", request->year, request->month);
  sm_book_init(&r.book, invoicing->ledger);
  while (more && err == SM_OK) err = issue_page(&r, &after, &more);
  free(after);
  sm_book_fini(&r.book);
  return err;
}
