#include "flash_partition.h"

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  return context != NULL && esp_partition_read(context, at, bytes, len) == ESP_OK;
}

static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  return context != NULL && esp_partition_write(context, at, bytes, len) == ESP_OK;
}

static bool erase_flash(void *context, uint32_t sector) {
  return context != NULL &&
         esp_partition_erase_range(context, sector * EDGE_SECTOR_SIZE, EDGE_SECTOR_SIZE) == ESP_OK;
}

edge_flash flash_partition_port(const esp_partition_t *partition) {
  /* Only handed back to the functions above, which take it as const. */
  return (edge_flash){.context = (void *)partition,
                      .sectors = partition == NULL ? 0 : partition->size / EDGE_SECTOR_SIZE,
                      .read = read_flash,
                      .write = write_flash,
                      .erase = erase_flash};
}

edge_flash flash_partition_named(const char *name) {
  return flash_partition_port(
      esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, name));
}
