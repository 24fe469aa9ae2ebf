/* What one server has stored, told to the others, so that whoever looks on at any of them sees it:
 * by messages under `smartmeter/live/{server}` at the broker (app/relay_text.h), QoS 0 for who
 * hears them and nothing kept for who does not. Only servers may write and read there.
 *
 * There is a connection while there are other servers. Told are readings of every way in and
 * alerts; heard readings go where stored ones go (live clients, presence, the watch for alerts). A
 * message may be lost, as when a broker starts anew: a client then sees the next reading, and what
 * is asked for comes from the store. */
#ifndef SM_APP_RELAY_H
#define SM_APP_RELAY_H

#include "api/live.h"
#include "app/broker.h"
#include "app/pipeline.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "store/ledger.h"

#include <stdint.h>

typedef struct sm_relay sm_relay;

typedef struct sm_relay_options {
  const sm_config *config; /* borrowed, as all of these */
  const sm_broker *broker;
  sm_pipeline *pipeline;
  sm_live *live;
  sm_ledger *ledger;
  const char *client_id; /* the store's */
  const char *server_id;
} sm_relay_options;

SM_MUST_CHECK sm_err sm_relay_new(const sm_relay_options *options, sm_relay **relay);
void sm_relay_free(sm_relay *relay); /* stops first; NULL is fine */

/* How many others there are now: connects or disconnects. One thread, as stop. */
void sm_relay_turn(sm_relay *relay, unsigned others);
bool sm_relay_stop(sm_relay *relay, uint32_t timeout_ms); /* as sm_uplinks_stop; NULL is fine */

/* To be told to the others, if there are any; never blocks, and what they cannot take is dropped.
 * Any thread; `relay` is an sm_relay, as an sm_pipeline's `relay` and a hub's. */
void sm_relay_batch(void *relay, const sm_readings_batch *batch);
void sm_relay_alert(void *relay, const sm_alert *alert);

void sm_relay_write_metrics(sm_relay *relay, sm_buf *out); /* NULL writes nothing */

#endif
