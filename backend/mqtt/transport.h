/* A non-blocking byte stream to a broker, TCP or TLS on top of it, that never makes the caller wait
 * where a stop cannot reach it: every wait also watches the caller's wake descriptor. (The one
 * exception is the look-up of a host name, which the C library offers only blocking.)
 *
 * TLS is 1.2 or newer; the broker's certificate must be signed by the CA and made for the host name
 * or address that was asked for. One thread. OpenSSL writes to the socket by write(2): that thread
 * must have SIGPIPE blocked. */
#ifndef SM_MQTT_TRANSPORT_H
#define SM_MQTT_TRANSPORT_H

#include "mqtt/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_mqtt_endpoint {
  char *host; /* only read; OpenSSL has no const here */
  uint16_t port;
  bool tls;
  const char *ca_file; /* PEM; NULL: the system's store */
} sm_mqtt_endpoint;

typedef struct sm_mqtt_transport sm_mqtt_transport;

/* Tries the host's addresses in turn, each with its share of timeout_ms. SM_ERR_BUSY if wake_fd
 * became readable; otherwise `reason` says what failed: SM_ERR_NOT_FOUND (no such host),
 * SM_ERR_DENIED (certificate), SM_ERR_TIMEOUT, SM_ERR_IO. The caller closes it. */
SM_MUST_CHECK sm_err sm_mqtt_transport_open(const sm_mqtt_endpoint *endpoint, int wake_fd,
                                            uint32_t timeout_ms, sm_mqtt_transport **transport,
                                            sm_mqtt_reason *reason);
void sm_mqtt_transport_close(sm_mqtt_transport *transport); /* NULL is fine */

/* Reads what is there, at most `room` bytes (over 0): *got < room means that for now there is no
 * more. SM_ERR_CLOSED, SM_ERR_IO with a reason; bytes read before that have been handed out. */
SM_MUST_CHECK sm_err sm_mqtt_transport_read(sm_mqtt_transport *transport, void *bytes, size_t room,
                                            size_t *got, sm_mqtt_reason *reason);
/* Writes what the socket takes, perhaps nothing. After *sent < len the next call must begin with
 * the bytes that were not sent. The same errors. */
SM_MUST_CHECK sm_err sm_mqtt_transport_write(sm_mqtt_transport *transport, const void *bytes,
                                             size_t len, size_t *sent, sm_mqtt_reason *reason);

typedef struct sm_mqtt_events {
  bool readable; /* a read may give something, or the end */
  bool writable;
  bool woken;  /* wake_fd is readable */
  bool broken; /* the connection is gone; also seen without waiting to read */
} sm_mqtt_events;

/* Waits until one of the wanted things is possible or timeout_ms is over (then all are false). */
void sm_mqtt_transport_wait(sm_mqtt_transport *transport, bool read, bool write, int wake_fd,
                            int64_t timeout_ms, sm_mqtt_events *events);

#endif
