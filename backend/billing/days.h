/* The use of each calendar day of a period. Internal to billing. */
#ifndef SM_BILLING_DAYS_H
#define SM_BILLING_DAYS_H

#include "billing/calendar.h"
#include "billing/measure.h"

/* Adds the days from day `first` of the calendar on, to the one that until_ms lies in or ends, each
 * with its use; the last one's is that until until_ms. SM_ERR_NOMEM, SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_days_add(const sm_measures *measures, const sm_calendar *calendar,
                                 size_t first, int64_t until_ms, sm_bill *bill);

#endif
