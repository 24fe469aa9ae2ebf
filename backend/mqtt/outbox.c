#include "mqtt/outbox.h"

#include <string.h>

void sm_mqtt_outbox_init(sm_mqtt_outbox *outbox, int64_t now_ms) {
  *outbox = (sm_mqtt_outbox){.sent_ms = now_ms, .progress_ms = now_ms};
  sm_buf_init(&outbox->bytes, 0);
}

void sm_mqtt_outbox_fini(sm_mqtt_outbox *outbox) {
  /* A CONNECT with its password was here. */
  if (outbox->bytes.data != NULL) explicit_bzero(outbox->bytes.data, outbox->bytes.cap);
  sm_buf_fini(&outbox->bytes);
}

size_t sm_mqtt_outbox_pending(const sm_mqtt_outbox *outbox) {
  return outbox->bytes.len - outbox->sent;
}

sm_err sm_mqtt_outbox_flush(sm_mqtt_outbox *outbox, sm_mqtt_transport *transport, int64_t now_ms,
                            size_t *pubacks, sm_mqtt_reason *reason) {
  sm_buf *bytes = &outbox->bytes;
  if (bytes->err != SM_OK) {
    sm_mqtt_reason_set(reason, "cannot write to the broker: %s", sm_err_text(bytes->err));
    return bytes->err;
  }
  *pubacks = 0;
  if (sm_mqtt_outbox_pending(outbox) == 0) {
    outbox->progress_ms = now_ms;
    return SM_OK;
  }
  size_t sent = 0;
  sm_err err = sm_mqtt_transport_write(transport, bytes->data + outbox->sent,
                                       bytes->len - outbox->sent, &sent, reason);
  if (err != SM_OK) return err;
  if (sent > 0) {
    outbox->sent_ms = now_ms;
    outbox->progress_ms = now_ms;
  }
  outbox->sent += sent;
  if (outbox->sent == bytes->len) {
    sm_buf_clear(bytes);
    outbox->sent = 0;
    *pubacks = outbox->pubacks;
    outbox->pubacks = 0;
  }
  return SM_OK;
}
