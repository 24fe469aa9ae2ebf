/* The two sectors of core/settings.h in NVS, which can be encrypted and levels its wear. A sector
 * is a blob of what settings use of it; writes replace it whole, so that a power cut leaves the old
 * or the new one. */
#ifndef METER_SETTINGS_NVS_H
#define METER_SETTINGS_NVS_H

#include "core/flash.h"

/* After nvs_flash_init, once. */
edge_flash settings_nvs_open(void);

#endif
