/* A payment as somebody tells of it, checked field by field, whoever tells: the API or the command
 * line.
 *
 * Threads and errors as for invoicing.h. */
#ifndef SM_INVOICING_PAYMENTS_H
#define SM_INVOICING_PAYMENTS_H

#include "base/problem.h"
#include "invoicing/invoicing.h"
#include "store/ledger_money.h"

typedef struct sm_payment {
  const char *account_id;
  const char *amount;   /* "1888.00": above zero, no more decimals than the currency has */
  const char *currency; /* NULL: the site's, which it must be */
  int64_t received_ms;
  const char *method;      /* one of sm_payment_methods; NULL: "other" */
  const char *reference;   /* of the bank, a receipt, …: counted once an account; NULL */
  const char *invoice;     /* NULL: the oldest are paid first */
  const char *request_key; /* NULL; needed if there is no reference */
  const char *note;        /* NULL */
} sm_payment;

/* "cash, upi, …". */
#define SM_PAYMENT_METHODS "cash, upi, bank, card, cheque, other"

/* When a payment came in, as a person writes it: a time with its offset, or a day, which stands for
 * its beginning in the zone. SM_ERR_SYNTAX. */
SM_MUST_CHECK sm_err sm_payment_received(const sm_invoicing *invoicing, const char *text,
                                         int64_t *received_ms);

/* Checks it alone and makes the entry of it, which borrows its texts; what is wrong is added to
 * `problems`, and the entry means nothing then. */
void sm_payment_check(const sm_invoicing *invoicing, const sm_payment *payment, int64_t now_ms,
                      sm_problems *problems, sm_entry_new *entry);
/* Adds it once (sm_ledger_entry_add). SM_ERR_INVALID: `problems` names the fields "amount",
 * "currency", "received_at", "method", "reference", "invoice", "note"; SM_ERR_EXISTS: another
 * payment has that reference or key; SM_ERR_NOT_FOUND: no such account. */
SM_MUST_CHECK sm_err sm_payment_add(const sm_invoicing *invoicing, sm_actor actor,
                                    const sm_payment *payment, int64_t now_ms,
                                    sm_problems *problems, bool *added, int64_t *entry_no);

#endif
