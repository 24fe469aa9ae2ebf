/* The meter's connection to its broker, by ESP-IDF's own client. Each is made anew, with a clean
 * session and the last will `offline`; the client tries nothing again by itself, and what it has in
 * memory may be lost: all that must outlive a connection is in the meter's log. What its task hears
 * is handed to the meter's by link_service. */
#ifndef METER_LINK_H
#define METER_LINK_H

#include "core/meter.h"

/* Once, from the meter's task, which is woken when something comes. `meter` is borrowed. */
edge_link link_begin(edge_meter *meter);
/* As `report` of edge_port. */
bool link_report(void *context, const char *payload, size_t len);
/* Tells the meter what came. */
void link_service(int64_t now_ms);
/* Says goodbye, before a restart. */
void link_leave(void);

#endif
