/* The local days of a period as instants, looked up once: where each begins, and when its clock
 * shows a time. Internal to billing. */
#ifndef SM_BILLING_CALENDAR_H
#define SM_BILLING_CALENDAR_H

#include "base/err.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_CALENDAR_DAYS_MAX = 40, SM_CALENDAR_QUARTER_MS = 900000 };

typedef struct sm_calendar {
  const sm_zone *zone; /* borrowed */
  sm_date first;
  size_t count;
  /* where day i begins; that of day `count` is where the last one ends */
  int64_t start_ms[SM_CALENDAR_DAYS_MAX + 1];
  bool plain[SM_CALENDAR_DAYS_MAX]; /* 24 hours from 00:00 on, no change of the clock */
} sm_calendar;

/* The `count` days (at most SM_CALENDAR_DAYS_MAX, asserted) from `first` on. */
void sm_calendar_init(sm_calendar *calendar, const sm_zone *zone, sm_date first, size_t count);

/* Which day a date is; it must be one of them (asserted). */
size_t sm_calendar_index(const sm_calendar *calendar, sm_date date);
sm_date sm_calendar_date(const sm_calendar *calendar, size_t day);

/* The first instant of day i at which its clock shows `minute` (a multiple of 15, 0..1440) or
 * more: of an hour that comes twice the first, of one that is skipped the end; never beyond the
 * day's end. Looked for by quarter hours from the day's begin on. */
int64_t sm_calendar_at(const sm_calendar *calendar, size_t day, int minute);
/* The same for any date, without a calendar. */
int64_t sm_calendar_find(const sm_zone *zone, sm_date date, int minute);

#endif
