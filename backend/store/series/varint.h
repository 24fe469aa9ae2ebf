/* Variable-length integers over a buffer and a bounded cursor. A read past the end or of a
 * malformed varint makes the cursor bad and gives 0 from then on, so a decoder checks once. */
#ifndef SM_STORE_SERIES_VARINT_H
#define SM_STORE_SERIES_VARINT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_VARINT_BYTES_MAX = 10 };

/* Signed to unsigned and back, small to small. */
static inline uint64_t sm_zigzag(int64_t value) {
  return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}
static inline int64_t sm_unzigzag(uint64_t bits) {
  return (int64_t)((bits >> 1) ^ (0 - (bits & 1)));
}

/* Writes it where there is room for SM_VARINT_BYTES_MAX; gives what is behind it. */
static inline uint8_t *sm_varint_write(uint8_t *at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
  *at++ = (uint8_t)value;
  return at;
}
static inline uint8_t *sm_varint_write_signed(uint8_t *at, int64_t value) {
  return sm_varint_write(at, sm_zigzag(value));
}

typedef struct sm_cursor {
  const uint8_t *at;
  const uint8_t *end;
  bool bad;
} sm_cursor;

void sm_varint_put(sm_buf *out, uint64_t value);
void sm_varint_put_signed(sm_buf *out, int64_t value);
uint64_t sm_varint_get_long(sm_cursor *in);
uint8_t sm_byte_get(sm_cursor *in);

/* Most take one byte. */
static inline uint64_t sm_varint_get(sm_cursor *in) {
  if (!in->bad && in->at < in->end && *in->at < 0x80) return *in->at++;
  return sm_varint_get_long(in);
}
static inline int64_t sm_varint_get_signed(sm_cursor *in) {
  return sm_unzigzag(sm_varint_get(in));
}

#endif
