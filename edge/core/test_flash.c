#include "core/test_flash.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const test_flash *f) {
  return (size_t)f->sectors * EDGE_SECTOR_SIZE;
}

void test_flash_init(test_flash *flash, uint32_t sectors) {
  if (sectors > TEST_FLASH_SECTORS_MAX) abort();
  *flash = (test_flash){.sectors = sectors, .worn = -1};
  flash->bytes = malloc(size_of(flash));
  if (flash->bytes == NULL) abort();
  memset(flash->bytes, 0xFF, size_of(flash));
  test_flash_power_on(flash);
}

void test_flash_fini(test_flash *flash) {
  free(flash->bytes);
}

void test_flash_power_on(test_flash *flash) {
  flash->off = false;
  flash->operations = 0;
  flash->cut_at = UINT32_MAX;
}

/* How much of an operation of `len` bytes is done. */
static size_t done_of(test_flash *f, size_t len) {
  f->last_len = (uint32_t)len;
  if (f->operations++ != f->cut_at) return len;
  f->off = true;
  return f->cut_byte < len ? f->cut_byte : len;
}

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  test_flash *f = context;
  if (at + len > size_of(f)) abort();
  if (f->off) return false;
  memcpy(bytes, f->bytes + at, len);
  return true;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  test_flash *f = context;
  const uint8_t *from = bytes;
  if (at + len > size_of(f) || at / EDGE_SECTOR_SIZE != (at + len - 1) / EDGE_SECTOR_SIZE) abort();
  if (f->off) return false;
  size_t done = done_of(f, len);
  if (f->worn == (int32_t)(at / EDGE_SECTOR_SIZE)) done = 0;
  for (size_t i = 0; i < done; i++) f->bytes[at + i] &= from[i];
  f->writes++;
  f->bytes_written += (uint32_t)done;
  return !f->off;
}

static bool erase_flash(void *context, uint32_t sector) {
  test_flash *f = context;
  if (sector >= f->sectors) abort();
  if (f->off) return false;
  size_t done = done_of(f, EDGE_SECTOR_SIZE);
  uint8_t *at = f->bytes + (size_t)sector * EDGE_SECTOR_SIZE;
  memset(f->erase_backwards ? at + EDGE_SECTOR_SIZE - done : at, 0xFF, done);
  f->erases[sector]++;
  return !f->off;
}

edge_flash test_flash_port(test_flash *flash) {
  return (edge_flash){.context = flash,
                      .sectors = flash->sectors,
                      .read = read_flash,
                      .write = write_flash,
                      .erase = erase_flash};
}
