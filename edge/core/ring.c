#include "core/ring.h"

#include "core/bytes.h"
#include "core/crc.h"

#include <string.h>

enum {
  HEADER_LEN = EDGE_RECORD_LEN,
  HEADER_CRC_AT = HEADER_LEN - 4,
  MARK_LEN = 16,
  MARK_CRC_AT = 12,
  MARKS = EDGE_SECTOR_SIZE / MARK_LEN,
  SECTOR_TRIES = 4
};
static const uint32_t magic = 0x31524D53; /* "SMR1" */

static uint32_t seq_of(uint32_t generation, uint32_t slot) {
  return generation * EDGE_RING_SLOTS + slot + 1;
}
static uint32_t generation_of(uint32_t seq) {
  return (seq - 1) / EDGE_RING_SLOTS;
}

static uint32_t sector_of(const edge_ring *r, uint32_t generation) {
  return EDGE_RING_MARK_SECTORS + generation % r->sectors;
}
static uint32_t sector_at(const edge_ring *r, uint32_t generation) {
  return sector_of(r, generation) * EDGE_SECTOR_SIZE;
}
static uint32_t record_at(const edge_ring *r, uint32_t generation, uint32_t slot) {
  return sector_at(r, generation) + HEADER_LEN + slot * EDGE_RECORD_LEN;
}

/* What is erased is told apart before the checksum, which is most of the work of a mount. */
static bool read_record(const edge_ring *r, uint32_t generation, uint32_t slot,
                        edge_record *record) {
  uint8_t bytes[EDGE_RECORD_LEN];
  if (!r->flash.read(r->flash.context, record_at(r, generation, slot), bytes, sizeof bytes))
    return false;
  size_t blank = 0;
  while (blank < sizeof bytes && bytes[blank] == 0xFF) blank++;
  return blank < sizeof bytes &&
         edge_record_read(bytes, r->epoch, seq_of(generation, slot), record);
}

/* ---- mounting ---- */

typedef struct header {
  uint32_t epoch;
  uint32_t generation;
  uint32_t dropped;
} header;

/* `index` counts the sectors of readings. */
static bool read_header(const edge_ring *r, uint32_t index, header *out) {
  uint8_t bytes[HEADER_LEN];
  uint32_t at = (EDGE_RING_MARK_SECTORS + index) * EDGE_SECTOR_SIZE;
  if (!r->flash.read(r->flash.context, at, bytes, sizeof bytes)) return false;
  if (edge_get_u32(bytes) != magic ||
      edge_get_u32(bytes + HEADER_CRC_AT) != edge_crc32(0, bytes, HEADER_CRC_AT))
    return false;
  out->epoch = edge_get_u32(bytes + 4);
  out->generation = edge_get_u32(bytes + 8);
  out->dropped = edge_get_u32(bytes + 12);
  /* The last ones, whose numbers would not fit, are none. */
  return out->generation % r->sectors == index &&
         out->generation < UINT32_MAX / EDGE_RING_SLOTS - r->sectors;
}

/* Whether any reading stands in the place of that sector, whatever its header says. */
static bool holds_any(const edge_ring *r, uint32_t generation) {
  edge_record record;
  for (uint32_t slot = 0; slot < EDGE_RING_SLOTS; slot++)
    if (read_record(r, generation, slot, &record)) return true;
  return false;
}

/* The newest sector with a header; false: there is none. */
static bool find_newest(edge_ring *r) {
  bool found = false;
  for (uint32_t i = 0; i < r->sectors; i++) {
    header h;
    if (!read_header(r, i, &h) || (found && h.generation <= r->generation)) continue;
    found = true;
    r->epoch = h.epoch;
    r->generation = h.generation;
    r->dropped = h.dropped;
  }
  return found;
}

/* A header that rotted must not hide that its numbers are used. Gives whether there is such a one:
 * nothing more is written there, so that the next sector has a header again. */
static bool look_behind_newest(edge_ring *r) {
  bool found = false;
  for (uint32_t ahead = 1; ahead <= SECTOR_TRIES; ahead++)
    if (holds_any(r, r->generation + ahead)) {
      r->generation += ahead;
      ahead = 0;
      found = true;
    }
  return found;
}

static bool sector_in_use(const edge_ring *r, uint32_t generation) {
  header h;
  if (read_header(r, generation % r->sectors, &h))
    return h.epoch == r->epoch && h.generation == generation;
  return holds_any(r, generation);
}

static void find_oldest(edge_ring *r) {
  r->oldest = r->generation;
  uint32_t reach = r->generation < r->sectors ? r->generation : r->sectors - 1;
  for (uint32_t back = reach; back > 0; back--)
    if (sector_in_use(r, r->generation - back)) {
      r->oldest = r->generation - back;
      return;
    }
}

