/* A JSON number exactly as it reads: from decimal text to thousandths without floating point, so
 * that 1.0005 is 1001 thousandths although no double is 1.0005. Pure; any thread. */
#ifndef SM_INGEST_NUMBER_H
#define SM_INGEST_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was cut off behind the thousandths. */
typedef enum sm_number_rest {
  SM_REST_NONE,
  SM_REST_BELOW_HALF,
  SM_REST_HALF_OR_MORE
} sm_number_rest;

typedef struct sm_number {
  const char *text; /* borrowed from the payload */
  size_t len;
  uint64_t milli; /* magnitude in thousandths, cut; UINT64_MAX: that or more */
  sm_number_rest rest;
  bool negative;
  bool whole; /* written without point and exponent */
} sm_number;

/* Reads the number that begins at *at and moves *at behind it. NULL: good; else what is wrong, a
 * static sentence, with *at where it is wrong. Any number of digits and any exponent are read: a
 * number that no machine word holds is still JSON, and only out of range where a member has one. */
const char *sm_number_scan(const char **at, const char *end, sm_number *number);

/* Makes it ten to `places` times as much, exactly: the digits are read again with the point
 * elsewhere.
 */
void sm_number_shift(sm_number *number, int places);

/* Whether low <= number <= high, both in thousandths, judged before any rounding. */
bool sm_number_within(const sm_number *number, int64_t low_milli, int64_t high_milli);

/* In thousandths, and in wholes, rounded half away from zero. Only of a number that is within
 * bounds which fit an int64_t. */
int64_t sm_number_milli(const sm_number *number);
int64_t sm_number_whole(const sm_number *number);

#endif
