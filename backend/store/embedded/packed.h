/* An append-only run of readings in memory, ascending by instant. */
#ifndef SM_STORE_EMBEDDED_PACKED_H
#define SM_STORE_EMBEDDED_PACKED_H

#include "base/err.h"
#include "model/reading.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sm_packed {
  uint8_t *data;
  size_t bytes; /* of memory taken by data */
  uint32_t count;
  int64_t first_ms; /* if count > 0 */
  sm_reading last;  /* if count > 0 */
} sm_packed;

void sm_packed_fini(sm_packed *packed);
/* Room for `more` readings, so that appending up to there cannot fail. */
SM_MUST_CHECK sm_err sm_packed_reserve(sm_packed *packed, size_t more);
/* Appends a reading later than the last one. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_packed_append(sm_packed *packed, const sm_reading *reading);
/* Writes all readings to `out`, which has room for `count`. */
void sm_packed_read(const sm_packed *packed, sm_reading *out);

#endif
