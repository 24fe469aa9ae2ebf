/* Which image a start runs, as ESP-IDF's boot loader decides it from its otadata: two sectors in
 * turn, so that a power cut leaves the old record or the new one. A new image is started once;
 * unless it is confirmed meanwhile, the next start is from the one before.
 *
 *   sector: "SMB1", u32 generation, u8 active, u8 trial, u8 begun, 0xFF, for each of the two slots
 * u32 bytes of its image and its SHA-256, then u32 CRC-32 of all of it
 *
 * One thread; the flash is borrowed for the record's life. */
#ifndef EDGE_POSIX_BOOT_RECORD_H
#define EDGE_POSIX_BOOT_RECORD_H

#include "core/flash.h"

enum { BOOT_RECORD_SECTORS = 2, BOOT_SLOTS = 2, BOOT_SHA_LEN = 32 };

/* What there is to start: the two slots, and what was there at first and is never written. */
typedef enum boot_image { BOOT_SLOT_0, BOOT_SLOT_1, BOOT_FACTORY, BOOT_NONE } boot_image;

typedef struct boot_slot {
  uint32_t size; /* of the image that came whole; 0: none ever did */
  uint8_t sha256[BOOT_SHA_LEN];
} boot_slot;

typedef struct boot_record {
  edge_flash flash;
  uint32_t sector; /* where it stands */
  uint32_t generation;
  boot_image active; /* confirmed */
  boot_image trial;  /* the one to try, or that is tried; BOOT_NONE */
  bool begun;        /* it was started */
  boot_slot slots[BOOT_SLOTS];
} boot_record;

/* The factory's image if there is no record. False: the flash cannot be read, and it is that too.
 */
bool boot_record_load(boot_record *record, const edge_flash *flash);
/* What this start runs, and whether on trial: the boot loader's turn, once a start. A trial is put
 * down as begun before it begins; if the flash does not take that, it does not begin. */
boot_image boot_record_next(boot_record *record, bool *on_trial);
/* Not `image`, which is damaged. */
void boot_record_drop(boot_record *record, boot_image image);

/* The running image's turn. What it may write to: */
boot_image boot_record_free_slot(boot_image running);
/* False: the flash did not take it, and nothing has changed. */
bool boot_record_try(boot_record *record, boot_image slot, uint32_t size,
                     const uint8_t sha256[BOOT_SHA_LEN]);
bool boot_record_confirm(boot_record *record);

#endif
