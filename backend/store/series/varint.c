#include "store/series/varint.h"

void sm_varint_put(sm_buf *out, uint64_t value) {
  uint8_t bytes[SM_VARINT_BYTES_MAX];
  sm_buf_append(out, bytes, (size_t)(sm_varint_write(bytes, value) - bytes));
}

void sm_varint_put_signed(sm_buf *out, int64_t value) {
  sm_varint_put(out, sm_zigzag(value));
}

uint8_t sm_byte_get(sm_cursor *in) {
  if (in->bad || in->at == in->end) {
    in->bad = true;
    return 0;
  }
  return *in->at++;
}

/* Where no number can reach the end, nothing has to be looked at but its bytes. */
static uint64_t get_within(sm_cursor *in) {
  const uint8_t *at = in->at;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = *at++;
    if (shift == 63 && byte > 1) break;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) != 0) continue;
    in->at = at;
    return value;
  }
  in->bad = true;
  return 0;
}

uint64_t sm_varint_get_long(sm_cursor *in) {
  if (!in->bad && in->end - in->at >= SM_VARINT_BYTES_MAX) return get_within(in);
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = sm_byte_get(in);
    if (shift == 63 && byte > 1) break;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return in->bad ? 0 : value;
  }
  in->bad = true;
  return 0;
}
