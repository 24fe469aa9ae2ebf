/* Which part of something a Range header asks for (RFC 9110, section 14): one range of bytes. What
 * is no such thing, and several ranges at once, are answered with the whole, as the standard
 * allows. */
#ifndef SM_API_RANGES_H
#define SM_API_RANGES_H

#include <stdint.h>

typedef enum sm_range_kind {
  SM_RANGE_WHOLE,
  SM_RANGE_PART,
  SM_RANGE_OUTSIDE /* there is nothing of it: a 416 */
} sm_range_kind;

typedef struct sm_range {
  sm_range_kind kind;
  uint64_t first; /* of PART, both included */
  uint64_t last;
} sm_range;

/* header NULL: none was sent. */
sm_range sm_range_parse(const char *header, uint64_t size);

#endif
