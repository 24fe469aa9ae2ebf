/* A partition as flash. Not for an encrypted one but the update's slot, which is written in
 * multiples of 16 bytes: what is encrypted cannot have bits cleared later. */
#ifndef METER_FLASH_PARTITION_H
#define METER_FLASH_PARTITION_H

#include "core/flash.h"

#include <esp_partition.h>

/* The data partition of that name of partitions.csv; without sectors if there is none. */
edge_flash flash_partition_named(const char *name);
/* `partition` may be NULL: without sectors, and whatever is asked of it fails. */
edge_flash flash_partition_port(const esp_partition_t *partition);

#endif
