/* The time, by SNTP: of the server that the network names by DHCP, else of the one of the build.
 * Not set until one has answered since this start. */
#ifndef METER_CLOCK_H
#define METER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* After esp_netif_init and before the network. */
void clock_begin(void);
/* Once there is a network; again does no harm. */
void clock_ask(void);
/* As `wall` of edge_port. */
bool clock_wall(void *context, int64_t *wall_ms);
/* ms since the start. */
int64_t clock_uptime_ms(void);

#endif
