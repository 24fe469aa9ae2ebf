/* Doctor, for engines that keep rows of 15 minutes beside the raw readings they are made of: each
 * one that raw readings are there for must be what they give. */
#ifndef SM_STORE_SERIES_QUARTER_CHECK_H
#define SM_STORE_SERIES_QUARTER_CHECK_H

#include "store/readings.h"
#include "store/series/series.h"

typedef struct sm_quarter_check {
  sm_readings_finding_fn finding;
  void *context; /* the finding's */
  sm_readings_check_result result;
} sm_quarter_check;

/* Tells of something, and counts it. */
void sm_quarter_check_find(sm_quarter_check *c, const char *kind, int64_t key,
                           const char *device_id, const char *detail);
/* Compares one series' raw readings and rows, and counts them. Rows without raw readings stand for
 * themselves. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_quarter_check_series(sm_quarter_check *c, const char *device_id,
                                             const sm_run *raw, const sm_quarter_list *rows);

#endif
