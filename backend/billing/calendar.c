#include "billing/calendar.h"

#include <assert.h>

enum { DAY_MS = 86400000, MINUTE_MS = 60000 };

/* Whether a day is 24 hours from 00:00 on. */
static bool is_plain(const sm_zone *zone, int64_t start_ms, int64_t end_ms) {
  return end_ms - start_ms == DAY_MS && sm_zone_is_steady(zone, start_ms, end_ms - 1) &&
         sm_zone_minute_of_day(zone, start_ms) == 0;
}

/* Without a change of the clock in all those days one look is enough. */
static bool init_steady(sm_calendar *c) {
  int64_t first_ms = sm_zone_day_start_ms(c->zone, c->first);
  int64_t end_ms = first_ms + (int64_t)c->count * DAY_MS;
  if (!sm_zone_is_steady(c->zone, first_ms, end_ms) ||
      sm_zone_minute_of_day(c->zone, first_ms) != 0)
    return false;
  for (size_t i = 0; i <= c->count; i++) c->start_ms[i] = first_ms + (int64_t)i * DAY_MS;
  for (size_t i = 0; i < c->count; i++) c->plain[i] = true;
  return true;
}

void sm_calendar_init(sm_calendar *calendar, const sm_zone *zone, sm_date first, size_t count) {
  assert(count <= SM_CALENDAR_DAYS_MAX);
  sm_calendar *c = calendar;
  c->zone = zone;
  c->first = first;
  c->count = count;
  if (init_steady(c)) return;
  for (size_t i = 0; i <= count; i++)
    c->start_ms[i] = sm_zone_day_start_ms(zone, sm_date_add_days(first, (int64_t)i));
  for (size_t i = 0; i < count; i++)
    c->plain[i] = is_plain(zone, c->start_ms[i], c->start_ms[i + 1]);
}

size_t sm_calendar_index(const sm_calendar *calendar, sm_date date) {
  int64_t day = sm_date_days_between(calendar->first, date);
  assert(day >= 0 && (size_t)day <= calendar->count);
  return (size_t)day;
}

sm_date sm_calendar_date(const sm_calendar *calendar, size_t day) {
  return sm_date_add_days(calendar->first, (int64_t)day);
}

static int64_t search(const sm_zone *zone, int64_t start_ms, int64_t end_ms, int minute) {
  int64_t at_ms = start_ms;
  while (at_ms < end_ms && sm_zone_minute_of_day(zone, at_ms) < minute)
    at_ms += SM_CALENDAR_QUARTER_MS;
  return at_ms < end_ms ? at_ms : end_ms;
}

int64_t sm_calendar_at(const sm_calendar *calendar, size_t day, int minute) {
  assert(day < calendar->count);
  int64_t start_ms = calendar->start_ms[day];
  if (calendar->plain[day]) return start_ms + (int64_t)minute * MINUTE_MS;
  return search(calendar->zone, start_ms, calendar->start_ms[day + 1], minute);
}

int64_t sm_calendar_find(const sm_zone *zone, sm_date date, int minute) {
  int64_t start_ms = sm_zone_day_start_ms(zone, date);
  int64_t end_ms = sm_zone_day_start_ms(zone, sm_date_add_days(date, 1));
  if (is_plain(zone, start_ms, end_ms)) return start_ms + (int64_t)minute * MINUTE_MS;
  return search(zone, start_ms, end_ms, minute);
}
