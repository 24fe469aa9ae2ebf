/* A stretch of NOR flash, as the port gives it: erased bytes are 0xFF, a write only clears bits, an
 * erase takes a whole sector. A write or erase that power cuts off may have done any part of its
 * work; those who use it must bear that. */
#ifndef EDGE_CORE_FLASH_H
#define EDGE_CORE_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDGE_SECTOR_SIZE = 4096 };

typedef struct edge_flash {
  void *context;
  uint32_t sectors; /* of EDGE_SECTOR_SIZE bytes */
  /* False: the flash failed. `at` is from the begin of the stretch. */
  bool (*read)(void *context, uint32_t at, void *bytes, size_t len);
  bool (*write)(void *context, uint32_t at, const void *bytes, size_t len);
  bool (*erase)(void *context, uint32_t sector);
} edge_flash;

/* Writes, and reads back what is there now: flash that is worn out does not say so itself. */
bool edge_flash_put(const edge_flash *flash, uint32_t at, const uint8_t *bytes, size_t len);
/* Whether all of it is erased. False too if it cannot be read. */
bool edge_flash_blank(const edge_flash *flash, uint32_t at, size_t len);

#endif
