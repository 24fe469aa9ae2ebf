/* What of the registers a bill shows: the stretches, the events, and why it is estimated. Internal
 * to billing. */
#ifndef SM_BILLING_RECORD_H
#define SM_BILLING_RECORD_H

#include "billing/measure.h"
#include "model/bill.h"

typedef struct sm_record_input {
  const sm_measures *measures; /* clipped to the period */
  const sm_zone *zone;
  int64_t from_ms; /* the period */
  int64_t to_ms;
  bool running;
  bool measured;    /* some meter of the account had begun before the period's end */
  int64_t begin_ms; /* if measured: when */
  const int64_t *cut_ms;
  size_t cut_count;           /* tariff changes inside the period */
  int64_t average_wh_per_day; /* what an extended course goes on by */
} sm_record_input;

/* Adds registers, events, edits and reasons to the bill, and sets opening, closing, estimated,
 * settled and suspects. SM_ERR_NOMEM, SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_record_meters(const sm_record_input *input, sm_bill *bill);

/* Adds a reason with its sentence; the bill is estimated from then on. */
SM_MUST_CHECK sm_err sm_record_reason(sm_bill *bill, sm_reason_code code, const char *device_id,
                                      int64_t at_ms, const char *format, ...) SM_PRINTF(5, 6);

#endif
