/* What the running month will come to, told from its days so far. Internal to billing. */
#ifndef SM_BILLING_PROJECTION_H
#define SM_BILLING_PROJECTION_H

#include "billing/measure.h"
#include "billing/price.h"

typedef struct sm_projection_input {
  const sm_measures *measures; /* clipped to the period */
  const sm_calendar *calendar; /* day 1 is the period's first */
  const sm_price_input *price; /* the bill so far; its segments reach to the period's end */
  int64_t from_ms;             /* since when the period is measured */
  int64_t last_ms;             /* the last reading */
  int64_t to_ms;               /* the period's end */
} sm_projection_input;

/* Sets the bill's projection. The use so far goes on by its average over the time measured (at
 * least an hour); each time-of-day window takes of what comes the part that it has of the use so
 * far; the highest demand so far stands, also for a segment that has none of its own yet. The range
 * is that average less and plus the average distance of the full days so far from their own
 * average; with fewer than two full days, less and plus a half of it. SM_ERR_NOMEM,
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_projection_make(const sm_projection_input *input, sm_bill *bill);

#endif
