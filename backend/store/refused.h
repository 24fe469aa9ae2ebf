/* What becomes of a reading that could not join the others: a reject, the same whichever engine
 * keeps it. */
#ifndef SM_STORE_REFUSED_H
#define SM_STORE_REFUSED_H

#include "base/buf.h"
#include "store/readings.h"

/* Where its texts are. */
typedef struct sm_refused {
  char topic[SM_DEVICE_ID_MAX + 24];
  sm_buf payload;
} sm_refused;

void sm_refused_init(sm_refused *room);
void sm_refused_fini(sm_refused *room);

/* The reject of a reading with this verdict, SM_VERDICT_CONFLICT or SM_VERDICT_PAST_RETENTION. It
 * borrows of the reading and, until the next call, of `room`. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_refused_make(sm_refused *room, const sm_reading_in *reading,
                                     sm_verdict verdict, int64_t now_ms, sm_reject_in *reject);

#endif
