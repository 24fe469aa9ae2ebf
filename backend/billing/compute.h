/* A bill's computation as it stands when the bill is done, before it is put away: what an
 * explanation reads, so that it can tell nothing but what was billed. Internal to billing. */
#ifndef SM_BILLING_COMPUTE_H
#define SM_BILLING_COMPUTE_H

#include "billing/billing.h"
#include "billing/calendar.h"
#include "billing/measure.h"
#include "billing/price.h"

/* All of it is borrowed for the call. */
typedef struct sm_computed {
  const sm_billing_input *input;
  const sm_measures *measures; /* clipped to the period */
  const sm_calendar *calendar; /* the period's days, and one more before and after them */
  const sm_price_segment *segment;
  size_t segment_count;
  const int64_t *cut_ms; /* segment_count - 1 of them: tariff changes inside the period */
  int64_t from_ms;       /* the period; of the running month to its end */
  int64_t to_ms;
  int32_t month_days;
  const sm_bill *bill;
} sm_computed;

typedef sm_err sm_computed_fn(void *context, const sm_computed *computed);

/* sm_billing_compute, which shows its work to `see` (may be NULL). What `see` gives is an error of
 * the whole; *bill is not set then. */
SM_MUST_CHECK sm_err sm_billing_compute_seen(const sm_billing_input *input, sm_computed_fn *see,
                                             void *context, sm_bill **bill);

#endif
