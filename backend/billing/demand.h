/* The highest demand of a segment: the highest average power over windows of the clock, from
 * register differences. Internal to billing.
 *
 * A window lies between two neighbouring instants at which the local clock shows a multiple of its
 * length, and is exactly so long: what a change of the clock makes shorter or longer is none. It
 * counts if every meter that serves in it serves all of it, and was read without a gap of more than
 * 5 minutes and without an event from before its begin to behind its end; at least one must serve.
 * Its use is the sum over the meters, × sign × multiplier, between the registers at its edges. */
#ifndef SM_BILLING_DEMAND_H
#define SM_BILLING_DEMAND_H

#include "billing/calendar.h"
#include "billing/measure.h"

enum { SM_DEMAND_GAP_MS = 300000 };

typedef struct sm_demand_found {
  bool measured; /* a window counted */
  int64_t kw_centi;
  int64_t from_ms; /* the first window that it was reached in */
  int64_t to_ms;
  int64_t skipped; /* windows that did not count */
} sm_demand_found;

/* Over the windows of days [first, end) of the calendar that end at until_ms at the latest. The
 * highest average in kW, to the nearest 0.01 half away from zero, not below 0. SM_ERR_NOMEM,
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_demand_measure(const sm_measures *measures, const sm_calendar *calendar,
                                       int window_minutes, size_t first, size_t end,
                                       int64_t until_ms, sm_demand_found *found);

#endif
