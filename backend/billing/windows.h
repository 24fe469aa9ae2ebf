/* What was used in the time-of-day windows of a tariff, measured from the registers at their edges.
 * Internal to billing.
 *
 * A window holds from the first instant of a day at which the clock shows its begin to the first at
 * which it shows its end (sm_calendar_at); where one follows itself without a pause it has no edge
 * in between. Use in a gap of more than an hour between two good readings that crosses an edge of a
 * window is untimed: the part that an even use would put into the window is kept apart. */
#ifndef SM_BILLING_WINDOWS_H
#define SM_BILLING_WINDOWS_H

#include "billing/calendar.h"
#include "billing/measure.h"

typedef struct sm_window_use {
  int64_t use_wh;
  int64_t untimed_wh;
} sm_window_use;

/* Measures days [first, end) of the calendar, until until_ms at most. The calendar has a day more
 * before and after them (asserted). `use` has room for the tariff's windows. SM_ERR_NOMEM,
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_windows_measure(const sm_measures *measures, const sm_calendar *calendar,
                                        const sm_tariff *tariff, size_t first, size_t end,
                                        int64_t until_ms, sm_window_use *use);

/* A time that a window holds, as one meter measured it: registers × multiplier from its first good
 * reading on, before the sign. */
typedef struct sm_window_time {
  const sm_billing_meter *meter;
  size_t window;
  int64_t from_ms;
  int64_t to_ms;
  int64_t opening_wh;
  int64_t closing_wh;
  int64_t untimed_wh; /* what of their difference is not the window's */
} sm_window_time;
typedef void sm_window_time_fn(void *context, const sm_window_time *time);

/* The same, which shows all that it adds up. */
SM_MUST_CHECK sm_err sm_windows_measure_seen(const sm_measures *measures,
                                             const sm_calendar *calendar, const sm_tariff *tariff,
                                             size_t first, size_t end, int64_t until_ms,
                                             sm_window_time_fn *see, void *context,
                                             sm_window_use *use);

#endif
