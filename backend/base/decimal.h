/* Decimal strings and scaled integers: money, rates and energy never pass through floating point.
 * A scaled integer with `places` 3 holds thousandths: "12.345" is 12345. */
#ifndef SM_BASE_DECIMAL_H
#define SM_BASE_DECIMAL_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_DECIMAL_TEXT_MAX = 32 }; /* room for any formatted value with its NUL */

/* Reads all of `text` (len bytes; optional '-', digits, optional '.' with digits; no '+', blanks,
 * exponent) as an integer scaled by 10^places (0..9). More fraction digits than `places` are
 * SM_ERR_RANGE unless they are zeros; no digits or anything else is SM_ERR_SYNTAX; too large for
 * 64 bits is SM_ERR_OVERFLOW. "-0" is 0. */
SM_MUST_CHECK sm_err sm_decimal_parse(const char *text, size_t len, unsigned places,
                                      int64_t *scaled);

/* The same, but surplus fraction digits are rounded half away from zero, and an exponent as in
 * JSON numbers is taken ("1.2e3"). */
SM_MUST_CHECK sm_err sm_decimal_parse_rounded(const char *text, size_t len, unsigned places,
                                              int64_t *scaled);

/* Writes value / 10^places with at least `min_places` and no more fraction digits than needed
 * beyond that: (1234500, 6, 2) is "1.2345", (1000000, 6, 2) is "1.00". Returns `out`. */
char *sm_decimal_format(int64_t value, unsigned places, unsigned min_places,
                        char out[SM_DECIMAL_TEXT_MAX]);

/* The same without a NUL where there is room for SM_DECIMAL_TEXT_MAX: gives the place behind. */
char *sm_decimal_put(char *at, int64_t value, unsigned places, unsigned min_places);

/* 10^n for n 0..18 (asserted). */
int64_t sm_pow10(unsigned n);

#endif
