/* What comes by the import's socket. The CRC is made right, or nothing would get past it; what is
 * then taken for a batch must be one, and be written again as it was read. */
#include "base/crc32.h"
#include "transfer/import_wire.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = 1769680000000;

static void check_batch(const sm_readings_batch *batch) {
  for (size_t i = 0; i < batch->reading_count; i++) {
    const sm_reading_in *in = &batch->readings[i];
    if (!sm_device_id_valid(in->device_id, strlen(in->device_id))) abort();
    if (in->reading.ts_ms > now_ms + 300000 || in->mark.present) abort();
  }
  sm_buf again;
  sm_buf_init(&again, 0);
  sm_wire_put_batch(&again, batch);
  sm_wire_body body;
  size_t len = 0;
  sm_err err = again.err;
  if (err == SM_OK && again.len <= SM_WIRE_HEAD + SM_WIRE_BODY_MAX)
    err = sm_wire_take((const uint8_t *)again.data, again.len, &body, &len);
  if (err != SM_OK) abort();
  sm_buf_fini(&again);
}

/* The room is made once: a megabyte a run would be most of its time. */
static void read_body(const sm_wire_body *body) {
  static sm_wire_room room;
  sm_readings_batch batch;
  uint16_t version;
  if (room.readings == NULL && sm_wire_room_init(&room) != SM_OK) abort();
  if (sm_wire_read_hello(body, &version) == SM_OK && body->kind != SM_WIRE_HELLO) abort();
  if (sm_wire_read_batch(body, now_ms, &room, &batch) != SM_OK) return;
  check_batch(&batch);
  if (sm_wire_read_verdicts(body, &batch) == SM_OK) abort(); /* it is a batch */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_wire_body body;
  size_t len = 0;
  if (sm_wire_take(data, size, &body, &len) == SM_OK && len > size) abort();
  if (size == 0 || size > SM_WIRE_BODY_MAX) return 0;
  uint8_t *frame = malloc(SM_WIRE_HEAD + size);
  if (frame == NULL) return 0;
  uint32_t head[2] = {(uint32_t)size, sm_crc32(data, size)};
  for (size_t i = 0; i < SM_WIRE_HEAD; i++) frame[i] = (uint8_t)(head[i / 4] >> (8 * (i % 4)));
  memcpy(frame + SM_WIRE_HEAD, data, size);
  if (sm_wire_take(frame, SM_WIRE_HEAD + size, &body, &len) == SM_OK && len > 0) read_body(&body);
  free(frame);
  return 0;
}
