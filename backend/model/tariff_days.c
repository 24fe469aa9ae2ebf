/* The days of a tariff's time-of-day windows, and whether two windows would hold at once. */
#include "base/clock.h"
#include "model/tariff.h"

#include <string.h>

enum { SLOTS_A_DAY = 96, SLOTS_A_WEEK = 7 * SLOTS_A_DAY };

static bool is_holiday(const sm_tariff *tariff, sm_date date) {
  size_t low = 0;
  size_t high = tariff->holiday_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = sm_date_compare(tariff->holiday[middle], date);
    if (order == 0) return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

uint8_t sm_tariff_day_bit(const sm_tariff *tariff, sm_date date) {
  if (is_holiday(tariff, date)) return SM_TOD_HOLIDAY;
  int64_t day = sm_days_from_civil(date.year, date.month, date.day) + 3; /* 1970: a Thursday */
  return (uint8_t)(SM_TOD_MONDAY << ((day % 7 + 7) % 7));
}

/* Marks the quarter hours of a window that begins on day `day` of a ring of `slots`; false if one
 * is taken. */
static bool mark(const sm_tod_window *window, int day, uint8_t *taken, int slots) {
  int length = window->to_minute - window->from_minute;
  if (length <= 0) length += 1440;
  for (int slot = 0; slot < length / 15; slot++) {
    int at = (day * SLOTS_A_DAY + window->from_minute / 15 + slot) % slots;
    if (taken[at]) return false;
    taken[at] = 1;
  }
  return true;
}

/* In a week without holidays; Sunday's windows run into Monday. */
static bool overlaps_in_week(const sm_tariff *tariff, size_t *window) {
  uint8_t taken[SLOTS_A_WEEK] = {0};
  for (size_t i = 0; i < tariff->window_count; i++)
    for (int day = 0; day < 7; day++) {
      if ((tariff->window[i].days & (SM_TOD_MONDAY << day)) == 0) continue;
      if (mark(&tariff->window[i], day, taken, SLOTS_A_WEEK)) continue;
      *window = i;
      return true;
    }
  return false;
}

/* On a holiday, with what runs into it from the day before and from it into the day after. */
static bool overlaps_on(const sm_tariff *tariff, sm_date holiday, size_t *window) {
  enum { DAYS = 3, SLOTS = (DAYS + 1) * SLOTS_A_DAY };
  uint8_t taken[SLOTS] = {0};
  uint8_t bit[DAYS];
  for (int day = 0; day < DAYS; day++)
    bit[day] = sm_tariff_day_bit(tariff, sm_date_add_days(holiday, day - 1));
  for (size_t i = 0; i < tariff->window_count; i++)
    for (int day = 0; day < DAYS; day++) {
      if ((tariff->window[i].days & bit[day]) == 0) continue;
      if (mark(&tariff->window[i], day, taken, SLOTS)) continue;
      *window = i;
      return true;
    }
  return false;
}

bool sm_tariff_find_overlap(const sm_tariff *tariff, size_t *window, sm_date *holiday) {
  *holiday = (sm_date){0};
  if (overlaps_in_week(tariff, window)) return true;
  for (size_t i = 0; i < tariff->holiday_count; i++) {
    if (!overlaps_on(tariff, tariff->holiday[i], window)) continue;
    *holiday = tariff->holiday[i];
    return true;
  }
  return false;
}
