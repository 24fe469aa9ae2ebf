/* A connected non-blocking TCP socket: the lower half of a transport. */
#ifndef SM_MQTT_TCP_H
#define SM_MQTT_TCP_H

#include "mqtt/reason.h"

#include <poll.h>
#include <stdint.h>

/* See sm_mqtt_transport_open; the same errors. The caller closes *fd. */
SM_MUST_CHECK sm_err sm_mqtt_tcp_connect(const char *host, uint16_t port, int wake_fd,
                                         uint32_t timeout_ms, int *fd, sm_mqtt_reason *reason);

/* Waits for `wanted` (poll's bits) on fd until deadline_ms on the steady clock. SM_ERR_BUSY if
 * wake_fd became readable, SM_ERR_TIMEOUT. */
SM_MUST_CHECK sm_err sm_mqtt_tcp_await(int fd, short wanted, int wake_fd, int64_t deadline_ms);

#endif
