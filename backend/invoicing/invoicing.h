/* Bills and invoices on the real stores: collects an account, its meters, their registers and its
 * tariff versions, has billing/ compute, and issues numbered invoices through the ledger.
 *
 * Threads: a sm_invoicing is read only; any number of threads may use one, as they may the stores.
 * Errors beside those named: what the stores give (SM_ERR_IO, SM_ERR_BUSY, …), SM_ERR_NOMEM,
 * SM_ERR_OVERFLOW, SM_ERR_CORRUPT (a stored tariff cannot be read). */
#ifndef SM_INVOICING_INVOICING_H
#define SM_INVOICING_INVOICING_H

#include "base/err.h"
#include "base/zone.h"
#include "invoicing/look.h"
#include "invoicing/settings.h"
#include "model/bill.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_FINANCIAL_YEAR_MAX = 5 /* "2627" and its NUL */ };

/* What bills are made from; all borrowed. */
typedef struct sm_invoicing {
  sm_ledger *ledger;
  sm_readings *readings;
  const sm_zone *zone;
  const char *currency;
  const sm_invoicing_settings *settings;
} sm_invoicing;

/* One bill. device_id or account_id may be NULL, not both. With account_id: of that account (if a
 * device is named too, it must serve it at some time). Else of the account that the device served
 * last in that month; if it served none and user_id is NULL: of the meter alone, by the site's
 * default tariff (its first), account_id null. user_id: what is not of that user's is
 * SM_ERR_NOT_FOUND; NULL: an admin asks. */
typedef struct sm_invoicing_query {
  const char *device_id;
  const char *account_id;
  const char *user_id;
  int year;
  int month;
  int64_t now_ms;
} sm_invoicing_query;

/* SM_ERR_RANGE: the month has not begun; SM_ERR_NOT_FOUND: no such device or account, or the
 * tenancy has no day in that month; SM_ERR_UNSUPPORTED: by a tariff that this program does not
 * bill. The caller frees *bill. */
SM_MUST_CHECK sm_err sm_invoicing_bill(const sm_invoicing *invoicing,
                                       const sm_invoicing_query *query, sm_bill **bill);

/* ---- issuing a month ---- */
typedef enum sm_issue_outcome {
  SM_ISSUE_ISSUED,  /* or, in a dry run, would be */
  SM_ISSUE_ALREADY, /* has its invoice; `number` says which */
  SM_ISSUE_SKIPPED, /* `reason` says why */
  SM_ISSUE_FAILED   /* `err` says why; the other accounts go on */
} sm_issue_outcome;
const char *sm_issue_outcome_name(sm_issue_outcome outcome); /* "issued", … */

/* What became of one account; all borrowed for the call. */
typedef struct sm_issue_result {
  const char *account_id;
  const char *device_id; /* the meter that served it last in the month; "" if none */
  sm_issue_outcome outcome;
  const char *number; /* NULL: none (dry run, skipped, failed) */
  const char *reason; /* a stable word: "not_settled", "no_readings", "no_meter",
                         "cancelled"; NULL */
  const char *text;   /* a sentence for people; "" if there is nothing to say */
  sm_err err;
  bool has_total;
  int64_t total_minor;
  bool estimated;
  bool has_look; /* of a bill that was computed */
  sm_look look;
} sm_issue_result;

/* Called for each account, in the order of the ledger. false stops the run (SM_ERR_CLOSED). */
typedef bool sm_issue_fn(void *context, const sm_issue_result *result);

typedef struct sm_issue_request {
  sm_actor actor;
  int year;
  int month;
  const char *device_id; /* only accounts that this meter served in the month; NULL: all */
  bool dry_run;          /* nothing is written */
  bool open_only;        /* pass over, untold, accounts that have their invoice */
  int64_t now_ms;
  size_t threads; /* that compute, beside the caller's, which writes; 0: one a core */
  size_t batch;   /* accounts a transaction; 0: 256 */
} sm_issue_request;

/* Counts as they are told; a caller may look at them meanwhile. */
typedef struct sm_issue_summary {
  uint64_t looked_at; /* accounts, whether or not they have to do with the month */
  uint64_t issued;
  uint64_t already;
  uint64_t skipped;
  uint64_t failed;
  uint64_t estimated;   /* of those issued */
  uint64_t not_settled; /* the reasons of those skipped */
  uint64_t no_readings;
  uint64_t no_meter;
  uint64_t cancelled;
  int64_t total_minor;  /* of those issued */
  bool total_too_large; /* it does not fit: total_minor means nothing */
} sm_issue_summary;

/* Issues the month's invoices in the order of the accounts, some hundreds in a transaction: killed
 * at any moment and run again, every account has one invoice and the numbers have no gap. A bill is
 * computed again if the account, its meters, tariffs, edits or entries changed before it was
 * written. `each` may be NULL; it is told of an account after it was written, on the caller's
 * thread. SM_ERR_RANGE: the month is not over; SM_ERR_NOT_FOUND: no such device. Accounts that fail
 * are counted and told, and are no error of the run; a store that is full, busy or broken is. */
SM_MUST_CHECK sm_err sm_invoicing_issue_month(const sm_invoicing *invoicing,
                                              const sm_issue_request *request, sm_issue_fn *each,
                                              void *context, sm_issue_summary *summary);

/* "2627" for a date from 2026-04-01 to 2027-03-31. Returns out. */
char *sm_financial_year(sm_date date, char out[SM_FINANCIAL_YEAR_MAX]);

#endif
