/* Stored blocks, journal rows and quarters with any damage, the checksums mended so that the
 * decoders themselves are reached. What decodes must encode to what decodes to the same.
 *
 * An input that begins with a 2 is a block of version 2 without its two checksums, and its second
 * byte says how many bytes the head has behind the version; any other is taken as it is. */
#include "base/crc32.h"
#include "store/embedded/block.h"
#include "store/embedded/journal.h"
#include "store/embedded/quarter_block.h"
#include "store/embedded/reading_column.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_block_again(const sm_reading *readings, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_block_encode(readings, count, &buf);
  sm_reading *again = NULL;
  size_t n = 0;
  if (buf.err != SM_OK ||
      sm_block_decode((const uint8_t *)buf.data, buf.len, &again, &n) != SM_OK || n != count)
    abort();
  for (size_t i = 0; i < n; i++)
    if (readings[i].ts_ms != again[i].ts_ms || !sm_reading_equal(&readings[i], &again[i])) abort();
  free(again);
  sm_buf_fini(&buf);
}

static void check_quarters_again(const sm_quarter *quarters, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_quarter_block_encode(quarters, count, &buf);
  sm_quarter *again = NULL;
  size_t n = 0;
  if (buf.err != SM_OK ||
      sm_quarter_block_decode((const uint8_t *)buf.data, buf.len, &again, &n) != SM_OK ||
      n != count)
    abort();
  for (size_t i = 0; i < n; i++)
    if (quarters[i].start_ms != again[i].start_ms || quarters[i].last.wh != again[i].last.wh ||
        quarters[i].power_sum_mw != again[i].power_sum_mw || quarters[i].fell != again[i].fell)
      abort();
  free(again);
  sm_buf_fini(&buf);
}

/* The input with its checksums. */
static void assemble(const uint8_t *data, size_t size, sm_buf *out) {
  if (size < 2 || data[0] != 2) {
    sm_buf_append(out, data, size);
  } else {
    size_t rest = size - 2;
    size_t head = data[1] < rest ? data[1] : rest;
    sm_buf_append_char(out, 2);
    sm_buf_append(out, data + 2, head);
    sm_crc_put(out, 0);
    sm_buf_append(out, data + 2 + head, rest - head);
  }
  sm_crc_put(out, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  sm_buf buf;
  sm_buf_init(&buf, 0);
  assemble(data, size, &buf);
  const uint8_t *bytes = (const uint8_t *)buf.data;
  size_t count = 0;
  sm_reading *readings = NULL;
  if (sm_block_decode(bytes, buf.len, &readings, &count) == SM_OK)
    check_block_again(readings, count);
  free(readings);
  sm_block_info info;
  if (sm_block_peek(bytes, buf.len, &info) == SM_OK && info.count == 0) abort();
  sm_journal_item *items = NULL;
  if (sm_journal_decode(bytes, buf.len, &items, &count) == SM_OK && count == 0) abort();
  free(items);
  sm_quarter *quarters = NULL;
  if (sm_quarter_block_decode(bytes, buf.len, &quarters, &count) == SM_OK)
    check_quarters_again(quarters, count);
  free(quarters);
  sm_buf_fini(&buf);
  return 0;
}
