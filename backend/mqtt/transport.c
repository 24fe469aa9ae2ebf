#include "mqtt/transport.h"

#include "base/clock.h"
#include "mqtt/tcp.h"
#include "mqtt/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct sm_mqtt_transport {
  int fd;
  sm_mqtt_tls *tls;            /* NULL: plain TCP */
  bool maybe_more;             /* TLS may hold bytes that poll(2) does not know of */
  sm_mqtt_tls_need read_need;  /* what TLS waits for before it can read */
  sm_mqtt_tls_need write_need; /* … or write */
};

sm_err sm_mqtt_transport_open(const sm_mqtt_endpoint *endpoint, int wake_fd, uint32_t timeout_ms,
                              sm_mqtt_transport **opened, sm_mqtt_reason *reason) {
  int64_t deadline_ms = sm_clock_steady_ms() + timeout_ms;
  sm_mqtt_transport *transport = calloc(1, sizeof *transport);
  if (transport == NULL) {
    sm_mqtt_reason_set(reason, "%s", sm_err_text(SM_ERR_NOMEM));
    return SM_ERR_NOMEM;
  }
  transport->fd = -1;
  transport->write_need = SM_MQTT_TLS_WRITE;
  sm_err err = sm_mqtt_tcp_connect(endpoint->host, endpoint->port, wake_fd, timeout_ms,
                                   &transport->fd, reason);
  if (err == SM_OK && endpoint->tls) {
    transport->maybe_more = true;
    err = sm_mqtt_tls_open(endpoint, transport->fd, wake_fd, deadline_ms, &transport->tls, reason);
  }
  if (err != SM_OK) {
    sm_mqtt_transport_close(transport);
    return err;
  }
  *opened = transport;
  return SM_OK;
}

void sm_mqtt_transport_close(sm_mqtt_transport *transport) {
  if (transport == NULL) return;
  sm_mqtt_tls_close(transport->tls);
  if (transport->fd >= 0) (void)close(transport->fd);
  free(transport);
}

static sm_err broken(sm_mqtt_reason *reason) {
  if (errno == ECONNRESET || errno == EPIPE) {
    sm_mqtt_reason_set(reason, "the broker closed the connection");
    return SM_ERR_CLOSED;
  }
  sm_mqtt_reason_set(reason, "the connection broke");
  return SM_ERR_IO;
}

static sm_err plain_read(int fd, void *bytes, size_t room, size_t *got, sm_mqtt_reason *reason) {
  ssize_t n;
  do {
    n = recv(fd, bytes, room, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    n = 0;
  else if (n < 0)
    return broken(reason);
  else if (n == 0) {
    sm_mqtt_reason_set(reason, "the broker closed the connection");
    return SM_ERR_CLOSED;
  }
  *got = (size_t)n;
  return SM_OK;
}

static sm_err plain_write(int fd, const void *bytes, size_t len, size_t *sent,
                          sm_mqtt_reason *reason) {
  ssize_t n;
  do {
    n = send(fd, bytes, len, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return broken(reason);
  *sent = n < 0 ? 0 : (size_t)n;
  return SM_OK;
}

sm_err sm_mqtt_transport_read(sm_mqtt_transport *transport, void *bytes, size_t room, size_t *got,
                              sm_mqtt_reason *reason) {
  if (transport->tls == NULL) return plain_read(transport->fd, bytes, room, got, reason);
  transport->read_need = SM_MQTT_TLS_READ;
  sm_err err = sm_mqtt_tls_read(transport->tls, bytes, room, got, &transport->read_need, reason);
  transport->maybe_more = err == SM_OK && *got > 0;
  return err;
}

sm_err sm_mqtt_transport_write(sm_mqtt_transport *transport, const void *bytes, size_t len,
                               size_t *sent, sm_mqtt_reason *reason) {
  if (transport->tls == NULL) return plain_write(transport->fd, bytes, len, sent, reason);
  transport->write_need = SM_MQTT_TLS_WRITE;
  return sm_mqtt_tls_write(transport->tls, bytes, len, sent, &transport->write_need, reason);
}

/* What to poll for when reading and writing are wanted: for TLS perhaps the other way about. */
static short poll_bits(const sm_mqtt_transport *transport, bool read, bool write) {
  unsigned bits = 0;
  if (read) bits |= transport->read_need == SM_MQTT_TLS_READ ? POLLIN : POLLOUT;
  if (write) bits |= transport->write_need == SM_MQTT_TLS_WRITE ? POLLOUT : POLLIN;
  return (short)bits;
}

void sm_mqtt_transport_wait(sm_mqtt_transport *transport, bool read, bool write, int wake_fd,
                            int64_t timeout_ms, sm_mqtt_events *events) {
  bool more = read && transport->maybe_more;
  struct pollfd fds[2] = {
      {.fd = wake_fd, .events = POLLIN},
      {.fd = transport->fd, .events = poll_bits(transport, read, write)},
  };
  if (more || timeout_ms < 0) timeout_ms = 0;
  int ready = poll(fds, 2, timeout_ms > 60000 ? 60000 : (int)timeout_ms);
  *events = (sm_mqtt_events){.readable = more};
  if (ready <= 0) return;
  unsigned seen = (unsigned)fds[1].revents;
  events->woken = fds[0].revents != 0;
  events->broken = (seen & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  events->readable = more || (read && (seen & ((unsigned)fds[1].events | POLLHUP | POLLERR)) != 0);
  events->writable = write && (seen & (POLLOUT | POLLIN)) != 0;
}
