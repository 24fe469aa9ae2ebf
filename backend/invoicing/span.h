/* What meters used in any span of time, from the stores. Internal to invoicing. */
#ifndef SM_INVOICING_SPAN_H
#define SM_INVOICING_SPAN_H

#include "invoicing/invoicing.h"

typedef struct sm_span {
  const sm_account_meter *meter;
  size_t meter_count;
  int64_t from_ms;
  int64_t to_ms;
} sm_span;

/* As sm_billing_use, with the edits that hold. */
SM_MUST_CHECK sm_err sm_span_use(const sm_invoicing *invoicing, const sm_span *span, int64_t *wh,
                                 bool *estimated);
/* Of one meter. What was not edited is read without the points that the ends don't need. */
SM_MUST_CHECK sm_err sm_span_use_of(const sm_invoicing *invoicing, const sm_account_meter *meter,
                                    int64_t from_ms, int64_t to_ms, int64_t *wh, bool *estimated);

#endif
