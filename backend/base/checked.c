#include "base/checked.h"

#include <assert.h>

sm_err sm_add_i64(int64_t a, int64_t b, int64_t *sum) {
  int64_t out;
  if (__builtin_add_overflow(a, b, &out)) return SM_ERR_OVERFLOW;
  *sum = out;
  return SM_OK;
}

sm_err sm_sub_i64(int64_t a, int64_t b, int64_t *difference) {
  int64_t out;
  if (__builtin_sub_overflow(a, b, &out)) return SM_ERR_OVERFLOW;
  *difference = out;
  return SM_OK;
}

sm_err sm_mul_i64(int64_t a, int64_t b, int64_t *product) {
  int64_t out;
  if (__builtin_mul_overflow(a, b, &out)) return SM_ERR_OVERFLOW;
  *product = out;
  return SM_OK;
}

/* What fits 64 bits is divided several times faster there. The quotient of a divisor other than -1
 * has room for the one that rounding adds. */
static int64_t div_round_i64(int64_t value, int64_t divisor) {
  int64_t quotient = value / divisor;
  int64_t rest = value % divisor;
  uint64_t rest_abs = rest < 0 ? 0 - (uint64_t)rest : (uint64_t)rest;
  uint64_t divisor_abs = divisor < 0 ? 0 - (uint64_t)divisor : (uint64_t)divisor;
  if (rest_abs >= divisor_abs - rest_abs) quotient += ((value < 0) == (divisor < 0)) ? 1 : -1;
  return quotient;
}

sm_err sm_div_round_wide(sm_i128 value, sm_i128 divisor, int64_t *result) {
  assert(divisor != 0);
  sm_i128 quotient = value / divisor;
  sm_i128 rest = value % divisor;
  sm_i128 rest_abs = rest < 0 ? -rest : rest;
  sm_i128 divisor_abs = divisor < 0 ? -divisor : divisor;
  if (rest_abs >= divisor_abs - rest_abs) quotient += ((value < 0) == (divisor < 0)) ? 1 : -1;
  if (quotient > INT64_MAX || quotient < INT64_MIN) return SM_ERR_OVERFLOW;
  *result = (int64_t)quotient;
  return SM_OK;
}

sm_err sm_div_round_i128(sm_i128 value, int64_t divisor, int64_t *result) {
  assert(divisor != 0);
  if (value >= INT64_MIN && value <= INT64_MAX && divisor != -1) {
    *result = div_round_i64((int64_t)value, divisor);
    return SM_OK;
  }
  return sm_div_round_wide(value, divisor, result);
}

sm_err sm_mul_div_round(int64_t a, int64_t b, int64_t divisor, int64_t *result) {
  return sm_div_round_i128((sm_i128)a * b, divisor, result);
}
