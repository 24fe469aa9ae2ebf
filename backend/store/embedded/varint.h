/* Variable-length integers over a buffer and a bounded cursor. A read past the end or of a
 * malformed varint makes the cursor bad and gives 0 from then on, so a decoder checks once. */
#ifndef SM_STORE_EMBEDDED_VARINT_H
#define SM_STORE_EMBEDDED_VARINT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_cursor {
  const uint8_t *at;
  const uint8_t *end;
  bool bad;
} sm_cursor;

void sm_varint_put(sm_buf *out, uint64_t value);
void sm_varint_put_signed(sm_buf *out, int64_t value);
uint64_t sm_varint_get(sm_cursor *in);
int64_t sm_varint_get_signed(sm_cursor *in);
uint8_t sm_byte_get(sm_cursor *in);

#endif
