/* Wi-Fi as a station: connects, and again whenever it was lost. */
#ifndef METER_WIFI_H
#define METER_WIFI_H

#include <stdbool.h>
#include <stdint.h>

/* After nvs_flash_init, once: the driver, not yet the radio. */
void wifi_begin(void);
/* Whether it was told a network. */
bool wifi_is_set_up(void);
/* Begins to connect to the network that it was told. */
void wifi_join(void);
/* As `rssi` of edge_port. */
int8_t wifi_rssi(void *context);

#endif
