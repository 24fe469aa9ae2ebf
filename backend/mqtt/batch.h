/* What has been handed to the owner and is not durable yet, with what goes to the broker once it
 * is: the PUBACKs in order of arrival, then the owner's own messages.
 *
 * A batch may outlive its connection: the owner has taken the messages and there is no way to take
 * them back, so it is committed all the same, but its PUBACKs are forgotten. They would mean
 * something else on the next connection; the broker sends those messages again. */
#ifndef SM_MQTT_BATCH_H
#define SM_MQTT_BATCH_H

#include "mqtt/backoff.h"
#include "mqtt/control.h"
#include "mqtt/outbox.h"
#include "mqtt/outgoing.h"
#include "mqtt/packet.h"

typedef struct sm_mqtt_batch {
  sm_mqtt_sink sink;
  sm_mqtt_counts *counts; /* borrowed */

  size_t messages;  /* taken since the last successful commit */
  int64_t begun_ms; /* steady clock: when the first of them was taken */
  size_t acks;      /* PUBACKs in `pubacks` */
  sm_buf pubacks;
  sm_mqtt_outgoing outgoing; /* the owner's messages */

  sm_err stalled; /* why the last commit failed; SM_OK: it did not */
  sm_mqtt_backoff backoff;
  int64_t retry_ms; /* steady clock: when to try again */

  bool calling;  /* the owner's code runs */
  bool speaking; /* in its `speak` */
} sm_mqtt_batch;

void sm_mqtt_batch_init(sm_mqtt_batch *batch, const sm_mqtt_sink *sink, sm_mqtt_counts *counts);
void sm_mqtt_batch_fini(sm_mqtt_batch *batch);

void sm_mqtt_batch_disconnected(sm_mqtt_batch *batch);

/* Hands a PUBLISH to the owner. */
void sm_mqtt_batch_take(sm_mqtt_batch *batch, const sm_mqtt_packet *packet, int64_t now_ms);
/* Acknowledges one, in its turn, that the owner does not get. */
void sm_mqtt_batch_skip(sm_mqtt_batch *batch, const sm_mqtt_packet *packet);
/* Something waits for a commit. */
bool sm_mqtt_batch_pending(const sm_mqtt_batch *batch);
/* Makes it durable. On failure it stays pending, is `stalled`, and retry_ms says when to try again:
 * the first failure of a row and its end are logged. */
SM_MUST_CHECK sm_err sm_mqtt_batch_commit(sm_mqtt_batch *batch);
/* After a commit: queues PUBACKs and the owner's messages for sending. A failure for want of memory
 * shows in the outbox. */
void sm_mqtt_batch_release(sm_mqtt_batch *batch, sm_mqtt_outbox *outbox);

/* Lets the owner speak, and queues what it says for sending. Not while something is pending. */
void sm_mqtt_batch_speak(sm_mqtt_batch *batch, sm_mqtt_outbox *outbox);

/* The owner's messages: see sm_mqtt_subscriber_publish and …_retain. */
SM_MUST_CHECK sm_err sm_mqtt_batch_publish(sm_mqtt_batch *batch, const char *topic,
                                           const void *payload, size_t payload_len);
SM_MUST_CHECK sm_err sm_mqtt_batch_retain(sm_mqtt_batch *batch, const char *topic,
                                          const void *payload, size_t payload_len,
                                          sm_mqtt_sent *sent);

#endif
