/* Stored blocks and journal rows with any damage, the checksum mended so that the decoder itself is
 * reached. What decodes must encode to a block that decodes to the same. */
#include "base/crc32.h"
#include "store/embedded/block.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const sm_reading *readings, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_block_encode(readings, count, &buf);
  sm_reading *again = NULL;
  size_t n = 0;
  if (buf.err != SM_OK ||
      sm_block_decode((const uint8_t *)buf.data, buf.len, &again, &n) != SM_OK || n != count)
    abort();
  for (size_t i = 0; i < n; i++)
    if (!sm_reading_equal(&readings[i], &again[i])) abort();
  free(again);
  sm_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size + 4);
  if (copy == NULL) return 0;
  if (size > 0) memcpy(copy, data, size);
  uint32_t crc = sm_crc32(copy, size);
  for (unsigned i = 0; i < 4; i++) copy[size + i] = (uint8_t)(crc >> (8 * i));
  sm_reading *readings = NULL;
  size_t count = 0;
  if (sm_block_decode(copy, size + 4, &readings, &count) == SM_OK) check_again(readings, count);
  free(readings);
  sm_journal_item *items = NULL;
  if (sm_journal_decode(copy, size + 4, &items, &count) == SM_OK && count == 0) abort();
  free(items);
  free(copy);
  return 0;
}
