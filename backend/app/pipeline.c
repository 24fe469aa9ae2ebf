#include "app/pipeline.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A meter that sends every ten seconds, one with a poor link, a backlog of a day. */
static const int64_t lag_edges_ms[] = {500,   1000,   2000,    5000,    10000,   30000,
                                       60000, 300000, 1800000, 7200000, 86400000};

struct sm_pipeline {
  sm_pipeline_options options;
  sm_presence_table *presence;

  atomic_uint_fast64_t stored;
  atomic_uint_fast64_t late;
  atomic_uint_fast64_t duplicates;
  atomic_uint_fast64_t refused[SM_REFUSAL_COUNT_];
  atomic_uint_fast64_t registered;
  atomic_uint_fast64_t acks_sent;
  atomic_uint_fast64_t acks_lost;
  atomic_uint_fast64_t replayed;
  atomic_int_fast64_t last_stored_ms;
  sm_histogram lag; /* of readings in their order */
};

sm_err sm_pipeline_new(const sm_pipeline_options *options, sm_pipeline **pipeline) {
  sm_pipeline *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->options = *options;
  out->lag.edge_ms = lag_edges_ms;
  out->lag.edges = sizeof lag_edges_ms / sizeof lag_edges_ms[0];
  out->presence = sm_presence_table_new();
  if (out->presence == NULL) {
    free(out);
    return SM_ERR_NOMEM;
  }
  *pipeline = out;
  return SM_OK;
}

void sm_pipeline_free(sm_pipeline *pipeline) {
  if (pipeline == NULL) return;
  sm_presence_table_free(pipeline->presence);
  free(pipeline);
}

/* ---- devices ---- */

static sm_err register_device(sm_pipeline *p, const char *device_id, bool *known) {
  const sm_device_new device = {.device_id = device_id};
  sm_err err = sm_ledger_device_add(p->options.ledger, (sm_actor){.id = "server"}, &device);
  /* There already, yet not known: it is revoked and stays refused, or another connection was
   * faster. */
  if (err == SM_ERR_EXISTS) return sm_ledger_device_known(p->options.ledger, device_id, known);
  if (err != SM_OK) return err;
  sm_log(SM_LOG_INFO, "ingest.device_registered", SM_LOG_TEXT("device_id", device_id));
  atomic_fetch_add(&p->registered, 1);
  *known = true;
  return SM_OK;
}

sm_err sm_pipeline_device_known(sm_pipeline *pipeline, const char *device_id, bool may_register,
                                bool *known) {
  *known = false;
  sm_err err = sm_ledger_device_known(pipeline->options.ledger, device_id, known);
  if (err != SM_OK || *known || !may_register || !pipeline->options.auto_register) return err;
  return register_device(pipeline, device_id, known);
}

int64_t sm_pipeline_modulus_wh(sm_pipeline *pipeline, const char *device_id) {
  bool known = false;
  int64_t modulus_wh = 0;
  sm_err err = sm_ledger_device_modulus(pipeline->options.ledger, device_id, &known, &modulus_wh);
  return err == SM_OK && known ? modulus_wh : 0;
}

void sm_pipeline_status(sm_pipeline *pipeline, const char *device_id, bool online, bool fresh) {
  bool known = false;
  if (sm_ledger_device_known(pipeline->options.ledger, device_id, &known) != SM_OK || !known)
    return;
  sm_presence_begin(pipeline->presence);
  if (fresh) sm_presence_sign(pipeline->presence, device_id, sm_clock_now_ms());
  sm_presence_status(pipeline->presence, device_id, online);
  sm_presence_end(pipeline->presence);
}

void sm_pipeline_firmware(sm_pipeline *pipeline, const char *device_id,
                          const sm_firmware_report *report, bool fresh) {
  bool known = false;
  const sm_pipeline_options *o = &pipeline->options;
  if (o->firmware != NULL && sm_ledger_device_known(o->ledger, device_id, &known) == SM_OK && known)
    o->firmware(o->firmware_context, device_id, report, fresh);
}

bool sm_pipeline_presence(sm_pipeline *pipeline, const char *device_id, sm_presence *presence) {
  return sm_presence_get(pipeline->presence, device_id, presence);
}

/* ---- committing ---- */

/* The presence of a batch: readings of one device in a row, as an array has them, are one sign. */
static void sign_all(sm_pipeline *p, const sm_readings_batch *batch, int64_t now_ms) {
  sm_presence_begin(p->presence);
  for (size_t i = 0; i < batch->reading_count;) {
    const char *device_id = batch->readings[i].device_id;
    int64_t latest_ms = INT64_MIN;
    for (; i < batch->reading_count && batch->readings[i].device_id == device_id; i++)
      if (batch->readings[i].reading.ts_ms > latest_ms)
        latest_ms = batch->readings[i].reading.ts_ms;
    /* When the meter measured, not when a backlog of it came in: that is how long it is silent. */
    sm_presence_sign(p->presence, device_id, latest_ms < now_ms ? latest_ms : now_ms);
  }
  sm_presence_end(p->presence);
}

/* Who begins to listen after the question is given the latest reading, which is in the store. */
static void publish_all(sm_pipeline *p, const sm_readings_batch *batch) {
  if (p->options.live == NULL || !sm_live_listening(p->options.live)) return;
  for (size_t i = 0; i < batch->reading_count; i++) {
    const sm_reading_in *in = &batch->readings[i];
    if (in->verdict == SM_VERDICT_STORED || in->verdict == SM_VERDICT_LATE)
      sm_live_publish(p->options.live, in->device_id, &in->reading, in->verdict == SM_VERDICT_LATE);
  }
}

