/* Flash in memory, for tests: NOR rules, a count of the work done, and a power cut in the middle of
 * any write or erase. After the cut nothing works until the power is back, and what is in the flash
 * is what a real one would have. */
#ifndef EDGE_CORE_TEST_FLASH_H
#define EDGE_CORE_TEST_FLASH_H

#include "core/flash.h"

enum { TEST_FLASH_SECTORS_MAX = 256 };

typedef struct test_flash {
  uint8_t *bytes; /* owned */
  uint32_t sectors;
  uint32_t writes;
  uint32_t bytes_written;
  uint32_t erases[TEST_FLASH_SECTORS_MAX];
  uint32_t operations; /* writes and erases since the power is on */
  /* The power goes in operation cut_at (0: the first), when cut_byte bytes of it are done;
   * UINT32_MAX: never. */
  uint32_t cut_at;
  uint32_t cut_byte;
  bool erase_backwards; /* the bytes of a sector are erased from its end */
  bool off;
  uint32_t last_len; /* of the operation that was cut, or of the last one */
  int32_t worn;      /* writes do nothing in this sector; -1: none is worn out */
} test_flash;

/* All erased. */
void test_flash_init(test_flash *flash, uint32_t sectors);
void test_flash_fini(test_flash *flash);
void test_flash_power_on(test_flash *flash);
edge_flash test_flash_port(test_flash *flash);

#endif
