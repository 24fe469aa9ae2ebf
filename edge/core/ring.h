/* The ring log: every reading goes to flash before it goes anywhere else, and stays until the
 * server says that it has it. When the log is full the oldest are dropped, and counted.
 *
 * Layout of the stretch of flash: two sectors of marks (how far the server has acknowledged), then
 * n sectors of readings, each a header and 127 records of 32 bytes (core/record.h). Reading `seq`
 * (1, 2, 3, …) has one place that it can be at: sector g = (seq - 1) / 127 counted from the log's
 * begin, which is the physical one g mod n, and slot (seq - 1) mod 127 in it. A slot that a power
 * cut spoilt is a number left out. So no number is ever used for two readings.
 *
 *   sector header: "SMR1", u32 epoch, u32 g, u32 readings dropped so far, 12 × 0xFF, u32 CRC-32
 *   mark:          u32 epoch, u32 acknowledged seq, 4 × 0xFF, u32 CRC-32
 *
 * The sector that comes next is erased before it is needed, so that a reading costs one write of 32
 * bytes. Marks go to one of their sectors until it is full; then the other is erased and begun.
 * The epoch is chosen when the log is begun anew, when there is nothing in it.
 *
 * Any write or erase may be cut anywhere: mounting finds every reading whose write had ended. One
 * thread. The flash is borrowed for the log's life. */
#ifndef EDGE_CORE_RING_H
#define EDGE_CORE_RING_H

#include "core/flash.h"
#include "core/record.h"

enum {
  EDGE_RING_SLOTS = EDGE_SECTOR_SIZE / EDGE_RECORD_LEN - 1, /* 127 */
  EDGE_RING_MARK_SECTORS = 2,
  EDGE_RING_SECTORS_MIN = EDGE_RING_MARK_SECTORS + 3
};

typedef struct edge_ring {
  edge_flash flash;
  uint32_t epoch;
  uint32_t sectors;    /* n */
  uint32_t generation; /* g of the sector that is written */
  uint32_t slot;       /* the next one there */
  bool open;           /* that sector has its header */
  bool ahead;          /* the one after it is erased */
  uint32_t oldest;     /* g of the oldest sector that holds anything */
  uint32_t acked;      /* all up to this are settled */
  uint32_t first;      /* the oldest reading that is not; == next: none. See edge_ring_first */
  uint32_t marked;     /* `acked` as it stands in flash */
  uint32_t mark_sector;
  uint32_t mark_slot;
  uint32_t mark_every;
  uint32_t dropped; /* never acknowledged and overwritten, since the log's begin */
  bool has_newest;  /* as found by the mount */
  uint32_t newest_seq;
} edge_ring;

/* Finds what is there, and begins a log of `epoch` (not 0) if there is nothing. `mark_every`: an
 * acknowledgement is put down when it is so many readings ahead of the last one put down, so that
 * at most so many are sent again, as what they are, after a restart. False: the flash cannot be
 * read or has less than EDGE_RING_SECTORS_MIN sectors. */
bool edge_ring_mount(edge_ring *ring, const edge_flash *flash, uint32_t epoch, uint32_t mark_every);

/* Puts a reading down; `seq` is its number. False: no place in the flash took it. */
bool edge_ring_append(edge_ring *ring, const edge_record *record, uint32_t *seq);

/* The number that the next reading has, or a higher one. */
uint32_t edge_ring_next(const edge_ring *ring);
/* The oldest reading that is held and not acknowledged; edge_ring_next if there is none. */
uint32_t edge_ring_first(edge_ring *ring);
/* The first reading held at or behind `seq`, acknowledged or not, in `*seq`; false: there is none.
 */
bool edge_ring_seek(edge_ring *ring, uint32_t *seq, edge_record *record);
/* Reading `seq`; false: it is not held. */
bool edge_ring_get(const edge_ring *ring, uint32_t seq, edge_record *record);

/* The server has all up to `seq`. What was never written is not acknowledged by it: false, and
 * nothing changed. */
bool edge_ring_ack(edge_ring *ring, uint32_t seq);
/* Puts the acknowledgement down now: before a planned stop. */
void edge_ring_mark(edge_ring *ring);

/* How many readings are held and not acknowledged, those left out counted. */
uint32_t edge_ring_backlog(edge_ring *ring);
/* How many readings fit before one is dropped, at the least. */
uint32_t edge_ring_capacity(const edge_ring *ring);

#endif
