/* Late fees: what an invoice that is overdue costs each month. A month overdue begins on the day
 * due, moved by the days of grace and by each day on which a dispute of the invoice was open, and
 * then on the same day of each month.
 *
 * Threads and errors as for invoicing.h. */
#ifndef SM_INVOICING_FEES_H
#define SM_INVOICING_FEES_H

#include "invoicing/invoicing.h"
#include "store/ledger_money.h"

/* The first day of the `part`-th overdue month (1, 2, …) of an invoice: a day that the month does
 * not have is its last one. */
sm_date sm_fee_day(sm_date due, int32_t grace_days, int64_t frozen_days, int32_t part);

/* Per cent of what is owed, rounded half away from zero, and the flat part. SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_fee_amount(int64_t owed_minor, int64_t percent_micro, int64_t flat_minor,
                                   int64_t *fee_minor);

/* The days from `due` on, up to the day before `until`, on which one of the disputes (by their
 * opening) was open. */
int64_t sm_fee_frozen_days(const sm_zone *zone, sm_date due, sm_date until,
                           const sm_dispute *dispute, size_t count);

/* Posts the fees that have come due and are not there yet, by the settings: never two for a month
 * of an invoice, none while it is disputed, none for the time before late fees were switched on.
 * Killed at any moment and run again, each is there once. *posted counts them. */
SM_MUST_CHECK sm_err sm_invoicing_late_fees(const sm_invoicing *invoicing, sm_actor actor,
                                            int64_t now_ms, uint64_t *posted);

#endif
