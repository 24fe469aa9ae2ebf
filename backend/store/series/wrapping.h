/* Sums, differences and products that wrap in 64 bits: what is packed may hold any pair of values,
 * damaged ones too, and taking a difference back gives the value again. */
#ifndef SM_STORE_SERIES_WRAPPING_H
#define SM_STORE_SERIES_WRAPPING_H

#include <stdint.h>

static inline int64_t sm_wrapping_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static inline int64_t sm_wrapping_sub(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a - (uint64_t)b);
}
static inline int64_t sm_wrapping_mul(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}

#endif
