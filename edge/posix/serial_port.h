/* A serial line of this machine, 9600 8N1. It may go away and come back, as an adapter that is
 * unplugged does: it is opened anew before each request, as long as it is not there. */
#ifndef EDGE_POSIX_SERIAL_PORT_H
#define EDGE_POSIX_SERIAL_PORT_H

#include "core/sampler.h"

typedef struct serial_port {
  const char *path; /* borrowed */
  int fd;           /* -1: it is not there */
} serial_port;

void serial_port_init(serial_port *port, const char *path);
void serial_port_fini(serial_port *port);
edge_serial serial_port_line(serial_port *port);

#endif
