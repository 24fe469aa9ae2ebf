/* How an issued month would differ now: the difference between a bill computed again and what the
 * invoice and its corrections hold. Internal to invoicing; one thread. */
#ifndef SM_INVOICING_DIFFER_H
#define SM_INVOICING_DIFFER_H

#include "invoicing/make.h"

/* An issued invoice and what is known of it. */
typedef struct sm_past {
  sm_invoice invoice; /* taken over */
  sm_account account;
  sm_issued issued;
  sm_exception *exception; /* all of it, by number */
  size_t exception_count;
  sm_issued latest; /* how the last exception that counts had it computed */
  bool has_latest;
  char hash[SM_SHA256_HEX_MAX]; /* of the readings of the invoice */
} sm_past;

/* Takes `invoice` over in any case. fini with sm_past_fini. SM_ERR_CORRUPT: its JSON is none. */
SM_MUST_CHECK sm_err sm_past_load(const sm_invoicing *invoicing, sm_invoice *invoice,
                                  sm_past *past);
void sm_past_fini(sm_past *past);
/* The number of its last exception, 0: none. */
int64_t sm_past_last_no(const sm_past *past);
/* Whether the readings are those that the last look saw. */
bool sm_past_has_hash(const sm_past *past, const char *hash);
/* Whether it has an exception that waits or is open. */
bool sm_past_has_unsettled(const sm_past *past);

/* Whether one of those is of just this difference. */
bool sm_past_has_same(const sm_past *past, const sm_issued *difference);
/* Whether it has one that somebody is to decide. */
bool sm_past_has_open(const sm_past *past);

/* Computes the month again: by the versions of the last look, or (`anew`) by those of now. */
SM_MUST_CHECK sm_err sm_past_compute(const sm_invoicing *invoicing, sm_book *book,
                                     const sm_past *past, bool anew, int64_t now_ms, sm_made *made);
/* The bill less the invoice and less the corrections that stand on invoices: net_minor and taxes of
 * *difference (no segments; taxes of nothing are left out). fini with sm_issued_fini. */
SM_MUST_CHECK sm_err sm_past_difference(const sm_invoicing *invoicing, const sm_past *past,
                                        const sm_bill *bill, sm_issued *difference);
/* What it comes to with its taxes. SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_difference_total(const sm_issued *difference, int64_t *total_minor);
/* Whether somebody has dismissed an exception of it, and (`same`) of just this difference. */
bool sm_past_dismissed(const sm_past *past, const sm_issued *same);

#endif
