/* The wall clock and RFC 3339 text. Instants are int64 milliseconds since 1970-01-01T00:00:00Z. */
#ifndef SM_BASE_CLOCK_H
#define SM_BASE_CLOCK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_RFC3339_MAX = 40 };

/* Now, UTC, ms. */
int64_t sm_clock_now_ms(void);
/* The same as a callback; `context` is not used. */
int64_t sm_clock_now_ms_for(void *context);
/* A clock that never goes back, ms from an arbitrary start: for time-outs. */
int64_t sm_clock_steady_ms(void);
/* The same clock, finer. */
int64_t sm_clock_steady_us(void);

/* Reads all of text as RFC 3339 date-time with 'Z' or an offset; years 0000-9999; a fraction of any
 * length (1 to 60 digits), rounded half up to ms; seconds 00-59 and the leap second 60, which
 * counts as the second after. SM_ERR_SYNTAX if it is anything else. */
SM_MUST_CHECK sm_err sm_rfc3339_parse(const char *text, size_t len, int64_t *instant_ms);

/* "2026-01-29T09:45:00Z", with ".250" only where there are ms. Returns out. */
char *sm_rfc3339_format(int64_t instant_ms, char out[SM_RFC3339_MAX]);
/* The same on the clock of an offset: "2026-01-01T00:00:00+05:30". */
char *sm_rfc3339_format_offset(int64_t instant_ms, int32_t offset_s, char out[SM_RFC3339_MAX]);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. month 1..12, day 1..31. */
int64_t sm_days_from_civil(int year, int month, int day);
void sm_civil_from_days(int64_t days, int *year, int *month, int *day);
int sm_days_in_month(int year, int month);

#endif
