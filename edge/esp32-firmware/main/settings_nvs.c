#include "settings_nvs.h"

#include "core/settings.h"
#include "secrets.h"

#include <nvs.h>

#include <string.h>

/* More than the longest settings; the rest of a sector is erased, always. */
enum { KEPT = 1024 };
static const char *const keys[EDGE_SETTINGS_SECTORS] = {"settings0", "settings1"};
/* As they are in NVS; an erased one is put down with the write that follows. */
static uint8_t sectors[EDGE_SETTINGS_SECTORS][KEPT];

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  uint8_t *out = bytes;
  (void)context;
  for (size_t i = 0; i < len; i++) {
    uint32_t sector = (uint32_t)(at + i) / EDGE_SECTOR_SIZE;
    uint32_t offset = (uint32_t)(at + i) % EDGE_SECTOR_SIZE;
    if (sector >= EDGE_SETTINGS_SECTORS) return false;
    out[i] = offset < KEPT ? sectors[sector][offset] : 0xFF;
  }
  return true;
}

static bool put_down(uint32_t sector) {
  nvs_handle_t nvs;
  if (nvs_open(METER_NVS_SPACE, NVS_READWRITE, &nvs) != ESP_OK) return false;
  bool good =
      nvs_set_blob(nvs, keys[sector], sectors[sector], KEPT) == ESP_OK && nvs_commit(nvs) == ESP_OK;
  nvs_close(nvs);
  return good;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  const uint8_t *from = bytes;
  uint32_t sector = at / EDGE_SECTOR_SIZE;
  uint32_t offset = at % EDGE_SECTOR_SIZE;
  (void)context;
  if (sector >= EDGE_SETTINGS_SECTORS || offset > KEPT || len > KEPT - offset) return false;
  for (size_t i = 0; i < len; i++) sectors[sector][offset + i] &= from[i];
  return put_down(sector);
}

static bool erase_flash(void *context, uint32_t sector) {
  (void)context;
  if (sector >= EDGE_SETTINGS_SECTORS) return false;
  memset(sectors[sector], 0xFF, KEPT);
  return true;
}

edge_flash settings_nvs_open(void) {
  nvs_handle_t nvs;
  memset(sectors, 0xFF, sizeof sectors);
  if (nvs_open(METER_NVS_SPACE, NVS_READONLY, &nvs) == ESP_OK) {
    for (uint32_t i = 0; i < EDGE_SETTINGS_SECTORS; i++) {
      size_t len = KEPT;
      if (nvs_get_blob(nvs, keys[i], sectors[i], &len) != ESP_OK) memset(sectors[i], 0xFF, KEPT);
    }
    nvs_close(nvs);
  }
  return (edge_flash){.sectors = EDGE_SETTINGS_SECTORS,
                      .read = read_flash,
                      .write = write_flash,
                      .erase = erase_flash};
}
