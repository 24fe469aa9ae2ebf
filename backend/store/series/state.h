/* What is kept of a series so that its history need not be read: its first and last reading, and
 * what of its sequence is settled. */
#ifndef SM_STORE_SERIES_STATE_H
#define SM_STORE_SERIES_STATE_H

#include "base/buf.h"
#include "store/series/series.h"

/* Bytes: first and last reading and the sequence, with a checksum. */
void sm_state_encode(const sm_series *series, sm_buf *out);
/* SM_ERR_CORRUPT, SM_ERR_UNSUPPORTED: nothing was changed; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_state_decode(const uint8_t *data, size_t len, sm_series *series);

#endif
