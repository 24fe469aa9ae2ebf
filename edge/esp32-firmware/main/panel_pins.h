/* The LED and the button. */
#ifndef METER_PANEL_PINS_H
#define METER_PANEL_PINS_H

#include <stdbool.h>

void panel_pins_begin(void);
/* As `lamp` of edge_port. */
void panel_pins_lamp(void *context, bool lit);
bool panel_pins_pressed(void);

#endif
