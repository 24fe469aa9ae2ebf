/* What the parts of pricing share: one segment being priced. Internal to billing/price*.c. */
#ifndef SM_BILLING_PRICING_H
#define SM_BILLING_PRICING_H

#include "billing/line.h"
#include "billing/price.h"

typedef struct sm_pricing {
  const sm_price_input *in;
  const sm_price_segment *segment;
  const sm_tariff *tariff;
  sm_bill *bill;
  unsigned digits;    /* of the currency */
  int64_t unit_micro; /* micro units in a minor unit */
  int32_t bill_days;  /* of all segments */
  int64_t month_wh;   /* use of all segments: what `whole_use` looks at */
  size_t first_line;
} sm_pricing;

/* Each adds the segment's lines of a kind. SM_ERR_NOMEM, SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_price_energy(sm_pricing *p);
SM_MUST_CHECK sm_err sm_price_time_of_day(sm_pricing *p);
SM_MUST_CHECK sm_err sm_price_demand(sm_pricing *p);
SM_MUST_CHECK sm_err sm_price_fixed(sm_pricing *p);
SM_MUST_CHECK sm_err sm_price_minimum(sm_pricing *p);
SM_MUST_CHECK sm_err sm_price_true_up(sm_pricing *p, const sm_billing_true_up *true_up);

/* The sum of the rounded lines of some kinds in this segment. */
SM_MUST_CHECK sm_err sm_price_sum(const sm_pricing *p, sm_line_set kinds, int64_t *sum_minor);
/* From where to where on the slabs this segment's use lies; gives its sign. */
int64_t sm_price_range(const sm_pricing *p, int64_t *low_wh, int64_t *high_wh);
/* Use that is priced: never below nothing, however the meters' signs fall. */
int64_t sm_price_floor(int64_t wh);

#endif
