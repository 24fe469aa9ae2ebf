#include "mqtt/outgoing.h"

#include "mqtt/topic.h"
#include "mqtt/varint.h"

#include <stdatomic.h>
#include <string.h>

enum {
  BYTES_MAX = 16 * 1024 * 1024,
  PAYLOAD_MAX = 256 * 1024 * 1024 - 128 * 1024,
  PACKETS_MAX = 32768 /* half of all packet ids: one in use is never given out again */
};

void sm_mqtt_outgoing_init(sm_mqtt_outgoing *outgoing) {
  *outgoing = (sm_mqtt_outgoing){.connected = false};
  sm_buf_init(&outgoing->bytes, 0);
}

void sm_mqtt_outgoing_fini(sm_mqtt_outgoing *outgoing) {
  sm_buf_fini(&outgoing->bytes);
}

static void forget(sm_mqtt_outgoing *outgoing) {
  sm_buf_clear(&outgoing->bytes);
  outgoing->sent = 0;
  outgoing->count = 0;
  outgoing->ready = 0;
  outgoing->in_flight = 0;
  outgoing->added = 0;
  outgoing->answered = 0;
}

/* Of all subscribers, so that what one handed over is not taken for another one's. */
static atomic_uint_fast64_t connections;

void sm_mqtt_outgoing_connected(sm_mqtt_outgoing *outgoing, sm_mqtt_version version,
                                const sm_mqtt_terms *terms) {
  forget(outgoing);
  outgoing->version = version;
  outgoing->terms = *terms;
  outgoing->connected = true;
  outgoing->connection = atomic_fetch_add(&connections, 1) + 1;
}

void sm_mqtt_outgoing_disconnected(sm_mqtt_outgoing *outgoing) {
  forget(outgoing);
  outgoing->connected = false;
}

uint16_t sm_mqtt_outgoing_next_id(sm_mqtt_outgoing *outgoing) {
  outgoing->last_id = outgoing->last_id == UINT16_MAX ? 1 : (uint16_t)(outgoing->last_id + 1);
  return outgoing->last_id;
}

/* ---- adding ---- */

sm_mqtt_outgoing_mark sm_mqtt_outgoing_get_mark(const sm_mqtt_outgoing *outgoing) {
  return (sm_mqtt_outgoing_mark){outgoing->bytes.len, outgoing->count, outgoing->last_id};
}

void sm_mqtt_outgoing_go_back(sm_mqtt_outgoing *outgoing, sm_mqtt_outgoing_mark mark) {
  outgoing->bytes.len = mark.len;
  outgoing->bytes.err = SM_OK;
  outgoing->added -= outgoing->count - mark.count;
  outgoing->count = mark.count;
  outgoing->last_id = mark.last_id;
}

sm_err sm_mqtt_outgoing_add(sm_mqtt_outgoing *outgoing, const char *topic, const void *payload,
                            size_t payload_len, bool retained, uint16_t *packet_id) {
  if (!sm_mqtt_topic_valid(topic, strlen(topic))) return SM_ERR_INVALID;
  if (payload_len > PAYLOAD_MAX) return SM_ERR_RANGE;
  if (!outgoing->connected) return SM_ERR_CLOSED;
  size_t queued = outgoing->bytes.len - outgoing->sent;
  if (outgoing->in_flight + outgoing->count >= PACKETS_MAX || payload_len > BYTES_MAX - queued)
    return SM_ERR_FULL;

  sm_mqtt_outgoing_mark before = sm_mqtt_outgoing_get_mark(outgoing);
  uint16_t id = sm_mqtt_outgoing_next_id(outgoing);
  sm_mqtt_encode_publish(&outgoing->bytes, outgoing->version, id, topic, payload, payload_len,
                         retained);
  sm_err err = outgoing->bytes.err;
  if (err == SM_OK && outgoing->bytes.len - before.len > outgoing->terms.packet_max)
    err = SM_ERR_RANGE;
  else if (err == SM_OK && outgoing->bytes.len - outgoing->sent > BYTES_MAX)
    err = SM_ERR_FULL;
  if (err != SM_OK) {
    sm_mqtt_outgoing_go_back(outgoing, before);
    return err;
  }
  outgoing->count++;
  outgoing->added++;
  if (packet_id != NULL) *packet_id = id;
  return SM_OK;
}

/* ---- leaving ---- */

void sm_mqtt_outgoing_make_ready(sm_mqtt_outgoing *outgoing) {
  outgoing->ready = outgoing->count;
}

/* The size of the packet that begins at `at`: we have encoded it. */
static size_t size_of(const sm_mqtt_outgoing *outgoing, size_t at) {
  const uint8_t *bytes = (const uint8_t *)outgoing->bytes.data + at;
  uint32_t remaining = 0;
  size_t size = 0;
  (void)sm_mqtt_varint_read(bytes + 1, outgoing->bytes.len - at - 1, &remaining, &size);
  return 1 + size + remaining;
}

/* Gives back what has left. Each byte moves at most once for each that has. */
static void compact(sm_mqtt_outgoing *outgoing) {
  sm_buf *bytes = &outgoing->bytes;
  size_t left = bytes->len - outgoing->sent;
  if (left > outgoing->sent) return;
  if (left > 0) memmove(bytes->data, bytes->data + outgoing->sent, left);
  bytes->len = left;
  outgoing->sent = 0;
}

void sm_mqtt_outgoing_release(sm_mqtt_outgoing *outgoing, sm_buf *out) {
  size_t begin = outgoing->sent;
  while (outgoing->ready > 0 && outgoing->in_flight < outgoing->terms.receive_max) {
    outgoing->sent += size_of(outgoing, outgoing->sent);
    outgoing->ready--;
    outgoing->count--;
    outgoing->in_flight++;
  }
  if (outgoing->sent == begin) return;
  sm_buf_append(out, outgoing->bytes.data + begin, outgoing->sent - begin);
  compact(outgoing);
}

void sm_mqtt_outgoing_answered(sm_mqtt_outgoing *outgoing) {
  if (outgoing->in_flight == 0) return;
  outgoing->in_flight--;
  outgoing->answered++;
}
