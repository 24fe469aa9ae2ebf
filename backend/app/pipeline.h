/* The way of a reading through the server: from the subscriber's messages through ingest into the
 * readings store, then to the live hub. It is the subscriber's sink: `take` only judges and
 * remembers; everything that can fail (asking the ledger for devices, storing) is in `commit`,
 * which the subscriber calls again until it succeeds, so nothing is acknowledged before it is
 * durable. */
#ifndef SM_APP_PIPELINE_H
#define SM_APP_PIPELINE_H

#include "api/live.h"
#include "app/presence.h"
#include "base/buf.h"
#include "base/err.h"
#include "mqtt/subscriber.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_pipeline sm_pipeline;

typedef struct sm_pipeline_options {
  sm_ledger *ledger;     /* borrowed */
  sm_readings *readings; /* borrowed; the pipeline is its writer */
  sm_live *live;         /* borrowed; NULL: nobody listens */
  bool auto_register;    /* an unknown device becomes one at its first valid reading */
  /* Queues a message to a meter, within a commit only; as sm_mqtt_subscriber_publish. NULL: meters
   * are not acknowledged. */
  sm_err (*publish)(void *context, const char *topic, const void *payload, size_t len);
  void *publish_context;
} sm_pipeline_options;

SM_MUST_CHECK sm_err sm_pipeline_new(const sm_pipeline_options *options, sm_pipeline **pipeline);
void sm_pipeline_free(sm_pipeline *pipeline); /* NULL is fine */

/* What the subscriber is given; borrows the pipeline. */
sm_mqtt_sink sm_pipeline_sink(sm_pipeline *pipeline);

/* What was heard of a device since the start; false: nothing. Any thread. */
bool sm_pipeline_presence(sm_pipeline *pipeline, const char *device_id, sm_presence *presence);

/* Appends the pipeline's metrics in Prometheus text. Any thread. */
void sm_pipeline_write_metrics(sm_pipeline *pipeline, sm_buf *out);

#endif
