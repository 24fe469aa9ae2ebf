/* Instants as other devices write them: a date and time with an offset, or without one, of a zone
 * that somebody has said. Pure; any thread. */
#ifndef SM_FOREIGN_INSTANT_H
#define SM_FOREIGN_INSTANT_H

#include "base/err.h"
#include "base/zone.h"

#include <stddef.h>
#include <stdint.h>

/* Reads all of text. Without an offset it is on the clock of `zone` (NULL: refused). When that
 * clock is put back an hour stands on it twice: it is the one in which `now_ms` lies, from 5
 * minutes before the time to 30 after it; a device that sends what it measures leaves no doubt
 * there, and for any other it is refused. NULL: good; else what is wrong and what would be right, a
 * static sentence. */
const char *sm_foreign_instant(const char *text, size_t len, const sm_zone *zone, int64_t now_ms,
                               int64_t *instant_ms);

#endif
