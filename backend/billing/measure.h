/* The meters of one account through one period: each with its judged register and the part of the
 * period that it served in. What the account used until any instant is asked here. Internal to
 * billing. */
#ifndef SM_BILLING_MEASURE_H
#define SM_BILLING_MEASURE_H

#include "billing/billing.h"
#include "billing/register.h"

typedef struct sm_measure {
  const sm_billing_meter *meter; /* borrowed */
  sm_course course;
  int64_t from_ms; /* of the meter's service inside the period; from >= to: none */
  int64_t to_ms;
  bool extended; /* the course's last point is no reading: sm_measures_extend */
} sm_measure;

typedef struct sm_measures {
  sm_measure *item;
  size_t count;
} sm_measures;

/* Judges all meters. Their service is not cut to a period until sm_measures_clip.
 * SM_ERR_INVALID, SM_ERR_OVERFLOW, SM_ERR_NOMEM as sm_course_init; SM_ERR_INVALID also for a sign
 * or multiplier that is none. fini with sm_measures_fini. */
SM_MUST_CHECK sm_err sm_measures_init(sm_measures *measures, const sm_billing_meter *meter,
                                      size_t count);
void sm_measures_fini(sm_measures *measures);

/* Since when the account is measured: the first instant at which a meter both serves it and has a
 * good reading. false: never. */
bool sm_measures_begin(const sm_measures *measures, int64_t *begin_ms);

/* Cuts every meter's service to the period. */
void sm_measures_clip(sm_measures *measures, int64_t from_ms, int64_t to_ms);

/* If one meter alone serves at the period's end to_ms, and its last good reading is before that,
 * its register goes on from there by so many Wh a day, × its multiplier. With several meters each
 * stands still: nobody knows which of them the average would be of. After sm_measures_clip.
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_measures_extend(sm_measures *measures, int64_t to_ms,
                                        int64_t average_wh_per_day);

/* The last good reading of a meter that has one. */
int64_t sm_measure_last_ms(const sm_measure *measure);

/* Until when use is known in the period: the last good reading of any meter in its service, or the
 * end of a service that a reading follows; false: there is none. */
bool sm_measures_last(const sm_measures *measures, int64_t *last_ms);

/* Whether a meter has something to show in the period: it serves in it, and its register is known
 * before the service ends. */
bool sm_measure_shows(const sm_measure *measure);

/* What the account used from the period's begin until an instant, with signs and multipliers.
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_measures_use(const sm_measures *measures, int64_t until_ms, int64_t *wh);

#endif
