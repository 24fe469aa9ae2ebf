#include "mqtt/tcp.h"

#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

sm_err sm_mqtt_tcp_await(int fd, short wanted, int wake_fd, int64_t deadline_ms) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = wake_fd, .events = POLLIN}, {.fd = fd, .events = wanted}};
    int64_t left_ms = deadline_ms - sm_clock_steady_ms();
    if (left_ms <= 0) return SM_ERR_TIMEOUT;
    int ready = poll(fds, 2, left_ms > 60000 ? 60000 : (int)left_ms);
    if (ready > 0 && fds[0].revents != 0) return SM_ERR_BUSY;
    if (ready > 0) return SM_OK;
  }
}

static void say_errno(sm_mqtt_reason *reason, int error) {
  char text[96];
  if (strerror_r(error, text, sizeof text) != 0) (void)snprintf(text, sizeof text, "%d", error);
  if (text[0] >= 'A' && text[0] <= 'Z') text[0] = (char)(text[0] - 'A' + 'a');
  sm_mqtt_reason_set(reason, "%s", text);
}

static sm_err connect_to(int fd, const struct addrinfo *address, int wake_fd, int64_t deadline_ms,
                         sm_mqtt_reason *reason) {
  int error = 0;
  if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) return SM_OK;
  if (errno == EINPROGRESS) {
    sm_err err = sm_mqtt_tcp_await(fd, POLLOUT, wake_fd, deadline_ms);
    if (err == SM_ERR_TIMEOUT) sm_mqtt_reason_set(reason, "the broker's host does not answer");
    if (err != SM_OK) return err;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0) return SM_OK;
  } else {
    error = errno;
  }
  say_errno(reason, error);
  return SM_ERR_IO;
}

static sm_err try_address(const struct addrinfo *address, int wake_fd, int64_t deadline_ms,
                          int *connected, sm_mqtt_reason *reason) {
  int type = address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd = socket(address->ai_family, type, address->ai_protocol);
  if (fd < 0) {
    say_errno(reason, errno);
    return SM_ERR_IO;
  }
  sm_err err = connect_to(fd, address, wake_fd, deadline_ms, reason);
  if (err != SM_OK) {
    (void)close(fd);
    return err;
  }
  /* An acknowledgement must not wait for more to send. Without it things are only slower. */
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  *connected = fd;
  return SM_OK;
}

static sm_err look_up(const char *host, uint16_t port, struct addrinfo **addresses,
                      sm_mqtt_reason *reason) {
  char service[8];
  (void)snprintf(service, sizeof service, "%u", (unsigned)port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  int failed = getaddrinfo(host, service, &hints, addresses);
  if (failed == 0) return SM_OK;
  sm_mqtt_reason_set(reason, "the host \"%.64s\" cannot be looked up: %s", host,
                     gai_strerror(failed));
  return SM_ERR_NOT_FOUND;
}

sm_err sm_mqtt_tcp_connect(const char *host, uint16_t port, int wake_fd, uint32_t timeout_ms,
                           int *fd, sm_mqtt_reason *reason) {
  struct addrinfo *addresses = NULL;
  sm_err err = look_up(host, port, &addresses, reason);
  if (err != SM_OK) return err;
  int left = 0;
  for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) left++;

  int64_t end_ms = sm_clock_steady_ms() + timeout_ms;
  err = SM_ERR_NOT_FOUND;
  for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next, left--) {
    int64_t now_ms = sm_clock_steady_ms();
    err = try_address(a, wake_fd, now_ms + (end_ms - now_ms) / left, fd, reason);
    if (err == SM_OK || err == SM_ERR_BUSY) break;
  }
  freeaddrinfo(addresses);
  return err;
}
