/* New firmware: what core/ota.h needs of this chip. Slots and trial are the boot loader's, by
 * esp_ota_ops.h; images come by HTTP or HTTPS, on a task of their own; keys are in the image. */
#ifndef METER_UPDATE_H
#define METER_UPDATE_H

#include "core/meter.h"

/* Once, from the meter's task; NULL: there is no key, or no slot. Borrowed, as `meter` is. */
const edge_ota_port *update_begin(edge_meter *meter);
/* What runs. */
edge_ota_self update_self(void);
/* Tells the meter what came. */
void update_service(int64_t now_ms);

#endif
