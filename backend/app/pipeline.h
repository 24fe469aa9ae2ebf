/* What all ways of a reading into the server share: which devices are known, the one writer, and
 * what follows a commit: figures, presence, live clients. The broker's connections come in by an
 * intake each (app/intake.h); other sources, such as an import, build a batch and call
 * sm_pipeline_commit. Any thread. */
#ifndef SM_APP_PIPELINE_H
#define SM_APP_PIPELINE_H

#include "api/live.h"
#include "app/presence.h"
#include "app/writer.h"
#include "base/buf.h"
#include "base/err.h"
#include "ingest/telemetry.h"
#include "model/firmware.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_pipeline sm_pipeline;

typedef struct sm_pipeline_options {
  sm_ledger *ledger; /* borrowed */
  sm_writer *writer; /* borrowed */
  sm_live *live;     /* borrowed; NULL: nobody listens */
  /* Called after each commit, in its turn: it must be quick. NULL: nobody. */
  void (*stored)(void *context, const sm_readings_batch *batch);
  void *stored_context;
  /* Called before that with what this server itself has stored; quick. NULL: nobody. */
  void (*relay)(void *context, const sm_readings_batch *batch);
  void *relay_context;
  /* What a device that is known says of its firmware; quick. NULL: nobody cares. */
  void (*firmware)(void *context, const char *device_id, const sm_firmware_report *report,
                   bool fresh);
  void *firmware_context;
  bool auto_register; /* an unknown device becomes one at its first valid reading */
} sm_pipeline_options;

SM_MUST_CHECK sm_err sm_pipeline_new(const sm_pipeline_options *options, sm_pipeline **pipeline);
void sm_pipeline_free(sm_pipeline *pipeline); /* NULL is fine */

/* Makes a batch durable when its turn has come, then announces its readings, in one go, so that
 * what live clients see of two batches is in the order in which they were stored. All devices of
 * the readings are known ones. The verdicts and acks are the caller's to act on; failures are those
 * of sm_readings_commit. */
SM_MUST_CHECK sm_err sm_pipeline_commit(sm_pipeline *pipeline, sm_readings_batch *batch);

/* What another server has stored, with its verdicts: announced as what was stored here, and counted
 * nowhere. */
void sm_pipeline_heard(sm_pipeline *pipeline, const sm_readings_batch *batch);

/* Whether a device may send; with `may_register`, and if that is switched on, an unknown one
 * becomes a device. Failures are those of sm_ledger_device_known. */
SM_MUST_CHECK sm_err sm_pipeline_device_known(sm_pipeline *pipeline, const char *device_id,
                                              bool may_register, bool *known);
/* Where a known device's register starts over; 0: as a new one's, also if nobody can say. */
int64_t sm_pipeline_modulus_wh(sm_pipeline *pipeline, const char *device_id);
/* A status message of a device. `fresh`: sent just now by the meter itself, not retained, not a
 * last will. Of an unknown device nothing is kept. */
void sm_pipeline_status(sm_pipeline *pipeline, const char *device_id, bool online, bool fresh);
/* A device's report of its firmware. Of an unknown device nothing is kept. */
void sm_pipeline_firmware(sm_pipeline *pipeline, const char *device_id,
                          const sm_firmware_report *report, bool fresh);
/* For the figures: what was refused, by reason; acks handed to a connection and lost there; rejects
 * that were replayed. */
void sm_pipeline_count_refused(sm_pipeline *pipeline, const uint32_t counts[SM_REFUSAL_COUNT_]);
void sm_pipeline_count_acks(sm_pipeline *pipeline, uint64_t sent, uint64_t lost);
void sm_pipeline_count_replayed(sm_pipeline *pipeline, uint64_t count);

/* What was heard of a device since the start; false: nothing. */
bool sm_pipeline_presence(sm_pipeline *pipeline, const char *device_id, sm_presence *presence);

/* Appends the pipeline's and the writer's metrics in Prometheus text. */
void sm_pipeline_write_metrics(sm_pipeline *pipeline, sm_buf *out);

#endif
