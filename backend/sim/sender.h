/* Sends what a fleet's meters have to send: first what is due up to now or to a given end (history
 * or a backlog), in arrays and in rounds across all meters, oldest first; then, if live, each
 * reading when it is due, the meters spread over the interval. After a pause (a broker away, a
 * machine asleep) live falls back to arrays until it has caught up (not on a fast clock), so there
 * is never a hole.
 *
 * Runs on the caller's thread until its end or until the publisher's stop is set. Instants are
 * seconds since 1970 (UTC). */
#ifndef SM_SIM_SENDER_H
#define SM_SIM_SENDER_H

#include "base/err.h"
#include "sim/fleet.h"
#include "sim/publisher.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_sim_sender_options {
  int64_t from_s;            /* the first instant that is due */
  int64_t to_s;              /* the end, exclusive; SM_SIM_NEVER: up to now */
  bool live;                 /* go on at to_s, which is SM_SIM_NEVER */
  int64_t coarse_interval_s; /* of history older than fine_s before now */
  int64_t fine_interval_s;   /* of newer history, and live */
  int64_t fine_s;            /* 0: all history at the coarse interval */
  size_t readings_max;       /* a message of history, 1..500 */
  uint32_t rate;             /* readings a second at most, in history; 0: no limit */
  uint32_t speed; /* 0: the real clock. Otherwise the clock starts at from_s and goes this many
                     times as fast, until it has caught up with the real one */
  bool sequence;  /* send `epoch` and `seq` */
  /* Called now and then with an instant before which all that was due has been acknowledged, and
   * at the end; a failure ends the run. NULL: nobody wants to know. */
  sm_err (*checkpoint)(void *context, int64_t sent_until_s);
  /* Called after each round of history: how far it has come. NULL likewise. */
  void (*progress)(void *context, int64_t from_s, int64_t at_s, int64_t to_s, uint64_t readings);
  void *context;
} sm_sim_sender_options;

typedef struct sm_sim_sender_stats {
  uint64_t readings;
  uint64_t messages; /* of telemetry */
  bool stopped;      /* ended by the publisher's stop */
} sm_sim_sender_stats;

/* SM_OK at the end of history, or stopped; otherwise the publisher's or the checkpoint's error or
 * SM_ERR_NOMEM. `stats` is filled in either case. */
SM_MUST_CHECK sm_err sm_sim_sender_run(const sm_sim_fleet *fleet, sm_sim_publisher *publisher,
                                       const sm_sim_sender_options *options,
                                       sm_sim_sender_stats *stats);

#endif
