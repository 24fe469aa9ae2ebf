/* What a month that is over would have cost by a draft tariff, beside what it cost: nothing is
 * written. The draft prices every day of the month, whatever its effective_from, on the readings as
 * they are now. What the month cost is what its valid invoice says; the corrections of other months
 * that stand on it are not a matter of the tariff and count on neither side. Of a month without one
 * it is computed, by the tariffs that hold. Threads and errors as invoicing.h. */
#ifndef SM_INVOICING_PREVIEW_H
#define SM_INVOICING_PREVIEW_H

#include "invoicing/invoicing.h"
#include "model/tariff.h"

typedef struct sm_preview_request {
  const sm_tariff *tariff; /* the draft, valid and supported */
  int year;
  int month;
  const char *device_id;  /* of what it served last in the month; NULL */
  const char *account_id; /* of that account; NULL. Without both: of all accounts, page by page: */
  const char *on;         /* only those on this tariff at some time (without one of its own an
                             account is on the site's first); NULL: any */
  const char *after;      /* accounts after this account_id; "" for the first */
  size_t limit;           /* so many accounts are looked at */
  int64_t now_ms;
} sm_preview_request;

/* One account; all borrowed for the call. */
typedef struct sm_preview_result {
  const char *account_id; /* NULL: a meter that serves none */
  const char *device_id;
  sm_err err;               /* why there are no bills; else SM_OK, and: */
  const char *invoice;      /* the month's valid invoice; NULL: none, what it cost is computed */
  const char *invoice_body; /* its bill as issued, JSON; NULL */
  const sm_bill *old_bill;  /* what is computed; NULL with an invoice */
  int64_t old_minor;        /* the total of either; an invoice's less its corrections */
  const sm_bill *new_bill;
  int64_t difference_minor; /* new less old */
} sm_preview_result;

/* false: no more. */
typedef bool sm_preview_fn(void *context, const sm_preview_result *result);

typedef struct sm_preview_sums {
  size_t accounts; /* with bills */
  size_t failed;
  size_t invoiced; /* accounts whose old total is an invoice's */
  int64_t old_minor;
  int64_t new_minor;
  int64_t difference_minor;
} sm_preview_sums;

/* Accounts that have no day or no meter in the month are passed over. *next is a heap text, the
 * account to go on after, or NULL: there are no more. SM_ERR_RANGE: the month is not over;
 * SM_ERR_NOT_FOUND: no such device or account; SM_ERR_INVALID: no tariff is called `on`;
 * SM_ERR_OVERFLOW: a sum. */
SM_MUST_CHECK sm_err sm_invoicing_preview(const sm_invoicing *invoicing,
                                          const sm_preview_request *request, sm_preview_fn *each,
                                          void *context, sm_preview_sums *sums, char **next);

#endif
