#include "mqtt/batch.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>

enum { RETRY_FLOOR_MS = 100, RETRY_CEILING_MS = 5000 };

void sm_mqtt_batch_init(sm_mqtt_batch *batch, const sm_mqtt_sink *sink, sm_mqtt_counts *counts) {
  *batch = (sm_mqtt_batch){
      .sink = *sink,
      .counts = counts,
      .backoff = {.floor_ms = RETRY_FLOOR_MS, .ceiling_ms = RETRY_CEILING_MS},
  };
  sm_buf_init(&batch->pubacks, 0);
  sm_mqtt_outgoing_init(&batch->outgoing);
}

void sm_mqtt_batch_fini(sm_mqtt_batch *batch) {
  sm_buf_fini(&batch->pubacks);
  sm_mqtt_outgoing_fini(&batch->outgoing);
}

void sm_mqtt_batch_disconnected(sm_mqtt_batch *batch) {
  batch->acks = 0;
  sm_buf_clear(&batch->pubacks);
  sm_mqtt_outgoing_disconnected(&batch->outgoing);
}

void sm_mqtt_batch_skip(sm_mqtt_batch *batch, const sm_mqtt_packet *packet) {
  if (packet->qos == 0) return;
  sm_mqtt_encode_puback(&batch->pubacks, packet->packet_id);
  batch->acks++;
}

void sm_mqtt_batch_take(sm_mqtt_batch *batch, const sm_mqtt_packet *packet, int64_t now_ms) {
  sm_mqtt_message message = {
      .topic = packet->topic,
      .topic_len = packet->topic_len,
      .payload = packet->payload,
      .payload_len = packet->payload_len,
      .payload_len_sent = packet->payload_len_sent,
      .truncated = packet->payload_len < packet->payload_len_sent,
      .qos = packet->qos,
      .retained = packet->retained,
  };
  if (batch->messages == 0) batch->begun_ms = now_ms;
  batch->messages++;
  batch->counts->messages++;
  batch->calling = true;
  batch->sink.take(batch->sink.context, &message);
  batch->calling = false;
  sm_mqtt_batch_skip(batch, packet);
}

bool sm_mqtt_batch_pending(const sm_mqtt_batch *batch) {
  return batch->messages > 0 || batch->acks > 0;
}

static void note_failure(sm_mqtt_batch *batch, sm_err err) {
  uint32_t wait_ms = sm_mqtt_backoff_next_ms(&batch->backoff);
  batch->retry_ms = sm_clock_steady_ms() + wait_ms;
  if (batch->stalled == SM_OK)
    sm_log(SM_LOG_ERROR, "mqtt.stalled", SM_LOG_TEXT("reason", sm_err_text(err)),
           SM_LOG_INT("messages", batch->messages));
  batch->stalled = err;
}

static void note_success(sm_mqtt_batch *batch) {
  if (batch->stalled != SM_OK)
    sm_log(SM_LOG_INFO, "mqtt.resumed", SM_LOG_INT("messages", batch->messages),
           SM_LOG_INT("tries", batch->backoff.failures + 1));
  batch->stalled = SM_OK;
  batch->backoff.failures = 0;
  batch->messages = 0;
}

sm_err sm_mqtt_batch_commit(sm_mqtt_batch *batch) {
  if (batch->messages == 0) return SM_OK;
  sm_mqtt_outgoing_mark before = sm_mqtt_outgoing_get_mark(&batch->outgoing);
  batch->calling = true;
  sm_err err = batch->sink.commit(batch->sink.context);
  batch->calling = false;
  if (err != SM_OK) {
    sm_mqtt_outgoing_go_back(&batch->outgoing, before);
    note_failure(batch, err);
    return err;
  }
  batch->counts->commits++;
  note_success(batch);
  return SM_OK;
}

void sm_mqtt_batch_release(sm_mqtt_batch *batch, sm_mqtt_outbox *outbox) {
  if (batch->pubacks.err != SM_OK) outbox->bytes.err = batch->pubacks.err;
  sm_buf_append(&outbox->bytes, batch->pubacks.data, batch->pubacks.len);
  outbox->pubacks += batch->acks;
  batch->acks = 0;
  sm_buf_clear(&batch->pubacks);
  sm_mqtt_outgoing_make_ready(&batch->outgoing);
  sm_mqtt_outgoing_release(&batch->outgoing, &outbox->bytes);
}

void sm_mqtt_batch_speak(sm_mqtt_batch *batch, sm_mqtt_outbox *outbox) {
  assert(!sm_mqtt_batch_pending(batch));
  batch->speaking = true;
  batch->sink.speak(batch->sink.context);
  batch->speaking = false;
  sm_mqtt_batch_release(batch, outbox);
}

sm_err sm_mqtt_batch_retain(sm_mqtt_batch *batch, const char *topic, const void *payload,
                            size_t payload_len, sm_mqtt_sent *sent) {
  assert(batch->speaking);
  sm_err err = sm_mqtt_outgoing_add(&batch->outgoing, topic, payload, payload_len, true, NULL);
  if (err == SM_OK && sent != NULL)
    *sent = (sm_mqtt_sent){batch->outgoing.connection, batch->outgoing.added};
  return err;
}

sm_err sm_mqtt_batch_publish(sm_mqtt_batch *batch, const char *topic, const void *payload,
                             size_t payload_len) {
  assert(batch->calling || batch->speaking);
  return sm_mqtt_outgoing_add(&batch->outgoing, topic, payload, payload_len, false, NULL);
}
