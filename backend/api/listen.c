#include "api/listen.h"

#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sm_err err_of(int error, const char **advice) {
  switch (error) {
  case EADDRINUSE:
    *advice = "another program listens there: end it, or choose another port";
    return SM_ERR_BUSY;
  case EACCES:
    *advice = "this user may not listen there: choose a port from 1024 on";
    return SM_ERR_DENIED;
  case EADDRNOTAVAIL:
    *advice = "this machine does not have that address";
    return SM_ERR_INVALID;
  default:
    *advice = strerror(error);
    return SM_ERR_IO;
  }
}

static sm_err say_why(const char *what, const char *bind_to, uint16_t port, int error) {
  const char *advice;
  sm_err err = err_of(error, &advice);
  sm_log(SM_LOG_ERROR, "http.listen_failed", SM_LOG_TEXT("listener", what),
         SM_LOG_TEXT("address", bind_to), SM_LOG_INT("port", port), SM_LOG_TEXT("reason", advice));
  return err;
}

static int open_listener(const struct addrinfo *at) {
  int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
  if (fd < 0) return -1;
  int on = 1;
  int off = 0;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at->ai_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  int error = errno;
  (void)close(fd);
  errno = error;
  return -1;
}

static uint16_t port_of(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                             : ((struct sockaddr_in *)&address)->sin_port);
}

sm_err sm_listen(const char *what, const char *bind_to, uint16_t port, int *fd,
                 uint16_t *bound_port) {
  char service[8];
  struct addrinfo *list = NULL;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  (void)snprintf(service, sizeof service, "%u", (unsigned)port);
  if (getaddrinfo(bind_to, service, &hints, &list) != 0)
    return say_why(what, bind_to, port, EADDRNOTAVAIL);
  int listener = open_listener(list);
  int error = errno;
  freeaddrinfo(list);
  if (listener < 0) return say_why(what, bind_to, port, error);
  *bound_port = port_of(listener);
  *fd = listener;
  return SM_OK;
}
