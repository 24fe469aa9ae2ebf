/* A server's connections to the broker where several servers share a store. All of them subscribe
 * to the readings as one group (`$share/{group}/…`), so each reading goes to one of them; what
 * meters say of themselves (status, firmware) each server hears. Without a group (mqtt_share is
 * NULL) it is one server alone, which subscribes plainly; should there be two all the same, each
 * gets every reading, and the store keeps one.
 *
 * A client id at the broker is a slot: the store's client id for slot 1, that with "-2", "-3", …
 * for the others. Who serves a slot has its lease, "fleet/mqtt/N" (app/member.h). The session
 * behind it outlives the server that served it, and the broker goes on putting its share of the
 * readings into it; so a slot whose holder is gone is adopted: by a server that starts and wants
 * one, which serves it, or else by one that is there, which gives up what the session is subscribed
 * to, stores what it still holds, and ends it (mqtt/leave.h). The lease is given back only then,
 * so one that dies meanwhile is followed by the next.
 *
 * A session without a lease would be drained by nobody, so a slot is connected to only while its
 * lease lasts, also by one that was stopped and goes on. Two that serve the same slot for a moment
 * all the same (clocks that disagree) throw each other out at the broker; nothing is lost by that,
 * since what neither has acknowledged comes again. */
#ifndef SM_APP_SLOTS_H
#define SM_APP_SLOTS_H

#include "app/broker.h"
#include "app/offers.h"
#include "app/pipeline.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "store/ledger.h"
#include "store/ledger_lease.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_slots sm_slots;

typedef struct sm_slots_options {
  const sm_config *config; /* borrowed, as all of these */
  const sm_broker *broker;
  sm_pipeline *pipeline;
  sm_ledger *ledger;
  const char *client_id; /* the store's */
  const char *server_id;
  int64_t lease_ms;
  sm_offers *offers;
} sm_slots_options;

SM_MUST_CHECK sm_err sm_slots_new(const sm_slots_options *options, sm_slots **slots);
/* With all leases as they are: takes what is wanted, lets go what others have taken, adopts what is
 * nobody's, and starts and ends connections accordingly. What is leased is this server's until
 * until_ms (steady clock): then its connections end by themselves, unless another turn has come, as
 * what others have taken meanwhile is theirs to end. One thread. */
void sm_slots_turn(sm_slots *slots, const sm_lease *list, size_t count, int64_t now_ms,
                   int64_t until_ms);

/* These are as those of app/uplinks.h; stop when turn is not called any more. */
bool sm_slots_stop(sm_slots *slots, uint32_t timeout_ms);
void sm_slots_free(sm_slots *slots); /* NULL is fine */
bool sm_slots_ready(sm_slots *slots, char *reason, size_t cap);
void sm_slots_write_metrics(sm_slots *slots, sm_buf *out);

#endif
