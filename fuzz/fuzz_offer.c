/* What may stand at a meter's command topic, as firmware: nothing is written outside of the room,
 * and what is taken fits. Then all that the meter does with it and tells of it, if everything is
 * signed. */
#include "core/firmware.h"
#include "core/offer.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t state_bytes[EDGE_SECTOR_SIZE];

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  (void)context;
  memcpy(bytes, state_bytes + at, len);
  return true;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  const uint8_t *from = bytes;
  (void)context;
  for (size_t i = 0; i < len; i++) state_bytes[at + i] &= from[i];
  return true;
}

static bool erase_flash(void *context, uint32_t sector) {
  (void)context;
  if (sector != 0) abort();
  memset(state_bytes, 0xFF, sizeof state_bytes);
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

/* None of it has anything that JSON would have to escape, so that it is balanced. */
static void check_report(const edge_firmware *f) {
  char out[EDGE_FIRMWARE_REPORT_MAX];
  size_t len = edge_firmware_report(f, out, sizeof out);
  size_t quotes = 0;
  if (len >= sizeof out || len != strlen(out) || out[0] != '{' || out[len - 1] != '}') abort();
  for (size_t i = 0; i < len; i++) {
    if (out[i] < 0x20 || out[i] > 0x7E || out[i] == '\\') abort();
    quotes += out[i] == '"';
  }
  if (quotes != 18 && quotes != 32) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const edge_ota_port port = {.slot = {NULL, 4, read_flash, write_flash, erase_flash},
                                     .state = {NULL, 1, read_flash, write_flash, erase_flash},
                                     .verify = verify,
                                     .hash_begin = nothing,
                                     .stop = nothing};
  static const edge_ota_self self = {"smartmeter", "posix", "1.0.0", 2, false};
  uint8_t *room = malloc(EDGE_OFFER_ROOM);
  edge_offer offer;
  edge_firmware firmware;
  if (room == NULL) abort();
  if (edge_offer_read((const char *)data, size, room, &offer) == EDGE_OFFER_GOOD &&
      (offer.manifest_len == 0 || offer.manifest_len > EDGE_OTA_MANIFEST_MAX ||
       offer.signature_len == 0 || offer.signature_len > EDGE_OTA_SIGNATURE_MAX))
    abort();
  memset(state_bytes, 0xFF, sizeof state_bytes);
  edge_firmware_init(&firmware, &port, &self, 0);
  (void)edge_firmware_command(&firmware, (const char *)data, size, room, 1000);
  check_report(&firmware);
  edge_firmware_init(&firmware, &port, &self, 0);
  check_report(&firmware);
  free(room);
  return 0;
}
