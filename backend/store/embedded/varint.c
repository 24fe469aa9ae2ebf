#include "store/embedded/varint.h"

void sm_varint_put(sm_buf *out, uint64_t value) {
  uint8_t bytes[10];
  size_t n = 0;
  while (value >= 0x80) {
    bytes[n++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  bytes[n++] = (uint8_t)value;
  sm_buf_append(out, bytes, n);
}

void sm_varint_put_signed(sm_buf *out, int64_t value) {
  uint64_t bits = (uint64_t)value << 1;
  sm_varint_put(out, value < 0 ? ~bits : bits);
}

uint8_t sm_byte_get(sm_cursor *in) {
  if (in->bad || in->at == in->end) {
    in->bad = true;
    return 0;
  }
  return *in->at++;
}

uint64_t sm_varint_get(sm_cursor *in) {
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

int64_t sm_varint_get_signed(sm_cursor *in) {
  uint64_t bits = sm_varint_get(in);
  uint64_t half = bits >> 1;
  return (int64_t)((bits & 1) != 0 ? ~half : half);
}
