/* The smaller and the larger of two whole numbers (the earlier and the later of two instants). */
#ifndef SM_BASE_ORDER_H
#define SM_BASE_ORDER_H

#include <stdint.h>

static inline int64_t sm_min_i64(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static inline int64_t sm_max_i64(int64_t a, int64_t b) {
  return a > b ? a : b;
}

#endif
