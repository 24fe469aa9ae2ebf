/* What an issued invoice was computed with, read back from what it keeps. Internal to invoicing. */
#ifndef SM_INVOICING_ISSUED_H
#define SM_INVOICING_ISSUED_H

#include "billing/billing.h"
#include "store/ledger.h"

typedef struct sm_issued {
  sm_billing_tariff *schedule; /* its own tariff versions, by their first day */
  size_t schedule_count;
  sm_tariff **tariff; /* what the schedule borrows */
  size_t tariff_count;
  char *readings_hash; /* of what it stands on */
} sm_issued;

/* SM_ERR_CORRUPT: the invoice does not say it. fini with sm_issued_fini. */
SM_MUST_CHECK sm_err sm_issued_read(const sm_invoice *invoice, sm_issued *issued);
void sm_issued_fini(sm_issued *issued); /* NULL is fine */

#endif
