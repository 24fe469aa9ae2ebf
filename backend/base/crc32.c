#include "base/crc32.h"

#include <zlib.h>

uint32_t sm_crc32(const void *bytes, size_t len) {
  return (uint32_t)crc32_z(0, bytes, len);
}
