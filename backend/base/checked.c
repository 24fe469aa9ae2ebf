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

sm_err sm_div_round_i128(sm_i128 value, int64_t divisor, int64_t *result) {
  assert(divisor != 0);
  sm_i128 wide = divisor;
  sm_i128 quotient = value / wide;
  sm_i128 rest = value % wide;
  sm_i128 rest_abs = rest < 0 ? -rest : rest;
  sm_i128 divisor_abs = wide < 0 ? -wide : wide;
  if (rest_abs * 2 >= divisor_abs) quotient += ((value < 0) == (wide < 0)) ? 1 : -1;
  if (quotient > INT64_MAX || quotient < INT64_MIN) return SM_ERR_OVERFLOW;
  *result = (int64_t)quotient;
  return SM_OK;
}

/* What fits 64 bits, as nearly all does, is divided several times as fast there. */
sm_err sm_mul_div_round(int64_t a, int64_t b, int64_t divisor, int64_t *result) {
  int64_t product;
  if (divisor > 0 && !__builtin_mul_overflow(a, b, &product)) {
    int64_t rest = product % divisor;
    int64_t rest_abs = rest < 0 ? -rest : rest;
    int64_t away = rest_abs >= divisor - rest_abs ? 1 : 0;
    *result = product / divisor + (product < 0 ? -away : away);
    return SM_OK;
  }
  return sm_div_round_i128((sm_i128)a * b, divisor, result);
}
