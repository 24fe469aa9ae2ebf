/* The quarters of one series and one UTC day as the bytes of a row. */
#ifndef SM_STORE_EMBEDDED_QUARTER_BLOCK_H
#define SM_STORE_EMBEDDED_QUARTER_BLOCK_H

#include "base/buf.h"
#include "store/readings.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the bytes of `count` quarters (1 to 96 of one day, ascending). Failure sticks in `out`.
 */
void sm_quarter_block_encode(const sm_quarter *quarters, size_t count, sm_buf *out);
/* *quarters is heap memory of the caller. SM_ERR_CORRUPT, SM_ERR_UNSUPPORTED, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_quarter_block_decode(const uint8_t *data, size_t len, sm_quarter **quarters,
                                             size_t *count);

#endif