/* The first slot behind all that was ever written to, spoilt ones too. */
static void find_slot(edge_ring *r) {
  r->slot = EDGE_RING_SLOTS;
  while (r->slot > 0 &&
         edge_flash_blank(&r->flash, record_at(r, r->generation, r->slot - 1), EDGE_RECORD_LEN))
    r->slot--;
}

static void find_newest_reading(edge_ring *r) {
  for (uint32_t generation = r->generation + 1; generation-- > r->oldest;) {
    uint32_t slot = generation == r->generation ? r->slot : EDGE_RING_SLOTS;
    while (slot-- > 0) {
      edge_record record;
      if (!read_record(r, generation, slot, &record)) continue;
      r->has_newest = true;
      r->newest_seq = seq_of(generation, slot);
      return;
    }
  }
}

static bool read_mark(const edge_ring *r, uint32_t sector, uint32_t slot, uint32_t *acked) {
  uint8_t bytes[MARK_LEN];
  uint32_t at = sector * EDGE_SECTOR_SIZE + slot * MARK_LEN;
  if (!r->flash.read(r->flash.context, at, bytes, sizeof bytes) ||
      edge_get_u32(bytes + MARK_CRC_AT) != edge_crc32(0, bytes, MARK_CRC_AT) ||
      edge_get_u32(bytes) != r->epoch)
    return false;
  *acked = edge_get_u32(bytes + 4);
  return true;
}

/* The highest mark, and the place for the next one: behind it, where all is blank. */
static void find_mark(edge_ring *r) {
  r->mark_sector = 0;
  r->mark_slot = MARKS;
  bool found = false;
  for (uint32_t sector = 0; sector < EDGE_RING_MARK_SECTORS; sector++)
    for (uint32_t slot = 0; slot < MARKS; slot++) {
      uint32_t acked;
      if (!read_mark(r, sector, slot, &acked) || acked >= edge_ring_next(r) ||
          (found && acked < r->acked))
        continue;
      found = true;
      r->acked = acked;
      r->mark_sector = sector;
    }
  r->marked = r->acked;
  uint32_t at = r->mark_sector * EDGE_SECTOR_SIZE;
  while (r->mark_slot > 0 &&
         edge_flash_blank(&r->flash, at + (r->mark_slot - 1) * MARK_LEN, MARK_LEN))
    r->mark_slot--;
}

bool edge_ring_mount(edge_ring *ring, const edge_flash *flash, uint32_t epoch,
                     uint32_t mark_every) {
  if (flash->sectors < EDGE_RING_SECTORS_MIN) return false;
  memset(ring, 0, sizeof *ring);
  ring->flash = *flash;
  ring->sectors = flash->sectors - EDGE_RING_MARK_SECTORS;
  ring->mark_every = mark_every;
  ring->epoch = epoch;
  uint8_t probe[HEADER_LEN];
  for (uint32_t i = 0; i < flash->sectors; i++)
    if (!flash->read(flash->context, i * EDGE_SECTOR_SIZE, probe, sizeof probe)) return false;
  if (find_newest(ring)) {
    bool headless = look_behind_newest(ring);
    ring->open = true;
    find_oldest(ring);
    if (headless)
      ring->slot = EDGE_RING_SLOTS;
    else
      find_slot(ring);
    find_newest_reading(ring);
    ring->ahead = edge_flash_blank(flash, sector_at(ring, ring->generation + 1), EDGE_SECTOR_SIZE);
  }
  find_mark(ring);
  ring->first = ring->acked + 1;
  return true;
}

/* ---- writing ---- */

uint32_t edge_ring_next(const edge_ring *ring) {
  return seq_of(ring->generation, ring->slot);
}

/* Those that nobody has acknowledged go with the sector. */
static void drop_sector(edge_ring *r, uint32_t generation) {
  for (uint32_t slot = 0; slot < EDGE_RING_SLOTS; slot++) {
    edge_record record;
    if (seq_of(generation, slot) > r->acked && read_record(r, generation, slot, &record))
      r->dropped++;
  }
}

/* Makes the sector of that generation blank, dropping what it holds from the last time round. */
static bool erase_for(edge_ring *r, uint32_t generation) {
  if (generation >= r->sectors && generation - r->sectors >= r->oldest) {
    drop_sector(r, generation - r->sectors);
    r->oldest = generation - r->sectors + 1;
  }
  return edge_flash_blank(&r->flash, sector_at(r, generation), EDGE_SECTOR_SIZE) ||
         r->flash.erase(r->flash.context, sector_of(r, generation));
}

