#include "store/embedded/quarter_block.h"

#include "base/crc32.h"

#include <stdlib.h>
#include <string.h>

void sm_quarter_block_encode(const sm_quarter *quarters, size_t count, sm_buf *out) {
  size_t from = out->len;
  sm_buf_append(out, quarters, count * sizeof *quarters);
  if (out->err != SM_OK) return;
  uint32_t crc = sm_crc32(out->data + from, out->len - from);
  sm_buf_append(out, &crc, sizeof crc);
}

sm_err sm_quarter_block_decode(const uint8_t *data, size_t len, sm_quarter **quarters,
                               size_t *count) {
  uint32_t crc;
  if (len <= sizeof crc || (len - sizeof crc) % sizeof **quarters != 0) return SM_ERR_CORRUPT;
  size_t bytes = len - sizeof crc;
  memcpy(&crc, data + bytes, sizeof crc);
  if (crc != sm_crc32(data, bytes)) return SM_ERR_CORRUPT;
  sm_quarter *out = malloc(bytes);
  if (out == NULL) return SM_ERR_NOMEM;
  memcpy(out, data, bytes);
  *quarters = out;
  *count = bytes / sizeof *out;
  return SM_OK;
}
