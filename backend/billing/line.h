/* One line of a bill in the making. Internal to billing. */
#ifndef SM_BILLING_LINE_H
#define SM_BILLING_LINE_H

#include "model/bill.h"

typedef struct sm_line_draft {
  sm_line_kind kind;
  const char *name;
  int64_t quantity; /* scaled by 10^places */
  unsigned places;
  unsigned min_places;
  const char *unit;
  int64_t rate_micro;
  int64_t amount_minor;
  sm_line_source source;
} sm_line_draft;

/* Adds the line to the bill, unless its amount is 0 and it is not a fixed one. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_line_add(sm_bill *bill, const sm_line_draft *draft);

#endif
