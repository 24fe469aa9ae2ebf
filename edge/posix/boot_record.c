#include "posix/boot_record.h"

#include "core/bytes.h"
#include "core/crc.h"

#include <string.h>

enum { HEAD_LEN = 12, SLOT_LEN = 4 + BOOT_SHA_LEN, CRC_AT = HEAD_LEN + BOOT_SLOTS * SLOT_LEN };
static const uint32_t magic = 0x31424D53; /* "SMB1" */

static bool read_sector(const edge_flash *flash, uint32_t sector, uint8_t bytes[CRC_AT + 4]) {
  return flash->read(flash->context, sector * EDGE_SECTOR_SIZE, bytes, CRC_AT + 4) &&
         edge_get_u32(bytes) == magic &&
         edge_get_u32(bytes + CRC_AT) == edge_crc32(0, bytes, CRC_AT) && bytes[8] <= BOOT_FACTORY &&
         bytes[9] <= BOOT_NONE && bytes[9] != BOOT_FACTORY;
}

static void take(boot_record *r, uint32_t sector, const uint8_t *bytes) {
  r->sector = sector;
  r->generation = edge_get_u32(bytes + 4);
  r->active = (boot_image)bytes[8];
  r->trial = (boot_image)bytes[9];
  r->begun = bytes[10] != 0;
  for (unsigned i = 0; i < BOOT_SLOTS; i++) {
    const uint8_t *from = bytes + HEAD_LEN + i * SLOT_LEN;
    r->slots[i].size = edge_get_u32(from);
    memcpy(r->slots[i].sha256, from + 4, BOOT_SHA_LEN);
  }
}

bool boot_record_load(boot_record *record, const edge_flash *flash) {
  uint8_t bytes[CRC_AT + 4];
  bool found = false;
  memset(record, 0, sizeof *record);
  record->flash = *flash;
  record->active = BOOT_FACTORY;
  record->trial = BOOT_NONE;
  for (uint32_t sector = 0; sector < BOOT_RECORD_SECTORS; sector++) {
    if (!read_sector(flash, sector, bytes)) continue;
    if (found && edge_get_u32(bytes + 4) < record->generation) continue;
    take(record, sector, bytes);
    found = true;
  }
  return found || flash->read(flash->context, 0, bytes, sizeof bytes);
}

/* `next` becomes the record if the flash takes it. */
static bool put(boot_record *record, boot_record next) {
  uint8_t bytes[CRC_AT + 4];
  memset(bytes, 0xFF, sizeof bytes);
  next.generation = record->generation + 1;
  next.sector = record->generation == 0 ? 0 : 1 - record->sector;
  edge_put_u32(bytes, magic);
  edge_put_u32(bytes + 4, next.generation);
  bytes[8] = (uint8_t)next.active;
  bytes[9] = (uint8_t)next.trial;
  bytes[10] = next.begun;
  for (unsigned i = 0; i < BOOT_SLOTS; i++) {
    uint8_t *to = bytes + HEAD_LEN + i * SLOT_LEN;
    edge_put_u32(to, next.slots[i].size);
    memcpy(to + 4, next.slots[i].sha256, BOOT_SHA_LEN);
  }
  edge_put_u32(bytes + CRC_AT, edge_crc32(0, bytes, CRC_AT));
  if (!next.flash.erase(next.flash.context, next.sector) ||
      !edge_flash_put(&next.flash, next.sector * EDGE_SECTOR_SIZE, bytes, sizeof bytes))
    return false;
  *record = next;
  return true;
}

boot_image boot_record_next(boot_record *record, bool *on_trial) {
  boot_record next = *record;
  *on_trial = false;
  if (record->trial == BOOT_NONE) return record->active;
  if (!record->begun) {
    next.begun = true;
    if (!put(record, next)) return record->active;
    *on_trial = true;
    return record->trial;
  }
  next.trial = BOOT_NONE;
  next.begun = false;
  /* If the flash does not take it, the next start comes to the same. */
  if (!put(record, next)) record->trial = BOOT_NONE;
  return record->active;
}

void boot_record_drop(boot_record *record, boot_image image) {
  boot_record next = *record;
  if (image == record->trial) {
    next.trial = BOOT_NONE;
    next.begun = false;
  }
  if (image == record->active) next.active = BOOT_FACTORY;
  if (!put(record, next)) {
    next.generation = record->generation;
    next.sector = record->sector;
    *record = next; /* for this start */
  }
}

boot_image boot_record_free_slot(boot_image running) {
  return running == BOOT_SLOT_0 ? BOOT_SLOT_1 : BOOT_SLOT_0;
}

bool boot_record_try(boot_record *record, boot_image slot, uint32_t size,
                     const uint8_t sha256[BOOT_SHA_LEN]) {
  boot_record next = *record;
  next.trial = slot;
  next.begun = false;
  next.slots[slot].size = size;
  memcpy(next.slots[slot].sha256, sha256, BOOT_SHA_LEN);
  return put(record, next);
}

bool boot_record_confirm(boot_record *record) {
  boot_record next = *record;
  if (record->trial == BOOT_NONE) return true;
  next.active = record->trial;
  next.trial = BOOT_NONE;
  next.begun = false;
  return put(record, next);
}