static bool write_header(const edge_ring *r) {
  uint8_t bytes[HEADER_LEN];
  memset(bytes, 0xFF, sizeof bytes);
  edge_put_u32(bytes, magic);
  edge_put_u32(bytes + 4, r->epoch);
  edge_put_u32(bytes + 8, r->generation);
  edge_put_u32(bytes + 12, r->dropped);
  edge_put_u32(bytes + HEADER_CRC_AT, edge_crc32(0, bytes, HEADER_CRC_AT));
  return edge_flash_put(&r->flash, sector_at(r, r->generation), bytes, sizeof bytes);
}

/* A sector that takes no header is left out, numbers and all. */
static bool open_sector(edge_ring *r) {
  for (unsigned tries = 0; tries < SECTOR_TRIES; tries++) {
    if (r->open || tries > 0) r->generation++;
    r->slot = 0;
    r->open = (r->ahead || erase_for(r, r->generation)) && write_header(r);
    r->ahead = false;
    if (r->open) return true;
  }
  return false;
}

bool edge_ring_append(edge_ring *ring, const edge_record *record, uint32_t *seq) {
  uint8_t bytes[EDGE_RECORD_LEN];
  for (unsigned tries = 0; tries < 2 * EDGE_RING_SLOTS; tries++) {
    if ((!ring->open || ring->slot == EDGE_RING_SLOTS) && !open_sector(ring)) return false;
    uint32_t slot = ring->slot++;
    uint32_t taken = seq_of(ring->generation, slot);
    edge_record_write(record, ring->epoch, taken, bytes);
    if (!edge_flash_put(&ring->flash, record_at(ring, ring->generation, slot), bytes, sizeof bytes))
      continue;
    *seq = taken;
    /* After the reading, so that it waits for no erase. */
    if (!ring->ahead) ring->ahead = erase_for(ring, ring->generation + 1);
    return true;
  }
  return false;
}

/* ---- reading ---- */

bool edge_ring_get(const edge_ring *ring, uint32_t seq, edge_record *record) {
  if (seq == 0 || seq >= edge_ring_next(ring)) return false;
  uint32_t generation = generation_of(seq);
  return generation >= ring->oldest &&
         read_record(ring, generation, (seq - 1) % EDGE_RING_SLOTS, record);
}

bool edge_ring_seek(edge_ring *ring, uint32_t *seq, edge_record *record) {
  uint32_t begin = seq_of(ring->oldest, 0);
  uint32_t at = *seq > begin ? *seq : begin;
  for (; at < edge_ring_next(ring); at++)
    if (edge_ring_get(ring, at, record)) {
      *seq = at;
      return true;
    }
  return false;
}

uint32_t edge_ring_first(edge_ring *ring) {
  edge_record record;
  if (ring->first <= ring->acked) ring->first = ring->acked + 1;
  uint32_t at = ring->first;
  ring->first = edge_ring_seek(ring, &at, &record) ? at : edge_ring_next(ring);
  return ring->first;
}

uint32_t edge_ring_backlog(edge_ring *ring) {
  return edge_ring_next(ring) - edge_ring_first(ring);
}

uint32_t edge_ring_capacity(const edge_ring *ring) {
  return (ring->sectors - 2) * EDGE_RING_SLOTS;
}

/* ---- acknowledging ---- */

void edge_ring_mark(edge_ring *ring) {
  if (ring->marked == ring->acked) return;
  uint8_t bytes[MARK_LEN];
  memset(bytes, 0xFF, sizeof bytes);
  edge_put_u32(bytes, ring->epoch);
  edge_put_u32(bytes + 4, ring->acked);
  edge_put_u32(bytes + MARK_CRC_AT, edge_crc32(0, bytes, MARK_CRC_AT));
  for (unsigned tries = 0; tries < MARKS; tries++) {
    if (ring->mark_slot == MARKS) {
      uint32_t other = 1 - ring->mark_sector;
      if (!ring->flash.erase(ring->flash.context, other)) return;
      ring->mark_sector = other;
      ring->mark_slot = 0;
    }
    uint32_t at = ring->mark_sector * EDGE_SECTOR_SIZE + ring->mark_slot++ * MARK_LEN;
    if (edge_flash_put(&ring->flash, at, bytes, sizeof bytes)) {
      ring->marked = ring->acked;
      return;
    }
  }
}

bool edge_ring_ack(edge_ring *ring, uint32_t seq) {
  if (seq >= edge_ring_next(ring)) return false;
  if (seq <= ring->acked) return true;
  ring->acked = seq;
  if (seq - ring->marked >= ring->mark_every) edge_ring_mark(ring);
  return true;
}
