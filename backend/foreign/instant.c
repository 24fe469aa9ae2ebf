#include "foreign/instant.h"

#include "base/clock.h"

#include <string.h>

enum { TEXT_MAX = 64 };

static const int64_t day_ms = 86400000;
static const int64_t early_ms = 5 * 60000;
static const int64_t late_ms = 30 * 60000;

/* Of local time there are at most two instants: with the offset before a change, and behind it. */
static size_t candidates(const sm_zone *zone, int64_t local_ms, int64_t out[2]) {
  size_t count = 0;
  for (int side = -1; side <= 1; side += 2) {
    int32_t offset_s = sm_zone_offset_s(zone, local_ms + side * day_ms);
    int64_t at_ms = local_ms - (int64_t)offset_s * 1000;
    if (sm_zone_offset_s(zone, at_ms) != offset_s || (count == 1 && out[0] == at_ms)) continue;
    out[count++] = at_ms;
  }
  return count;
}

const char *sm_foreign_instant(const char *text, size_t len, const sm_zone *zone, int64_t now_ms,
                               int64_t *instant_ms) {
  static const char no_time[] =
      "the time must be a date and time such as 2026-01-29T09:45:00, with or without an offset";
  if (sm_rfc3339_parse(text, len, instant_ms) == SM_OK) return NULL;
  char utc[TEXT_MAX + 2];
  if (len == 0 || len > TEXT_MAX) return no_time;
  memcpy(utc, text, len);
  utc[len] = 'Z';
  int64_t local_ms;
  if (sm_rfc3339_parse(utc, len + 1, &local_ms) != SM_OK) return no_time;
  if (zone == NULL)
    return "the time has no offset: have the device send it, or give the mapping a zone";
  int64_t at_ms[2];
  size_t count = candidates(zone, local_ms, at_ms);
  if (count == 0) return "that time is not on the clock of its zone, which was put forward over it";
  if (count == 2) {
    size_t i = 0;
    while (i < 2 && (now_ms < at_ms[i] - early_ms || now_ms > at_ms[i] + late_ms)) i++;
    if (i == 2)
      return "that time stands twice on the clock of its zone, and it does not come when it was "
             "measured: have the device send times with an offset, or of UTC";
    at_ms[0] = at_ms[i];
  }
  *instant_ms = at_ms[0];
  return NULL;
}
