/* The UART that the module is at: 9600 8N1, by ESP-IDF's driver with its buffer. */
#ifndef METER_SERIAL_LINE_H
#define METER_SERIAL_LINE_H

#include "core/sampler.h"

/* Once. Stops the program if there is no such UART. */
edge_serial serial_line_open(void);

#endif
