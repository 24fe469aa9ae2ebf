/* Manifests of firmware, as if somebody had signed them, and what may lie in the sector that keeps
 * the offer: nothing may be written outside of the slot, and no image that is too large be begun.
 */
#include "core/bytes.h"
#include "core/crc.h"
#include "core/ota.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOT_SECTORS = 2, STATE_AT = SLOT_SECTORS * EDGE_SECTOR_SIZE };

static uint8_t flash_bytes[STATE_AT + EDGE_SECTOR_SIZE];
static const uint32_t slot_begin = 0;
static const uint32_t state_begin = STATE_AT;

static uint8_t *place(const uint32_t *begin, uint32_t at, size_t len) {
  uint32_t end = *begin == 0 ? STATE_AT : sizeof flash_bytes;
  if (at > end - *begin || len > end - *begin - at) abort();
  return flash_bytes + *begin + at;
}

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  memcpy(bytes, place(context, at, len), len);
  return true;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  const uint8_t *from = bytes;
  uint8_t *to = place(context, at, len);
  for (size_t i = 0; i < len; i++) to[i] &= from[i];
  return true;
}

static bool erase_flash(void *context, uint32_t sector) {
  memset(place(context, sector * EDGE_SECTOR_SIZE, EDGE_SECTOR_SIZE), 0xFF, EDGE_SECTOR_SIZE);
  return true;
}

static bool verify(void *context, const uint8_t *manifest, size_t manifest_len,
                   const uint8_t *signature, size_t signature_len) {
  (void)context;
  (void)manifest;
  (void)signature;
  return manifest_len <= EDGE_OTA_MANIFEST_MAX && signature_len <= EDGE_OTA_SIGNATURE_MAX;
}

static void nothing(void *context) {
  (void)context;
}

static void hash_add(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  (void)bytes;
  (void)len;
}

static void hash_end(void *context, uint8_t sha256[EDGE_OTA_SHA_LEN]) {
  (void)context;
  memset(sha256, 0, EDGE_OTA_SHA_LEN);
}

static void fetch(void *context, const char *url, uint32_t from) {
  (void)context;
  if (url[0] == '\0' || strlen(url) > EDGE_OTA_URL_MAX || from > STATE_AT) abort();
}

static bool try_slot(void *context) {
  (void)context;
  return true;
}

static edge_flash flash_at(const uint32_t *begin, uint32_t sectors) {
  /* Only told apart by it, never written to. */
  union {
    const uint32_t *from;
    void *to;
  } context = {.from = begin};
  return (edge_flash){context.to, sectors, read_flash, write_flash, erase_flash};
}

static void begin(edge_ota *ota) {
  const edge_ota_port port = {.slot = flash_at(&slot_begin, SLOT_SECTORS),
                              .state = flash_at(&state_begin, 1),
                              .verify = verify,
                              .hash_begin = nothing,
                              .hash_add = hash_add,
                              .hash_end = hash_end,
                              .fetch = fetch,
                              .stop = nothing,
                              .try_slot = try_slot,
                              .confirm = nothing,
                              .roll_back = nothing};
  const edge_ota_self self = {"p", "h", "1", 2, false};
  edge_ota_init(ota, &port, &self, 0);
}

static void run(edge_ota *ota) {
  static const uint8_t piece[3000];
  for (int64_t now_ms = 0; now_ms < 200; now_ms++) {
    edge_ota_poll(ota, now_ms * 1000);
    edge_ota_bytes(ota, piece, sizeof piece, now_ms * 1000);
    if (ota->at > ota->image.size || ota->image.size > STATE_AT) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  edge_ota ota;
  memset(flash_bytes, 0xFF, sizeof flash_bytes);
  begin(&ota);
  if (edge_ota_offer(&ota, data, size, data, size < 70 ? size : 70, 1000) == EDGE_OTA_TAKEN) {
    run(&ota);
    begin(&ota);
    run(&ota);
  }
  /* The same as what is found at a start, with its checksum mended. */
  memset(flash_bytes, 0xFF, sizeof flash_bytes);
  memcpy(flash_bytes + STATE_AT, data, size < EDGE_SECTOR_SIZE ? size : EDGE_SECTOR_SIZE);
  edge_put_u32(flash_bytes + STATE_AT, 0x314F4D53);
  edge_put_u32(flash_bytes + STATE_AT + 1128, edge_crc32(0, flash_bytes + STATE_AT, 1128));
  begin(&ota);
  run(&ota);
  return 0;
}
