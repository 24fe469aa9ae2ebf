/* What an import says to a running server over the socket in the data folder, and what it is
 * answered: frames of a length, a CRC-32 and a body, whose first byte is its kind. Integers are
 * little-endian. One version of the protocol is one number in `hello`; another one is refused.
 *
 *   hello    client and server: version
 *   batch    client: readings and refusals, to be stored in one step
 *   verdicts server: one byte a reading, once all of it is durable
 *   sorry    server: what is wrong, as a sentence; nothing of the batch was stored
 *
 * Pure: no I/O. Nothing that is decoded is trusted: bounds, ranges, CRC. */
#ifndef SM_TRANSFER_IMPORT_WIRE_H
#define SM_TRANSFER_IMPORT_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include "store/readings.h"

#include <stddef.h>
#include <stdint.h>

enum {
  SM_WIRE_VERSION = 1,
  SM_WIRE_HEAD = 8,            /* bytes before a body */
  SM_WIRE_BODY_MAX = 1 << 20,  /* bytes of a body */
  SM_WIRE_READINGS_MAX = 4096, /* of a batch */
  SM_WIRE_REJECTS_MAX = 4096   /* of a batch */
};

typedef enum sm_wire_kind {
  SM_WIRE_HELLO = 'H',
  SM_WIRE_BATCH = 'B',
  SM_WIRE_VERDICTS = 'V',
  SM_WIRE_SORRY = 'S'
} sm_wire_kind;

/* A body as it lies in the receiver's buffer. */
typedef struct sm_wire_body {
  sm_wire_kind kind;
  const uint8_t *data; /* behind the kind */
  size_t len;
} sm_wire_body;

/* Looks for a frame at the start of `data`: *frame_len is its length, 0 while it is not all there.
 * SM_ERR_SYNTAX: too long, no known kind, or a wrong CRC; the connection is of no more use. */
SM_MUST_CHECK sm_err sm_wire_take(const uint8_t *data, size_t len, sm_wire_body *body,
                                  size_t *frame_len);

/* Append one frame; a failure sticks in out->err. */
void sm_wire_put_hello(sm_buf *out);
void sm_wire_put_batch(sm_buf *out, const sm_readings_batch *batch);
void sm_wire_put_verdicts(sm_buf *out, const sm_readings_batch *batch);
void sm_wire_put_sorry(sm_buf *out, const char *sentence);

SM_MUST_CHECK sm_err sm_wire_read_hello(const sm_wire_body *body, uint16_t *version);
/* Sets the verdicts of a batch. SM_ERR_SYNTAX: they are not those of a batch of this size. */
SM_MUST_CHECK sm_err sm_wire_read_verdicts(const sm_wire_body *body, sm_readings_batch *batch);

/* Room for one decoded batch; texts stay in the receiver's buffer, ids here. */
typedef struct sm_wire_room {
  sm_reading_in *readings; /* SM_WIRE_READINGS_MAX */
  sm_reject_in *rejects;   /* SM_WIRE_REJECTS_MAX */
  char (*ids)[SM_DEVICE_ID_MAX + 1];
} sm_wire_room;
SM_MUST_CHECK sm_err sm_wire_room_init(sm_wire_room *room); /* SM_ERR_NOMEM; fini in any case */
void sm_wire_room_fini(sm_wire_room *room);
/* The batch of a body. SM_ERR_SYNTAX: not one. SM_ERR_RANGE: a reading is not one that ingest
 * would have let through at now_ms. */
SM_MUST_CHECK sm_err sm_wire_read_batch(const sm_wire_body *body, int64_t now_ms,
                                        sm_wire_room *room, sm_readings_batch *batch);

#endif
