#include "billing/share.h"

#include "base/checked.h"

#include <stdlib.h>

typedef struct rest {
  int64_t remainder;
  size_t at;
} rest;

static int largest_first(const void *left, const void *right) {
  const rest *a = left;
  const rest *b = right;
  if (a->remainder != b->remainder) return a->remainder < b->remainder ? 1 : -1;
  return (a->at > b->at) - (a->at < b->at);
}

static sm_err sum_of(const int64_t *weight, size_t count, int64_t *sum) {
  *sum = 0;
  for (size_t i = 0; i < count; i++) {
    if (weight[i] < 0) return SM_ERR_INVALID;
    sm_err err = sm_add_i64(*sum, weight[i], sum);
    if (err != SM_OK) return err;
  }
  return *sum > 0 ? SM_OK : SM_ERR_INVALID;
}

sm_err sm_share(int64_t whole, const int64_t *weight, size_t count, int64_t *part) {
  int64_t sum;
  if (whole < 0) return SM_ERR_INVALID;
  sm_err err = sum_of(weight, count, &sum);
  if (err != SM_OK) return err;
  rest *order = calloc(count, sizeof *order);
  if (order == NULL) return SM_ERR_NOMEM;
  int64_t left = whole;
  for (size_t i = 0; i < count; i++) {
    sm_i128 product = (sm_i128)whole * weight[i];
    part[i] = (int64_t)(product / sum);
    order[i] = (rest){.remainder = (int64_t)(product % sum), .at = i};
    left -= part[i];
  }
  qsort(order, count, sizeof *order, largest_first);
  /* less than one unit a part was rounded off, so this ends before the list does */
  for (size_t i = 0; left > 0; i++, left--) part[order[i].at]++;
  free(order);
  return SM_OK;
}
