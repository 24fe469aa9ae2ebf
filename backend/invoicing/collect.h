/* An account's month as billing/ wants it: meters, registers, tariff versions. Internal to
 * invoicing. */
#ifndef SM_INVOICING_COLLECT_H
#define SM_INVOICING_COLLECT_H

#include "billing/billing.h"
#include "invoicing/book.h"
#include "invoicing/edits.h"
#include "invoicing/invoicing.h"
#include "store/ledger_issue.h"

enum { SM_MONTH_DAYS_MAX = 31 };

/* Where the days of a month begin, and the next month: found once, since a zone is slow to ask. */
typedef struct sm_month_days {
  int64_t start_ms[SM_MONTH_DAYS_MAX + 1];
  size_t count; /* with the next month's begin */
} sm_month_days;
void sm_month_days_init(sm_month_days *days, const sm_zone *zone, int year, int month);

/* Whose month: an account, or (account NULL) a meter that serves none. */
typedef struct sm_subject {
  const sm_account *account;
  const sm_device *device;
  const sm_issue_candidate *candidate; /* of the account; NULL: the ledger is asked for more */
  const char *shown_device_id;         /* NULL: the meter that served last */
  int year;
  int month;
  int64_t now_ms;
  const sm_month_days *days;   /* of that month; NULL: found here */
  const sm_billing_tariff *by; /* what it is billed by instead of the account's; NULL: those */
  size_t by_count;
  bool whole; /* all points, since it is billed by a tariff that is not the account's */
} sm_subject;

/* Holds what `input` borrows; borrows the account, the device and the book itself. */
typedef struct sm_collected {
  sm_billing_input input;
  sm_billing_meter *meter;
  sm_trace *trace;       /* one a meter, and so the two below */
  sm_meter_edits *edits; /* what `shown` borrows from */
  sm_billing_edit **shown;
  size_t count;
  sm_billing_tariff *schedule;
} sm_collected;

/* Collects; fini with sm_collected_fini. Of each meter: its register's trace (sm_readings_trace);
 * or, where the month is over, no tariff of the account (or of `by`) that holds in it measures
 * inside days, nothing was edited and the whole trace is plain, only those points that the register
 * at the begin of a day and at both ends of the meter's service is worked out from (sm_trace_thin).
 * Errors of the stores and the book. SM_ERR_RANGE: the month has not begun. */
SM_MUST_CHECK sm_err sm_collect(const sm_invoicing *invoicing, sm_book *book,
                                const sm_subject *subject, sm_collected *collected);
void sm_collected_fini(sm_collected *collected);

/* A meter as billing/ wants it, without edits; borrows both. */
sm_billing_meter sm_meter_of(const sm_account_meter *from, const sm_trace *trace);

/* Whether a meter serves in [from, to). */
bool sm_meter_serves(const sm_account_meter *meter, int64_t from_ms, int64_t to_ms);
/* The meter that serves an account last in [from, to), one that counts for it before those that
 * count against it; NULL: none. */
const sm_account_meter *sm_last_meter(const sm_account *account, int64_t from_ms, int64_t to_ms);
/* The first instant of a month and of the next. */
void sm_month_span(const sm_zone *zone, int year, int month, int64_t *from_ms, int64_t *to_ms);

#endif
