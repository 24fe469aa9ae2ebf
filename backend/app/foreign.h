/* Meters of others (docs/third-party-meters.md): the connections that hear them, and their way into
 * the pipeline. They have connections of their own, so that what our meters say waits for nothing
 * of this:
 *
 *   "-others"       messages that have a time: a session at the broker, acknowledged once durable
 *   "-others-live"  messages that count from when they are received: QoS 0 and no session, so that
 *                   none comes twice, or late with a wrong time; retained ones are not looked at
 *
 * A session that is not wanted any more is ended, as one of app/uplinks.h is. */
#ifndef SM_APP_FOREIGN_H
#define SM_APP_FOREIGN_H

#include "app/broker.h"
#include "app/pipeline.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_foreign sm_foreign;

typedef struct sm_foreign_options {
  const sm_config *config; /* borrowed, as all of these */
  const sm_broker *broker;
  sm_pipeline *pipeline;
  sm_readings *readings;
} sm_foreign_options;

/* Whether the mappings that SMARTMETER_MAPPINGS names can be used; if not, the operator has been
 * told all that is wrong. True without the setting. */
bool sm_foreign_check(void);
/* Reads the mappings that SMARTMETER_MAPPINGS names and makes the connections for them. False: they
 * cannot be used, and the operator has been told all that is wrong. *foreign is NULL if there is
 * nothing to do. */
bool sm_foreign_new(const sm_foreign_options *options, sm_foreign **foreign);
/* All of these take NULL. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_foreign_start(sm_foreign *foreign);
/* As sm_uplinks_stop. */
bool sm_foreign_stop(sm_foreign *foreign, uint32_t timeout_ms);
void sm_foreign_free(sm_foreign *foreign);
void sm_foreign_write_metrics(sm_foreign *foreign, sm_buf *out);

#endif
