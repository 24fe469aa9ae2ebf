/* Taking an issued invoice back by a credit note, and issuing a month of one account (again).
 *
 * Threads and errors as for invoicing.h. */
#ifndef SM_INVOICING_CORRECT_H
#define SM_INVOICING_CORRECT_H

#include "invoicing/invoicing.h"
#include "store/ledger_money.h"

/* Takes a whole invoice back; *note is the credit note, freed by the caller. Its body is the bill
 * that is taken back, with `credits` (the number of the invoice) and `reason` in front.
 * SM_ERR_NOT_FOUND: no such invoice; SM_ERR_EXISTS: it is taken back already; SM_ERR_INVALID: a
 * reason of no or too many characters. */
SM_MUST_CHECK sm_err sm_invoicing_credit(const sm_invoicing *invoicing, sm_actor actor,
                                         const char *number, const char *reason, int64_t now_ms,
                                         sm_invoice *note);

typedef struct sm_one_month {
  sm_actor actor;
  const char *account_id;
  int year;
  int month;
  const char *reason; /* why it is issued; needed if the month had an invoice before */
  int64_t now_ms;
} sm_one_month;

/* Issues a month of one account: the first time, or again after a credit note; the bill then has
 * `difference` {previous, previous_total, total, difference, reason}. *invoice is what was issued,
 * freed by the caller. SM_ERR_RANGE: the month is not over; SM_ERR_NOT_FOUND: no such account, or
 * its tenancy has no day in the month; SM_ERR_EXISTS: it has a valid invoice, which is to be taken
 * back first; SM_ERR_DENIED: it cannot be issued, *why says it (sm_make_refusal); SM_ERR_INVALID:
 * the reason; SM_ERR_CONFLICT: something was decided at the same time, ask again. */
SM_MUST_CHECK sm_err sm_invoicing_issue_one(const sm_invoicing *invoicing,
                                            const sm_one_month *request, const char **why,
                                            sm_invoice *invoice);

/* The two in one transaction, for an exception (0: none): its invoice is taken back and the month
 * issued as it is now. The errors of both. */
SM_MUST_CHECK sm_err sm_invoicing_reissue(const sm_invoicing *invoicing, sm_actor actor,
                                          const char *number, int64_t exception_no,
                                          const char *reason, int64_t now_ms, const char **why,
                                          sm_invoice *invoice, sm_invoice *note);

#endif
