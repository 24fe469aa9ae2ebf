/* A ring log, or settings, with anything in the flash: mounting must live through it, what is read
 * must bear its checksum, and the log must go on with numbers that were not used.
 *
 * The input is a list of patches to a small log that was made well: u8 kind and sector, u16 place,
 * u8 length, bytes. Of the kind's bits, 0x80 mends the checksum of the record, header or mark that
 * the patch begins in, so that what is behind the checksums is reached too. */
#include "core/bytes.h"
#include "core/crc.h"
#include "core/ring.h"
#include "core/settings.h"
#include "core/stamp.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SECTORS = 5, EPOCH = 7, SIZE = SECTORS * EDGE_SECTOR_SIZE, MADE = 200 };

static uint8_t flash_bytes[SIZE];
static uint8_t made[SIZE];

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  (void)context;
  if (at > SIZE || len > SIZE - at) abort();
  memcpy(bytes, flash_bytes + at, len);
  return true;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  (void)context;
  const uint8_t *from = bytes;
  if (at > SIZE || len > SIZE - at) abort();
  for (size_t i = 0; i < len; i++) flash_bytes[at + i] &= from[i];
  return true;
}

static bool erase_flash(void *context, uint32_t sector) {
  (void)context;
  if (sector >= SECTORS) abort();
  memset(flash_bytes + sector * EDGE_SECTOR_SIZE, 0xFF, EDGE_SECTOR_SIZE);
  return true;
}

static edge_flash port(uint32_t sectors) {
  return (edge_flash){NULL, sectors, read_flash, write_flash, erase_flash};
}

static void make(void) {
  edge_ring ring;
  edge_flash flash = port(SECTORS);
  memset(flash_bytes, 0xFF, SIZE);
  if (!edge_ring_mount(&ring, &flash, EPOCH, 1)) abort();
  for (uint32_t n = 1; n <= MADE; n++) {
    edge_record record = {.wall_s = n % 3 ? 0 : 1700000000 + n, .uptime_s = n, .boot = 1};
    uint32_t seq;
    if (!edge_ring_append(&ring, &record, &seq)) abort();
    if (n % 10 == 0) (void)edge_ring_ack(&ring, seq - 5);
  }
  memcpy(made, flash_bytes, SIZE);
}

static void mend(uint32_t at) {
  if (at < EDGE_RING_MARK_SECTORS * EDGE_SECTOR_SIZE) {
    uint8_t *mark = flash_bytes + at / 16 * 16;
    edge_put_u32(mark + 12, edge_crc32(0, mark, 12));
    return;
  }
  uint8_t *record = flash_bytes + at / EDGE_RECORD_LEN * EDGE_RECORD_LEN;
  if (at % EDGE_SECTOR_SIZE < EDGE_RECORD_LEN) {
    edge_put_u32(record + 28, edge_crc32(0, record, 28));
    return;
  }
  uint32_t sector = at / EDGE_SECTOR_SIZE - EDGE_RING_MARK_SECTORS;
  uint32_t slot = at % EDGE_SECTOR_SIZE / EDGE_RECORD_LEN - 1;
  edge_record r = {.wall_s = edge_get_u32(record),
                   .uptime_s = edge_get_u32(record + 4),
                   .boot = edge_get_u16(record + 8)};
  edge_record_write(&r, EPOCH, sector * EDGE_RING_SLOTS + slot + 1, record);
}

static void patch(const uint8_t *data, size_t size) {
  while (size >= 4) {
    uint32_t at = (data[0] & 7U) % SECTORS * EDGE_SECTOR_SIZE + (edge_get_u16(data + 1) & 0xFFFU);
    size_t len = data[3] < size - 4 ? data[3] : size - 4;
    if (len > SIZE - at) len = SIZE - at;
    memcpy(flash_bytes + at, data + 4, len);
    if (data[0] & 0x80) mend(at);
    data += 4 + len;
    size -= 4 + len;
  }
}

static void read_all(edge_ring *ring) {
  edge_record record;
  edge_stamp stamp = {0};
  uint32_t wall_s;
  uint32_t before = 0;
  for (uint32_t seq = edge_ring_first(ring); edge_ring_seek(ring, &seq, &record); seq++) {
    if (seq <= before || seq <= ring->acked || seq >= edge_ring_next(ring)) abort();
    before = seq;
    (void)edge_stamp_of(&stamp, ring, seq, &record, &wall_s);
  }
}

static void go_on(edge_ring *ring) {
  uint32_t last = edge_ring_next(ring) - 1;
  for (int i = 0; i < 60; i++) {
    edge_record record = {.wall_s = 1800000000, .uptime_s = 1, .boot = 2};
    uint32_t seq;
    if (!edge_ring_append(ring, &record, &seq)) return; /* the last number is used up */
    if (seq <= last) abort();
    last = seq;
    if (!edge_ring_get(ring, seq, &record) || record.wall_s != 1800000000) abort();
  }
  if (!edge_ring_ack(ring, last)) abort();
  edge_ring again;
  edge_flash flash = port(SECTORS);
  if (!edge_ring_mount(&again, &flash, EPOCH, 1)) abort();
  if (edge_ring_next(&again) <= last) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (made[0] == 0) make();
  memcpy(flash_bytes, made, SIZE);
  edge_ring ring;
  edge_flash flash = port(SECTORS);
  patch(data, size);
  if (!edge_ring_mount(&ring, &flash, EPOCH, 1)) abort();
  read_all(&ring);
  go_on(&ring);

  /* The same bytes as settings, mended if they are long enough to be some. */
  memset(flash_bytes, 0xFF, SIZE);
  size_t len = size < 2 * EDGE_SECTOR_SIZE ? size : 2 * EDGE_SECTOR_SIZE;
  memcpy(flash_bytes, data, len);
  if (len >= 16) {
    uint32_t body = edge_get_u16(flash_bytes + 6) % (uint32_t)(len - 15);
    edge_put_u32(flash_bytes, 0x31434D53);
    edge_put_u16(flash_bytes + 6, body);
    edge_put_u32(flash_bytes + 12 + body, edge_crc32(0, flash_bytes, 12 + body));
  }
  edge_settings_store store;
  edge_settings settings;
  edge_flash two = port(EDGE_SETTINGS_SECTORS);
  if (!edge_settings_load(&store, &two, &settings)) abort();
  if (strlen(settings.device_id) > EDGE_SETTINGS_TEXT_MAX || settings.interval_s == 0) abort();
  edge_settings again;
  if (!edge_settings_save(&store, &settings) || !edge_settings_load(&store, &two, &again)) abort();
  if (memcmp(&again, &settings, sizeof again) != 0) abort();
  return 0;
}
