/* What a demo remembers between starts: when it was first started, and how far its readings have
 * been acknowledged by the broker. A small text file of `name value` lines, replaced as a whole.
 * The first to open it (`demo seed` or `simulate --demo`) creates it; from then on the start
 * instant, seed and zone never change, so neither do the registers. Not safe for two writers. */
#ifndef SM_SIM_DEMO_STATE_H
#define SM_SIM_DEMO_STATE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum { SM_SIM_ZONE_NAME_MAX = 64 };

typedef struct sm_sim_demo_state {
  int64_t start_ms;      /* when the demo was first started, on a full second */
  int64_t sent_until_ms; /* every reading due before this has been acknowledged */
  uint64_t seed;
  char zone[SM_SIM_ZONE_NAME_MAX]; /* IANA name the demo was made for */
} sm_sim_demo_state;

/* Loads `path`; if there is no such file, makes one for a demo started at now_ms by `seed` in the
 * zone `zone_name`. SM_ERR_CORRUPT (not a state file; `problem` says what and the fix), SM_ERR_IO,
 * SM_ERR_FULL, SM_ERR_RANGE (a zone name too long), SM_ERR_NOT_FOUND (no such zone). `problem` is
 * initialised by the caller. */
SM_MUST_CHECK sm_err sm_sim_demo_state_open(const char *path, const char *zone_name, uint64_t seed,
                                            int64_t now_ms, sm_sim_demo_state *state,
                                            sm_buf *problem);
/* Replaces the file. SM_ERR_IO, SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_sim_demo_state_save(const char *path, const sm_sim_demo_state *state);

#endif
