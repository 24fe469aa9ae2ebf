/* The watch over all meters: takes what was stored, judges it by the rules (rules.h) on a thread of
 * its own, and writes what that comes to into the ledger, from where it is listed and sent.
 *
 * Whoever stores readings only copies them into a queue of bounded size; when the watch cannot
 * follow, the newest are shed and counted. That costs an alert of a moment at most: silence is held
 * against the store itself, and the register is compared with the next reading that comes.
 *
 * At the start the state of each meter is made from the ledger (what is open) and the store (the
 * latest reading), so a restart opens nothing twice and forgets nothing; what had not lasted long
 * enough yet begins anew. In memory a meter is about 210 bytes, and one with thresholds of its own
 * 350 more; the queue is 1.5 MB. Any number of threads may call take and certificates. */
#ifndef SM_ALERTS_WATCH_H
#define SM_ALERTS_WATCH_H

#include "alerts/rules.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_alert_watch sm_alert_watch;

typedef struct sm_alert_watch_options {
  sm_ledger *ledger; /* borrowed, as all here */
  sm_readings *readings;
  const sm_zone *zone;
  const char *currency;
  int64_t gather_ms; /* how long a message waits for others to go with it */
  int64_t grace_ms; /* so long after the start nobody is said to be silent: brokers hold backlogs */
  uint32_t tick_ms; /* how often it looks; 0: every second */
  /* Called on the watch's thread with what was opened or ended; NULL: nobody. */
  void *context;
  void (*changed)(void *context, const sm_alert *alert);
  /* What a meter used in the running month. SM_ERR_NOT_FOUND: nothing is known. NULL: budgets are
   * not judged. */
  sm_err (*month)(void *context, const char *device_id, int64_t now_ms, sm_alert_month *month);
  int64_t (*now_ms)(void *context); /* NULL: the wall clock */
} sm_alert_watch_options;

SM_MUST_CHECK sm_err sm_alert_watch_new(const sm_alert_watch_options *options,
                                        sm_alert_watch **watch);
/* Reads the state and starts the thread: before the first reading comes in. Errors of the stores.
 */
SM_MUST_CHECK sm_err sm_alert_watch_start(sm_alert_watch *watch);
/* What is in the queue is judged first. A second call does nothing. */
void sm_alert_watch_stop(sm_alert_watch *watch);
void sm_alert_watch_free(sm_alert_watch *watch); /* stops first; NULL is fine */

/* After a batch's commit: its new readings. Never blocks for longer than it copies. */
void sm_alert_watch_take(sm_alert_watch *watch, const sm_readings_batch *batch);
/* A certificate as it was seen: of a meter, or (device_id "") of something of the site. */
typedef struct sm_alert_certificate {
  char device_id[SM_DEVICE_ID_MAX + 1];
  char subject[SM_ALERT_SUBJECT_MAX + 1];
  int64_t ends_ms;
} sm_alert_certificate;
/* All that there are now: what is not among them has none any more. `list` is on the heap, and is
 * the watch's from now on. */
void sm_alert_watch_certificates(sm_alert_watch *watch, sm_alert_certificate *list, size_t count);

void sm_alert_watch_write_metrics(sm_alert_watch *watch, sm_buf *out);

#endif