static void count_all(sm_pipeline *p, const sm_readings_batch *batch, int64_t now_ms) {
  uint64_t stored = 0;
  uint64_t late = 0;
  uint64_t duplicates = 0;
  uint64_t conflicts = 0;
  uint64_t past_retention = 0;
  for (size_t i = 0; i < batch->reading_count; i++) {
    switch (batch->readings[i].verdict) {
    case SM_VERDICT_STORED:
      stored++;
      sm_histogram_count(&p->lag, now_ms - batch->readings[i].reading.ts_ms);
      break;
    case SM_VERDICT_LATE:
      late++;
      break;
    case SM_VERDICT_DUPLICATE:
      duplicates++;
      break;
    case SM_VERDICT_CONFLICT:
      conflicts++;
      break;
    default: /* the one thing else that the store refuses */
      past_retention++;
      break;
    }
  }
  atomic_fetch_add(&p->stored, stored);
  atomic_fetch_add(&p->late, late);
  atomic_fetch_add(&p->duplicates, duplicates);
  atomic_fetch_add(&p->refused[SM_REFUSAL_CONFLICT], conflicts);
  atomic_fetch_add(&p->refused[SM_REFUSAL_PAST_RETENTION], past_retention);
  if (batch->reading_count > 0) atomic_store(&p->last_stored_ms, now_ms);
}

sm_err sm_pipeline_commit(sm_pipeline *pipeline, sm_readings_batch *batch) {
  (void)sm_writer_begin(pipeline->options.writer);
  sm_err err = sm_writer_commit(pipeline->options.writer, batch);
  if (err == SM_OK) {
    int64_t now_ms = sm_clock_now_ms();
    publish_all(pipeline, batch);
    sign_all(pipeline, batch, now_ms);
    count_all(pipeline, batch, now_ms);
    if (pipeline->options.relay != NULL)
      pipeline->options.relay(pipeline->options.relay_context, batch);
    if (pipeline->options.stored != NULL)
      pipeline->options.stored(pipeline->options.stored_context, batch);
  }
  sm_writer_end(pipeline->options.writer);
  return err;
}

void sm_pipeline_heard(sm_pipeline *pipeline, const sm_readings_batch *batch) {
  publish_all(pipeline, batch);
  sign_all(pipeline, batch, sm_clock_now_ms());
  if (pipeline->options.stored != NULL)
    pipeline->options.stored(pipeline->options.stored_context, batch);
}

/* ---- metrics ---- */

void sm_pipeline_count_refused(sm_pipeline *pipeline, const uint32_t counts[SM_REFUSAL_COUNT_]) {
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++)
    if (counts[i] > 0) atomic_fetch_add(&pipeline->refused[i], counts[i]);
}

void sm_pipeline_count_acks(sm_pipeline *pipeline, uint64_t sent, uint64_t lost) {
  atomic_fetch_add(&pipeline->acks_sent, sent);
  atomic_fetch_add(&pipeline->acks_lost, lost);
}

void sm_pipeline_count_replayed(sm_pipeline *pipeline, uint64_t count) {
  atomic_fetch_add(&pipeline->replayed, count);
}

static void write_refused(sm_pipeline *p, sm_buf *out) {
  sm_buf_append_text(out,
                     "# HELP smartmeter_readings_rejected_total Messages and readings refused, "
                     "by reason.\n# TYPE smartmeter_readings_rejected_total counter\n");
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++)
    sm_buf_printf(out, "smartmeter_readings_rejected_total{reason=\"%s\"} %llu\n",
                  sm_refusal_word((sm_refusal)i), (unsigned long long)atomic_load(&p->refused[i]));
}

void sm_pipeline_write_metrics(sm_pipeline *pipeline, sm_buf *out) {
  sm_pipeline *p = pipeline;
  uint64_t late = atomic_load(&p->late);
  const sm_metric rows[] = {
      {"smartmeter_readings_accepted_total", "counter", "Readings stored, late ones included.",
       atomic_load(&p->stored) + late},
      {"smartmeter_readings_late_total", "counter",
       "Readings stored that were older than the latest.", late},
      {"smartmeter_readings_duplicate_total", "counter", "Readings that were stored already.",
       atomic_load(&p->duplicates)},
      {"smartmeter_rejects_replayed_total", "counter",
       "Refused readings that were judged again since their device was added.",
       atomic_load(&p->replayed)},
      {"smartmeter_devices_registered_total", "counter", "Devices made at their first reading.",
       atomic_load(&p->registered)},
      {"smartmeter_acks_sent_total", "counter", "Acknowledgements queued for meters that send seq.",
       atomic_load(&p->acks_sent)},
      {"smartmeter_acks_lost_total", "counter",
       "Acknowledgements that could not be queued; the meter sends again.",
       atomic_load(&p->acks_lost)},
      {"smartmeter_ingest_last_stored_timestamp_seconds", "gauge",
       "When the last batch was stored, 0 if none was.",
       (uint64_t)(atomic_load(&p->last_stored_ms) / 1000)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
  write_refused(p, out);
  sm_histogram_write(&p->lag, "smartmeter_ingest_lag_seconds",
                     "From a meter's measuring to the reading being stored, without late ones.",
                     out);
  sm_writer_write_metrics(p->options.writer, out);
}
