/* What meters used between two instants, by the rules of a bill's registers, without a bill: for
 * periods that are no month. Pure, as billing.h. */
#ifndef SM_BILLING_USE_H
#define SM_BILLING_USE_H

#include "billing/billing.h"

/* *wh: the sum over the meters in their service inside [from, to), × multiplier and sign; it may be
 * below 0. *estimated: of some meter there is no reading at or before the begin of its service or
 * at or after its end, or an end lies in a gap of more than an hour, or an event hides use. Errors
 * as sm_billing_compute's. */
SM_MUST_CHECK sm_err sm_billing_use(const sm_billing_meter *meter, size_t count, int64_t from_ms,
                                    int64_t to_ms, int64_t *wh, bool *estimated);

#endif
