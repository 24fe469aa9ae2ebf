/* Parts a whole number exactly: money among flats, to the minor unit. Pure; any number of threads.
 */
#ifndef SM_BILLING_SHARE_H
#define SM_BILLING_SHARE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Each part is the whole × its weight / the sum of the weights, rounded down; what is left over
 * goes one unit each to those with the largest remainders, of equal ones to the first. The parts
 * add up to the whole, and no part is a unit or more from its exact share. SM_ERR_INVALID: a whole
 * or weight below 0, or no weight above it; SM_ERR_OVERFLOW: the weights' sum; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_share(int64_t whole, const int64_t *weight, size_t count, int64_t *part);

#endif
