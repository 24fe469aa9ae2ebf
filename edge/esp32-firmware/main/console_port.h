/* The console: UART 0, which the boards have on their USB socket, at 115200. */
#ifndef METER_CONSOLE_PORT_H
#define METER_CONSOLE_PORT_H

#include <stddef.h>

void console_port_begin(void);
/* As `print` of edge_port. */
void console_port_print(void *context, const char *text, size_t len);
/* What was typed, at most `cap` bytes, without waiting. */
size_t console_port_typed(char *typed, size_t cap);

#endif
