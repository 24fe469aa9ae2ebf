/* Publishes at QoS 1 over one connection of libmosquitto, with a bounded number of messages on
 * their way: a send waits for room, and a lost connection is made anew with growing pauses, after
 * which what was not acknowledged is sent again. A message is done when the broker has acknowledged
 * it, and none is given up.
 *
 * Runs on the caller's thread alone: nothing moves but within these calls. All of them return early
 * with SM_ERR_CLOSED as soon as `stop` is set (by a signal handler, say), at the latest within a
 * tenth of a second. Log lines name the host, never user or password. */
#ifndef SM_SIM_PUBLISHER_H
#define SM_SIM_PUBLISHER_H

#include "base/broker_url.h"
#include "base/buf.h"
#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_sim_publisher sm_sim_publisher;

typedef struct sm_sim_publisher_options {
  sm_broker_url url;         /* borrowed until the publisher is freed */
  const char *ca_file;       /* PEM to verify an mqtts broker against; NULL: the system's store */
  unsigned window;           /* messages on their way at most, 1..1000; 0: 40 */
  uint32_t first_timeout_ms; /* how long the first connection may take; 0: 30 s */
  const volatile sig_atomic_t *stop; /* borrowed; NULL: never stops early */
} sm_sim_publisher_options;

typedef struct sm_sim_publisher_stats {
  uint64_t messages;     /* handed to send */
  uint64_t acknowledged; /* by the broker */
  uint64_t connects;     /* successful connections so far: more than one tells of a lost one */
} sm_sim_publisher_stats;

/* Connects. SM_ERR_TIMEOUT (no broker there for first_timeout_ms), SM_ERR_DENIED (it refuses us, or
 * its certificate is not trusted),
 * SM_ERR_IO (the CA file), SM_ERR_CLOSED, SM_ERR_NOMEM; `problem`, initialised by the caller, says
 * what to do about it. */
SM_MUST_CHECK sm_err sm_sim_publisher_new(const sm_sim_publisher_options *options, sm_buf *problem,
                                          sm_sim_publisher **publisher);
/* Says goodbye to the broker and frees all; what is not acknowledged is dropped. NULL is safe. */
void sm_sim_publisher_free(sm_sim_publisher *publisher);

/* Hands over a message, which is copied; waits while there is no connection or the window is full.
 * SM_ERR_CLOSED, SM_ERR_DENIED (on a new connection the broker refuses us), SM_ERR_NOMEM,
 * SM_ERR_INVALID (a topic or size that MQTT does not take). */
SM_MUST_CHECK sm_err sm_sim_publisher_send(sm_sim_publisher *publisher, const char *topic,
                                           const void *payload, size_t len, bool retain);
/* Waits until all is acknowledged. SM_ERR_TIMEOUT, SM_ERR_CLOSED, SM_ERR_DENIED. */
SM_MUST_CHECK sm_err sm_sim_publisher_flush(sm_sim_publisher *publisher, uint32_t timeout_ms);
/* Serves the connection until the steady clock (sm_clock_steady_ms) shows until_ms. SM_ERR_CLOSED,
 * SM_ERR_DENIED. */
SM_MUST_CHECK sm_err sm_sim_publisher_wait(sm_sim_publisher *publisher, int64_t until_ms);
/* From now on `stop` is not looked at, for what is said last. */
void sm_sim_publisher_ignore_stop(sm_sim_publisher *publisher);

sm_sim_publisher_stats sm_sim_publisher_get_stats(const sm_sim_publisher *publisher);

#endif
