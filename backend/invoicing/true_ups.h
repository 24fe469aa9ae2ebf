/* Corrections of issued months as billing/ wants them: those that wait for an account's next
 * invoice, or those that an invoice holds. Internal to invoicing; one thread. */
#ifndef SM_INVOICING_TRUE_UPS_H
#define SM_INVOICING_TRUE_UPS_H

#include "billing/billing.h"
#include "store/ledger_money.h"

typedef struct sm_true_ups {
  sm_exception *exception;
  size_t count;
  sm_billing_true_up *item; /* one an exception; borrows of it */
  sm_billing_true_up_tax *tax;
} sm_true_ups;

/* All: fini with sm_true_ups_fini. */
SM_MUST_CHECK sm_err sm_true_ups_waiting(sm_ledger *ledger, const char *account_id,
                                         sm_true_ups *true_ups);
SM_MUST_CHECK sm_err sm_true_ups_of(sm_ledger *ledger, const char *invoice, sm_true_ups *true_ups);
/* For what is issued in the place of an invoice: those that wait, without those of that invoice
 * itself (it is computed anew), and those that it held, which it sets free. */
SM_MUST_CHECK sm_err sm_true_ups_replacing(sm_ledger *ledger, const char *account_id,
                                           const char *invoice, sm_true_ups *true_ups);
void sm_true_ups_fini(sm_true_ups *true_ups);

/* Lets an invoice that is to be issued settle them. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_true_ups_settle(const sm_true_ups *true_ups, sm_invoice *invoice);

#endif
