/* Readings in memory in few bytes (about ten each): a run that grows at its end, ascending by
 * instant, read as a whole. Each reading is kept as its differences to the one before, in the units
 * that the meter measures in. One thread at a time. */
#ifndef SM_STORE_SERIES_PACKED_H
#define SM_STORE_SERIES_PACKED_H

#include "base/err.h"
#include "model/reading.h"

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty run. Only read from outside. */
typedef struct sm_packed {
  uint8_t *data;
  uint32_t len;
  uint32_t cap; /* what the run takes of memory, beside this struct */
  uint32_t count;
  int64_t first_ms; /* if count > 0 */
  int64_t step_ms;  /* between the last two */
  sm_reading last;  /* if count > 0 */
} sm_packed;

enum { SM_PACKED_READING_MAX = 64 }; /* bytes a reading takes at most */

void sm_packed_fini(sm_packed *packed); /* safe on an empty one, which it is afterwards */
/* Room for `more` readings of any kind, so that appends up to there cannot fail. SM_ERR_NOMEM;
 * SM_ERR_RANGE: the run would be over 2 GiB. */
SM_MUST_CHECK sm_err sm_packed_reserve(sm_packed *packed, size_t more);
/* Adds a reading, which is later than the last; room must have been reserved. */
void sm_packed_append(sm_packed *packed, const sm_reading *reading);
/* Gives memory back that is reserved and not used. */
void sm_packed_trim(sm_packed *packed);
/* Writes all `count` readings, in their order. */
void sm_packed_read(const sm_packed *packed, sm_reading *out);

#endif
