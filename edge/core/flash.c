#include "core/flash.h"

#include <string.h>

enum { PIECE = 64 };

bool edge_flash_put(const edge_flash *flash, uint32_t at, const uint8_t *bytes, size_t len) {
  if (!flash->write(flash->context, at, bytes, len)) return false;
  uint8_t there[PIECE];
  for (size_t done = 0; done < len;) {
    size_t piece = len - done < PIECE ? len - done : PIECE;
    if (!flash->read(flash->context, at + (uint32_t)done, there, piece) ||
        memcmp(there, bytes + done, piece) != 0)
      return false;
    done += piece;
  }
  return true;
}

bool edge_flash_blank(const edge_flash *flash, uint32_t at, size_t len) {
  uint8_t there[PIECE];
  for (size_t done = 0; done < len;) {
    size_t piece = len - done < PIECE ? len - done : PIECE;
    if (!flash->read(flash->context, at + (uint32_t)done, there, piece)) return false;
    for (size_t i = 0; i < piece; i++)
      if (there[i] != 0xFF) return false;
    done += piece;
  }
  return true;
}
