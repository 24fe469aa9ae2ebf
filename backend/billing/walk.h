/* The use of meters asked at instants that never go back: each answer goes on from the one before,
 * so that thousands of them take one walk over the readings. The answers are those of
 * sm_course_total and sm_measures_use. Internal to billing. */
#ifndef SM_BILLING_WALK_H
#define SM_BILLING_WALK_H

#include "billing/measure.h"

/* One meter, whatever its service. Borrows the measure. */
typedef struct sm_walk {
  const sm_course *course;
  int64_t multiplier_milli;
  size_t stretch;
  size_t point;       /* of the stretch: at or before the last instant, if any is */
  int64_t opening_wh; /* of the stretch, × multiplier */
  int64_t done_wh;    /* of the stretches before */
  int64_t last_ms;    /* what was asked for last, and the answer */
  int64_t last_wh;
} sm_walk;

SM_MUST_CHECK sm_err sm_walk_init(sm_walk *walk, const sm_measure *measure);
/* As sm_course_total; at_ms not before that of the last call. */
SM_MUST_CHECK sm_err sm_walk_total(sm_walk *walk, int64_t at_ms, int64_t *wh);

/* All meters of an account, each in its service. */
typedef struct sm_account_walk {
  const sm_measures *measures;
  sm_walk *walk;
  int64_t *opening_wh; /* total at the begin of the service */
  size_t count;
} sm_account_walk;

/* fini with sm_account_walk_fini, also after an error. */
SM_MUST_CHECK sm_err sm_account_walk_init(sm_account_walk *walk, const sm_measures *measures);
void sm_account_walk_fini(sm_account_walk *walk);
/* As sm_measures_use; until_ms not before that of the last call. */
SM_MUST_CHECK sm_err sm_account_walk_use(sm_account_walk *walk, int64_t until_ms, int64_t *wh);

#endif
