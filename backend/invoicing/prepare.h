/* One account's invoice of a month, worked out but not issued: whether it can be, and all that the
 * ledger then keeps. Many threads may prepare at once. Internal to invoicing. */
#ifndef SM_INVOICING_PREPARE_H
#define SM_INVOICING_PREPARE_H

#include "invoicing/book.h"
#include "invoicing/collect.h"
#include "invoicing/invoicing.h"
#include "store/ledger_issue.h"

enum { SM_PREPARED_TEXT_MAX = 256, SM_MONTH_TEXT_MAX = 16 };

/* The month that is issued, and when. */
typedef struct sm_prepare_month {
  int year;
  int month;
  char text[SM_MONTH_TEXT_MAX]; /* "2026-01" */
  int64_t from_ms;
  int64_t to_ms;
  int64_t now_ms;
  sm_month_days days;
} sm_prepare_month;

/* What became of an account. `result` borrows from the candidate and from here. */
typedef struct sm_prepared {
  sm_issue_result result; /* issued: could be, and `item` is filled in */
  char text[SM_PREPARED_TEXT_MAX];
  sm_issue_item item;
} sm_prepared;

void sm_prepare_month_init(sm_prepare_month *out, const sm_zone *zone, int year, int month,
                           int64_t now_ms);
/* Whether a tenancy and, if one is named, a meter has to do with the month at all. */
bool sm_prepare_concerns(const sm_zone *zone, const sm_prepare_month *month,
                         const sm_account *account, const char *device_id);
/* Reads the tariffs of an account into the book, which then stays as it is while others prepare. */
SM_MUST_CHECK sm_err sm_prepare_tariffs(sm_book *book, const sm_account *account);
/* Never fails: a failure is a result. The book has the account's tariffs. with_texts: also the
 * invoice's texts, which a dry run does without. fini with sm_prepared_fini. */
void sm_prepare(const sm_invoicing *invoicing, sm_book *book, const sm_prepare_month *month,
                const sm_issue_candidate *candidate, bool with_texts, sm_prepared *out);
void sm_prepared_fini(sm_prepared *prepared);
/* Turns a result into a failure. */
void sm_prepared_fail(sm_prepared *prepared, sm_err err);

#endif
