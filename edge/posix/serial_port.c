#include "posix/serial_port.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

void serial_port_init(serial_port *port, const char *path) {
  *port = (serial_port){.path = path, .fd = -1};
}

void serial_port_fini(serial_port *port) {
  if (port->fd >= 0) (void)close(port->fd);
  port->fd = -1;
}

static bool set_up(int fd) {
  struct termios line;
  if (tcgetattr(fd, &line) != 0) return false;
  line.c_iflag = 0;
  line.c_oflag = 0;
  line.c_lflag = 0;
  line.c_cflag = CS8 | CREAD | CLOCAL;
  line.c_cc[VMIN] = 0;
  line.c_cc[VTIME] = 0;
  return cfsetispeed(&line, B9600) == 0 && cfsetospeed(&line, B9600) == 0 &&
         tcsetattr(fd, TCSANOW, &line) == 0;
}

static void open_line(serial_port *port) {
  port->fd = open(port->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (port->fd >= 0 && !set_up(port->fd)) serial_port_fini(port);
}

static void flush_line(void *context) {
  serial_port *port = context;
  if (port->fd < 0) open_line(port);
  if (port->fd >= 0 && tcflush(port->fd, TCIOFLUSH) != 0) serial_port_fini(port);
}

/* Eight bytes: a line that does not take them at once is no line. */
static void send_bytes(void *context, const uint8_t *bytes, size_t len) {
  serial_port *port = context;
  if (port->fd >= 0 && write(port->fd, bytes, len) != (ssize_t)len) serial_port_fini(port);
}

static size_t receive_bytes(void *context, uint8_t *bytes, size_t cap) {
  serial_port *port = context;
  if (port->fd < 0 || cap == 0) return 0;
  ssize_t got = read(port->fd, bytes, cap);
  if (got > 0) return (size_t)got;
  if (got < 0 && errno != EAGAIN && errno != EINTR) serial_port_fini(port);
  return 0;
}

edge_serial serial_port_line(serial_port *port) {
  return (edge_serial){port, flush_line, send_bytes, receive_bytes};
}
