/* Checked integer arithmetic for money and energy: an overflow is an error, never a wrap. Every
 * division that rounds does so half away from zero, the one rule of a bill. */
#ifndef SM_BASE_CHECKED_H
#define SM_BASE_CHECKED_H

#include "base/err.h"

#include <stdint.h>

__extension__ typedef __int128 sm_i128;

/* SM_ERR_OVERFLOW when the sum or product does not fit. */
SM_MUST_CHECK sm_err sm_add_i64(int64_t a, int64_t b, int64_t *sum);
SM_MUST_CHECK sm_err sm_sub_i64(int64_t a, int64_t b, int64_t *difference);
SM_MUST_CHECK sm_err sm_mul_i64(int64_t a, int64_t b, int64_t *product);

/* a × b / divisor in 128 bits, rounded half away from zero. divisor must not be 0 (asserted).
 * SM_ERR_OVERFLOW when the result does not fit. */
SM_MUST_CHECK sm_err sm_mul_div_round(int64_t a, int64_t b, int64_t divisor, int64_t *result);

/* value / divisor for a 128-bit value, rounded half away from zero; the same errors. */
SM_MUST_CHECK sm_err sm_div_round_i128(sm_i128 value, int64_t divisor, int64_t *result);
/* The same for a divisor of 128 bits. */
SM_MUST_CHECK sm_err sm_div_round_wide(sm_i128 value, sm_i128 divisor, int64_t *result);

#endif
