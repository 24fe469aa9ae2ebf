/* Keeps Home Assistant told of the meters (app/discovery.h), over a connection of its own: each
 * meter that may send, and has said at its status topic that it is there, has a retained message
 * under the prefix of SMARTMETER_HOME_ASSISTANT; one that is revoked, disabled or gone has none any
 * more. All are sent again when Home Assistant says that it has started.
 *
 * What is at the broker is heard from the broker at each connection, so nothing can be forgotten
 * there: also not after a restore, or when the setting is taken away, which a small file in the
 * data folder remembers until all is taken back. */
#ifndef SM_APP_HOME_ASSISTANT_H
#define SM_APP_HOME_ASSISTANT_H

#include "app/broker.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_home_assistant sm_home_assistant;

typedef struct sm_home_assistant_options {
  const sm_config *config; /* borrowed, as all of these */
  const sm_broker *broker;
  sm_ledger *ledger;
  sm_readings *readings;
} sm_home_assistant_options;

/* Whether the settings can be used, whatever the broker; if not, the operator has been told. */
bool sm_home_assistant_check(void);
/* False: the settings cannot be used, and the operator has been told. *home is NULL if it is off
 * and nothing is left of it. */
bool sm_home_assistant_new(const sm_home_assistant_options *options, sm_home_assistant **home);
/* All of these take NULL. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_home_assistant_start(sm_home_assistant *home);
bool sm_home_assistant_stop(sm_home_assistant *home, uint32_t timeout_ms); /* as sm_uplinks_stop */
void sm_home_assistant_free(sm_home_assistant *home);
void sm_home_assistant_write_metrics(sm_home_assistant *home, sm_buf *out);

#endif
