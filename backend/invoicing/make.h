/* One account's month, computed to be issued or to be held against what was issued. Internal to
 * invoicing; one thread. */
#ifndef SM_INVOICING_MAKE_H
#define SM_INVOICING_MAKE_H

#include "invoicing/collect.h"
#include "invoicing/issued.h"
#include "invoicing/snapshot.h"
#include "invoicing/true_ups.h"

typedef struct sm_make {
  const sm_account *account;
  const sm_issue_candidate *candidate; /* of the account; NULL if no invoice is to be made of it */
  int year;
  int month;
  int64_t now_ms;
  const char *again;    /* the number of an invoice: with the corrections that it holds; NULL: a new
                           one, with those that wait */
  const char *replaces; /* the number of an invoice that is taken back by this one; NULL */
  const sm_issued *by;  /* whose tariff versions; NULL: those that the account has now */
} sm_make;

/* What was computed, and what it borrows from. fini with sm_made_fini. */
typedef struct sm_made {
  sm_collected collected;
  sm_billing_tariff *schedule; /* with `by` */
  sm_true_ups true_ups;
  sm_bill *bill;
  char hash[SM_SHA256_HEX_MAX]; /* of the readings */
} sm_made;

/* The errors of sm_invoicing_bill. */
SM_MUST_CHECK sm_err sm_make_bill(const sm_invoicing *invoicing, sm_book *book, const sm_make *make,
                                  sm_made *made);
void sm_made_fini(sm_made *made);

/* The JSON of a bill, as the body of an invoice. */
SM_MUST_CHECK sm_err sm_make_body(const sm_invoicing *invoicing, const sm_bill *bill, sm_buf *out);

/* What an invoice is made of; borrowed. */
typedef struct sm_make_parts {
  const sm_issue_candidate *candidate;
  const sm_collected *collected;
  const sm_bill *bill;
  const sm_true_ups *true_ups; /* that the bill holds */
  int64_t now_ms;
  int32_t revision;
} sm_make_parts;

/* The invoice of a bill; `body` is taken. Number and status are not set. Free it in any case. */
SM_MUST_CHECK sm_err sm_make_invoice(const sm_invoicing *invoicing, const sm_make_parts *parts,
                                     sm_buf *body, sm_invoice *invoice);

/* Whether the month of a bill can be issued: NULL, or why not in a stable word: "no_meter",
 * "no_readings", "not_settled". */
const char *sm_make_refusal(const sm_invoicing *invoicing, const sm_make *make,
                            const sm_made *made);

#endif
