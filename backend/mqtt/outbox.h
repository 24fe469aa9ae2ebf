/* Bytes on their way to the broker: what is queued in one go leaves in one write. */
#ifndef SM_MQTT_OUTBOX_H
#define SM_MQTT_OUTBOX_H

#include "base/buf.h"
#include "mqtt/transport.h"

typedef struct sm_mqtt_outbox {
  sm_buf bytes;        /* encoders append here */
  size_t sent;         /* of these bytes */
  size_t pubacks;      /* among these bytes */
  int64_t sent_ms;     /* steady clock: when a byte last left */
  int64_t progress_ms; /* since when the bytes that are left have not moved */
} sm_mqtt_outbox;

void sm_mqtt_outbox_init(sm_mqtt_outbox *outbox, int64_t now_ms);
void sm_mqtt_outbox_fini(sm_mqtt_outbox *outbox);
size_t sm_mqtt_outbox_pending(const sm_mqtt_outbox *outbox);

/* Writes what the connection takes now. *pubacks is how many PUBACKs have left (0 or all that were
 * queued). Errors of the transport, and of an encoder that failed. */
SM_MUST_CHECK sm_err sm_mqtt_outbox_flush(sm_mqtt_outbox *outbox, sm_mqtt_transport *transport,
                                          int64_t now_ms, size_t *pubacks, sm_mqtt_reason *reason);

#endif
