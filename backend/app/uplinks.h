/* The server's connections to its broker: one, or several that share the readings
 * (`$share/{group}/…`), each with a client id, an intake and a thread of its own.
 *
 * Connection 1 has the store's client id, the others that with "-2", "-3", …, so each finds its
 * session again. Only connection 1 hears status messages: brokers send no retained message to a
 * shared subscription, and one is enough for them: it also hears what meters say of their firmware,
 * and says what they are offered.
 *
 * A session that nobody serves any more would keep its share of the messages for ever. So what
 * there is at the broker is remembered (app/sharing.h), and after a start with fewer the surplus
 * ones are retired (mqtt/leave.h) as soon as the others are subscribed.
 *
 * Where several servers share a store, client ids are leased instead (app/slots.h). */
#ifndef SM_APP_UPLINKS_H
#define SM_APP_UPLINKS_H

#include "app/broker.h"
#include "app/offers.h"
#include "app/pipeline.h"
#include "app/slots.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_uplinks sm_uplinks;

typedef struct sm_uplinks_options {
  const sm_config *config; /* borrowed, as all of these */
  const sm_broker *broker;
  sm_pipeline *pipeline;
  const char *client_id; /* the store's */
  sm_offers *offers;     /* what the first connection says to meters; NULL: nothing */
  const char *server_id; /* of this server among others on the same store; NULL: there are none */
  sm_ledger *ledger;     /* for their leases */
  int64_t lease_ms;
} sm_uplinks_options;

/* Makes them; nothing runs yet. SM_ERR_INVALID: the broker's address cannot be used (logged).
 * SM_ERR_IO: the data folder; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_uplinks_new(const sm_uplinks_options *options, sm_uplinks **uplinks);
/* What turns with the leases of several servers: NULL where there are none. */
sm_slots *sm_uplinks_slots(sm_uplinks *uplinks);
/* SM_ERR_NOMEM: some may run; free stops them. With several servers the slots' first turn starts
 * them. */
SM_MUST_CHECK sm_err sm_uplinks_start(sm_uplinks *uplinks);
/* Stops one after the other, each committing and acknowledging what it has; at the latest after
 * timeout_ms in all. False: one of them is still in a call. Any of them may be stopped already. */
bool sm_uplinks_stop(sm_uplinks *uplinks, uint32_t timeout_ms);
void sm_uplinks_free(sm_uplinks *uplinks); /* NULL is fine */

/* Whether all that are wanted are subscribed; otherwise why the first of the others is not. One
 * that is to be retired is not waited for. Any thread. */
bool sm_uplinks_ready(sm_uplinks *uplinks, char *reason, size_t cap);
/* Appends their metrics, summed but for smartmeter_mqtt_connected. Any thread. */
void sm_uplinks_write_metrics(sm_uplinks *uplinks, sm_buf *out);

#endif
