/* A time zone of the IANA database, and where its days and months begin. The zone data is the
 * system's; the reading of it is GLib's GTimeZone, the one immutable, thread-safe zone in Debian's
 * C libraries (libc's own is one per process). A day begins at the first instant that has its date,
 * also where midnight is skipped. */
#ifndef SM_BASE_ZONE_H
#define SM_BASE_ZONE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_zone sm_zone; /* immutable; any number of threads */

typedef struct sm_date {
  int year;  /* 1..9999 */
  int month; /* 1..12 */
  int day;   /* 1..31 */
} sm_date;

/* SM_ERR_NOT_FOUND if there is no such zone. The caller frees it. */
SM_MUST_CHECK sm_err sm_zone_new(const char *iana_name, sm_zone **zone);
void sm_zone_free(sm_zone *zone);
const char *sm_zone_name(const sm_zone *zone);

/* Seconds east of UTC at an instant. */
int32_t sm_zone_offset_s(const sm_zone *zone, int64_t instant_ms);
/* Whether the clock is certain not to change from one instant to another: its offset is the same
 * all the time. */
bool sm_zone_is_steady(const sm_zone *zone, int64_t from_ms, int64_t to_ms);
/* The date on the zone's calendar at an instant. */
sm_date sm_zone_date(const sm_zone *zone, int64_t instant_ms);
/* The zone's clock at an instant as minutes after local midnight, 0..1439. */
int sm_zone_minute_of_day(const sm_zone *zone, int64_t instant_ms);
/* The first instant (ms) of a date or a month. */
int64_t sm_zone_day_start_ms(const sm_zone *zone, sm_date date);
int64_t sm_zone_month_start_ms(const sm_zone *zone, int year, int month);

/* Calendar arithmetic: the date n days on; days from a to b; -1, 0, 1 as a is before, at, after b.
 */
sm_date sm_date_add_days(sm_date date, int64_t n);
int64_t sm_date_days_between(sm_date a, sm_date b);
int sm_date_compare(sm_date a, sm_date b);
/* The first of the month n months on. */
sm_date sm_date_add_months(sm_date date, int n);

/* "2026-01-31" (all of it, a real date, years 2000-2199) and "2026-01"; SM_ERR_SYNTAX otherwise. */
SM_MUST_CHECK sm_err sm_date_parse(const char *text, sm_date *date);
SM_MUST_CHECK sm_err sm_month_parse(const char *text, int *year, int *month);
enum { SM_DATE_MAX = 16 };
char *sm_date_format(sm_date date, char out[SM_DATE_MAX]);
/* RFC 3339 with the zone's offset at that instant. */
char *sm_zone_format(const sm_zone *zone, int64_t instant_ms, char out[40]);

/* The same of many instants near each other: what a whole day has in common is kept from one to the
 * next. Zeroed but for the zone at first; one thread. */
typedef struct sm_zone_stamp {
  const sm_zone *zone;
  int64_t from_ms; /* a day on which the clock does not change; from_ms == to_ms: none yet */
  int64_t to_ms;
  char text[40]; /* its first instant */
} sm_zone_stamp;
enum { SM_ZONE_STAMP_MAX = 40 };
/* Writes what sm_zone_format gives, without a NUL, where there is room for SM_ZONE_STAMP_MAX; gives
 * the place behind. */
char *sm_zone_stamp_put(sm_zone_stamp *stamp, int64_t instant_ms, char *at);

#endif
