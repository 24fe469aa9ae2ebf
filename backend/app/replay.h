/* Readings that were refused because nobody had added their meter are judged again once somebody
 * has: they are stored, and leave the rejects, in one step. A walk over the rejects, a piece a
 * second: it asks for no trigger, so a device that was added by another process, or while the
 * server was away, is found too, and a flood of rejects costs no more a second than a few. */
#ifndef SM_APP_REPLAY_H
#define SM_APP_REPLAY_H

#include "app/pipeline.h"
#include "base/err.h"
#include "store/readings.h"

typedef struct sm_replay {
  sm_pipeline *pipeline; /* borrowed */
  sm_readings *readings; /* borrowed */
  int64_t after;         /* where the walk is; 0: at the beginning */
} sm_replay;

/* One piece of the walk. A failure is logged, changes nothing, and the same piece comes again. */
SM_MUST_CHECK sm_err sm_replay_step(sm_replay *replay);

#endif
